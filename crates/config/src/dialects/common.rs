//! What every dialect needs: places, observations, times, and lines to insert.

use crate::{Document, Edit, Options, Version, beliefs};
use evidence::{Belief, Given, RouteSeen, Setting, Told, VersionBy};
use std::ops::Range;

/// Routes that are judged. Judging compares each with those before it, so that thousands more would take minutes.
pub(crate) const ROUTES: usize = 1000;

/// What is said where a file has more routes than are judged.
pub(crate) fn too_many(documents: &[Document], at: &At) -> Told {
    let why = format!("more than {ROUTES} routes: the others are not judged");
    told(documents, at, Setting::Unreadable { why }, Given::Here)
}

/// Bytes of one of the documents.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct At {
    /// Which document.
    pub document: usize,
    /// Which bytes.
    pub range: Range<usize>,
}

impl At {
    pub(crate) fn new(document: usize, range: Range<usize>) -> Self {
        Self { document, range }
    }

    /// Replaces these bytes.
    pub(crate) fn replace(&self, with: impl Into<String>) -> Edit {
        Edit { document: self.document, at: self.range.clone(), with: with.into() }
    }

    /// Inserts behind these bytes.
    pub(crate) fn append(&self, with: impl Into<String>) -> Edit {
        Edit { document: self.document, at: self.range.end..self.range.end, with: with.into() }
    }
}

/// What is said of a product in every observation.
pub(crate) struct Teller<'a> {
    pub product: &'static str,
    pub version: &'a Version,
    pub version_by: VersionBy,
    pub options: &'a Options,
}

impl Teller<'_> {
    /// The first observation of a route.
    pub(crate) fn route(&self, name: &str, upstream: Option<&str>, believed: Option<Belief>) -> Setting {
        Setting::Route(RouteSeen {
            product: self.product.to_owned(),
            version: self.version.to_string(),
            version_by: self.version_by,
            name: name.to_owned(),
            upstream: upstream.map(str::to_owned),
            believed,
        })
    }

    /// Why a route is believed to carry sockets; the strongest reason.
    pub(crate) fn belief(&self, signs: &Signs<'_>) -> Option<Belief> {
        let said = self.options.locations.iter().any(|wanted| {
            !wanted.is_empty()
                && (signs.paths.iter().any(|path| path == wanted)
                    || signs.name == wanted
                    || signs.name.split_whitespace().any(|word| word.trim_matches('"') == wanted))
        });
        if said {
            return Some(Belief::Said);
        }
        signs
            .mentions
            .map(|text| Belief::Mentions(text.to_owned()))
            .or_else(|| signs.comments.iter().find_map(|comment| beliefs::comment(comment)))
            .or_else(|| signs.paths.iter().find_map(|path| beliefs::path(path)))
            .or_else(|| signs.upstreams.iter().find_map(|name| beliefs::upstream(name)))
    }
}

/// What may speak for sockets.
#[derive(Debug, Default)]
pub(crate) struct Signs<'a> {
    pub name: &'a str,
    pub mentions: Option<&'a str>,
    pub comments: Vec<String>,
    pub paths: Vec<String>,
    pub upstreams: Vec<String>,
}

/// An observation at a place.
pub(crate) fn told(documents: &[Document], at: &At, what: Setting, by: Given) -> Told {
    let spot = documents
        .get(at.document)
        .map_or_else(|| Document::new("", Vec::new()).spot(0..0), |document| document.spot(at.range.clone()));
    Told { what, by, because: None, spot }
}

/// The same, and what in the product makes it so.
pub(crate) fn because(mut told: Told, id: &str) -> Told {
    told.because = Some(id.to_owned());
    told
}

/// A new line behind the line that this byte is on.
pub(crate) fn line_after(documents: &[Document], document: usize, byte: usize, text: &str) -> Option<Edit> {
    let file = documents.get(document)?;
    let end = file.line_range(file.line(byte)).end;
    Some(Edit { document, at: end..end, with: format!("{}{text}", file.newline()) })
}

/// A new line before the line that this byte is on.
pub(crate) fn line_before(documents: &[Document], document: usize, byte: usize, text: &str) -> Option<Edit> {
    let file = documents.get(document)?;
    let mut start = file.line_range(file.line(byte)).start;
    if start == 0 && file.text.starts_with(b"\xEF\xBB\xBF") {
        start = 3;
    }
    Some(Edit { document, at: start..start, with: format!("{text}{}", file.newline()) })
}

