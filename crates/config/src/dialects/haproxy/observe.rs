//! What a handshake and a long connection meet on each way from a frontend to a backend.

use super::acl::{self, Asked, Test, Truth};
use super::syntax::{Line, Section, time};
use crate::dialects::common::{
    At, ROUTES, Signs, Teller, because, comments, parts, pattern, tls_port, told, too_many,
};
use crate::{Document, Options, Request, Route, Version, version};
use evidence::{Given, HostSent, Passing, Setting, Told, VersionBy};

/// A way from a frontend to a backend.
#[derive(Debug, Clone)]
pub(crate) struct Way {
    pub frontend: usize,
    /// None: the frontend has no backend for what no rule takes.
    pub backend: Option<usize>,
    /// Its `use_backend` lines, by their number in the frontend.
    pub rules: Vec<usize>,
    /// What no rule takes comes here.
    pub default: bool,
    /// A handshake that comes here.
    pub request: Request,
    pub old: bool,
}

/// The line that sets something, looked up as HAProxy does: the section, then its `defaults`.
pub(crate) fn effective<'a>(
    sections: &'a [Section],
    section: usize,
    words: &[&str],
) -> Option<(&'a Line, Given)> {
    let mut at = section;
    for depth in 0..8 {
        let section = sections.get(at)?;
        if let Some(line) = section.last(words) {
            let by = if depth == 0 { Given::Here } else { Given::Inherited(title(section)) };
            return Some((line, by));
        }
        at = section.defaults?;
    }
    None
}

pub(crate) fn title(section: &Section) -> String {
    format!("{} {}", section.kind, section.name).trim().to_owned()
}

/// The ports that a section listens on; and whether it does so over TLS, without TLS.
pub(crate) fn binds(section: &Section) -> (Vec<u16>, bool, bool) {
    let (mut ports, mut tls, mut plain) = (Vec::new(), false, false);
    for line in section.lines.iter().filter(|line| line.is(&["bind"])) {
        for address in line.word(1).split(',') {
            let port = address.rsplit(':').next().unwrap_or_default();
            let (first, last) = port.split_once('-').unwrap_or((port, port));
            if let (Ok(first), Ok(last)) = (first.parse::<u16>(), last.parse::<u16>()) {
                ports.extend((first..=last).take(64));
            }
        }
        if line.words.iter().any(|word| word.text == "ssl") {
            tls = true;
        } else {
            plain = true;
        }
    }
    (ports, tls, plain)
}

pub(crate) fn mode_is_tcp(sections: &[Section], section: usize) -> bool {
    // Without `mode`, a proxy relays TCP (manual, "mode").
    effective(sections, section, &["mode"]).is_none_or(|(line, _)| line.word(1) == "tcp")
}

/// Servers that take traffic: neither backups nor disabled ones.
pub(crate) fn servers(section: &Section) -> impl Iterator<Item = &Line> {
    section.lines.iter().filter(|line| {
        (line.is(&["server"]) || line.is(&["server-template"]))
            && !line.words.iter().skip(3).any(|word| word.text == "backup" || word.text == "disabled")
    })
}

/// The value of an option of a server, its own or of `default-server`.
pub(crate) fn server_option<'a>(
    sections: &'a [Section],
    section: usize,
    server: &'a Line,
    name: &str,
) -> Option<&'a str> {
    let of =
        |line: &'a Line| line.words.iter().position(|word| word.text == name).map(|at| line.word(at + 1));
    of(server).or_else(|| effective(sections, section, &["default-server"]).and_then(|(line, _)| of(line)))
}

/// Whether a server speaks HTTP/2 to a handshake (manual, server options `proto`, `alpn`, `ws`): without `ws`, from
/// 2.5 on, `http/1.1` in the ALPN list is taken for handshakes.
pub(crate) fn speaks_h2(sections: &[Section], section: usize, server: &Line, old: bool) -> bool {
    let option = |name| server_option(sections, section, server, name);
    match option("ws") {
        Some("h1") => return false,
        Some("h2") => return true,
        _ => {}
    }
    if option("proto") == Some("h2") {
        return true;
    }
    let Some(alpn) = option("alpn") else { return false };
    let mut protocols = alpn.split(',');
    if old { protocols.next() == Some("h2") } else { alpn.contains("h2") && !alpn.contains("http/1.1") }
}

