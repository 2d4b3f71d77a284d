//! The 101 has no `Connection: Upgrade`.

use crate::answers::{faulty, invalid};
use crate::{Remedy, Verdict, cause, text, Finding, Safety, Severity, settings, Symptom};
use evidence::{Evidence, HandshakeFault, Wish};

cause! {
    /// The 101 lacks `Connection: Upgrade`
    ///
    /// # What you see
    /// Chrome: "'Connection' header value must contain 'Upgrade'", although the status is 101.
    ///
    /// # Why it happens
    /// A hop writes its own `Connection` (often `keep-alive`) into the response, as nginx before 1.3.13 did, or a
    /// home-made server does not send it.
    ///
    /// # What to do
    /// Update the proxy; have the server send `Connection: Upgrade`.
    ///
    /// # How to be sure
    /// The header list of the 101, through the proxy and from the application itself.
    "upgrade-101-missing-connection", Upgrade, judge, told: told
}

fn judge(evidence: &Evidence) -> Verdict {
    let Some(faulty) = faulty(evidence, |fault| matches!(fault, HandshakeFault::ConnectionMissing | HandshakeFault::ConnectionOther(_))) else {
        return Verdict::Unseen;
    };
    let proof = match faulty.fault {
        HandshakeFault::ConnectionOther(value) => text!("The 101 says \"Connection: {value}\".", value = value),
        _ => text!("The head of the 101 is whole, and Connection is not in it."),
    };
    invalid(
        &faulty,
        text!("The server's 101 has no \"Connection: Upgrade\" header"),
        proof,
        "'Connection' header value must contain 'Upgrade'",
    )
    .remedy(Remedy::new(text!("Send \"Connection: Upgrade\" with every 101, and update proxies that replace it")))
    .would_tell(text!("Ask the application directly, past the proxy: --connect-to ADDRESS:PORT; if that opens, a hop in between is guilty."))
    .holds()
}

/// The configuration takes the header away.
fn told(evidence: &Evidence) -> Option<Finding> {
    let seen = settings::cleared(evidence, "Connection")?;
    let title = text!("{hop} takes Connection out of the answer", hop = settings::product(evidence));
    let wish = Wish::LeaveHeader("Connection".to_owned());
    let remedy = Remedy::wish(Safety::Safe, text!("Leave {header} alone", header = "Connection"), wish);
    Some(settings::finding(evidence, seen, Severity::Error, title).explains(Symptom::HandshakeInvalid).remedy(remedy))
}

#[cfg(test)]
mod tests {
    use super::CAUSE;
    use crate::sample::{Sample, does_not_hold, faulty_101, holds};
    use evidence::{HandshakeFault, Variation};

    fn with(fault: HandshakeFault) -> Sample {
        Sample::ws().exchange(Variation::plain(), faulty_101(&[], vec![fault]))
    }

    #[test]
    fn holds_for_the_fault_and_for_no_other() {
        for fault in [HandshakeFault::ConnectionMissing, HandshakeFault::ConnectionOther("keep-alive".into())] {
            let _ = holds(&CAUSE, with(fault));
        }
        for fault in [HandshakeFault::UpgradeMissing, HandshakeFault::AcceptMissing] {
            does_not_hold(&CAUSE, with(fault));
        }
        does_not_hold(&CAUSE, Sample::ws().opens());
        does_not_hold(&CAUSE, Sample::ws().answer(426, "Upgrade Required"));
    }
}
