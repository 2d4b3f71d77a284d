//! What a route of nginx is told, in neutral words.

use super::headers::{self, Headers, given};
use super::matching::{self, Pattern};
use super::model::{At, Kind, Model};
use super::{Nginx, Way};
use crate::version;
use crate::{Request, beliefs};
use evidence::{Belief, Given, HostSent, Passing, RouteSeen, Setting, Spot, Told};
use std::ops::Range;

/// Source ports that Linux gives out towards one address (`net.ipv4.ip_local_port_range`, 32768 to 60999).
const PORTS: u64 = 28_232;
/// `worker_connections` where nobody sets it (nginx docs, core module).
const WORKER_CONNECTIONS: u64 = 512;
/// `proxy_read_timeout` where nobody sets it (nginx docs, proxy module).
const READ_TIMEOUT_MS: u64 = 60_000;

/// The first thing that is told about a route: which it is. Cheap, because it is asked of every route.
pub(super) fn identity(nginx: &Nginx, number: usize) -> Told {
    let way = &nginx.routes[number];
    let seen = RouteSeen {
        product: "nginx".to_owned(),
        version: nginx.version.to_string(),
        version_by: nginx.version_by,
        name: nginx.name(way),
        upstream: upstream(nginx, way),
        believed: believed(nginx, way),
    };
    told(nginx, Setting::Route(seen), Given::Here, None, way_head(nginx, way))
}

/// A place: document and bytes.
type Place = (usize, Range<usize>);

fn way_head(nginx: &Nginx, way: &Way) -> Place {
    match nginx.model.levels[way.level].at {
        Some(at) => (at.document(), nginx.model.head(at)),
        None => pass(nginx, way),
    }
}

fn pass(nginx: &Nginx, way: &Way) -> Place {
    (way.pass.document(), nginx.model.range(way.pass))
}

fn place(nginx: &Nginx, at: At) -> Place {
    (at.document(), nginx.model.range(at))
}

fn told(nginx: &Nginx, what: Setting, by: Given, because: Option<&str>, place: Place) -> Told {
    let spot: Spot = nginx.model.documents[place.0].spot(place.1);
    Told { what, by, because: because.map(str::to_owned), spot }
}

/// Where the requests of a route go: the `proxy_pass` as written, with the servers of its upstream.
fn upstream(nginx: &Nginx, way: &Way) -> Option<String> {
    let written = nginx.model.word(way.pass, 0)?.into_owned();
    let Some(level) = upstream_level(nginx, &written) else { return Some(written) };
    let first = nginx.model.own(level, "server").find_map(|at| nginx.model.word(at, 0));
    Some(first.map_or(written.clone(), |server| format!("{written} ({server})")))
}

fn upstream_level(nginx: &Nginx, written: &str) -> Option<usize> {
    nginx
        .model
        .upstreams
        .get(&authority(written)?.to_lowercase())
        .or_else(|| nginx.model.upstreams.get(authority(written)?))
        .copied()
}

/// Host and port of a `proxy_pass`.
fn authority(written: &str) -> Option<&str> {
    written.split_once("://")?.1.split(['/', '?']).next()
}

/// Why a route is believed to carry WebSockets.
pub(super) fn believed(nginx: &Nginx, way: &Way) -> Option<Belief> {
    let model = &nginx.model;
    if !nginx.said.is_empty() {
        let name = nginx.name(way);
        let pattern = way.pattern(model);
        let example = pattern.as_ref().and_then(Pattern::example);
        let said = |wanted: &String| {
            example.as_deref() == Some(wanted.as_str())
                || name.split(' ').any(|word| word == wanted)
                || name == *wanted
        };
        if nginx.said.iter().any(said) {
            return Some(Belief::Said);
        }
    }
    mentions(model, way)
        .or_else(|| comment(model, way))
        .or_else(|| match way.pattern(model)? {
            Pattern::Exact(path)
            | Pattern::Prefix(path, _)
            | Pattern::Regex(path, _)
            | Pattern::Named(path) => beliefs::path(&path),
        })
        .or_else(|| beliefs::upstream(&model.word(way.pass, 0)?))
        .or_else(|| whole_server(nginx, way))
}

