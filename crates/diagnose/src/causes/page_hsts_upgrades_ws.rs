//! Browsers make `ws` into `wss` because the host, or the page's policy, told them to.

use crate::browser::{self, is_asked_for, page_url, secure_twin, try_secure_twin};
use crate::reading::answer;
use crate::text::Text;
use crate::{Confidence, Finding, Remedy, Verdict, cause, text};
use evidence::{Answer, Evidence, Page, PathVariant, Question, Seen, UpgradeHeaders, Variation};
use url::Url;

cause! {
    /// Browsers use wss:// although the address says ws://
    ///
    /// # What you see
    /// `net::ERR_SSL_PROTOCOL_ERROR` for a `ws://` address with a port of its own. Command line tools connect, and so does a
    /// browser profile that was never on the site.
    ///
    /// # Why it happens
    /// The host sends `Strict-Transport-Security` on its https port (or a parent domain does, with `includeSubDomains`).
    /// From then on browsers use TLS for every port of that host, and for sockets too: `ws://host:8080` becomes
    /// `wss://host:8080`, where nobody speaks TLS. The policy `upgrade-insecure-requests` of a page does the same.
    ///
    /// # What to do
    /// Serve that port with TLS, or pass the socket on from the https port. Or give the socket another host name, which no
    /// `includeSubDomains` covers. To take HSTS back, `max-age=0` has to reach every browser over https.
    ///
    /// # How to be sure
    /// `curl -sI https://HOST/` shows the header. In Chrome, `chrome://net-internals/#hsts` knows the host.
    "page-hsts-upgrades-ws", Browser, judge
}

fn judge(evidence: &Evidence) -> Verdict {
    let case = &evidence.case;
    let target = &case.target;
    // Until the page is loaded nobody knows where it ends up.
    let waiting = case.page.is_some() && !evidence.is_answered(&Question::Page);
    if target.secure || !is_asked_for(case) || waiting {
        return Verdict::Unseen;
    }
    let (why, id, sure) = match reason(evidence) {
        Ok(Some(reason)) => reason,
        Ok(None) => return Verdict::Unseen,
        Err(question) => return Verdict::Open(vec![*question]),
    };
    let twin = secure_twin(target);
    let question = Question::Upgrade(try_secure_twin(target));
    if !evidence.is_answered(&question) {
        return Verdict::Open(vec![question]);
    }
    let Some(tried) = evidence.exchange(&try_secure_twin(target)) else { return Verdict::Unseen };
    if tried.opened() {
        return Verdict::RuledOut(text!("browsers use {url} instead, and that opens", url = twin.url()));
    }
    let title = text!("Browsers use {twin} instead of {url}, and that does not open", twin = twin.url(), url = target.url());
    let outcome = match &tried.fact.answer {
        Answer::NotSent(why) if why == "tls" => text!("the TLS handshake fails"),
        other => answer(other),
    };
    let mut finding = Finding::error(sure, title)
        .proof(&[id], why)
        .proof(&[tried.id], text!("{url} came to: {outcome}.", url = twin.url(), outcome = outcome));
    if let Some(handshake) = evidence.handshake().filter(|seen| seen.opened()) {
        finding = finding.proof(&[handshake.id], text!("Outside a browser the same address opens."));
    }
    finding
        .users(text!("Chrome: net::ERR_SSL_PROTOCOL_ERROR, for a ws:// address. A fresh profile may still work."))
        .remedy(Remedy::new(text!("End TLS on port {port}, or pass the socket on from the https server, and use wss://", port = twin.port)))
        .remedy(Remedy::new(text!("Or give the socket a host name that no Strict-Transport-Security covers")))
        .holds()
}

/// Why a browser would use TLS, and how sure that is; or the question that would tell.
fn reason(evidence: &Evidence) -> Result<Option<(Text, u32, Confidence)>, Box<Question>> {
    let target = &evidence.case.target;
    let loopback = target.is_loopback();
    let page = evidence.page();
    if let Some(seen) = page.filter(|seen| browser::upgrades_insecure(seen.fact) && !loopback) {
        let text = text!("The page's policy has upgrade-insecure-requests, which makes ws into wss.");
        return Ok(Some((text, seen.id, Confidence::Proven)));
    }
    let secure_page = page_url(evidence).is_some_and(|(page, _)| page.scheme() == "https");
    // An https page with an insecure socket elsewhere is refused before HSTS comes into play (Fetch, "main fetch").
    if secure_page && !loopback {
        return Ok(None);
    }
    if let Some(seen) = page.filter(|seen| covers(seen.fact, &target.host)) {
        // Chrome has begun to ignore HSTS for localhost.
        let sure = if loopback { Confidence::Possible } else { Confidence::Proven };
        return Ok(Some((sentence(seen), seen.id, sure)));
    }
    // HSTS knows no addresses (RFC 6797 section 8.1.1), and only a socket that works needs the question.
    if loopback || target.address().is_some() || !evidence.handshake().is_some_and(|seen| seen.opened()) {
        return Ok(None);
    }
    let root = Variation {
        upgrade: UpgradeHeaders::None,
        path: PathVariant::Root,
        bare: true,
        other_scheme: true,
        port: Some(443),
        ..Variation::default()
    };
    let Some(seen) = evidence.exchange(&root) else {
        let question = Question::Upgrade(root);
        return if evidence.is_answered(&question) { Ok(None) } else { Err(Box::new(question)) };
    };
    let header = seen.fact.response().and_then(|response| response.header("strict-transport-security"));
    Ok(header.filter(|value| max_age(value) > 0).map(|value| {
        let value: String = value.chars().take(80).collect();
        let text = text!("Port 443 of {host} sends \"Strict-Transport-Security: {value}\", which counts for all its ports.", host = &target.host, value = value);
        (text, seen.id, Confidence::Proven)
    }))
}

