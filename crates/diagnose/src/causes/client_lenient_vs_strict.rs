//! Some clients overlook what others refuse.

use crate::{Confidence, Finding, Remedy, Verdict, cause, text};
use evidence::{Evidence, HandshakeFault, Variation};

cause! {
    /// Some clients overlook what others refuse
    ///
    /// # What you see
    /// A test with one tool works, the browser fails; or the other way round.
    ///
    /// # Why it happens
    /// Libraries check different things. Python clients accept masked frames from a server and extensions that nobody offered;
    /// browsers and Node.js `ws` end the connection. Nobody but browsers fails where a subprotocol was offered and none chosen.
    ///
    /// # What to do
    /// Correct the server. Do not take a lenient client's success as a proof that the server is right.
    ///
    /// # How to be sure
    /// This check judges the handshake and every frame strictly, and names each rule that is broken.
    "client-lenient-vs-strict", Protocol, judge
}

fn judge(evidence: &Evidence) -> Verdict {
    let Some(handshake) = evidence.handshake() else { return Verdict::Unseen };
    let lenient = handshake.fact.response().filter(|response| response.status == 101).is_some_and(|response| {
        !response.faults.is_empty()
            && response.faults.iter().all(|fault| {
                matches!(fault, HandshakeFault::ExtensionNotOffered(_) | HandshakeFault::ExtensionEmpty | HandshakeFault::SubprotocolNotAnswered)
            })
    });
    let masked = evidence.session(&Variation::plain()).filter(|session| session.fault("masked-by-server").is_some());
    let id = match (lenient, &masked) {
        (true, _) => handshake.id,
        (false, Some(session)) => session.id,
        (false, None) => return Verdict::Unseen,
    };
    Finding::note(Confidence::Proven, text!("Some programs connect to this server all the same: they check less than browsers do"))
        .proof(&[id], text!("What the server breaks is checked by browsers and Node.js ws, and overlooked by aiohttp, websocket-client and others."))
        .remedy(Remedy::new(text!("Test with a strict client, and correct the server rather than the client")))
        .holds()
}

#[cfg(test)]
mod tests {
    use super::CAUSE;
    use crate::sample::{Sample, does_not_hold, faulty_101, holds};
    use evidence::{HandshakeFault, Variation};

    #[test]
    fn holds_for_what_is_often_overlooked() {
        let faults = vec![HandshakeFault::ExtensionNotOffered("foo".into())];
        let _ = holds(&CAUSE, Sample::ws().exchange(Variation::plain(), faulty_101(&[], faults)));
        let masked = Sample::ws().opens_with(Variation::plain(), |session| {
            session.faults = vec![("masked-by-server".into(), "the server masked a frame".into())];
        });
        let _ = holds(&CAUSE, masked);
    }

    #[test]
    fn near_misses() {
        // Everybody refuses that.
        does_not_hold(&CAUSE, Sample::ws().exchange(Variation::plain(), faulty_101(&[], vec![HandshakeFault::AcceptMissing])));
        does_not_hold(&CAUSE, Sample::ws().opens());
    }
}