/// The route itself speaks of upgrades: in its headers, or in the `if` around it.
fn mentions(model: &Model, way: &Way) -> Option<Belief> {
    let condition = model.levels[way.level].at.filter(|_| way.level != way.location).and_then(|at| {
        let speaks =
            model.words(at).iter().any(|word| model.value(at.document(), *word).contains("http_upgrade"));
        speaks.then(|| model.called(way.level))
    });
    let header = || {
        model.own(way.location, "proxy_set_header").find_map(|at| {
            let name = model.word(at, 0)?;
            let value = || model.word(at, 1).unwrap_or_default();
            let speaks = if name.eq_ignore_ascii_case("Upgrade") {
                !value().is_empty()
            } else if name.eq_ignore_ascii_case("Connection") {
                value().to_ascii_lowercase().contains("upgrade")
            } else {
                name.get(..13).is_some_and(|start| start.eq_ignore_ascii_case("sec-websocket"))
            };
            let value = value();
            speaks.then(|| format!("proxy_set_header {name} {value}"))
        })
    };
    condition.or_else(header).map(Belief::Mentions)
}

/// A comment directly above the location, or inside it, speaks of WebSockets.
fn comment(model: &Model, way: &Way) -> Option<Belief> {
    const LINES: usize = 4;
    let at = model.levels[way.location].at?;
    let text = model.text(at.document());
    let range = model.range(at);
    // Up to the line that the location begins on. Nobody counts lines here: this is asked of every route.
    let mut above = memchr::memrchr(b'\n', &text[..range.start]).map(|end| &text[..end]);
    for _ in 0..LINES {
        let Some(lines) = above else { break };
        let (rest, line) = match memchr::memrchr(b'\n', lines) {
            Some(end) => (Some(&lines[..end]), &lines[end + 1..]),
            None => (None, lines),
        };
        let line = String::from_utf8_lossy(line);
        let line = line.trim();
        if !line.starts_with('#') {
            break;
        }
        if let Some(belief) = beliefs::comment(line) {
            return Some(belief);
        }
        above = rest;
    }
    // Comments of the first lines inside; a location of hundreds of lines is about other things as well.
    let inside = &text[range.start..range.end.min(range.start + 4_096)];
    memchr::memchr_iter(b'#', inside).find_map(|at| {
        let rest = &inside[at + 1..];
        let end = memchr::memchr(b'\n', rest).unwrap_or(rest.len());
        beliefs::comment(&String::from_utf8_lossy(&rest[..end]))
    })
}

/// The levels around set the upgrade headers, and no route of this server has them: then they were meant for one.
fn whole_server(nginx: &Nginx, way: &Way) -> Option<Belief> {
    let model = &nginx.model;
    let server = way.server?;
    // Only where the server itself says so: at the level of `http` it is a habit, and says nothing of this one.
    model.own(server, "proxy_set_header").next()?;
    let line = Headers::on(model, server).line(model, "Upgrade")?;
    let passes = |other: &Way| {
        let headers = Headers::on(model, other.level);
        headers.line(model, "Upgrade").is_some()
    };
    let somebody = nginx.ways_inside(server).iter().any(passes);
    (!somebody)
        .then(|| Belief::Mentions(model.documents[line.document()].str(model.range(line)).into_owned()))
}

/// Everything that is told about a route.
pub(super) fn route(nginx: &Nginx, number: usize, request: Option<&Request>) -> Vec<Told> {
    let way = &nginx.routes[number];
    let model = &nginx.model;
    let mut all = vec![identity(nginx, number)];
    let headers = Headers::on(model, way.level);
    let upgrade = headers::upgrade(model, way.level, &headers);
    let by = given(model, way.level, upgrade.line.and(headers.level));
    let at = upgrade.line.map_or_else(|| pass(nginx, way), |line| place(nginx, line));
    let passing = upgrade.passing;
    all.push(told(nginx, Setting::Upgrade(passing), by.clone(), upgrade.because, at.clone()));
    if upgrade.any_protocol && passing != Passing::Dropped {
        all.push(told(nginx, Setting::AnyProtocol, by, Some("nginx-upgrade-passthrough-unsafe"), at));
    }
    if let Some(undefined) = upgrade.undefined {
        let says = format!("unknown \"{}\" variable", undefined.variable);
        let at = place(nginx, undefined.at);
        all.push(told(nginx, Setting::Refused { says }, Given::Here, Some("nginx-map-missing"), at));
    }
    all.push(upstream_http(nginx, way));
    all.push(idle(nginx, way));
    all.push(host(nginx, way, &headers));
    all.extend(scheme_hidden(nginx, way, &headers));
    all.extend(cleared(nginx, way, &headers));
    all.extend(paths(nginx, way, request));
    all.extend(scheme(nginx, way));
    all.extend(shadow(nginx, way, request));
    if passing != Passing::Dropped && passing != Passing::ConnectionLost {
        all.extend(auth(nginx, way));
    }
    all.extend(servers(nginx, way, request));
    all.extend(client_limit(nginx, way));
    all.extend(origin(nginx, way));
    all
}

