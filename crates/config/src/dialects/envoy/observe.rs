//! What a handshake and a long connection meet on each route.

use crate::dialects::common::{
    At, ROUTES, Signs, Teller, because, comments, go_duration, pattern, tls_port, told, too_many, under,
};
use crate::yaml::{Entry, Node};
use crate::{Document, Options, Request, Route, Version, version};
use evidence::{Given, HostSent, Passing, Setting, Told, VersionBy};

/// How a route matches paths.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Match {
    Prefix(String),
    Segments(String),
    Exact(String),
    Pattern(String),
    Unknown,
}

/// A route, by the numbers that lead to it.
#[derive(Debug, Clone)]
pub(crate) struct Way {
    pub root: usize,
    /// Listener, filter chain and filter; none: a route table by itself.
    pub filter: Option<(usize, usize, usize)>,
    pub host: usize,
    pub number: usize,
    pub domains: Vec<String>,
    pub port: Option<u16>,
    pub tls: bool,
    pub matches: Match,
    /// It asks for headers, too: those of a handshake, or others.
    pub asks_upgrade: bool,
    pub asks_more: bool,
    pub cluster: String,
    /// Its number among the routes; none: it answers by itself.
    pub route: Option<usize>,
    pub name: String,
}

impl Way {
    pub(crate) fn example(&self) -> String {
        match &self.matches {
            Match::Prefix(text) | Match::Segments(text) | Match::Exact(text) => text.clone(),
            Match::Pattern(text) => crate::dialects::common::example(text),
            Match::Unknown => "/".to_owned(),
        }
    }

    pub(crate) fn takes(&self, path: &str) -> bool {
        !self.asks_more
            && match &self.matches {
                Match::Prefix(prefix) => path.starts_with(prefix.as_str()),
                Match::Segments(prefix) => under(path, prefix),
                Match::Exact(exact) => path == exact,
                // The whole path has to match (route.RouteMatch, "safe_regex").
                Match::Pattern(text) => {
                    pattern(&format!("^(?:{text})$"), false).is_some_and(|pattern| pattern.is_match(path))
                }
                Match::Unknown => false,
            }
    }

    /// The HTTP connection manager.
    pub(crate) fn manager<'a>(&self, roots: &'a [Node]) -> Option<&'a Node> {
        let (listener, chain, filter) = self.filter?;
        let listeners = roots.get(self.root)?.at(&["static_resources", "listeners"])?;
        let chain = listeners.items().get(listener)?.get("filter_chains")?.items().get(chain)?;
        let filter = chain.get("filters")?.items().get(filter)?;
        filter.get("typed_config").or_else(|| filter.get("config"))
    }

    pub(crate) fn table<'a>(&self, roots: &'a [Node]) -> Option<&'a Node> {
        match self.filter {
            Some(_) => self.manager(roots)?.get("route_config"),
            None => roots.get(self.root),
        }
    }

    pub(crate) fn virtual_host<'a>(&self, roots: &'a [Node]) -> Option<&'a Node> {
        self.table(roots)?.get("virtual_hosts")?.items().get(self.host)
    }

    /// The list of routes that it stands in.
    pub(crate) fn list<'a>(&self, roots: &'a [Node]) -> Option<&'a Node> {
        self.virtual_host(roots)?.get("routes")
    }

    pub(crate) fn node<'a>(&self, roots: &'a [Node]) -> Option<&'a Node> {
        self.list(roots)?.items().get(self.number)
    }

    /// What the route does: its `route`.
    pub(crate) fn action<'a>(&self, roots: &'a [Node]) -> Option<&'a Node> {
        self.node(roots)?.get("route")
    }
}

pub(crate) fn cluster<'a>(roots: &'a [Node], name: &str) -> Option<&'a Node> {
    roots.iter().find_map(|root| {
        let clusters = root.at(&["static_resources", "clusters"])?;
        clusters.items().iter().find(|cluster| cluster.text_of("name") == Some(name))
    })
}

/// The endpoints of a cluster: address, port, and where the port stands.
pub(crate) fn endpoints(cluster: &Node) -> Vec<(String, u16, At)> {
    let groups = cluster.at(&["load_assignment", "endpoints"]).map(Node::items).unwrap_or_default();
    groups
        .iter()
        .flat_map(|group| group.get("lb_endpoints").map(Node::items).unwrap_or_default())
        .filter_map(|endpoint| {
            let address = endpoint.at(&["endpoint", "address", "socket_address"])?;
            let port = address.get("port_value")?;
            let at = At::new(0, port.range.clone());
            Some((address.text_of("address")?.to_owned(), port.text()?.parse().ok()?, at))
        })
        .collect()
}

