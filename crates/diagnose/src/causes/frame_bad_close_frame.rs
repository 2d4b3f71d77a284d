//! A close frame that breaks the rules.

use crate::sessions::broken;
use crate::{Remedy, Stack, Verdict, cause, text};
use evidence::Evidence;

cause! {
    /// The server's close frame breaks the rules
    ///
    /// # What you see
    /// Chrome: "Received a broken close frame containing a reserved status code.", "…invalid size of 1 byte." or "…invalid
    /// UTF-8."; JavaScript sees 1006 instead of the code that was meant.
    ///
    /// # Why it happens
    /// The server sends a code that only describes local ends (1005, 1006, 1015), a body of one byte, or a reason that was
    /// cut in the middle of a character.
    ///
    /// # What to do
    /// Send 1000, 1001, 1008, 1011, 1012, 1013 or a code from 3000 to 4999; cut reasons at whole characters, at 123 bytes.
    ///
    /// # How to be sure
    /// The payload of the close frame (RFC 6455 sections 5.5.1 and 7.4).
    "frame-bad-close-frame", Protocol, judge
}

fn judge(evidence: &Evidence) -> Verdict {
    let Some(broken) = broken(evidence, &["close-code-reserved", "close-body-one-byte", "invalid-utf8-in-close", "data-after-close"]) else { return Verdict::Unseen };
    let (title, chrome) = match broken.fault {
        "close-code-reserved" => (
            text!("The server closes with a code that must never be sent"),
            "Received a broken close frame containing a reserved status code.",
        ),
        "close-body-one-byte" => (
            text!("The server's close frame has a body of one byte, which holds no code"),
            "Received a broken close frame containing an invalid size of 1 byte.",
        ),
        "data-after-close" => (text!("The server sends on after its close frame"), "Invalid frame header"),
        _ => (
            text!("The reason in the server's close frame is not UTF-8"),
            "Received a broken close frame containing invalid UTF-8.",
        ),
    };
    broken
        .finding(title, chrome)
        .remedy(Remedy::for_stack(
            Stack::Node,
            text!("Close with a code that may be sent, and a short reason"),
            "socket.close(1000)            // or 1001, 1008, 1011, 1012, 1013, 3000-4999\nsocket.close(4001, 'too many sessions')",
        ))
        .remedy(Remedy::new(text!("Leave the body empty, or send two bytes of code and at most 123 bytes of UTF-8")))
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
        for rule in ["close-code-reserved", "close-body-one-byte", "invalid-utf8-in-close", "data-after-close"] {
            let _ = holds(&CAUSE, breaks(rule));
        }
        for rule in ["control-too-long", "reserved-bits"] {
            does_not_hold(&CAUSE, breaks(rule));
        }
        does_not_hold(&CAUSE, Sample::ws().opens());
    }
}