fn upstream_http(nginx: &Nginx, way: &Way) -> Told {
    match nginx.model.nearest(way.level, "proxy_http_version") {
        Some((at, level)) => {
            let version = nginx.model.word(at, 0).unwrap_or_default().into_owned();
            let because = (version == "1.0").then_some("nginx-http-version-10");
            let by = given(&nginx.model, way.level, Some(level));
            told(nginx, Setting::UpstreamHttp(version), by, because, place(nginx, at))
        }
        None => {
            let new = version::has(&nginx.version, "nginx-upstream-http11");
            let (version, because) = if new { ("1.1", None) } else { ("1.0", Some("nginx-http-version-10")) };
            told(nginx, Setting::UpstreamHttp(version.to_owned()), Given::Default, because, pass(nginx, way))
        }
    }
}

fn idle(nginx: &Nginx, way: &Way) -> Told {
    let timer = "proxy_read_timeout".to_owned();
    let because = Some("idle-nginx-read-timeout");
    match nginx.model.nearest(way.level, "proxy_read_timeout") {
        Some((at, level)) => {
            let ms = nginx.model.word(at, 0).and_then(|word| milliseconds(&word));
            // What is no time is refused by nginx; then the default is as good a guess as any.
            let what = Setting::Idle { ms: Some(ms.unwrap_or(READ_TIMEOUT_MS)), timer };
            told(nginx, what, given(&nginx.model, way.level, Some(level)), because, place(nginx, at))
        }
        None => {
            let what = Setting::Idle { ms: Some(READ_TIMEOUT_MS), timer };
            told(nginx, what, Given::Default, because, pass(nginx, way))
        }
    }
}

/// A time as nginx writes it: `60`, `1h 30m`, `500ms` (<https://nginx.org/en/docs/syntax.html>).
pub(crate) fn milliseconds(text: &str) -> Option<u64> {
    let mut total: u64 = 0;
    let mut digits = String::new();
    let mut rest = text.trim().chars().peekable();
    rest.peek()?;
    while let Some(c) = rest.next() {
        if c.is_ascii_digit() {
            digits.push(c);
            continue;
        }
        if c == ' ' {
            continue;
        }
        let unit = match c {
            'm' if rest.peek() == Some(&'s') => {
                rest.next();
                1
            }
            's' => 1_000,
            'm' => 60_000,
            'h' => 3_600_000,
            'd' => 86_400_000,
            'w' => 604_800_000,
            'M' => 2_592_000_000,
            'y' => 31_536_000_000,
            _ => return None,
        };
        total = total.checked_add(digits.parse::<u64>().ok()?.checked_mul(unit)?)?;
        digits.clear();
    }
    if digits.is_empty() {
        Some(total)
    } else {
        total.checked_add(digits.parse::<u64>().ok()?.checked_mul(1_000)?)
    }
}

fn host(nginx: &Nginx, way: &Way, headers: &Headers) -> Told {
    let model = &nginx.model;
    let Some(line) = headers.line(model, "Host") else {
        let upstream = model.word(way.pass, 0).unwrap_or_default();
        let what = Setting::Host(HostSent::Upstream(authority(&upstream).unwrap_or_default().to_owned()));
        return told(nginx, what, Given::Default, Some("nginx-host-not-forwarded"), pass(nginx, way));
    };
    let value = model.word(line, 1).unwrap_or_default().into_owned();
    let odd_port = || {
        let server = nginx.server(way)?;
        server.listens.iter().find(|listen| !matches!(listen.port, 80 | 443)).map(|_| ())
    };
    let (sent, because) = match value.as_str() {
        "$http_host" | "$host:$server_port" | "${host}:${server_port}" | "$http_x_forwarded_host" => {
            (HostSent::Client, None)
        }
        "$host" if odd_port().is_some() => (HostSent::WithoutPort, Some("nginx-host-without-port")),
        "$host" => (HostSent::Client, None),
        "$proxy_host" => {
            let upstream = model.word(way.pass, 0).unwrap_or_default();
            let upstream = authority(&upstream).unwrap_or_default().to_owned();
            (HostSent::Upstream(upstream), Some("nginx-host-not-forwarded"))
        }
        other if other.contains('$') => (HostSent::Client, None),
        _ => (HostSent::Fixed(value.clone()), None),
    };
    told(nginx, Setting::Host(sent), given(model, way.level, headers.level), because, place(nginx, line))
}

