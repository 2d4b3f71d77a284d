//! An https page opens an insecure socket.

use crate::browser::{self, is_asked_for, page_url, secure_twin, try_secure_twin};
use crate::reading::experiment;
use crate::{Confidence, Remedy, Stack, Verdict, cause, text};
use evidence::{Evidence, Question};

cause! {
    /// An https page may not open ws://
    ///
    /// # What you see
    /// `new WebSocket` throws at once: `SecurityError: … An insecure WebSocket connection may not be initiated from a page
    /// loaded over HTTPS`, with `Mixed Content: …` in the console. No packet leaves. Command line tools connect.
    ///
    /// # Why it happens
    /// The site got TLS and the socket did not: the URL still says `ws://`. Browsers block every insecure subresource of
    /// a secure page. Only `127.0.0.1`, `::1` and `localhost` are exempt.
    ///
    /// # What to do
    /// End TLS in front of the socket too, best on the page's own host and port, and use `wss://` there. Build the URL
    /// from `location`, so that it follows the page. Serving the page over http instead only hides the trouble.
    ///
    /// # How to be sure
    /// The page's address begins with `https`, the socket's with `ws:`. The exception comes from the constructor itself;
    /// failures of the network come later, as an `error` event and close code 1006.
    "page-mixed-content", Browser, judge
}

fn judge(evidence: &Evidence) -> Verdict {
    let case = &evidence.case;
    let target = &case.target;
    let Some((page, ids)) = page_url(evidence).filter(|(page, _)| page.scheme() == "https") else {
        return Verdict::Unseen;
    };
    if target.secure {
        return Verdict::Unseen;
    }
    if target.is_loopback() {
        return Verdict::RuledOut(text!("browsers exempt sockets on the own machine from the rule about mixed content"));
    }
    if evidence.page().is_some_and(|seen| browser::upgrades_insecure(seen.fact)) {
        return Verdict::RuledOut(text!("the page's policy makes browsers use wss:// instead"));
    }
    let twin = secure_twin(target);
    let question = try_secure_twin(target);
    let tried = experiment(evidence, &question);
    let title = text!(
        "The page {origin} is https and may not open {url}",
        origin = browser::origin(&page),
        url = target.url()
    );
    let mut finding = browser::finding(case, Confidence::Proven, title)
        .proof(&ids, text!("The page comes over https; the socket's address begins with ws: and is not on the own machine."))
        .not(text!("the server or the network: the browser refuses before it sends anything"))
        .users(text!("Chrome: SecurityError, \"An insecure WebSocket connection may not be initiated from a page loaded over HTTPS\". Firefox and Safari: \"The operation is insecure\"."));
    if let Some(handshake) = evidence.handshake().filter(|seen| seen.opened()) {
        finding = finding.proof(&[handshake.id], text!("Outside a browser the same address opens."));
    }
    if browser::is_local_literal(&target.host) {
        finding = finding.proof(&[], text!("Chrome 147 and later let it through after the user allows access to the local network; other browsers do not."));
    }
    let hsts = evidence.page().filter(|seen| super::page_hsts_upgrades_ws::covers(seen.fact, &target.host));
    if let Some(seen) = hsts {
        finding = finding.proof(&[seen.id], text!("Serving the page over http would not help: the host's Strict-Transport-Security makes ws into wss."));
    }
    finding = match tried {
        Some(tried) if tried.opened() => finding
            .proof(&[tried.id], text!("{url} opens.", url = twin.url()))
            .remedy(Remedy::new(text!("Use {url} in the client", url = twin.url()))),
        Some(tried) => finding.proof(&[tried.id], text!("{url} does not open yet.", url = twin.url())),
        None if is_asked_for(case) => finding.ask([Question::Upgrade(question)]),
        None => finding,
    };
    finding
        .remedy(Remedy::for_stack(
            Stack::Browser,
            text!("Build the address from the page's own"),
            format!("const scheme = location.protocol === 'https:' ? 'wss:' : 'ws:';\nconst socket = new WebSocket(`${{scheme}}//${{location.host}}{}`);", target.bare_path()),
        ))
        .remedy(Remedy::for_stack(
            Stack::Nginx,
            text!("Serve the socket from the page's own TLS server"),
            format!("location {} {{\n    proxy_pass http://{};\n    proxy_http_version 1.1;\n    proxy_set_header Upgrade $http_upgrade;\n    proxy_set_header Connection \"upgrade\";\n    proxy_set_header Host $host;\n}}", target.bare_path(), target.authority()),
        ))
        .holds()
}

#[cfg(test)]
mod tests {
    use super::CAUSE;
    use crate::Severity;
    use crate::browser::try_secure_twin;
    use crate::sample::{Sample, does_not_hold, holds};
    use evidence::{Origin, Policy, PolicySource, Target};

    #[test]
    fn holds_for_an_https_page_and_an_insecure_socket() {
        let sample = Sample::at("ws://api.example:8080/ws").page("https://app.example/", |_| {}).opens();
        let finding = holds(&CAUSE, sample.clone());
        assert_eq!((finding.severity, finding.ask.len()), (Severity::Error, 1));
        let target = Target::parse("ws://api.example:8080/ws").expect("it parses");
        let tried = sample.opens_with(try_secure_twin(&target), |_| {});
        assert!(holds(&CAUSE, tried).remedies[0].title.english().contains("wss://api.example:8080/ws"));
        let origin = Sample::ws().case(|case| case.origin = Origin::Given("https://app.example".into())).opens();
        assert_eq!(holds(&CAUSE, origin).severity, Severity::Warning);
        // What was typed is http, what is loaded in the end is https.
        let redirected = Sample::ws().page("http://app.example/", |page| page.url = "https://app.example/".into());
        let _ = holds(&CAUSE, redirected);
    }

    #[test]
    fn near_misses() {
        let page = |url: &str| Sample::at(url).page("https://app.example/", |_| {}).opens();
        for url in ["wss://app.example/ws", "ws://localhost:1/", "ws://127.0.0.1:1/", "ws://[::1]:1/"] {
            does_not_hold(&CAUSE, page(url));
        }
        does_not_hold(&CAUSE, Sample::ws().page("http://app.example/", |_| {}).opens());
        does_not_hold(&CAUSE, Sample::ws().opens());
        let upgrading = Sample::ws().page("https://app.example/", |page| {
            let text = "default-src *; Upgrade-Insecure-Requests".to_owned();
            page.policies.push(Policy { source: PolicySource::Header, text });
        });
        does_not_hold(&CAUSE, upgrading);
    }
}
