//! Inside and outside, the name means different things.

use crate::symptom::symptoms;
use crate::{Confidence, Finding, Remedy, Symptom, Verdict, cause, names, text};
use evidence::{Evidence, RecordKind, Resolved, Resolver};

cause! {
    /// Inside and outside the name has different addresses
    ///
    /// # What you see
    /// It works from outside and not from the office or the home network, or the other way round.
    ///
    /// # Why it happens
    /// Two zones of the same name: one for inside, one for outside, and this client got the wrong one (a VPN, a public
    /// resolver set by hand, DNS over HTTPS in the browser). Or inside only the public address is known, and the router does
    /// not lead it back in (no hairpin NAT).
    ///
    /// # What to do
    /// Give inside a record with the internal address, and use the internal resolver inside; or let the router do
    /// hairpin NAT.
    ///
    /// # How to be sure
    /// `dig NAME @internal` and `dig NAME @1.1.1.1` differ, and only one of the two addresses answers from here.
    "dns-split-horizon", Dns, judge
}

fn judge(evidence: &Evidence) -> Verdict {
    if let Some(finding) = one_knows_it(evidence) {
        return finding.remedies(remedies(&evidence.case.target.host)).holds();
    }
    let Some(answers) = names::disagreement(evidence) else { return Verdict::Unseen };
    let private_here = answers.here.iter().all(|address| names::is_private(*address));
    let private_there = answers.there.iter().all(|address| names::is_private(*address));
    let failing = symptoms(evidence).into_iter().find(|symptom| matches!(symptom, Symptom::NotReached | Symptom::TlsFailed));
    // A name that a hosts file or an ad blocker sends to this machine is another matter.
    let sent_home = answers.here.iter().any(|address| address.is_loopback() || address.is_unspecified());
    let Some(failing) = failing.filter(|_| private_here != private_there && !sent_home) else { return Verdict::Unseen };
    let title = if private_here {
        text!("This machine uses the internal address of {host}, which is not reached from here", host = &evidence.case.target.host)
    } else {
        text!("This machine uses the public address of {host}, which is not reached from inside", host = &evidence.case.target.host)
    };
    Finding::error(Confidence::Likely, title)
        .explains(failing)
        .proof(
            &answers.ids,
            text!("This machine connects to {here}; the name servers say {there}.", here = names::list(&answers.here), there = names::list(&answers.there)),
        )
        .remedies(remedies(&evidence.case.target.host))
        .would_tell(text!("Ask the other address: --connect-to ADDRESS:PORT."))
        .holds()
}

/// One resolver has an address, the other says that there is no such name.
fn one_knows_it(evidence: &Evidence) -> Option<Finding> {
    if evidence.case.via.is_some() || !evidence.addresses().is_empty() {
        return None;
    }
    let is_server = |by: &Resolver| matches!(by, Resolver::Server(_));
    let unknown = evidence
        .resolutions()
        .find(|seen| !is_server(&seen.by) && matches!(seen.outcome, Resolved::NoSuchName | Resolved::NoData))?;
    let known = evidence
        .resolutions()
        .find(|seen| is_server(&seen.by) && seen.record != RecordKind::Https && !seen.outcome.addresses().is_empty())?;
    let Resolver::Server(server) = &known.by else { return None };
    Some(
        Finding::error(Confidence::Likely, text!("One resolver knows {host}, the one that this machine uses does not", host = &evidence.case.target.host))
            .explains(Symptom::NameNotResolved)
            .proof(&[unknown.id], text!("The system's resolver says that there is no such name."))
            .proof(&[known.id], text!("{server} says {addresses}.", server = server, addresses = names::list(known.outcome.addresses())))
            .not(text!("a name that does not exist anywhere")),
    )
}

fn remedies(host: &str) -> Vec<Remedy> {
    vec![
        Remedy::new(text!("Compare the answers inside and outside")).command(format!("dig {host} +short; dig {host} @1.1.1.1 +short; getent ahosts {host}")),
        Remedy::new(text!("Inside: a record with the internal address, and the internal resolver for all clients (also in browsers with DNS over HTTPS); or hairpin NAT on the router")),
    ]
}

#[cfg(test)]
mod tests {
    use super::CAUSE;
    use crate::sample::{ADDRESS, Sample, does_not_hold, holds};
    use evidence::{Reached, RecordKind, Resolved, Resolver};

    fn server(sample: Sample, address: &str) -> Sample {
        let addresses = Resolved::Addresses(vec![address.parse().expect("an address")]);
        sample.resolution(Resolver::Server("192.0.2.53:53".into()), RecordKind::A, addresses)
    }

    fn silent(address: &str) -> Sample {
        Sample::bare("ws://app.example/ws").resolves(&[address]).connection(address, 80, Reached::Silence)
    }

    #[test]
    fn holds_where_one_is_internal_and_the_other_public() {
        let _ = holds(&CAUSE, server(silent("10.0.0.7"), ADDRESS));
        let _ = holds(&CAUSE, server(silent(ADDRESS), "10.0.0.7"));
        let unknown = Sample::bare("ws://app.example/ws").resolution(Resolver::System, RecordKind::Addresses, Resolved::NoSuchName);
        let _ = holds(&CAUSE, server(unknown, "10.0.0.7"));
    }

    #[test]
    fn near_misses() {
        does_not_hold(&CAUSE, server(silent(ADDRESS), "198.51.100.7"));
        does_not_hold(&CAUSE, server(silent("10.0.0.7"), "10.0.0.7"));
        does_not_hold(&CAUSE, server(silent("127.0.0.1"), ADDRESS));
        does_not_hold(&CAUSE, server(Sample::at("ws://app.example/ws").opens(), "10.0.0.7"));
    }
}