fn scheme_hidden(nginx: &Nginx, way: &Way, headers: &Headers) -> Option<Told> {
    let tls = nginx.server(way).is_some_and(|server| server.tls());
    let says = [
        "X-Forwarded-Proto",
        "X-Forwarded-Scheme",
        "X-Scheme",
        "Forwarded",
        "X-Forwarded-Ssl",
        "X-Url-Scheme",
    ];
    let said = says.iter().any(|name| headers.line(&nginx.model, name).is_some());
    (tls && !said).then(|| {
        told(
            nginx,
            Setting::SchemeHidden,
            Given::Default,
            Some("nginx-forwarded-proto-missing"),
            pass(nginx, way),
        )
    })
}

/// Headers of the handshake that are taken away, from the request or from the answer.
fn cleared(nginx: &Nginx, way: &Way, headers: &Headers) -> Vec<Told> {
    let model = &nginx.model;
    let mut all = Vec::new();
    let because = Some("nginx-hides-subprotocol-or-ext");
    for line in &headers.lines {
        let (Some(name), Some(value)) = (model.word(*line, 0), model.word(*line, 1)) else { continue };
        if value.is_empty() && name.to_ascii_lowercase().starts_with("sec-websocket-") {
            let by = given(model, way.level, headers.level);
            all.push(told(nginx, Setting::Cleared(name.into_owned()), by, because, place(nginx, *line)));
        }
    }
    let (hidden, level) = model.all_or_nothing(way.level, "proxy_hide_header");
    for line in hidden {
        let Some(name) = model.word(line, 0) else { continue };
        let lower = name.to_ascii_lowercase();
        if lower.starts_with("sec-websocket-") || matches!(lower.as_str(), "upgrade" | "connection") {
            all.push(told(
                nginx,
                Setting::Cleared(name.into_owned()),
                given(model, way.level, level),
                because,
                place(nginx, line),
            ));
        }
    }
    if let Some((at, level)) = model.nearest(way.level, "proxy_pass_request_headers")
        && model.word(at, 0).as_deref() == Some("off")
    {
        let by = given(model, way.level, Some(level));
        all.push(told(nginx, Setting::Cleared("Sec-WebSocket-Key".to_owned()), by, None, place(nginx, at)));
    }
    all
}

/// What becomes of the path on its way to the application.
fn paths(nginx: &Nginx, way: &Way, request: Option<&Request>) -> Vec<Told> {
    let mut all = Vec::new();
    let written = nginx.model.word(way.pass, 0).unwrap_or_default().into_owned();
    let uri = uri_part(&written);
    let pattern = way.pattern(&nginx.model);
    match (&pattern, uri) {
        (Some(Pattern::Regex(..) | Pattern::Named(_)), Some(_)) if !written.contains('$') => {
            let says = "\"proxy_pass\" cannot have URI part in location given by regular expression, or inside named location, or inside \"if\" statement, or inside \"limit_except\" block".to_owned();
            all.push(told(
                nginx,
                Setting::Refused { says },
                Given::Here,
                Some("nginx-regex-uri-part"),
                pass(nginx, way),
            ));
        }
        (Some(Pattern::Exact(prefix) | Pattern::Prefix(prefix, _)), Some(uri)) if !written.contains('$') => {
            let path = match request {
                // With a path of its own, what goes out is what nginx made of the client's.
                Some(request) => matching::normal(&request.path).replace(' ', "%20"),
                None if prefix.ends_with('/') && matches!(pattern, Some(Pattern::Prefix(..))) => {
                    format!("{prefix}chat")
                }
                None => prefix.to_string(),
            };
            if let Some(rest) = path.strip_prefix(&**prefix) {
                let sent = format!("{uri}{rest}");
                if sent != path {
                    let what = Setting::UpstreamPath { request: path, upstream: sent };
                    all.push(told(
                        nginx,
                        what,
                        Given::Here,
                        Some("nginx-proxy-pass-slash"),
                        pass(nginx, way),
                    ));
                }
            }
        }
        _ => {}
    }
    if let Some(Pattern::Prefix(prefix, _)) = &pattern
        && let Some(short) = prefix.strip_suffix('/').filter(|short| !short.is_empty())
        && way.level == way.location
        && !served(nginx, way, short)
    {
        let what = Setting::SlashRedirect { from: short.to_owned(), to: prefix.to_string() };
        all.push(told(nginx, what, Given::Here, Some("nginx-auto-slash-301"), way_head(nginx, way)));
    }
    all
}

