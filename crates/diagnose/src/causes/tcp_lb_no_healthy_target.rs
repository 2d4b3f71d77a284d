//! Something accepts connections for a server that is not there.

use crate::reading::{answer, experiment, opening, tls_failed, tls_outcome};
use crate::{Confidence, Finding, Remedy, Stack, Symptom, Verdict, cause, text};
use evidence::{Answer, Evidence, Opening, Question, TlsOutcome, TlsVariation, Variation};

cause! {
    /// A balancer accepts, but has no server behind it
    ///
    /// # What you see
    /// TCP connects and is closed or reset at once, whatever is sent: HTTP, an upgrade or TLS.
    ///
    /// # Why it happens
    /// A balancer for TCP (HAProxy `mode tcp`, nginx `stream`, AWS NLB) takes the connection before it looks for a server,
    /// and none is healthy. Often the health check is to blame: it asks for a page and wants 200, and a WebSocket server
    /// answers 426 or 400. Docker's port proxy does the same when nothing listens inside the container, or only on its
    /// 127.0.0.1.
    ///
    /// # What to do
    /// Start the server, or correct the health check: a TCP check, or a path that answers 200.
    ///
    /// # How to be sure
    /// The application itself, past the balancer, answers. The balancer's status page shows its servers as down.
    "tcp-lb-no-healthy-target", Network, judge
}

fn judge(evidence: &Evidence) -> Verdict {
    if evidence.case.via.is_some() {
        return Verdict::Unseen;
    }
    let cut = if evidence.case.target.secure { cut_tls(evidence) } else { cut_http(evidence) };
    let (first, all, symptom) = match cut {
        Ok(Some(cut)) => cut,
        Ok(None) => return Verdict::Unseen,
        Err(questions) => return Verdict::Open(questions),
    };
    let target = &evidence.case.target;
    Finding::error(Confidence::Likely, text!("Port {port} accepts connections and ends them whatever is sent: there is no server behind it", port = target.port))
        .explains(symptom)
        .proof(&all[..1], text!("TCP connects; then our handshake came to: {outcome}.", outcome = first))
        .proof(&all, text!("An ordinary HTTP request and a TLS ClientHello are cut off in the same way."))
        .not(text!("a dislike of upgrades, a wrong path or a wrong scheme: all of them end alike"))
        .users(text!("Browsers: close code 1006 and net::ERR_CONNECTION_RESET or ERR_CONNECTION_CLOSED."))
        .would_tell(text!("Ask the application directly, past the balancer: --connect-to ADDRESS:PORT."))
        .remedy(Remedy::for_stack(
            Stack::Haproxy,
            text!("Check the server in a way that it passes"),
            "option tcp-check                                   # rather than httpchk\n# or: option httpchk GET /healthz, http-check expect status 200",
        ))
        .remedy(Remedy::for_stack(Stack::Aws, text!("Check the server in a way that it passes"), "aws elbv2 modify-target-group --target-group-arn … --health-check-protocol TCP"))
        .remedy(
            Remedy::for_stack(Stack::Linux, text!("In a container: see that the program listens on 0.0.0.0 inside"), "docker exec CONTAINER ss -ltn")
                .command("docker ps && docker logs CONTAINER"),
        )
        .holds()
}

type Cut = (crate::Text, Vec<u32>, Symptom);

fn cut_http(evidence: &Evidence) -> Result<Option<Cut>, Vec<Question>> {
    let is_cut = |answer: &Answer| matches!(answer, Answer::Ended(seen) | Answer::Reset(seen) if seen.length == 0);
    let Some(handshake) = evidence.handshake().filter(|seen| is_cut(&seen.fact.answer)) else { return Ok(None) };
    let without = Variation::without_upgrade();
    let plain = experiment(evidence, &without);
    let hello = opening(evidence, Opening::ClientHello);
    let (Some(plain), Some(hello)) = (plain, hello) else {
        return Err(vec![Question::Upgrade(without), Question::FirstBytes(Opening::ClientHello)]);
    };
    let hello = hello.filter(|seen| is_cut(&seen.fact.answer));
    Ok(hello.filter(|_| is_cut(&plain.fact.answer)).map(|hello| {
        (answer(&handshake.fact.answer), vec![handshake.id, plain.id, hello.id], Symptom::NotSwitched)
    }))
}

