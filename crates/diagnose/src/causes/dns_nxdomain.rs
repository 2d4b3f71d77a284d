//! The name does not exist, or has no address.

use crate::{Confidence, Finding, Remedy, Symptom, Verdict, cause, text};
use evidence::{Evidence, RecordKind, Resolved, Resolver};

cause! {
    /// The name does not exist
    ///
    /// # What you see
    /// `ENOTFOUND`, "Name or service not known", "nodename nor servname provided", `net::ERR_NAME_NOT_RESOLVED`.
    ///
    /// # Why it happens
    /// A typing error; a record that was never made, or was made in another zone; an internal name that is asked for from
    /// outside, or without the search domain that completes it.
    ///
    /// # What to do
    /// Correct the name in the URL, or create its A and AAAA record.
    ///
    /// # How to be sure
    /// `dig NAME` says `NXDOMAIN` at your resolver and at a public one. If only one of them says so, inside and outside
    /// see different zones.
    "dns-nxdomain", Dns, judge
}

fn judge(evidence: &Evidence) -> Verdict {
    if evidence.case.via.is_some() || !evidence.addresses().is_empty() {
        return Verdict::Unseen;
    }
    let missing = |outcome: &Resolved| matches!(outcome, Resolved::NoSuchName | Resolved::NoData);
    let system = evidence.resolutions().find(|seen| !matches!(seen.by, Resolver::Server(_)) && missing(&seen.outcome));
    let Some(system) = system else { return Verdict::Unseen };
    let servers: Vec<_> = evidence
        .resolutions()
        .filter(|seen| matches!(seen.by, Resolver::Server(_)) && seen.record != RecordKind::Https)
        .collect();
    if servers.iter().any(|seen| !seen.outcome.addresses().is_empty()) {
        return Verdict::RuledOut(text!("a name server does give an address for it"));
    }
    let confirmed: Vec<u32> = servers.iter().filter(|seen| missing(&seen.outcome)).map(|seen| seen.id).collect();
    let exists = system.outcome == Resolved::NoData || servers.iter().any(|seen| seen.outcome == Resolved::NoData);
    let name = system.name.as_str();
    let title = if exists {
        text!("The name {name} has no address", name = name)
    } else {
        text!("The name {name} does not exist", name = name)
    };
    let confidence = if confirmed.is_empty() { Confidence::Likely } else { Confidence::Proven };
    let mut finding = Finding::error(confidence, title)
        .explains(Symptom::NameNotResolved)
        .proof(
            &[system.id],
            if exists {
                text!("The resolver knows the name, but no address for it.")
            } else {
                text!("The resolver says that there is no such name.")
            },
        )
        .not(text!("a firewall or the server: nothing was connected to yet"))
        .users(text!("Browsers: close code 1006 and net::ERR_NAME_NOT_RESOLVED. Node.js: ENOTFOUND."))
        .remedy(Remedy::new(text!("Compare the name with the one that you meant; look at the zone")).command(format!("dig {name} A +short; dig {name} AAAA +short; dig {name} SOA")))
        .remedy(Remedy::new(text!("Create an A record (and AAAA, if the server has IPv6), or correct the host in the URL")))
        .yields_to(&["client-offline", "dns-split-horizon"]);
    if !confirmed.is_empty() {
        finding = finding
            .proof(&confirmed, text!("The name server itself, asked directly, says the same."))
            .not(text!("a broken resolver: it answers"));
    }
    if !name.contains('.') {
        finding = finding.proof(&[system.id], text!("The name has no dot: without a search domain on this machine it means nothing."));
    }
    finding.holds()
}

#[cfg(test)]
mod tests {
    use super::CAUSE;
    use crate::Confidence;
    use crate::sample::{ADDRESS, Sample, does_not_hold, holds};
    use evidence::{RecordKind, Resolved, Resolver};

    fn system(outcome: Resolved) -> Sample {
        Sample::bare("ws://chta.example/ws").resolution(Resolver::System, RecordKind::Addresses, outcome)
    }

    fn server(sample: Sample, outcome: Resolved) -> Sample {
        sample.resolution(Resolver::Server("192.0.2.53:53".into()), RecordKind::A, outcome)
    }

    #[test]
    fn holds_where_nobody_knows_the_name() {
        assert_eq!(holds(&CAUSE, system(Resolved::NoSuchName)).confidence, Confidence::Likely);
        let both = server(system(Resolved::NoSuchName), Resolved::NoSuchName);
        assert_eq!(holds(&CAUSE, both).confidence, Confidence::Proven);
        assert!(holds(&CAUSE, system(Resolved::NoData)).title.english().contains("no address"));
    }

    #[test]
    fn near_misses() {
        let address = Resolved::Addresses(vec![ADDRESS.parse().expect("an address")]);
        does_not_hold(&CAUSE, server(system(Resolved::NoSuchName), address));
        does_not_hold(&CAUSE, system(Resolved::ServerFailure { answers_unchecked: false }));
        does_not_hold(&CAUSE, system(Resolved::TimedOut));
        does_not_hold(&CAUSE, Sample::ws());
    }
}
