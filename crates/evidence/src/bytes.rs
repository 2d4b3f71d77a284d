//! Bytes from a peer, kept short and shown safely.

use serde::{Deserialize, Serialize};

/// The beginning of some bytes that a peer sent, as text where they are text and as escapes where not.
///
/// It is safe to print: control characters are escaped, so a hostile peer cannot move the cursor.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Preview {
    /// Printable form; other bytes are written as `\xNN`, line ends as `\r` and `\n`.
    pub text: String,
    /// How many bytes there were in all (of those that were read).
    pub length: u64,
    /// The first bytes in hexadecimal, 32 at the most, for people who read protocols.
    pub hex: String,
}

impl Preview {
    /// Keeps at most `limit` bytes of `bytes`.
    #[must_use]
    pub fn new(bytes: &[u8], limit: usize) -> Self {
        let shown = &bytes[..bytes.len().min(limit)];
        let hex = bytes.iter().take(32).map(|byte| format!("{byte:02x}")).collect::<Vec<_>>().join(" ");
        Self { text: printable(shown), length: bytes.len() as u64, hex }
    }

    /// Whether the text begins with `prefix`.
    #[must_use]
    pub fn starts_with(&self, prefix: &str) -> bool {
        self.text.starts_with(prefix)
    }
}

/// Text for people: valid UTF-8 stays, control characters and broken bytes become escapes.
#[must_use]
pub fn printable(bytes: &[u8]) -> String {
    let mut out = String::with_capacity(bytes.len());
    for chunk in bytes.utf8_chunks() {
        for character in chunk.valid().chars() {
            match character {
                '\r' => out.push_str("\\r"),
                '\n' => out.push_str("\\n"),
                '\t' => out.push('\t'),
                // Besides controls: bidirectional overrides could make a report read backwards.
                c if c.is_control()
                    || ('\u{202a}'..='\u{202e}').contains(&c)
                    || ('\u{2066}'..='\u{2069}').contains(&c) =>
                {
                    out.extend(c.escape_unicode());
                }
                c => out.push(c),
            }
        }
        for byte in chunk.invalid() {
            out.push_str(&format!("\\x{byte:02x}"));
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_stays_and_everything_else_is_escaped() {
        for (bytes, shown) in [
            (&b"HTTP/1.1 426"[..], "HTTP/1.1 426"),
            (b"a\r\nb", "a\\r\\nb"),
            (b"\x16\x03\x01", "\\u{16}\\u{3}\\u{1}"),
            (b"\xff\xfe", "\\xff\\xfe"),
            ("\u{1b}[2J".as_bytes(), "\\u{1b}[2J"),
            ("abc\u{202e}".as_bytes(), "abc\\u{202e}"),
            ("升级".as_bytes(), "升级"),
        ] {
            assert_eq!(printable(bytes), shown);
        }
    }

    #[test]
    fn a_preview_is_short_and_counts_all() {
        let preview = Preview::new(&[b'a'; 1000], 10);
        assert_eq!(preview.text, "aaaaaaaaaa");
        assert_eq!(preview.length, 1000);
        assert_eq!(preview.hex.len(), 32 * 3 - 1);
    }
}
