//! `keepwire.toml`: what a project wants of its checks. Other commands will read their own tables of it.

use serde::Deserialize;
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

/// Tables that a file may have; those of other commands are left alone.
const TABLES: &[&str] = &[
    "version", "lang", "defaults", "env", "target", "requests", "lint", "monitor", "alert", "gateway", "ui",
];

/// The table `[lint]`.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Lint {
    /// Version of nginx that the files are for.
    pub nginx_version: Option<String>,
    /// Versions of products by their word: `haproxy = "2.8"`.
    pub versions: BTreeMap<String, String>,
    /// Ids (of causes, or of what makes them so) that are never reported.
    pub ignore: Vec<String>,
    /// Paths that carry sockets.
    pub locations: Vec<String>,
    /// Sockets that are expected at the same time.
    pub connections: Option<u64>,
    /// Other severities than the program's: `note`, `warning`, `error`, `off`.
    pub severity: BTreeMap<String, String>,
}

/// Why a file of settings cannot be used.
#[derive(Debug)]
pub(crate) struct Unusable {
    pub file: PathBuf,
    pub why: String,
}

/// The settings that hold here, and the file that they come from.
pub(crate) fn find(start: &Path, variable: Option<&str>) -> Result<(Lint, Option<PathBuf>), Unusable> {
    let file = match variable {
        Some(file) => Some(PathBuf::from(file)),
        None => nearest(start),
    };
    let Some(file) = file else { return Ok((Lint::default(), None)) };
    let text =
        fs::read_to_string(&file).map_err(|error| Unusable { file: file.clone(), why: error.to_string() })?;
    match parse(&text) {
        Ok(lint) => Ok((lint, Some(file))),
        Err(why) => Err(Unusable { file, why }),
    }
}

/// `keepwire.toml` in this folder or one above it, up to the root of the repository; else the user's own.
fn nearest(start: &Path) -> Option<PathBuf> {
    let start = fs::canonicalize(start).unwrap_or_else(|_| start.to_path_buf());
    for folder in start.ancestors() {
        let file = folder.join("keepwire.toml");
        if file.is_file() {
            return Some(file);
        }
        if folder.join(".git").exists() {
            break;
        }
    }
    let home = std::env::var_os("XDG_CONFIG_HOME")
        .map(PathBuf::from)
        .or_else(|| Some(PathBuf::from(std::env::var_os("HOME")?).join(".config")))?;
    Some(home.join("keepwire/config.toml")).filter(|file| file.is_file())
}

fn parse(text: &str) -> Result<Lint, String> {
    let table: toml::Table = text.parse().map_err(|error: toml::de::Error| error.to_string())?;
    for key in table.keys() {
        if !TABLES.contains(&key.as_str()) {
            let nearest = TABLES.iter().min_by_key(|known| crate::commands::distance(key, known));
            return Err(format!("unknown key {key}; did you mean {}?", nearest.unwrap_or(&"lint")));
        }
    }
    #[derive(Deserialize)]
    struct File {
        #[serde(default)]
        lint: Lint,
    }
    // From the text once more: its errors have lines and columns.
    let file: File = toml::from_str(text).map_err(|error| error.to_string())?;
    for (id, severity) in &file.lint.severity {
        if !["note", "warning", "error", "off"].contains(&severity.as_str()) {
            return Err(format!("lint.severity.{id} is \"{severity}\": write note, warning, error or off"));
        }
    }
    Ok(file.lint)
}

#[cfg(test)]
mod tests {
    use super::parse;

    #[test]
    fn the_lint_table_is_read_and_slips_are_named() {
        let lint = parse("version = 1\n[lint]\nnginx_version = \"1.28\"\nignore = [\"idle-nginx-read-timeout\"]\n[lint.severity]\nupgrade-any-protocol = \"error\"\n[monitor]\nx = 1\n").unwrap();
        assert_eq!(lint.nginx_version.as_deref(), Some("1.28"));
        assert_eq!(lint.severity["upgrade-any-protocol"], "error");
        for (text, says) in [
            ("lnt = 1", "did you mean lint?"),
            ("[lint]\nignor = []", "unknown field"),
            ("[lint.severity]\na = \"bad\"", "write note, warning, error or off"),
            ("[lint", "TOML parse error"),
        ] {
            let why = parse(text).unwrap_err();
            assert!(why.contains(says), "{text}: {why}");
        }
    }
}
