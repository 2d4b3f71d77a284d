//! What a handshake and a long connection meet at a `reverse_proxy`, in either form.

use crate::dialects::common::{At, Signs, Teller, because, comments, parts, tls_port, told, under};
use crate::{Document, Options, Request, Route, Version};
use evidence::{Given, HostSent, Passing, Setting, VersionBy};

/// A matcher; all of them have to hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Matcher {
    Path(Vec<String>),
    Pattern(String),
    Host(Vec<String>),
    Header(String, Vec<String>),
    Not(Vec<Matcher>),
    Other,
}

/// A `reverse_proxy`, and what stands around it.
#[derive(Debug, Clone, Default)]
pub(crate) struct Proxy {
    pub name: String,
    pub site: String,
    pub hosts: Vec<String>,
    pub ports: Vec<u16>,
    pub tls: bool,
    pub at: Option<At>,
    /// Until its closing brace.
    pub whole: Option<At>,
    /// Directives order before the length of paths, and that before the order in the file.
    pub rank: u8,
    pub matchers: Vec<Matcher>,
    pub mentions: Option<String>,
    pub removed: Vec<(String, At)>,
    pub set: Vec<(String, String, At)>,
    pub versions: Option<(Vec<String>, At)>,
    pub upstreams: Vec<(String, At)>,
    pub secure: bool,
    pub policy: Option<(String, At)>,
    pub stream_timeout: Option<(u64, At)>,
    pub close_delay: Option<(u64, At)>,
    pub read_timeout: Option<(u64, At)>,
    /// What takes a prefix off the path: the prefix, and where.
    pub strip: Option<(String, At)>,
    /// What else changes the path.
    pub rewrite: Option<(String, At)>,
    /// The keys that lead to it in JSON.
    pub keys: Vec<String>,
}

impl Proxy {
    fn paths(&self) -> Vec<String> {
        self.matchers
            .iter()
            .filter_map(|matcher| match matcher {
                Matcher::Path(paths) => Some(paths.clone()),
                Matcher::Pattern(pattern) => Some(vec![crate::dialects::common::example(pattern)]),
                _ => None,
            })
            .flatten()
            .collect()
    }

    /// A path that comes here.
    pub(crate) fn example(&self) -> String {
        let path = self.paths().into_iter().max_by_key(String::len).unwrap_or_else(|| "/".to_owned());
        let path = path.trim_end_matches('*').to_owned();
        if path.starts_with('/') { path } else { format!("/x{path}") }
    }
}

/// Whether a path is one of a pattern with stars (<https://caddyserver.com/docs/caddyfile/matchers#path>): exact
/// without, and in any case.
pub(crate) fn path_matches(wanted: &str, path: &str) -> bool {
    let (wanted, path) = (wanted.to_ascii_lowercase(), path.to_ascii_lowercase());
    match (wanted.strip_prefix('*'), wanted.strip_suffix('*')) {
        (Some(middle), Some(_)) => path.contains(middle.trim_end_matches('*')),
        (Some(end), None) => path.ends_with(end),
        (None, Some(begin)) if !begin.contains('*') => path.starts_with(begin),
        _ if wanted.contains('*') => crate::glob(&wanted, &path),
        _ => wanted == path,
    }
}

/// Whether a matcher holds for a handshake; none where no file says.
fn holds(matcher: &Matcher, request: &Request) -> Option<bool> {
    match matcher {
        Matcher::Path(paths) => Some(paths.iter().any(|path| path_matches(path, &request.path))),
        Matcher::Pattern(text) => {
            crate::dialects::common::pattern(text, false).map(|pattern| pattern.is_match(&request.path))
        }
        Matcher::Host(hosts) => Some(hosts.iter().any(|host| host_matches(host, &request.host))),
        Matcher::Header(name, values) => {
            let sent = match name.to_ascii_lowercase().as_str() {
                "upgrade" => "websocket",
                "connection" => "Upgrade",
                "sec-websocket-version" => "13",
                "sec-websocket-key" => return Some(true),
                _ => return None,
            };
            let any = values.iter().any(|value| {
                let inner = value.trim_matches('*');
                value == "*" || value.contains('*') && sent.contains(inner) || value == sent
            });
            Some(values.is_empty() || any)
        }
        Matcher::Not(inside) => {
            let all: Option<Vec<bool>> = inside.iter().map(|matcher| holds(matcher, request)).collect();
            all.map(|all| !all.into_iter().all(|one| one))
        }
        Matcher::Other => None,
    }
}

