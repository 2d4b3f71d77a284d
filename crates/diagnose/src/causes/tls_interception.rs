//! Somebody on the way opens TLS and signs it again.

use crate::{Confidence, Finding, Remedy, Stack, Symptom, Verdict, cause, certificates, text};
use evidence::{Evidence, TlsVariation};

cause! {
    /// A proxy or antivirus on the way re-signs TLS
    ///
    /// # What you see
    /// In programs `unable to get local issuer certificate`, `self-signed certificate in certificate chain`; browsers work,
    /// because the product installed its root in the system's store. On other networks everything works.
    ///
    /// # Why it happens
    /// A company's gateway (Zscaler, Netskope, FortiGate, …), an antivirus (ESET, Kaspersky, Avast, …) or a debugging proxy
    /// (mitmproxy, Fiddler, Charles) ends TLS, reads along, and makes certificates of its own. Node.js, Java, Python and
    /// Firefox do not ask the system's store.
    ///
    /// # What to do
    /// Give the runtime the product's root; or have the host exempted from inspection, which WebSockets often need anyway.
    ///
    /// # How to be sure
    /// The issuer of the served certificate names the product; from another network it is a public authority.
    "tls-interception", Tls, judge
}

fn judge(evidence: &Evidence) -> Verdict {
    let Some(tls) = evidence.tls(&TlsVariation::Plain).filter(|tls| tls.fact.completed()) else { return Verdict::Unseen };
    let named = tls.fact.chain.iter().find_map(|certificate| Some((certificates::interceptor(&certificate.issuer)?, &certificate.issuer)));
    let Some((product, issuer)) = named else { return Verdict::Unseen };
    // The maker's own site has a public certificate, with the maker's name in it.
    if tls.fact.trust_by("bundled").is_some_and(|trust| trust.fault.is_none()) {
        return Verdict::Unseen;
    }
    let title = text!("{product} on the way opens TLS and signs it again", product = product);
    let finding = if tls.trusted() {
        Finding::warning(Confidence::Proven, title)
    } else if evidence.case.insecure {
        Finding::note(Confidence::Proven, title)
    } else {
        Finding::error(Confidence::Proven, title).explains(Symptom::CertificateNotTrusted)
    };
    let finding = finding
        .proof(&[tls.id], text!("The certificate for {host} was issued by \"{issuer}\".", host = &evidence.case.target.host, issuer = issuer))
        .proof(&[tls.id], text!("No public authority has that name, and Mozilla's roots do not know it."))
        .not(text!("the server: its own certificate is not seen from here"))
        .users(text!("Browsers on machines with the product's root connect; Node.js, Python, Java and Firefox refuse the certificate."))
        .remedy(Remedy::for_stack(Stack::Node, text!("Give the runtime the product's root"), "NODE_EXTRA_CA_CERTS=/path/to/product-root.pem   # or node --use-system-ca (22.15 or later)"))
        .remedy(Remedy::for_stack(Stack::Python, text!("Give the runtime the product's root"), "SSL_CERT_FILE=/path/to/bundle-with-product-root.pem   # or pip install truststore"))
        .remedy(Remedy::new(text!("Or have {host} exempted from inspection", host = &evidence.case.target.host)));
    finding.holds()
}

#[cfg(test)]
mod tests {
    use super::CAUSE;
    use crate::Severity;
    use crate::sample::{Sample, does_not_hold, holds, trust};
    use evidence::TrustFault;

    fn by(issuer: &str, system: Option<TrustFault>) -> Sample {
        Sample::at("wss://app.example/ws").tls(|tls| {
            tls.chain.truncate(1);
            tls.chain[0].issuer = issuer.into();
            tls.trust = vec![trust("bundled", Some(TrustFault::UnknownIssuer)), trust("system", system)];
        })
    }

    #[test]
    fn holds_where_the_issuer_names_a_product() {
        let refused = by("CN=Zscaler Intermediate Root CA, O=Zscaler Inc.", Some(TrustFault::UnknownIssuer));
        assert_eq!(holds(&CAUSE, refused).severity, Severity::Error);
        assert_eq!(holds(&CAUSE, by("CN=ESET SSL Filter CA", None)).severity, Severity::Warning);
    }

    #[test]
    fn near_misses() {
        does_not_hold(&CAUSE, by("O=Example, CN=Internal CA", Some(TrustFault::UnknownIssuer)));
        // A product's own site.
        let own = Sample::at("wss://www.avast.example/").tls(|tls| tls.chain[0].issuer = "C=US, O=DigiCert Inc, CN=Avast".into());
        does_not_hold(&CAUSE, own);
        does_not_hold(&CAUSE, Sample::wss());
    }
}
