//! A close, ping or pong is too long or fragmented.

use crate::sessions::broken;
use crate::{Remedy, Verdict, cause, text};
use evidence::Evidence;

cause! {
    /// The server sends a control frame that is not allowed
    ///
    /// # What you see
    /// Chrome: "Invalid frame header", or close code 1002 from libraries.
    ///
    /// # Why it happens
    /// Close, ping and pong carry at most 125 bytes and are never split (RFC 6455 section 5.5). Servers break that with
    /// long close reasons and with data in pings.
    ///
    /// # What to do
    /// Shorten the payload: a close reason has room for 123 bytes of UTF-8.
    ///
    /// # How to be sure
    /// The frame's first two bytes: an opcode of 8 or above with a length of 126 or 127, or without FIN.
    "frame-control-frame-bad", Protocol, judge
}

fn judge(evidence: &Evidence) -> Verdict {
    let Some(broken) = broken(evidence, &["control-too-long", "control-fragmented"]) else { return Verdict::Unseen };
    let title = match broken.fault {
        "control-fragmented" => text!("The server splits a control frame, which is not allowed"),
        _ => text!("The server sends a control frame of more than 125 bytes"),
    };
    broken
        .finding(title, "Invalid frame header")
        .remedy(Remedy::new(text!("Keep close reasons below 123 bytes and pings below 125, and never split them")))
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
        for rule in ["control-too-long", "control-fragmented"] {
            let _ = holds(&CAUSE, breaks(rule));
        }
        for rule in ["reserved-bits", "masked-by-server"] {
            does_not_hold(&CAUSE, breaks(rule));
        }
        does_not_hold(&CAUSE, Sample::ws().opens());
    }
}
