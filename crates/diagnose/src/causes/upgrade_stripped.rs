//! A hop removed the headers that ask for the upgrade.

use crate::answers;
use crate::fingerprint::{self, Product};
use crate::reading::{author, front, hop, quote, refused, same_at_random_path, same_without_upgrade, status_line};
use crate::{Confidence, Finding, Symptom, Verdict, cause, recipes, text, Remedy, Safety, Severity, settings};
use evidence::{Evidence, PathVariant, Question, Response, Variation, Setting, Wish, Passing};

cause! {
    /// A hop on the way removes the upgrade
    ///
    /// # What you see
    /// 426, 400, 404 or a normal page instead of 101. The answer is word for word the one that a request
    /// without `Upgrade` gets, because that is what reaches the application. Browsers say only
    /// "Unexpected response code".
    ///
    /// # Why it happens
    /// `Upgrade` and `Connection` are hop-by-hop headers (RFC 9110 section 7.6.1): a proxy drops them unless
    /// it is told to pass the upgrade on. nginx needs two `proxy_set_header` lines, Apache `upgrade=websocket`,
    /// Envoy `upgrade_configs`, varnish a `pipe`; HAProxy, Caddy and Traefik do it by themselves unless
    /// something takes the headers away.
    ///
    /// # What to do
    /// Make every proxy on the way pass the upgrade on, in the very location that serves the socket. A
    /// `proxy_set_header` of its own in an nginx location drops all those inherited from above.
    ///
    /// # How to be sure
    /// The answer with `Upgrade` and the answer without are the same through the proxy, and differ at the
    /// application itself: `keepwire check ws://<application>:<port>/path` works.
    "upgrade-stripped", Upgrade, judge, told: told
}

fn judge(evidence: &Evidence) -> Verdict {
    let Some((handshake, response)) = refused(evidence) else { return Verdict::Unseen };
    // Many applications answer alike whether both headers are lost or one; the configuration knows which.
    let one_lost = |what: &Setting| (*what == Setting::Upgrade(Passing::ConnectionLost)).then_some(());
    if settings::find(evidence, one_lost).is_some() {
        return Verdict::RuledOut(text!("the configuration passes Upgrade on"));
    }
    if matches!(response.status, 301..=308 | 401 | 403 | 407 | 429 | 500..) || fingerprint::own_page(response).is_some() {
        return Verdict::Unseen;
    }
    // Words that have another meaning, or a browser that gets through: the headers are not what is missing.
    if answers::refusal(response).is_some() || answers::browser_opens(evidence) {
        return Verdict::Unseen;
    }
    let plain = Question::Upgrade(Variation::without_upgrade());
    let Some(same) = same_without_upgrade(evidence) else { return Verdict::Open(vec![plain]) };
    if !same {
        return Verdict::RuledOut(text!("a request without Upgrade is answered differently, so the upgrade arrives"));
    }
    let says_so = fingerprint::says_no_upgrade_arrived(response);
    let random = same_at_random_path(evidence);
    if !says_so && random.is_none() {
        return Verdict::Open(vec![Question::Upgrade(Variation::path(PathVariant::Random))]);
    }
    // A path that is not there gets the same: then nothing speaks for a socket at this one.
    let elsewhere = random == Some(false);
    let asgi_404 = answers::is_asgi_404(response);
    let confidence = match (says_so, elsewhere) {
        (true, _) => Confidence::Proven,
        (false, _) if asgi_404 => Confidence::Likely,
        // No library says 404 to a request of its own path that lost the upgrade, but for those of ASGI.
        (false, true) if response.status >= 400 && response.status != 404 => Confidence::Likely,
        _ => return Verdict::Unseen,
    };
    let hop = hop(response);
    let d5 = evidence.exchange(&Variation::without_upgrade()).map_or(0, |seen| seen.id);
    let mut finding = Finding::error(confidence, text!("{hop} passes the request on without the Upgrade header", hop = hop))
        .because(because(response))
        .explains(Symptom::NotSwitched)
        .explains(Symptom::BrowserRefused)
        .proof(
            &[handshake.id],
            text!("We sent \"Upgrade: websocket\" over HTTP/1.1 and got {status} instead of 101.", status = status_line(response)),
        )
        .proof(&[handshake.id, d5], text!("A plain GET without Upgrade gets the same status and the same body."))
        .proof_if(says_so.then(|| {
            (
                handshake.id,
                text!("The answer says itself that no upgrade arrived: \"{body}\"", body = quote(response, 60)),
            )
        }))
        .users(text!("Browsers: close code 1006 and \"Unexpected response code: {status}\".", status = response.status))
        .remedies(recipes::for_response(Some(response), recipes::forward_upgrade(evidence.case.target.bare_path())))
        .would_tell(text!("Ask the application directly, past the proxy: --connect-to ADDRESS:PORT; if that opens, a hop in between is guilty."))
        .yields_to(&["forward-proxy-strips-upgrade", "client-plain-ws-to-engineio"]);
    if let Some(library) = author(response) {
        let name = library.name();
        let seen = text!("The body is written by {library}, so the request did reach the application.", library = name);
        finding = finding.proof(&[handshake.id], seen);
    }
    if elsewhere {
        let seen = evidence.exchange(&Variation::path(PathVariant::Random));
        let status = seen.and_then(|seen| seen.fact.response()).map(status_line).unwrap_or_default();
        finding = finding.not(text!("a wrong path: a random path gets {status}", status = status));
    }
    finding.holds()
}

