//! The server vouches for itself.

use crate::{Confidence, Remedy, Stack, Verdict, cause, certificates, text};
use evidence::Evidence;

cause! {
    /// The certificate is self-signed
    ///
    /// # What you see
    /// `self-signed certificate`, `DEPTH_ZERO_SELF_SIGNED_CERT`, `net::ERR_CERT_AUTHORITY_INVALID`. The socket fails
    /// although the page works: the exception that was clicked for the page counts for its host and port only,
    /// and for a socket no such page is ever shown.
    ///
    /// # Why it happens
    /// A development server, an appliance, or a proxy without a certificate of its own serves one that it made
    /// itself. Behind ingress-nginx or Traefik it means that no certificate is configured for the name.
    ///
    /// # What to do
    /// Get a certificate from an authority, or make a local authority with mkcert. Best serve the socket on the
    /// page's own host and port. For a quick look, open `https://HOST:PORT/` once and accept the exception there.
    ///
    /// # How to be sure
    /// One certificate is sent, and its issuer is its subject.
    "tls-self-signed", Tls, judge
}

fn judge(evidence: &Evidence) -> Verdict {
    let Some(served) = certificates::refused(evidence, |_, leaf| leaf.self_issued) else { return Verdict::Unseen };
    let (leaf, target) = (served.leaf, &evidence.case.target);
    let title = text!("The server's certificate is self-signed: no client trusts it by itself");
    let mut finding = certificates::finding(evidence, &served, Confidence::Proven, title)
        .proof(&[served.tls.id], text!("\"{subject}\" is its own issuer.", subject = &leaf.subject))
        .users(text!("Browsers: close code 1006 and net::ERR_CERT_AUTHORITY_INVALID; an exception for the page does not count for another port. Node.js: DEPTH_ZERO_SELF_SIGNED_CERT."))
        .remedy(
            Remedy::for_stack(Stack::OpenSsl, text!("For development: a local authority that your browsers trust"), "# https://github.com/FiloSottile/mkcert")
                .command("mkcert -install")
                .command(format!("mkcert {}", target.host)),
        )
        .remedy(Remedy::for_stack(
            Stack::Nginx,
            text!("In production: a certificate from an authority, on the port of the page"),
            format!("ssl_certificate     /etc/letsencrypt/live/{host}/fullchain.pem;\nssl_certificate_key /etc/letsencrypt/live/{host}/privkey.pem;", host = target.host),
        ))
        .remedy(Remedy::new(text!("For one browser only: open {url} once and accept the exception", url = target.own_origin())));
    if let Some(product) = default_certificate(&leaf.subject) {
        finding = finding.proof(
            &[served.tls.id],
            text!("It is the certificate that {product} falls back to where none is configured for the name.", product = product),
        );
    }
    finding.holds()
}

/// Subjects of the certificates that products make for themselves.
/// Source: Traefik "TRAEFIK DEFAULT CERT", ingress-nginx "Kubernetes Ingress Controller Fake Certificate" (their docs).
fn default_certificate(subject: &str) -> Option<&'static str> {
    if subject.contains("TRAEFIK DEFAULT CERT") {
        Some("Traefik")
    } else if subject.contains("Kubernetes Ingress Controller Fake Certificate") {
        Some("ingress-nginx")
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::CAUSE;
    use crate::Severity;
    use crate::sample::{Sample, does_not_hold, holds, leaf, trust};
    use evidence::{Certificate, TlsVariation, TrustFault};

    fn own() -> Certificate {
        Certificate { issuer: "CN=app.example".into(), self_issued: true, ..leaf("app.example") }
    }

    #[test]
    fn holds_where_the_issuer_is_the_subject() {
        // What webpki calls a certificate that may issue others and serves as a server's: it is no UnknownIssuer.
        for fault in [TrustFault::UnknownIssuer, TrustFault::Other("CaUsedAsEndEntity".into())] {
            let sample = Sample::at("wss://app.example/ws").untrusted(fault, |tls| tls.chain = vec![own()]);
            assert_eq!(holds(&CAUSE, sample.clone()).severity, Severity::Error);
            assert_eq!(holds(&CAUSE, sample.case(|case| case.insecure = true)).severity, Severity::Note);
        }
        let one = "2001:db8::1".parse().expect("an address");
        let sample = Sample::wss().tls_with(TlsVariation::Address(one), |tls| {
            tls.chain = vec![own()];
            tls.trust = vec![trust("bundled", Some(TrustFault::UnknownIssuer))];
        });
        assert_eq!(holds(&CAUSE, sample).severity, Severity::Warning);
    }

    #[test]
    fn near_misses() {
        does_not_hold(&CAUSE, Sample::wss());
        does_not_hold(&CAUSE, Sample::at("wss://app.example/ws").untrusted(TrustFault::UnknownIssuer, |_| {}));
        // The user gave it as a root.
        does_not_hold(&CAUSE, Sample::at("wss://app.example/ws").tls(|tls| {
            tls.chain = vec![own()];
            tls.trust = vec![trust("given", None), trust("bundled", Some(TrustFault::UnknownIssuer))];
        }));
    }
}
