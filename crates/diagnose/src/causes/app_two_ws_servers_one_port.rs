//! Two WebSocket handlers answer on one connection.

use crate::sessions::broken;
use crate::{Confidence, Remedy, Stack, Verdict, cause, text};
use evidence::Evidence;

cause! {
    /// Two WebSocket libraries answer on one port
    ///
    /// # What you see
    /// 101, and right after it an HTTP error in the open stream; Chrome: "Invalid frame header". Or the connection
    /// ends at once.
    ///
    /// # Why it happens
    /// Two libraries listen to the `upgrade` event of one HTTP server, such as `ws` and Socket.IO, or Vite and your
    /// own. One accepts; the other does not know the path and writes its refusal into the same connection.
    ///
    /// # What to do
    /// One `upgrade` listener that routes by path. `ws`: `noServer: true`; Socket.IO: `destroyUpgrade: false`.
    ///
    /// # How to be sure
    /// The bytes after the 101 begin with `HTTP/1.1 400`.
    "app-two-ws-servers-one-port", Upgrade, judge
}

fn judge(evidence: &Evidence) -> Verdict {
    let Some(broken) = broken(evidence, &["http-in-stream"]) else { return Verdict::Unseen };
    let Some(session) = broken.session else { return Verdict::Unseen };
    let first = super::frame_http_in_stream::as_text(&session.first_bytes);
    // A second handler refuses (4xx) at once; a proxy's 5xx comes from elsewhere. Socket.IO refuses a wrong
    // version in just this way.
    let refused = first.starts_with("HTTP/1.1 4") || first.starts_with("HTTP/1.0 4");
    if !refused || evidence.case.target.path.contains("EIO=") {
        return Verdict::Unseen;
    }
    let line: String = first.chars().take(24).collect();
    broken
        .finding(text!("Two WebSocket handlers answer on one connection: after the 101 comes a second answer"), "Invalid frame header")
        .proof(&[session.id], text!("After the 101 comes \"{line}\".", line = line))
        .remedy(Remedy::for_stack(
            Stack::Node,
            text!("One listener that routes by path"),
            "const wss = new WebSocketServer({ noServer: true });\nconst io = new Server(server, { destroyUpgrade: false });\nserver.on('upgrade', (req, socket, head) => {\n  if (new URL(req.url, 'http://x').pathname === '/ws')\n    wss.handleUpgrade(req, socket, head, (ws) => wss.emit('connection', ws, req));\n});",
        ))
        .with_confidence(Confidence::Likely)
        .holds()
}

#[cfg(test)]
mod tests {
    use super::CAUSE;
    use crate::sample::{Sample, does_not_hold, holds};
    use evidence::Variation;

    fn http(url: &str, first_bytes: &str) -> Sample {
        Sample::at(url).opens_with(Variation::plain(), |session| {
            session.faults = vec![("http-in-stream".into(), "an HTTP response stands where a frame should begin".into())];
            session.first_bytes = first_bytes.into();
        })
    }

    #[test]
    fn holds_where_a_refusal_follows_the_101() {
        let refused = "48 54 54 50 2f 31 2e 31 20 34 30 30 20 42 61 64";
        let _ = holds(&CAUSE, http("ws://app.example/ws", refused));
        // Socket.IO refuses a wrong version like this.
        does_not_hold(&CAUSE, http("ws://app.example/socket.io/?EIO=3", refused));
        // A proxy's error page.
        does_not_hold(&CAUSE, http("ws://app.example/ws", "48 54 54 50 2f 31 2e 31 20 35 30 32"));
        does_not_hold(&CAUSE, Sample::ws().opens());
    }
}
