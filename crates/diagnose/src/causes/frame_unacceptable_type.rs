//! The server does not take messages of this type.

use crate::{Confidence, Finding, Remedy, Symptom, Verdict, cause, text};
use evidence::{Evidence, How, MessageKind, StepEnd, Variation};

cause! {
    /// The server does not take messages of this type
    ///
    /// # What you see
    /// Close 1003 after a binary (or a text) message; messages of the other type pass.
    ///
    /// # Why it happens
    /// The application expects text (JSON) and gets binary, or the other way round. Clients send binary where the
    /// argument is a buffer or `Blob`, text where it is a string.
    ///
    /// # What to do
    /// Send the type that the application reads: `socket.send(string)` or `socket.send(arrayBuffer)`.
    ///
    /// # How to be sure
    /// Both types of the same size: only one ends the connection.
    "frame-unacceptable-type", Protocol, judge
}

fn judge(evidence: &Evidence) -> Verdict {
    let step = evidence.sizes().find_map(|seen| {
        seen.fact.steps.iter().find_map(|step| match &step.end {
            StepEnd::Ended(ending) => refused(&ending.how).map(|reason| (seen.id, step.kind, reason)),
            _ => None,
        })
    });
    let message = || {
        [Variation::plain(), Variation::browser()].iter().find_map(|variation| {
            let seen = evidence.session(variation)?;
            let ending = seen.fact.ending.as_ref().filter(|_| !seen.fact.ended_uninvited())?;
            // After a text that came back the binary one is the first that it dislikes. A text that it dislikes may be
            // one that the application does not know, and says nothing about other texts.
            let reason = refused(&ending.how).filter(|_| seen.fact.binary_sent_us.is_some())?;
            Some((seen.id, MessageKind::Binary, reason))
        })
    };
    let asked_for = step.is_some();
    let Some((id, kind, reason)) = step.or_else(message) else { return Verdict::Unseen };
    let other = evidence.sizes().find(|seen| {
        seen.fact.steps.iter().any(|step| step.kind != kind && matches!(step.end, StepEnd::Echoed | StepEnd::Taken))
    });
    // Where messages of both types end it, it is what they say that the application does not know.
    if asked_for && other.is_none() {
        return Verdict::Unseen;
    }
    let title = match kind {
        MessageKind::Text => text!("The server takes no text messages"),
        MessageKind::Binary => text!("The server takes no binary messages"),
    };
    // A server that reads one type only is nothing bad, until somebody wants to send it the other.
    let finding = if asked_for { Finding::error(Confidence::Proven, title) } else { Finding::note(Confidence::Proven, title) };
    let mut finding = finding
        .explains(Symptom::SizeLimited)
        .proof(&[id], text!("It closes with 1003 (unacceptable data): \"{reason}\"", reason = reason));
    if let Some(other) = other {
        finding = finding.proof(&[other.id], text!("Messages of the other type get through."));
    }
    finding.remedy(Remedy::new(text!("Send the type that the application reads: text for JSON, binary for bytes"))).holds()
}

fn refused(how: &How) -> Option<&str> {
    match how {
        How::Close { code: Some(1003), reason } => Some(reason),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::CAUSE;
    use crate::Severity;
    use crate::sample::{Sample, does_not_hold, holds};
    use evidence::{Ending, Fact, How, MessageKind, Place, SizeStep, Sizes, StepEnd, Variation};

    fn close(code: u16) -> StepEnd {
        let how = How::Close { code: Some(code), reason: "only text is accepted".into() };
        StepEnd::Ended(Ending { how, after_us: 1_000, idle_us: 0 })
    }

    fn ladders(text: StepEnd, binary: StepEnd) -> Sample {
        let sizes = |kind, end| {
            let steps = vec![SizeStep { size: 1, kind, end, took_us: 1_000 }];
            Fact::Sizes(Sizes { steps, echoes: true })
        };
        let sample = Sample::ws().opens().fact(Place::Server, sizes(MessageKind::Text, text));
        sample.fact(Place::Server, sizes(MessageKind::Binary, binary))
    }

    fn after_our_message(binary_sent_us: Option<u64>) -> Sample {
        Sample::ws().opens_with(Variation::browser(), |session| {
            session.binary_sent_us = binary_sent_us;
            let how = How::Close { code: Some(1003), reason: "unknown message".into() };
            session.ending = Some(Ending { how, after_us: 60_000, idle_us: 0 });
        })
    }

    #[test]
    fn holds_for_1003_after_one_type_only() {
        assert!(holds(&CAUSE, ladders(StepEnd::Echoed, close(1003))).title.english().contains("binary"));
        assert!(holds(&CAUSE, ladders(close(1003), StepEnd::Taken)).title.english().contains("text"));
        assert_eq!(holds(&CAUSE, after_our_message(Some(50_000))).severity, Severity::Note);
    }

    #[test]
    fn near_misses() {
        does_not_hold(&CAUSE, ladders(StepEnd::Echoed, close(1009)));
        // What it does not know is the message, of whatever type.
        does_not_hold(&CAUSE, ladders(close(1003), close(1003)));
        does_not_hold(&CAUSE, after_our_message(None));
        does_not_hold(&CAUSE, Sample::ws().closes_early(1003, "", 1_000));
        does_not_hold(&CAUSE, Sample::ws().opens());
    }
}
