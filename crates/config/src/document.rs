//! A file as text, places in it, and bytes to replace in it.
//!
//! The text is kept as it came, byte for byte; a fix is a set of [`Edit`]s. What no edit covers stays as it is: comments,
//! quoting, line ends, byte order marks, even bytes that are no text.

use evidence::Spot;
use std::ops::Range;
use std::sync::{Arc, OnceLock};

/// Characters of a line that a [`Spot`] keeps.
const SHOWN: usize = 240;

/// A file. Cheap to clone: its bytes are shared.
#[derive(Debug, Clone)]
pub struct Document {
    /// Its path, as it was given or included.
    pub path: String,
    /// Its bytes.
    pub text: Arc<Vec<u8>>,
    /// Offset of the first byte of each line; counted when somebody asks for a line.
    lines: Arc<OnceLock<Vec<usize>>>,
}

impl PartialEq for Document {
    fn eq(&self, other: &Self) -> bool {
        self.path == other.path && self.text == other.text
    }
}

impl Eq for Document {}

/// Bytes to replace.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Edit {
    /// Which document, by its number in [`crate::Config::documents`].
    pub document: usize,
    /// Which bytes; empty: insert there.
    pub at: Range<usize>,
    /// What stands there afterwards.
    pub with: String,
}

impl Document {
    /// A file with these bytes.
    #[must_use]
    pub fn new(path: impl Into<String>, text: Vec<u8>) -> Self {
        Self { path: path.into(), text: Arc::new(text), lines: Arc::default() }
    }

    fn lines(&self) -> &[usize] {
        self.lines.get_or_init(|| {
            let mut lines = vec![0];
            lines.extend(memchr::memchr_iter(b'\n', &self.text).map(|at| at + 1));
            lines
        })
    }

    /// The number of the line that this byte is on, from 0.
    #[must_use]
    pub fn line(&self, at: usize) -> usize {
        self.lines().partition_point(|start| *start <= at).saturating_sub(1)
    }

    /// The bytes of a line, by its number from 0, without what ends it.
    #[must_use]
    pub fn line_range(&self, line: usize) -> Range<usize> {
        let start = self.lines().get(line).copied().unwrap_or(self.text.len());
        let mut end = self.lines().get(line + 1).map_or(self.text.len(), |next| next - 1);
        if end > start && self.text.get(end - 1) == Some(&b'\r') {
            end -= 1;
        }
        start..end.max(start)
    }

    /// How many lines there are.
    #[must_use]
    pub fn line_count(&self) -> usize {
        self.lines().len()
    }

    /// A place for people: line and columns. What spans lines is shown by its first line.
    #[must_use]
    pub fn spot(&self, range: Range<usize>) -> Spot {
        let line = self.line(range.start.min(self.text.len()));
        let whole = self.line_range(line);
        let begin = if line == 0 && self.text.starts_with(b"\xEF\xBB\xBF") { 3 } else { whole.start };
        let start = range.start.clamp(begin, whole.end.max(begin));
        let end = range.end.clamp(start, whole.end.max(start));
        let line_text = &self.text[begin..whole.end.max(begin)];
        // Most lines are plain: a byte is a column, and nothing has to be replaced.
        let plain = line_text.len() <= SHOWN && line_text.iter().all(|byte| matches!(byte, b' '..=b'~'));
        let column = |at: usize| {
            let count = if plain {
                at - begin
            } else {
                String::from_utf8_lossy(&self.text[begin..at]).chars().count()
            };
            u32::try_from(count).unwrap_or(u32::MAX).saturating_add(1)
        };
        let shown = |c: char| match c {
            '\t' => ' ',
            c if c.is_control() => '\u{FFFD}',
            c => c,
        };
        let text = String::from_utf8_lossy(line_text);
        let text = if plain { text.into_owned() } else { text.chars().take(SHOWN).map(shown).collect() };
        Spot {
            file: self.path.clone(),
            line: u32::try_from(line + 1).unwrap_or(u32::MAX),
            column: column(start),
            end_column: column(end).max(column(start) + 1),
            text,
        }
    }

