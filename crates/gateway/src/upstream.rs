//! The server behind: opens a connection, says the handshake, reads the answer. HTTP/1.1, with TLS or without.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::header::{CONNECTION, HOST, HeaderName, UPGRADE};
use http::{HeaderMap, HeaderValue, StatusCode};
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use url::Url;

/// Bytes of the answer's header.
const HEAD: usize = 32 * 1024;
/// Lines of it.
const LINES: usize = 100;
/// Bytes of a refusal's body that are passed on.
const BODY: usize = 64 * 1024;

/// Headers that belong to one hop, and those that the gateway sets itself.
const OWN: [HeaderName; 9] = [
    CONNECTION,
    UPGRADE,
    HOST,
    http::header::TE,
    http::header::TRAILER,
    http::header::TRANSFER_ENCODING,
    http::header::CONTENT_LENGTH,
    http::header::PROXY_AUTHORIZATION,
    HeaderName::from_static("keep-alive"),
];

/// Either kind of socket.
#[derive(Debug)]
pub(crate) enum Stream {
    Plain(TcpStream),
    Tls(Box<tokio_rustls::client::TlsStream<TcpStream>>),
}

/// What the backend answered.
pub(crate) enum Answer {
    /// It speaks WebSocket now; the bytes came along with its answer.
    Upgraded { headers: HeaderMap, stream: Stream, early: Vec<u8> },
    /// It does not want to.
    Refused { status: StatusCode, headers: HeaderMap, body: Vec<u8> },
}

/// Why there is no answer. The ids are those of `keepwire explain`.
#[derive(Debug)]
pub(crate) struct Unreachable {
    pub cause: &'static str,
    pub why: String,
}

/// Where the backend is, and how to speak to it.
pub(crate) struct Upstream {
    url: Url,
    tls: Option<TlsConnector>,
    timeout: Duration,
}

/// What is said of the client that the backend does not see.
pub(crate) struct Client<'a> {
    pub address: SocketAddr,
    pub host: &'a str,
    pub secure: bool,
    pub session: Option<&'a str>,
}

impl Upstream {
    pub(crate) fn new(url: Url, timeout: Duration) -> Upstream {
        let tls = matches!(url.scheme(), "wss" | "https").then(|| {
            let mut roots = rustls::RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() };
            roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
            let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
            let config = rustls::ClientConfig::builder_with_provider(provider)
                .with_safe_default_protocol_versions()
                .map(|builder| builder.with_root_certificates(roots).with_no_client_auth());
            config.map(|mut config| {
                config.alpn_protocols = vec![b"http/1.1".to_vec()];
                TlsConnector::from(Arc::new(config))
            })
        });
        Upstream { url, tls: tls.and_then(Result::ok), timeout }
    }

    /// Says the handshake with the client's own headers; `handshake` are those of RFC 6455 section 4.1.
    pub(crate) async fn open(
        &self,
        target: &str,
        headers: &HeaderMap,
        handshake: &[(&str, &[u8])],
        client: &Client<'_>,
    ) -> Result<Answer, Unreachable> {
        let work = async {
            let mut stream = self.connect().await?;
            let head = self.head(target, headers, handshake, client);
            stream.write_all(&head).await.map_err(|error| lost("upgrade-bad-gateway", &error))?;
            answer(stream).await
        };
        timeout(self.timeout, work).await.unwrap_or_else(|_| {
            Err(Unreachable {
                cause: "upgrade-never-answered",
                why: format!("the backend did not answer within {} ms", self.timeout.as_millis()),
            })
        })
    }

    async fn connect(&self) -> Result<Stream, Unreachable> {
        let host = self.url.host_str().unwrap_or_default().trim_matches(['[', ']']).to_owned();
        let port = self.url.port_or_known_default().unwrap_or(80);
        let stream = TcpStream::connect((host.as_str(), port))
            .await
            .map_err(|error| lost("upgrade-bad-gateway", &error))?;
        let _ = stream.set_nodelay(true);
        let Some(tls) = &self.tls else { return Ok(Stream::Plain(stream)) };
        let name = rustls_pki_types::ServerName::try_from(host)
            .map_err(|error| lost("tls-upstream-verify-failed", &error))?;
        let stream =
            tls.connect(name, stream).await.map_err(|error| lost("tls-upstream-verify-failed", &error))?;
        Ok(Stream::Tls(Box::new(stream)))
    }

    fn head(
        &self,
        target: &str,
        headers: &HeaderMap,
        handshake: &[(&str, &[u8])],
        client: &Client<'_>,
    ) -> Vec<u8> {
        let base = self.url.path().trim_end_matches('/');
        let mut out = format!("GET {base}{target} HTTP/1.1\r\nHost: {}\r\n", client.host).into_bytes();
        out.extend_from_slice(b"Upgrade: websocket\r\nConnection: Upgrade\r\n");
        for (name, value) in handshake {
            line(&mut out, name, value);
        }
        for (name, value) in headers {
            let word = name.as_str();
            let named_by_connection = headers
                .get_all(CONNECTION)
                .iter()
                .filter_map(|value| value.to_str().ok())
                .flat_map(|value| value.split(','))
                .any(|token| token.trim().eq_ignore_ascii_case(word));
            // What we say of the client is ours alone to say.
            let forwarded = ["forwarded", "x-real-ip"].contains(&word)
                || word.starts_with("x-forwarded-")
                || word.starts_with("x-keepwire-");
            if !OWN.contains(name)
                && !word.starts_with("sec-websocket-")
                && !forwarded
                && !named_by_connection
            {
                line(&mut out, word, value.as_bytes());
            }
        }
        let scheme: &[u8] = if client.secure { b"https" } else { b"http" };
        line(&mut out, "X-Forwarded-For", client.address.ip().to_string().as_bytes());
        line(&mut out, "X-Forwarded-Proto", scheme);
        line(&mut out, "X-Forwarded-Host", client.host.as_bytes());
        if let Some(session) = client.session {
            line(&mut out, "X-Keepwire-Session", session.as_bytes());
        }
        out.extend_from_slice(b"\r\n");
        out
    }
}

