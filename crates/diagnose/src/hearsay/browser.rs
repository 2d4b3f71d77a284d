//! What browsers say: about the page, the handshake's headers, and frames.

use super::{ANYTHING, LIKELY, Meaning, POSSIBLE, PROVEN};
use crate::text;
use evidence::Said;

pub(super) fn meaning(said: &Said) -> Option<Meaning> {
    let meaning = match said.id.as_str() {
        "closed-before-established" => Meaning::new(
            text!("The page itself closed the socket before it was open: a component was unmounted, or a library's time was over."),
            &[("client-connect-timeout-short", POSSIBLE), ("upgrade-never-answered", POSSIBLE)],
        )
        .advice(text!("Where a second connection opens at once, it is the page's own cleanup (React StrictMode, effects): do not close a socket that is still connecting.")),
        "handshake-canceled" | "aborted" => Meaning::calm(text!("The page gave the connection up while it was being made.")),
        "closed-before-response" => Meaning::new(
            text!("The connection ended after the request and before any answer."),
            &[
                ("upgrade-eof-before-response", LIKELY),
                ("tls-plaintext-to-tls-port", POSSIBLE),
                ("client-plain-ws-to-engineio", POSSIBLE),
                ("tcp-dpi-reset-on-upgrade", POSSIBLE),
            ],
        ),
        "http-auth-failed" => Meaning::new(
            text!("The server wants HTTP authentication, which browsers do not repeat for sockets."),
            &[("page-basic-auth-not-replayed", LIKELY), ("app-auth-401", LIKELY)],
        ),
        "upgrade-header-missing" => Meaning::new(
            text!("The 101 lacks its Upgrade header: a hop removed it."),
            &[("upgrade-101-missing-upgrade", PROVEN)],
        ),
        "connection-header-missing" => Meaning::new(
            text!("The 101 lacks Connection: Upgrade: a hop rewrote it."),
            &[("upgrade-101-missing-connection", PROVEN)],
        ),
        "accept-mismatch" => Meaning::new(
            text!("The answer does not belong to the key that was sent: a hop makes handshakes of its own, or a cache answered."),
            &[("upgrade-accept-mismatch", PROVEN)],
        ),
        "accept-missing" => Meaning::new(
            text!("The 101 lacks Sec-WebSocket-Accept."),
            &[("upgrade-accept-missing", PROVEN)],
        ),
        "subprotocol-not-answered" => Meaning::new(
            text!("The client offered subprotocols and the server chose none."),
            &[("upgrade-subprotocol-not-answered", PROVEN)],
        ),
        "subprotocol-unrequested" => Meaning::new(
            text!("The server chose a subprotocol that was not offered."),
            &[("upgrade-subprotocol-unrequested", PROVEN)],
        ),
        "extension-unsupported" => Meaning::new(
            text!("The server agreed to an extension that was not offered, or with wrong parameters."),
            &[("upgrade-extension-not-offered", PROVEN)],
        ),
        "extension-empty" => Meaning::new(
            text!("The 101 holds an empty Sec-WebSocket-Extensions header."),
            &[("upgrade-empty-extension-header", PROVEN)],
        ),
        "header-twice" => Meaning::new(
            text!("A header that may stand once stands twice: two hops add it."),
            &[("upgrade-duplicate-headers", PROVEN)],
        ),
        "invalid-frame-header" => Meaning::new(
            text!("What came over the connection is no WebSocket frame."),
            &[
                ("frame-reserved-bits", LIKELY),
                ("frame-http-in-stream", LIKELY),
                ("app-two-ws-servers-one-port", POSSIBLE),
                ("interception-breaks-frames", POSSIBLE),
                ("frame-deflate-corrupt", POSSIBLE),
            ],
        ),
        "reserved-bits" => Meaning::new(
            text!("A frame has reserved bits set that nobody agreed on: mostly compression whose header a hop removed."),
            &[
                ("frame-reserved-bits", LIKELY),
                ("interception-breaks-frames", POSSIBLE),
                ("frame-deflate-corrupt", POSSIBLE),
                ("app-two-ws-servers-one-port", POSSIBLE),
            ],
        ),
        "masked-by-server" => {
            Meaning::new(text!("The server masks its frames, which it must not."), &[("frame-masked-server", PROVEN)])
        }
        "invalid-utf8" => Meaning::new(
            text!("A text message is no valid UTF-8."),
            &[("frame-invalid-utf8", PROVEN)],
        ),
        "control-frame-bad" => Meaning::new(
            text!("A ping, pong or close frame is too long or in pieces."),
            &[("frame-control-frame-bad", PROVEN)],
        ),
        "opcode-bad" => Meaning::new(
            text!("A frame has an unknown kind, or comes in the wrong order."),
            &[("frame-opcode-or-sequence", LIKELY), ("frame-http-in-stream", POSSIBLE), ("interception-breaks-frames", POSSIBLE)],
        ),
        "close-frame-bad" => Meaning::new(text!("A close frame is malformed."), &[("frame-bad-close-frame", PROVEN)]),
        "length-bad" => Meaning::new(
            text!("A frame's length is not written in the shortest way."),
            &[("frame-length-encoding-bug", PROVEN)],
        ),
        "deflate-failed" => Meaning::new(
            text!("A compressed message cannot be unpacked."),
            &[("frame-deflate-corrupt", LIKELY), ("interception-breaks-frames", POSSIBLE)],
        ),
        "mixed-content" => Meaning::new(
            text!("An https page opened a ws:// address, which browsers forbid: use wss://."),
            &[("page-mixed-content", PROVEN)],
        ),
        "csp-blocked" => Meaning::new(
            text!("The page's Content-Security-Policy does not list the socket's address in connect-src."),
            &[("page-csp-connect-src", PROVEN)],
        ),
        "lna-blocked" => Meaning::new(
            text!("Chrome forbids public pages to reach addresses of the local network without permission."),
            &[("page-lna-blocked", PROVEN)],
        ),
        "unsafe-port" => {
            Meaning::new(text!("Browsers never connect to this port."), &[("page-unsafe-port", PROVEN)])
        }
        "invalid-url" => Meaning::new(
            text!("The address is none that a browser takes for a WebSocket."),
            &[("page-invalid-url", PROVEN)],
        ),
        "operation-insecure" => Meaning::new(
            text!("The browser forbids the socket: ws:// from an https page, or a Content-Security-Policy."),
            &[("page-mixed-content", LIKELY), ("page-csp-connect-src", POSSIBLE), ("page-csp-self-old-webkit", POSSIBLE)],
        ),
        "firefox-cannot-connect" | "connection-failed" => Meaning::new(
            text!("The connection failed; the message does not say why."),
            ANYTHING,
        ),
        "bad-response" => Meaning::new(
            text!("The server did not answer with 101; the message does not say with what."),
            ANYTHING,
        ),
        "connection-lost" => Meaning::new(
            text!("The connection ended without a close frame."),
            &[("close-1006-silent", LIKELY), ("idle-other-proxies", POSSIBLE), ("idle-nat-state-lost", POSSIBLE)],
        ),
        "vite-failed" | "vite-fallback" => Meaning::new(
            text!("The dev server's own socket (hot reload) is asked for at an address that does not reach it."),
            &[("page-wrong-port-behind-proxy", LIKELY), ("upgrade-stripped", POSSIBLE), ("app-vite-token", POSSIBLE)],
        ),
        "bad-subprotocol-argument" => Meaning::new(
            text!("The page gave the constructor a subprotocol that is no token, or twice the same."),
            &[],
        )
        .advice(text!("Tokens in the second argument must be base64url without padding, and each only once.")),
        "send-too-early" | "send-too-late" => Meaning::new(
            text!("The page sent while the socket was not open; the connection itself may be healthy."),
            &[],
        )
        .advice(text!("Send after the open event, look at readyState, and find out why it closed if it did.")),
        "interrupted-by-navigation" => Meaning::calm(text!("The page was left or reloaded while the socket was there.")),
        "blocked-by-extension" => Meaning::new(text!("A browser extension blocked the connection."), &[])
            .advice(text!("Try a fresh profile without extensions; allow the address in the ad blocker.")),
        "too-many-sockets" => Meaning::new(text!("The browser has as many sockets open as it allows."), &[])
            .advice(text!("Close sockets that are no longer used, or share one between tabs (SharedWorker).")),
        "suspended" => Meaning::calm(text!("The device or the tab went to sleep; reconnect when it is visible again.")),
        _ => return None,
    };
    Some(meaning)
}
