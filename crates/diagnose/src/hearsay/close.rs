//! Close codes (RFC 6455 section 7.4, the IANA registry, and what applications made their own).

use super::{LIKELY, Meaning, POSSIBLE, PROVEN};
use crate::text;
use evidence::Said;

pub(super) fn meaning(said: &Said) -> Option<Meaning> {
    if said.id != "closed" {
        return None;
    }
    let meaning = match said.code.unwrap_or(1005) {
        1000 | 1005 => Meaning::calm(text!("The connection was closed normally.")),
        1001 => Meaning::new(
            text!("The other side went away: a page was left, or a server was stopped or reloaded."),
            &[("close-by-server", LIKELY)],
        ),
        1002 => Meaning::new(
            text!("The other side found a frame that breaks the protocol."),
            &[
                ("frame-opcode-or-sequence", POSSIBLE),
                ("frame-reserved-bits", POSSIBLE),
                ("frame-unmasked-client", POSSIBLE),
            ],
        ),
        1003 => Meaning::new(
            text!("The other side does not take this kind of message (text or binary)."),
            &[("frame-unacceptable-type", PROVEN)],
        ),
        1006 => Meaning::new(
            text!(
                "The connection ended without a close frame: 1006 is what the client writes when nobody said anything."
            ),
            &[
                ("close-1006-silent", LIKELY),
                ("idle-nginx-read-timeout", POSSIBLE),
                ("idle-other-proxies", POSSIBLE),
                ("idle-nat-state-lost", POSSIBLE),
                ("upgrade-stripped", POSSIBLE),
            ],
        ),
        1007 => Meaning::new(text!("A text message is no valid UTF-8."), &[("frame-invalid-utf8", PROVEN)]),
        1008 => Meaning::new(
            text!("The server closed by a rule of its own: credentials, origin or a limit."),
            &[
                ("app-auth-after-open", LIKELY),
                ("app-rate-limited", POSSIBLE),
                ("app-origin-rejected", POSSIBLE),
            ],
        ),
        1009 => Meaning::new(
            text!("A message was larger than the other side takes."),
            &[("frame-message-too-big", PROVEN)],
        ),
        1010 => Meaning::new(
            text!("The client wanted an extension that the server did not agree to."),
            &[("upgrade-extension-not-offered", LIKELY)],
        ),
        1011 => Meaning::new(
            text!("The server failed while it served the connection."),
            &[("app-handler-exception", LIKELY), ("keepalive-no-pong", POSSIBLE)],
        ),
        1012 => Meaning::new(text!("The server restarts."), &[("close-by-server", PROVEN)]),
        1013 => Meaning::new(
            text!("The server is overloaded and asks to come back later."),
            &[("app-rate-limited", LIKELY)],
        ),
        1014 => Meaning::new(
            text!("A gateway got no usable answer from the server behind it."),
            &[("upgrade-bad-gateway", LIKELY)],
        ),
        1015 => Meaning::new(
            text!("The TLS handshake failed."),
            &[
                ("tls-self-signed", POSSIBLE),
                ("tls-cert-expired", POSSIBLE),
                ("tls-cert-wrong-host", POSSIBLE),
            ],
        ),
        3000 | 3003 | 4001 | 4003 | 4401 | 4403 => Meaning::new(
            text!("The application did not accept the credentials, and said so after it had opened."),
            &[("app-auth-after-open", PROVEN)],
        ),
        4406 => Meaning::new(
            text!("Client and server speak different subprotocols."),
            &[("upgrade-subprotocol-wrong-dialect", PROVEN)],
        ),
        3008 | 4408 => Meaning::new(
            text!("The application waited for a first message that did not come."),
            &[("frame-app-init-timeout", PROVEN)],
        ),
        4429 => Meaning::new(
            text!("The server limits how many or how fast connections come."),
            &[("app-rate-limited", PROVEN)],
        ),
        _ => Meaning::new(
            text!("The application closed with a code of its own: its documentation says what it means."),
            &[("close-by-server", LIKELY), ("app-auth-after-open", POSSIBLE)],
        ),
    };
    Some(meaning)
}
