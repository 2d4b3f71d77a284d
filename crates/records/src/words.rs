//! Small helpers for text from outside: everything that is kept is short, printable and without secrets.

use evidence::{Redactor, printable};

/// Most bytes of a line that are kept to be shown.
const EXCERPT: usize = 320;

/// The beginning of a line, fit to be shown.
pub(crate) fn excerpt(line: &[u8], redactor: Redactor) -> String {
    let cut = &line[..line.len().min(EXCERPT)];
    let mut shown = struck(&printable(cut.trim_ascii()), redactor);
    if line.len() > EXCERPT {
        shown.push('…');
    }
    shown
}

/// Free text without secrets: headers, URLs and tokens in it.
pub(crate) fn struck(text: &str, redactor: Redactor) -> String {
    let mut out = String::with_capacity(text.len());
    let mut hide_next = false;
    for piece in
        text.split_inclusive([' ', '\t', '"', '\'', ',', ';', '(', ')', '<', '>', '{', '}', '[', ']'])
    {
        let last = piece.chars().last().filter(|c| " \t\"',;()<>{}[]".contains(*c));
        let word = last.map_or(piece, |c| &piece[..piece.len() - c.len_utf8()]);
        let lower = word.to_ascii_lowercase();
        if hide_next && word.len() > 3 {
            out.push_str(&redactor.header("x-token", word));
            hide_next = false;
        } else if word.contains("://") {
            out.push_str(&redactor.url(word));
        } else if word.contains('?') && word.contains('=') || (word.contains('&') && word.contains('=')) {
            out.push_str(&redactor.path(word));
        } else if let Some((name, value)) = word.split_once('=').filter(|(name, value)| {
            !name.is_empty() && value.len() > 5 && redactor.header(name, "xxxxxxxx") != "xxxxxxxx"
        }) {
            out.push_str(&format!("{name}={}", redactor.header(name, value)));
        } else {
            out.push_str(&redactor.text(word));
        }
        if matches!(lower.as_str(), "bearer" | "basic" | "digest" | "negotiate") {
            hide_next = true;
        }
        if matches!(
            lower.as_str(),
            "authorization:"
                | "cookie:"
                | "set-cookie:"
                | "proxy-authorization:"
                | "x-api-key:"
                | "x-auth-token:"
        ) {
            hide_next = true;
        }
        out.extend(last);
    }
    out
}

/// The first address of a WebSocket (or any URL) in a text: `wss://…`, in quotes or not.
pub(crate) fn url_in(text: &str) -> Option<&str> {
    let mut best: Option<&str> = None;
    for scheme in ["wss://", "ws://", "https://", "http://"] {
        if let Some(start) = find_word(text, scheme) {
            let rest = &text[start..];
            let end =
                rest.find(|c: char| c.is_whitespace() || "'\"`<>)]}’”,".contains(c)).unwrap_or(rest.len());
            let found = rest[..end].trim_end_matches([':', '.', ';']);
            if found.len() > scheme.len() && best.is_none() {
                best = Some(found);
            }
        }
        // A socket's own address tells more than the page's.
        if best.is_some() && scheme == "ws://" {
            break;
        }
    }
    best
}

fn find_word(text: &str, word: &str) -> Option<usize> {
    let mut from = 0;
    while let Some(at) = text[from..].find(word) {
        let at = from + at;
        let before = text[..at].chars().last();
        if before.is_none_or(|c| !c.is_ascii_alphanumeric()) {
            return Some(at);
        }
        from = at + word.len();
    }
    None
}

/// The first number after a word.
pub(crate) fn number_after(text: &str, word: &str) -> Option<u64> {
    let start = text.find(word)? + word.len();
    let rest = text[start..].trim_start_matches([' ', ':', '=', '\'', '"', '(', '‘', '<']);
    let digits = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
    if digits == 0 || digits > 9 { None } else { rest[..digits].parse().ok() }
}

/// An HTTP status or close code: the first number of this many digits that stands alone in the text.
pub(crate) fn code_in(text: &str, range: std::ops::Range<u16>) -> Option<u16> {
    text.split(|c: char| !c.is_ascii_alphanumeric())
        .filter_map(|word| word.parse::<u16>().ok())
        .find(|number| range.contains(number))
}

/// What stands between two marks.
pub(crate) fn between<'a>(text: &'a str, open: &str, close: &str) -> Option<&'a str> {
    let start = text.find(open)? + open.len();
    let end = text[start..].find(close)?;
    Some(&text[start..start + end])
}

/// Bytes as text; what is no UTF-8 becomes a sign for it.
pub(crate) fn text(bytes: &[u8]) -> std::borrow::Cow<'_, str> {
    String::from_utf8_lossy(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_found() {
        for (text, url) in [
            ("WebSocket connection to 'wss://h/ws?a=1' failed:", Some("wss://h/ws?a=1")),
            ("can’t establish a connection to the server at wss://h/ws.", Some("wss://h/ws")),
            ("https://page/ tried ws://h:80/x, failed", Some("ws://h:80/x")),
            ("see https://h/", Some("https://h/")),
            ("news://x", None),
            ("ws://", None),
        ] {
            assert_eq!(url_in(text), url, "{text}");
        }
    }

    #[test]
    fn secrets_go() {
        for (text, secret) in [
            ("GET /ws?token=abcdefgh HTTP/1.1", "abcdefgh"),
            ("Authorization: Bearer abcdefghijkl", "abcdefghijkl"),
            ("-H 'Cookie: sid=abcdefghijkl'", "abcdefghijkl"),
            ("access_token=abcdefghijkl", "abcdefghijkl"),
            ("to 'wss://u:pw@h/x?sid=abcdefgh' failed", "abcdefgh"),
            ("to 'wss://u:secretpw@h/x' failed", "secretpw"),
        ] {
            let shown = struck(text, Redactor::ON);
            assert!(!shown.contains(secret), "{shown}");
        }
        assert_eq!(struck("code 1006 (no reason)", Redactor::ON), "code 1006 (no reason)");
    }

    #[test]
    fn numbers() {
        assert_eq!(number_after("response code: 404", "response code"), Some(404));
        assert_eq!(number_after("code=1006", "code"), Some(1006));
        assert_eq!(number_after("no code", "code"), None);
        assert_eq!(code_in("HTTP/1.1 503 x", 100..600), Some(503));
    }
}
