//! The shape of an nginx file: directives and blocks, each with its place. Lossless, because the text itself is kept;
//! forgiving, because what is broken is reported and the rest still read.
//!
//! Grammar: nginx 1.x `ngx_conf_read_token`: words parted by blanks, quotes only at the beginning of a word, `\` takes the
//! next byte along, `${` belongs to the word, comments only where a word could begin.

use std::borrow::Cow;
use std::num::NonZeroU32;
use std::ops::Range;

/// Deepest nesting that is followed.
const DEEPEST: usize = 200;

/// A word as written, with its quotes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Word {
    start: u32,
    end: u32,
}

impl Word {
    pub(crate) fn range(self) -> Range<usize> {
        self.start as usize..self.end as usize
    }
}

/// A directive, with its block if it has one. Nodes stand in the order of the file.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Node {
    /// Its name.
    pub name: Word,
    /// The first of its other words; those of the next node follow them.
    words: u32,
    /// Behind the `;` or the `}`.
    pub end: u32,
    /// Behind the `{`; none: it has no block.
    pub open: Option<NonZeroU32>,
    /// The number of the next node that is not inside this one.
    pub next: u32,
}

/// Something that nginx would refuse.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Complaint {
    pub at: Range<usize>,
    pub says: String,
}

/// A file that was taken apart.
#[derive(Debug, Default)]
pub(crate) struct Parsed {
    pub nodes: Vec<Node>,
    words: Vec<Word>,
    pub complaints: Vec<Complaint>,
}

impl Parsed {
    /// The words of a directive behind its name.
    pub(crate) fn words(&self, node: usize) -> &[Word] {
        let end = self.nodes.get(node + 1).map_or(self.words.len(), |next| next.words as usize);
        &self.words[self.nodes[node].words as usize..end]
    }

    /// The nodes directly inside a block, or at the top.
    pub(crate) fn children(&self, block: Option<usize>) -> Children<'_> {
        let (at, end) = self.inner(block);
        Children { parsed: self, at, end }
    }

    /// Those of them that have no block.
    pub(crate) fn plain(&self, block: Option<usize>) -> impl Iterator<Item = usize> + '_ {
        self.children(block).filter(|node| self.nodes[*node].open.is_none())
    }

    /// The first node inside a block, or at the top, and the one behind the last.
    pub(crate) fn inner(&self, block: Option<usize>) -> (usize, usize) {
        block.map_or((0, self.nodes.len()), |node| (node + 1, self.nodes[node].next as usize))
    }

    /// The bytes of a directive with its block.
    pub(crate) fn range(&self, node: usize) -> Range<usize> {
        self.nodes[node].name.start as usize..self.nodes[node].end as usize
    }

    /// The bytes between the braces of a block.
    pub(crate) fn inside(&self, node: usize) -> Option<Range<usize>> {
        let node = &self.nodes[node];
        let open = node.open?.get() as usize;
        Some(open..(node.end as usize).saturating_sub(1).max(open))
    }
}

/// Nodes that stand side by side.
pub(crate) struct Children<'a> {
    parsed: &'a Parsed,
    at: usize,
    end: usize,
}

impl Iterator for Children<'_> {
    type Item = usize;

    fn next(&mut self) -> Option<usize> {
        if self.at >= self.end {
            return None;
        }
        let node = self.at;
        self.at = self.parsed.nodes[node].next as usize;
        Some(node)
    }
}

/// The text that a word stands for: without its quotes, escapes undone.
pub(crate) fn value(text: &[u8], word: Word) -> Cow<'_, str> {
    let raw = &text[word.range()];
    let quoted = matches!(raw.first(), Some(b'"' | b'\''));
    let inner = if quoted {
        let end = if raw.len() > 1 && raw.last() == raw.first() { raw.len() - 1 } else { raw.len() };
        &raw[1..end]
    } else {
        raw
    };
    if !inner.contains(&b'\\') {
        return std::str::from_utf8(inner).map_or_else(|_| String::from_utf8_lossy(inner), Cow::Borrowed);
    }
    let mut out = Vec::with_capacity(inner.len());
    let mut at = 0;
    while at < inner.len() {
        let escaped = if inner[at] == b'\\' { inner.get(at + 1) } else { None };
        // Other pairs stay as they are: regular expressions need their backslashes.
        let meant = match escaped {
            Some(byte @ (b'"' | b'\'' | b'\\')) => Some(*byte),
            Some(b't') => Some(b'\t'),
            Some(b'r') => Some(b'\r'),
            Some(b'n') => Some(b'\n'),
            _ => None,
        };
        out.push(meant.unwrap_or(inner[at]));
        at += if meant.is_some() { 2 } else { 1 };
    }
    Cow::Owned(String::from_utf8_lossy(&out).into_owned())
}

