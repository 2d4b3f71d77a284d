//! This machine has another address for the name than the name servers give.

use crate::symptom::symptoms;
use crate::{shell_word, Confidence, Finding, Remedy, Stack, Symptom, Verdict, cause, names, text};
use evidence::Evidence;

cause! {
    /// The name leads to an old or wrong address
    ///
    /// # What you see
    /// Refused, silent, 404, 421 or a certificate of somebody else, from an address that the owner of the name does not
    /// recognise; on other machines it works.
    ///
    /// # Why it happens
    /// The server moved, and the old record is still in a cache or in a hosts file; or the record was never changed.
    ///
    /// # What to do
    /// Correct the record or the hosts file, and wait for the old record's time to live.
    ///
    /// # How to be sure
    /// The same request to the expected address gets 101: `keepwire check URL --connect-to ADDRESS:PORT`. And
    /// `getent ahosts NAME` differs from `dig NAME`.
    "dns-stale-address", Dns, judge
}

fn judge(evidence: &Evidence) -> Verdict {
    let Some(answers) = names::disagreement(evidence) else { return Verdict::Unseen };
    // Public on both sides; the rest is split horizon. Names with many addresses give different ones each time.
    if answers.here.iter().chain(&answers.there).any(|address| names::is_private(*address)) {
        return Verdict::Unseen;
    }
    let trouble: Vec<Symptom> = symptoms(evidence)
        .into_iter()
        .filter(|symptom| matches!(symptom, Symptom::NotReached | Symptom::TlsFailed | Symptom::CertificateNotTrusted | Symptom::NotSwitched))
        .collect();
    if trouble.is_empty() {
        return Verdict::Unseen;
    }
    let target = &evidence.case.target;
    let expected = answers.there[0];
    let connect = if expected.is_ipv6() { format!("[{expected}]:{}", target.port) } else { format!("{expected}:{}", target.port) };
    let title = text!("This machine may use an old address for {host}", host = &target.host);
    let mut finding = Finding::error(Confidence::Possible, title)
        .proof(
            &answers.ids,
            text!("This machine connects to {here}; the name servers say {there}.", here = names::list(&answers.here), there = names::list(&answers.there)),
        )
        .would_tell(text!("Ask the address of the name servers: --connect-to {address}. If that works, the address here is old.", address = &connect))
        .remedy(
            Remedy::for_stack(Stack::Linux, text!("Look into the hosts file, and empty the cache"), "# remove the old line from /etc/hosts")
                .command(format!("getent ahosts {host}; grep {host} /etc/hosts; resolvectl flush-caches", host = target.host)),
        )
        .remedy(Remedy::new(text!("Ask the expected address directly")).command(format!("keepwire check {} --connect-to {connect}", shell_word(&target.url()))));
    for symptom in trouble {
        finding = finding.explains(symptom);
    }
    finding.holds()
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

    fn refused() -> Sample {
        Sample::bare("ws://app.example/ws").resolves(&[ADDRESS]).connection(ADDRESS, 80, Reached::Refused)
    }

    #[test]
    fn holds_where_the_answers_differ_and_it_fails() {
        let _ = holds(&CAUSE, server(refused(), "198.51.100.7"));
    }

    #[test]
    fn near_misses() {
        does_not_hold(&CAUSE, server(refused(), ADDRESS));
        does_not_hold(&CAUSE, server(refused(), "10.0.0.7"));
        does_not_hold(&CAUSE, server(Sample::ws().opens(), "198.51.100.7"));
    }
}
