//! What CI runs, in the order in which a failure is cheapest.

use crate::{root, tidy};
use std::process::Command;
use std::time::Instant;

pub(crate) fn run(arguments: &[String]) -> Result<(), String> {
    let quick =
        match arguments {
            [] => false,
            [flag] if flag == "--quick" => true,
            _ => return Err(
                "usage: cargo xtask ci [--quick]    (--quick: without TypeScript, mutants, fuzzing and e2e)"
                    .to_owned(),
            ),
        };
    step("format", || cargo(&["fmt", "--all", "--check"]))?;
    step("clippy", || cargo(&["clippy", "--workspace", "--all-targets", "--quiet", "--", "-D", "warnings"]))?;
    test()?;
    if quick {
        return Ok(());
    }
    step("typescript", typescript)?;
    step("mutants", || crate::mutants::run(&[]))?;
    step("fuzz", || crate::fuzz::run(&["15".to_owned()]))?;
    step("e2e", || cargo(&["xtask", "e2e"]))?;
    step("e2e session", || cargo(&["xtask", "e2e", "session", "--messages", "100000"]))?;
    step("e2e browser", || cargo(&["xtask", "e2e", "browser"]))?;
    step("e2e autobahn", || cargo(&["xtask", "e2e", "autobahn"]))
}

/// The README's test command: everything that needs nothing but cargo.
pub(crate) fn test() -> Result<(), String> {
    step("tidy", tidy::run)?;
    step("tests", || cargo(&["test", "--workspace", "--quiet"]))
}

/// The TypeScript client: build, vectors, tests, sizes, and whether the package is one.
fn typescript() -> Result<(), String> {
    for words in [["ci", "--silent"], ["test", "--silent"]] {
        let status = Command::new("npm")
            .args(words)
            .current_dir(root().join("clients/typescript"))
            .status()
            .map_err(|error| format!("npm: {error}"))?;
        if !status.success() {
            return Err(format!("npm {} failed", words.join(" ")));
        }
    }
    Ok(())
}

fn step(name: &str, run: impl FnOnce() -> Result<(), String>) -> Result<(), String> {
    println!("== {name}");
    let began = Instant::now();
    run()?;
    println!("== {name}: {:.0} s", began.elapsed().as_secs_f64());
    Ok(())
}

fn cargo(arguments: &[&str]) -> Result<(), String> {
    let status = Command::new("cargo")
        .args(arguments)
        .current_dir(root())
        .status()
        .map_err(|error| format!("cargo: {error}"))?;
    if status.success() { Ok(()) } else { Err(format!("cargo {} failed", arguments.join(" "))) }
}
