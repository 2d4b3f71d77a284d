//! Conditions: what a handshake meets (manual, section 7).

use super::syntax::{Line, Section};
use crate::Request;
use crate::dialects::common::{pattern, under};

/// What can be said of a condition.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Truth {
    Yes,
    No,
    /// It depends on something that no file says, such as an address.
    Unknown,
}

impl Truth {
    fn not(self) -> Self {
        match self {
            Self::Yes => Self::No,
            Self::No => Self::Yes,
            Self::Unknown => Self::Unknown,
        }
    }

    fn of(value: bool) -> Self {
        if value { Self::Yes } else { Self::No }
    }
}

/// A test: what is looked at, and what it is compared with.
#[derive(Debug, Clone)]
pub(crate) struct Test {
    name: String,
    words: Vec<String>,
}

/// The named tests of a section.
pub(crate) fn acls(section: &Section) -> Vec<Test> {
    section
        .lines
        .iter()
        .filter(|line| line.is(&["acl"]) && line.words.len() > 2)
        .map(|line| Test {
            name: line.word(1).to_owned(),
            words: line.words.iter().skip(2).map(|word| word.text.clone()).collect(),
        })
        .collect()
}

/// The alternatives of a condition that begins at this word (`if` or `unless`): each a list of tests, negated or not.
struct Condition {
    unless: bool,
    alternatives: Vec<Vec<(bool, Vec<Vec<String>>)>>,
}

fn condition(acls: &[Test], line: &Line, from: usize) -> Option<Condition> {
    let start = (from..line.words.len()).find(|at| matches!(line.word(*at), "if" | "unless"))?;
    let mut alternatives = vec![Vec::new()];
    let mut negated = false;
    let mut at = start + 1;
    while at < line.words.len() {
        match line.word(at) {
            "||" | "or" => alternatives.push(Vec::new()),
            "!" => negated = !negated,
            word @ ("{" | "!{") => {
                if word == "!{" {
                    negated = !negated;
                }
                let end =
                    (at + 1..line.words.len()).find(|at| line.word(*at) == "}").unwrap_or(line.words.len());
                let words = (at + 1..end).map(|at| line.word(at).to_owned()).collect();
                if let Some(last) = alternatives.last_mut() {
                    last.push((std::mem::take(&mut negated), vec![words]));
                }
                at = end;
            }
            word => {
                let name = word.trim_start_matches('!');
                let negative = negated != ((word.len() - name.len()) % 2 == 1);
                negated = false;
                // Lines of one name are alternatives of one test (manual, section 7.1).
                let mut tests: Vec<Vec<String>> =
                    acls.iter().filter(|test| test.name == name).map(|test| test.words.clone()).collect();
                if tests.is_empty() {
                    tests.push(vec![name.to_owned()]);
                }
                if let Some(last) = alternatives.last_mut() {
                    last.push((negative, tests));
                }
            }
        }
        at += 1;
    }
    Some(Condition { unless: line.word(start) == "unless", alternatives })
}

/// Whether a condition holds for a handshake; yes where there is none.
pub(crate) fn holds(acls: &[Test], line: &Line, from: usize, request: &Request) -> Truth {
    let Some(condition) = condition(acls, line, from) else { return Truth::Yes };
    let mut result = Truth::No;
    for alternative in &condition.alternatives {
        let mut all = if alternative.is_empty() { Truth::Unknown } else { Truth::Yes };
        for (negated, tests) in alternative {
            let mut any = Truth::No;
            for words in tests {
                match test(words, request) {
                    Truth::Yes => any = Truth::Yes,
                    Truth::Unknown if any == Truth::No => any = Truth::Unknown,
                    _ => {}
                }
            }
            match if *negated { any.not() } else { any } {
                Truth::No => all = Truth::No,
                Truth::Unknown if all == Truth::Yes => all = Truth::Unknown,
                _ => {}
            }
        }
        match all {
            Truth::Yes => result = Truth::Yes,
            Truth::Unknown if result == Truth::No => result = Truth::Unknown,
            _ => {}
        }
    }
    if condition.unless { result.not() } else { result }
}

