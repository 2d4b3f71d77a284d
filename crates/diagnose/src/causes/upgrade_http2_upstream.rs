//! The proxy speaks HTTP/2 to an application that knows upgrades only in HTTP/1.1.

use crate::{Finding, Remedy, Safety, Severity, Symptom, settings, text, cause};
use evidence::{Evidence, Setting, Wish};

cause! {
    /// The proxy speaks HTTP/2 to the application
    ///
    /// # What you see
    /// Pages work; the socket gets 500, 502 or 400, and the proxy logs `invalid Upgrade request header` or the
    /// application `bogus greeting`.
    ///
    /// # Why it happens
    /// HTTP/2 has no `Upgrade` header. WebSockets over it need extended CONNECT (RFC 8441), which few
    /// applications accept.
    ///
    /// # What to do
    /// Speak HTTP/1.1 to the application on the socket's route.
    ///
    /// # How to be sure
    /// The same route with HTTP/1.1 opens.
    "upgrade-http2-upstream", Upgrade, settings::unseen, told: told
}

fn told(evidence: &Evidence) -> Option<Finding> {
    let (seen, ()) = settings::find(evidence, |what| match what {
        Setting::UpstreamHttp(version) if version.starts_with('2') => Some(()),
        _ => None,
    })?;
    let title = text!("{hop} speaks HTTP/2 to the application, where an upgrade does not exist", hop = settings::product(evidence));
    let remedy = Remedy::wish(Safety::Safe, text!("Speak HTTP/1.1 to the application"), Wish::UpstreamHttp11);
    let finding = settings::finding(evidence, seen, Severity::Error, title)
        .explains(Symptom::NotSwitched)
        .explains(Symptom::BrowserRefused)
        .remedy(remedy);
    Some(finding)
}

#[cfg(test)]
mod tests {
    use super::CAUSE;
    use crate::Severity;
    use crate::sample::{Sample, does_not_hold, holds};
    use evidence::Setting;

    #[test]
    fn holds_for_http2() {
        assert_eq!(holds(&CAUSE, Sample::told().because("caddy-h2c-transport").setting(Setting::UpstreamHttp("2".to_owned()))).severity, Severity::Error);
    }

    #[test]
    fn near_misses() {
        does_not_hold(&CAUSE, Sample::told().setting(Setting::UpstreamHttp("1.1".to_owned())));
    }
}
