//! This machine's clock is wrong.

use crate::{Confidence, Finding, Remedy, Stack, Symptom, Verdict, cause, reading, text};
use evidence::{Evidence, TlsVariation};

cause! {
    /// The clock of this machine is wrong
    ///
    /// # What you see
    /// `certificate is not yet valid` or `has expired` for a certificate that is fine; tokens that are refused
    /// as expired or as issued in the future.
    ///
    /// # Why it happens
    /// No time synchronisation: virtual machines after a pause, boards without a battery, blocked NTP.
    ///
    /// # What to do
    /// Set the clock and keep it set, with NTP.
    ///
    /// # How to be sure
    /// The `Date` header of any plain response differs from the local clock, while it agrees with other servers.
    "client-clock-skew", Input, judge
}

/// A difference that cannot be blamed on slow answers, seconds.
const TOLERANCE: i64 = 300;

fn judge(evidence: &Evidence) -> Verdict {
    let Some((id, server)) = server_clock(evidence) else { return Verdict::Unseen };
    let here = reading::now(evidence);
    let off = here - server;
    if off.abs() <= TOLERANCE {
        return Verdict::RuledOut(text!("the clocks of this machine and the server agree"));
    }
    // It is to blame where the certificate is refused here and valid by the server's clock.
    let tls = evidence.tls(&TlsVariation::Plain);
    let leaf = tls.and_then(|seen| seen.fact.leaf());
    let refused_here = leaf.is_some_and(|leaf| !(leaf.not_before..=leaf.not_after).contains(&here));
    let fine_there = leaf.is_some_and(|leaf| (leaf.not_before..=leaf.not_after).contains(&server));
    let title = text!("The clock of this machine is off by {time}", time = reading::duration(off.unsigned_abs() * 1_000_000));
    let finding = if refused_here && fine_there {
        Finding::error(Confidence::Proven, title).explains(Symptom::CertificateNotTrusted)
    } else {
        Finding::warning(Confidence::Likely, title)
    };
    let finding = finding
        .proof(
            &[id],
            text!("The server's Date says {there}, this machine says {here}.", there = reading::moment(server), here = reading::moment(here)),
        )
        .proof_if(tls.filter(|_| fine_there).map(|seen| (seen.id, text!("By the server's clock the certificate is valid."))))
        .remedy(
            Remedy::for_stack(Stack::Linux, text!("Set the clock and keep it set"), "timedatectl set-ntp true").command("timedatectl timesync-status"),
        );
    finding.holds()
}

/// The server's clock: the `Date` of the first response that has one, in seconds since 1970 UTC.
pub(super) fn server_clock(evidence: &Evidence) -> Option<(u32, i64)> {
    evidence.exchanges().find_map(|seen| {
        let date = reading::http_date(seen.fact.response()?.header("date")?)?;
        // What passed since the case began is not the clocks' fault.
        let waited = evidence.observation(seen.id).map_or(0, |observation| observation.at_us / 1_000_000);
        Some((seen.id, date - i64::try_from(waited).unwrap_or(0)))
    })
}

#[cfg(test)]
mod tests {
    use super::CAUSE;
    use crate::Severity;
    use crate::sample::{NOW, Sample, does_not_hold, holds};
    use evidence::TrustFault;

    const LAST_YEAR: &str = "date: Thu, 20 Nov 2025 00:00:00 GMT";

    #[test]
    fn holds_where_the_certificate_is_valid_by_the_servers_clock() {
        let sample = Sample::at("wss://app.example/ws").untrusted(TrustFault::Expired, |tls| {
            tls.chain[0].not_before = NOW - 400 * 86_400;
            tls.chain[0].not_after = NOW - 86_400;
        });
        assert_eq!(holds(&CAUSE, sample.answer_with(101, &[LAST_YEAR], "")).severity, Severity::Error);
        assert_eq!(holds(&CAUSE, Sample::ws().answer_with(101, &[LAST_YEAR], "")).severity, Severity::Warning);
    }

    #[test]
    fn near_misses() {
        does_not_hold(&CAUSE, Sample::ws().answer_with(101, &["date: Fri, 20 Nov 2026 00:04:00 GMT"], ""));
        does_not_hold(&CAUSE, Sample::ws().answer_with(101, &["date: yesterday"], ""));
    }
}