fn sentence(seen: Seen<'_, Page>) -> Text {
    let value: String = seen.fact.hsts.clone().unwrap_or_default().chars().take(80).collect();
    text!("The page's host sends \"Strict-Transport-Security: {value}\", which counts for all its ports.", value = value)
}

/// Whether the Strict-Transport-Security of the page counts for a host (RFC 6797 sections 8.1 and 8.2).
pub(super) fn covers(page: &Page, host: &str) -> bool {
    let Some(header) = &page.hsts else { return false };
    let Ok(url) = Url::parse(&page.url) else { return false };
    let owner = browser::host(&url);
    let literal = |host: &str| host.parse::<std::net::IpAddr>().is_ok();
    if url.scheme() != "https" || max_age(header) == 0 || literal(host) || literal(owner) {
        return false;
    }
    let below = || {
        let rest = host.len().checked_sub(owner.len()).and_then(|at| host.get(at..).map(|end| (at, end)));
        rest.is_some_and(|(at, end)| end.eq_ignore_ascii_case(owner) && at > 0 && host[..at].ends_with('.'))
    };
    let subdomains = header.split(';').any(|part| part.trim().eq_ignore_ascii_case("includesubdomains"));
    host.eq_ignore_ascii_case(owner) || (subdomains && below())
}

/// `max-age` in seconds; 0 where there is none, which makes the header void.
fn max_age(header: &str) -> u64 {
    header
        .split(';')
        .find_map(|part| {
            let (name, value) = part.split_once('=')?;
            name.trim().eq_ignore_ascii_case("max-age").then(|| value.trim().trim_matches('"').parse().ok())?
        })
        .unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::{CAUSE, covers};
    use crate::browser::try_secure_twin;
    use crate::sample::{Sample, asks, does_not_hold, holds};
    use crate::Confidence;
    use evidence::{Answer, PathVariant, Policy, PolicySource, Question, UpgradeHeaders, Variation};

    const URL: &str = "ws://app.example:8080/ws";

    fn root() -> Variation {
        Variation {
            upgrade: UpgradeHeaders::None,
            path: PathVariant::Root,
            bare: true,
            other_scheme: true,
            port: Some(443),
            ..Variation::default()
        }
    }

    fn dead(sample: Sample) -> Sample {
        let twin = try_secure_twin(&evidence::Target::parse(URL).expect("it parses"));
        sample.exchange(twin, Answer::NotSent("tls".into()))
    }

    fn from_http() -> Sample {
        Sample::at(URL).page("http://dev.example/", |_| {}).opens()
    }

    #[test]
    fn holds_where_the_host_or_the_policy_wants_tls_and_the_port_has_none() {
        assert_eq!(asks(&CAUSE, from_http()), [Question::Upgrade(root())]);
        let sends = from_http().experiment_with(root(), 200, &["strict-transport-security: max-age=31536000"], "");
        assert_eq!(asks(&CAUSE, sends.clone()).len(), 1);
        assert_eq!(holds(&CAUSE, dead(sends)).confidence, Confidence::Proven);
        let policy = Policy { source: PolicySource::Meta, text: "upgrade-insecure-requests".into() };
        let page = Sample::at(URL).page("https://app.example/", |page| page.policies = vec![policy]).opens();
        let _ = holds(&CAUSE, dead(page));
    }

    #[test]
    fn near_misses() {
        // The port speaks TLS as well.
        let sends = from_http().experiment_with(root(), 200, &["strict-transport-security: max-age=31536000"], "");
        let twin = try_secure_twin(&evidence::Target::parse(URL).expect("it parses"));
        does_not_hold(&CAUSE, sends.opens_with(twin, |_| {}));
        for header in ["strict-transport-security: max-age=0", "server: nginx"] {
            does_not_hold(&CAUSE, dead(from_http().experiment_with(root(), 200, &[header], "")));
        }
        // That is mixed content.
        let page = Sample::at(URL).page("https://app.example/", |page| page.hsts = Some("max-age=1".into())).opens();
        does_not_hold(&CAUSE, dead(page));
        does_not_hold(&CAUSE, Sample::at(URL).opens());
    }

    #[test]
    fn whom_the_header_covers() {
        for (header, url, host, expected) in [
            ("max-age=1", "https://app.example/", "app.example", true),
            ("max-age=1", "https://app.example/", "ws.app.example", false),
            ("max-age=1; includeSubDomains", "https://app.example/", "ws.app.example", true),
            ("includeSubDomains; max-age=\"5\"", "https://app.example/", "app.example", true),
            ("max-age=1; includeSubDomains", "https://app.example/", "myapp.example", false),
            ("max-age=0", "https://app.example/", "app.example", false),
            ("max-age=1", "http://app.example/", "app.example", false),
            ("max-age=1", "https://192.0.2.1/", "192.0.2.1", false),
        ] {
            let mut evidence = None;
            let sample = Sample::ws().page(url, |page| {
                page.hsts = Some(header.into());
                evidence = Some(page.clone());
            });
            drop(sample);
            let page = evidence.expect("a page");
            assert_eq!(covers(&page, host), expected, "{header} {host}");
        }
    }
}
