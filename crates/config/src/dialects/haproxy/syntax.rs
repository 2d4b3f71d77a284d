//! Lines, words and sections.

use crate::Document;
use crate::dialects::common::At;
use std::ops::Range;

/// Longest line that is looked at; HAProxy itself stops at 2048 bytes by default, and at 64 words.
const LONGEST: usize = 65_536;
/// Words of a line that are kept.
const WORDS: usize = 256;

/// A word: what it means, and where it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Word {
    pub text: String,
    pub range: Range<usize>,
}

/// A line with at least one word.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Line {
    pub words: Vec<Word>,
}

/// A section with its lines; the head is the first.
#[derive(Debug, Clone)]
pub(crate) struct Section {
    /// `frontend`, `backend`, `listen`, `defaults`, `global`, or another.
    pub kind: String,
    pub name: String,
    pub head: Line,
    pub lines: Vec<Line>,
    /// The `defaults` section that it inherits from, by its number.
    pub defaults: Option<usize>,
}

impl Line {
    /// The text of a word; empty beyond the last.
    pub(crate) fn word(&self, number: usize) -> &str {
        self.words.get(number).map_or("", |word| word.text.as_str())
    }

    /// Whether it begins with these words.
    pub(crate) fn is(&self, words: &[&str]) -> bool {
        words.iter().enumerate().all(|(number, word)| self.word(number).eq_ignore_ascii_case(word))
    }

    pub(crate) fn range(&self) -> Range<usize> {
        let start = self.words.first().map_or(0, |word| word.range.start);
        start..self.words.last().map_or(start, |word| word.range.end)
    }

    pub(crate) fn at(&self) -> At {
        At::new(0, self.range())
    }

    pub(crate) fn text(&self) -> String {
        self.words.iter().map(|word| word.text.as_str()).collect::<Vec<_>>().join(" ")
    }
}

impl Section {
    /// The last line that begins with these words: HAProxy lets the later one win.
    pub(crate) fn last(&self, words: &[&str]) -> Option<&Line> {
        self.lines.iter().rev().find(|line| line.is(words))
    }
}

/// Words that begin a section.
const KINDS: &[&str] = &[
    "global",
    "defaults",
    "frontend",
    "backend",
    "listen",
    "userlist",
    "peers",
    "resolvers",
    "mailers",
    "program",
    "http-errors",
    "ring",
    "log-forward",
    "log-profile",
    "cache",
    "fcgi-app",
    "crt-store",
    "traces",
    "acme",
];

/// The sections of a file; and what of it cannot be read.
pub(crate) fn sections(document: &Document) -> (Vec<Section>, Option<(At, String)>) {
    let mut found: Vec<Section> = Vec::new();
    let mut unread = None;
    for number in 0..document.line_count() {
        let range = document.line_range(number);
        if range.len() > LONGEST {
            unread = unread.or_else(|| Some((At::new(0, range.clone()), "the line is too long".to_owned())));
            continue;
        }
        let line = match words(document, range.clone()) {
            Ok(words) => Line { words },
            Err(why) => {
                unread = unread.or_else(|| Some((At::new(0, range.clone()), why.to_owned())));
                continue;
            }
        };
        if line.words.is_empty() {
            continue;
        }
        let kind = line.word(0);
        if KINDS.contains(&kind) {
            found.push(Section {
                kind: kind.to_owned(),
                name: line.word(1).to_owned(),
                head: line.clone(),
                lines: Vec::new(),
                defaults: None,
            });
        } else if let Some(section) = found.last_mut() {
            section.lines.push(line);
        }
    }
    inherit(&mut found);
    (found, unread)
}

/// Which `defaults` each section has: the one it names with `from`, else the last before it (manual, section 4).
fn inherit(sections: &mut [Section]) {
    let mut last = None;
    let mut all: Vec<Option<usize>> = Vec::with_capacity(sections.len());
    for (number, section) in sections.iter().enumerate() {
        let named = section
            .head
            .words
            .iter()
            .position(|word| word.text == "from")
            .map(|at| section.head.word(at + 1))
            .and_then(|name| {
                sections.iter().position(|other| {
                    other.kind == "defaults" && other.name == name && !name.is_empty() && name != section.name
                })
            });
        all.push(match section.kind.as_str() {
            "frontend" | "backend" | "listen" => named.or(last),
            "defaults" => named,
            _ => None,
        });
        if section.kind == "defaults" {
            last = Some(number);
        }
    }
    for (section, defaults) in sections.iter_mut().zip(all) {
        section.defaults = defaults;
    }
}

/// The words of a line as HAProxy parts them (manual, section 2.2): backslashes escape, quotes group, `#` ends it.
fn words(document: &Document, range: Range<usize>) -> Result<Vec<Word>, &'static str> {
    let bytes = &document.text;
    let mut at = range.start;
    if at == 0 && bytes.starts_with(b"\xEF\xBB\xBF") {
        at = 3;
    }
    let mut found = Vec::new();
    while at < range.end && found.len() < WORDS {
        if matches!(bytes[at], b' ' | b'\t' | b'\r') {
            at += 1;
            continue;
        }
        if bytes[at] == b'#' {
            break;
        }
        let start = at;
        let mut text = Vec::new();
        let mut quote = None;
        while at < range.end {
            let byte = bytes[at];
            match (quote, byte) {
                (None, b' ' | b'\t' | b'\r' | b'#') => break,
                (None, b'"' | b'\'') => quote = Some(byte),
                (Some(open), _) if byte == open => quote = None,
                (None | Some(b'"'), b'\\') if at + 1 < range.end => {
                    at += 1;
                    match bytes[at] {
                        b'n' => text.push(b'\n'),
                        b'r' => text.push(b'\r'),
                        b't' => text.push(b'\t'),
                        other @ (b' ' | b'#' | b'\\' | b'"' | b'\'' | b'$') => text.push(other),
                        // In regular expressions people write `\.`; HAProxy keeps the backslash.
                        other => text.extend_from_slice(&[b'\\', other]),
                    }
                }
                _ => text.push(byte),
            }
            at += 1;
        }
        if quote.is_some() {
            return Err("a quote is not closed");
        }
        found.push(Word { text: String::from_utf8_lossy(&text).into_owned(), range: start..at });
    }
    Ok(found)
}

/// A time as HAProxy writes it (manual, section 2.5): milliseconds unless a unit says otherwise.
pub(crate) fn time(text: &str) -> Option<u64> {
    let digits = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let number: u64 = text.get(..digits)?.parse().ok()?;
    let unit = match text.get(digits..)? {
        "us" => return Some(number.div_ceil(1000)),
        "" | "ms" => 1,
        "s" => 1000,
        "m" => 60_000,
        "h" => 3_600_000,
        "d" => 86_400_000,
        _ => return None,
    };
    number.checked_mul(unit)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_and_sections() {
        let text = "\u{feff}defaults a\n timeout tunnel 1h\nfrontend f from a # c\r\n\tacl x path_reg \"^/a b\" a\\ b\n";
        let (sections, unread) = sections(&Document::new("h", text.as_bytes().to_vec()));
        assert!(unread.is_none());
        assert_eq!(sections[1].defaults, Some(0));
        assert_eq!(sections[1].lines[0].text(), "acl x path_reg ^/a b a b");
        assert_eq!(sections[1].lines[0].words.len(), 5);
    }

    #[test]
    fn times() {
        for (text, ms) in
            [("50000", Some(50_000)), ("1h", Some(3_600_000)), ("2us", Some(1)), ("5x", None), ("", None)]
        {
            assert_eq!(time(text), ms, "{text}");
        }
    }
}
