//! The server listens on this machine's own address only.

use crate::{Confidence, Finding, Remedy, Stack, Symptom, Verdict, cause, text};
use evidence::{Evidence, Reached};

cause! {
    /// The server listens on 127.0.0.1 only
    ///
    /// # What you see
    /// `ECONNREFUSED` from other machines, while everything works on the server itself. In a container: refused or
    /// reset through the published port, while it works inside.
    ///
    /// # Why it happens
    /// Many development servers bind to `localhost` by default. Inside a container that is the container's own loopback,
    /// which no published port reaches.
    ///
    /// # What to do
    /// Bind to `0.0.0.0` or `[::]`, and let a firewall or a proxy decide who gets there.
    ///
    /// # How to be sure
    /// On the server `ss -ltn` shows `127.0.0.1:PORT` rather than `0.0.0.0:PORT` or `*:PORT`.
    "tcp-bound-to-loopback", Network, judge
}

fn judge(evidence: &Evidence) -> Verdict {
    let target = &evidence.case.target;
    let attempts = evidence.connections_to(target.port);
    let refusals: Vec<_> =
        attempts.iter().filter(|seen| seen.outcome == Reached::Refused && !seen.to.ip().is_loopback()).collect();
    let Some(first) = refusals.first() else { return Verdict::Unseen };
    // A name of this machine, as the hosts file gives it, has both kinds of address.
    let here = attempts.iter().find(|seen| seen.to.ip().is_loopback() && seen.outcome == Reached::Connected);
    let title = text!("The server may listen on its own 127.0.0.1 only");
    let finding = match here {
        Some(here) => Finding::warning(Confidence::Proven, text!("The server listens on this machine's loopback address only"))
            .explains(Symptom::AddressNotReached(first.to.ip()))
            .proof(&[here.id, first.id], text!("{here} takes the connection, {there} of the same name refuses it.", here = here.to, there = first.to)),
        None if attempts.iter().any(|seen| seen.outcome == Reached::Connected) => return Verdict::Unseen,
        None => Finding::error(Confidence::Possible, title)
            .explains(Symptom::NotReached)
            .proof(&[first.id], text!("{address} refuses: nothing listens there on this address.", address = first.to))
            .would_tell(text!("On the server: ss -ltn. A line with 127.0.0.1:{port} means this cause, no line means that nothing runs.", port = target.port)),
    };
    finding.remedies(remedies(target.port)).holds()
}

fn remedies(port: u16) -> Vec<Remedy> {
    vec![
        Remedy::for_stack(Stack::Node, text!("Listen on all addresses"), format!("server.listen({port}, '0.0.0.0')")),
        Remedy::for_stack(Stack::Python, text!("Listen on all addresses"), format!("uvicorn app:app --host 0.0.0.0 --port {port}\n# websockets: serve(handler, \"0.0.0.0\", {port})")),
        Remedy::for_stack(Stack::Vite, text!("Listen on all addresses"), "server: { host: true }"),
        Remedy::new(text!("See on the server what listens where")).command(format!("ss -ltnp 'sport = :{port}'")),
    ]
}

#[cfg(test)]
mod tests {
    use super::CAUSE;
    use crate::Confidence;
    use crate::sample::{ADDRESS, Sample, does_not_hold, holds};
    use evidence::Reached;

    fn port(outcome: Reached) -> Sample {
        Sample::bare("ws://app.example:8080/ws").connection(ADDRESS, 8080, outcome)
    }

    #[test]
    fn holds_where_loopback_answers_and_the_rest_refuses() {
        assert_eq!(holds(&CAUSE, port(Reached::Refused)).confidence, Confidence::Possible);
        let both = port(Reached::Refused).connection("127.0.1.1", 8080, Reached::Connected);
        assert_eq!(holds(&CAUSE, both).confidence, Confidence::Proven);
    }

    #[test]
    fn near_misses() {
        does_not_hold(&CAUSE, port(Reached::Silence));
        does_not_hold(&CAUSE, port(Reached::Refused).connection("203.0.113.11", 8080, Reached::Connected));
        does_not_hold(&CAUSE, Sample::bare("ws://localhost:8080/").connection("127.0.0.1", 8080, Reached::Refused));
    }
}