    /// These bytes as text; what is none becomes U+FFFD.
    #[must_use]
    pub fn str(&self, range: Range<usize>) -> std::borrow::Cow<'_, str> {
        String::from_utf8_lossy(self.text.get(range).unwrap_or_default())
    }

    /// What ends the lines of this file.
    #[must_use]
    pub fn newline(&self) -> &'static str {
        let first = self.text.iter().position(|byte| *byte == b'\n');
        match first {
            Some(at) if at > 0 && self.text[at - 1] == b'\r' => "\r\n",
            _ => "\n",
        }
    }

    /// The blanks at the beginning of the line that this byte is on.
    #[must_use]
    pub fn indent(&self, at: usize) -> String {
        let line = self.line_range(self.line(at));
        self.text[line]
            .iter()
            .take_while(|byte| matches!(byte, b' ' | b'\t'))
            .map(|byte| *byte as char)
            .collect()
    }

    /// Whether nothing but blanks stands before this byte on its line.
    #[must_use]
    pub fn begins_line(&self, at: usize) -> bool {
        let line = self.line_range(self.line(at));
        self.text[line.start..at.max(line.start)]
            .iter()
            .all(|byte| matches!(byte, b' ' | b'\t' | 0xEF | 0xBB | 0xBF))
    }
}

/// The documents with these edits made. Edits must not overlap; of two that do, the later one is left out.
#[must_use]
pub fn apply(documents: &[Document], edits: &[Edit]) -> Vec<Document> {
    documents
        .iter()
        .enumerate()
        .map(|(number, document)| {
            let mut own: Vec<&Edit> = edits.iter().filter(|edit| edit.document == number).collect();
            if own.is_empty() {
                return document.clone();
            }
            // Stable: what is inserted at one place stays in the order in which it was asked for.
            own.sort_by_key(|edit| edit.at.start);
            let mut text = Vec::with_capacity(document.text.len() + 256);
            let mut done = 0;
            for edit in own {
                if edit.at.start < done || edit.at.end > document.text.len() || edit.at.end < edit.at.start {
                    continue;
                }
                text.extend_from_slice(&document.text[done..edit.at.start]);
                text.extend_from_slice(edit.with.as_bytes());
                done = edit.at.end;
            }
            text.extend_from_slice(&document.text[done..]);
            Document::new(document.path.clone(), text)
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_counted_in_characters() {
        let document = Document::new("a", "\u{feff}# 注释\r\n\tserver x;\r\n".as_bytes().to_vec());
        let at = document.text.windows(6).position(|window| window == b"server").unwrap();
        let spot = document.spot(at..at + 6);
        assert_eq!((spot.line, spot.column, spot.end_column, spot.text.as_str()), (2, 2, 8, " server x;"));
        assert_eq!(document.spot(3..4).column, 1);
        assert_eq!(document.newline(), "\r\n");
        assert_eq!(document.indent(at), "\t");
        assert!(document.begins_line(at));
    }

    #[test]
    fn edits_touch_nothing_else() {
        let document = Document::new("a", b"one two three\xFF\r\n".to_vec());
        let edit = |at: Range<usize>, with: &str| Edit { document: 0, at, with: with.into() };
        let after = apply(&[document], &[edit(8..8, "and "), edit(4..7, "2"), edit(5..6, "overlaps")]);
        assert_eq!(*after[0].text, b"one 2 and three\xFF\r\n");
    }

    #[test]
    fn no_place_is_out_of_bounds() {
        let document = Document::new("a", b"x".to_vec());
        assert_eq!(document.spot(5..9).line, 1);
        assert_eq!(Document::new("b", Vec::new()).spot(0..0).column, 1);
    }
}
