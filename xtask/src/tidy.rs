//! The checks that rustc and clippy do not make. Each says what is wrong, where, and what to do.

use crate::{files, generate, read, root, sentences};
use diagnose::{HEADINGS, causes};
use keepwire::Language;
use std::collections::BTreeSet;
use std::path::Path;

/// Headings of a cause's page in Chinese, in the order of the English ones.
const CHINESE_HEADINGS: [&str; 4] = ["你会看到什么", "为什么会这样", "怎么办", "如何确认"];

/// Who may use whom (ARCHITECTURE.md); everything else is refused.
const ARROWS: &[(&str, &[&str])] = &[
    ("evidence", &[]),
    ("frame", &[]),
    ("faults", &[]),
    ("session", &[]),
    ("gateway", &["frame", "session"]),
    ("client", &["frame", "session"]),
    ("config", &["evidence"]),
    ("diagnose", &["evidence"]),
    ("records", &["evidence"]),
    ("probe", &["evidence", "frame"]),
    ("lab", &["faults", "frame"]),
    ("keepwire", &["config", "evidence", "diagnose", "frame", "gateway", "lab", "probe", "records"]),
];

/// Crates without sockets, clocks and tasks.
const PURE: &[&str] = &["evidence", "frame", "faults", "session", "diagnose", "config", "records"];

pub(crate) fn run() -> Result<(), String> {
    let mut problems = Vec::new();
    translations(&mut problems)?;
    pages(&mut problems)?;
    arrows(&mut problems)?;
    paths(&mut problems)?;
    generated(&mut problems)?;
    traces(&mut problems)?;
    if problems.is_empty() {
        println!("tidy: nothing to complain of");
        return Ok(());
    }
    Err(format!("{}\n\ntidy: {} problems", problems.join("\n"), problems.len()))
}

/// Every sentence in the code has a translation, and every translation a sentence.
fn translations(problems: &mut Vec<String>) -> Result<(), String> {
    let chinese =
        keepwire::catalogue(Language::Chinese).map_err(|error| format!("locales/zh-CN: {error}"))?;
    let mut used = BTreeSet::new();
    for folder in ["crates/diagnose/src", "crates/keepwire/src"] {
        for file in files(&root().join(folder), "rs") {
            let source = read(&file)?;
            // Tests make sentences of their own.
            let code = source.split("#[cfg(test)]").next().unwrap_or_default();
            for template in sentences::templates(code) {
                if !chinese.knows(&template) {
                    problems.push(format!("{}: no Chinese for {template:?}", shown(&file)));
                }
                used.insert(template);
            }
        }
    }
    used.extend(keepwire::cli::sentences());
    used.insert("not tested".to_owned());
    for sentence in chinese.sentences() {
        if !used.contains(sentence) {
            problems.push(format!("locales/zh-CN: nobody says {sentence:?} any more"));
        }
    }
    Ok(())
}

/// Every cause has a Chinese page with the same headings.
fn pages(problems: &mut Vec<String>) -> Result<(), String> {
    let chinese = keepwire::catalogue(Language::Chinese).map_err(|error| error.to_string())?;
    for cause in causes::ALL {
        let Some(page) = chinese.page(cause.id) else {
            problems.push(format!("locales/zh-CN/causes/{}.toml: no page", cause.id));
            continue;
        };
        let headings: Vec<&str> =
            page.lines().filter_map(|line| line.strip_prefix("# ")).skip(1).map(str::trim).collect();
        if headings != CHINESE_HEADINGS {
            problems.push(format!("locales/zh-CN/causes/{}.toml: headings are {headings:?}, want {CHINESE_HEADINGS:?} for {HEADINGS:?}", cause.id));
        }
        let source = root().join(format!("crates/diagnose/src/causes/{}.rs", cause.id.replace('-', "_")));
        let text = read(&source)?;
        let tests = text.split("#[cfg(test)]").nth(1).unwrap_or_default();
        // Some pages warn of traps that cannot be seen from outside; they judge nothing.
        let judges = !text.contains("fn judge(_: &Evidence)");
        if judges && (!tests.contains("holds(") || !tests.contains("does_not_hold(")) {
            problems.push(format!("{}: wants a case that holds and a near miss", shown(&source)));
        }
    }
    for id in chinese.page_ids() {
        if causes::find(id).is_none() {
            problems.push(format!("locales/zh-CN/causes/{id}.toml: there is no such cause"));
        }
    }
    Ok(())
}

