//! The password that the browser asked for does not reach the socket.

use crate::browser::{self, page_url};
use crate::reading::{experiment, refused, status_line};
use crate::{Confidence, Finding, Remedy, Stack, Verdict, cause, text};
use evidence::{Evidence, Question, Response, Variation};

cause! {
    /// The Basic password of the page is not sent with the handshake
    ///
    /// # What you see
    /// The page loads after the browser has asked for a password; the socket gets 401. Chrome: `HTTP Authentication failed;
    /// no valid credentials available`. nginx: `no user/password was provided for basic authentication`.
    ///
    /// # Why it happens
    /// Safari does not use the password of the page for sockets (WebKit bug 80362). Chrome and Firefox do, but only for the
    /// same host and port, and never ask for one because of a socket.
    ///
    /// # What to do
    /// Take the socket's path out of Basic authentication, and let the application check a cookie or a ticket there. Or give
    /// out a session cookie with the page, and accept either.
    ///
    /// # How to be sure
    /// With `-H "Authorization: Basic $(printf 'user:password' | base64)"` the handshake opens.
    "page-basic-auth-not-replayed", Browser, judge
}

fn judge(evidence: &Evidence) -> Verdict {
    let case = &evidence.case;
    let target = &case.target;
    let bare = Variation { bare: true, ..Variation::default() };
    let (id, response, opens) = if case.has_header("authorization") {
        if !browser::is_asked_for(case) || !evidence.handshake().is_some_and(|seen| seen.opened()) {
            return Verdict::Unseen;
        }
        let Some(tried) = experiment(evidence, &bare) else { return Verdict::Open(vec![Question::Upgrade(bare)]) };
        let Some(response) = tried.fact.response() else { return Verdict::Unseen };
        (tried.id, response, true)
    } else {
        let Some((seen, response)) = refused(evidence) else { return Verdict::Unseen };
        (seen.id, response, false)
    };
    if response.status != 401 || !wants_basic(response) {
        return Verdict::Unseen;
    }
    // Credentials are kept for one scheme, host and port (RFC 7617 section 2.2).
    let elsewhere = page_url(evidence).filter(|(page, _)| {
        browser::is_asked_for(case)
            && (!browser::host(page).eq_ignore_ascii_case(&target.host) || page.port_or_known_default() != Some(target.port))
    });
    let confidence = if opens { Confidence::Proven } else { Confidence::Likely };
    let finding = match &elsewhere {
        Some((page, _)) => Finding::error(
            confidence,
            text!("Browsers have no password for {host}: the one for {origin} counts only there", host = target.authority(), origin = browser::origin(page)),
        ),
        None => Finding::warning(confidence, text!("The socket is behind a Basic password, which Safari does not send with the handshake")),
    };
    let realm: String = response.header("www-authenticate").unwrap_or_default().chars().take(60).collect();
    let mut finding = finding.proof(&[id], text!("Without credentials the handshake gets {status}; it asks for: {scheme}", status = status_line(response), scheme = realm));
    if opens && let Some(handshake) = evidence.handshake() {
        finding = finding.proof(&[handshake.id], text!("With the password it gets 101."));
    }
    finding
        .users(text!("Chrome: \"HTTP Authentication failed; no valid credentials available\", where the page was not loaded from the same host and port with the password. Safari: 401 always."))
        .remedy(Remedy::for_stack(
            Stack::Nginx,
            text!("Take the socket out of Basic authentication; the application then has to check who it is"),
            format!("location {} {{\n    auth_basic off;\n    # … proxy_pass and the upgrade headers\n}}", target.bare_path()),
        ))
        .remedy(Remedy::for_stack(
            Stack::Apache,
            text!("Take the socket out of Basic authentication; the application then has to check who it is"),
            format!("<Location \"{}\">\n    Require all granted\n</Location>", target.bare_path()),
        ))
        .remedy(Remedy::new(text!("Or set a session cookie with the page, and accept the cookie in place of the password")))
        .holds()
}

fn wants_basic(response: &Response) -> bool {
    response.headers_named("www-authenticate").any(|value| {
        value.get(..5).is_some_and(|scheme| scheme.eq_ignore_ascii_case("basic"))
    })
}

#[cfg(test)]
mod tests {
    use super::CAUSE;
    use crate::sample::{Sample, does_not_hold, holds};
    use crate::{Confidence, Severity};
    use evidence::Variation;

    const BASIC: &[&str] = &["www-authenticate: Basic realm=\"staff\""];

    #[test]
    fn holds_for_basic_only() {
        let refused = Sample::wss().answer_with(401, BASIC, "");
        assert_eq!(holds(&CAUSE, refused.clone()).severity, Severity::Warning);
        let same = refused.clone().page("https://app.example/", |_| {});
        assert_eq!(holds(&CAUSE, same).severity, Severity::Warning);
        let other = refused.page("https://www.example/", |_| {});
        assert_eq!(holds(&CAUSE, other).severity, Severity::Error);
        let given = Sample::wss()
            .page("https://app.example/", |_| {})
            .case(|case| case.header_names = vec!["Authorization".into()])
            .opens()
            .experiment_with(Variation { bare: true, ..Variation::default() }, 401, BASIC, "");
        assert_eq!(holds(&CAUSE, given).confidence, Confidence::Proven);
    }

    #[test]
    fn near_misses() {
        does_not_hold(&CAUSE, Sample::wss().answer_with(401, &["www-authenticate: Bearer"], ""));
        does_not_hold(&CAUSE, Sample::wss().answer(401, "Unauthorized"));
        does_not_hold(&CAUSE, Sample::wss().answer_with(403, BASIC, ""));
        does_not_hold(&CAUSE, Sample::wss().opens());
    }
}
