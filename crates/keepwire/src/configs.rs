//! Configuration files on disk: where they lie, which product and version they are for, and what they say of a route.

use config::{Config, Dialect, Files, Options, Request, Version, make_each};
use diagnose::Finding;
use evidence::{Case, Evidence, Fact, Place, Setting, Source, Target, Told, VersionBy};
use std::collections::BTreeMap;
use std::fs;
use std::num::NonZero;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

/// Larger files are no configuration.
const FILE_LIMIT: u64 = 512 * 1024 * 1024;
/// Files of a folder that are looked at, at the most.
const MOST_FILES: usize = 50_000;
/// How long a product may take to say its version.
const PATIENCE: Duration = Duration::from_secs(3);

/// Where products keep their main file, in the order in which they are looked for.
pub(crate) const USUAL: &[&str] = &[
    "/etc/nginx/nginx.conf",
    "/usr/local/nginx/conf/nginx.conf",
    "/usr/local/openresty/nginx/conf/nginx.conf",
    "/usr/local/etc/nginx/nginx.conf",
    "/opt/homebrew/etc/nginx/nginx.conf",
    "/etc/apache2/apache2.conf",
    "/etc/httpd/conf/httpd.conf",
    "/etc/haproxy/haproxy.cfg",
    "/etc/caddy/Caddyfile",
    "/etc/traefik/traefik.yml",
    "/etc/traefik/traefik.yaml",
    "/etc/traefik/traefik.toml",
    "/etc/envoy/envoy.yaml",
];

/// The disk.
#[derive(Debug, Default)]
pub(crate) struct Disk;

impl Files for Disk {
    fn read(&self, path: &str) -> Result<Vec<u8>, String> {
        let metadata = fs::metadata(path).map_err(|error| error.to_string())?;
        if metadata.is_dir() {
            return Err("it is a folder".to_owned());
        }
        if metadata.len() > FILE_LIMIT {
            return Err("it is larger than 512 MB".to_owned());
        }
        fs::read(path).map_err(|error| error.to_string())
    }

    fn list(&self, pattern: &str) -> Vec<String> {
        let mut found = vec![if pattern.starts_with('/') { "/".to_owned() } else { String::new() }];
        for part in pattern.split('/').filter(|part| !part.is_empty()) {
            let join = |folder: &str, name: &str| match folder {
                "" => name.to_owned(),
                folder if folder.ends_with('/') => format!("{folder}{name}"),
                folder => format!("{folder}/{name}"),
            };
            if !part.contains(['*', '?', '[']) {
                for folder in &mut found {
                    *folder = join(folder, part);
                }
                continue;
            }
            let mut next = Vec::new();
            for folder in &found {
                let Ok(entries) = fs::read_dir(if folder.is_empty() { "." } else { folder }) else {
                    continue;
                };
                for name in entries.filter_map(|entry| entry.ok()?.file_name().into_string().ok()) {
                    // As in a shell: a star does not find hidden files.
                    if (!name.starts_with('.') || part.starts_with('.'))
                        && config::glob(part, &name)
                        && next.len() < MOST_FILES
                    {
                        next.push(join(folder, &name));
                    }
                }
            }
            next.sort();
            found = next;
        }
        found.retain(|path| Path::new(path).exists());
        found
    }

    fn each(&self, count: usize, work: &(dyn Fn(usize) + Sync)) {
        let next = AtomicUsize::new(0);
        let take = || {
            while let Some(number) = Some(next.fetch_add(1, Ordering::Relaxed)).filter(|next| *next < count) {
                work(number);
            }
        };
        let cores = std::thread::available_parallelism().map_or(1, NonZero::get);
        std::thread::scope(|scope| {
            for _ in 1..cores.min(count) {
                scope.spawn(take);
            }
            take();
        });
    }
}

/// Files as they will be: some of them changed, the others as they are.
pub(crate) struct Overlay<'a> {
    pub base: &'a dyn Files,
    pub changed: BTreeMap<String, Vec<u8>>,
}

impl Files for Overlay<'_> {
    fn read(&self, path: &str) -> Result<Vec<u8>, String> {
        match self.changed.get(path) {
            Some(text) => Ok(text.clone()),
            None => self.base.read(path),
        }
    }

    fn list(&self, pattern: &str) -> Vec<String> {
        self.base.list(pattern)
    }

    fn each(&self, count: usize, work: &(dyn Fn(usize) + Sync)) {
        self.base.each(count, work);
    }
}

/// How the user wants files to be read.
#[derive(Debug, Clone, Default)]
pub(crate) struct Wanted {
    pub dialect: Option<Dialect>,
    pub context: Option<String>,
    pub versions: Vec<(Dialect, Version)>,
    pub locations: Vec<String>,
}

impl Wanted {
    /// Reads a main file; the product itself is asked for its version, where nobody gives one.
    pub(crate) fn read(&self, path: &str, files: &dyn Files) -> Config {
        self.read_as(path, files, None)
    }

