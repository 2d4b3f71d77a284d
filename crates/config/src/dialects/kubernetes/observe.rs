//! What a handshake and a long connection meet on each path.

use crate::dialects::common::{
    At, ROUTES, Signs, Teller, because, comments, example, go_duration, pattern, told, too_many, under,
};
use crate::yaml::{Entry, Node, Style};
use crate::{Document, Options, Request, Route, Version};
use evidence::{Given, HostSent, Passing, Setting, Told, VersionBy};

pub(crate) const INGRESS_NGINX: &str = "nginx.ingress.kubernetes.io/";
pub(crate) const F5: &str = "nginx.org/";
pub(crate) const ALB: &str = "alb.ingress.kubernetes.io/";

/// Who makes something of an Ingress.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Controller {
    IngressNginx,
    F5,
    Alb,
    Gce,
    Gateway,
    Unknown,
}

/// How a path matches.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Exact,
    Prefix,
    Pattern,
}

/// A path that leads to a service.
#[derive(Debug, Clone)]
pub(crate) struct Way {
    /// The object, and the rule or path in it: by numbers.
    pub object: usize,
    pub rule: usize,
    pub path_number: usize,
    pub controller: Controller,
    pub hosts: Vec<String>,
    pub tls: bool,
    pub path: String,
    pub kind: Kind,
    pub service: String,
    pub port: Option<u16>,
}

impl Way {
    fn takes(&self, path: &str) -> bool {
        match self.kind {
            Kind::Exact => path == self.path,
            Kind::Prefix => self.path == "/" || under(path, &self.path),
            Kind::Pattern => {
                pattern(&format!("^{}", self.path), true).is_some_and(|pattern| pattern.is_match(path))
            }
        }
    }

    pub(crate) fn example(&self) -> String {
        if self.kind == Kind::Pattern { example(&self.path) } else { self.path.clone() }
    }
}

fn host_fits(wanted: &str, host: &str) -> bool {
    wanted.eq_ignore_ascii_case(host)
        || wanted.strip_prefix("*.").is_some_and(|rest| {
            host.split_once('.').is_some_and(|(_, parent)| parent.eq_ignore_ascii_case(rest))
        })
}

pub(crate) fn choose(ways: &[Way], request: &Request) -> Option<usize> {
    ways.iter()
        .enumerate()
        .filter(|(_, way)| {
            way.hosts.is_empty() || way.hosts.iter().any(|host| host_fits(host, &request.host))
        })
        .filter(|(_, way)| way.takes(&request.path))
        .rev()
        .max_by_key(|(_, way)| {
            let exact = way.hosts.iter().any(|host| host.eq_ignore_ascii_case(&request.host));
            (exact, !way.hosts.is_empty(), way.kind == Kind::Exact, way.path.len())
        })
        .map(|(number, _)| number)
}

pub(crate) fn annotation<'a>(object: &'a Node, key: &str) -> Option<&'a Entry> {
    object.at(&["metadata", "annotations"])?.entry(key)
}

fn controller(object: &Node) -> Controller {
    let class = object
        .at(&["spec", "ingressClassName"])
        .and_then(Node::text)
        .or_else(|| annotation(object, "kubernetes.io/ingress.class").and_then(|entry| entry.value.text()))
        .unwrap_or_default()
        .to_ascii_lowercase();
    let annotations = object.at(&["metadata", "annotations"]).map(Node::entries).unwrap_or_default();
    let has = |prefix: &str| annotations.iter().any(|entry| entry.key.starts_with(prefix));
    if class.contains("alb") || class.is_empty() && has(ALB) {
        Controller::Alb
    } else if class.starts_with("gce")
        || class.is_empty() && (has("networking.gke.io/") || has("ingress.gcp.kubernetes.io/"))
    {
        Controller::Gce
    } else if class.contains("nginx") || class.is_empty() {
        // Both controllers call their class `nginx`; what is written for one is nothing to the other.
        match (has(INGRESS_NGINX), has(F5) || has("nginx.com/")) {
            (true, _) => Controller::IngressNginx,
            (false, true) => Controller::F5,
            (false, false) if class.contains("nginx") => Controller::IngressNginx,
            (false, false) => Controller::Unknown,
        }
    } else {
        Controller::Unknown
    }
}

