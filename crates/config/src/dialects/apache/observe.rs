//! What a handshake and a long connection meet on each mapping.

use super::syntax::{Level, Line};
use crate::dialects::common::{
    At, ROUTES, Signs, Teller, because, comments, example, parts, pattern, tls_port, told, too_many, under,
};
use crate::{Document, Options, Request, Route, Version, version};
use evidence::{Given, HostSent, Passing, Setting, Told, VersionBy};

/// A virtual host, or the main server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Host {
    /// The id of its section; none: the main server.
    pub id: Option<usize>,
    pub names: Vec<String>,
    pub ports: Vec<u16>,
    pub tls: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Pass,
    Match,
    Rewrite,
}

/// A mapping to an application.
#[derive(Debug, Clone)]
pub(crate) struct Way {
    pub kind: Kind,
    /// Its line, by its number.
    pub line: usize,
    /// The virtual host that it stands in.
    pub host: Option<usize>,
    /// The path, or the pattern of it.
    pub path: String,
    /// Where it leads; `!` for an exception.
    pub target: String,
    /// Which word of the line the target is.
    pub word: usize,
    /// It stands in a `<Location>`.
    pub place: Option<Level>,
    /// `RewriteCond` lines of a rule, by their numbers.
    pub conditions: Vec<usize>,
    /// Its number among the routes; none: an exception.
    pub route: Option<usize>,
    /// A path that comes here.
    pub example: String,
}

/// What a handshake's headers look like with the browsers: Chromium, Firefox, and a library in lower case.
const HANDSHAKES: [(&str, &str); 3] =
    [("websocket", "Upgrade"), ("websocket", "keep-alive, Upgrade"), ("WebSocket", "upgrade")];

impl Way {
    fn matches(&self, path: &str) -> bool {
        let regular =
            self.kind != Kind::Pass || self.place.as_ref().is_some_and(|place| place.kind.ends_with("match"));
        if regular {
            let text =
                if self.kind == Kind::Rewrite { self.path.trim_start_matches('!') } else { &self.path };
            return pattern(text, false).is_some_and(|pattern| pattern.is_match(path));
        }
        // `/ws` takes `/wsx` only in <Location> with nothing behind it: both want whole segments
        // (mod_proxy, "ProxyPass"; core, "Location").
        if self.path.ends_with('/') { path.starts_with(&self.path) } else { under(path, &self.path) }
    }

    /// Host, port and scheme of the target, without the socket file before it.
    pub(crate) fn address(&self) -> (String, String, Option<u16>) {
        let target = self.target.rsplit('|').next().unwrap_or(&self.target);
        let (scheme, host, port) = parts(target);
        (scheme.unwrap_or_default().to_ascii_lowercase(), host.to_owned(), port)
    }
}

/// Whether one condition of a rule holds for a handshake with these headers; unknown ones do.
pub(crate) fn condition(line: &Line, headers: (&str, &str), request: &Request) -> bool {
    let test = line.word(1).to_ascii_lowercase();
    let (subject, known) = match test.as_str() {
        "%{http:upgrade}" => (headers.0.to_owned(), true),
        "%{http:connection}" => (headers.1.to_owned(), true),
        "%{request_uri}" => (request.path.clone(), true),
        "%{http_host}" | "%{http:host}" if !request.host.is_empty() => (request.host.clone(), true),
        "%{https}" => (if request.tls { "on".to_owned() } else { "off".to_owned() }, true),
        "%{request_method}" => ("GET".to_owned(), true),
        _ => (String::new(), false),
    };
    if !known {
        return true;
    }
    let flags = line.word(3).to_ascii_lowercase();
    let ignore_case =
        flags.trim_matches(['[', ']']).split(',').any(|flag| matches!(flag.trim(), "nc" | "nocase"));
    let wanted = line.word(2);
    let (negated, wanted) = match wanted.strip_prefix('!') {
        Some(rest) => (true, rest),
        None => (false, wanted),
    };
    let holds = match wanted.strip_prefix('=') {
        Some(text) if ignore_case => subject.eq_ignore_ascii_case(text.trim_matches('"')),
        Some(text) => subject == text.trim_matches('"'),
        None => match pattern(wanted, ignore_case) {
            Some(pattern) => pattern.is_match(&subject),
            None => return true,
        },
    };
    holds != negated
}

