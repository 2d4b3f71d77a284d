//! What a forward proxy said.

use crate::{Micros, Reached, Response};
use serde::{Deserialize, Serialize};

/// One attempt to get through a forward proxy.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tunnel {
    /// The proxy, without credentials.
    pub proxy: String,
    /// `connect`, `socks5`, `forward`.
    pub mode: String,
    /// Where it was asked to go, as `host:port`.
    pub destination: String,
    /// What came of it.
    pub outcome: TunnelOutcome,
    /// Time to that outcome.
    pub took_us: Micros,
}

/// What came of a tunnel request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum TunnelOutcome {
    /// The proxy connected us.
    Open,
    /// The proxy's name does not resolve.
    NameNotResolved,
    /// The proxy itself was not reached.
    Unreached(Reached),
    /// An HTTP answer that is no success.
    Answered(Box<Response>),
    /// A SOCKS5 reply code other than 0 (RFC 1928 section 6).
    Socks(u8),
    /// A SOCKS proxy wants a way of authentication that we cannot give.
    SocksAuthentication,
    /// The proxy ended the connection.
    Ended,
    /// The proxy did not answer in time.
    Silence,
    /// It does not speak the protocol of a proxy.
    NotAProxy(String),
}
