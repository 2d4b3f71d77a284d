//! The 101 has no `Sec-WebSocket-Accept`.

use crate::answers::{faulty, invalid};
use crate::{Remedy, Verdict, cause, text, Finding, Safety, Severity, settings, Symptom};
use evidence::{Evidence, HandshakeFault, Wish};

cause! {
    /// The 101 lacks `Sec-WebSocket-Accept`
    ///
    /// # What you see
    /// Chrome: "'Sec-WebSocket-Accept' header is missing", although the status is 101.
    ///
    /// # Why it happens
    /// A home-made server stops after the status line, or a hop removes the header: it looks unknown to a filter.
    ///
    /// # What to do
    /// Answer with the hash of the key (RFC 6455 section 4.2.2); let `Sec-WebSocket-*` headers of the response through.
    ///
    /// # How to be sure
    /// The header list of the 101; asked directly, the application shows whether it sends the header at all.
    "upgrade-accept-missing", Upgrade, judge, told: told
}

fn judge(evidence: &Evidence) -> Verdict {
    let Some(faulty) = faulty(evidence, |fault| matches!(fault, HandshakeFault::AcceptMissing)) else {
        return Verdict::Unseen;
    };
    invalid(
        &faulty,
        text!("The server's 101 has no Sec-WebSocket-Accept header"),
        text!("The head of the 101 is whole, and Sec-WebSocket-Accept is not in it."),
        "'Sec-WebSocket-Accept' header is missing",
    )
    .remedy(Remedy::new(text!("Send Sec-WebSocket-Accept with every 101, and let it pass on every hop")))
    .would_tell(text!("Ask the application directly, past the proxy: --connect-to ADDRESS:PORT; if that opens, a hop in between is guilty."))
    .holds()
}

/// The configuration takes the header away.
fn told(evidence: &Evidence) -> Option<Finding> {
    let seen = settings::cleared(evidence, "Sec-WebSocket-Accept")?;
    let title = text!("{hop} takes Sec-WebSocket-Accept away", hop = settings::product(evidence));
    let wish = Wish::LeaveHeader("Sec-WebSocket-Accept".to_owned());
    let remedy = Remedy::wish(Safety::Safe, text!("Leave {header} alone", header = "Sec-WebSocket-Accept"), wish);
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
        let _ = holds(&CAUSE, with(HandshakeFault::AcceptMissing));
        for fault in [HandshakeFault::UpgradeMissing, HandshakeFault::ExtensionEmpty] {
            does_not_hold(&CAUSE, with(fault));
        }
        does_not_hold(&CAUSE, Sample::ws().opens());
        does_not_hold(&CAUSE, Sample::ws().answer(426, "Upgrade Required"));
    }
}
