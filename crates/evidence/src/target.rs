//! The address of a WebSocket, as people write it.

use serde::{Deserialize, Serialize};
use std::fmt;
use std::net::IpAddr;

/// Where the WebSocket is: scheme, host, port, path.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Target {
    /// `wss` rather than `ws`.
    pub secure: bool,
    /// Host name in ASCII form, or an address literal without brackets.
    pub host: String,
    /// TCP port.
    pub port: u16,
    /// Path with its query, beginning with `/`.
    pub path: String,
    /// What the user wrote differs from what is tried in ways that a browser would refuse.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub oddities: Vec<String>,
}

/// Why a text is no address of a WebSocket.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum TargetError {
    /// Nothing was given.
    Empty,
    /// The scheme is none of ws, wss, http, https.
    Scheme(String),
    /// The rest does not parse; the reason is the URL parser's.
    Malformed(String),
    /// No host in it.
    NoHost,
    /// A host, port or path that cannot be sent.
    BadPort(String),
}

impl fmt::Display for TargetError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Empty => write!(f, "the address is empty"),
            Self::Scheme(scheme) => write!(f, "the scheme \"{scheme}\" is not ws, wss, http or https"),
            Self::Malformed(why) => write!(f, "the address does not parse: {why}"),
            Self::NoHost => write!(f, "the address has no host"),
            Self::BadPort(port) => write!(f, "\"{port}\" is not a port"),
        }
    }
}

impl std::error::Error for TargetError {}

impl Target {
    /// Reads `wss://host/path`, and the short forms that people type: `:8080/ws`, `host:8080/ws`,
    /// `//host/ws`, `http(s)://…` (what the page's own address bar says).
    ///
    /// # Errors
    /// Says what is wrong with the text.
    pub fn parse(text: &str) -> Result<Self, TargetError> {
        let text = text.trim();
        if text.is_empty() {
            return Err(TargetError::Empty);
        }
        let full = complete(text)?;
        let url = url::Url::parse(&full).map_err(|error| TargetError::Malformed(error.to_string()))?;
        let secure = match url.scheme() {
            "wss" | "https" => true,
            "ws" | "http" => false,
            other => return Err(TargetError::Scheme(other.to_owned())),
        };
        let host = match url.host() {
            Some(url::Host::Domain(name)) if !name.is_empty() => name.to_owned(),
            Some(url::Host::Ipv4(address)) => address.to_string(),
            Some(url::Host::Ipv6(address)) => address.to_string(),
            _ => return Err(TargetError::NoHost),
        };
        let port = url.port_or_known_default().unwrap_or(if secure { 443 } else { 80 });
        if port == 0 {
            return Err(TargetError::BadPort("0".to_owned()));
        }
        let mut path = url.path().to_owned();
        if path.is_empty() {
            path.push('/');
        }
        if let Some(query) = url.query() {
            path.push('?');
            path.push_str(query);
        }
        let mut oddities = Vec::new();
        if url.fragment().is_some() {
            oddities.push("fragment".to_owned());
        }
        if !url.username().is_empty() || url.password().is_some() {
            oddities.push("credentials".to_owned());
        }
        Ok(Self { secure, host, port, path, oddities })
    }

    /// The address as a URL; the port stands only where it is not the scheme's own.
    #[must_use]
    pub fn url(&self) -> String {
        format!("{}://{}{}", self.scheme(), self.authority(), self.path)
    }

