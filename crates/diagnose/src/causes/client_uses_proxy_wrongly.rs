//! A proxy is asked for a host that only this machine or network knows.

use crate::{Confidence, Finding, Remedy, Stack, Symptom, Verdict, cause, names, text};
use evidence::{Evidence, Question, Tunnel, TunnelOutcome, Variation};

cause! {
    /// The proxy is used for a local host
    ///
    /// # What you see
    /// 403, 502, 503 or 504 with `Via` or `Server: squid` for `localhost` or an internal name; without the proxy variables
    /// everything works.
    ///
    /// # Why it happens
    /// `HTTP_PROXY` or `HTTPS_PROXY` is set for the way out, and nothing excludes hosts that only this machine or network
    /// knows. To the proxy, `localhost` is the proxy itself.
    ///
    /// # What to do
    /// Put such hosts into `NO_PROXY`, in both spellings, or tell the library to use no proxy for them.
    ///
    /// # How to be sure
    /// Directly the same handshake gets 101: `keepwire check URL --via none`
    "client-uses-proxy-wrongly", Input, judge
}

fn judge(evidence: &Evidence) -> Verdict {
    let target = &evidence.case.target;
    let Some(via) = evidence.case.via.as_ref() else { return Verdict::Unseen };
    let Some(variable) = via.variable.as_deref().filter(|_| names::is_local_host(&target.host)) else { return Verdict::Unseen };
    let tunnel = evidence.tunnels().next().filter(|seen| seen.outcome != TunnelOutcome::Open);
    let refused = evidence.handshake().filter(|seen| seen.was_sent() && !seen.opened());
    let (id, symptom) = match (&tunnel, &refused) {
        (Some(tunnel), _) => (tunnel.id, Symptom::TunnelFailed),
        (None, Some(refused)) => (refused.id, Symptom::NotSwitched),
        (None, None) => return Verdict::Unseen,
    };
    let direct = Variation { direct: true, ..Variation::default() };
    let Some(seen) = evidence.exchange(&direct) else { return Verdict::Open(vec![Question::Upgrade(direct)]) };
    if !seen.opened() {
        return Verdict::RuledOut(text!("without the proxy it fails as well"));
    }
    let title = text!("{variable} sends connections to {host} through {proxy}", variable = variable, host = &target.host, proxy = &via.url);
    Finding::error(Confidence::Proven, title)
        .explains(symptom)
        .proof(&[id], text!("{proxy} does not lead to {host}{detail}.", proxy = &via.url, host = &target.host, detail = tunnel.map(|seen| status(seen.fact)).unwrap_or_default()))
        .proof(&[seen.id], text!("Without the proxy the same handshake gets 101."))
        .not(text!("the server: directly it answers"))
        .users(text!("Programs that read {variable} fail; browsers, which never use a proxy for localhost, work.", variable = variable))
        .remedy(Remedy::for_stack(
            Stack::Linux,
            text!("Exclude the host from the proxy, in both spellings"),
            format!("export NO_PROXY=localhost,127.0.0.1,::1,{host} no_proxy=localhost,127.0.0.1,::1,{host}", host = target.host),
        ))
        .remedy(Remedy::for_stack(Stack::Python, text!("Or tell the library to use none"), "connect(uri, proxy=None)   # websockets 15 or later"))
        .holds()
}

fn status(tunnel: &Tunnel) -> String {
    match &tunnel.outcome {
        TunnelOutcome::Answered(response) => format!(" ({})", response.status),
        _ => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::CAUSE;
    use crate::sample::{Sample, asks, does_not_hold, holds, response};
    use evidence::{TunnelOutcome, Variation, Via, ViaMode};

    fn proxied(url: &str, variable: Option<&str>) -> Sample {
        let via = Via {
            url: "http://proxy.corp:3128".into(),
            mode: ViaMode::Auto,
            variable: variable.map(str::to_owned),
            credentials: false,
        };
        Sample::bare(url)
            .case(|case| case.via = Some(via))
            .tunnel("connect", None, TunnelOutcome::Answered(Box::new(response(403, &["server: squid/5.7"], ""))))
    }

    fn direct() -> Variation {
        Variation { direct: true, ..Variation::default() }
    }

    #[test]
    fn holds_where_the_direct_way_works() {
        let sample = proxied("ws://localhost:8080/", Some("HTTP_PROXY"));
        assert_eq!(asks(&CAUSE, sample.clone()).len(), 1);
        let _ = holds(&CAUSE, sample.opens_with(direct(), |_| {}));
    }

    #[test]
    fn near_misses() {
        does_not_hold(&CAUSE, proxied("ws://localhost:8080/", None).opens_with(direct(), |_| {}));
        does_not_hold(&CAUSE, proxied("ws://app.example/", Some("HTTP_PROXY")).opens_with(direct(), |_| {}));
        does_not_hold(&CAUSE, proxied("ws://localhost:8080/", Some("HTTP_PROXY")).experiment(direct(), 404, ""));
    }
}
