//! The certificate's time is nearly over.

use crate::{Confidence, Finding, Remedy, Stack, Verdict, cause, reading, text};
use evidence::{Evidence, TlsVariation};

cause! {
    /// The certificate expires soon
    ///
    /// # What you see
    /// Nothing yet. When it is over every client fails at once, and for a socket no browser shows a page to click
    /// away.
    ///
    /// # Why it happens
    /// Automatic renewal takes place when a third of the time is left (certbot: 30 days of 90). Less than that means
    /// that it does not work, or that it renewed the file and nobody reloaded the server.
    ///
    /// # What to do
    /// Renew it, reload what ends TLS, and look why that did not happen by itself.
    ///
    /// # How to be sure
    /// `certbot certificates` (or your own tool) shows whether a newer file is there already.
    "tls-cert-expires-soon", Tls, judge
}

const DAY: i64 = 86_400;

fn judge(evidence: &Evidence) -> Verdict {
    let Some(tls) = evidence.tls(&TlsVariation::Plain).filter(|tls| tls.fact.trusted()) else { return Verdict::Unseen };
    let Some(leaf) = tls.fact.leaf() else { return Verdict::Unseen };
    let (left, lifetime) = (leaf.not_after - reading::now(evidence), leaf.not_after.saturating_sub(leaf.not_before));
    // Certificates of a few days are renewed late in their life: a fifth of it is late for them.
    let late = (14 * DAY).min(lifetime / 5);
    let days = left.max(0) / DAY;
    let title = text!("The certificate ends in {days} days", days = days);
    let finding = if left < late {
        Finding::warning(Confidence::Proven, title)
    } else if left < 30 * DAY && lifetime > 60 * DAY {
        Finding::note(Confidence::Proven, title)
    } else {
        return Verdict::Unseen;
    };
    finding
        .proof(
            &[tls.id],
            text!("\"{subject}\", serial {serial}, ends on {date}.", subject = &leaf.subject, serial = &leaf.serial, date = reading::moment(leaf.not_after)),
        )
        .remedy(
            Remedy::for_stack(Stack::Nginx, text!("Renew the certificate and reload what ends TLS"), "# the file may be new already; a running nginx keeps the old one until it is reloaded")
                .command("certbot renew && nginx -s reload"),
        )
        .remedy(Remedy::new(text!("Look why the renewal did not happen by itself")).command("systemctl list-timers | grep -i -e certbot -e acme"))
        .holds()
}

#[cfg(test)]
mod tests {
    use super::{CAUSE, DAY};
    use crate::Severity;
    use crate::sample::{NOW, Sample, does_not_hold, holds};
    use evidence::TrustFault;

    fn left(days: i64, lifetime: i64) -> Sample {
        Sample::at("wss://app.example/ws").tls(|tls| {
            tls.chain[0].not_after = NOW + days * DAY;
            tls.chain[0].not_before = NOW + (days - lifetime) * DAY;
        })
    }

    #[test]
    fn holds_when_renewal_is_late() {
        for (days, lifetime, severity) in
            [(13, 90, Severity::Warning), (29, 90, Severity::Note), (1, 6, Severity::Warning), (8, 45, Severity::Warning)]
        {
            assert_eq!(holds(&CAUSE, left(days, lifetime)).severity, severity, "{days} of {lifetime}");
        }
    }

    #[test]
    fn near_misses() {
        for (days, lifetime) in [(31, 90), (3, 6), (13, 45), (29, 45)] {
            does_not_hold(&CAUSE, left(days, lifetime));
        }
        // Over already, or not trusted for another reason: not this one's business.
        does_not_hold(&CAUSE, Sample::at("wss://app.example/ws").untrusted(TrustFault::Expired, |tls| tls.chain[0].not_after = NOW - DAY));
    }
}
