//! The forward proxy wants credentials.

use crate::forward;
use crate::{Confidence, Finding, Remedy, Stack, Symptom, Verdict, cause, text};
use evidence::{Evidence, TunnelOutcome};

cause! {
    /// The forward proxy wants credentials
    ///
    /// # What you see
    /// `407 Proxy Authentication Required`, `net::ERR_TUNNEL_CONNECTION_FAILED`; SOCKS: "no acceptable authentication methods".
    ///
    /// # Why it happens
    /// The proxy wants a name and a password, or the login of the domain (Negotiate, NTLM), and the client gives none.
    /// Browsers log in by themselves, WebSocket libraries do not.
    ///
    /// # What to do
    /// Put the credentials into the proxy's URL (`http://user:password@proxy:3128`); for Negotiate and NTLM run a local helper
    /// such as cntlm or px, or have the machine exempted.
    ///
    /// # How to be sure
    /// The answer is 407 (401 would come from the server), and `Proxy-Authenticate` names the schemes.
    "forward-proxy-auth-required", Network, judge
}

fn judge(evidence: &Evidence) -> Verdict {
    let tunnel = forward::failed(evidence).filter(|seen| match &seen.outcome {
        TunnelOutcome::Answered(response) => response.status == 407,
        outcome => *outcome == TunnelOutcome::SocksAuthentication,
    });
    // Without CONNECT the proxy's 407 stands where the server's answer should.
    let forwarded = evidence.handshake().filter(|seen| seen.status() == Some(407));
    let (id, symptom, proxy, response) = match (&tunnel, &forwarded) {
        (Some(seen), _) => {
            let response = match &seen.fact.outcome {
                TunnelOutcome::Answered(response) => Some(&**response),
                _ => None,
            };
            (seen.id, Symptom::TunnelFailed, seen.proxy.clone(), response)
        }
        (None, Some(seen)) => {
            let proxy = evidence.case.via.as_ref().map(|via| via.url.clone()).unwrap_or_default();
            (seen.id, Symptom::NotSwitched, proxy, seen.fact.response())
        }
        (None, None) => return Verdict::Unseen,
    };
    let given = evidence.case.via.as_ref().is_some_and(|via| via.credentials);
    let schemes = response
        .map(|response| response.headers_named("proxy-authenticate").map(|value| value.split(' ').next().unwrap_or_default().to_owned()).collect::<Vec<_>>().join(", "))
        .unwrap_or_default();
    let title = match (proxy.is_empty(), given) {
        (true, _) => text!("A forward proxy on the way wants credentials"),
        (false, true) => text!("The forward proxy {proxy} does not accept the credentials", proxy = &proxy),
        (false, false) => text!("The forward proxy {proxy} wants credentials", proxy = &proxy),
    };
    let mut finding = Finding::error(Confidence::Proven, title)
        .explains(symptom)
        .explains(Symptom::BrowserRefused)
        .proof_if(Some(match response {
            Some(_) => (id, text!("The proxy answers 407 Proxy Authentication Required.")),
            None => (id, text!("The SOCKS proxy offers no way without a name and a password.")),
        }))
        .not(text!("the server's own login: that would be 401"))
        .users(text!("Browsers log in by themselves; libraries fail: 407, or a tunnel that could not be established."))
        .remedy(
            Remedy::new(text!("Give the credentials with the proxy's address"))
                .command(format!("keepwire check {} --via http://USER:PASSWORD@PROXY:PORT", evidence.case.target.url())),
        )
        .remedy(Remedy::for_stack(
            Stack::Node,
            text!("Give the credentials with the proxy's address"),
            "new WebSocket(url, { agent: new HttpsProxyAgent('http://user:password@proxy:3128') })",
        ))
        .yields_to(&["client-uses-proxy-wrongly"]);
    if !schemes.is_empty() {
        finding = finding.proof(&[id], text!("It takes: {schemes}.", schemes = &schemes));
        if !schemes.to_ascii_lowercase().contains("basic") {
            finding = finding.remedy(Remedy::new(text!("For Negotiate and NTLM: a local helper (cntlm, px) that logs in for the program, or an exemption for the machine")));
        }
    }
    finding.holds()
}

#[cfg(test)]
mod tests {
    use super::CAUSE;
    use crate::sample::{Sample, does_not_hold, holds, response, via};
    use evidence::TunnelOutcome;

    fn answered(status: u16, headers: &[&str]) -> TunnelOutcome {
        TunnelOutcome::Answered(Box::new(response(status, headers, "")))
    }

    #[test]
    fn holds_at_407_and_at_socks() {
        let basic = via("ws://app.example/").tunnel("connect", None, answered(407, &["proxy-authenticate: Basic realm=\"x\""]));
        assert_eq!(holds(&CAUSE, basic).proof.len(), 2);
        let negotiate = via("ws://app.example/").tunnel("connect", None, answered(407, &["proxy-authenticate: Negotiate"]));
        assert_eq!(holds(&CAUSE, negotiate).remedies.len(), 3);
        let _ = holds(&CAUSE, via("ws://app.example/").tunnel("socks5", None, TunnelOutcome::SocksAuthentication));
        let _ = holds(&CAUSE, Sample::ws().answer(407, ""));
    }

    #[test]
    fn near_misses() {
        does_not_hold(&CAUSE, Sample::ws().answer(401, ""));
        does_not_hold(&CAUSE, via("ws://app.example/").tunnel("connect", None, answered(403, &[])));
    }
}
