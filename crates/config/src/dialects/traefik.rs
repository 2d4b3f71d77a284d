//! Traefik 2 and 3: static and dynamic files in YAML and TOML, and labels of Docker Compose.
//!
//! A route is a router. Source: <https://doc.traefik.io/traefik/> (v2.11, v3.0).

mod edit;
mod observe;
mod rule;

use crate::yaml::{self, Node, What};
use crate::{Config, Document, Edit, Files, NoEdit, Options, Reading, Request, Tree, Version};
use evidence::{Given, Setting, VersionBy, Wish};
use observe::Router;

/// What is kept of the files.
#[derive(Debug)]
pub(crate) struct Traefik {
    /// The roots of all files, with the number of each one's document.
    pub roots: Vec<Root>,
    /// One for each route, in the same order.
    pub routers: Vec<Router>,
}

/// A file's tree.
#[derive(Debug)]
pub(crate) struct Root {
    pub document: usize,
    pub node: Node,
    /// It is made of labels; nothing can be put into it.
    pub labels: bool,
}

pub(crate) fn read(
    document: Document,
    files: &dyn Files,
    options: &Options,
    version: &Version,
    by: VersionBy,
) -> Reading {
    let mut documents = Vec::new();
    let mut roots: Vec<Root> = Vec::new();
    let mut told = Vec::new();
    let mut waiting = vec![document];
    let folder = waiting[0].path.rsplit_once('/').map_or("", |(folder, _)| folder).to_owned();
    while let Some(document) = waiting.pop() {
        if documents.len() >= 256 || documents.iter().any(|known: &Document| known.path == document.path) {
            continue;
        }
        let number = documents.len();
        let trees = if is_toml(&document) { yaml::read_toml(&document) } else { yaml::read(&document) };
        documents.push(document);
        if let Some((range, why)) = trees.unread {
            let at = super::common::At::new(number, range);
            told.push(super::common::told(&documents, &at, Setting::Unreadable { why }, Given::Here));
        }
        for node in trees.roots {
            // As it is written, or beside this file: containers have other folders.
            let mut more: Vec<(String, String)> = Vec::new();
            let last =
                |path: &str| path.trim_end_matches('/').rsplit('/').next().unwrap_or_default().to_owned();
            if let Some(provider) = node.at(&["providers", "file"]) {
                if let Some(name) = provider.text_of("filename") {
                    more.push((name.to_owned(), last(name)));
                }
                if let Some(name) = provider.text_of("directory") {
                    more.extend(["yml", "yaml", "toml"].iter().map(|end| {
                        (format!("{}/*.{end}", name.trim_end_matches('/')), format!("{}/*.{end}", last(name)))
                    }));
                }
            }
            for (pattern, beside) in more {
                let mut paths = files.list(&pattern);
                if paths.is_empty() {
                    paths =
                        files.list(&if folder.is_empty() { beside } else { format!("{folder}/{beside}") });
                }
                for path in paths.into_iter().rev() {
                    if let Ok(text) = files.read(&path) {
                        waiting.push(Document::new(path, text));
                    }
                }
            }
            if let Some(labels) = observe::labels(&documents[number], &node) {
                roots.push(Root { document: number, node: labels, labels: true });
            }
            roots.push(Root { document: number, node, labels: false });
        }
    }
    let (routers, routes, more) = observe::observe(&documents, &roots, options, version, by);
    told.extend(more);
    Reading { documents, routes, told, tree: Box::new(Traefik { roots, routers }) }
}

fn is_toml(document: &Document) -> bool {
    if document.path.ends_with(".toml") {
        return true;
    }
    let yaml = [".yml", ".yaml", ".json"].iter().any(|end| document.path.ends_with(end));
    !yaml
        && document.str(0..document.text.len().min(65_536)).lines().any(|line| {
            let line = line.trim();
            line.starts_with('[') && line.ends_with(']') && !line.contains(',')
        })
}

impl Traefik {
    /// An entry of `http.<kind>` by its name, without the provider behind `@`.
    pub(crate) fn find<'a>(roots: &'a [Root], kind: &str, name: &str) -> Option<(usize, bool, &'a Node)> {
        let name = name.split('@').next().unwrap_or(name);
        roots.iter().find_map(|root| {
            let found = root.node.at(&["http", kind])?.entry_nocase(name)?;
            Some((root.document, root.labels, &found.value))
        })
    }

    pub(crate) fn entry_point<'a>(roots: &'a [Root], name: &str) -> Option<(usize, &'a Node)> {
        roots.iter().find_map(|root| {
            let found = root.node.at(&["entryPoints"])?.entry_nocase(name)?;
            matches!(found.value.what, What::Map(_)).then_some((root.document, &found.value))
        })
    }
}

impl Tree for Traefik {
    fn choose(&self, _: &Config, request: &Request) -> Option<usize> {
        observe::choose(&self.routers, request)
    }

    fn edit(&self, config: &Config, route: usize, wish: &Wish) -> Result<Vec<Edit>, NoEdit> {
        edit::edit(self, config, route, wish)
    }
}
