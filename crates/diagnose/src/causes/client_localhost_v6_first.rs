//! `localhost` means two addresses, and the server listens on one.

use crate::{Confidence, Finding, Remedy, Stack, Symptom, Verdict, cause, text};
use evidence::{Evidence, Reached};

cause! {
    /// localhost has two addresses, and the server listens on one
    ///
    /// # What you see
    /// `connect ECONNREFUSED ::1:PORT` (or `127.0.0.1:PORT`), while browsers connect to the same URL.
    ///
    /// # Why it happens
    /// `localhost` has an IPv6 and an IPv4 address. The server was bound to one of them. Browsers try both; many libraries try
    /// the first, and since Node.js 17 that is the one the system names first, mostly `::1`.
    ///
    /// # What to do
    /// Bind the server to both, or write the address that it has into the URL.
    ///
    /// # How to be sure
    /// `[::1]` refuses and `127.0.0.1` connects, or the other way round; `ss -ltn` shows one line for the port.
    "client-localhost-v6-first", Network, judge
}

fn judge(evidence: &Evidence) -> Verdict {
    let target = &evidence.case.target;
    if !(target.host == "localhost" || target.host.ends_with(".localhost")) {
        return Verdict::Unseen;
    }
    let attempts = evidence.connections_to(target.port);
    let refused = attempts.iter().find(|seen| seen.outcome == Reached::Refused && seen.to.ip().is_loopback());
    let works = attempts.iter().find(|seen| seen.outcome == Reached::Connected && seen.to.ip().is_loopback());
    let (Some(refused), Some(works)) = (refused, works) else { return Verdict::Unseen };
    if refused.to.is_ipv6() == works.to.is_ipv6() {
        return Verdict::Unseen;
    }
    let port = target.port;
    Finding::warning(Confidence::Proven, text!("The server listens on {works} only, and localhost also means {refused}", works = works.to.ip(), refused = refused.to.ip()))
        .explains(Symptom::AddressNotReached(refused.to.ip()))
        .proof(&[refused.id], text!("{address} refuses the connection.", address = refused.to))
        .proof(&[works.id], text!("{address} takes the connection.", address = works.to))
        .not(text!("a server that is not running"))
        .users(text!("Browsers work; Node.js 17 and later, websocat and others that try one address may say ECONNREFUSED."))
        .remedy(Remedy::for_stack(Stack::Node, text!("Bind to both families"), format!("server.listen({port}, '::')   // IPv6 and IPv4\n// or for a client: new WebSocket(url, {{ family: 4 }}), node --dns-result-order=ipv4first")))
        .remedy(Remedy::for_stack(Stack::Python, text!("Bind to both families"), format!("serve(handler, [\"127.0.0.1\", \"::1\"], {port})   # websockets\nuvicorn app:app --host ::1   # one family an instance")))
        .remedy(Remedy::for_stack(Stack::Vite, text!("Bind to both families"), "server: { host: true }"))
        .remedy(Remedy::new(text!("Or write the address into the URL")).command(format!("keepwire check ws://{}{}", works.to, target.path)))
        .holds()
}

#[cfg(test)]
mod tests {
    use super::CAUSE;
    use crate::sample::{Sample, does_not_hold, holds};
    use evidence::Reached;

    fn localhost(six: Reached, four: Reached) -> Sample {
        Sample::bare("ws://localhost:8080/").connection("::1", 8080, six).connection("127.0.0.1", 8080, four)
    }

    #[test]
    fn holds_where_one_family_refuses() {
        let _ = holds(&CAUSE, localhost(Reached::Refused, Reached::Connected));
        let _ = holds(&CAUSE, localhost(Reached::Connected, Reached::Refused));
    }

    #[test]
    fn near_misses() {
        does_not_hold(&CAUSE, localhost(Reached::Connected, Reached::Connected));
        does_not_hold(&CAUSE, localhost(Reached::Refused, Reached::Refused));
        let other = Sample::bare("ws://app.example:8080/").connection("2001:db8::1", 8080, Reached::Refused);
        does_not_hold(&CAUSE, other.connection("203.0.113.10", 8080, Reached::Connected));
    }
}
