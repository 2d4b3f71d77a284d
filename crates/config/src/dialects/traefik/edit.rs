//! Bytes to replace so that a route is as wished.

use super::observe::{Router, balancer, middlewares, shadowing};
use super::{Root, Traefik, is_toml};
use crate::dialects::common::{At, parts, short, tls_port};
use crate::yaml::{Editor, Node};
use crate::{Config, Edit, NoEdit};
use evidence::Wish;

type Edits = Result<Vec<Edit>, NoEdit>;

fn no(why: &str) -> Edits {
    Err(NoEdit(why.to_owned()))
}

pub(crate) fn edit(tree: &Traefik, config: &Config, route: usize, wish: &Wish) -> Edits {
    let Some(router) = tree.routers.get(route) else { return no("there is no such route") };
    let at_work = AtWork { tree, config, router };
    let edits = match wish {
        Wish::PassUpgrade => {
            let mut edits = at_work.headers(&["upgrade", "connection"]);
            edits.extend(at_work.urls(|scheme, _| (scheme == "h2c").then_some("http")));
            edits
        }
        Wish::UpgradeOnlyWhenAsked => at_work.headers(&["upgrade", "connection"]),
        Wish::UpstreamHttp11 => at_work.urls(|scheme, _| (scheme == "h2c").then_some("http")),
        Wish::LeaveHeader(header) => at_work.headers(&[&header.to_ascii_lowercase()]),
        Wish::PassHost => {
            let mut edits = at_work.headers(&["host"]);
            if let Some((document, _, node)) = balancer(&tree.roots, &router.service)
                && let Some(pass) = node.at(&["passHostHeader"])
            {
                edits.push(At::new(document, pass.range.clone()).replace("true"));
            }
            edits
        }
        Wish::ClearTheWay => at_work.without(&["buffering", "errors", "redirectscheme", "redirectregex"]),
        Wish::KeepPath => at_work.without(&["stripprefix", "addprefix", "replacepath"]),
        Wish::MatchScheme => at_work.urls(|scheme, port| match scheme {
            "http" if tls_port(port) => Some("https"),
            "https" if port == Some(80) => Some("http"),
            _ => None,
        }),
        Wish::Sticky => match balancer(&tree.roots, &router.service) {
            Some((_, true, _)) => return no("labels are not edited"),
            Some((document, false, node)) => {
                let edit =
                    at_work.editor(document).and_then(|editor| editor.put(node, &["sticky", "cookie"], "{}"));
                edit.into_iter().collect()
            }
            None => Vec::new(),
        },
        Wish::ComesFirst => at_work.priority(),
        Wish::DrainAtLeast(ms) => router
            .entry_points
            .iter()
            .filter_map(|name| Traefik::entry_point(&tree.roots, name))
            .filter_map(|(document, node)| {
                let quoted = config.documents.get(document).is_some_and(is_toml);
                let value = if quoted { format!("\"{}\"", short(*ms)) } else { short(*ms) };
                at_work.editor(document)?.put(node, &["transport", "lifeCycle", "graceTimeOut"], &value)
            })
            .collect(),
        Wish::Sockets(count) | Wish::ClientConnections(count) => middlewares(&tree.roots, router)
            .into_iter()
            .filter(|(_, _, entry)| entry.key.eq_ignore_ascii_case("inFlightReq"))
            .filter_map(|(_, document, entry)| {
                let amount = entry.value.at(&["amount"])?;
                Some(At::new(document, amount.range.clone()).replace(count.to_string()))
            })
            .collect(),
        _ => return no("Traefik has no setting of a route for this"),
    };
    if edits.is_empty() { no("nothing of this route can be changed for it") } else { Ok(edits) }
}

struct AtWork<'a> {
    tree: &'a Traefik,
    config: &'a Config,
    router: &'a Router,
}