pub(crate) fn observe(
    documents: &[Document],
    sections: &[Section],
    options: &Options,
    version: &Version,
    by: VersionBy,
) -> (Vec<Way>, Vec<Route>, Vec<Told>) {
    let teller = Teller { product: "HAProxy", version, version_by: by, options };
    let old = !version::has(version, "haproxy-server-ws");
    let mut general = Vec::new();
    let mut ways = Vec::new();
    let mut routes = Vec::new();
    for (frontend, section) in sections.iter().enumerate() {
        if section.kind != "frontend" && section.kind != "listen" {
            continue;
        }
        let acls = acl::acls(section);
        for mut way in ways_of(sections, frontend, &acls, &mut general, documents) {
            if routes.len() >= ROUTES {
                general.push(too_many(documents, &section.head.at()));
                break;
            }
            way.old = old;
            let (asked, route) = route(documents, sections, &way, &acls, &teller);
            way.request = asked;
            routes.push(route);
            ways.push(way);
        }
    }
    for (route, way) in routes.iter_mut().zip(&ways) {
        shadow(documents, sections, way, route);
    }
    // What concerns every socket.
    for section in sections.iter().filter(|section| section.kind == "global") {
        if let Some(line) = section.last(&["hard-stop-after"])
            && let Some(ms) = time(line.word(1))
        {
            let timer = "hard-stop-after".to_owned();
            let drain = told(documents, &line.at(), Setting::Drain { ms: Some(ms), timer }, Given::Here);
            general.push(because(drain, "close-proxy-reload"));
        }
        if let Some(line) = section.last(&["maxconn"])
            && let Ok(sockets) = line.word(1).parse()
        {
            let limit = "global maxconn".to_owned();
            general.push(told(documents, &line.at(), Setting::SocketLimit { sockets, limit }, Given::Here));
        }
    }
    (ways, routes, general)
}

/// The ways out of a frontend, and what HAProxy refuses of them.
fn ways_of(
    sections: &[Section],
    frontend: usize,
    acls: &[Test],
    general: &mut Vec<Told>,
    documents: &[Document],
) -> Vec<Way> {
    let section = &sections[frontend];
    let find = |name: &str| {
        sections.iter().position(|other| {
            (other.kind == "backend" || other.kind == "listen") && other.name == name && !name.is_empty()
        })
    };
    let blank = |backend| Way {
        frontend,
        backend,
        rules: Vec::new(),
        default: false,
        request: Request { host: String::new(), port: 0, tls: false, path: "/".to_owned() },
        old: false,
    };
    let mut found: Vec<Way> = Vec::new();
    let mut refuse = |line: &Line, keyword: &str| {
        let says = format!("unable to find required {keyword}: '{}'", line.word(1));
        general.push(told(documents, &line.at(), Setting::Refused { says }, Given::Here));
    };
    for (number, line) in section.lines.iter().enumerate().filter(|(_, line)| line.is(&["use_backend"])) {
        let name = line.word(1);
        if name.contains("%[") || name.is_empty() {
            continue;
        }
        let Some(backend) = find(name) else {
            refuse(line, "use_backend");
            continue;
        };
        match found.iter_mut().find(|way| way.backend == Some(backend)) {
            Some(way) => way.rules.push(number),
            None => found.push(Way { rules: vec![number], ..blank(Some(backend)) }),
        }
    }
    let own = section.kind == "listen" && servers(section).next().is_some();
    match effective(sections, frontend, &["default_backend"]) {
        Some((line, _)) => match find(line.word(1)) {
            Some(backend) => match found.iter_mut().find(|way| way.backend == Some(backend)) {
                Some(way) => way.default = true,
                None => found.push(Way { default: true, ..blank(Some(backend)) }),
            },
            None => refuse(line, "default_backend"),
        },
        None if own => found.push(Way { default: true, ..blank(Some(frontend)) }),
        None => {
            let always = section.lines.iter().any(|line| {
                line.is(&["use_backend"])
                    && (line.word(1).contains("%[")
                        || acl::asked(acls, line, 2).paths.is_empty() && line.words.len() == 2)
            });
            let answers = section.lines.iter().any(|line| {
                line.is(&["redirect"])
                    || line.is(&["http-request", "redirect"])
                    || line.is(&["http-request", "return"])
            });
            if !always && !answers && !binds(section).0.is_empty() && !mode_is_tcp(sections, frontend) {
                found.push(Way { default: true, ..blank(None) });
            }
        }
    }
    found
}

