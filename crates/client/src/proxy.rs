//! The way out of a company: a forward proxy, asked for a tunnel (RFC 9110 section 9.3.6) or, for a request of plain
//! HTTP, for the answer itself (RFC 9112 section 3.2.2).

use crate::connection::Error;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use std::fmt;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use url::Url;

/// Bytes of the proxy's answer.
const HEAD: usize = 16 * 1024;

/// An HTTP forward proxy.
#[derive(Clone)]
pub struct Proxy {
    pub(crate) host: String,
    pub(crate) port: u16,
    /// The value of Proxy-Authorization.
    pub(crate) authorization: Option<String>,
}

impl Proxy {
    /// From an address such as `http://proxy.example:3128`; without a port, 80.
    ///
    /// # Errors
    /// [`Error::Address`]: it is none, or not that of an HTTP proxy, or has a name and password in it.
    pub fn new(address: &str) -> Result<Proxy, Error> {
        let url =
            Url::parse(address).map_err(|error| Error::Address(format!("the proxy's address: {error}")))?;
        if url.scheme() != "http" {
            return Err(Error::Address(format!("{}:// is no HTTP proxy", url.scheme())));
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err(Error::Address(
                "name and password of the proxy belong in with_credentials".to_owned(),
            ));
        }
        let host = url.host_str().unwrap_or_default().trim_matches(['[', ']']).to_owned();
        Ok(Proxy { host, port: url.port().unwrap_or(80), authorization: None })
    }

    /// With a name and a password (Basic, RFC 7617).
    #[must_use]
    pub fn with_credentials(mut self, name: &str, password: &str) -> Proxy {
        self.authorization = Some(format!("Basic {}", STANDARD.encode(format!("{name}:{password}"))));
        self
    }

    /// Asks for a tunnel to `target`, a host and a port.
    pub(crate) async fn tunnel(
        &self,
        stream: &mut (impl AsyncRead + AsyncWrite + Unpin),
        target: &str,
    ) -> Result<(), String> {
        let mut head = format!("CONNECT {target} HTTP/1.1\r\nHost: {target}\r\n");
        if let Some(authorization) = &self.authorization {
            head += &format!("Proxy-Authorization: {authorization}\r\n");
        }
        head += "\r\n";
        stream.write_all(head.as_bytes()).await.map_err(|error| format!("the proxy: {error}"))?;
        let mut answer = Vec::new();
        // Byte by byte: what comes after it is the server's.
        while !answer.ends_with(b"\r\n\r\n") {
            if answer.len() == HEAD {
                return Err("the proxy's answer does not end".to_owned());
            }
            answer.push(stream.read_u8().await.map_err(|error| format!("the proxy: {error}"))?);
        }
        let mut lines = [httparse::EMPTY_HEADER; 100];
        let mut response = httparse::Response::new(&mut lines);
        match response.parse(&answer).map(|_| response.code.unwrap_or_default()) {
            Ok(200..300) => Ok(()),
            Ok(status) => Err(format!("the proxy answered {status}")),
            Err(error) => Err(format!("the proxy's answer is no HTTP: {error}")),
        }
    }
}

impl fmt::Debug for Proxy {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Without its credentials.
        write!(out, "Proxy({}:{})", self.host, self.port)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn asked(proxy: &Proxy, answer: &[u8]) -> (Result<(), String>, String) {
        let (mut near, mut far) = tokio::io::duplex(64 * 1024);
        let mut head = vec![0; 1024];
        far.write_all(answer).await.unwrap();
        far.shutdown().await.unwrap();
        let outcome = proxy.tunnel(&mut near, "app.example:443").await;
        let read = far.read(&mut head).await.unwrap();
        (outcome, String::from_utf8_lossy(&head[..read]).into_owned())
    }

    #[tokio::test]
    async fn answers_of_proxies() {
        let proxy = Proxy::new("http://[::1]:3128/").unwrap();
        assert_eq!((proxy.host.as_str(), proxy.port), ("::1", 3128));
        let (outcome, head) = asked(&proxy, b"HTTP/1.1 200 Connection established\r\n\r\n").await;
        assert_eq!(
            (outcome, head.as_str()),
            (Ok(()), "CONNECT app.example:443 HTTP/1.1\r\nHost: app.example:443\r\n\r\n")
        );
        let with = proxy.clone().with_credentials("ann", "secret");
        let (outcome, head) =
            asked(&with, b"HTTP/1.1 407 Who are you\r\nProxy-Authenticate: Basic\r\n\r\n").await;
        assert_eq!(outcome, Err("the proxy answered 407".to_owned()));
        assert!(head.contains("\r\nProxy-Authorization: Basic YW5uOnNlY3JldA==\r\n"), "{head}");
        assert!(!format!("{with:?}").contains("YW5u"));
        for (answer, expected) in [
            (&b"SSH-2.0-OpenSSH\r\n\r\n"[..], "no HTTP"),
            (b"HTTP/1.1 200 OK\r\n", "the proxy: "),
            (&[b'x'; HEAD + 1], "does not end"),
        ] {
            let outcome = asked(&proxy, answer).await.0.unwrap_err();
            assert!(outcome.contains(expected), "{outcome}");
        }
    }

    #[test]
    fn addresses_that_are_no_proxy() {
        for (address, expected) in [
            ("proxy:3128", "is no HTTP proxy"),
            ("socks5://proxy", "is no HTTP proxy"),
            ("http://ann:secret@proxy", "with_credentials"),
            ("3128", "the proxy's address"),
        ] {
            let why = Proxy::new(address).unwrap_err().to_string();
            assert!(why.contains(expected) && !why.contains("secret"), "{why}");
        }
    }
}