fn cut_tls(evidence: &Evidence) -> Result<Option<Cut>, Vec<Question>> {
    let is_cut = |outcome: &TlsOutcome| matches!(outcome, TlsOutcome::Ended | TlsOutcome::Reset);
    let Some(tls) = tls_failed(evidence).filter(|tls| is_cut(&tls.outcome)) else { return Ok(None) };
    let Some(http) = opening(evidence, Opening::PlainHttp) else {
        return Err(vec![Question::FirstBytes(Opening::PlainHttp)]);
    };
    let Some(small) = evidence.tls(&TlsVariation::Small) else { return Err(vec![Question::Tls(TlsVariation::Small)]) };
    // A TLS port hangs up on plain HTTP, too; but it answers some ClientHello.
    let any_answer = evidence.tls_attempts().any(|seen| {
        matches!(seen.outcome, TlsOutcome::Completed | TlsOutcome::Answered | TlsOutcome::Alert { .. } | TlsOutcome::NotTls(_))
    });
    let http = http.filter(|seen| matches!(seen.fact.answer, Answer::Ended(_) | Answer::Reset(_)));
    Ok(http.filter(|_| is_cut(&small.outcome) && !any_answer).map(|http| {
        (tls_outcome(&tls.outcome), vec![tls.id, small.id, http.id], Symptom::TlsFailed)
    }))
}

#[cfg(test)]
mod tests {
    use super::CAUSE;
    use crate::sample::{Sample, asks, does_not_hold, holds};
    use evidence::{Answer, Opening, Preview, TlsOutcome, TlsVariation, Variation};

    fn ended() -> Answer {
        Answer::Ended(Preview::default())
    }

    #[test]
    fn holds_where_everything_is_cut() {
        let sample = Sample::ws().exchange(Variation::plain(), ended());
        assert_eq!(asks(&CAUSE, sample.clone()).len(), 2);
        let all = sample.exchange(Variation::without_upgrade(), ended()).first_bytes(Opening::ClientHello, ended());
        let _ = holds(&CAUSE, all);
        let tls = Sample::at("wss://app.example/ws")
            .tls(|tls| tls.outcome = TlsOutcome::Reset)
            .tls_with(TlsVariation::Small, |tls| tls.outcome = TlsOutcome::Reset)
            .first_bytes(Opening::PlainHttp, Answer::Reset(Preview::default()));
        let _ = holds(&CAUSE, tls);
    }

    #[test]
    fn near_misses() {
        let plain = || Sample::ws().exchange(Variation::plain(), ended());
        // Only upgrades are cut.
        does_not_hold(&CAUSE, plain().experiment(Variation::without_upgrade(), 200, "").first_bytes(Opening::ClientHello, ended()));
        // The port speaks TLS.
        let tls = plain().exchange(Variation::without_upgrade(), ended());
        does_not_hold(&CAUSE, tls.first_bytes(Opening::ClientHello, Answer::Alert("server_hello".into())));
        // A filter for the name: another name is answered.
        let filter = Sample::at("wss://app.example/ws")
            .tls(|tls| tls.outcome = TlsOutcome::Reset)
            .tls_with(TlsVariation::Small, |tls| tls.outcome = TlsOutcome::Reset)
            .tls_with(TlsVariation::OtherSni("www.example.com".into()), |_| {})
            .first_bytes(Opening::PlainHttp, Answer::Reset(Preview::default()));
        does_not_hold(&CAUSE, filter);
        does_not_hold(&CAUSE, Sample::ws().opens());
    }
}
