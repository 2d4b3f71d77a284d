//! Changing configuration files so that nobody is worse off if a step fails: patch, write, test, reload, verify; and back.

use crate::configs::{self, Overlay, Wanted, find_program, run};
use config::{Config, Dialect, Document, Edit, Files, apply};
use diagnose::{Finding, Safety};
use evidence::{Told, Wish};
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// How long a product may take to test its configuration, or to reload.
const PATIENCE: Duration = Duration::from_secs(30);
/// How long new workers may take to appear after a reload.
const NEW_WORKERS: Duration = Duration::from_secs(10);
/// Changes of one run, at the most; more is a fix that does not come to rest.
const MOST_CHANGES: usize = 2_000;

/// Which remedies may be applied.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Allowed {
    Safe,
    Unsafe,
}

impl Allowed {
    pub(crate) fn allows(self, safety: Safety) -> bool {
        match self {
            Self::Safe => safety == Safety::Safe,
            Self::Unsafe => safety != Safety::ShowOnly,
        }
    }
}

/// Files before and after.
#[derive(Debug, Default)]
pub(crate) struct Patch {
    /// Each file that changes: its path, its bytes as they were read, and as they will be.
    pub files: Vec<(String, Vec<u8>, Vec<u8>)>,
}

impl Patch {
    fn between(before: &BTreeMap<String, Vec<u8>>, after: BTreeMap<String, Vec<u8>>) -> Self {
        let files = after
            .into_iter()
            .filter_map(|(path, text)| {
                let old = before.get(&path)?.clone();
                (old != text).then_some((path, old, text))
            })
            .collect();
        Self { files }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.files.is_empty()
    }

    /// As a unified diff.
    pub(crate) fn diff(&self) -> String {
        self.files.iter().map(|(path, old, new)| diff(path, old, new)).collect()
    }
}

/// A unified diff of one file.
pub(crate) fn diff(path: &str, old: &[u8], new: &[u8]) -> String {
    let (old, new) = (String::from_utf8_lossy(old), String::from_utf8_lossy(new));
    let name = path.trim_start_matches('/');
    similar::TextDiff::from_lines(&old, &new)
        .unified_diff()
        .context_radius(3)
        .header(&format!("a/{name}"), &format!("b/{name}"))
        .to_string()
}

/// The diff of one wish alone, for a finding; none: this dialect cannot grant it.
pub(crate) fn preview(config: &Config, route: usize, wish: &Wish) -> Option<String> {
    let edits = config.edit(route, wish).ok().filter(|edits| !edits.is_empty())?;
    let mut out = String::new();
    for (number, document) in config.documents.iter().enumerate() {
        let own: Vec<Edit> = edits.iter().filter(|edit| edit.document == number).cloned().collect();
        if !own.is_empty() {
            out.push_str(&diff_around(document, own));
        }
    }
    Some(out)
}

/// Lines of a file that are compared around an edit; more than the diff shows, less than a file of megabytes.
const AROUND: usize = 8;

/// A unified diff of what these edits change, without comparing the whole file.
fn diff_around(document: &Document, mut edits: Vec<Edit>) -> String {
    edits.sort_by_key(|edit| edit.at.start);
    let name = document.path.trim_start_matches('/');
    let mut out = format!("--- a/{name}\n+++ b/{name}\n");
    let mut moved = 0_i64;
    let mut rest = edits.as_slice();
    while let Some(first) = rest.first() {
        let from = document.line(first.at.start).saturating_sub(AROUND);
        let mut to = document.line(first.at.end) + AROUND;
        let mut count = 1;
        while let Some(next) = rest.get(count).filter(|next| document.line(next.at.start) <= to + AROUND) {
            to = document.line(next.at.end) + AROUND;
            count += 1;
        }
        let (cluster, others) = rest.split_at(count);
        rest = others;
        let start = document.line_range(from).start;
        let end = document.line_range(to + 1).start.max(start);
        let old = Document::new("", document.text[start..end].to_vec());
        let shifted: Vec<Edit> = cluster
            .iter()
            .map(|edit| Edit {
                document: 0,
                at: edit.at.start - start..edit.at.end - start,
                with: edit.with.clone(),
            })
            .collect();
        let Some(new) = apply(std::slice::from_ref(&old), &shifted).pop() else { continue };
        let offset = i64::try_from(from).unwrap_or(0);
        for line in diff("", &old.text, &new.text).lines().skip(2) {
            match line.strip_prefix("@@ ") {
                Some(header) => out.push_str(&shift(header, offset, offset + moved)),
                None => out.push_str(line),
            }
            out.push('\n');
        }
        let lines = |document: &Document| i64::try_from(document.line_count()).unwrap_or(0);
        moved += lines(&new) - lines(&old);
    }
    out
}

