//! This machine: routes, clock, proxy variables.

use crate::{Observer, Probe};
use evidence::{Environment, Fact, Place, ProxyVariable};
use std::net::{Ipv4Addr, Ipv6Addr};

/// Addresses that are only looked up in the routing table, never spoken to: root name servers, because every
/// public route covers them.
const PUBLIC_V4: Ipv4Addr = Ipv4Addr::new(198, 41, 0, 4);
const PUBLIC_V6: Ipv6Addr = Ipv6Addr::new(0x2001, 0x503, 0xba3e, 0, 0, 0, 2, 0x30);

pub(crate) async fn look(probe: &Probe, observer: &Observer) {
    let settings = probe.settings();
    let variables = &settings.proxy_variables;
    let no_proxy = variables
        .iter()
        .find(|(name, _)| name.eq_ignore_ascii_case("no_proxy"))
        .map(|(_, value)| value.clone());
    let environment = Environment {
        unix_seconds: i64::try_from(settings.case.started_at_unix_us / 1_000_000).unwrap_or(0),
        route_v4: probe.net.has_route(PUBLIC_V4.into()),
        route_v6: probe.net.has_route(PUBLIC_V6.into()),
        proxies: variables
            .iter()
            .filter(|(name, _)| !name.eq_ignore_ascii_case("no_proxy"))
            .map(|(name, value)| ProxyVariable { name: name.clone(), value: settings.redactor.url(value) })
            .collect(),
        target_excluded: no_proxy
            .as_deref()
            .is_some_and(|list| excludes(list, &settings.case.target.host, settings.case.target.port)),
        no_proxy,
        system_roots: probe.roots.system_count(),
        os: std::env::consts::OS.to_owned(),
    };
    observer.saw(Place::Client, Fact::Environment(environment));
}

/// Whether a `NO_PROXY` list covers a host, as curl reads it: names cover their subdomains, `*` covers all.
#[must_use]
pub fn excludes(list: &str, host: &str, port: u16) -> bool {
    let host = host.to_ascii_lowercase();
    list.split([',', ' ']).map(str::trim).filter(|entry| !entry.is_empty()).any(|entry| {
        if entry == "*" {
            return true;
        }
        let entry = entry.to_ascii_lowercase();
        let (name, wanted) = match entry.rsplit_once(':') {
            Some((name, digits)) if digits.parse::<u16>().is_ok() && !name.contains(':') => {
                (name, digits.parse().ok())
            }
            _ => (entry.as_str(), None),
        };
        if wanted.is_some_and(|wanted: u16| wanted != port) {
            return false;
        }
        let name = name.trim_start_matches("*.").trim_start_matches('.').trim_matches(['[', ']']);
        host == name
            || host.strip_suffix(name).is_some_and(|rest| rest.ends_with('.'))
            || in_network(name, &host)
    })
}

/// `10.0.0.0/8` and the like.
fn in_network(network: &str, host: &str) -> bool {
    let Some((base, bits)) = network.split_once('/') else { return false };
    let (Ok(base), Ok(bits), Ok(host)) =
        (base.parse::<std::net::IpAddr>(), bits.parse::<u32>(), host.parse::<std::net::IpAddr>())
    else {
        return false;
    };
    match (base, host) {
        (std::net::IpAddr::V4(base), std::net::IpAddr::V4(host)) if bits <= 32 => {
            let mask = u32::MAX.checked_shl(32 - bits).unwrap_or(0);
            u32::from(base) & mask == u32::from(host) & mask
        }
        (std::net::IpAddr::V6(base), std::net::IpAddr::V6(host)) if bits <= 128 => {
            let mask = u128::MAX.checked_shl(128 - bits).unwrap_or(0);
            u128::from(base) & mask == u128::from(host) & mask
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_of_the_wild() {
        for (list, host, port, covered) in [
            ("localhost,.corp.example", "app.corp.example", 443, true),
            ("corp.example", "app.corp.example", 443, true),
            ("corp.example", "corp.example", 443, true),
            ("corp.example", "notcorp.example", 443, false),
            ("*", "anything", 1, true),
            ("10.0.0.0/8", "10.1.2.3", 80, true),
            ("10.0.0.0/8", "11.1.2.3", 80, false),
            ("fd00::/8", "fd12::1", 80, true),
            ("app.example:8080", "app.example", 8080, true),
            ("app.example:8080", "app.example", 443, false),
            ("", "app.example", 443, false),
        ] {
            assert_eq!(excludes(list, host, port), covered, "{list} {host}:{port}");
        }
    }
}
