//! Tokens and blocks of a Caddyfile (<https://caddyserver.com/docs/caddyfile/concepts>).

use crate::Document;
use crate::dialects::common::At;
use std::ops::Range;

/// Blocks in blocks.
const DEEPEST: usize = 48;

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Word {
    pub text: String,
    pub range: Range<usize>,
    pub quoted: bool,
}

/// A line with what stands in braces behind it.
#[derive(Debug, Clone)]
pub(crate) struct Directive {
    pub document: usize,
    pub words: Vec<Word>,
    /// The braces' bytes, and what stands between.
    pub block: Option<(Range<usize>, Vec<Directive>)>,
}

impl Directive {
    pub(crate) fn word(&self, number: usize) -> &str {
        self.words.get(number).map_or("", |word| word.text.as_str())
    }

    pub(crate) fn head(&self) -> Range<usize> {
        let start = self
            .words
            .first()
            .map_or_else(|| self.block.as_ref().map_or(0, |(range, _)| range.start), |word| word.range.start);
        start..self.words.last().map_or(start, |word| word.range.end)
    }

    pub(crate) fn at(&self) -> At {
        At::new(self.document, self.head())
    }

    pub(crate) fn inside(&self) -> &[Directive] {
        self.block.as_ref().map_or(&[], |(_, inside)| inside)
    }

    /// Until the closing brace.
    pub(crate) fn whole(&self) -> At {
        let head = self.head();
        let end = self.block.as_ref().map_or(head.end, |(range, _)| range.end.max(head.end));
        At::new(self.document, head.start..end)
    }
}

enum Token {
    Word(Word),
    Line,
    Open(usize),
    Close(usize),
}

pub(crate) fn parse(document: &Document, number: usize) -> (Vec<Directive>, Option<(At, String)>) {
    let tokens = tokens(document);
    let mut stack: Vec<(Directive, usize, Vec<Directive>)> = Vec::new();
    let mut top = Vec::new();
    let mut words: Vec<Word> = Vec::new();
    let mut unread = None;
    let fresh = |words| Directive { document: number, words, block: None };
    for token in tokens {
        match token {
            Token::Word(word) => words.push(word),
            Token::Line => {
                // A list of addresses goes on behind a comma.
                let goes_on = words.last().is_some_and(|word| word.text.ends_with(',') && !word.quoted);
                if !words.is_empty() && !goes_on {
                    top.push(fresh(std::mem::take(&mut words)));
                }
            }
            Token::Open(at) => {
                if stack.len() >= DEEPEST {
                    unread = Some((At::new(number, at..at + 1), "blocks are nested too deeply".to_owned()));
                    break;
                }
                stack.push((fresh(std::mem::take(&mut words)), at, std::mem::take(&mut top)));
            }
            Token::Close(at) => {
                if !words.is_empty() {
                    top.push(fresh(std::mem::take(&mut words)));
                }
                match stack.pop() {
                    Some((mut directive, open, above)) => {
                        directive.block = Some((open..at + 1, std::mem::replace(&mut top, above)));
                        top.push(directive);
                    }
                    None => {
                        let why = "a brace closes nothing that is open".to_owned();
                        unread = unread.or(Some((At::new(number, at..at + 1), why)));
                    }
                }
            }
        }
    }
    if !words.is_empty() {
        top.push(fresh(words));
    }
    while let Some((mut directive, open, above)) = stack.pop() {
        unread = unread.or(Some((At::new(number, open..open + 1), "this brace is not closed".to_owned())));
        directive.block = Some((open..document.text.len(), std::mem::replace(&mut top, above)));
        top.push(directive);
    }
    (top, unread)
}

fn tokens(document: &Document) -> Vec<Token> {
    let bytes = &document.text;
    let mut at = if bytes.starts_with(b"\xEF\xBB\xBF") { 3 } else { 0 };
    let mut found = Vec::new();
    let blank = |byte: u8| matches!(byte, b' ' | b'\t' | b'\r' | b'\n');
    while at < bytes.len() {
        match bytes[at] {
            b'\n' => {
                found.push(Token::Line);
                at += 1;
            }
            b' ' | b'\t' | b'\r' => at += 1,
            // A backslash before the end of the line goes on.
            b'\\' if matches!(bytes.get(at + 1), Some(b'\n')) => at += 2,
            b'\\' if bytes.get(at + 1..at + 3) == Some(b"\r\n") => at += 3,
            b'#' => {
                while at < bytes.len() && bytes[at] != b'\n' {
                    at += 1;
                }
            }
            quote @ (b'"' | b'`') => {
                let start = at;
                let mut text = Vec::new();
                at += 1;
                while at < bytes.len() && bytes[at] != quote {
                    if quote == b'"' && bytes[at] == b'\\' && bytes.get(at + 1) == Some(&b'"') {
                        at += 1;
                    }
                    text.push(bytes[at]);
                    at += 1;
                }
                at = (at + 1).min(bytes.len());
                let text = String::from_utf8_lossy(&text).into_owned();
                found.push(Token::Word(Word { text, range: start..at, quoted: true }));
            }
            // `<<NAME`: until a line that is NAME (2.7).
            b'<' if bytes.get(at + 1) == Some(&b'<')
                && bytes.get(at + 2).is_some_and(|byte| byte.is_ascii_alphanumeric()) =>
            {
                let start = at;
                let end =
                    bytes[at..].iter().position(|byte| *byte == b'\n').map_or(bytes.len(), |end| at + end);
                let name = document.str(at + 2..end).trim().to_owned();
                let mut line = document.line(at) + 1;
                at = bytes.len();
                while line < document.line_count() {
                    let range = document.line_range(line);
                    let text = document.str(range.clone());
                    if text.trim_start().split([' ', '\t']).next() == Some(name.as_str()) {
                        let blanks = text.len() - text.trim_start().len();
                        at = (range.start + blanks + name.len()).min(bytes.len());
                        break;
                    }
                    line += 1;
                }
                found.push(Token::Word(Word { text: name, range: start..at, quoted: true }));
            }
            byte => {
                let start = at;
                while at < bytes.len() && !blank(bytes[at]) {
                    at += 1;
                }
                let text = document.str(start..at).into_owned();
                if byte == b'{' && at == start + 1 {
                    found.push(Token::Open(start));
                } else if byte == b'}' && at == start + 1 {
                    found.push(Token::Close(start));
                } else {
                    found.push(Token::Word(Word { text, range: start..at, quoted: false }));
                }
            }
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_and_blocks() {
        let text = "{\n\temail a@b\n}\n(s) {\n\tencode gzip\n}\na.example,\nb.example {\n\theader X \"a { b\" # c\n\treverse_proxy {$UP} `x` \\\n\t\ty {\n\t}\n\trespond <<E\n\t} x\n\tE 200\n}\n";
        let (top, unread) = parse(&Document::new("Caddyfile", text.as_bytes().to_vec()), 0);
        assert!(unread.is_none(), "{unread:?}");
        assert_eq!(top.len(), 3);
        assert_eq!(top[2].words.len(), 2);
        let inside = top[2].inside();
        assert_eq!(
            inside[1].words.iter().map(|word| word.text.as_str()).collect::<Vec<_>>(),
            ["reverse_proxy", "{$UP}", "x", "y"]
        );
        assert_eq!(inside[2].word(2), "200");
    }
}