/// A host name against a domain of a virtual host; the better it fits, the higher (route.VirtualHost, "domains").
fn fits(domain: &str, host: &str, port: u16) -> Option<usize> {
    let domain = domain.to_ascii_lowercase();
    if domain == "*" {
        return Some(0);
    }
    if domain == host || domain == format!("{host}:{port}") {
        return Some(usize::MAX);
    }
    if let Some(end) = domain.strip_prefix('*') {
        return host.ends_with(end).then_some(2000 + end.len());
    }
    let begin = domain.strip_suffix('*')?;
    host.starts_with(begin).then_some(1 + begin.len().min(1000))
}

pub(crate) fn choose(ways: &[Way], request: &Request) -> Option<usize> {
    let on_port: Vec<&Way> = {
        let exact: Vec<&Way> = ways.iter().filter(|way| way.port == Some(request.port)).collect();
        if exact.is_empty() { ways.iter().collect() } else { exact }
    };
    let best = on_port
        .iter()
        .filter_map(|way| {
            let score =
                way.domains.iter().filter_map(|domain| fits(domain, &request.host, request.port)).max()?;
            Some((score, way.root, way.filter, way.host))
        })
        // Of equals the first: `max_by_key` would take the last.
        .rev()
        .max_by_key(|(score, ..)| *score)?;
    on_port
        .into_iter()
        .find(|way| (way.root, way.filter, way.host) == (best.1, best.2, best.3) && way.takes(&request.path))?
        .route
}

pub(crate) fn observe(
    documents: &[Document],
    roots: &[Node],
    options: &Options,
    version: &Version,
    by: VersionBy,
) -> (Vec<Way>, Vec<Route>, Vec<Told>) {
    let teller = Teller { product: "Envoy", version, version_by: by, options };
    let mut ways = ways(roots);
    let mut routes = Vec::new();
    let mut general = Vec::new();
    for number in 0..ways.len() {
        if ways[number].cluster.is_empty() {
            continue;
        }
        if routes.len() >= ROUTES {
            let range = ways[number].node(roots).map_or(0..0, |node| node.range.clone());
            general.push(too_many(documents, &At::new(0, range)));
            break;
        }
        ways[number].route = Some(routes.len());
        let scene = Scene { documents, roots, ways: &ways, way: &ways[number], teller: &teller };
        if let Some(route) = scene.route() {
            routes.push(route);
        } else {
            ways[number].route = None;
        }
    }
    (ways, routes, general)
}

fn ways(roots: &[Node]) -> Vec<Way> {
    let mut found = Vec::new();
    for (root, node) in roots.iter().enumerate() {
        if node.get("virtual_hosts").is_some() {
            table(node, root, None, (None, false), &mut found);
        }
        let listeners = node.at(&["static_resources", "listeners"]).map(Node::items).unwrap_or_default();
        for (l, listener) in listeners.iter().enumerate() {
            let port = listener
                .at(&["address", "socket_address"])
                .and_then(|address| address.text_of("port_value"))
                .and_then(|text| text.parse().ok());
            for (c, chain) in
                listener.get("filter_chains").map(Node::items).unwrap_or_default().iter().enumerate()
            {
                let tls = chain.get("transport_socket").is_some();
                for (f, filter) in
                    chain.get("filters").map(Node::items).unwrap_or_default().iter().enumerate()
                {
                    let config = filter.get("typed_config").or_else(|| filter.get("config"));
                    if let Some(routes) = config.and_then(|config| config.get("route_config")) {
                        table(routes, root, Some((l, c, f)), (port, tls), &mut found);
                    }
                }
            }
        }
    }
    found
}

