//! Rules of routers: ``Host(`a`) && (Path(`/b`) || PathPrefix(`/c`))``.

use crate::Request;
use crate::dialects::common::pattern;

/// Brackets in brackets.
const DEEPEST: usize = 32;

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Rule {
    All(Vec<Rule>),
    Any(Vec<Rule>),
    Not(Box<Rule>),
    Test(String, Vec<String>),
}

/// Reads a rule; what is no rule tests nothing that is known.
pub(crate) fn parse(text: &str) -> Rule {
    let mut parser = Parser { rest: text, depth: 0 };
    parser.any()
}

struct Parser<'a> {
    rest: &'a str,
    depth: usize,
}

impl Parser<'_> {
    fn eat(&mut self, word: &str) -> bool {
        self.rest = self.rest.trim_start();
        match self.rest.strip_prefix(word) {
            Some(rest) => {
                self.rest = rest;
                true
            }
            None => false,
        }
    }

    fn any(&mut self) -> Rule {
        let mut parts = vec![self.all()];
        while self.eat("||") {
            parts.push(self.all());
        }
        if parts.len() == 1 { parts.remove(0) } else { Rule::Any(parts) }
    }

    fn all(&mut self) -> Rule {
        let mut parts = vec![self.one()];
        while self.eat("&&") {
            parts.push(self.one());
        }
        if parts.len() == 1 { parts.remove(0) } else { Rule::All(parts) }
    }

    fn one(&mut self) -> Rule {
        let unknown = Rule::Test(String::new(), Vec::new());
        self.depth += 1;
        if self.depth > DEEPEST {
            self.rest = "";
            return unknown;
        }
        let rule = if self.eat("!") {
            Rule::Not(Box::new(self.one()))
        } else if self.eat("(") {
            let inside = self.any();
            self.eat(")");
            inside
        } else {
            let end = self.rest.find(|c: char| !c.is_ascii_alphanumeric()).unwrap_or(self.rest.len());
            let (name, rest) = self.rest.split_at(end);
            let name = name.to_owned();
            self.rest = rest;
            if name.is_empty() || !self.eat("(") {
                self.rest = "";
                return unknown;
            }
            let mut values = Vec::new();
            loop {
                self.rest = self.rest.trim_start_matches([' ', ',', '\t', '\n', '\r']);
                let Some(quote) = self.rest.chars().next().filter(|c| matches!(c, '`' | '"' | '\'')) else {
                    break;
                };
                let inside = &self.rest[1..];
                let end = inside.find(quote).unwrap_or(inside.len());
                values.push(inside[..end].to_owned());
                self.rest = inside.get(end + 1..).unwrap_or("");
            }
            self.eat(")");
            Rule::Test(name, values)
        };
        self.depth -= 1;
        rule
    }
}

impl Rule {
    /// Whether it holds for a handshake; none where no file says.
    pub(crate) fn holds(&self, request: &Request) -> Option<bool> {
        match self {
            Self::All(parts) => {
                let all: Vec<Option<bool>> = parts.iter().map(|part| part.holds(request)).collect();
                if all.contains(&Some(false)) {
                    Some(false)
                } else if all.contains(&None) {
                    None
                } else {
                    Some(true)
                }
            }
            Self::Any(parts) => {
                let all: Vec<Option<bool>> = parts.iter().map(|part| part.holds(request)).collect();
                if all.contains(&Some(true)) {
                    Some(true)
                } else if all.contains(&None) {
                    None
                } else {
                    Some(false)
                }
            }
            Self::Not(inside) => inside.holds(request).map(|holds| !holds),
            Self::Test(name, values) => {
                let any = |test: &dyn Fn(&str) -> bool| Some(values.iter().any(|value| test(value)));
                match name.as_str() {
                    "Host" | "HostHeader" | "HostSNI" => {
                        any(&|host| host.eq_ignore_ascii_case(&request.host))
                    }
                    "HostRegexp" => any(&|text| regular(text).is_some_and(|p| p.is_match(&request.host))),
                    "Path" => any(&|path| match regular_path(path) {
                        Some(pattern) => pattern.is_match(&request.path),
                        None => path == request.path,
                    }),
                    // Not whole segments: `/ws` takes `/wsx`, too.
                    "PathPrefix" => any(&|path| {
                        let literal = path.split('{').next().unwrap_or(path);
                        request.path.starts_with(literal)
                    }),
                    "PathRegexp" => {
                        any(&|text| pattern(text, false).is_some_and(|p| p.is_match(&request.path)))
                    }
                    "Method" => any(&|method| method.eq_ignore_ascii_case("GET")),
                    "Header" | "Headers" => {
                        match values.first().map(|name| name.to_ascii_lowercase()).as_deref() {
                            Some("upgrade") => Some(
                                values.get(1).is_some_and(|value| value.eq_ignore_ascii_case("websocket")),
                            ),
                            Some("connection") => {
                                Some(values.get(1).is_some_and(|value| value.eq_ignore_ascii_case("upgrade")))
                            }
                            _ => None,
                        }
                    }
                    _ => None,
                }
            }
        }
    }

