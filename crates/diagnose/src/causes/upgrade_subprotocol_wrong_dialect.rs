//! Client and server speak different dialects of one protocol.

use crate::answers::faulty;
use crate::reading::experiment;
use crate::sessions::closed;
use crate::{Confidence, Finding, Remedy, Stack, Symptom, Verdict, cause, text};
use evidence::{Evidence, HandshakeFault, Question, Subprotocols, Variation};

cause! {
    /// Client and server use different subprotocols of one family
    ///
    /// # What you see
    /// 101 without a subprotocol, or 101 and at once a close with 4406 `Subprotocol not acceptable` (or 1002).
    /// The names look alike: `graphql-ws` and `graphql-transport-ws`.
    ///
    /// # Why it happens
    /// Two generations of a library: subscriptions-transport-ws speaks `graphql-ws`, the library called graphql-ws
    /// speaks `graphql-transport-ws`. Likewise `mqttv3.1` and `mqtt`, `v10.stomp` to `v12.stomp`, `ocpp1.6` and
    /// `ocpp2.0.1`.
    ///
    /// # What to do
    /// Use the library pair that belongs together. Renaming the offer alone is not enough: the messages differ too.
    ///
    /// # How to be sure
    /// Offered the other name, the server answers with it.
    "upgrade-subprotocol-wrong-dialect", Upgrade, judge
}

/// Families of names; all in a family mean the same application protocol.
const FAMILIES: &[&[&str]] = &[
    &["graphql-ws", "graphql-transport-ws"],
    &["mqtt", "mqttv3.1"],
    &["ocpp1.6", "ocpp2.0.1", "ocpp2.0"],
    &["v12.stomp", "v11.stomp", "v10.stomp"],
    &["actioncable-v1-json", "actioncable-unsupported"],
];

fn judge(evidence: &Evidence) -> Verdict {
    let offered = &evidence.case.subprotocols;
    let list = if offered.is_empty() { "-".to_owned() } else { offered.join(", ") };
    let others = siblings(offered);
    let accepted = others.iter().find_map(|name| {
        experiment(evidence, &offering(name)).filter(|seen| seen.opened()).map(|seen| (seen.id, *name))
    });
    let refused = closed(evidence)
        .filter(|closed| !closed.held && (closed.code == 4406 || closed.reason_has(&["subprotocol", "sub-protocol"])));
    let unanswered = faulty(evidence, |fault| *fault == HandshakeFault::SubprotocolNotAnswered);
    let title = match accepted {
        Some((_, name)) => text!("The server speaks {name}; the client offers {list}", name = name, list = &list),
        None => text!("The server does not accept the offered subprotocol: {list}", list = &list),
    };
    let mut finding = match (&refused, &unanswered) {
        (Some(closed), _) => closed.finding(Confidence::Proven, title),
        (None, Some(faulty)) if accepted.is_some() => Finding::error(Confidence::Proven, title).proof(
            &[faulty.seen.id],
            text!("The request offers \"{offered}\", and the 101 has no Sec-WebSocket-Protocol.", offered = &list),
        ),
        (None, Some(_)) if !others.is_empty() => {
            return Verdict::Open(others.iter().map(|name| Question::Upgrade(offering(name))).collect());
        }
        _ => return Verdict::Unseen,
    };
    finding = finding.explains(Symptom::HandshakeInvalid).explains(Symptom::BrowserRefused);
    finding = match accepted {
        Some((id, name)) => finding
            .proof(&[id], text!("Offered {name}, it answers with that.", name = name))
            .not(text!("a hop that removes the header: another name gets through")),
        None => finding.ask(others.iter().map(|name| Question::Upgrade(offering(name)))),
    };
    finding
        .remedy(Remedy::for_stack(
            Stack::Node,
            text!("Use the libraries that belong together"),
            "// graphql-transport-ws: npm graphql-ws on both sides\n// graphql-ws: npm subscriptions-transport-ws (no longer maintained) on both sides",
        ))
        .remedy(Remedy::new(text!("Offer the name that the server speaks, with a client library that speaks it too")))
        .holds()
}

/// The other names of the families that are offered; the common one where nothing is offered.
fn siblings(offered: &[String]) -> Vec<&'static str> {
    let known = |name: &str| offered.iter().any(|given| given == name);
    FAMILIES
        .iter()
        .filter(|family| family.iter().any(|name| known(name)))
        .flat_map(|family| family.iter().copied().filter(|name| !known(name)))
        .take(2)
        .collect()
}

fn offering(name: &str) -> Variation {
    Variation { subprotocols: Subprotocols::These(vec![name.to_owned()]), ..Variation::default() }
}

#[cfg(test)]
mod tests {
    use super::{CAUSE, offering};
    use crate::Verdict;
    use crate::sample::{Sample, does_not_hold, faulty_101, holds};
    use evidence::{Ending, HandshakeFault, How, Variation};

    fn unanswered(name: &str) -> Sample {
        Sample::ws()
            .case(|case| case.subprotocols = vec![name.into()])
            .exchange(Variation::plain(), faulty_101(&[], vec![HandshakeFault::SubprotocolNotAnswered]))
    }

    fn closed(code: u16, reason: &str) -> Sample {
        Sample::ws().opens_with(Variation::plain(), |session| {
            session.echo = None;
            session.ending = Some(Ending {
                how: How::Close { code: Some(code), reason: reason.into() },
                after_us: 3_000,
                idle_us: 0,
            });
        })
    }

    #[test]
    fn holds_where_the_sibling_is_accepted_or_the_close_says_so() {
        let asks = CAUSE.judge(&unanswered("graphql-ws").evidence());
        assert!(matches!(asks, Verdict::Open(questions) if questions.len() == 1));
        let finding = holds(&CAUSE, unanswered("graphql-ws").opens_with(offering("graphql-transport-ws"), |_| {}));
        assert!(finding.title.english().contains("graphql-transport-ws"));
        let _ = holds(&CAUSE, closed(4406, "Subprotocol not acceptable"));
        let _ = holds(&CAUSE, closed(1002, "invalid subprotocol"));
    }

    #[test]
    fn near_misses() {
        does_not_hold(&CAUSE, unanswered("chat"));
        does_not_hold(&CAUSE, unanswered("mqtt").experiment(offering("mqttv3.1"), 400, ""));
        does_not_hold(&CAUSE, closed(4401, "Unauthorized"));
        does_not_hold(&CAUSE, Sample::ws().opens());
    }
}
