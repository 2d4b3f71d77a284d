//! HTTP Basic protects the socket.

use crate::reading::refused;
use crate::{Confidence, Finding, Remedy, Stack, Symptom, Verdict, cause, text};
use evidence::{Answer, Evidence, Response};

cause! {
    /// HTTP Basic protects the socket, and browsers do not log in to it
    ///
    /// # What you see
    /// `HTTP Authentication failed; no valid credentials available` in Chrome; 401 with `WWW-Authenticate: Basic`. Safari fails even
    /// after the page itself asked for the password.
    ///
    /// # Why it happens
    /// For a socket no browser shows the login dialog. Chrome and Firefox send the credentials that they know from the page of
    /// the same origin; Safari does not.
    ///
    /// # What to do
    /// Exempt the path of the socket from Basic, and authenticate it by a cookie or a ticket.
    ///
    /// # How to be sure
    /// With `--auth user:password` the handshake gets 101.
    "page-basic-auth-not-replayed", Browser, judge
}

fn judge(evidence: &Evidence) -> Verdict {
    let Some((handshake, _)) = refused(evidence).filter(|(_, response)| wants_basic(response)) else { return Verdict::Unseen };
    let Some(page) = evidence.page() else { return Verdict::Unseen };
    if evidence.case.has_header("authorization") {
        return Verdict::Unseen;
    }
    let page_too = matches!(&page.fact.answer, Answer::Response(response) if wants_basic(response));
    let confidence = if page_too { Confidence::Likely } else { Confidence::Proven };
    let title = if page_too {
        text!("HTTP Basic protects the socket: Safari does not send the page's credentials along")
    } else {
        text!("HTTP Basic protects the socket and not the page: no browser asks for the password")
    };
    let target = &evidence.case.target;
    Finding::error(confidence, title)
        .explains(Symptom::NotSwitched)
        .explains(Symptom::BrowserRefused)
        .proof(&[handshake.id], text!("The handshake gets 401 with WWW-Authenticate: Basic."))
        .proof(&[page.id], if page_too { text!("The page asks for the password as well.") } else { text!("The page loads without a password, so browsers have none to send.") })
        .users(text!("Chrome: HTTP Authentication failed; no valid credentials available. Code 1006, and no dialog."))
        .remedy(Remedy::for_stack(
            Stack::Nginx,
            text!("Exempt the path of the socket, and authenticate it otherwise"),
            format!("location {} {{\n    auth_basic off;   # and check a cookie or a ticket in the application\n    # proxy_pass and the upgrade headers\n}}", target.bare_path()),
        ))
        .remedy(Remedy::for_stack(Stack::Apache, text!("Exempt the path of the socket, and authenticate it otherwise"), format!("<Location \"{}\">\n    Require all granted\n</Location>", target.bare_path())))
        .holds()
}

fn wants_basic(response: &Response) -> bool {
    response.status == 401 && response.headers_named("www-authenticate").any(|value| value.to_ascii_lowercase().starts_with("basic"))
}

#[cfg(test)]
mod tests {
    use super::CAUSE;
    use crate::Confidence;
    use crate::sample::{Sample, does_not_hold, holds, response};
    use evidence::Answer;

    const BASIC: &[&str] = &["www-authenticate: Basic realm=\"staff\""];

    #[test]
    fn holds_for_a_page() {
        let free = Sample::ws().answer_with(401, BASIC, "").page("http://app.example/", |_| {});
        assert_eq!(holds(&CAUSE, free).confidence, Confidence::Proven);
        let both = Sample::ws().answer_with(401, BASIC, "").page("http://app.example/", |page| {
            page.answer = Answer::Response(Box::new(response(401, BASIC, "")));
        });
        assert_eq!(holds(&CAUSE, both).confidence, Confidence::Likely);
    }

    #[test]
    fn near_misses() {
        // No page: that is app-auth-401.
        does_not_hold(&CAUSE, Sample::ws().answer_with(401, BASIC, ""));
        does_not_hold(&CAUSE, Sample::ws().answer_with(401, &["www-authenticate: Bearer"], "").page("http://app.example/", |_| {}));
        let given = Sample::ws().case(|case| case.header_names = vec!["authorization".into()]).answer_with(401, BASIC, "");
        does_not_hold(&CAUSE, given.page("http://app.example/", |_| {}));
    }
}