/// Takes a file apart. `at_top` names what surrounds it in complaints only.
pub(crate) fn parse(text: &[u8]) -> Parsed {
    if u32::try_from(text.len()).is_err() {
        let says = "the file is larger than 4 GiB".to_owned();
        return Parsed { complaints: vec![Complaint { at: 0..0, says }], ..Parsed::default() };
    }
    // Every directive ends with one of these, so the lists need not grow (and be copied) while they are filled. A file of
    // nothing but semicolons has no directives, and reserves little.
    let count = memchr::memchr2_iter(b';', b'{', text).count().min(text.len() / 12);
    let mut parser = Parser {
        text,
        at: if text.starts_with(b"\xEF\xBB\xBF") { 3 } else { 0 },
        out: Parsed {
            nodes: Vec::with_capacity(count),
            words: Vec::with_capacity(count.saturating_mul(2)),
            complaints: Vec::new(),
        },
        stack: Vec::new(),
        name: None,
        first: 0,
    };
    parser.run();
    parser.out
}

struct Parser<'a> {
    text: &'a [u8],
    at: usize,
    out: Parsed,
    /// Blocks that are open: their nodes.
    stack: Vec<usize>,
    /// The name of the directive that is being read.
    name: Option<Word>,
    /// The first of its other words.
    first: usize,
}

