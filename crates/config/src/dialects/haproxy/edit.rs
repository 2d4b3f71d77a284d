//! Bytes to replace so that a route is as wished.

use super::Haproxy;
use super::acl::{self, Truth};
use super::observe::{effective, mode_is_tcp, rules, servers, shadowing, speaks_h2};
use super::syntax::{Line, Section, time};
use crate::dialects::common::{
    At, line_after, line_before, parts, remove_lines, short, tls_port, whole_lines,
};
use crate::{Config, Edit, NoEdit, version};
use evidence::Wish;

type Edits = Result<Vec<Edit>, NoEdit>;

fn no(why: &str) -> Edits {
    Err(NoEdit(why.to_owned()))
}

pub(crate) fn edit(tree: &Haproxy, config: &Config, route: usize, wish: &Wish) -> Edits {
    let Some(way) = tree.ways.get(route) else { return no("there is no such route") };
    let Some(backend) = way.backend else { return no("no backend takes these requests") };
    let documents = &config.documents;
    let section = &tree.sections[backend];
    // Lines of the route that the wish takes away.
    let without = |unwanted: &dyn Fn(&Line) -> bool| -> Vec<Edit> {
        rules(&tree.sections, way)
            .into_iter()
            .filter(|(section, line)| {
                unwanted(line)
                    && acl::holds(&acl::acls(&tree.sections[*section]), line, 1, &way.request) == Truth::Yes
            })
            .filter_map(|(_, line)| remove_lines(documents, &line.at()))
            .collect()
    };
    let deletes =
        |line: &Line, header: &str| line.word(1) == "del-header" && line.word(2).eq_ignore_ascii_case(header);
    let edits = match wish {
        Wish::PassUpgrade => {
            let mut edits = without(&|line| {
                deletes(line, "upgrade")
                    || deletes(line, "connection")
                    || matches!(line.word(1), "deny" | "tarpit")
                        && line.text().to_ascii_lowercase().contains("upgrade")
            });
            edits.extend(http11(tree, config, backend));
            edits
        }
        Wish::UpstreamHttp11 => http11(tree, config, backend),
        Wish::IdleAtLeast(ms) => {
            let text = short(*ms);
            match section.last(&["timeout", "tunnel"]) {
                Some(line) if time(line.word(2)).is_some() || line.words.len() > 2 => line
                    .words
                    .get(2)
                    .map(|word| At::new(0, word.range.clone()).replace(text))
                    .into_iter()
                    .collect(),
                _ => insert(config, section, &format!("timeout tunnel {text}")).into_iter().collect(),
            }
        }
        Wish::LeaveHeader(header) => without(&|line| deletes(line, header)),
        Wish::PassHost => {
            without(&|line| line.word(1) == "set-header" && line.word(2).eq_ignore_ascii_case("host"))
        }
        Wish::KeepPath => {
            without(&|line| matches!(line.word(1), "set-path" | "replace-path" | "replace-uri" | "set-uri"))
        }
        Wish::ClearTheWay => {
            without(&|line| line.is(&["redirect"]) || line.is(&["http-request", "redirect"]))
        }
        Wish::PassScheme => {
            insert(config, section, "http-request set-header X-Forwarded-Proto https if { ssl_fc }")
                .into_iter()
                .collect()
        }
        Wish::ComesFirst => {
            let (Some(by), Some(own)) = (
                shadowing(&tree.sections, way),
                way.rules.first().map(|rule| &tree.sections[way.frontend].lines[*rule]),
            ) else {
                return no("no rule stands before it");
            };
            let Some(file) = documents.first() else { return no("there is no file") };
            let lines = whole_lines(file, &own.range());
            let text = file.str(lines.clone()).trim_end_matches(['\r', '\n']).to_owned();
            let mut edits = Vec::new();
            edits.extend(line_before(documents, 0, by.range().start, &text));
            edits.push(Edit { document: 0, at: lines, with: String::new() });
            edits
        }
        Wish::Sticky => sticky(tree, config, backend),
        Wish::MatchScheme => servers(section)
            .filter(|line| {
                tls_port(parts(line.word(2)).2) && !line.words.iter().any(|word| word.text == "ssl")
            })
            // `@system-ca` since 2.5 (manual, "ca-file").
            .map(|line| line.at().append(" ssl verify required ca-file @system-ca"))
            .collect(),
        Wish::DrainAtLeast(ms) => value(&tree.sections, "global", "hard-stop-after", &short(*ms)),
        Wish::Sockets(count) => sockets(tree, way.frontend, backend, *count),
        _ => return no("HAProxy has no setting for this"),
    };
    if edits.is_empty() { no("nothing of this route can be changed for it") } else { Ok(edits) }
}

