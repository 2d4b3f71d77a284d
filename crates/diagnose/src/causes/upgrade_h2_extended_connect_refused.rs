//! HTTP/2 promises WebSockets and does not keep it.

use crate::reading::front;
use crate::fingerprint::Product;
use crate::{Confidence, Finding, Remedy, Stack, Symptom, Verdict, cause, recipes, text};
use evidence::{Evidence, Http2Answer};

cause! {
    /// HTTP/2 promises WebSockets and does not keep it
    ///
    /// # What you see
    /// `wss://` fails in some browsers or only after the page was loaded, and works in tools: browsers that have an
    /// HTTP/2 connection to the host use it for sockets where the server offers that.
    ///
    /// # Why it happens
    /// The server announces extended CONNECT (RFC 8441: SETTINGS_ENABLE_CONNECT_PROTOCOL = 1), but what is behind
    /// it cannot do it: an HTTP/2 backend without RFC 8441, a route that does not allow CONNECT.
    ///
    /// # What to do
    /// Speak HTTP/1.1 to the application, or stop announcing extended CONNECT: browsers then open a connection
    /// of HTTP/1.1 for the socket.
    ///
    /// # How to be sure
    /// The same socket opens over HTTP/1.1 and is refused over HTTP/2.
    "upgrade-h2-extended-connect-refused", Upgrade, judge
}

fn judge(evidence: &Evidence) -> Verdict {
    let Some(http2) = evidence.http2().filter(|seen| seen.extended_connect) else { return Verdict::Unseen };
    let Some(handshake) = evidence.handshake().filter(|seen| seen.opened()) else { return Verdict::Unseen };
    let answer = match &http2.fact.answer {
        None | Some(Http2Answer::Status(200)) => return Verdict::Unseen,
        Some(Http2Answer::Status(status)) => text!("status {status}", status = *status),
        Some(Http2Answer::StreamReset(error)) => text!("a stream reset ({error})", error = error),
        Some(Http2Answer::ConnectionError(error)) => text!("the end of the whole connection ({error})", error = error),
        Some(Http2Answer::Silence) => text!("no answer"),
    };
    let response = handshake.fact.response();
    let because = (response.and_then(front) == Some(Product::Haproxy)).then_some("haproxy-h2-backend-no-8441");
    Finding::warning(Confidence::Proven, text!("The server announces WebSockets over HTTP/2 and then refuses them"))
        .because(because)
        .explains(Symptom::Http2Broken)
        .proof(&[http2.id], text!("Its SETTINGS say ENABLE_CONNECT_PROTOCOL = 1, and an extended CONNECT gets {answer}.", answer = answer))
        .proof(&[handshake.id], text!("The same socket opens over HTTP/1.1."))
        .users(text!("Firefox and Chrome fail with close code 1006 where they have an HTTP/2 connection to the host already; tools work."))
        .remedies(recipes::for_response(response, remedies()))
        .holds()
}

fn remedies() -> Vec<Remedy> {
    vec![
        Remedy::for_stack(
            Stack::Haproxy,
            text!("Speak HTTP/1.1 to servers for WebSockets, or stop announcing extended CONNECT"),
            "backend app\n    server s1 10.0.0.1:443 ssl alpn h2,http/1.1 ws h1\n# or\nglobal\n    h2-workaround-bogus-websocket-clients",
        )
        .command("haproxy -c -f /etc/haproxy/haproxy.cfg && systemctl reload haproxy"),
        Remedy::for_stack(
            Stack::Envoy,
            text!("Allow CONNECT and the upgrade on the route, or switch it off for the listener"),
            "http2_protocol_options:\n  allow_connect: true\nupgrade_configs:\n- upgrade_type: websocket",
        ),
        Remedy::new(text!("Serve the socket under a host name without HTTP/2, as a way around")),
    ]
}

#[cfg(test)]
mod tests {
    use super::CAUSE;
    use crate::sample::{Sample, does_not_hold, holds};
    use evidence::{Fact, Http2, Http2Answer, Place};

    fn http2(extended_connect: bool, answer: Option<Http2Answer>) -> Fact {
        Fact::Http2(Http2 { negotiated: true, extended_connect, answer, get: None, took_us: 30_000 })
    }

    #[test]
    fn holds_where_the_promise_is_broken() {
        for answer in [Http2Answer::Status(502), Http2Answer::StreamReset("PROTOCOL_ERROR".into()), Http2Answer::Silence] {
            let _ = holds(&CAUSE, Sample::wss().opens().fact(Place::Server, http2(true, Some(answer))));
        }
    }

    #[test]
    fn near_misses() {
        let kept = http2(true, Some(Http2Answer::Status(200)));
        does_not_hold(&CAUSE, Sample::wss().opens().fact(Place::Server, kept));
        does_not_hold(&CAUSE, Sample::wss().opens().fact(Place::Server, http2(false, None)));
        // Refused over HTTP/1.1 as well: another cause.
        let refused = http2(true, Some(Http2Answer::Status(403)));
        does_not_hold(&CAUSE, Sample::wss().answer(403, "no").fact(Place::Server, refused));
    }
}
