//! YAML, JSON and TOML as one tree whose nodes know their bytes; and edits that keep a file's own style.
//!
//! saphyr-parser counts in characters; here everything is in bytes of the file as it is, also where these are no text.

use crate::dialects::common::At;
use crate::{Document, Edit};
use saphyr_parser::{Event, Parser, ScalarStyle, Span};
use std::collections::BTreeMap;
use std::ops::Range;

/// Levels of nesting that are read.
const DEEPEST: usize = 64;
/// Nodes that aliases may add, so that nine lines of laughs stay small.
const ALIASED: usize = 20_000;
/// Nodes of a file.
const NODES: usize = 1_000_000;

/// How a node is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Style {
    /// YAML, by indentation.
    Block,
    /// `{…}` and `[…]`: YAML, JSON, and inline tables of TOML.
    Flow,
    /// A table of TOML with a head of its own.
    Table,
    /// A word, quoted or not.
    Plain,
    Quoted,
    /// Nothing stands there.
    Empty,
}

/// A node of the tree.
#[derive(Debug, Clone)]
pub(crate) struct Node {
    pub range: Range<usize>,
    pub style: Style,
    pub what: What,
}

#[derive(Debug, Clone)]
pub(crate) enum What {
    Scalar(String),
    List(Vec<Node>),
    Map(Vec<Entry>),
}

#[derive(Debug, Clone)]
pub(crate) struct Entry {
    pub key: String,
    pub key_range: Range<usize>,
    pub value: Node,
}

impl Entry {
    pub(crate) fn range(&self) -> Range<usize> {
        self.key_range.start..self.value.range.end.max(self.key_range.end)
    }
}

impl Node {
    /// The entry of a key; merged maps (`<<`) count where the map itself has none.
    pub(crate) fn entry(&self, key: &str) -> Option<&Entry> {
        let What::Map(entries) = &self.what else { return None };
        entries.iter().rev().find(|entry| entry.key == key).or_else(|| {
            entries.iter().filter(|entry| entry.key == "<<").find_map(|entry| match &entry.value.what {
                What::List(many) => many.iter().find_map(|node| node.entry(key)),
                _ => entry.value.entry(key),
            })
        })
    }

    /// The same, whatever the case: Traefik and Go's decoders do not mind it.
    pub(crate) fn entry_nocase(&self, key: &str) -> Option<&Entry> {
        self.entry(key)
            .or_else(|| self.entries().iter().rev().find(|entry| entry.key.eq_ignore_ascii_case(key)))
    }

    pub(crate) fn get(&self, key: &str) -> Option<&Node> {
        self.entry(key).map(|entry| &entry.value)
    }

    /// A node by a path of keys, whatever their case.
    pub(crate) fn at(&self, path: &[&str]) -> Option<&Node> {
        path.iter().try_fold(self, |node, key| node.entry_nocase(key).map(|entry| &entry.value))
    }

    pub(crate) fn text(&self) -> Option<&str> {
        match &self.what {
            What::Scalar(text) if self.style != Style::Empty => Some(text),
            _ => None,
        }
    }

    pub(crate) fn text_of(&self, key: &str) -> Option<&str> {
        self.entry_nocase(key).and_then(|entry| entry.value.text())
    }

    pub(crate) fn is_true(&self) -> bool {
        self.text().is_some_and(|text| text.eq_ignore_ascii_case("true"))
    }

    pub(crate) fn entries(&self) -> &[Entry] {
        match &self.what {
            What::Map(entries) => entries,
            _ => &[],
        }
    }

    pub(crate) fn items(&self) -> &[Node] {
        match &self.what {
            What::List(items) => items,
            _ => &[],
        }
    }

    fn size(&self) -> usize {
        1 + match &self.what {
            What::Scalar(_) => 0,
            What::List(items) => items.iter().map(Self::size).sum(),
            What::Map(entries) => entries.iter().map(|entry| 1 + entry.value.size()).sum(),
        }
    }
}

/// The documents of a file, and what cannot be read of it.
pub(crate) struct Trees {
    pub roots: Vec<Node>,
    pub unread: Option<(Range<usize>, String)>,
}

