//! Runs one case: sets its stage up, runs the program on it under a hard limit, has the report judged.

use std::fs::{self, File};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use super::Result;
use super::case::{Case, Plan};
use super::certs::Certs;
use super::install::Tools;
use super::judge;
use super::process::{command_in, kill_group, peak_memory_kb, tail};
use super::report::Outcome;
use super::stage::Stage;

/// What a run of the program left.
#[derive(Debug)]
pub(crate) struct Ran {
    /// `None` when it was killed at the limit.
    pub exit_code: Option<i32>,
    pub output: String,
    pub complaints: String,
    pub took: Duration,
    pub memory_kb: u64,
}

/// Stages one case and runs the program, or (`stage_check`) one hand-made handshake, on it.
pub(crate) fn case(
    case: &Case,
    tools: &Tools,
    certs: &Certs,
    program: &Path,
    stage_check: bool,
    stay: Duration,
) -> Outcome {
    let mut outcome = Outcome {
        name: case.name.clone(),
        products: case.products.join(" + "),
        expected: judge::expected(case),
        got: String::new(),
        confidence: String::new(),
        took: Duration::ZERO,
        memory_kb: 0,
        failure: None,
        skipped: None,
    };
    let mut stage = match Stage::new(&case.name, tools, certs) {
        Ok(stage) => stage,
        Err(problem) => {
            outcome.failure = Some(problem);
            return outcome;
        }
    };
    let plan = match (case.set_up)(&mut stage) {
        Ok(plan) => plan,
        Err(problem) => {
            // Only what the machine cannot do may be skipped; a server that does not start is a failure.
            match problem.strip_prefix("skip: ") {
                Some(reason) => outcome.skipped = Some(reason.into()),
                None => outcome.failure = Some(format!("the stage could not be set up: {problem}")),
            }
            return outcome;
        }
    };
    if let (Some(fix), false) = (&plan.fix, stage_check) {
        super::fix::run(case, &stage, &plan, fix, program, &mut outcome);
        finish(&mut stage, &mut outcome);
        return outcome;
    }
    let command = check_command(&stage, &plan, program);
    let command = match stage_check {
        true => raw_handshake(&stage, &plan),
        false => command,
    };
    match run(command, case.time_limit, &stage.folder) {
        Err(problem) => outcome.failure = Some(problem),
        Ok(ran) => {
            outcome.took = ran.took;
            outcome.memory_kb = ran.memory_kb;
            match stage_check {
                true => judge_stage(case, &ran, &mut outcome),
                false => judge::judge(case, &ran, &mut outcome),
            }
        }
    }
    if !stay.is_zero() {
        let command = fs::read_to_string(stage.folder.join("command.txt")).unwrap_or_default();
        println!(
            "{}: up for {} s, files in {}\n  {command}",
            case.name,
            stay.as_secs(),
            stage.folder.display()
        );
        std::thread::sleep(stay);
    }
    finish(&mut stage, &mut outcome);
    outcome
}

/// Keeps what is needed to understand a failure.
fn finish(stage: &mut Stage, outcome: &mut Outcome) {
    if let Some(failure) = &mut outcome.failure {
        for dead in stage.dead_servers() {
            failure.push_str(&format!("\n{dead}"));
        }
        let _ = fs::write(stage.folder.join("failure.txt"), format!("{failure}\n\n{}", stage.logs()));
    }
}