/// One route, and a handshake that takes it.
fn route(
    documents: &[Document],
    sections: &[Section],
    way: &Way,
    acls: &[Test],
    teller: &Teller<'_>,
) -> (Request, Route) {
    let front = &sections[way.frontend];
    let (ports, tls, plain) = binds(front);
    let mut asked = Asked::default();
    for rule in &way.rules {
        let one = acl::asked(acls, &front.lines[*rule], 2);
        asked.paths.extend(one.paths);
        asked.hosts.extend(one.hosts);
        asked.mentions = asked.mentions.or(one.mentions);
    }
    let secure = tls && !plain;
    let request = Request {
        host: asked.hosts.first().cloned().unwrap_or_default(),
        port: ports.last().copied().unwrap_or(if secure { 443 } else { 80 }),
        tls,
        path: asked.paths.first().cloned().unwrap_or_else(|| "/".to_owned()),
    };
    let Some(backend) = way.backend else {
        let name = format!("{}: nothing else matches", title(front));
        let refused = told(documents, &front.head.at(), Setting::Upgrade(Passing::Refused), Given::Default);
        let told = vec![
            told(documents, &front.head.at(), teller.route(&name, None, None), Given::Here),
            because(refused, "haproxy-no-backend"),
        ];
        let spot = documents[0].spot(front.head.range());
        return (
            request,
            Route { name, hosts: Vec::new(), ports, tls: secure, path: "/".into(), spot, told },
        );
    };
    let back = &sections[backend];
    let name = title(back);
    let upstream = servers(back).next().map(|line| line.word(2).to_owned());
    let mut near = comments(&documents[0], back.head.range().start, '#');
    let mut mentions = asked.mentions.clone();
    for rule in &way.rules {
        near.extend(comments(&documents[0], front.lines[*rule].range().start, '#'));
    }
    if back.last(&["timeout", "tunnel"]).is_some() {
        mentions = mentions.or_else(|| Some("timeout tunnel".to_owned()));
    }
    let signs = Signs {
        name: &name,
        mentions: mentions.as_deref(),
        comments: near,
        paths: asked.paths.clone(),
        upstreams: vec![back.name.clone()],
    };
    let head = back.head.at();
    let mut all = vec![told(
        documents,
        &head,
        teller.route(&name, upstream.as_deref(), teller.belief(&signs)),
        Given::Here,
    )];
    let scene = Scene { documents, sections, way, backend, request: &request, head: &head };
    if !mode_is_tcp(sections, backend) {
        scene.upgrade(&mut all);
        scene.headers(&mut all, tls, plain);
    } else {
        all.push(told(documents, &head, Setting::Upgrade(Passing::Passed), Given::Default));
    }
    scene.timers(&mut all);
    scene.servers(&mut all);
    let spot = documents[0].spot(back.head.range());
    let path = request.path.clone();
    (request, Route { name, hosts: asked.hosts, ports, tls: secure, path, spot, told: all })
}

struct Scene<'a> {
    documents: &'a [Document],
    sections: &'a [Section],
    way: &'a Way,
    backend: usize,
    request: &'a Request,
    head: &'a At,
}

