//! Too many handshakes or connections.

use crate::answers::{Refusal, not_switched, refusal, refused_as};
use crate::reading::{hop, status_line};
use crate::sessions::closed;
use crate::{Confidence, Finding, Remedy, Stack, Symptom, Verdict, cause, recipes, text};
use evidence::Evidence;

cause! {
    /// Too many handshakes or connections
    ///
    /// # What you see
    /// 429, often with `Retry-After`; nginx: 503 from `limit_req` or `limit_conn`; or a close with 1013.
    ///
    /// # Why it happens
    /// A limit per address or user: many tabs, many people behind one NAT, a client that reconnects without pause.
    ///
    /// # What to do
    /// Client: wait longer after each failure, with a random part, and honour `Retry-After`. Server: a limit that
    /// fits the number of sockets behind one address, and one that sockets do not share with pages.
    ///
    /// # How to be sure
    /// After a pause the same handshake opens; the limiter's log names its zone.
    "app-rate-limited", Upgrade, judge
}

fn judge(evidence: &Evidence) -> Verdict {
    if let Some((seen, response)) = refused_as(evidence, Refusal::RateLimit) {
        let sure = response.status == 429;
        let title = if sure {
            text!("{hop} limits the rate of handshakes, and the limit is reached", hop = hop(response))
        } else {
            text!("nginx refuses by itself: a limit of requests or connections is reached")
        };
        let mut finding = not_switched(if sure { Confidence::Proven } else { Confidence::Likely }, seen, response, title);
        if let Some(after) = response.header("retry-after") {
            finding = finding.proof(&[seen.id], text!("It says when to come back: Retry-After: {after}", after = after));
        }
        if !sure {
            finding = finding
                .proof(&[seen.id], text!("A 503 of nginx's own comes from limit_req or limit_conn; a dead application would be a 502."))
                .would_tell(text!("nginx's error log says \"limiting requests\" or \"limiting connections\" and names the zone."));
        }
        return finding.remedies(recipes::for_response(Some(response), remedies())).holds();
    }
    if let Some(closed) = closed(evidence).filter(|closed| {
        closed.code == 1013 || (matches!(closed.code, 1008 | 4429 | 4029) && closed.reason_has(&["rate", "too many", "limit", "slow down"]))
    }) {
        return closed
            .finding(Confidence::Likely, text!("The server opens, then closes: it is too busy or a limit is reached"))
            .proof(&[closed.id], text!("1013 means: try again later (IANA close code registry)."))
            .users(text!("JavaScript: onclose with code {code} and its reason, right after onopen.", code = closed.code))
            .remedies(remedies())
            .holds();
    }
    // The handshake itself went well, and our further ones were too many.
    let opened = evidence.handshake().is_some_and(|seen| seen.opened());
    let limited = evidence.exchanges().find(|seen| seen.fact.response().is_some_and(|response| response.status == 429));
    let Some(seen) = limited.filter(|_| opened) else { return Verdict::Unseen };
    let Some(response) = seen.fact.response().filter(|response| refusal(response) == Some(Refusal::RateLimit)) else { return Verdict::Unseen };
    let so_far = evidence.exchanges().take_while(|other| other.id != seen.id).count();
    Finding::warning(Confidence::Proven, text!("A few handshakes in a row reach a limit of the server"))
        .explains(Symptom::BrowserRefused)
        .proof(&[seen.id], text!("After {count} requests the next one gets {status}.", count = so_far, status = status_line(response)))
        .remedies(recipes::for_response(Some(response), remedies()))
        .holds()
}

fn remedies() -> Vec<Remedy> {
    vec![
        Remedy::for_stack(
            Stack::Browser,
            text!("Reconnect with growing pauses and a random part"),
            "const pause = Math.random() * Math.min(30_000, 1_000 * 2 ** attempt);\nsetTimeout(connect, pause);",
        ),
        Remedy::for_stack(
            Stack::Nginx,
            text!("Give sockets a limit of their own: each holds its connection for hours"),
            "limit_req zone=handshakes burst=20 nodelay;\nlimit_conn sockets 200;\nlimit_req_status 429;   # 503 looks like an outage\nlimit_conn_status 429;",
        ),
        Remedy::new(text!("Raise the limit, or count by user instead of by address")),
    ]
}

#[cfg(test)]
mod tests {
    use super::CAUSE;
    use crate::sample::{Sample, does_not_hold, holds};
    use crate::{Confidence, Severity};
    use evidence::Variation;

    #[test]
    fn holds_for_limits() {
        let many = Sample::ws().answer_with(429, &["retry-after: 30"], "");
        assert_eq!(holds(&CAUSE, many).confidence, Confidence::Proven);
        let nginx = Sample::ws().answer_with(503, &["server: nginx/1.22.1"], "<center>nginx/1.22.1</center>");
        assert_eq!(holds(&CAUSE, nginx).confidence, Confidence::Likely);
        let _ = holds(&CAUSE, Sample::ws().closes_early(1013, "try again later", 2_000));
        let ours = Sample::ws().opens().experiment(Variation::browser(), 429, "slow down");
        assert_eq!(holds(&CAUSE, ours).severity, Severity::Warning);
    }

    #[test]
    fn near_misses() {
        does_not_hold(&CAUSE, Sample::ws().answer(503, "maintenance"));
        does_not_hold(&CAUSE, Sample::ws().closes_early(1008, "invalid token", 2_000));
        does_not_hold(&CAUSE, Sample::ws().opens());
    }
}