pub(crate) fn asks_for_upgrade(line: &Line) -> bool {
    let test = line.word(1).to_ascii_lowercase();
    test.contains("http:upgrade") || test.contains("http:connection") || test.contains("http:sec-websocket")
}

/// The host that serves a request: by port, then by name; the first of a port serves what no name takes.
pub(crate) fn host<'a>(hosts: &'a [Host], request: &Request) -> Option<&'a Host> {
    let virtual_hosts = || hosts.iter().filter(|host| host.id.is_some());
    let on_port: Vec<&Host> = {
        let exact: Vec<&Host> = virtual_hosts().filter(|host| host.ports.contains(&request.port)).collect();
        if exact.is_empty() { virtual_hosts().filter(|host| host.ports.is_empty()).collect() } else { exact }
    };
    let named = |host: &&&Host| {
        host.names.iter().any(|name| {
            *name == request.host || (name.contains(['*', '?']) && crate::glob(name, &request.host))
        })
    };
    on_port
        .iter()
        .find(named)
        .or_else(|| on_port.first())
        .copied()
        .or_else(|| hosts.iter().find(|host| host.id.is_none()))
}

/// The route that a request takes on a host: rules first, then the most specific `<Location>`, then `ProxyPass` in
/// order, those of the main server before those of the host (mod_proxy, "Ordering ProxyPass Directives").
pub(crate) fn way(lines: &[Line], ways: &[Way], host: &Host, request: &Request) -> Option<usize> {
    let own = |way: &&Way| way.host.is_none() || way.host == host.id;
    let rule = ways.iter().filter(own).find(|way| {
        way.kind == Kind::Rewrite
            && way.matches(&request.path)
            && way
                .conditions
                .iter()
                .all(|number| lines.get(*number).is_some_and(|line| condition(line, HANDSHAKES[0], request)))
    });
    let place = || {
        ways.iter()
            .filter(own)
            .filter(|way| way.kind == Kind::Pass && way.place.is_some() && way.matches(&request.path))
            .max_by_key(|way| way.path.len())
    };
    let plain = || {
        let fitting =
            |way: &&Way| way.kind != Kind::Rewrite && way.place.is_none() && way.matches(&request.path);
        let main = ways.iter().filter(|way| way.host.is_none()).find(fitting);
        main.or_else(|| ways.iter().filter(|way| way.host.is_some() && way.host == host.id).find(fitting))
    };
    rule.or_else(place).or_else(plain)?.route
}

/// The value of a setting for a way: in its `<Location>`, its host, or the main server; the later line wins.
pub(crate) fn effective<'a>(lines: &'a [Line], way: &'a Way, name: &str) -> Option<(&'a Line, Given)> {
    scoped(lines, way).filter(|(line, _)| line.is(name)).max_by_key(|(_, depth)| *depth).map(
        |(line, depth)| {
            let by = match depth {
                2 => Given::Here,
                1 => Given::Inherited("VirtualHost".to_owned()),
                _ => Given::Inherited("server".to_owned()),
            };
            (line, by)
        },
    )
}

/// Lines that concern a way, and how near to it they stand.
fn scoped<'a>(lines: &'a [Line], way: &'a Way) -> impl Iterator<Item = (&'a Line, u8)> {
    lines.iter().filter_map(move |line| {
        if line.host().is_some() && line.host() != way.host {
            return None;
        }
        match line.place() {
            None => Some((line, u8::from(line.host().is_some()))),
            Some(level) if way.place.as_ref().is_some_and(|place| place.id == level.id) => Some((line, 2)),
            Some(level) => {
                let path = level.words.last().map_or("", |word| word.text.as_str());
                let inside = match level.kind.as_str() {
                    "location" => under(&way.example, path) || path == "/",
                    "locationmatch" => pattern(path, false).is_some_and(|p| p.is_match(&way.example)),
                    "proxy" => path == "*" || way.target.starts_with(path.trim_end_matches('*')),
                    _ => false,
                };
                inside.then_some((line, 2))
            }
        }
    })
}