    fn visit(&self, negated: bool, see: &mut dyn FnMut(&str, &[String])) {
        match self {
            Self::All(parts) | Self::Any(parts) => parts.iter().for_each(|part| part.visit(negated, see)),
            Self::Not(inside) => inside.visit(!negated, see),
            Self::Test(name, values) if !negated => see(name, values),
            Self::Test(..) => {}
        }
    }

    pub(crate) fn paths(&self) -> Vec<String> {
        let mut found = Vec::new();
        self.visit(false, &mut |name, values| match name {
            "Path" | "PathPrefix" => {
                found.extend(values.iter().map(|path| path.split('{').next().unwrap_or(path).to_owned()));
            }
            "PathRegexp" => found.extend(values.iter().map(|text| crate::dialects::common::example(text))),
            _ => {}
        });
        found
    }

    pub(crate) fn hosts(&self) -> Vec<String> {
        let mut found = Vec::new();
        self.visit(false, &mut |name, values| {
            if matches!(name, "Host" | "HostHeader") {
                found.extend(values.iter().map(|host| host.to_ascii_lowercase()));
            }
        });
        found
    }

    /// Whether it asks for the upgrade itself.
    pub(crate) fn mentions(&self) -> bool {
        let mut found = false;
        self.visit(false, &mut |name, values| {
            found |= name.starts_with("Header")
                && values.first().is_some_and(|name| {
                    name.eq_ignore_ascii_case("upgrade")
                        || name.to_ascii_lowercase().starts_with("sec-websocket")
                });
        });
        found
    }
}

/// Traefik 2's `{name:pattern}` within a text.
fn regular_path(text: &str) -> Option<regex::Regex> {
    text.contains('{').then(|| regular(text)).flatten()
}

fn regular(text: &str) -> Option<regex::Regex> {
    if !text.contains('{') || !text.contains(':') && !text.contains('}') {
        return pattern(text, true);
    }
    let mut out = String::from("^");
    let mut rest = text;
    while let Some(start) = rest.find('{') {
        out.push_str(&regex::escape(&rest[..start]));
        let end = rest[start..].find('}').map_or(rest.len(), |end| start + end);
        let inside = rest.get(start + 1..end).unwrap_or("");
        let pattern = inside.split_once(':').map_or("[^/]+", |(_, pattern)| pattern);
        out.push_str(&format!("(?:{pattern})"));
        rest = rest.get(end + 1..).unwrap_or("");
    }
    out.push_str(&regex::escape(rest));
    out.push('$');
    pattern(&out, true)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rules_hold_for_a_handshake() {
        let request = Request { host: "a.example".into(), port: 443, tls: true, path: "/ws/x".into() };
        for (text, expected) in [
            ("Host(`a.example`)", Some(true)),
            ("Host(`b.example`, `a.example`) && PathPrefix(`/ws`)", Some(true)),
            ("Host(`a.example`) && !PathPrefix(`/ws`)", Some(false)),
            ("(Path(`/x`) || PathPrefix(`/ws`)) && Host(`a.example`)", Some(true)),
            ("HostRegexp(`{sub:[a-z]+}.example`)", Some(true)),
            ("HostRegexp(`^.+\\.example$`)", Some(true)),
            ("Headers(`Upgrade`, `websocket`)", Some(true)),
            ("ClientIP(`10.0.0.0/8`)", None),
            ("nonsense", None),
            ("((((", None),
        ] {
            assert_eq!(parse(text).holds(&request), expected, "{text}");
        }
    }
}
