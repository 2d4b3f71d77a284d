//! The Caddyfile: sites, snippets, matchers, and edits.

use super::observe::{Matcher, Proxy};
use super::syntax::{Directive, parse};
use crate::dialects::common::{At, go_duration, parts, remove_lines, short, tls_port};
use crate::{Config, Document, Edit, Files, version};
use evidence::Wish;

/// Imports in imports, and directives in all.
const DEEPEST: usize = 10;
const MOST: usize = 50_000;

struct Reader<'a> {
    files: &'a dyn Files,
    documents: Vec<Document>,
    unread: Vec<(At, String)>,
    snippets: Vec<(String, Directive)>,
    proxies: Vec<Proxy>,
    seen: usize,
}

/// What stands around a directive.
#[derive(Debug, Clone, Default)]
struct Around {
    site: Proxy,
    named: Vec<(String, Vec<Matcher>, bool)>,
    name: Option<String>,
    depth: usize,
}

type Read = (Vec<Document>, Vec<Proxy>, Vec<(At, String)>);

pub(crate) fn read(document: Document, files: &dyn Files) -> Read {
    let mut reader = Reader {
        files,
        documents: Vec::new(),
        unread: Vec::new(),
        snippets: Vec::new(),
        proxies: Vec::new(),
        seen: 0,
    };
    let top = reader.document(document);
    reader.top(&top, 0);
    (reader.documents, reader.proxies, reader.unread)
}

