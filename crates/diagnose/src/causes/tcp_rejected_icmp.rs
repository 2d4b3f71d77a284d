//! A router or firewall says no, or nobody on the own network has the address.

use crate::reading::duration;
use crate::{Confidence, Finding, Remedy, Symptom, Verdict, cause, text};
use evidence::{Evidence, Question, Reached};

cause! {
    /// A router or firewall rejects the connection
    ///
    /// # What you see
    /// `EHOSTUNREACH`, "No route to host", `net::ERR_ADDRESS_UNREACHABLE`: at once, or after some three seconds.
    ///
    /// # Why it happens
    /// At once: a firewall answers with an ICMP rejection (admin-prohibited, host-unreachable), as firewalld does by
    /// default, or a router has no way to the address. After three seconds: the address belongs to your own network, and no
    /// machine there has it.
    ///
    /// # What to do
    /// Allow the port in the firewall; or correct the address or the route.
    ///
    /// # How to be sure
    /// `tcpdump -n icmp` while you connect shows who sends the rejection and why; `ip neigh` shows FAILED for an address
    /// that nobody has.
    "tcp-rejected-icmp", Network, judge
}

/// Linux gives up on an address of the own link after three ARP requests, one a second.
const ARP: u64 = 2_000_000;

fn judge(evidence: &Evidence) -> Verdict {
    let target = &evidence.case.target;
    let attempts = evidence.connections_to(target.port);
    if attempts.iter().any(|seen| matches!(seen.outcome, Reached::Connected | Reached::Refused)) {
        return Verdict::Unseen;
    }
    let environment = evidence.environment();
    let rejected = attempts.iter().find(|seen| match seen.outcome {
        Reached::HostUnreachable => true,
        // Without a route of our own it is this machine that says so.
        Reached::NetworkUnreachable => environment.is_some_and(|here| if seen.to.is_ipv4() { here.route_v4 } else { here.route_v6 }),
        _ => false,
    });
    let Some(rejected) = rejected else { return Verdict::Unseen };
    let nobody = rejected.took_us >= ARP;
    let title = if nobody {
        text!("No machine on your network has the address {address}", address = rejected.to.ip())
    } else {
        text!("A router or firewall on the way rejects the connection to {address}", address = rejected.to)
    };
    let confidence = if nobody { Confidence::Likely } else { Confidence::Proven };
    let alive = [443, 80].into_iter().filter(|other| *other != target.port).flat_map(|other| evidence.connections_to(other));
    let alive = alive.into_iter().find(|seen| matches!(seen.outcome, Reached::Connected | Reached::Refused));
    let mut finding = Finding::error(confidence, title)
        .explains(Symptom::NotReached)
        .proof(
            &[rejected.id],
            text!("{address}: \"no route to host\" after {time}.", address = rejected.to, time = duration(rejected.took_us)),
        )
        .users(text!("Browsers: close code 1006 and net::ERR_ADDRESS_UNREACHABLE. Node.js: EHOSTUNREACH."))
        .not(text!("a port on which nothing listens: that would be refused"));
    finding = if nobody {
        finding
            .proof(&[rejected.id], text!("That long a wait is the search for the machine on the own link (ARP); a rejection from a router comes at once."))
            .remedy(Remedy::new(text!("See whether anybody has the address; correct the address, or start the machine")).command(format!("ip neigh show {}", rejected.to.ip())))
    } else {
        finding
            .remedy(Remedy::new(text!("See who rejects it, and why")).command("tcpdump -n icmp or icmp6"))
            .remedy(
                Remedy::new(text!("Allow the port in the firewall that rejects it")).command(format!("firewall-cmd --permanent --add-port={}/tcp && firewall-cmd --reload", target.port)),
            )
            .ask([443, 80].into_iter().filter(|other| *other != target.port).map(|other| Question::Connect { port: Some(other) }))
    };
    if let Some(alive) = alive {
        finding = finding
            .proof(&[alive.id], text!("The machine is up: its port {port} answers.", port = alive.to.port()))
            .not(text!("a machine that is down"));
    }
    finding.holds()
}

#[cfg(test)]
mod tests {
    use super::CAUSE;
    use crate::Confidence;
    use crate::sample::{ADDRESS, Sample, does_not_hold, holds};
    use evidence::{Connection, Fact, Place, Reached};

    fn port(outcome: Reached, took_us: u64) -> Sample {
        let to = "203.0.113.10:8080".parse().expect("an address");
        Sample::bare("ws://app.example:8080/ws")
            .environment(|here| here.route_v6 = false)
            .resolves(&[ADDRESS])
            .fact(Place::Network, Fact::Connection(Connection { to, outcome, took_us }))
    }

    #[test]
    fn holds_at_a_rejection() {
        assert_eq!(holds(&CAUSE, port(Reached::HostUnreachable, 900)).confidence, Confidence::Proven);
        assert_eq!(holds(&CAUSE, port(Reached::HostUnreachable, 3_060_000)).confidence, Confidence::Likely);
        let _ = holds(&CAUSE, port(Reached::NetworkUnreachable, 9_000));
    }

    #[test]
    fn near_misses() {
        does_not_hold(&CAUSE, port(Reached::Silence, 3_000_000));
        does_not_hold(&CAUSE, port(Reached::Refused, 900));
        // Another address works.
        does_not_hold(&CAUSE, port(Reached::HostUnreachable, 900).connection("203.0.113.11", 8080, Reached::Connected));
        // No IPv6 here at all.
        let v6 = Sample::bare("ws://app.example:8080/").environment(|here| here.route_v6 = false);
        does_not_hold(&CAUSE, v6.connection("2001:db8::1", 8080, Reached::NetworkUnreachable));
    }
}
