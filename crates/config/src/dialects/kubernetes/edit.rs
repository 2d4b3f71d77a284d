//! Bytes to replace so that a route is as wished. Annotations are for a whole Ingress: its other paths get them, too.

use super::Kubernetes;
use super::observe::{
    ALB, Controller, F5, INGRESS_NGINX, Way, annotation, backend_config, bare, config_map, rule,
};
use crate::dialects::common::{At, go_duration, seconds, short};
use crate::yaml::{Editor, Entry, Node, Style};
use crate::{Config, Edit, NoEdit};
use evidence::Wish;

type Edits = Result<Vec<Edit>, NoEdit>;

fn no(why: &str) -> Edits {
    Err(NoEdit(why.to_owned()))
}

struct AtWork<'a> {
    objects: &'a [Node],
    way: &'a Way,
    object: &'a Node,
    editor: Editor<'a>,
}

pub(crate) fn edit(tree: &Kubernetes, config: &Config, route: usize, wish: &Wish) -> Edits {
    let (Some(way), Some(document)) = (tree.ways.get(route), config.documents.first()) else {
        return no("there is no such route");
    };
    let Some(object) = tree.objects.get(way.object) else { return no("the object is gone") };
    let at_work = AtWork { objects: &tree.objects, way, object, editor: Editor { document, number: 0 } };
    let edits = at_work.edits(wish);
    if edits.is_empty() { no("this controller has no setting in these files for it") } else { Ok(edits) }
}

