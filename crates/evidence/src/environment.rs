//! What this machine is like, as far as it matters to a connection.

use serde::{Deserialize, Serialize};

/// The client's side before any packet is sent.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Environment {
    /// The local clock, seconds since 1970 UTC.
    pub unix_seconds: i64,
    /// There is a route to public IPv4 addresses.
    pub route_v4: bool,
    /// There is a route to public IPv6 addresses.
    pub route_v6: bool,
    /// Proxy variables that are set, in both spellings.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub proxies: Vec<ProxyVariable>,
    /// The value of `NO_PROXY` or `no_proxy`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub no_proxy: Option<String>,
    /// `NO_PROXY` excludes the target.
    #[serde(default)]
    pub target_excluded: bool,
    /// Certificates in the system's trust store; none: it was not needed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub system_roots: Option<usize>,
    /// Name of the operating system.
    pub os: String,
}

impl Environment {
    /// The variable that a client which honours the environment would use for the target.
    #[must_use]
    pub fn proxy_for(&self, secure: bool) -> Option<&ProxyVariable> {
        if self.target_excluded {
            return None;
        }
        let wanted: &[&str] =
            if secure { &["https_proxy", "all_proxy"] } else { &["http_proxy", "all_proxy"] };
        wanted
            .iter()
            .find_map(|name| self.proxies.iter().find(|proxy| proxy.name.eq_ignore_ascii_case(name)))
            .filter(|proxy| !proxy.value.is_empty())
    }
}

/// One proxy variable of the environment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProxyVariable {
    /// As it is spelled there.
    pub name: String,
    /// Without credentials.
    pub value: String,
}