/// The lines of `<Proxy balancer://name>` that a way leads to.
pub(crate) fn balancer<'a>(lines: &'a [Line], way: &Way) -> Vec<&'a Line> {
    let (scheme, name, _) = way.address();
    if scheme != "balancer" {
        return Vec::new();
    }
    let wanted = format!("balancer://{name}");
    lines
        .iter()
        .filter(|line| {
            let inside = line.place().is_some_and(|level| {
                level.kind == "proxy"
                    && level
                        .words
                        .first()
                        .is_some_and(|word| word.text.trim_end_matches('/').eq_ignore_ascii_case(&wanted))
            });
            // BalancerMember balancer://name http://… stands outside.
            inside
                || line.word(1).trim_end_matches('/').eq_ignore_ascii_case(&wanted) && !line.is("ProxyPass")
        })
        .collect()
}

/// The value of a `key=value` word.
pub(crate) fn parameter<'a>(line: &'a Line, name: &str) -> Option<&'a str> {
    line.words.iter().skip(1).find_map(|word| {
        let (key, value) = word.text.split_once('=')?;
        key.eq_ignore_ascii_case(name).then_some(value)
    })
}

/// Which modules are loaded; none where no `LoadModule` line of a proxy module is to be seen.
fn modules(lines: &[Line]) -> Option<Vec<&str>> {
    let found: Vec<&str> =
        lines.iter().filter(|line| line.is("LoadModule")).map(|line| line.word(1)).collect();
    found.contains(&"proxy_module").then_some(found)
}

type Observed = (Vec<Host>, Vec<Way>, Vec<Route>, Vec<Told>);

pub(crate) fn observe(
    documents: &[Document],
    lines: &[Line],
    options: &Options,
    version: &Version,
    by: VersionBy,
) -> Observed {
    let teller = Teller { product: "Apache httpd", version, version_by: by, options };
    let hosts = hosts(lines);
    let mut general = Vec::new();
    let mut ways = ways(documents, lines, &mut general);
    let mut routes = Vec::new();
    for number in 0..ways.len() {
        if ways[number].target == "!" || ways[number].target == "-" {
            continue;
        }
        if routes.len() >= ROUTES {
            general.push(too_many(documents, &lines[ways[number].line].at()));
            break;
        }
        ways[number].route = Some(routes.len());
        let way = &ways[number];
        let host = hosts.iter().find(|host| host.id == way.host);
        let scene = Scene { documents, lines, hosts: &hosts, ways: &ways, way, host, teller: &teller };
        routes.push(scene.route());
    }
    if let Some(line) = lines.iter().rev().find(|line| line.is("MaxRequestWorkers") || line.is("MaxClients"))
        && let Ok(sockets) = line.word(1).parse()
    {
        // Every socket keeps a worker (mod_proxy_wstunnel and mod_proxy_http are synchronous in 2.4).
        let limit = line.word(0).to_owned();
        general.push(told(documents, &line.at(), Setting::SocketLimit { sockets, limit }, Given::Here));
    }
    (hosts, ways, routes, general)
}

fn hosts(lines: &[Line]) -> Vec<Host> {
    let mut found = vec![Host { id: None, names: Vec::new(), ports: Vec::new(), tls: false }];
    for line in lines {
        let level = line.levels.iter().find(|level| level.kind == "virtualhost");
        let id = level.map(|level| level.id);
        let at = match found.iter().position(|host| host.id == id) {
            Some(at) => at,
            None => {
                let ports: Vec<u16> = level
                    .iter()
                    .flat_map(|level| &level.words)
                    .filter_map(|word| word.text.rsplit(':').next()?.parse().ok())
                    .collect();
                let tls = ports.contains(&443);
                found.push(Host { id, names: Vec::new(), ports, tls });
                found.len() - 1
            }
        };
        let Some(host) = found.get_mut(at) else { continue };
        if line.is("ServerName") || line.is("ServerAlias") {
            host.names.extend(line.words.iter().skip(1).map(|word| {
                let name = word.text.rsplit("://").next().unwrap_or_default();
                name.split(':').next().unwrap_or_default().to_ascii_lowercase()
            }));
        } else if line.is("SSLEngine") {
            host.tls = line.word(1).eq_ignore_ascii_case("on");
        } else if line.is("Listen") && id.is_none() {
            host.ports.extend(line.word(1).rsplit(':').next().and_then(|port| port.parse::<u16>().ok()));
        }
    }
    found
}

