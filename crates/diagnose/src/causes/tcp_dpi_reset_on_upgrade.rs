//! A box on the way resets connections in which it reads an upgrade.

use crate::reading::{experiment, status_line};
use crate::{Confidence, Finding, Remedy, Stack, Symptom, Verdict, cause, text};
use evidence::{Answer, Evidence, Question, UpgradeHeaders, Variation};

cause! {
    /// A box on the way resets the connection at the upgrade
    ///
    /// # What you see
    /// `ECONNRESET`, `socket hang up`, `net::ERR_CONNECTION_RESET` over `ws://`, while ordinary requests to the same server
    /// are answered, and `wss://` works.
    ///
    /// # Why it happens
    /// A firewall, an intrusion prevention system or a provider reads plain HTTP and cuts connections that contain
    /// `Upgrade: websocket`.
    ///
    /// # What to do
    /// Use `wss://` on 443: inside TLS the box cannot read the upgrade.
    ///
    /// # How to be sure
    /// An ordinary request that only carries the words "Upgrade: websocket" in a header that no application reads is
    /// reset as well.
    "tcp-dpi-reset-on-upgrade", Network, judge
}

/// An ordinary request with the words in a place where they mean nothing.
fn words_only() -> Variation {
    Variation {
        upgrade: UpgradeHeaders::None,
        extra_header: Some(("X-Keepwire-Note".to_owned(), "Upgrade: websocket".to_owned())),
        ..Variation::default()
    }
}

fn judge(evidence: &Evidence) -> Verdict {
    let Some(handshake) = evidence.handshake().filter(|_| !evidence.case.target.secure) else { return Verdict::Unseen };
    if !matches!(handshake.fact.answer, Answer::Reset(_)) {
        return Verdict::Unseen;
    }
    let without = Variation::without_upgrade();
    let Some(plain) = experiment(evidence, &without) else { return Verdict::Open(vec![Question::Upgrade(without)]) };
    let Some(response) = plain.fact.response() else { return Verdict::Unseen };
    let Some(words) = experiment(evidence, &words_only()) else {
        return Verdict::Open(vec![Question::Upgrade(words_only())]);
    };
    let by_words = matches!(words.fact.answer, Answer::Reset(_));
    // Otherwise it may as well be the application that crashes at upgrades.
    let confidence = if by_words { Confidence::Proven } else { Confidence::Possible };
    let mut finding = Finding::error(confidence, text!("A box on the way resets connections that ask for a WebSocket"))
        .explains(Symptom::NotSwitched)
        .proof(&[handshake.id], text!("The handshake is answered with a TCP reset."))
        .proof(&[plain.id], text!("The same request without Upgrade gets {status}.", status = status_line(response)))
        .users(text!("Browsers: close code 1006 and net::ERR_CONNECTION_RESET. Node.js: ECONNRESET or socket hang up."))
        .remedy(Remedy::for_stack(
            Stack::Nginx,
            text!("Serve the socket over TLS on 443, where the box cannot read it"),
            "listen 443 ssl;   # and wss:// in the URL",
        ))
        .remedy(Remedy::new(text!("Or ask who runs the network to let WebSockets through")))
        .would_tell(text!("On the server: does the request arrive (access log, tcpdump)? If not, something on the way cut it."));
    if by_words {
        finding = finding
            .proof(&[words.id], text!("An ordinary request is reset, too, once the words \"Upgrade: websocket\" stand in a header that no application reads."))
            .not(text!("an application that crashes at upgrades: the reset follows the bytes, not their meaning"));
    }
    finding.holds()
}

#[cfg(test)]
mod tests {
    use super::{CAUSE, words_only};
    use crate::Confidence;
    use crate::sample::{Sample, asks, does_not_hold, holds};
    use evidence::{Answer, Preview, Variation};

    fn reset(sample: Sample) -> Sample {
        sample.exchange(Variation::plain(), Answer::Reset(Preview::default()))
    }

    #[test]
    fn holds_where_the_words_alone_are_enough() {
        let sample = reset(Sample::ws()).experiment(Variation::without_upgrade(), 426, "Upgrade Required");
        assert_eq!(asks(&CAUSE, sample.clone()).len(), 1);
        let words = sample.clone().exchange(words_only(), Answer::Reset(Preview::default()));
        assert_eq!(holds(&CAUSE, words).confidence, Confidence::Proven);
        let application = sample.experiment(words_only(), 426, "Upgrade Required");
        assert_eq!(holds(&CAUSE, application).confidence, Confidence::Possible);
    }

    #[test]
    fn near_misses() {
        // Everything is reset: no matter of the upgrade.
        does_not_hold(&CAUSE, reset(Sample::ws()).exchange(Variation::without_upgrade(), Answer::Reset(Preview::default())));
        does_not_hold(&CAUSE, reset(Sample::wss()).experiment(Variation::without_upgrade(), 200, ""));
        does_not_hold(&CAUSE, Sample::ws().opens());
    }
}