pub(crate) fn observe(
    documents: &[Document],
    objects: &[Node],
    options: &Options,
    version: &Version,
    by: VersionBy,
) -> (Vec<Way>, Vec<Route>, Vec<Told>) {
    let teller = Teller { product: "Kubernetes", version, version_by: by, options };
    let mut ways = Vec::new();
    let mut routes = Vec::new();
    for (number, object) in objects.iter().enumerate() {
        match object.text_of("kind").unwrap_or_default() {
            "Ingress" => ingress(number, object, &mut ways),
            "HTTPRoute" => http_route(number, object, &mut ways),
            _ => {}
        }
    }
    let mut general = Vec::new();
    if let Some(way) = ways.get(ROUTES) {
        general.push(too_many(documents, &At::new(0, objects[way.object].range.clone())));
        ways.truncate(ROUTES);
    }
    for way in &ways {
        let scene = Scene { documents, objects, object: &objects[way.object], way, teller: &teller };
        routes.push(scene.route());
    }
    (ways, routes, general)
}

fn ingress(number: usize, object: &Node, ways: &mut Vec<Way>) {
    let controller = controller(object);
    let tls = object.at(&["spec", "tls"]).is_some();
    let regular = annotation(object, "nginx.ingress.kubernetes.io/use-regex")
        .is_some_and(|entry| entry.value.is_true())
        || annotation(object, "nginx.ingress.kubernetes.io/rewrite-target").is_some();
    let rules = object.at(&["spec", "rules"]).map(Node::items).unwrap_or_default();
    for (rule_number, rule) in rules.iter().enumerate() {
        let hosts: Vec<String> = rule.text_of("host").map(str::to_ascii_lowercase).into_iter().collect();
        let paths = rule.at(&["http", "paths"]).map(Node::items).unwrap_or_default();
        for (path_number, node) in paths.iter().enumerate() {
            let path = node.text_of("path").unwrap_or("/").to_owned();
            let special = path.contains(['(', '[', '*', '\\', '$', '|']);
            let kind = match node.text_of("pathType") {
                Some("Exact") => Kind::Exact,
                _ if special && (regular && controller == Controller::IngressNginx) => Kind::Pattern,
                _ => Kind::Prefix,
            };
            // AWS and GKE write `/*` for everything below.
            let path = if kind == Kind::Prefix {
                let short = path.trim_end_matches('*');
                if short.len() > 1 { short.trim_end_matches('/').to_owned() } else { "/".to_owned() }
            } else {
                path
            };
            let service =
                node.at(&["backend", "service", "name"]).or_else(|| node.at(&["backend", "serviceName"]));
            let port = node
                .at(&["backend", "service", "port", "number"])
                .or_else(|| node.at(&["backend", "servicePort"]))
                .and_then(Node::text)
                .and_then(|text| text.parse().ok());
            ways.push(Way {
                object: number,
                rule: rule_number,
                path_number,
                controller,
                hosts: hosts.clone(),
                tls,
                path,
                kind,
                service: service.and_then(Node::text).unwrap_or_default().to_owned(),
                port,
            });
        }
    }
}

fn http_route(number: usize, object: &Node, ways: &mut Vec<Way>) {
    let hosts: Vec<String> = object
        .at(&["spec", "hostnames"])
        .map(Node::items)
        .unwrap_or_default()
        .iter()
        .filter_map(Node::text)
        .map(str::to_ascii_lowercase)
        .collect();
    let rules = object.at(&["spec", "rules"]).map(Node::items).unwrap_or_default();
    for (rule_number, rule) in rules.iter().enumerate() {
        let backend = rule.get("backendRefs").and_then(|list| list.items().first());
        let matches = rule.get("matches").map(Node::items).unwrap_or_default();
        let count = matches.len().max(1);
        for path_number in 0..count {
            let path = matches.get(path_number).and_then(|node| node.get("path"));
            let kind = match path.and_then(|path| path.text_of("type")) {
                Some("Exact") => Kind::Exact,
                Some("RegularExpression") => Kind::Pattern,
                _ => Kind::Prefix,
            };
            ways.push(Way {
                object: number,
                rule: rule_number,
                path_number,
                controller: Controller::Gateway,
                hosts: hosts.clone(),
                tls: false,
                path: path.and_then(|path| path.text_of("value")).unwrap_or("/").to_owned(),
                kind,
                service: backend.and_then(|node| node.text_of("name")).unwrap_or_default().to_owned(),
                port: backend.and_then(|node| node.text_of("port")).and_then(|text| text.parse().ok()),
            });
        }
    }
}

