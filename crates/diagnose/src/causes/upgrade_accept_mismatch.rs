//! `Sec-WebSocket-Accept` does not follow from the key.

use crate::answers::{faulty, invalid};
use crate::reading::experiment;
use crate::{Remedy, Stack, Verdict, cause, text};
use evidence::{Evidence, HandshakeFault, Variation};

cause! {
    /// The server's `Sec-WebSocket-Accept` is wrong
    ///
    /// # What you see
    /// Chrome: "Incorrect 'Sec-WebSocket-Accept' header value"; node ws: "Invalid Sec-WebSocket-Accept header".
    /// Proxies pass it through unnoticed, and careless clients connect.
    ///
    /// # Why it happens
    /// A home-made server hashes the key wrongly (it has to be used as it stands, without decoding); a proxy
    /// speaks WebSocket itself with a key of its own and passes the inner answer on; or a cache replays an old 101.
    ///
    /// # What to do
    /// base64(SHA-1(key + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11")), with the key exactly as received (RFC 6455
    /// section 4.2.2). Take middleware that terminates WebSockets, and caching, off the path.
    ///
    /// # How to be sure
    /// Two handshakes have two keys: the same answer to both is cached or hard-coded. If the application answers
    /// rightly when asked directly, a hop in between is guilty.
    "upgrade-accept-mismatch", Upgrade, judge
}

fn judge(evidence: &Evidence) -> Verdict {
    let Some(faulty) = faulty(evidence, |fault| matches!(fault, HandshakeFault::AcceptMismatch { .. })) else {
        return Verdict::Unseen;
    };
    let HandshakeFault::AcceptMismatch { got, expected } = faulty.fault else { return Verdict::Unseen };
    // The browser's handshake had another key.
    let repeated = experiment(evidence, &Variation::browser())
        .filter(|seen| seen.id != faulty.seen.id)
        .filter(|seen| seen.fact.response().is_some_and(|other| other.header("sec-websocket-accept") == Some(got)));
    let title = if repeated.is_some() {
        text!("The server sends the same Sec-WebSocket-Accept whatever the key")
    } else {
        text!("The server's Sec-WebSocket-Accept does not follow from the key")
    };
    let mut finding = invalid(
        &faulty,
        title,
        text!("The 101 says {got}; from our key follows {expected}.", got = got, expected = expected),
        "Incorrect 'Sec-WebSocket-Accept' header value",
    );
    if let Some(repeated) = repeated {
        finding = finding
            .proof(&[repeated.id], text!("A second handshake with another key gets the same value: it is cached or hard-coded."));
    }
    finding
        .remedy(Remedy::for_stack(
            Stack::Node,
            text!("Hash the key exactly as it was received"),
            "createHash('sha1').update(key + '258EAFA5-E914-47DA-95CA-C5AB0DC85B11').digest('base64')",
        ))
        .remedy(Remedy::new(text!("Take caching and whatever terminates WebSockets off the path")))
        .would_tell(text!("Ask the application directly, past the proxy: --connect-to ADDRESS:PORT; if that opens, a hop in between is guilty."))
        .holds()
}

#[cfg(test)]
mod tests {
    use super::CAUSE;
    use crate::sample::{Sample, does_not_hold, faulty_101, holds};
    use evidence::{HandshakeFault, Variation};

    fn wrong(got: &str) -> evidence::Answer {
        let fault = HandshakeFault::AcceptMismatch { got: got.into(), expected: "right".into() };
        faulty_101(&[&format!("sec-websocket-accept: {got}")], vec![fault])
    }

    #[test]
    fn holds_for_a_wrong_value_and_knows_a_cached_one() {
        let plain = Sample::ws().exchange(Variation::plain(), wrong("one"));
        let cached = holds(&CAUSE, plain.clone().exchange(Variation::browser(), wrong("one")));
        assert!(cached.title.english().contains("whatever the key"));
        let hashed = holds(&CAUSE, plain.exchange(Variation::browser(), wrong("two")));
        assert!(hashed.title.english().contains("does not follow"));
    }

    #[test]
    fn near_misses() {
        does_not_hold(&CAUSE, Sample::ws().exchange(Variation::plain(), faulty_101(&[], vec![HandshakeFault::AcceptMissing])));
        does_not_hold(&CAUSE, Sample::ws().opens());
    }
}
