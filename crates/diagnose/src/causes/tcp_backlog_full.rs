//! The port is open, but nobody accepts the connections.

use super::tcp_syn_dropped::silent;
use crate::reading::duration;
use crate::{Confidence, Finding, Remedy, Stack, Symptom, Verdict, cause, text};
use evidence::Evidence;

cause! {
    /// The server's accept queue is full
    ///
    /// # What you see
    /// New connections time out although the service runs and the existing ones work. No log says anything.
    ///
    /// # Why it happens
    /// The kernel completes connections into a queue, from which the application takes them. When it does not keep up (a
    /// blocked event loop, too many open files, a storm of reconnects), the queue is full and further SYNs are dropped.
    ///
    /// # What to do
    /// Find what keeps the application from accepting; then raise the backlog and `somaxconn`, and spread reconnects with
    /// jitter.
    ///
    /// # How to be sure
    /// On the server: in `ss -ltn` Recv-Q is above Send-Q for the port, and `nstat -az TcpExtListenOverflows` rises.
    "tcp-backlog-full", Network, judge
}

fn judge(evidence: &Evidence) -> Verdict {
    let Some(silent) = silent(evidence) else { return Verdict::Unseen };
    // On the own machine there is no network that could lose a packet, and a port without a listener refuses.
    let Some(here) = silent.iter().find(|seen| seen.to.ip().is_loopback()) else { return Verdict::Unseen };
    let port = evidence.case.target.port;
    Finding::error(Confidence::Likely, text!("The program that listens on port {port} does not accept connections: its queue is full", port = port))
        .explains(Symptom::NotReached)
        .proof(&[here.id], text!("{address} is on this machine and stayed silent for {time}; a port without a listener would refuse at once.", address = here.to, time = duration(here.took_us)))
        .not(text!("a firewall on the way: the connection does not leave this machine"))
        .users(text!("New connections time out, open ones go on."))
        .would_tell(text!("ss -ltn: Recv-Q above Send-Q for the port. If it is not, a local firewall rule drops the packets."))
        .remedy(Remedy::new(text!("Look at the queue and at what the program is doing")).command(format!("ss -ltn 'sport = :{port}'; nstat -az TcpExtListenOverflows TcpExtListenDrops")))
        .remedy(Remedy::for_stack(Stack::Linux, text!("Give the queue more room, once the program accepts again"), "net.core.somaxconn = 4096"))
        .remedy(Remedy::for_stack(Stack::Node, text!("Ask for a longer queue"), format!("server.listen({{ port: {port}, backlog: 4096 }})")))
        .remedy(Remedy::for_stack(Stack::Nginx, text!("Ask for a longer queue"), format!("listen {port} backlog=4096;")))
        .holds()
}

#[cfg(test)]
mod tests {
    use super::CAUSE;
    use crate::sample::{ADDRESS, Sample, does_not_hold, holds};
    use evidence::Reached;

    fn port(address: &str, outcome: Reached) -> Sample {
        Sample::bare("ws://app.example:8080/ws").connection(address, 8080, outcome)
    }

    #[test]
    fn holds_where_the_own_machine_is_silent() {
        let _ = holds(&CAUSE, port("127.0.0.1", Reached::Silence));
    }

    #[test]
    fn near_misses() {
        does_not_hold(&CAUSE, port(ADDRESS, Reached::Silence));
        does_not_hold(&CAUSE, port("127.0.0.1", Reached::Refused));
        does_not_hold(&CAUSE, port("127.0.0.1", Reached::Connected));
    }
}