/// The program as a user would run it, with an environment of its own: no proxy variables, no colours.
fn check_command(stage: &Stage, plan: &Plan, program: &Path) -> Command {
    let mut words: Vec<String> = plan.wrapper.clone();
    words.push(program.display().to_string());
    let mut command = command_in(stage.client_namespace().as_deref(), &words[0]);
    command
        .args(&words[1..])
        .args([if plan.is_record { "read" } else { "check" }, &plan.url])
        .args(&plan.arguments);
    command.args(["--format", "json", "--lang", "en", "--no-input"]);
    scrub(&mut command, stage, plan);
    let _ = stage.write(
        "command.txt",
        &(shown(&command, plan)
            + "
"),
    );
    command
}

/// The command as one would type it, without what only this run needs.
fn shown(command: &Command, plan: &Plan) -> String {
    let quoted = |word: &str| match word.contains([' ', '?', '&', ';', '"']) {
        true => format!("'{word}'"),
        false => word.to_owned(),
    };
    let variables = plan.environment.iter().map(|(name, value)| format!("{name}={}", quoted(value)));
    // The first three words only tie the process to this run (`process::command`).
    let words = command.get_args().skip(3).map(|word| quoted(&word.to_string_lossy()));
    variables.chain(words).collect::<Vec<_>>().join(" ")
}

fn raw_handshake(stage: &Stage, plan: &Plan) -> Command {
    if plan.is_record {
        // What is read is all that can be shown.
        let mut command = command_in(None, "cat");
        command.arg(&plan.url);
        scrub(&mut command, stage, plan);
        return command;
    }
    let mut words: Vec<String> = plan.wrapper.clone();
    words.push(stage.tools.python.display().to_string());
    let mut command = command_in(stage.client_namespace().as_deref(), &words[0]);
    command
        .args(&words[1..])
        .arg(stage.tools.servers.join("raw_handshake.py"))
        .arg(&plan.url)
        .args(&plan.arguments);
    scrub(&mut command, stage, plan);
    command
}

pub(super) fn scrub(command: &mut Command, stage: &Stage, plan: &Plan) {
    command.env_clear().env("PATH", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin");
    command.env("HOME", &stage.folder).env("LC_ALL", "C.UTF-8").env("NO_COLOR", "1");
    command.envs(plan.environment.iter().map(|(name, value)| (name, value)));
}

/// Runs to the end or to the limit, watching how much memory is used.
fn run(mut command: Command, limit: Duration, folder: &Path) -> Result<Ran> {
    let create = |name: &str| {
        File::create(folder.join(name))
            .map_err(|error| format!("creating {name} in {}: {error}", folder.display()))
    };
    let (out, err) = (folder.join("report.json"), folder.join("stderr.txt"));
    let started = Instant::now();
    let mut child = command
        .stdin(Stdio::null())
        .stdout(create("report.json")?)
        .stderr(create("stderr.txt")?)
        .process_group(0)
        .spawn()
        .map_err(|error| format!("starting {:?}: {error}", command.get_program()))?;
    let mut memory_kb = 0;
    let exit_code = loop {
        // The kernel keeps the high-water mark, so a look now and then misses only the very end.
        memory_kb = memory_kb.max(peak_memory_kb(child.id()).unwrap_or_default());
        match child.try_wait() {
            Ok(Some(status)) => break Some(status.code().unwrap_or(-1)),
            Ok(None) if started.elapsed() < limit => std::thread::sleep(Duration::from_millis(4)),
            _ => break None,
        }
    };
    let took = started.elapsed();
    kill_group(&mut child);
    let output = fs::read(&out).map_err(|error| format!("reading {}: {error}", out.display()))?;
    let output = String::from_utf8_lossy(&output).into_owned();
    Ok(Ran { exit_code, output, complaints: tail(&err, 12), took, memory_kb })
}

fn judge_stage(case: &Case, ran: &Ran, outcome: &mut Outcome) {
    outcome.got = ran.output.trim().to_owned();
    if !ran.complaints.is_empty() {
        outcome.got.push_str(&format!(" [{}]", ran.complaints.lines().last().unwrap_or_default()));
    }
    if !case.seen.split(" / ").any(|part| outcome.got.contains(part)) {
        outcome.failure = Some(format!("the stage does not show {:?}", case.seen));
    }
}

/// One line of `--stage-check`.
pub(crate) fn stage_row(outcome: &Outcome, name_width: usize) -> String {
    let mark = match (&outcome.skipped, &outcome.failure) {
        (Some(_), _) => "skip",
        (None, Some(_)) => "FAIL",
        (None, None) => "ok  ",
    };
    let reason = [&outcome.skipped, &outcome.failure].into_iter().flatten().next();
    let reason =
        reason.map(|reason| format!("\n       {}", reason.replace('\n', "\n       "))).unwrap_or_default();
    format!("{mark}{:name_width$} {:4.1}s {}{reason}", outcome.name, outcome.took.as_secs_f32(), outcome.got)
}

/// Removes the folder of a case.
pub(crate) fn forget(case: &str, tools: &Tools) {
    let _ = fs::remove_dir_all(tools.home.join("run").join(case.replace('/', "+")));
}
