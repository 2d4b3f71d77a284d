//! `cargo xtask e2e fix`: a mistake in a real configuration is found live, mended by the program, tested by the product's
//! own checker, loaded, and then a client that knows nothing of ours exchanges messages through it.
//!
//! Cases whose mending must fail are held to the opposite: file and workers are as they were.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::case::{Case, Plan};
use super::judge;
use super::report::Outcome;
use super::stage::Stage;

/// How a deployment is to be mended.
#[derive(Clone, Debug)]
pub(crate) struct Fix {
    /// The main configuration file.
    pub config: PathBuf,
    /// Further arguments: `--fix=unsafe`, `--reload-command …`.
    pub arguments: Vec<String>,
    /// The product's own checker, run by us once more.
    pub checker: Vec<String>,
    /// What the client needs: subprotocols, origin, and another path than the one that was checked.
    pub client: Value,
    /// What the mending must come to: `verified`, or `undone` where it must fail.
    pub outcome: &'static str,
    /// The live connection works all along: it is `lint` that finds and mends.
    pub lint: bool,
}

impl Fix {
    pub(crate) fn new(config: impl Into<PathBuf>) -> Self {
        Self {
            config: config.into(),
            arguments: vec!["--fix".to_owned()],
            checker: Vec::new(),
            client: json!({}),
            outcome: "verified",
            lint: false,
        }
    }

    /// Also changes that are not safe.
    pub(crate) fn all(mut self) -> Self {
        self.arguments[0] = "--fix=unsafe".to_owned();
        self
    }

    pub(crate) fn argument(mut self, flag: &str, value: impl Into<String>) -> Self {
        self.arguments.extend([flag.to_owned(), value.into()]);
        self
    }

    pub(crate) fn checked_by(mut self, words: &[&str]) -> Self {
        self.checker = words.iter().map(|word| (*word).to_owned()).collect();
        self
    }

    pub(crate) fn client(mut self, options: Value) -> Self {
        self.client = options;
        self
    }

    pub(crate) fn must_be_undone(mut self) -> Self {
        self.outcome = "undone";
        self
    }

    pub(crate) fn by_lint(mut self) -> Self {
        self.lint = true;
        self
    }
}

/// Runs one case of mending.
pub(crate) fn run(case: &Case, stage: &Stage, plan: &Plan, fix: &Fix, program: &Path, outcome: &mut Outcome) {
    let began = Instant::now();
    if let Err(problem) = steps(case, stage, plan, fix, program, outcome) {
        outcome.failure = Some(problem);
    }
    outcome.took = began.elapsed();
}

fn steps(
    case: &Case,
    stage: &Stage,
    plan: &Plan,
    fix: &Fix,
    program: &Path,
    outcome: &mut Outcome,
) -> Result<(), String> {
    let file = fix.config.display().to_string();
    let before = read(&fix.config)?;
    let workers = processes(stage);
    let keepwire = |words: &[String]| -> Result<(i32, Value), String> {
        let mut command = Command::new(program);
        command.args(words).args(["--format", "json", "--lang", "en"]);
        super::run::scrub(&mut command, stage, plan);
        command.env("PATH", path(stage));
        let (code, out, err) = output(&mut command, case.time_limit)?;
        let _ = stage.write("last-report.json", &out);
        let value = serde_json::from_str(&out)
            .map_err(|error| format!("exit code {code}, and no JSON: {error}\n{out}{err}"))?;
        Ok((code, value))
    };
    let words = |list: &[&str]| list.iter().map(|word| (*word).to_owned()).collect::<Vec<String>>();

    // 1. It is broken, and the file shows why.
    let mut broken = if fix.lint {
        words(&["lint", &file, "-v"])
    } else {
        words(&["check", &plan.url, "--config", &file])
    };
    if !fix.lint {
        broken.extend(plan.arguments.iter().cloned());
    }
    let (_, report) = keepwire(&broken)?;
    let empty = Vec::new();
    let findings = report["findings"].as_array().unwrap_or(&empty);
    let wanted = judge::wanted(case);
    let found =
        findings.iter().find(|finding| wanted.contains(&finding["cause"].as_str().unwrap_or_default()));
    let Some(found) = found else {
        let got: Vec<&str> = findings.iter().filter_map(|finding| finding["cause"].as_str()).collect();
        outcome.got = got.first().copied().unwrap_or("nothing").to_owned();
        return Err(format!("found {got:?}"));
    };
    outcome.got = found["cause"].as_str().unwrap_or_default().to_owned();
    outcome.confidence = found["confidence"].as_str().unwrap_or_default().to_owned();
    if let Some(because) = case.because
        && found["because"] != because
    {
        return Err(format!("because is {}, not {because}", found["because"]));
    }
    if found["locations"].as_array().is_none_or(Vec::is_empty) {
        return Err("the finding points at no line".to_owned());
    }

    // 2. Without --write nothing is touched.
    let mut mend = if fix.lint { words(&["lint", &file]) } else { broken.clone() };
    let mut dry = mend.clone();
    dry.extend(fix.arguments.iter().take(1).cloned());
    if fix.lint {
        dry.push("--diff".to_owned());
    }
    let (_, report) = keepwire(&dry)?;
    let patch = report["repair"]["patch"].as_str().unwrap_or_default();
    if report["repair"]["outcome"] != "dry-run" || patch.is_empty() {
        return Err(format!("a dry run came to {}", report["repair"]));
    }
    if read(&fix.config)? != before {
        return Err("a dry run changed the file".to_owned());
    }

    // 3. Mended, written, tested, loaded, verified.
    mend.extend(fix.arguments.iter().cloned());
    mend.push("--reload".to_owned());
    if !fix.lint {
        mend.push("--write".to_owned());
    }
    let (code, report) = keepwire(&mend)?;
    let repair = &report["repair"];
    let wanted_outcome = if fix.lint && fix.outcome == "verified" { "written" } else { fix.outcome };
    if repair["outcome"] != wanted_outcome {
        return Err(format!(
            "mending came to {}, not {wanted_outcome}: {}",
            repair["outcome"], repair["steps"]
        ));
    }
    if fix.outcome == "undone" {
        if read(&fix.config)? != before {
            return Err("it was not put back as it was".to_owned());
        }
        return same_workers(stage, &workers, fix);
    }
    if code != 0 {
        return Err(format!("exit code {code} after mending: {}", report["findings"]));
    }

    // 4. The product's own checker, asked by us.
    if let Some((program, arguments)) = fix.checker.split_first() {
        let mut command = Command::new(program);
        command.args(arguments).current_dir(&stage.folder).env("HOME", &stage.folder);
        let (code, out, err) = output(&mut command, Duration::from_secs(30))?;
        if code != 0 {
            return Err(format!("{program} refuses the mended file: {out}{err}"));
        }
    }

    // 5. A client of another make exchanges messages.
    let mut options = fix.client.clone();
    if options["url"].is_null() {
        options["url"] = json!(plan.url);
    }
    // `lint` asks nothing live, and a product that watches its file takes a moment to load it.
    let until = Instant::now() + Duration::from_secs(if fix.lint { 10 } else { 0 });
    loop {
        let mut client = Command::new("node");
        client.arg(stage.tools.servers.join("ws_client.js")).arg(options.to_string());
        client.env("NODE_PATH", &stage.tools.node_modules);
        let (code, out, err) = output(&mut client, Duration::from_secs(15))?;
        if code == 0 {
            break;
        }
        if Instant::now() > until {
            return Err(format!("node ws through the mended proxy: {out}{err}"));
        }
        std::thread::sleep(Duration::from_millis(200));
    }

    // 6. A second time nothing is left to mend.
    let (_, report) = keepwire(&dry)?;
    if report["repair"]["outcome"] != "nothing-to-do" {
        return Err(format!("a second fix would change: {}", report["repair"]["patch"]));
    }
    Ok(())
}

