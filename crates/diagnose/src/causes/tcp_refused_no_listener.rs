//! Nothing listens on the port.

use crate::reading::duration;
use crate::{Confidence, Finding, Remedy, Stack, Symptom, Verdict, cause, text};
use evidence::{Evidence, Question, Reached};

cause! {
    /// Nothing listens on that port
    ///
    /// # What you see
    /// `ECONNREFUSED`, `net::ERR_CONNECTION_REFUSED`, at once: the machine is there and says no.
    ///
    /// # Why it happens
    /// The application is not running, listens on another port, or listens only on another address of the
    /// machine (such as 127.0.0.1 inside a container). A firewall that rejects with "port unreachable"
    /// looks the same from outside.
    ///
    /// # What to do
    /// Start the service, or use the port that it really listens on. Behind a reverse proxy the public port is
    /// the proxy's (443), not the application's.
    ///
    /// # How to be sure
    /// On the server, `ss -ltnp` has no line for the port (or only one for 127.0.0.1).
    "tcp-refused-no-listener", Network, judge
}

fn judge(evidence: &Evidence) -> Verdict {
    let port = evidence.case.target.port;
    let attempts = evidence.connections_to(port);
    let refused: Vec<_> = attempts.iter().filter(|seen| seen.outcome == Reached::Refused).collect();
    let Some(first) = refused.first() else { return Verdict::Unseen };
    if attempts.iter().any(|seen| seen.outcome == Reached::Connected) {
        return Verdict::RuledOut(text!("another address of the name does take connections on this port"));
    }
    let ids: Vec<u32> = refused.iter().map(|seen| seen.id).collect();
    let confidence = if refused.len() == attempts.len() { Confidence::Proven } else { Confidence::Likely };
    let mut finding = Finding::error(confidence, text!("Nothing listens on port {port} of {host}", port = port, host = &evidence.case.target.host))
        .explains(Symptom::NotReached)
        .proof(
            &ids,
            text!("{address} refused the connection after {time}: the machine is there and says no.", address = first.to, time = duration(first.took_us)),
        )
        .users(text!("Browsers: close code 1006 and net::ERR_CONNECTION_REFUSED. Node.js: ECONNREFUSED."))
        .not(text!("a firewall that drops packets: that would be silent"))
        .remedy(Remedy::new(text!("See on the server what listens where")).command(format!("ss -ltnp 'sport = :{port}'")))
        .remedy(Remedy::for_stack(
            Stack::Linux,
            text!("Start the service, or let it listen on all addresses rather than on 127.0.0.1 only"),
            format!("# in the application: listen on 0.0.0.0:{port} or [::]:{port}\n# in Docker: publish the port, -p {port}:{port}"),
        ))
        .ask([80, 443].into_iter().filter(|other| *other != port).map(|other| Question::Connect { port: Some(other) }))
        .yields_to(&["dns-filtered", "client-localhost-v6-first", "tcp-bound-to-loopback", "tcp-lb-no-healthy-target", "page-wrong-port-behind-proxy"]);
    for other in [443, 80] {
        let open = evidence.connections_to(other).into_iter().find(|seen| seen.outcome == Reached::Connected);
        if let Some(open) = open.filter(|_| other != port) {
            finding = finding.proof(&[open.id], text!("Port {port} of the same machine does answer.", port = other));
        }
    }
    finding.holds()
}

#[cfg(test)]
mod tests {
    use super::CAUSE;
    use crate::sample::{ADDRESS, Sample, does_not_hold, holds};
    use crate::Confidence;
    use evidence::Reached;

    fn reached(outcome: Reached) -> Sample {
        Sample::bare("ws://app.example:8080/ws").resolves(&[ADDRESS]).connection(ADDRESS, 8080, outcome)
    }

    #[test]
    fn holds_where_every_address_refuses() {
        assert_eq!(holds(&CAUSE, reached(Reached::Refused)).confidence, Confidence::Proven);
        let two = reached(Reached::Refused).connection("2001:db8::1", 8080, Reached::Silence);
        assert_eq!(holds(&CAUSE, two).confidence, Confidence::Likely);
    }

    #[test]
    fn near_misses() {
        does_not_hold(&CAUSE, reached(Reached::Silence));
        does_not_hold(&CAUSE, reached(Reached::HostUnreachable));
        does_not_hold(&CAUSE, reached(Reached::Refused).connection("2001:db8::1", 8080, Reached::Connected));
    }
}