/// Text out of bytes, and where each character of it stands.
struct Text {
    text: String,
    offsets: Vec<usize>,
}

fn decode(document: &Document) -> Text {
    let bytes = &document.text;
    let skip = if bytes.starts_with(b"\xEF\xBB\xBF") { 3 } else { 0 };
    let mut text = String::with_capacity(bytes.len());
    let mut offsets = Vec::with_capacity(bytes.len() + 1);
    let mut at = skip;
    for chunk in bytes[skip..].utf8_chunks() {
        for c in chunk.valid().chars() {
            offsets.push(at);
            at += c.len_utf8();
            text.push(c);
        }
        if !chunk.invalid().is_empty() {
            offsets.push(at);
            at += chunk.invalid().len();
            text.push('\u{FFFD}');
        }
    }
    offsets.push(at);
    Text { text, offsets }
}

enum Open {
    List(Vec<Node>, usize, Style, usize),
    Map(Vec<Entry>, Option<(String, Range<usize>)>, usize, Style, usize),
}

/// Reads YAML or JSON.
pub(crate) fn read(document: &Document) -> Trees {
    let mut decoded = decode(document);
    // Tabs are blanks in JSON, but saphyr takes them for a wrong indentation.
    if decoded.text.trim_start().starts_with(['{', '[']) {
        decoded.text = decoded.text.replace('\t', " ");
    }
    let at = |index: usize| decoded.offsets.get(index).copied().unwrap_or(document.text.len());
    let bytes = |span: Span| at(span.start.index())..at(span.end.index()).max(at(span.start.index()));
    let mut trees = Trees { roots: Vec::new(), unread: None };
    let mut stack: Vec<Open> = Vec::new();
    let mut anchors: BTreeMap<usize, Node> = BTreeMap::new();
    let (mut aliased, mut nodes) = (0, 0);
    let mut parser = Parser::new_from_str(&decoded.text);
    let mut previous = 0;
    loop {
        let (event, span) = match parser.next_event() {
            None => break,
            Some(Ok(next)) => next,
            Some(Err(error)) => {
                let place = at(error.marker().index());
                let line = document.line_range(document.line(place));
                let tab = document.text[line.clone()]
                    .iter()
                    .take_while(|byte| byte.is_ascii_whitespace())
                    .any(|byte| *byte == b'\t');
                let why = if tab {
                    "a tab indents this line; YAML allows only spaces there".to_owned()
                } else {
                    error.info().to_owned()
                };
                trees.unread = Some((place..line.end.max(place), why));
                break;
            }
        };
        nodes += 1;
        if stack.len() > DEEPEST || nodes > NODES {
            let why = if nodes > NODES { "the file is too large" } else { "the file is nested too deeply" };
            trees.unread = Some((bytes(span), why.to_owned()));
            break;
        }
        let range = bytes(span);
        let flow = |open: u8| {
            if document.text.get(range.start) == Some(&open) { Style::Flow } else { Style::Block }
        };
        let done = match event {
            Event::StreamEnd => break,
            Event::Scalar(text, style, anchor, _) => {
                let empty = range.is_empty() && style == ScalarStyle::Plain;
                let (range, text, style) = match style {
                    // saphyr puts nothing somewhere behind the key.
                    ScalarStyle::Plain if empty => (previous..previous, String::new(), Style::Empty),
                    ScalarStyle::Plain if matches!(&*text, "~" | "null" | "Null" | "NULL") => {
                        (range, text.into_owned(), Style::Plain)
                    }
                    ScalarStyle::Plain => (range, text.into_owned(), Style::Plain),
                    _ => (trimmed(document, range), text.into_owned(), Style::Quoted),
                };
                let node = Node { range, style, what: What::Scalar(text) };
                if anchor > 0 {
                    anchors.insert(anchor, node.clone());
                }
                Some(node)
            }
            Event::Alias(id) => {
                let node = anchors.get(&id).filter(|node| {
                    aliased += node.size();
                    aliased <= ALIASED
                });
                Some(node.cloned().unwrap_or(Node {
                    range: range.clone(),
                    style: Style::Plain,
                    what: What::Scalar(String::new()),
                }))
            }
            Event::SequenceStart(anchor, _) => {
                stack.push(Open::List(Vec::new(), range.start, flow(b'['), anchor));
                None
            }
            Event::MappingStart(anchor, _) => {
                stack.push(Open::Map(Vec::new(), None, range.start, flow(b'{'), anchor));
                None
            }
            Event::SequenceEnd | Event::MappingEnd => {
                // Blanks behind the bracket do not belong to it.
                let mut end = range.end;
                while end > range.start && document.text[end - 1].is_ascii_whitespace() {
                    end -= 1;
                }
                stack.pop().map(|open| close(open, Some(end), &mut anchors))
            }
            _ => None,
        };
        if let Some(node) = done {
            previous = previous.max(node.range.end);
            put_in(&mut stack, &mut trees.roots, node);
        }
    }
    while let Some(open) = stack.pop() {
        let node = close(open, None, &mut anchors);
        put_in(&mut stack, &mut trees.roots, node);
    }
    trees
}

