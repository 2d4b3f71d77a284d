//! The server wants the client to show a certificate.

use crate::reading::{answer, quote, tls_outcome};
use crate::{Confidence, Finding, Remedy, Stack, Symptom, Text, Verdict, cause, text};
use evidence::{Answer, Evidence, Tls, TlsOutcome, TlsVariation};

cause! {
    /// The server wants a client certificate
    ///
    /// # What you see
    /// nginx: `400 No required SSL certificate was sent`. Others: alert 116 `certificate_required` (TLS 1.3, after a
    /// handshake that seemed to work), 40 `handshake_failure` or 42 `bad_certificate` (TLS 1.2). In the browser 1006.
    ///
    /// # Why it happens
    /// The server asks for a certificate of the client (mutual TLS), and none was given, or one from an authority
    /// that it does not accept. Browsers show no dialog to choose one for a socket.
    ///
    /// # What to do
    /// Give the client its certificate and key; or exempt the path of the socket and authenticate it otherwise.
    ///
    /// # How to be sure
    /// The handshake carries a CertificateRequest; with `--cert` and `--key` the check passes.
    "tls-client-cert-required", Tls, judge
}

fn judge(evidence: &Evidence) -> Verdict {
    let Some(tls) = evidence.tls(&TlsVariation::Plain) else { return Verdict::Unseen };
    let Some((confidence, id, seen)) = refusal(evidence, tls.fact, tls.id) else { return Verdict::Unseen };
    let given = evidence.case.client_certificate;
    let title = if given {
        text!("The server does not accept the client certificate")
    } else {
        text!("The server wants a client certificate, and none was given")
    };
    let mut finding = Finding::error(confidence, title)
        .explains(Symptom::TlsFailed)
        .explains(Symptom::NotSwitched)
        .explains(Symptom::BrowserRefused)
        .proof_if(tls.client_authorities.as_ref().map(|_| (tls.id, text!("The server asked for a client certificate in the handshake."))))
        .proof(&[id], text!("Then came: {outcome}.", outcome = seen))
        .users(text!("Browsers: close code 1006, without a dialog to choose a certificate. OpenSSL: tlsv13 alert certificate required."))
        .not(text!("the server's own certificate"))
        .remedy(Remedy::new(text!("Give the certificate and its key, and check again")).command(format!(
            "keepwire check {} --cert client.pem --key client.key",
            evidence.case.target.url()
        )))
        .remedy(Remedy::for_stack(
            Stack::Nginx,
            text!("Or make it optional, and let the path of the socket pass without"),
            "ssl_verify_client optional;\n# in the locations that need it: if ($ssl_client_verify != SUCCESS) { return 403; }",
        ))
        .remedy(Remedy::for_stack(
            Stack::Node,
            text!("Give the client its certificate"),
            "new WebSocket(url, { cert: fs.readFileSync('client.pem'), key: fs.readFileSync('client.key') })",
        ));
    if let Some(authorities) = tls.client_authorities.as_ref().filter(|authorities| !authorities.is_empty()) {
        let shown = authorities.iter().take(3).map(|name| format!("\"{name}\"")).collect::<Vec<_>>().join(", ");
        finding = finding.proof(&[tls.id], text!("It accepts certificates from: {authorities}.", authorities = shown));
    }
    finding.holds()
}

/// Where and how the missing certificate made the connection fail.
fn refusal(evidence: &Evidence, tls: &Tls, tls_id: u32) -> Option<(Confidence, u32, Text)> {
    let asked = tls.client_authorities.is_some();
    if !tls.completed() {
        return match &tls.outcome {
            TlsOutcome::Alert { code: 116, .. } => Some((Confidence::Proven, tls_id, tls_outcome(&tls.outcome))),
            TlsOutcome::Alert { code: 40..=49, .. } if asked => Some((Confidence::Proven, tls_id, tls_outcome(&tls.outcome))),
            TlsOutcome::Ended | TlsOutcome::Reset if asked => Some((Confidence::Likely, tls_id, tls_outcome(&tls.outcome))),
            _ => None,
        };
    }
    let handshake = evidence.handshake()?;
    match &handshake.fact.answer {
        Answer::Alert(name) if asked || name == "certificate_required" => {
            Some((Confidence::Proven, handshake.id, answer(&handshake.fact.answer)))
        }
        Answer::Ended(_) | Answer::Reset(_) if asked && !evidence.case.client_certificate => {
            Some((Confidence::Likely, handshake.id, answer(&handshake.fact.answer)))
        }
        Answer::Response(response) if matches!(response.status, 400 | 403 | 495 | 496) => {
            // nginx (statuses 495 and 496, sent as 400), IIS (403.7, 403.16).
            let words = ["No required SSL certificate was sent", "The SSL certificate error", "client certificate"];
            words
                .iter()
                .any(|words| response.body.text.contains(words))
                .then(|| (Confidence::Proven, handshake.id, text!("{status}", status = quote(response, 80))))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::CAUSE;
    use crate::sample::{Sample, does_not_hold, holds};
    use evidence::{Answer, Preview, TlsOutcome, Variation};

    fn asking(outcome: TlsOutcome) -> Sample {
        Sample::at("wss://app.example/ws").tls(|tls| {
            tls.outcome = outcome;
            tls.client_authorities = Some(vec!["CN=Clients".into()]);
        })
    }

    #[test]
    fn holds_however_the_refusal_comes() {
        let nginx = "<center><h1>400 Bad Request</h1></center><center>No required SSL certificate was sent</center>";
        let alert = TlsOutcome::Alert { code: 40, name: "handshake_failure".into() };
        for sample in [
            asking(TlsOutcome::Completed).answer(400, nginx),
            asking(TlsOutcome::Completed).exchange(Variation::plain(), Answer::Alert("certificate_required".into())),
            asking(TlsOutcome::Completed).exchange(Variation::plain(), Answer::Reset(Preview::default())),
            asking(alert),
        ] {
            let _ = holds(&CAUSE, sample);
        }
    }

    #[test]
    fn near_misses() {
        // Asked for, but not required.
        does_not_hold(&CAUSE, asking(TlsOutcome::Completed).opens());
        does_not_hold(&CAUSE, asking(TlsOutcome::Completed).answer(403, "Forbidden"));
        let alert = TlsOutcome::Alert { code: 40, name: "handshake_failure".into() };
        does_not_hold(&CAUSE, Sample::at("wss://app.example/ws").tls(|tls| tls.outcome = alert));
        does_not_hold(&CAUSE, Sample::wss().exchange(Variation::plain(), Answer::Reset(Preview::default())));
    }
}