/// Header names as servers of old expect them: a capital after each hyphen.
fn line(out: &mut Vec<u8>, name: &str, value: &[u8]) {
    let mut start = true;
    for byte in name.bytes() {
        out.push(if start { byte.to_ascii_uppercase() } else { byte });
        start = byte == b'-';
    }
    out.extend_from_slice(b": ");
    out.extend_from_slice(value);
    out.extend_from_slice(b"\r\n");
}

fn lost(cause: &'static str, error: &impl std::fmt::Display) -> Unreachable {
    Unreachable { cause, why: error.to_string() }
}

async fn answer(mut stream: Stream) -> Result<Answer, Unreachable> {
    let mut bytes = Vec::with_capacity(1024);
    loop {
        let read = stream.read_buf(&mut bytes).await.map_err(|error| lost("upgrade-bad-gateway", &error))?;
        let mut lines = [httparse::EMPTY_HEADER; LINES];
        let mut response = httparse::Response::new(&mut lines);
        match response.parse(&bytes) {
            Ok(httparse::Status::Complete(length)) => {
                let status =
                    StatusCode::from_u16(response.code.unwrap_or(502)).unwrap_or(StatusCode::BAD_GATEWAY);
                let mut headers = HeaderMap::new();
                for line in response.headers.iter() {
                    if let (Ok(name), Ok(value)) =
                        (HeaderName::from_bytes(line.name.as_bytes()), HeaderValue::from_bytes(line.value))
                    {
                        headers.append(name, value);
                    }
                }
                let rest = bytes.get(length..).unwrap_or_default().to_vec();
                if status == StatusCode::SWITCHING_PROTOCOLS {
                    return Ok(Answer::Upgraded { headers, stream, early: rest });
                }
                if status.is_informational() {
                    bytes = rest;
                    continue;
                }
                let body = body(&mut stream, &headers, rest).await;
                return Ok(Answer::Refused { status, headers, body });
            }
            Ok(httparse::Status::Partial) if read > 0 && bytes.len() < HEAD => {}
            Ok(httparse::Status::Partial) => {
                let why = if read == 0 { "the backend hung up" } else { "the backend's header does not end" };
                return Err(Unreachable { cause: "upgrade-eof-before-response", why: why.to_owned() });
            }
            Err(error) => return Err(lost("upgrade-not-http", &error)),
        }
    }
}

/// The beginning of a refusal's body: enough to read what it says.
async fn body(stream: &mut Stream, headers: &HeaderMap, mut body: Vec<u8>) -> Vec<u8> {
    let number = |value: &HeaderValue| value.to_str().ok()?.trim().parse::<usize>().ok();
    let length = headers.get(http::header::CONTENT_LENGTH).and_then(number);
    let wanted = length.unwrap_or(BODY).min(BODY);
    // Chunks would have to be taken apart for a text that nobody reads.
    if headers.contains_key(http::header::TRANSFER_ENCODING) {
        return Vec::new();
    }
    let rest =
        async { while body.len() < wanted && stream.read_buf(&mut body).await.is_ok_and(|read| read > 0) {} };
    let _ = timeout(Duration::from_millis(500), rest).await;
    body.truncate(wanted);
    body
}

/// A key of our own (RFC 6455 section 4.1).
pub(crate) fn new_key() -> String {
    STANDARD.encode(crate::identity::random::<16>())
}

impl AsyncRead for Stream {
    fn poll_read(
        self: std::pin::Pin<&mut Self>,
        context: &mut std::task::Context<'_>,
        buffer: &mut tokio::io::ReadBuf<'_>,
    ) -> std::task::Poll<io::Result<()>> {
        match self.get_mut() {
            Stream::Plain(stream) => std::pin::Pin::new(stream).poll_read(context, buffer),
            Stream::Tls(stream) => std::pin::Pin::new(stream).poll_read(context, buffer),
        }
    }
}

impl AsyncWrite for Stream {
    fn poll_write(
        self: std::pin::Pin<&mut Self>,
        context: &mut std::task::Context<'_>,
        bytes: &[u8],
    ) -> std::task::Poll<io::Result<usize>> {
        match self.get_mut() {
            Stream::Plain(stream) => std::pin::Pin::new(stream).poll_write(context, bytes),
            Stream::Tls(stream) => std::pin::Pin::new(stream).poll_write(context, bytes),
        }
    }

    fn poll_flush(
        self: std::pin::Pin<&mut Self>,
        context: &mut std::task::Context<'_>,
    ) -> std::task::Poll<io::Result<()>> {
        match self.get_mut() {
            Stream::Plain(stream) => std::pin::Pin::new(stream).poll_flush(context),
            Stream::Tls(stream) => std::pin::Pin::new(stream).poll_flush(context),
        }
    }

    fn poll_shutdown(
        self: std::pin::Pin<&mut Self>,
        context: &mut std::task::Context<'_>,
    ) -> std::task::Poll<io::Result<()>> {
        match self.get_mut() {
            Stream::Plain(stream) => std::pin::Pin::new(stream).poll_shutdown(context),
            Stream::Tls(stream) => std::pin::Pin::new(stream).poll_shutdown(context),
        }
    }
}