fn table(
    node: &Node,
    root: usize,
    filter: Option<(usize, usize, usize)>,
    (port, tls): (Option<u16>, bool),
    found: &mut Vec<Way>,
) {
    for (h, host) in node.get("virtual_hosts").map(Node::items).unwrap_or_default().iter().enumerate() {
        let domains: Vec<String> = host
            .get("domains")
            .map(Node::items)
            .unwrap_or_default()
            .iter()
            .filter_map(Node::text)
            .map(str::to_owned)
            .collect();
        for (number, route) in host.get("routes").map(Node::items).unwrap_or_default().iter().enumerate() {
            let text = |key: &str| route.get("match").and_then(|node| node.text_of(key)).map(str::to_owned);
            let regular = route.at(&["match", "safe_regex", "regex"]).and_then(Node::text);
            let (matches, shown) = if let Some(prefix) = text("prefix") {
                (Match::Prefix(prefix.clone()), format!("prefix {prefix}"))
            } else if let Some(path) = text("path") {
                (Match::Exact(path.clone()), format!("path {path}"))
            } else if let Some(prefix) = text("path_separated_prefix") {
                (Match::Segments(prefix.clone()), format!("path_separated_prefix {prefix}"))
            } else if let Some(pattern) = regular {
                (Match::Pattern(pattern.to_owned()), format!("safe_regex {pattern}"))
            } else {
                (Match::Unknown, "route".to_owned())
            };
            let headers = route.at(&["match", "headers"]).map(Node::items).unwrap_or_default();
            let upgrade = |header: &Node| {
                header.text_of("name").is_some_and(|name| {
                    matches!(name.to_ascii_lowercase().as_str(), "upgrade" | "connection")
                })
            };
            let action = route.get("route");
            let cluster = action
                .and_then(|action| action.text_of("cluster").map(str::to_owned))
                .or_else(|| {
                    let weighted = action?.at(&["weighted_clusters", "clusters"])?.items().first()?;
                    weighted.text_of("name").map(str::to_owned)
                })
                .or_else(|| action.and_then(|action| action.text_of("cluster_header")).map(str::to_owned));
            found.push(Way {
                root,
                filter,
                host: h,
                number,
                domains: domains.clone(),
                port,
                tls,
                matches,
                asks_upgrade: headers.iter().any(upgrade),
                asks_more: headers.iter().any(|header| !upgrade(header)),
                cluster: cluster.unwrap_or_default(),
                route: None,
                name: format!("{}: {shown}", host.text_of("name").unwrap_or("virtual host")),
            });
        }
    }
}

/// A duration as protobuf writes it in JSON: seconds with a fraction, and `s`.
pub(crate) fn duration(node: &Node) -> Option<u64> {
    go_duration(node.text()?)
}

/// Whether a list of `upgrade_configs` enables WebSockets; none: it does not speak of them.
pub(crate) fn enabled(node: Option<&Node>) -> Option<(bool, &Node)> {
    let item = node?.items().iter().find(|item| {
        item.text_of("upgrade_type").is_some_and(|kind| kind.eq_ignore_ascii_case("websocket"))
    })?;
    Some((item.text_of("enabled") != Some("false"), item))
}

/// Whether a cluster speaks HTTP/2, and the entry that says so; not where extended CONNECT is allowed.
pub(crate) fn http2(cluster: &Node) -> Option<(&Node, &Entry)> {
    let options = "envoy.extensions.upstreams.http.v3.HttpProtocolOptions";
    let explicit = cluster
        .get("typed_extension_protocol_options")
        .and_then(|node| node.get(options))
        .and_then(|node| node.get("explicit_http_config"));
    [explicit, Some(cluster)].into_iter().flatten().find_map(|node| {
        let entry = node.entry("http2_protocol_options")?;
        let connect = entry.value.get("allow_connect").is_some_and(Node::is_true);
        (!connect).then_some((node, entry))
    })
}

pub(crate) fn shadowing<'a>(ways: &'a [Way], way: &Way) -> Option<&'a Way> {
    ways.iter().find(|other| {
        (other.root, other.filter, other.host) == (way.root, way.filter, way.host)
            && other.number < way.number
            && other.takes(&way.example())
    })
}

struct Scene<'a> {
    documents: &'a [Document],
    roots: &'a [Node],
    ways: &'a [Way],
    way: &'a Way,
    teller: &'a Teller<'a>,
}