impl AtWork<'_> {
    fn editor(&self, document: usize) -> Option<Editor<'_>> {
        Some(Editor { document: self.config.documents.get(document)?, number: document })
    }

    /// The router's own node.
    fn own(&self) -> Option<(&Root, &Node)> {
        self.tree.roots.iter().find_map(|root| {
            let node = root.node.at(&["http", "routers"])?.entry(&self.router.name)?;
            Some((root, &node.value))
        })
    }

    /// Takes headers out of `customRequestHeaders`.
    fn headers(&self, unwanted: &[&str]) -> Vec<Edit> {
        let mut edits = Vec::new();
        let mut emptied = Vec::new();
        for (own, document, entry) in middlewares(&self.tree.roots, self.router) {
            let Some(map) = entry.value.at(&["customRequestHeaders"]) else { continue };
            let names: Vec<&str> = map
                .entries()
                .iter()
                .map(|entry| entry.key.as_str())
                .filter(|key| unwanted.contains(&key.to_ascii_lowercase().as_str()))
                .collect();
            // A middleware without anything in it is refused ("headers cannot be a standalone element").
            if names.len() == map.entries().len() {
                emptied.push(own);
                continue;
            }
            let Some(editor) = self.editor(document) else { continue };
            edits.extend(names.into_iter().filter_map(|name| editor.remove(map, name)));
        }
        if !emptied.is_empty() {
            edits.extend(self.off(&emptied));
        }
        edits
    }

    /// Takes middlewares of these kinds off the router.
    fn without(&self, kinds: &[&str]) -> Vec<Edit> {
        let names: Vec<String> = middlewares(&self.tree.roots, self.router)
            .into_iter()
            .filter(|(_, _, entry)| kinds.contains(&entry.key.to_ascii_lowercase().as_str()))
            .map(|(own, ..)| own)
            .collect();
        self.off(&names)
    }

    /// Takes middlewares of these names off the router.
    fn off(&self, names: &[String]) -> Vec<Edit> {
        let Some((root, node)) = self.own() else { return Vec::new() };
        let Some(list) = node.at(&["middlewares"]) else { return Vec::new() };
        let kept: Vec<&String> =
            self.router.middlewares.iter().filter(|name| !names.contains(name)).collect();
        if list.text().is_some() {
            // Labels have words with commas.
            let text: Vec<&str> = kept.iter().map(|name| name.as_str()).collect();
            return vec![At::new(root.document, list.range.clone()).replace(text.join(","))];
        }
        let Some(editor) = self.editor(root.document) else { return Vec::new() };
        if kept.is_empty() {
            return editor.remove(node, "middlewares").into_iter().collect();
        }
        list.items()
            .iter()
            .enumerate()
            .filter(|(_, item)| item.text().is_some_and(|text| names.iter().any(|name| name == text)))
            .filter_map(|(number, _)| editor.remove_item(list, number))
            .collect()
    }

    /// Another scheme for the servers.
    fn urls(&self, other: impl Fn(&str, Option<u16>) -> Option<&'static str>) -> Vec<Edit> {
        let Some((document, _, node)) = balancer(&self.tree.roots, &self.router.service) else {
            return Vec::new();
        };
        let Some(file) = self.config.documents.get(document) else { return Vec::new() };
        let servers = node.at(&["servers"]).map(Node::items).unwrap_or_default();
        let mut edits: Vec<Edit> = servers
            .iter()
            .filter_map(|server| {
                let url = server.at(&["url"])?;
                let (scheme, _, port) = parts(url.text()?);
                let scheme = scheme?;
                let with = other(scheme, port)?;
                let raw = file.str(url.range.clone());
                let start = url.range.start + raw.find(scheme)?;
                Some(At::new(document, start..start + scheme.len()).replace(with))
            })
            .collect();
        if let Some(scheme) = node.at(&["server", "scheme"])
            && let Some(with) = scheme.text().and_then(|text| other(text, None))
        {
            edits.push(At::new(document, scheme.range.clone()).replace(with));
        }
        edits
    }

    fn priority(&self) -> Vec<Edit> {
        let Some(other) = shadowing(&self.tree.routers, self.router) else { return Vec::new() };
        let highest = self.tree.routers.iter().map(|router| router.priority).max().unwrap_or(other.priority);
        let Some((root, node)) = self.own() else { return Vec::new() };
        if root.labels {
            return Vec::new();
        }
        let value = highest.saturating_add(1).to_string();
        self.editor(root.document)
            .and_then(|editor| editor.put(node, &["priority"], &value))
            .into_iter()
            .collect()
    }
}
