//! Something between the two ends changes the frames.

use crate::{Confidence, Finding, Remedy, Symptom, Verdict, cause, certificates, text};
use evidence::{Evidence, Question, Session, TlsVariation, Variation};

cause! {
    /// A product on the way damages the frames
    ///
    /// # What you see
    /// It opens, then `One or more reserved bits are on`, `Invalid frame header`, or messages that never arrive; only on
    /// machines or networks with an antivirus, a content filter or a forward proxy.
    ///
    /// # Why it happens
    /// The product lets the 101 pass and then treats the frames as HTTP: it removes the compression header but not the
    /// compression, buffers until the end, or writes into the stream.
    ///
    /// # What to do
    /// Use `wss://` on 443; exempt the host from "web" or "HTTPS scanning"; leave compression out.
    ///
    /// # How to be sure
    /// Without the product the same session is clean.
    "interception-breaks-frames", Protocol, judge
}

fn judge(evidence: &Evidence) -> Verdict {
    let broken = |session: &Session| !session.faults.is_empty();
    let Some(session) = evidence.session(&Variation::plain()).filter(|session| broken(session.fact)) else { return Verdict::Unseen };
    let fault = &session.fact.faults[0];
    if evidence.case.via.is_some() {
        let direct = Variation { direct: true, ..Variation::default() };
        let Some(clean) = evidence.session(&direct) else {
            let question = Question::Upgrade(direct);
            return if evidence.is_answered(&question) { Verdict::Unseen } else { Verdict::Open(vec![question]) };
        };
        if broken(clean.fact) {
            return Verdict::RuledOut(text!("without the proxy the frames are broken as well"));
        }
        return finding(text!("The forward proxy damages the frames"), Confidence::Proven, session.id, fault)
            .proof(&[clean.id], text!("Without the proxy the same session is clean."))
            .not(text!("the server: directly its frames are right"))
            .holds();
    }
    let product = evidence
        .tls(&TlsVariation::Plain)
        .and_then(|tls| tls.fact.chain.iter().find_map(|certificate| certificates::interceptor(&certificate.issuer)).map(|product| (tls.id, product)));
    let Some((tls, product)) = product else { return Verdict::Unseen };
    finding(text!("{product} on the way may damage the frames", product = product), Confidence::Likely, session.id, fault)
        .proof(&[tls], text!("{product} opens TLS on the way, so it can change what is inside.", product = product))
        .would_tell(text!("Try from a network or machine without the product."))
        .holds()
}

fn finding(title: crate::Text, confidence: Confidence, session: u32, fault: &(String, String)) -> Finding {
    Finding::error(confidence, title)
        .explains(Symptom::FramesBroken)
        .explains(Symptom::BrowserBroken)
        .proof(&[session], text!("What arrives breaks a rule: {detail} ({id}).", detail = &fault.1, id = &fault.0))
        .users(text!("Browsers: Invalid frame header, or One or more reserved bits are on; close code 1006."))
        .remedy(Remedy::new(text!("Exempt the host from inspection (\"web scanning\", \"HTTPS scanning\"), or use wss:// on 443")))
        .remedy(Remedy::new(text!("Until then leave compression out: perMessageDeflate: false in ws, compression=None in Python websockets")))
}

#[cfg(test)]
mod tests {
    use super::CAUSE;
    use crate::sample::{Sample, asks, does_not_hold, holds, via};
    use evidence::{Session, TrustFault, TunnelOutcome, Variation};

    fn damage(session: &mut Session) {
        session.faults = vec![("reserved-bits".into(), "reserved bits are set".into())];
    }

    fn direct() -> Variation {
        Variation { direct: true, ..Variation::default() }
    }

    #[test]
    fn holds_where_the_way_makes_the_difference() {
        let sample = via("ws://app.example/").tunnel("connect", None, TunnelOutcome::Open).opens_with(Variation::plain(), damage);
        assert_eq!(asks(&CAUSE, sample.clone()).len(), 1);
        let _ = holds(&CAUSE, sample.opens_with(direct(), |_| {}));
        let antivirus = Sample::at("wss://app.example/ws")
            .untrusted(TrustFault::UnknownIssuer, |tls| tls.chain[0].issuer = "CN=ESET SSL Filter CA".into());
        let _ = holds(&CAUSE, antivirus.opens_with(Variation::plain(), damage));
    }

    #[test]
    fn near_misses() {
        let both = via("ws://app.example/").tunnel("connect", None, TunnelOutcome::Open).opens_with(Variation::plain(), damage);
        does_not_hold(&CAUSE, both.opens_with(direct(), damage));
        does_not_hold(&CAUSE, Sample::ws().opens_with(Variation::plain(), damage));
        does_not_hold(&CAUSE, Sample::ws().opens());
    }
}
