//! The forward proxy ends quiet or old tunnels.

use crate::reading::{duration, ending};
use crate::{Confidence, Finding, Remedy, Stack, Symptom, Verdict, cause, text};
use evidence::{Evidence, HoldKind};

cause! {
    /// The forward proxy ends quiet tunnels
    ///
    /// # What you see
    /// On this network only the connection ends after a fixed time of silence, such as 270 s (Cloudflare Gateway) or 900 s
    /// (squid `read_timeout`), without a close frame.
    ///
    /// # Why it happens
    /// Proxies give up tunnels in which nothing was sent for a while. TCP keepalive does not count for them: it ends at the
    /// proxy. Some end tunnels after a lifetime, whatever is sent.
    ///
    /// # What to do
    /// Send WebSocket pings more often than half that time, and reconnect when it happens all the same.
    ///
    /// # How to be sure
    /// With pings the connection lives on, or it does not end on a network without the proxy.
    "forward-proxy-tunnel-timeout", Alive, judge
}

/// Two runs that end within this are the same timer, microseconds.
const SAME: u64 = 1_500_000;

fn judge(evidence: &Evidence) -> Verdict {
    let Some(via) = evidence.case.via.as_ref() else { return Verdict::Unseen };
    let ends: Vec<_> = evidence.holds(HoldKind::Quiet).filter_map(|seen| Some((seen.id, seen.fact.ending.as_ref()?))).collect();
    let Some((id, first)) = ends.first().copied() else { return Verdict::Unseen };
    // A close frame comes from the server: proxies of tunnels cannot write one.
    if matches!(first.how, evidence::How::Close { .. }) {
        return Verdict::RuledOut(text!("the server sent a close frame, which no tunnel's proxy can"));
    }
    let steady = ends.len() > 1 && ends.iter().all(|(_, end)| end.idle_us.abs_diff(first.idle_us) <= SAME);
    let alive = evidence.holds(HoldKind::Pings).find(|seen| seen.ending.is_none());
    let confidence = if steady || alive.is_some() { Confidence::Likely } else { Confidence::Possible };
    let ids: Vec<u32> = ends.iter().map(|(id, _)| *id).collect();
    let half = (first.idle_us / 2_000_000).max(1);
    let mut finding = Finding::error(confidence, text!("The forward proxy {proxy}, or the server behind it, ends the connection after {time} of silence", proxy = &via.url, time = duration(first.idle_us)))
        .explains(Symptom::Cut)
        .proof(&[id], text!("After {time} without traffic: {how}.", time = duration(first.idle_us), how = ending(&first.how)))
        .users(text!("Close code 1006 after {time} without a message; only on the network with this proxy.", time = duration(first.idle_us)))
        .would_tell(text!("Hold the connection without the proxy (--via none --hold): if it lives on there, the proxy ends it."))
        .remedy(Remedy::new(text!("Send a ping every {seconds} s: TCP keepalive does not help, it ends at the proxy", seconds = half)))
        .remedy(Remedy::for_stack(Stack::Squid, text!("Or raise the proxy's limit"), "read_timeout 1 hour\nclient_lifetime 1 day"));
    if steady {
        finding = finding.proof(&ids, text!("It happened {count} times after the same time: a timer.", count = ends.len()));
    }
    if let Some(alive) = alive {
        finding = finding.proof(&[alive.id], text!("With pings the connection stayed open."));
    }
    finding.holds()
}

#[cfg(test)]
mod tests {
    use super::CAUSE;
    use crate::Confidence;
    use crate::sample::{Sample, does_not_hold, holds, via};
    use evidence::{HoldKind, How, TunnelOutcome};

    fn tunnel() -> Sample {
        via("ws://app.example/").tunnel("connect", None, TunnelOutcome::Open).opens()
    }

    #[test]
    fn holds_where_a_tunnel_ends_in_silence() {
        let once = tunnel().hold(HoldKind::Quiet, 0, Some(270.0), How::Fin);
        assert_eq!(holds(&CAUSE, once.clone()).confidence, Confidence::Possible);
        let twice = once.clone().hold(HoldKind::Quiet, 1, Some(270.4), How::Fin);
        assert_eq!(holds(&CAUSE, twice).confidence, Confidence::Likely);
        assert_eq!(holds(&CAUSE, once.hold(HoldKind::Pings, 0, None, How::Fin)).confidence, Confidence::Likely);
    }

    #[test]
    fn near_misses() {
        let close = How::Close { code: Some(1001), reason: String::new() };
        does_not_hold(&CAUSE, tunnel().hold(HoldKind::Quiet, 0, Some(60.0), close));
        does_not_hold(&CAUSE, tunnel().hold(HoldKind::Quiet, 0, None, How::Fin));
        does_not_hold(&CAUSE, Sample::ws().opens().hold(HoldKind::Quiet, 0, Some(60.0), How::Fin));
    }
}