/// Whether another location of the same server takes this path.
fn served(nginx: &Nginx, way: &Way, path: &str) -> bool {
    let Some(server) = nginx.model.enclosing(way.level, Kind::Server) else { return false };
    let found = matching::location(&nginx.model, server, path);
    found.is_some_and(|found| {
        let pattern = nginx.model.levels[found].at.and_then(|at| Pattern::of(&nginx.model, at));
        matches!(&pattern, Some(Pattern::Exact(_) | Pattern::Regex(..)))
            || matches!(&pattern, Some(Pattern::Prefix(text, _)) if text == path)
    })
}

/// The path in a `proxy_pass`, if it has one.
fn uri_part(written: &str) -> Option<&str> {
    let rest = written.split_once("://")?.1;
    let rest = match rest.strip_prefix("unix:") {
        // `http://unix:/run/app.sock:/path`
        Some(socket) => return socket.split_once(':').map(|(_, uri)| uri),
        None => rest,
    };
    rest.find('/').map(|at| &rest[at..])
}

fn scheme(nginx: &Nginx, way: &Way) -> Option<Told> {
    let written = nginx.model.word(way.pass, 0)?.into_owned();
    let lower = written.to_ascii_lowercase();
    if lower.starts_with("ws://") || lower.starts_with("wss://") {
        let says = "invalid URL prefix".to_owned();
        return Some(told(
            nginx,
            Setting::Refused { says },
            Given::Here,
            Some("nginx-proxy-pass-ws-scheme"),
            pass(nginx, way),
        ));
    }
    let authority = match upstream_level(nginx, &written) {
        Some(level) => nginx.model.own(level, "server").find_map(|at| nginx.model.word(at, 0))?.into_owned(),
        None => authority(&written)?.to_owned(),
    };
    let port = authority.rsplit_once(':').map(|(_, port)| port);
    let wrong = matches!(
        (lower.starts_with("https://"), port),
        (false, Some("443" | "8443")) | (true, Some("80" | "8080"))
    );
    wrong.then(|| {
        told(
            nginx,
            Setting::SchemeMismatch {
                upstream: format!("{}://{authority}", written.split("://").next().unwrap_or_default()),
            },
            Given::Here,
            None,
            pass(nginx, way),
        )
    })
}

/// Another location, or another server, takes the requests of this route.
fn shadow(nginx: &Nginx, way: &Way, request: Option<&Request>) -> Option<Told> {
    let model = &nginx.model;
    if let Some(mine) = nginx.server(way) {
        let names = mine.names.iter().filter(|name| *name != "_");
        let earlier = names.flat_map(|name| nginx.namesakes(name, mine.level)).find(|other| {
            other.listens.iter().any(|listen| {
                mine.listens.iter().any(|own| own.port == listen.port && own.address == listen.address)
            })
        });
        if let Some(earlier) = earlier
            && let (Some(at), Some(own)) = (model.levels[earlier.level].at, model.levels[mine.level].at)
        {
            let spot = model.documents[at.document()].spot(model.head(at));
            let path =
                way.pattern(model).as_ref().and_then(Pattern::example).unwrap_or_else(|| "/".to_owned());
            let what = Setting::Shadowed { by: format!("server ({}:{})", spot.file, spot.line), path };
            let name = model.own(mine.level, "server_name").next().unwrap_or(own);
            return Some(told(
                nginx,
                what,
                Given::Here,
                Some("nginx-server-name-shadow"),
                place(nginx, name),
            ));
        }
    }
    let (Pattern::Exact(text) | Pattern::Prefix(text, _)) = way.pattern(model)? else { return None };
    let server = model.enclosing(way.level, Kind::Server)?;
    let path = match request {
        Some(request) if request.path.starts_with(&*text) => request.path.clone(),
        _ if text.ends_with('/') => format!("{text}chat"),
        _ => text.to_string(),
    };
    let taken = matching::location(model, server, &path)?;
    let inside = model.around(taken).any(|level| level == way.location);
    if taken == way.location || inside {
        return None;
    }
    let what = Setting::Shadowed { by: model.called(taken), path };
    Some(told(nginx, what, Given::Here, Some("nginx-wrong-location"), way_head(nginx, way)))
}

