//! The chain leads to a root that the stores do not have.

use crate::{Confidence, Remedy, Stack, Verdict, cause, certificates, text};
use evidence::{Evidence, TrustFault};

cause! {
    /// The certificate comes from a private authority
    ///
    /// # What you see
    /// `unable to get local issuer certificate`, `self-signed certificate in certificate chain`,
    /// `net::ERR_CERT_AUTHORITY_INVALID`, on every machine to which the root was not distributed.
    ///
    /// # Why it happens
    /// A company or a cluster has its own authority. The chain is complete, but ends at a root that neither the
    /// operating system nor the runtime knows. Node.js, Java, Python and Firefox have stores of their own, so one
    /// program may work where the next one fails.
    ///
    /// # What to do
    /// Distribute the root to the clients, each runtime in its own way; or use a public authority.
    ///
    /// # How to be sure
    /// With the root at hand the chain verifies: `keepwire check --ca root.pem …`
    "tls-private-ca", Tls, judge
}

fn judge(evidence: &Evidence) -> Verdict {
    if let Some(note) = known_here_only(evidence) {
        return note;
    }
    let served = certificates::refused(evidence, |tls, leaf| certificates::issuer_unknown(tls) && !leaf.self_issued);
    let Some(served) = served else { return Verdict::Unseen };
    let Some(top) = certificates::top(&served.tls.fact.chain) else { return Verdict::Unseen };
    if certificates::is_public_authority(&top.issuer) || certificates::interceptor(&top.issuer).is_some() {
        return Verdict::Unseen;
    }
    let alone = top.fingerprint == served.leaf.fingerprint;
    let confidence = match (top.self_issued, alone) {
        (true, _) => Confidence::Proven,
        (false, false) => Confidence::Likely,
        // The server's certificate alone: more often an intermediate is missing.
        (false, true) if top.issuer_urls.is_empty() && !evidence.case.own_roots => Confidence::Likely,
        (false, true) => Confidence::Possible,
    };
    let title = text!("The certificate was issued by \"{issuer}\", which no client knows by itself", issuer = &top.issuer);
    certificates::finding(evidence, &served, confidence, title)
        .proof(
            &[served.tls.id],
            text!("The chain of {count} certificate(s) leads to \"{issuer}\".", count = served.tls.fact.chain_length, issuer = &top.issuer),
        )
        .proof(&[served.tls.id], text!("Neither Mozilla's roots nor those of this system have it."))
        .users(text!("Browsers: close code 1006 and net::ERR_CERT_AUTHORITY_INVALID. Node.js: UNABLE_TO_GET_ISSUER_CERT_LOCALLY or SELF_SIGNED_CERT_IN_CHAIN."))
        .would_tell(text!("Give the root: --ca root.pem. If the check passes then, only the root is missing at the clients."))
        .remedies(remedies())
        .holds()
}

/// This system knows the root, the public does not: no trouble here, but elsewhere.
fn known_here_only(evidence: &Evidence) -> Option<Verdict> {
    let tls = evidence.tls(&evidence::TlsVariation::Plain).filter(|tls| tls.fact.completed())?;
    let fault_of = |roots: &str| tls.fact.trust_by(roots).map(|trust| trust.fault.clone());
    let (Some(None), Some(Some(TrustFault::UnknownIssuer))) = (fault_of("system"), fault_of("bundled")) else { return None };
    let leaf = tls.fact.leaf().filter(|leaf| certificates::interceptor(&leaf.issuer).is_none())?;
    let finding = crate::Finding::note(
        Confidence::Likely,
        text!("The certificate was issued by \"{issuer}\", which this system trusts and others do not", issuer = &leaf.issuer),
    )
    .proof(&[tls.id], text!("This system's roots accept it, Mozilla's do not know the issuer."))
    .remedies(remedies());
    Some(finding.holds())
}

fn remedies() -> Vec<Remedy> {
    vec![
        Remedy::for_stack(Stack::Linux, text!("Add the root to the system's store"), "# Debian, Ubuntu\ncp root.pem /usr/local/share/ca-certificates/company.crt\n# Fedora, RHEL: /etc/pki/ca-trust/source/anchors/ and update-ca-trust")
            .command("update-ca-certificates"),
        Remedy::for_stack(Stack::Node, text!("Name the root to the runtime, which has a store of its own"), "NODE_EXTRA_CA_CERTS=/path/to/root.pem node app.js"),
        Remedy::for_stack(Stack::Python, text!("Name the root to the runtime, which has a store of its own"), "ssl_context = ssl.create_default_context(cafile=\"root.pem\")\nconnect(uri, ssl=ssl_context)   # or SSL_CERT_FILE=/path/to/root.pem"),
        Remedy::for_stack(Stack::Java, text!("Name the root to the runtime, which has a store of its own"), "keytool -importcert -cacerts -alias company -file root.pem"),
    ]
}

#[cfg(test)]
mod tests {
    use super::CAUSE;
    use crate::{Confidence, Severity};
    use crate::sample::{Sample, does_not_hold, holds, trust};
    use evidence::{Tls, TrustFault};

    fn private(change: impl FnOnce(&mut Tls)) -> Sample {
        Sample::at("wss://app.example/ws").untrusted(TrustFault::UnknownIssuer, |tls| {
            tls.chain[0].issuer = "O=Example, CN=Issuer".into();
            tls.chain[1].subject = "O=Example, CN=Issuer".into();
            tls.chain[1].issuer = "O=Example, CN=Root".into();
            change(tls);
        })
    }

    #[test]
    fn holds_where_the_chain_ends_at_a_root_of_ones_own() {
        assert_eq!(holds(&CAUSE, private(|_| {})).confidence, Confidence::Likely);
        let with_root = private(|tls| {
            tls.chain[1].issuer = "O=Example, CN=Issuer".into();
            tls.chain[1].self_issued = true;
        });
        assert_eq!(holds(&CAUSE, with_root).confidence, Confidence::Proven);
        let here = Sample::at("wss://app.example/ws")
            .tls(|tls| tls.trust = vec![trust("bundled", Some(TrustFault::UnknownIssuer)), trust("system", None)]);
        assert_eq!(holds(&CAUSE, here).severity, Severity::Note);
    }

    #[test]
    fn near_misses() {
        // A public issuer whose certificate is missing is another cause.
        does_not_hold(&CAUSE, Sample::at("wss://app.example/ws").untrusted(TrustFault::UnknownIssuer, |tls| tls.chain.truncate(1)));
        does_not_hold(&CAUSE, private(|tls| tls.trust = vec![trust("given", Some(TrustFault::OtherName))]));
        // The user gave the root.
        does_not_hold(&CAUSE, private(|tls| tls.trust = vec![trust("given", None), trust("bundled", Some(TrustFault::UnknownIssuer))]));
        does_not_hold(&CAUSE, Sample::wss());
    }
}
