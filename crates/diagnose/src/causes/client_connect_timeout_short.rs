//! The handshake takes longer than many clients wait.

use crate::reading::duration;
use crate::{Confidence, Finding, Remedy, Stack, Verdict, cause, text};
use evidence::{Evidence, Micros};

cause! {
    /// The handshake takes longer than clients wait
    ///
    /// # What you see
    /// `Opening handshake has timed out`, `timed out during opening handshake`, `WebSocket is closed before the connection is
    /// established`, after a round number of seconds; the server logs a 101 a little later, or nginx a 499.
    ///
    /// # Why it happens
    /// The server takes its time before the 101: a cold start (serverless, a sleeping container), a call to an authentication
    /// service, a slow database, an event loop that is busy. The client's own limit is shorter.
    ///
    /// # What to do
    /// Answer the 101 first and do slow work after it; keep an instance warm; raise the client's limit.
    ///
    /// # How to be sure
    /// The time from the request to the 101, and the client's limit: 10 s in Python `websockets` (`open_timeout`), none in `ws`
    /// unless `handshakeTimeout` is set, 20 s in socket.io-client, 10 s in OkHttp and Dart.
    "client-connect-timeout-short", Upgrade, judge
}

/// Shorter answers trouble nobody.
const SLOW: Micros = 3_000_000;

fn judge(evidence: &Evidence) -> Verdict {
    let Some(handshake) = evidence.handshake().filter(|seen| seen.opened() && seen.took_us >= SLOW) else {
        return Verdict::Unseen;
    };
    let time = duration(handshake.took_us);
    // A second handshake that is quick tells a cold start from a slow server.
    let again = evidence.exchanges().find(|seen| seen.id != handshake.id && seen.opened());
    let mut finding = Finding::warning(Confidence::Likely, text!("The server takes {time} to answer the handshake, longer than some clients wait", time = &time))
        .proof(&[handshake.id], text!("From the request to the 101 it took {time}.", time = &time))
        .users(text!("Clients with a short limit give up and try again, which makes it worse; patient ones connect."))
        .remedy(Remedy::new(text!("On the server: answer the 101 first, and do slow work (tokens, databases) after it; keep an instance warm")))
        .remedy(Remedy::for_stack(Stack::Node, text!("Raise the client's limit"), "new WebSocket(url, { handshakeTimeout: 30_000 })"))
        .remedy(Remedy::for_stack(Stack::Python, text!("Raise the client's limit"), "connect(uri, open_timeout=30)"));
    if let Some(again) = again {
        finding = finding.proof(&[again.id], text!("Another handshake took {time}.", time = duration(again.took_us)));
    }
    finding.holds()
}

#[cfg(test)]
mod tests {
    use super::CAUSE;
    use crate::sample::{Sample, does_not_hold, holds};
    use evidence::{Answer, Exchange, Fact, Place, Variation};

    fn after(took_us: u64, status: u16) -> Sample {
        let answer = Answer::Response(Box::new(crate::sample::response(status, &[], "")));
        let exchange = Exchange { variation: Variation::plain(), to: None, tls: false, request: Vec::new(), answer, took_us };
        Sample::ws().fact(Place::Server, Fact::Exchange(Box::new(exchange)))
    }

    #[test]
    fn holds_where_the_101_is_late() {
        let _ = holds(&CAUSE, after(3_500_000, 101));
    }

    #[test]
    fn near_misses() {
        does_not_hold(&CAUSE, after(900_000, 101));
        does_not_hold(&CAUSE, after(3_500_000, 404));
    }
}