/// Rules that a request meets: those of the frontend, then those of the backend.
pub(crate) fn rules<'a>(sections: &'a [Section], way: &Way) -> Vec<(usize, &'a Line)> {
    let mut own = vec![way.frontend];
    own.extend(way.backend.filter(|backend| *backend != way.frontend));
    own.into_iter()
        .flat_map(|section| {
            sections[section]
                .lines
                .iter()
                .filter(|line| line.is(&["http-request"]) || line.is(&["redirect"]) || line.is(&["reqdel"]))
                .map(move |line| (section, line))
        })
        .collect()
}

impl Scene<'_> {
    fn holds(&self, section: usize, line: &Line) -> bool {
        acl::holds(&acl::acls(&self.sections[section]), line, 1, self.request) == Truth::Yes
    }

    fn upgrade(&self, all: &mut Vec<Told>) {
        let mut passing = (Passing::Passed, self.head.clone(), Given::Default);
        for (section, line) in rules(self.sections, self.way) {
            if !self.holds(section, line) {
                continue;
            }
            let header = line.word(2);
            match line.word(1) {
                "del-header" if header.eq_ignore_ascii_case("upgrade") => {
                    passing = (Passing::Dropped, line.at(), Given::Here);
                }
                "del-header" if header.eq_ignore_ascii_case("connection") => {
                    passing = (passing.0.max(Passing::ConnectionLost), line.at(), Given::Here);
                }
                "deny" | "reject" | "tarpit" => {
                    passing = (Passing::Refused, line.at(), Given::Here);
                    break;
                }
                _ => {}
            }
        }
        all.push(told(self.documents, &passing.1, Setting::Upgrade(passing.0), passing.2));
    }

    fn headers(&self, all: &mut Vec<Told>, tls: bool, plain: bool) {
        let mut host = (HostSent::Client, self.head.clone(), Given::Default);
        let mut scheme_known = false;
        let mut path = self.request.path.clone();
        let mut path_at = None;
        for (section, line) in rules(self.sections, self.way) {
            let set = matches!(line.word(1), "set-header" | "add-header");
            if set && line.word(2).eq_ignore_ascii_case("x-forwarded-proto") {
                // With `if { ssl_fc }` or without: it is told.
                scheme_known = true;
            }
            if line.is(&["redirect"]) || line.is(&["http-request", "redirect"]) {
                // One that leads from http to https is no obstacle to a route that has both.
                let words = line.text();
                let to_https = words.contains("scheme https") || words.contains("https://");
                if self.holds(section, line) && !(to_https && (plain || !tls) && words.contains("ssl_fc")) {
                    all.push(told(self.documents, &line.at(), Setting::InTheWay(line.text()), Given::Here));
                }
                continue;
            }
            if !self.holds(section, line) {
                continue;
            }
            let header = line.word(2);
            match line.word(1) {
                "set-header" if header.eq_ignore_ascii_case("host") && !line.word(3).contains("%[") => {
                    host = (HostSent::Fixed(line.word(3).to_owned()), line.at(), Given::Here);
                }
                "del-header"
                    if header.to_ascii_lowercase().starts_with("sec-websocket-")
                        || header.eq_ignore_ascii_case("origin")
                        || header.eq_ignore_ascii_case("cookie") =>
                {
                    let cleared = Setting::Cleared(header.to_owned());
                    all.push(told(self.documents, &line.at(), cleared, Given::Here));
                }
                "set-path" | "replace-path" | "replace-uri" | "set-uri" => {
                    if let Some(next) = rewritten(line, &path) {
                        path = next;
                        path_at = Some(line.at());
                    }
                }
                _ => {}
            }
        }
        all.push(told(self.documents, &host.1, Setting::Host(host.0), host.2));
        if tls && !scheme_known {
            all.push(told(self.documents, self.head, Setting::SchemeHidden, Given::Default));
        }
        let request = self.request.path.clone();
        let at = path_at.unwrap_or_else(|| self.head.clone());
        if path != request {
            all.push(told(
                self.documents,
                &at,
                Setting::UpstreamPath { request, upstream: path },
                Given::Here,
            ));
        }
    }

    fn timers(&self, all: &mut Vec<Told>) {
        let tunnel = effective(self.sections, self.backend, &["timeout", "tunnel"])
            .and_then(|(line, by)| time(line.word(2)).map(|ms| (line, by, ms)));
        // `timeout tunnel 0` is as if it were not there (seen with HAProxy 2.6).
        if let Some((line, by, ms)) = tunnel.filter(|(_, _, ms)| *ms > 0) {
            let idle = Setting::Idle { ms: Some(ms), timer: "timeout tunnel".to_owned() };
            all.push(told(self.documents, &line.at(), idle, by));
            return;
        }
        let mut any = false;
        for (section, name) in [(self.way.frontend, "client"), (self.backend, "server")] {
            let Some((line, by)) = effective(self.sections, section, &["timeout", name]) else { continue };
            let Some(ms) = time(line.word(2)).filter(|ms| *ms > 0) else { continue };
            any = true;
            let idle = Setting::Idle { ms: Some(ms), timer: format!("timeout {name}") };
            all.push(because(told(self.documents, &line.at(), idle, by), "haproxy-no-timeout-tunnel"));
        }
        if !any {
            let idle = Setting::Idle { ms: None, timer: "timeout tunnel".to_owned() };
            all.push(told(self.documents, self.head, idle, Given::Default));
        }
    }

    fn servers(&self, all: &mut Vec<Told>) {
        let section = &self.sections[self.backend];
        let mut count = 0u32;
        for server in servers(section) {
            count = count.saturating_add(if server.is(&["server-template"]) {
                server.word(2).rsplit('-').next().and_then(|number| number.parse().ok()).unwrap_or(1)
            } else {
                1
            });
            if !mode_is_tcp(self.sections, self.backend)
                && speaks_h2(self.sections, self.backend, server, self.way.old)
            {
                let http = told(self.documents, &server.at(), Setting::UpstreamHttp("2".into()), Given::Here);
                all.push(because(http, "haproxy-h2-backend-no-8441"));
            }
            let ssl = server.words.iter().any(|word| word.text == "ssl")
                || effective(self.sections, self.backend, &["default-server"])
                    .is_some_and(|(line, _)| line.words.iter().any(|word| word.text == "ssl"));
            let address = server.word(if server.is(&["server-template"]) { 3 } else { 2 });
            if tls_port(parts(address).2) && !ssl && !mode_is_tcp(self.sections, self.backend) {
                let upstream = address.to_owned();
                all.push(told(
                    self.documents,
                    &server.at(),
                    Setting::SchemeMismatch { upstream },
                    Given::Here,
                ));
            }
        }
        let sticky = sticky(self.sections, self.backend);
        let (at, by) = servers(section)
            .next()
            .map_or((self.head.clone(), Given::Default), |line| (line.at(), Given::Here));
        let mut many = told(self.documents, &at, Setting::Servers { count, sticky }, by);
        if count == 0 && !section.lines.iter().any(|line| line.is(&["http-request", "return"])) {
            many = because(many, "haproxy-no-backend");
        }
        all.push(many);
        let limits = [effective(self.sections, self.way.frontend, &["maxconn"])
            .map(|(line, by)| (line, by, line.word(1)))];
        for (line, by, value) in limits.into_iter().flatten() {
            if let Ok(sockets) = value.parse() {
                let limit = "maxconn".to_owned();
                all.push(told(self.documents, &line.at(), Setting::SocketLimit { sockets, limit }, by));
            }
        }
        // Sockets beyond what the servers take wait in the queue, and get 503 after `timeout queue`.
        let each: Vec<(u64, &Line)> = servers(section)
            .filter_map(|line| {
                let at = line.words.iter().position(|word| word.text == "maxconn")?;
                Some((line.word(at + 1).parse().ok()?, line))
            })
            .filter(|(limit, _)| *limit > 0)
            .collect();
        if count > 0
            && each.len() == count as usize
            && let Some((_, line)) = each.first()
        {
            let sockets = each.iter().fold(0u64, |sum, (limit, _)| sum.saturating_add(*limit));
            let limit = "server maxconn".to_owned();
            all.push(told(self.documents, &line.at(), Setting::SocketLimit { sockets, limit }, Given::Here));
        }
    }
}

