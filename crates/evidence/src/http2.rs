//! What HTTP/2 on the same port offers to WebSockets (RFC 8441).

use crate::Micros;
use serde::{Deserialize, Serialize};

/// One look at HTTP/2.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Http2 {
    /// The server chose `h2` when it was offered.
    pub negotiated: bool,
    /// SETTINGS say `ENABLE_CONNECT_PROTOCOL = 1` (RFC 8441 section 3).
    pub extended_connect: bool,
    /// What an extended CONNECT came to, where it was tried.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub answer: Option<Http2Answer>,
    /// What a plain GET for the page over HTTP/2 came to, where it was tried.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub get: Option<Http2Answer>,
    /// Time in all.
    pub took_us: Micros,
}

/// What an HTTP/2 request came to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Http2Answer {
    /// A status; 200 opens the WebSocket.
    Status(u16),
    /// `RST_STREAM` with this error name.
    StreamReset(String),
    /// The whole connection ended with this error name.
    ConnectionError(String),
    /// No answer in time.
    Silence,
}
