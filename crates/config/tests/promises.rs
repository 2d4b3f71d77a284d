//! What every dialect promises, held against every file of the corpus.
//!
//! - `corpus/<dialect>/healthy-*`: nothing on a route of sockets is an error.
//! - `corpus/<dialect>/expect.toml`: for each `[[broken]]` file the setting that is found, and the wish that mends it.
//! - Every file, whatever its name: it is read without loss, also when it is cut off anywhere, and nothing panics.
//!
//! Files in folders of a dialect are there to be included.

// clippy knows only functions with #[test] as tests; all of this is one.
#![allow(clippy::unwrap_used, clippy::panic)]

use config::{Config, Dialect, Memory, Options, Request, Version, apply, read};
use evidence::{Passing, Setting, VersionBy, Wish};
use serde::Deserialize;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields)]
struct Expectations {
    #[serde(default)]
    broken: Vec<Broken>,
    #[serde(default)]
    chosen: Vec<Chosen>,
}

/// A file that is broken in a way that an edit mends.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Broken {
    file: String,
    /// The product's version; none: the assumed one.
    version: Option<String>,
    /// The route, by its name; a part of it is enough.
    route: String,
    /// The setting, as `Debug` shows it; a part of it is enough.
    setting: String,
    /// The id of the catalog that it is told with.
    because: Option<String>,
    /// The wish; none: there is nothing that this dialect can do.
    wish: Option<Wish>,
    /// The edit is in a place that other routes use, too.
    #[serde(default)]
    shared: bool,
}

/// Which route a request takes.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Chosen {
    file: String,
    url: String,
    route: String,
}

struct Folder {
    dialect: Dialect,
    files: Memory,
    /// Those that are read by themselves.
    heads: Vec<String>,
    expectations: Expectations,
}

fn corpus() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/corpus")
}

fn collect(folder: &Path, below: &str, found: &mut BTreeMap<String, Vec<u8>>) {
    let mut entries: Vec<_> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    entries.sort();
    for path in entries {
        let name = format!("{below}{}", path.file_name().unwrap().to_string_lossy());
        if path.is_dir() {
            collect(&path, &format!("{name}/"), found);
        } else {
            found.insert(name, std::fs::read(&path).unwrap());
        }
    }
}

fn folders() -> Vec<Folder> {
    Dialect::ALL
        .into_iter()
        .filter_map(|dialect| {
            let folder = corpus().join(dialect.id());
            if !folder.is_dir() {
                return None;
            }
            let mut all = BTreeMap::new();
            collect(&folder, "", &mut all);
            let expectations = all.remove("expect.toml").map_or_else(Expectations::default, |text| {
                toml::from_str(&String::from_utf8(text).unwrap())
                    .unwrap_or_else(|error| panic!("{}/expect.toml: {error}", dialect.id()))
            });
            let heads = all.keys().filter(|name| !name.contains('/')).cloned().collect();
            Some(Folder { dialect, files: Memory(all), heads, expectations })
        })
        .collect()
}

fn options(dialect: Dialect, version: Option<&str>) -> Options {
    let version = version.map(|text| (Version::parse(text).unwrap(), VersionBy::Given));
    Options { dialect: Some(dialect), version, ..Options::default() }
}

/// The files as they are after an edit.
fn after(files: &Memory, config: &Config, edits: &[config::Edit]) -> Memory {
    let mut changed = files.clone();
    for document in apply(&config.documents, edits) {
        changed.0.insert(document.path, document.text.to_vec());
    }
    changed
}

fn settings(config: &Config, route: usize) -> Vec<Setting> {
    config.about(route).into_iter().map(|told| told.what).collect()
}

/// The lines that differ, as `diff` shows them.
fn difference(before: &[u8], after: &[u8]) -> String {
    let lines = |text: &[u8]| -> Vec<String> {
        text.split_inclusive(|byte| *byte == b'\n')
            .map(|line| String::from_utf8_lossy(line).into_owned())
            .collect()
    };
    let (old, new) = (lines(before), lines(after));
    let mut longest = vec![vec![0usize; new.len() + 1]; old.len() + 1];
    for i in (0..old.len()).rev() {
        for j in (0..new.len()).rev() {
            longest[i][j] = if old[i] == new[j] {
                longest[i + 1][j + 1] + 1
            } else {
                longest[i + 1][j].max(longest[i][j + 1])
            };
        }
    }
    let (mut i, mut j) = (0, 0);
    let mut out = String::new();
    while i < old.len() || j < new.len() {
        if i < old.len() && j < new.len() && old[i] == new[j] {
            (i, j) = (i + 1, j + 1);
        } else if j < new.len() && (i == old.len() || longest[i][j + 1] > longest[i + 1][j]) {
            out += &format!("{:>4} + {}\n", j + 1, new[j].trim_end_matches('\n').escape_debug());
            j += 1;
        } else {
            out += &format!("{:>4} - {}\n", i + 1, old[i].trim_end_matches('\n').escape_debug());
            i += 1;
        }
    }
    out
}

