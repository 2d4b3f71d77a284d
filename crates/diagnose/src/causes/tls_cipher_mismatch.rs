//! Client and server have no cipher suite in common.

use crate::reading::{tls_failed, tls_outcome};
use crate::{Confidence, Finding, Remedy, Stack, Symptom, Verdict, cause, text};
use evidence::{Evidence, Question, TlsOutcome, TlsVariation, VersionTried};

cause! {
    /// The server offers no cipher suite that clients accept
    ///
    /// # What you see
    /// Alert 40 `handshake_failure`, `no shared cipher` in the server's log,
    /// `net::ERR_SSL_VERSION_OR_CIPHER_MISMATCH`.
    ///
    /// # Why it happens
    /// The server's list holds only suites with RSA key exchange, CBC or worse, which modern clients left out; or
    /// only suites for the other kind of key (an ECDSA list with an RSA certificate).
    ///
    /// # What to do
    /// Use a current list (ECDHE with AES-GCM or ChaCha20) that fits the certificate's kind of key, and TLS 1.3.
    ///
    /// # How to be sure
    /// A ClientHello with every suite there is gets an answer, and the suite that it names is an old one.
    "tls-cipher-mismatch", Tls, judge
}

fn judge(evidence: &Evidence) -> Verdict {
    let Some(tls) = tls_failed(evidence) else { return Verdict::Unseen };
    let fits = match &tls.outcome {
        TlsOutcome::Alert { code: 40 | 71, .. } => tls.client_authorities.is_none(),
        TlsOutcome::Failed(why) => why.contains("Cipher") || why.contains("cipher"),
        _ => false,
    };
    if !fits {
        return Verdict::Unseen;
    }
    let raw = TlsVariation::Raw(VersionTried::V1_2);
    let Some(wide) = evidence.tls(&raw) else { return Verdict::Open(vec![Question::Tls(raw)]) };
    let Some(cipher) = wide.cipher.as_deref().filter(|_| wide.version.as_deref() == Some("1.2")) else {
        return Verdict::Unseen;
    };
    let finding = Finding::error(Confidence::Proven, text!("The server accepts only cipher suites that clients have dropped"))
        .explains(Symptom::TlsFailed)
        .proof(&[tls.id], text!("Our offer of today's cipher suites came to: {outcome}.", outcome = tls_outcome(&tls.outcome)))
        .proof(&[wide.id], text!("Of every cipher suite there is the server chose {cipher}.", cipher = cipher))
        .not(text!("the TLS version: TLS 1.2 is answered"))
        .users(text!("Browsers: close code 1006 and net::ERR_SSL_VERSION_OR_CIPHER_MISMATCH. The server's log: no shared cipher."))
        .remedy(
            Remedy::for_stack(
                Stack::Nginx,
                text!("Use a list of today, with TLS 1.3 (Mozilla's \"intermediate\")"),
                "ssl_protocols TLSv1.2 TLSv1.3;\nssl_ciphers ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256:ECDHE-ECDSA-AES256-GCM-SHA384:ECDHE-RSA-AES256-GCM-SHA384:ECDHE-ECDSA-CHACHA20-POLY1305:ECDHE-RSA-CHACHA20-POLY1305;",
            )
            .command("nginx -t && nginx -s reload"),
        )
        .remedy(Remedy::for_stack(
            Stack::Haproxy,
            text!("Use a list of today, with TLS 1.3 (Mozilla's \"intermediate\")"),
            "global\n    ssl-default-bind-ciphers ECDHE+AESGCM:ECDHE+CHACHA20\n    ssl-default-bind-options ssl-min-ver TLSv1.2",
        ))
        .remedy(Remedy::new(text!("See that the list has suites for the certificate's kind of key: an ECDSA list does nothing for an RSA certificate")));
    finding.holds()
}

#[cfg(test)]
mod tests {
    use super::CAUSE;
    use crate::sample::{Sample, asks, does_not_hold, holds};
    use evidence::{TlsOutcome, TlsVariation, VersionTried};

    fn refused(code: u8) -> Sample {
        let outcome = TlsOutcome::Alert { code, name: "handshake_failure".into() };
        Sample::at("wss://app.example/ws").tls(|tls| tls.outcome = outcome)
    }

    fn wide(sample: Sample, version: Option<&str>) -> Sample {
        sample.tls_with(TlsVariation::Raw(VersionTried::V1_2), |tls| {
            tls.outcome = if version.is_some() { TlsOutcome::Answered } else { TlsOutcome::Ended };
            tls.version = version.map(str::to_owned);
            tls.cipher = version.map(|_| "TLS_RSA_WITH_AES_256_CBC_SHA256".to_owned());
        })
    }

    #[test]
    fn holds_where_an_old_suite_is_chosen() {
        assert_eq!(asks(&CAUSE, refused(40)).len(), 1);
        let _ = holds(&CAUSE, wide(refused(40), Some("1.2")));
    }

    #[test]
    fn near_misses() {
        does_not_hold(&CAUSE, wide(refused(40), Some("1.1")));
        does_not_hold(&CAUSE, wide(refused(40), None));
        does_not_hold(&CAUSE, wide(refused(70), Some("1.2")));
        // A client certificate is wanted: TLS 1.2 says handshake_failure to that, too.
        let outcome = TlsOutcome::Alert { code: 40, name: "handshake_failure".into() };
        let wants = Sample::at("wss://app.example/ws").tls(|tls| {
            tls.outcome = outcome;
            tls.client_authorities = Some(Vec::new());
        });
        does_not_hold(&CAUSE, wide(wants, Some("1.2")));
        does_not_hold(&CAUSE, Sample::wss());
    }
}
