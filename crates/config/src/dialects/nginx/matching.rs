//! Which server and which location take a request, by nginx's own rules
//! (<https://nginx.org/en/docs/http/server_names.html>, <https://nginx.org/en/docs/http/ngx_http_core_module.html#location>).

use super::model::{At, Kind, Model};
use crate::Request;
use regex::Regex;
use std::borrow::Cow;

/// How a location matches.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Pattern<'a> {
    /// `= /path`
    Exact(Cow<'a, str>),
    /// `/path`, and whether `^~` stops the search for regular expressions.
    Prefix(Cow<'a, str>, bool),
    /// `~` or `~*`, and whether case matters.
    Regex(Cow<'a, str>, bool),
    /// `@name`
    Named(Cow<'a, str>),
}

impl<'a> Pattern<'a> {
    /// The pattern of a `location`.
    pub(crate) fn of(model: &'a Model, at: At) -> Option<Self> {
        let first = model.word(at, 0)?;
        if let Some(second) = model.word(at, 1) {
            return Self::written(&first, second);
        }
        // nginx takes `location =/path` and `location ~\.php$`, too.
        let Some(sign) = ["^~", "=", "~*", "~"].into_iter().find(|sign| first.starts_with(sign)) else {
            let named = first.starts_with('@');
            return Some(if named { Self::Named(first) } else { Self::Prefix(first, false) });
        };
        let rest = match first {
            Cow::Borrowed(word) => Cow::Borrowed(&word[sign.len()..]),
            Cow::Owned(word) => Cow::Owned(word[sign.len()..].to_owned()),
        };
        Self::written(sign, rest)
    }

    /// By the sign in front of it.
    fn written(sign: &str, text: Cow<'a, str>) -> Option<Self> {
        match sign {
            "=" => Some(Self::Exact(text)),
            "^~" => Some(Self::Prefix(text, true)),
            "~" => Some(Self::Regex(text, true)),
            "~*" => Some(Self::Regex(text, false)),
            _ => None,
        }
    }

    /// A path that this location is written for, if one can be told.
    pub(crate) fn example(&self) -> Option<String> {
        match self {
            Self::Exact(path) | Self::Prefix(path, _) => Some(path.to_string()),
            Self::Regex(pattern, _) => {
                // The literal beginning, where there is one: `^/(ws|wss)/` begins with `/ws/`.
                let rest = pattern.strip_prefix('^')?;
                let literal: String = rest
                    .chars()
                    .take_while(|c| c.is_ascii_alphanumeric() || matches!(c, '/' | '-' | '_'))
                    .collect();
                // What a quantifier follows is not literal.
                let next = rest.chars().nth(literal.chars().count());
                let cut = match next {
                    Some('?' | '*' | '+' | '{') => literal.len().saturating_sub(1),
                    _ => literal.len(),
                };
                (cut > 1).then(|| literal[..cut].to_owned())
            }
            Self::Named(_) => None,
        }
    }
}

/// Whether a regular expression matches; none: it is one that we cannot read (look-around, back-references).
pub(crate) fn matches(pattern: &str, case: bool, text: &str) -> Option<bool> {
    let pattern = if case { pattern.to_owned() } else { format!("(?i){pattern}") };
    regex::RegexBuilder::new(&pattern)
        .size_limit(1 << 20)
        .build()
        .ok()
        .map(|regex: Regex| regex.is_match(text))
}

/// A path as nginx looks at it: `%63` is `c`, `//` is `/`, and `.` and `..` are gone (`merge_slashes on`).
pub(crate) fn normal(path: &str) -> String {
    let bytes = path.as_bytes();
    let mut decoded = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while at < bytes.len() {
        let code = path.get(at + 1..at + 3).and_then(|hex| u8::from_str_radix(hex, 16).ok());
        match (bytes[at], code) {
            (b'%', Some(code)) => {
                decoded.push(code);
                at += 3;
            }
            (byte, _) => {
                decoded.push(byte);
                at += 1;
            }
        }
    }
    let decoded = String::from_utf8_lossy(&decoded).into_owned();
    let mut parts: Vec<&str> = Vec::new();
    for part in decoded.split('/') {
        match part {
            "" | "." => {}
            ".." => {
                parts.pop();
            }
            part => parts.push(part),
        }
    }
    let folder = ["/", "/.", "/.."].iter().any(|end| decoded.ends_with(end)) && !parts.is_empty();
    format!("/{}{}", parts.join("/"), if folder { "/" } else { "" })
}

/// The location of a server that takes a path: the level, deepest first.
pub(crate) fn location(model: &Model, server: usize, path: &str) -> Option<usize> {
    let mut level = server;
    let mut found = None;
    // Locations inside locations are searched in turn.
    for _ in 0..16 {
        match step(model, level, path) {
            Some((next, deeper)) => {
                found = Some(next);
                if !deeper {
                    break;
                }
                level = next;
            }
            None => break,
        }
    }
    found
}

/// The location directly in a level that takes a path, and whether those inside it may do so instead.
fn step(model: &Model, level: usize, path: &str) -> Option<(usize, bool)> {
    let mut prefix: Option<(usize, usize, bool)> = None;
    let mut regexes = Vec::new();
    for location in model.inside(level) {
        if model.levels[location].kind != Kind::Location {
            continue;
        }
        let Some(pattern) = model.levels[location].at.and_then(|at| Pattern::of(model, at)) else { continue };
        match pattern {
            Pattern::Exact(exact) if exact == path => return Some((location, false)),
            Pattern::Prefix(text, stops)
                if path.starts_with(&*text) && prefix.is_none_or(|(_, length, _)| text.len() > length) =>
            {
                prefix = Some((location, text.len(), stops));
            }
            Pattern::Regex(text, case) => regexes.push((location, text, case)),
            _ => {}
        }
    }
    // Regular expressions inside the longest prefix come before those beside it.
    if let Some((inner, _, _)) = prefix
        && let Some((deeper, _)) = step(model, inner, path)
    {
        let is_regex = model.levels[deeper]
            .at
            .and_then(|at| Pattern::of(model, at))
            .is_some_and(|pattern| matches!(pattern, Pattern::Regex(..)));
        if is_regex {
            return Some((inner, true));
        }
    }
    if !prefix.is_some_and(|(_, _, stops)| stops) {
        for (location, text, case) in regexes {
            if matches(&text, case, path) == Some(true) {
                return Some((location, true));
            }
        }
    }
    prefix.map(|(location, _, _)| (location, true))
}

/// A server block, with the names and ports that it serves.
#[derive(Debug, Clone)]
pub(crate) struct Server {
    pub level: usize,
    pub names: Vec<String>,
    pub listens: Vec<Listen>,
}

/// The names of a server.
pub(crate) fn names(model: &Model, level: usize) -> impl Iterator<Item = String> + '_ {
    model.own(level, "server_name").flat_map(move |at| {
        model.words(at).iter().map(move |word| model.value(at.document(), *word).to_lowercase())
    })
}

/// One `listen`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Listen {
    /// The address as written, without the port; `*` for any.
    pub address: String,
    pub port: u16,
    pub tls: bool,
    pub default: bool,
}

impl Server {
    pub(crate) fn of(model: &Model, level: usize) -> Self {
        let names = names(model, level).collect();
        let ssl_on = model.own(level, "ssl").any(|at| model.word(at, 0).as_deref() == Some("on"));
        let mut listens: Vec<Listen> =
            model.own(level, "listen").filter_map(|at| listen(model, at, ssl_on)).collect();
        if listens.is_empty() && model.levels[level].at.is_some() {
            // nginx: `*:80` where the master runs as root.
            listens.push(Listen { address: "*".to_owned(), port: 80, tls: ssl_on, default: false });
        }
        Self { level, names, listens }
    }

    pub(crate) fn tls(&self) -> bool {
        self.listens.iter().any(|listen| listen.tls)
    }
}

fn listen(model: &Model, at: At, ssl_on: bool) -> Option<Listen> {
    let word = model.word(at, 0)?;
    if word.starts_with("unix:") {
        return None;
    }
    let has =
        |flag: &str| model.words(at).iter().skip(1).any(|word| model.value(at.document(), *word) == flag);
    let (address, port) = match word.rsplit_once(':') {
        Some((address, port)) if !port.contains(']') => (address.to_owned(), port.parse().ok()?),
        _ => match word.parse() {
            Ok(port) => ("*".to_owned(), port),
            Err(_) => (word.to_string(), 80),
        },
    };
    let address = if address == "0.0.0.0" || address == "[::]" { "*".to_owned() } else { address };
    let tls = has("ssl") || has("quic") || ssl_on;
    Some(Listen { address, port, tls, default: has("default_server") || has("default") })
}

/// The server that takes a request. Where no port fits (a balancer or a container in front changes it), ports are not
/// looked at.
pub(crate) fn server<'a>(servers: &'a [Server], request: &Request) -> Option<&'a Server> {
    let on_port = |server: &&Server| {
        server.listens.is_empty()
            || server.listens.iter().any(|listen| listen.port == request.port && listen.tls == request.tls)
    };
    let mut candidates: Vec<&Server> = servers.iter().filter(on_port).collect();
    if candidates.is_empty() {
        candidates = servers.iter().collect();
        // Behind something that ends TLS, a redirecting server on port 80 is as likely as any; names decide.
    }
    let mut best: Option<(u32, &Server)> = None;
    for server in &candidates {
        for name in &server.names {
            let rank = rank(name, &request.host);
            if rank > 0 && best.is_none_or(|(known, _)| rank > known) {
                best = Some((rank, server));
            }
        }
    }
    let default = || {
        candidates
            .iter()
            .find(|server| server.listens.iter().any(|listen| listen.default && listen.port == request.port))
            .or(candidates.first())
            .copied()
    };
    best.map(|(_, server)| server).or_else(default)
}

/// How well a name fits a host: exact before `*.x` (the longest), before `x.*`, before a regular expression. 0: not.
fn rank(name: &str, host: &str) -> u32 {
    let length = u32::try_from(name.len()).unwrap_or(u32::MAX).min(1_000_000);
    if name == host {
        return 5_000_000;
    }
    if let Some(suffix) = name.strip_prefix("*.") {
        return if host.ends_with(suffix) && host[..host.len() - suffix.len()].ends_with('.') {
            3_000_000 + length
        } else {
            0
        };
    }
    if let Some(suffix) = name.strip_prefix('.') {
        let fits =
            host == suffix || (host.ends_with(suffix) && host[..host.len() - suffix.len()].ends_with('.'));
        return if fits { 3_000_000 + length } else { 0 };
    }
    if let Some(prefix) = name.strip_suffix(".*") {
        let fits = host.strip_prefix(prefix).is_some_and(|rest| rest.starts_with('.'));
        return if fits { 2_000_000 + length } else { 0 };
    }
    match name.strip_prefix('~') {
        Some(pattern) if matches(pattern, true, host) == Some(true) => 1_000_000,
        _ => 0,
    }
}