    /// The same, with the version that is known from an earlier reading.
    pub(crate) fn read_as(
        &self,
        path: &str,
        files: &dyn Files,
        known: Option<(Version, VersionBy)>,
    ) -> Config {
        let dialect = self.dialect.or_else(|| {
            let text = files.read(path).ok()?;
            config::dialects::guess(path, &text)
        });
        let given = dialect.and_then(|dialect| {
            self.versions
                .iter()
                .rfind(|(wanted, _)| *wanted == dialect)
                .map(|(_, version)| (version.clone(), VersionBy::Given))
        });
        let version =
            given.or(known).or_else(|| dialect.and_then(ask).map(|version| (version, VersionBy::Asked)));
        let options =
            Options { dialect, version, context: self.context.clone(), locations: self.locations.clone() };
        config::read(path, files, &options)
    }
}

/// Asks the product that is installed here for its version.
fn ask(dialect: Dialect) -> Option<Version> {
    let candidates: &[(&str, &str)] = match dialect {
        Dialect::Nginx => &[("nginx", "-v"), ("openresty", "-v")],
        Dialect::Apache => &[("apache2", "-v"), ("httpd", "-v")],
        Dialect::Haproxy => &[("haproxy", "-v")],
        Dialect::Caddy => &[("caddy", "version")],
        Dialect::Traefik => &[("traefik", "version")],
        Dialect::Envoy => &[("envoy", "--version")],
        Dialect::Kubernetes => &[],
    };
    candidates.iter().find_map(|(program, flag)| {
        let said = run(Command::new(find_program(program)?).arg(flag), PATIENCE).ok()?;
        Version::find(&said.text)
    })
}

/// A program of this name, also in the folders of administrators, which are on no user's path.
pub(crate) fn find_program(name: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let folders = std::env::split_paths(&path)
        .chain(["/usr/sbin", "/sbin", "/usr/local/sbin", "/usr/local/bin"].map(PathBuf::from));
    folders.map(|folder| folder.join(name)).find(|file| file.is_file())
}

/// What a program said, and whether it was content.
pub(crate) struct Said {
    pub success: bool,
    /// Standard output and standard error.
    pub text: String,
}

/// Runs a program for a limited time; what it says is bounded.
pub(crate) fn run(command: &mut Command, patience: Duration) -> Result<Said, String> {
    use std::io::Read;
    let mut child = command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(|error| error.to_string())?;
    let read = |source: Option<Box<dyn Read + Send>>| {
        std::thread::spawn(move || {
            let mut text = Vec::new();
            if let Some(source) = source {
                let _ = source.take(64 * 1024).read_to_end(&mut text);
            }
            String::from_utf8_lossy(&text).into_owned()
        })
    };
    let out = read(child.stdout.take().map(|out| Box::new(out) as Box<dyn Read + Send>));
    let err = read(child.stderr.take().map(|err| Box::new(err) as Box<dyn Read + Send>));
    let began = Instant::now();
    let status = loop {
        match child.try_wait().map_err(|error| error.to_string())? {
            Some(status) => break status,
            None if began.elapsed() > patience => {
                let _ = child.kill();
                let _ = child.wait();
                return Err(format!("it did not end within {} s", patience.as_secs()));
            }
            None => std::thread::sleep(Duration::from_millis(3)),
        }
    };
    // A daemon that it started may hold the pipes open: what was said so far is enough.
    let deadline = Instant::now() + Duration::from_millis(500);
    while !(out.is_finished() && err.is_finished()) && Instant::now() < deadline {
        std::thread::sleep(Duration::from_millis(3));
    }
    let said = |handle: std::thread::JoinHandle<String>| {
        if handle.is_finished() { handle.join().unwrap_or_default() } else { String::new() }
    };
    Ok(Said { success: status.success(), text: said(out) + &said(err) })
}

/// The main files that a path stands for: itself, or those of a folder.
pub(crate) fn roots(path: &Path, wanted: &Wanted) -> Vec<String> {
    let shown = |path: &Path| path.display().to_string();
    if !path.is_dir() {
        return vec![shown(path)];
    }
    for name in ["nginx.conf", "conf/nginx.conf", "apache2.conf", "httpd.conf", "haproxy.cfg", "Caddyfile"] {
        let file = path.join(name);
        if file.is_file() {
            return vec![shown(&file)];
        }
    }
    let mut files = Vec::new();
    gather(path, &mut files, 0);
    files.sort();
    // A file with the whole of a product first: what it includes is read with it.
    let mut guessed: Vec<(bool, String)> = files
        .into_iter()
        .filter_map(|file| {
            let text = fs::read(&file).ok()?;
            let name = shown(&file);
            let known = wanted.dialect.or_else(|| config::dialects::guess(&name, &text));
            let whole = text
                .windows(6)
                .any(|window| window == b"http {" || window == b"events" || window == b"http{\n");
            known.map(|_| (!whole, name))
        })
        .collect();
    guessed.sort();
    guessed.into_iter().map(|(_, name)| name).collect()
}

