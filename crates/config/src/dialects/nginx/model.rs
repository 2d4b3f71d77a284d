//! What the files add up to: levels (`http`, `server`, `location` …) with the directives that stand in each, includes
//! resolved, and the things that go by name: maps, upstreams, variables.

use super::syntax::{self, Parsed, Word, value};
use crate::{Document, Files, make_each};
use std::borrow::Cow;
use std::collections::{HashMap, HashSet};
use std::ops::Range;

/// Files that are read, at the most: an include that explodes must end.
const MOST_FILES: usize = 20_000;
/// Directives that are placed, at the most, for the same reason.
const MOST_PLACED: usize = 8_000_000;
/// Includes inside includes.
const DEEPEST: usize = 40;
/// Blocks inside blocks, over all files.
const DEEPEST_LEVEL: usize = 200;

/// A directive: in which document, and which of its nodes. Small, because there are many.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct At {
    document: u32,
    node: u32,
}

impl At {
    pub(crate) fn new(document: usize, node: usize) -> Self {
        let small = |number: usize| u32::try_from(number).unwrap_or(u32::MAX);
        Self { document: small(document), node: small(node) }
    }

    /// The number of its document.
    pub(crate) fn document(self) -> usize {
        self.document as usize
    }

    /// The number of its node.
    pub(crate) fn node(self) -> usize {
        self.node as usize
    }
}

/// What kind of level it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Main,
    Events,
    Http,
    Server,
    Location,
    /// `if` and `limit_except`, inside a location.
    If,
    Upstream,
    /// `map`, and what else holds pairs of words.
    Pairs,
    /// Anything else: `stream`, `types`, blocks of other modules.
    Foreign,
}

/// A block. Levels stand in the order in which they are opened.
#[derive(Debug)]
pub(crate) struct Level {
    pub kind: Kind,
    /// The block; none: it is implied, around a fragment.
    pub at: Option<At>,
    parent: Option<u32>,
    /// See [`Model::end`].
    next: u32,
    /// Its list in [`Model::lists`]; none: what stands in the block is all that stands in the level.
    list: Option<u32>,
}

impl Level {
    /// The level around it.
    pub(crate) fn parent(&self) -> Option<usize> {
        self.parent.map(|parent| parent as usize)
    }
}

/// Something to say about a place, with the id of the catalog where there is one.
#[derive(Debug, Clone)]
pub(crate) struct Trouble {
    pub document: usize,
    pub range: Range<usize>,
    pub says: String,
    pub because: Option<&'static str>,
    /// The rest cannot be read, rather than: nginx refuses it.
    pub unreadable: bool,
}

/// All files of one nginx.
#[derive(Debug, Default)]
pub(crate) struct Model {
    pub documents: Vec<Document>,
    pub parsed: Vec<Parsed>,
    pub levels: Vec<Level>,
    /// The directives of levels that no single block holds, because they are implied or include files.
    lists: Vec<Vec<At>>,
    pub troubles: Vec<Trouble>,
    /// The whole of `http` is visible, so what is not there does not exist.
    pub whole: bool,
    /// Variable (without `$`) to the map that makes it.
    pub maps: HashMap<String, usize>,
    /// Name of an upstream to its level.
    pub upstreams: HashMap<String, usize>,
    /// Variables that are made by anything but a map.
    pub variables: HashSet<String>,
}

struct Reader<'a> {
    model: Model,
    files: &'a dyn Files,
    /// Folder that relative includes start from: that of the main file.
    prefix: String,
    known: HashMap<String, usize>,
    /// Files of an include that were read together, and whose turn is still to come.
    ahead: HashMap<String, Result<(Document, Parsed), String>>,
    /// Documents that are being included right now.
    open: Vec<usize>,
    placed: usize,
    depth: usize,
}

