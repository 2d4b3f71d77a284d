//! A NAT or firewall forgets quiet connections.

use crate::reading::duration;
use crate::sessions::{Cut, cut};
use crate::{Confidence, Finding, Remedy, Stack, Symptom, Verdict, cause, text};
use evidence::{Evidence, Hold, HoldKind, How, Seen, Variation};

cause! {
    /// A NAT or firewall forgets quiet connections
    ///
    /// # What you see
    /// Nothing, until somebody sends: then a reset, or silence and retransmissions for up to 15 minutes. Both sides
    /// believe that they are connected.
    ///
    /// # Why it happens
    /// Stateful devices keep a table of connections and drop entries that were quiet for too long: AWS NLB 350 s,
    /// Azure load balancer and SNAT 240 s, home routers and mobile networks 30 s to 30 min. They tell nobody.
    ///
    /// # What to do
    /// Send pings more often than that, from whichever side. Detect dead peers: a ping without a pong in time ends the
    /// connection.
    ///
    /// # How to be sure
    /// After the silence a ping is lost (or reset), while a connection with pings is alive.
    "idle-nat-state-lost", Alive, judge
}

fn judge(evidence: &Evidence) -> Verdict {
    if let Some(cut) = cut(evidence).filter(|cut| reset_by_our_ping(evidence, cut)) {
        let time = duration(cut.ending.after_us);
        return finding(evidence, cut.seen, text!("After {time} of silence our next packet was answered by a reset.", time = time));
    }
    let dead = evidence.holds(HoldKind::Quiet).find(|seen| match &seen.ending {
        Some(ending) => ending.how == How::Silence,
        None => seen.alive_after == Some(false),
    });
    let Some(dead) = dead else { return Verdict::Unseen };
    // A server that never answers pings looks dead as well.
    let never_pongs = evidence.session(&Variation::plain()).is_some_and(|session| !session.pings.is_empty() && session.pongs().next().is_none());
    if never_pongs {
        return Verdict::RuledOut(text!("the server does not answer pings at any time"));
    }
    let time = duration(dead.held_us);
    finding(evidence, dead, text!("After {time} of silence a ping got neither a pong nor a reset.", time = time))
}

/// The reset came when we spoke again at the end of the silence, not by itself.
pub(super) fn reset_by_our_ping(evidence: &Evidence, cut: &Cut<'_>) -> bool {
    let asked = evidence.case.hold_us.unwrap_or(u64::MAX);
    cut.ending.how == How::Reset && cut.ending.after_us >= asked - asked / 50
}

fn finding(evidence: &Evidence, dead: Seen<'_, Hold>, proof: crate::Text) -> Verdict {
    let pings = evidence.holds(HoldKind::Pings).next();
    let alive = pings.filter(|seen| seen.ending.is_none() && seen.alive_after != Some(false));
    if pings.is_some() && alive.is_none() {
        return Verdict::RuledOut(text!("a connection with pings died as well"));
    }
    let confidence = if alive.is_some() { Confidence::Proven } else { Confidence::Likely };
    let mut finding = Finding::warning(confidence, text!("Something on the way forgets quiet connections without telling anybody"))
        .explains(Symptom::DeadSilently)
        .explains(Symptom::Cut)
        .proof(&[dead.id], proof);
    if let Some(alive) = alive {
        finding = finding
            .proof(&[alive.id], text!("With pings the connection was alive after {time}.", time = duration(alive.held_us)))
            .not(text!("a server that stopped: the connection with pings is alive"));
    }
    finding
        .not(text!("a proxy's timer: that ends connections with FIN or a close frame"))
        .users(text!("Both sides believe that they are connected; messages get lost until TCP gives up, after up to 15 minutes."))
        .remedies(super::idle_nginx_read_timeout::pings(dead.held_us))
        .remedy(Remedy::for_stack(
            Stack::Linux,
            text!("Keep the entry alive with TCP keepalive, where the application sets SO_KEEPALIVE"),
            "sysctl -w net.ipv4.tcp_keepalive_time=60 net.ipv4.tcp_keepalive_intvl=15 net.ipv4.tcp_keepalive_probes=4",
        ))
        .remedy(Remedy::for_stack(
            Stack::Azure,
            text!("Have the load balancer send resets, and raise its idle time-out (4 to 30 min)"),
            "az network lb rule update --resource-group GROUP --lb-name LB --name RULE --enable-tcp-reset true --idle-timeout 30",
        ))
        .would_tell(text!("Hold for shorter times to find the limit: --hold 60s, 120s, 240s, 350s."))
        .yields_to(&["keepalive-no-pong"])
        .holds()
}

#[cfg(test)]
mod tests {
    use super::CAUSE;
    use crate::sample::{Sample, does_not_hold, holds};
    use evidence::{Fact, Hold, HoldKind, How, Place, Variation};

    fn quiet(alive: bool) -> Fact {
        Fact::Hold(Hold {
            kind: HoldKind::Quiet,
            run: 0,
            ending: None,
            alive_after: Some(alive),
            held_us: 150_000_000,
            server_spoke: 0,
            server_pings: 0,
        })
    }

    #[test]
    fn holds_where_silence_kills_silently() {
        let dead = Sample::ws().opens().fact(Place::Server, quiet(false));
        let _ = holds(&CAUSE, dead.clone().hold(HoldKind::Pings, 0, None, How::Fin));
        let _ = holds(&CAUSE, dead.clone());
        does_not_hold(&CAUSE, dead.hold(HoldKind::Pings, 0, Some(80.0), How::Reset));
        // The next packet is answered by a reset, as a network load balancer does it.
        let reset = Sample::ws().case(|case| case.hold_us = Some(400_000_000)).opens();
        let _ = holds(&CAUSE, reset.clone().hold(HoldKind::Quiet, 0, Some(400.1), How::Reset));
        does_not_hold(&CAUSE, reset.hold(HoldKind::Quiet, 0, Some(60.0), How::Reset));
    }

    #[test]
    fn near_misses() {
        does_not_hold(&CAUSE, Sample::ws().opens().fact(Place::Server, quiet(true)));
        let no_pongs = Sample::ws().opens_with(Variation::plain(), |session| {
            session.pings.iter_mut().for_each(|ping| ping.round_trip_us = None);
        });
        does_not_hold(&CAUSE, no_pongs.fact(Place::Server, quiet(false)));
        does_not_hold(&CAUSE, Sample::ws().opens().hold(HoldKind::Quiet, 0, Some(60.0), How::Fin));
    }
}
