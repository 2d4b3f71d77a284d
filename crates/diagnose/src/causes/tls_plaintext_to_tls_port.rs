//! Plain HTTP is spoken to a port that wants TLS.

use crate::fingerprint;
use crate::reading::{answer, opening, quote};
use crate::{Confidence, Finding, Remedy, Symptom, Verdict, cause, text};
use evidence::{Answer, Evidence, Opening, Question};

cause! {
    /// ws:// to a port that speaks TLS
    ///
    /// # What you see
    /// nginx, Apache and Go servers: `400` with "The plain HTTP request was sent to HTTPS port" or the like. Others just
    /// hang up: `socket hang up`, "Connection closed before receiving a handshake response".
    ///
    /// # Why it happens
    /// The URL says `ws://` (or the client was built without TLS and drops the s), and the port ends TLS.
    ///
    /// # What to do
    /// Use `wss://`.
    ///
    /// # How to be sure
    /// A ClientHello on the port is answered: `openssl s_client -connect HOST:PORT </dev/null`
    "tls-plaintext-to-tls-port", Tls, judge
}

fn judge(evidence: &Evidence) -> Verdict {
    let target = &evidence.case.target;
    let Some(handshake) = evidence.handshake().filter(|seen| !target.secure && seen.was_sent()) else {
        return Verdict::Unseen;
    };
    let said = match &handshake.fact.answer {
        Answer::Response(response) if fingerprint::says_tls_is_wanted(response) => Some(response),
        // A TLS alert record (RFC 8446 section 5.1: type 21, version 3.x) in answer to plain HTTP.
        Answer::NotHttp(preview) | Answer::Ended(preview) if preview.hex.starts_with("15 03") => None,
        Answer::Ended(_) | Answer::Reset(_) | Answer::Silence(_) => None,
        _ => return Verdict::Unseen,
    };
    let Some(hello) = opening(evidence, Opening::ClientHello) else {
        return Verdict::Open(vec![Question::FirstBytes(Opening::ClientHello)]);
    };
    let speaks_tls = hello.filter(|seen| matches!(seen.fact.answer, Answer::Alert(_)));
    let confidence = match (speaks_tls.is_some(), said.is_some(), hello.is_none()) {
        (true, ..) => Confidence::Proven,
        // Through a forward proxy nothing but the words tells.
        (false, true, true) => Confidence::Likely,
        _ => return Verdict::Unseen,
    };
    let secure = format!("wss://{}:{}{}", target.bracketed_host(), target.port, target.path);
    let mut finding = Finding::error(confidence, text!("Port {port} of {host} wants TLS: the URL must say wss://", port = target.port, host = &target.host))
        .explains(Symptom::NotSwitched)
        .proof(&[handshake.id], text!("Our plain handshake came to: {answer}.", answer = answer(&handshake.fact.answer)))
        .users(text!("Browsers: close code 1006 and \"Connection closed before receiving a handshake response\" or \"Unexpected response code: 400\"."))
        .remedy(Remedy::new(text!("Use wss:// in the URL")).command(format!("keepwire check {secure}")))
        .remedy(Remedy::new(text!("If the URL says wss:// already, the client drops TLS: tokio-tungstenite needs the feature native-tls or rustls-tls-webpki-roots")));
    if let Some(response) = said {
        finding = finding.proof(&[handshake.id], text!("The answer says itself what is wrong: \"{body}\"", body = quote(response, 90)));
    }
    if let Some(seen) = speaks_tls {
        finding = finding
            .proof(&[seen.id], text!("A TLS ClientHello on the same port is answered with TLS."))
            .not(text!("a backend that crashes: the port itself speaks TLS"));
    }
    finding.holds()
}

#[cfg(test)]
mod tests {
    use super::CAUSE;
    use crate::Confidence;
    use crate::sample::{Sample, asks, does_not_hold, holds};
    use evidence::{Answer, Opening, Preview, Question, Variation};

    const NGINX: &str = "<center><h1>400 Bad Request</h1></center><center>The plain HTTP request was sent to HTTPS port</center>";

    fn tls(sample: Sample) -> Sample {
        sample.first_bytes(Opening::ClientHello, Answer::Alert("server_hello".into()))
    }

    #[test]
    fn holds_where_the_port_answers_tls() {
        let ended = Sample::ws().exchange(Variation::plain(), Answer::Ended(Preview::default()));
        assert_eq!(asks(&CAUSE, ended.clone()).len(), 1);
        for sample in [Sample::ws().answer(400, NGINX), ended] {
            assert_eq!(holds(&CAUSE, tls(sample)).confidence, Confidence::Proven);
        }
        let through_proxy = Sample::ws().answer(400, NGINX).answered(Question::FirstBytes(Opening::ClientHello));
        assert_eq!(holds(&CAUSE, through_proxy).confidence, Confidence::Likely);
    }

    #[test]
    fn near_misses() {
        // The words come from behind a proxy that speaks no TLS itself.
        let behind = Sample::ws().answer(400, NGINX).first_bytes(Opening::ClientHello, Answer::NotHttp(Preview::new(b"HTTP/1.0 400", 64)));
        does_not_hold(&CAUSE, behind);
        let plain = Sample::ws()
            .exchange(Variation::plain(), Answer::Reset(Preview::default()))
            .first_bytes(Opening::ClientHello, Answer::Reset(Preview::default()));
        does_not_hold(&CAUSE, plain);
        does_not_hold(&CAUSE, tls(Sample::ws().answer(400, "Bad Request")));
        does_not_hold(&CAUSE, Sample::wss().answer(400, NGINX));
    }
}
