//! The fresh connection ends without a close frame.

use crate::reading::{duration, ending};
use crate::{Confidence, Finding, Remedy, Symptom, Verdict, cause, text};
use evidence::{Evidence, How, Variation};

cause! {
    /// The connection ends without a close frame (1006)
    ///
    /// # What you see
    /// Browsers: close code 1006, `wasClean` false, and no error if the socket was open. Python: `no close frame
    /// received or sent`. websocat ends without a word.
    ///
    /// # Why it happens
    /// 1006 is never sent: it is what a client reports when TCP ends and no close frame came. Right after opening:
    /// the handler crashed or returned, a proxy lost its application, something on the way cuts upgraded connections.
    /// Later: a timer, a reload, a lost network.
    ///
    /// # What to do
    /// Find who ended TCP: the application's log and the proxy's log at that second. In the application catch errors
    /// and close with a code.
    ///
    /// # How to be sure
    /// Asked directly, does the application end it as well? Is the time always the same (a timer) or not?
    "close-1006-silent", Protocol, judge
}

fn judge(evidence: &Evidence) -> Verdict {
    let found = [Variation::plain(), Variation::browser()].iter().find_map(|variation| {
        let seen = evidence.session(variation).filter(|seen| seen.fact.ended_uninvited() && seen.fact.faults.is_empty())?;
        let end = seen.fact.ending.as_ref()?;
        matches!(end.how, How::Fin | How::Reset | How::Alert(_) | How::Close { code: None, .. }).then_some((seen, end))
    });
    let Some((seen, end)) = found else { return Verdict::Unseen };
    let title = match end.how {
        How::Reset => text!("The fresh connection is reset without a close frame"),
        How::Close { .. } => text!("The server closes the fresh connection without a code"),
        _ => text!("The fresh connection is ended without a close frame"),
    };
    let mut finding = Finding::error(Confidence::Likely, title)
        .explains(Symptom::EndedEarly)
        .explains(Symptom::BrowserBroken)
        .proof(&[seen.id], text!("After {time} and {count} frames: {how}.", time = duration(end.after_us), count = seen.frame_count, how = ending(&end.how)));
    if seen.frame_count == 0 {
        finding = finding.proof(&[seen.id], text!("Not one frame came before it."));
    }
    finding
        .users(text!("Browsers: close code 1006 right after onopen, without an error in the console."))
        .remedy(Remedy::new(text!("Read the application's log at this moment: a handler that throws ends the connection like this")))
        .remedy(Remedy::new(text!("Read the proxy's log of the same second: it names the side that ended the connection")))
        .would_tell(text!("Ask the application directly, past the proxy: --connect-to ADDRESS:PORT; if that opens, a hop in between is guilty."))
        .yields_to(&["interception-breaks-frames", "frame-deflate-corrupt", "app-two-ws-servers-one-port"])
        .holds()
}

#[cfg(test)]
mod tests {
    use super::CAUSE;
    use crate::sample::{Sample, does_not_hold, holds};
    use evidence::{Ending, How, Variation};

    #[test]
    fn holds_where_the_end_is_wordless() {
        for how in [How::Fin, How::Reset, How::Close { code: None, reason: String::new() }] {
            let _ = holds(&CAUSE, Sample::ws().ends_early(how, 2_000));
        }
        does_not_hold(&CAUSE, Sample::ws().closes_early(1011, "", 2_000));
        // Our own message came first: it may be why.
        let after_message = Sample::ws().opens_with(Variation::plain(), |session| {
            session.ending = Some(Ending { how: How::Fin, after_us: 90_000, idle_us: 0 });
        });
        does_not_hold(&CAUSE, after_message);
        does_not_hold(&CAUSE, Sample::ws().opens());
    }
}