impl Model {
    /// Reads a file and what it includes; `context` is what surrounds a fragment, if it does not say itself.
    pub(crate) fn read(root: Document, files: &dyn Files, context: Option<&str>) -> Self {
        let prefix = root.path.rsplit_once('/').map(|(folder, _)| folder.to_owned()).unwrap_or_default();
        let mut reader = Reader {
            model: Self::default(),
            files,
            prefix,
            known: HashMap::new(),
            ahead: HashMap::new(),
            open: Vec::new(),
            placed: 0,
            depth: 0,
        };
        let parsed = syntax::parse(&root.text);
        let first = reader.add(root, parsed);
        let kind = match context {
            Some("main") => Kind::Main,
            Some("http") => Kind::Http,
            Some("server") => Kind::Server,
            Some("location") => Kind::Location,
            _ => reader.guess(first),
        };
        let level = reader.implied(kind);
        reader.open.push(first);
        reader.fill(level, first, None);
        for level in 0..=level {
            reader.close(level);
        }
        let mut model = reader.model;
        // A fragment may be the whole of what matters, but what it lacks may stand elsewhere.
        model.whole = kind == Kind::Main && model.levels.iter().any(|level| level.kind == Kind::Http);
        model.collect();
        model
    }

    /// The bytes of a document.
    pub(crate) fn text(&self, document: usize) -> &[u8] {
        &self.documents[document].text
    }

    /// The name of a directive.
    pub(crate) fn name(&self, at: At) -> Cow<'_, str> {
        self.value(at.document(), self.parsed[at.document()].nodes[at.node()].name)
    }

    /// What a word stands for.
    pub(crate) fn value(&self, document: usize, word: Word) -> Cow<'_, str> {
        value(self.text(document), word)
    }

    /// The words of a directive behind its name.
    pub(crate) fn words(&self, at: At) -> &[Word] {
        self.parsed[at.document()].words(at.node())
    }

    /// The word of a directive at this place behind its name.
    pub(crate) fn word(&self, at: At, number: usize) -> Option<Cow<'_, str>> {
        Some(self.value(at.document(), *self.words(at).get(number)?))
    }

    /// The bytes of a directive, with its block.
    pub(crate) fn range(&self, at: At) -> Range<usize> {
        self.parsed[at.document()].range(at.node())
    }

    /// The bytes of a directive up to the `{` of its block.
    pub(crate) fn head(&self, at: At) -> Range<usize> {
        let range = self.range(at);
        match self.parsed[at.document()].nodes[at.node()].open {
            Some(open) => {
                let end = self.words(at).last().map_or(open.get() as usize - 1, |word| word.range().end);
                range.start..end.max(range.start + 1)
            }
            None => range,
        }
    }

    /// Whether a directive has this name.
    pub(crate) fn is(&self, at: At, name: &str) -> bool {
        let word = self.parsed[at.document()].nodes[at.node()].name;
        self.text(at.document()).get(word.range()) == Some(name.as_bytes())
    }

    /// The directives without a block that stand directly in a level.
    pub(crate) fn directives(&self, level: usize) -> impl Iterator<Item = At> + '_ {
        let Level { at, list, .. } = self.levels[level];
        let listed = list.and_then(|list| self.lists.get(list as usize)).into_iter().flatten().copied();
        let block = at.filter(|_| list.is_none()).map(|at| (at, &self.parsed[at.document()]));
        let plain = block.into_iter().flat_map(|(at, parsed)| {
            parsed.plain(Some(at.node())).map(move |node| At::new(at.document(), node))
        });
        listed.chain(plain)
    }

    /// Directives of this name directly in a level.
    pub(crate) fn own<'a>(&'a self, level: usize, name: &'a str) -> impl Iterator<Item = At> + 'a {
        self.directives(level).filter(move |at| self.is(*at, name))
    }

    /// The levels of this kind.
    pub(crate) fn of_kind(&self, kind: Kind) -> Vec<usize> {
        (0..self.levels.len()).filter(|level| self.levels[*level].kind == kind).collect()
    }

    /// The number of the next level that is not inside this one.
    pub(crate) fn end(&self, level: usize) -> usize {
        self.levels[level].next as usize
    }

    /// The levels directly inside a level, in the order of the files.
    pub(crate) fn inside(&self, level: usize) -> impl Iterator<Item = usize> + '_ {
        let end = self.end(level);
        let next = move |level: usize| Some(level).filter(|level| *level < end);
        std::iter::successors(next(level + 1), move |level| next(self.end(*level)))
    }

    /// The level itself and those around it, from the inside.
    pub(crate) fn around(&self, level: usize) -> impl Iterator<Item = usize> + '_ {
        std::iter::successors(Some(level), |level| self.levels[*level].parent())
    }

    /// The directive of this name that is in force: the nearest one.
    pub(crate) fn nearest(&self, level: usize, name: &str) -> Option<(At, usize)> {
        self.around(level).find_map(|around| Some((self.own(around, name).last()?, around)))
    }

    /// The directives of this name that are in force, of those that are inherited all or not at all.
    pub(crate) fn all_or_nothing(&self, level: usize, name: &str) -> (Vec<At>, Option<usize>) {
        for around in self.around(level) {
            let own: Vec<At> = self.own(around, name).collect();
            if !own.is_empty() {
                return (own, Some(around));
            }
        }
        (Vec::new(), None)
    }

    /// The nearest level of this kind, the level itself among them.
    pub(crate) fn enclosing(&self, level: usize, kind: Kind) -> Option<usize> {
        self.around(level).find(|around| self.levels[*around].kind == kind)
    }

    /// What a level is called.
    pub(crate) fn called(&self, level: usize) -> String {
        let Some(at) = self.levels[level].at else {
            return match self.levels[level].kind {
                Kind::Http => "http".to_owned(),
                Kind::Server => "server".to_owned(),
                _ => "location".to_owned(),
            };
        };
        let words: Vec<_> =
            self.words(at).iter().map(|word| self.documents[at.document()].str(word.range())).collect();
        if words.is_empty() {
            self.name(at).into_owned()
        } else {
            format!("{} {}", self.name(at), words.join(" "))
        }
    }

    fn collect(&mut self) {
        for level in 0..self.levels.len() {
            let Some(at) = self.levels[level].at else { continue };
            match self.levels[level].kind {
                Kind::Upstream => {
                    if let Some(name) = self.word(at, 0) {
                        self.upstreams.insert(name.into_owned(), level);
                    }
                }
                Kind::Pairs => {
                    let name = self.name(at).into_owned();
                    let words = self.words(at).len();
                    let Some(variable) = words.checked_sub(1).and_then(|last| self.word(at, last)) else {
                        continue;
                    };
                    let variable = variable.trim_start_matches('$').to_owned();
                    if name == "map" {
                        let parent = self.levels[level].parent().map(|parent| self.levels[parent].kind);
                        if !matches!(parent, Some(Kind::Http | Kind::Foreign)) {
                            self.troubles.push(Trouble {
                                document: at.document(),
                                range: self.head(at),
                                says: "\"map\" directive is not allowed here".to_owned(),
                                because: Some("nginx-map-missing"),
                                unreadable: false,
                            });
                        }
                        self.maps.insert(variable, level);
                    } else {
                        self.variables.insert(variable);
                    }
                }
                _ => {}
            }
        }
    }
}