fn gather(folder: &Path, files: &mut Vec<PathBuf>, depth: usize) {
    const ENDINGS: &[&str] =
        &["conf", "cfg", "yml", "yaml", "toml", "json", "nginx", "vhost", "sample", "template", "caddyfile"];
    let Ok(entries) = fs::read_dir(folder) else { return };
    for path in entries.filter_map(|entry| Some(entry.ok()?.path())) {
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        if files.len() >= MOST_FILES || name.starts_with('.') {
            continue;
        }
        if path.is_dir() {
            if depth < 12 && !["node_modules", "target", "vendor"].contains(&name.as_str()) {
                gather(&path, files, depth + 1);
            }
            continue;
        }
        let ending = path.extension().unwrap_or_default().to_string_lossy().to_ascii_lowercase();
        let known_name = name.starts_with("Caddyfile") || name == ".htaccess";
        let enabled =
            folder.file_name().is_some_and(|folder| folder == "sites-enabled" || folder == "sites-available");
        let small = path.metadata().is_ok_and(|metadata| metadata.len() < FILE_LIMIT);
        if small && (ENDINGS.contains(&ending.as_str()) || known_name || (enabled && ending.is_empty())) {
            files.push(path);
        }
    }
}

/// What is told, as observations of a case.
pub(crate) fn observations(told: Vec<Told>) -> impl Iterator<Item = (Source, Place, Fact)> {
    told.into_iter().map(|told| {
        let source = Source::Config { file: told.spot.file.clone(), line: told.spot.line };
        (source, Place::Server, Fact::Told(Box::new(told)))
    })
}

/// A case about one route of a configuration, without anything live; `more` is what the user says besides.
pub(crate) fn case(config: &Config, route: Option<usize>, more: &[Told]) -> Evidence {
    let route = route.and_then(|number| Some((number, config.route(number)?)));
    let url = route.as_ref().map_or_else(|| "ws://localhost/".to_owned(), |(_, route)| url(route));
    let target = Target::parse(&url)
        .or_else(|_| Target::parse("ws://localhost/"))
        .unwrap_or_else(|_| unreachable!("the address is a good one"));
    let mut evidence = Evidence::new(Case::new(target));
    let told = match route {
        Some((number, _)) => config.about(number),
        None => config.told.clone(),
    };
    for (source, place, fact) in observations(told.into_iter().chain(more.iter().cloned()).collect()) {
        evidence.add(0, source, place, fact);
    }
    evidence
}

/// An address that comes to a route.
fn url(route: &config::Route) -> String {
    let host = route
        .hosts
        .iter()
        .find(|host| {
            host.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '.' | '-'))
                && !host.starts_with('.')
        })
        .map_or("localhost", String::as_str);
    let scheme = if route.tls { "wss" } else { "ws" };
    let path = if route.path.starts_with('/') { route.path.clone() } else { format!("/{}", route.path) };
    match route.ports.first() {
        Some(port) if *port != if route.tls { 443 } else { 80 } => format!("{scheme}://{host}:{port}{path}"),
        _ => format!("{scheme}://{host}{path}"),
    }
}

/// A route, the evidence about it, and what that comes to.
pub(crate) struct Judged {
    pub route: Option<usize>,
    pub evidence: Evidence,
    pub findings: Vec<Finding>,
}

/// Judges every route that is believed to carry sockets, and the files as a whole. What several routes share is said
/// once, by the first of them.
pub(crate) fn judge(config: &Config, more: &[Told]) -> Vec<Judged> {
    let believed = config.believed();
    let cases = if believed.is_empty() { vec![None] } else { believed.into_iter().map(Some).collect() };
    let mut all = make_each(&Disk, cases.len(), |number| {
        let route = cases[number];
        let evidence = case(config, route, more);
        let findings = diagnose::judge_told(&evidence);
        Judged { route, evidence, findings }
    });
    let mut seen = std::collections::BTreeSet::new();
    for Judged { evidence, findings, .. } in &mut all {
        findings.retain(|finding| {
            let spot = spot(finding, evidence);
            seen.insert((finding.cause, finding.title.english(), spot))
        });
    }
    all
}

/// The place that a finding points at.
pub(crate) fn spot(finding: &Finding, evidence: &Evidence) -> Option<evidence::Spot> {
    let ids = finding.proof.iter().flat_map(|proof| &proof.rests_on);
    ids.filter_map(|id| evidence.observation(*id)).find_map(|seen| match &seen.fact {
        Fact::Told(told) if !matches!(told.what, Setting::Route(_)) => Some(told.spot.clone()),
        _ => None,
    })
}

/// The route that a live handshake takes, and what is told about it.
pub(crate) fn for_target(config: &Config, target: &Target) -> (Option<usize>, Vec<Told>) {
    let request = Request::to(target);
    let route = config.choose(&request);
    let told = match route {
        Some(route) => config.about_request(route, Some(&request)),
        None => config.told.clone(),
    };
    (route, told)
}
