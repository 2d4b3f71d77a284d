//! The page opens the socket on the application's own port, which is not public.

use crate::symptom::symptoms;
use crate::{Confidence, Finding, Remedy, Stack, Symptom, Verdict, cause, page, text};
use evidence::{Evidence, Question, Variation};

cause! {
    /// The socket uses the application's own port instead of the page's
    ///
    /// # What you see
    /// `net::ERR_CONNECTION_REFUSED`, a time-out or a certificate error at `wss://HOST:5173` (3000, 8080, 24678 …), while the page
    /// is served on 443. Vite prints `[vite] failed to connect to websocket`.
    ///
    /// # Why it happens
    /// The application knows its own port and puts it into the socket's address; the proxy in front publishes another one.
    ///
    /// # What to do
    /// Use the page's own port: build the address from `location`, or tell the development server which port clients see.
    ///
    /// # How to be sure
    /// The same path on the page's own port gets 101.
    "page-wrong-port-behind-proxy", Browser, judge
}

fn judge(evidence: &Evidence) -> Verdict {
    let target = &evidence.case.target;
    let Some(url) = page::address(evidence).filter(|url| page::same_host(url, target)) else { return Verdict::Unseen };
    let Some(port) = url.port_or_known_default().filter(|port| *port != target.port) else { return Verdict::Unseen };
    let trouble: Vec<Symptom> = symptoms(evidence)
        .into_iter()
        .filter(|symptom| matches!(symptom, Symptom::NotReached | Symptom::TlsFailed | Symptom::CertificateNotTrusted))
        .collect();
    if trouble.is_empty() || evidence.case.via.is_some() {
        return Verdict::Unseen;
    }
    let secure = url.scheme() == "https";
    let there = Variation { port: Some(port), other_scheme: secure != target.secure, ..Variation::default() };
    let Some(seen) = evidence.exchange(&there) else { return Verdict::Open(vec![Question::Upgrade(there)]) };
    if !seen.opened() {
        return Verdict::RuledOut(text!("on the page's own port the socket does not open either"));
    }
    let scheme = if secure { "wss" } else { "ws" };
    let host = target.bracketed_host();
    let mut finding = Finding::error(Confidence::Proven, text!("The socket is asked for on port {wrong}, and is served on the page's port {right}", wrong = target.port, right = port))
        .proof(&[seen.id], text!("{scheme} on port {port} of the same host, the same path, gets 101.", scheme = scheme, port = port))
        .not(text!("the application: it answers on the page's port"))
        .users(text!("Browsers: net::ERR_CONNECTION_REFUSED, a time-out or a certificate error; close code 1006."))
        .remedy(Remedy::for_stack(
            Stack::Browser,
            text!("Build the address from the page's own"),
            format!("const url = new URL('{}', location.href)\nurl.protocol = url.protocol.replace('http', 'ws')\nnew WebSocket(url)", target.path),
        ))
        .remedy(Remedy::for_stack(
            Stack::Vite,
            text!("Tell the development server which port clients see"),
            format!("server: {{ hmr: {{ protocol: '{scheme}', host: '{host}', clientPort: {port} }} }}\n// webpack-dev-server: client: {{ webSocketURL: '{scheme}://{host}:{port}/ws' }}"),
        ));
    for symptom in trouble {
        finding = finding.explains(symptom);
    }
    finding.holds()
}

#[cfg(test)]
mod tests {
    use super::CAUSE;
    use crate::sample::{ADDRESS, Sample, asks, does_not_hold, holds};
    use evidence::{Reached, Variation};

    fn refused(page: &str) -> Sample {
        Sample::bare("wss://app.example:5173/").resolves(&[ADDRESS]).connection(ADDRESS, 5173, Reached::Refused).page(page, |_| {})
    }

    fn there() -> Variation {
        Variation { port: Some(443), ..Variation::default() }
    }

    #[test]
    fn holds_where_the_pages_port_serves_it() {
        assert_eq!(asks(&CAUSE, refused("https://app.example/")).len(), 1);
        let _ = holds(&CAUSE, refused("https://app.example/").opens_with(there(), |_| {}));
    }

    #[test]
    fn near_misses() {
        does_not_hold(&CAUSE, refused("https://app.example/").experiment(there(), 404, ""));
        does_not_hold(&CAUSE, refused("https://other.example/").opens_with(there(), |_| {}));
        does_not_hold(&CAUSE, refused("https://app.example:5173/"));
        does_not_hold(&CAUSE, Sample::at("ws://app.example:5173/").opens().page("http://app.example/", |_| {}));
    }
}
