//! Lines, words and sections, over includes.

use crate::dialects::common::At;
use crate::{Document, Files};
use std::collections::BTreeMap;
use std::ops::Range;

/// How deep files include files; httpd itself stops at 128.
const DEEPEST: usize = 16;
/// Files that are read.
const FILES: usize = 512;
/// Sections in sections.
const NESTED: usize = 32;
/// Directives that are kept.
const LINES: usize = 20_000;
/// Longest line; httpd stops at 16 MB, and nobody writes such.
const LONGEST: usize = 65_536;

/// A word: what it means, and where it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Word {
    pub text: String,
    pub range: Range<usize>,
}

/// A section that a line stands in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Level {
    /// `virtualhost`, `location`, …, in lower case.
    pub kind: String,
    pub words: Vec<Word>,
    /// Which section it is; no two have the same.
    pub id: usize,
    pub at: At,
}

/// A directive, and the sections around it, the outermost first.
#[derive(Debug, Clone)]
pub(crate) struct Line {
    pub document: usize,
    pub words: Vec<Word>,
    pub levels: Vec<Level>,
    /// Behind the last byte, also where it goes on over several lines.
    pub range: Range<usize>,
}

impl Line {
    pub(crate) fn word(&self, number: usize) -> &str {
        self.words.get(number).map_or("", |word| word.text.as_str())
    }

    pub(crate) fn is(&self, name: &str) -> bool {
        self.word(0).eq_ignore_ascii_case(name)
    }

    pub(crate) fn at(&self) -> At {
        At::new(self.document, self.range.clone())
    }

    pub(crate) fn word_at(&self, number: usize) -> Option<At> {
        self.words.get(number).map(|word| At::new(self.document, word.range.clone()))
    }

    /// The virtual host that it stands in, by the id of its section.
    pub(crate) fn host(&self) -> Option<usize> {
        self.levels.iter().find(|level| level.kind == "virtualhost").map(|level| level.id)
    }

    /// The innermost section that says which paths it is for.
    pub(crate) fn place(&self) -> Option<&Level> {
        self.levels.iter().rev().find(|level| {
            matches!(level.kind.as_str(), "location" | "locationmatch" | "proxy" | "proxymatch" | "directory")
        })
    }

    pub(crate) fn text(&self) -> String {
        self.words.iter().map(|word| word.text.as_str()).collect::<Vec<_>>().join(" ")
    }
}

/// Everything that was read.
pub(crate) struct Read {
    pub documents: Vec<Document>,
    pub lines: Vec<Line>,
    pub unread: Vec<(At, String)>,
}

struct Reader<'a> {
    files: &'a dyn Files,
    read: Read,
    root: String,
    defined: BTreeMap<String, String>,
    sections: usize,
    /// Files that are being read, for circles.
    open: Vec<String>,
}

pub(crate) fn read(document: Document, files: &dyn Files) -> Read {
    let folder = document.path.rsplit_once('/').map_or(String::new(), |(folder, _)| folder.to_owned());
    let mut reader = Reader {
        files,
        read: Read { documents: Vec::new(), lines: Vec::new(), unread: Vec::new() },
        root: folder,
        defined: BTreeMap::new(),
        sections: 0,
        open: Vec::new(),
    };
    let mut levels = Vec::new();
    reader.document(document, &mut levels);
    reader.read
}