/// A reload that failed, or was never reached, leaves the workers that were there.
fn same_workers(stage: &Stage, before: &[u32], fix: &Fix) -> Result<(), String> {
    // Where the new configuration was loaded and the old one after it, the workers are new, and that is right.
    let reloaded = !fix
        .arguments
        .iter()
        .any(|word| word == "false" || word == "exit 1" || word.starts_with("--test-command"));
    if reloaded || fix.arguments.iter().any(|word| word == "true") {
        return Ok(());
    }
    let now = processes(stage);
    if before.iter().all(|worker| now.contains(worker)) {
        Ok(())
    } else {
        Err("the workers are not the same".to_owned())
    }
}

/// The processes whose command line names this stage's folder, and their children.
fn processes(stage: &Stage) -> Vec<u32> {
    let folder = stage.folder.display().to_string();
    let Ok(entries) = fs::read_dir("/proc") else { return Vec::new() };
    entries
        .filter_map(|entry| entry.ok()?.file_name().to_str()?.parse::<u32>().ok())
        .filter(|process| {
            fs::read(format!("/proc/{process}/cmdline"))
                .is_ok_and(|line| String::from_utf8_lossy(&line).contains(&folder))
        })
        .collect()
}

/// Where the products are that came from PyPI.
fn path(stage: &Stage) -> String {
    let own = |file: &Path| file.parent().map(|folder| folder.display().to_string()).unwrap_or_default();
    format!(
        "{}:{}:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
        own(&stage.tools.envoy),
        own(&stage.tools.traefik)
    )
}

fn read(file: &Path) -> Result<Vec<u8>, String> {
    fs::read(file).map_err(|error| format!("{}: {error}", file.display()))
}

/// Runs a command to its end, or kills it at the limit.
fn output(command: &mut Command, limit: Duration) -> Result<(i32, String, String), String> {
    use std::io::Read;
    use std::process::Stdio;
    let mut child = command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(|error| format!("starting {:?}: {error}", command.get_program()))?;
    let read = |pipe: Option<Box<dyn Read + Send>>| {
        std::thread::spawn(move || {
            let mut text = Vec::new();
            if let Some(mut pipe) = pipe {
                let _ = pipe.read_to_end(&mut text);
            }
            String::from_utf8_lossy(&text).into_owned()
        })
    };
    let out = read(child.stdout.take().map(|pipe| Box::new(pipe) as Box<dyn Read + Send>));
    let err = read(child.stderr.take().map(|pipe| Box::new(pipe) as Box<dyn Read + Send>));
    let began = Instant::now();
    let code = loop {
        match child.try_wait() {
            Ok(Some(status)) => break status.code().unwrap_or(-1),
            Ok(None) if began.elapsed() < limit => std::thread::sleep(Duration::from_millis(5)),
            _ => {
                let _ = child.kill();
                let _ = child.wait();
                return Err(format!(
                    "{:?}: still running after {} s",
                    command.get_program(),
                    limit.as_secs()
                ));
            }
        }
    };
    Ok((code, out.join().unwrap_or_default(), err.join().unwrap_or_default()))
}
