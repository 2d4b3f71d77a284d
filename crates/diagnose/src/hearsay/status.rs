//! A status instead of 101, as a client names it or a log has it.

use super::{ANYTHING, LIKELY, Meaning, POSSIBLE, PROVEN};
use crate::text;
use evidence::Said;

pub(super) fn meaning(said: &Said) -> Option<Meaning> {
    if !matches!(said.id.as_str(), "unexpected-response-code" | "status-logged" | "opened") {
        return None;
    }
    let Some(status) = said.status else {
        return Some(Meaning::new(
            text!("The server did not answer with 101; the message does not say with what."),
            ANYTHING,
        ));
    };
    let url = said.url.as_deref().unwrap_or_default();
    let engine_io = url.contains("socket.io") || url.contains("transport=");
    let meaning = match status {
        101 => Meaning::calm(text!("The connection was opened.")),
        0 => Meaning::new(
            text!("The proxy ended the connection without any answer."),
            &[("app-forward-auth-breaks", POSSIBLE), ("upgrade-eof-before-response", POSSIBLE)],
        ),
        100..=199 => Meaning::new(
            text!("An interim answer came before the 101, which browsers refuse."),
            &[("upgrade-interim-1xx", PROVEN)],
        ),
        204 => Meaning::new(
            text!("The server answers that there is nothing here: its WebSocket transport is off."),
            &[("upgrade-204-or-transport-off", LIKELY), ("upgrade-200-html", POSSIBLE)],
        ),
        200..=299 => Meaning::new(
            text!("The server sent a normal answer instead of switching protocols."),
            &[
                ("upgrade-200-html", LIKELY),
                ("upgrade-stripped", POSSIBLE),
                ("upgrade-login-redirect", POSSIBLE),
                ("upgrade-200-empty-no-route", POSSIBLE),
                ("captive-portal", POSSIBLE),
            ],
        ),
        302 | 303 => Meaning::new(
            text!("The server redirects, and browsers do not follow redirects for WebSockets."),
            &[
                ("upgrade-login-redirect", LIKELY),
                ("upgrade-https-redirect", POSSIBLE),
                ("upgrade-trailing-slash-redirect", POSSIBLE),
            ],
        ),
        300..=399 => Meaning::new(
            text!("The server redirects, and browsers do not follow redirects for WebSockets."),
            &[
                ("upgrade-https-redirect", LIKELY),
                ("upgrade-trailing-slash-redirect", LIKELY),
                ("upgrade-login-redirect", POSSIBLE),
            ],
        ),
        400 if engine_io => Meaning::new(
            text!("Socket.IO refuses the request: mostly another worker knows the session."),
            &[
                ("app-sticky-missing", LIKELY),
                ("upgrade-stripped", LIKELY),
                ("app-origin-rejected", POSSIBLE),
            ],
        ),
        400 => Meaning::new(
            text!("The server takes the request for no proper handshake."),
            &[
                ("upgrade-stripped", LIKELY),
                ("app-sticky-missing", POSSIBLE),
                ("app-trusted-proxy-missing", POSSIBLE),
                ("upgrade-headers-too-large", POSSIBLE),
                ("tls-plaintext-to-tls-port", POSSIBLE),
            ],
        ),
        401 => Meaning::new(
            text!("The server wants credentials, and the handshake has none that it accepts."),
            &[
                ("app-auth-401", LIKELY),
                ("page-cookie-not-sent", POSSIBLE),
                ("page-auth-header-impossible", POSSIBLE),
                ("page-basic-auth-not-replayed", POSSIBLE),
            ],
        ),
        403 => Meaning::new(
            text!("The server forbids it: mostly because of the Origin, the path or a filter."),
            &[
                ("app-origin-rejected", LIKELY),
                ("upgrade-path-404", POSSIBLE),
                ("app-close-before-accept", POSSIBLE),
                ("app-waf-blocked", POSSIBLE),
                ("tcp-source-blocked", POSSIBLE),
            ],
        ),
        404 => Meaning::new(
            text!(
                "Nothing serves a WebSocket at this path, or the request arrived there without its Upgrade."
            ),
            &[
                ("upgrade-path-404", LIKELY),
                ("upgrade-stripped", LIKELY),
                ("app-sticky-missing", POSSIBLE),
                ("app-origin-rejected", POSSIBLE),
            ],
        ),
        405 => Meaning::new(
            text!("The server refuses the method: a handshake is a GET."),
            &[("upgrade-wrong-method", LIKELY), ("upgrade-path-404", POSSIBLE)],
        ),
        407 => Meaning::new(
            text!("A forward proxy wants credentials."),
            &[("forward-proxy-auth-required", PROVEN)],
        ),
        414 | 431 => Meaning::new(
            text!("The address or the headers are larger than the server takes."),
            &[("upgrade-headers-too-large", PROVEN)],
        ),
        421 => Meaning::new(
            text!("The server does not serve this host name here."),
            &[("upgrade-host-mismatch", LIKELY)],
        ),
        426 => Meaning::new(
            text!("The server asks for an upgrade: the one that the client sent did not arrive."),
            &[
                ("upgrade-stripped", LIKELY),
                ("upgrade-connection-token-missing", POSSIBLE),
                ("upgrade-version-rejected", POSSIBLE),
                ("upgrade-curl-h2-false-negative", POSSIBLE),
            ],
        ),
        429 => Meaning::new(
            text!("The server limits how many or how fast connections come."),
            &[("app-rate-limited", PROVEN)],
        ),
        408 | 499 => Meaning::new(
            text!("The client gave up before there was an answer."),
            &[("upgrade-never-answered", LIKELY), ("client-connect-timeout-short", POSSIBLE)],
        ),
        501 => Meaning::new(text!("The server cannot upgrade."), &[("app-no-upgrade-support", LIKELY)]),
        502 => Meaning::new(
            text!("The proxy got no usable answer from the application."),
            &[
                ("upgrade-bad-gateway", LIKELY),
                ("upgrade-eof-before-response", POSSIBLE),
                ("tls-upstream-scheme-mismatch", POSSIBLE),
            ],
        ),
        503 => Meaning::new(
            text!("No server is there to take it, or a limit is reached."),
            &[
                ("tcp-lb-no-healthy-target", LIKELY),
                ("app-rate-limited", POSSIBLE),
                ("upgrade-bad-gateway", POSSIBLE),
            ],
        ),
        504 => Meaning::new(
            text!("The application did not answer the handshake in time."),
            &[("upgrade-never-answered", LIKELY), ("upgrade-bad-gateway", POSSIBLE)],
        ),
        505 => Meaning::new(
            text!("The application refuses the HTTP version with which the proxy asks."),
            &[("upgrade-http10-upstream", LIKELY)],
        ),
        511 => Meaning::new(text!("The network wants a login first."), &[("captive-portal", PROVEN)]),
        520..=527 => Meaning::new(
            text!("Cloudflare could not get an answer from the origin."),
            &[("upgrade-bad-gateway", LIKELY), ("tls-upstream-verify-failed", POSSIBLE)],
        ),
        500..=599 => Meaning::new(
            text!("The application failed while it handled the handshake."),
            &[
                ("app-handler-exception", LIKELY),
                ("app-middleware-not-hijackable", POSSIBLE),
                ("app-no-upgrade-support", POSSIBLE),
            ],
        ),
        _ => Meaning::new(
            text!("The server refused with a status that is rare for WebSockets."),
            &[("upgrade-refused-by-proxy", POSSIBLE), ("app-waf-blocked", POSSIBLE)],
        ),
    };
    Some(meaning)
}