impl Parser<'_> {
    fn run(&mut self) {
        loop {
            self.skip_blanks();
            let Some(byte) = self.text.get(self.at) else { break };
            match byte {
                b';' => {
                    self.at += 1;
                    match self.name.take() {
                        Some(name) => {
                            self.directive(name, None);
                        }
                        None => self.complain(self.at - 1..self.at, "unexpected \";\""),
                    }
                }
                b'{' => self.open(),
                b'}' => self.close(),
                _ => self.word(),
            }
        }
        if let Some(name) = self.name.take() {
            self.complain(name.range(), "unexpected end of file, expecting \";\" or \"}\"");
            self.directive(name, None);
        }
        if let Some(node) = self.stack.last().copied() {
            let at = self.out.nodes[node].name.range();
            self.complain(at, "unexpected end of file, expecting \"}\": this block is never closed");
        }
        while let Some(node) = self.stack.pop() {
            self.finish(node);
        }
    }

    fn complain(&mut self, at: Range<usize>, says: impl Into<String>) {
        // A file of nothing but braces must not become a list of complaints of the same size.
        if self.out.complaints.len() < 100 {
            self.out.complaints.push(Complaint { at, says: says.into() });
        }
    }

    fn skip_blanks(&mut self) {
        while let Some(byte) = self.text.get(self.at) {
            match byte {
                b' ' | b'\t' | b'\r' | b'\n' => self.at += 1,
                b'#' => {
                    let rest = &self.text[self.at..];
                    self.at += memchr::memchr(b'\n', rest).unwrap_or(rest.len());
                }
                _ => return,
            }
        }
    }

    fn word(&mut self) {
        let start = self.at;
        let quote = match self.text[start] {
            quote @ (b'"' | b'\'') => Some(quote),
            _ => None,
        };
        if let Some(quote) = quote {
            self.at += 1;
            loop {
                match self.text.get(self.at) {
                    None => {
                        self.complain(start..start + 1, "unexpected end of file: this quote is never closed");
                        break;
                    }
                    Some(b'\\') => self.at += 2,
                    Some(byte) if *byte == quote => {
                        self.at += 1;
                        break;
                    }
                    Some(_) => self.at += 1,
                }
            }
            self.at = self.at.min(self.text.len());
            let follows = self.text.get(self.at);
            if !matches!(follows, None | Some(b' ' | b'\t' | b'\r' | b'\n' | b';' | b'{' | b')')) {
                self.complain(self.at..self.at + 1, format!("unexpected \"{}\"", shown(self.text[self.at])));
            }
        } else {
            while let Some(byte) = self.text.get(self.at) {
                match byte {
                    b' ' | b'\t' | b'\r' | b'\n' | b';' | b'{' => break,
                    b'}' if self.at == start => break,
                    b'\\' => self.at += 2,
                    b'$' if self.text.get(self.at + 1) == Some(&b'{') => self.at += 2,
                    _ => self.at += 1,
                }
            }
            self.at = self.at.min(self.text.len());
        }
        let at = |offset: usize| u32::try_from(offset).unwrap_or(u32::MAX);
        let word = Word { start: at(start), end: at(self.at) };
        if self.name.is_none() {
            self.name = Some(word);
            self.first = self.out.words.len();
        } else {
            self.out.words.push(word);
        }
    }

    /// Ends the directive that is being read; `open`: a block follows.
    fn directive(&mut self, name: Word, open: Option<NonZeroU32>) -> usize {
        let small = |number: usize| u32::try_from(number).unwrap_or(u32::MAX);
        let words = small(self.first);
        let number = self.out.nodes.len();
        self.out.nodes.push(Node { name, words, end: small(self.at), open, next: small(number + 1) });
        number
    }

    fn open(&mut self) {
        self.at += 1;
        let name = self.name.take().unwrap_or_else(|| {
            self.complain(self.at - 1..self.at, "unexpected \"{\"");
            // As a nameless block, so that its "}" finds its partner.
            self.first = self.out.words.len();
            let at = u32::try_from(self.at - 1).unwrap_or(u32::MAX);
            Word { start: at, end: at }
        });
        let open = u32::try_from(self.at).ok().and_then(NonZeroU32::new);
        let node = self.directive(name, open);
        let name = &self.text[self.out.nodes[node].name.range()];
        if name.ends_with(b"_by_lua_block") {
            self.skip_lua();
            self.finish(node);
        } else if self.stack.len() >= DEEPEST {
            let at = self.out.nodes[node].name.range();
            self.complain(at, "blocks are nested too deeply");
            self.skip_braces();
            self.finish(node);
        } else {
            self.stack.push(node);
        }
    }

    fn close(&mut self) {
        self.at += 1;
        if let Some(name) = self.name.take() {
            let last = self.out.words[self.first..].last().unwrap_or(&name);
            let at = name.range().start..last.range().end;
            let says = String::from_utf8_lossy(&self.text[name.range()]);
            self.complain(at, format!("unexpected \"}}\": \"{says}\" is not ended by \";\""));
            self.at -= 1;
            self.directive(name, None);
            self.at += 1;
        }
        match self.stack.pop() {
            Some(node) => self.finish(node),
            None => self.complain(self.at - 1..self.at, "unexpected \"}\""),
        }
    }

    fn finish(&mut self, node: usize) {
        let next = u32::try_from(self.out.nodes.len()).unwrap_or(u32::MAX);
        self.out.nodes[node].end = u32::try_from(self.at).unwrap_or(u32::MAX);
        self.out.nodes[node].next = next;
    }

    /// Up to the brace that closes the block that was just opened, whatever stands in between.
    fn skip_braces(&mut self) {
        let mut depth = 1;
        while depth > 0 {
            match self.text.get(self.at) {
                None => return,
                Some(b'{') => depth += 1,
                Some(b'}') => depth -= 1,
                Some(_) => {}
            }
            self.at += 1;
        }
    }

    /// The same through Lua: its strings and comments may hold braces (OpenResty's lexer does as much).
    fn skip_lua(&mut self) {
        let begin = self.at;
        let mut depth = 1;
        while let Some(byte) = self.text.get(self.at) {
            let next = self.text.get(self.at + 1);
            match (byte, next) {
                (b'{', _) => depth += 1,
                (b'}', _) => {
                    depth -= 1;
                    if depth == 0 {
                        self.at += 1;
                        return;
                    }
                }
                (b'-', Some(b'-')) => {
                    self.at += 2;
                    if !self.skip_long_bracket() {
                        let rest = &self.text[self.at..];
                        self.at += rest.iter().position(|byte| *byte == b'\n').unwrap_or(rest.len());
                    }
                    continue;
                }
                (b'[', Some(b'[' | b'=')) => {
                    if !self.skip_long_bracket() {
                        self.at += 1;
                    }
                    continue;
                }
                (quote @ (b'"' | b'\''), _) => {
                    let quote = *quote;
                    self.at += 1;
                    while let Some(byte) = self.text.get(self.at) {
                        match byte {
                            b'\\' => self.at += 1,
                            b'\n' => break,
                            byte if *byte == quote => break,
                            _ => {}
                        }
                        self.at += 1;
                    }
                }
                _ => {}
            }
            self.at += 1;
        }
        self.at = self.text.len();
        self.complain(
            begin.saturating_sub(1)..begin,
            "unexpected end of file: this Lua block is never closed",
        );
    }

    /// `[[ … ]]` or `[=[ … ]=]`; false: none begins here.
    fn skip_long_bracket(&mut self) -> bool {
        let rest = &self.text[self.at..];
        if rest.first() != Some(&b'[') {
            return false;
        }
        let level = rest[1..].iter().take_while(|byte| **byte == b'=').count();
        if rest.get(1 + level) != Some(&b'[') {
            return false;
        }
        let mut end = vec![b']'];
        end.extend(std::iter::repeat_n(b'=', level));
        end.push(b']');
        let found = rest.windows(end.len()).position(|window| window == end);
        self.at += found.map_or(rest.len(), |at| at + end.len());
        true
    }
}