/// The head of a hunk, `-1,3 +1,4 @@`, with both numbers moved.
fn shift(header: &str, old: i64, new: i64) -> String {
    let moved = |range: &str, by: i64| {
        let (first, rest) =
            range.split_once(',').map_or((range, String::new()), |(first, rest)| (first, format!(",{rest}")));
        first.parse::<i64>().map_or_else(|_| range.to_owned(), |first| format!("{}{rest}", first + by))
    };
    let words: Vec<String> = header
        .split(' ')
        .map(|word| match (word.strip_prefix('-'), word.strip_prefix('+')) {
            (Some(range), _) => format!("-{}", moved(range, old)),
            (_, Some(range)) => format!("+{}", moved(range, new)),
            _ => word.to_owned(),
        })
        .collect();
    format!("@@ {}", words.join(" "))
}

/// Mends everything that may be mended in a file and what it includes: one wish after the other, each on what the one
/// before left, until nothing is left to wish for.
pub(crate) fn mend(
    root: &str,
    wanted: &Wanted,
    files: &dyn Files,
    more: &[Told],
    allowed: Allowed,
    keep: impl Fn(&Finding, Option<&evidence::Spot>) -> bool,
) -> Patch {
    let mut overlay = Overlay { base: files, changed: BTreeMap::new() };
    let mut before = BTreeMap::new();
    let mut tried: BTreeSet<(String, Wish)> = BTreeSet::new();
    let mut granted = 0;
    let mut known = None;
    while granted < MOST_CHANGES {
        let config = wanted.read_as(root, &overlay, known.clone());
        known = Some((config.version.clone(), config.version_by));
        let mut touched: BTreeSet<usize> = BTreeSet::new();
        let mut documents = config.documents.clone();
        let labels = labels(&config);
        for judged in configs::judge(&config, more) {
            let route = judged.route.unwrap_or(0);
            for finding in &judged.findings {
                let spot = configs::spot(finding, &judged.evidence);
                if !keep(finding, spot.as_ref()) {
                    continue;
                }
                for remedy in &finding.remedies {
                    let Some(wish) = remedy.wish.as_ref().filter(|_| allowed.allows(remedy.safety)) else {
                        continue;
                    };
                    let name = labels.get(&route).cloned().unwrap_or_default();
                    if tried.contains(&(name.clone(), wish.clone())) {
                        continue;
                    }
                    let Ok(edits) = config.edit(route, wish) else {
                        tried.insert((name, wish.clone()));
                        continue;
                    };
                    // One change a file in each round: edits know the places of the text that they were made for.
                    if edits.iter().any(|edit| touched.contains(&edit.document)) {
                        continue;
                    }
                    tried.insert((name, wish.clone()));
                    if edits.is_empty() {
                        continue;
                    }
                    touched.extend(edits.iter().map(|edit| edit.document));
                    documents = apply(&documents, &edits);
                    granted += 1;
                }
            }
        }
        if touched.is_empty() {
            break;
        }
        take(&config.documents, &documents, &mut before, &mut overlay);
    }
    Patch::between(&before, overlay.changed)
}

/// What the routes are called while lines move: file, hosts and name, and how many of the same stand before.
fn labels(config: &Config) -> BTreeMap<usize, String> {
    let mut seen: BTreeMap<String, usize> = BTreeMap::new();
    let label = |(number, route): (usize, config::Route)| {
        let name = format!("{} {} {}", route.spot.file, route.hosts.join(","), route.name);
        let before = seen.entry(name.clone()).or_default();
        *before += 1;
        (number, format!("{name} {before}"))
    };
    config.routes().enumerate().map(label).collect()
}

