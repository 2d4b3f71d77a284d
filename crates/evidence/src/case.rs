//! What the user asked about, and under which conditions.

use crate::{Micros, Target};
use serde::{Deserialize, Serialize};

/// The subject of a case: everything that was chosen before the first question was asked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Case {
    /// The address.
    pub target: Target,
    /// When the case began, microseconds since 1970 UTC.
    pub started_at_unix_us: u64,
    /// The `Origin` that the handshake carries.
    #[serde(default)]
    pub origin: Origin,
    /// The page that opens the socket.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub page: Option<String>,
    /// Subprotocols to offer, in order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub subprotocols: Vec<String>,
    /// Names of the extra request headers that the user gave; their values stay with the user.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub header_names: Vec<String>,
    /// The forward proxy that the user asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub via: Option<Via>,
    /// Try the handshake as a browser sends it, too.
    #[serde(default)]
    pub as_browser: bool,
    /// How long to stay silent after the connection is open.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hold_us: Option<Micros>,
    /// The largest message to try, in bytes; none: no size ladder.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub size: Option<u64>,
    /// Time for everything but the hold.
    pub budget_us: Micros,
    /// Which address families to use.
    #[serde(default)]
    pub family: Family,
    /// The host or address to connect to instead of the target's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub connect_to: Option<String>,
    /// The address for the name was given by the user.
    #[serde(default)]
    pub resolve_given: bool,
    /// A root certificate was given by the user.
    #[serde(default)]
    pub own_roots: bool,
    /// A client certificate was given by the user.
    #[serde(default)]
    pub client_certificate: bool,
    /// The user wants certificates not to be judged.
    #[serde(default)]
    pub insecure: bool,
}

impl Case {
    /// A case about `target` with everything else as it is when nothing was chosen.
    #[must_use]
    pub fn new(target: Target) -> Self {
        Self {
            target,
            started_at_unix_us: 0,
            origin: Origin::None,
            page: None,
            subprotocols: Vec::new(),
            header_names: Vec::new(),
            via: None,
            as_browser: false,
            hold_us: None,
            size: None,
            budget_us: 10_000_000,
            family: Family::Any,
            connect_to: None,
            resolve_given: false,
            own_roots: false,
            client_certificate: false,
            insecure: false,
        }
    }

    /// Whether the user gave a header of this name.
    #[must_use]
    pub fn has_header(&self, name: &str) -> bool {
        self.header_names.iter().any(|given| given.eq_ignore_ascii_case(name))
    }

    /// The origin of the page that opens the socket, where one is known: `--origin`, or `--page`'s.
    #[must_use]
    pub fn page_origin(&self) -> Option<String> {
        if let Origin::Given(origin) = &self.origin {
            return Some(origin.clone());
        }
        let page = url::Url::parse(self.page.as_deref()?).ok()?;
        Some(page.origin().ascii_serialization())
    }
}

/// What the handshake says about its origin.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Origin {
    /// No `Origin` header, as programs do.
    #[default]
    None,
    /// This value.
    Given(String),
}

/// A forward proxy to go through.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Via {
    /// Its address, without credentials.
    pub url: String,
    /// How to ask it.
    #[serde(default)]
    pub mode: ViaMode,
    /// The address came from an environment variable of this name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub variable: Option<String>,
    /// Credentials are at hand.
    #[serde(default)]
    pub credentials: bool,
}

/// How a forward proxy is asked for the connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ViaMode {
    /// CONNECT for http proxies, SOCKS for socks proxies.
    #[default]
    Auto,
    /// `CONNECT host:port` (RFC 9110 section 9.3.6).
    Connect,
    /// The handshake itself with an absolute URI (RFC 9112 section 3.2.2), as old clients do for `ws://`.
    Forward,
}

/// Address families to use.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Family {
    /// Both.
    #[default]
    Any,
    /// IPv4 only.
    V4,
    /// IPv6 only.
    V6,
}
