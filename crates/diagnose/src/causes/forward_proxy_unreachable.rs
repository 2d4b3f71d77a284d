//! The forward proxy itself does not work.

use crate::forward;
use crate::{shell_word, Confidence, Finding, Remedy, Symptom, Verdict, cause, text};
use evidence::{Evidence, TunnelOutcome};

cause! {
    /// The forward proxy is not reached
    ///
    /// # What you see
    /// `net::ERR_PROXY_CONNECTION_FAILED`, `ECONNREFUSED` with the proxy's address; everything that uses the proxy fails.
    ///
    /// # Why it happens
    /// The proxy is down, its address or port is wrong, or the machine left the network to which the setting belongs (a
    /// laptop at home, a VPN that is off). Or the port belongs to something that is no proxy.
    ///
    /// # What to do
    /// Correct the address, or take the setting away (`--via none`, `unset HTTPS_PROXY`).
    ///
    /// # How to be sure
    /// A TCP connection to the proxy's address fails, whatever the destination.
    "forward-proxy-unreachable", Network, judge
}

fn judge(evidence: &Evidence) -> Verdict {
    let tunnel = match forward::failed(evidence) {
        Some(tunnel) => tunnel,
        None => return Verdict::Unseen,
    };
    let (confidence, title) = match &tunnel.outcome {
        TunnelOutcome::NameNotResolved => (Confidence::Proven, text!("The name of the forward proxy {proxy} does not resolve", proxy = &tunnel.proxy)),
        TunnelOutcome::Unreached(_) => (Confidence::Proven, text!("The forward proxy {proxy} is not reached", proxy = &tunnel.proxy)),
        TunnelOutcome::NotAProxy(_) => (Confidence::Likely, text!("{proxy} does not speak like a forward proxy", proxy = &tunnel.proxy)),
        TunnelOutcome::Ended => (Confidence::Possible, text!("The forward proxy {proxy} hangs up", proxy = &tunnel.proxy)),
        TunnelOutcome::Silence => (Confidence::Possible, text!("The forward proxy {proxy} does not answer", proxy = &tunnel.proxy)),
        _ => return Verdict::Unseen,
    };
    let variable = evidence.case.via.as_ref().and_then(|via| via.variable.clone());
    let mut finding = Finding::error(confidence, title)
        .explains(Symptom::TunnelFailed)
        .proof(&[tunnel.id], text!("Asked for {destination}: {outcome}.", destination = &tunnel.destination, outcome = forward::outcome(&tunnel.outcome)))
        .not(text!("the server: it was not asked yet"))
        .users(text!("Browsers with this proxy: close code 1006 and net::ERR_PROXY_CONNECTION_FAILED."))
        .remedy(Remedy::new(text!("Correct the proxy's address, or do without it")).command(format!("keepwire check {} --via none", shell_word(&evidence.case.target.url()))))
        .yields_to(&["client-uses-proxy-wrongly", "client-offline"]);
    if let TunnelOutcome::NotAProxy(said) = &tunnel.fact.outcome {
        let said: String = said.chars().take(60).collect();
        finding = finding.proof(&[tunnel.id], text!("It said: \"{said}\"", said = said));
    }
    if let Some(variable) = variable {
        finding = finding
            .proof(&[tunnel.id], text!("The address comes from {variable}.", variable = &variable))
            .remedy(Remedy::new(text!("Correct or remove the variable")).command(format!("env | grep -i _proxy; unset {variable}")));
    }
    finding.holds()
}

#[cfg(test)]
mod tests {
    use super::CAUSE;
    use crate::Confidence;
    use crate::sample::{does_not_hold, holds, response, via};
    use evidence::{Reached, TunnelOutcome};

    #[test]
    fn holds_where_the_proxy_does_not_work() {
        for (outcome, confidence) in [
            (TunnelOutcome::Unreached(Reached::Refused), Confidence::Proven),
            (TunnelOutcome::NameNotResolved, Confidence::Proven),
            (TunnelOutcome::NotAProxy("SSH-2.0".into()), Confidence::Likely),
            (TunnelOutcome::Silence, Confidence::Possible),
        ] {
            assert_eq!(holds(&CAUSE, via("ws://app.example/").tunnel("connect", None, outcome)).confidence, confidence);
        }
    }

    #[test]
    fn near_misses() {
        let answered = TunnelOutcome::Answered(Box::new(response(503, &[], "")));
        does_not_hold(&CAUSE, via("ws://app.example/").tunnel("connect", None, answered));
        does_not_hold(&CAUSE, via("ws://app.example/").tunnel("connect", None, TunnelOutcome::Open));
    }
}
