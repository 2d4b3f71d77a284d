//! An address that a browser's constructor does not accept.

use crate::browser;
use crate::{Confidence, Finding, Remedy, Verdict, cause, text};
use evidence::Evidence;

cause! {
    /// The address is not one that `new WebSocket` accepts
    ///
    /// # What you see
    /// `SyntaxError: Failed to construct 'WebSocket': The URL contains a fragment identifier`, at once and without a packet.
    /// Or, with a name and password in the address, a 401 in some browsers only.
    ///
    /// # Why it happens
    /// RFC 6455 section 3 forbids `#fragment` in WebSocket addresses; browsers, node `ws` and Python `websockets` refuse
    /// it. `user:password@` is sent by Chrome and Firefox, not by Safari, and ends up in logs. Relative addresses and
    /// `http(s):` are accepted only by browsers since 2024.
    ///
    /// # What to do
    /// An absolute `ws:` or `wss:` address without fragment and without credentials. Write a `#` that belongs to a value
    /// as `%23`.
    ///
    /// # How to be sure
    /// The exception is a `SyntaxError` and names the address; mixed content is a `SecurityError`.
    "page-invalid-url", Browser, judge
}

fn judge(evidence: &Evidence) -> Verdict {
    let case = &evidence.case;
    let has = |name: &str| case.target.oddities.iter().any(|oddity| oddity == name);
    if has("fragment") {
        return browser::finding(case, Confidence::Proven, text!("The address has a #fragment: browsers throw a SyntaxError before they connect"))
            .proof(&[], text!("What was given ends in #…; the check ran without it."))
            .users(text!("Chrome: \"The URL contains a fragment identifier\". node ws and Python websockets refuse it, too."))
            .remedy(Remedy::new(text!("Leave the fragment out; write a # that belongs to a value as %23")))
            .holds();
    }
    if has("credentials") {
        return Finding::warning(Confidence::Likely, text!("The address carries a name and password, which not every browser sends"))
            .proof(&[], text!("What was given has user:password@ in it; the check ran without them."))
            .users(text!("Chrome and Firefox send them as Basic credentials, Safari does not; proxies and servers may log them."))
            .remedy(Remedy::new(text!("Programs: send them as a header, -H 'Authorization: Basic …'; pages: use a cookie or a ticket")))
            .holds();
    }
    Verdict::Unseen
}

#[cfg(test)]
mod tests {
    use super::CAUSE;
    use crate::Severity;
    use crate::sample::{Sample, does_not_hold, holds};

    #[test]
    fn holds_for_fragments_and_credentials() {
        let fragment = Sample::at("ws://app.example/ws#top");
        assert_eq!(holds(&CAUSE, fragment.clone()).severity, Severity::Warning);
        let browser = fragment.case(|case| case.as_browser = true);
        assert_eq!(holds(&CAUSE, browser).severity, Severity::Error);
        assert_eq!(holds(&CAUSE, Sample::at("ws://li:secret@app.example/ws")).severity, Severity::Warning);
        does_not_hold(&CAUSE, Sample::at("ws://app.example/ws?x=%23top").opens());
    }
}
