//! The server writes longer lengths wrongly.

use crate::sessions::broken;
use crate::{Confidence, Finding, Remedy, Symptom, Verdict, cause, text};
use evidence::{Evidence, MessageKind, Question, Seen, Session, Sizes, StepEnd, Variation};

cause! {
    /// The server writes the length of longer messages wrongly
    ///
    /// # What you see
    /// Messages up to 125 bytes pass; from 126 (or 65536) bytes on Chrome says "Invalid frame header".
    ///
    /// # Why it happens
    /// Lengths above 125 take two or eight bytes more (RFC 6455 section 5.2). Home-made servers leave them out, swap
    /// their bytes, or use the long form for short lengths.
    ///
    /// # What to do
    /// 0 to 125: in the second byte. Up to 65535: 126 and two bytes. Beyond: 127 and eight bytes. Big-endian, and
    /// always the shortest form.
    ///
    /// # How to be sure
    /// Messages of 125, 126, 65535 and 65536 bytes: it breaks exactly at such a border.
    "frame-length-encoding-bug", Protocol, judge
}

/// What a stream looks like once its frames are read from the wrong place.
const LOST: &[&str] = &[
    "reserved-bits",
    "unknown-opcode",
    "masked-by-server",
    "control-too-long",
    "control-fragmented",
    "continuation-without-start",
    "new-message-inside-fragments",
];

fn judge(evidence: &Evidence) -> Verdict {
    if let Some(broken) = broken(evidence, &["non-minimal-length", "length-too-large"]) {
        return broken
            .finding(text!("The server writes the length of a frame in a form that is not allowed"), "Invalid frame header")
            .remedy(remedy())
            .holds();
    }
    if let Some((seen, below, above)) = evidence.sizes().find_map(border) {
        return Finding::error(Confidence::Proven, text!("The server writes the length of messages above {below} bytes wrongly", below = below))
            .explains(Symptom::FramesBroken)
            .explains(Symptom::SizeLimited)
            .explains(Symptom::BrowserBroken)
            .proof(&[seen.id], text!("A message of {below} bytes came back as it was sent.", below = below))
            .proof(&[seen.id], text!("After one of {above} bytes the frames cannot be read any more.", above = above))
            .users(text!("Chrome says: {message}. JavaScript sees only close code 1006.", message = "Invalid frame header"))
            .remedy(remedy())
            .holds();
    }
    // Frames were in order until an answer came: the size of that answer may be what it is about.
    let lost = [Variation::plain(), Variation::browser()]
        .iter()
        .any(|variation| evidence.session(variation).is_some_and(lost_after_answer));
    if lost && evidence.sizes().next().is_none() {
        return Verdict::Open(vec![Question::Sizes { top: 1024, kind: MessageKind::Text }]);
    }
    Verdict::Unseen
}

fn lost_after_answer(seen: Seen<'_, Session>) -> bool {
    let lost = seen.fact.faults.iter().any(|(fault, _)| LOST.contains(&fault.as_str()));
    let answered = seen.fact.frames.iter().any(|frame| frame.kind == "text" || frame.kind == "binary");
    // The short message did not come back; or it did, and the longer one after it was the end.
    lost && answered && (seen.fact.binary_sent_us.is_some() || seen.fact.echo.as_ref().is_some_and(|echo| !echo.same))
}

/// A ladder that breaks just above 125 or 65535 bytes.
fn border<'a>(seen: Seen<'a, Sizes>) -> Option<(Seen<'a, Sizes>, u64, u64)> {
    let fine = |end: &StepEnd| matches!(end, StepEnd::Echoed);
    let first_bad = seen
        .fact
        .steps
        .iter()
        .filter(|step| matches!(&step.end, StepEnd::Broke(fault, _) if LOST.contains(&fault.as_str())))
        .map(|step| step.size)
        .min()?;
    let below = if first_bad > 65_535 { 65_535 } else { 125 };
    let last_good = seen.fact.steps.iter().filter(|step| fine(&step.end) && step.size < first_bad).map(|step| step.size).max()?;
    let crosses = last_good <= below && first_bad > below && (below == 125 || last_good > 125);
    crosses.then_some((seen, below, first_bad))
}

fn remedy() -> Remedy {
    Remedy::new(text!("Up to 125 bytes: the length itself; up to 65535: 126 and two bytes; beyond: 127 and eight bytes, big-endian"))
}

#[cfg(test)]
mod tests {
    use super::CAUSE;
    use crate::Verdict;
    use crate::sample::{Sample, does_not_hold, holds};
    use evidence::{Echo, Fact, FrameSeen, MessageKind, Place, SizeStep, Sizes, StepEnd, Variation};

    fn broke() -> StepEnd {
        StepEnd::Broke("reserved-bits".into(), "x".into())
    }

    fn ladder(sample: Sample, steps: Vec<(u64, StepEnd)>) -> Sample {
        let steps = steps.into_iter().map(|(size, end)| SizeStep { size, kind: MessageKind::Text, end, took_us: 1_000 }).collect();
        sample.fact(Place::Server, Fact::Sizes(Sizes { steps, echoes: true }))
    }

    #[test]
    fn holds_at_the_borders_of_the_length_forms() {
        let _ = holds(&CAUSE, ladder(Sample::ws().opens(), vec![(125, StepEnd::Echoed), (126, broke())]));
        let _ = holds(&CAUSE, ladder(Sample::ws().opens(), vec![(16_384, StepEnd::Echoed), (65_536, broke())]));
        let lost = Sample::ws().opens_with(Variation::plain(), |session| {
            session.faults = vec![("reserved-bits".into(), "x".into())];
            session.frames = vec![FrameSeen { at_us: 100, kind: "text".into(), length: 44 }];
            session.echo = Some(Echo { sent_us: 50, same: false, round_trip_us: None });
        });
        assert!(matches!(CAUSE.judge(&lost.evidence()), Verdict::Open(_)));
    }

    #[test]
    fn near_misses() {
        does_not_hold(&CAUSE, ladder(Sample::ws().opens(), vec![(1_300, StepEnd::Echoed), (1_500, broke())]));
        does_not_hold(&CAUSE, ladder(Sample::ws().opens(), vec![(0, broke())]));
        let at_once = Sample::ws().opens_with(Variation::plain(), |session| {
            session.faults = vec![("reserved-bits".into(), "x".into())];
        });
        assert_eq!(CAUSE.judge(&at_once.evidence()), Verdict::Unseen);
        does_not_hold(&CAUSE, Sample::ws().opens());
    }
}
