//! nginx, and what is built on it: every directive where nginx itself would see it, and what an upgrade meets there.
//!
//! `syntax` takes files apart, `model` puts levels and includes together, `matching` chooses servers and locations,
//! `headers` and `observe` say what a route is told, `edit` changes it.

mod edit;
mod headers;
mod matching;
mod model;
mod observe;
mod syntax;

use crate::{Config, Document, Edit, Files, NoEdit, Options, Reading, Request, Route, Tree, Version};
use evidence::{Told, VersionBy, Wish};
use matching::{Pattern, Server};
use model::{Kind, Model};
use std::collections::HashMap;

/// Everything that is kept of the files of one nginx.
#[derive(Debug)]
pub(crate) struct Nginx {
    model: Model,
    servers: Vec<Server>,
    /// Servers by each of their names, in the order of the files.
    by_name: HashMap<String, Vec<usize>>,
    /// In the order of their levels.
    routes: Vec<Way>,
    version: Version,
    version_by: VersionBy,
    /// What the user says carries sockets.
    said: Vec<String>,
}

/// A route: the level that has the `proxy_pass`, and what surrounds it.
#[derive(Debug, Clone)]
pub(crate) struct Way {
    /// The location, or the `if` in it.
    pub level: usize,
    /// The location itself.
    pub location: usize,
    /// Number of the server in `servers`.
    pub server: Option<usize>,
    pub pass: model::At,
}

impl Way {
    /// How its location matches.
    pub(crate) fn pattern<'a>(&self, model: &'a Model) -> Option<Pattern<'a>> {
        Pattern::of(model, model.levels[self.location].at?)
    }
}

pub(crate) fn read(
    document: Document,
    files: &dyn Files,
    options: &Options,
    version: &Version,
    by: VersionBy,
) -> Reading {
    let model = Model::read(document, files, options.context.as_deref());
    let servers = matching::servers(&model);
    let mut by_name: HashMap<String, Vec<usize>> = HashMap::new();
    for (number, server) in servers.iter().enumerate() {
        for name in &server.names {
            by_name.entry(name.clone()).or_default().push(number);
        }
    }
    let mut nginx = Nginx {
        model,
        servers,
        by_name,
        routes: Vec::new(),
        version: version.clone(),
        version_by: by,
        said: options.locations.clone(),
    };
    nginx.routes = nginx.ways();
    let routes: Vec<Route> = nginx.routes.iter().map(|way| nginx.route(way)).collect();
    let documents = nginx.model.documents.clone();
    let mut reading = Reading { documents, routes, told: Vec::new(), tree: Box::new(crate::Nothing) };
    // Of most routes nobody asks more: they get their identity when somebody does.
    for number in
        (0..reading.routes.len()).filter(|number| observe::believed(&nginx, &nginx.routes[*number]).is_some())
    {
        reading.routes[number].told = vec![observe::identity(&nginx, number)];
    }
    reading.told = observe::everywhere(&nginx);
    reading.tree = Box::new(nginx);
    reading
}

impl Nginx {
    /// Every level that sends requests on.
    fn ways(&self) -> Vec<Way> {
        let model = &self.model;
        (0..model.levels.len())
            .filter(|level| matches!(model.levels[*level].kind, Kind::Location | Kind::If))
            .filter_map(|level| {
                let pass = model.own(level, "proxy_pass").last()?;
                let location = model.enclosing(level, Kind::Location)?;
                let server = model.enclosing(level, Kind::Server).and_then(|around| {
                    self.servers.binary_search_by_key(&around, |server| server.level).ok()
                });
                Some(Way { level, location, server, pass })
            })
            .collect()
    }

    /// The routes inside a level.
    fn ways_inside(&self, level: usize) -> &[Way] {
        let first = self.routes.partition_point(|way| way.level < level);
        let end = self.model.end(level);
        let count = self.routes[first..].partition_point(|way| way.level < end);
        &self.routes[first..first + count]
    }

    fn route(&self, way: &Way) -> Route {
        let server = way.server.map(|number| &self.servers[number]);
        let at = self.model.levels[way.level].at;
        let (document, range) = match at {
            Some(at) => (at.document(), self.model.head(at)),
            None => (way.pass.document(), self.model.range(way.pass)),
        };
        Route {
            name: self.name(way),
            hosts: server.map(|server| server.names.clone()).unwrap_or_default(),
            ports: server
                .map(|server| server.listens.iter().map(|listen| listen.port).collect())
                .unwrap_or_default(),
            tls: server.is_some_and(Server::tls),
            path: way
                .pattern(&self.model)
                .as_ref()
                .and_then(Pattern::example)
                .unwrap_or_else(|| "/".to_owned()),
            spot: self.model.documents[document].spot(range),
            told: Vec::new(),
        }
    }

    /// What a route is called: its location, and the `if` inside it.
    fn name(&self, way: &Way) -> String {
        if way.level == way.location {
            self.model.called(way.location)
        } else {
            format!("{} / {}", self.model.called(way.location), self.model.called(way.level))
        }
    }
}

impl Tree for Nginx {
    fn choose(&self, _: &Config, request: &Request) -> Option<usize> {
        let server = matching::server(&self.servers, request);
        let level = match server {
            Some(server) => server.level,
            None => {
                (0..self.model.levels.len()).find(|level| self.model.levels[*level].kind == Kind::Server)?
            }
        };
        let fallback = |level: usize| {
            // `try_files … @app`: what is no file goes there.
            let at = self.model.own(level, "try_files").last()?;
            let last = self.model.words(at).len().checked_sub(1)?;
            let name = self.model.word(at, last)?;
            name.starts_with('@').then(|| name.into_owned())
        };
        let path = matching::normal(&request.path);
        let found = matching::location(&self.model, level, &path);
        let at = found.unwrap_or(level);
        // What a handshake makes true of an `if` can be told where it asks for the upgrade, and only there.
        let taken = |way: &Way| {
            way.level == at
                || self.model.levels[way.level].at.is_some_and(|condition| {
                    let text: Vec<_> =
                        (0..3).filter_map(|number| self.model.word(condition, number)).collect();
                    let text = text.join(" ");
                    text.contains("http_upgrade") && !text.contains('!')
                })
        };
        let direct = self.routes.iter().rposition(|way| way.location == at && taken(way));
        let conditional = || self.routes.iter().rposition(|way| way.location == at);
        // A fragment that is one location by itself.
        let only = || (self.model.levels[level].at.is_none() && self.routes.len() == 1).then_some(0);
        direct
            .or_else(|| {
                let name = fallback(at).or_else(|| fallback(level))?;
                self.routes.iter().position(|way| {
                    way.pattern(&self.model) == Some(Pattern::Named(name.as_str().into()))
                        && self.model.enclosing(way.level, Kind::Server) == Some(level)
                })
            })
            .or_else(conditional)
            .or_else(only)
    }

    fn observe(&self, _: &Config, route: usize, request: Option<&Request>) -> Vec<Told> {
        observe::route(self, route, request)
    }

    fn edit(&self, _: &Config, route: usize, wish: &Wish) -> Result<Vec<Edit>, NoEdit> {
        edit::edit(self, &self.routes[route], wish)
    }
}

#[cfg(test)]
mod tests;
