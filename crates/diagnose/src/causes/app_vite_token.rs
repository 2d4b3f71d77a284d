//! Vite's own socket lets in only Vite's own client.

use crate::answers::plain_get;
use crate::reading::{answer, experiment};
use crate::{Confidence, Finding, Remedy, Stack, Symptom, Verdict, cause, text};
use evidence::{Answer, Evidence, Question, Subprotocols, Variation};

cause! {
    /// Vite's socket lets in only Vite's own client
    ///
    /// # What you see
    /// 400 `Bad Request` with an `Origin`, or no answer at all without the subprotocol `vite-hmr`.
    ///
    /// # Why it happens
    /// Since 5.4.12 and 6.0.9 Vite's dev server wants a `?token=` from handshakes that carry an `Origin`: any page
    /// could otherwise read your source code. It answers only upgrades that offer `vite-hmr` or `vite-ping`; all
    /// others are left to your own server on the same port.
    ///
    /// # What to do
    /// Let Vite's client open its socket. Proxies have to pass the query, `Origin` and `Sec-WebSocket-Protocol` on.
    /// For your own WebSocket use `server.proxy` with `ws: true`, or another port.
    ///
    /// # How to be sure
    /// With the subprotocol and without `Origin` the handshake gets 101.
    "app-vite-token", Upgrade, judge
}

fn judge(evidence: &Evidence) -> Verdict {
    let offers = evidence.case.subprotocols.iter().any(|name| name == "vite-hmr" || name == "vite-ping");
    let Some(handshake) = evidence.handshake() else { return Verdict::Unseen };
    if offers {
        return token(evidence);
    }
    // Vite's pages load its client; a page of another server does not.
    let page = plain_get(evidence).filter(|(_, get)| get.body.text.contains("/@vite/client"));
    let (Answer::Silence(_), Some((id, _))) = (&handshake.fact.answer, page) else { return Verdict::Unseen };
    let hmr = Variation { subprotocols: Subprotocols::These(vec!["vite-hmr".to_owned()]), ..Variation::default() };
    let opened = experiment(evidence, &hmr).filter(|seen| seen.opened());
    let confidence = if opened.is_some() { Confidence::Proven } else { Confidence::Likely };
    let mut finding = Finding::error(confidence, text!("Vite's dev server answers only its own client: the handshake offers no subprotocol vite-hmr"))
        .explains(Symptom::NotSwitched)
        .explains(Symptom::BrowserRefused)
        .proof(&[handshake.id], text!("The upgrade is never answered."))
        .proof(&[id], text!("The page at the same address is Vite's: it loads /@vite/client."));
    finding = match opened {
        Some(seen) => finding.proof(&[seen.id], text!("Offered the subprotocol vite-hmr, it answers with 101.")),
        None => finding.ask([Question::Upgrade(hmr)]),
    };
    finding.remedies(remedies()).holds()
}

/// The subprotocol is right; a handshake with an origin lacks the token.
fn token(evidence: &Evidence) -> Verdict {
    let without = Variation { origin: evidence::OriginVariant::None, ..Variation::default() };
    let given = matches!(evidence.case.origin, evidence::Origin::Given(_));
    let plain = Variation::plain();
    let bare = experiment(evidence, if given { &without } else { &plain });
    let with = if given { evidence.handshake() } else { experiment(evidence, &Variation::browser()) };
    let Some(with) = with.filter(|seen| seen.fact.status() == Some(400)) else { return Verdict::Unseen };
    let Some(bare) = bare else { return Verdict::Open(vec![Question::Upgrade(without)]) };
    if !bare.opened() {
        return Verdict::RuledOut(text!("without an Origin it is refused as well"));
    }
    let title = text!("Vite wants its token from handshakes that carry an Origin");
    // Pages that Vite serves know the token: only who asked for an origin has a problem.
    let finding = if given { Finding::error(Confidence::Proven, title) } else { Finding::note(Confidence::Likely, title) };
    finding
        .explains(Symptom::NotSwitched)
        .explains(Symptom::BrowserRefused)
        .proof(&[bare.id], text!("Without an Origin header the handshake gets 101."))
        .proof(&[with.id], text!("With an Origin and without ?token= it gets: {answer}.", answer = answer(&with.fact.answer)))
        .users(text!("Pages that Vite serves are not concerned: its client knows the token."))
        .remedies(remedies())
        .holds()
}

fn remedies() -> Vec<Remedy> {
    vec![
        Remedy::for_stack(
            Stack::Vite,
            text!("Behind a proxy tell Vite's client where the socket is, and let the query through"),
            "server: { hmr: { protocol: 'wss', host: 'app.example', clientPort: 443 } }",
        ),
        Remedy::for_stack(
            Stack::Vite,
            text!("For a socket of your own: another port, or a proxy rule for its path"),
            "server: { proxy: { '/ws': { target: 'ws://localhost:8080', ws: true } } }",
        ),
        Remedy::for_stack(
            Stack::Vite,
            text!("Only where no other page can reach the dev server: switch the check off"),
            "legacy: { skipWebSocketTokenCheck: true }",
        ),
    ]
}

#[cfg(test)]
mod tests {
    use super::CAUSE;
    use crate::Severity;
    use crate::sample::{Sample, does_not_hold, holds};
    use evidence::{Answer, Origin, OriginVariant, Preview, Variation};

    const PAGE: &str = "<script type=\"module\" src=\"/@vite/client\"></script>";

    #[test]
    fn holds_for_vites_two_conditions() {
        let silent = Sample::ws().exchange(Variation::plain(), Answer::Silence(Preview::default()));
        let _ = holds(&CAUSE, silent.clone().experiment(Variation::without_upgrade(), 200, PAGE));
        does_not_hold(&CAUSE, silent.experiment(Variation::without_upgrade(), 200, "another page"));
        let hmr = Sample::ws().case(|case| case.subprotocols = vec!["vite-hmr".into()]);
        let page = hmr.clone().opens().experiment(Variation::browser(), 400, "Bad Request");
        assert_eq!(holds(&CAUSE, page).severity, Severity::Note);
        let given = hmr.clone().case(|case| case.origin = Origin::Given("http://app.example".into())).answer(400, "Bad Request");
        let bare = Variation::origin(OriginVariant::None);
        assert_eq!(holds(&CAUSE, given.clone().opens_with(bare.clone(), |_| {})).severity, Severity::Error);
        does_not_hold(&CAUSE, given.experiment(bare, 400, "Bad Request"));
        does_not_hold(&CAUSE, hmr.opens().opens_with(Variation::browser(), |_| {}));
    }
}
