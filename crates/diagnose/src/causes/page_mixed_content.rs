//! An https page opens a ws:// socket.

use crate::{Confidence, Finding, Remedy, Stack, Symptom, Verdict, cause, page, text};
use evidence::Evidence;

cause! {
    /// An https page may not open a ws:// socket
    ///
    /// # What you see
    /// `new WebSocket()` throws at once: `SecurityError: An insecure WebSocket connection may not be initiated from a page
    /// loaded over HTTPS`; the console says `Mixed Content`. No packet leaves. Command line tools connect.
    ///
    /// # Why it happens
    /// The site got TLS, and the socket's URL still says `ws://`. Browsers make an exception only for this machine
    /// (`127.0.0.1`, `localhost`).
    ///
    /// # What to do
    /// Use `wss://`, best built from the page's own address, and let the proxy that ends TLS for the page serve the socket, too.
    ///
    /// # How to be sure
    /// The page's address begins with `https://`, the socket's with `ws://`; the constructor throws before anything is sent.
    "page-mixed-content", Browser, judge
}

fn judge(evidence: &Evidence) -> Verdict {
    let target = &evidence.case.target;
    let Some(url) = page::address(evidence).filter(|url| url.scheme() == "https") else { return Verdict::Unseen };
    if target.secure || target.is_loopback() {
        return Verdict::Unseen;
    }
    let upgraded = evidence.page().is_some_and(|page| {
        page.policies.iter().any(|policy| {
            policy.text.split(';').any(|directive| directive.trim().eq_ignore_ascii_case("upgrade-insecure-requests"))
        })
    });
    if upgraded {
        return Verdict::RuledOut(text!("the page's policy turns ws:// into wss:// (upgrade-insecure-requests)"));
    }
    let mut finding = Finding::error(Confidence::Proven, text!("Browsers do not let the https page open a ws:// socket (mixed content)"))
        .explains(Symptom::BrowserRefused)
        .proof(&page::ids(evidence), text!("The page is {page}, the socket {socket}.", page = url.origin().ascii_serialization(), socket = target.url()))
        .users(text!("Browsers: SecurityError from new WebSocket(), and \"Mixed Content\" in the console; no close event. Programs connect."))
        .not(text!("the server: no browser even asks it"))
        .remedy(Remedy::for_stack(
            Stack::Browser,
            text!("Build the address from the page's own"),
            format!("const url = new URL('{}', location.href)\nurl.protocol = url.protocol.replace('http', 'ws')\nnew WebSocket(url)", target.path),
        ))
        .remedy(Remedy::for_stack(
            Stack::Nginx,
            text!("Serve the socket where TLS is ended for the page"),
            format!("location {} {{\n    proxy_pass http://127.0.0.1:{};\n    proxy_http_version 1.1;\n    proxy_set_header Upgrade $http_upgrade;\n    proxy_set_header Connection \"upgrade\";\n}}", target.bare_path(), target.port),
        ));
    if let Some(handshake) = evidence.handshake().filter(|seen| seen.opened()) {
        finding = finding.proof(&[handshake.id], text!("Without a browser the same socket opens."));
    }
    finding.holds()
}

#[cfg(test)]
mod tests {
    use super::CAUSE;
    use crate::sample::{Sample, does_not_hold, holds};
    use evidence::{Policy, PolicySource};

    #[test]
    fn holds_for_an_https_page() {
        let _ = holds(&CAUSE, Sample::ws().opens().page("https://app.example/", |_| {}));
    }

    #[test]
    fn near_misses() {
        does_not_hold(&CAUSE, Sample::ws().page("http://app.example/", |_| {}));
        does_not_hold(&CAUSE, Sample::wss().page("https://app.example/", |_| {}));
        does_not_hold(&CAUSE, Sample::bare("ws://127.0.0.1:8080/").page("https://app.example/", |_| {}));
        does_not_hold(&CAUSE, Sample::ws());
        let upgraded = Sample::ws().page("https://app.example/", |page| {
            page.policies = vec![Policy { source: PolicySource::Header, text: "upgrade-insecure-requests".into() }];
        });
        does_not_hold(&CAUSE, upgraded);
    }
}
