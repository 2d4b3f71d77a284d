//! What a browser knows and does before the first packet of a socket: its page, and the schemes it changes.

use crate::text::Text;
use crate::{Confidence, Finding};
use evidence::{Case, Evidence, Origin, Page, Target, Variation};
use std::net::IpAddr;
use url::Url;

/// Whether the user asks about a browser. What only browsers refuse is no error for anybody else.
pub(crate) fn is_asked_for(case: &Case) -> bool {
    case.page.is_some() || case.as_browser
}

/// A finding about something that stops browsers: an error where one is asked about, a warning elsewhere.
pub(crate) fn finding(case: &Case, confidence: Confidence, title: Text) -> Finding {
    if is_asked_for(case) { Finding::error(confidence, title) } else { Finding::warning(confidence, title) }
}

/// The page that opens the socket: where it was loaded from in the end, or what the user said about it. With the
/// numbers of the observations that tell.
pub(crate) fn page_url(evidence: &Evidence) -> Option<(Url, Vec<u32>)> {
    if let Some(seen) = evidence.page()
        && let Ok(url) = Url::parse(&seen.fact.url)
    {
        return Some((url, vec![seen.id]));
    }
    if let Some(page) = &evidence.case.page {
        return Some((Url::parse(page).ok()?, Vec::new()));
    }
    match &evidence.case.origin {
        Origin::Given(origin) => Some((Url::parse(origin).ok()?, Vec::new())),
        Origin::None => None,
    }
}

/// `https://app.example:8443`: nothing of the path, which may be private.
pub(crate) fn origin(url: &Url) -> String {
    url.origin().ascii_serialization()
}

/// The host of a URL without the brackets of IPv6 literals.
pub(crate) fn host(url: &Url) -> &str {
    url.host_str().unwrap_or_default().trim_matches(['[', ']'])
}

/// Whether the page's policy turns insecure addresses into secure ones (Upgrade Insecure Requests section 3.3).
pub(crate) fn upgrades_insecure(page: &Page) -> bool {
    page.policies.iter().any(|policy| {
        policy
            .text
            .split(';')
            .any(|directive| directive.trim().eq_ignore_ascii_case("upgrade-insecure-requests"))
    })
}

/// The address that a browser uses where it makes `ws` into `wss`: port 80 becomes 443, any other stays
/// (RFC 6797 section 8.3; WHATWG URL for the default port).
pub(crate) fn secure_twin(target: &Target) -> Target {
    let port = if target.port == 80 { 443 } else { target.port };
    Target { secure: true, port, ..target.clone() }
}

/// The experiment with that address.
pub(crate) fn try_secure_twin(target: &Target) -> Variation {
    Variation { other_scheme: true, port: (target.port == 80).then_some(443), ..Variation::default() }
}

/// Whether the host can only be the machine or the network that the browser runs in.
pub(crate) fn is_local_literal(host: &str) -> bool {
    match host.parse::<IpAddr>() {
        Ok(IpAddr::V4(address)) => {
            address.is_loopback()
                || address.is_private()
                || address.is_link_local()
                || address.is_unspecified()
        }
        Ok(IpAddr::V6(address)) => {
            address.is_loopback()
                || address.is_unique_local()
                || address.is_unicast_link_local()
                || address.is_unspecified()
        }
        Err(_) => host == "localhost" || host.ends_with(".localhost") || host.ends_with(".local"),
    }
}

/// Names under which everybody may have a site of their own, as the Public Suffix List has them; the most used for
/// applications with sockets.
const SHARED: &[&str] = &[
    "azurewebsites.net",
    "cloudfront.net",
    "fly.dev",
    "github.io",
    "herokuapp.com",
    "netlify.app",
    "ngrok-free.app",
    "onrender.com",
    "pages.dev",
    "railway.app",
    "vercel.app",
    "web.app",
    "workers.dev",
];

/// The site of a host (HTML, "obtain a site"): its registrable name. Without the whole Public Suffix List this is a
/// judgement: two labels, or three under the likes of `co.uk` and under shared names.
pub(crate) fn site(host: &str) -> String {
    if host.parse::<IpAddr>().is_ok() {
        return host.to_owned();
    }
    let host = host.to_ascii_lowercase();
    let labels: Vec<&str> = host.rsplit('.').collect();
    let shared = SHARED.iter().any(|name| host.ends_with(&format!(".{name}")));
    let second_level = labels.len() > 2
        && labels[0].len() == 2
        && (labels[1].len() <= 2
            || matches!(labels[1], "com" | "net" | "org" | "edu" | "gov" | "gob" | "ltd" | "plc"));
    let keep = if shared || second_level { 3 } else { 2 };
    let mut kept: Vec<&str> = labels.into_iter().take(keep).collect();
    kept.reverse();
    kept.join(".")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sites() {
        for (host, expected) in [
            ("app.example.com", "example.com"),
            ("example.com", "example.com"),
            ("a.b.example.co.uk", "example.co.uk"),
            ("ws.example.com.cn", "example.com.cn"),
            ("one.vercel.app", "one.vercel.app"),
            ("x.github.io", "x.github.io"),
            ("localhost", "localhost"),
            ("192.0.2.1", "192.0.2.1"),
            ("", ""),
        ] {
            assert_eq!(site(host), expected, "{host}");
        }
    }

    #[test]
    fn local_names_and_addresses() {
        for host in
            ["127.0.0.1", "::1", "localhost", "x.localhost", "printer.local", "192.168.1.9", "0.0.0.0"]
        {
            assert!(is_local_literal(host), "{host}");
        }
        for host in ["app.example", "203.0.113.1", "2001:db8::1", "localhost.example"] {
            assert!(!is_local_literal(host), "{host}");
        }
    }

    #[test]
    fn the_secure_twin_keeps_its_port_unless_it_is_80() {
        for (url, twin) in [
            ("ws://h/x", "wss://h/x"),
            ("ws://h:8080/x", "wss://h:8080/x"),
            ("ws://[::1]:80/", "wss://[::1]/"),
        ] {
            let target = Target::parse(url).expect("it parses");
            assert_eq!(secure_twin(&target).url(), twin);
        }
    }
}