#[test]
fn nothing_is_lost() {
    for folder in folders() {
        for head in &folder.heads {
            let config = read(head, &folder.files, &options(folder.dialect, None));
            for document in &config.documents {
                assert_eq!(
                    Some(document.text.as_ref()),
                    folder.files.0.get(&document.path),
                    "{head}: {}",
                    document.path
                );
            }
            let unchanged = apply(&config.documents, &[]);
            assert_eq!(unchanged, config.documents, "{head}");
        }
    }
}

#[test]
fn healthy_files_are_healthy() {
    let mut complaints = Vec::new();
    for folder in folders() {
        for head in folder.heads.iter().filter(|name| name.starts_with("healthy")) {
            let config = read(head, &folder.files, &options(folder.dialect, None));
            let place = format!("{}/{head}", folder.dialect.id());
            if !config.routes().any(|route| route.believed().is_some()) {
                complaints.push(format!("{place}: no route is believed to carry sockets"));
            }
            let own = config.routes().filter(|route| route.believed().is_some());
            for told in own.flat_map(|route| route.told).chain(config.told.clone()) {
                let wrong = match &told.what {
                    Setting::Upgrade(passing) => {
                        matches!(passing, Passing::Dropped | Passing::ConnectionLost | Passing::Refused)
                    }
                    Setting::UpstreamHttp(version) => version != "1.1",
                    Setting::Refused { .. }
                    | Setting::Unreadable { .. }
                    | Setting::InTheWay(_)
                    | Setting::Cleared(_)
                    | Setting::SchemeMismatch { .. }
                    | Setting::Shadowed { .. } => true,
                    _ => false,
                };
                if wrong {
                    complaints.push(format!("{place}:{}: {:?}", told.spot.line, told.what));
                }
            }
            for route in config.routes() {
                assert!(
                    matches!(route.told.first().map(|told| &told.what), Some(Setting::Route(_))),
                    "{place}"
                );
            }
        }
    }
    assert!(complaints.is_empty(), "{}", complaints.join("\n"));
}

#[test]
fn broken_files_are_mended() {
    let mut complaints = Vec::new();
    for folder in folders() {
        for (number, broken) in folder.expectations.broken.iter().enumerate() {
            if let Err(why) = mend(&folder, broken, number) {
                complaints.push(format!(
                    "{}/{} ({}): {why}",
                    folder.dialect.id(),
                    broken.file,
                    broken.setting
                ));
            }
        }
    }
    assert!(complaints.is_empty(), "{}", complaints.join("\n\n"));
}

fn mend(folder: &Folder, broken: &Broken, number: usize) -> Result<(), String> {
    let options = options(folder.dialect, broken.version.as_deref());
    let config = read(&broken.file, &folder.files, &options);
    let names = || config.routes().map(|route| route.name).collect::<Vec<_>>();
    let exact = config.routes().position(|route| route.name == broken.route);
    let route = exact
        .or_else(|| config.routes().position(|route| route.name.contains(&broken.route)))
        .ok_or_else(|| format!("no route {:?} among {:?}; {:?}", broken.route, names(), config.told))?;
    let name = config.route(route).unwrap().name;
    let about = config.about(route);
    let found = about
        .iter()
        .find(|told| {
            format!("{:?}", told.what).contains(&broken.setting)
                && (broken.because.is_none() || told.because == broken.because)
        })
        .ok_or_else(|| {
            let all: Vec<String> =
                about.iter().map(|told| format!("{:?} {:?}", told.what, told.because)).collect();
            format!("not found among\n  {}", all.join("\n  "))
        })?;
    let document = config.documents.iter().find(|document| document.path == found.spot.file);
    if document.is_none_or(|document| found.spot.line as usize > document.line_count()) {
        return Err(format!("{:?} is no place in these files", found.spot));
    }
    let Some(wish) = &broken.wish else { return Ok(()) };
    if wish.is_met_by(&about) {
        return Err(format!("{wish:?} is met already"));
    }
    let edits = config.edit(route, wish).map_err(|why| format!("{wish:?}: {}", why.0))?;
    if edits.is_empty() {
        return Err(format!("{wish:?}: no edits"));
    }
    let changed = after(&folder.files, &config, &edits);
    let again = read(&broken.file, &changed, &options);
    let shown: String = config
        .documents
        .iter()
        .filter(|document| changed.0[&document.path] != *document.text)
        .map(|document| {
            format!("{}\n{}", document.path, difference(&document.text, &changed.0[&document.path]))
        })
        .collect();
    // An edit may move a route (what comes first), or change its name.
    let same = again.routes().position(|route| route.name == name);
    let Some(route_again) = same.or((again.routes().len() == config.routes().len()).then_some(route)) else {
        return Err(format!("the route is gone:\n{shown}"));
    };
    if !wish.is_met_by(&again.about(route_again)) {
        return Err(format!("{wish:?} is not met after\n{shown}\n{:?}", settings(&again, route_again)));
    }
    match again.edit(route_again, wish) {
        Ok(more) if more.is_empty() => {}
        other => return Err(format!("a second edit: {other:?}")),
    }
    if !broken.shared {
        for (other, before) in config.routes().enumerate().filter(|(other, _)| *other != route) {
            let Some(now) = again.routes().position(|route| route.name == before.name) else {
                return Err(format!("{:?} is gone after\n{shown}", before.name));
            };
            if config.routes().filter(|route| route.name == before.name).count() == 1
                && settings(&config, other) != settings(&again, now)
            {
                return Err(format!("{:?} is changed, too, by\n{shown}", before.name));
            }
        }
    }
    insta::with_settings!({ omit_expression => true, prepend_module_to_snapshot => false }, {
        insta::assert_snapshot!(format!("{}-{number:02}-{}", folder.dialect.id(), broken.file), shown);
    });
    Ok(())
}

