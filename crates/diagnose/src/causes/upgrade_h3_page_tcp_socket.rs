//! The page comes over HTTP/3, the socket needs TCP.

use crate::{Confidence, Finding, Remedy, Stack, Verdict, cause, text};
use evidence::{Evidence, Reached, Resolved};

cause! {
    /// The page comes over HTTP/3, and TCP to the same port does not get through
    ///
    /// # What you see
    /// The page loads, `wss://` to the same host times out or is refused. Without QUIC the page fails too.
    ///
    /// # Why it happens
    /// Browsers load pages over HTTP/3 (UDP 443) and open sockets over TCP: none of them does RFC 9220 yet. A
    /// firewall opens only UDP 443, or TCP 443 ends somewhere else.
    ///
    /// # What to do
    /// Open TCP 443 to the same server.
    ///
    /// # How to be sure
    /// TCP to the port fails while the host announces `h3` (`Alt-Svc`, or an HTTPS record in DNS).
    "upgrade-h3-page-tcp-socket", Upgrade, judge
}

fn judge(evidence: &Evidence) -> Verdict {
    let target = &evidence.case.target;
    if !target.secure {
        return Verdict::Unseen;
    }
    let attempts = evidence.connections_to(target.port);
    if attempts.is_empty() || attempts.iter().any(|seen| seen.outcome == Reached::Connected) {
        return Verdict::Unseen;
    }
    let by_dns = evidence.resolutions().find(|seen| match &seen.fact.outcome {
        Resolved::Https(records) => records.iter().any(|record| record.alpn.iter().any(|name| name == "h3")),
        _ => false,
    });
    let by_page = evidence.page().filter(|page| page.alt_svc.as_deref().is_some_and(|value| value.contains("h3=")));
    let Some(id) = by_dns.map(|seen| seen.id).or(by_page.map(|seen| seen.id)) else { return Verdict::Unseen };
    let ids: Vec<u32> = attempts.iter().map(|seen| seen.id).collect();
    Finding::error(Confidence::Possible, text!("Pages of this host may come over HTTP/3 (UDP); the socket needs TCP, and TCP does not get through"))
        .explains(crate::Symptom::NotReached)
        .proof(&ids, text!("No TCP connection to port {port} came about.", port = target.port))
        .proof(&[id], text!("The host announces HTTP/3 (h3), which browsers use for pages and not for sockets."))
        .remedy(Remedy::for_stack(
            Stack::Linux,
            text!("Open TCP on the same port, not only UDP"),
            format!("nft add rule inet filter input tcp dport {} accept", target.port),
        ))
        .would_tell(text!("Switch QUIC off in the browser: if the page then fails as well, this is it."))
        .holds()
}

#[cfg(test)]
mod tests {
    use super::CAUSE;
    use crate::sample::{ADDRESS, Sample, does_not_hold, holds};
    use evidence::{HttpsRecord, Reached, RecordKind, Resolved, Resolver};

    fn record(alpn: &str) -> Resolved {
        Resolved::Https(vec![HttpsRecord {
            priority: 1,
            target: ".".into(),
            alpn: vec![alpn.into()],
            port: None,
            hints: Vec::new(),
            ech: false,
        }])
    }

    fn unreached(alpn: &str, outcome: Reached) -> Sample {
        Sample::bare("wss://app.example/ws")
            .resolves(&[ADDRESS])
            .resolution(Resolver::Server("192.0.2.53:53".into()), RecordKind::Https, record(alpn))
            .connection(ADDRESS, 443, outcome)
    }

    #[test]
    fn holds_where_h3_is_announced_and_tcp_fails() {
        let _ = holds(&CAUSE, unreached("h3", Reached::Silence));
        does_not_hold(&CAUSE, unreached("h2", Reached::Silence));
        does_not_hold(&CAUSE, unreached("h3", Reached::Connected));
    }
}
