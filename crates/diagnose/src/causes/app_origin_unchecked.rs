//! Cookies decide who is logged in, and nobody looks at Origin.

use crate::{Confidence, Finding, Remedy, Severity, Stack, settings, text, cause};
use evidence::{Evidence, Setting};

cause! {
    /// Nobody checks Origin, and cookies decide who is logged in
    ///
    /// # What you see
    /// Everything works, for every page on the web: any site that a logged-in user visits can open the socket
    /// in that user's name (cross-site WebSocket hijacking).
    ///
    /// # Why it happens
    /// Browsers send cookies along with a WebSocket handshake from any site, and CORS does not apply to it.
    /// Only the server can look at `Origin`.
    ///
    /// # What to do
    /// Check `Origin` against a list: in the application, or in the proxy with a map over `$http_origin`.
    ///
    /// # How to be sure
    /// A handshake with a foreign `Origin` and the cookie gets 101.
    "app-origin-unchecked", Config, settings::unseen, told: told
}

fn told(evidence: &Evidence) -> Option<Finding> {
    let (seen, ()) = settings::find(evidence, |what| (*what == Setting::OriginUnchecked).then_some(()))?;
    let title = text!("{hop} lets a cookie decide who may in, and looks at no Origin", hop = settings::product(evidence));
    let remedy = Remedy::for_stack(
        Stack::Nginx,
        text!("Refuse origins that are not yours, unless the application does it"),
        "map $http_origin $origin_allowed {   # in http { }\n    default                    0;\n    ''                         1;   # programs send none\n    https://app.example.com    1;\n}\n\nif ($origin_allowed = 0) { return 403; }   # in the location",
    );
    Some(settings::finding(evidence, seen, Severity::Note, title).with_confidence(Confidence::Possible).remedy(remedy))
}

#[cfg(test)]
mod tests {
    use super::CAUSE;
    use crate::Severity;
    use crate::sample::{Sample, does_not_hold, holds};
    use evidence::Setting;

    #[test]
    fn holds_where_only_a_cookie_decides() {
        assert_eq!(holds(&CAUSE, Sample::told().setting(Setting::OriginUnchecked)).severity, Severity::Note);
    }

    #[test]
    fn near_misses() {
        does_not_hold(&CAUSE, Sample::told());
    }
}