/// An object of a kind by its name.
pub(crate) fn find<'a>(objects: &'a [Node], kind: &str, name: &str) -> Option<&'a Node> {
    objects.iter().find(|object| {
        object.text_of("kind") == Some(kind)
            && object.at(&["metadata", "name"]).and_then(Node::text) == Some(name)
    })
}

/// The controller's ConfigMap, if it is in the file.
pub(crate) fn config_map<'a>(objects: &'a [Node], key: &str) -> Option<&'a Entry> {
    objects
        .iter()
        .filter(|object| {
            object.text_of("kind") == Some("ConfigMap")
                && object
                    .at(&["metadata", "name"])
                    .and_then(Node::text)
                    .is_some_and(|name| name.contains("nginx"))
        })
        .find_map(|object| object.get("data")?.entry(key))
}

/// The BackendConfig of a service (GKE).
pub(crate) fn backend_config<'a>(objects: &'a [Node], service: &str) -> Option<&'a Node> {
    let service = find(objects, "Service", service)?;
    let text = ["cloud.google.com/backend-config", "beta.cloud.google.com/backend-config"]
        .iter()
        .find_map(|key| annotation(service, key)?.value.text())?;
    let name = text.split('"').rev().nth(1)?;
    find(objects, "BackendConfig", name)
}

/// The rule of a route.
pub(crate) fn rule<'a>(objects: &'a [Node], way: &Way) -> Option<&'a Node> {
    objects.get(way.object)?.at(&["spec", "rules"])?.items().get(way.rule)
}

struct Scene<'a> {
    documents: &'a [Document],
    objects: &'a [Node],
    object: &'a Node,
    way: &'a Way,
    teller: &'a Teller<'a>,
}

