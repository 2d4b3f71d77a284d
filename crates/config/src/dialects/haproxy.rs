//! HAProxy.
//!
//! A route is a way from a frontend to a backend (or a `listen`, which is both). Source: the configuration manuals of
//! HAProxy 2.6 and 3.0, <https://docs.haproxy.org/>.

mod acl;
mod edit;
mod observe;
mod syntax;

use crate::{Config, Document, Edit, Files, NoEdit, Options, Reading, Request, Tree, Version};
use acl::Truth;
use evidence::{VersionBy, Wish};
use observe::Way;
use syntax::Section;

/// What is kept of the file.
#[derive(Debug)]
pub(crate) struct Haproxy {
    sections: Vec<Section>,
    /// One for each route, in the same order.
    ways: Vec<Way>,
}

pub(crate) fn read(
    document: Document,
    _: &dyn Files,
    options: &Options,
    version: &Version,
    by: VersionBy,
) -> Reading {
    let (sections, unread) = syntax::sections(&document);
    let documents = vec![document];
    let (ways, routes, mut told) = observe::observe(&documents, &sections, options, version, by);
    told.extend(unread.map(|(at, why)| {
        super::common::told(&documents, &at, evidence::Setting::Unreadable { why }, evidence::Given::Here)
    }));
    Reading { documents, routes, told, tree: Box::new(Haproxy { sections, ways }) }
}

impl Tree for Haproxy {
    fn choose(&self, config: &Config, request: &Request) -> Option<usize> {
        // A frontend that listens on the port; where no port is known, any.
        let listens = |section: usize| {
            let ports = observe::binds(&self.sections[section]).0;
            ports.is_empty() || ports.contains(&request.port)
        };
        let mut frontends: Vec<usize> = Vec::new();
        for way in &self.ways {
            if !frontends.contains(&way.frontend) {
                frontends.push(way.frontend);
            }
        }
        let fitting: Vec<usize> = frontends.iter().copied().filter(|frontend| listens(*frontend)).collect();
        let tried = if fitting.is_empty() { frontends } else { fitting };
        for frontend in tried {
            let acls = acl::acls(&self.sections[frontend]);
            let mut otherwise = None;
            for (number, way) in self.ways.iter().enumerate() {
                if way.frontend != frontend {
                    continue;
                }
                if way.rules.is_empty() {
                    otherwise = otherwise.or(Some(number));
                }
                if way.default {
                    otherwise = Some(number);
                }
            }
            for line in self.sections[frontend].lines.iter().filter(|line| line.is(&["use_backend"])) {
                if acl::holds(&acls, line, 2, request) == Truth::Yes {
                    let target = line.word(1);
                    return self.ways.iter().position(|way| {
                        way.frontend == frontend
                            && way.backend.is_some_and(|backend| self.sections[backend].name == target)
                    });
                }
            }
            if otherwise.is_some() {
                return otherwise;
            }
        }
        let _ = config;
        None
    }

    fn edit(&self, config: &Config, route: usize, wish: &Wish) -> Result<Vec<Edit>, NoEdit> {
        edit::edit(self, config, route, wish)
    }
}
