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

use crate::{
    Config, Document, Edit, Files, NoEdit, Options, Reading, Request, Route, Tree, Version, make_each,
};
use evidence::{Told, VersionBy, Wish};
use matching::{Pattern, Server};
use model::{Kind, Model};
use std::hash::{DefaultHasher, Hash, Hasher};

/// Ways or levels that are looked at in one piece of work.
const PIECE: usize = 4096;

/// Everything that is kept of the files of one nginx.
#[derive(Debug)]
pub(crate) struct Nginx {
    model: Model,
    /// Levels of the servers, in the order of the files.
    servers: Vec<usize>,
    /// Names of servers by their hash, each with the level of its server; sorted.
    names: Vec<(u64, usize)>,
    /// In the order of their levels.
    routes: Vec<Way>,
    /// Numbers of the routes that are believed to carry sockets.
    believed: Vec<usize>,
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
    /// The server around it.
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
    let servers = model.of_kind(Kind::Server);
    let mut nginx = Nginx {
        model,
        servers,
        names: Vec::new(),
        routes: Vec::new(),
        believed: Vec::new(),
        version: version.clone(),
        version_by: by,
        said: options.locations.clone(),
    };
    // Large trees have hundreds of thousands of levels, and one of them knows nothing of the others.
    nginx.names = in_pieces(files, nginx.servers.len(), |number| nginx.name_hashes(nginx.servers[number]));
    nginx.names.sort_unstable();
    nginx.routes = in_pieces(files, nginx.model.levels.len(), |level| nginx.way(level));
    nginx.believed = in_pieces(files, nginx.routes.len(), |number| {
        observe::believed(&nginx, &nginx.routes[number]).map(|_| number)
    });
    let documents = nginx.model.documents.clone();
    let told = observe::everywhere(&nginx);
    Reading { documents, routes: Vec::new(), told, tree: Box::new(nginx) }
}

/// What there is to say for each number below `count`, in their order.
fn in_pieces<T, I>(files: &dyn Files, count: usize, say: impl Fn(usize) -> I + Sync) -> Vec<T>
where
    T: Send + Sync,
    I: IntoIterator<Item = T>,
{
    let pieces = make_each(files, count.div_ceil(PIECE), |piece| {
        let numbers = piece * PIECE..count.min((piece + 1) * PIECE);
        numbers.flat_map(&say).collect::<Vec<T>>()
    });
    pieces.into_iter().flatten().collect()
}

fn hash(name: &str) -> u64 {
    let mut hasher = DefaultHasher::new();
    name.hash(&mut hasher);
    hasher.finish()
}

impl Nginx {
    /// The route of a level, if it sends requests on.
    fn way(&self, level: usize) -> Option<Way> {
        let model = &self.model;
        if !matches!(model.levels[level].kind, Kind::Location | Kind::If) {
            return None;
        }
        let pass = model.own(level, "proxy_pass").last()?;
        let location = model.enclosing(level, Kind::Location)?;
        Some(Way { level, location, server: model.enclosing(level, Kind::Server), pass })
    }

    /// The server of a route.
    fn server(&self, way: &Way) -> Option<Server> {
        Some(Server::of(&self.model, way.server?))
    }

    /// Of each name of a server: its hash, and the server's level.
    fn name_hashes(&self, server: usize) -> Vec<(u64, usize)> {
        matching::names(&self.model, server).map(|name| (hash(&name), server)).collect()
    }

    /// The servers of this name before a level, in the order of the files.
    fn namesakes(&self, name: &str, before: usize) -> impl Iterator<Item = Server> {
        let hash = hash(name);
        let first = self.names.partition_point(|(other, _)| *other < hash);
        let same = self.names[first..].iter().take_while(move |other| **other < (hash, before));
        same.map(|(_, server)| Server::of(&self.model, *server))
            .filter(move |server| server.names.iter().any(|other| other == name))
    }

    /// The routes inside a level.
    fn ways_inside(&self, level: usize) -> &[Way] {
        let first = self.routes.partition_point(|way| way.level < level);
        let end = self.model.end(level);
        let count = self.routes[first..].partition_point(|way| way.level < end);
        &self.routes[first..first + count]
    }

    /// A route without what it is told.
    fn outline(&self, way: &Way) -> Route {
        let server = self.server(way);
        let at = self.model.levels[way.level].at;
        let (document, range) = match at {
            Some(at) => (at.document(), self.model.head(at)),
            None => (way.pass.document(), self.model.range(way.pass)),
        };
        Route {
            name: self.name(way),
            ports: server.iter().flat_map(|server| &server.listens).map(|listen| listen.port).collect(),
            tls: server.as_ref().is_some_and(Server::tls),
            hosts: server.map(|server| server.names).unwrap_or_default(),
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
    fn count(&self, _: &Config) -> usize {
        self.routes.len()
    }

    fn route(&self, _: &Config, number: usize) -> Route {
        let mut route = self.outline(&self.routes[number]);
        // Of the others nobody asks more: they get their identity when somebody does.
        if self.believed.binary_search(&number).is_ok() {
            route.told.push(observe::identity(self, number));
        }
        route
    }

    fn believed(&self, _: &Config) -> Vec<usize> {
        self.believed.clone()
    }

    fn choose(&self, _: &Config, request: &Request) -> Option<usize> {
        let servers: Vec<Server> = self.servers.iter().map(|level| Server::of(&self.model, *level)).collect();
        let server = matching::server(&servers, request);
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
