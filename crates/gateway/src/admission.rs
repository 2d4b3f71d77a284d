//! Who may come in: Host, Origin, and how many at once. The same for every endpoint.

use crate::settings::{Access, Limits};
use http::HeaderMap;
use http::header::{HOST, ORIGIN};
use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError};
use url::Url;

/// Why somebody is not let in. The ids are those of `keepwire explain`, where there is one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Refusal {
    HostMissing,
    Host,
    Origin,
    Connections,
    Address,
}

impl Refusal {
    pub(crate) fn cause(self) -> &'static str {
        match self {
            Refusal::HostMissing | Refusal::Host => "app-host-not-allowed",
            Refusal::Origin => "app-origin-rejected",
            Refusal::Connections => "resource-socket-limit",
            Refusal::Address => "app-rate-limited",
        }
    }

    pub(crate) fn status(self) -> http::StatusCode {
        match self {
            Refusal::HostMissing => http::StatusCode::BAD_REQUEST,
            Refusal::Host => http::StatusCode::MISDIRECTED_REQUEST,
            Refusal::Origin => http::StatusCode::FORBIDDEN,
            Refusal::Connections => http::StatusCode::SERVICE_UNAVAILABLE,
            Refusal::Address => http::StatusCode::TOO_MANY_REQUESTS,
        }
    }

    pub(crate) fn says(self) -> &'static str {
        match self {
            Refusal::HostMissing => "the request has no Host",
            Refusal::Host => "this host name is not served here; add it to gateway.access.hosts",
            Refusal::Origin => "pages of this origin may not connect; add it to gateway.access.origins",
            Refusal::Connections => "too many connections (gateway.limits.connections)",
            Refusal::Address => "too many connections of this address (gateway.limits.per_address)",
        }
    }
}

/// Checks Host, then Origin.
pub(crate) fn admit(
    access: &Access,
    listen: SocketAddr,
    secure: bool,
    headers: &HeaderMap,
    authority: Option<&str>,
) -> Result<(), Refusal> {
    let host = authority.or_else(|| headers.get(HOST)?.to_str().ok()).ok_or(Refusal::HostMissing)?;
    let Ok(own) = Url::parse(&format!("{}://{host}/", if secure { "https" } else { "http" })) else {
        return Err(Refusal::HostMissing);
    };
    let name = own.host_str().unwrap_or_default();
    let named = access.hosts.iter().any(|allowed| allowed.eq_ignore_ascii_case(name));
    let loopback = name == "localhost"
        || name.ends_with(".localhost")
        || name.trim_matches(['[', ']']).parse::<IpAddr>().is_ok_and(|address| address.is_loopback());
    // A page of any name can be pointed at 127.0.0.1: what listens there answers to loopback's own names only.
    let allowed = if access.hosts.is_empty() { !listen.ip().is_loopback() || loopback } else { named };
    if !allowed {
        return Err(Refusal::Host);
    }
    let Some(origin) = headers.get(ORIGIN) else { return Ok(()) };
    let origin = origin.to_str().map_err(|_| Refusal::Origin)?;
    let same = own.origin().ascii_serialization() == origin;
    // Behind something that ends TLS, the page is https where we see http.
    let behind_tls = !secure && origin.strip_prefix("https://") == Some(host);
    let listed = access.origins.iter().any(|allowed| allowed == "*" || allowed == origin);
    if same || behind_tls || listed { Ok(()) } else { Err(Refusal::Origin) }
}

/// Counts open connections.
#[derive(Debug, Default)]
pub(crate) struct Gate {
    counts: Mutex<Counts>,
}

#[derive(Debug, Default)]
struct Counts {
    all: usize,
    by_address: HashMap<IpAddr, usize>,
}

/// A connection that was let in; makes room when it is dropped.
#[derive(Debug)]
pub(crate) struct Pass {
    gate: Arc<Gate>,
    address: IpAddr,
}

impl Gate {
    pub(crate) fn enter(self: &Arc<Gate>, limits: &Limits, address: IpAddr) -> Result<Pass, Refusal> {
        let mut counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        if counts.all >= limits.connections {
            return Err(Refusal::Connections);
        }
        let own = counts.by_address.entry(address).or_default();
        if *own >= limits.per_address && !address.is_loopback() {
            return Err(Refusal::Address);
        }
        *own += 1;
        counts.all += 1;
        Ok(Pass { gate: Arc::clone(self), address })
    }
}

impl Drop for Pass {
    fn drop(&mut self) {
        let mut counts = self.gate.counts.lock().unwrap_or_else(PoisonError::into_inner);
        counts.all = counts.all.saturating_sub(1);
        if let Some(own) = counts.by_address.get_mut(&self.address) {
            *own -= 1;
            if *own == 0 {
                counts.by_address.remove(&self.address);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_and_origins() {
        let listed = Access { origins: vec!["https://app.example".into()], hosts: vec![] };
        let named = Access { origins: vec![], hosts: vec!["ws.example".into()] };
        let open = Access { origins: vec!["*".into()], hosts: vec![] };
        let none = Access::default();
        let (local, all) = ("127.0.0.1:8000", "0.0.0.0:8000");
        for (access, listen, host, origin, expected) in [
            (&none, local, Some("localhost:8000"), None, Ok(())),
            (&none, local, Some("[::1]:8000"), Some("http://[::1]:8000"), Ok(())),
            (&none, local, Some("evil.example:8000"), None, Err(Refusal::Host)),
            (&none, local, None, None, Err(Refusal::HostMissing)),
            (&none, local, Some("localhost:8000"), Some("http://localhost:8000"), Ok(())),
            (&none, local, Some("localhost:8000"), Some("http://localhost:9000"), Err(Refusal::Origin)),
            (&none, local, Some("localhost:8000"), Some("null"), Err(Refusal::Origin)),
            (&none, all, Some("ws.example"), Some("https://ws.example"), Ok(())),
            (&none, all, Some("ws.example"), Some("https://ws.example.evil"), Err(Refusal::Origin)),
            (&none, all, Some("ws.example"), Some("https://app.example"), Err(Refusal::Origin)),
            (&listed, all, Some("ws.example"), Some("https://app.example"), Ok(())),
            (&listed, all, Some("ws.example"), Some("http://app.example"), Err(Refusal::Origin)),
            (&named, all, Some("WS.example:80"), None, Ok(())),
            (&named, all, Some("other.example"), None, Err(Refusal::Host)),
            (&open, all, Some("ws.example"), Some("null"), Ok(())),
        ] {
            let mut headers = HeaderMap::new();
            if let Some(host) = host {
                headers.insert(HOST, host.parse().unwrap());
            }
            if let Some(origin) = origin {
                headers.insert(ORIGIN, origin.parse().unwrap());
            }
            let got = admit(access, listen.parse().unwrap(), false, &headers, None);
            assert_eq!(got, expected, "{access:?} {listen} {host:?} {origin:?}");
        }
    }

    #[test]
    fn connections_are_counted_and_given_back() {
        let gate = Arc::new(Gate::default());
        let limits = Limits { connections: 2, per_address: 1, ..Limits::default() };
        let address: IpAddr = "192.0.2.1".parse().unwrap();
        let pass = gate.enter(&limits, address).unwrap();
        assert_eq!(gate.enter(&limits, address).unwrap_err(), Refusal::Address);
        let _other = gate.enter(&limits, "192.0.2.2".parse().unwrap()).unwrap();
        assert_eq!(gate.enter(&limits, "192.0.2.3".parse().unwrap()).unwrap_err(), Refusal::Connections);
        drop(pass);
        assert!(gate.enter(&limits, address).is_ok());
    }
}
