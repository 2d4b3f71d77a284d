//! What the server sends in the TLS handshake breaks the protocol.

use crate::reading::tls_failed;
use crate::{Confidence, Finding, Remedy, Symptom, Verdict, cause, text};
use evidence::{Evidence, Tls, TlsOutcome};

cause! {
    /// The server's TLS handshake is malformed or too large
    ///
    /// # What you see
    /// `excessive message size`, `decode error`, `bad record MAC`, `received corrupt message`, `net::ERR_SSL_PROTOCOL_ERROR`; the
    /// words differ from client to client.
    ///
    /// # Why it happens
    /// A certificate file with hundreds of certificates in it (a whole bundle of roots instead of the chain); a bug in the
    /// server's TLS library or in a box that rewrites TLS; or bytes that are no TLS after a beginning that looked like it.
    ///
    /// # What to do
    /// Serve the server's certificate and its intermediates, no more. Update the library or the box.
    ///
    /// # How to be sure
    /// `openssl s_client -connect HOST:PORT -showcerts </dev/null` shows what is sent, and where OpenSSL gives up.
    "tls-handshake-malformed", Tls, judge
}

fn judge(evidence: &Evidence) -> Verdict {
    let Some(tls) = tls_failed(evidence) else { return Verdict::Unseen };
    let TlsOutcome::Failed(why) = &tls.outcome else { return Verdict::Unseen };
    if why == Tls::NAME_UNUSABLE {
        return Verdict::Unseen;
    }
    // rustls refuses handshake messages of more than 64 KiB, OpenSSL chains of more than 100 KB.
    let too_large = why.contains("TooLarge") || tls.chain_length > 20;
    let title = if too_large {
        text!("The server sends far more certificates than any client reads")
    } else {
        text!("The server's side of the TLS handshake breaks the protocol")
    };
    let target = &evidence.case.target;
    Finding::error(if too_large { Confidence::Likely } else { Confidence::Possible }, title)
        .explains(Symptom::TlsFailed)
        .proof(&[tls.id], text!("The handshake was given up: {why}.", why = why))
        .not(text!("the certificate's validity: it was not judged yet"))
        .users(text!("Browsers: close code 1006 and net::ERR_SSL_PROTOCOL_ERROR. OpenSSL: excessive message size, or decode error."))
        .remedy(
            Remedy::new(text!("Put only the server's certificate and its intermediates into the file, and reload the server"))
                .command("grep -c 'BEGIN CERTIFICATE' fullchain.pem   # two or three"),
        )
        .remedy(Remedy::new(text!("See what is sent, and update the TLS library or the box that sends it")).command(format!("openssl s_client -connect {}:{} -showcerts </dev/null", target.bracketed_host(), target.port)))
        .yields_to(&["tls-version-mismatch", "tls-cipher-mismatch", "tls-to-plaintext-port", "tls-clienthello-too-big"])
        .holds()
}

#[cfg(test)]
mod tests {
    use super::CAUSE;
    use crate::Confidence;
    use crate::sample::{Sample, does_not_hold, holds};
    use evidence::TlsOutcome;

    fn failed(outcome: TlsOutcome) -> Sample {
        Sample::at("wss://app.example/ws").tls(|tls| (tls.outcome, tls.chain_length) = (outcome, 0))
    }

    #[test]
    fn holds_where_our_library_gives_up() {
        let large = TlsOutcome::Failed("received corrupt message of type HandshakePayloadTooLarge".into());
        assert_eq!(holds(&CAUSE, failed(large)).confidence, Confidence::Likely);
        assert_eq!(holds(&CAUSE, failed(TlsOutcome::Failed("odd".into()))).confidence, Confidence::Possible);
    }

    #[test]
    fn near_misses() {
        does_not_hold(&CAUSE, failed(TlsOutcome::Reset));
        does_not_hold(&CAUSE, failed(TlsOutcome::Alert { code: 40, name: "handshake_failure".into() }));
        does_not_hold(&CAUSE, Sample::wss());
    }
}
