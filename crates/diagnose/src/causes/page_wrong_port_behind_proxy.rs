//! The socket is asked for on the application's own port, and only the proxy's is open to the outside.

use crate::browser::{self, is_asked_for, page_url};
use crate::reading::experiment;
use crate::symptom::symptoms;
use crate::{Confidence, Finding, Remedy, Stack, Symptom, Verdict, cause, text};
use evidence::{Evidence, Question, Reached, Target, Variation};

cause! {
    /// The address has the application's internal port
    ///
    /// # What you see
    /// `net::ERR_CONNECTION_REFUSED`, a time-out, or a certificate error for `wss://host:5173` (`:3000`, `:8080`, …), while
    /// the page itself loads from the same host. Vite: `failed to connect to websocket`.
    ///
    /// # Why it happens
    /// The code, or the development server, adds the port that it listens on itself. From outside only the proxy's port
    /// is reachable, and it passes the socket on.
    ///
    /// # What to do
    /// Leave the port out: use the page's own host and port. Development servers have settings for it.
    ///
    /// # How to be sure
    /// The same path on the page's own port opens.
    "page-wrong-port-behind-proxy", Browser, judge
}

fn judge(evidence: &Evidence) -> Verdict {
    let case = &evidence.case;
    let target = &case.target;
    let trouble: Vec<Symptom> = symptoms(evidence).into_iter().filter(is_fitting).collect();
    if trouble.is_empty() || target.port == target.default_port() {
        return Verdict::Unseen;
    }
    let Some((secure, port)) = proxy_port(evidence) else { return Verdict::Unseen };
    let proxy = Target { secure, port, ..target.clone() };
    let variation = Variation { other_scheme: secure != target.secure, port: Some(port), ..Variation::default() };
    let Some(tried) = experiment(evidence, &variation) else {
        return if evidence.is_answered(&Question::Upgrade(variation.clone())) {
            Verdict::Unseen
        } else {
            Verdict::Open(vec![Question::Upgrade(variation)])
        };
    };
    if !tried.opened() {
        return Verdict::RuledOut(text!("the same path does not open on port {port} either", port = port));
    }
    let title = text!("The address has port {wrong}, but the socket is reached on port {port}: {url}", wrong = target.port, port = port, url = proxy.url());
    let mut finding = Finding::error(Confidence::Proven, title)
        .proof(&[tried.id], text!("The same path on port {port} of the same host gets 101.", port = port));
    for symptom in trouble {
        finding = finding.explains(symptom);
    }
    let failed: Vec<_> = evidence.connections_to(target.port).into_iter().filter(|seen| seen.outcome != Reached::Connected).collect();
    if !failed.is_empty() {
        let ids: Vec<u32> = failed.iter().map(|seen| seen.id).collect();
        finding = finding.proof(&ids, text!("No TCP connection to port {port} came about.", port = target.port));
    }
    finding
        .remedy(Remedy::new(text!("Use {url} in the client", url = proxy.url())))
        .remedy(Remedy::for_stack(
            Stack::Browser,
            text!("Build the address from the page's own"),
            format!("const scheme = location.protocol === 'https:' ? 'wss:' : 'ws:';\nconst socket = new WebSocket(`${{scheme}}//${{location.host}}{}`);", target.bare_path()),
        ))
        .remedy(Remedy::for_stack(
            Stack::Vite,
            text!("Tell the development server how it is reached from outside"),
            format!("server: {{ hmr: {{ protocol: '{}', host: '{}', clientPort: {port} }} }}", proxy.scheme(), proxy.host),
        ))
        .remedy(Remedy::for_stack(
            Stack::Node,
            text!("The same for webpack-dev-server"),
            format!("devServer: {{ client: {{ webSocketURL: '{}://{}:{port}/ws' }} }}", proxy.scheme(), proxy.bracketed_host()),
        ))
        .holds()
}

/// What a port that is closed, filtered, or meant for somebody else looks like.
fn is_fitting(symptom: &Symptom) -> bool {
    matches!(symptom, Symptom::NotReached | Symptom::TlsFailed | Symptom::CertificateNotTrusted)
}

/// Scheme and port of the proxy: the page's, where it has the socket's host; else 443, where that is known to be open.
fn proxy_port(evidence: &Evidence) -> Option<(bool, u16)> {
    let target = &evidence.case.target;
    let page = page_url(evidence).filter(|_| is_asked_for(&evidence.case));
    if let Some((page, _)) = page
        && browser::host(&page).eq_ignore_ascii_case(&target.host)
    {
        let port = page.port_or_known_default()?;
        return (port != target.port).then_some((page.scheme() == "https", port));
    }
    let open = |port| evidence.connections_to(port).iter().any(|seen| seen.outcome == Reached::Connected);
    (!target.is_loopback() && open(443)).then_some((true, 443))
}

#[cfg(test)]
mod tests {
    use super::CAUSE;
    use crate::sample::{ADDRESS, Sample, asks, does_not_hold, holds};
    use evidence::{Question, Reached, Variation};

    fn refused() -> Sample {
        Sample::bare("wss://app.example:5173/hmr").resolves(&[ADDRESS]).connection(ADDRESS, 5173, Reached::Refused)
    }

    fn proxy() -> Variation {
        Variation { port: Some(443), ..Variation::default() }
    }

    #[test]
    fn holds_where_the_pages_own_port_opens() {
        let sample = refused().page("https://app.example/", |_| {});
        assert_eq!(asks(&CAUSE, sample.clone()), [Question::Upgrade(proxy())]);
        let finding = holds(&CAUSE, sample.opens_with(proxy(), |_| {}));
        assert!(finding.title.english().contains("wss://app.example/hmr"), "{}", finding.title);
        // Without a page: the usual port, where it is open.
        let _ = holds(&CAUSE, refused().connection(ADDRESS, 443, Reached::Connected).opens_with(proxy(), |_| {}));
    }

    #[test]
    fn near_misses() {
        let page = refused().page("https://app.example/", |_| {});
        does_not_hold(&CAUSE, page.clone().experiment(proxy(), 404, "Not Found"));
        // The page is on another host, and nobody knows of port 443.
        does_not_hold(&CAUSE, refused().page("https://other.example/", |_| {}));
        does_not_hold(&CAUSE, Sample::at("wss://app.example:5173/hmr").page("https://app.example/", |_| {}).tls(|_| {}).opens());
        does_not_hold(&CAUSE, Sample::wss().opens());
    }
}
