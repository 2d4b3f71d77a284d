//! Bytes to replace so that a route is as wished.

use super::Apache;
use super::observe::{
    Kind, Way, asks_for_upgrade, balancer, effective, parameter, seconds as time, shadowing,
};
use super::syntax::Line;
use crate::dialects::common::{
    At, line_after, line_before, parts, remove_lines, seconds, tls_port, whole_lines,
};
use crate::{Config, Edit, NoEdit, version};
use evidence::{Passing, Setting, Wish};

type Edits = Result<Vec<Edit>, NoEdit>;

fn no(why: &str) -> Edits {
    Err(NoEdit(why.to_owned()))
}

struct Editor<'a> {
    tree: &'a Apache,
    config: &'a Config,
    way: &'a Way,
    line: &'a Line,
}

pub(crate) fn edit(tree: &Apache, config: &Config, route: usize, wish: &Wish) -> Edits {
    let Some(way) = tree.ways.iter().find(|way| way.route == Some(route)) else {
        return no("there is no such route");
    };
    let Some(line) = tree.lines.get(way.line) else { return no("there is no such line") };
    let editor = Editor { tree, config, way, line };
    let edits = match wish {
        Wish::PassUpgrade => editor.upgrade(route),
        Wish::OnlyWebSocket => editor.only_websocket(),
        Wish::IdleAtLeast(ms) => editor.idle(*ms),
        Wish::PassHost => editor.switch("ProxyPreserveHost", "On"),
        Wish::PassScheme => {
            editor.insert("RequestHeader set X-Forwarded-Proto \"https\"").into_iter().collect()
        }
        Wish::LeaveHeader(header) => editor.unset(header),
        Wish::KeepPath => editor.keep_path(),
        Wish::ComesFirst => editor.first(),
        Wish::Sticky => editor.sticky(),
        Wish::MatchScheme => editor.scheme(),
        _ => return no("Apache httpd has no setting for this that could be written by itself"),
    };
    if edits.is_empty() { no("nothing of this route can be changed for it") } else { Ok(edits) }
}