/// Paths and hosts that a condition asks for, and whether it speaks of the upgrade itself.
#[derive(Debug, Default, Clone)]
pub(crate) struct Asked {
    pub paths: Vec<String>,
    pub hosts: Vec<String>,
    pub mentions: Option<String>,
}

pub(crate) fn asked(acls: &[Test], line: &Line, from: usize) -> Asked {
    let mut asked = Asked::default();
    let Some(condition) = condition(acls, line, from) else { return asked };
    for (negated, tests) in condition.alternatives.iter().flatten() {
        if *negated != condition.unless {
            continue;
        }
        for words in tests {
            let what = words.first().map_or("", String::as_str);
            let (values, _) = values(words);
            let upgrade = what.to_ascii_lowercase().contains("upgrade")
                || what.to_ascii_lowercase().contains("sec-websocket")
                || what == "http_websocket";
            if upgrade || (what.to_ascii_lowercase().contains("hdr") && values.contains(&"websocket")) {
                asked.mentions.get_or_insert_with(|| words.join(" "));
            }
            let fetch = what.split([',', '(']).next().unwrap_or(what);
            if fetch.starts_with("path") || fetch.starts_with("url") {
                let pattern = fetch.ends_with("_reg") || words.windows(2).any(|two| two == ["-m", "reg"]);
                asked.paths.extend(values.iter().map(|value| {
                    if pattern {
                        crate::dialects::common::example(value)
                    } else if fetch.ends_with("_end") {
                        format!("/x{value}").replace("/x/", "/")
                    } else if value.starts_with('/') {
                        (*value).to_owned()
                    } else {
                        format!("/{value}")
                    }
                }));
            }
            if what.to_ascii_lowercase().contains("(host)") || fetch == "ssl_fc_sni" {
                asked.hosts.extend(values.iter().map(|value| {
                    let value = value.split(':').next().unwrap_or(value).to_ascii_lowercase();
                    value.trim_start_matches('.').to_owned()
                }));
            }
        }
    }
    asked
}

/// What a test compares with, and whether case matters not.
fn values(words: &[String]) -> (Vec<&str>, bool) {
    let mut found = Vec::new();
    let mut ignore_case = false;
    let mut at = 1;
    while let Some(word) = words.get(at) {
        match word.as_str() {
            "-i" => ignore_case = true,
            "-m" | "-M" | "-f" | "-u" => at += 1,
            "-n" | "--" => {}
            value => found.push(value),
        }
        at += 1;
    }
    (found, ignore_case)
}

