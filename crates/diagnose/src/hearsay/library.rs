//! What libraries and frameworks say beyond what browsers say.

use super::{LIKELY, Meaning, POSSIBLE, PROVEN};
use crate::text;
use evidence::Said;

pub(super) fn meaning(said: &Said) -> Option<Meaning> {
    let meaning = match said.id.as_str() {
        "redirect-to-http" => Meaning::new(
            text!("The server redirects to an http address, which is none of a WebSocket."),
            &[
                ("upgrade-https-redirect", LIKELY),
                ("upgrade-login-redirect", POSSIBLE),
                ("client-redirect-not-followed", POSSIBLE),
            ],
        ),
        "message-too-big" => Meaning::new(
            text!("A message was larger than the other side takes."),
            &[("frame-message-too-big", PROVEN)],
        ),
        "keepalive-timeout" => Meaning::new(
            text!("A ping was not answered in time: the other side is blocked, asleep or gone."),
            &[
                ("keepalive-no-pong", LIKELY),
                ("idle-nat-state-lost", POSSIBLE),
                ("idle-ping-equals-timeout", POSSIBLE),
                ("keepalive-detect-late-client", POSSIBLE),
            ],
        ),
        "no-tls-feature" => Meaning::new(
            text!("The client was built without TLS and cannot open wss://."),
            &[("client-no-tls-feature", PROVEN)],
        ),
        "transport-error" => Meaning::new(
            text!("Socket.IO could not connect; the message does not say why."),
            &[
                ("upgrade-stripped", POSSIBLE),
                ("app-sticky-missing", POSSIBLE),
                ("app-wrong-transport-path", POSSIBLE),
                ("app-origin-rejected", POSSIBLE),
            ],
        ),
        "signalr-not-started" => Meaning::new(
            text!("SignalR could not start its WebSocket transport."),
            &[
                ("app-sticky-missing", LIKELY),
                ("upgrade-stripped", LIKELY),
                ("upgrade-204-or-transport-off", POSSIBLE),
            ],
        ),
        "session-id-unknown" => Meaning::new(
            text!("Another worker, or the server before its restart, knows this session."),
            &[("app-sticky-missing", LIKELY)],
        ),
        "transport-unknown" => Meaning::new(
            text!("The server does not offer this transport."),
            &[("upgrade-204-or-transport-off", LIKELY), ("app-wrong-transport-path", LIKELY)],
        ),
        "engineio-bad-request" => Meaning::new(
            text!(
                "Socket.IO got a request that is no handshake: the Upgrade header is gone, or the transport is wrong."
            ),
            &[("upgrade-stripped", LIKELY), ("app-wrong-transport-path", POSSIBLE)],
        ),
        "engineio-bad-method" => Meaning::new(
            text!("The server refuses the method: a handshake is a GET."),
            &[("upgrade-wrong-method", PROVEN)],
        ),
        "engineio-version" => Meaning::new(
            text!("Client and server speak different versions of Engine.IO."),
            &[("app-wrong-transport-path", LIKELY), ("client-plain-ws-to-engineio", POSSIBLE)],
        ),
        "connection-token-missing" => Meaning::new(
            text!(
                "The application got the request without Connection: Upgrade: a proxy in front replaced it."
            ),
            &[("upgrade-connection-token-missing", PROVEN)],
        ),
        "upgrade-not-arrived" => Meaning::new(
            text!(
                "The application got the request without Upgrade: a proxy in front removed it, or it was no handshake."
            ),
            &[("upgrade-stripped", LIKELY)],
        ),
        "key-bad" => Meaning::new(
            text!("Sec-WebSocket-Key is missing or not 16 bytes in base64."),
            &[("upgrade-key-missing-or-bad", PROVEN)],
        ),
        "version-bad" => Meaning::new(
            text!("Sec-WebSocket-Version is missing or not 13."),
            &[("upgrade-version-rejected", PROVEN)],
        ),
        "method-bad" => Meaning::new(
            text!("The server refuses the method: a handshake is a GET."),
            &[("upgrade-wrong-method", PROVEN)],
        ),
        "http10-arrived" => Meaning::new(
            text!("The request arrived over HTTP/1.0, which has no upgrade: a proxy in front speaks it."),
            &[("upgrade-http10-upstream", PROVEN)],
        ),
        "origin-refused" => Meaning::new(
            text!(
                "The application does not accept the page's Origin, or compares it with a Host that a proxy changed."
            ),
            &[("app-origin-rejected", PROVEN)],
        ),
        "host-refused" => Meaning::new(
            text!("The application does not accept the Host header."),
            &[("app-host-not-allowed", PROVEN)],
        ),
        "proxy-not-trusted" => Meaning::new(
            text!("The application does not trust the proxy in front of it."),
            &[("app-trusted-proxy-missing", PROVEN)],
        ),
        "not-hijackable" => Meaning::new(
            text!("A middleware wraps the response so that the connection cannot be taken over."),
            &[("app-middleware-not-hijackable", PROVEN)],
        ),
        "two-servers" => Meaning::new(
            text!("Two WebSocket servers answer the same upgrade."),
            &[("app-two-ws-servers-one-port", PROVEN)],
        ),
        "no-websocket-library" => Meaning::new(
            text!("The server has no WebSocket support installed."),
            &[("app-no-upgrade-support", PROVEN)],
        ),
        "unmasked-client" => Meaning::new(
            text!("A client, or a proxy in its place, sent a frame without mask."),
            &[("frame-unmasked-client", PROVEN)],
        ),
        "handler-exception" => Meaning::new(
            text!("The application's handler raised an exception."),
            &[("app-handler-exception", PROVEN)],
        ),
        "opening-handshake-failed" => Meaning::new(
            text!("The server could not complete a handshake; the lines below it say why."),
            &[
                ("upgrade-stripped", POSSIBLE),
                ("upgrade-http10-upstream", POSSIBLE),
                ("upgrade-eof-before-response", POSSIBLE),
            ],
        ),
        "subprotocol-dialect" => Meaning::new(
            text!("Client and server speak different subprotocols."),
            &[("upgrade-subprotocol-wrong-dialect", PROVEN)],
        ),
        "init-timeout" => Meaning::new(
            text!("The application waited for a first message that did not come."),
            &[("frame-app-init-timeout", PROVEN)],
        ),
        "too-many-files" => Meaning::new(text!("The process has as many connections open as it may."), &[])
            .advice(text!(
                "Raise the limit of open files (LimitNOFILE, ulimit -n) and close what is no longer used."
            )),
        "address-in-use" => {
            Meaning::new(text!("The server did not start: something else listens at its port."), &[])
                .advice(text!("Find who listens there (ss -ltnp) and stop one of the two."))
        }
        _ => return None,
    };
    Some(meaning)
}
