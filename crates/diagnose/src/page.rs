//! Readings of the page that opens the socket, shared by the causes about it.

use evidence::{Evidence, Target};
use url::Url;

/// The page's address: where loading it ended, or as the user gave it.
pub(crate) fn address(evidence: &Evidence) -> Option<Url> {
    let given = Url::parse(evidence.case.page.as_deref()?).ok()?;
    Some(evidence.page().and_then(|page| Url::parse(&page.url).ok()).unwrap_or(given))
}

/// The observation that a statement about the page rests on; none where the page was not looked at.
pub(crate) fn ids(evidence: &Evidence) -> Vec<u32> {
    evidence
        .page()
        .map(|page| page.id)
        .or_else(|| evidence.handshake().map(|seen| seen.id))
        .into_iter()
        .collect()
}

/// Host of a URL without brackets.
pub(crate) fn host(url: &Url) -> &str {
    url.host_str().unwrap_or_default().trim_matches(['[', ']'])
}

/// Page and socket are on the same host.
pub(crate) fn same_host(url: &Url, target: &Target) -> bool {
    host(url).eq_ignore_ascii_case(&target.host)
}

/// The page's host is this machine.
pub(crate) fn is_loopback(url: &Url) -> bool {
    let host = host(url);
    host == "localhost"
        || host.ends_with(".localhost")
        || host.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback())
}
