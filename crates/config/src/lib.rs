//! What a proxy is told, and how to tell it otherwise: text in; neutral facts about routes, and edits, out.
//!
//! Every dialect does three things: it reads files without ever failing on them ([`read`]), it says for each route what
//! an upgrade and a long connection meet there ([`Route::told`]), and it turns a [`Wish`] into bytes to replace
//! ([`Config::edit`]). It knows one product well and no cause at all: what the facts mean is for `diagnose` to say.
//!
//! Files come through [`Files`], so this crate opens none.
#![warn(clippy::disallowed_methods)]

mod beliefs;
pub mod dialects;
mod document;
mod files;
mod target;
mod version;
mod yaml;

pub use dialects::Dialect;
pub use document::{Document, Edit, apply};
pub use files::{Files, Memory, glob, make_each};
pub use target::Request;
pub use version::{Known, Version};

use evidence::{Belief, Given, Setting, Spot, Told, VersionBy, Wish};

/// How to read.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// Which product's language; none: it is guessed from names and contents.
    pub dialect: Option<Dialect>,
    /// The product's version, and who says so.
    pub version: Option<(Version, VersionBy)>,
    /// What surrounds a fragment, such as `server` or `location` for nginx; none: it is guessed.
    pub context: Option<String>,
    /// Paths (or route names) that the user says carry sockets.
    pub locations: Vec<String>,
}

/// Configuration files that belong together, as one dialect reads them.
#[derive(Debug)]
pub struct Config {
    /// Which product's language it is.
    pub dialect: Dialect,
    /// The version that is reckoned with.
    pub version: Version,
    /// Who says so.
    pub version_by: VersionBy,
    /// Every file that was read, the one that was asked for first.
    pub documents: Vec<Document>,
    /// Of a dialect that makes them while it reads: its routes. [`Config::routes`] has those of every dialect.
    routes: Vec<Route>,
    /// What concerns every route, or none in particular: what the product refuses, what cannot be read, limits.
    pub told: Vec<Told>,
    tree: Box<dyn Tree>,
}

/// A route to an application.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Route {
    /// As it is called in the file: `location /ws/`.
    pub name: String,
    /// Host names that it serves; empty: any.
    pub hosts: Vec<String>,
    /// Ports that it listens on, as far as they are known.
    pub ports: Vec<u16>,
    /// It is served over TLS.
    pub tls: bool,
    /// A path that comes here: the one asked for, or an example.
    pub path: String,
    /// Where it begins.
    pub spot: Spot,
    /// What it is told as far as it was looked at while reading; a [`Setting::Route`] first. [`Config::about`] has all.
    pub told: Vec<Told>,
}

impl Route {
    /// Why it is believed to carry WebSockets.
    #[must_use]
    pub fn believed(&self) -> Option<&evidence::Belief> {
        self.told.iter().find_map(|told| match &told.what {
            Setting::Route(route) => route.believed.as_ref(),
            _ => None,
        })
    }
}

/// Why a wish cannot become an edit; in English, for developers and `--verbose`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NoEdit(pub String);

/// What a dialect keeps of its files: enough to find a route and to change it.
pub(crate) trait Tree: std::fmt::Debug + Send + Sync {
    /// How many routes there are.
    fn count(&self, config: &Config) -> usize {
        config.routes.len()
    }

    /// A route by its number, which is one below the count. A dialect that makes all of them while it reads leaves them
    /// in [`Config::routes`]; one that may have hundreds of thousands makes those that somebody asks for.
    fn route(&self, config: &Config, number: usize) -> Route {
        config.routes[number].clone()
    }

    /// The numbers of the routes that are believed to carry sockets.
    fn believed(&self, config: &Config) -> Vec<usize> {
        (0..config.routes.len()).filter(|number| config.routes[*number].believed().is_some()).collect()
    }

    /// The route that this request takes, as the product chooses it, by its number in [`Config::routes`].
    fn choose(&self, config: &Config, request: &Request) -> Option<usize>;