/// saphyr counts blanks and a comment behind a quoted word, and the line behind a block scalar, as part of them.
fn trimmed(document: &Document, range: Range<usize>) -> Range<usize> {
    let bytes = &document.text;
    let mut at = range.start + 1;
    match bytes.get(range.start) {
        Some(quote @ (b'"' | b'\'')) => {
            while at < range.end {
                match bytes[at] {
                    b'\\' if *quote == b'"' => at += 1,
                    byte if byte == *quote => {
                        if *quote == b'\'' && bytes.get(at + 1) == Some(&b'\'') {
                            at += 1;
                        } else {
                            return range.start..at + 1;
                        }
                    }
                    _ => {}
                }
                at += 1;
            }
            range
        }
        _ => {
            let mut end = range.end;
            while end > range.start && bytes[end - 1].is_ascii_whitespace() {
                end -= 1;
            }
            range.start..end
        }
    }
}

fn close(open: Open, end: Option<usize>, anchors: &mut BTreeMap<usize, Node>) -> Node {
    let (node, anchor) = match open {
        Open::List(items, start, style, anchor) => {
            let inner = items.last().map_or(start, |node| node.range.end);
            let end = if style == Style::Flow { end.unwrap_or(inner) } else { inner };
            let start = if style == Style::Flow {
                start
            } else {
                items.first().map_or(start, |node| node.range.start)
            };
            (Node { range: start..end.max(start), style, what: What::List(items) }, anchor)
        }
        Open::Map(entries, key, start, style, anchor) => {
            let mut entries = entries;
            if let Some((key, key_range)) = key {
                let end = key_range.end;
                let value = Node { range: end..end, style: Style::Empty, what: What::Scalar(String::new()) };
                entries.push(Entry { key, key_range, value });
            }
            let inner = entries.last().map_or(start, |entry| entry.range().end);
            let end = if style == Style::Flow { end.unwrap_or(inner) } else { inner };
            let start = if style == Style::Flow {
                start
            } else {
                entries.first().map_or(start, |entry| entry.key_range.start)
            };
            (Node { range: start..end.max(start), style, what: What::Map(entries) }, anchor)
        }
    };
    if anchor > 0 {
        anchors.insert(anchor, node.clone());
    }
    node
}

fn put_in(stack: &mut [Open], roots: &mut Vec<Node>, node: Node) {
    match stack.last_mut() {
        None => roots.push(node),
        Some(Open::List(items, ..)) => items.push(node),
        Some(Open::Map(entries, key, ..)) => match key.take() {
            None => {
                let text = match &node.what {
                    What::Scalar(text) => text.clone(),
                    _ => String::new(),
                };
                *key = Some((text, node.range));
            }
            Some((key, key_range)) => {
                let mut value = node;
                if value.style == Style::Empty {
                    // Behind the colon, where a value would stand.
                    value.range = key_range.end..key_range.end;
                }
                entries.push(Entry { key, key_range, value });
            }
        },
    }
}

