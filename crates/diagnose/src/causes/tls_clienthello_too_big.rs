//! Something on the way cannot read a ClientHello of more than one packet.

use crate::reading::{tls_failed, tls_outcome};
use crate::{Confidence, Finding, Remedy, Stack, Symptom, Verdict, cause, text};
use evidence::{Evidence, Question, TlsOutcome, TlsVariation};

cause! {
    /// The ClientHello is too big for a box on the way
    ///
    /// # What you see
    /// TCP connects, then a reset or silence after the ClientHello. Only recent clients fail: Chrome since 124, Firefox
    /// since 132, OpenSSL 3.5, Go 1.24; older ones work.
    ///
    /// # Why it happens
    /// Post-quantum key shares (X25519MLKEM768) make the ClientHello longer than one packet. Firewalls, load balancers
    /// and old servers that expect it in a single read give up.
    ///
    /// # What to do
    /// Update the box or the server. Until then have the client offer no post-quantum group.
    ///
    /// # How to be sure
    /// The same handshake without the post-quantum key share completes: `openssl s_client -groups X25519 …`
    "tls-clienthello-too-big", Tls, judge
}

fn judge(evidence: &Evidence) -> Verdict {
    let Some(tls) = tls_failed(evidence) else { return Verdict::Unseen };
    let fits = matches!(
        &tls.outcome,
        // decode_error, illegal_parameter, unexpected_message: a server that read only the beginning.
        TlsOutcome::Reset | TlsOutcome::Ended | TlsOutcome::Silence | TlsOutcome::Alert { code: 10 | 47 | 50, .. }
    );
    if !fits {
        return Verdict::Unseen;
    }
    let Some(small) = evidence.tls(&TlsVariation::Small) else {
        return Verdict::Open(vec![Question::Tls(TlsVariation::Small)]);
    };
    if !small.fact.completed() {
        return Verdict::Unseen;
    }
    Finding::error(Confidence::Proven, text!("A box on the way, or the server, cannot read a ClientHello of more than one packet"))
        .explains(Symptom::TlsFailed)
        .proof(&[tls.id], text!("With a post-quantum key share the handshake came to: {outcome}.", outcome = tls_outcome(&tls.outcome)))
        .proof(&[small.id], text!("Without it, in one packet, the same handshake completes."))
        .not(text!("the name, the certificate and the version: they are the same in both"))
        .users(text!("Chrome since 124 and Firefox since 132 fail with code 1006 and net::ERR_CONNECTION_RESET; older clients work."))
        .remedy(Remedy::new(text!("Update the firewall, load balancer or server that reads the ClientHello; https://tldr.fail lists known ones")))
        .remedy(
            Remedy::for_stack(Stack::OpenSsl, text!("Until then offer no post-quantum group"), "# openssl.cnf of the client\n[system_default_sect]\nGroups = X25519:P-256\n# Go: GODEBUG=tlsmlkem=0   Chrome: policy PostQuantumKeyAgreementEnabled = false")
                .command(format!("openssl s_client -groups X25519 -connect {}:{}", evidence.case.target.host, evidence.case.target.port)),
        )
        .holds()
}

#[cfg(test)]
mod tests {
    use super::CAUSE;
    use crate::sample::{Sample, asks, does_not_hold, holds};
    use evidence::{TlsOutcome, TlsVariation};

    fn failed(outcome: TlsOutcome) -> Sample {
        Sample::at("wss://app.example/ws").tls(|tls| tls.outcome = outcome)
    }

    #[test]
    fn holds_where_only_the_small_one_passes() {
        for outcome in [TlsOutcome::Reset, TlsOutcome::Silence] {
            assert_eq!(asks(&CAUSE, failed(outcome.clone())).len(), 1);
            let _ = holds(&CAUSE, failed(outcome).tls_with(TlsVariation::Small, |_| {}));
        }
    }

    #[test]
    fn near_misses() {
        let both = failed(TlsOutcome::Reset).tls_with(TlsVariation::Small, |tls| tls.outcome = TlsOutcome::Reset);
        does_not_hold(&CAUSE, both);
        let name = TlsOutcome::Alert { code: 112, name: "unrecognized_name".into() };
        does_not_hold(&CAUSE, failed(name).tls_with(TlsVariation::Small, |_| {}));
        does_not_hold(&CAUSE, Sample::wss());
    }
}
