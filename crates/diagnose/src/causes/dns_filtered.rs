//! A resolver gives a wrong answer on purpose.

use crate::symptom::{Symptom, symptoms};
use crate::{Confidence, Finding, Remedy, Severity, Stack, Verdict, cause, names, text};
use evidence::{Evidence, Resolver};

cause! {
    /// A DNS filter answers with a wrong address
    ///
    /// # What you see
    /// Refused at once at `0.0.0.0`, `::` or `127.0.0.1` for a public name; or no answer for a name that leads to a private
    /// address.
    ///
    /// # Why it happens
    /// A blocker (Pi-hole, AdGuard, a company's policy zone) has the name on its list; or the router drops answers with
    /// private addresses, to protect against DNS rebinding.
    ///
    /// # What to do
    /// Put the name on the allow-list; for a name that leads into your own network, allow it in the rebinding protection.
    ///
    /// # How to be sure
    /// Another resolver gives another answer: `dig NAME @1.1.1.1`
    "dns-filtered", Dns, judge
}

fn judge(evidence: &Evidence) -> Verdict {
    let target = &evidence.case.target;
    if target.address().is_some() || target.is_loopback() {
        return Verdict::Unseen;
    }
    let system = evidence
        .resolutions()
        .find(|seen| !matches!(seen.by, Resolver::Server(_) | Resolver::Literal) && !seen.outcome.addresses().is_empty());
    let Some(system) = system else { return Verdict::Unseen };
    let addresses = system.outcome.addresses();
    let nowhere = addresses.iter().all(|address| address.is_unspecified());
    let home = !nowhere && addresses.iter().all(|address| address.is_loopback() || address.is_unspecified());
    let trouble: Vec<Symptom> = symptoms(evidence)
        .into_iter()
        .filter(|symptom| matches!(symptom, Symptom::NotReached | Symptom::TlsFailed | Symptom::CertificateNotTrusted | Symptom::NotSwitched))
        .collect();
    let others: Vec<_> = evidence
        .resolutions()
        .filter(|seen| {
            matches!(seen.by, Resolver::Server(_)) && seen.outcome.addresses().iter().any(|address| !names::is_private(*address) && !address.is_unspecified())
        })
        .collect();
    let confidence = match (nowhere, home && system.by == Resolver::System, others.is_empty()) {
        (true, ..) => Confidence::Proven,
        (_, true, false) => Confidence::Likely,
        // Developers give public names to their own machine, too.
        _ => return Verdict::Unseen,
    };
    if !nowhere && trouble.is_empty() {
        return Verdict::Unseen;
    }
    let list = names::list(addresses);
    let mut finding = Finding::error(confidence, text!("The resolver answers {addresses} for {host}: a filter blocks the name", addresses = &list, host = &target.host))
        .proof(&[system.id], text!("{host} resolves to {addresses}, which is no address of a server.", host = &target.host, addresses = &list))
        .not(text!("a server that is down: nobody asked it"))
        .users(text!("Browsers: close code 1006 and net::ERR_CONNECTION_REFUSED or ERR_ADDRESS_INVALID."))
        .remedy(Remedy::new(text!("Ask another resolver for comparison")).command(format!("dig {host} +short; dig {host} @1.1.1.1 +short", host = target.host)))
        .remedy(Remedy::for_stack(
            Stack::Linux,
            text!("Put the name on the allow-list of the filter"),
            format!("# Pi-hole\npihole allow {host}\n# dnsmasq, for a name that leads into your own network\nrebind-domain-ok=/{host}/", host = target.host),
        ));
    if let Some(other) = others.first() {
        finding = finding.proof(&[other.id], text!("A name server, asked directly, says {addresses}.", addresses = names::list(other.outcome.addresses())));
    }
    if trouble.is_empty() {
        finding.severity = Severity::Warning;
    }
    for symptom in trouble {
        finding = finding.explains(symptom);
    }
    finding.holds()
}

#[cfg(test)]
mod tests {
    use super::CAUSE;
    use crate::Confidence;
    use crate::sample::{ADDRESS, Sample, does_not_hold, holds};
    use evidence::{Reached, RecordKind, Resolved, Resolver};

    fn sunk(address: &str) -> Sample {
        Sample::bare("ws://chat.example/ws").resolves(&[address]).connection(address, 80, Reached::Refused)
    }

    fn elsewhere(sample: Sample) -> Sample {
        let addresses = Resolved::Addresses(vec![ADDRESS.parse().expect("an address")]);
        sample.resolution(Resolver::Server("192.0.2.53:53".into()), RecordKind::A, addresses)
    }

    #[test]
    fn holds_at_a_sink() {
        for address in ["0.0.0.0", "::"] {
            assert_eq!(holds(&CAUSE, sunk(address)).confidence, Confidence::Proven);
        }
        assert_eq!(holds(&CAUSE, elsewhere(sunk("127.0.0.1"))).confidence, Confidence::Likely);
    }

    #[test]
    fn near_misses() {
        // A name of one's own machine.
        does_not_hold(&CAUSE, sunk("127.0.0.1"));
        does_not_hold(&CAUSE, elsewhere(sunk("10.0.0.7")));
        does_not_hold(&CAUSE, Sample::bare("ws://localhost/").resolves(&["127.0.0.1"]).connection("127.0.0.1", 80, Reached::Refused));
        does_not_hold(&CAUSE, Sample::ws());
    }
}
