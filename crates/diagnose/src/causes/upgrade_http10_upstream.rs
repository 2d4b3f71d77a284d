//! The proxy speaks HTTP/1.0 to the application.

use crate::answers::{Refusal, get_proof, not_switched, refused_as, words};
use crate::fingerprint::Product;
use crate::reading::{front, hop};
use crate::{Confidence, Verdict, cause, recipes, text, Finding, Remedy, Safety, Severity, settings, Symptom};
use evidence::{Evidence, Setting, Wish, Passing};

cause! {
    /// The proxy speaks HTTP/1.0 to the application
    ///
    /// # What you see
    /// 505 `unsupported HTTP version: HTTP/1.0` (Python websockets), 426 `must be at least HTTP/1.1`
    /// (coder/websocket), `WrongHttpVersion` (tungstenite). Other servers behind the same proxy may not mind.
    ///
    /// # Why it happens
    /// The handshake needs HTTP/1.1 (RFC 6455 section 4.1). nginx before 1.29.7 uses HTTP/1.0 towards
    /// applications unless it is told otherwise.
    ///
    /// # What to do
    /// `proxy_http_version 1.1;` in the location of the socket, beside the two upgrade headers. Check that those
    /// are there as well: a server that minds the version does not get as far as looking for them.
    ///
    /// # How to be sure
    /// We spoke HTTP/1.1 and the answer complains about 1.0; asked past the proxy, the application opens.
    "upgrade-http10-upstream", Upgrade, judge, told: told
}

fn judge(evidence: &Evidence) -> Verdict {
    let Some((seen, response)) = refused_as(evidence, Refusal::HttpVersion) else { return Verdict::Unseen };
    let named = words(response).contains("http/1");
    let confidence = if named { Confidence::Proven } else { Confidence::Likely };
    let because = (front(response) == Some(Product::Nginx)).then_some("nginx-http-version-10");
    not_switched(confidence, seen, response, text!("{hop} speaks HTTP/1.0 to the application", hop = hop(response)))
        .because(because)
        .proof(&[seen.id], text!("We spoke HTTP/1.1, so a hop on the way changed the version."))
        .proof_if(get_proof(evidence))
        .remedies(recipes::for_response(Some(response), recipes::forward_upgrade(evidence.case.target.bare_path())))
        .would_tell(text!("Ask the application directly, past the proxy: --connect-to ADDRESS:PORT; if that opens, a hop in between is guilty."))
        .holds()
}

/// The configuration speaks HTTP/1.0 to the application. Where the upgrade is lost anyway, that comes first.
fn told(evidence: &Evidence) -> Option<Finding> {
    let (seen, ()) = settings::find(evidence, |what| match what {
        Setting::UpstreamHttp(version) if version == "1.0" => Some(()),
        _ => None,
    })?;
    settings::find(evidence, |what| match what {
        Setting::Upgrade(Passing::Dropped | Passing::ConnectionLost) => None,
        Setting::Upgrade(_) => Some(()),
        _ => None,
    })?;
    let title = text!("{hop} passes the upgrade on in an HTTP/1.0 request", hop = settings::product(evidence));
    let remedy = Remedy::wish(Safety::Safe, text!("Speak HTTP/1.1 to the application"), Wish::UpstreamHttp11);
    let finding = settings::finding(evidence, seen, Severity::Error, title)
        .explains(Symptom::NotSwitched)
        .explains(Symptom::BrowserRefused)
        .users(text!("It depends on the application: Python websockets answers 505, coder/websocket 426; node ws, aiohttp, uvicorn and tornado do not mind."))
        .remedy(remedy);
    Some(finding)
}

#[cfg(test)]
mod tests {
    use super::CAUSE;
    use crate::Confidence;
    use crate::sample::{Sample, does_not_hold, holds};

    #[test]
    fn holds_where_the_answer_complains_about_the_version() {
        let body = "Failed to open a WebSocket connection: unsupported HTTP version: HTTP/1.0.\n";
        let finding = holds(&CAUSE, Sample::ws().answer_with(505, &["server: nginx/1.22.1"], body));
        assert_eq!((finding.confidence, finding.because), (Confidence::Proven, Some("nginx-http-version-10")));
        let coder = "WebSocket protocol violation: handshake request must be at least HTTP/1.1: \"HTTP/1.0\"";
        assert_eq!(holds(&CAUSE, Sample::ws().answer(426, coder)).confidence, Confidence::Proven);
        assert_eq!(holds(&CAUSE, Sample::ws().answer(505, "")).confidence, Confidence::Likely);
    }

    #[test]
    fn near_misses() {
        does_not_hold(&CAUSE, Sample::ws().answer(426, "Upgrade Required"));
        does_not_hold(&CAUSE, Sample::ws().answer(400, "No CONNECTION upgrade hdr: close"));
        does_not_hold(&CAUSE, Sample::ws().opens());
    }
}
