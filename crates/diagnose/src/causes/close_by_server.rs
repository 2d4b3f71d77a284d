//! The server closes with a code that no other cause explains.

use crate::sessions::{Closed, closed};
use crate::text::Text;
use crate::{Confidence, Finding, Remedy, Symptom, Verdict, cause, text};
use evidence::Evidence;

cause! {
    /// The server closes with a code of its own
    ///
    /// # What you see
    /// 101, and then a close frame of the server with a code and perhaps a reason.
    ///
    /// # Why it happens
    /// Each code says who closes and why (RFC 6455 section 7.4.1, IANA registry): 1000 done; 1001 going away, the
    /// server stops or a proxy reloads; 1002 protocol error; 1003 unacceptable data; 1007 broken text; 1008 policy;
    /// 1009 too big; 1010 extension missing; 1011 error in the server; 1012 restart; 1013 try again later; 1014 bad
    /// gateway; 3000 to 3999 registered by libraries; 4000 to 4999 private to the application.
    ///
    /// # What to do
    /// 1001, 1012, 1013, 1014: reconnect, with growing and random pauses. 1008 and most 4xxx: change what is asked
    /// for first. 1011: read the server's log.
    ///
    /// # How to be sure
    /// Code and reason stand in the proof; the application's documentation explains its own.
    "close-by-server", Protocol, judge
}

fn judge(evidence: &Evidence) -> Verdict {
    let Some(closed) = closed(evidence) else { return Verdict::Unseen };
    // Timers of proxies send these two while a connection is held; the causes about time know them better.
    if closed.held && matches!(closed.code, 1000 | 1001) {
        return Verdict::Unseen;
    }
    if closed.delivered {
        return done(&closed);
    }
    let (meaning, advice) = explain(closed.code);
    let title = if closed.held {
        text!("The server closes the held connection with code {words}", words = closed.words())
    } else {
        text!("The server closes the fresh connection with code {words}", words = closed.words())
    };
    // That it closed is certain; why is what the causes it yields to know.
    let mut finding = closed.finding(Confidence::Likely, title).proof(&[closed.id], meaning).because(because(&closed));
    if closed.browser_only {
        finding = finding.proof(&[closed.id], text!("Only the connection with a browser's Origin and compression is closed."));
    }
    finding
        .not(text!("the network: it sends no close frames"))
        .users(text!("JavaScript: onclose with code {code}, wasClean true, and the reason.", code = closed.code))
        .remedy(Remedy::new(advice))
        .yields_to(&[
            "app-auth-after-open",
            "app-handler-exception",
            "app-rate-limited",
            "app-host-not-allowed",
            "upgrade-subprotocol-wrong-dialect",
            "frame-app-init-timeout",
            "frame-unmasked-client",
            "frame-bad-close-frame",
            "keepalive-no-pong",
            "client-plain-ws-to-engineio",
        ])
        .holds()
}

/// It sent messages and says that all is well: that may be all that it is for.
fn done(closed: &Closed<'_>) -> Verdict {
    let time = crate::reading::duration(closed.after_us);
    Finding::warning(Confidence::Likely, text!("The server sends its messages, and then closes with 1000: it is done"))
        .explains(Symptom::BrowserBroken)
        .proof(&[closed.id], text!("The server closes with {words} after {time}.", words = closed.words(), time = time))
        .proof(&[closed.id], text!("Messages came before it, and none of them speaks of an error."))
        .users(text!("JavaScript: onclose with code {code}, wasClean true, and the reason.", code = closed.code))
        .remedy(Remedy::new(text!("If the connection should stay open, find out in the application why it ends it")))
        .holds()
}

