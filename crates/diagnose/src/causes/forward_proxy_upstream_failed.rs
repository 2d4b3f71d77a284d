//! The forward proxy does not get to the host.

use crate::forward;
use crate::{shell_word, Confidence, Finding, Remedy, Symptom, Verdict, cause, text};
use evidence::{Evidence, Question, TunnelOutcome, Variation};

cause! {
    /// The forward proxy does not reach the host
    ///
    /// # What you see
    /// 502, 503 or 504 (squid: 503 for a refused connection, 500 for an unknown name) in answer to CONNECT; SOCKS errors 1 and
    /// 3 to 6.
    ///
    /// # Why it happens
    /// The proxy asks its own name server, and that does not know the name (an internal one, a hosts file of yours); or it has
    /// no route or no permission to the host; or the host is down for everybody. Or what is set as proxy is a web server.
    ///
    /// # What to do
    /// If the host works without the proxy, exclude it with `NO_PROXY`, or give the proxy the name and the route. If it does
    /// not, repair the host.
    ///
    /// # How to be sure
    /// The same handshake without the proxy: `--via none`.
    "forward-proxy-upstream-failed", Network, judge
}

fn judge(evidence: &Evidence) -> Verdict {
    let Some(tunnel) = forward::failed(evidence) else { return Verdict::Unseen };
    let no_proxy = match &tunnel.fact.outcome {
        TunnelOutcome::Answered(response) => match response.status {
            500 | 502..=504 => false,
            // A web server's answer to a method that it does not have.
            400 | 404 | 405 | 501 => true,
            _ => return Verdict::Unseen,
        },
        TunnelOutcome::Socks(1 | 3..=6) => false,
        _ => return Verdict::Unseen,
    };
    let direct = Variation { direct: true, ..Variation::default() };
    let question = Question::Upgrade(direct.clone());
    let without = evidence.exchange(&direct);
    if without.is_none() && !evidence.is_answered(&question) {
        return Verdict::Open(vec![question]);
    }
    let works = without.filter(|seen| seen.fact.was_sent());
    let host = evidence.case.target.host.as_str();
    let (confidence, title) = match (no_proxy, works.is_some()) {
        (true, true) => (Confidence::Likely, text!("{proxy} does not act as a forward proxy", proxy = &tunnel.proxy)),
        (true, false) => (Confidence::Possible, text!("{proxy} does not act as a forward proxy", proxy = &tunnel.proxy)),
        (false, true) => (Confidence::Proven, text!("The forward proxy {proxy} does not reach {host}, which does answer", proxy = &tunnel.proxy, host = host)),
        (false, false) => (Confidence::Likely, text!("The forward proxy {proxy} does not reach {host}", proxy = &tunnel.proxy, host = host)),
    };
    let mut finding = Finding::error(confidence, title)
        .explains(Symptom::TunnelFailed)
        .proof(&[tunnel.id], text!("Asked for {destination}: {outcome}.", destination = &tunnel.destination, outcome = forward::outcome(&tunnel.outcome)))
        .users(text!("Browsers behind this proxy: close code 1006 and net::ERR_TUNNEL_CONNECTION_FAILED."))
        .yields_to(&["client-uses-proxy-wrongly"]);
    finding = match (works, without) {
        (Some(seen), _) => finding
            .proof(&[seen.id], text!("Without the proxy the host is reached."))
            .not(text!("a server that is down"))
            .remedy(Remedy::new(text!("Exclude the host from the proxy")).command(format!("export NO_PROXY={host} no_proxy={host}")))
            .remedy(Remedy::new(text!("Or give the proxy a name server and a route that know the host")).command(format!("getent ahosts {host}   # on the proxy's machine"))),
        (None, Some(seen)) => finding
            .proof(&[seen.id], text!("Without the proxy the host is not reached either, from here."))
            .remedy(Remedy::new(text!("See whether the host runs and which name the proxy needs for it")).command(format!("getent ahosts {host}   # on the proxy's machine"))),
        (None, None) => finding.remedy(Remedy::new(text!("Try without the proxy")).command(format!("keepwire check {} --via none", shell_word(&evidence.case.target.url())))),
    };
    finding.holds()
}

#[cfg(test)]
mod tests {
    use super::CAUSE;
    use crate::Confidence;
    use crate::sample::{Sample, asks, does_not_hold, holds, response, via};
    use evidence::{Answer, TunnelOutcome, Variation};

    fn answered(status: u16) -> Sample {
        via("ws://app.example/").tunnel("connect", None, TunnelOutcome::Answered(Box::new(response(status, &["server: squid/5.7"], ""))))
    }

    fn direct() -> Variation {
        Variation { direct: true, ..Variation::default() }
    }

    #[test]
    fn holds_where_the_proxy_does_not_get_there() {
        assert_eq!(asks(&CAUSE, answered(503)).len(), 1);
        assert_eq!(holds(&CAUSE, answered(500).opens_with(direct(), |_| {})).confidence, Confidence::Proven);
        let down = answered(503).exchange(direct(), Answer::NotSent("tcp".into()));
        assert_eq!(holds(&CAUSE, down).confidence, Confidence::Likely);
        let socks = via("ws://app.example/").tunnel("socks5", None, TunnelOutcome::Socks(5)).opens_with(direct(), |_| {});
        let _ = holds(&CAUSE, socks);
        // A web server that was taken for a proxy.
        assert_eq!(holds(&CAUSE, answered(405).opens_with(direct(), |_| {})).confidence, Confidence::Likely);
    }

    #[test]
    fn near_misses() {
        for status in [403, 407] {
            does_not_hold(&CAUSE, answered(status).opens_with(direct(), |_| {}));
        }
        let denied = via("ws://app.example/").tunnel("socks5", None, TunnelOutcome::Socks(2));
        does_not_hold(&CAUSE, denied);
    }
}