    /// What a route is told. A dialect that does this at once while it reads leaves it in [`Route::told`].
    fn observe(&self, config: &Config, route: usize, _: Option<&Request>) -> Vec<Told> {
        config.routes[route].told.clone()
    }

    /// The bytes to replace so that the route is as wished.
    fn edit(&self, config: &Config, route: usize, wish: &Wish) -> Result<Vec<Edit>, NoEdit>;
}

/// What a dialect makes of files.
#[derive(Debug)]
pub(crate) struct Reading {
    pub documents: Vec<Document>,
    pub routes: Vec<Route>,
    pub told: Vec<Told>,
    pub tree: Box<dyn Tree>,
}

/// Reads a file and what it includes. Never fails: what is wrong is told.
#[must_use]
pub fn read(path: &str, files: &dyn Files, options: &Options) -> Config {
    let text = files.read(path);
    let dialect = options.dialect.unwrap_or_else(|| {
        dialects::guess(path, text.as_deref().unwrap_or_default()).unwrap_or(Dialect::Nginx)
    });
    let (version, version_by) =
        options.version.clone().unwrap_or_else(|| (dialect.assumed_version(), VersionBy::Assumed));
    let reading = match text {
        Ok(text) => dialect.read(Document::new(path, text), files, options, &version, version_by),
        Err(why) => {
            let document = Document::new(path, Vec::new());
            let spot = document.spot(0..0);
            let told = vec![Told { what: Setting::Unreadable { why }, by: Given::Here, because: None, spot }];
            Reading { documents: vec![document], routes: Vec::new(), told, tree: Box::new(Nothing) }
        }
    };
    let Reading { documents, routes, told, tree } = reading;
    Config { dialect, version, version_by, documents, routes, told, tree }
}

impl Config {
    /// The routes that lead to an application, in the order of the files.
    pub fn routes(&self) -> impl ExactSizeIterator<Item = Route> + '_ {
        (0..self.tree.count(self)).map(|number| self.tree.route(self, number))
    }

    /// A route by its number.
    #[must_use]
    pub fn route(&self, number: usize) -> Option<Route> {
        (number < self.tree.count(self)).then(|| self.tree.route(self, number))
    }

    /// The numbers of the routes that are believed to carry sockets.
    #[must_use]
    pub fn believed(&self) -> Vec<usize> {
        self.tree.believed(self)
    }

    /// The route that this request takes, as the product chooses it.
    #[must_use]
    pub fn choose(&self, request: &Request) -> Option<usize> {
        self.tree.choose(self, request).filter(|route| *route < self.tree.count(self))
    }

    /// Everything that is told about a route: its own settings, and those that concern every route.
    #[must_use]
    pub fn about(&self, route: usize) -> Vec<Told> {
        self.about_request(route, None)
    }

    /// The same for one request, which is known to be a handshake: then the route does carry sockets.
    #[must_use]
    pub fn about_request(&self, route: usize, request: Option<&Request>) -> Vec<Told> {
        if route >= self.tree.count(self) {
            return self.told.clone();
        }
        let mut told = self.tree.observe(self, route, request);
        if request.is_some() {
            for told in &mut told {
                if let Setting::Route(seen) = &mut told.what {
                    seen.believed = Some(Belief::Said);
                }
            }
        }
        told.extend(self.told.iter().cloned());
        told
    }

    /// The bytes to replace so that a route is as wished; none where it is already.
    ///
    /// # Errors
    /// Where this dialect cannot bring it about by itself.
    pub fn edit(&self, route: usize, wish: &Wish) -> Result<Vec<Edit>, NoEdit> {
        if wish.is_met_by(&self.about(route)) {
            return Ok(Vec::new());
        }
        self.tree.edit(self, route, wish)
    }
}

/// Of a file that could not be read.
#[derive(Debug)]
struct Nothing;

impl Tree for Nothing {
    fn choose(&self, _: &Config, _: &Request) -> Option<usize> {
        None
    }

    fn edit(&self, _: &Config, _: usize, _: &Wish) -> Result<Vec<Edit>, NoEdit> {
        Err(NoEdit("nothing was read".to_owned()))
    }
}
