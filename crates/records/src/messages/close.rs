//! Close codes in running text: `code 1006`, `CloseEvent { code: 1011, … }`, `received 4401 (private use)`.

use super::{Message, says};
use crate::words::{between, number_after};
use evidence::Said;

/// Codes that stand in a text without a library's own words.
pub(super) const MESSAGES: &[Message] = &[
    says("closed", "SignalR", &["websocket closed with status code"]),
    says("closed", "Node.js", &["closeevent {"]),
];

/// Words in front of a close code.
const BEFORE: &[&str] = &[
    "close code",
    "closecode",
    "close_code",
    "closed with code",
    "websocket: close",
    "status =",
    "statuscode",
    "status code",
    "received",
    "sent",
    "code",
    "closed",
    "disconnected",
    "close",
];

/// Whether a close code is spoken of.
pub(super) fn recognise(lower: &str) -> Option<Said> {
    let topic = ["websocket", "clos", "disconnect", "ws ", "wss:", "ws:", "socket"];
    if !topic.iter().any(|word| lower.contains(word)) && !bare(lower) {
        return None;
    }
    let code = code(lower)?;
    Some(Said {
        id: "closed".to_owned(),
        code: Some(code),
        reason: reason(lower, Some(code)),
        ..Said::default()
    })
}

/// `code 1006`, `1006`: nothing else was pasted.
fn bare(lower: &str) -> bool {
    lower.split_whitespace().count() <= 3
}

/// The close code of a text.
pub(super) fn code(lower: &str) -> Option<u16> {
    if lower.contains("no close frame received or sent")
        || lower.contains("without closing handshake")
        || lower.contains("without completing the close handshake")
    {
        return Some(1006);
    }
    let known = |code: &u16| (1000..=1015).contains(code) || (3000..=4999).contains(code);
    let behind = BEFORE.iter().find_map(|word| {
        let mut rest = lower;
        while let Some(at) = rest.find(word) {
            if let Some(code) =
                number_after(&rest[at..], word).and_then(|n| u16::try_from(n).ok()).filter(known)
            {
                return Some(code);
            }
            rest = &rest[at + word.len()..];
        }
        None
    });
    behind.or_else(|| {
        // A number that stands alone is a code only where nothing else is said.
        bare(lower).then(|| crate::words::code_in(lower, 1000..1016)).flatten()
    })
}

/// The reason beside a code: what stands in quotes, or behind `reason`.
pub(super) fn reason(line: &str, code: Option<u16>) -> String {
    let found = between(line, "reason: '", "'")
        .or_else(|| between(line, "reason: \"", "\""))
        .or_else(|| between(line, "\"reason\":\"", "\""))
        .or_else(|| between(line, "reason='", "'"))
        .or_else(|| between(line, "reason = \"", "\""))
        .or_else(|| code.and_then(|code| between(line, &format!("{code} (private use) "), ";")))
        .or_else(|| code.and_then(|code| between(line, &format!("{code} (policy violation) "), ";")));
    found.unwrap_or_default().chars().take(123).collect()
}

#[cfg(test)]
mod tests {
    use crate::messages::recognise;

    #[test]
    fn codes_and_what_only_looks_like_them() {
        for (line, code, reason) in [
            ("WebSocket closed: code=1006 reason=", Some(1006), ""),
            (
                "CloseEvent {isTrusted: true, wasClean: false, code: 1006, reason: '', type: 'close'}",
                Some(1006),
                "",
            ),
            ("socket closed 4401 reason: \"token expired\"", Some(4401), "token expired"),
            ("code 1006", Some(1006), ""),
            ("1011", Some(1011), ""),
            ("Disconnected (code: 1001, reason: \"\")", Some(1001), ""),
            ("Connection closed with status code 1011", Some(1011), ""),
            ("WebSocket server listening on port 3000", None, ""),
            ("listening on 3000", None, ""),
            ("GET /ws 1006 bytes sent in 4000 ms to an open socket", None, ""),
        ] {
            let said = recognise(line);
            assert_eq!(said.as_ref().and_then(|said| said.code), code, "{line}");
            assert_eq!(said.map(|said| said.reason).unwrap_or_default(), reason, "{line}");
        }
    }
}