/// Grants wishes about the route of one request, in their order.
pub(crate) fn grant(
    root: &str,
    wanted: &Wanted,
    files: &dyn Files,
    target: &evidence::Target,
    wishes: &[Wish],
) -> (Patch, Vec<(Wish, String)>) {
    let mut overlay = Overlay { base: files, changed: BTreeMap::new() };
    let mut before = BTreeMap::new();
    let (mut refused, mut known) = (Vec::new(), None);
    for wish in wishes {
        let config = wanted.read_as(root, &overlay, known.clone());
        known = Some((config.version.clone(), config.version_by));
        let (route, _) = configs::for_target(&config, target);
        let Some(route) = route else {
            refused.push((wish.clone(), "no route of this file takes the request".to_owned()));
            continue;
        };
        match config.edit(route, wish) {
            Ok(edits) if edits.is_empty() => {}
            Ok(edits) => {
                let documents = apply(&config.documents, &edits);
                take(&config.documents, &documents, &mut before, &mut overlay);
            }
            Err(why) => refused.push((wish.clone(), why.0)),
        }
    }
    (Patch::between(&before, overlay.changed), refused)
}

fn take(
    old: &[Document],
    new: &[Document],
    before: &mut BTreeMap<String, Vec<u8>>,
    overlay: &mut Overlay<'_>,
) {
    for (old, new) in old.iter().zip(new).filter(|(old, new)| old.text != new.text) {
        before.entry(old.path.clone()).or_insert_with(|| (*old.text).clone());
        overlay.changed.insert(new.path.clone(), (*new.text).clone());
    }
}

/// Files that were written, and can be put back.
#[derive(Debug)]
pub(crate) struct Written {
    files: Vec<(PathBuf, Vec<u8>, Vec<u8>)>,
    /// Where the files as they were are kept.
    pub backup: PathBuf,
}

/// Why files were not written.
#[derive(Debug)]
pub(crate) enum NotWritten {
    /// Somebody changed the file since it was read.
    Changed(PathBuf),
    /// The system says no.
    Failed(PathBuf, String),
}

impl Written {
    /// Writes every file of a patch, each at once and whole; the old ones are kept in a folder beside the main file.
    ///
    /// # Errors
    /// Nothing is left half done: what was written already is put back.
    pub(crate) fn write(patch: &Patch, root: &Path) -> Result<Self, NotWritten> {
        let folder = root.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        // A hidden folder of its own: `include sites-enabled/*` would load a copy that lies beside the file.
        let backup =
            folder.join(".keepwire-backup").join(format!("{}.{:03}", now.as_secs(), now.subsec_millis()));
        let mut written = Self { files: Vec::new(), backup: backup.clone() };
        for (path, old, new) in &patch.files {
            let path = Path::new(path);
            // Through a link, as in sites-enabled, to the file itself.
            let real = fs::canonicalize(path).unwrap_or_else(|_| path.to_path_buf());
            let outcome = keep(&backup, folder, path, old)
                .map_err(|error| NotWritten::Failed(backup.clone(), error.to_string()))
                .and_then(|()| match fs::read(&real) {
                    Ok(now) if now == *old => Ok(()),
                    Ok(_) => Err(NotWritten::Changed(real.clone())),
                    Err(error) => Err(NotWritten::Failed(real.clone(), error.to_string())),
                })
                .and_then(|()| {
                    replace(&real, new).map_err(|error| NotWritten::Failed(real.clone(), error.to_string()))
                });
            if let Err(problem) = outcome {
                let _ = written.restore();
                return Err(problem);
            }
            written.files.push((real, old.clone(), new.clone()));
        }
        Ok(written)
    }

    /// Puts every file back as it was. A file that somebody else changed meanwhile stays as it is.
    ///
    /// # Errors
    /// The files that could not be put back.
    pub(crate) fn restore(&self) -> Result<(), Vec<PathBuf>> {
        let mut failed = Vec::new();
        for (path, old, new) in self.files.iter().rev() {
            let ours = fs::read(path).is_ok_and(|now| now == *new);
            if !ours || replace(path, old).is_err() {
                failed.push(path.clone());
            }
        }
        if failed.is_empty() { Ok(()) } else { Err(failed) }
    }
}

/// Keeps a copy of a file, with its rights and its owner.
fn keep(backup: &Path, folder: &Path, path: &Path, old: &[u8]) -> std::io::Result<()> {
    let inside = path.strip_prefix(folder).unwrap_or_else(|_| path.strip_prefix("/").unwrap_or(path));
    let safe: PathBuf =
        inside.components().filter(|part| matches!(part, std::path::Component::Normal(_))).collect();
    let copy = backup.join(safe);
    if let Some(parent) = copy.parent() {
        fs::create_dir_all(parent)?;
    }
    fs::write(&copy, old)?;
    same_rights(path, &copy)
}