impl Reader<'_> {
    fn add(&mut self, document: Document, parsed: Parsed) -> usize {
        let number = self.model.documents.len();
        self.known.insert(document.path.clone(), number);
        for complaint in &parsed.complaints {
            self.model.troubles.push(Trouble {
                document: number,
                range: complaint.at.clone(),
                says: complaint.says.clone(),
                because: None,
                unreadable: false,
            });
        }
        self.model.documents.push(document);
        self.model.parsed.push(parsed);
        number
    }

    /// What surrounds a file, by what stands at its top.
    fn guess(&self, document: usize) -> Kind {
        let parsed = &self.model.parsed[document];
        let text = self.model.text(document);
        let mut kind = None;
        for node in parsed.children(None).take(10_000) {
            let name = value(text, parsed.nodes[node].name);
            let here = match &*name {
                "http"
                | "events"
                | "stream"
                | "worker_processes"
                | "user"
                | "pid"
                | "worker_rlimit_nofile" => {
                    return Kind::Main;
                }
                "server" | "upstream" | "map" | "geo" | "split_clients" | "limit_conn_zone"
                | "limit_req_zone" | "log_format" => Kind::Http,
                "location" | "listen" | "server_name" | "ssl_certificate" => Kind::Server,
                "proxy_pass" | "alias" | "try_files" => Kind::Location,
                _ => continue,
            };
            // `server` and `location` decide; a lone `proxy_pass` only where neither is there.
            if kind.is_none_or(|known| known == Kind::Location) {
                kind = Some(here);
            }
            if here == Kind::Http {
                return here;
            }
        }
        // Nothing tells: what only holds defaults (`proxy_params`) belongs to any level, and leads nowhere.
        kind.unwrap_or(Kind::Http)
    }

    fn implied(&mut self, kind: Kind) -> usize {
        let chain: &[Kind] = match kind {
            Kind::Server => &[Kind::Http, Kind::Server],
            Kind::Location => &[Kind::Http, Kind::Server, Kind::Location],
            Kind::Http => &[Kind::Http],
            _ => &[Kind::Main],
        };
        let mut inner = None;
        for kind in chain {
            let level = self.open(*kind, None, inner);
            self.list(level, Vec::new());
            inner = Some(level);
        }
        inner.unwrap_or(0)
    }

    fn open(&mut self, kind: Kind, at: Option<At>, parent: Option<usize>) -> usize {
        let level = self.model.levels.len();
        let parent = parent.and_then(|parent| u32::try_from(parent).ok());
        self.model.levels.push(Level { kind, at, parent, next: 0, list: None });
        level
    }

    fn close(&mut self, level: usize) {
        self.model.levels[level].next = u32::try_from(self.model.levels.len()).unwrap_or(u32::MAX);
    }

    /// From now on, what stands in a level is what is put on its list.
    fn list(&mut self, level: usize, so_far: Vec<At>) {
        self.model.levels[level].list = u32::try_from(self.model.lists.len()).ok();
        self.model.lists.push(so_far);
    }

    /// Places what stands in a block (or at the top of a file) into a level.
    fn fill(&mut self, level: usize, document: usize, block: Option<usize>) {
        let (mut next, end) = self.model.parsed[document].inner(block);
        while next < end {
            let node = next;
            next = self.model.parsed[document].nodes[node].next as usize;
            let at = At::new(document, node);
            if self.placed >= MOST_PLACED {
                if self.placed == MOST_PLACED {
                    self.placed += 1;
                    self.trouble(at, "the includes multiply beyond what can be read", true);
                }
                return;
            }
            self.placed += 1;
            if self.model.parsed[document].nodes[node].open.is_none() {
                self.plain(level, at, block);
                continue;
            }
            let kind = kind(&self.model.name(at), self.model.levels[level].kind);
            let inner = self.open(kind, Some(at), Some(level));
            if self.depth >= DEEPEST_LEVEL {
                self.trouble(at, "blocks are nested too deeply", true);
                self.list(inner, Vec::new());
            } else {
                self.depth += 1;
                self.fill(inner, document, Some(node));
                self.depth -= 1;
            }
            self.close(inner);
        }
    }

    /// Places a directive without a block.
    fn plain(&mut self, level: usize, at: At, block: Option<usize>) {
        if let Some(list) = self.model.levels[level].list {
            self.model.lists[list as usize].push(at);
        }
        let name = self.model.parsed[at.document()].nodes[at.node()].name;
        // As bytes: this looks at every directive there is.
        match self.model.text(at.document()).get(name.range()) {
            Some(b"include") => {
                if self.model.levels[level].list.is_none() {
                    let before = self.model.parsed[at.document()].plain(block);
                    let before = before.take_while(|node| *node <= at.node());
                    let so_far = before.map(|node| At::new(at.document(), node)).collect();
                    self.list(level, so_far);
                }
                self.include(level, at);
            }
            Some(
                b"set" | b"auth_request_set" | b"js_set" | b"perl_set" | b"set_by_lua_block" | b"js_var"
                | b"set_by_lua_file",
            ) => {
                if let Some(variable) = self.model.word(at, 0) {
                    let variable = variable.trim_start_matches('$').to_owned();
                    self.model.variables.insert(variable);
                }
            }
            _ => {}
        }
    }

    fn include(&mut self, level: usize, at: At) {
        let Some(pattern) = self.model.word(at, 0).map(Cow::into_owned) else { return };
        if self.open.len() > DEEPEST {
            self.trouble(at, "includes are nested too deeply", true);
            return;
        }
        let mut full = pattern.clone();
        let mut found = Vec::new();
        for folder in self.folders() {
            full = if pattern.starts_with('/') || folder.is_empty() {
                pattern.clone()
            } else {
                format!("{folder}/{pattern}")
            };
            found = self.files.list(&full);
            if !found.is_empty() || pattern.starts_with('/') {
                break;
            }
        }
        let is_pattern = pattern.contains(['*', '?', '[']);
        if found.is_empty() && !is_pattern {
            // A fragment's includes lie where we do not know; a main file's must be there.
            if self.model.levels.first().is_some_and(|level| level.kind == Kind::Main) {
                self.trouble(at, &format!("\"{full}\" is not there: No such file or directory"), true);
            }
            return;
        }
        self.read_ahead(&found);
        for path in found {
            let document = match self.known.get(&path) {
                Some(known) => *known,
                None if self.model.documents.len() >= MOST_FILES => {
                    self.trouble(at, "more files are included than can be read", true);
                    return;
                }
                None => match self.ahead.remove(&path).unwrap_or_else(|| parsed(self.files, &path)) {
                    Ok((document, parsed)) => self.add(document, parsed),
                    Err(why) => {
                        self.trouble(at, &format!("{path}: {why}"), true);
                        continue;
                    }
                },
            };
            if self.open.contains(&document) {
                self.trouble(at, &format!("\"{path}\" includes itself"), true);
                continue;
            }
            self.open.push(document);
            self.fill(level, document, None);
            self.open.pop();
        }
    }

    /// Reads those of these files that are new, all at once.
    fn read_ahead(&mut self, paths: &[String]) {
        let room = MOST_FILES.saturating_sub(self.model.documents.len() + self.ahead.len());
        let is_new = |path: &&String| !self.known.contains_key(*path) && !self.ahead.contains_key(*path);
        let new: Vec<&String> = paths.iter().filter(is_new).take(room).collect();
        let read = make_each(self.files, new.len(), |number| parsed(self.files, new[number]));
        self.ahead.extend(new.into_iter().cloned().zip(read));
    }

    /// Where relative includes are looked for: the folder of the main file; around a fragment also those above it,
    /// because the main file lies there (`/etc/nginx/sites-enabled/x` includes `proxy_params`).
    fn folders(&self) -> Vec<String> {
        let mut folders = vec![self.prefix.clone()];
        if self.model.levels.first().is_none_or(|level| level.kind != Kind::Main)
            && let Some((above, _)) = self.prefix.rsplit_once('/')
        {
            folders.push(above.to_owned());
        }
        folders
    }

    fn trouble(&mut self, at: At, says: &str, unreadable: bool) {
        let trouble = Trouble {
            document: at.document(),
            range: self.model.range(at),
            says: says.to_owned(),
            because: None,
            unreadable,
        };
        if self.model.troubles.len() < 200 {
            self.model.troubles.push(trouble);
        }
    }
}

/// A file, taken apart; or why it cannot be read.
fn parsed(files: &dyn Files, path: &str) -> Result<(Document, Parsed), String> {
    let document = Document::new(path, files.read(path)?);
    let parsed = syntax::parse(&document.text);
    Ok((document, parsed))
}

fn kind(name: &str, around: Kind) -> Kind {
    match (name, around) {
        ("http", Kind::Main) => Kind::Http,
        ("events", _) => Kind::Events,
        ("server", Kind::Http) => Kind::Server,
        ("upstream", Kind::Http) => Kind::Upstream,
        ("location", Kind::Server | Kind::Location) => Kind::Location,
        ("if" | "limit_except", Kind::Location | Kind::Server) => Kind::If,
        ("map" | "geo" | "split_clients", _) => Kind::Pairs,
        _ => Kind::Foreign,
    }
}