/// The subrequest that decides whether a client may in takes the upgrade headers along.
fn auth(nginx: &Nginx, way: &Way) -> Option<Told> {
    let model = &nginx.model;
    let (at, level) = model.nearest(way.level, "auth_request")?;
    let uri = model.word(at, 0).filter(|uri| uri != "off")?.into_owned();
    let server = model.enclosing(way.level, Kind::Server)?;
    let location = matching::location(model, server, uri.split('?').next().unwrap_or_default())?;
    model.own(location, "proxy_pass").next()?;
    let headers = Headers::on(model, location);
    let upgrade = headers::upgrade(model, location, &headers);
    let leaks = !matches!(upgrade.passing, Passing::Dropped | Passing::ConnectionLost);
    leaks.then(|| {
        let line = upgrade.line.unwrap_or(at);
        let by = given(model, location, headers.level.or(Some(level)));
        told(nginx, Setting::AuthUpgrade, by, Some("nginx-auth-request-upgrade"), place(nginx, line))
    })
}

/// The location that an `auth_request` asks.
pub(super) fn auth_location(nginx: &Nginx, way: &Way) -> Option<usize> {
    let model = &nginx.model;
    let (at, _) = model.nearest(way.level, "auth_request")?;
    let uri = model.word(at, 0)?.into_owned();
    let server = model.enclosing(way.level, Kind::Server)?;
    matching::location(model, server, uri.split('?').next().unwrap_or_default())
}

/// Several servers behind a path whose protocol begins with polling.
fn servers(nginx: &Nginx, way: &Way, request: Option<&Request>) -> Option<Told> {
    let model = &nginx.model;
    let path = request.map(|request| request.path.clone()).or_else(|| match way.pattern(model)? {
        Pattern::Exact(text) | Pattern::Prefix(text, _) | Pattern::Regex(text, _) => Some(text.into_owned()),
        Pattern::Named(_) => None,
    })?;
    if !beliefs::polls(&path) {
        return None;
    }
    let level = upstream_level(nginx, &model.word(way.pass, 0)?)?;
    let servers: Vec<At> = model
        .own(level, "server")
        .filter(|at| {
            !model
                .words(*at)
                .iter()
                .any(|word| matches!(&*model.value(at.document(), *word), "backup" | "down"))
        })
        .collect();
    let sticky = ["ip_hash", "hash", "sticky", "sticky_route"]
        .iter()
        .any(|name| model.own(level, name).next().is_some());
    let at = model.levels[level].at?;
    let what = Setting::Servers { count: u32::try_from(servers.len()).unwrap_or(u32::MAX), sticky };
    Some(told(nginx, what, Given::Here, None, (at.document(), model.head(at))))
}

/// The upstream block of a route.
pub(super) fn upstream_block(nginx: &Nginx, way: &Way) -> Option<usize> {
    upstream_level(nginx, &nginx.model.word(way.pass, 0)?)
}

fn client_limit(nginx: &Nginx, way: &Way) -> Option<Told> {
    let (lines, level) = nginx.model.all_or_nothing(way.level, "limit_conn");
    lines.into_iter().find_map(|at| {
        let connections = nginx.model.word(at, 1)?.parse().ok()?;
        let zone = nginx.model.word(at, 0)?.into_owned();
        let what = Setting::ClientLimit { connections, limit: format!("limit_conn {zone}") };
        Some(told(nginx, what, given(&nginx.model, way.level, level), None, place(nginx, at)))
    })
}

