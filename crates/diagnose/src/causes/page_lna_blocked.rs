//! A public page opens a socket in the user's own network.

use crate::browser::page_url;
use crate::{Confidence, Finding, Remedy, Stack, Verdict, cause, text};
use evidence::{Answer, Evidence};

cause! {
    /// A public page needs permission to reach the local network
    ///
    /// # What you see
    /// Chrome and its relatives from 147 on ask "… wants to look for and connect to any device on your local network", or
    /// fail at once with `net::ERR_BLOCKED_BY_LOCAL_NETWORK_ACCESS_CHECKS`. The server sees nothing. Command line tools
    /// connect, and so does a page on localhost.
    ///
    /// # Why it happens
    /// Local Network Access: a page from a public address needs the user's permission for sockets to loopback and private
    /// addresses. Only secure (https) pages may ask; an http page is refused without a question, a frame needs
    /// `allow` from the page around it, and a permission that was denied stays denied. The address counts, not the name.
    ///
    /// # What to do
    /// Serve the page over https and tell people to allow it; serve it from the same network as the socket; or let the
    /// socket be reached at a public address. In frames, pass the permission on. Administrators can grant it by policy.
    ///
    /// # How to be sure
    /// It works with `chrome://flags/#local-network-access-check-websockets` disabled, and from a page on localhost.
    "page-lna-blocked", Browser, judge
}

// Sources: WICG Local Network Access, "Integration with WebSockets"; Chrome 147 release notes; chromestatus
// 5197681148428288; developer.chrome.com, "Local Network Access" (insecure pages are refused without a prompt).
fn judge(evidence: &Evidence) -> Verdict {
    let Some(seen) = evidence.page() else { return Verdict::Unseen };
    // Where the page's name has no address here, nothing tells that it is a public one.
    let unknown = matches!(&seen.fact.answer, Answer::NotSent(why) if why == "dns");
    if seen.fact.local || !seen.fact.target_local || unknown || evidence.case.via.is_some() {
        return Verdict::Unseen;
    }
    let Some((page, _)) = page_url(evidence) else { return Verdict::Unseen };
    let target = &evidence.case.target;
    let finding = if page.scheme() == "https" {
        let title = text!("Chrome asks before a public page may reach {host} in the local network", host = &target.host);
        Finding::warning(Confidence::Likely, title)
            .users(text!("Chrome 147 and later: a question first; if it is denied, or in a frame without the permission, net::ERR_BLOCKED_BY_LOCAL_NETWORK_ACCESS_CHECKS. Firefox and Safari have rules of their own."))
    } else {
        let title = text!("Chrome does not let an http page reach {host} in the local network", host = &target.host);
        Finding::error(Confidence::Likely, title)
            .proof(&[seen.id], text!("The page comes over http, and only https pages may ask for the permission."))
            .users(text!("Chrome 147 and later: net::ERR_BLOCKED_BY_LOCAL_NETWORK_ACCESS_CHECKS, without a question."))
            .remedy(Remedy::new(text!("Serve the page over https, so that it may ask")))
    };
    let addresses: Vec<String> = evidence.addresses().iter().take(3).map(ToString::to_string).collect();
    let mut finding = finding;
    if addresses.is_empty() {
        finding = finding.proof(&[seen.id], text!("The page has a public address, the socket's is in the local network."));
    } else {
        finding = finding.proof(
            &[seen.id],
            text!("The page has a public address, the socket's is in the local network: {addresses}.", addresses = addresses.join(", ")),
        );
    }
    let permission = if target.is_loopback() { "loopback-network" } else { "local-network" };
    finding
        .remedy(Remedy::for_stack(
            Stack::Browser,
            text!("Pass the permission on to the frame that opens the socket"),
            format!("<iframe src=\"…\" allow=\"{permission}; local-network-access\"></iframe>"),
        ))
        .remedy(Remedy::new(text!("Managed browsers: put the page's origin on the policy LocalNetworkAccessAllowedForUrls")))
        .remedy(Remedy::new(text!("Or serve the page from the machine or network of the socket")))
        .would_tell(text!("In Chrome, disable chrome://flags/#local-network-access-check-websockets and try again."))
        .holds()
}

#[cfg(test)]
mod tests {
    use super::CAUSE;
    use crate::Severity;
    use crate::sample::{Sample, does_not_hold, holds};
    use evidence::Answer;

    fn page(url: &str, local: bool, target_local: bool) -> Sample {
        Sample::at("ws://127.0.0.1:4455/")
            .page(url, |page| (page.local, page.target_local) = (local, target_local))
            .opens()
    }

    #[test]
    fn holds_for_a_public_page_and_a_local_socket() {
        assert_eq!(holds(&CAUSE, page("https://app.example/", false, true)).severity, Severity::Warning);
        assert_eq!(holds(&CAUSE, page("http://app.example/", false, true)).severity, Severity::Error);
    }

    #[test]
    fn near_misses() {
        does_not_hold(&CAUSE, page("https://app.example/", true, true));
        does_not_hold(&CAUSE, page("https://app.example/", false, false));
        let unknown = Sample::ws().page("https://app.example/", |page| {
            page.target_local = true;
            page.answer = Answer::NotSent("dns".into());
        });
        does_not_hold(&CAUSE, unknown);
        does_not_hold(&CAUSE, Sample::ws().opens());
    }
}
