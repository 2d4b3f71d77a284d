//! The certificate's time has not begun.

use crate::{Confidence, Remedy, Stack, Verdict, cause, certificates, reading, text};
use evidence::Evidence;

cause! {
    /// The certificate is not valid yet
    ///
    /// # What you see
    /// `certificate is not yet valid`, `CERT_NOT_YET_VALID`, `net::ERR_CERT_DATE_INVALID`; on the server the alert
    /// 42 `bad_certificate`. Browsers show no page to click away for a socket: code 1006.
    ///
    /// # Why it happens
    /// The certificate was made on a machine whose clock runs ahead, or was issued with a later start on purpose
    /// and installed too early; or the clock of the client is behind.
    ///
    /// # What to do
    /// Set the clock of the machine that made it and issue it again. Authorities date new certificates back by an
    /// hour for this reason; do the same with your own.
    ///
    /// # How to be sure
    /// The beginning of validity is after the server's own `Date`, so it is not the client's clock.
    "tls-cert-not-yet-valid", Tls, judge
}

/// Clocks may differ by this much before they are suspect, seconds.
const CLOCK_TOLERANCE: i64 = 300;

fn judge(evidence: &Evidence) -> Verdict {
    let now = reading::now(evidence);
    let Some(served) = certificates::refused(evidence, |_, leaf| leaf.not_before > now) else { return Verdict::Unseen };
    let leaf = served.leaf;
    let clock = super::client_clock_skew::server_clock(evidence);
    if clock.is_some_and(|(_, date)| date - CLOCK_TOLERANCE > leaf.not_before) {
        return Verdict::RuledOut(text!("by the server's clock the certificate is valid already: this machine's clock is wrong"));
    }
    let agree = clock.filter(|(_, date)| (now - date).abs() <= CLOCK_TOLERANCE);
    let confidence = if agree.is_some() { Confidence::Proven } else { Confidence::Likely };
    let title = text!("The server's certificate is valid only from {date} on", date = reading::day(leaf.not_before));
    let mut finding = certificates::finding(evidence, &served, confidence, title)
        .proof(
            &[served.tls.id],
            text!(
                "The server sends \"{subject}\", which begins on {begin}; now it is {now}.",
                subject = &leaf.subject,
                begin = reading::moment(leaf.not_before),
                now = reading::moment(now)
            ),
        )
        .users(text!("Browsers: close code 1006 and net::ERR_CERT_DATE_INVALID. Node.js: CERT_NOT_YET_VALID."))
        .remedy(Remedy::new(text!("Issue the certificate again on a machine whose clock is right, and reload what ends TLS")))
        .remedy(
            Remedy::for_stack(Stack::Linux, text!("Look at the clock of the machine that issues"), "timedatectl set-ntp true")
                .command("timedatectl timesync-status"),
        );
    if let Some((id, date)) = agree {
        let seconds = (now - date).unsigned_abs();
        finding = finding
            .proof(&[id], text!("Your clock and the server's Date differ by {seconds} s, so the clock is not to blame.", seconds = seconds))
            .not(text!("a wrong clock on this machine"));
    }
    finding.holds()
}

#[cfg(test)]
mod tests {
    use super::CAUSE;
    use crate::Confidence;
    use crate::sample::{NOW, Sample, does_not_hold, holds};
    use evidence::TrustFault;

    fn begins_in(seconds: i64) -> Sample {
        Sample::at("wss://app.example/ws").untrusted(TrustFault::NotYetValid, |tls| tls.chain[0].not_before = NOW + seconds)
    }

    #[test]
    fn holds_before_the_beginning() {
        assert_eq!(holds(&CAUSE, begins_in(86_400)).confidence, Confidence::Likely);
        let sample = begins_in(86_400).answer_with(101, &["date: Fri, 20 Nov 2026 00:00:01 GMT"], "");
        assert_eq!(holds(&CAUSE, sample).confidence, Confidence::Proven);
    }

    #[test]
    fn near_misses() {
        does_not_hold(&CAUSE, Sample::wss());
        // The server lives in a time in which the certificate is valid.
        does_not_hold(&CAUSE, begins_in(86_400).answer_with(101, &["date: Sun, 20 Dec 2026 00:00:00 GMT"], ""));
    }
}
