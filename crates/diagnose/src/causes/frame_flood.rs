//! The server sends without pause.

use crate::reading::{duration, size};
use crate::{Confidence, Finding, Remedy, Verdict, cause, text};
use evidence::{Evidence, Variation};

cause! {
    /// The server sends without pause
    ///
    /// # What you see
    /// As soon as the socket is open, megabytes arrive, asked for by nobody. Pages become slow, phones warm, and
    /// pongs and replies wait behind the flood.
    ///
    /// # Why it happens
    /// A stream without flow control (ticks, logs, video), a loop that broadcasts to itself, or a full state sent
    /// to each client on every change.
    ///
    /// # What to do
    /// Send what changed rather than everything, as often as people can read it, and wait where the client does
    /// not keep up: `bufferedAmount`, `drain`, a bounded queue for each client.
    ///
    /// # How to be sure
    /// `keepwire check URL -vv` shows the number of frames and bytes of the short session.
    "frame-flood", Protocol, judge
}

/// More than this in a session of seconds, without having asked for anything, is worth a word.
const MUCH: u64 = 8 << 20;

fn judge(evidence: &Evidence) -> Verdict {
    let seen = [Variation::plain(), Variation::browser()]
        .iter()
        .find_map(|variation| evidence.session(variation).filter(|seen| seen.bytes > MUCH && seen.ending.is_none()));
    let Some(seen) = seen else { return Verdict::Unseen };
    Finding::note(Confidence::Proven, text!("The server sends without pause; we stopped listening"))
        .proof(
            &[seen.id],
            text!(
                "{bytes} in {count} frames came in {time}, uninvited.",
                bytes = size(seen.bytes),
                count = seen.frame_count,
                time = duration(seen.open_us)
            ),
        )
        .remedy(Remedy::new(text!("Send what changed, as often as people can read it, and wait for clients that do not keep up")))
        .holds()
}

#[cfg(test)]
mod tests {
    use super::CAUSE;
    use crate::sample::{Sample, does_not_hold, holds};
    use evidence::Variation;

    fn received(bytes: u64) -> Sample {
        Sample::ws().opens_with(Variation::plain(), |session| session.bytes = bytes)
    }

    #[test]
    fn megabytes_in_a_moment_are_worth_a_word() {
        let _ = holds(&CAUSE, received(9 << 20));
        does_not_hold(&CAUSE, received(1 << 20));
        does_not_hold(&CAUSE, Sample::ws().opens());
    }
}
