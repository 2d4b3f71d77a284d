//! A public page opens a socket into the local network.

use crate::{Confidence, Finding, Remedy, Stack, Symptom, Verdict, cause, page, text};
use evidence::{Answer, Evidence};

cause! {
    /// A public page may not connect into the local network
    ///
    /// # What you see
    /// Chrome 147 and later: `net::ERR_BLOCKED_BY_LOCAL_NETWORK_ACCESS_CHECKS`, or a prompt for permission. The server sees
    /// nothing. Command line tools connect, and so does a page on the same machine.
    ///
    /// # Why it happens
    /// Local Network Access: a page from the public network needs the user's permission to connect to this machine or to the
    /// local network, and must itself come over https. In a frame it needs leave of the outer page, too.
    ///
    /// # What to do
    /// Serve the page over https and let users grant the prompt; or serve the page from the local side; in a frame set
    /// `allow="local-network-access; loopback-network"`. Managed browsers: policy `LocalNetworkAccessAllowedForUrls`.
    ///
    /// # How to be sure
    /// The page's host has a public address, the socket's a private or loopback one; from a page on localhost it works.
    "page-lna-blocked", Browser, judge
}

fn judge(evidence: &Evidence) -> Verdict {
    let (Some(seen), Some(url)) = (evidence.page(), page::address(evidence)) else { return Verdict::Unseen };
    // Where a page lies is known only where it was loaded.
    if seen.fact.local || !seen.fact.target_local || !matches!(seen.fact.answer, Answer::Response(_)) {
        return Verdict::Unseen;
    }
    let secure = url.scheme() == "https";
    let (page, socket) = (url.origin().ascii_serialization(), evidence.case.target.url());
    let finding = if secure {
        Finding::warning(Confidence::Likely, text!("Chrome asks its users before the page {page} may connect into the local network", page = &page))
    } else {
        Finding::error(Confidence::Likely, text!("Chrome does not let the http page {page} connect into the local network", page = &page))
    };
    finding
        .explains(Symptom::BrowserRefused)
        .proof(&[seen.id], text!("{page} has a public address, {socket} one of this machine or of a private network.", page = &page, socket = &socket))
        .proof_if((!secure).then(|| (seen.id, text!("The page comes over http, so it cannot even ask for the permission."))))
        .users(text!("Chrome 147 and later: a prompt, or net::ERR_BLOCKED_BY_LOCAL_NETWORK_ACCESS_CHECKS; other browsers connect."))
        .remedy(Remedy::new(text!("Serve the page over https, and tell users to allow access to the local network when they are asked")))
        .remedy(Remedy::for_stack(Stack::Browser, text!("In a frame: pass the permission on"), "<iframe allow=\"local-network-access; loopback-network\" src=\"…\"></iframe>"))
        .remedy(Remedy::new(text!("In managed browsers: allow the page by policy")).command(format!("LocalNetworkAccessAllowedForUrls = [\"{page}\"]")))
        .holds()
}

#[cfg(test)]
mod tests {
    use super::CAUSE;
    use crate::Severity;
    use crate::sample::{Sample, does_not_hold, holds};
    use evidence::Answer;

    fn local(page: &str) -> Sample {
        Sample::bare("ws://127.0.0.1:4455/").page(page, |page| page.target_local = true)
    }

    #[test]
    fn holds_for_a_public_page() {
        assert_eq!(holds(&CAUSE, local("https://app.example/")).severity, Severity::Warning);
        assert_eq!(holds(&CAUSE, local("http://app.example/")).severity, Severity::Error);
    }

    #[test]
    fn near_misses() {
        let home = Sample::bare("ws://127.0.0.1:4455/").page("http://localhost/", |page| (page.local, page.target_local) = (true, true));
        does_not_hold(&CAUSE, home);
        does_not_hold(&CAUSE, Sample::wss().page("https://app.example/", |_| {}));
        let unknown = Sample::bare("ws://127.0.0.1:4455/").page("https://app.example/", |page| {
            page.target_local = true;
            page.answer = Answer::NotSent("dns".into());
        });
        does_not_hold(&CAUSE, unknown);
    }
}
