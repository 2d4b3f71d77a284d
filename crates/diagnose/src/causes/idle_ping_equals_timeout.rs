//! The server does ping, but not often enough.

use crate::reading::duration;
use crate::sessions::cut;
use crate::{Confidence, Finding, Verdict, cause, text, Remedy, Safety, Severity, settings, Symptom};
use evidence::{Evidence, Setting, Wish};

cause! {
    /// Pings come no more often than the limit
    ///
    /// # What you see
    /// Connections drop now and then, always around the same age of silence, although pings are configured.
    ///
    /// # Why it happens
    /// The interval is equal to, or larger than, the smallest idle limit on the way: 60 s against a limit of 60 s is
    /// a race, 55 s against HAProxy's 50 s always loses.
    ///
    /// # What to do
    /// Ping at half the smallest limit or more often: 25 to 30 s suits nearly every path.
    ///
    /// # How to be sure
    /// Compare the interval of the server's pings with the time after which a quiet connection ends.
    "idle-ping-equals-timeout", Alive, judge, told: told
}

fn judge(evidence: &Evidence) -> Verdict {
    let Some(cut) = cut(evidence) else { return Verdict::Unseen };
    // The server pinged, and yet a pause between two pings was long enough.
    if cut.seen.server_pings == 0 || cut.pings_too() == Some(true) {
        return Verdict::Unseen;
    }
    // A pause that ended the connection counts as one more interval.
    let interval = cut.ending.after_us / cut.seen.server_pings.saturating_add(1);
    Finding::warning(
        Confidence::Likely,
        text!("The server pings about every {interval}, which is too seldom for a limit of {limit}", interval = duration(interval), limit = duration(cut.ending.idle_us)),
    )
    .proof(
        &[cut.seen.id],
        text!("{count} pings of the server came in {time}, and still the connection ended after {idle} without a byte.", count = cut.seen.server_pings, time = duration(cut.ending.after_us), idle = duration(cut.ending.idle_us)),
    )
    .remedies(super::idle_nginx_read_timeout::pings(cut.ending.idle_us))
    .holds()
}

/// The application's pings come as late as the first limit on the way, or later.
fn told(evidence: &Evidence) -> Option<Finding> {
    let (_, ping) = settings::find(evidence, |what| match what {
        Setting::Ping { ms } => Some(*ms),
        _ => None,
    })?;
    let limits = evidence.told().filter_map(|seen| match &seen.fact.what {
        Setting::Idle { ms: Some(ms), timer } => Some((*ms, timer, seen)),
        _ => None,
    });
    let (limit, timer, seen) = limits.min_by_key(|(ms, _, _)| *ms)?;
    if ping < limit {
        return None;
    }
    let (ping_time, limit_time) = (settings::time(ping), settings::time(limit));
    let title = if ping == limit {
        text!("The application pings every {ping}, and {timer} ends quiet connections after the same time: a race", ping = ping_time, timer = timer.as_str())
    } else {
        text!(
            "The application pings every {ping}, but {timer} ends quiet connections after {limit}",
            ping = ping_time,
            timer = timer.as_str(),
            limit = limit_time
        )
    };
    let finding = settings::finding(evidence, seen, Severity::Error, title)
        .explains(Symptom::Cut)
        .remedy(Remedy::wish(Safety::Safe, text!("Raise the limit above two pings"), Wish::IdleAtLeast(ping.saturating_mul(5) / 2)))
        .remedies(super::idle_nginx_read_timeout::pings(limit.saturating_mul(1_000)));
    Some(finding)
}

#[cfg(test)]
mod tests {
    use super::CAUSE;
    use crate::sample::{Sample, does_not_hold, holds};
    use evidence::{Ending, Fact, Hold, HoldKind, How, Place};

    fn cut(server_pings: u64) -> Sample {
        let ending = Some(Ending { how: How::Fin, after_us: 110_000_000, idle_us: 50_000_000 });
        let hold = Hold {
            kind: HoldKind::Quiet,
            run: 0,
            ending,
            alive_after: None,
            held_us: 110_000_000,
            server_spoke: 100,
            server_pings,
        };
        Sample::ws().opens().fact(Place::Server, Fact::Hold(hold))
    }

    #[test]
    fn holds_where_the_server_pings_too_seldom() {
        let _ = holds(&CAUSE, cut(1));
        does_not_hold(&CAUSE, cut(0));
        does_not_hold(&CAUSE, cut(1).hold(HoldKind::Pings, 0, Some(110.0), How::Fin));
        does_not_hold(&CAUSE, Sample::ws().opens());
    }
}