fn because(closed: &Closed<'_>) -> Option<&'static str> {
    closed.reason_has(&["cloudflare websocket proxy restarting"]).then_some("cloudflare-edge-restart")
}

/// What a code means, and what to do about it.
fn explain(code: u16) -> (Text, Text) {
    let reconnect = || text!("Reconnect after a pause that grows and has a random part");
    match code {
        1000 => (text!("1000: the server is done with this connection."), text!("Find out why the application ends it: it says that all is well")),
        1001 => (text!("1001: the server is going away, for a restart, a deployment or a proxy's reload."), reconnect()),
        1002 => (text!("1002: the server believes that the client broke the protocol."), text!("Ask the application directly: if it works there, a hop changes the frames")),
        1003 => (text!("1003: the server does not take data of this type."), text!("Send the type that the application reads: text for JSON, binary for bytes")),
        1007 => (text!("1007: the server could not read the text or the compressed data."), text!("Try without compression, and send text as UTF-8")),
        1008 => (text!("1008: a rule of the server does not allow this connection (credentials, origin, rate)."), text!("Read the server's log for the rule, and do not retry without a change")),
        1009 => (text!("1009: a message was too big for the server."), text!("Split large messages in the client, or send such data over HTTP")),
        1010 => (text!("1010: an extension is missing; only clients send this code, so the server uses it wrongly."), text!("Offer permessage-deflate, or read the server's log for what it wants")),
        1011 => (text!("1011: an unexpected error in the server."), text!("Read the application's log at the moment of the handshake: it has the stack trace")),
        1012 => (text!("1012: the service restarts."), reconnect()),
        1013 => (text!("1013: the server is too busy now."), reconnect()),
        1014 => (text!("1014: a gateway got no usable answer from the server behind it."), text!("Look at the server behind the gateway, and reconnect after a pause")),
        3000 => (text!("3000: unauthorized (IANA registry)."), text!("Get a fresh token or session, and give it to the handshake")),
        3003 => (text!("3003: forbidden (IANA registry)."), text!("Get the permission first; a retry does not help")),
        3008 => (text!("3008: a time-out of the application (IANA registry)."), text!("Send what the application waits for in time, and pings")),
        3009 => (text!("3009: a bad request for the application (IANA registry)."), text!("Compare address, query and first message with the application's documentation")),
        3001..=3999 => (text!("{code}: registered by a library or framework, whose documentation explains it.", code = code), text!("Look the code up in the library's documentation")),
        // graphql-transport-ws, PROTOCOL.md of graphql-ws.
        4400 => (text!("4400: the application calls the request bad (graphql-transport-ws: invalid message)."), text!("Compare address, query and first message with the application's documentation")),
        4409 => (text!("4409: something of that name exists already (graphql-transport-ws: subscriber exists)."), text!("Use a new id for each subscription")),
        4429 => (text!("4429: too many requests (graphql-transport-ws: too many initialisation requests)."), reconnect()),
        // Pusher channels protocol: 4000-4099 do not retry, 4100-4199 retry later, 4200-4299 retry at once.
        _ => (text!("{code}: private to the application; only its own documentation explains it.", code = code), text!("Look the code up in the application: it decides whether a retry makes sense")),
    }
}

#[cfg(test)]
mod tests {
    use super::{CAUSE, explain};
    use crate::sample::{Sample, does_not_hold, holds};
    use crate::Severity;
    use evidence::{Ending, HoldKind, How, Message, MessageKind, Variation};

    #[test]
    fn holds_for_every_code() {
        for code in [1000, 1001, 1002, 1008, 1011, 1012, 1013, 1014, 3000, 3500, 4000, 4409, 4999] {
            let finding = holds(&CAUSE, Sample::ws().closes_early(code, "", 2_000));
            assert!(finding.title.english().contains(&code.to_string()), "{code}");
            assert!(explain(code).0.english().starts_with(&code.to_string()), "{code}");
        }
        let edge = Sample::ws().closes_early(1001, "CloudFlare WebSocket Proxy restarting", 2_000);
        assert_eq!(holds(&CAUSE, edge).because, Some("cloudflare-edge-restart"));
        let pusher = How::Close { code: Some(4201), reason: "Pong reply not received".into() };
        let _ = holds(&CAUSE, Sample::ws().opens().hold(HoldKind::Quiet, 0, Some(30.0), pusher));
    }

    #[test]
    fn a_delivered_result_is_only_warned_of() {
        let after = |preview: &str| {
            Sample::ws().opens_with(Variation::plain(), |session| {
                session.echo = None;
                session.messages = vec![Message { at_us: 900, kind: MessageKind::Text, length: 9, preview: preview.into() }];
                let how = How::Close { code: Some(1000), reason: String::new() };
                session.ending = Some(Ending { how, after_us: 1_000, idle_us: 100 });
            })
        };
        assert_eq!(holds(&CAUSE, after("{\"sum\":42}")).severity, Severity::Warning);
        assert_eq!(holds(&CAUSE, after("{\"error\":\"no such room\"}")).severity, Severity::Error);
        assert_eq!(holds(&CAUSE, after("invalid token")).severity, Severity::Error);
        assert_eq!(holds(&CAUSE, Sample::ws().closes_early(1000, "", 1_000)).severity, Severity::Error);
    }

    #[test]
    fn near_misses() {
        does_not_hold(&CAUSE, Sample::ws().ends_early(How::Fin, 2_000));
        does_not_hold(&CAUSE, Sample::ws().opens());
        let proxy = How::Close { code: Some(1001), reason: String::new() };
        does_not_hold(&CAUSE, Sample::ws().opens().hold(HoldKind::Quiet, 0, Some(60.0), proxy));
    }
}