/// The whole lines that these bytes are on, with what ends the last one.
pub(crate) fn whole_lines(file: &Document, range: &Range<usize>) -> Range<usize> {
    let first = file.line(range.start);
    let last = file.line(range.end.saturating_sub(1).max(range.start));
    let mut start = file.line_range(first).start;
    if start == 0 && file.text.starts_with(b"\xEF\xBB\xBF") {
        start = 3;
    }
    let end = if last + 1 < file.line_count() { file.line_range(last + 1).start } else { file.text.len() };
    start..end.max(start)
}

/// Takes whole lines away.
pub(crate) fn remove_lines(documents: &[Document], at: &At) -> Option<Edit> {
    let file = documents.get(at.document)?;
    Some(Edit { document: at.document, at: whole_lines(file, &at.range), with: String::new() })
}

/// The comments directly above a line, and the one at its end.
pub(crate) fn comments(file: &Document, byte: usize, mark: char) -> Vec<String> {
    let line = file.line(byte);
    let mut found = Vec::new();
    let own = file.str(file.line_range(line)).into_owned();
    if let Some((_, comment)) = own.split_once(&format!(" {mark}")) {
        found.push(format!("{mark}{comment}"));
    }
    for above in (line.saturating_sub(4)..line).rev() {
        let text = file.str(file.line_range(above)).into_owned();
        let text = text.trim_start_matches('\u{feff}').trim();
        if !text.starts_with(mark) {
            break;
        }
        found.push(text.to_owned());
    }
    found
}

/// Milliseconds as a text that people write: `1h`, `90s`, `1500ms`.
pub(crate) fn short(ms: u64) -> String {
    for (unit, size) in [("h", 3_600_000), ("m", 60_000), ("s", 1000)] {
        if ms >= size && ms.is_multiple_of(size) {
            return format!("{}{unit}", ms / size);
        }
    }
    format!("{ms}ms")
}

/// Whole seconds, never fewer than asked for.
pub(crate) fn seconds(ms: u64) -> u64 {
    ms.div_ceil(1000)
}

/// A duration as Go writes it (Caddy, Traefik, Gateway API): `1h30m`, `300ms`, `1.5h`; a bare number is nanoseconds.
/// Caddy has `d` as well. None: it is none.
pub(crate) fn go_duration(text: &str) -> Option<u64> {
    let text = text.trim();
    let text = text.strip_prefix('+').unwrap_or(text);
    if text == "0" {
        return Some(0);
    }
    let mut total = 0f64;
    let mut rest = text;
    if rest.is_empty() {
        return None;
    }
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !(c.is_ascii_digit() || c == '.')).unwrap_or(rest.len());
        let number: f64 = rest.get(..digits)?.parse().ok()?;
        rest = rest.get(digits..)?;
        let letters = rest.find(|c: char| c.is_ascii_digit() || c == '.').unwrap_or(rest.len());
        let unit = match rest.get(..letters)? {
            "ns" => 0.000_001,
            "us" | "µs" | "μs" => 0.001,
            "ms" => 1.0,
            "s" => 1000.0,
            "m" => 60_000.0,
            "h" => 3_600_000.0,
            "d" => 86_400_000.0,
            _ => return None,
        };
        total += number * unit;
        rest = rest.get(letters..)?;
    }
    bounded(total)
}

/// Milliseconds out of a number with a fraction; what is below one is one.
pub(crate) fn bounded(ms: f64) -> Option<u64> {
    if !ms.is_finite() || ms < 0.0 {
        return None;
    }
    // Truncation and sign are looked at above; an f64 beyond u64 saturates.
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
    let whole = ms.round() as u64;
    Some(if ms > 0.0 { whole.max(1) } else { whole })
}

