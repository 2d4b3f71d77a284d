//! Bytes to replace in nginx files, so that a route is as wished.

use super::headers::{self, Headers};
use super::matching::Pattern;
use super::model::{At, Kind, Model};
use super::observe::{auth_location, upstream_block};
use super::{Nginx, Way};
use crate::{Edit, NoEdit, version};
use evidence::Wish;
use std::ops::Range;

pub(super) fn edit(nginx: &Nginx, way: &Way, wish: &Wish) -> Result<Vec<Edit>, NoEdit> {
    let mut changes = Changes { nginx, way, edits: Vec::new(), lines: Vec::new() };
    match wish {
        Wish::PassUpgrade => {
            changes.http11();
            changes.pass_upgrade(false)?;
        }
        Wish::UpgradeOnlyWhenAsked => changes.pass_upgrade(false)?,
        Wish::OnlyWebSocket => changes.pass_upgrade(true)?,
        Wish::UpstreamHttp11 => changes.http11(),
        Wish::IdleAtLeast(ms) => changes.set("proxy_read_timeout", &time(*ms)),
        Wish::PassHost => changes.header("Host", "$http_host")?,
        Wish::PassScheme => changes.header("X-Forwarded-Proto", "$scheme")?,
        Wish::LeaveHeader(name) => changes.leave_header(name)?,
        Wish::KeepPath => changes.keep_path()?,
        Wish::ServeWithoutSlash => changes.without_slash()?,
        Wish::ComesFirst => changes.comes_first()?,
        Wish::Sticky => changes.sticky()?,
        Wish::PlainAuth => changes.plain_auth()?,
        Wish::MatchScheme => changes.match_scheme()?,
        Wish::Sockets(sockets) => changes.sockets(*sockets)?,
        Wish::ClientConnections(count) => changes.client_connections(*count)?,
        Wish::DrainAtLeast(ms) => changes.replace_value("worker_shutdown_timeout", &time(*ms))?,
        Wish::Acceptable => changes.acceptable()?,
        Wish::LifetimeAtLeast(_) | Wish::ClearTheWay => return no("nginx has no such setting"),
    }
    changes.finish()
}

fn no<T>(why: &str) -> Result<T, NoEdit> {
    Err(NoEdit(why.to_owned()))
}

/// Seconds where they are whole, as people write them.
fn time(ms: u64) -> String {
    match ms {
        ms if ms % 3_600_000 == 0 && ms > 0 => format!("{}h", ms / 3_600_000),
        ms if ms % 1_000 == 0 => format!("{}s", ms / 1_000),
        ms => format!("{ms}ms"),
    }
}

struct Changes<'a> {
    nginx: &'a Nginx,
    way: &'a Way,
    edits: Vec<Edit>,
    /// Lines to add to the location.
    lines: Vec<String>,
}

