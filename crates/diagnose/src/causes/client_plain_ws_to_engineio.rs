//! A plain WebSocket client speaks to a server with a protocol of its own on top.

use crate::fingerprint::engine_io_code;
use crate::reading::{experiment, quote, refused};
use crate::{Confidence, Finding, Remedy, Stack, Symptom, Verdict, cause, text};
use evidence::{Evidence, PathVariant, Question, Variation};

cause! {
    /// A plain WebSocket client at a Socket.IO server
    ///
    /// # What you see
    /// `400 {"code":0,"message":"Transport unknown"}` or `{"code":5,"message":"Unsupported protocol version"}`; with a client of
    /// an old major version it connects and is closed.
    ///
    /// # Why it happens
    /// Socket.IO has its own path, query (`EIO=4&transport=websocket`) and packets on top of WebSocket. A plain client, or one
    /// of another major version, does not speak it. SignalR, SockJS and STOMP are like that, too.
    ///
    /// # What to do
    /// Use the library's own client, of the same major version; let an old one in with `allowEIO3`. Or offer a plain
    /// WebSocket endpoint beside it.
    ///
    /// # How to be sure
    /// With `/socket.io/?EIO=4&transport=websocket` the same server answers 101 and sends a packet that begins with `0{`.
    "client-plain-ws-to-engineio", Upgrade, judge
}

fn judge(evidence: &Evidence) -> Verdict {
    let path = evidence.case.target.path.as_str();
    // Socket.IO 4.8 answers 101 first and writes its refusal into the open stream.
    let into_stream = evidence.session(&Variation::plain()).filter(|session| {
        session.fault("http-in-stream").is_some() && path.contains("EIO=") && !path.contains("EIO=4")
    });
    let (code, id, said) = match (refused(evidence), into_stream) {
        (Some((handshake, response)), _) => match engine_io_code(&response.body.text) {
            Some(code @ (0 | 5)) => (code, handshake.id, quote(response, 80)),
            _ => return Verdict::Unseen,
        },
        (None, Some(session)) => (5, session.id, "HTTP/1.1 400".to_owned()),
        (None, None) => return Verdict::Unseen,
    };
    if code == 0 && path.contains("transport=websocket") {
        return Verdict::Unseen;
    }
    let fitting = Variation::path(PathVariant::To(format!("{}?EIO=4&transport=websocket", evidence.case.target.bare_path())));
    let title = if code == 5 {
        text!("The client speaks another version of the Socket.IO protocol than the server")
    } else {
        text!("The server speaks Socket.IO, and a plain WebSocket handshake does not fit it")
    };
    let mut finding = Finding::error(Confidence::Proven, title)
        .explains(Symptom::NotSwitched)
        .explains(Symptom::BrowserRefused)
        .explains(Symptom::FramesBroken)
        .explains(Symptom::EndedEarly)
        .proof(&[id], text!("The server says: \"{body}\"", body = said))
        .users(text!("Browsers: \"Unexpected response code: 400\". socket.io-client of another major version: connect_error."))
        .remedy(Remedy::for_stack(Stack::SocketIo, text!("Use the library's own client, of the server's major version"), "import { io } from 'socket.io-client'\nconst socket = io('https://HOST', { path: '/socket.io/', transports: ['websocket'] })"))
        .remedy(Remedy::for_stack(Stack::SocketIo, text!("Let clients of version 2 in (EIO 3)"), "new Server(httpServer, { allowEIO3: true })"));
    match experiment(evidence, &fitting) {
        Some(seen) if seen.opened() => {
            finding = finding.proof(&[seen.id], text!("With \"?EIO=4&transport=websocket\" the same path gets 101."));
        }
        None if code == 0 => finding = finding.ask([Question::Upgrade(fitting)]),
        _ => {}
    }
    finding.holds()
}

#[cfg(test)]
mod tests {
    use super::CAUSE;
    use crate::sample::{Sample, does_not_hold, holds};
    use evidence::Variation;

    #[test]
    fn holds_at_the_codes_of_engine_io() {
        let unknown = Sample::at("ws://app.example/socket.io/").answer(400, "{\"code\":0,\"message\":\"Transport unknown\"}");
        assert_eq!(holds(&CAUSE, unknown).ask.len(), 1);
        let _ = holds(&CAUSE, Sample::at("ws://app.example/socket.io/?EIO=3&transport=websocket").answer(400, "{\"code\":5,\"message\":\"Unsupported protocol version\"}"));
        let stream = Sample::at("ws://app.example/socket.io/?EIO=3&transport=websocket").opens_with(Variation::plain(), |session| {
            session.faults = vec![("http-in-stream".into(), "an HTTP response".into())];
        });
        let _ = holds(&CAUSE, stream);
    }

    #[test]
    fn near_misses() {
        // The upgrade was removed on the way, or the session is another server's.
        for body in ["{\"code\":3,\"message\":\"Bad request\"}", "{\"code\":1,\"message\":\"Session ID unknown\"}"] {
            does_not_hold(&CAUSE, Sample::at("ws://app.example/socket.io/?EIO=4&transport=websocket").answer(400, body));
        }
        does_not_hold(&CAUSE, Sample::ws().opens());
    }
}
