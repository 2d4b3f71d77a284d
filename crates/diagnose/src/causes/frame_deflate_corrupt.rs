//! Compressed messages do not survive.

use super::frame_reserved_bits::remedies;
use crate::fingerprint::{self, Product};
use crate::sessions::broken;
use crate::{Confidence, Finding, Symptom, Verdict, cause, recipes, text};
use evidence::{Evidence, How, Seen, Session, Variation};

cause! {
    /// Compressed messages break
    ///
    /// # What you see
    /// `Invalid frame header` or an inflate error, often only from the second message on; or the connection ends with
    /// the first compressed message. Clients without compression work.
    ///
    /// # Why it happens
    /// The two sides disagree about the window or about context takeover of permessage-deflate (RFC 7692); a buggy
    /// library; or a proxy that cannot handle RSV1 (IIS with ARR 3).
    ///
    /// # What to do
    /// Switch compression off, or ask for `server_no_context_takeover; client_no_context_takeover`. Update the
    /// library.
    ///
    /// # How to be sure
    /// The same messages pass on a connection that did not offer compression.
    "frame-deflate-corrupt", Protocol, judge
}

fn judge(evidence: &Evidence) -> Verdict {
    let response = evidence.handshake().and_then(|seen| seen.fact.response());
    let remedies = recipes::for_response(response, remedies());
    let plain = evidence.session(&Variation::plain());
    if let Some(broken) = broken(evidence, &["deflate-broken"]) {
        let mut finding = broken.finding(
            text!("The server's compressed messages do not inflate"),
            "Invalid frame header",
        );
        if let Some(plain) = plain.filter(|plain| plain.faults.is_empty() && broken.browser_only()) {
            finding = finding.proof(&[plain.id], text!("Without compression the same server's messages are in order."));
        }
        return finding.remedies(remedies).holds();
    }
    // Our first compressed message ends the connection, the same one uncompressed does not.
    let Some((seen, how)) = ended_by_message(evidence) else { return Verdict::Unseen };
    let Some(plain) = plain.filter(|plain| plain.ending.is_none() && plain.echo.is_some()) else { return Verdict::Unseen };
    let iis = response.is_some_and(|response| fingerprint::hops(response).contains(&Product::Iis));
    Finding::error(Confidence::Likely, text!("A hop or the server ends the connection at the first compressed message"))
        .because(iis.then_some("iis-arr-deflate"))
        .explains(Symptom::BrowserBroken)
        .proof(&[seen.id], text!("With compression agreed the connection ended after our first message: {how}.", how = crate::reading::ending(how)))
        .proof(&[plain.id], text!("Without compression the same message is taken."))
        .users(text!("Browsers offer compression always: they connect, and lose the connection with close code 1006 at the first message."))
        .remedies(remedies)
        .holds()
}

/// A session with compression that ended after our message, without a word from the application.
fn ended_by_message(evidence: &Evidence) -> Option<(Seen<'_, Session>, &How)> {
    let seen = evidence.session(&Variation::browser()).filter(|seen| seen.deflate)?;
    let (ending, echo) = (seen.fact.ending.as_ref()?, seen.fact.echo.as_ref()?);
    let wordless = matches!(ending.how, How::Fin | How::Reset | How::Close { code: Some(1002 | 1007), .. });
    (wordless && !echo.same && ending.after_us >= echo.sent_us).then_some((seen, &ending.how))
}

#[cfg(test)]
mod tests {
    use super::CAUSE;
    use crate::sample::{Sample, does_not_hold, holds};
    use evidence::{Echo, Ending, How, Session, Variation};

    fn ends(session: &mut Session) {
        session.deflate = true;
        session.echo = Some(Echo { sent_us: 1_000, same: false, round_trip_us: None });
        session.ending = Some(Ending { how: How::Fin, after_us: 2_000, idle_us: 1_000 });
    }

    #[test]
    fn holds_for_both_kinds_of_breakage() {
        let corrupt = Sample::ws().opens().opens_with(Variation::browser(), |session| {
            session.deflate = true;
            session.faults = vec![("deflate-broken".into(), "compressed data does not inflate".into())];
        });
        let _ = holds(&CAUSE, corrupt);
        let _ = holds(&CAUSE, Sample::ws().opens().opens_with(Variation::browser(), ends));
    }

    #[test]
    fn near_misses() {
        // Our message ends it without compression, too.
        let both = Sample::ws().opens_with(Variation::plain(), |session| {
            ends(session);
            session.deflate = false;
        });
        does_not_hold(&CAUSE, both.opens_with(Variation::browser(), ends));
        does_not_hold(&CAUSE, Sample::ws().opens().opens_with(Variation::browser(), |session| session.deflate = true));
        does_not_hold(&CAUSE, Sample::ws().opens());
    }
}
