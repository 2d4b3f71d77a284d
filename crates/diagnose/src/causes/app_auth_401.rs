//! The server wants credentials, or does not accept those that it got.

use crate::answers::{Refusal, not_switched, refused_as, unclear};
use crate::fingerprint;
use crate::reading::{refused, same_at_random_path, same_without_upgrade};
use crate::{Confidence, Remedy, Stack, Verdict, cause, text};
use evidence::Evidence;

cause! {
    /// The server wants credentials
    ///
    /// # What you see
    /// 401, sometimes 403, in answer to the handshake. JavaScript sees only close code 1006.
    ///
    /// # Why it happens
    /// The token or session is missing, expired, or meant for another host. Browsers cannot add an `Authorization`
    /// header to a socket; they send cookies, and those only where Domain, Path and SameSite allow it.
    ///
    /// # What to do
    /// Browsers: a session cookie that is valid for the socket's host, or a short-lived ticket in the URL or in the
    /// first message. Programs: send the header. Renew the token before reconnecting, and do not retry a 401 as it
    /// is.
    ///
    /// # How to be sure
    /// With valid credentials (`-H 'Authorization: …'` or `--cookie`) the same handshake opens.
    "app-auth-401", Upgrade, judge
}

fn judge(evidence: &Evidence) -> Verdict {
    let case = &evidence.case;
    let given = case.has_header("authorization") || case.has_header("cookie");
    if let Some((seen, response)) = refused_as(evidence, Refusal::Credentials) {
        let title = if given {
            text!("The server does not accept the credentials that were sent")
        } else {
            text!("The server wants credentials, and the handshake carries none")
        };
        let scheme = response.header("www-authenticate").unwrap_or_default();
        let mut finding = not_switched(Confidence::Proven, seen, response, title);
        if !scheme.is_empty() {
            let scheme: String = scheme.chars().take(60).collect();
            finding = finding.proof(&[seen.id], text!("It asks for: {scheme}", scheme = scheme));
        }
        if fingerprint::own_page(response).is_some() {
            finding = finding.proof(&[seen.id], text!("The refusal is the proxy's own page: the credentials are checked there, not in the application."));
        }
        if same_at_random_path(evidence) == Some(true) {
            finding = finding.proof(&[seen.id], text!("A path that exists nowhere is refused in the same way: the whole site is protected."));
        }
        return finding
            .remedies(remedies())
            .would_tell(text!("Repeat it with valid credentials: -H 'Authorization: …' or --cookie 'NAME=VALUE'"))
            .yields_to(&["page-cookie-not-sent"])
            .holds();
    }
    // 403 says less: credentials, an address list, an origin.
    let Some((seen, response)) = unclear(evidence).or_else(|| {
        refused(evidence).filter(|(_, response)| response.status == 403 && response.header("www-authenticate").is_some())
    }) else {
        return Verdict::Unseen;
    };
    if response.status != 403 || super::upgrade_path_404::is_closed_unaccepted(evidence, response) {
        return Verdict::Unseen;
    }
    let mut finding = not_switched(Confidence::Possible, seen, response, text!("The server forbids the handshake: its rules do not let this client in"));
    if same_without_upgrade(evidence) == Some(true) {
        finding = finding.proof(&[seen.id], text!("A plain GET gets the same refusal, so it is not about WebSockets."));
    }
    finding
        .remedies(remedies())
        .would_tell(text!("Repeat it with valid credentials: -H 'Authorization: …' or --cookie 'NAME=VALUE'"))
        .yields_to(&["tcp-source-blocked", "app-waf-blocked", "app-origin-required", "upgrade-refused-by-proxy"])
        .holds()
}

fn remedies() -> Vec<Remedy> {
    vec![
        Remedy::new(text!("Get a fresh token or session, and give it to the handshake")),
        Remedy::for_stack(
            Stack::Browser,
            text!("In a browser, which cannot set Authorization: a ticket that was fetched just before"),
            "const { ticket } = await (await fetch('/ws-ticket', { credentials: 'include' })).json();\nnew WebSocket(`wss://app.example/ws?ticket=${ticket}`);",
        ),
        Remedy::for_stack(
            Stack::Nginx,
            text!("Pass the credentials on to the application"),
            "proxy_set_header Authorization $http_authorization;\nproxy_set_header Cookie $http_cookie;",
        ),
    ]
}

#[cfg(test)]
mod tests {
    use super::CAUSE;
    use crate::Confidence;
    use crate::sample::{Sample, does_not_hold, holds};
    use evidence::Variation;

    #[test]
    fn holds_for_401_and_perhaps_for_403() {
        let missing = Sample::ws().answer_with(401, &["www-authenticate: Bearer"], "Unauthorized");
        assert_eq!(holds(&CAUSE, missing.clone()).confidence, Confidence::Proven);
        let stale = missing.case(|case| case.header_names = vec!["Authorization".into()]);
        assert!(holds(&CAUSE, stale).title.english().contains("does not accept"));
        assert_eq!(holds(&CAUSE, Sample::ws().answer(403, "Forbidden")).confidence, Confidence::Possible);
    }

    #[test]
    fn near_misses() {
        does_not_hold(&CAUSE, Sample::ws().answer(403, "Cross origin websockets not allowed"));
        does_not_hold(&CAUSE, Sample::ws().answer(403, "no").opens_with(Variation::browser(), |_| {}));
        does_not_hold(&CAUSE, Sample::ws().answer_with(403, &["server: envoy"], ""));
        does_not_hold(&CAUSE, Sample::ws().answer(403, "").experiment(Variation::without_upgrade(), 404, "Not Found"));
        does_not_hold(&CAUSE, Sample::ws().answer(404, "no"));
    }
}
