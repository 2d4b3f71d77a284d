//! Readings of names and addresses, shared by several causes.

use evidence::{Evidence, RecordKind, Resolver};
use std::net::IpAddr;

/// What this machine's resolver and the name servers say about the target, where both gave addresses.
#[derive(Debug)]
pub(crate) struct TwoAnswers {
    /// Of the system: hosts file, cache, resolver.
    pub here: Vec<IpAddr>,
    /// Of the name servers, asked directly.
    pub there: Vec<IpAddr>,
    /// The observations.
    pub ids: Vec<u32>,
}

/// Both answers, where they have no address in common.
pub(crate) fn disagreement(evidence: &Evidence) -> Option<TwoAnswers> {
    let mut answers = TwoAnswers { here: Vec::new(), there: Vec::new(), ids: Vec::new() };
    for seen in evidence.resolutions().filter(|seen| seen.record != RecordKind::Https) {
        let list = match seen.by {
            Resolver::System | Resolver::Hosts => &mut answers.here,
            Resolver::Server(_) => &mut answers.there,
            Resolver::Given | Resolver::Literal => continue,
        };
        if !seen.outcome.addresses().is_empty() {
            list.extend(seen.outcome.addresses());
            answers.ids.push(seen.id);
        }
    }
    let apart = !answers.here.is_empty()
        && !answers.there.is_empty()
        && !answers.here.iter().any(|address| answers.there.contains(address));
    apart.then_some(answers)
}

/// Loopback, link-local, private (RFC 1918, RFC 4193) or shared (RFC 6598): not for the public.
pub(crate) fn is_private(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => {
            address.is_loopback()
                || address.is_private()
                || address.is_link_local()
                || (address.octets()[0] == 100 && (64..128).contains(&address.octets()[1]))
        }
        IpAddr::V6(address) => {
            address.is_loopback() || address.is_unique_local() || address.is_unicast_link_local()
        }
    }
}

/// A host that only this machine or this network knows: loopback, a private address, a name without a dot, or one
/// of the zones that are reserved for local use (RFC 6761, RFC 6762, RFC 8375, and `.internal`).
pub(crate) fn is_local_host(host: &str) -> bool {
    if let Ok(address) = host.parse() {
        return is_private(address);
    }
    let name = host.trim_end_matches('.').to_ascii_lowercase();
    !name.contains('.')
        || [".localhost", ".local", ".internal", ".lan", ".home.arpa"].iter().any(|zone| name.ends_with(zone))
}

/// Addresses for a sentence: `192.0.2.1, 192.0.2.2, …`.
pub(crate) fn list(addresses: &[IpAddr]) -> String {
    let mut text = addresses.iter().take(3).map(ToString::to_string).collect::<Vec<_>>().join(", ");
    if addresses.len() > 3 {
        text.push_str(", …");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn local_hosts() {
        for (host, local) in [
            ("localhost", true),
            ("app", true),
            ("api.localhost", true),
            ("10.1.2.3", true),
            ("::1", true),
            ("nas.local", true),
            ("app.example.com", false),
            ("8.8.8.8", false),
        ] {
            assert_eq!(is_local_host(host), local, "{host}");
        }
    }
}
