//! A box on the way cuts TLS connections for this name.

use crate::reading::{tls_failed, tls_outcome};
use crate::{Confidence, Finding, Remedy, Symptom, Verdict, cause, text};
use evidence::{Evidence, Question, TlsOutcome, TlsVariation};

cause! {
    /// A filter cuts connections for this host name
    ///
    /// # What you see
    /// TCP connects, then a reset or silence right after the ClientHello, without a TLS alert. From other networks the
    /// host works.
    ///
    /// # Why it happens
    /// A firewall or provider reads the host name in the ClientHello (SNI) and blocks it.
    ///
    /// # What to do
    /// Ask who runs the network to allow the name; or serve the socket under a name that is not blocked.
    ///
    /// # How to be sure
    /// The same handshake with the same address and another name is answered.
    "tcp-sni-filter", Network, judge
}

/// A name that is reserved for examples (RFC 2606) and on nobody's list.
fn other() -> TlsVariation {
    TlsVariation::OtherSni("www.example.com".to_owned())
}

fn judge(evidence: &Evidence) -> Verdict {
    let Some(tls) = tls_failed(evidence) else { return Verdict::Unseen };
    let cut = matches!(tls.outcome, TlsOutcome::Reset | TlsOutcome::Ended | TlsOutcome::Silence);
    let target = &evidence.case.target;
    if !cut || target.address().is_some() {
        return Verdict::Unseen;
    }
    let Some(seen) = evidence.tls(&other()) else { return Verdict::Open(vec![Question::Tls(other())]) };
    // Whatever a server answers, the packets have passed.
    if !matches!(seen.outcome, TlsOutcome::Completed | TlsOutcome::Alert { .. }) {
        return Verdict::RuledOut(text!("with another name in the ClientHello the same happens"));
    }
    Finding::error(Confidence::Likely, text!("Something on the way, or in front of the server, cuts TLS connections for the name {host}", host = &target.host))
        .explains(Symptom::TlsFailed)
        .proof(&[tls.id], text!("With \"{host}\" in the ClientHello the handshake came to: {outcome}.", host = &target.host, outcome = tls_outcome(&tls.outcome)))
        .proof(&[seen.id], text!("With \"www.example.com\" the same address answers: {outcome}.", outcome = tls_outcome(&seen.outcome)))
        .not(text!("a ClientHello that is too big: both have the same size"))
        .users(text!("Browsers: close code 1006 and net::ERR_CONNECTION_RESET or ERR_TIMED_OUT, for this name only."))
        .would_tell(text!("Try from another network: if it works there, the filter is in yours; if not, it is in front of the server."))
        .remedy(Remedy::new(text!("Ask who runs the network to allow the name, or serve the socket under another one")))
        .remedy(Remedy::new(text!("See on the server whether the ClientHello arrives")).command(format!("tcpdump -n tcp port {}", target.port)))
        .holds()
}

#[cfg(test)]
mod tests {
    use super::{CAUSE, other};
    use crate::sample::{Sample, asks, does_not_hold, holds};
    use evidence::TlsOutcome;

    fn failed(url: &str, outcome: TlsOutcome) -> Sample {
        Sample::at(url).tls(|tls| tls.outcome = outcome)
    }

    #[test]
    fn holds_where_another_name_passes() {
        for outcome in [TlsOutcome::Reset, TlsOutcome::Silence] {
            let sample = failed("wss://app.example/ws", outcome);
            assert_eq!(asks(&CAUSE, sample.clone()).len(), 1);
            let _ = holds(&CAUSE, sample.clone().tls_with(other(), |_| {}));
            let alert = TlsOutcome::Alert { code: 112, name: "unrecognized_name".into() };
            let _ = holds(&CAUSE, sample.tls_with(other(), |tls| tls.outcome = alert));
        }
    }

    #[test]
    fn near_misses() {
        let all = failed("wss://app.example/ws", TlsOutcome::Reset).tls_with(other(), |tls| tls.outcome = TlsOutcome::Reset);
        does_not_hold(&CAUSE, all);
        let alert = TlsOutcome::Alert { code: 112, name: "unrecognized_name".into() };
        does_not_hold(&CAUSE, failed("wss://app.example/ws", alert).tls_with(other(), |_| {}));
        does_not_hold(&CAUSE, failed("wss://203.0.113.10/ws", TlsOutcome::Reset));
        does_not_hold(&CAUSE, Sample::wss());
    }
}
