//! This machine has no network.

use crate::{Confidence, Finding, Remedy, Stack, Symptom, Verdict, cause, text};
use evidence::{Evidence, Reached, Resolved, Resolver, TunnelOutcome};

cause! {
    /// This machine is offline
    ///
    /// # What you see
    /// Every name fails to resolve, every address is unreachable at once; `net::ERR_INTERNET_DISCONNECTED`, "Network is
    /// unreachable".
    ///
    /// # Why it happens
    /// No cable, no Wi-Fi, a VPN that took the routes along when it ended; a container or a network namespace without a
    /// default route.
    ///
    /// # What to do
    /// Connect the machine, or give the container a network.
    ///
    /// # How to be sure
    /// `ip route` and `ip -6 route` show no default route.
    "client-offline", Input, judge
}

fn judge(evidence: &Evidence) -> Verdict {
    let Some(here) = evidence.environment().filter(|here| !here.route_v4 && !here.route_v6) else {
        return Verdict::Unseen;
    };
    // Whatever answers in any way shows a network, be it one without a way out.
    let reached = evidence.connections().any(|seen| seen.outcome != Reached::NetworkUnreachable)
        || evidence.exchanges().any(|seen| seen.fact.was_sent())
        || evidence.tunnels().any(|seen| {
            !matches!(seen.outcome, TunnelOutcome::NameNotResolved | TunnelOutcome::Unreached(Reached::NetworkUnreachable))
        });
    let answered = evidence.resolutions().any(|seen| {
        seen.by != Resolver::Literal && !matches!(seen.outcome, Resolved::ServerFailure { .. } | Resolved::Failed(_))
    });
    if reached || answered {
        return Verdict::Unseen;
    }
    let unresolved = evidence.resolutions().find(|seen| seen.by == Resolver::System).map(|seen| seen.id);
    let unreachable = evidence.connections().next().map(|seen| seen.id);
    let (symptom, id) = match (unreachable, unresolved) {
        (Some(id), _) => (Symptom::NotReached, id),
        (None, Some(id)) => (Symptom::NameNotResolved, id),
        (None, None) => match evidence.tunnels().next() {
            Some(seen) => (Symptom::TunnelFailed, seen.id),
            None => return Verdict::Unseen,
        },
    };
    Finding::error(Confidence::Proven, text!("This machine has no network"))
        .explains(symptom)
        .proof(&[here.id], text!("There is no route to any public address, neither by IPv4 nor by IPv6."))
        .proof(&[id], text!("Nothing was reached."))
        .users(text!("Browsers: close code 1006 and net::ERR_INTERNET_DISCONNECTED."))
        .remedy(Remedy::for_stack(Stack::Linux, text!("Connect the machine, or give the container a network"), "# Docker: --network bridge rather than none").command("ip route; ip -6 route; ip link"))
        .holds()
}

#[cfg(test)]
mod tests {
    use super::CAUSE;
    use crate::sample::{ADDRESS, Sample, does_not_hold, holds};
    use evidence::{Reached, RecordKind, Resolved, Resolver};

    const FAILURE: Resolved = Resolved::ServerFailure { answers_unchecked: false };

    fn offline() -> Sample {
        Sample::bare("ws://app.example/ws").environment(|here| (here.route_v4, here.route_v6) = (false, false))
    }

    #[test]
    fn holds_where_there_is_no_way_out() {
        let _ = holds(&CAUSE, offline().resolution(Resolver::System, RecordKind::Addresses, FAILURE));
        let address = Sample::bare("ws://203.0.113.10/ws").environment(|here| (here.route_v4, here.route_v6) = (false, false));
        let _ = holds(&CAUSE, address.connection(ADDRESS, 80, Reached::NetworkUnreachable));
    }

    #[test]
    fn near_misses() {
        does_not_hold(&CAUSE, offline());
        // A network without a way out, in which the target is.
        does_not_hold(&CAUSE, offline().resolves(&[ADDRESS]).connection(ADDRESS, 80, Reached::Connected));
        does_not_hold(&CAUSE, offline().resolves(&[ADDRESS]).connection(ADDRESS, 80, Reached::HostUnreachable));
        does_not_hold(&CAUSE, offline().resolution(Resolver::System, RecordKind::Addresses, Resolved::NoSuchName));
        does_not_hold(&CAUSE, offline().resolution(Resolver::Given, RecordKind::Addresses, Resolved::TimedOut));
        let online = Sample::bare("ws://app.example/ws").environment(|_| {});
        does_not_hold(&CAUSE, online.resolution(Resolver::System, RecordKind::Addresses, FAILURE));
    }
}
