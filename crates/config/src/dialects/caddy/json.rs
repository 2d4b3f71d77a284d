//! The JSON that a Caddyfile becomes (<https://caddyserver.com/docs/json/apps/http/>), and edits of it.

use super::observe::{Matcher, Proxy};
use crate::dialects::common::{At, go_duration, parts, short, tls_port};
use crate::yaml::{self, Editor, Node};
use crate::{Config, Document, Edit, version};
use evidence::Wish;

type Read = (Vec<Document>, Vec<Proxy>, Vec<(At, String)>);

pub(crate) fn read(document: Document) -> Read {
    let trees = yaml::read(&document);
    let mut proxies = Vec::new();
    if let Some(root) = trees.roots.first() {
        let servers = root.at(&["apps", "http", "servers"]).map(Node::entries).unwrap_or_default();
        for server in servers {
            let ports: Vec<u16> = server
                .value
                .get("listen")
                .map(Node::items)
                .unwrap_or_default()
                .iter()
                .filter_map(|address| address.text()?.rsplit(':').next()?.parse().ok())
                .collect();
            let tls = ports.contains(&443) || server.value.get("tls_connection_policies").is_some();
            let site = Proxy { site: server.key.clone(), ports, tls, ..Proxy::default() };
            let keys = ["apps", "http", "servers", &server.key].map(str::to_owned).to_vec();
            routes(server.value.get("routes"), &site, &keys, &mut proxies, 0);
        }
    }
    let unread = trees.unread.map(|(range, why)| (At::new(0, range), why)).into_iter().collect();
    (vec![document], proxies, unread)
}

fn routes(node: Option<&Node>, around: &Proxy, keys: &[String], found: &mut Vec<Proxy>, depth: usize) {
    if depth > 16 {
        return;
    }
    for (number, route) in node.map(Node::items).unwrap_or_default().iter().enumerate() {
        let mut own = around.clone();
        let mut keys = keys.to_vec();
        keys.extend(["routes".to_owned(), number.to_string()]);
        // Sets are alternatives; the first one serves as the example, the others join it where they are of one kind.
        let sets = route.get("match").map(Node::items).unwrap_or_default();
        let mut paths: Vec<String> = Vec::new();
        for set in sets {
            let texts = |key: &str| -> Vec<String> {
                set.get(key)
                    .map(Node::items)
                    .unwrap_or_default()
                    .iter()
                    .filter_map(Node::text)
                    .map(str::to_owned)
                    .collect()
            };
            own.hosts.extend(texts("host").into_iter().map(|host| host.to_ascii_lowercase()));
            paths.extend(texts("path"));
            for header in set.get("header").map(Node::entries).unwrap_or_default() {
                let values: Vec<String> =
                    header.value.items().iter().filter_map(Node::text).map(str::to_owned).collect();
                if matches!(header.key.to_ascii_lowercase().as_str(), "upgrade" | "connection") {
                    own.mentions = Some(header.key.clone());
                }
                own.matchers.push(Matcher::Header(header.key.clone(), values));
            }
            for key in ["expression", "not", "query", "remote_ip", "client_ip", "path_regexp"] {
                if set.get(key).is_some() {
                    own.matchers.push(Matcher::Other);
                }
            }
        }
        if !paths.is_empty() {
            own.matchers.push(Matcher::Path(paths));
        }
        for (number, handler) in route.get("handle").map(Node::items).unwrap_or_default().iter().enumerate() {
            let mut keys = keys.clone();
            keys.extend(["handle".to_owned(), number.to_string()]);
            let at = At::new(0, handler.range.clone());
            match handler.text_of("handler").unwrap_or_default() {
                "subroute" => routes(handler.get("routes"), &own, &keys, found, depth + 1),
                "rewrite" => {
                    if let Some(entry) = handler.entry("strip_path_prefix")
                        && let Some(prefix) = entry.value.text()
                    {
                        own.strip = Some((prefix.to_owned(), At::new(0, entry.range())));
                    }
                    if let Some(uri) = handler.text_of("uri") {
                        own.rewrite = Some((uri.to_owned(), at));
                    }
                }
                "headers" => headers(handler.get("request"), &mut own),
                "reverse_proxy" => found.push(proxy(handler, &own, keys)),
                _ => {}
            }
        }
    }
}

fn headers(request: Option<&Node>, proxy: &mut Proxy) {
    let Some(request) = request else { return };
    for item in request.get("delete").map(Node::items).unwrap_or_default() {
        if let Some(name) = item.text() {
            proxy.removed.push((name.to_owned(), At::new(0, item.range.clone())));
        }
    }
    for entry in request.get("set").map(Node::entries).unwrap_or_default() {
        if let Some(value) = entry.value.items().first().and_then(Node::text) {
            proxy.set.push((entry.key.clone(), value.to_owned(), At::new(0, entry.range())));
        }
    }
}

/// A duration: a text as Go writes it, or nanoseconds.
fn duration(node: &Node, path: &[&str]) -> Option<(u64, At)> {
    let value = node.at(path)?;
    let text = value.text()?;
    let ms = match text.parse::<u64>() {
        Ok(nanoseconds) => nanoseconds / 1_000_000,
        Err(_) => go_duration(text)?,
    };
    Some((ms, At::new(0, value.range.clone())))
}

