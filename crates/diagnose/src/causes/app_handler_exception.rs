//! The handler of the application fails.

use crate::answers::{Refusal, get_proof, not_switched, plain_get, refusal};
use crate::reading::{refused, same_at_random_path};
use crate::sessions::closed;
use crate::{Confidence, Remedy, Verdict, cause, text};
use evidence::{Evidence, Question, Variation};

cause! {
    /// The application's handler fails
    ///
    /// # What you see
    /// 500 in answer to the upgrade, or 101 and at once a close with 1011.
    ///
    /// # Why it happens
    /// The handler, or a check in front of it, throws: a missing query parameter, a database or Redis that does not
    /// answer, a bug. The server library turns that into 500 before, and 1011 after the 101.
    ///
    /// # What to do
    /// Read the application's log at that moment: it has the stack trace.
    ///
    /// # How to be sure
    /// The log has an exception at the second of the handshake; other routes work.
    "app-handler-exception", Upgrade, judge
}

fn judge(evidence: &Evidence) -> Verdict {
    let log = || Remedy::new(text!("Read the application's log at the moment of the handshake: it has the stack trace")).command("journalctl -u APP --since -5min");
    if let Some(closed) = closed(evidence).filter(|closed| closed.code == 1011) {
        if closed.reason_has(&["ping timeout", "keepalive"]) {
            return Verdict::Unseen;
        }
        return closed
            .finding(Confidence::Likely, text!("The application's handler fails after the socket is open"))
            .proof(&[closed.id], text!("1011 means an unexpected error on the server's side (RFC 6455 section 7.4.1)."))
            .users(text!("JavaScript: onclose with code {code} and its reason, right after onopen.", code = closed.code))
            .remedy(log())
            .holds();
    }
    let Some((seen, response)) = refused(evidence).filter(|(_, response)| response.status == 500) else { return Verdict::Unseen };
    // A proxy's 500 looks like it where the words do not tell; a plain GET does.
    if !matches!(refusal(response), None | Some(Refusal::Upstream)) {
        return Verdict::Unseen;
    }
    let Some((_, get)) = plain_get(evidence) else { return Verdict::Open(vec![Question::Upgrade(Variation::without_upgrade())]) };
    let everywhere = get.status == 500 && same_at_random_path(evidence) == Some(true);
    let title = if everywhere {
        text!("The application fails on every request, not only on sockets")
    } else {
        text!("The application's handler fails during the handshake")
    };
    let mut finding = not_switched(if everywhere { Confidence::Possible } else { Confidence::Likely }, seen, response, title)
        .proof_if(get_proof(evidence));
    if get.status < 500 {
        finding = finding.not(text!("an application that is down: plain requests are answered"));
    } else if same_at_random_path(evidence) == Some(false) {
        finding = finding.not(text!("an application that fails altogether: another path is answered differently"));
    }
    finding.remedy(log()).yields_to(&["upgrade-bad-gateway", "app-middleware-not-hijackable"]).holds()
}

#[cfg(test)]
mod tests {
    use super::CAUSE;
    use crate::Confidence;
    use crate::sample::{Sample, does_not_hold, holds};
    use evidence::{PathVariant, Variation};

    #[test]
    fn holds_for_500_and_1011() {
        let only_upgrades = Sample::ws().answer(500, "Internal Server Error").experiment(Variation::without_upgrade(), 200, "ok");
        assert_eq!(holds(&CAUSE, only_upgrades).confidence, Confidence::Likely);
        let route = Sample::ws()
            .answer_with(500, &["server: Python/3.11 aiohttp/3.14.5"], "500 Internal Server Error")
            .experiment(Variation::without_upgrade(), 500, "500 Internal Server Error")
            .experiment(Variation::path(PathVariant::Random), 404, "404: Not Found");
        assert_eq!(holds(&CAUSE, route).confidence, Confidence::Likely);
        let _ = holds(&CAUSE, Sample::ws().closes_early(1011, "internal error", 3_000));
    }

    #[test]
    fn near_misses() {
        does_not_hold(&CAUSE, Sample::ws().closes_early(1011, "keepalive ping timeout", 3_000));
        let hijacker = "websocket: response does not implement http.Hijacker";
        does_not_hold(&CAUSE, Sample::ws().answer(500, hijacker).experiment(Variation::without_upgrade(), 200, "ok"));
        does_not_hold(&CAUSE, Sample::ws().answer(502, ""));
    }
}