impl AtWork<'_> {
    /// Gives the object an annotation; its value is a word in quotes.
    fn annotate(&self, key: &str, value: &str) -> Vec<Edit> {
        let value = format!("\"{value}\"");
        if let Some(entry) = annotation(self.object, key) {
            return vec![At::new(0, entry.value.range.clone()).replace(value)];
        }
        let Some(metadata) = self.object.get("metadata") else { return Vec::new() };
        self.editor.put(metadata, &["annotations", key], &value).into_iter().collect()
    }

    fn without(&self, key: &str) -> Vec<Edit> {
        let Some(map) = self.object.at(&["metadata", "annotations"]) else { return Vec::new() };
        self.editor.remove(map, key).into_iter().collect()
    }

    /// Lines of a snippet that set one of these headers.
    fn snippet(&self, headers: &[&str]) -> Vec<Edit> {
        let Some(entry) = annotation(self.object, &format!("{INGRESS_NGINX}configuration-snippet")) else {
            return Vec::new();
        };
        let document = self.editor.document;
        let range = entry.range();
        let (first, last) = (document.line(range.start), document.line(range.end.saturating_sub(1)));
        let unwanted = |text: &str| {
            let lower = text.trim().to_ascii_lowercase();
            headers.iter().any(|header| lower.starts_with(&format!("proxy_set_header {header} ")))
        };
        let lines: Vec<usize> =
            (first + 1..=last).filter(|line| unwanted(&document.str(document.line_range(*line)))).collect();
        // Nothing is left of it but these lines.
        if lines.len() == last - first && !lines.is_empty() {
            return self.without(&entry.key);
        }
        lines
            .into_iter()
            .map(|line| {
                let own = document.line_range(line);
                At::new(0, crate::dialects::common::whole_lines(document, &own)).replace("")
            })
            .collect()
    }

    /// One pair of a list of `key=value` in an annotation.
    fn pair(&self, annotation_key: &str, key: &str, value: &str) -> Vec<Edit> {
        let old =
            annotation(self.object, annotation_key).and_then(|entry| entry.value.text()).unwrap_or_default();
        let mut pairs: Vec<String> = old
            .split(',')
            .map(|pair| pair.trim().to_owned())
            .filter(|pair| !pair.is_empty() && pair.split('=').next() != Some(key))
            .collect();
        pairs.push(format!("{key}={value}"));
        self.annotate(annotation_key, &pairs.join(","))
    }

    fn edits(&self, wish: &Wish) -> Vec<Edit> {
        let nginx = |name: &str| format!("{INGRESS_NGINX}{name}");
        let controller = self.way.controller;
        let one = |edit: Option<Edit>| edit.into_iter().collect::<Vec<Edit>>();
        match (wish, controller) {
            (Wish::Acceptable, _) => {
                let annotations =
                    self.object.at(&["metadata", "annotations"]).map(Node::entries).unwrap_or_default();
                annotations
                    .iter()
                    .filter(|entry| bare(&entry.value))
                    .map(|entry| {
                        let text = self.editor.document.str(entry.value.range.clone()).into_owned();
                        At::new(0, entry.value.range.clone()).replace(format!("\"{text}\""))
                    })
                    .collect()
            }
            (Wish::PassUpgrade, Controller::IngressNginx) => {
                let mut edits = self.snippet(&["upgrade", "connection"]);
                if annotation(self.object, &nginx("proxy-http-version")).is_some() {
                    edits.extend(self.annotate(&nginx("proxy-http-version"), "1.1"));
                }
                if annotation(self.object, &nginx("backend-protocol"))
                    .and_then(|entry| entry.value.text())
                    .is_some_and(|text| text.to_ascii_uppercase().starts_with("GRPC"))
                {
                    edits.extend(self.without(&nginx("backend-protocol")));
                }
                edits
            }
            (Wish::UpgradeOnlyWhenAsked, Controller::IngressNginx) => {
                self.snippet(&["upgrade", "connection"])
            }
            (Wish::UpstreamHttp11, Controller::IngressNginx) => {
                if annotation(self.object, &nginx("proxy-http-version")).is_some() {
                    self.annotate(&nginx("proxy-http-version"), "1.1")
                } else {
                    self.without(&nginx("backend-protocol"))
                }
            }
            (Wish::PassUpgrade, Controller::F5) => {
                let key = format!("{F5}websocket-services");
                let old =
                    annotation(self.object, &key).and_then(|entry| entry.value.text()).unwrap_or_default();
                let list = if old.trim().is_empty() {
                    self.way.service.clone()
                } else {
                    format!("{},{}", old.trim(), self.way.service)
                };
                self.annotate(&key, &list)
            }
            (Wish::PassUpgrade | Wish::UpstreamHttp11, Controller::Alb) => {
                self.annotate(&format!("{ALB}backend-protocol-version"), "HTTP1")
            }
            (Wish::IdleAtLeast(ms), Controller::IngressNginx) => {
                self.annotate(&nginx("proxy-read-timeout"), &seconds(*ms).to_string())
            }
            (Wish::IdleAtLeast(ms), Controller::F5) => {
                self.annotate(&format!("{F5}proxy-read-timeout"), &format!("{}s", seconds(*ms)))
            }
            // 4000 s is the most that AWS takes.
            (Wish::IdleAtLeast(ms), Controller::Alb) if *ms <= 4_000_000 => {
                let key = format!("{ALB}load-balancer-attributes");
                self.pair(&key, "idle_timeout.timeout_seconds", &seconds(*ms).to_string())
            }
            (Wish::LifetimeAtLeast(ms), Controller::Gce) => {
                match backend_config(self.objects, &self.way.service).and_then(|config| config.get("spec")) {
                    Some(spec) => one(self.editor.put(spec, &["timeoutSec"], &seconds(*ms).to_string())),
                    None => Vec::new(),
                }
            }
            (Wish::LifetimeAtLeast(ms), Controller::Gateway) => {
                let Some(timeouts) = rule(self.objects, self.way).and_then(|rule| rule.get("timeouts"))
                else {
                    return Vec::new();
                };
                let low = |entry: &&Entry| {
                    entry.value.text().and_then(go_duration).is_some_and(|own| own > 0 && own < *ms)
                };
                timeouts
                    .entries()
                    .iter()
                    .filter(low)
                    .map(|entry| self.editor.set(&entry.value, &short(*ms)))
                    .collect()
            }
            (Wish::PassHost, Controller::IngressNginx) => self.without(&nginx("upstream-vhost")),
            (Wish::KeepPath, Controller::IngressNginx) => self.without(&nginx("rewrite-target")),
            (Wish::LeaveHeader(header), Controller::IngressNginx) => {
                self.snippet(&[&header.to_ascii_lowercase()])
            }
            (Wish::Sticky, Controller::IngressNginx) => self.annotate(&nginx("affinity"), "cookie"),
            (Wish::Sticky, Controller::F5) => self.annotate(&format!("{F5}lb-method"), "ip_hash"),
            (Wish::Sticky, Controller::Alb) => {
                self.pair(&format!("{ALB}target-group-attributes"), "stickiness.enabled", "true")
            }
            (Wish::Sticky, Controller::Gce) => {
                match backend_config(self.objects, &self.way.service).and_then(|config| config.get("spec")) {
                    Some(spec) => one(self.editor.put(
                        spec,
                        &["sessionAffinity", "affinityType"],
                        "\"GENERATED_COOKIE\"",
                    )),
                    None => Vec::new(),
                }
            }
            (Wish::MatchScheme, Controller::IngressNginx) => {
                self.annotate(&nginx("backend-protocol"), "HTTPS")
            }
            (Wish::ClientConnections(count), Controller::IngressNginx) => {
                self.annotate(&nginx("limit-connections"), &count.to_string())
            }
            (Wish::DrainAtLeast(ms), Controller::IngressNginx) => {
                match config_map(self.objects, "worker-shutdown-timeout") {
                    Some(entry) => vec![self.quoted(entry, &format!("{}s", seconds(*ms)))],
                    None => Vec::new(),
                }
            }
            (Wish::ClearTheWay | Wish::LeaveHeader(_) | Wish::KeepPath, Controller::Gateway) => {
                self.filters(wish)
            }
            _ => Vec::new(),
        }
    }

    fn quoted(&self, entry: &Entry, value: &str) -> Edit {
        match entry.value.style {
            Style::Quoted => self.editor.set(&entry.value, value),
            _ => At::new(0, entry.value.range.clone()).replace(format!("\"{value}\"")),
        }
    }

    /// Filters of a rule that a wish takes away.
    fn filters(&self, wish: &Wish) -> Vec<Edit> {
        let Some(rule) = rule(self.objects, self.way) else { return Vec::new() };
        let Some(filters) = rule.get("filters") else { return Vec::new() };
        let mut edits = Vec::new();
        for (number, filter) in filters.items().iter().enumerate() {
            let whole = match (wish, filter.text_of("type").unwrap_or_default()) {
                (Wish::ClearTheWay, "RequestRedirect") | (Wish::KeepPath, "URLRewrite") => true,
                (Wish::LeaveHeader(header), "RequestHeaderModifier") => {
                    let Some(list) = filter.at(&["requestHeaderModifier", "remove"]) else { continue };
                    let found = list
                        .items()
                        .iter()
                        .position(|item| item.text().is_some_and(|text| text.eq_ignore_ascii_case(header)));
                    if let Some(number) = found
                        && list.items().len() > 1
                    {
                        edits.extend(self.editor.remove_item(list, number));
                        continue;
                    }
                    found.is_some()
                }
                _ => false,
            };
            if whole {
                if filters.items().len() == 1 {
                    edits.extend(self.editor.remove(rule, "filters"));
                } else {
                    edits.extend(self.editor.remove_item(filters, number));
                }
            }
        }
        edits
    }
}
