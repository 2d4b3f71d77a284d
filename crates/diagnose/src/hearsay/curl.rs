//! What is wrong with a curl command that wants to be a handshake.

use super::{Meaning, PROVEN};
use crate::text;
use evidence::Said;

pub(super) fn meaning(said: &Said) -> Option<Meaning> {
    let meaning = match said.id.as_str() {
        "curl-http2" => Meaning::new(
            text!(
                "Over https curl chooses HTTP/2, where Upgrade does not exist: a healthy server answers 400, 404 or 426. Add --http1.1."
            ),
            &[("upgrade-curl-h2-false-negative", PROVEN)],
        ),
        "curl-bad-key" | "curl-no-key" => Meaning::new(
            match (said.id.as_str(), said.reason.as_str()) {
                ("curl-no-key", _) => text!("Sec-WebSocket-Key is missing: it must be 16 bytes in base64."),
                (_, "") => text!("Sec-WebSocket-Key is no base64: it must be 16 bytes in base64."),
                (_, length) => text!(
                    "Sec-WebSocket-Key holds {length} bytes: it must be 16 bytes in base64.",
                    length = length
                ),
            },
            &[("upgrade-key-missing-or-bad", PROVEN)],
        ),
        "curl-no-upgrade" => advised(text!("The header Upgrade: websocket is missing.")),
        "curl-no-connection" => advised(text!("The header Connection: Upgrade is missing.")),
        "curl-no-version" => Meaning::new(
            text!("Sec-WebSocket-Version is missing or not 13."),
            &[("upgrade-version-rejected", PROVEN)],
        ),
        "curl-no-handshake" => advised(text!(
            "This is an ordinary request: without the headers of a handshake no server answers 101."
        )),
        "curl-method" => Meaning::new(
            text!("The method is {method}: a handshake is a GET without a body.", method = &said.reason),
            &[("upgrade-wrong-method", PROVEN)],
        ),
        "curl-ws-scheme" => advised(text!(
            "curl opens ws:// and wss:// by itself only since 7.86, and by default since 8.11; with http(s):// every curl shows the answer."
        )),
        "curl-without-ws" => advised(text!(
            "This curl was built without WebSocket support; with http(s):// and the headers of a handshake it shows the answer."
        )),
        "curl-without-address" => advised(text!("The command has no address.")),
        _ => return None,
    };
    Some(meaning)
}

fn advised(text: crate::Text) -> Meaning {
    Meaning::new(text, &[]).advice(text!(
        "The corrected command is below; keepwire check asks the same and explains the answer."
    ))
}
