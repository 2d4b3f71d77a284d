//! The looks that every case begins with, before any cause has a wish of its own.
//!
//! They follow the way a connection is built, and ask at the same time what does not depend on each other:
//! over a link of 100 ms a healthy check then costs seven round trips at the most.

use crate::sessions;
use crate::symptom::{Symptom, symptoms};
use evidence::{
    Evidence, HoldKind, MessageKind, PathVariant, Question, TlsVariation, TunnelOutcome, Variation,
};

/// Addresses that get a TLS handshake of their own.
const ADDRESSES: usize = 4;

/// What to ask, given what is known so far. Questions that were asked already are the caller's to skip.
pub(crate) fn questions(evidence: &Evidence) -> Vec<Question> {
    let case = &evidence.case;
    let mut ask = vec![Question::Environment, Question::Resolve];
    if case.via.is_none()
        && case.target.address().is_none()
        && case.target.host != "localhost"
        && !case.resolve_given
    {
        ask.push(Question::NameServers);
    }
    if case.page.is_some() {
        ask.push(Question::Page);
    }
    let way_open = if case.via.is_some() {
        ask.push(Question::Tunnel { port: None });
        evidence.tunnels().next().is_some_and(|seen| seen.outcome == TunnelOutcome::Open)
    } else {
        !evidence.addresses().is_empty()
    };
    if !way_open {
        return ask;
    }
    ask.push(Question::Upgrade(Variation::plain()));
    if case.via.is_none() {
        ask.push(Question::Connect { port: None });
        let addresses = evidence.addresses();
        if case.target.secure && addresses.len() > 1 {
            ask.extend(
                addresses
                    .iter()
                    .take(ADDRESSES)
                    .map(|address| Question::Tls(TlsVariation::Address(*address))),
            );
        }
    }
    // The browser's way costs one more connection, and most users of WebSockets are browsers.
    let reached =
        evidence.connections().any(|seen| seen.outcome == evidence::Reached::Connected) || case.via.is_some();
    if reached {
        ask.push(Question::Upgrade(Variation::browser()));
        if case.target.secure {
            ask.push(Question::Http2);
        }
    }
    if symptoms(evidence).contains(&Symptom::NotSwitched) {
        // D5 and a path that exists nowhere: the two answers that nearly every judgement compares with.
        ask.push(Question::Upgrade(Variation::without_upgrade()));
        ask.push(Question::Upgrade(Variation::path(PathVariant::Random)));
    }
    ask.extend(sessions::worth_another_try(evidence).map(Question::Upgrade));
    // What needs connections of its own waits until it is clear that the server takes more than one.
    let first = [Variation::plain(), Variation::browser()];
    let settled = first.into_iter().all(|variation| evidence.is_answered(&Question::Upgrade(variation)));
    if settled && evidence.handshake().is_some_and(|seen| seen.opened()) {
        if let Some(top) = case.size {
            ask.push(Question::Sizes { top, kind: MessageKind::Text });
            ask.push(Question::Sizes { top, kind: MessageKind::Binary });
        }
        if let Some(hold) = case.hold_us {
            let for_ms = hold / 1000;
            let beside = [(HoldKind::Quiet, 1), (HoldKind::Pings, 0), (HoldKind::OneWay, 0)];
            let beside = if sessions::disturbed(evidence).is_some() { &beside[..0] } else { &beside[..] };
            for (kind, run) in [&[(HoldKind::Quiet, 0)], beside].concat() {
                ask.push(Question::Hold { kind, run, for_ms });
            }
        }
    }
    ask
}
