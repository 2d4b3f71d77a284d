//! nginx ends quiet connections.

use crate::fingerprint::{self, Product};
use crate::sessions::cut;
use crate::{Remedy, Stack, Verdict, cause, recipes, text, Finding, Safety, Severity, settings, Symptom};
use evidence::{Evidence, How, Source, Setting, Wish, Given};

cause! {
    /// nginx ends quiet connections (`proxy_read_timeout`)
    ///
    /// # What you see
    /// The socket dies exactly 60 s (or whatever is set) after the last byte, with close code 1006 and no error.
    /// nginx logs nothing at level `error`; at `info` it says `upstream timed out … while proxying upgraded
    /// connection`.
    ///
    /// # Why it happens
    /// `proxy_read_timeout` counts the time without a byte in either direction of an upgraded connection. Its default
    /// is 60 s. `proxy_send_timeout` plays no part.
    ///
    /// # What to do
    /// Raise it in the location of the socket, or send pings at half that interval. Both is best.
    ///
    /// # How to be sure
    /// A quiet connection ends with a bare FIN after that time; one with pings stays.
    "idle-nginx-read-timeout", Alive, judge, told: told
}

fn judge(evidence: &Evidence) -> Verdict {
    let Some(cut) = cut(evidence) else { return Verdict::Unseen };
    // nginx closes with FIN; a reset or a close frame is somebody else's.
    if !in_front(evidence) || cut.ending.how != How::Fin || super::idle_cloud::owner(evidence, cut.ending.idle_us).is_some() {
        return Verdict::Unseen;
    }
    if cut.pings_too() == Some(true) {
        return Verdict::RuledOut(text!("a connection with pings ends after the same time"));
    }
    let seconds = cut.ending.idle_us.saturating_add(500_000) / 1_000_000;
    // A log or a HAR shows when it ended, not with which packet.
    let recorded = evidence.observation(cut.seen.id).is_some_and(|seen| matches!(seen.source, Source::Record { .. }));
    let ending = if recorded {
        text!("The record shows an end without a close frame; the answer to the handshake names nginx.")
    } else {
        text!("It ended with a bare FIN, as nginx does it; the answer to the handshake names nginx.")
    };
    cut.idle(text!("nginx ends quiet connections after {seconds} s (proxy_read_timeout)", seconds = seconds))
        .proof(&[cut.seen.id], ending)
        .remedies(recipes::only(Some(Stack::Nginx), recipes::longer_idle()))
        .remedies(pings(cut.ending.idle_us))
        .holds()
}

/// nginx is the hop that the answer to the handshake names.
pub(super) fn in_front(evidence: &Evidence) -> bool {
    evidence
        .handshake()
        .and_then(|seen| seen.fact.response())
        .is_some_and(|response| fingerprint::hops(response).contains(&Product::Nginx))
}

/// Pings at half the measured limit, for every server; all idle causes need them.
pub(super) fn pings(idle_us: u64) -> Vec<Remedy> {
    recipes::ping_every((idle_us / 2_000_000).clamp(1, 30))
}

/// The configuration says when.
fn told(evidence: &Evidence) -> Option<Finding> {
    idle_told(evidence, |timer| timer == "proxy_read_timeout")
}

/// The idle limit of a route, where it is short enough to be felt.
pub(super) fn idle_told(evidence: &Evidence, whose: impl Fn(&str) -> bool) -> Option<Finding> {
    let (seen, (ms, timer)) = settings::find(evidence, |what| match what {
        Setting::Idle { ms: Some(ms), timer } if whose(timer) => Some((*ms, timer)),
        _ => None,
    })?;
    // Who sets it to more than a minute on purpose has pings in mind.
    let meant = seen.fact.by != Given::Default && ms > 60_000;
    let pinged = settings::find(evidence, |what| match what {
        Setting::Ping { ms } => Some(*ms),
        _ => None,
    });
    if meant || pinged.is_some() {
        return None;
    }
    let title = text!(
        "{hop} ends quiet connections after {time} ({timer})",
        hop = settings::product(evidence),
        time = settings::time(ms),
        timer = timer.as_str()
    );
    let finding = settings::finding(evidence, seen, Severity::Warning, title)
        .explains(Symptom::Cut)
        .users(text!("Close code 1006 without an error, exactly that long after the last message or ping."))
        .remedy(Remedy::wish(Safety::Safe, text!("Let quiet connections live for an hour"), Wish::IdleAtLeast(3_600_000)))
        .remedies(pings(ms.saturating_mul(1_000)));
    Some(finding)
}

#[cfg(test)]
mod tests {
    use super::CAUSE;
    use crate::Confidence;
    use crate::sample::{Sample, does_not_hold, holds};
    use evidence::{HoldKind, How};

    fn nginx(quiet: Option<f64>, how: How, pings: Option<f64>) -> Sample {
        let headers = ["server: nginx/1.22.1", "upgrade: websocket"];
        Sample::ws()
            .answer_with(101, &headers, "")
            .hold(HoldKind::Quiet, 0, quiet, how.clone())
            .hold(HoldKind::Quiet, 1, quiet, how.clone())
            .hold(HoldKind::Pings, 0, pings, how.clone())
            .hold(HoldKind::OneWay, 0, None, how)
    }

    #[test]
    fn holds_where_only_silence_ends_it() {
        let finding = holds(&CAUSE, nginx(Some(60.05), How::Fin, None));
        assert_eq!(finding.confidence, Confidence::Proven);
        assert!(finding.title.english().contains("60 s"));
        assert!(holds(&CAUSE, nginx(Some(3.003), How::Fin, None)).title.english().contains("3 s"));
    }

    #[test]
    fn near_misses() {
        does_not_hold(&CAUSE, nginx(Some(60.0), How::Fin, Some(60.0)));
        does_not_hold(&CAUSE, nginx(Some(60.0), How::Reset, None));
        does_not_hold(&CAUSE, nginx(None, How::Fin, None));
        does_not_hold(&CAUSE, Sample::ws().opens().hold(HoldKind::Quiet, 0, Some(60.0), How::Fin).hold(HoldKind::Pings, 0, None, How::Fin));
    }
}
