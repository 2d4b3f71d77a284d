//! The application does not get our `Sec-WebSocket-Key`.

use crate::answers::{Refusal, not_switched, refused_as};
use crate::fingerprint::Product;
use crate::reading::{front, hop};
use crate::{Confidence, Remedy, Stack, Verdict, cause, recipes, text, Finding, Safety, Severity, settings, Symptom};
use evidence::{Evidence, Wish};

cause! {
    /// The key of the handshake does not arrive
    ///
    /// # What you see
    /// 400 that names the key: `Missing or invalid Sec-WebSocket-Key header`.
    ///
    /// # Why it happens
    /// A proxy, CDN or firewall passes on only the headers that it knows, or changes them. (Made by hand with
    /// curl: the key has to be 16 bytes in base64.) Servers differ in how closely they look: Tornado takes any key.
    ///
    /// # What to do
    /// Let all `Sec-WebSocket-*` headers through, unchanged.
    ///
    /// # How to be sure
    /// We always send a valid key, so a complaint about it proves that something on the way took it.
    "upgrade-key-missing-or-bad", Upgrade, judge, told: told
}

fn judge(evidence: &Evidence) -> Verdict {
    let Some((seen, response)) = refused_as(evidence, Refusal::Key) else { return Verdict::Unseen };
    let because = (front(response) == Some(Product::CloudFront)).then_some("cloudfront-headers-dropped");
    not_switched(
        Confidence::Proven,
        seen,
        response,
        text!("{hop} does not pass Sec-WebSocket-Key on to the application", hop = hop(response)),
    )
    .because(because)
    .proof(&[seen.id], text!("We sent a valid key of 16 bytes, and the application complains about it."))
    .not(text!("the Upgrade header: the application looks at the key only after that"))
    .remedies(recipes::for_response(Some(response), remedies()))
    .holds()
}

/// Lets the headers of the handshake through; `upgrade-version-rejected` needs the same.
pub(super) fn remedies() -> Vec<Remedy> {
    vec![
        Remedy::for_stack(
            Stack::Nginx,
            text!("Remove the lines that empty or replace Sec-WebSocket-* headers"),
            "# no such lines in the location of the socket:\n# proxy_set_header Sec-WebSocket-Key \"\";\n# proxy_pass_request_headers off;",
        )
        .command("nginx -T | grep -in sec-websocket"),
        Remedy::for_stack(
            Stack::Haproxy,
            text!("Remove the rules that delete or replace Sec-WebSocket-* headers"),
            "# no `http-request del-header Sec-WebSocket-` with a prefix match",
        ),
        Remedy::for_stack(
            Stack::Aws,
            text!("CloudFront: forward all headers of the viewer and do not cache the path"),
            "OriginRequestPolicy: Managed-AllViewer\nCachePolicy: Managed-CachingDisabled",
        ),
        Remedy::new(text!("Allow the headers Sec-WebSocket-Key, -Version, -Protocol and -Extensions on every hop")),
    ]
}

/// The configuration takes the header away.
fn told(evidence: &Evidence) -> Option<Finding> {
    let seen = settings::cleared(evidence, "Sec-WebSocket-Key")?;
    let title = text!("{hop} takes Sec-WebSocket-Key away", hop = settings::product(evidence));
    let wish = Wish::LeaveHeader("Sec-WebSocket-Key".to_owned());
    let remedy = Remedy::wish(Safety::Safe, text!("Leave {header} alone", header = "Sec-WebSocket-Key"), wish);
    Some(settings::finding(evidence, seen, Severity::Error, title).explains(Symptom::NotSwitched).remedy(remedy))
}

#[cfg(test)]
mod tests {
    use super::CAUSE;
    use crate::sample::{Sample, does_not_hold, holds};

    #[test]
    fn holds_where_the_answer_names_the_key() {
        for body in [
            "Missing or invalid Sec-WebSocket-Key header",
            "Failed to open a WebSocket connection: missing Sec-WebSocket-Key header.",
            "WebSocket protocol violation: missing Sec-WebSocket-Key",
            "Handshake error: None",
        ] {
            let _ = holds(&CAUSE, Sample::ws().answer_with(400, &["server: nginx"], body));
        }
    }

    #[test]
    fn near_misses() {
        does_not_hold(&CAUSE, Sample::ws().answer(400, "Missing or invalid Sec-WebSocket-Version header"));
        does_not_hold(&CAUSE, Sample::ws().answer(400, "Bad Request"));
        does_not_hold(&CAUSE, Sample::ws().answer(500, "no Sec-WebSocket-Key"));
    }
}
