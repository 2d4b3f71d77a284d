//! The server does not get, or does not speak, version 13.

use super::upgrade_key_missing_or_bad::remedies;
use crate::answers::{Refusal, not_switched, plain_get, refusal};
use crate::reading::{hop, refused};
use crate::{Confidence, Verdict, cause, recipes, text, Finding, Remedy, Safety, Severity, settings, Symptom};
use evidence::{Evidence, Question, Variation, Wish};

cause! {
    /// The WebSocket version is refused
    ///
    /// # What you see
    /// 400 or 426 with a `Sec-WebSocket-Version` header that lists versions, or a message about the version
    /// (daphne: `Hixie76 protocol not supported`).
    ///
    /// # Why it happens
    /// Every client of today sends version 13 (RFC 6455). Either a CDN, firewall or proxy removes the header on the
    /// way, or the server is older than 2011 and speaks drafts only.
    ///
    /// # What to do
    /// Where the list has 13: let `Sec-WebSocket-*` through. Where it does not: update the server.
    ///
    /// # How to be sure
    /// The list in the answer: with 13 in it, our header was lost on the way.
    "upgrade-version-rejected", Upgrade, judge, told: told
}

fn judge(evidence: &Evidence) -> Verdict {
    let Some((seen, response)) = refused(evidence) else { return Verdict::Unseen };
    let list = response.header("sec-websocket-version").unwrap_or_default();
    match refusal(response) {
        Some(Refusal::WebSocketVersion) => {}
        // The list alone, where a plain GET does not get it too, means that the version did not arrive.
        None if !list.is_empty() && matches!(response.status, 400 | 426) => match plain_get(evidence) {
            Some((_, other)) if other.header("sec-websocket-version").is_some() => return Verdict::Unseen,
            Some(_) => {}
            None => return Verdict::Open(vec![Question::Upgrade(Variation::without_upgrade())]),
        },
        _ => return Verdict::Unseen,
    }
    let speaks_ours = list.is_empty() || response.header_has("sec-websocket-version", "13");
    let title = if speaks_ours {
        text!("{hop} does not pass Sec-WebSocket-Version on to the application", hop = hop(response))
    } else {
        text!("The server speaks only version {list} of the WebSocket protocol", list = list)
    };
    let mut finding = not_switched(Confidence::Proven, seen, response, title)
        .proof(&[seen.id], text!("We sent \"Sec-WebSocket-Version: 13\", the version of RFC 6455."));
    if !list.is_empty() {
        finding = finding.proof(&[seen.id], text!("The answer lists the versions that the server speaks: {list}.", list = list));
    }
    if speaks_ours {
        finding = finding.remedies(recipes::for_response(Some(response), remedies()));
    } else {
        finding = finding.remedy(crate::Remedy::new(text!("Update the server's WebSocket library: version 13 is the only one in use since 2011")));
    }
    finding.holds()
}

/// The configuration takes the header away.
fn told(evidence: &Evidence) -> Option<Finding> {
    let seen = settings::cleared(evidence, "Sec-WebSocket-Version")?;
    let title = text!("{hop} takes Sec-WebSocket-Version away", hop = settings::product(evidence));
    let wish = Wish::LeaveHeader("Sec-WebSocket-Version".to_owned());
    let remedy = Remedy::wish(Safety::Safe, text!("Leave {header} alone", header = "Sec-WebSocket-Version"), wish);
    Some(settings::finding(evidence, seen, Severity::Error, title).explains(Symptom::NotSwitched).remedy(remedy))
}

#[cfg(test)]
mod tests {
    use super::CAUSE;
    use crate::sample::{Sample, does_not_hold, holds};
    use evidence::Variation;

    #[test]
    fn holds_where_the_version_is_the_matter() {
        let lost = Sample::ws().answer_with(
            400,
            &["server: nginx", "sec-websocket-version: 13, 8"],
            "Missing or invalid Sec-WebSocket-Version header",
        );
        assert!(holds(&CAUSE, lost).title.english().contains("nginx"));
        let old = Sample::ws().answer_with(426, &["sec-websocket-version: 8"], "");
        assert!(holds(&CAUSE, old).title.english().contains("only version 8"));
        let _ = holds(&CAUSE, Sample::ws().answer(400, "Hixie76 protocol not supported"));
        let listed = Sample::ws()
            .answer_with(400, &["sec-websocket-version: 13"], "Bad Request")
            .experiment(Variation::without_upgrade(), 200, "page");
        let _ = holds(&CAUSE, listed);
    }

    #[test]
    fn near_misses() {
        does_not_hold(&CAUSE, Sample::ws().answer(426, "Upgrade Required"));
        // A server that says so to every plain request says nothing about ours.
        let always = &["sec-websocket-version: 13"][..];
        let sample = Sample::ws().answer_with(426, always, "").experiment_with(Variation::without_upgrade(), 426, always, "");
        does_not_hold(&CAUSE, sample);
    }
}
