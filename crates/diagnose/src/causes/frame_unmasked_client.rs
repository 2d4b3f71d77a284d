//! The server gets frames without a mask.

use crate::sessions::closed;
use crate::{Confidence, Remedy, Verdict, cause, text};
use evidence::{Evidence, How, Variation};

cause! {
    /// The server gets frames without a mask
    ///
    /// # What you see
    /// The server closes with 1002: `MASK must be set`, `incorrect masking`. Tornado and some others do not look.
    ///
    /// # Why it happens
    /// A home-made client does not mask (RFC 6455 section 5.1), or a hop that takes frames apart sends them on, or
    /// adds frames of its own, without a mask (Caddy 2.6.2 did at a reload).
    ///
    /// # What to do
    /// Mask every frame of the client with a new random key; update the hop.
    ///
    /// # How to be sure
    /// We always mask: a complaint about our frames means that a hop changed them.
    "frame-unmasked-client", Protocol, judge
}

fn judge(evidence: &Evidence) -> Verdict {
    let complaint = evidence.sessions().find_map(|seen| match &seen.fact.ending.as_ref()?.how {
        How::Close { code: Some(1002), reason } if reason.to_lowercase().contains("mask") => Some((seen.id, reason.clone())),
        _ => None,
    });
    let Some((id, reason)) = complaint else { return Verdict::Unseen };
    let uninvited = closed(evidence).is_some_and(|closed| closed.id == id);
    let mut finding = crate::Finding::error(Confidence::Proven, text!("A hop on the way takes the mask off the client's frames"))
        .explains(crate::Symptom::BrowserBroken)
        .proof(&[id], text!("The server closes with 1002 \"{reason}\", and we masked every frame.", reason = reason));
    if uninvited || evidence.session(&Variation::plain()).is_some_and(|seen| seen.id == id) {
        finding = finding.explains(crate::Symptom::EndedEarly);
    }
    finding.remedy(Remedy::new(text!("Update the hop that takes WebSocket frames apart, or let it pass the stream through untouched"))).holds()
}

#[cfg(test)]
mod tests {
    use super::CAUSE;
    use crate::sample::{Sample, does_not_hold, holds};

    #[test]
    fn holds_where_the_server_complains_about_the_mask() {
        let _ = holds(&CAUSE, Sample::ws().closes_early(1002, "MASK must be set", 2_000));
        let _ = holds(&CAUSE, Sample::ws().closes_early(1002, "incorrect masking", 2_000));
        does_not_hold(&CAUSE, Sample::ws().closes_early(1002, "protocol error", 2_000));
        does_not_hold(&CAUSE, Sample::ws().opens());
    }
}