/// A new line in a section, behind its head, indented as its lines are.
fn insert(config: &Config, section: &Section, text: &str) -> Option<Edit> {
    let file = config.documents.first()?;
    let indent =
        section.lines.first().map_or_else(|| "    ".to_owned(), |line| file.indent(line.range().start));
    // Behind lines of its own kind, so that it stands where one would look for it.
    let kind = text.split(' ').next().unwrap_or_default();
    let neighbour = section
        .lines
        .iter()
        .rev()
        .find(|line| line.is(&[kind]))
        .or_else(|| section.lines.iter().rev().find(|line| line.is(&["mode"]) || line.is(&["balance"])))
        .unwrap_or(&section.head);
    line_after(&config.documents, 0, neighbour.range().start, &format!("{indent}{text}"))
}

fn http11(tree: &Haproxy, config: &Config, backend: usize) -> Vec<Edit> {
    let old = !version::has(&config.version, "haproxy-server-ws");
    servers(&tree.sections[backend])
        .filter(|server| speaks_h2(&tree.sections, backend, server, old))
        .filter_map(|server| {
            let value = |name: &str| {
                let at = server.words.iter().position(|word| word.text == name)?;
                server.words.get(at + 1).map(|word| At::new(0, word.range.clone()))
            };
            if let Some(at) = value("ws") {
                return Some(at.replace("h1"));
            }
            if !old {
                return Some(server.at().append(" ws h1"));
            }
            value("proto")
                .map(|at| at.replace("h1"))
                .or_else(|| value("alpn").map(|at| at.replace("http/1.1")))
        })
        .collect()
}

fn sticky(tree: &Haproxy, config: &Config, backend: usize) -> Vec<Edit> {
    let section = &tree.sections[backend];
    let templates = servers(section).any(|line| line.is(&["server-template"]));
    let mut edits = Vec::new();
    if mode_is_tcp(&tree.sections, backend) || templates {
        edits.extend(insert(config, section, "balance source"));
        if let Some(line) = section.last(&["balance"]) {
            edits = vec![
                At::new(0, line.words.first().map_or(0, |word| word.range.start)..line.range().end)
                    .replace("balance source"),
            ];
        }
        return edits;
    }
    if effective(&tree.sections, backend, &["cookie"]).is_none() {
        edits.extend(insert(config, section, "cookie SERVERID insert indirect nocache"));
    }
    edits.extend(
        servers(section)
            .filter(|line| !line.words.iter().skip(3).any(|word| word.text == "cookie"))
            .map(|line| line.at().append(format!(" cookie {}", line.word(1)))),
    );
    edits
}

/// Replaces the value of a setting in sections of a kind.
fn value(sections: &[Section], kind: &str, name: &str, with: &str) -> Vec<Edit> {
    sections
        .iter()
        .filter(|section| section.kind == kind)
        .filter_map(|section| section.last(&[name])?.words.get(1))
        .map(|word| At::new(0, word.range.clone()).replace(with))
        .collect()
}

fn sockets(tree: &Haproxy, frontend: usize, backend: usize, count: u64) -> Vec<Edit> {
    let low = |text: &str, least: u64| text.parse::<u64>().is_ok_and(|limit| limit < least);
    let mut edits = Vec::new();
    if let Some((line, _)) = effective(&tree.sections, frontend, &["maxconn"])
        && low(line.word(1), count)
        && let Some(word) = line.words.get(1)
    {
        edits.push(At::new(0, word.range.clone()).replace(count.to_string()));
    }
    for section in tree.sections.iter().filter(|section| section.kind == "global") {
        if let Some(line) = section.last(&["maxconn"])
            && low(line.word(1), count)
            && let Some(word) = line.words.get(1)
        {
            edits.push(At::new(0, word.range.clone()).replace(count.to_string()));
        }
    }
    let all: Vec<&Line> = servers(&tree.sections[backend]).collect();
    let each = count.div_ceil(all.len().max(1) as u64);
    for line in all {
        if let Some(at) = line.words.iter().position(|word| word.text == "maxconn")
            && let Some(word) = line.words.get(at + 1)
            && low(&word.text, each)
        {
            edits.push(At::new(0, word.range.clone()).replace(each.to_string()));
        }
    }
    edits
}
