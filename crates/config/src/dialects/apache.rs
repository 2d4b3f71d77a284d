//! Apache httpd 2.4.
//!
//! A route is a `ProxyPass`, a `ProxyPassMatch`, a `RewriteRule … [P]`, or a `<Location>` with one of them. Source:
//! <https://httpd.apache.org/docs/2.4/mod/mod_proxy.html>, `mod_proxy_wstunnel`, `mod_rewrite` and `mod_ssl`.

mod edit;
mod observe;
mod syntax;

use crate::{Config, Document, Edit, Files, NoEdit, Options, Reading, Request, Tree, Version};
use evidence::{Given, Setting, VersionBy, Wish};
use observe::Way;

/// What is kept of the files.
#[derive(Debug)]
pub(crate) struct Apache {
    lines: Vec<syntax::Line>,
    hosts: Vec<observe::Host>,
    /// One for each route, in the same order.
    ways: Vec<Way>,
}

pub(crate) fn read(
    document: Document,
    files: &dyn Files,
    options: &Options,
    version: &Version,
    by: VersionBy,
) -> Reading {
    let syntax::Read { documents, lines, unread } = syntax::read(document, files);
    let (hosts, ways, routes, mut told) = observe::observe(&documents, &lines, options, version, by);
    told.extend(
        unread
            .into_iter()
            .map(|(at, why)| super::common::told(&documents, &at, Setting::Unreadable { why }, Given::Here)),
    );
    Reading { documents, routes, told, tree: Box::new(Apache { lines, hosts, ways }) }
}

impl Tree for Apache {
    fn choose(&self, config: &Config, request: &Request) -> Option<usize> {
        let host = observe::host(&self.hosts, request)?;
        let _ = config;
        observe::way(&self.lines, &self.ways, host, request)
    }

    fn edit(&self, config: &Config, route: usize, wish: &Wish) -> Result<Vec<Edit>, NoEdit> {
        edit::edit(self, config, route, wish)
    }
}