impl Reader<'_> {
    fn document(&mut self, document: Document) -> Vec<Directive> {
        let (top, unread) = parse(&document, self.documents.len());
        self.unread.extend(unread);
        self.documents.push(document);
        top
    }

    fn imported(&mut self, directive: &Directive, depth: usize) -> Vec<Directive> {
        let name = directive.word(1).to_owned();
        if let Some((_, snippet)) = self.snippets.iter().find(|(own, _)| *own == name) {
            return snippet.inside().to_vec();
        }
        let folder = self
            .documents
            .get(directive.document)
            .and_then(|document| document.path.rsplit_once('/'))
            .map(|(folder, _)| format!("{folder}/"))
            .unwrap_or_default();
        let pattern = if name.starts_with('/') { name.clone() } else { format!("{folder}{name}") };
        let paths = self.files.list(&pattern);
        if paths.is_empty() && !name.contains(['*', '{']) {
            self.unread.push((directive.at(), format!("{name}: no such file or snippet")));
        }
        let mut found = Vec::new();
        for path in paths {
            if depth > DEEPEST || self.documents.iter().filter(|document| document.path == path).count() > 2 {
                self.unread.push((directive.at(), format!("{path} is imported too often or too deeply")));
                break;
            }
            match self.files.read(&path) {
                Ok(text) => {
                    let number = self.documents.iter().position(|document| document.path == path);
                    match number {
                        // Twice the same: parsed again, but it stays one document.
                        Some(number) => found.extend(parse(&self.documents[number].clone(), number).0),
                        None => found.extend(self.document(Document::new(path, text))),
                    }
                }
                Err(why) => self.unread.push((directive.at(), format!("{path}: {why}"))),
            }
        }
        found
    }

    fn top(&mut self, top: &[Directive], depth: usize) {
        for directive in top {
            let word = directive.word(0);
            if word.starts_with('(') && word.ends_with(')') {
                let name = word.trim_matches(['(', ')']).to_owned();
                self.snippets.push((name, directive.clone()));
            }
        }
        let blocks = top.iter().any(|directive| {
            directive.block.is_some()
                && !directive.words.is_empty()
                && directive.word(0) != "import"
                && !is_directive(directive.word(0))
        });
        // Without braces a file is one site, and its first line the address.
        if !blocks {
            let mut lines = top.iter().filter(|directive| !directive.words.is_empty());
            if let Some(first) = lines.clone().next().filter(|first| !is_directive(first.word(0))) {
                let around = self.site(first);
                lines.next();
                let rest: Vec<Directive> = lines.cloned().collect();
                self.walk(&rest, around);
            } else {
                // A fragment: directives of some site.
                self.walk(top, Around::default());
            }
            return;
        }
        for directive in top {
            if directive.word(0) == "import" && depth <= DEEPEST {
                let inside = self.imported(directive, depth);
                self.top(&inside, depth + 1);
            } else if directive.block.is_some()
                && !directive.words.is_empty()
                && !directive.word(0).starts_with('(')
            {
                let around = self.site(directive);
                self.walk(directive.inside(), around);
            }
        }
    }

    fn site(&self, directive: &Directive) -> Around {
        let mut site = Proxy { tls: true, ..Proxy::default() };
        let mut names = Vec::new();
        for word in &directive.words {
            for address in word.text.split(',').filter(|address| !address.is_empty()) {
                names.push(address.to_owned());
                let (scheme, host, port) = parts(address);
                let plain = scheme == Some("http") || port == Some(80);
                if !host.is_empty() && host != "*" {
                    site.hosts.push(host.to_ascii_lowercase());
                }
                match port {
                    Some(port) => site.ports.push(port),
                    None if plain => site.ports.push(80),
                    None => site.ports.extend([443, 80]),
                }
                if plain || (host.is_empty() && port != Some(443)) {
                    site.tls = false;
                }
            }
        }
        site.site = names.join(", ");
        Around { site, ..Around::default() }
    }

    fn walk(&mut self, inside: &[Directive], around: Around) {
        let mut around = around;
        if around.depth > DEEPEST * 3 {
            return;
        }
        // Matchers may be defined behind their use.
        for directive in inside.iter().filter(|directive| directive.word(0).starts_with('@')) {
            let named = matchers(directive);
            let speaks = speaks(directive);
            around.named.push((directive.word(0).to_owned(), named, speaks));
        }
        for directive in inside {
            self.seen += 1;
            if self.seen > MOST {
                return;
            }
            match directive.word(0) {
                "import" => {
                    let inside = self.imported(directive, around.depth);
                    let next = Around { depth: around.depth + 1, ..around.clone() };
                    self.walk(&inside, next);
                }
                "tls" => around.site.tls = true,
                "request_header" => header(directive, 1, &mut around.site, false),
                "uri" if directive.words.iter().any(|word| word.text == "strip_prefix") => {
                    let at = directive.words.iter().position(|word| word.text == "strip_prefix").unwrap_or(0);
                    around.site.strip = Some((directive.word(at + 1).to_owned(), directive.at()));
                }
                "rewrite" => {
                    let with = directive.words.last().map(|word| word.text.clone()).unwrap_or_default();
                    let first = directive.word(1).to_owned();
                    let everything = directive.words.len() == 2 || first == "*";
                    if everything
                        || around
                            .site
                            .matchers
                            .iter()
                            .any(|matcher| matches!(matcher, Matcher::Path(paths) if paths.contains(&first)))
                    {
                        around.site.rewrite = Some((with, directive.at()));
                    }
                }
                "handle" | "handle_path" | "route" | "handle_errors" => {
                    if directive.word(0) == "handle_errors" {
                        continue;
                    }
                    let mut next = Around { depth: around.depth + 1, ..around.clone() };
                    let (own, speaks) = around.find(directive.word(1));
                    if next.site.rank == 0 {
                        next.site.rank = match directive.word(0) {
                            "handle" => 1,
                            "handle_path" => 1,
                            _ => 3,
                        };
                    }
                    if speaks {
                        next.site.mentions = Some(directive.word(1).to_owned());
                    }
                    if !own.is_empty() {
                        next.name = Some(format!("{} {}", directive.word(0), directive.word(1)));
                    }
                    if directive.word(0) == "handle_path" {
                        let prefix = directive.word(1).trim_end_matches('*').trim_end_matches('/').to_owned();
                        next.site.strip = Some((prefix, directive.at()));
                    }
                    next.site.matchers.extend(own);
                    self.walk(directive.inside(), next);
                }
                "reverse_proxy" => {
                    let proxy = proxy(directive, &around);
                    self.proxies.push(proxy);
                }
                _ => {}
            }
        }
    }
}

impl Around {
    /// The matchers that a word stands for, and whether they speak of the upgrade.
    fn find(&self, word: &str) -> (Vec<Matcher>, bool) {
        if word.starts_with('/') {
            return (vec![Matcher::Path(vec![word.to_owned()])], false);
        }
        if word.starts_with('@') {
            let found = self.named.iter().rev().find(|(name, ..)| name == word);
            return found
                .map_or((vec![Matcher::Other], false), |(_, matchers, speaks)| (matchers.clone(), *speaks));
        }
        (Vec::new(), false)
    }
}

