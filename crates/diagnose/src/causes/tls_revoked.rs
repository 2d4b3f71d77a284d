//! The certificate is revoked, or may not be used without a proof that it is not.

use crate::{Confidence, Finding, Remedy, Stack, Symptom, Verdict, cause, certificates, text};
use evidence::{Evidence, TlsVariation, TrustFault};

cause! {
    /// The certificate is revoked, or lacks its staple
    ///
    /// # What you see
    /// Firefox: `SEC_ERROR_REVOKED_CERTIFICATE` or `MOZILLA_PKIX_ERROR_REQUIRED_TLS_FEATURE_MISSING`; Chrome:
    /// `net::ERR_CERT_REVOKED`. Only some clients fail, because most do not ask whether a certificate is revoked.
    ///
    /// # Why it happens
    /// The authority withdrew the certificate (a leaked key, or a mistake of its own that hit many). Or the
    /// certificate says that it must come with a proof of its validity (must-staple, RFC 7633), and the server sends
    /// none: nginx does not wait for the answer of the authority before its first handshake.
    ///
    /// # What to do
    /// Get a new certificate with a new key. For must-staple: turn stapling on and let it find the authority, or get
    /// a certificate without that extension.
    ///
    /// # How to be sure
    /// `openssl s_client -connect HOST:443 -status </dev/null` shows the staple: "Cert Status: good", or no response.
    "tls-revoked", Tls, judge
}

fn judge(evidence: &Evidence) -> Verdict {
    if let Some(served) = certificates::refused(evidence, |tls, _| tls.has_fault(&TrustFault::Revoked)) {
        let title = text!("The server's certificate is revoked");
        return certificates::finding(evidence, &served, Confidence::Proven, title)
            .proof(&[served.tls.id], text!("\"{subject}\", serial {serial}, is on a list of revoked certificates.", subject = &served.leaf.subject, serial = &served.leaf.serial))
            .users(text!("Browsers that check: close code 1006 and net::ERR_CERT_REVOKED; others connect."))
            .remedy(Remedy::new(text!("Get a new certificate with a new key, and reload what ends TLS")).command("certbot renew --force-renewal --new-key"))
            .holds();
    }
    let Some(tls) = evidence.tls(&TlsVariation::Plain).filter(|tls| tls.fact.trusted()) else { return Verdict::Unseen };
    let Some(leaf) = tls.fact.leaf().filter(|leaf| leaf.must_staple && !tls.stapled) else { return Verdict::Unseen };
    Finding::warning(Confidence::Proven, text!("The certificate must come with an OCSP staple, and the server sends none"))
        .explains(Symptom::BrowserRefused)
        .proof(&[tls.id], text!("\"{subject}\" carries the must-staple extension (RFC 7633); no staple came.", subject = &leaf.subject))
        .users(text!("Firefox: close code 1006 and MOZILLA_PKIX_ERROR_REQUIRED_TLS_FEATURE_MISSING; Chrome connects."))
        .remedy(
            Remedy::for_stack(
                Stack::Nginx,
                text!("Turn stapling on, with a resolver to find the authority"),
                "ssl_stapling on;\nssl_stapling_verify on;\nresolver 1.1.1.1;\n# or get a certificate without must-staple: public authorities have given it up",
            )
            .command("nginx -t && nginx -s reload"),
        )
        .holds()
}

#[cfg(test)]
mod tests {
    use super::CAUSE;
    use crate::Severity;
    use crate::sample::{Sample, does_not_hold, holds};
    use evidence::TrustFault;

    fn must_staple(stapled: bool) -> Sample {
        Sample::at("wss://app.example/ws").tls(|tls| (tls.chain[0].must_staple, tls.stapled) = (true, stapled))
    }

    #[test]
    fn holds_for_both_ways() {
        let revoked = Sample::at("wss://app.example/ws").untrusted(TrustFault::Revoked, |_| {});
        assert_eq!(holds(&CAUSE, revoked).severity, Severity::Error);
        assert_eq!(holds(&CAUSE, must_staple(false)).severity, Severity::Warning);
    }

    #[test]
    fn near_misses() {
        does_not_hold(&CAUSE, must_staple(true));
        does_not_hold(&CAUSE, Sample::wss());
    }
}