impl Changes<'_> {
    fn model(&self) -> &Model {
        &self.nginx.model
    }

    /// Puts the new lines behind the `proxy_pass`, in the way the file is written.
    fn finish(mut self) -> Result<Vec<Edit>, NoEdit> {
        if !self.lines.is_empty() {
            let lines = std::mem::take(&mut self.lines);
            let at = self.anchor();
            self.add_behind(at, &lines);
        }
        if self.edits.is_empty() { no("nothing to change was found") } else { Ok(self.edits) }
    }

    /// The directive behind which new lines stand: the `proxy_pass`; for an `if`, whose block takes no header lines, the
    /// `if` itself.
    fn anchor(&self) -> At {
        if self.way.level == self.way.location {
            return self.way.pass;
        }
        self.model().levels[self.way.level].at.unwrap_or(self.way.pass)
    }

    fn add_behind(&mut self, at: At, lines: &[String]) {
        let document = &self.nginx.model.documents[at.document()];
        let range = self.nginx.model.range(at);
        let with = if document.begins_line(range.start) {
            let (newline, indent) = (document.newline(), document.indent(range.start));
            lines.iter().map(|line| format!("{newline}{indent}{line}")).collect::<String>()
        } else {
            lines.iter().map(|line| format!(" {line}")).collect()
        };
        self.edits.push(Edit { document: at.document(), at: range.end..range.end, with });
    }

    fn add_before(&mut self, at: At, lines: &[String]) {
        let document = &self.nginx.model.documents[at.document()];
        let start = self.nginx.model.range(at).start;
        let (newline, indent) = (document.newline(), document.indent(start));
        let with = if document.begins_line(start) {
            lines.iter().map(|line| format!("{line}{newline}{indent}")).collect::<String>()
        } else {
            lines.iter().map(|line| format!("{line} ")).collect()
        };
        self.edits.push(Edit { document: at.document(), at: start..start, with });
    }

    /// Replaces the words of a directive behind the first `keep` ones.
    fn rewrite(&mut self, at: At, keep: usize, with: &str) {
        let words = self.nginx.model.words(at);
        let (Some(first), Some(last)) = (words.get(keep), words.last()) else { return };
        let range: Range<usize> = first.range().start..last.range().end;
        self.edits.push(Edit { document: at.document(), at: range, with: with.to_owned() });
    }

    /// Whether a line that stands on this level may be changed for this route alone: nobody else inherits it.
    fn is_own(&self, at: At) -> bool {
        let location = self.way.location;
        let Some(block) = self.model().levels[location].at else {
            return self.model().own(location, "proxy_pass").next().is_some();
        };
        let inside = self.model().range(block);
        at.document() == block.document() && inside.contains(&self.model().range(at).start)
    }

    /// Sets a directive in the location. A second one of the same name is refused, so one that comes out of an included
    /// file is changed there.
    fn set(&mut self, name: &str, value: &str) {
        let own = self.model().own(self.way.location, name).last();
        match own {
            Some(at) => self.rewrite(at, 0, value),
            None => self.lines.push(format!("{name} {value};")),
        }
    }

    /// Changes a directive where it stands.
    fn replace_value(&mut self, name: &str, value: &str) -> Result<(), NoEdit> {
        let found = (0..self.model().levels.len()).find_map(|level| self.model().own(level, name).last());
        let Some(at) = found else { return no("the directive is not there") };
        self.rewrite(at, 0, value);
        Ok(())
    }

    fn http11(&mut self) {
        let is_new = version::has(&self.nginx.version, "nginx-upstream-http11");
        let current = self.model().nearest(self.way.level, "proxy_http_version");
        let value = current.and_then(|(at, _)| self.model().word(at, 0)).map(std::borrow::Cow::into_owned);
        match value.as_deref() {
            Some("1.1") => {}
            None if is_new => {}
            _ => self.set("proxy_http_version", "1.1"),
        }
    }

    /// Sets a header for this route, and repeats what it would otherwise lose by having lines of its own.
    fn header(&mut self, name: &str, value: &str) -> Result<(), NoEdit> {
        let headers = Headers::on(self.model(), self.way.level);
        if let Some(line) = headers.line(self.model(), name)
            && (self.is_own(line) || self.included_here(&headers))
        {
            self.rewrite(line, 1, value);
            return Ok(());
        }
        self.repeat_inherited(&headers, &[name]);
        self.lines.push(format!("proxy_set_header {name} {value};"));
        Ok(())
    }

    /// The lines in force are the location's own, but come out of an included file.
    fn included_here(&self, headers: &Headers) -> bool {
        headers.level == Some(self.way.location)
    }

    /// nginx inherits these lines all or not at all: a location that gets its first one loses the others.
    fn repeat_inherited(&mut self, headers: &Headers, but: &[&str]) {
        if headers.level.is_none() || headers.level == Some(self.way.location) {
            return;
        }
        for line in &headers.lines {
            let name = self.nginx.model.word(*line, 0).unwrap_or_default();
            if !but.iter().any(|other| name.eq_ignore_ascii_case(other)) {
                let text = self.nginx.model.documents[line.document()]
                    .str(self.nginx.model.range(*line))
                    .into_owned();
                if !self.lines.contains(&text) {
                    self.lines.push(text);
                }
            }
        }
    }

    /// The two header lines, and the map that they need.
    fn pass_upgrade(&mut self, only_websocket: bool) -> Result<(), NoEdit> {
        let (upgrade, connection) = self.values(only_websocket)?;
        let headers = Headers::on(self.model(), self.way.level);
        let lines = [("Upgrade", upgrade), ("Connection", connection)];
        let mut missing = Vec::new();
        for (name, value) in lines {
            match headers.line(self.model(), name) {
                Some(line) if self.is_own(line) || self.included_here(&headers) => {
                    let current = self.model().word(line, 1).unwrap_or_default().into_owned();
                    let good = match name {
                        "Upgrade" => !only_websocket && current == "$http_upgrade",
                        _ => current == value,
                    };
                    if !good {
                        self.rewrite(line, 1, &value);
                    }
                }
                _ => missing.push((name, value)),
            }
        }
        if !missing.is_empty() {
            let names: Vec<&str> = missing.iter().map(|(name, _)| *name).collect();
            self.repeat_inherited(&headers, &["Upgrade", "Connection"]);
            // What is inherited and good is repeated as well, in its new form.
            if headers.level.is_some() && headers.level != Some(self.way.location) && names.len() == 1 {
                let (upgrade, connection) = self.values(only_websocket)?;
                missing = vec![("Upgrade", upgrade), ("Connection", connection)];
            }
            for (name, value) in missing {
                self.lines.push(format!("proxy_set_header {name} {value};"));
            }
        }
        Ok(())
    }

    /// What `Upgrade` and `Connection` are set to; makes the maps that are missing.
    fn values(&mut self, only_websocket: bool) -> Result<(String, String), NoEdit> {
        if self.model().levels.iter().all(|level| level.kind != Kind::Http || level.at.is_none())
            && !self.at_http_level()
        {
            // A fragment of a server: a map cannot stand here. The client's own header serves as well: both Chrome's
            // `Upgrade` and Firefox's `keep-alive, Upgrade` pass (measured on nginx 1.22).
            return Ok(("$http_upgrade".to_owned(), "$http_connection".to_owned()));
        }
        let connection = match self.good_map(only_websocket) {
            Some(variable) => format!("${variable}"),
            None => format!(
                "${}",
                self.make_map("connection_upgrade", if only_websocket { Some("upgrade") } else { None })
            ),
        };
        let upgrade = if only_websocket {
            match self.websocket_map() {
                Some(variable) => format!("${variable}"),
                None => format!("${}", self.make_websocket_map()),
            }
        } else {
            "$http_upgrade".to_owned()
        };
        Ok((upgrade, connection))
    }

    /// The file's top is the level of `http`, as that of a file in `conf.d`.
    fn at_http_level(&self) -> bool {
        self.model().levels.first().is_some_and(|level| level.kind == Kind::Http)
            && self.model().levels.iter().any(|level| level.kind == Kind::Server && level.at.is_some())
    }

    /// A map that gives `upgrade` for upgrades and something else without.
    fn good_map(&self, only_websocket: bool) -> Option<String> {
        let model = self.model();
        let mut names: Vec<&String> = model.maps.keys().collect();
        names.sort();
        names
            .into_iter()
            .find(|name| {
                let map = model.maps[*name];
                let source =
                    model.levels[map].at.and_then(|at| model.word(at, 0)).unwrap_or_default().into_owned();
                let of = |text: &str| headers::lookup(model, map, text);
                source == "$http_upgrade"
                    && of("websocket").is_some_and(|value| value.eq_ignore_ascii_case("upgrade"))
                    && of("").is_some_and(|value| !value.eq_ignore_ascii_case("upgrade"))
                    && (!only_websocket
                        || of("h2c").is_some_and(|value| !value.eq_ignore_ascii_case("upgrade")))
            })
            .cloned()
    }

    /// A map that gives `websocket` for that, and nothing for anything else.
    fn websocket_map(&self) -> Option<String> {
        let model = self.model();
        let mut names: Vec<&String> = model.maps.keys().collect();
        names.sort();
        names
            .into_iter()
            .find(|name| {
                let map = model.maps[*name];
                let source =
                    model.levels[map].at.and_then(|at| model.word(at, 0)).unwrap_or_default().into_owned();
                let of = |text: &str| headers::lookup(model, map, text).unwrap_or_default();
                source == "$http_upgrade"
                    && of("websocket") == "websocket"
                    && of("").is_empty()
                    && of("h2c").is_empty()
            })
            .cloned()
    }

    fn make_map(&mut self, wanted: &str, only: Option<&str>) -> String {
        let name = self.free(if only.is_some() { "connection_websocket" } else { wanted });
        let pairs = match only {
            Some(value) => vec![format!("websocket {value};"), "default   close;".to_owned()],
            None => vec!["default upgrade;".to_owned(), "''      close;".to_owned()],
        };
        self.add_map(&name, &pairs);
        name
    }

    fn make_websocket_map(&mut self) -> String {
        let name = self.free("upgrade_websocket");
        self.add_map(&name, &["websocket websocket;".to_owned(), "default   '';".to_owned()]);
        name
    }

    /// A name for a new variable.
    fn free(&self, wanted: &str) -> String {
        let taken = headers::taken(self.model());
        if taken.contains(wanted) { format!("keepwire_{wanted}") } else { wanted.to_owned() }
    }

    /// Puts a map at the beginning of `http`; in a file of that level, before its first server.
    fn add_map(&mut self, variable: &str, pairs: &[String]) {
        let model = self.model();
        let server = model.enclosing(self.way.level, Kind::Server).and_then(|level| model.levels[level].at);
        let http = model.levels.iter().find(|level| level.kind == Kind::Http).and_then(|level| level.at);
        let lines = |unit: &str| {
            let mut lines = vec![format!("map $http_upgrade ${variable} {{")];
            lines.extend(pairs.iter().map(|pair| format!("{unit}{pair}")));
            lines.push("}".to_owned());
            lines
        };
        let unit = "    ";
        if let Some(http) = http
            && let Some(inside) = model.parsed[http.document()].inside(http.node())
        {
            let document = &model.documents[http.document()];
            let first = model.parsed[http.document()].children(Some(http.node())).next();
            let begins = first.map(|node| model.parsed[http.document()].range(node).start);
            let one_line = begins.is_some_and(|at| !document.begins_line(at));
            let newline = document.newline();
            let with = if one_line {
                format!(" {}", lines("").join(" "))
            } else {
                let outer = document.indent(model.range(http).start);
                let indent = begins.map_or_else(|| format!("{outer}    "), |at| document.indent(at));
                lines(unit).iter().map(|line| format!("{newline}{indent}{line}")).collect::<String>()
            };
            self.edits.push(Edit { document: http.document(), at: inside.start..inside.start, with });
        } else if let Some(server) = server {
            self.add_before(server, &lines(unit));
        }
    }

    /// Takes away the line that clears a header.
    fn leave_header(&mut self, name: &str) -> Result<(), NoEdit> {
        let (hidden, _) = self.model().all_or_nothing(self.way.level, "proxy_hide_header");
        let headers = Headers::on(self.model(), self.way.level);
        let lines: Vec<At> = headers
            .lines
            .iter()
            .filter(|at| self.model().word(**at, 1).is_some_and(|value| value.is_empty()))
            .chain(&hidden)
            .copied()
            .filter(|at| self.model().word(*at, 0).is_some_and(|word| word.eq_ignore_ascii_case(name)))
            .collect();
        if lines.is_empty() {
            return no("no line takes this header away by name");
        }
        for at in lines {
            self.remove(at);
        }
        Ok(())
    }

    /// Removes a directive; with its line, where it stands alone on it.
    fn remove(&mut self, at: At) {
        let document = &self.nginx.model.documents[at.document()];
        let mut range = self.nginx.model.range(at);
        let line = document.line(range.start);
        let whole = document.line_range(line);
        let alone = document.begins_line(range.start)
            && document.line(range.end.saturating_sub(1)) == line
            && document.text[range.end..whole.end.max(range.end)]
                .iter()
                .all(|byte| matches!(byte, b' ' | b'\t'));
        if alone {
            let next = document.line_range(line + 1).start;
            range = whole.start..if line + 1 < document.line_count() { next } else { whole.end };
        }
        self.edits.push(Edit { document: at.document(), at: range, with: String::new() });
    }

    /// `proxy_pass` without its path.
    fn keep_path(&mut self) -> Result<(), NoEdit> {
        let written = self.model().word(self.way.pass, 0).unwrap_or_default().into_owned();
        let Some((scheme, rest)) = written.split_once("://") else { return no("it is no URL") };
        let bare = match rest.strip_prefix("unix:") {
            Some(socket) => format!("unix:{}", socket.split(':').next().unwrap_or_default()),
            None => rest.split('/').next().unwrap_or_default().to_owned(),
        };
        self.rewrite(self.way.pass, 0, &format!("{scheme}://{bare}"));
        Ok(())
    }

    /// `location /ws/` also for `/ws`: the prefix without its slash would take `/wsx` as well, so an exact location
    /// cannot be spared; the simplest that is right is the prefix itself.
    fn without_slash(&mut self) -> Result<(), NoEdit> {
        let (Some(Pattern::Prefix(prefix, _)), Some(at)) =
            (self.way.pattern(self.model()), self.model().levels[self.way.location].at)
        else {
            return no("it is no prefix location");
        };
        let written = self.model().word(self.way.pass, 0).unwrap_or_default().into_owned();
        let has_path = written.split_once("://").is_some_and(|(_, rest)| rest.contains('/'));
        if has_path {
            return no("its proxy_pass rewrites the path, so the prefix cannot lose its slash");
        }
        let words = self.model().words(at);
        let Some(last) = words.last() else { return no("it has no path") };
        let short = prefix.trim_end_matches('/').to_owned();
        let word = self.nginx.model.documents[at.document()].str(last.range()).into_owned();
        let with = word.replacen(&*prefix, &short, 1);
        self.edits.push(Edit { document: at.document(), at: last.range(), with });
        Ok(())
    }

    /// `^~` makes a prefix win over regular expressions.
    fn comes_first(&mut self) -> Result<(), NoEdit> {
        let (Some(Pattern::Prefix(_, false)), Some(at)) =
            (self.way.pattern(self.model()), self.model().levels[self.way.location].at)
        else {
            return no("only a prefix location can be given precedence");
        };
        let Some(first) = self.model().words(at).first().copied() else { return no("it has no path") };
        let start = first.range().start;
        self.edits.push(Edit { document: at.document(), at: start..start, with: "^~ ".to_owned() });
        Ok(())
    }

    fn sticky(&mut self) -> Result<(), NoEdit> {
        let Some(at) = upstream_block(self.nginx, self.way).and_then(|level| self.model().levels[level].at)
        else {
            return no("it has no upstream block");
        };
        let first = self.model().parsed[at.document()].children(Some(at.node())).next();
        let Some(node) = first else { return no("the upstream block is empty") };
        self.add_before(At::new(at.document(), node), &["ip_hash;".to_owned()]);
        Ok(())
    }

    /// No upgrade in the subrequest: `Upgrade` and `Connection` are set to nothing where it is answered.
    fn plain_auth(&mut self) -> Result<(), NoEdit> {
        let Some(location) = auth_location(self.nginx, self.way) else {
            return no("no location answers the subrequest");
        };
        let model = self.model();
        let Some(pass) = model.own(location, "proxy_pass").last() else { return no("it is not proxied") };
        let headers = Headers::on(model, location);
        let own = headers.level == Some(location);
        let mut lines = Vec::new();
        let mut rewrites = Vec::new();
        if !own {
            for line in &headers.lines {
                let name = model.word(*line, 0).unwrap_or_default();
                if !name.eq_ignore_ascii_case("Upgrade") && !name.eq_ignore_ascii_case("Connection") {
                    lines.push(model.documents[line.document()].str(model.range(*line)).into_owned());
                }
            }
        }
        for name in ["Upgrade", "Connection"] {
            match headers.line(model, name).filter(|_| own) {
                Some(line) => rewrites.push(line),
                None => lines.push(format!("proxy_set_header {name} \"\";")),
            }
        }
        for line in rewrites {
            self.rewrite(line, 1, "\"\"");
        }
        if !lines.is_empty() {
            self.add_behind(pass, &lines);
        }
        Ok(())
    }

    fn match_scheme(&mut self) -> Result<(), NoEdit> {
        let written = self.model().word(self.way.pass, 0).unwrap_or_default().into_owned();
        let other = match written.split_once("://") {
            Some(("http", rest)) => format!("https://{rest}"),
            Some(("https", rest)) => format!("http://{rest}"),
            _ => return no("it is no http URL"),
        };
        self.rewrite(self.way.pass, 0, &other);
        Ok(())
    }

    fn sockets(&mut self, sockets: u64) -> Result<(), NoEdit> {
        let model = self.model();
        let Some(events) = model.levels.iter().position(|level| level.kind == Kind::Events) else {
            return no("the events block is not visible");
        };
        let main = model.levels.iter().position(|level| level.kind == Kind::Main).unwrap_or(0);
        let workers = model
            .own(main, "worker_processes")
            .last()
            .and_then(|at| model.word(at, 0)?.parse::<u64>().ok())
            .unwrap_or(1)
            .max(1);
        let each = (sockets.saturating_mul(2).div_ceil(workers)).next_multiple_of(1024);
        let rlimit = model.own(main, "worker_rlimit_nofile").last();
        let rlimit_low =
            rlimit.and_then(|at| model.word(at, 0)?.parse::<u64>().ok()).is_some_and(|files| files < each);
        let connections = model.own(events, "worker_connections").last();
        let block = model.levels[events].at;
        match connections {
            Some(at) => self.rewrite(at, 0, &each.to_string()),
            None => {
                let Some(inside) = block.and_then(|at| {
                    Some((at.document(), self.model().parsed[at.document()].inside(at.node())?))
                }) else {
                    return no("the events block is not visible");
                };
                let with = format!(" worker_connections {each};");
                self.edits.push(Edit { document: inside.0, at: inside.1.start..inside.1.start, with });
            }
        }
        match (rlimit, rlimit_low, block) {
            (Some(at), true, _) => self.rewrite(at, 0, &(each + 1024).to_string()),
            (None, _, Some(at)) => self.add_before(at, &[format!("worker_rlimit_nofile {};", each + 1024)]),
            _ => {}
        }
        Ok(())
    }

    fn client_connections(&mut self, count: u64) -> Result<(), NoEdit> {
        let (lines, _) = self.model().all_or_nothing(self.way.level, "limit_conn");
        let Some(at) = lines.first().copied() else { return no("no limit_conn is in force") };
        self.rewrite(at, 1, &count.to_string());
        Ok(())
    }

    /// What nginx refuses about this route.
    fn acceptable(&mut self) -> Result<(), NoEdit> {
        let written = self.model().word(self.way.pass, 0).unwrap_or_default().into_owned();
        let lower = written.to_ascii_lowercase();
        for (socket, plain) in [("wss://", "https://"), ("ws://", "http://")] {
            if lower.starts_with(socket) {
                self.rewrite(self.way.pass, 0, &format!("{plain}{}", &written[socket.len()..]));
                return Ok(());
            }
        }
        let headers = Headers::on(self.model(), self.way.level);
        if let Some(undefined) = headers::upgrade(self.model(), self.way.level, &headers).undefined {
            let name = undefined.variable;
            // A map of this name, where one belongs; a typing error is mended to the one that is there.
            match self
                .good_map(false)
                .filter(|_| name.starts_with("connection") || name.starts_with("upgrade"))
            {
                Some(good) => self.rewrite(undefined.at, 1, &format!("${good}")),
                None => self.add_map(&name, &["default upgrade;".to_owned(), "''      close;".to_owned()]),
            }
            return Ok(());
        }
        if matches!(self.way.pattern(self.model()), Some(Pattern::Regex(..) | Pattern::Named(_))) {
            return self.keep_path();
        }
        no("what nginx refuses here has to be mended by hand")
    }
}
