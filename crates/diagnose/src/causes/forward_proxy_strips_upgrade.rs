//! A forward proxy passes the handshake on as an ordinary request.

use crate::fingerprint::{self, Product};
use crate::reading::{experiment, quote, refused, same_without_upgrade, status_line};
use crate::{Confidence, Finding, Remedy, Stack, Symptom, Verdict, cause, text};
use evidence::{Evidence, Question, Response, Variation};

cause! {
    /// The forward proxy removes the upgrade
    ///
    /// # What you see
    /// 426, 400 or 404 over `ws://` from behind a company's or provider's proxy, with `Via` or `X-Cache` in the answer;
    /// `wss://` to the same server works.
    ///
    /// # Why it happens
    /// The proxy reads plain HTTP and forwards the handshake as an ordinary GET, because `Upgrade` is a hop-by-hop header.
    /// squid passes it on only from version 5 and only when told to; its list of protocols is case-sensitive, and clients
    /// write `websocket`.
    ///
    /// # What to do
    /// Use `wss://`: then the proxy gets a CONNECT and passes bytes. Or make the client ask for a CONNECT also for `ws://`.
    ///
    /// # How to be sure
    /// Without the proxy the same handshake gets 101.
    "forward-proxy-strips-upgrade", Network, judge
}

fn judge(evidence: &Evidence) -> Verdict {
    let Some((handshake, response)) = refused(evidence) else { return Verdict::Unseen };
    let forward = evidence.case.via.is_some()
        && (evidence.tunnels().any(|seen| seen.mode == "forward")
            || handshake.fact.request.first().is_some_and(|line| line.contains(" http://")));
    let transparent = evidence.case.via.is_none() && !evidence.case.target.secure && names_forward_proxy(response);
    if (!forward && !transparent) || matches!(response.status, 407 | 500..) || squid_refuses(response) {
        return Verdict::Unseen;
    }
    let says_so = fingerprint::says_no_upgrade_arrived(response);
    let same = same_without_upgrade(evidence);
    if !says_so && same.is_none() {
        return Verdict::Open(vec![Question::Upgrade(Variation::without_upgrade())]);
    }
    if !says_so && same == Some(false) {
        return Verdict::Unseen;
    }
    let proxy = evidence.case.via.as_ref().map_or_else(|| response.header("via").unwrap_or_default().to_owned(), |via| via.url.clone());
    let direct = Variation { direct: true, ..Variation::default() };
    let without_proxy = experiment(evidence, &direct).filter(|_| forward);
    let confidence = match &without_proxy {
        Some(seen) if seen.opened() => Confidence::Proven,
        Some(_) => return Verdict::RuledOut(text!("without the proxy it is refused as well")),
        None if forward && !evidence.is_answered(&Question::Upgrade(direct.clone())) => {
            return Verdict::Open(vec![Question::Upgrade(direct)]);
        }
        None if forward && says_so => Confidence::Likely,
        // It may as well be a squid of the server's own, in front of the application.
        None => Confidence::Possible,
    };
    let target = &evidence.case.target;
    let mut finding = Finding::error(confidence, text!("The forward proxy {proxy} passes the handshake on without the upgrade", proxy = &proxy))
        .explains(Symptom::NotSwitched)
        .explains(Symptom::BrowserRefused)
        .proof(&[handshake.id], text!("Through the proxy the handshake gets {status}: \"{body}\"", status = status_line(response), body = quote(response, 60)))
        .users(text!("Browsers: close code 1006 and \"Unexpected response code: {status}\".", status = response.status))
        .remedy(Remedy::new(text!("Use wss:// in the URL: then the proxy only passes bytes")).command(format!("keepwire check wss://{}{}", target.bracketed_host(), target.path)))
        .remedy(Remedy::new(text!("Or let the client ask for a CONNECT, for ws:// too")).command(format!("keepwire check {} --via {proxy} --via-mode connect", target.url())))
        .remedy(Remedy::for_stack(
            Stack::Squid,
            text!("Allow the protocol, in lower case as clients spell it (squid 5 or later)"),
            "http_upgrade_request_protocols websocket allow all",
        ));
    if let Some(via) = response.header("via") {
        finding = finding.proof(&[handshake.id], text!("The answer says which way it came: \"Via: {via}\".", via = via));
    }
    if let Some(seen) = without_proxy {
        finding = finding
            .proof(&[seen.id], text!("Without the proxy the same handshake gets 101."))
            .not(text!("the server and its own proxies: directly they pass the upgrade on"));
    }
    finding.holds()
}

/// squid and its kin put themselves into `Via` or `X-Cache`; reverse proxies rarely do.
fn names_forward_proxy(response: &Response) -> bool {
    fingerprint::hops(response).contains(&Product::Squid) && response.header("via").is_some()
}

/// The proxy's own page: it refuses, rather than forward.
fn squid_refuses(response: &Response) -> bool {
    fingerprint::own_page(response) == Some(Product::Squid)
}

#[cfg(test)]
mod tests {
    use super::CAUSE;
    use crate::Confidence;
    use crate::sample::{Sample, asks, does_not_hold, holds};
    use evidence::{TunnelOutcome, Variation, Via, ViaMode};

    const VIA: &[&str] = &["via: 1.1 proxy (squid/5.7)", "x-cache: MISS from proxy"];

    fn forward() -> Sample {
        let via = Via { url: "http://proxy.corp:3128".into(), mode: ViaMode::Forward, variable: None, credentials: false };
        Sample::bare("ws://app.example/ws").case(|case| case.via = Some(via)).tunnel("forward", None, TunnelOutcome::Open)
    }

    fn direct() -> Variation {
        Variation { direct: true, ..Variation::default() }
    }

    #[test]
    fn holds_where_only_the_proxy_loses_it() {
        let sample = forward().answer_with(426, VIA, "Upgrade Required");
        assert_eq!(asks(&CAUSE, sample.clone()).len(), 1);
        assert_eq!(holds(&CAUSE, sample.opens_with(direct(), |_| {})).confidence, Confidence::Proven);
        // Nobody set a proxy, and yet there is one.
        let transparent = Sample::ws().answer_with(426, VIA, "Upgrade Required");
        assert_eq!(holds(&CAUSE, transparent).confidence, Confidence::Possible);
    }

    #[test]
    fn near_misses() {
        does_not_hold(&CAUSE, forward().answer_with(426, VIA, "Upgrade Required").experiment(direct(), 426, "Upgrade Required"));
        does_not_hold(&CAUSE, forward().answer_with(404, VIA, "a").experiment(Variation::without_upgrade(), 200, "b"));
        // A reverse proxy of the server's.
        does_not_hold(&CAUSE, Sample::ws().answer_with(426, &["server: nginx"], "Upgrade Required"));
        does_not_hold(&CAUSE, forward().opens());
    }
}