impl Scene<'_> {
    fn say(&self, range: &std::ops::Range<usize>, what: Setting, by: Given) -> Told {
        told(self.documents, &At::new(0, range.clone()), what, by)
    }

    fn place(&self) -> std::ops::Range<usize> {
        let Some(rule) = rule(self.objects, self.way) else { return self.object.range.clone() };
        let node = match self.way.controller {
            Controller::Gateway => {
                rule.get("matches").and_then(|list| list.items().get(self.way.path_number))
            }
            _ => rule.at(&["http", "paths"]).and_then(|list| list.items().get(self.way.path_number)),
        };
        node.map_or(rule.range.clone(), |node| node.entry("path").map_or(node.range.clone(), Entry::range))
    }

    fn route(&self) -> Route {
        let way = self.way;
        let kind = self.object.text_of("kind").unwrap_or_default();
        let own = self.object.at(&["metadata", "name"]).and_then(Node::text).unwrap_or("?");
        let host = way.hosts.first().map_or("", String::as_str);
        let name = format!("{kind} {own}: {host}{}", way.path);
        let place = self.place();
        let annotations = self.object.at(&["metadata", "annotations"]).map(Node::entries).unwrap_or_default();
        let mentions = annotations.iter().find_map(|entry| {
            let text = entry.value.text().unwrap_or_default().to_ascii_lowercase();
            let speaks = entry.key.ends_with("websocket-services")
                && text.split(',').any(|word| word.trim() == way.service)
                || entry.key.ends_with("-snippet") && text.contains("upgrade");
            speaks.then_some(entry.key.as_str())
        });
        let mut near = comments(&self.documents[0], place.start, '#');
        near.extend(comments(&self.documents[0], self.object.range.start, '#'));
        let signs = Signs {
            name: &name,
            mentions,
            comments: near,
            paths: vec![way.example()],
            upstreams: vec![
                way.service.clone(),
                own.to_owned(),
                host.split('.').next().unwrap_or_default().to_owned(),
            ],
        };
        let upstream = match way.port {
            Some(port) => format!("{}:{port}", way.service),
            None => way.service.clone(),
        };
        let route = self.teller.route(&name, Some(&upstream), self.teller.belief(&signs));
        let mut all = vec![self.say(&place, route, Given::Here)];
        self.refused(&mut all);
        match way.controller {
            Controller::IngressNginx => self.ingress_nginx(&place, &mut all),
            Controller::F5 => self.f5(&place, &mut all),
            Controller::Alb => self.alb(&place, &mut all),
            Controller::Gce => self.gce(&place, &mut all),
            Controller::Gateway => self.gateway(&place, &mut all),
            Controller::Unknown => {}
        }
        Route {
            name,
            hosts: way.hosts.clone(),
            ports: Vec::new(),
            tls: way.tls,
            path: way.example(),
            spot: self.documents[0].spot(place),
            told: all,
        }
    }

    fn annotation(&self, key: &str) -> Option<(&str, &Entry)> {
        let entry = annotation(self.object, key)?;
        Some((entry.value.text()?, entry))
    }

    /// Numbers and booleans without quotes: the API server does not take them for annotations.
    fn refused(&self, all: &mut Vec<Told>) {
        for entry in self.object.at(&["metadata", "annotations"]).map(Node::entries).unwrap_or_default() {
            if bare(&entry.value) {
                let kind =
                    if matches!(entry.value.text(), Some("true" | "false")) { "bool" } else { "number" };
                let says = format!(
                    "cannot unmarshal {kind} into Go struct field ObjectMeta.metadata.annotations of type string ({})",
                    entry.key
                );
                all.push(self.say(&entry.range(), Setting::Refused { says }, Given::Here));
            }
        }
    }

    fn idle(&self, range: &std::ops::Range<usize>, seconds: u64, timer: &str, by: Given, id: &str) -> Told {
        let idle = Setting::Idle { ms: Some(seconds.saturating_mul(1000)), timer: timer.to_owned() };
        because(self.say(range, idle, by), id)
    }

    fn ingress_nginx(&self, place: &std::ops::Range<usize>, all: &mut Vec<Told>) {
        let key = |name: &str| format!("{INGRESS_NGINX}{name}");
        let mut passing = (Passing::Passed, place.clone(), Given::Default, None);
        let mut host = (HostSent::Client, place.clone(), Given::Default);
        if let Some((text, entry)) = self.annotation(&key("configuration-snippet")) {
            for line in text.split([';', '\n']).map(str::trim) {
                let words: Vec<&str> = line.split_whitespace().collect();
                let ["proxy_set_header", name, value @ ..] = words.as_slice() else { continue };
                let value = value.join(" ").trim_matches(['"', '\'']).to_owned();
                let at = entry.range();
                if name.eq_ignore_ascii_case("upgrade") && value.is_empty() {
                    passing = (Passing::Dropped, at, Given::Here, None);
                } else if name.eq_ignore_ascii_case("connection")
                    && (value.is_empty() || value.eq_ignore_ascii_case("close"))
                {
                    let why = Some("nginx-connection-cleared");
                    passing = (passing.0.max(Passing::ConnectionLost), at, Given::Here, why);
                } else if name.eq_ignore_ascii_case("connection") && value.eq_ignore_ascii_case("upgrade") {
                    let why = Some("nginx-unconditional-upgrade");
                    passing = (passing.0.max(Passing::ConnectionAlways), at, Given::Here, why);
                } else if name.to_ascii_lowercase().starts_with("sec-websocket-") && value.is_empty() {
                    all.push(self.say(&at, Setting::Cleared((*name).to_owned()), Given::Here));
                }
            }
        }
        let mut upgrade = self.say(&passing.1, Setting::Upgrade(passing.0), passing.2);
        upgrade.because = passing.3.map(str::to_owned);
        all.push(upgrade);
        if let Some((text, entry)) = self.annotation(&key("proxy-http-version")) {
            all.push(self.say(&entry.range(), Setting::UpstreamHttp(text.to_owned()), Given::Here));
        }
        let protocol = self.annotation(&key("backend-protocol"));
        if let Some((text, entry)) = protocol
            && text.to_ascii_uppercase().starts_with("GRPC")
        {
            all.push(self.say(&entry.range(), Setting::UpstreamHttp("2".to_owned()), Given::Here));
        }
        let secure = protocol.is_some_and(|(text, _)| text.to_ascii_uppercase().ends_with("S"));
        if matches!(self.way.port, Some(443 | 8443)) && !secure {
            let upstream = format!("{}:{}", self.way.service, self.way.port.unwrap_or_default());
            all.push(self.say(place, Setting::SchemeMismatch { upstream }, Given::Here));
        }
        // Whole seconds in quotes; anything else is as if it were not there.
        let written = self.annotation(&key("proxy-read-timeout"));
        let above = config_map(self.objects, "proxy-read-timeout");
        let foreign = self.annotation(&format!("{F5}proxy-read-timeout"));
        let (range, seconds, by) = match (written, above) {
            (Some((text, entry)), _) if text.trim().parse::<u64>().is_ok() => {
                (entry.range(), text.trim().parse().unwrap_or(60), Given::Here)
            }
            (_, Some(entry)) if entry.value.text().is_some_and(|text| text.trim().parse::<u64>().is_ok()) => {
                let seconds = entry.value.text().and_then(|text| text.trim().parse().ok()).unwrap_or(60);
                (entry.range(), seconds, Given::Inherited("ConfigMap".to_owned()))
            }
            _ => {
                let ignored = written.or(foreign).map(|(_, entry)| entry.range());
                (ignored.unwrap_or(place.clone()), 60, Given::Default)
            }
        };
        all.push(self.idle(&range, seconds, "proxy-read-timeout", by, "idle-nginx-read-timeout"));
        if let Some((text, entry)) = self.annotation(&key("upstream-vhost")) {
            host = (HostSent::Fixed(text.to_owned()), entry.range(), Given::Here);
        }
        all.push(self.say(&host.1, Setting::Host(host.0), host.2));
        if let Some((target, entry)) = self.annotation(&key("rewrite-target")) {
            let request = self.way.example();
            let mut upstream = target.to_owned();
            if target.contains('$')
                && let Some(pattern) = pattern(&format!("^{}", self.way.path), true)
                && let Some(found) = pattern.captures(&request)
            {
                let mut text = String::new();
                let with: String = target
                    .split('$')
                    .enumerate()
                    .map(|(number, piece)| match piece.chars().next() {
                        Some(digit) if number > 0 && digit.is_ascii_digit() => {
                            format!("${{{digit}}}{}", &piece[1..])
                        }
                        _ => piece.to_owned(),
                    })
                    .collect();
                found.expand(&with, &mut text);
                upstream = text;
            }
            if upstream != request {
                all.push(self.say(&entry.range(), Setting::UpstreamPath { request, upstream }, Given::Here));
            }
        }
        if let Some((text, entry)) = self.annotation(&key("limit-connections"))
            && let Ok(connections) = text.parse()
        {
            let limit = "limit-connections".to_owned();
            all.push(self.say(&entry.range(), Setting::ClientLimit { connections, limit }, Given::Here));
        }
        let sticky = self.annotation(&key("affinity")).is_some_and(|(text, _)| text == "cookie")
            || self.annotation(&key("upstream-hash-by")).is_some();
        self.servers(place, sticky, Some("ingress-nginx-sticky-missing"), all);
        // 240 s where nobody says otherwise (ConfigMap, "worker-shutdown-timeout").
        let drain = config_map(self.objects, "worker-shutdown-timeout");
        let (range, ms, by) = match drain.and_then(|entry| Some((entry, seconds_of(entry.value.text()?)?))) {
            Some((entry, ms)) => (entry.range(), ms, Given::Inherited("ConfigMap".to_owned())),
            None => (place.clone(), 240_000, Given::Default),
        };
        let setting = Setting::Drain { ms: Some(ms), timer: "worker-shutdown-timeout".to_owned() };
        all.push(because(self.say(&range, setting, by), "ingress-nginx-reload-drop"));
    }

    fn f5(&self, place: &std::ops::Range<usize>, all: &mut Vec<Told>) {
        let services = self.annotation(&format!("{F5}websocket-services"));
        let listed =
            services.is_some_and(|(text, _)| text.split(',').any(|name| name.trim() == self.way.service));
        let range = services.map_or(place.clone(), |(_, entry)| entry.range());
        let passing = if listed { Passing::Passed } else { Passing::Dropped };
        let by = if services.is_some() { Given::Here } else { Given::Default };
        let mut upgrade = self.say(&range, Setting::Upgrade(passing), by);
        if !listed {
            upgrade = because(upgrade, "nginx-no-upgrade-headers");
        }
        all.push(upgrade);
        let written = self
            .annotation(&format!("{F5}proxy-read-timeout"))
            .and_then(|(text, entry)| Some((seconds_of(text)?, entry.range())));
        let (ms, range, by) = match written {
            Some((ms, range)) => (ms, range, Given::Here),
            None => (60_000, place.clone(), Given::Default),
        };
        let idle = Setting::Idle { ms: Some(ms), timer: "proxy-read-timeout".to_owned() };
        all.push(because(self.say(&range, idle, by), "idle-nginx-read-timeout"));
        let sticky = self
            .annotation("nginx.com/sticky-cookie-services")
            .is_some_and(|(text, _)| text.contains(&self.way.service))
            || self.annotation(&format!("{F5}lb-method")).is_some_and(|(text, _)| text.contains("hash"));
        self.servers(place, sticky, None, all);
    }

    fn alb(&self, place: &std::ops::Range<usize>, all: &mut Vec<Told>) {
        all.push(self.say(place, Setting::Upgrade(Passing::Passed), Given::Default));
        let attributes = self.annotation(&format!("{ALB}load-balancer-attributes"));
        let written = attributes.and_then(|(text, entry)| {
            let value =
                text.split(',').find_map(|pair| pair.trim().strip_prefix("idle_timeout.timeout_seconds="))?;
            Some((value.trim().parse::<u64>().ok()?, entry.range()))
        });
        let (seconds, range, by) = match written {
            Some((seconds, range)) => (seconds, range, Given::Here),
            None => (60, place.clone(), Given::Default),
        };
        all.push(self.idle(&range, seconds, "idle_timeout.timeout_seconds", by, "alb-idle-60"));
        if let Some((text, entry)) = self.annotation(&format!("{ALB}backend-protocol-version"))
            && !text.eq_ignore_ascii_case("HTTP1")
        {
            let http = self.say(&entry.range(), Setting::UpstreamHttp("2".to_owned()), Given::Here);
            all.push(because(http, "alb-target-protocol"));
        }
        let sticky = self
            .annotation(&format!("{ALB}target-group-attributes"))
            .is_some_and(|(text, _)| text.contains("stickiness.enabled=true"));
        self.servers(place, sticky, None, all);
    }

    fn gce(&self, place: &std::ops::Range<usize>, all: &mut Vec<Told>) {
        all.push(self.say(place, Setting::Upgrade(Passing::Passed), Given::Default));
        let config = backend_config(self.objects, &self.way.service);
        let timeout = config.and_then(|config| config.at(&["spec", "timeoutSec"]));
        let written = timeout.and_then(|node| Some((node.text()?.parse::<u64>().ok()?, node.range.clone())));
        let (seconds, range, by) = match written {
            Some((seconds, range)) => (seconds, range, Given::Inherited("BackendConfig".to_owned())),
            None => (30, config.map_or(place.clone(), |config| config.range.clone()), Given::Default),
        };
        let lifetime =
            Setting::Lifetime { ms: Some(seconds.saturating_mul(1000)), timer: "timeoutSec".to_owned() };
        all.push(because(self.say(&range, lifetime, by), "gcp-backend-timeout-30"));
        let sticky = config
            .and_then(|config| config.at(&["spec", "sessionAffinity", "affinityType"]))
            .and_then(Node::text)
            .is_some_and(|kind| kind != "NONE");
        self.servers(place, sticky, None, all);
    }

    fn gateway(&self, place: &std::ops::Range<usize>, all: &mut Vec<Told>) {
        let Some(rule) = rule(self.objects, self.way) else { return };
        for key in ["request", "backendRequest"] {
            let Some(node) = rule.at(&["timeouts", key]) else { continue };
            let Some(ms) = node.text().and_then(go_duration) else { continue };
            // Zero takes the limit away (HTTPRouteTimeouts).
            let lifetime =
                Setting::Lifetime { ms: Some(ms).filter(|ms| *ms > 0), timer: format!("timeouts.{key}") };
            all.push(self.say(&node.range, lifetime, Given::Here));
        }
        for filter in rule.get("filters").map(Node::items).unwrap_or_default() {
            match filter.text_of("type").unwrap_or_default() {
                "RequestRedirect" => {
                    all.push(self.say(
                        &filter.range,
                        Setting::InTheWay("RequestRedirect".to_owned()),
                        Given::Here,
                    ));
                }
                "RequestHeaderModifier" => {
                    let removed = filter.at(&["requestHeaderModifier", "remove"]).map(Node::items);
                    for item in removed.unwrap_or_default() {
                        let name = item.text().unwrap_or_default().to_ascii_lowercase();
                        if name == "upgrade" {
                            all.push(self.say(&item.range, Setting::Upgrade(Passing::Dropped), Given::Here));
                        } else if name.starts_with("sec-websocket-") || name == "origin" {
                            all.push(self.say(&item.range, Setting::Cleared(name), Given::Here));
                        }
                    }
                }
                "URLRewrite" => {
                    let Some(path) = filter.at(&["urlRewrite", "path"]) else { continue };
                    let request = self.way.example();
                    let with = path.text_of("replacePrefixMatch").or_else(|| path.text_of("replaceFullPath"));
                    if let Some(upstream) = with.map(str::to_owned).filter(|with| *with != request) {
                        all.push(self.say(
                            &path.range,
                            Setting::UpstreamPath { request, upstream },
                            Given::Here,
                        ));
                    }
                }
                _ => {}
            }
        }
        self.servers(place, rule.get("sessionPersistence").is_some(), None, all);
    }

    /// The pods behind a service, where the workload is in the file, too.
    fn servers(&self, place: &std::ops::Range<usize>, sticky: bool, id: Option<&str>, all: &mut Vec<Told>) {
        let Some(service) = find(self.objects, "Service", &self.way.service) else { return };
        let selector = service.at(&["spec", "selector"]).map(Node::entries).unwrap_or_default();
        if selector.is_empty() {
            return;
        }
        let workload = self.objects.iter().find(|object| {
            matches!(object.text_of("kind"), Some("Deployment" | "StatefulSet"))
                && object.at(&["spec", "template", "metadata", "labels"]).is_some_and(|labels| {
                    selector.iter().all(|wanted| labels.text_of(&wanted.key) == wanted.value.text())
                })
        });
        let Some(workload) = workload else { return };
        let replicas = workload.at(&["spec", "replicas"]);
        let count = replicas.and_then(Node::text).and_then(|text| text.parse().ok()).unwrap_or(1);
        let range = replicas.map_or(place.clone(), |node| node.range.clone());
        let mut servers = self.say(&range, Setting::Servers { count, sticky }, Given::Here);
        if count > 1 && !sticky {
            servers.because = id.map(str::to_owned);
        }
        all.push(servers);
    }
}

/// Whether a value is a number or a boolean without quotes.
pub(crate) fn bare(node: &Node) -> bool {
    node.style == Style::Plain
        && node.text().is_some_and(|text| {
            matches!(text, "true" | "false")
                || text.parse::<f64>().is_ok() && text.starts_with(|c: char| c.is_ascii_digit() || c == '-')
        })
}

/// A time as nginx writes it, in milliseconds: `60`, `60s`, `1h`, `1h30m`.
fn seconds_of(text: &str) -> Option<u64> {
    let text = text.trim();
    match text.parse::<u64>() {
        Ok(seconds) => seconds.checked_mul(1000),
        Err(_) => go_duration(text),
    }
}
