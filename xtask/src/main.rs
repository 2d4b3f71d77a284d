//! The project's own tools: `cargo xtask TASK`. Everything CI does is one of these.

mod bench;
mod ci;
mod conformance;
mod e2e;
mod fuzz;
mod generate;
mod mutants;
mod new;
mod sentences;
mod tidy;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

const TASKS: &str = "\
usage: cargo xtask TASK [OPTIONS]

  test               every test that needs nothing but cargo: tidy, units, scenarios, snapshots
  ci                 what CI runs: format, clippy, test, a little fuzzing, e2e
  tidy               the checks that rustc and clippy do not make
  generate           files that are written from others (docs/causes, schema, README)
  new cause ID       the skeleton of a cause, with its translation
  fuzz [SECONDS]     every fuzz target for so long (20)
  conformance URL    judges any server of keepwire.v1 by the rules of protocol/PROTOCOL.md
  mutants            breaks the session engine on purpose, and wants each break noticed
  e2e [FILTER]       the program against real products, broken and healthy (--help)
  record             logs, console messages and a HAR of real products, for the tests of `records`
  bench check|rtt    how long a check takes, beside curl and websocat; over a slow link
  bench lint         a large nginx tree, beside crossplane
  bench read         how fast a log of 1 GB is read, beside wc and grep";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let (task, rest) = match arguments.split_first() {
        Some((task, rest)) => (task.as_str(), rest),
        None => ("", &[][..]),
    };
    let result = match task {
        "e2e" => return e2e::main(rest),
        "test" => ci::test(),
        "ci" => ci::run(rest),
        "tidy" => tidy::run(),
        "generate" => generate::run(),
        "new" => new::run(rest),
        "conformance" => conformance::run(rest),
        "fuzz" => fuzz::run(rest),
        "mutants" => mutants::run(rest),
        "record" => e2e::record(),
        "bench" => bench::run(rest),
        "" | "help" | "--help" | "-h" => {
            println!("{TASKS}");
            return ExitCode::SUCCESS;
        }
        other => Err(format!("unknown task: {other:?}\n\n{TASKS}")),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(problem) => {
            eprintln!("{problem}");
            ExitCode::FAILURE
        }
    }
}

/// The folder of the workspace.
fn root() -> PathBuf {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.parent().unwrap_or(here).to_path_buf()
}

/// Files below a folder with this ending, sorted.
fn files(folder: &Path, ending: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let Ok(entries) = std::fs::read_dir(folder) else { return found };
    for path in entries.filter_map(|entry| Some(entry.ok()?.path())) {
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        if path.is_dir() && !["target", "node_modules", ".git"].contains(&name.as_str()) {
            found.extend(files(&path, ending));
        } else if path.extension().is_some_and(|it| it == ending) {
            found.push(path);
        }
    }
    found.sort();
    found
}

fn read(path: &Path) -> Result<String, String> {
    std::fs::read_to_string(path).map_err(|error| format!("{}: {error}", path.display()))
}
