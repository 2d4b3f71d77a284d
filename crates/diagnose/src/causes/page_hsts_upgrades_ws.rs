//! The host's HSTS turns ws:// into wss:// on a port without TLS.

use crate::{Confidence, Finding, Remedy, Stack, Symptom, Verdict, cause, page, text};
use evidence::{Evidence, Question, Variation};

cause! {
    /// HSTS turns ws:// into wss://, and the port has no TLS
    ///
    /// # What you see
    /// `net::ERR_SSL_PROTOCOL_ERROR` for a `ws://` address, in browsers that have once visited the site over https; a fresh profile
    /// and command line tools connect.
    ///
    /// # Why it happens
    /// `Strict-Transport-Security` counts for the whole host, whatever the port (RFC 6797 section 8.3): the browser asks for
    /// `wss://HOST:8080`, where only plain HTTP is spoken.
    ///
    /// # What to do
    /// End TLS on that port too, or serve the socket on 443, or under a host name that has no HSTS.
    ///
    /// # How to be sure
    /// The page's host sends `Strict-Transport-Security`; `wss://` on the socket's port fails.
    "page-hsts-upgrades-ws", Browser, judge
}

fn judge(evidence: &Evidence) -> Verdict {
    let target = &evidence.case.target;
    let (Some(seen), Some(url)) = (evidence.page(), page::address(evidence)) else { return Verdict::Unseen };
    // Over http the header is ignored, and for addresses it does not count (RFC 6797 sections 8.1 and 8.1.1).
    if target.secure || url.scheme() != "https" || target.address().is_some() {
        return Verdict::Unseen;
    }
    let Some(hsts) = seen.fact.hsts.as_deref().filter(|hsts| is_on(hsts)) else { return Verdict::Unseen };
    let subdomain = target.host.to_ascii_lowercase().ends_with(&format!(".{}", page::host(&url).to_ascii_lowercase()));
    let inherits = subdomain && hsts.to_ascii_lowercase().contains("includesubdomains");
    if !page::same_host(&url, target) && !inherits {
        return Verdict::Unseen;
    }
    let upgraded = Variation { other_scheme: true, ..Variation::default() };
    let Some(tried) = evidence.exchange(&upgraded) else { return Verdict::Open(vec![Question::Upgrade(upgraded)]) };
    if tried.opened() {
        return Verdict::RuledOut(text!("wss:// on the same port opens, so the upgrade does no harm"));
    }
    let port = target.port;
    Finding::error(Confidence::Likely, text!("HSTS of {host} makes browsers use wss:// on port {port}, which has no TLS", host = page::host(&url), port = port))
        .explains(Symptom::BrowserRefused)
        .proof(&[seen.id], text!("The page's host sends \"Strict-Transport-Security: {value}\".", value = hsts))
        .proof(&[tried.id], text!("wss:// on port {port} does not open.", port = port))
        .users(text!("Browsers that know the site: net::ERR_SSL_PROTOCOL_ERROR and close code 1006; fresh profiles and programs connect."))
        .remedy(Remedy::for_stack(Stack::Nginx, text!("End TLS on the socket's port as well"), format!("listen {port} ssl;   # with the page's certificate, and wss:// in the page")))
        .remedy(Remedy::new(text!("Or serve the socket on 443 beside the page, or under another host name")))
        .holds()
}

/// `max-age` above 0 (RFC 6797 section 6.1.1).
fn is_on(hsts: &str) -> bool {
    hsts.split(';').any(|directive| {
        let directive = directive.trim().to_ascii_lowercase();
        directive.strip_prefix("max-age").is_some_and(|rest| {
            rest.trim_start().strip_prefix('=').is_some_and(|age| age.trim().trim_matches('"').parse::<u64>().is_ok_and(|age| age > 0))
        })
    })
}

#[cfg(test)]
mod tests {
    use super::CAUSE;
    use crate::sample::{Sample, asks, does_not_hold, holds};
    use evidence::{Answer, Variation};

    fn hsts(page: &str, value: &str) -> Sample {
        Sample::at("ws://app.example:8080/").opens().page(page, |page| page.hsts = Some(value.into()))
    }

    fn upgraded() -> Variation {
        Variation { other_scheme: true, ..Variation::default() }
    }

    #[test]
    fn holds_where_the_port_has_no_tls() {
        let sample = hsts("https://app.example/", "max-age=31536000");
        assert_eq!(asks(&CAUSE, sample.clone()).len(), 1);
        let _ = holds(&CAUSE, sample.exchange(upgraded(), Answer::NotSent("tls".into())));
        let parent = hsts("https://example/", "max-age=1; includeSubDomains");
        let _ = holds(&CAUSE, parent.exchange(upgraded(), Answer::NotSent("tls".into())));
    }

    #[test]
    fn near_misses() {
        does_not_hold(&CAUSE, hsts("https://app.example/", "max-age=31536000").opens_with(upgraded(), |_| {}));
        for (page, value) in [
            ("https://app.example/", "max-age=0"),
            ("http://app.example/", "max-age=1"),
            ("https://other.example/", "max-age=1"),
            ("https://example/", "max-age=1"),
        ] {
            does_not_hold(&CAUSE, hsts(page, value).exchange(upgraded(), Answer::NotSent("tls".into())));
        }
    }
}
