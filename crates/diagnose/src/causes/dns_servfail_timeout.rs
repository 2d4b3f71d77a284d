//! The name service does not answer, or cannot.

use crate::{Confidence, Finding, Remedy, Stack, Symptom, Verdict, cause, text};
use evidence::{Evidence, RecordKind, Resolved, Resolver};

cause! {
    /// The name service fails
    ///
    /// # What you see
    /// `EAI_AGAIN`, "Temporary failure in name resolution", `net::ERR_NAME_NOT_RESOLVED`, often after seconds of waiting.
    ///
    /// # Why it happens
    /// The resolver is down or not reachable (a wrong address in `/etc/resolv.conf`, a firewall before port 53); the
    /// zone's own servers do not answer or do not know the zone (a lame delegation); or its DNSSEC signatures are broken.
    ///
    /// # What to do
    /// Repair the resolver, or use another one; repair the delegation or the signatures of the zone.
    ///
    /// # How to be sure
    /// `dig NAME @RESOLVER`: no answer means that the resolver is not reached. SERVFAIL that goes away with `+cd` is
    /// DNSSEC. `dig +trace NAME` shows where the delegation ends.
    "dns-servfail-timeout", Dns, judge
}

fn judge(evidence: &Evidence) -> Verdict {
    if evidence.case.via.is_some() || !evidence.addresses().is_empty() {
        return Verdict::Unseen;
    }
    let system = evidence.resolutions().find(|seen| {
        !matches!(seen.by, Resolver::Server(_))
            && matches!(
                seen.outcome,
                Resolved::ServerFailure { .. } | Resolved::Refused | Resolved::TimedOut | Resolved::Failed(_)
            )
    });
    let Some(system) = system else { return Verdict::Unseen };
    let servers: Vec<_> = evidence
        .resolutions()
        .filter(|seen| matches!(seen.by, Resolver::Server(_)) && seen.record != RecordKind::Https)
        .collect();
    let dnssec = servers.iter().find(|seen| matches!(seen.outcome, Resolved::ServerFailure { answers_unchecked: true }));
    let knows = servers.iter().find(|seen| !seen.outcome.addresses().is_empty());
    let same = servers.iter().find(|seen| {
        matches!(seen.outcome, Resolved::ServerFailure { .. } | Resolved::Refused | Resolved::TimedOut | Resolved::Failed(_))
    });
    let name = system.name.as_str();
    let title = match (&system.outcome, dnssec) {
        (_, Some(_)) => text!("The DNSSEC signatures of {name} do not verify", name = name),
        (Resolved::TimedOut, _) => text!("The name server does not answer"),
        (Resolved::Refused, _) => text!("The name server refuses to answer for {name}", name = name),
        _ => text!("The name server fails to answer for {name}", name = name),
    };
    let confidence = if same.is_some() { Confidence::Proven } else { Confidence::Likely };
    let mut finding = Finding::error(confidence, title)
        .explains(Symptom::NameNotResolved)
        .proof(&[system.id], text!("Asked for {name}: {outcome}.", name = name, outcome = outcome(&system.outcome)))
        .not(text!("a name that does not exist: that would be said at once"))
        .users(text!("Browsers: close code 1006 and net::ERR_NAME_NOT_RESOLVED, often after a long wait. Node.js: EAI_AGAIN."))
        .remedy(
            Remedy::for_stack(Stack::Linux, text!("See which resolver is asked, and try another one"), "# /etc/resolv.conf, or resolvectl status\nnameserver 1.1.1.1")
                .command(format!("dig {name}; dig {name} @1.1.1.1; dig +trace {name}")),
        )
        .yields_to(&["client-offline"]);
    if let Some(seen) = dnssec {
        finding = finding
            .proof(&[seen.id], text!("With checking disabled the same server does answer, so only the validation fails."))
            .remedy(Remedy::new(text!("Sign the zone again, and compare the DS record at the registrar with the zone's keys")).command(format!("dig {name} +cd; delv {name}")));
    } else if let Some(seen) = same.filter(|_| knows.is_none()) {
        finding = finding.proof(&[seen.id], text!("The name server itself, asked directly: {outcome}.", outcome = outcome(&seen.outcome)));
    }
    if let Some(seen) = knows {
        finding = finding.proof(&[seen.id], text!("A name server, asked directly, does know the address: only this machine's resolver fails."));
    }
    finding.holds()
}

fn outcome(resolved: &Resolved) -> crate::Text {
    match resolved {
        Resolved::TimedOut => text!("no answer"),
        Resolved::Refused => text!("the resolver refused to answer"),
        Resolved::Failed(why) => text!("{why}", why = why),
        _ => text!("the resolver failed"),
    }
}

#[cfg(test)]
mod tests {
    use super::CAUSE;
    use crate::Confidence;
    use crate::sample::{Sample, does_not_hold, holds};
    use evidence::{RecordKind, Resolved, Resolver};

    const FAILURE: Resolved = Resolved::ServerFailure { answers_unchecked: false };

    fn system(outcome: Resolved) -> Sample {
        Sample::bare("ws://chat.example/ws").resolution(Resolver::System, RecordKind::Addresses, outcome)
    }

    #[test]
    fn holds_where_no_answer_comes() {
        for outcome in [FAILURE, Resolved::TimedOut, Resolved::Refused, Resolved::Failed("odd".into())] {
            assert_eq!(holds(&CAUSE, system(outcome)).confidence, Confidence::Likely);
        }
        let bogus = Resolved::ServerFailure { answers_unchecked: true };
        let finding = holds(&CAUSE, system(FAILURE).resolution(Resolver::Server("192.0.2.53:53".into()), RecordKind::A, bogus));
        assert!(finding.title.english().contains("DNSSEC"));
        assert_eq!(finding.confidence, Confidence::Proven);
    }

    #[test]
    fn near_misses() {
        does_not_hold(&CAUSE, system(Resolved::NoSuchName));
        does_not_hold(&CAUSE, system(Resolved::NoData));
        // One server of two is slow; the system has its answer.
        does_not_hold(&CAUSE, Sample::ws().resolution(Resolver::Server("192.0.2.53:53".into()), RecordKind::A, Resolved::TimedOut));
    }
}
