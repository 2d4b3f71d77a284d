//! Nothing comes back for a SYN.

use crate::reading::duration;
use crate::{Confidence, Finding, Remedy, Stack, Symptom, Verdict, cause, text};
use evidence::{Connection, Evidence, Question, Reached, Seen};

cause! {
    /// Packets to the port are dropped
    ///
    /// # What you see
    /// `ETIMEDOUT`, `net::ERR_CONNECTION_TIMED_OUT`, after seconds of nothing.
    ///
    /// # Why it happens
    /// A firewall or security group drops what comes for the port, or bans your address (fail2ban, allow-lists); the
    /// machine is down; or its answers take a way on which they are lost, such as a missing route back.
    ///
    /// # What to do
    /// Open the port for your network, in the cloud's security group and on the machine. If no port of the machine
    /// answers, look whether it is up and has a route back.
    ///
    /// # How to be sure
    /// On the server, `tcpdump -n tcp port PORT`: no SYN arrives (dropped before), or SYNs arrive and nothing leaves
    /// (dropped by the machine), or answers leave and do not reach you (the way back).
    "tcp-syn-dropped", Network, judge
}

fn judge(evidence: &Evidence) -> Verdict {
    let port = evidence.case.target.port;
    let Some(silent) = silent(evidence) else { return Verdict::Unseen };
    let ids: Vec<u32> = silent.iter().map(|seen| seen.id).collect();
    let first = silent[0];
    let others: Vec<u16> = [443, 80].into_iter().filter(|other| *other != port).collect();
    let alive = others
        .iter()
        .flat_map(|other| evidence.connections_to(*other))
        .find(|seen| matches!(seen.outcome, Reached::Connected | Reached::Refused | Reached::Reset));
    let asked = others.iter().all(|other| evidence.is_answered(&Question::Connect { port: Some(*other) }));
    let host = evidence.case.target.host.as_str();
    let title = match (alive.is_some(), asked) {
        (true, _) => text!("Something drops the packets to port {port} of {host}", port = port, host = host),
        (false, true) => text!("Nothing at all comes back from {host}: it is down, or a firewall drops everything", host = host),
        (false, false) => text!("Nothing comes back from port {port} of {host}", port = port, host = host),
    };
    let mut finding = Finding::error(Confidence::Likely, title)
        .explains(Symptom::NotReached)
        .proof(&ids, text!("{address} did not answer for {time}.", address = first.to, time = duration(first.took_us)))
        .users(text!("Browsers: close code 1006 and net::ERR_CONNECTION_TIMED_OUT, after a long wait. Node.js: ETIMEDOUT."))
        .not(text!("a port on which nothing listens: that would be refused at once"))
        .remedy(
            Remedy::for_stack(Stack::Linux, text!("Open the port in the firewall"), format!("ufw allow {port}/tcp                 # ufw\nfirewall-cmd --add-port={port}/tcp    # firewalld\nnft add rule inet filter input tcp dport {port} accept"))
                .command(format!("tcpdump -n tcp port {port}   # on the server: do SYNs arrive?")),
        )
        .remedy(Remedy::for_stack(Stack::Aws, text!("Open the port in the security group and the network ACL"), format!("aws ec2 authorize-security-group-ingress --group-id sg-… --protocol tcp --port {port} --cidr YOUR_NETWORK")))
        .would_tell(text!("Try from another network: if it works there, your address or your network is blocked."))
        .yields_to(&["tcp-backlog-full", "client-offline", "dns-filtered", "dns-split-horizon", "page-wrong-port-behind-proxy"])
        .ask(others.iter().map(|other| Question::Connect { port: Some(*other) }));
    if let Some(other) = alive {
        finding = finding
            .proof(&[other.id], text!("The machine is up: its port {port} answers.", port = other.to.port()))
            .not(text!("a machine that is down or has no route back"));
    } else if asked {
        let tried: Vec<u32> = others.iter().flat_map(|other| evidence.connections_to(*other)).map(|seen| seen.id).collect();
        finding = finding.proof(&tried, text!("Ports 443 and 80 of the same machine do not answer either."));
    }
    finding.holds()
}

/// Addresses that stayed silent, where that is why none took the connection.
pub(super) fn silent(evidence: &Evidence) -> Option<Vec<Seen<'_, Connection>>> {
    let attempts = evidence.connections_to(evidence.case.target.port);
    let silent: Vec<_> = attempts.iter().copied().filter(|seen| seen.outcome == Reached::Silence).collect();
    // An address that says no tells more than one that says nothing.
    let spoke = attempts.iter().any(|seen| {
        matches!(seen.outcome, Reached::Connected | Reached::Refused | Reached::Reset | Reached::HostUnreachable | Reached::Forbidden)
    });
    (!silent.is_empty() && !spoke).then_some(silent)
}

#[cfg(test)]
mod tests {
    use super::CAUSE;
    use crate::sample::{ADDRESS, Sample, does_not_hold, holds};
    use evidence::{Question, Reached};

    fn port(outcome: Reached) -> Sample {
        Sample::bare("ws://app.example:8080/ws").resolves(&[ADDRESS]).connection(ADDRESS, 8080, outcome)
    }

    #[test]
    fn holds_where_nothing_comes_back() {
        assert_eq!(holds(&CAUSE, port(Reached::Silence)).ask.len(), 2);
        let alive = port(Reached::Silence).connection(ADDRESS, 443, Reached::Refused);
        assert!(holds(&CAUSE, alive).title.english().contains("port 8080"));
        let mut dead = port(Reached::Silence);
        for other in [443, 80] {
            dead = dead.connection(ADDRESS, other, Reached::Silence).answered(Question::Connect { port: Some(other) });
        }
        assert!(holds(&CAUSE, dead).title.english().contains("down"));
        // No IPv6 here: that is not why it fails.
        let _ = holds(&CAUSE, port(Reached::Silence).connection("2001:db8::1", 8080, Reached::NetworkUnreachable));
    }

    #[test]
    fn near_misses() {
        for outcome in [Reached::Refused, Reached::HostUnreachable, Reached::NetworkUnreachable, Reached::Connected] {
            does_not_hold(&CAUSE, port(outcome));
        }
        does_not_hold(&CAUSE, port(Reached::Silence).connection("2001:db8::1", 8080, Reached::Connected));
    }
}