/// Cookies decide, and nobody looks at where the page came from (cross-site WebSocket hijacking).
fn origin(nginx: &Nginx, way: &Way) -> Option<Told> {
    let model = &nginx.model;
    let (at, level) = model.nearest(way.level, "auth_request")?;
    if model.word(at, 0).as_deref() == Some("off") {
        return None;
    }
    let server = model.enclosing(way.level, Kind::Server)?;
    let looks = |document: &crate::Document| {
        // Anywhere in the files of this server is enough: a map, an `if`, a header for the subrequest.
        document.text.windows(11).any(|window| window.eq_ignore_ascii_case(b"http_origin"))
    };
    let document = model.levels[server].at.map_or(way.pass.document(), |at| at.document());
    let looked = looks(&model.documents[document]) || looks(&model.documents[way.pass.document()]);
    (!looked).then(|| {
        told(nginx, Setting::OriginUnchecked, given(model, way.level, Some(level)), None, place(nginx, at))
    })
}

/// What concerns every route: what nginx refuses or we cannot read, and the limits of the whole.
pub(super) fn everywhere(nginx: &Nginx) -> Vec<Told> {
    let model = &nginx.model;
    let mut all = Vec::new();
    for trouble in &model.troubles {
        let what = if trouble.unreadable {
            Setting::Unreadable { why: trouble.says.clone() }
        } else {
            Setting::Refused { says: trouble.says.clone() }
        };
        all.push(told(nginx, what, Given::Here, trouble.because, (trouble.document, trouble.range.clone())));
    }
    let main = model.levels.iter().position(|level| level.kind == Kind::Main && level.at.is_none());
    let Some(main) = main else { return all };
    let first = |level: usize, name: &str| model.own(level, name).last();
    if let Some(at) = first(main, "worker_shutdown_timeout") {
        let ms = model.word(at, 0).and_then(|word| milliseconds(&word));
        let what = Setting::Drain { ms, timer: "worker_shutdown_timeout".to_owned() };
        if ms.is_some() {
            all.push(told(nginx, what, Given::Here, Some("close-proxy-reload"), place(nginx, at)));
        }
    }
    let Some(events) = model.levels.iter().position(|level| level.kind == Kind::Events) else { return all };
    let connections_at = first(events, "worker_connections");
    let number = |at: Option<At>| at.and_then(|at| model.word(at, 0)?.parse::<u64>().ok());
    let connections = number(connections_at).unwrap_or(WORKER_CONNECTIONS);
    let files_at = first(main, "worker_rlimit_nofile");
    let files = number(files_at);
    let workers = number(first(main, "worker_processes")).unwrap_or(1).max(1);
    let (each, limit, at) = match files {
        Some(files) if files < connections => (files, "worker_rlimit_nofile", files_at),
        _ => (connections, "worker_connections", connections_at),
    };
    let at = at.or(model.levels[events].at);
    if let Some(at) = at {
        // Two connections for each socket: one to the client, one to the application.
        let what =
            Setting::SocketLimit { sockets: each.saturating_mul(workers) / 2, limit: limit.to_owned() };
        let by = if connections_at.is_some() || files.is_some() { Given::Here } else { Given::Default };
        let range = if by == Given::Default { model.head(at) } else { model.range(at) };
        all.push(told(nginx, what, by, None, (at.document(), range)));
    }
    if each.saturating_mul(workers) / 2 > PORTS {
        for way in &nginx.routes {
            let Some(written) = model.word(way.pass, 0) else { continue };
            let one = match upstream_level(nginx, &written) {
                Some(level) => model.own(level, "server").count() == 1,
                None => true,
            };
            if one
                && !written.contains("unix:")
                && model.nearest(way.level, "proxy_bind").is_none()
                && believed(nginx, way).is_some()
            {
                let what = Setting::PortLimit { sockets: PORTS, upstream: written.into_owned() };
                all.push(told(nginx, what, Given::Here, None, pass(nginx, way)));
                break;
            }
        }
    }
    all
}

#[cfg(test)]
mod tests {
    use super::milliseconds;

    #[test]
    fn times() {
        for (text, expected) in [
            ("60", Some(60_000)),
            ("60s", Some(60_000)),
            ("1h30m", Some(5_400_000)),
            ("1h 30m", Some(5_400_000)),
            ("500ms", Some(500)),
            ("1d", Some(86_400_000)),
            ("0", Some(0)),
            ("", None),
            ("x", None),
            ("99999999999999999999", None),
        ] {
            assert_eq!(milliseconds(text), expected, "{text}");
        }
    }
}