fn is_directive(word: &str) -> bool {
    matches!(
        word,
        "reverse_proxy"
            | "handle"
            | "handle_path"
            | "route"
            | "file_server"
            | "root"
            | "tls"
            | "encode"
            | "log"
            | "import"
            | "respond"
            | "redir"
            | "header"
            | "request_header"
            | "php_fastcgi"
            | "rewrite"
            | "uri"
    ) || word.starts_with('@')
}

fn speaks(directive: &Directive) -> bool {
    let text = |directive: &Directive| {
        directive.words.iter().map(|word| word.text.to_ascii_lowercase()).collect::<Vec<_>>().join(" ")
    };
    let all = std::iter::once(text(directive)).chain(directive.inside().iter().map(text));
    all.into_iter()
        .any(|text| (text.contains("upgrade") || text.contains("websocket")) && !text.contains("not "))
}

/// The matchers of `@name …`, in one line or in a block.
fn matchers(directive: &Directive) -> Vec<Matcher> {
    let one = |words: &[&str], inside: &[Directive]| -> Matcher {
        let values = || words.iter().skip(1).map(|word| (*word).to_owned()).collect::<Vec<_>>();
        match words.first().copied().unwrap_or_default() {
            "path" => Matcher::Path(values()),
            "path_regexp" => Matcher::Pattern(values().pop().unwrap_or_default()),
            "host" => Matcher::Host(values()),
            "header" => {
                let mut values = values();
                let name = if values.is_empty() { String::new() } else { values.remove(0) };
                if name.starts_with('!') { Matcher::Other } else { Matcher::Header(name, values) }
            }
            "not" => {
                let nested: Vec<Matcher> = if inside.is_empty() {
                    vec![simple(&words[1.min(words.len())..])]
                } else {
                    inside
                        .iter()
                        .map(|line| {
                            simple(&line.words.iter().map(|word| word.text.as_str()).collect::<Vec<_>>())
                        })
                        .collect()
                };
                Matcher::Not(nested)
            }
            "protocol" | "method" if words.contains(&"GET") => Matcher::Path(vec!["*".to_owned()]),
            _ => Matcher::Other,
        }
    };
    if directive.words.len() > 1 {
        let words: Vec<&str> = directive.words.iter().skip(1).map(|word| word.text.as_str()).collect();
        return vec![one(&words, directive.inside())];
    }
    let mut found: Vec<Matcher> = Vec::new();
    for line in directive.inside() {
        let words: Vec<&str> = line.words.iter().map(|word| word.text.as_str()).collect();
        let next = one(&words, line.inside());
        // Several lines of one kind are alternatives for paths and hosts.
        match (found.last_mut(), next) {
            (Some(Matcher::Path(paths)), Matcher::Path(more)) => paths.extend(more),
            (Some(Matcher::Host(hosts)), Matcher::Host(more)) => hosts.extend(more),
            (_, next) => found.push(next),
        }
    }
    found
}

fn simple(words: &[&str]) -> Matcher {
    let values: Vec<String> = words.iter().skip(1).map(|word| (*word).to_owned()).collect();
    match words.first().copied().unwrap_or_default() {
        "path" => Matcher::Path(values),
        "host" => Matcher::Host(values),
        "header" if !values.is_empty() => Matcher::Header(values[0].clone(), values[1..].to_vec()),
        _ => Matcher::Other,
    }
}

/// `header_up` and `request_header`: `-Name`, `Name value`, `+Name value`.
fn header(directive: &Directive, from: usize, proxy: &mut Proxy, _: bool) {
    let mut from = from;
    if directive.word(from).starts_with(['/', '@', '*']) {
        return;
    }
    if directive.word(from) == "?" {
        from += 1;
    }
    let name = directive.word(from);
    if let Some(name) = name.strip_prefix('-') {
        proxy.removed.push((name.to_owned(), directive.at()));
    } else if directive.words.len() == from + 2 && !name.starts_with('+') {
        proxy.set.push((
            name.trim_start_matches(['?', '>']).to_owned(),
            directive.word(from + 1).to_owned(),
            directive.at(),
        ));
    }
}

