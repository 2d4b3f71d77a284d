//! TLS is spoken to a port that has none.

use crate::fingerprint;
use crate::reading::{opening, status_line, tls_failed, tls_outcome};
use crate::{Confidence, Finding, Remedy, Stack, Symptom, Verdict, cause, text};
use evidence::{Answer, Evidence, Opening, Question, TlsOutcome};

cause! {
    /// wss:// to a port that does not speak TLS
    ///
    /// # What you see
    /// `wrong version number`, `packet length too long`, `EPROTO`, `net::ERR_SSL_PROTOCOL_ERROR`. The server's log shows a
    /// request of odd bytes, beginning with `\x16\x03\x01`.
    ///
    /// # Why it happens
    /// The URL says `wss://`, but nothing on that port ends TLS: it is the application's own plain port, or the proxy's
    /// port 80.
    ///
    /// # What to do
    /// Let a proxy end TLS in front and use its port; or use `ws://` where no https page has to open the socket.
    ///
    /// # How to be sure
    /// A plain HTTP request to the port is answered with HTTP: `curl http://HOST:PORT/`
    "tls-to-plaintext-port", Tls, judge
}

fn judge(evidence: &Evidence) -> Verdict {
    let Some(tls) = tls_failed(evidence) else { return Verdict::Unseen };
    let not_tls = match &tls.outcome {
        TlsOutcome::NotTls(preview) => Some(preview),
        TlsOutcome::Ended | TlsOutcome::Reset | TlsOutcome::Silence | TlsOutcome::Failed(_) => None,
        _ => return Verdict::Unseen,
    };
    let says_http = not_tls.is_some_and(|preview| preview.starts_with("HTTP/"));
    let question = Question::FirstBytes(Opening::PlainHttp);
    let asked = opening(evidence, Opening::PlainHttp);
    let http = asked.flatten().and_then(|seen| match &seen.fact.answer {
        Answer::Response(response) if !fingerprint::says_tls_is_wanted(response) => Some((seen.id, response)),
        _ => None,
    });
    let confidence = match (says_http, http.is_some(), not_tls.is_some()) {
        (true, ..) | (_, true, _) => Confidence::Proven,
        (false, false, true) => Confidence::Likely,
        (false, false, false) if asked.is_none() => return Verdict::Open(vec![question]),
        _ => return Verdict::Unseen,
    };
    let target = &evidence.case.target;
    let mut finding = Finding::error(confidence, text!("Port {port} of {host} does not speak TLS", port = target.port, host = &target.host))
        .explains(Symptom::TlsFailed)
        .proof(&[tls.id], text!("Our ClientHello came to: {outcome}.", outcome = tls_outcome(&tls.outcome)))
        .users(text!("Browsers: close code 1006 and net::ERR_SSL_PROTOCOL_ERROR. OpenSSL: wrong version number."))
        .not(text!("the certificate: none was sent"))
        .remedy(Remedy::for_stack(
            Stack::Nginx,
            text!("End TLS in front of the port, and use the proxy's port in the URL"),
            format!("server {{\n    listen 443 ssl;\n    server_name {host};\n    # ssl_certificate, ssl_certificate_key\n    location {path} {{\n        proxy_pass http://127.0.0.1:{port};\n        proxy_http_version 1.1;\n        proxy_set_header Upgrade $http_upgrade;\n        proxy_set_header Connection \"upgrade\";\n    }}\n}}", host = target.host, path = target.bare_path(), port = target.port),
        ))
        .remedy(Remedy::new(text!("Or use ws:// where no https page has to open the socket")).command(format!(
            "keepwire check ws://{}:{}{}",
            target.bracketed_host(),
            target.port,
            target.path
        )));
    if let Some(preview) = not_tls {
        finding = finding.proof(&[tls.id], text!("Its first bytes: \"{bytes}\".", bytes = first_line(&preview.text)));
    }
    match http {
        Some((id, response)) => {
            finding = finding.proof(&[id], text!("A plain HTTP request on the same port gets {status}.", status = status_line(response)));
        }
        None if asked.is_none() && !says_http => finding = finding.ask([question]),
        None => {}
    }
    finding.holds()
}

fn first_line(text: &str) -> String {
    text.split("\\r\\n").next().unwrap_or_default().chars().take(60).collect()
}

#[cfg(test)]
mod tests {
    use super::CAUSE;
    use crate::Confidence;
    use crate::sample::{Sample, asks, does_not_hold, holds, response};
    use evidence::{Answer, Opening, Preview, TlsOutcome};

    fn failed(outcome: TlsOutcome) -> Sample {
        Sample::at("wss://app.example:8080/ws").tls(|tls| tls.outcome = outcome)
    }

    fn http(status: u16, body: &str) -> Answer {
        Answer::Response(Box::new(response(status, &[], body)))
    }

    #[test]
    fn holds_where_the_port_speaks_http() {
        let says = |bytes: &[u8]| TlsOutcome::NotTls(Preview::new(bytes, 64));
        assert_eq!(holds(&CAUSE, failed(says(b"HTTP/1.1 400 Bad Request\r\n"))).confidence, Confidence::Proven);
        assert_eq!(holds(&CAUSE, failed(says(b"SSH-2.0-OpenSSH"))).confidence, Confidence::Likely);
        for outcome in [TlsOutcome::Ended, TlsOutcome::Reset, TlsOutcome::Silence] {
            assert_eq!(asks(&CAUSE, failed(outcome.clone())).len(), 1);
            let _ = holds(&CAUSE, failed(outcome).first_bytes(Opening::PlainHttp, http(426, "Upgrade Required")));
        }
    }

    #[test]
    fn near_misses() {
        // A TLS port that a filter cuts off, and that complains about plain HTTP.
        let nginx = http(400, "<center>The plain HTTP request was sent to HTTPS port</center>");
        does_not_hold(&CAUSE, failed(TlsOutcome::Reset).first_bytes(Opening::PlainHttp, nginx));
        does_not_hold(&CAUSE, failed(TlsOutcome::Reset).first_bytes(Opening::PlainHttp, Answer::Ended(Preview::default())));
        does_not_hold(&CAUSE, failed(TlsOutcome::Alert { code: 70, name: "protocol_version".into() }));
        does_not_hold(&CAUSE, Sample::wss());
    }
}