#[test]
fn requests_find_their_route() {
    let mut complaints = Vec::new();
    for folder in folders() {
        for chosen in &folder.expectations.chosen {
            let config = read(&chosen.file, &folder.files, &options(folder.dialect, None));
            let (scheme, rest) = chosen.url.split_once("://").unwrap();
            let (authority, path) = rest.split_once('/').unwrap();
            let tls = scheme == "wss";
            let (host, port) =
                authority.split_once(':').map_or((authority, if tls { 443 } else { 80 }), |(host, port)| {
                    (host, port.parse().unwrap())
                });
            let request = Request { host: host.to_owned(), port, tls, path: format!("/{path}") };
            let found =
                config.choose(&request).map_or("none".to_owned(), |route| config.route(route).unwrap().name);
            if found != chosen.route && !(chosen.route.is_empty() && found == "none") {
                complaints.push(format!(
                    "{}/{} {}: {found:?}, not {:?}",
                    folder.dialect.id(),
                    chosen.file,
                    chosen.url,
                    chosen.route
                ));
            }
        }
    }
    assert!(complaints.is_empty(), "{}", complaints.join("\n"));
}

fn exercise(name: &str, files: &Memory, options: &Options) {
    let config = read(name, files, options);
    let request = Request { host: "app.example".into(), port: 443, tls: true, path: "/ws/x".into() };
    let _ = config.choose(&request);
    let wishes = [
        Wish::PassUpgrade,
        Wish::UpstreamHttp11,
        Wish::IdleAtLeast(3_600_000),
        Wish::LifetimeAtLeast(3_600_000),
        Wish::PassHost,
        Wish::KeepPath,
        Wish::ComesFirst,
        Wish::Sticky,
        Wish::MatchScheme,
        Wish::ClearTheWay,
        Wish::DrainAtLeast(3_600_000),
        Wish::Acceptable,
        Wish::LeaveHeader("Sec-WebSocket-Protocol".into()),
    ];
    for route in 0..config.routes().len().min(4) {
        let _ = config.about(route);
        for wish in &wishes {
            if let Ok(edits) = config.edit(route, wish) {
                let _ = read(name, &after(files, &config, &edits), options);
            }
        }
    }
}

#[test]
fn what_is_cut_off_or_garbage_does_no_harm() {
    let garbage: [&[u8]; 8] = [
        b"",
        b"\xFF\xFE\x00\x01",
        b"{{{{{{{{{{{{{{{{{{{{{{{{",
        b"}}}}}}}}}}}}}}}}",
        b"a: [b, {c: \"d",
        b"<VirtualHost\n<Location /\n</VirtualHost",
        b"\"\\\\\\",
        b"server { location /ws { proxy_pass http://a; } \0",
    ];
    for folder in folders() {
        for head in &folder.heads {
            let text = &folder.files.0[head];
            for end in (0..text.len()).step_by(97) {
                let mut files = folder.files.clone();
                files.0.insert(head.clone(), text[..end].to_vec());
                exercise(head, &files, &options(folder.dialect, None));
            }
            exercise(head, &folder.files, &options(folder.dialect, None));
        }
    }
    for dialect in Dialect::ALL {
        for text in garbage {
            exercise("garbage", &Memory::one("garbage", text), &options(dialect, None));
        }
        for (piece, times) in [("{", 20_000), ("[", 20_000), ("a: ", 5000), ("<a>\n", 5000), ("x ", 50_000)] {
            let text = piece.repeat(times);
            let started = std::time::Instant::now();
            exercise("deep", &Memory::one("deep", text.clone().into_bytes()), &options(dialect, None));
            assert!(started.elapsed().as_secs() < 10, "{dialect:?}: {piece:?} takes too long");
        }
    }
}

#[test]
fn dialects_are_told_apart() {
    for folder in folders() {
        for head in &folder.heads {
            let text = &folder.files.0[head];
            // By what stands in it, without a name that says it.
            let guessed = config::dialects::guess("some/file", text);
            assert_eq!(guessed, Some(folder.dialect), "{}/{head}", folder.dialect.id());
        }
    }
}