impl Reader<'_> {
    fn complain(&mut self, at: At, why: impl Into<String>) {
        if self.read.unread.len() < 32 {
            self.read.unread.push((at, why.into()));
        }
    }

    fn document(&mut self, document: Document, levels: &mut Vec<Level>) {
        let number = self.read.documents.len();
        self.open.push(document.path.clone());
        self.read.documents.push(document.clone());
        let outside = levels.len();
        // Sections that are not taken: `<IfModule !x>`, `<IfDefine y>`.
        let mut skipped = 0usize;
        let mut line = 0;
        while line < document.line_count() {
            let first = document.line_range(line);
            let mut end = first.end;
            let mut last = line;
            while document.text[first.start..end].ends_with(b"\\")
                && last + 1 < document.line_count()
                && end - first.start < LONGEST
            {
                last += 1;
                end = document.line_range(last).end;
            }
            line = last + 1;
            if end - first.start > LONGEST {
                self.complain(At::new(number, first.clone()), "the line is too long");
                continue;
            }
            let words = self.words(&document, first.start..end);
            let Some(head) = words.first() else { continue };
            let range = head.range.start..words.last().map_or(end, |word| word.range.end);
            let name = head.text.to_ascii_lowercase();
            if let Some(closed) = name.strip_prefix("</") {
                let closed = closed.trim_end_matches('>');
                if skipped > 0 {
                    skipped -= 1;
                } else if levels.len() > outside && levels.last().is_some_and(|level| level.kind == closed) {
                    levels.pop();
                } else {
                    let why = format!("</{closed}> closes nothing that is open");
                    self.complain(At::new(number, range), why);
                }
                continue;
            }
            if let Some(kind) = name.strip_prefix('<') {
                let kind = kind.trim_end_matches('>').to_owned();
                if skipped > 0 {
                    skipped += 1;
                    continue;
                }
                if levels.len() >= NESTED {
                    self.complain(At::new(number, range), "sections are nested too deeply");
                    skipped = 1;
                    continue;
                }
                let mut rest: Vec<Word> = words.iter().skip(1).cloned().collect();
                if let Some(word) = rest.last_mut()
                    && word.text.ends_with('>')
                {
                    word.text.pop();
                    if document.text.get(word.range.end - 1) == Some(&b'>') {
                        word.range.end -= 1;
                    }
                }
                rest.retain(|word| !word.text.is_empty());
                if self.is_skipped(&kind, &rest) {
                    skipped = 1;
                    continue;
                }
                self.sections += 1;
                let id = self.sections;
                levels.push(Level { kind, words: rest, id, at: At::new(number, range) });
                continue;
            }
            if skipped > 0 {
                continue;
            }
            let whole = Line { document: number, words, levels: levels.clone(), range };
            self.directive(whole, levels);
        }
        if levels.len() > outside {
            let why =
                levels.last().map(|level| (level.at.clone(), format!("<{}> is not closed", level.kind)));
            if let Some((at, why)) = why {
                self.complain(at, why);
            }
            levels.truncate(outside);
        }
        self.open.pop();
    }

    /// `<IfModule>` is taken to be true, as the module's directives stand in it because somebody wants them;
    /// `<IfDefine>` is what `Define` says.
    fn is_skipped(&self, kind: &str, words: &[Word]) -> bool {
        let word = words.first().map_or("", |word| word.text.as_str());
        match kind {
            "ifmodule" => word.starts_with('!'),
            "ifdefine" => match word.strip_prefix('!') {
                Some(name) => self.defined.contains_key(name),
                None => !self.defined.contains_key(word),
            },
            _ => false,
        }
    }

    fn directive(&mut self, line: Line, levels: &mut Vec<Level>) {
        let name = line.word(0).to_ascii_lowercase();
        match name.as_str() {
            "define" => {
                self.defined.insert(line.word(1).to_owned(), line.word(2).to_owned());
            }
            "undefine" => {
                self.defined.remove(line.word(1));
            }
            "serverroot" => self.root = line.word(1).trim_end_matches('/').to_owned(),
            "include" | "includeoptional" => self.include(&line, name == "includeoptional", levels),
            _ => {}
        }
        if self.read.lines.len() < LINES {
            self.read.lines.push(line);
        } else if self.read.lines.len() == LINES {
            self.complain(line.at(), "too many directives: the others are not read");
            self.read.lines.push(line);
        }
    }

    fn include(&mut self, line: &Line, optional: bool, levels: &mut Vec<Level>) {
        let wanted = line.word(1);
        let pattern = if wanted.starts_with('/') || self.root.is_empty() {
            wanted.to_owned()
        } else {
            format!("{}/{wanted}", self.root)
        };
        let pattern = pattern.trim_end_matches('/');
        let mut paths = self.files.list(pattern);
        // A folder means everything in it (core, "Include").
        if paths.len() != 1 || self.files.read(&paths[0]).is_err() {
            let inside = self.files.list(&format!("{pattern}/*"));
            paths.extend(inside);
        }
        paths.retain(|path| !path.is_empty());
        if paths.is_empty() {
            if !optional && !wanted.contains(['*', '?', '[']) {
                self.complain(line.at(), format!("{wanted}: no such file"));
            }
            return;
        }
        for path in paths {
            if self.open.contains(&path) {
                self.complain(line.at(), format!("{path} includes itself"));
                continue;
            }
            if self.open.len() > DEEPEST || self.read.documents.len() > FILES {
                self.complain(line.at(), "too many files include each other");
                return;
            }
            match self.files.read(&path) {
                Ok(text) => self.document(Document::new(path, text), levels),
                Err(why) if !optional => self.complain(line.at(), format!("{path}: {why}")),
                Err(_) => {}
            }
        }
    }

    /// The words of a directive: blanks part them, quotes group, a backslash at the end of a line goes on, `#` begins
    /// a comment only at the beginning of a line (core, "Syntax of the Configuration Files").
    fn words(&self, document: &Document, range: Range<usize>) -> Vec<Word> {
        let bytes = &document.text;
        let mut at = range.start;
        if at == 0 && bytes.starts_with(b"\xEF\xBB\xBF") {
            at = 3;
        }
        let blank = |at: usize| {
            matches!(bytes[at], b' ' | b'\t' | b'\r' | b'\n')
                || (bytes[at] == b'\\'
                    && (at + 1 == range.end || matches!(bytes.get(at + 1), Some(b'\n' | b'\r'))))
        };
        let mut found = Vec::new();
        while at < range.end && found.len() < 256 {
            if blank(at) {
                at += 1;
                continue;
            }
            if bytes[at] == b'#' && found.is_empty() {
                break;
            }
            let start = at;
            let mut text = Vec::new();
            let quote = matches!(bytes[at], b'"' | b'\'').then_some(bytes[at]);
            if let Some(quote) = quote {
                at += 1;
                while at < range.end && bytes[at] != quote {
                    if bytes[at] == b'\\' && bytes.get(at + 1) == Some(&quote) {
                        at += 1;
                    }
                    text.push(bytes[at]);
                    at += 1;
                }
                at = (at + 1).min(range.end);
                // `<Location "/ws">`: what closes the section belongs to the word.
                if at < range.end && bytes[at] == b'>' {
                    text.push(b'>');
                    at += 1;
                }
            } else {
                while at < range.end && !blank(at) {
                    text.push(bytes[at]);
                    at += 1;
                    if text.first() == Some(&b'<') && bytes.get(at) == Some(&b'"') {
                        break;
                    }
                }
            }
            let text = self.expand(&String::from_utf8_lossy(&text));
            found.push(Word { text, range: start..at });
        }
        found
    }

    /// `${NAME}` where it is defined; an environment variable is left as it is.
    fn expand(&self, text: &str) -> String {
        let mut out = String::new();
        let mut rest = text;
        while let Some(start) = rest.find("${") {
            let Some(length) = rest[start..].find('}') else { break };
            out.push_str(&rest[..start]);
            let name = &rest[start + 2..start + length];
            match self.defined.get(name) {
                Some(value) => out.push_str(value),
                None => out.push_str(&rest[start..=start + length]),
            }
            rest = &rest[start + length + 1..];
            if out.len() > LONGEST {
                break;
            }
        }
        out.push_str(rest);
        out
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Memory;

    #[test]
    fn lines_sections_and_includes() {
        let files = Memory::one("sites/a.conf", "ProxyPass ${P} \"ws://a b/\" \\\n  timeout=5\n");
        let text = "Define P /ws\nServerRoot \"\"\n<VirtualHost *:80>\n<IfModule !x>\nFoo\n</IfModule>\nInclude sites\n</VirtualHost>\n<Location \"/a\">\n";
        let read = read(Document::new("httpd.conf", text.as_bytes().to_vec()), &files);
        let pass = read.lines.iter().find(|line| line.is("ProxyPass")).unwrap();
        assert_eq!(pass.text(), "ProxyPass /ws ws://a b/ timeout=5");
        assert_eq!(pass.levels[0].words[0].text, "*:80");
        assert!(!read.lines.iter().any(|line| line.is("Foo")));
        assert_eq!(read.unread.len(), 1, "{:?}", read.unread);
    }

    #[test]
    fn circles_end() {
        let files = Memory::one("a", "Include b\n").with("b", "Include a\nFoo x\n");
        let read = read(Document::new("a", b"Include b\n".to_vec()), &files);
        assert_eq!(read.unread.len(), 1);
        assert!(read.lines.iter().any(|line| line.is("Foo")));
    }
}