pub(crate) fn host_matches(wanted: &str, host: &str) -> bool {
    wanted.eq_ignore_ascii_case(host)
        || wanted.strip_prefix("*.").is_some_and(|rest| {
            host.split_once('.').is_some_and(|(_, parent)| parent.eq_ignore_ascii_case(rest))
        })
}

pub(crate) fn choose(proxies: &[Proxy], request: &Request) -> Option<usize> {
    let serves = |proxy: &Proxy| {
        let named =
            proxy.hosts.is_empty() || proxy.hosts.iter().any(|host| host_matches(host, &request.host));
        named && (proxy.ports.is_empty() || proxy.ports.contains(&request.port))
    };
    // The site with the most particular name first.
    let site = proxies
        .iter()
        .filter(|proxy| serves(proxy))
        .max_by_key(|proxy| {
            let exact = proxy.hosts.iter().any(|host| host.eq_ignore_ascii_case(&request.host));
            (exact, !proxy.hosts.is_empty(), !proxy.ports.is_empty())
        })
        .map(|proxy| proxy.site.clone())?;
    let mut order: Vec<usize> = (0..proxies.len())
        .filter(|number| proxies[*number].site == site && serves(&proxies[*number]))
        .collect();
    order.sort_by_key(|number| {
        let proxy = &proxies[*number];
        let length = proxy.paths().iter().map(|path| path.trim_end_matches('*').len()).max();
        (proxy.rank, std::cmp::Reverse(length), proxy.matchers.is_empty())
    });
    order
        .into_iter()
        .find(|number| proxies[*number].matchers.iter().all(|matcher| holds(matcher, request) == Some(true)))
}

pub(crate) fn observe(
    documents: &[Document],
    proxies: Vec<Proxy>,
    options: &Options,
    version: &Version,
    by: VersionBy,
) -> (Vec<Proxy>, Vec<Route>) {
    let teller = Teller { product: "Caddy", version, version_by: by, options };
    let mut proxies = proxies;
    // Sites may have routes of the same name.
    for number in 0..proxies.len() {
        let name = proxies[number].name.clone();
        if proxies.iter().enumerate().any(|(other, proxy)| other != number && proxy.name == name)
            && !proxies[number].site.is_empty()
        {
            proxies[number].name = format!("{} {name}", proxies[number].site);
        }
    }
    let routes = proxies.iter().map(|proxy| route(documents, proxy, &teller)).collect();
    (proxies, routes)
}