/// Reads TOML into the same tree.
pub(crate) fn read_toml(document: &Document) -> Trees {
    let decoded = decode(document);
    // toml counts in bytes of the text; ours may differ from the file's where that is no text.
    let mut places = Vec::with_capacity(decoded.text.len() + 1);
    for (number, c) in decoded.text.chars().enumerate() {
        let start = decoded.offsets.get(number).copied().unwrap_or_default();
        places.extend((0..c.len_utf8()).map(|byte| start + byte));
    }
    places.push(document.text.len());
    let at = |byte: usize| places.get(byte).copied().unwrap_or(document.text.len());
    let (table, errors) = toml::de::DeTable::parse_recoverable(&decoded.text);
    let unread = errors.first().map(|error| {
        let span = error.span().unwrap_or(0..0);
        (at(span.start)..at(span.end).max(at(span.start)), error.message().to_owned())
    });
    let root = toml_table(table.get_ref(), 0..0, Style::Table, document, &at, 0);
    Trees { roots: vec![root], unread }
}

fn toml_table(
    table: &toml::de::DeTable<'_>,
    range: Range<usize>,
    style: Style,
    document: &Document,
    at: &dyn Fn(usize) -> usize,
    depth: usize,
) -> Node {
    let mut entries: Vec<Entry> = if depth > DEEPEST {
        Vec::new()
    } else {
        table
            .iter()
            .map(|(key, value)| Entry {
                key: key.get_ref().to_string(),
                key_range: at(key.span().start)..at(key.span().end),
                value: toml_value(value, document, at, depth + 1),
            })
            .collect()
    };
    // The crate sorts by key; the order of the file is what people see.
    entries.sort_by_key(|entry| entry.key_range.start);
    Node { range, style, what: What::Map(entries) }
}

fn toml_value(
    value: &toml::Spanned<toml::de::DeValue<'_>>,
    document: &Document,
    at: &dyn Fn(usize) -> usize,
    depth: usize,
) -> Node {
    use toml::de::DeValue;
    let range = at(value.span().start)..at(value.span().end);
    let scalar = |text: String, style| Node { range: range.clone(), style, what: What::Scalar(text) };
    match value.get_ref() {
        DeValue::String(text) => scalar(text.to_string(), Style::Quoted),
        DeValue::Integer(number) => scalar(number.to_string(), Style::Plain),
        DeValue::Float(number) => scalar(number.to_string(), Style::Plain),
        DeValue::Boolean(value) => scalar(value.to_string(), Style::Plain),
        DeValue::Datetime(time) => scalar(time.to_string(), Style::Plain),
        DeValue::Array(items) => Node {
            style: if document.text.get(range.start) == Some(&b'[')
                && document.text.get(range.start + 1) != Some(&b'[')
            {
                Style::Flow
            } else {
                Style::Table
            },
            what: What::List(if depth > DEEPEST {
                Vec::new()
            } else {
                items.iter().map(|item| toml_value(item, document, at, depth + 1)).collect()
            }),
            range,
        },
        DeValue::Table(table) => {
            let style =
                if document.text.get(range.start) == Some(&b'{') { Style::Flow } else { Style::Table };
            toml_table(table, range, style, document, at, depth)
        }
    }
}

/// A file, as edits need it.
pub(crate) struct Editor<'a> {
    pub document: &'a Document,
    pub number: usize,
}