fn ways(documents: &[Document], lines: &[Line], general: &mut Vec<Told>) -> Vec<Way> {
    let mut found = Vec::new();
    let mut conditions = Vec::new();
    for (number, line) in lines.iter().enumerate() {
        let place = line
            .levels
            .iter()
            .rev()
            .find(|level| level.kind == "location" || level.kind == "locationmatch")
            .cloned();
        let blank = |kind, path: String, word: usize| Way {
            kind,
            line: number,
            host: line.host(),
            example: if kind == Kind::Pass { path.clone() } else { example(&path) },
            path,
            target: line.word(word).to_owned(),
            word,
            place: place.clone(),
            conditions: Vec::new(),
            route: None,
        };
        if line.is("RewriteCond") {
            conditions.push(number);
            continue;
        }
        if line.is("RewriteRule") {
            let own = std::mem::take(&mut conditions);
            let flags = line.word(3).trim_matches(['[', ']']).to_ascii_lowercase();
            let proxied = flags.split(',').any(|flag| matches!(flag.trim(), "p" | "proxy"));
            if proxied {
                let mut way = blank(Kind::Rewrite, line.word(1).to_owned(), 2);
                // In a <Location> the pattern sees what is behind its path.
                if let Some(level) = &place {
                    let path = level.words.last().map_or("", |word| word.text.as_str());
                    way.example = path.to_owned();
                    way.path = format!("^{}", regex::escape(path.trim_end_matches('/')));
                }
                way.place = None;
                way.conditions = own;
                found.push(way);
            }
            continue;
        }
        if !line.is("ProxyPass") && !line.is("ProxyPassMatch") {
            continue;
        }
        let kind = if line.is("ProxyPass") { Kind::Pass } else { Kind::Match };
        match &place {
            Some(level) => {
                let path = level.words.last().map_or("/", |word| word.text.as_str()).to_owned();
                let mut way = blank(Kind::Pass, path, 1);
                if level.kind == "locationmatch" || level.words.first().is_some_and(|word| word.text == "~") {
                    way.example = example(&way.path);
                    way.kind = Kind::Match;
                    way.place = None;
                }
                found.push(way);
            }
            None if line.words.len() < 3 => {
                let says = format!(
                    "{}: ProxyPass|ProxyPassMatch needs a path when not defined in a location",
                    line.word(0)
                );
                general.push(told(documents, &line.at(), Setting::Refused { says }, Given::Here));
            }
            None => found.push(blank(kind, line.word(1).to_owned(), 2)),
        }
    }
    found
}

/// A mapping before this one in the same host that takes its requests.
pub(crate) fn shadowing<'a>(ways: &'a [Way], way: &Way) -> Option<&'a Way> {
    if way.kind == Kind::Rewrite || way.place.is_some() {
        return None;
    }
    ways.iter().take_while(|other| other.line != way.line).find(|other| {
        other.kind != Kind::Rewrite
            && other.place.is_none()
            && (other.host.is_none() || other.host == way.host)
            && other.matches(&way.example)
    })
}

struct Scene<'a> {
    documents: &'a [Document],
    lines: &'a [Line],
    hosts: &'a [Host],
    ways: &'a [Way],
    way: &'a Way,
    host: Option<&'a Host>,
    teller: &'a Teller<'a>,
}