fn proxy(directive: &Directive, around: &Around) -> Proxy {
    let mut proxy = around.site.clone();
    let mut first = 1;
    let word = directive.word(1);
    let matcher = word.starts_with('/') || word.starts_with('@') || word == "*";
    if matcher {
        let (own, speaks) = around.find(word);
        proxy.matchers.extend(own);
        if speaks {
            proxy.mentions = Some(word.to_owned());
        }
        first = 2;
    }
    if proxy.rank == 0 {
        proxy.rank = 4;
    }
    let named = matcher && word != "*";
    proxy.name = match &around.name {
        _ if named => format!("reverse_proxy {word}"),
        Some(name) => name.clone(),
        None => format!("reverse_proxy {}", directive.word(first)).trim().to_owned(),
    };
    proxy.at = Some(directive.at());
    proxy.whole = Some(directive.whole());
    let mut upstream = |words: &[super::syntax::Word]| {
        for word in words {
            let at = At::new(directive.document, word.range.clone());
            if word.text.starts_with("https://") {
                proxy.secure = true;
            }
            proxy.upstreams.push((word.text.clone(), at));
        }
    };
    upstream(directive.words.get(first..).unwrap_or_default());
    for line in directive.inside().iter().filter(|line| line.word(0) == "to") {
        upstream(line.words.get(1..).unwrap_or_default());
    }
    for line in directive.inside() {
        let duration = || go_duration(line.word(1)).map(|ms| (ms, line.at()));
        match line.word(0) {
            "header_up" => header(line, 1, &mut proxy, true),
            "lb_policy" => proxy.policy = Some((line.word(1).to_owned(), line.at())),
            "stream_timeout" => proxy.stream_timeout = duration(),
            "stream_close_delay" => proxy.close_delay = duration(),
            "rewrite" => proxy.rewrite = Some((line.word(1).to_owned(), line.at())),
            "transport" if line.word(1) == "http" => {
                for option in line.inside() {
                    match option.word(0) {
                        "versions" => {
                            let versions =
                                option.words.iter().skip(1).map(|word| word.text.clone()).collect();
                            proxy.versions = Some((versions, option.at()));
                        }
                        "read_timeout" => {
                            proxy.read_timeout =
                                go_duration(option.word(1)).filter(|ms| *ms > 0).map(|ms| (ms, option.at()));
                        }
                        "tls" | "tls_insecure_skip_verify" | "tls_server_name" | "tls_trust_pool" => {
                            proxy.secure = true;
                        }
                        _ => {}
                    }
                }
            }
            _ => {}
        }
    }
    proxy
}

/// One more line for a `reverse_proxy`, in its braces or with new ones.
fn insert(config: &Config, proxy: &Proxy, text: &str) -> Option<Edit> {
    let (at, whole) = (proxy.at.as_ref()?, proxy.whole.as_ref()?);
    let file = config.documents.get(at.document)?;
    let outer = file.indent(at.range.start);
    let newline = file.newline();
    let unit = if outer.contains('\t') || outer.is_empty() { "\t".to_owned() } else { outer.clone() };
    let open =
        file.text[at.range.end..whole.range.end.min(file.text.len())].iter().position(|byte| *byte == b'{');
    match open {
        Some(open) => {
            let brace = at.range.end + open + 1;
            // As the first line of what is there is indented.
            let next = file.line(brace) + 1;
            let same = file.line(whole.range.end.saturating_sub(1)) == file.line(brace);
            let inner = if same || next >= file.line_count() {
                format!("{outer}{unit}")
            } else {
                let indent = file.indent(file.line_range(next).start);
                if indent.len() > outer.len() { indent } else { format!("{outer}{unit}") }
            };
            Some(At::new(at.document, brace..brace).replace(format!("{newline}{inner}{text}")))
        }
        None => Some(at.append(format!(" {{{newline}{outer}{unit}{text}{newline}{outer}}}"))),
    }
}

/// Another value for the last word of a line.
fn last_word(config: &Config, at: &At, value: &str) -> Option<Edit> {
    let file = config.documents.get(at.document)?;
    let text = file.str(at.range.clone()).into_owned();
    let start = at.range.start + text.rfind([' ', '\t'])? + 1;
    Some(At::new(at.document, start..at.range.end).replace(value))
}

