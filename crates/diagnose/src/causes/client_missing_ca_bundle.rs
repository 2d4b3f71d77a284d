//! This machine's trust store lacks public roots.

use crate::{Confidence, Finding, Remedy, Stack, Verdict, cause, text};
use evidence::{Evidence, TlsVariation, TrustFault};

cause! {
    /// This machine lacks root certificates
    ///
    /// # What you see
    /// `unable to get local issuer certificate`, `UnknownIssuer`, `x509: certificate signed by unknown authority`, for every
    /// server, in this container or program only. Browsers and other machines work.
    ///
    /// # Why it happens
    /// Small images (`debian:slim`, `alpine`, `scratch`, distroless without certificates) come without `ca-certificates`; or
    /// the store is old and lacks a newer root.
    ///
    /// # What to do
    /// Install `ca-certificates`, or copy the bundle into the image; or give the runtime roots of its own.
    ///
    /// # How to be sure
    /// The chain is complete and verifies with Mozilla's roots, so the server is fine; `/etc/ssl/certs` is empty or old.
    "client-missing-ca-bundle", Input, judge
}

fn judge(evidence: &Evidence) -> Verdict {
    let Some(tls) = evidence.tls(&TlsVariation::Plain).filter(|tls| tls.fact.completed()) else { return Verdict::Unseen };
    if tls.fact.trust_by("bundled").is_none_or(|trust| trust.fault.is_some()) {
        return Verdict::Unseen;
    }
    let issuer = tls.fact.chain.last().map(|last| last.issuer.clone()).unwrap_or_default();
    // An empty store gives no verdict at all.
    let finding = match tls.fact.trust_by("system").map(|trust| &trust.fault) {
        None => Finding::note(Confidence::Likely, text!("This machine has no root certificates of its own"))
            .proof(&[tls.id], text!("The system's trust store is empty; programs that use it trust nobody.")),
        Some(Some(TrustFault::UnknownIssuer)) => {
            Finding::warning(Confidence::Likely, text!("This machine's root certificates lack \"{issuer}\"", issuer = issuer))
                .proof(&[tls.id], text!("Mozilla's roots accept the server's chain, those of this system do not know the issuer."))
        }
        Some(_) => return Verdict::Unseen,
    };
    finding
        .not(text!("the server: its chain is complete and good"))
        .users(text!("Programs on this machine that use the system's store: unable to get local issuer certificate. Others connect."))
        .remedy(
            Remedy::for_stack(Stack::Linux, text!("Install the root certificates"), "# Debian, Ubuntu\nRUN apt-get update && apt-get install -y ca-certificates\n# Alpine: apk add ca-certificates\n# scratch\nCOPY --from=build /etc/ssl/certs/ca-certificates.crt /etc/ssl/certs/")
                .command("ls /etc/ssl/certs | wc -l"),
        )
        .remedy(Remedy::for_stack(Stack::Python, text!("Or bring roots along with the program"), "pip install certifi   # SSL_CERT_FILE=$(python -m certifi)"))
        .remedy(Remedy::for_stack(Stack::Rust, text!("Or bring roots along with the program"), "tokio-tungstenite = { features = [\"rustls-tls-webpki-roots\"] }"))
        .holds()
}

#[cfg(test)]
mod tests {
    use super::CAUSE;
    use crate::Severity;
    use crate::sample::{Sample, does_not_hold, holds, trust};
    use evidence::{Trust, TrustFault};

    fn stores(trust: Vec<Trust>) -> Sample {
        Sample::at("wss://app.example/ws").tls(|tls| tls.trust = trust)
    }

    #[test]
    fn holds_where_only_this_machine_does_not_know_the_root() {
        assert_eq!(holds(&CAUSE, stores(vec![trust("bundled", None)])).severity, Severity::Note);
        let old = stores(vec![trust("bundled", None), trust("system", Some(TrustFault::UnknownIssuer))]);
        assert_eq!(holds(&CAUSE, old).severity, Severity::Warning);
    }

    #[test]
    fn near_misses() {
        does_not_hold(&CAUSE, Sample::wss());
        let unknown = Some(TrustFault::UnknownIssuer);
        does_not_hold(&CAUSE, stores(vec![trust("bundled", unknown.clone()), trust("system", unknown.clone())]));
        // A private authority that the user gave.
        does_not_hold(&CAUSE, stores(vec![trust("given", None), trust("bundled", unknown)]));
    }
}
