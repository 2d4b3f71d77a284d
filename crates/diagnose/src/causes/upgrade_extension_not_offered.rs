//! The server agrees to an extension that was not offered, or with wrong parameters.

use crate::answers::{faulty, invalid};
use crate::{Remedy, Stack, Verdict, cause, text};
use evidence::{Evidence, HandshakeFault};

cause! {
    /// The server answers with an extension that it may not use
    ///
    /// # What you see
    /// Chrome: "Found an unsupported extension 'x' in 'Sec-WebSocket-Extensions' header", or "Error in permessage-deflate:
    /// Received invalid server_max_window_bits parameter".
    ///
    /// # Why it happens
    /// The server always sends the header, whatever the client offers; a proxy removes the offer and not the answer; or
    /// the negotiation of permessage-deflate is wrong (RFC 7692 section 7.1).
    ///
    /// # What to do
    /// Answer only extensions and parameters that this very request offers. Pass `Sec-WebSocket-Extensions` on in both
    /// directions or in none.
    ///
    /// # How to be sure
    /// The header of the 101 beside the one of the request.
    "upgrade-extension-not-offered", Upgrade, judge
}

fn judge(evidence: &Evidence) -> Verdict {
    let Some(faulty) = faulty(evidence, |fault| matches!(fault, HandshakeFault::ExtensionNotOffered(_) | HandshakeFault::ExtensionParameters(_))) else {
        return Verdict::Unseen;
    };
    let offered = faulty.seen.fact.request_header("sec-websocket-extensions").unwrap_or("-");
    let (title, proof) = match faulty.fault {
        HandshakeFault::ExtensionParameters(what) => (
            text!("The server agrees to compression with parameters that are not allowed"),
            text!("Its Sec-WebSocket-Extensions is wrong: {what}.", what = what),
        ),
        HandshakeFault::ExtensionNotOffered(name) => (
            text!("The server answers with the extension {name}, which nobody offered", name = name),
            text!("The 101 names the extension {name}; the request offered: {offered}.", name = name, offered = offered),
        ),
        _ => return Verdict::Unseen,
    };
    invalid(&faulty, title, proof, "Found an unsupported extension in 'Sec-WebSocket-Extensions' header")
        .remedy(Remedy::for_stack(
            Stack::Node,
            text!("Switch compression off until the negotiation is right"),
            "new WebSocketServer({ server, perMessageDeflate: false })",
        ))
        .remedy(Remedy::for_stack(
            Stack::Nginx,
            text!("Pass the header on in both directions: take out the line that empties it"),
            "# remove from the location of the socket:\n# proxy_set_header Sec-WebSocket-Extensions \"\";",
        ))
        .holds()
}

#[cfg(test)]
mod tests {
    use super::CAUSE;
    use crate::sample::{Sample, does_not_hold, faulty_101, holds};
    use evidence::{HandshakeFault, Variation};

    fn with(fault: HandshakeFault) -> Sample {
        Sample::ws().exchange(Variation::plain(), faulty_101(&[], vec![fault]))
    }

    #[test]
    fn holds_for_the_fault_and_for_no_other() {
        let _ = holds(&CAUSE, with(HandshakeFault::ExtensionNotOffered("x".into())));
        let _ = holds(&CAUSE, with(HandshakeFault::ExtensionParameters("bits".into())));
        for fault in [HandshakeFault::ExtensionEmpty, HandshakeFault::SubprotocolNotAnswered] {
            does_not_hold(&CAUSE, with(fault));
        }
        does_not_hold(&CAUSE, Sample::ws().opens());
        does_not_hold(&CAUSE, Sample::ws().answer(426, "Upgrade Required"));
    }
}