/// Crates use only whom they may use, and pure ones stay pure.
fn arrows(problems: &mut Vec<String>) -> Result<(), String> {
    for (name, allowed) in ARROWS {
        let manifest = read(&root().join(format!("crates/{name}/Cargo.toml")))?;
        let dependencies = manifest.split("[dependencies]").nth(1).unwrap_or_default();
        let dependencies = dependencies.split("\n[").next().unwrap_or_default();
        for line in dependencies.lines() {
            let used = line.split(['.', ' ', '=']).next().unwrap_or_default();
            if ARROWS.iter().any(|(ours, _)| ours == &used) && !allowed.contains(&used) {
                problems
                    .push(format!("crates/{name}/Cargo.toml: {name} may not use {used} (ARCHITECTURE.md)"));
            }
            if PURE.contains(name) && ["tokio", "h2", "socket2", "rustix"].contains(&used) {
                problems.push(format!("crates/{name}/Cargo.toml: {name} is pure and may not use {used}"));
            }
        }
        if PURE.contains(name)
            && !read(&root().join(format!("crates/{name}/src/lib.rs")))?
                .contains("#![warn(clippy::disallowed_methods)]")
        {
            problems
                .push(format!("crates/{name}/src/lib.rs: a pure crate turns clippy::disallowed_methods on"));
        }
    }
    Ok(())
}

/// Every path named in a Markdown file exists.
fn paths(problems: &mut Vec<String>) -> Result<(), String> {
    const FOLDERS: &[&str] =
        &["crates/", "xtask/", "docs/", "locales/", "scenarios/", "fuzz/", ".ci/", "protocol/", "clients/"];
    for file in files(&root(), "md") {
        let text = read(&file)?;
        for quoted in text.split('`').skip(1).step_by(2) {
            let path = quoted.split([' ', '#', ':']).next().unwrap_or_default();
            let is_path = FOLDERS.iter().any(|folder| path.starts_with(folder))
                && !path.contains(['*', '<', '{', '…', 'N']);
            if is_path && !root().join(path).exists() {
                problems.push(format!("{}: names {path}, which does not exist", shown(&file)));
            }
        }
        for target in text.split("](").skip(1).filter_map(|rest| rest.split(')').next()) {
            let target = target.split('#').next().unwrap_or_default();
            let folder = file.parent().unwrap_or(Path::new("."));
            if !target.is_empty()
                && !target.contains("://")
                && !target.contains(' ')
                && !folder.join(target).exists()
            {
                problems.push(format!("{}: links to {target}, which does not exist", shown(&file)));
            }
        }
    }
    Ok(())
}

/// Generated files are as `cargo xtask generate` writes them.
fn generated(problems: &mut Vec<String>) -> Result<(), String> {
    let expected = generate::all()?;
    for (path, content) in &expected {
        if read(&root().join(path)).ok().as_ref() != Some(content) {
            problems.push(format!("{}: not as `cargo xtask generate` writes it", path.display()));
        }
    }
    for file in files(&root().join("docs/causes"), "md") {
        let inside = file.strip_prefix(root()).unwrap_or(&file);
        if !expected.iter().any(|(path, _)| path == inside) {
            problems.push(format!("{}: nobody generates this any more", inside.display()));
        }
    }
    Ok(())
}

/// Nothing of the machine that it was written on.
fn traces(problems: &mut Vec<String>) -> Result<(), String> {
    // In two parts, so that this file does not complain of itself.
    let forbidden = [
        ["/wo", "rk/"],
        ["/ro", "ot/"],
        ["registry.npm", "js"],
        ["files.python", "hosted"],
        ["deb.deb", "ian.org"],
        ["static.crates", ".io"],
    ];
    for ending in ["rs", "md", "toml", "js", "py", "json", "yml"] {
        for file in files(&root(), ending) {
            let Ok(text) = read(&file) else { continue };
            for word in &forbidden {
                let word = word.concat();
                if text.contains(&word) {
                    problems.push(format!("{}: contains {word}", shown(&file)));
                }
            }
        }
    }
    Ok(())
}

fn shown(path: &Path) -> String {
    path.strip_prefix(root()).unwrap_or(path).display().to_string()
}
