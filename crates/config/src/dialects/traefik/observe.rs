//! What a handshake and a long connection meet on each router.

use super::rule::{self, Rule};
use super::{Root, Traefik};
use crate::dialects::common::{
    At, ROUTES, Signs, Teller, because, comments, go_duration, parts, pattern, tls_port, told, too_many,
    under,
};
use crate::version;
use crate::yaml::{Entry, Node, Style, What};
use crate::{Document, Options, Request, Route, Version};
use evidence::{Given, HostSent, Passing, Setting, Told, VersionBy};

/// A router.
#[derive(Debug, Clone)]
pub(crate) struct Router {
    pub name: String,
    pub rule: Rule,
    /// How long the rule is, or what it is given.
    pub priority: u64,
    pub entry_points: Vec<String>,
    pub ports: Vec<u16>,
    pub tls: bool,
    pub service: String,
    pub middlewares: Vec<String>,
    pub example: Request,
}

/// Labels of Docker Compose as the tree that they stand for.
pub(crate) fn labels(document: &Document, root: &Node) -> Option<Node> {
    let empty = || Node { range: 0..0, style: Style::Block, what: What::Map(Vec::new()) };
    let mut tree = empty();
    let mut any = false;
    for service in root.get("services")?.entries() {
        for labels in
            [service.value.get("labels"), service.value.at(&["deploy", "labels"])].into_iter().flatten()
        {
            let pairs: Vec<(String, String, std::ops::Range<usize>)> = match &labels.what {
                What::List(items) => items
                    .iter()
                    .filter_map(|item| {
                        let (key, value) = item.text()?.split_once('=')?;
                        // The bytes of the value, as far as the label is written as it means.
                        let raw = document.str(item.range.clone());
                        let start = raw.find('=').map_or(item.range.start, |at| item.range.start + at + 1);
                        let end = item.range.end - usize::from(raw.ends_with(['"', '\'']));
                        Some((key.to_owned(), value.to_owned(), start..end.max(start)))
                    })
                    .collect(),
                _ => labels
                    .entries()
                    .iter()
                    .filter_map(|entry| {
                        Some((entry.key.clone(), entry.value.text()?.to_owned(), entry.value.range.clone()))
                    })
                    .collect(),
            };
            for (key, value, range) in pairs {
                let Some(path) = key.strip_prefix("traefik.") else { continue };
                any = true;
                let keys: Vec<&str> = path.split('.').collect();
                if keys.len() <= 12 {
                    plant(&mut tree, &keys, &value, &range);
                }
            }
            // `loadbalancer.server.port` alone makes a server; its address is the container's.
        }
    }
    any.then_some(tree)
}

fn plant(node: &mut Node, keys: &[&str], value: &str, range: &std::ops::Range<usize>) {
    let Some((first, rest)) = keys.split_first() else {
        node.range = range.clone();
        node.style = Style::Plain;
        node.what = What::Scalar(value.to_owned());
        return;
    };
    if !matches!(node.what, What::Map(_)) {
        node.what = What::Map(Vec::new());
    }
    let What::Map(entries) = &mut node.what else { return };
    let at = entries.iter().position(|entry| entry.key.eq_ignore_ascii_case(first)).unwrap_or_else(|| {
        entries.push(Entry {
            key: (*first).to_owned(),
            key_range: range.clone(),
            value: Node { range: range.clone(), style: Style::Block, what: What::Map(Vec::new()) },
        });
        entries.len() - 1
    });
    plant(&mut entries[at].value, rest, value, range);
}

/// A list, or words with commas as labels have them.
pub(crate) fn words(node: Option<&Node>) -> Vec<String> {
    let Some(node) = node else { return Vec::new() };
    match node.text() {
        Some(text) => {
            text.split(',').map(|word| word.trim().to_owned()).filter(|word| !word.is_empty()).collect()
        }
        None => node.items().iter().filter_map(Node::text).map(str::to_owned).collect(),
    }
}

