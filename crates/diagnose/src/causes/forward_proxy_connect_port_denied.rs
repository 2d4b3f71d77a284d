//! The forward proxy opens tunnels to some ports only.

use crate::forward::{self, denied};
use crate::{Confidence, Finding, Remedy, Stack, Symptom, Verdict, cause, text};
use evidence::{Evidence, Question, TunnelOutcome};

cause! {
    /// The forward proxy allows tunnels to port 443 only
    ///
    /// # What you see
    /// `403 Forbidden` in answer to CONNECT, `net::ERR_TUNNEL_CONNECTION_FAILED`; squid logs `TCP_DENIED/403 CONNECT host:9001`.
    ///
    /// # Why it happens
    /// Proxies are set up to allow CONNECT for HTTPS only (squid: `SSL_ports`), so that nobody tunnels anything else.
    ///
    /// # What to do
    /// Serve the socket on 443; or have the port put on the proxy's list.
    ///
    /// # How to be sure
    /// The same proxy lets a CONNECT to port 443 of the same host pass its rules.
    "forward-proxy-connect-port-denied", Network, judge
}

fn judge(evidence: &Evidence) -> Verdict {
    let port = evidence.case.target.port;
    let Some(tunnel) = forward::failed(evidence).filter(|seen| denied(&seen.outcome) && port != 443) else { return Verdict::Unseen };
    let question = Question::Tunnel { port: Some(443) };
    let Some(web) = forward::to_port(evidence, 443) else { return Verdict::Open(vec![question]) };
    // Whatever comes after the rules (a host that does not answer there) shows that the rules were passed.
    let passed = match &web.outcome {
        TunnelOutcome::Open => true,
        TunnelOutcome::Answered(response) => matches!(response.status, 500..=504),
        TunnelOutcome::Socks(code) => matches!(code, 3..=6),
        _ => false,
    };
    if !passed {
        return Verdict::RuledOut(text!("port 443 of the same host is denied as well"));
    }
    let target = &evidence.case.target;
    Finding::error(Confidence::Proven, text!("The forward proxy {proxy} allows no tunnel to port {port}", proxy = &tunnel.proxy, port = port))
        .explains(Symptom::TunnelFailed)
        .proof(&[tunnel.id], text!("CONNECT {destination} gets {outcome}.", destination = &tunnel.destination, outcome = forward::outcome(&tunnel.outcome)))
        .proof(&[web.id], text!("CONNECT {destination} passes its rules: {outcome}.", destination = &web.destination, outcome = forward::outcome(&web.outcome)))
        .not(text!("a ban of the host: another port of it is allowed"))
        .users(text!("Browsers behind this proxy: close code 1006 and net::ERR_TUNNEL_CONNECTION_FAILED."))
        .remedy(Remedy::for_stack(
            Stack::Nginx,
            text!("Serve the socket on 443, beside the page"),
            format!("location {} {{\n    proxy_pass http://127.0.0.1:{port};\n    proxy_http_version 1.1;\n    proxy_set_header Upgrade $http_upgrade;\n    proxy_set_header Connection \"upgrade\";\n}}", target.bare_path()),
        ))
        .remedy(Remedy::for_stack(Stack::Squid, text!("Or have the port put on the proxy's list"), format!("acl SSL_ports port {port}")))
        .yields_to(&["client-uses-proxy-wrongly"])
        .holds()
}

#[cfg(test)]
mod tests {
    use super::CAUSE;
    use crate::sample::{Sample, asks, does_not_hold, holds, response, via};
    use evidence::TunnelOutcome;

    fn answered(status: u16) -> TunnelOutcome {
        TunnelOutcome::Answered(Box::new(response(status, &["server: squid/5.7"], "")))
    }

    fn denied(url: &str) -> Sample {
        via(url).tunnel("connect", None, answered(403))
    }

    #[test]
    fn holds_where_443_is_allowed() {
        assert_eq!(asks(&CAUSE, denied("ws://app.example:9001/")).len(), 1);
        for outcome in [TunnelOutcome::Open, answered(503)] {
            let _ = holds(&CAUSE, denied("ws://app.example:9001/").tunnel("connect", Some(443), outcome));
        }
    }

    #[test]
    fn near_misses() {
        does_not_hold(&CAUSE, denied("ws://app.example:9001/").tunnel("connect", Some(443), answered(403)));
        does_not_hold(&CAUSE, denied("wss://app.example/"));
        does_not_hold(&CAUSE, via("ws://app.example:9001/").tunnel("connect", None, answered(407)));
    }
}
