//! A published page connects to the visitor's own machine.

use crate::{Confidence, Finding, Remedy, Stack, Symptom, Verdict, cause, page, text};
use evidence::{Evidence, Target};

cause! {
    /// The published page connects to localhost
    ///
    /// # What you see
    /// It works for the developer. Everybody else gets `net::ERR_CONNECTION_REFUSED` to `ws://localhost:PORT`, which is their own
    /// machine.
    ///
    /// # Why it happens
    /// The address of the development server was built into the bundle: a constant, a default, or an environment variable that
    /// was not set at build time.
    ///
    /// # What to do
    /// Build the address from `location`, or set the variable for the production build.
    ///
    /// # How to be sure
    /// Search the published files for `ws://localhost` and `ws://127.0.0.1`.
    "page-localhost-in-production", Browser, judge
}

fn judge(evidence: &Evidence) -> Verdict {
    let Some(url) = page::address(evidence).filter(|url| !page::is_loopback(url)) else { return Verdict::Unseen };
    let page_is_local = evidence.page().is_some_and(|seen| seen.fact.local);
    let target = &evidence.case.target;
    let origin = url.origin().ascii_serialization();
    let written = evidence.page().and_then(|seen| {
        let socket = seen.fact.socket_urls.iter().find(|text| Target::parse(text).is_ok_and(|target| target.is_loopback()))?;
        Some((seen.id, socket.clone()))
    });
    let finding = if target.is_loopback() && !evidence.handshake().is_some_and(|seen| seen.opened()) {
        Finding::error(Confidence::Likely, text!("The page {page} connects to localhost, which for every visitor is his own machine", page = &origin))
            .explains(Symptom::NotReached)
            .proof(&page::ids(evidence), text!("The page is {page}, the socket {socket}.", page = &origin, socket = target.url()))
    } else if let Some((id, socket)) = written.filter(|_| !page_is_local && !target.is_loopback()) {
        Finding::warning(Confidence::Possible, text!("The text of the published page names a socket on localhost"))
            .proof(&[id], text!("\"{socket}\" stands in {page}.", socket = socket, page = &origin))
    } else {
        return Verdict::Unseen;
    };
    finding
        .users(text!("Visitors: net::ERR_CONNECTION_REFUSED, or a prompt of Chrome for the local network; the developer sees it work."))
        .remedy(Remedy::for_stack(
            Stack::Browser,
            text!("Build the address from the page's own"),
            format!("const url = new URL('{}', location.href)\nurl.protocol = url.protocol.replace('http', 'ws')\nnew WebSocket(url)", target.path),
        ))
        .remedy(Remedy::for_stack(Stack::Vite, text!("Or set it when building"), "VITE_WS_URL=wss://app.example.com/ws vite build   # new WebSocket(import.meta.env.VITE_WS_URL)"))
        .holds()
}

#[cfg(test)]
mod tests {
    use super::CAUSE;
    use crate::Severity;
    use crate::sample::{Sample, does_not_hold, holds};
    use evidence::Reached;

    #[test]
    fn holds_for_published_pages() {
        let refused = Sample::bare("ws://localhost:5173/").connection("127.0.0.1", 5173, Reached::Refused);
        assert_eq!(holds(&CAUSE, refused.page("https://app.example/", |_| {})).severity, Severity::Error);
        let written = Sample::wss().opens().page("https://app.example/", |page| page.socket_urls = vec!["ws://localhost:5173/hmr".into()]);
        assert_eq!(holds(&CAUSE, written).severity, Severity::Warning);
    }

    #[test]
    fn near_misses() {
        // A program of the visitor's that answers: meant to be so.
        does_not_hold(&CAUSE, Sample::at("ws://localhost:4455/").opens().page("https://app.example/", |_| {}));
        does_not_hold(&CAUSE, Sample::bare("ws://localhost:5173/").page("http://localhost:3000/", |_| {}));
        does_not_hold(&CAUSE, Sample::wss().opens().page("https://app.example/", |page| page.socket_urls = vec!["wss://app.example/ws".into()]));
    }
}