pub(crate) fn edit(config: &Config, proxy: &Proxy, wish: &Wish) -> Vec<Edit> {
    let removed = |unwanted: &dyn Fn(&str) -> bool| -> Vec<Edit> {
        let gone = proxy.removed.iter().filter(|(name, _)| unwanted(name));
        gone.filter_map(|(_, at)| remove_lines(&config.documents, at)).collect()
    };
    let is = |header: &str| {
        let header = header.to_ascii_lowercase();
        move |name: &str| {
            let name = name.to_ascii_lowercase();
            name == header || name.strip_suffix('*').is_some_and(|begin| header.starts_with(begin))
        }
    };
    let unset = |unwanted: &dyn Fn(&str, &str) -> bool| -> Vec<Edit> {
        let gone = proxy.set.iter().filter(|(name, value, _)| unwanted(name, value));
        gone.filter_map(|(_, _, at)| remove_lines(&config.documents, at)).collect()
    };
    let http11 = || -> Vec<Edit> {
        let mut edits = Vec::new();
        if let Some((_, at)) = &proxy.versions {
            edits.push(at.replace("versions 1.1"));
        }
        edits.extend(
            proxy
                .upstreams
                .iter()
                .filter(|(name, _)| name.starts_with("h2c://"))
                .map(|(name, at)| at.replace(name.replacen("h2c://", "http://", 1))),
        );
        edits
    };
    let one = |edit: Option<Edit>| edit.into_iter().collect::<Vec<_>>();
    match wish {
        Wish::PassUpgrade => {
            let mut edits = removed(&is("upgrade"));
            edits.extend(removed(&|name| is("connection")(name) && !is("upgrade")(name)));
            edits.extend(unset(&|name, value| {
                name.eq_ignore_ascii_case("connection")
                    && !value.contains('{')
                    && !value.eq_ignore_ascii_case("upgrade")
            }));
            if config_says_h2(proxy) {
                edits.extend(http11());
            }
            edits
        }
        Wish::UpgradeOnlyWhenAsked => {
            unset(&|name, _| name.eq_ignore_ascii_case("upgrade") || name.eq_ignore_ascii_case("connection"))
        }
        Wish::UpstreamHttp11 => http11(),
        Wish::IdleAtLeast(ms) => match &proxy.read_timeout {
            Some((_, at)) => one(last_word(config, at, &short(*ms))),
            None => Vec::new(),
        },
        Wish::LifetimeAtLeast(ms) => match &proxy.stream_timeout {
            Some((_, at)) => one(last_word(config, at, &short(*ms))),
            None => Vec::new(),
        },
        Wish::PassHost => unset(&|name, _| name.eq_ignore_ascii_case("host")),
        Wish::LeaveHeader(header) => removed(&is(header)),
        Wish::KeepPath => {
            let mut edits = Vec::new();
            if let Some((_, at)) = &proxy.strip
                && let Some(file) = config.documents.get(at.document)
            {
                let text = file.str(at.range.clone()).into_owned();
                if text.starts_with("handle_path") {
                    let range = at.range.start..at.range.start + "handle_path".len();
                    edits.push(At::new(at.document, range).replace("handle"));
                } else {
                    edits.extend(remove_lines(&config.documents, at));
                }
            }
            edits.extend(proxy.rewrite.iter().filter_map(|(_, at)| remove_lines(&config.documents, at)));
            edits
        }
        Wish::Sticky => match &proxy.policy {
            Some((_, at)) => vec![at.replace("lb_policy cookie")],
            None => one(insert(config, proxy, "lb_policy cookie")),
        },
        Wish::MatchScheme => proxy
            .upstreams
            .iter()
            .filter(|(name, _)| tls_port(parts(name).2) && parts(name).0 != Some("https"))
            .map(|(name, at)| at.replace(format!("https://{}", name.trim_start_matches("http://"))))
            .collect(),
        Wish::DrainAtLeast(ms) if version::has(&config.version, "caddy-stream-close-delay") => {
            match &proxy.close_delay {
                Some((_, at)) => one(last_word(config, at, &short(*ms))),
                None => one(insert(config, proxy, &format!("stream_close_delay {}", short(*ms)))),
            }
        }
        _ => Vec::new(),
    }
}

fn config_says_h2(proxy: &Proxy) -> bool {
    proxy.upstreams.iter().any(|(name, _)| name.starts_with("h2c://"))
        || proxy.versions.as_ref().is_some_and(|(versions, _)| {
            versions.iter().any(|version| version == "h2c")
                || !versions.iter().any(|version| version == "1.1")
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_of_one_site_needs_no_braces() {
        let files = crate::Memory::default();
        let text = "localhost:8080\nreverse_proxy /ws/* 127.0.0.1:1\n";
        let (_, proxies, unread) = read(Document::new("Caddyfile", text.as_bytes().to_vec()), &files);
        assert!(unread.is_empty());
        assert_eq!(
            (proxies.len(), proxies[0].hosts[0].as_str(), proxies[0].ports[0]),
            (1, "localhost", 8080)
        );
    }
}
