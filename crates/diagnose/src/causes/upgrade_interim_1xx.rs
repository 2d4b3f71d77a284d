//! An interim response comes before the 101.

use crate::{Confidence, Finding, Remedy, Stack, Symptom, Verdict, cause, text};
use evidence::Evidence;

cause! {
    /// An interim response comes before the 101
    ///
    /// # What you see
    /// Chrome: "Unexpected response code: 103" (or 100). Tools that read on until the final response connect.
    ///
    /// # Why it happens
    /// The server or a CDN sends 103 Early Hints (or 100 Continue) on every path. Browsers take the first status
    /// line of the handshake for the answer.
    ///
    /// # What to do
    /// Send no early hints on the path of the socket.
    ///
    /// # How to be sure
    /// The first status line of the answer is a 1xx other than 101.
    "upgrade-interim-1xx", Upgrade, judge
}

fn judge(evidence: &Evidence) -> Verdict {
    let Some(handshake) = evidence.handshake() else { return Verdict::Unseen };
    let Some(response) = handshake.fact.response() else { return Verdict::Unseen };
    let (Some(first), 101) = (response.interim.first(), response.status) else { return Verdict::Unseen };
    Finding::error(Confidence::Proven, text!("The server sends {status} before the 101, which browsers take for the answer", status = *first))
        .explains(Symptom::BrowserRefused)
        .proof(&[handshake.id], text!("The first status is {status}, and only then comes 101.", status = *first))
        .users(text!("Browsers: close code 1006 and \"Unexpected response code: {status}\".", status = *first))
        .remedy(Remedy::for_stack(
            Stack::Nginx,
            text!("Pass early hints on only to pages (nginx 1.29 or later)"),
            "map $http_sec_fetch_mode $early_hints { navigate 1; }   # in http { }\nearly_hints $early_hints;",
        ))
        .remedy(Remedy::for_stack(Stack::Cloudflare, text!("Switch Early Hints off for the path"), "Speed → Optimization → Early Hints"))
        .remedy(Remedy::new(text!("Send no early hints and no 100 Continue on the path of the socket")))
        .holds()
}

#[cfg(test)]
mod tests {
    use super::CAUSE;
    use crate::sample::{Sample, does_not_hold, holds, response};
    use evidence::{Answer, Response, Variation};

    fn interim(first: u16, then: u16) -> Sample {
        let response = Response { interim: vec![first], ..response(then, &[], "") };
        Sample::ws().exchange(Variation::plain(), Answer::Response(Box::new(response)))
    }

    #[test]
    fn holds_for_early_hints() {
        let _ = holds(&CAUSE, interim(103, 101));
        let _ = holds(&CAUSE, interim(100, 101));
    }

    #[test]
    fn near_misses() {
        does_not_hold(&CAUSE, interim(103, 200));
        does_not_hold(&CAUSE, Sample::ws().opens());
    }
}
