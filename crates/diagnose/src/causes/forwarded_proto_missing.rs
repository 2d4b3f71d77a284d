//! The application does not learn that the client came over TLS.

use crate::{Finding, Remedy, Safety, Severity, settings, text, cause};
use evidence::{Evidence, Setting, Wish};

cause! {
    /// The application does not learn that the client uses TLS
    ///
    /// # What you see
    /// 403 for the socket although the page's origin is right (the application expects `http://…`), redirect
    /// loops, or pages that open `ws://` instead of `wss://`.
    ///
    /// # Why it happens
    /// TLS ends at the proxy and no `X-Forwarded-Proto` is sent, so the application takes the connection for
    /// plain HTTP.
    ///
    /// # What to do
    /// nginx: `proxy_set_header X-Forwarded-Proto $scheme;`, and let the application trust the proxy.
    ///
    /// # How to be sure
    /// The same handshake straight to the application with `X-Forwarded-Proto: https` is accepted.
    "forwarded-proto-missing", Config, settings::unseen, told: told
}

fn told(evidence: &Evidence) -> Option<Finding> {
    let (seen, ()) = settings::find(evidence, |what| (*what == Setting::SchemeHidden).then_some(()))?;
    let title = text!("{hop} ends TLS and does not tell the application so", hop = settings::product(evidence));
    let remedy = Remedy::wish(Safety::AskFirst, text!("Send X-Forwarded-Proto"), Wish::PassScheme);
    Some(settings::finding(evidence, seen, Severity::Note, title).remedy(remedy))
}

#[cfg(test)]
mod tests {
    use super::CAUSE;
    use crate::Severity;
    use crate::sample::{Sample, does_not_hold, holds};
    use evidence::Setting;

    #[test]
    fn holds_where_the_scheme_is_hidden() {
        assert_eq!(holds(&CAUSE, Sample::told().setting(Setting::SchemeHidden)).severity, Severity::Note);
    }

    #[test]
    fn near_misses() {
        does_not_hold(&CAUSE, Sample::told());
    }
}