fn route(documents: &[Document], proxy: &Proxy, teller: &Teller<'_>) -> Route {
    let at = proxy.at.clone().unwrap_or(At::new(0, 0..0));
    let say = |at: &At, what, by| told(documents, at, what, by);
    let near = documents.get(at.document).map(|file| comments(file, at.range.start, '#')).unwrap_or_default();
    let signs = Signs {
        name: &proxy.name,
        mentions: proxy.mentions.as_deref(),
        comments: near,
        paths: proxy.paths().into_iter().map(|path| path.trim_matches('*').to_owned()).collect(),
        upstreams: proxy.upstreams.iter().map(|(name, _)| name.clone()).collect(),
    };
    let upstream = proxy.upstreams.first().map(|(name, _)| name.as_str());
    let mut all = vec![say(&at, teller.route(&proxy.name, upstream, teller.belief(&signs)), Given::Here)];

    let mut passing = (Passing::Passed, at.clone(), Given::Default);
    for (name, at) in &proxy.removed {
        let covers = |header: &str| match name.strip_suffix('*') {
            Some(begin) => header.starts_with(&begin.to_ascii_lowercase()),
            None => header == name.to_ascii_lowercase(),
        };
        if covers("upgrade") {
            passing = (Passing::Dropped, at.clone(), Given::Here);
        } else if covers("connection") {
            passing = (passing.0.max(Passing::ConnectionLost), at.clone(), Given::Here);
        } else if covers("origin")
            || covers("cookie")
            || name.to_ascii_lowercase().starts_with("sec-websocket-")
        {
            all.push(say(at, Setting::Cleared(name.clone()), Given::Here));
        }
    }
    let mut host = (HostSent::Client, at.clone(), Given::Default);
    for (name, value, at) in &proxy.set {
        if name.eq_ignore_ascii_case("upgrade")
            && value.eq_ignore_ascii_case("websocket")
            && passing.0 < Passing::Always
        {
            passing = (Passing::Always, at.clone(), Given::Here);
        } else if name.eq_ignore_ascii_case("connection")
            && value.eq_ignore_ascii_case("upgrade")
            && passing.0 == Passing::Passed
        {
            passing = (Passing::ConnectionAlways, at.clone(), Given::Here);
        } else if name.eq_ignore_ascii_case("connection")
            && (value.is_empty() || value.eq_ignore_ascii_case("close"))
        {
            passing = (passing.0.max(Passing::ConnectionLost), at.clone(), Given::Here);
        } else if name.eq_ignore_ascii_case("host") {
            let sent = match value.as_str() {
                "{host}" | "{http.request.host}" => HostSent::WithoutPort,
                "{hostport}" | "{http.request.hostport}" => HostSent::Client,
                text if text.contains("upstream") => {
                    HostSent::Upstream(upstream.unwrap_or_default().to_owned())
                }
                text if text.contains('{') => continue,
                text => HostSent::Fixed(text.to_owned()),
            };
            // The default port is no part of Host anyway.
            let sent =
                if sent == HostSent::WithoutPort && proxy.ports.iter().all(|port| matches!(port, 80 | 443)) {
                    HostSent::Client
                } else {
                    sent
                };
            host = (sent, at.clone(), Given::Here);
        }
    }
    let bad = matches!(passing.0, Passing::Dropped | Passing::ConnectionLost);
    let mut upgrade = say(&passing.1, Setting::Upgrade(passing.0), passing.2);
    if bad {
        upgrade = because(upgrade, "caddy-header-up-stripped");
    }
    all.push(upgrade);

    // Any `h2c` makes Caddy speak HTTP/2 only; with `1.1` beside `2` Go takes HTTP/1.1 for handshakes.
    let h2 = proxy.versions.as_ref().filter(|(versions, _)| {
        versions.iter().any(|version| version == "h2c") || !versions.iter().any(|version| version == "1.1")
    });
    let by_scheme = proxy.upstreams.iter().find(|(name, _)| name.starts_with("h2c://"));
    if let Some(at) = h2.map(|(_, at)| at).or(by_scheme.map(|(_, at)| at)) {
        let http = say(at, Setting::UpstreamHttp("2".to_owned()), Given::Here);
        all.push(because(http, "caddy-h2c-transport"));
    }
    if let Some((ms, at)) = &proxy.read_timeout {
        let idle = Setting::Idle { ms: Some(*ms), timer: "read_timeout".to_owned() };
        all.push(say(at, idle, Given::Here));
    }
    if let Some((ms, at)) = proxy.stream_timeout.as_ref().filter(|(ms, _)| *ms > 0) {
        let lifetime = Setting::Lifetime { ms: Some(*ms), timer: "stream_timeout".to_owned() };
        all.push(say(at, lifetime, Given::Here));
    }
    let (ms, drain_at, by) = match &proxy.close_delay {
        Some((ms, at)) => (*ms, at, Given::Here),
        None => (0, &at, Given::Default),
    };
    let drain = Setting::Drain { ms: Some(ms), timer: "stream_close_delay".to_owned() };
    all.push(because(say(drain_at, drain, by), "caddy-reload-closes"));
    all.push(say(&host.1, Setting::Host(host.0), host.2));

    let request = proxy.example();
    let mut path = request.clone();
    let mut path_at = None;
    if let Some((prefix, at)) = &proxy.strip
        && under(&path, prefix)
    {
        let rest = path[prefix.trim_end_matches('/').len()..].to_owned();
        path = if rest.is_empty() { "/".to_owned() } else { rest };
        path_at = Some(at);
    }
    if let Some((with, at)) = &proxy.rewrite {
        path = with.replace("{uri}", &path).replace("{path}", &path).replace("{http.request.uri}", &path);
        path_at = Some(at);
    }
    if let Some(at) = path_at.filter(|_| path != request && !path.contains('{')) {
        all.push(say(at, Setting::UpstreamPath { request: request.clone(), upstream: path }, Given::Here));
    }
    for (name, at) in &proxy.upstreams {
        let (scheme, _, port) = parts(name);
        if tls_port(port) && scheme != Some("https") && !proxy.secure {
            all.push(say(at, Setting::SchemeMismatch { upstream: name.clone() }, Given::Here));
        }
    }
    let sticky = proxy.policy.as_ref().is_some_and(|(policy, _)| {
        matches!(policy.as_str(), "cookie" | "ip_hash" | "client_ip_hash" | "header" | "first")
    });
    let count = u32::try_from(proxy.upstreams.len()).unwrap_or(u32::MAX);
    let servers_at = proxy.policy.as_ref().map_or(&at, |(_, at)| at);
    if count > 0 {
        all.push(say(servers_at, Setting::Servers { count, sticky }, Given::Here));
    }
    let spot = all[0].spot.clone();
    Route {
        name: proxy.name.clone(),
        hosts: proxy.hosts.clone(),
        ports: proxy.ports.clone(),
        tls: proxy.tls,
        path: request,
        spot,
        told: all,
    }
}