impl Scene<'_> {
    fn line(&self) -> &Line {
        &self.lines[self.way.line]
    }

    fn request(&self) -> Request {
        let host = self.host;
        Request {
            host: host.and_then(|host| host.names.first()).cloned().unwrap_or_default(),
            port: host.and_then(|host| host.ports.first()).copied().unwrap_or(80),
            tls: host.is_some_and(|host| host.tls),
            path: self.way.example.clone(),
        }
    }

    fn route(&self) -> Route {
        let (way, line) = (self.way, self.line());
        let name = match (&way.place, way.kind) {
            (Some(level), _) => {
                format!("<Location {}>", level.words.last().map_or("", |word| word.text.as_str()))
            }
            (None, _) => format!("{} {}", line.word(0), if way.word == 2 { line.word(1) } else { &way.path }),
        };
        let at = line.at();
        let mut near = comments(&self.documents[line.document], line.range.start, '#');
        if let Some(level) = &way.place {
            near.extend(comments(&self.documents[level.at.document], level.at.range.start, '#'));
        }
        let text = line.text().to_ascii_lowercase();
        let (scheme, upstream, _) = way.address();
        let conditional = way.conditions.iter().any(|number| asks_for_upgrade(&self.lines[*number]));
        let mentions = if scheme == "ws" || scheme == "wss" {
            Some(way.target.as_str())
        } else if text.contains("upgrade=") {
            Some("upgrade=")
        } else if conditional {
            Some("%{HTTP:Upgrade}")
        } else {
            None
        };
        let signs = Signs {
            name: &name,
            mentions,
            comments: near,
            paths: vec![way.example.clone()],
            upstreams: vec![upstream],
        };
        let believed = self.teller.belief(&signs);
        let mut all = vec![told(
            self.documents,
            &at,
            self.teller.route(&name, Some(&way.target), believed),
            Given::Here,
        )];
        self.upgrade(&mut all);
        self.timers(&mut all);
        self.headers(&mut all);
        self.path(&mut all);
        self.servers(&mut all);
        if let Some(other) = shadowing(self.ways, way) {
            let by = self.lines[other.line].text();
            let path = way.example.clone();
            let shadowed = told(
                self.documents,
                &self.lines[other.line].at(),
                Setting::Shadowed { by, path },
                Given::Here,
            );
            all.push(because(shadowed, "apache-proxypass-order"));
        }
        Route {
            name,
            hosts: self.host.map(|host| host.names.clone()).unwrap_or_default(),
            ports: self.host.map(|host| host.ports.clone()).unwrap_or_default(),
            tls: self.host.is_some_and(|host| host.tls),
            path: way.example.clone(),
            spot: self.documents[line.document].spot(line.range.clone()),
            told: all,
        }
    }

    /// The lines whose parameters count, and their targets: the way's own, or the members of its balancer.
    fn ends(&self) -> Vec<(&Line, String)> {
        let members: Vec<(&Line, String)> = balancer(self.lines, self.way)
            .into_iter()
            .filter(|line| line.is("BalancerMember"))
            .map(|line| {
                let target = line
                    .words
                    .iter()
                    .skip(1)
                    .find(|word| word.text.contains("://") && !word.text.starts_with("balancer:"));
                (line, target.map(|word| word.text.clone()).unwrap_or_default())
            })
            .collect();
        if members.is_empty() { vec![(self.line(), self.way.target.clone())] } else { members }
    }

    fn upgrade(&self, all: &mut Vec<Told>) {
        let has = |id| version::has(self.teller.version, id);
        let modules = modules(self.lines);
        let mut result: (Passing, Option<&str>, At, Given) =
            (Passing::Passed, None, self.line().at(), Given::Here);
        let mut any = None;
        for (line, target) in self.ends() {
            let target = target.rsplit('|').next().unwrap_or_default().to_owned();
            let (scheme, _, port) = parts(&target);
            let scheme = scheme.unwrap_or_default().to_ascii_lowercase();
            let upgrade = parameter(line, "upgrade").or_else(|| parameter(self.line(), "upgrade"));
            let secure = matches!(scheme.as_str(), "https" | "wss");
            let (passing, why) = match scheme.as_str() {
                "ws" | "wss" => match &modules {
                    Some(loaded)
                        if !loaded.contains(&"proxy_wstunnel_module")
                            && (!has("apache-ws-by-proxy-http")
                                || !loaded.contains(&"proxy_http_module")) =>
                    {
                        (Passing::Refused, Some("apache-wstunnel-not-loaded"))
                    }
                    _ => (Passing::Passed, None),
                },
                "http" | "https" => match upgrade {
                    Some(value) if has("apache-upgrade") && !value.eq_ignore_ascii_case("none") => {
                        if value.eq_ignore_ascii_case("any") {
                            any = Some(line.at());
                        }
                        (Passing::Passed, None)
                    }
                    _ => (Passing::Dropped, Some("apache-no-ws-mapping")),
                },
                _ => (Passing::Dropped, None),
            };
            let engine = effective(self.lines, self.way, "SSLProxyEngine")
                .is_some_and(|(line, _)| line.word(1).eq_ignore_ascii_case("on"));
            let (passing, why) = if secure && !engine && self.way.host.is_some() {
                (Passing::Refused, Some("apache-sslproxy-off"))
            } else {
                (passing, why)
            };
            if passing > result.0 {
                result = (passing, why, line.at(), Given::Here);
            }
            let plain = matches!(scheme.as_str(), "http" | "ws");
            if plain && tls_port(port) || secure && port == Some(80) {
                let mismatch = Setting::SchemeMismatch { upstream: target.clone() };
                all.push(told(self.documents, &line.at(), mismatch, Given::Here));
            }
            if scheme == "h2" || scheme == "h2c" {
                all.push(told(
                    self.documents,
                    &line.at(),
                    Setting::UpstreamHttp("2".to_owned()),
                    Given::Here,
                ));
            }
        }
        // A rule for handshakes may take them before this line sees them.
        if result.0 == Passing::Dropped && self.way.kind != Kind::Rewrite && self.taken_by_rule() {
            result = (Passing::Passed, None, self.line().at(), Given::Here);
        }
        // Conditions that some handshakes do not meet.
        let request = self.request();
        for number in &self.way.conditions {
            let line = &self.lines[*number];
            if asks_for_upgrade(line) && !HANDSHAKES.iter().all(|headers| condition(line, *headers, &request))
            {
                result = (Passing::Dropped, Some("apache-rewrite-upgrade-cond"), line.at(), Given::Here);
                break;
            }
        }
        for (line, depth) in scoped(self.lines, self.way).filter(|(line, _)| line.is("RequestHeader")) {
            let header = line.word(2);
            let by = if depth == 2 { Given::Here } else { Given::Inherited("VirtualHost".to_owned()) };
            if !line.word(1).eq_ignore_ascii_case("unset") || line.words.len() > 3 {
                continue;
            }
            if header.eq_ignore_ascii_case("upgrade") && result.0 < Passing::Dropped {
                result = (Passing::Dropped, None, line.at(), by);
            } else if header.to_ascii_lowercase().starts_with("sec-websocket-")
                || header.eq_ignore_ascii_case("origin")
            {
                let cleared = Setting::Cleared(header.to_owned());
                all.push(told(self.documents, &line.at(), cleared, by));
            }
        }
        let mut upgrade = told(self.documents, &result.2, Setting::Upgrade(result.0), result.3);
        upgrade.because = result.1.map(str::to_owned);
        all.push(upgrade);
        if let Some(at) = any {
            all.push(told(self.documents, &at, Setting::AnyProtocol, Given::Here));
        }
    }

    fn taken_by_rule(&self) -> bool {
        let request = self.request();
        self.ways.iter().any(|other| {
            other.kind == Kind::Rewrite
                && (other.host.is_none() || other.host == self.way.host)
                && other.conditions.iter().any(|number| asks_for_upgrade(&self.lines[*number]))
                && other.matches(&self.way.example)
                && matches!(other.address().0.as_str(), "ws" | "wss")
                && HANDSHAKES.iter().all(|headers| {
                    other.conditions.iter().all(|number| condition(&self.lines[*number], *headers, &request))
                })
        })
    }

    fn timers(&self, all: &mut Vec<Told>) {
        // The worker's own timeout ends the tunnel; without it, `Timeout`; `ProxyTimeout` does not (seen with 2.4.62).
        let own = self.ends().into_iter().find_map(|(line, _)| {
            let value = parameter(line, "timeout").or_else(|| parameter(self.line(), "timeout"))?;
            Some((line.at(), seconds(value)?, "timeout=", Given::Here))
        });
        let server = || {
            let line = effective(self.lines, self.way, "Timeout")?;
            Some((line.0.at(), seconds(line.0.word(1))?, "Timeout", line.1))
        };
        let (at, ms, timer, by) =
            own.or_else(server).unwrap_or_else(|| (self.line().at(), 60_000, "Timeout", Given::Default));
        let idle = Setting::Idle { ms: Some(ms), timer: timer.trim_end_matches('=').to_owned() };
        all.push(because(told(self.documents, &at, idle, by), "apache-idle-timeout"));
    }

    fn headers(&self, all: &mut Vec<Told>) {
        let preserved = effective(self.lines, self.way, "ProxyPreserveHost")
            .filter(|(line, _)| line.word(1).eq_ignore_ascii_case("on"));
        let (host, at, by) = match preserved {
            Some((line, by)) => (HostSent::Client, line.at(), by),
            None => {
                let (_, name, port) = self.way.address();
                let sent = port.map_or(name.clone(), |port| format!("{name}:{port}"));
                (HostSent::Upstream(sent), self.line().at(), Given::Default)
            }
        };
        all.push(told(self.documents, &at, Setting::Host(host), by));
        let told_scheme = scoped(self.lines, self.way).any(|(line, _)| {
            line.is("RequestHeader")
                && matches!(
                    line.word(1).to_ascii_lowercase().as_str(),
                    "set" | "add" | "append" | "setifempty"
                )
                && matches!(
                    line.word(2).trim_end_matches(':').to_ascii_lowercase().as_str(),
                    "x-forwarded-proto" | "x-forwarded-scheme" | "x-forwarded-ssl" | "forwarded"
                )
        });
        if self.host.is_some_and(|host| host.tls) && !told_scheme {
            all.push(told(self.documents, &self.line().at(), Setting::SchemeHidden, Given::Default));
        }
    }

    fn path(&self, all: &mut Vec<Told>) {
        let request = self.way.example.clone();
        let target = self.way.target.rsplit('|').next().unwrap_or_default();
        let base = target
            .split_once("://")
            .map_or("", |(_, rest)| rest.find('/').map_or("", |slash| &rest[slash..]));
        let upstream = match self.way.kind {
            Kind::Pass => format!("{base}{}", request.strip_prefix(&self.way.path).unwrap_or_default()),
            Kind::Match | Kind::Rewrite => {
                if base.contains('%') {
                    return;
                }
                let Some(pattern) = pattern(&self.way.path, false) else { return };
                let Some(found) = pattern.captures(&request) else { return };
                // Without `$1` and the like, ProxyPassMatch appends nothing but what was asked for.
                let mut text = String::new();
                found.expand(&numbers(base), &mut text);
                if text.is_empty() && self.way.kind == Kind::Match { request.clone() } else { text }
            }
        };
        if upstream != request && !self.way.path.is_empty() {
            let what = Setting::UpstreamPath {
                request,
                upstream: if upstream.is_empty() { "/".to_owned() } else { upstream },
            };
            all.push(told(self.documents, &self.line().at(), what, Given::Here));
        }
    }

    fn servers(&self, all: &mut Vec<Told>) {
        let lines = balancer(self.lines, self.way);
        let members: Vec<&&Line> = lines
            .iter()
            .filter(|line| line.is("BalancerMember"))
            .filter(|line| !parameter(line, "status").is_some_and(|status| status.contains(['H', 'D'])))
            .collect();
        let sticky = parameter(self.line(), "stickysession").is_some()
            || lines.iter().any(|line| line.is("ProxySet") && parameter(line, "stickysession").is_some());
        let (count, at) = match members.first() {
            Some(first) => (u32::try_from(members.len()).unwrap_or(u32::MAX), first.at()),
            None if self.way.address().0 == "balancer" => return,
            None => (1, self.line().at()),
        };
        all.push(told(self.documents, &at, Setting::Servers { count, sticky }, Given::Here));
        let _ = self.hosts;
    }
}

/// `$1` as `${1}`, which the regex crate does not take for a name.
fn numbers(text: &str) -> String {
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

/// A time of `Timeout` or `timeout=`: seconds, or `ms`, `s`, `mi`, `h` behind the number (mod_proxy, "timeout").
pub(crate) fn seconds(text: &str) -> Option<u64> {
    let digits = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let number: u64 = text.get(..digits)?.parse().ok()?;
    let unit = match text.get(digits..)? {
        "" | "s" => 1000,
        "ms" => 1,
        "mi" => 60_000,
        "h" => 3_600_000,
        _ => return None,
    };
    number.checked_mul(unit)
}