    /// `ws` or `wss`.
    #[must_use]
    pub fn scheme(&self) -> &'static str {
        if self.secure { "wss" } else { "ws" }
    }

    /// Host for a `Host` header: brackets around IPv6, port unless it is the scheme's own
    /// (RFC 9110 section 7.2).
    #[must_use]
    pub fn authority(&self) -> String {
        let host = self.bracketed_host();
        if self.port == self.default_port() { host } else { format!("{host}:{}", self.port) }
    }

    /// The host, in brackets where it is an IPv6 literal.
    #[must_use]
    pub fn bracketed_host(&self) -> String {
        if self.host.contains(':') { format!("[{}]", self.host) } else { self.host.clone() }
    }

    /// 443 for wss, 80 for ws.
    #[must_use]
    pub fn default_port(&self) -> u16 {
        if self.secure { 443 } else { 80 }
    }

    /// The host, where it is an address literal.
    #[must_use]
    pub fn address(&self) -> Option<IpAddr> {
        self.host.parse().ok()
    }

    /// The origin of a page that is served from the same place: `https://host[:port]`.
    #[must_use]
    pub fn own_origin(&self) -> String {
        format!("{}://{}", if self.secure { "https" } else { "http" }, self.authority())
    }

    /// The path without its query.
    #[must_use]
    pub fn bare_path(&self) -> &str {
        self.path.split('?').next().unwrap_or("/")
    }

    /// Whether the host is this machine.
    #[must_use]
    pub fn is_loopback(&self) -> bool {
        self.host == "localhost"
            || self.host.ends_with(".localhost")
            || self.address().is_some_and(|address| address.is_loopback())
    }
}

/// Adds what a short form leaves out.
fn complete(text: &str) -> Result<String, TargetError> {
    if let Some(rest) = text.strip_prefix("//") {
        return Ok(format!("wss://{rest}"));
    }
    if text.contains("://") {
        return Ok(text.to_owned());
    }
    if let Some(rest) = text.strip_prefix(':') {
        let port = rest.split(['/', '?', '#']).next().unwrap_or_default();
        port.parse::<u16>().map_err(|_| TargetError::BadPort(port.to_owned()))?;
        return Ok(format!("ws://localhost:{rest}"));
    }
    let host = text.split(['/', '?', '#']).next().unwrap_or_default();
    let local = host.starts_with("localhost") || host.starts_with("127.") || host.starts_with("[::1]");
    // A name alone is most often a public one, and public sockets are wss; on this machine they are not.
    Ok(format!("{}://{text}", if local { "ws" } else { "wss" }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_people_type() {
        for (typed, url) in [
            ("wss://chat.example.com/ws", "wss://chat.example.com/ws"),
            ("WSS://Chat.Example.COM:443/ws?a=1", "wss://chat.example.com/ws?a=1"),
            ("ws://h:80", "ws://h/"),
            (":8080/ws", "ws://localhost:8080/ws"),
            ("localhost:3000", "ws://localhost:3000/"),
            ("127.0.0.1:1/x", "ws://127.0.0.1:1/x"),
            ("[::1]:9/x", "ws://[::1]:9/x"),
            ("chat.example.com/ws", "wss://chat.example.com/ws"),
            ("//h/ws", "wss://h/ws"),
            ("https://h/ws", "wss://h/ws"),
            ("http://h:8080/ws", "ws://h:8080/ws"),
            ("ws://[2001:db8::1]:8080/", "ws://[2001:db8::1]:8080/"),
            ("wss://例子.example/ws", "wss://xn--fsqu00a.example/ws"),
        ] {
            assert_eq!(Target::parse(typed).map(|target| target.url()), Ok(url.to_owned()), "{typed}");
        }
    }

    #[test]
    fn what_is_no_address_says_why() {
        for (typed, error) in [
            ("", TargetError::Empty),
            ("ftp://h/", TargetError::Scheme("ftp".into())),
            (":http", TargetError::BadPort("http".into())),
            (":99999/", TargetError::BadPort("99999".into())),
            ("ws://h:0/", TargetError::BadPort("0".into())),
        ] {
            assert_eq!(Target::parse(typed), Err(error), "{typed}");
        }
        assert!(matches!(Target::parse("ws://"), Err(TargetError::Malformed(_))));
        assert!(matches!(Target::parse("ws://a b/"), Err(TargetError::Malformed(_))));
    }

    #[test]
    fn oddities_are_kept() {
        let target = Target::parse("ws://user:secret@h/ws#part").expect("it parses");
        assert_eq!(target.oddities, ["fragment", "credentials"]);
        assert_eq!(target.url(), "ws://h/ws");
    }
}
