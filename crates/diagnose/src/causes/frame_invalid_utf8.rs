//! A text message that is not UTF-8.

use crate::sessions::broken;
use crate::{Remedy, Stack, Verdict, cause, text};
use evidence::Evidence;

cause! {
    /// The server sends text that is not UTF-8
    ///
    /// # What you see
    /// Chrome: "Could not decode a text frame as UTF-8."; libraries close with 1007.
    ///
    /// # Why it happens
    /// Binary data goes out as a text message, a string in another encoding, or text that was cut in the middle of a
    /// character.
    ///
    /// # What to do
    /// Send bytes as a binary message; encode text as UTF-8 and cut it at whole characters.
    ///
    /// # How to be sure
    /// The payload of the text frame: the position of the first wrong byte is in the proof.
    "frame-invalid-utf8", Protocol, judge
}

fn judge(evidence: &Evidence) -> Verdict {
    let Some(broken) = broken(evidence, &["invalid-utf8"]) else { return Verdict::Unseen };
    broken
        .finding(text!("The server sends a text message that is not UTF-8"), "Could not decode a text frame as UTF-8.")
        .remedy(Remedy::for_stack(Stack::Python, text!("Send bytes as a binary message"), "await websocket.send_bytes(data)   # Starlette; websockets: send(bytes)"))
        .remedy(Remedy::for_stack(Stack::Go, text!("Send bytes as a binary message"), "conn.WriteMessage(websocket.BinaryMessage, data)"))
        .remedy(Remedy::new(text!("Encode text as UTF-8, and cut it only at whole characters")))
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
        let _ = holds(&CAUSE, breaks("invalid-utf8"));
        for rule in ["invalid-utf8-in-close", "reserved-bits"] {
            does_not_hold(&CAUSE, breaks(rule));
        }
        does_not_hold(&CAUSE, Sample::ws().opens());
    }
}