impl Scene<'_> {
    fn say(&self, range: &std::ops::Range<usize>, what: Setting, by: Given) -> Told {
        told(self.documents, &At::new(0, range.clone()), what, by)
    }

    fn route(&self) -> Option<Route> {
        let way = self.way;
        let node = way.node(self.roots)?;
        let action = way.action(self.roots)?;
        let place = node.get("match").map_or(node.range.clone(), |node| node.range.clone());
        let cluster = cluster(self.roots, &way.cluster);
        let own = enabled(action.get("upgrade_configs"));
        let mentions = if way.asks_upgrade {
            Some("Upgrade")
        } else if own.is_some() {
            Some("upgrade_configs")
        } else {
            None
        };
        let signs = Signs {
            name: &way.name,
            mentions,
            comments: comments(&self.documents[0], node.range.start, '#'),
            paths: vec![way.example()],
            upstreams: vec![way.cluster.clone()],
        };
        let route = self.teller.route(&way.name, Some(&way.cluster), self.teller.belief(&signs));
        let mut all = vec![self.say(&place, route, Given::Here)];
        self.upgrade(&place, action, &mut all);
        self.timers(&place, action, &mut all);
        self.rewrites(&place, node, action, &mut all);
        if let Some(cluster) = cluster {
            self.cluster(cluster, action, &mut all);
        }
        if let Some(other) = shadowing(self.ways, way) {
            let range = other.node(self.roots).map_or(place.clone(), |node| node.range.clone());
            let shadowed = Setting::Shadowed { by: other.name.clone(), path: way.example() };
            all.push(self.say(&range, shadowed, Given::Here));
        }
        Some(Route {
            name: way.name.clone(),
            hosts: way.domains.iter().filter(|domain| *domain != "*").cloned().collect(),
            ports: way.port.into_iter().collect(),
            tls: way.tls,
            path: way.example(),
            spot: self.documents[0].spot(place),
            told: all,
        })
    }

    fn upgrade(&self, place: &std::ops::Range<usize>, action: &Node, all: &mut Vec<Told>) {
        let manager = self.way.manager(self.roots);
        // The route's word counts before the manager's ("HTTP upgrades"); of a table by itself the manager is not seen.
        let own = enabled(action.get("upgrade_configs"));
        let above = enabled(manager.and_then(|manager| manager.get("upgrade_configs")));
        let inherited = || Given::Inherited("http_connection_manager".to_owned());
        let (passing, range, by) = match (own, above) {
            (Some((true, node)), _) => (Passing::Passed, node.range.clone(), Given::Here),
            (Some((false, node)), _) => (Passing::Refused, node.range.clone(), Given::Here),
            (None, Some((true, node))) => (Passing::Passed, node.range.clone(), inherited()),
            (None, Some((false, node))) => (Passing::Refused, node.range.clone(), inherited()),
            (None, None) if manager.is_none() => return,
            (None, None) => (Passing::Refused, place.clone(), Given::Default),
        };
        let mut upgrade = self.say(&range, Setting::Upgrade(passing), by);
        if passing == Passing::Refused {
            upgrade = because(upgrade, "envoy-upgrade-not-enabled");
        }
        all.push(upgrade);
        // A buffer waits for the end of a request that has none, unless upgrades have filters of their own.
        let filters = above.is_some_and(|(_, node)| node.get("filters").is_some());
        let http =
            manager.and_then(|manager| manager.get("http_filters")).map(Node::items).unwrap_or_default();
        for filter in http.iter().filter(|filter| filter.text_of("name") == Some("envoy.filters.http.buffer"))
        {
            if !filters {
                let what = Setting::InTheWay("envoy.filters.http.buffer".to_owned());
                all.push(self.say(&filter.range, what, inherited()));
            }
        }
    }

    fn timers(&self, place: &std::ops::Range<usize>, action: &Node, all: &mut Vec<Told>) {
        let manager = self.way.manager(self.roots);
        let inherited = || Given::Inherited("http_connection_manager".to_owned());
        let limit = |ms: u64| Some(ms).filter(|ms| *ms > 0);
        let idle = action
            .get("idle_timeout")
            .and_then(|node| Some((duration(node)?, node.range.clone(), "idle_timeout", Given::Here)));
        let above = || {
            let node = manager?.get("stream_idle_timeout")?;
            Some((duration(node)?, node.range.clone(), "stream_idle_timeout", inherited()))
        };
        // Five minutes where nobody says otherwise (HttpConnectionManager, "stream_idle_timeout").
        let (ms, range, timer, by) =
            idle.or_else(above).unwrap_or((300_000, place.clone(), "stream_idle_timeout", Given::Default));
        let setting = Setting::Idle { ms: limit(ms), timer: timer.to_owned() };
        all.push(because(self.say(&range, setting, by), "envoy-stream-idle-timeout"));

        let mut lifetime = |node: Option<&Node>, timer: &str, by: Given| {
            let Some(node) = node else { return false };
            let Some(ms) = duration(node) else { return false };
            let setting = Setting::Lifetime { ms: limit(ms), timer: timer.to_owned() };
            all.push(because(self.say(&node.range, setting, by), "envoy-route-timeout"));
            true
        };
        let common = |key: &str| {
            manager
                .and_then(|manager| manager.get("common_http_protocol_options"))
                .and_then(|node| node.get(key))
        };
        let own = action.get("max_stream_duration").and_then(|node| node.get("max_stream_duration"));
        if !lifetime(own, "max_stream_duration", Given::Here) {
            lifetime(common("max_stream_duration"), "max_stream_duration", inherited());
        }
        lifetime(common("max_connection_duration"), "max_connection_duration", inherited());
        if !version::has(self.teller.version, "envoy-route-timeout-spares-upgrades") {
            match action.get("timeout") {
                Some(node) => {
                    lifetime(Some(node), "timeout", Given::Here);
                }
                None => {
                    let setting = Setting::Lifetime { ms: Some(15_000), timer: "timeout".to_owned() };
                    all.push(because(self.say(place, setting, Given::Default), "envoy-route-timeout"));
                }
            }
        }
    }

    fn rewrites(&self, place: &std::ops::Range<usize>, node: &Node, action: &Node, all: &mut Vec<Told>) {
        let fixed = action.get("host_rewrite_literal");
        let (host, range, by) = match fixed.and_then(|node| Some((node.text()?, node))) {
            Some((text, node)) => (HostSent::Fixed(text.to_owned()), node.range.clone(), Given::Here),
            None => match action.get("auto_host_rewrite").filter(|node| node.is_true()) {
                Some(node) => (HostSent::Upstream(self.way.cluster.clone()), node.range.clone(), Given::Here),
                None => (HostSent::Client, place.clone(), Given::Default),
            },
        };
        all.push(self.say(&range, Setting::Host(host), by));
        let request = self.way.example();
        if let Some(rewrite) = action.get("prefix_rewrite")
            && let Some(with) = rewrite.text()
            && let Match::Prefix(prefix) | Match::Segments(prefix) | Match::Exact(prefix) = &self.way.matches
        {
            let upstream = format!("{with}{}", request.strip_prefix(prefix.as_str()).unwrap_or_default());
            if upstream != request {
                all.push(self.say(&rewrite.range, Setting::UpstreamPath { request, upstream }, Given::Here));
            }
        }
        let lists = [
            (Some(node), Given::Here),
            (self.way.virtual_host(self.roots), Given::Inherited("virtual_host".to_owned())),
            (self.way.table(self.roots), Given::Inherited("route_config".to_owned())),
        ];
        for (node, by) in lists {
            let removed = node.and_then(|node| node.get("request_headers_to_remove")).map(Node::items);
            for item in removed.unwrap_or_default() {
                let Some(name) = item.text() else { continue };
                let lower = name.to_ascii_lowercase();
                if lower.starts_with("sec-websocket-") || lower == "origin" || lower == "cookie" {
                    all.push(self.say(&item.range, Setting::Cleared(name.to_owned()), by.clone()));
                }
            }
        }
    }

    fn cluster(&self, cluster: &Node, action: &Node, all: &mut Vec<Told>) {
        let by = || Given::Inherited(format!("cluster {}", self.way.cluster));
        if let Some((_, entry)) = http2(cluster) {
            all.push(self.say(&entry.range(), Setting::UpstreamHttp("2".to_owned()), by()));
        }
        let endpoints = endpoints(cluster);
        let secure = cluster.get("transport_socket").is_some();
        for (address, port, at) in &endpoints {
            if tls_port(Some(*port)) && !secure {
                let upstream = format!("{address}:{port}");
                all.push(self.say(&at.range, Setting::SchemeMismatch { upstream }, by()));
                break;
            }
        }
        let hashed = cluster
            .text_of("lb_policy")
            .is_some_and(|policy| matches!(policy.to_ascii_uppercase().as_str(), "RING_HASH" | "MAGLEV"));
        let sticky = hashed && action.get("hash_policy").is_some();
        let range = cluster.entry("name").map_or(cluster.range.clone(), Entry::range);
        let count = u32::try_from(endpoints.len()).unwrap_or(u32::MAX);
        if count > 0 {
            all.push(self.say(&range, Setting::Servers { count, sticky }, by()));
        }
        // A socket is a connection of its own to the application: 1024 where nobody says otherwise
        // (cluster.CircuitBreakers.Thresholds, "max_connections").
        let thresholds = cluster.at(&["circuit_breakers", "thresholds"]).map(Node::items).unwrap_or_default();
        let written = thresholds.iter().find_map(|threshold| {
            let node = threshold.get("max_connections")?;
            Some((node.text()?.parse().ok()?, node.range.clone()))
        });
        let (sockets, range, by) = match written {
            Some((sockets, range)) => (sockets, range, by()),
            None => (1024, range, Given::Default),
        };
        let limit = "circuit_breakers max_connections".to_owned();
        all.push(self.say(&range, Setting::SocketLimit { sockets, limit }, by));
    }
}
