//! The server redirects, and WebSocket clients do not follow.

use crate::reading::{refused, status_line};
use crate::{shell_word, Confidence, Finding, Remedy, Stack, Symptom, Verdict, cause, text};
use evidence::Evidence;

cause! {
    /// The server redirects, and WebSocket clients do not follow
    ///
    /// # What you see
    /// `Unexpected response code: 301` (302, 307, 308); Python: `InvalidURI: … scheme isn't ws or wss`. A page at the same
    /// address works, because there redirects are followed.
    ///
    /// # Why it happens
    /// The socket has moved, or a rule for the whole site (`www`, another host, another path) catches it, too. Browsers never
    /// follow redirects of a handshake; libraries differ.
    ///
    /// # What to do
    /// Use the final address in the client, and exempt the socket from the rule.
    ///
    /// # How to be sure
    /// The `Location` header of the answer; the same check with that address gets 101.
    "client-redirect-not-followed", Upgrade, judge
}

fn judge(evidence: &Evidence) -> Verdict {
    let Some((handshake, response)) = refused(evidence).filter(|(_, response)| matches!(response.status, 301 | 302 | 303 | 307 | 308)) else {
        return Verdict::Unseen;
    };
    let Some(location) = response.header("location") else { return Verdict::Unseen };
    let target = &evidence.case.target;
    let base = url::Url::parse(&target.own_origin()).ok().and_then(|origin| origin.join(&target.path).ok());
    let Some((base, next)) = base.and_then(|base| base.join(location).ok().map(|next| (base, next))) else {
        return Verdict::Unseen;
    };
    // To another scheme, to a slash, to a login: causes of their own.
    let same_host = base.host_str() == next.host_str();
    let same_path = base.path().trim_end_matches('/') == next.path().trim_end_matches('/');
    let lower = next.as_str().to_ascii_lowercase();
    let login = ["login", "signin", "sign-in", "auth", "sso", "portal", "captive"].iter().any(|word| lower.contains(word));
    if (same_host && same_path) || login {
        return Verdict::Unseen;
    }
    let scheme = if next.scheme() == "https" || next.scheme() == "wss" { "wss" } else { "ws" };
    let final_url = format!("{scheme}{}", next.as_str().trim_start_matches(next.scheme()));
    Finding::error(Confidence::Likely, text!("The server redirects the handshake to {location}, and WebSocket clients do not follow", location = location))
        .explains(Symptom::NotSwitched)
        .explains(Symptom::BrowserRefused)
        .proof(&[handshake.id], text!("{status}, Location: {location}", status = status_line(response), location = location))
        .users(text!("Browsers: close code 1006 and \"Unexpected response code: {status}\".", status = response.status))
        .remedy(Remedy::new(text!("Use the final address in the client")).command(format!("keepwire check {}", shell_word(&final_url))))
        .remedy(Remedy::for_stack(Stack::Nginx, text!("Or exempt the socket from the redirect"), format!("location {} {{\n    # proxy_pass and the upgrade headers, above the rule that redirects\n}}", target.bare_path())))
        .yields_to(&[
            "upgrade-redirected-elsewhere",
            "upgrade-https-redirect",
            "upgrade-trailing-slash-redirect",
            "upgrade-login-redirect",
            "captive-portal",
        ])
        .holds()
}

#[cfg(test)]
mod tests {
    use super::CAUSE;
    use crate::sample::{Sample, does_not_hold, holds};

    fn to(location: &str) -> Sample {
        Sample::ws().answer_with(301, &[&format!("location: {location}")], "")
    }

    #[test]
    fn holds_for_another_place() {
        for location in ["https://www.app.example/ws", "/v2/socket", "http://other.example/ws"] {
            let _ = holds(&CAUSE, to(location));
        }
    }

    #[test]
    fn near_misses() {
        for location in ["https://app.example/ws", "/ws/", "https://login.example/start", "http://portal.hotel.test/login"] {
            does_not_hold(&CAUSE, to(location));
        }
        does_not_hold(&CAUSE, Sample::ws().answer(301, ""));
        does_not_hold(&CAUSE, Sample::ws().opens());
    }
}
