//! The server has no HTTP/1.1 on this port.

use crate::reading::tls_failed;
use crate::{Confidence, Finding, Remedy, Stack, Symptom, Verdict, cause, text};
use evidence::{Evidence, Question, TlsOutcome, TlsVariation};

cause! {
    /// The server offers no HTTP/1.1
    ///
    /// # What you see
    /// Alert 120 `no_application_protocol`; `net::ERR_SSL_PROTOCOL_ERROR` for the socket, while the page loads over
    /// HTTP/2.
    ///
    /// # Why it happens
    /// The listener accepts only `h2` (or a protocol of its own) in ALPN. A WebSocket needs HTTP/1.1, or HTTP/2
    /// with the extended CONNECT of RFC 8441, which few servers have and few programs speak.
    ///
    /// # What to do
    /// Offer `http/1.1` beside `h2` on that listener.
    ///
    /// # How to be sure
    /// The same handshake with `h2` in ALPN completes, with `http/1.1` it gets the alert.
    "tls-alpn-no-overlap", Tls, judge
}

fn judge(evidence: &Evidence) -> Verdict {
    let Some(tls) = tls_failed(evidence) else { return Verdict::Unseen };
    if !matches!(tls.outcome, TlsOutcome::Alert { code: 120, .. }) {
        return Verdict::Unseen;
    }
    let h2 = TlsVariation::Alpn(vec!["h2".to_owned()]);
    let mut finding = Finding::error(Confidence::Proven, text!("The server refuses HTTP/1.1, which WebSockets need"))
        .explains(Symptom::TlsFailed)
        .proof(&[tls.id], text!("With \"http/1.1\" in ALPN the server answered with the alert no_application_protocol."))
        .not(text!("the certificate and the TLS version: the alert speaks of the protocol inside"))
        .users(text!("Browsers: close code 1006 and net::ERR_SSL_PROTOCOL_ERROR, while the page itself loads over HTTP/2."))
        .remedy(Remedy::for_stack(Stack::Haproxy, text!("Offer http/1.1 beside h2"), "bind :443 ssl crt /etc/haproxy/certs/ alpn h2,http/1.1"))
        .remedy(Remedy::for_stack(
            Stack::Envoy,
            text!("Offer http/1.1 beside h2"),
            "common_tls_context:\n  alpn_protocols: [\"h2\", \"http/1.1\"]\n# and codec_type: AUTO in the http_connection_manager",
        ))
        .remedy(Remedy::for_stack(Stack::Go, text!("Offer http/1.1 beside h2"), "tls.Config{NextProtos: []string{\"h2\", \"http/1.1\"}}"));
    let by_http2 = evidence.http2().filter(|seen| seen.negotiated).map(|seen| seen.id);
    let by_alpn = evidence.tls(&h2).filter(|seen| seen.fact.completed()).map(|seen| seen.id);
    match by_http2.or(by_alpn) {
        Some(id) => finding = finding.proof(&[id], text!("With \"h2\" the same handshake completes.")),
        None if evidence.http2().is_none() && evidence.tls(&h2).is_none() => finding = finding.ask([Question::Tls(h2)]),
        None => {}
    }
    finding.holds()
}

#[cfg(test)]
mod tests {
    use super::CAUSE;
    use crate::sample::{Sample, does_not_hold, holds};
    use evidence::{TlsOutcome, TlsVariation};

    fn alert(code: u8) -> Sample {
        let outcome = TlsOutcome::Alert { code, name: "alert".into() };
        Sample::at("wss://app.example/ws").tls(|tls| tls.outcome = outcome)
    }

    #[test]
    fn holds_at_the_alert() {
        assert_eq!(holds(&CAUSE, alert(120)).ask.len(), 1);
        let h2 = TlsVariation::Alpn(vec!["h2".into()]);
        assert_eq!(holds(&CAUSE, alert(120).tls_with(h2, |_| {})).proof.len(), 2);
    }

    #[test]
    fn near_misses() {
        does_not_hold(&CAUSE, alert(70));
        does_not_hold(&CAUSE, Sample::wss());
    }
}