fn test(words: &[String], request: &Request) -> Truth {
    let Some(first) = words.first() else { return Truth::Unknown };
    if words.iter().any(|word| word == "-f" || word == "-M") {
        return Truth::Unknown;
    }
    let (values, mut ignore_case) = values(words);
    let mut pieces = first.split(',');
    let fetch = pieces.next().unwrap_or_default();
    let mut lower = false;
    for converter in pieces {
        match converter {
            "lower" => lower = true,
            _ => return Truth::Unknown,
        }
    }
    let (name, argument) = match fetch.split_once('(') {
        Some((name, rest)) => (name, rest.split(')').next().unwrap_or("").to_ascii_lowercase()),
        None => (fetch, String::new()),
    };
    let name = name.strip_prefix("req.").unwrap_or(name);
    let name = name.strip_prefix("req_").unwrap_or(name);
    let (base, mut method) = match name.rsplit_once('_') {
        Some((base, method @ ("beg" | "end" | "dir" | "sub" | "dom" | "reg" | "str" | "len"))) => {
            (base, method)
        }
        _ => (name, "str"),
    };
    if let Some(at) = words.iter().position(|word| word == "-m") {
        method = words.get(at + 1).map_or("str", String::as_str);
    }
    let subject = match (base, argument.as_str()) {
        ("path" | "pathq" | "url", "") => request.path.clone(),
        ("base", "") => format!("{}{}", request.host, request.path),
        ("hdr" | "fhdr" | "shdr", "host") => {
            ignore_case = true;
            if values.iter().any(|value| value.contains(':')) {
                format!("{}:{}", request.host, request.port)
            } else {
                request.host.clone()
            }
        }
        ("hdr" | "fhdr", "upgrade") => "websocket".to_owned(),
        ("hdr" | "fhdr", "connection") => "Upgrade".to_owned(),
        ("hdr" | "fhdr", "sec-websocket-version") => "13".to_owned(),
        ("hdr_cnt" | "hdr", name) if name.starts_with("sec-websocket-key") => {
            return match values.first() {
                None | Some(&"found") => Truth::Yes,
                _ => Truth::Unknown,
            };
        }
        ("ssl_fc_sni" | "ssl_sni", "") => request.host.clone(),
        ("ssl_fc", "") => return Truth::of(request.tls),
        ("dst_port", "") => request.port.to_string(),
        ("method", "") | ("METH_GET", "") => "GET".to_owned(),
        ("always_true" | "TRUE" | "HTTP" | "HTTP_1.1" | "WAIT_END" | "HTTP_URL_SLASH", "") => {
            return Truth::Yes;
        }
        ("always_false" | "FALSE" | "METH_POST" | "METH_HEAD" | "METH_OPTIONS", "") => return Truth::No,
        _ => return Truth::Unknown,
    };
    if method == "found" {
        return Truth::Yes;
    }
    // A header without a value asked for: is it there?
    if values.is_empty() {
        return if base.ends_with("hdr") { Truth::Yes } else { Truth::Unknown };
    }
    let fold = |text: &str| if ignore_case || lower { text.to_ascii_lowercase() } else { text.to_owned() };
    let subject = fold(&subject);
    let any = values.iter().any(|value| {
        let value = fold(value);
        match method {
            "beg" => subject.starts_with(&value),
            "end" => subject.ends_with(&value),
            "sub" => subject.contains(&value),
            "dir" => {
                subject.split('/').any(|part| part == value.trim_matches('/')) || {
                    let inner = value.trim_matches('/');
                    !inner.is_empty()
                        && (under(&subject, &format!("/{inner}")) || subject.contains(&format!("/{inner}/")))
                }
            }
            "dom" => subject
                .split(['.', ':'])
                .collect::<Vec<_>>()
                .windows(value.split('.').count())
                .any(|parts| parts.join(".") == value.trim_matches('.')),
            "reg" => pattern(&value, ignore_case).is_some_and(|pattern| pattern.is_match(&subject)),
            "len" => false,
            _ => subject == value,
        }
    });
    if method == "len" { Truth::Unknown } else { Truth::of(any) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Document;
    use crate::dialects::haproxy::syntax::sections;

    #[test]
    fn conditions_hold_for_a_handshake() {
        for (condition, expected) in [
            ("if { path_beg /ws }", Truth::Yes),
            ("if { path /ws/x }", Truth::Yes),
            ("if { path_beg -i /WS }", Truth::Yes),
            ("if { path_beg /api }", Truth::No),
            ("if !{ path_beg /api }", Truth::Yes),
            ("unless { path_beg /ws }", Truth::No),
            ("if is_ws", Truth::Yes),
            ("if !is_ws", Truth::No),
            ("if is_ws { src 10.0.0.0/8 }", Truth::Unknown),
            ("if { src 10.0.0.0/8 } || is_ws", Truth::Yes),
            ("if { path_beg /api } { src 10.0.0.0/8 }", Truth::No),
            ("if { hdr(host) -i app.example }", Truth::Yes),
            ("if { hdr_dom(host) -i example }", Truth::Yes),
            ("if { hdr(host),lower -m end .example }", Truth::Yes),
            ("if { path_reg ^/(ws|wss)/ }", Truth::Yes),
            ("if { hdr(Connection) -i upgrade }", Truth::Yes),
            ("if { path,lower -m beg /ws }", Truth::Yes),
            ("if { path_dir ws }", Truth::Yes),
            ("if { ssl_fc }", Truth::Yes),
            ("if METH_POST", Truth::No),
        ] {
            let text =
                format!("frontend f\n acl is_ws hdr(Upgrade) -i WebSocket\n use_backend b {condition}\n");
            let (sections, _) = sections(&Document::new("h", text.into_bytes()));
            let request = Request { host: "app.example".into(), port: 443, tls: true, path: "/ws/x".into() };
            assert_eq!(
                holds(&acls(&sections[0]), &sections[0].lines[1], 2, &request),
                expected,
                "{condition}"
            );
        }
    }
}
