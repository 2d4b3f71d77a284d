//! The server masks its frames.

use crate::sessions::broken;
use crate::{Remedy, Verdict, cause, text};
use evidence::Evidence;

cause! {
    /// The server masks its frames
    ///
    /// # What you see
    /// Chrome: "A server must not mask any frames that it sends to the client."; node: `WS_ERR_UNEXPECTED_MASK`. Python's
    /// websockets, among others, does not mind.
    ///
    /// # Why it happens
    /// Only clients mask (RFC 6455 section 5.1). A home-made server uses one routine for both directions, or a hop sends
    /// back what the client had sent.
    ///
    /// # What to do
    /// Send frames from the server without the mask bit and without a key.
    ///
    /// # How to be sure
    /// The highest bit of the second byte of a frame is set.
    "frame-masked-server", Protocol, judge
}

fn judge(evidence: &Evidence) -> Verdict {
    let Some(broken) = broken(evidence, &["masked-by-server"]) else { return Verdict::Unseen };
    broken
        .finding(text!("The server masks its frames, which only clients may do"), "A server must not mask any frames that it sends to the client.")
        .remedy(Remedy::new(text!("Send frames without the mask bit (the highest bit of the second byte) and without a key")))
        .would_tell(text!("Ask the application directly, past the proxy: --connect-to ADDRESS:PORT; if that opens, a hop in between is guilty."))
        .holds()
}

#[cfg(test)]
mod tests {
    use super::CAUSE;
    use crate::sample::{Sample, does_not_hold, holds};
    use evidence::Variation;

    fn breaks(rule: &str) -> Sample {
        Sample::ws().opens_with(Variation::plain(), |session| {
            session.faults = vec![(rule.into(), "what was seen".into())];
        })
    }

    #[test]
    fn holds_for_its_rules_and_for_no_other() {
        let _ = holds(&CAUSE, breaks("masked-by-server"));
        for rule in ["reserved-bits", "unknown-opcode"] {
            does_not_hold(&CAUSE, breaks(rule));
        }
        does_not_hold(&CAUSE, Sample::ws().opens());
    }
}
