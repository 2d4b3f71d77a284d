//! An HTTPS record leads browsers to where programs never look.

use crate::reading::{answer, experiment};
use crate::{Confidence, Finding, Remedy, Symptom, Verdict, cause, names, text};
use evidence::{Evidence, HttpsRecord, Question, Reached, Resolved, Variation};
use std::net::IpAddr;

cause! {
    /// An HTTPS record leads browsers astray
    ///
    /// # What you see
    /// Browsers fail, every command line tool works: browsers read the HTTPS record of the name (RFC 9460, type 65), which
    /// can name another port and other addresses than the A and AAAA records.
    ///
    /// # Why it happens
    /// The record was made by hand or by a provider, and the server moved on without it: old addresses as hints, a port
    /// that nobody listens on.
    ///
    /// # What to do
    /// Correct the record, or remove it.
    ///
    /// # How to be sure
    /// `dig NAME HTTPS` (for a port of its own: `dig _PORT._https.NAME HTTPS`) shows a port or addresses that do not
    /// answer.
    "dns-https-record-misleads", Dns, judge
}

/// Where the record sends a browser, other than where the URL and the address records do.
enum Astray {
    Port(u16),
    Address(IpAddr),
}

fn judge(evidence: &Evidence) -> Verdict {
    let target = &evidence.case.target;
    if !target.secure || evidence.case.via.is_some() {
        return Verdict::Unseen;
    }
    // For a port of its own the record stands under a prefixed name (RFC 9460 section 2.3).
    let name = match target.port {
        443 => target.host.clone(),
        port => format!("_{port}._https.{}", target.host),
    };
    let found = evidence.resolutions().find_map(|seen| match &seen.fact.outcome {
        Resolved::Https(records) if seen.fact.name == name => Some((seen.id, astray(evidence, records)?)),
        _ => None,
    });
    let Some((id, astray)) = found else { return Verdict::Unseen };
    let (variation, there) = match &astray {
        Astray::Port(port) => (Variation { port: Some(*port), ..Variation::default() }, text!("port {port}", port = *port)),
        Astray::Address(address) => (Variation { address: Some(*address), ..Variation::default() }, text!("{address}", address = *address)),
    };
    // TCP tells most of it, and is the smaller look.
    if let Astray::Port(port) = astray {
        let connections = evidence.connections_to(port);
        let question = Question::Connect { port: Some(port) };
        if connections.is_empty() && !evidence.is_answered(&question) {
            return Verdict::Open(vec![question]);
        }
        if !connections.is_empty() && connections.iter().all(|seen| seen.outcome != Reached::Connected) {
            let ids: Vec<u32> = connections.iter().map(|seen| seen.id).collect();
            return finding(evidence, id, &there, &ids, text!("Nobody takes connections there."));
        }
    }
    let Some(seen) = evidence.exchange(&variation) else { return Verdict::Open(vec![Question::Upgrade(variation)]) };
    if experiment(evidence, &variation).is_some_and(|seen| seen.opened()) {
        return Verdict::RuledOut(text!("where the HTTPS record leads, the handshake gets 101 as well"));
    }
    finding(evidence, id, &there, &[seen.id], text!("The handshake there came to: {answer}.", answer = answer(&seen.fact.answer)))
}

fn finding(evidence: &Evidence, record: u32, there: &crate::Text, ids: &[u32], seen: crate::Text) -> Verdict {
    let host = evidence.case.target.host.as_str();
    Finding::warning(Confidence::Proven, text!("The HTTPS record of {host} sends browsers to {there}, which does not work", host = host, there = there.clone()))
        .explains(Symptom::BrowserRefused)
        .proof(&[record], text!("The HTTPS record (RFC 9460) names {there}.", there = there.clone()))
        .proof(ids, seen)
        .users(text!("Browsers that read the record: close code 1006 and net::ERR_CONNECTION_REFUSED or a time-out. Programs connect."))
        .remedy(Remedy::new(text!("Correct or remove the record")).command(format!("dig {host} HTTPS +short   # for a port of its own: _PORT._https.{host}")))
        .holds()
}

/// The best record (lowest priority above 0, RFC 9460 section 2.4.1), where it leads elsewhere.
fn astray(evidence: &Evidence, records: &[HttpsRecord]) -> Option<Astray> {
    let best = records.iter().filter(|record| record.priority > 0).min_by_key(|record| record.priority)?;
    if let Some(port) = best.port.filter(|port| *port != evidence.case.target.port) {
        return Some(Astray::Port(port));
    }
    let known = evidence.addresses();
    let strange = best.hints.iter().find(|hint| !known.contains(hint) && !names::is_private(**hint))?;
    (!best.hints.iter().any(|hint| known.contains(hint))).then_some(Astray::Address(*strange))
}

#[cfg(test)]
mod tests {
    use super::CAUSE;
    use crate::sample::{ADDRESS, Sample, asks, does_not_hold, holds};
    use evidence::{Answer, HttpsRecord, Reached, RecordKind, Resolved, Resolver, Variation};

    fn record(port: Option<u16>, hints: &[&str]) -> Sample {
        let hints = hints.iter().map(|hint| hint.parse().expect("an address")).collect();
        let record = HttpsRecord { priority: 1, target: ".".into(), alpn: vec!["h2".into()], port, hints, ech: false };
        Sample::wss().opens().resolution(Resolver::Server("192.0.2.53:53".into()), RecordKind::Https, Resolved::Https(vec![record]))
    }

    #[test]
    fn holds_where_the_record_leads_nowhere() {
        let port = record(Some(8443), &[]);
        assert_eq!(asks(&CAUSE, port.clone()).len(), 1);
        let _ = holds(&CAUSE, port.connection(ADDRESS, 8443, Reached::Refused));
        let address = record(None, &["198.51.100.7"]);
        assert_eq!(asks(&CAUSE, address.clone()).len(), 1);
        let there = Variation { address: Some("198.51.100.7".parse().expect("an address")), ..Variation::default() };
        let _ = holds(&CAUSE, address.exchange(there, Answer::NotSent("tcp".into())));
    }

    #[test]
    fn near_misses() {
        does_not_hold(&CAUSE, record(None, &[ADDRESS]));
        does_not_hold(&CAUSE, record(Some(443), &[]));
        let there = Variation { address: Some("198.51.100.7".parse().expect("an address")), ..Variation::default() };
        does_not_hold(&CAUSE, record(None, &["198.51.100.7"]).opens_with(there, |_| {}));
        does_not_hold(&CAUSE, Sample::wss().opens());
    }
}