impl Editor<'_> {
    fn indent(&self, at: &At) -> String {
        self.config.documents.get(at.document).map(|file| file.indent(at.range.start)).unwrap_or_default()
    }

    /// A line before the mapping.
    fn insert(&self, text: &str) -> Option<Edit> {
        let at = self.way.place.as_ref().map_or_else(|| self.line.at(), |_| self.line.at());
        let text = format!("{}{text}", self.indent(&at));
        line_before(&self.config.documents, at.document, at.range.start, &text)
    }

    /// A line before the mapping, outside of its `<Location>`, as some directives want it.
    fn insert_outside(&self, text: &str) -> Option<Edit> {
        let at = match &self.way.place {
            Some(level) => level.at.clone(),
            None => match self.way.conditions.first().and_then(|number| self.tree.lines.get(*number)) {
                Some(line) => line.at(),
                None => self.line.at(),
            },
        };
        let text = format!("{}{text}", self.indent(&at));
        line_before(&self.config.documents, at.document, at.range.start, &text)
    }

    fn members(&self) -> Vec<&Line> {
        balancer(&self.tree.lines, self.way).into_iter().filter(|line| line.is("BalancerMember")).collect()
    }

    /// Another value for a parameter, or one more parameter.
    fn parameter(&self, line: &Line, name: &str, value: &str) -> Edit {
        let old =
            line.words.iter().skip(1).find(|word| {
                word.text.split_once('=').is_some_and(|(key, _)| key.eq_ignore_ascii_case(name))
            });
        match old {
            Some(word) => At::new(line.document, word.range.clone()).replace(format!("{name}={value}")),
            None => line.at().append(format!(" {name}={value}")),
        }
    }

    fn upgrade(&self, route: usize) -> Vec<Edit> {
        let about = self.config.about(route);
        let Some(told) = about.iter().find(|told| matches!(told.what, Setting::Upgrade(_))) else {
            return Vec::new();
        };
        if matches!(told.what, Setting::Upgrade(Passing::Passed)) {
            return Vec::new();
        }
        match told.because.as_deref() {
            Some("apache-wstunnel-not-loaded") => self.load("proxy_wstunnel"),
            Some("apache-sslproxy-off") => {
                let mut edits = self.switch_outside("SSLProxyEngine", "on");
                // The same line may also lack the upgrade.
                if !self.carries(self.line) {
                    edits.extend(self.carry());
                }
                edits
            }
            Some("apache-rewrite-upgrade-cond") => self.conditions(),
            Some("apache-no-ws-mapping") => self.carry(),
            _ => self.unset("Upgrade"),
        }
    }

    fn carries(&self, line: &Line) -> bool {
        let target = line.words.iter().skip(1).find(|word| word.text.contains("://"));
        let scheme = target.and_then(|word| parts(&word.text).0).unwrap_or_default().to_ascii_lowercase();
        matches!(scheme.as_str(), "ws" | "wss" | "balancer") || parameter(line, "upgrade").is_some()
    }

    fn carry(&self) -> Vec<Edit> {
        let members = self.members();
        let lines = if members.is_empty() { vec![self.line] } else { members };
        lines
            .into_iter()
            .filter(|line| {
                !self.carries(line)
                    || parameter(line, "upgrade").is_some_and(|value| value.eq_ignore_ascii_case("none"))
                    || !version::has(&self.config.version, "apache-upgrade")
            })
            .filter_map(|line| {
                if version::has(&self.config.version, "apache-upgrade") && self.way.kind != Kind::Rewrite {
                    return Some(self.parameter(line, "upgrade", "websocket"));
                }
                // Older ones have mod_proxy_wstunnel with a scheme of its own.
                self.with_scheme(line, |scheme| match scheme {
                    "http" => Some("ws"),
                    "https" => Some("wss"),
                    _ => None,
                })
            })
            .collect()
    }

    /// The target of a line with another scheme.
    fn with_scheme(&self, line: &Line, other: impl Fn(&str) -> Option<&'static str>) -> Option<Edit> {
        let word = line.words.iter().skip(1).find(|word| word.text.contains("://"))?;
        let file = self.config.documents.get(line.document)?;
        let raw = file.str(word.range.clone()).into_owned();
        let end = raw.find("://")?;
        let start = raw[..end].rfind(|c: char| !c.is_ascii_alphanumeric()).map_or(0, |at| at + 1);
        let scheme = other(&raw[start..end].to_ascii_lowercase())?;
        let range = word.range.start + start..word.range.start + end;
        Some(At::new(line.document, range).replace(scheme))
    }

    fn only_websocket(&self) -> Vec<Edit> {
        let members = self.members();
        let lines = if members.is_empty() { vec![self.line] } else { members };
        lines
            .into_iter()
            .filter(|line| parameter(line, "upgrade").is_some_and(|value| value.eq_ignore_ascii_case("any")))
            .map(|line| self.parameter(line, "upgrade", "websocket"))
            .collect()
    }

    fn conditions(&self) -> Vec<Edit> {
        self.way
            .conditions
            .iter()
            .filter_map(|number| self.tree.lines.get(*number))
            .filter(|line| asks_for_upgrade(line))
            .filter_map(|line| {
                let name = line.word(1).to_ascii_lowercase();
                let value = if name.contains("http:upgrade") {
                    "websocket"
                } else if name.contains("http:connection") {
                    "upgrade"
                } else {
                    return None;
                };
                let start = line.words.get(2)?.range.start;
                Some(At::new(line.document, start..line.range.end).replace(format!("{value} [NC]")))
            })
            .collect()
    }

    fn load(&self, name: &str) -> Vec<Edit> {
        let Some(line) = self
            .tree
            .lines
            .iter()
            .rev()
            .find(|line| line.is("LoadModule") && line.word(1).starts_with("proxy_"))
            .or_else(|| {
                self.tree.lines.iter().find(|line| line.is("LoadModule") && line.word(1) == "proxy_module")
            })
        else {
            return Vec::new();
        };
        let folder = line.word(2).rsplit_once('/').map_or("modules", |(folder, _)| folder);
        let text = format!("{}LoadModule {name}_module {folder}/mod_{name}.so", self.indent(&line.at()));
        line_after(&self.config.documents, line.document, line.range.end, &text).into_iter().collect()
    }

    /// Turns a switch of this route's own surroundings, or adds it.
    fn switch(&self, name: &str, value: &str) -> Vec<Edit> {
        if let Some((line, _)) = effective(&self.tree.lines, self.way, name)
            && line.host() == self.way.host
            && let Some(at) = line.word_at(1)
        {
            return vec![at.replace(value)];
        }
        self.insert(&format!("{name} {value}")).into_iter().collect()
    }

    fn switch_outside(&self, name: &str, value: &str) -> Vec<Edit> {
        if let Some((line, _)) = effective(&self.tree.lines, self.way, name)
            && line.host() == self.way.host
            && let Some(at) = line.word_at(1)
        {
            return vec![at.replace(value)];
        }
        self.insert_outside(&format!("{name} {value}")).into_iter().collect()
    }

    fn idle(&self, ms: u64) -> Vec<Edit> {
        let value = seconds(ms).to_string();
        if self.way.kind == Kind::Rewrite {
            // A rule has no worker of its own; only the host's `Timeout` is left.
            if let Some((line, _)) = effective(&self.tree.lines, self.way, "Timeout")
                && line.host() == self.way.host
                && let Some(at) = line.word_at(1)
            {
                return vec![at.replace(value)];
            }
            return self.insert_outside(&format!("Timeout {value}")).into_iter().collect();
        }
        let members = self.members();
        let lines = if members.is_empty() { vec![self.line] } else { members };
        lines
            .into_iter()
            .filter(|line| parameter(line, "timeout").and_then(time).is_none_or(|own| own < ms))
            .map(|line| self.parameter(line, "timeout", &value))
            .collect()
    }

    fn unset(&self, header: &str) -> Vec<Edit> {
        self.tree
            .lines
            .iter()
            .filter(|line| {
                line.is("RequestHeader")
                    && line.word(1).eq_ignore_ascii_case("unset")
                    && line.word(2).eq_ignore_ascii_case(header)
                    && (line.host().is_none() || line.host() == self.way.host)
            })
            .filter_map(|line| remove_lines(&self.config.documents, &line.at()))
            .collect()
    }

    fn keep_path(&self) -> Vec<Edit> {
        if self.way.kind != Kind::Pass {
            return Vec::new();
        }
        let Some(at) = self.line.word_at(self.way.word) else { return Vec::new() };
        let Some(file) = self.config.documents.get(at.document) else { return Vec::new() };
        let raw = file.str(at.range.clone()).into_owned();
        let quote = if raw.starts_with('"') { "\"" } else { "" };
        let inner = raw.trim_matches('"');
        let Some(scheme) = inner.find("://") else { return Vec::new() };
        let end = inner[scheme + 3..].find('/').map_or(inner.len(), |slash| scheme + 3 + slash);
        vec![at.replace(format!("{quote}{}{}{quote}", &inner[..end], self.way.path))]
    }

    fn first(&self) -> Vec<Edit> {
        let Some(other) = shadowing(&self.tree.ways, self.way).and_then(|way| self.tree.lines.get(way.line))
        else {
            return Vec::new();
        };
        if other.document != self.line.document || other.host() != self.line.host() {
            return Vec::new();
        }
        let Some(file) = self.config.documents.get(self.line.document) else { return Vec::new() };
        let lines = whole_lines(file, &self.line.range);
        let text = file.str(lines.clone()).trim_end_matches(['\r', '\n']).to_owned();
        let mut edits = Vec::new();
        edits.extend(line_before(&self.config.documents, other.document, other.range.start, &text));
        edits.push(Edit { document: self.line.document, at: lines, with: String::new() });
        edits
    }

    /// As the documentation has it (mod_proxy_balancer, "Examples of a balancer configuration"): a cookie of our own.
    fn sticky(&self) -> Vec<Edit> {
        let members = self.members();
        let (Some(first), Some(last)) = (members.first(), members.last()) else { return Vec::new() };
        let mut edits = Vec::new();
        let cookie =
            "Header add Set-Cookie \"ROUTEID=.%{BALANCER_WORKER_ROUTE}e; path=/\" env=BALANCER_ROUTE_CHANGED";
        edits.extend(self.insert_outside(cookie));
        for (number, line) in members.iter().enumerate() {
            if parameter(line, "route").is_none() {
                edits.push(line.at().append(format!(" route={}", number + 1)));
            }
        }
        let inside = first.place().is_some();
        if inside {
            let text = format!("{}ProxySet stickysession=ROUTEID", self.indent(&last.at()));
            edits.extend(line_after(&self.config.documents, last.document, last.range.end, &text));
        } else {
            edits.push(self.line.at().append(" stickysession=ROUTEID"));
        }
        edits
    }

    fn scheme(&self) -> Vec<Edit> {
        let members = self.members();
        let lines = if members.is_empty() { vec![self.line] } else { members };
        let mut edits: Vec<Edit> = lines
            .into_iter()
            .filter_map(|line| {
                let word = line.words.iter().skip(1).find(|word| word.text.contains("://"))?;
                let secure = tls_port(parts(&word.text).2);
                self.with_scheme(line, |scheme| match (scheme, secure) {
                    ("http", true) => Some("https"),
                    ("ws", true) => Some("wss"),
                    ("https", false) => Some("http"),
                    ("wss", false) => Some("ws"),
                    _ => None,
                })
            })
            .collect();
        let engine = effective(&self.tree.lines, self.way, "SSLProxyEngine")
            .is_some_and(|(line, _)| line.word(1).eq_ignore_ascii_case("on"));
        if edits.iter().any(|edit| edit.with.ends_with('s') && edit.with.len() > 2) && !engine {
            edits.extend(self.switch_outside("SSLProxyEngine", "on"));
        }
        edits
    }
}