fn proxy(handler: &Node, around: &Proxy, keys: Vec<String>) -> Proxy {
    let mut proxy = around.clone();
    let at = handler.entry("handler").map_or(handler.range.clone(), crate::yaml::Entry::range);
    proxy.at = Some(At::new(0, at));
    proxy.whole = Some(At::new(0, handler.range.clone()));
    proxy.rank = 4;
    headers(handler.at(&["headers", "request"]), &mut proxy);
    for upstream in handler.get("upstreams").map(Node::items).unwrap_or_default() {
        if let Some(dial) = upstream.get("dial")
            && let Some(text) = dial.text()
        {
            proxy.upstreams.push((text.to_owned(), At::new(0, dial.range.clone())));
        }
    }
    if let Some(versions) = handler.at(&["transport", "versions"]) {
        let texts = versions.items().iter().filter_map(Node::text).map(str::to_owned).collect();
        proxy.versions = Some((texts, At::new(0, versions.range.clone())));
    }
    proxy.secure = handler.at(&["transport", "tls"]).is_some();
    if let Some(policy) = handler.at(&["load_balancing", "selection_policy", "policy"])
        && let Some(text) = policy.text()
    {
        proxy.policy = Some((text.to_owned(), At::new(0, policy.range.clone())));
    }
    proxy.stream_timeout = duration(handler, &["stream_timeout"]);
    proxy.close_delay = duration(handler, &["stream_close_delay"]);
    proxy.read_timeout = duration(handler, &["transport", "read_timeout"]).filter(|(ms, _)| *ms > 0);
    if let Some(uri) = handler.at(&["rewrite", "strip_path_prefix"])
        && let Some(prefix) = uri.text()
    {
        proxy.strip = Some((prefix.to_owned(), At::new(0, uri.range.clone())));
    }
    let first = proxy.matchers.iter().find_map(|matcher| match matcher {
        Matcher::Path(paths) => paths.first().cloned(),
        _ => None,
    });
    let what = first.or_else(|| proxy.hosts.first().cloned()).unwrap_or_default();
    proxy.name = format!("reverse_proxy {what}").trim().to_owned();
    proxy.keys = keys;
    proxy
}

/// The handler again, by the keys that lead to it.
fn find<'a>(root: &'a Node, keys: &[String]) -> Option<&'a Node> {
    keys.iter().try_fold(root, |node, key| match key.parse::<usize>() {
        Ok(number) if !node.items().is_empty() => node.items().get(number),
        _ => node.get(key),
    })
}

pub(crate) fn edit(config: &Config, proxy: &Proxy, wish: &Wish) -> Vec<Edit> {
    let Some(document) = config.documents.first() else { return Vec::new() };
    let trees = yaml::read(document);
    let Some(handler) = trees.roots.first().and_then(|root| find(root, &proxy.keys)) else {
        return Vec::new();
    };
    let editor = Editor { document, number: 0 };
    let put =
        |path: &[&str], value: &str| -> Vec<Edit> { editor.put(handler, path, value).into_iter().collect() };
    let undelete = |headers: &[&str]| -> Vec<Edit> {
        let Some(list) = handler.at(&["headers", "request", "delete"]) else { return Vec::new() };
        let unwanted = |node: &Node| {
            node.text().is_some_and(|text| headers.iter().any(|header| header.eq_ignore_ascii_case(text)))
        };
        let kept: Vec<&str> =
            list.items().iter().filter(|node| !unwanted(node)).filter_map(Node::text).collect();
        if kept.len() == list.items().len() {
            return Vec::new();
        }
        let text: Vec<String> = kept.iter().map(|name| format!("\"{name}\"")).collect();
        vec![At::new(0, list.range.clone()).replace(format!("[{}]", text.join(", ")))]
    };
    match wish {
        Wish::PassUpgrade => {
            let mut edits = undelete(&["upgrade", "connection"]);
            if let Some((versions, at)) = &proxy.versions
                && (versions.iter().any(|version| version == "h2c")
                    || !versions.iter().any(|version| version == "1.1"))
            {
                edits.push(at.replace("[\"1.1\"]"));
            }
            edits
        }
        Wish::UpstreamHttp11 => proxy.versions.iter().map(|(_, at)| at.replace("[\"1.1\"]")).collect(),
        Wish::LeaveHeader(header) => undelete(&[header]),
        Wish::IdleAtLeast(ms) => put(&["transport", "read_timeout"], &format!("\"{}\"", short(*ms))),
        Wish::LifetimeAtLeast(ms) => put(&["stream_timeout"], &format!("\"{}\"", short(*ms))),
        Wish::DrainAtLeast(ms) if version::has(&config.version, "caddy-stream-close-delay") => {
            put(&["stream_close_delay"], &format!("\"{}\"", short(*ms)))
        }
        Wish::Sticky => {
            if handler.at(&["load_balancing", "selection_policy"]).is_some() {
                put(&["load_balancing", "selection_policy"], "{\"policy\": \"cookie\"}")
            } else {
                put(&["load_balancing", "selection_policy", "policy"], "\"cookie\"")
            }
        }
        Wish::PassHost => handler
            .at(&["headers", "request", "set"])
            .and_then(|set| editor.remove(set, "Host"))
            .into_iter()
            .collect(),
        Wish::MatchScheme if proxy.upstreams.iter().all(|(name, _)| tls_port(parts(name).2)) => {
            if handler.get("transport").is_some() {
                put(&["transport", "tls"], "{}")
            } else {
                put(&["transport"], "{\"protocol\": \"http\", \"tls\": {}}")
            }
        }
        _ => Vec::new(),
    }
}
