//! Caddy: the Caddyfile and the JSON that it becomes.
//!
//! A route is a `reverse_proxy`. Source: <https://caddyserver.com/docs/caddyfile/directives/reverse_proxy> and
//! <https://caddyserver.com/docs/json/>. WebSockets pass without a word; what can be wrong is what was added.

mod file;
mod json;
mod observe;
mod syntax;

use crate::{Config, Document, Edit, Files, NoEdit, Options, Reading, Request, Tree, Version};
use evidence::{Given, Setting, VersionBy, Wish};
use observe::Proxy;

/// What is kept of the files.
#[derive(Debug)]
struct Caddy {
    /// One for each route, in the same order.
    proxies: Vec<Proxy>,
    json: bool,
}

pub(crate) fn read(
    document: Document,
    files: &dyn Files,
    options: &Options,
    version: &Version,
    by: VersionBy,
) -> Reading {
    let first =
        document.text.iter().find(|byte| !byte.is_ascii_whitespace() && !matches!(byte, 0xEF | 0xBB | 0xBF));
    // A Caddyfile may begin with `{`, too, but then no quote follows.
    let second = || {
        let at = document.text.iter().position(|byte| *byte == b'{').map_or(0, |at| at + 1);
        document.text.get(at..).and_then(|rest| rest.iter().find(|byte| !byte.is_ascii_whitespace()).copied())
    };
    let is_json = document.path.ends_with(".json")
        || first == Some(&b'{')
            && matches!(second(), Some(b'"' | b'}'))
            && !document.path.ends_with("Caddyfile");
    let (documents, mut proxies, unread) =
        if is_json { json::read(document) } else { file::read(document, files) };
    let more = proxies.get(super::common::ROUTES).and_then(|proxy| proxy.at.clone());
    proxies.truncate(super::common::ROUTES);
    let (proxies, routes) = observe::observe(&documents, proxies, options, version, by);
    let told = unread
        .into_iter()
        .map(|(at, why)| super::common::told(&documents, &at, Setting::Unreadable { why }, Given::Here))
        .chain(more.map(|at| super::common::too_many(&documents, &at)))
        .collect();
    Reading { documents, routes, told, tree: Box::new(Caddy { proxies, json: is_json }) }
}

impl Tree for Caddy {
    fn choose(&self, _: &Config, request: &Request) -> Option<usize> {
        observe::choose(&self.proxies, request)
    }

    fn edit(&self, config: &Config, route: usize, wish: &Wish) -> Result<Vec<Edit>, NoEdit> {
        let proxy = self.proxies.get(route).ok_or_else(|| NoEdit("there is no such route".to_owned()))?;
        let edits = if self.json { json::edit(config, proxy, wish) } else { file::edit(config, proxy, wish) };
        if edits.is_empty() {
            return Err(NoEdit("Caddy has no setting of this route for it".to_owned()));
        }
        Ok(edits)
    }
}
