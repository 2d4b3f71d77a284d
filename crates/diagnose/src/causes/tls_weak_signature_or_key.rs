//! The certificate rests on cryptography that clients no longer accept.

use crate::{Confidence, Remedy, Stack, Verdict, cause, certificates, text};
use evidence::{Certificate, Evidence, KeyKind, Tls, TrustFault};

cause! {
    /// The certificate's key or signature is too weak
    ///
    /// # What you see
    /// OpenSSL 3: `EE certificate key too weak`, `CA signature digest algorithm too weak`; `net::ERR_CERT_WEAK_KEY`,
    /// `net::ERR_CERT_WEAK_SIGNATURE_ALGORITHM`. Old clients accept it.
    ///
    /// # Why it happens
    /// An RSA key below 2048 bits, or a signature with SHA-1 or MD5, most often from an appliance or an authority
    /// of one's own that was set up long ago.
    ///
    /// # What to do
    /// Issue it again with a new key (ECDSA P-256, or RSA with 2048 bits) and SHA-256. An intermediate that is signed
    /// with SHA-1 must be replaced too.
    ///
    /// # How to be sure
    /// `openssl x509 -noout -text` shows the bits of the key and the signature algorithm.
    "tls-weak-signature-or-key", Tls, judge
}

fn judge(evidence: &Evidence) -> Verdict {
    // Where the verifier names another fault for certain, that one is the trouble.
    let weak = |tls: &Tls, _: &Certificate| {
        weakness(tls).is_some()
            && tls.trust.iter().all(|trust| {
                matches!(trust.fault, Some(TrustFault::Other(_) | TrustFault::UnknownIssuer | TrustFault::OtherName))
            })
    };
    let Some(served) = certificates::refused(evidence, weak) else { return Verdict::Unseen };
    let Some((certificate, what)) = weakness(served.tls.fact) else { return Verdict::Unseen };
    let said = served.tls.trust.iter().find_map(|trust| match &trust.fault {
        Some(TrustFault::Other(why)) => Some(why.clone()),
        _ => None,
    });
    let confidence = if said.is_some() { Confidence::Proven } else { Confidence::Likely };
    let title = text!("The server's certificate is too weak for today's clients: {what}", what = &what);
    certificates::finding(evidence, &served, confidence, title)
        .proof(&[served.tls.id], text!("\"{subject}\": {what}.", subject = &certificate.subject, what = &what))
        .proof_if(said.map(|why| (served.tls.id, text!("The verifier says: {why}.", why = why))))
        .users(text!("Browsers: close code 1006 and net::ERR_CERT_WEAK_KEY or ERR_CERT_WEAK_SIGNATURE_ALGORITHM. OpenSSL 3: key too weak, digest algorithm too weak."))
        .remedy(
            Remedy::for_stack(Stack::OpenSsl, text!("Issue it again with a new key and SHA-256, and reload what ends TLS"), "# a new key and a request for it")
                .command(format!("openssl req -new -newkey ec -pkeyopt ec_paramgen_curve:P-256 -sha256 -nodes -keyout key.pem -out request.pem -subj /CN={}", evidence.case.target.host)),
        )
        .holds()
}

/// The first certificate of the chain that clients find too weak, and why. A root's own signature does not count.
/// Source: CA/Browser Forum Baseline Requirements section 6.1.5 and 7.1.3; OpenSSL 3 security level 1.
fn weakness(tls: &Tls) -> Option<(&Certificate, String)> {
    tls.chain.iter().find_map(|certificate| {
        let short = certificate.key == KeyKind::Rsa && certificate.key_bits > 0 && certificate.key_bits < 2048;
        let lower = certificate.signature.to_ascii_lowercase();
        let old = !certificate.self_issued && (lower.contains("sha1") || lower.contains("md5"));
        match (short, old) {
            (true, _) => Some((certificate, format!("RSA, {} bit", certificate.key_bits))),
            (false, true) => Some((certificate, certificate.signature.clone())),
            (false, false) => None,
        }
    })
}

#[cfg(test)]
mod tests {
    use super::CAUSE;
    use crate::sample::{Sample, does_not_hold, holds, trust};
    use evidence::{Certificate, KeyKind, TrustFault};

    fn served(fault: TrustFault, change: impl FnOnce(&mut Certificate)) -> Sample {
        Sample::at("wss://app.example/ws").untrusted(fault, |tls| change(&mut tls.chain[0]))
    }

    fn other() -> TrustFault {
        TrustFault::Other("UnsupportedSignatureAlgorithm".into())
    }

    #[test]
    fn holds_for_short_keys_and_old_digests() {
        let short = served(other(), |leaf| (leaf.key, leaf.key_bits) = (KeyKind::Rsa, 1024));
        assert!(holds(&CAUSE, short).title.english().contains("RSA, 1024 bit"));
        for name in ["sha1WithRSAEncryption", "ecdsa-with-SHA1", "md5WithRSAEncryption"] {
            let _ = holds(&CAUSE, served(other(), |leaf| leaf.signature = name.into()));
        }
    }

    #[test]
    fn near_misses() {
        does_not_hold(&CAUSE, served(other(), |_| {}));
        // Past its end: that is what clients say first.
        does_not_hold(&CAUSE, served(TrustFault::Expired, |leaf| leaf.signature = "sha1WithRSAEncryption".into()));
        // The signature that a self-signed certificate has on itself is never checked.
        does_not_hold(&CAUSE, served(other(), |leaf| (leaf.signature, leaf.self_issued) = ("sha1WithRSAEncryption".into(), true)));
        // Accepted here.
        let accepted = Sample::at("wss://app.example/ws").tls(|tls| {
            tls.chain[0].signature = "sha1WithRSAEncryption".into();
            tls.trust = vec![trust("given", None)];
        });
        does_not_hold(&CAUSE, accepted);
    }
}
