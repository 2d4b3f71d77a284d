//! The 101 has an empty `Sec-WebSocket-Extensions`.

use crate::answers::{faulty, invalid};
use crate::{Remedy, Verdict, cause, text};
use evidence::{Evidence, HandshakeFault};

cause! {
    /// The 101 has an empty `Sec-WebSocket-Extensions`
    ///
    /// # What you see
    /// Chrome: "'Sec-WebSocket-Extensions' header value is rejected by the parser"; Safari: "Invalid UTF-8 sequence in
    /// header value". Most libraries do not mind.
    ///
    /// # Why it happens
    /// The server writes the header also where nothing was agreed.
    ///
    /// # What to do
    /// Leave the header out where no extension was agreed: its grammar demands at least one (RFC 6455 section 9.1).
    ///
    /// # How to be sure
    /// The header stands in the 101 and has no value.
    "upgrade-empty-extension-header", Upgrade, judge
}

fn judge(evidence: &Evidence) -> Verdict {
    let Some(faulty) = faulty(evidence, |fault| matches!(fault, HandshakeFault::ExtensionEmpty)) else {
        return Verdict::Unseen;
    };
    invalid(
        &faulty,
        text!("The server's 101 has an empty Sec-WebSocket-Extensions header"),
        text!("Sec-WebSocket-Extensions stands in the 101 and has no value."),
        "'Sec-WebSocket-Extensions' header value is rejected by the parser",
    )
    .remedy(Remedy::new(text!("Leave the header out where no extension was agreed")))
    .holds()
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
        let _ = holds(&CAUSE, with(HandshakeFault::ExtensionEmpty));
        for fault in [HandshakeFault::ExtensionNotOffered("x".into()), HandshakeFault::AcceptMissing] {
            does_not_hold(&CAUSE, with(fault));
        }
        does_not_hold(&CAUSE, Sample::ws().opens());
        does_not_hold(&CAUSE, Sample::ws().answer(426, "Upgrade Required"));
    }
}