/// Replaces a file at once: whoever reads it gets the old one or the new one, never half of it.
fn replace(path: &Path, text: &[u8]) -> std::io::Result<()> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let temporary = folder.join(format!(".{name}.keepwire-{}", std::process::id()));
    let outcome = (|| {
        let mut file = fs::File::create(&temporary)?;
        file.write_all(text)?;
        file.sync_all()?;
        same_rights(path, &temporary)?;
        fs::rename(&temporary, path)
    })();
    if outcome.is_err() {
        let _ = fs::remove_file(&temporary);
    }
    outcome
}

fn same_rights(from: &Path, to: &Path) -> std::io::Result<()> {
    let metadata = fs::metadata(from)?;
    fs::set_permissions(to, metadata.permissions())?;
    #[cfg(unix)]
    {
        use std::os::unix::fs::MetadataExt;
        // Who may not give files away owns them already, or cannot keep the owner anyway.
        let _ = std::os::unix::fs::chown(to, Some(metadata.uid()), Some(metadata.gid()));
    }
    Ok(())
}

/// How a product tests and loads its configuration.
#[derive(Debug, Clone, Default)]
pub(crate) struct Commands {
    /// Given by the user; `{file}` stands for the main file.
    pub test: Option<String>,
    pub reload: Option<String>,
}

/// What a step came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// It went well; with what was run.
    Done(String),
    /// It went wrong; with what was run and what was said.
    Failed(String, String),
    /// There is nobody to do it here; what a person would have to do.
    Missing(String),
}

/// Lets the product test a main file.
pub(crate) fn test(dialect: Dialect, root: &str, commands: &Commands) -> Outcome {
    let root = &absolute(root);
    match &commands.test {
        Some(line) => shell(&line.replace("{file}", root)),
        None => {
            let (program, arguments): (&str, Vec<&str>) = match dialect {
                Dialect::Nginx => ("nginx", vec!["-t", "-q", "-c", root]),
                Dialect::Apache => (
                    if find_program("apache2").is_some() { "apache2" } else { "httpd" },
                    vec!["-t", "-f", root],
                ),
                Dialect::Haproxy => ("haproxy", vec!["-c", "-f", root]),
                Dialect::Caddy if root.ends_with(".json") => ("caddy", vec!["validate", "--config", root]),
                Dialect::Caddy => ("caddy", vec!["validate", "--adapter", "caddyfile", "--config", root]),
                Dialect::Envoy => ("envoy", vec!["--mode", "validate", "-c", root]),
                Dialect::Traefik | Dialect::Kubernetes => {
                    return Outcome::Missing(match dialect {
                        Dialect::Traefik => "traefik".to_owned(),
                        _ => "kubectl apply --dry-run=server".to_owned(),
                    });
                }
            };
            product(program, &arguments)
        }
    }
}

