//! The request whose route is looked for.

/// A handshake, as a hop sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    /// Host name, lower case, without the port.
    pub host: String,
    /// Port.
    pub port: u16,
    /// Over TLS.
    pub tls: bool,
    /// Path without the query.
    pub path: String,
}

impl Request {
    /// A request for the target of a case.
    #[must_use]
    pub fn to(target: &evidence::Target) -> Self {
        Self {
            host: target.host.to_ascii_lowercase(),
            port: target.port,
            tls: target.secure,
            path: target.bare_path().to_owned(),
        }
    }
}
