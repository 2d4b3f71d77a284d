//! Who is not logged in is sent to a login page.

use super::upgrade_trailing_slash_redirect::destination;
use crate::answers::{Refusal, get_proof, not_switched, refused_as};
use crate::{Confidence, Remedy, Stack, Verdict, cause, text};
use evidence::Evidence;

cause! {
    /// A login stands in front of the socket
    ///
    /// # What you see
    /// 302, 303 or 307 to a login page, mostly on another host or with the way back in the query
    /// (`rd=`, `redirect_uri=`, `next=`). Browsers say only "Unexpected response code: 302".
    ///
    /// # Why it happens
    /// Single sign-on, forward-auth (oauth2-proxy, Authelia, Cloudflare Access) or the application itself sends
    /// everybody without a session to sign in. A socket cannot follow, and cannot show a form.
    ///
    /// # What to do
    /// Open the socket only after login, with the session cookie valid for the socket's host and path. Answer
    /// upgrades without a session with 401 instead of a redirect.
    ///
    /// # How to be sure
    /// With the session's cookie (`--cookie`) the handshake gets 101.
    "upgrade-login-redirect", Upgrade, judge
}

const WORDS: &[&str] = &[
    "login", "log-in", "log_in", "logon", "signin", "sign-in", "sign_in", "auth", "sso", "saml", "oidc", "account",
    "session/new", "cdn-cgi/access",
];

const WAYS_BACK: &[&str] = &[
    "rd", "redirect", "redirect_uri", "redirect_url", "redirecturi", "return", "return_to", "returnto", "returnurl", "return_url", "next",
    "continue", "callback", "service", "relaystate", "target", "url",
];

fn judge(evidence: &Evidence) -> Verdict {
    let Some((seen, response)) = refused_as(evidence, Refusal::Redirect) else { return Verdict::Unseen };
    let location = response.header("location").unwrap_or_default();
    let target = &evidence.case.target;
    let Some(to) = destination(target, location) else { return Verdict::Unseen };
    let place = format!("{}{}", to.host_str().unwrap_or_default(), to.path()).to_lowercase();
    let by_name = WORDS.iter().any(|word| place.contains(word));
    let way_back = to.query_pairs().any(|(name, _)| WAYS_BACK.contains(&name.to_lowercase().as_str()));
    let leads_away = way_back && to.path() != target.bare_path();
    if !by_name && !leads_away {
        return Verdict::Unseen;
    }
    let has_session = evidence.case.has_header("cookie") || evidence.case.has_header("authorization");
    let title = if has_session {
        text!("The login in front of the socket does not accept the credentials that were sent")
    } else {
        text!("A login stands in front of the socket, and the handshake carries no session")
    };
    // In clear text anybody on the way could have written the redirect (captive portals do).
    let confidence = if target.secure && by_name { Confidence::Proven } else { Confidence::Likely };
    let shown: String = location.chars().take(120).collect();
    not_switched(confidence, seen, response, title)
        .proof(&[seen.id], text!("It points to {location}", location = shown))
        .proof_if(get_proof(evidence))
        .not(text!("a redirect to https or to the slash: it leads to another page"))
        .remedy(Remedy::new(text!("Log in first, and let the session cookie go to the socket's host and path (Domain, Path, SameSite)")))
        .remedy(Remedy::for_stack(
            Stack::Nginx,
            text!("Answer upgrades without a session with 401: a client can act on that"),
            "auth_request /oauth2/auth;\nerror_page 401 = @login;\nlocation @login {\n    if ($http_upgrade) { return 401; }\n    return 302 /oauth2/start?rd=$request_uri;\n}",
        ))
        .would_tell(text!("Repeat it with the session of a browser: --cookie 'NAME=VALUE'"))
        .yields_to(&["captive-portal", "app-forward-auth-breaks"])
        .holds()
}

#[cfg(test)]
mod tests {
    use super::CAUSE;
    use crate::Confidence;
    use crate::sample::{Sample, does_not_hold, holds};

    fn to(sample: Sample, location: &str) -> Sample {
        sample.answer_with(302, &[&format!("location: {location}")], "")
    }

    #[test]
    fn holds_where_the_redirect_leads_to_a_login() {
        for location in [
            "https://login.example/oauth2/start?rd=https%3A%2F%2Fapp.example%2F",
            "/login?next=/ws",
            "/users/sign_in",
            "https://app.example/start?redirect_uri=x",
        ] {
            assert_eq!(holds(&CAUSE, to(Sample::ws(), location)).confidence, Confidence::Likely, "{location}");
        }
        assert_eq!(holds(&CAUSE, to(Sample::wss(), "/login")).confidence, Confidence::Proven);
    }

    #[test]
    fn near_misses() {
        for location in ["https://app.example/ws", "/ws/", "https://www.app.example/ws?url=1", "/welcome"] {
            does_not_hold(&CAUSE, to(Sample::ws(), location));
        }
    }
}