/// Lets the product load a main file, and looks whether something new runs.
pub(crate) fn reload(dialect: Dialect, root: &str, commands: &Commands) -> Outcome {
    let root = &absolute(root);
    let master = master(dialect, root);
    let before = master.map(children).unwrap_or_default();
    let outcome = match (&commands.reload, dialect) {
        (Some(line), _) => shell(&line.replace("{file}", root)),
        (None, Dialect::Nginx) => product("nginx", &["-s", "reload", "-c", root]),
        (None, Dialect::Apache) => {
            let program = if find_program("apache2").is_some() { "apache2" } else { "httpd" };
            product(program, &["-k", "graceful", "-f", root])
        }
        (None, Dialect::Haproxy) => shell("systemctl reload haproxy"),
        (None, Dialect::Caddy) if root.ends_with(".json") => product("caddy", &["reload", "--config", root]),
        (None, Dialect::Caddy) => product("caddy", &["reload", "--adapter", "caddyfile", "--config", root]),
        // The file provider watches its files by itself.
        (None, Dialect::Traefik) => return Outcome::Missing("traefik".to_owned()),
        (None, Dialect::Envoy) => return Outcome::Missing("systemctl restart envoy".to_owned()),
        (None, Dialect::Kubernetes) => return Outcome::Missing(format!("kubectl apply -f {root}")),
    };
    let Outcome::Done(ran) = outcome else { return outcome };
    // nginx and Apache answer before their workers are new, and a reload that fails later says so only in the log.
    let (Some(master), true) = (master, matches!(dialect, Dialect::Nginx | Dialect::Apache)) else {
        return Outcome::Done(ran);
    };
    let deadline = Instant::now() + NEW_WORKERS;
    loop {
        let now = children(master);
        if now.iter().any(|worker| !before.contains(worker)) {
            return Outcome::Done(ran);
        }
        if Instant::now() > deadline {
            return Outcome::Failed(ran, "no new worker appeared: see the error log".to_owned());
        }
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// Products look for relative paths in folders of their own.
fn absolute(root: &str) -> String {
    std::path::absolute(root).map_or_else(|_| root.to_owned(), |path| path.display().to_string())
}

fn product(program: &str, arguments: &[&str]) -> Outcome {
    let line = format!("{program} {}", arguments.join(" "));
    match find_program(program) {
        Some(file) => outcome(&line, Command::new(file).args(arguments)),
        None => Outcome::Missing(line),
    }
}

fn shell(line: &str) -> Outcome {
    let (shell, flag) = if cfg!(windows) { ("cmd", "/C") } else { ("sh", "-c") };
    outcome(line, Command::new(shell).args([flag, line]))
}

fn outcome(line: &str, command: &mut Command) -> Outcome {
    match run(command, PATIENCE) {
        Ok(said) if said.success => Outcome::Done(line.to_owned()),
        Ok(said) => Outcome::Failed(line.to_owned(), said.text.trim().to_owned()),
        Err(why) => Outcome::Failed(line.to_owned(), why),
    }
}

/// The process that a reload is for: its number stands in the file that the configuration names.
fn master(dialect: Dialect, root: &str) -> Option<u32> {
    let text = fs::read_to_string(root).ok()?;
    let named = |directive: &str| {
        text.lines().find_map(|line| {
            let rest = line.trim().strip_prefix(directive)?;
            rest.starts_with(char::is_whitespace)
                .then(|| rest.trim().trim_end_matches(';').trim_matches('"').to_owned())
        })
    };
    let candidates: Vec<String> = match dialect {
        Dialect::Nginx => match named("pid") {
            Some(file) => vec![file],
            None => vec!["/run/nginx.pid".to_owned(), "/var/run/nginx.pid".to_owned()],
        },
        Dialect::Apache => match named("PidFile") {
            Some(file) if !file.contains('$') => vec![file],
            _ => vec!["/run/apache2/apache2.pid".to_owned(), "/run/httpd/httpd.pid".to_owned()],
        },
        _ => return None,
    };
    candidates.iter().find_map(|file| fs::read_to_string(file).ok()?.trim().parse().ok())
}

/// The processes that a process started (Linux; elsewhere none are seen, and a reload is believed).
fn children(parent: u32) -> BTreeSet<u32> {
    let Ok(entries) = fs::read_dir("/proc") else { return BTreeSet::new() };
    entries
        .filter_map(|entry| entry.ok()?.file_name().to_str()?.parse::<u32>().ok())
        .filter(|process| {
            let stat = fs::read_to_string(format!("/proc/{process}/stat")).unwrap_or_default();
            // The name in parentheses may hold blanks; what follows it does not.
            let after = stat.rsplit(')').next().unwrap_or_default();
            after.split_whitespace().nth(1).and_then(|parent| parent.parse().ok()) == Some(parent)
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_diff_around_edits_is_that_of_the_whole_file() {
        let text: String = (1..=400).map(|number| format!("line {number}\n")).collect();
        let document = Document::new("/etc/a.conf", text.clone().into_bytes());
        let at = |line: usize| text.find(&format!("line {line}\n")).expect("it is there");
        let insert =
            |line: usize, with: &str| Edit { document: 0, at: at(line)..at(line), with: with.to_owned() };
        let edits = vec![
            insert(2, "new\nnewer\n"),
            Edit { document: 0, at: at(20)..at(21), with: "changed\n".to_owned() },
            Edit { document: 0, at: at(200)..at(202), with: String::new() },
            insert(399, "last\n"),
        ];
        let whole = apply(std::slice::from_ref(&document), &edits);
        assert_eq!(diff_around(&document, edits), diff("/etc/a.conf", text.as_bytes(), &whole[0].text));
    }
}
