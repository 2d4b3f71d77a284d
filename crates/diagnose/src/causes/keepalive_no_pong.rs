//! The server does not answer pings, or misses ours.

use crate::reading::duration;
use crate::sessions::closed;
use crate::{Confidence, Finding, Remedy, Stack, Symptom, Verdict, cause, text};
use evidence::{Evidence, HoldKind, How, Variation};

cause! {
    /// Pings are not answered
    ///
    /// # What you see
    /// 1011 `keepalive ping timeout`, Socket.IO `ping timeout`; or pings of the client stay without pongs while messages
    /// pass.
    ///
    /// # Why it happens
    /// A pong is sent only by code that reads: a handler that blocks the event loop, an application that never reads
    /// its socket, or a home-made server that ignores pings (RFC 6455 section 5.5.2 demands a pong).
    ///
    /// # What to do
    /// Keep a reader running on every connection, and move blocking work off the loop. Raise the time-out only if the
    /// pauses are expected.
    ///
    /// # How to be sure
    /// Messages are echoed and pings are not: the server ignores them. Neither: nobody reads.
    "keepalive-no-pong", Alive, judge
}

fn judge(evidence: &Evidence) -> Verdict {
    let by_close = closed(evidence).filter(|closed| closed.code == 1011 && closed.reason_has(&["ping timeout", "keepalive"]));
    if let Some(closed) = by_close {
        return closed
            .finding(Confidence::Proven, text!("The server's pings were not answered in time, so it closed"))
            .remedies(remedies())
            .holds();
    }
    let Some(session) = evidence.session(&Variation::plain()) else { return Verdict::Unseen };
    let none = !session.pings.is_empty() && session.pongs().next().is_none();
    if !none || !session.faults.is_empty() || session.ending.as_ref().is_some_and(|ending| ending.how != How::Silence) {
        return Verdict::Unseen;
    }
    let echoed = session.echo.as_ref().is_some_and(|echo| echo.same);
    // It talks, and still does not answer pings.
    let confidence = match (echoed, session.bytes > 0) {
        (true, _) => Confidence::Proven,
        (false, true) => Confidence::Likely,
        (false, false) => Confidence::Possible,
    };
    let mut finding = Finding::error(confidence, text!("The server does not answer pings"))
        .explains(Symptom::NoPong)
        .explains(Symptom::DeadSilently)
        .proof(&[session.id], text!("None of {count} pings got a pong in {time}.", count = session.pings.len(), time = duration(session.open_us)));
    if echoed {
        finding = finding
            .proof(&[session.id], text!("Our text message came back, so the connection works in both directions."))
            .not(text!("a dead connection: messages pass"));
    }
    if let Some(hold) = evidence.holds(HoldKind::Pings).find(|seen| seen.ending.is_some()) {
        finding = finding.proof(&[hold.id], text!("The connection that was held with pings ended, too."));
    }
    finding
        .users(text!("Clients that watch for pongs drop the connection again and again; browsers do not ping by themselves."))
        .remedies(remedies())
        .holds()
}

fn remedies() -> Vec<Remedy> {
    vec![
        Remedy::for_stack(
            Stack::Python,
            text!("Move blocking work off the event loop: await it, or give it to a thread"),
            "result = await asyncio.to_thread(blocking_call)",
        ),
        Remedy::for_stack(
            Stack::Go,
            text!("Keep a reader running: gorilla answers pings only inside of NextReader and ReadMessage"),
            "go func() {\n    for {\n        if _, _, err := conn.NextReader(); err != nil { conn.Close(); return }\n    }\n}()",
        ),
        Remedy::new(text!("Answer every ping with a pong of the same payload (RFC 6455 section 5.5.3)")),
    ]
}

#[cfg(test)]
mod tests {
    use super::CAUSE;
    use crate::Confidence;
    use crate::sample::{Sample, does_not_hold, holds};
    use evidence::{Echo, Session, Variation};

    fn no_pongs(session: &mut Session) {
        session.pings.iter_mut().for_each(|ping| ping.round_trip_us = None);
    }

    #[test]
    fn holds_where_pings_stay_unanswered() {
        assert_eq!(holds(&CAUSE, Sample::ws().opens_with(Variation::plain(), no_pongs)).confidence, Confidence::Proven);
        let silent = Sample::ws().opens_with(Variation::plain(), |session| {
            no_pongs(session);
            session.bytes = 0;
            session.echo = Some(Echo { sent_us: 1_000, same: false, round_trip_us: None });
        });
        assert_eq!(holds(&CAUSE, silent).confidence, Confidence::Possible);
        let _ = holds(&CAUSE, Sample::ws().closes_early(1011, "keepalive ping timeout", 40_000_000));
    }

    #[test]
    fn near_misses() {
        does_not_hold(&CAUSE, Sample::ws().closes_early(1011, "internal error", 2_000));
        let broken = Sample::ws().opens_with(Variation::plain(), |session| {
            no_pongs(session);
            session.faults = vec![("reserved-bits".into(), "x".into())];
        });
        does_not_hold(&CAUSE, broken);
        does_not_hold(&CAUSE, Sample::ws().opens());
    }
}
