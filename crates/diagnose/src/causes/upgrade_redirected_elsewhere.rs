//! The address has moved, and WebSocket clients do not follow.

use super::upgrade_trailing_slash_redirect::destination;
use crate::answers::{Refusal, get_proof, not_switched, refused_as};
use crate::{Confidence, Remedy, Verdict, cause, text};
use evidence::Evidence;

cause! {
    /// The server redirects to another address
    ///
    /// # What you see
    /// 301, 302, 307 or 308 to another host or path, such as from `example.com` to `www.example.com`. Browsers say
    /// "Unexpected response code: 301".
    ///
    /// # Why it happens
    /// Pages are redirected, and the rule covers the socket, too. The WebSocket handshake never follows redirects in
    /// browsers; libraries differ.
    ///
    /// # What to do
    /// Use the address that the redirect points to, or take the socket's path out of the rule.
    ///
    /// # How to be sure
    /// The same check with the address in `Location` opens.
    "upgrade-redirected-elsewhere", Upgrade, judge
}

fn judge(evidence: &Evidence) -> Verdict {
    let Some((seen, response)) = refused_as(evidence, Refusal::Redirect) else { return Verdict::Unseen };
    let location = response.header("location").unwrap_or_default();
    let shown: String = location.chars().take(120).collect();
    let there = destination(&evidence.case.target, location);
    let mut finding = not_switched(
        Confidence::Likely,
        seen,
        response,
        text!("The server redirects to another address; sockets do not follow redirects"),
    )
    .proof(&[seen.id], text!("It points to {location}", location = shown))
    .proof_if(get_proof(evidence))
    .remedy(Remedy::new(text!("Use the address that the redirect points to, or take the socket's path out of the rule")))
    .yields_to(&[
        "upgrade-trailing-slash-redirect",
        "upgrade-https-redirect",
        "upgrade-login-redirect",
        "app-forward-auth-breaks",
        "captive-portal",
    ]);
    if let Some(there) = there {
        let scheme = if there.scheme() == "https" { "wss" } else { "ws" };
        let url: String = there.as_str().split_once("://").map_or("", |(_, rest)| rest).chars().take(120).collect();
        finding = finding.would_tell(text!("Check {url}: if it opens, only the address is wrong.", url = format!("{scheme}://{url}")));
    }
    finding.holds()
}

#[cfg(test)]
mod tests {
    use super::CAUSE;
    use crate::sample::{Sample, does_not_hold, holds};

    #[test]
    fn holds_for_any_redirect_and_steps_back_for_the_precise() {
        let finding = holds(&CAUSE, Sample::ws().answer_with(301, &["location: http://www.app.example/ws"], ""));
        assert!(finding.yields_to.contains(&"upgrade-https-redirect"));
    }

    #[test]
    fn near_misses() {
        does_not_hold(&CAUSE, Sample::ws().answer(301, ""));
        does_not_hold(&CAUSE, Sample::ws().answer_with(201, &["location: /x"], ""));
    }
}
