//! The server answers a subprotocol that was not offered.

use crate::answers::{faulty, invalid};
use crate::{Remedy, Stack, Verdict, cause, text};
use evidence::{Evidence, HandshakeFault};

cause! {
    /// The server answers with a subprotocol that was not offered
    ///
    /// # What you see
    /// Chrome: "Response must not include 'Sec-WebSocket-Protocol' header if not present in request", or "'Sec-WebSocket-Protocol'
    /// header value 'x' in response does not match any of sent values".
    ///
    /// # Why it happens
    /// The server sends a fixed name, or the client offers none (or another one) although the server needs it.
    ///
    /// # What to do
    /// Server: choose only among the names in the request. Client: offer the name that the server speaks.
    ///
    /// # How to be sure
    /// Offered with `--subprotocol`, the same name makes the handshake valid.
    "upgrade-subprotocol-unrequested", Upgrade, judge
}

fn judge(evidence: &Evidence) -> Verdict {
    let Some(faulty) = faulty(evidence, |fault| matches!(fault, HandshakeFault::SubprotocolNotOffered(_))) else {
        return Verdict::Unseen;
    };
    let HandshakeFault::SubprotocolNotOffered(name) = faulty.fault else { return Verdict::Unseen };
    let offered = faulty.seen.fact.request_header("sec-websocket-protocol").unwrap_or("-");
    invalid(
        &faulty,
        text!("The server answers with the subprotocol {name}, which was not offered", name = name),
        text!("The 101 chooses {name}; the request offered: {offered}.", name = name, offered = offered),
        "'Sec-WebSocket-Protocol' header value in response does not match any of sent values",
    )
    .remedy(Remedy::for_stack(
        Stack::Browser,
        text!("Offer the name in the client, if it speaks that protocol"),
        format!("new WebSocket(url, ['{name}'])"),
    ))
    .remedy(Remedy::for_stack(
        Stack::Node,
        text!("Choose only among the names in the request"),
        "new WebSocketServer({ server, handleProtocols: (offered) => offered.has('NAME') ? 'NAME' : false })",
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
        let _ = holds(&CAUSE, with(HandshakeFault::SubprotocolNotOffered("chat".into())));
        for fault in [HandshakeFault::SubprotocolNotAnswered, HandshakeFault::AcceptMissing] {
            does_not_hold(&CAUSE, with(fault));
        }
        does_not_hold(&CAUSE, Sample::ws().opens());
        does_not_hold(&CAUSE, Sample::ws().answer(426, "Upgrade Required"));
    }
}
