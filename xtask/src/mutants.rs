//! `cargo xtask mutants`: breaks the session engine on purpose, one place at a time, and wants the simulated networks or
//! the vectors to notice each. A test that cannot fail is none.

use crate::root;
use std::fs;
use std::path::Path;
use std::process::Command;

/// Networks that each broken engine has to survive, and must not.
const NETWORKS: &str = "4000";

/// What is broken, where, and how.
const MUTANTS: &[(&str, &str, &str, &str)] = &[
    (
        "a frame that is known is delivered again",
        "flow.rs",
        "if data.number <= self.received {",
        "if data.number + 1 <= self.received {",
    ),
    (
        "a jump is taken",
        "flow.rs",
        "if data.number != self.received + 1 {\n            return Taken::Jump;",
        "if false {\n            return Taken::Jump;",
    ),
    (
        "acknowledged when it comes, not when it is handled",
        "flow.rs",
        "if by_application && number > self.said {",
        "if false && by_application && number > self.said {",
    ),
    (
        "credit never grows",
        "flow.rs",
        "self.granted = self.granted.max(self.handled_cost + self.window);",
        "",
    ),
    (
        "the window is not respected",
        "replay.rs",
        "Some(held) => held.through(self.cursor - held.first) <= self.credit,",
        "Some(_) => true,",
    ),
    (
        "freed when it is sent, not when it is acknowledged",
        "replay.rs",
        "if number > self.sent {\n            return false;\n        }",
        "let number = self.sent;",
    ),
    (
        "nothing is sent again after a resume",
        "replay.rs",
        "self.cursor = received + 1;",
        "self.cursor = self.cursor.max(received + 1);",
    ),
    (
        "one frame too few is sent again",
        "replay.rs",
        "self.cursor = received + 1;",
        "self.cursor = received + 2;",
    ),
    (
        "pieces are cut anew",
        "replay.rs",
        "let from = index as usize * PIECE;",
        "let from = (index as usize * PIECE).saturating_sub(1);",
    ),
    (
        "CLOSE does not wait for messages",
        "replay.rs",
        "match self.held.get(self.at) {\n                Some(held) => {",
        "match self.held.get(self.at).filter(|_| self.close.is_none()) {\n                Some(held) => {",
    ),
    (
        "a late RESUME takes the session",
        "session.rs",
        "if resume.attempt < self.attempt {",
        "if false && resume.attempt < self.attempt {",
    ),
    (
        "a RESUME that comes twice is refused",
        "session.rs",
        "if resume.attempt < self.attempt {",
        "if resume.attempt <= self.attempt {",
    ),
    ("after a resume the waits go on growing", "reconnect.rs", "if resumed {", "if false && resumed {"),
    (
        "a session of nobody waits as long as any",
        "session.rs",
        "if self.met { window } else { window.min(UNMET) }",
        "if true { window } else { window.min(UNMET) }",
    ),
    (
        "frames of an older link are taken",
        "session.rs",
        "while self.link.as_ref().is_some_and(|current| current.number == link) {",
        "while self.link.is_some() {",
    ),
    (
        "silence is not noticed",
        "session.rs",
        "Timer::Silence | Timer::Wake => {\n                    if let Some(link) = &self.link {",
        "Timer::Silence | Timer::Wake => {\n                    if let Some(link) = self.link.as_ref().filter(|_| false) {",
    ),
    (
        "what is missing is not given back",
        "session.rs",
        "let undelivered = self.replay.give_back(received);",
        "let undelivered = Vec::new(); let _ = received;",
    ),
    (
        "what may have arrived is called missing",
        "replay.rs",
        "uncertain: held.last() <= taken",
        "uncertain: false && held.last() <= taken",
    ),
];

pub(crate) fn run(arguments: &[String]) -> Result<(), String> {
    if !arguments.is_empty() {
        return Err("usage: cargo xtask mutants".to_owned());
    }
    let folder = root().join("target/mutants");
    let copy = folder.join("crates/session");
    let mut survivors = Vec::new();
    for (what, file, from, to) in MUTANTS {
        fresh(&copy)?;
        let path = copy.join("src").join(file);
        let text = fs::read_to_string(&path).map_err(|error| format!("{}: {error}", path.display()))?;
        if text.matches(from).count() != 1 {
            return Err(format!("{file} has not exactly one place for: {what}"));
        }
        fs::write(&path, text.replace(from, to)).map_err(|error| format!("{}: {error}", path.display()))?;
        let caught = !passes(&copy, &folder)?;
        println!("{:9} {what}", if caught { "caught" } else { "SURVIVES" });
        if !caught {
            survivors.push(*what);
        }
    }
    fresh(&copy)?;
    if !passes(&copy, &folder)? {
        return Err("the engine itself does not pass".to_owned());
    }
    println!("{} mutants, {} survive", MUTANTS.len(), survivors.len());
    if survivors.is_empty() { Ok(()) } else { Err(format!("not caught: {}", survivors.join("; "))) }
}

/// The crate as it is, as a workspace of its own.
fn fresh(copy: &Path) -> Result<(), String> {
    let _ = fs::remove_dir_all(copy);
    // The vectors lie where the tests look for them.
    let vectors = copy.join("../../protocol/vectors");
    let parts = ["src", "tests"].map(|part| (root().join("crates/session").join(part), copy.join(part)));
    for (from, target) in parts.into_iter().chain([(root().join("protocol/vectors"), vectors)]) {
        fs::create_dir_all(&target).map_err(|error| format!("{}: {error}", target.display()))?;
        let entries = fs::read_dir(from).map_err(|error| error.to_string())?;
        for file in entries.flatten().filter(|entry| entry.path().is_file()) {
            fs::copy(file.path(), target.join(file.file_name())).map_err(|error| error.to_string())?;
        }
    }
    let manifest = "[package]\nname = \"keepwire-session\"\nversion = \"0.1.0\"\nedition = \"2024\"\n\n[workspace]\n\n\
                    [dependencies]\nserde = { version = \"1\", features = [\"derive\"] }\nserde_json = \"1\"\n\n\
                    [profile.dev]\nopt-level = 1\ndebug = false\n";
    fs::write(copy.join("Cargo.toml"), manifest).map_err(|error| error.to_string())?;
    fs::copy(root().join("Cargo.lock"), copy.join("Cargo.lock")).map_err(|error| error.to_string())?;
    Ok(())
}

/// False: some network noticed, or the broken engine ran in circles. An engine that does not build proves nothing.
fn passes(copy: &Path, folder: &Path) -> Result<bool, String> {
    let cargo = |words: &[&str]| {
        let mut command = Command::new("timeout");
        command
            .args(["240", "cargo"])
            .args(words)
            .args(["--quiet", "--tests"])
            .current_dir(copy)
            .env("CARGO_TARGET_DIR", folder.join("target"))
            .env("KEEPWIRE_NETWORKS", NETWORKS)
            .env("RUST_BACKTRACE", "0");
        command.output().map_err(|error| format!("cargo: {error}"))
    };
    let built = cargo(&["test", "--no-run"])?;
    if !built.status.success() {
        return Err(format!("a mutant does not build:\n{}", String::from_utf8_lossy(&built.stderr)));
    }
    Ok(cargo(&["test"])?.status.success())
}
