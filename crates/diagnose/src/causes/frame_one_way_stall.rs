//! The socket opens, and nothing comes from the server any more.

use crate::reading::duration;
use crate::{Confidence, Finding, Remedy, Stack, Symptom, Verdict, cause, recipes, text};
use evidence::{Evidence, Variation};

cause! {
    /// Nothing comes back on the open socket
    ///
    /// # What you see
    /// `onopen` fires, and then nothing: no message, no pong, no close.
    ///
    /// # Why it happens
    /// A proxy forwards only one direction or buffers the other; or the application accepted and then blocks its event
    /// loop, so that nobody reads.
    ///
    /// # What to do
    /// Ask the application directly. Works there: switch buffering off and update the proxy. Not there either: move
    /// the blocking work off the loop.
    ///
    /// # How to be sure
    /// Pings and messages stay unanswered through the proxy, and are answered past it.
    "frame-one-way-stall", Protocol, judge
}

fn judge(evidence: &Evidence) -> Verdict {
    let Some(session) = evidence.session(&Variation::plain()) else { return Verdict::Unseen };
    let silent = session.bytes == 0
        && session.ending.is_none()
        && session.faults.is_empty()
        && !session.pings.is_empty()
        && session.pongs().next().is_none()
        && session.echo.as_ref().is_none_or(|echo| echo.round_trip_us.is_none());
    if !silent {
        return Verdict::Unseen;
    }
    let response = evidence.handshake().and_then(|seen| seen.fact.response());
    Finding::error(Confidence::Likely, text!("The socket opens, and not one byte comes back on it"))
        .explains(Symptom::NoPong)
        .proof(
            &[session.id],
            text!("{count} pings and our message stayed unanswered for {time}.", count = session.pings.len(), time = duration(session.open_us)),
        )
        .not(text!("a server that ignores only pings: then a message or the close would be answered"))
        .users(text!("JavaScript: onopen, and then neither message nor close."))
        .remedies(recipes::for_response(response, vec![
            Remedy::new(text!("Move blocking work off the event loop: await it, or give it to a thread"))
                .command("py-spy dump --pid PID"),
            Remedy::for_stack(
                Stack::Python,
                text!("Move blocking work off the event loop: await it, or give it to a thread"),
                "result = await asyncio.to_thread(blocking_call)",
            ),
        ]))
        .would_tell(text!("Ask the application directly, past the proxy: --connect-to ADDRESS:PORT; if that opens, a hop in between is guilty."))
        .holds()
}

#[cfg(test)]
mod tests {
    use super::CAUSE;
    use crate::sample::{Sample, does_not_hold, holds};
    use evidence::{Echo, Session, Variation};

    fn silent(session: &mut Session) {
        session.bytes = 0;
        session.pings.iter_mut().for_each(|ping| ping.round_trip_us = None);
        session.echo = Some(Echo { sent_us: 20_000, same: false, round_trip_us: None });
    }

    #[test]
    fn holds_where_nothing_comes_back() {
        let _ = holds(&CAUSE, Sample::ws().opens_with(Variation::plain(), silent));
        let only_pings = Sample::ws().opens_with(Variation::plain(), |session| {
            silent(session);
            session.bytes = 12;
        });
        does_not_hold(&CAUSE, only_pings);
        does_not_hold(&CAUSE, Sample::ws().opens());
        does_not_hold(&CAUSE, Sample::ws().answer(404, ""));
    }
}
