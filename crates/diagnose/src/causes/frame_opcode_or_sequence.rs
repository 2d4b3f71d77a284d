//! An unknown opcode, or frames in an order that makes no message.

use crate::sessions::broken;
use crate::{Remedy, Stack, Verdict, cause, text};
use evidence::Evidence;

cause! {
    /// The server sends an unknown opcode or breaks the order of frames
    ///
    /// # What you see
    /// Chrome: "Unrecognized frame opcode: 3", "Received unexpected continuation frame", or "Received start of new message
    /// but previous message is unfinished."
    ///
    /// # Why it happens
    /// A home-made server splits messages wrongly; two threads write to one socket without a lock, so that their frames
    /// mix; a hop corrupts the stream.
    ///
    /// # What to do
    /// Write each message as a whole: one writer a connection, or a lock around it.
    ///
    /// # How to be sure
    /// The frame log: opcodes 3 to 7 and 11 to 15 are reserved; a continuation needs a beginning (RFC 6455 section 5.4).
    "frame-opcode-or-sequence", Protocol, judge
}

fn judge(evidence: &Evidence) -> Verdict {
    let Some(broken) = broken(evidence, &["unknown-opcode", "continuation-without-start", "new-message-inside-fragments"]) else { return Verdict::Unseen };
    let (title, chrome) = match broken.fault {
        "unknown-opcode" => (text!("The server sends a frame with an opcode that does not exist"), "Unrecognized frame opcode"),
        "continuation-without-start" => {
            (text!("The server continues a message that it has not begun"), "Received unexpected continuation frame.")
        }
        _ => (
            text!("The server begins a message before the one before has ended"),
            "Received start of new message but previous message is unfinished.",
        ),
    };
    broken
        .finding(title, chrome)
        .remedy(Remedy::for_stack(
            Stack::Go,
            text!("Let one writer at a time write to a connection"),
            "mu.Lock()\nerr := conn.WriteMessage(websocket.TextMessage, data)   // gorilla allows one concurrent writer\nmu.Unlock()",
        ))
        .remedy(Remedy::new(text!("Let one writer at a time write to a connection")))
        .yields_to(&["frame-length-encoding-bug", "interception-breaks-frames"])
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
        for rule in ["unknown-opcode", "continuation-without-start", "new-message-inside-fragments"] {
            let _ = holds(&CAUSE, breaks(rule));
        }
        for rule in ["reserved-bits", "control-too-long"] {
            does_not_hold(&CAUSE, breaks(rule));
        }
        does_not_hold(&CAUSE, Sample::ws().opens());
    }
}