/// Whether one client always comes to the same server (manual: `cookie`, `stick`, `balance`).
pub(crate) fn sticky(sections: &[Section], backend: usize) -> bool {
    let section = &sections[backend];
    let balance = effective(sections, backend, &["balance"]).map(|(line, _)| line.word(1).to_owned());
    if balance.is_some_and(|kind| {
        kind == "source"
            || kind.starts_with("hdr(")
            || kind.starts_with("rdp-cookie")
            || kind.starts_with("hash")
    }) {
        return true;
    }
    if section.lines.iter().any(|line| line.is(&["stick"]) && matches!(line.word(1), "on" | "match")) {
        return true;
    }
    let Some((cookie, _)) = effective(sections, backend, &["cookie"]) else { return false };
    cookie.words.iter().any(|word| word.text == "dynamic")
        || servers(section).all(|server| server.words.iter().skip(3).any(|word| word.text == "cookie"))
}

/// The path after a rule that rewrites it; none where that cannot be told.
fn rewritten(line: &Line, path: &str) -> Option<String> {
    match line.word(1) {
        "replace-path" | "replace-uri" => {
            let pattern = pattern(line.word(2), false)?;
            let with = line.word(3).replace('\\', "$");
            // `$1x` would be a name to the regex crate; HAProxy has digits only.
            let with: String = braces(&with);
            let found = pattern.find(path)?;
            let replaced = pattern.replace(path, with.as_str());
            let _ = found;
            Some(replaced.into_owned())
        }
        "set-path" => {
            let value = line.word(2);
            if !value.contains('%') {
                return Some(value.to_owned());
            }
            let inner = value.strip_prefix("%[path,regsub(")?.strip_suffix(")]")?;
            let mut words = inner.splitn(3, ',');
            let (from, to) = (words.next()?, words.next().unwrap_or(""));
            let pattern = pattern(from, false)?;
            Some(pattern.replace(path, braces(&to.replace('\\', "$")).as_str()).into_owned())
        }
        _ => None,
    }
}