pub(crate) fn choose(routers: &[Router], request: &Request) -> Option<usize> {
    let fits = |router: &Router| router.ports.is_empty() || router.ports.contains(&request.port);
    let best = |strict: bool| {
        routers
            .iter()
            .enumerate()
            .filter(|(_, router)| !strict || (fits(router) && router.tls == request.tls))
            .filter(|(_, router)| router.rule.holds(request) == Some(true))
            // Of equals, the first by name, as Traefik sorts them.
            .max_by(|(_, a), (_, b)| a.priority.cmp(&b.priority).then_with(|| b.name.cmp(&a.name)))
            .map(|(number, _)| number)
    };
    best(true).or_else(|| best(false))
}

pub(crate) fn observe(
    documents: &[Document],
    roots: &[Root],
    options: &Options,
    version: &Version,
    by: VersionBy,
) -> (Vec<Router>, Vec<Route>, Vec<Told>) {
    let teller = Teller { product: "Traefik", version, version_by: by, options };
    let mut routers: Vec<Router> = Vec::new();
    let mut places = Vec::new();
    for root in roots {
        for entry in root.node.at(&["http", "routers"]).map(Node::entries).unwrap_or_default() {
            let node = &entry.value;
            let text = node.text_of("rule").unwrap_or_default();
            let rule = rule::parse(text);
            let entry_points = words(node.at(&["entryPoints"]));
            let ports: Vec<u16> = entry_points
                .iter()
                .filter_map(|name| {
                    let (_, node) = Traefik::entry_point(roots, name)?;
                    let address = node.text_of("address")?;
                    address.split('/').next()?.rsplit(':').next()?.parse().ok()
                })
                .collect();
            let tls = node.entry_nocase("tls").is_some_and(|entry| entry.value.text() != Some("false"))
                || entry_points.iter().any(|name| {
                    Traefik::entry_point(roots, name)
                        .is_some_and(|(_, node)| node.at(&["http", "tls"]).is_some())
                });
            let priority = node
                .text_of("priority")
                .and_then(|text| text.parse().ok())
                .filter(|number| *number > 0)
                .unwrap_or(text.len() as u64);
            let paths = rule.paths();
            let example = Request {
                host: rule.hosts().first().cloned().unwrap_or_default(),
                port: ports.first().copied().unwrap_or(if tls { 443 } else { 80 }),
                tls,
                path: paths.first().cloned().unwrap_or_else(|| "/".to_owned()),
            };
            routers.push(Router {
                name: entry.key.clone(),
                rule,
                priority,
                entry_points,
                ports,
                tls,
                service: node.text_of("service").unwrap_or(&entry.key).to_owned(),
                middlewares: words(node.at(&["middlewares"])),
                example,
            });
            places.push((root.document, root.labels, entry));
        }
    }
    let mut general = Vec::new();
    if let Some((document, _, entry)) = places.get(ROUTES) {
        general.push(too_many(documents, &At::new(*document, entry.key_range.clone())));
        routers.truncate(ROUTES);
    }
    let mut routes = Vec::new();
    for (router, (document, labels, entry)) in routers.iter().zip(&places) {
        let scene =
            Scene { documents, roots, router, entry, document: *document, labels: *labels, teller: &teller };
        routes.push(scene.route(&routers));
    }
    (routers, routes, general)
}

/// The middlewares of a router, chains unfolded: each with its place, and the name that the router uses for it.
pub(crate) fn middlewares<'a>(roots: &'a [Root], router: &Router) -> Vec<(String, usize, &'a Entry)> {
    let mut found = Vec::new();
    let mut waiting: Vec<(String, String)> =
        router.middlewares.iter().rev().map(|name| (name.clone(), name.clone())).collect();
    // Those of the entry point come first, but they are not the router's own.
    let mut seen = 0;
    while let Some((name, own)) = waiting.pop() {
        seen += 1;
        if seen > 64 {
            break;
        }
        let Some((document, _, node)) = Traefik::find(roots, "middlewares", &name) else { continue };
        for entry in node.entries() {
            if entry.key.eq_ignore_ascii_case("chain") {
                let more = words(entry.value.at(&["middlewares"]));
                waiting.extend(more.into_iter().rev().map(|name| (name, own.clone())));
            } else {
                found.push((own.clone(), document, entry));
            }
        }
    }
    found
}