/// Products that leave only one way to lose the upgrade.
fn because(response: &Response) -> Option<&'static str> {
    match front(response)? {
        Product::Lighttpd => Some("lighttpd-upgrade-off"),
        Product::H2o => Some("h2o-websocket-off"),
        Product::Varnish => Some("varnish-not-piped"),
        Product::Apache => Some("apache-no-ws-mapping"),
        Product::Caddy => Some("caddy-header-up-stripped"),
        _ => None,
    }
}

/// The configuration drops both headers.
fn told(evidence: &Evidence) -> Option<Finding> {
    let (seen, ()) = settings::find(evidence, |what| (*what == Setting::Upgrade(Passing::Dropped)).then_some(()))?;
    let title = text!("{hop} passes the request on without the Upgrade header", hop = settings::product(evidence));
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
    use evidence::{PathVariant, Variation};

    fn random() -> Variation {
        Variation::path(PathVariant::Random)
    }

    fn stripped(status: u16, headers: &[&str], body: &str, at_random: u16) -> Sample {
        Sample::ws()
            .answer_with(status, headers, body)
            .experiment_with(Variation::without_upgrade(), status, headers, body)
            .experiment(random(), at_random, "elsewhere")
    }

    #[test]
    fn holds_where_the_answer_is_that_of_a_plain_get() {
        for (status, headers, body, at_random, confidence) in [
            (426, &["server: nginx/1.22.1"][..], "Upgrade Required", 404, Confidence::Proven),
            (400, &["server: nginx"], "No WebSocket UPGRADE hdr: None\n Can \"Upgrade\" only to \"WebSocket\".", 404, Confidence::Proven),
            (426, &[], "Upgrade Required", 426, Confidence::Proven),
            (404, &["server: uvicorn"], "Not Found", 404, Confidence::Likely),
            (404, &["server: nginx"], "Not Found", 404, Confidence::Likely),
            (400, &["server: Caddy"], "{\"code\":3,\"message\":\"Bad request\"}", 404, Confidence::Proven),
            (400, &[], "nope", 404, Confidence::Likely),
        ] {
            let finding = holds(&CAUSE, stripped(status, headers, body, at_random));
            assert_eq!(finding.confidence, confidence, "{status} {body}");
        }
        let finding = holds(&CAUSE, stripped(426, &["server: lighttpd/1.4.69"], "Upgrade Required", 404));
        assert_eq!(finding.because, Some("lighttpd-upgrade-off"));
    }

    #[test]
    fn near_misses() {
        // The same everywhere, and nothing speaks of an upgrade: a wrong path.
        does_not_hold(&CAUSE, stripped(404, &["server: nginx"], "elsewhere", 404));
        // The application tells the two apart, so the upgrade arrived.
        does_not_hold(&CAUSE, Sample::ws().answer(400, "bad key").experiment(Variation::without_upgrade(), 426, "Upgrade Required"));
        // Only the Connection header is lost: another cause.
        does_not_hold(&CAUSE, stripped(400, &[], "No CONNECTION upgrade hdr: close", 404));
        does_not_hold(&CAUSE, Sample::ws().opens());
    }
}