/// `$1` as `${1}`.
fn braces(text: &str) -> String {
    let mut out = String::new();
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        match (c, chars.peek()) {
            ('$', Some(digit)) if digit.is_ascii_digit() => {
                out.push_str("${");
                out.push(*digit);
                out.push('}');
                chars.next();
            }
            ('$', _) => out.push_str("$$"),
            (other, _) => out.push(other),
        }
    }
    out
}

/// An earlier rule of the frontend that takes what this way is written for.
pub(crate) fn shadowing<'a>(sections: &'a [Section], way: &Way) -> Option<&'a Line> {
    let front = &sections[way.frontend];
    let acls = acl::acls(front);
    let first = *way.rules.first()?;
    let asked = acl::asked(&acls, &front.lines[first], 2);
    let path = asked.paths.first()?;
    let host = asked.hosts.first().cloned().unwrap_or_else(|| way.request.host.clone());
    let request = Request { path: path.clone(), host, ..way.request.clone() };
    // The rule itself must be one whose turn it would be.
    if acl::holds(&acls, &front.lines[first], 2, &request) != Truth::Yes {
        return None;
    }
    let own = front.lines[first].word(1);
    front.lines[..first].iter().find(|line| {
        line.is(&["use_backend"]) && line.word(1) != own && acl::holds(&acls, line, 2, &request) == Truth::Yes
    })
}

fn shadow(documents: &[Document], sections: &[Section], way: &Way, route: &mut Route) {
    if let Some(line) = shadowing(sections, way) {
        let shadowed = Setting::Shadowed { by: line.text(), path: route.path.clone() };
        route.told.push(told(documents, &line.at(), shadowed, Given::Here));
    }
}
