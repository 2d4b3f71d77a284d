//! `Upgrade` arrives, `Connection: Upgrade` does not.

use crate::answers::{Refusal, not_switched, plain_get, refused_as};
use crate::fingerprint::Product;
use crate::reading::{front, hop};
use crate::{Confidence, Verdict, cause, recipes, text, Finding, Remedy, Safety, Severity, settings, Symptom};
use evidence::{Evidence, Setting, Wish, Passing};

cause! {
    /// A hop replaces `Connection: Upgrade`
    ///
    /// # What you see
    /// 400 or 426 that complains about the `Connection` header: `No CONNECTION upgrade hdr`,
    /// `"Connection" must be "Upgrade"`, `'upgrade' token not found in 'Connection' header`.
    ///
    /// # Why it happens
    /// A handshake needs both headers. The proxy was told to pass `Upgrade` on and writes its own `Connection`
    /// (nginx: `close`, or `""` from a keep-alive recipe) unless that line is there, too.
    ///
    /// # What to do
    /// Set both headers in the location of the socket. With nginx take the value from a map, so that ordinary
    /// requests keep their connection.
    ///
    /// # How to be sure
    /// The server itself opens when it is asked past the proxy, and its message names `Connection`, not `Upgrade`.
    "upgrade-connection-token-missing", Upgrade, judge, told: told
}

fn judge(evidence: &Evidence) -> Verdict {
    let Some((seen, response)) = refused_as(evidence, Refusal::ConnectionToken) else { return Verdict::Unseen };
    let hop = hop(response);
    let because = (front(response) == Some(Product::Nginx)).then_some("nginx-connection-cleared");
    let mut finding = not_switched(
        Confidence::Proven,
        seen,
        response,
        text!("{hop} does not pass \"Connection: Upgrade\" on to the application", hop = hop),
    )
    .because(because)
    .proof(&[seen.id], text!("We sent \"Connection: Upgrade\"; the application says that it did not arrive."))
    .remedies(recipes::for_response(Some(response), recipes::forward_upgrade(evidence.case.target.bare_path())))
    .yields_to(&["upgrade-connection-case-or-list-bug"]);
    // Some servers look at Connection first and say this also where both headers are lost.
    if let Some((id, other)) = plain_get(evidence)
        && !other.says_the_same_as(response)
    {
        finding = finding
            .proof(&[id], text!("A plain GET is answered differently, so something of the upgrade does arrive."))
            .not(text!("both headers lost: then a plain GET would get the same answer"));
    }
    finding.holds()
}

/// The configuration passes `Upgrade` on, and replaces `Connection`.
fn told(evidence: &Evidence) -> Option<Finding> {
    let (seen, ()) = settings::find(evidence, |what| (*what == Setting::Upgrade(Passing::ConnectionLost)).then_some(()))?;
    let title = text!("{hop} passes Upgrade on, but not \"Connection: upgrade\"", hop = settings::product(evidence));
    let remedy = Remedy::wish(Safety::Safe, text!("Pass the upgrade on where the client asks for it"), Wish::PassUpgrade);
    let finding = settings::finding(evidence, seen, Severity::Error, title)
        .explains(Symptom::NotSwitched)
        .explains(Symptom::BrowserRefused)
        .users(text!("Instead of 101 they get what a plain request gets: 400, 404, 426 or a page."))
        .remedy(remedy);
    Some(finding)
}

#[cfg(test)]
mod tests {
    use super::CAUSE;
    use crate::Confidence;
    use crate::sample::{Sample, does_not_hold, holds};
    use evidence::Variation;

    #[test]
    fn holds_where_the_answer_names_the_header() {
        for (status, body) in [
            (400, "No CONNECTION upgrade hdr: close"),
            (400, "\"Connection\" must be \"Upgrade\"."),
            (400, "websocket: the client is not using the websocket protocol: 'upgrade' token not found in 'Connection' header"),
            (426, "WebSocket protocol violation: Connection header \"close\" does not contain Upgrade"),
        ] {
            let sample = Sample::ws().answer_with(status, &["server: nginx/1.22.1"], body);
            assert_eq!(holds(&CAUSE, sample).confidence, Confidence::Proven, "{body}");
        }
    }

    #[test]
    fn near_misses() {
        let all_lost = "No WebSocket UPGRADE hdr: None\n Can \"Upgrade\" only to \"WebSocket\".";
        does_not_hold(&CAUSE, Sample::ws().answer(400, all_lost));
        does_not_hold(&CAUSE, Sample::ws().answer(426, "Upgrade Required"));
        // Python's websockets names Connection even where nothing of the upgrade arrives.
        let both = "Failed to open a WebSocket connection: invalid Connection header: close.";
        does_not_hold(&CAUSE, Sample::ws().answer(426, both).experiment(Variation::without_upgrade(), 426, both));
    }
}