fn shown(byte: u8) -> char {
    if byte.is_ascii_graphic() { byte as char } else { '?' }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The tree in one line: names, words, and braces.
    fn shape(text: &str) -> String {
        fn walk(parsed: &Parsed, text: &[u8], block: Option<usize>, out: &mut String) {
            for node in parsed.children(block) {
                out.push_str(&value(text, parsed.nodes[node].name));
                for word in parsed.words(node) {
                    out.push('|');
                    out.push_str(&value(text, *word));
                }
                if parsed.nodes[node].open.is_some() {
                    out.push('{');
                    walk(parsed, text, Some(node), out);
                    out.push('}');
                }
                out.push(' ');
            }
        }
        let mut out = String::new();
        walk(&parse(text.as_bytes()), text.as_bytes(), None, &mut out);
        out
    }

    #[test]
    fn directives_and_blocks() {
        for (text, expected) in [
            ("a 1; b { c 2; } d;", "a|1 b{c|2 } d "),
            ("a \"x y\" 'z;' \"q\\\"r\";", "a|x y|z;|q\"r "),
            ("location ~ \\.php$ { x; }", "location|~|\\.php${x } "),
            ("set $a ${b}c;", "set|$a|${b}c "),
            ("map $x $y { default a; '' b; ~*^z c; }", "map|$x|$y{default|a |b ~*^z|c } "),
            ("a; # { ; }\nb;", "a b "),
            ("a b#c;", "a|b#c "),
            ("\u{feff}a;", "a "),
            (
                "content_by_lua_block { if x then y = \"}\" --[[ } ]] z = {1} -- }\n end } b;",
                "content_by_lua_block{} b ",
            ),
            ("a\r\n 1;\r\n", "a|1 "),
            ("server{listen 80;location/{}}", "server{listen|80 location/{} } "),
        ] {
            assert_eq!(shape(text), expected, "{text}");
        }
    }

    #[test]
    fn what_is_broken_is_said_and_the_rest_is_read() {
        for (text, expected, says) in [
            ("a 1 } b;", "a|1 b ", "\"a\" is not ended"),
            ("b { a 1 } c;", "b{a|1 } c ", "\"a\" is not ended"),
            ("} a;", "a ", "unexpected \"}\""),
            ("a { b;", "a{b } ", "never closed"),
            ("a", "a ", "expecting \";\""),
            ("; a;", "a ", "unexpected \";\""),
            ("{ a; } b;", "{a } b ", "unexpected \"{\""),
            ("a \"x", "a|x ", "quote is never closed"),
            ("a \"x\"y;", "a|x|y ", "unexpected \"y\""),
            ("x_by_lua_block { \"", "x_by_lua_block{} ", "Lua block is never closed"),
        ] {
            assert_eq!(shape(text), expected, "{text}");
            let complaints = parse(text.as_bytes()).complaints;
            assert!(
                complaints.iter().any(|complaint| complaint.says.contains(says)),
                "{text}: {complaints:?}"
            );
        }
    }

    #[test]
    fn nesting_is_bounded() {
        let text = "a {".repeat(100_000);
        let parsed = parse(text.as_bytes());
        assert!(parsed.complaints.iter().any(|complaint| complaint.says.contains("too deeply")));
    }

    #[test]
    fn places_are_exact() {
        let text = b"a { b 1; }";
        let parsed = parse(text);
        assert_eq!(&text[parsed.range(0)], b"a { b 1; }");
        assert_eq!(&text[parsed.range(1)], b"b 1;");
        assert_eq!(&text[parsed.inside(0).unwrap()], b" b 1; ");
    }
}
