//! The way out leads through a proxy, and it was not used.

use crate::symptom::symptoms;
use crate::{Confidence, Finding, Remedy, Stack, Symptom, Verdict, cause, text};
use evidence::{Evidence, Question, Variation};

cause! {
    /// The client does not use the proxy that it needs
    ///
    /// # What you see
    /// `ETIMEDOUT`, `EHOSTUNREACH`, or a name that does not resolve, while browsers and curl on the same machine reach the
    /// host.
    ///
    /// # Why it happens
    /// Many WebSocket libraries ignore `HTTPS_PROXY` and the system's proxy settings. In a company's network the proxy is the
    /// only way out. Node.js `ws`, Go `coder/websocket` and old Python `websockets` (before 15) need it set by hand.
    ///
    /// # What to do
    /// Give the library the proxy.
    ///
    /// # How to be sure
    /// Through the proxy the same handshake gets 101, directly it fails.
    "client-ignores-system-proxy", Input, judge
}

fn judge(evidence: &Evidence) -> Verdict {
    if evidence.case.via.is_some() {
        return Verdict::Unseen;
    }
    let Some(here) = evidence.environment() else { return Verdict::Unseen };
    let Some(variable) = here.fact.proxy_for(evidence.case.target.secure) else { return Verdict::Unseen };
    let trouble = symptoms(evidence).into_iter().find(|symptom| {
        matches!(symptom, Symptom::NameNotResolved | Symptom::NotReached | Symptom::TlsFailed)
    });
    let Some(trouble) = trouble else { return Verdict::Unseen };
    let through = Variation { through_proxy: true, ..Variation::default() };
    let Some(seen) = evidence.exchange(&through) else { return Verdict::Open(vec![Question::Upgrade(through)]) };
    if !seen.opened() {
        return Verdict::RuledOut(text!("through the proxy of the environment it fails as well"));
    }
    let proxy = variable.value.as_str();
    Finding::error(Confidence::Proven, text!("The way out leads through the proxy {proxy}, which the direct connection ignores", proxy = proxy))
        .explains(trouble)
        .proof(&[here.id], text!("{variable} is set to {proxy}.", variable = &variable.name, proxy = proxy))
        .proof(&[seen.id], text!("Through it the same handshake gets 101; directly the host is not reached."))
        .not(text!("a server that is down: through the proxy it answers"))
        .users(text!("Browsers and curl work, because they use the proxy; libraries that ignore it time out."))
        .remedies(remedies(proxy))
        .holds()
}

fn remedies(proxy: &str) -> Vec<Remedy> {
    vec![
        Remedy::for_stack(
            Stack::Node,
            text!("Give the library the proxy"),
            format!("import {{ HttpsProxyAgent }} from 'https-proxy-agent'\nnew WebSocket(url, {{ agent: new HttpsProxyAgent('{proxy}') }})"),
        ),
        Remedy::for_stack(
            Stack::Python,
            text!("Give the library the proxy"),
            format!("# websockets 15 or later reads the environment by itself; otherwise\nconnect(uri, proxy=\"{proxy}\")"),
        ),
        Remedy::for_stack(Stack::Go, text!("Give the library the proxy"), "dialer := websocket.Dialer{Proxy: http.ProxyFromEnvironment}   // gorilla"),
        Remedy::for_stack(Stack::DotNet, text!("Give the library the proxy"), format!("socket.Options.Proxy = new WebProxy(\"{proxy}\");")),
    ]
}

#[cfg(test)]
mod tests {
    use super::CAUSE;
    use crate::sample::{ADDRESS, Sample, asks, does_not_hold, holds};
    use evidence::{ProxyVariable, Reached, Variation};

    fn silent(excluded: bool) -> Sample {
        Sample::bare("wss://app.example/ws")
            .environment(|here| {
                here.proxies = vec![ProxyVariable { name: "HTTPS_PROXY".into(), value: "http://proxy.corp:3128".into() }];
                here.target_excluded = excluded;
            })
            .resolves(&[ADDRESS])
            .connection(ADDRESS, 443, Reached::Silence)
    }

    fn through() -> Variation {
        Variation { through_proxy: true, ..Variation::default() }
    }

    #[test]
    fn holds_where_only_the_proxy_leads_out() {
        assert_eq!(asks(&CAUSE, silent(false)).len(), 1);
        let _ = holds(&CAUSE, silent(false).opens_with(through(), |_| {}));
    }

    #[test]
    fn near_misses() {
        does_not_hold(&CAUSE, silent(false).experiment(through(), 503, ""));
        does_not_hold(&CAUSE, silent(true).opens_with(through(), |_| {}));
        does_not_hold(&CAUSE, Sample::wss().opens());
    }
}
