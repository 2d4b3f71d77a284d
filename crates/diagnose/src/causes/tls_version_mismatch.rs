//! Client and server have no version of TLS in common.

use crate::reading::{tls_failed, tls_outcome};
use crate::{Confidence, Finding, Remedy, Stack, Symptom, Verdict, cause, text};
use evidence::{Evidence, Question, TlsOutcome, TlsVariation, VersionTried};

cause! {
    /// The server speaks only TLS versions that clients have dropped
    ///
    /// # What you see
    /// Alert 70 `protocol_version`, `unsupported protocol`, `net::ERR_SSL_VERSION_OR_CIPHER_MISMATCH`; 1006 in the page.
    ///
    /// # Why it happens
    /// The server is limited to TLS 1.0 or 1.1, by an old configuration or an old library. Browsers dropped both in
    /// 2020 (RFC 8996), OpenSSL 3 and most runtimes refuse them by default.
    ///
    /// # What to do
    /// Allow TLS 1.2 and 1.3 on the server. Where its library has neither, put a proxy in front that ends TLS.
    ///
    /// # How to be sure
    /// A ClientHello for TLS 1.1 is answered, those for 1.2 and 1.3 are not.
    "tls-version-mismatch", Tls, judge
}

fn judge(evidence: &Evidence) -> Verdict {
    let Some(tls) = tls_failed(evidence) else { return Verdict::Unseen };
    let old_fits = match &tls.outcome {
        // protocol_version, handshake_failure, insufficient_security; old libraries just hang up.
        TlsOutcome::Alert { code: 40 | 70 | 71, .. } | TlsOutcome::Ended | TlsOutcome::Reset => true,
        // A ServerHello of an old version makes our own library give up.
        TlsOutcome::Failed(why) => why.contains("incompatible") || why.contains("Version"),
        _ => false,
    };
    if !old_fits {
        return Verdict::Unseen;
    }
    let raw = TlsVariation::Raw(VersionTried::V1_1);
    let Some(old) = evidence.tls(&raw) else { return Verdict::Open(vec![Question::Tls(raw)]) };
    let Some(version) = old.version.as_deref().filter(|version| matches!(*version, "1.0" | "1.1" | "SSL 3.0")) else {
        return Verdict::Unseen;
    };
    // A server that answers old ClientHellos as well as 1.2 has other trouble.
    let modern = TlsVariation::Raw(VersionTried::V1_2);
    let knows_12 = evidence.tls(&modern).is_some_and(|seen| seen.version.as_deref() == Some("1.2"));
    let says_so = matches!(tls.outcome, TlsOutcome::Alert { code: 70, .. } | TlsOutcome::Failed(_));
    if knows_12 {
        return Verdict::RuledOut(text!("a ClientHello for TLS 1.2 with every cipher suite is answered"));
    }
    if !says_so && evidence.tls(&modern).is_none() {
        return Verdict::Open(vec![Question::Tls(modern)]);
    }
    Finding::error(Confidence::Proven, text!("The server speaks TLS {version} at the most, which clients no longer accept", version = version))
        .explains(Symptom::TlsFailed)
        .proof(&[tls.id], text!("Our offer of TLS 1.3 and 1.2 came to: {outcome}.", outcome = tls_outcome(&tls.outcome)))
        .proof(&[old.id], text!("A ClientHello for TLS 1.1 is answered with TLS {version}.", version = version))
        .not(text!("the certificate: it was not looked at yet"))
        .users(text!("Browsers: close code 1006 and net::ERR_SSL_VERSION_OR_CIPHER_MISMATCH. OpenSSL 3: unsupported protocol."))
        .remedy(Remedy::for_stack(Stack::Nginx, text!("Allow TLS 1.2 and 1.3"), "ssl_protocols TLSv1.2 TLSv1.3;").command("nginx -t && nginx -s reload"))
        .remedy(Remedy::for_stack(Stack::Apache, text!("Allow TLS 1.2 and 1.3"), "SSLProtocol -all +TLSv1.2 +TLSv1.3"))
        .remedy(Remedy::for_stack(Stack::Haproxy, text!("Allow TLS 1.2 and 1.3"), "global\n    ssl-default-bind-options ssl-min-ver TLSv1.2   # and no ssl-max-ver below it"))
        .holds()
}

#[cfg(test)]
mod tests {
    use super::CAUSE;
    use crate::sample::{Sample, asks, does_not_hold, holds};
    use evidence::{TlsOutcome, TlsVariation, VersionTried};

    fn alert(code: u8) -> Sample {
        let outcome = TlsOutcome::Alert { code, name: "alert".into() };
        Sample::at("wss://app.example/ws").tls(|tls| tls.outcome = outcome)
    }

    fn raw(sample: Sample, tried: VersionTried, version: Option<&str>) -> Sample {
        sample.tls_with(TlsVariation::Raw(tried), |tls| {
            tls.outcome = if version.is_some() { TlsOutcome::Answered } else { TlsOutcome::Ended };
            tls.version = version.map(str::to_owned);
        })
    }

    #[test]
    fn holds_where_only_an_old_version_is_answered() {
        assert_eq!(asks(&CAUSE, alert(70)).len(), 1);
        for version in ["1.0", "1.1"] {
            let _ = holds(&CAUSE, raw(alert(70), VersionTried::V1_1, Some(version)));
        }
        let sample = raw(alert(40), VersionTried::V1_1, Some("1.1"));
        assert_eq!(asks(&CAUSE, sample.clone()).len(), 1);
        let _ = holds(&CAUSE, raw(sample, VersionTried::V1_2, None));
    }

    #[test]
    fn near_misses() {
        // Knows 1.2 too, but no cipher suite that we have.
        does_not_hold(&CAUSE, raw(raw(alert(40), VersionTried::V1_1, Some("1.1")), VersionTried::V1_2, Some("1.2")));
        does_not_hold(&CAUSE, raw(alert(70), VersionTried::V1_1, None));
        does_not_hold(&CAUSE, alert(112));
        does_not_hold(&CAUSE, Sample::wss());
    }
}