impl Editor<'_> {
    fn json(&self) -> bool {
        let first = self
            .document
            .text
            .iter()
            .find(|byte| !byte.is_ascii_whitespace() && !matches!(byte, 0xEF | 0xBB | 0xBF));
        first == Some(&b'{')
    }

    /// Replaces a scalar; a word that was quoted stays so.
    pub(crate) fn set(&self, node: &Node, value: &str) -> Edit {
        let at = At::new(self.number, node.range.clone());
        match (node.style, self.document.text.get(node.range.start)) {
            (Style::Quoted, Some(quote @ (b'"' | b'\''))) => {
                let quote = *quote as char;
                at.replace(format!("{quote}{}{quote}", value.trim_matches('"')))
            }
            (Style::Empty, _) => {
                // Behind the colon.
                let line = self.document.line_range(self.document.line(node.range.start));
                let colon =
                    self.document.text[node.range.start..line.end].iter().position(|byte| *byte == b':');
                let end = colon.map_or(node.range.end, |colon| node.range.start + colon + 1);
                At::new(self.number, end..end).replace(format!(" {value}"))
            }
            _ => at.replace(value),
        }
    }

    /// Gives a map a value for a path of keys; keys that are there are kept.
    pub(crate) fn put(&self, map: &Node, path: &[&str], value: &str) -> Option<Edit> {
        let (first, rest) = path.split_first()?;
        if let Some(entry) = map.entry_nocase(first) {
            if rest.is_empty() {
                return Some(match &entry.value.what {
                    What::Scalar(_) => self.set(&entry.value, value),
                    _ => At::new(self.number, entry.value.range.clone()).replace(value),
                });
            }
            return match (&entry.value.what, entry.value.style) {
                (What::Map(_), _) => self.put(&entry.value, rest, value),
                (_, Style::Empty) => {
                    let column = self.column(entry.key_range.start) + self.step();
                    self.below(entry.key_range.end, &self.lines(rest, value, column))
                }
                _ => None,
            };
        }
        let entries = map.entries();
        match map.style {
            Style::Block => {
                let last = entries.last()?;
                let column = self.column(entries.first()?.key_range.start);
                self.below(last.range().end, &self.lines(path, value, column))
            }
            Style::Flow => {
                let toml = !self.json() && self.document.path.ends_with(".toml");
                let quoted = self.json()
                    || entries.first().is_some_and(|entry| {
                        !toml && matches!(self.document.text.get(entry.key_range.start), Some(b'"'))
                    });
                let mut text = String::new();
                for key in path {
                    let key = if quoted { format!("\"{key}\"") } else { (*key).to_owned() };
                    text.push_str(&key);
                    text.push_str(if toml { " = " } else { ": " });
                    text.push('{');
                }
                text.pop();
                text.push_str(value);
                text.push_str(&"}".repeat(path.len() - 1));
                match entries.last() {
                    None => {
                        Some(At::new(self.number, map.range.start + 1..map.range.start + 1).replace(text))
                    }
                    Some(last) => {
                        let first = entries.first()?.key_range.start;
                        let own_line = self.document.begins_line(first);
                        let between = if own_line {
                            format!(",{}{}", self.document.newline(), self.document.indent(first))
                        } else {
                            ", ".to_owned()
                        };
                        let end = last.range().end;
                        Some(At::new(self.number, end..end).replace(format!("{between}{text}")))
                    }
                }
            }
            Style::Table => {
                let text = format!("{} = {value}", path.join("."));
                let own = entries.iter().rev().find(|entry| entry.value.style != Style::Table);
                let (byte, indent) = match own {
                    Some(entry) => (entry.range().end, self.document.indent(entry.key_range.start)),
                    None if self.document.text.get(map.range.start) == Some(&b'[') => {
                        (map.range.start, self.document.indent(map.range.start))
                    }
                    None => return None,
                };
                self.below(byte, &[format!("{indent}{text}")])
            }
            _ => None,
        }
    }

    /// The lines of a nested value in block style.
    fn lines(&self, path: &[&str], value: &str, column: usize) -> Vec<String> {
        let step = self.step();
        path.iter()
            .enumerate()
            .map(|(depth, key)| {
                let indent = " ".repeat(column + depth * step);
                if depth + 1 == path.len() {
                    // A value of several lines keeps its own indentation below the key's.
                    let value = value.replace('\n', &format!("{}{indent}", self.document.newline()));
                    let space = if value.starts_with(['\r', '\n']) { "" } else { " " };
                    format!("{indent}{key}:{space}{value}")
                } else {
                    format!("{indent}{key}:")
                }
            })
            .collect()
    }

    /// New lines below the line of a byte.
    fn below(&self, byte: usize, lines: &[String]) -> Option<Edit> {
        let line = self.document.line_range(self.document.line(byte.min(self.document.text.len())));
        let newline = self.document.newline();
        let text: String = lines.iter().map(|line| format!("{newline}{line}")).collect();
        Some(Edit { document: self.number, at: line.end..line.end, with: text })
    }

    /// The column of a byte, from 0.
    pub(crate) fn column(&self, byte: usize) -> usize {
        let line = self.document.line_range(self.document.line(byte));
        let start =
            if line.start == 0 && self.document.text.starts_with(b"\xEF\xBB\xBF") { 3 } else { line.start };
        byte.saturating_sub(start)
    }

    /// How far this file indents.
    fn step(&self) -> usize {
        (0..self.document.line_count().min(200))
            .map(|line| {
                let range = self.document.line_range(line);
                let text = &self.document.text[range];
                text.iter().take_while(|byte| **byte == b' ').count()
            })
            .find(|indent| *indent > 0)
            .map_or(2, |indent| indent.min(8))
    }

    /// Takes an entry away.
    pub(crate) fn remove(&self, map: &Node, key: &str) -> Option<Edit> {
        let entries = map.entries();
        let number = entries.iter().position(|entry| entry.key.eq_ignore_ascii_case(key))?;
        let ranges: Vec<Range<usize>> = entries.iter().map(Entry::range).collect();
        self.cut(map, &ranges, number)
    }

    /// Takes an item of a list away.
    pub(crate) fn remove_item(&self, list: &Node, number: usize) -> Option<Edit> {
        let ranges: Vec<Range<usize>> = list.items().iter().map(|item| item.range.clone()).collect();
        self.cut(list, &ranges, number)
    }

    fn cut(&self, parent: &Node, ranges: &[Range<usize>], number: usize) -> Option<Edit> {
        let own = ranges.get(number)?.clone();
        let edit = |at: Range<usize>| Some(Edit { document: self.number, at, with: String::new() });
        if parent.style == Style::Flow {
            return match (number.checked_sub(1).and_then(|before| ranges.get(before)), ranges.get(number + 1))
            {
                (Some(before), _) => edit(before.end..own.end),
                (None, Some(next)) => edit(own.start..next.start),
                (None, None) => edit(own),
            };
        }
        let line = self.document.line_range(self.document.line(own.start));
        let before = &self.document.text[line.start..own.start];
        let is_item = matches!(parent.what, What::List(_));
        let dashes = before.iter().filter(|byte| **byte == b'-').count();
        if is_item && dashes <= 1 || !is_item && dashes == 0 {
            return edit(crate::dialects::common::whole_lines(self.document, &own));
        }
        // It is the first behind a dash, and others follow.
        edit(own.start..ranges.get(number + 1)?.start)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::apply;

    fn changed(path: &str, text: &str, edit: impl Fn(&Editor<'_>, &Node) -> Option<Edit>) -> String {
        let document = Document::new(path, text.as_bytes().to_vec());
        let trees = if path.ends_with(".toml") { read_toml(&document) } else { read(&document) };
        assert!(trees.unread.is_none(), "{:?}", trees.unread);
        let editor = Editor { document: &document, number: 0 };
        let edit = edit(&editor, &trees.roots[0]).unwrap();
        String::from_utf8_lossy(&apply(std::slice::from_ref(&document), &[edit])[0].text).into_owned()
    }

    #[test]
    fn nodes_know_their_bytes() {
        let mut text = b"\xEF\xBB\xBF# \xE6\xB3\xA8\xE9\x87\x8A \xFF\r\na:\r\n  - b: \"\xE4\xB8\xAD\" # x\r\n    c: {d: e}\r\nf: |\r\n  g\r\nh:\r\n".to_vec();
        let document = Document::new("a.yaml", text.clone());
        let trees = read(&document);
        assert!(trees.unread.is_none());
        let root = &trees.roots[0];
        let item = &root.get("a").unwrap().items()[0];
        let range = |node: &Node| String::from_utf8_lossy(&document.text[node.range.clone()]).into_owned();
        assert_eq!(range(item.get("b").unwrap()), "\"中\"");
        assert_eq!(range(item.get("c").unwrap()), "{d: e}");
        assert_eq!(item.get("c").unwrap().style, Style::Flow);
        assert!(range(root.get("f").unwrap()).ends_with('g'));
        assert_eq!(root.get("h").unwrap().style, Style::Empty);
        text.clear();
    }

    #[test]
    fn values_are_put_in_the_files_own_style() {
        for (path, text, keys, expected) in [
            (
                "a.yaml",
                "a:\n    b: 1\nc: 2\n",
                vec!["a", "d", "e"],
                "a:\n    b: 1\n    d:\n        e: X\nc: 2\n",
            ),
            ("a.yaml", "a:\nc: 2\n", vec!["a", "d"], "a:\n  d: X\nc: 2\n"),
            ("a.yaml", "a:\n  b: 'q' # c\n", vec!["a", "b"], "a:\n  b: 'X' # c\n"),
            ("a.yaml", "a: {b: 1}\n", vec!["a", "d"], "a: {b: 1, d: X}\n"),
            ("a.yaml", "a: {}\n", vec!["a", "d", "e"], "a: {d: {e: X}}\n"),
            ("a.yaml", "- a\n", vec![], ""),
            (
                "a.json",
                "{\n\t\"a\": {\n\t\t\"b\": 1\n\t}\n}\n",
                vec!["a", "d"],
                "{\n\t\"a\": {\n\t\t\"b\": 1,\n\t\t\"d\": X\n\t}\n}\n",
            ),
            (
                "a.toml",
                "[a.b]\n  c = 1\n[a.b.d]\n",
                vec!["a", "b", "e"],
                "[a.b]\n  c = 1\n  e = X\n[a.b.d]\n",
            ),
            ("a.toml", "[a.b]\n", vec!["a", "b", "e", "f"], "[a.b]\ne.f = X\n"),
            ("a.toml", "a = {b = 1}\n", vec!["a", "e"], "a = {b = 1, e = X}\n"),
        ] {
            if keys.is_empty() {
                continue;
            }
            assert_eq!(changed(path, text, |editor, root| editor.put(root, &keys, "X")), expected, "{text}");
        }
    }

    #[test]
    fn entries_go_away_whole() {
        for (text, expected) in [
            ("a:\n  x: 1\n  y: 2\n", "a:\n  y: 2\n"),
            ("a: {x: 1, y: 2}\n", "a: {y: 2}\n"),
            ("a: {y: 2, x: 1}\n", "a: {y: 2}\n"),
            ("a:\n  y: 1\n  x:\n    z: 1\n    w: 2\nb: 1\n", "a:\n  y: 1\nb: 1\n"),
        ] {
            let after = changed("a.yaml", text, |editor, root| editor.remove(root.get("a")?, "x"));
            assert_eq!(after, expected, "{text}");
        }
        let after =
            changed("a.yaml", "- x: 1\n  y: 2\n- z\n", |editor, root| editor.remove(&root.items()[0], "x"));
        assert_eq!(after, "- y: 2\n- z\n");
        let after = changed("a.yaml", "a:\n- x\n- y\n", |editor, root| editor.remove_item(root.get("a")?, 0));
        assert_eq!(after, "a:\n- y\n");
    }

    #[test]
    fn what_cannot_be_read_is_bounded() {
        let laughs = "a: &a [x,x,x,x,x,x,x,x,x]\nb: &b [*a,*a,*a,*a,*a,*a,*a,*a,*a]\nc: &c [*b,*b,*b,*b,*b,*b,*b,*b,*b]\nd: &d [*c,*c,*c,*c,*c,*c,*c,*c,*c]\ne: &e [*d,*d,*d,*d,*d,*d,*d,*d,*d]\nf: [*e,*e,*e,*e,*e,*e,*e,*e,*e]\n";
        let trees = read(&Document::new("a", laughs.as_bytes().to_vec()));
        assert!(trees.roots[0].size() < 2 * ALIASED);
        let tab = read(&Document::new("a", b"a:\n\tb: 1\n".to_vec()));
        assert!(tab.unread.unwrap().1.contains("tab"));
        assert!(read(&Document::new("a", "[".repeat(10_000).into_bytes())).unread.is_some());
        let half = read(&Document::new("a", b"a: 1\nb: [c\nd: {".to_vec()));
        assert!(half.unread.is_some() && half.roots[0].get("a").is_some());
    }
}
