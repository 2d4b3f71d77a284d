//! The page was built with the developer's own address in it.

use crate::{Confidence, Finding, Remedy, Stack, Verdict, cause, text};
use evidence::Evidence;
use url::Url;

cause! {
    /// The page opens a socket on localhost
    ///
    /// # What you see
    /// `net::ERR_CONNECTION_REFUSED` for `ws://localhost:…` at everybody but the developer, who has a server there.
    ///
    /// # Why it happens
    /// The address is written out in the code, or was put in at build time from the developer's settings
    /// (`VITE_WS_URL`, `REACT_APP_…`, `NEXT_PUBLIC_…`). Each visitor's browser then connects to the visitor's own machine.
    ///
    /// # What to do
    /// Take the host from `location`, or set the variable in the build for production.
    ///
    /// # How to be sure
    /// Look for `localhost` in the files that the page loads; the network tab shows the address that is used.
    "page-localhost-in-production", Browser, judge
}

fn judge(evidence: &Evidence) -> Verdict {
    let Some(seen) = evidence.page() else { return Verdict::Unseen };
    let target = &evidence.case.target;
    if seen.fact.local || is_own_machine(&seen.fact.url) || target.is_loopback() {
        return Verdict::Unseen;
    }
    let Some(url) = seen.fact.socket_urls.iter().find(|url| is_own_machine(url)) else { return Verdict::Unseen };
    // A page may name the address in a text, or use it for the developer only.
    let only = seen.fact.socket_urls.iter().all(|url| is_own_machine(url));
    let same_path = Url::parse(url).is_ok_and(|url| url.path() == target.bare_path());
    let confidence = if only && same_path { Confidence::Likely } else { Confidence::Possible };
    Finding::warning(confidence, text!("The page has {url} in it: every visitor's browser looks for that on its own machine", url = url))
        .proof(&[seen.id], text!("The text of the page holds {url}, and the page itself is not on this machine.", url = url))
        .users(text!("net::ERR_CONNECTION_REFUSED for everybody without a server on that port of their own machine."))
        .remedy(Remedy::for_stack(
            Stack::Browser,
            text!("Take the host from the page's own address"),
            format!("new WebSocket(`${{location.protocol === 'https:' ? 'wss' : 'ws'}}://${{location.host}}{}`)", target.bare_path()),
        ))
        .would_tell(text!("The network tab of the browser (filter: WS) shows whether the page uses that address."))
        .holds()
}

fn is_own_machine(url: &str) -> bool {
    Url::parse(url).is_ok_and(|url| match url.host() {
        Some(url::Host::Domain(name)) => name == "localhost" || name.ends_with(".localhost"),
        Some(url::Host::Ipv4(address)) => address.is_loopback() || address.is_unspecified(),
        Some(url::Host::Ipv6(address)) => address.is_loopback() || address.is_unspecified(),
        None => false,
    })
}

#[cfg(test)]
mod tests {
    use super::CAUSE;
    use crate::Confidence;
    use crate::sample::{Sample, does_not_hold, holds};

    fn page(url: &str, sockets: &[&str]) -> Sample {
        let sockets = sockets.iter().map(|url| (*url).to_owned()).collect();
        Sample::wss().page(url, |page| page.socket_urls = sockets).opens()
    }

    #[test]
    fn holds_for_addresses_of_the_own_machine() {
        for url in ["ws://localhost:3000/ws", "ws://127.0.0.1:8080/ws", "wss://[::1]/ws", "ws://0.0.0.0:1/ws"] {
            assert_eq!(holds(&CAUSE, page("https://app.example/", &[url])).confidence, Confidence::Likely, "{url}");
        }
        let both = page("https://app.example/", &["ws://localhost:3000/ws", "wss://app.example/ws"]);
        assert_eq!(holds(&CAUSE, both).confidence, Confidence::Possible);
    }

    #[test]
    fn near_misses() {
        does_not_hold(&CAUSE, page("https://app.example/", &["wss://app.example/ws", "wss://", "ws://localhost.example/"]));
        does_not_hold(&CAUSE, page("http://localhost:5173/", &["ws://localhost:3000/ws"]));
        let local = Sample::wss().page("https://dev.example/", |page| {
            page.local = true;
            page.socket_urls = vec!["ws://localhost:3000/ws".into()];
        });
        does_not_hold(&CAUSE, local);
        does_not_hold(&CAUSE, Sample::wss().opens());
    }
}
