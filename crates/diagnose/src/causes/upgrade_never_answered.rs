//! The upgrade is read and never answered.

use crate::answers::{Refusal, get_proof, not_switched, refused_as};
use crate::reading::{duration, experiment, hop};
use crate::{Confidence, Finding, Remedy, Stack, Symptom, Verdict, cause, text};
use evidence::{Answer, Evidence, Question, Variation};

cause! {
    /// The upgrade is never answered
    ///
    /// # What you see
    /// The socket stays in `CONNECTING` until somebody gives up. Behind nginx or HAProxy it is a 504 after their
    /// time-out; Caddy waits for ever.
    ///
    /// # Why it happens
    /// The connection is taken and the request read, but nothing answers: the upgrade is held by code that never
    /// decides (Vite without its subprotocol, a handler that waits for a dead lock or database), or all workers are
    /// busy.
    ///
    /// # What to do
    /// Look at what the application's workers do at that moment; answer every upgrade, also with a refusal.
    ///
    /// # How to be sure
    /// A plain GET to the same path is answered: the upgrade handler hangs. It is not: the whole application does.
    "upgrade-never-answered", Upgrade, judge
}

fn judge(evidence: &Evidence) -> Verdict {
    if let Some((seen, response)) = refused_as(evidence, Refusal::UpstreamSilent) {
        return not_switched(
            Confidence::Likely,
            seen,
            response,
            text!("The application behind {hop} does not answer the upgrade in time", hop = hop(response)),
        )
        .proof(&[seen.id], text!("The proxy gave up after {time}.", time = duration(seen.fact.took_us)))
        .proof_if(get_proof(evidence))
        .remedies(remedies())
        .yields_to(&["upgrade-upstream-timeout"])
        .holds();
    }
    let Some(seen) = evidence.handshake() else { return Verdict::Unseen };
    let Answer::Silence(preview) = &seen.fact.answer else { return Verdict::Unseen };
    // A silent handshake may use up the time, so that nothing is left for the comparison.
    let asked = Question::Upgrade(Variation::without_upgrade());
    let get = experiment(evidence, &Variation::without_upgrade());
    if get.is_none() && !evidence.is_answered(&asked) {
        return Verdict::Open(vec![asked]);
    }
    let page = get.and_then(|get| get.fact.response());
    let answered = page.is_some();
    // Vite keeps silent on purpose, which its own cause explains.
    let vite = page.is_some_and(|get| get.body.text.contains("/@vite/client"));
    let confidence = if answered && !vite { Confidence::Proven } else { Confidence::Likely };
    let title = if answered {
        text!("The server reads the upgrade and never answers it; plain requests it answers")
    } else {
        text!("The server takes the connection and answers nothing")
    };
    let mut finding = Finding::error(confidence, title)
        .explains(Symptom::NotSwitched)
        .explains(Symptom::BrowserRefused)
        .proof(
            &[seen.id],
            text!("The connection was open, the request was sent, and {bytes} bytes came back in {time}.", bytes = preview.length, time = duration(seen.fact.took_us)),
        )
        .users(text!("Browsers stay in CONNECTING; libraries give up with their own handshake time-out."))
        .remedies(remedies())
        .yields_to(&["app-vite-token", "tcp-mtu-blackhole", "resource-app-emfile", "resource-nginx-emfile"]);
    finding = match get {
        Some(_) if answered => {
            finding.proof_if(get_proof(evidence)).not(text!("a server that hangs altogether: a plain GET is answered"))
        }
        Some(get) => finding.proof(&[get.id], text!("A plain GET without Upgrade is not answered either.")),
        None => finding,
    };
    finding.holds()
}

fn remedies() -> Vec<Remedy> {
    vec![
        Remedy::new(text!("See what the application does at that moment: a stack dump shows where it waits"))
            .command("py-spy dump --pid PID")
            .command("kill -QUIT PID   # Go and Java print all stacks"),
        Remedy::for_stack(
            Stack::Node,
            text!("Answer or end every upgrade, also those that no handler wants"),
            "server.on('upgrade', (req, socket, head) => {\n  if (isOurs(req)) return wss.handleUpgrade(req, socket, head, (ws) => wss.emit('connection', ws, req));\n  socket.end('HTTP/1.1 404 Not Found\\r\\nConnection: close\\r\\n\\r\\n');\n});",
        ),
    ]
}

#[cfg(test)]
mod tests {
    use super::CAUSE;
    use crate::Confidence;
    use crate::sample::{Sample, does_not_hold, holds};
    use evidence::{Answer, Fact, Place, Preview, Question, Variation};

    fn silent() -> Sample {
        Sample::ws().exchange(Variation::plain(), Answer::Silence(Preview::default()))
    }

    #[test]
    fn holds_where_nothing_comes_back() {
        let finding = holds(&CAUSE, silent().experiment(Variation::without_upgrade(), 200, "page"));
        assert_eq!(finding.confidence, Confidence::Proven);
        let no_time = Fact::Unanswered { question: Question::Upgrade(Variation::without_upgrade()), why: "time".into() };
        assert_eq!(holds(&CAUSE, silent().fact(Place::Client, no_time)).confidence, Confidence::Likely);
        let all = silent().exchange(Variation::without_upgrade(), Answer::Silence(Preview::default()));
        assert_eq!(holds(&CAUSE, all).confidence, Confidence::Likely);
        let nginx = Sample::ws().answer_with(504, &["server: nginx"], "<center>nginx/1.22.1</center>");
        assert!(holds(&CAUSE, nginx).title.english().contains("nginx"));
    }

    #[test]
    fn near_misses() {
        does_not_hold(&CAUSE, Sample::ws().exchange(Variation::plain(), Answer::Ended(Preview::default())));
        does_not_hold(&CAUSE, Sample::ws().answer(502, ""));
        does_not_hold(&CAUSE, Sample::ws().opens());
    }
}
