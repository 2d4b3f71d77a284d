//! Reserved bits are set that nothing negotiated allows.

use crate::sessions::broken;
use crate::{Remedy, Stack, Verdict, cause, recipes, text, Finding, Safety, Severity, settings, Symptom};
use evidence::{Evidence, Variation, Wish};

cause! {
    /// Reserved bits of a frame are set
    ///
    /// # What you see
    /// Chrome: "One or more reserved bits are on: reserved1 = 1, …"; Python: 1002 `reserved bits must be 0`; node:
    /// `RSV1 must be clear`.
    ///
    /// # Why it happens
    /// Only where compression is offered: the server compresses, and a hop took `Sec-WebSocket-Extensions` out of
    /// its 101, so that the client does not know. Always: something on the way corrupts the stream (antivirus, a
    /// proxy that writes into it), or the server counts its frame lengths wrongly.
    ///
    /// # What to do
    /// Pass `Sec-WebSocket-Extensions` on in both directions or in none; or switch compression off in the server.
    ///
    /// # How to be sure
    /// Compare a handshake that offers compression with one that does not.
    "frame-reserved-bits", Protocol, judge, told: told
}

fn judge(evidence: &Evidence) -> Verdict {
    let Some(broken) = broken(evidence, &["reserved-bits"]) else { return Verdict::Unseen };
    let hidden = broken.browser_only() && !broken.compressed();
    let title = if hidden {
        text!("The server compresses although its 101 agrees on nothing: a hop removes Sec-WebSocket-Extensions")
    } else {
        text!("Frames arrive with reserved bits set: something corrupts the stream")
    };
    let mut finding = broken
        .finding(title, "One or more reserved bits are on")
        .yields_to(&["frame-length-encoding-bug", "interception-breaks-frames", "frame-http-in-stream"]);
    if hidden {
        let plain = evidence.session(&Variation::plain()).map_or(broken.id, |seen| seen.id);
        finding = finding
            .proof(&[plain], text!("Without an offer of compression the same server's frames are in order."))
            .not(text!("corruption on the way: that would not depend on the offer"));
    }
    let response = evidence.handshake().and_then(|seen| seen.fact.response());
    finding.remedies(recipes::for_response(response, remedies())).holds()
}

/// Keeps compression out; `frame-deflate-corrupt` needs the same.
pub(super) fn remedies() -> Vec<Remedy> {
    vec![
        Remedy::for_stack(
            Stack::Nginx,
            text!("Offer the application no compression, so that nothing is agreed"),
            "proxy_set_header Sec-WebSocket-Extensions \"\";   # the request's header; never hide only the response's",
        ),
        Remedy::for_stack(Stack::Node, text!("Switch compression off"), "new WebSocketServer({ server, perMessageDeflate: false })"),
        Remedy::for_stack(
            Stack::Python,
            text!("Switch compression off"),
            "# websockets\nserve(handler, host, port, compression=None)\n# uvicorn\nuvicorn app:app --ws-per-message-deflate false\n# aiohttp\nweb.WebSocketResponse(compress=False)",
        ),
        Remedy::for_stack(Stack::Go, text!("Switch compression off"), "websocket.Upgrader{EnableCompression: false}"),
    ]
}

/// The configuration takes the header away.
fn told(evidence: &Evidence) -> Option<Finding> {
    let seen = settings::cleared(evidence, "Sec-WebSocket-Extensions")?;
    let title = text!("{hop} takes Sec-WebSocket-Extensions out of the answer: the server compresses, and the client does not know", hop = settings::product(evidence));
    let wish = Wish::LeaveHeader("Sec-WebSocket-Extensions".to_owned());
    let remedy = Remedy::wish(Safety::Safe, text!("Leave {header} alone", header = "Sec-WebSocket-Extensions"), wish);
    Some(settings::finding(evidence, seen, Severity::Error, title).explains(Symptom::FramesBroken).remedy(remedy))
}

#[cfg(test)]
mod tests {
    use super::CAUSE;
    use crate::sample::{Sample, does_not_hold, holds};
    use evidence::{Session, Variation};

    fn rsv(session: &mut Session) {
        session.faults = vec![("reserved-bits".into(), "reserved bits are set: RSV1".into())];
    }

    #[test]
    fn holds_and_tells_a_hidden_agreement_from_corruption() {
        let always = holds(&CAUSE, Sample::ws().opens_with(Variation::plain(), rsv));
        assert!(always.title.english().contains("corrupts"));
        let offered = holds(&CAUSE, Sample::ws().opens().opens_with(Variation::browser(), rsv));
        assert!(offered.title.english().contains("agrees on nothing"));
        let agreed = Sample::ws().opens().opens_with(Variation::browser(), |session| {
            session.deflate = true;
            session.faults = vec![("deflate-broken".into(), "x".into())];
        });
        does_not_hold(&CAUSE, agreed);
        does_not_hold(&CAUSE, Sample::ws().opens());
    }
}
