//! The forward proxy does not allow the host.

use crate::forward::{self, denied};
use crate::reading::quote;
use crate::{Confidence, Finding, Remedy, Stack, Symptom, Verdict, cause, text};
use evidence::{Evidence, Question, TunnelOutcome};

cause! {
    /// The forward proxy blocks the host
    ///
    /// # What you see
    /// `403 Forbidden` in answer to CONNECT, often with a page about the category of the site; or a foreign certificate that
    /// belongs to such a page. `net::ERR_TUNNEL_CONNECTION_FAILED`.
    ///
    /// # Why it happens
    /// A rule of the company or school: a list, a category, an unknown host.
    ///
    /// # What to do
    /// Ask who runs the proxy to allow the host.
    ///
    /// # How to be sure
    /// Other hosts through the same proxy are allowed; this one is denied on 443, too.
    "forward-proxy-destination-blocked", Network, judge
}

fn judge(evidence: &Evidence) -> Verdict {
    let target = &evidence.case.target;
    let Some(tunnel) = forward::failed(evidence).filter(|seen| denied(&seen.outcome)) else { return Verdict::Unseen };
    let web = forward::to_port(evidence, 443);
    let question = Question::Tunnel { port: Some(443) };
    if target.port != 443 && web.is_none() {
        return if evidence.is_answered(&question) { Verdict::Unseen } else { Verdict::Open(vec![question]) };
    }
    if web.as_ref().is_some_and(|seen| !denied(&seen.outcome)) {
        return Verdict::RuledOut(text!("another port of the host passes the proxy's rules"));
    }
    let mut finding = Finding::error(Confidence::Likely, text!("The forward proxy {proxy} does not allow {host}", proxy = &tunnel.proxy, host = &target.host))
        .explains(Symptom::TunnelFailed)
        .proof(&[tunnel.id], text!("CONNECT {destination} gets {outcome}.", destination = &tunnel.destination, outcome = forward::outcome(&tunnel.outcome)))
        .users(text!("Browsers behind this proxy: close code 1006 and net::ERR_TUNNEL_CONNECTION_FAILED."))
        .would_tell(text!("Ask for another host through the same proxy: if that works, the rule is about this host."))
        .remedy(Remedy::new(text!("Ask who runs the proxy to allow {host}", host = &target.host)))
        .remedy(Remedy::for_stack(Stack::Squid, text!("Allow the host, above the rule that denies it"), format!("acl sockets dstdomain {}\nhttp_access allow CONNECT sockets", target.host)))
        .yields_to(&["client-uses-proxy-wrongly"]);
    if let Some(web) = web {
        finding = finding
            .proof(&[web.id], text!("Port 443 of the same host is denied as well."))
            .not(text!("a rule about ports: 443 is denied, too"));
    }
    if let TunnelOutcome::Answered(response) = &tunnel.fact.outcome
        && response.body.length > 0
    {
        finding = finding.proof(&[tunnel.id], text!("The proxy says: \"{body}\"", body = quote(response, 120)));
    }
    finding.holds()
}

#[cfg(test)]
mod tests {
    use super::CAUSE;
    use crate::sample::{asks, does_not_hold, holds, response, via};
    use evidence::TunnelOutcome;

    fn answered(status: u16) -> TunnelOutcome {
        TunnelOutcome::Answered(Box::new(response(status, &["server: squid/5.7"], "Access Denied")))
    }

    #[test]
    fn holds_where_443_is_denied_too() {
        let _ = holds(&CAUSE, via("wss://app.example/").tunnel("connect", None, answered(403)));
        let other = via("ws://app.example:9001/").tunnel("connect", None, answered(403));
        assert_eq!(asks(&CAUSE, other.clone()).len(), 1);
        let _ = holds(&CAUSE, other.tunnel("connect", Some(443), answered(403)));
    }

    #[test]
    fn near_misses() {
        let port = via("ws://app.example:9001/").tunnel("connect", None, answered(403));
        does_not_hold(&CAUSE, port.clone().tunnel("connect", Some(443), answered(503)));
        does_not_hold(&CAUSE, port.tunnel("connect", Some(443), TunnelOutcome::Open));
        does_not_hold(&CAUSE, via("wss://app.example/").tunnel("connect", None, answered(407)));
    }
}
