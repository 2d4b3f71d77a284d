//! Envoy: static configuration in YAML and JSON, and route tables by themselves.
//!
//! A route is a route of a virtual host that leads to a cluster. Source: the API of v3,
//! <https://www.envoyproxy.io/docs/envoy/latest/api-v3/api>, and
//! <https://www.envoyproxy.io/docs/envoy/latest/intro/arch_overview/http/upgrades>.

mod edit;
mod observe;

use crate::yaml::{self, Node};
use crate::{Config, Document, Edit, Files, NoEdit, Options, Reading, Request, Tree, Version};
use evidence::{Given, Setting, VersionBy, Wish};
use observe::Way;

/// What is kept of the file.
#[derive(Debug)]
pub(crate) struct Envoy {
    pub roots: Vec<Node>,
    /// One for each route, in the same order; those that answer by themselves have none.
    pub ways: Vec<Way>,
}

pub(crate) fn read(
    document: Document,
    _: &dyn Files,
    options: &Options,
    version: &Version,
    by: VersionBy,
) -> Reading {
    let trees = yaml::read(&document);
    let documents = vec![document];
    let (ways, routes, general) = observe::observe(&documents, &trees.roots, options, version, by);
    let told = trees
        .unread
        .into_iter()
        .map(|(range, why)| {
            let at = super::common::At::new(0, range);
            super::common::told(&documents, &at, Setting::Unreadable { why }, Given::Here)
        })
        .chain(general)
        .collect();
    Reading { documents, routes, told, tree: Box::new(Envoy { roots: trees.roots, ways }) }
}

impl Tree for Envoy {
    fn choose(&self, _: &Config, request: &Request) -> Option<usize> {
        observe::choose(&self.ways, request)
    }

    fn edit(&self, config: &Config, route: usize, wish: &Wish) -> Result<Vec<Edit>, NoEdit> {
        edit::edit(self, config, route, wish)
    }
}
