//! The peer closes instead of answering.

use super::app_wrong_transport_path::SOCKET_IO;
use crate::answers::{get_proof, plain_get};
use crate::reading::{duration, experiment};
use crate::{Confidence, Finding, Remedy, Stack, Symptom, Verdict, cause, text};
use evidence::{Answer, Evidence, PathVariant, Question, Variation};

cause! {
    /// The server closes the connection instead of answering
    ///
    /// # What you see
    /// Chrome: "Connection closed before receiving a handshake response"; node: "socket hang up"; Python: "did not
    /// receive a valid HTTP response". Behind nginx, Caddy or HAProxy it is a 502.
    ///
    /// # Why it happens
    /// A plain GET works: the upgrade has no handler (Node.js destroys the socket), the handler crashes, or nginx's
    /// `auth_request` passed the upgrade to its own subrequest. Exactly one second: Socket.IO does not know the
    /// path. A plain GET fails too: wrong protocol, an access list, a balancer without targets.
    ///
    /// # What to do
    /// Attach a WebSocket handler for this path, and read the server's log for the crash.
    ///
    /// # How to be sure
    /// Compare with a plain GET to the same path, and look at the time until the close.
    "upgrade-eof-before-response", Upgrade, judge
}

fn judge(evidence: &Evidence) -> Verdict {
    let Some(seen) = evidence.handshake() else { return Verdict::Unseen };
    let (preview, reset) = match &seen.fact.answer {
        Answer::Ended(preview) => (preview, false),
        Answer::Reset(preview) => (preview, true),
        _ => return Verdict::Unseen,
    };
    let asked = Question::Upgrade(Variation::without_upgrade());
    let get = experiment(evidence, &Variation::without_upgrade());
    if get.is_none() && !evidence.is_answered(&asked) {
        return Verdict::Open(vec![asked]);
    }
    let answered = plain_get(evidence);
    // A proxy that pipes upgrades shows its error page only to a plain GET: the application behind it is down.
    if answered.is_some_and(|(_, get)| matches!(get.status, 502..=504 | 521..=523)) {
        return Verdict::RuledOut(text!("a plain GET shows that the application behind the proxy does not answer at all"));
    }
    let time = duration(seen.fact.took_us);
    let second = (900_000..1_500_000).contains(&seen.fact.took_us) && !reset;
    let title = match answered {
        Some(_) => text!("The server closes the connection when an upgrade comes, and answers plain requests"),
        None => text!("The server takes the connection and closes it without an answer"),
    };
    let how = if reset { text!("a TCP reset") } else { text!("the end of the stream") };
    let mut finding = Finding::error(Confidence::Likely, title)
        .explains(Symptom::NotSwitched)
        .proof(&[seen.id], text!("After {time} the answer to the handshake was {how}, after {bytes} bytes.", time = &time, how = how, bytes = preview.length))
        .users(text!("Browsers: close code 1006 and \"Connection closed before receiving a handshake response\"."))
        .yields_to(&[
            "app-wrong-transport-path",
            "tcp-dpi-reset-on-upgrade",
            "tcp-lb-no-healthy-target",
            "tls-plaintext-to-tls-port",
            "tls-client-cert-required",
            "upgrade-bad-gateway",
            "tcp-source-blocked",
        ]);
    finding = match (answered, get) {
        (Some(_), _) => {
            finding.proof_if(get_proof(evidence)).not(text!("an access list or a wrong port: a plain GET is answered"))
        }
        (None, Some(get)) => finding.proof(&[get.id], text!("A plain GET without Upgrade is not answered either.")),
        (None, None) => finding,
    };
    if second {
        finding = finding
            .proof(&[seen.id], text!("One second is the time after which Socket.IO drops an upgrade to a path that it does not serve."))
            .ask([Question::Upgrade(Variation::path(PathVariant::To(SOCKET_IO.to_owned())))]);
    }
    finding
        .remedy(Remedy::for_stack(
            Stack::Node,
            text!("Handle the upgrade: without a listener Node.js closes the connection"),
            "new WebSocketServer({ server })   // or server.on('upgrade', …) for every path that is upgraded",
        ))
        .remedy(Remedy::new(text!("Read the application's log at this moment: a handler that throws ends the connection like this")))
        .holds()
}

#[cfg(test)]
mod tests {
    use super::CAUSE;
    use crate::sample::{Sample, does_not_hold, holds};
    use evidence::{Answer, Preview, Variation};

    fn ended() -> Sample {
        Sample::ws().exchange(Variation::plain(), Answer::Ended(Preview::default()))
    }

    #[test]
    fn holds_where_the_upgrade_ends_the_connection() {
        let finding = holds(&CAUSE, ended().experiment(Variation::without_upgrade(), 200, "page"));
        assert!(finding.title.english().contains("answers plain requests"));
        let reset = Sample::ws().exchange(Variation::plain(), Answer::Reset(Preview::default()));
        let both = reset.exchange(Variation::without_upgrade(), Answer::Reset(Preview::default()));
        assert!(holds(&CAUSE, both).title.english().contains("without an answer"));
    }

    #[test]
    fn near_misses() {
        // Varnish pipes the upgrade into nothing; the plain GET shows its error page.
        does_not_hold(&CAUSE, ended().experiment(Variation::without_upgrade(), 503, "Guru Meditation"));
        does_not_hold(&CAUSE, Sample::ws().exchange(Variation::plain(), Answer::Silence(Preview::default())));
        does_not_hold(&CAUSE, Sample::ws().opens());
    }
}
