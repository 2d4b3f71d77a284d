//! Middleware hides the connection from the WebSocket handler.

use crate::answers::{Refusal, get_proof, not_switched, refused_as};
use crate::{Confidence, Remedy, Stack, Verdict, cause, text};
use evidence::Evidence;

cause! {
    /// Middleware hides the connection from the WebSocket handler
    ///
    /// # What you see
    /// 500 for upgrades only: `websocket: response does not implement http.Hijacker`, or `can't switch protocols
    /// using non-Hijacker ResponseWriter type`.
    ///
    /// # Why it happens
    /// Go: a logging, gzip, metrics or time-out wrapper replaces `http.ResponseWriter` and does not pass
    /// `http.Hijacker` on, which an upgrade needs to take the connection over.
    ///
    /// # What to do
    /// Give the wrapper an `Unwrap()` method or `Hijack()`, or take it off the socket's route.
    /// `http.TimeoutHandler` can never be used there.
    ///
    /// # How to be sure
    /// The message names the Hijacker; plain requests to the route work.
    "app-middleware-not-hijackable", Upgrade, judge
}

fn judge(evidence: &Evidence) -> Verdict {
    let Some((seen, response)) = refused_as(evidence, Refusal::NotHijackable) else { return Verdict::Unseen };
    not_switched(Confidence::Proven, seen, response, text!("Middleware of the application hides the connection, so that it cannot be upgraded"))
        .proof_if(get_proof(evidence))
        .not(text!("the proxy in front: the message is written by the application after it got the upgrade"))
        .remedy(Remedy::for_stack(
            Stack::Go,
            text!("Let the wrapper pass the connection on (Go 1.20 or later), or register the socket outside of it"),
            "func (w *loggingWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }\n\nfunc (w *loggingWriter) Hijack() (net.Conn, *bufio.ReadWriter, error) {\n    return http.NewResponseController(w.ResponseWriter).Hijack()\n}",
        ))
        .remedy(Remedy::new(text!("Take http.TimeoutHandler, gzip and buffering off the route of the socket")))
        .holds()
}

#[cfg(test)]
mod tests {
    use super::CAUSE;
    use crate::sample::{Sample, does_not_hold, holds};

    #[test]
    fn holds_where_the_message_names_it() {
        for body in [
            "websocket: response does not implement http.Hijacker\n",
            "can't switch protocols using non-Hijacker ResponseWriter type *middleware.wrap",
        ] {
            let _ = holds(&CAUSE, Sample::ws().answer(500, body));
        }
        does_not_hold(&CAUSE, Sample::ws().answer(500, "Internal Server Error"));
        does_not_hold(&CAUSE, Sample::ws().answer(404, "hijack"));
    }
}
