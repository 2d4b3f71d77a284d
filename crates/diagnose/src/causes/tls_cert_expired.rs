//! The certificate's time is over.

use crate::{Confidence, Remedy, Stack, Verdict, cause, certificates, text};
use evidence::{Evidence, TlsVariation};

cause! {
    /// The certificate has expired
    ///
    /// # What you see
    /// `certificate has expired`, `CERT_HAS_EXPIRED`, `net::ERR_CERT_DATE_INVALID`. For a socket the browser
    /// shows no warning page that could be clicked away: it just fails with code 1006.
    ///
    /// # Why it happens
    /// Nobody renewed it; or it was renewed on disk and the process that ends TLS was not reloaded; or one of
    /// several machines still has the old one.
    ///
    /// # What to do
    /// Renew it, reload every process that ends TLS, and automate both.
    ///
    /// # How to be sure
    /// The end of validity is before the server's own `Date`, so it is not your clock. Compare the serial number
    /// that is served with that of the file on disk.
    "tls-cert-expired", Tls, judge
}

/// Clocks may differ by this much before they are suspect, seconds.
const CLOCK_TOLERANCE: i64 = 300;

fn judge(evidence: &Evidence) -> Verdict {
    let now = crate::reading::now(evidence);
    let Some(served) = certificates::refused(evidence, |_, leaf| leaf.not_after < now) else {
        return Verdict::Unseen;
    };
    let (tls, leaf) = (served.tls, served.leaf);
    let server_clock = super::client_clock_skew::server_clock(evidence);
    if let Some((_, date)) = server_clock
        && date.saturating_add(CLOCK_TOLERANCE) < leaf.not_after
    {
        return Verdict::RuledOut(text!("by the server's clock the certificate is still valid: this machine's clock is wrong"));
    }
    let days = now.saturating_sub(leaf.not_after) / 86_400;
    let confidence = if server_clock.is_some() || days > 1 { Confidence::Proven } else { Confidence::Likely };
    let mut finding = certificates::finding(evidence, &served, confidence, text!("The certificate ended {days} days ago", days = days))
        .proof(
            &[tls.id],
            text!(
                "The server sends \"{subject}\", serial {serial}, which ended on {date}.",
                subject = &leaf.subject,
                serial = &leaf.serial,
                date = crate::reading::day(leaf.not_after)
            ),
        )
        .users(text!("Browsers: close code 1006 and net::ERR_CERT_DATE_INVALID, without a page to click away. Node.js: CERT_HAS_EXPIRED."))
        .remedy(
            Remedy::for_stack(
                Stack::Nginx,
                text!("Renew the certificate and reload what ends TLS"),
                "# the file may be new already; a running nginx keeps the old one until it is reloaded",
            )
            .command("certbot renew && nginx -s reload"),
        )
        .remedy(
            Remedy::new(text!("Compare the file on disk with what is served"))
                .command("openssl x509 -enddate -serial -noout -in /path/to/fullchain.pem"),
        );
    if let Some((id, date)) = server_clock {
        let seconds = (now - date).unsigned_abs();
        finding = finding
            .proof(&[id], text!("Your clock and the server's Date differ by {seconds} s, so the clock is not to blame.", seconds = seconds))
            .not(text!("a wrong clock on this machine"));
    }
    let newer = evidence.tls_attempts().find(|seen| {
        matches!(seen.variation, TlsVariation::Address(_)) && seen.fact.leaf().is_some_and(|other| other.not_after > now)
    });
    if let Some(newer) = newer.filter(|_| served.only_at.is_none())
        && let Some(address) = newer.to
    {
        finding = finding.proof(
            &[newer.id],
            text!("{address} serves a newer one: only some machines have the old one.", address = address.ip()),
        );
    }
    finding.holds()
}

#[cfg(test)]
mod tests {
    use super::CAUSE;
    use crate::sample::{NOW, Sample, does_not_hold, holds};
    use crate::Confidence;
    use evidence::TrustFault;

    fn ended(seconds_ago: i64) -> Sample {
        Sample::at("wss://app.example/ws").untrusted(TrustFault::Expired, |tls| tls.chain[0].not_after = NOW - seconds_ago)
    }

    #[test]
    fn holds_after_the_end() {
        assert_eq!(holds(&CAUSE, ended(3 * 86_400)).confidence, Confidence::Proven);
        assert_eq!(holds(&CAUSE, ended(60)).confidence, Confidence::Likely);
        let with_date = ended(60).answer_with(101, &["date: Fri, 20 Nov 2026 00:00:01 GMT"], "");
        assert_eq!(holds(&CAUSE, with_date).confidence, Confidence::Proven);
    }

    #[test]
    fn near_misses() {
        does_not_hold(&CAUSE, Sample::wss());
        // The server lives in a time in which the certificate is valid.
        does_not_hold(&CAUSE, ended(3 * 86_400).answer_with(101, &["date: Sun, 01 Nov 2026 00:00:00 GMT"], ""));
    }
}