/// The host, port and scheme of an address such as `https://10.0.0.1:8443/x`.
pub(crate) fn parts(address: &str) -> (Option<&str>, &str, Option<u16>) {
    let (scheme, rest) = match address.split_once("://") {
        Some((scheme, rest)) => (Some(scheme), rest),
        None => (None, address),
    };
    let authority = rest.split(['/', '?', '#']).next().unwrap_or(rest);
    let authority = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
    match authority.rsplit_once(':') {
        Some((host, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) && !port.is_empty() => {
            (scheme, host, port.parse().ok())
        }
        _ => (scheme, authority, None),
    }
}

/// Whether a path begins with a prefix in the sense of whole segments.
pub(crate) fn under(path: &str, prefix: &str) -> bool {
    let prefix = prefix.trim_end_matches('/');
    path == prefix || path.strip_prefix(prefix).is_some_and(|rest| rest.starts_with('/'))
}

/// A regular expression of bounded size; none where it is none, or another engine's.
pub(crate) fn pattern(text: &str, ignore_case: bool) -> Option<regex::Regex> {
    if text.len() > 4096 {
        return None;
    }
    regex::RegexBuilder::new(text).case_insensitive(ignore_case).size_limit(1 << 20).build().ok()
}

/// A path that a simple pattern matches: its literal beginning. `^/(ws|wss)/.*$` gives `/ws/`.
pub(crate) fn example(text: &str) -> String {
    let mut path = String::new();
    let text = text.trim_start_matches("(?i)").trim_start_matches('^');
    let mut chars = text.chars().peekable();
    let mut depth = 0;
    // Within a group only its first alternative is kept.
    let mut skipping = 0;
    while let Some(c) = chars.next() {
        match c {
            '(' => {
                depth += 1;
                if skipping > 0 {
                    skipping += 1;
                } else if chars.peek() == Some(&'?') {
                    chars.next();
                    chars.next();
                }
            }
            ')' => {
                depth -= 1;
                if skipping > 0 {
                    skipping -= 1;
                }
                if matches!(chars.peek(), Some('?' | '*' | '+')) {
                    chars.next();
                }
            }
            '|' if depth > 0 && skipping == 0 => skipping = 1,
            '|' if skipping == 0 => break,
            _ if skipping > 0 => {}
            '\\' => match chars.next() {
                Some('d' | 'w') => path.push('1'),
                Some('b' | 's' | 'B') | None => {}
                Some(other) => path.push(other),
            },
            '.' => {
                if matches!(chars.peek(), Some('*' | '+' | '?')) {
                    if chars.next() == Some('+') {
                        path.push('x');
                    }
                } else {
                    path.push('x');
                }
            }
            '[' => {
                let inside: String = chars.by_ref().take_while(|c| *c != ']').collect();
                let some = inside.trim_start_matches('^').chars().next().unwrap_or('x');
                path.push(if inside.starts_with('^') { 'x' } else { some });
                if matches!(chars.peek(), Some('?' | '*' | '+')) {
                    chars.next();
                }
            }
            '?' | '*' => {
                path.pop();
            }
            '+' | '^' | '$' => {}
            '{' => {
                let _: String = chars.by_ref().take_while(|c| *c != '}').collect();
            }
            other => path.push(other),
        }
    }
    if path.starts_with('/') { path } else { format!("/{path}") }
}

/// Whether a port is one that speaks TLS by convention.
pub(crate) fn tls_port(port: Option<u16>) -> bool {
    matches!(port, Some(443 | 8443))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations() {
        for (text, ms) in [
            ("1h30m", Some(5_400_000)),
            ("300ms", Some(300)),
            ("1.5h", Some(5_400_000)),
            ("0", Some(0)),
            ("2d", Some(172_800_000)),
            ("", None),
            ("5", None),
            ("5x", None),
            ("1h-", None),
        ] {
            assert_eq!(go_duration(text), ms, "{text}");
        }
        assert_eq!(
            (short(3_600_000), short(90_000), short(1500)),
            ("1h".into(), "90s".into(), "1500ms".into())
        );
    }

    #[test]
    fn addresses_come_apart() {
        assert_eq!(parts("https://10.0.0.1:8443/x"), (Some("https"), "10.0.0.1", Some(8443)));
        assert_eq!(parts("backend:80"), (None, "backend", Some(80)));
        assert_eq!(parts("http://[::1]/"), (Some("http"), "[::1]", None));
    }

    #[test]
    fn patterns_have_examples() {
        for (text, path) in [
            ("^/(ws|wss)/.*$", "/ws/"),
            ("/ws(/.*)?", "/ws/"),
            ("^/socket\\.io/", "/socket.io/"),
            ("/api/[^/]+/live", "/api/x/live"),
            ("", "/"),
        ] {
            assert_eq!(example(text), path, "{text}");
        }
    }
}
