//! The server takes one connection at a time.

use crate::reading::{answer, duration, ending};
use crate::sessions::disturbed;
use crate::{Confidence, Finding, Remedy, Stack, Verdict, cause, text};
use evidence::Evidence;

cause! {
    /// The server takes one connection at a time
    ///
    /// # What you see
    /// One connection works. While it is open, a second one is refused, or throws the first one out: often 4001 or 4409
    /// with a reason such as "replaced by a newer connection", or an end without a word.
    ///
    /// # Why it happens
    /// Devices have room for few sockets; applications want one session a user. That is allowed, and surprises with the
    /// second tab, the second device, and a reconnect before the server knows that the old connection is gone.
    ///
    /// # What to do
    /// Wait for the end of the old connection before the next one. A client that was replaced must not reconnect by
    /// itself, or two of them throw each other out for ever.
    ///
    /// # How to be sure
    /// The handshake that failed beside another one works alone, again and again. If it fails alone as well now and then,
    /// the number of connections is not why.
    "app-one-connection", Upgrade, judge
}

fn judge(evidence: &Evidence) -> Verdict {
    let Some(seen) = disturbed(evidence) else { return Verdict::Unseen };
    let first = match seen.session.as_ref().and_then(|session| Some((session.id, session.fact.ending.as_ref()?))) {
        Some((id, end)) => (
            id,
            text!(
                "While a second connection was opened, the first one ended after {time}: {how}.",
                time = duration(end.after_us),
                how = ending(&end.how)
            ),
        ),
        None => (
            seen.first.id,
            text!("While another connection was open, the handshake got: {answer}.", answer = answer(&seen.first.answer)),
        ),
    };
    Finding::warning(Confidence::Likely, text!("The server seems to take one connection at a time"))
        .proof(&[first.0], first.1)
        .proof(&[seen.alone.id], text!("Alone, the same handshake opens and stays open."))
        .users(text!("A second tab or device, or a reconnect that comes too early, is refused or ends the first connection."))
        .remedy(Remedy::for_stack(
            Stack::Browser,
            text!("Open the next connection only after the old one is closed, and not at all after being replaced"),
            "socket.onclose = (event) => { if (event.code !== 4001) setTimeout(connect, pause); };\nsocket.close();",
        ))
        .remedy(Remedy::new(text!("If clients need several connections, raise the limit in the server")))
        .would_tell(text!("Repeat the check: if a connection fails alone as well now and then, the server fails by chance."))
        .holds()
}

#[cfg(test)]
mod tests {
    use super::CAUSE;
    use crate::diagnosis::{Diagnosis, Overall};
    use crate::sample::{Sample, does_not_hold, holds};
    use evidence::{Ending, HoldKind, How, Question, Session, Variation};

    fn replaced(session: &mut Session) {
        session.echo = None;
        let how = How::Close { code: Some(4001), reason: "replaced by a newer connection".into() };
        session.ending = Some(Ending { how, after_us: 3_000, idle_us: 100 });
    }

    fn first_replaced() -> Sample {
        Sample::ws().opens_with(Variation::plain(), replaced).opens_with(Variation::browser(), |_| {})
    }

    fn second_refused() -> Sample {
        Sample::ws().opens().experiment(Variation::browser(), 503, "busy")
    }

    #[test]
    fn holds_where_only_the_company_disturbs() {
        for sample in [
            first_replaced().opens_with(Variation::plain().again(), |_| {}),
            second_refused().opens_with(Variation::browser().again(), |_| {}),
        ] {
            let _ = holds(&CAUSE, sample.clone());
            let conclusion = Diagnosis::resume(sample.evidence()).conclude();
            let causes: Vec<_> = conclusion.findings.iter().map(|finding| finding.cause).collect();
            assert_eq!((conclusion.overall, causes.as_slice()), (Overall::Warned, &["app-one-connection"][..]));
        }
    }

    #[test]
    fn near_misses() {
        does_not_hold(&CAUSE, Sample::ws().opens().opens_with(Variation::browser(), |_| {}));
        does_not_hold(&CAUSE, first_replaced());
        does_not_hold(&CAUSE, first_replaced().opens_with(Variation::plain().again(), replaced));
        does_not_hold(&CAUSE, second_refused().experiment(Variation::browser().again(), 503, "busy"));
    }

    #[test]
    fn the_second_try_is_made_alone_and_before_all_else() {
        let asked = |sample: Sample| {
            let mut diagnosis = Diagnosis::resume(sample.case(|case| case.hold_us = Some(2_000_000)).evidence());
            std::iter::from_fn(|| diagnosis.poll()).collect::<Vec<_>>()
        };
        let again = Question::Upgrade(Variation::plain().again());
        assert_eq!(asked(first_replaced()), std::slice::from_ref(&again));
        // A third connection may have ended the second one.
        let both = Sample::ws().opens_with(Variation::plain(), replaced).opens_with(Variation::browser(), replaced);
        assert_eq!(asked(both.clone()), std::slice::from_ref(&again));
        let browser = Question::Upgrade(Variation::browser().again());
        let alone = both.clone().opens_with(Variation::plain().again(), |_| {});
        assert_eq!(asked(alone), std::slice::from_ref(&browser));
        // It ends like that whoever comes.
        assert!(!asked(both.opens_with(Variation::plain().again(), replaced)).contains(&browser));
        // A refusal that says why has no need of it.
        let origin = Sample::ws().opens().experiment(Variation::browser(), 403, "origin");
        assert!(!asked(origin).contains(&browser));
        let holds = asked(Sample::ws().opens().opens_with(Variation::browser(), |_| {}));
        assert_eq!(holds.iter().filter(|question| matches!(question, Question::Hold { .. })).count(), 4);
        let known = first_replaced().opens_with(Variation::plain().again(), |_| {});
        let known = known.answered(Question::Environment).answered(Question::Resolve);
        let quiet = |question: &Question| matches!(question, Question::Hold { kind: HoldKind::Quiet, run: 0, .. });
        assert!(asked(known).iter().all(|question| !matches!(question, Question::Hold { .. }) || quiet(question)));
    }
}