/// A service's load balancer: its place, whether of labels, and its node; weighted services lead to their first.
pub(crate) fn balancer<'a>(roots: &'a [Root], name: &str) -> Option<(usize, bool, &'a Node)> {
    let mut name = name.to_owned();
    for _ in 0..8 {
        let (document, labels, node) = Traefik::find(roots, "services", &name)?;
        if let Some(balancer) = node.at(&["loadBalancer"]) {
            return Some((document, labels, balancer));
        }
        let next = node
            .at(&["weighted", "services"])
            .and_then(|list| list.items().first())
            .and_then(|first| first.text_of("name"))
            .or_else(|| node.at(&["failover"]).and_then(|failover| failover.text_of("service")))
            .or_else(|| node.at(&["mirroring"]).and_then(|mirroring| mirroring.text_of("service")))?;
        name = next.to_owned();
    }
    None
}

struct Scene<'a> {
    documents: &'a [Document],
    roots: &'a [Root],
    router: &'a Router,
    entry: &'a Entry,
    document: usize,
    labels: bool,
    teller: &'a Teller<'a>,
}

impl Scene<'_> {
    fn route(&self, routers: &[Router]) -> Route {
        let router = self.router;
        let at = At::new(self.document, self.entry.key_range.clone());
        let servers = balancer(self.roots, &router.service);
        let urls: Vec<(String, At)> = servers
            .map(|(document, _, node)| {
                let list = node.at(&["servers"]).map(Node::items).unwrap_or_default();
                list.iter()
                    .filter_map(|server| {
                        let url = server.at(&["url"])?;
                        Some((url.text()?.to_owned(), At::new(document, url.range.clone())))
                    })
                    .collect()
            })
            .unwrap_or_default();
        let name = format!("router {}", router.name);
        let mut near = comments(&self.documents[self.document], at.range.start, '#');
        if let Some((document, _, node)) = servers
            && !self.labels
        {
            near.extend(comments(&self.documents[document], node.range.start, '#'));
        }
        let mentions = router.rule.mentions().then(|| "Headers(`Upgrade`".to_owned());
        let signs = Signs {
            name: &router.name,
            mentions: mentions.as_deref(),
            comments: near,
            paths: router.rule.paths(),
            upstreams: vec![router.service.clone(), router.name.clone()],
        };
        let upstream = urls.first().map_or(router.service.as_str(), |(url, _)| url.as_str());
        let route = self.teller.route(&name, Some(upstream), self.teller.belief(&signs));
        let mut all = vec![told(self.documents, &at, route, Given::Here)];
        self.middlewares(&at, &mut all);
        self.service(&at, &urls, &mut all);
        self.entry_points(&mut all);
        if let Some(other) = shadowing(routers, router) {
            let shadowed =
                Setting::Shadowed { by: format!("router {}", other.name), path: router.example.path.clone() };
            all.push(told(self.documents, &at, shadowed, Given::Here));
        }
        let spot = self.documents[self.document].spot(at.range.clone());
        Route {
            name,
            hosts: router.rule.hosts(),
            ports: router.ports.clone(),
            tls: router.tls,
            path: router.example.path.clone(),
            spot,
            told: all,
        }
    }

    fn middlewares(&self, route: &At, all: &mut Vec<Told>) {
        let say = |at: &At, what| told(self.documents, at, what, Given::Here);
        let mut passing = (Passing::Passed, route.clone(), Given::Default);
        let mut host = None;
        let request = self.router.example.path.clone();
        let mut path = request.clone();
        let mut path_at = None;
        for (_, document, entry) in middlewares(self.roots, self.router) {
            let at = At::new(document, entry.key_range.clone());
            let node = &entry.value;
            match entry.key.to_ascii_lowercase().as_str() {
                "headers" => {
                    for header in node.at(&["customRequestHeaders"]).map(Node::entries).unwrap_or_default() {
                        let at = At::new(document, header.key_range.clone());
                        let value = header.value.text().unwrap_or_default();
                        match header.key.to_ascii_lowercase().as_str() {
                            // An empty value takes the header away (middlewares, "customRequestHeaders").
                            "upgrade" if value.is_empty() => passing = (Passing::Dropped, at, Given::Here),
                            "connection" if !value.eq_ignore_ascii_case("upgrade") => {
                                passing = (passing.0.max(Passing::ConnectionLost), at, Given::Here);
                            }
                            "upgrade" => passing = (passing.0.max(Passing::Always), at, Given::Here),
                            "host" => host = Some((value.to_owned(), at)),
                            name if value.is_empty()
                                && (name.starts_with("sec-websocket-")
                                    || name == "origin"
                                    || name == "cookie") =>
                            {
                                all.push(say(&at, Setting::Cleared(header.key.clone())));
                            }
                            _ => {}
                        }
                    }
                }
                kind @ ("buffering" | "errors") => {
                    let way = say(&at, Setting::InTheWay(kind.to_owned()));
                    all.push(because(way, "traefik-middleware-breaks-upgrade"));
                }
                "redirectscheme" => {
                    // To https on a router without TLS is what everybody does; 2.7.2 sends `https://wss://` (#9155).
                    let scheme = node.text_of("scheme").unwrap_or_default();
                    if self.router.tls
                        && (scheme != "https" || self.teller.version.to_string().starts_with("2.7.2"))
                    {
                        let way = say(&at, Setting::InTheWay("redirectScheme".to_owned()));
                        all.push(because(way, "traefik-middleware-breaks-upgrade"));
                    }
                }
                "redirectregex" => {
                    let scheme = if self.router.tls { "https" } else { "http" };
                    let url = format!("{scheme}://{}{}", self.router.example.host, path);
                    let text = node.text_of("regex").unwrap_or_default();
                    if pattern(text, false).is_some_and(|pattern| pattern.is_match(&url)) {
                        let way = say(&at, Setting::InTheWay("redirectRegex".to_owned()));
                        all.push(because(way, "traefik-middleware-breaks-upgrade"));
                    }
                }
                "stripprefix" => {
                    let found = words(node.at(&["prefixes"])).into_iter().find(|prefix| under(&path, prefix));
                    if let Some(prefix) = found {
                        let rest = path[prefix.trim_end_matches('/').len()..].to_owned();
                        path = if rest.is_empty() { "/".to_owned() } else { rest };
                        path_at = Some(at);
                    }
                }
                "addprefix" => {
                    path = format!("{}{path}", node.text_of("prefix").unwrap_or_default());
                    path_at = Some(at);
                }
                "replacepath" => {
                    path = node.text_of("path").unwrap_or("/").to_owned();
                    path_at = Some(at);
                }
                "inflightreq" => {
                    let Some(amount) = node.at(&["amount"]) else { continue };
                    let Some(number) = amount.text().and_then(|text| text.parse().ok()) else { continue };
                    let at = At::new(document, amount.range.clone());
                    let limit = "inFlightReq".to_owned();
                    // Without a criterion it counts by the host that is asked for: all clients together.
                    let by_client = node
                        .at(&["sourceCriterion"])
                        .is_some_and(|criterion| criterion.entry_nocase("ipStrategy").is_some());
                    all.push(say(
                        &at,
                        if by_client {
                            Setting::ClientLimit { connections: number, limit }
                        } else {
                            Setting::SocketLimit { sockets: number, limit }
                        },
                    ));
                }
                _ => {}
            }
        }
        let bad = matches!(passing.0, Passing::Dropped | Passing::ConnectionLost);
        let mut upgrade = told(self.documents, &passing.1, Setting::Upgrade(passing.0), passing.2);
        if bad {
            upgrade = because(upgrade, "traefik-middleware-breaks-upgrade");
        }
        all.push(upgrade);
        if let Some((value, at)) = host {
            all.push(say(&at, Setting::Host(HostSent::Fixed(value))));
        }
        if let Some(at) = path_at.filter(|_| path != request) {
            all.push(say(&at, Setting::UpstreamPath { request, upstream: path }));
        }
    }

    /// Newer versions ask an h2c service for upgrades in HTTP/1.1.
    fn upgrades_over_http11(&self) -> bool {
        version::has(self.teller.version, "traefik-h2c-upgrades")
    }

    fn service(&self, route: &At, urls: &[(String, At)], all: &mut Vec<Told>) {
        let say = |at: &At, what, by| told(self.documents, at, what, by);
        for (url, at) in urls {
            let (scheme, _, port) = parts(url);
            if scheme == Some("h2c") && !self.upgrades_over_http11() {
                let http = say(at, Setting::UpstreamHttp("2".to_owned()), Given::Here);
                all.push(because(http, "traefik-h2c-or-h2-backend"));
            } else if scheme == Some("http") && tls_port(port) || scheme == Some("https") && port == Some(80)
            {
                all.push(say(at, Setting::SchemeMismatch { upstream: url.clone() }, Given::Here));
            }
        }
        let Some((document, _, balancer)) = balancer(self.roots, &self.router.service) else { return };
        if let Some(scheme) = balancer.at(&["server", "scheme"])
            && scheme.text() == Some("h2c")
            && !self.upgrades_over_http11()
        {
            let at = At::new(document, scheme.range.clone());
            all.push(because(
                say(&at, Setting::UpstreamHttp("2".to_owned()), Given::Here),
                "traefik-h2c-or-h2-backend",
            ));
        }
        let pass = balancer.at(&["passHostHeader"]);
        let overruled = all.iter().any(|told| matches!(told.what, Setting::Host(_)));
        if !overruled {
            let (host, at, by) = match pass.filter(|pass| pass.text() == Some("false")) {
                Some(node) => {
                    let upstream = urls
                        .first()
                        .map_or("", |(url, _)| url.split_once("://").map_or("", |(_, rest)| rest));
                    let name = upstream.split('/').next().unwrap_or_default().to_owned();
                    (HostSent::Upstream(name), At::new(document, node.range.clone()), Given::Here)
                }
                None => (HostSent::Client, route.clone(), Given::Default),
            };
            all.push(say(&at, Setting::Host(host), by));
        }
        let sticky = balancer.at(&["sticky", "cookie"]).is_some_and(|node| node.text() != Some("false"));
        let count = u32::try_from(urls.len()).unwrap_or(u32::MAX);
        if count > 0 {
            let at = urls.first().map_or(route, |(_, at)| at);
            all.push(say(at, Setting::Servers { count, sticky }, Given::Here));
        }
    }

    fn entry_points(&self, all: &mut Vec<Told>) {
        // 2.11.1 ends connections 2 s after the request was read (traefik#10598).
        if self.teller.version.to_string() == "2.11.1" {
            let at = At::new(self.document, self.entry.key_range.clone());
            let idle = Setting::Idle { ms: Some(2000), timer: "lingeringTimeout".to_owned() };
            all.push(because(told(self.documents, &at, idle, Given::Default), "traefik-entrypoint-timeouts"));
        }
        for name in &self.router.entry_points {
            let Some((document, node)) = Traefik::entry_point(self.roots, name) else { continue };
            let grace = node.at(&["transport", "lifeCycle", "graceTimeOut"]);
            let written = grace.and_then(|node| {
                let text = node.text()?;
                let ms = text.parse::<u64>().ok().map(|seconds| seconds.saturating_mul(1000));
                Some((ms.or_else(|| go_duration(text))?, node.range.clone(), Given::Here))
            });
            // 10 s where nobody says otherwise ("graceTimeOut"); a change of dynamic files ends nothing.
            let (ms, range, by) = written.unwrap_or((10_000, node.range.clone(), Given::Default));
            let timer = "lifeCycle.graceTimeOut".to_owned();
            let drain = Setting::Drain { ms: Some(ms), timer };
            all.push(told(self.documents, &At::new(document, range), drain, by));
        }
    }
}

/// Another router that takes what this one is written for.
pub(crate) fn shadowing<'a>(routers: &'a [Router], router: &Router) -> Option<&'a Router> {
    if router.rule.holds(&router.example) != Some(true) {
        return None;
    }
    routers.iter().find(|other| {
        other.name != router.name
            && other.priority > router.priority
            && other.tls == router.tls
            && (other.entry_points.is_empty()
                || router.entry_points.is_empty()
                || other.entry_points.iter().any(|name| router.entry_points.contains(name)))
            && other.rule.holds(&router.example) == Some(true)
    })
}
