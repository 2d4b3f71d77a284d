//! `cargo xtask e2e`: the real program against real products, each broken in the ways that the catalog of
//! causes marks as reproducible, and each healthy.
//!
//! A case sets up a deployment (`cases/`), the program is run on it as a user would run it, and its first
//! finding is judged. Nothing here shares code with the program: only its JSON report is read.

mod autobahn;
mod browser;
mod case;
mod cases;
mod certs;
mod fix;
mod install;
mod judge;
mod netns;
mod ports;
mod process;
mod products;
mod record;
mod report;
mod run;
mod session;
mod slow;
mod stage;

use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

pub(crate) use record::run as record;
pub(crate) use slow::{
    install_for_bench, node_ws, slow_link_deployments, socketio, tools, wait_with_peak, websocat,
};
pub(crate) use stage::Stage;

use case::{Case, Expect};
use report::Outcome;

/// Our own failures are told to a developer as one text.
pub(crate) type Result<T> = std::result::Result<T, String>;

/// A whole suite with a table of its own; false: something failed.
type Suite = fn(&[String]) -> Result<bool>;

const HELP: &str = "\
usage: cargo xtask e2e [FILTER…] [OPTIONS]
       cargo xtask e2e session [--messages N]    sessions through a thousand cuts
       cargo xtask e2e autobahn                  the Autobahn cases, on gateway and client
       cargo xtask e2e browser [--messages N]    the TypeScript client in a real browser, and clients of others

Runs the cases whose name or product contains every FILTER. Installs what it needs (as root, on Debian).

  --list           the cases, without running them
  --only-install   install the products and make the certificates, no more
  --stage-check    one hand-made handshake a case, instead of the program: does the deployment break as meant?
  --stay SECONDS   leave the deployment up for so long after the run, to look at it by hand
  --keep           keep the folders of passed cases too (target/e2e/run/CASE)
  --jobs N         cases at a time (3)
  --program FILE   the program to test (built with `cargo build --release` otherwise)
  --json FILE      the results, for machines";

#[derive(Debug, Default)]
struct Options {
    filters: Vec<String>,
    list: bool,
    only_install: bool,
    stage_check: bool,
    keep: bool,
    stay: u64,
    jobs: usize,
    program: Option<PathBuf>,
    json: Option<PathBuf>,
}

/// Runs the task.
pub(crate) fn main(arguments: &[String]) -> ExitCode {
    // Started by ourselves, as the server of one case: see `products/lab.rs`.
    if let [first, name, address] = arguments
        && first == "--lab-endpoint"
    {
        return products::lab::endpoint(name, address);
    }
    // Whole suites of their own.
    let suite: Option<Suite> = match arguments.first().map(String::as_str) {
        Some("session") => Some(session::run),
        Some("autobahn") => Some(autobahn::run),
        Some("browser") => Some(browser::run),
        _ => None,
    };
    if let Some(suite) = suite {
        return match suite(&arguments[1..]) {
            Ok(true) => ExitCode::SUCCESS,
            Ok(false) => ExitCode::FAILURE,
            Err(problem) => {
                eprintln!("e2e: {problem}");
                ExitCode::from(2)
            }
        };
    }
    let options = match parse(arguments) {
        Ok(options) => options,
        Err(problem) => {
            eprintln!("{problem}\n\n{HELP}");
            return ExitCode::from(2);
        }
    };
    match run_all(&options) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(problem) => {
            eprintln!("e2e: {problem}");
            ExitCode::from(2)
        }
    }
}

fn parse(arguments: &[String]) -> Result<Options> {
    let mut options = Options { jobs: 3, ..Options::default() };
    let mut rest = arguments.iter();
    while let Some(word) = rest.next() {
        let mut value = || rest.next().cloned().ok_or_else(|| format!("{word} needs a value"));
        match word.as_str() {
            "--list" => options.list = true,
            "--only-install" => options.only_install = true,
            "--stage-check" => options.stage_check = true,
            "--keep" => options.keep = true,
            "--stay" => options.stay = value()?.parse().map_err(|_| "--stay needs a number of seconds")?,
            "--jobs" => options.jobs = value()?.parse().map_err(|_| "--jobs needs a number")?,
            "--program" => options.program = Some(value()?.into()),
            "--json" => options.json = Some(value()?.into()),
            _ if word.starts_with('-') => return Err(format!("unknown option {word}")),
            _ => options.filters.push(word.clone()),
        }
    }
    Ok(options)
}

fn run_all(options: &Options) -> Result<bool> {
    let root =
        Path::new(env!("CARGO_MANIFEST_DIR")).parent().ok_or("the workspace has no root")?.to_path_buf();
    let mut cases = cases::all();
    check_names(&cases)?;
    cases.retain(|case| {
        options.filters.iter().all(|filter| {
            case.name.contains(filter.as_str())
                || case.products.iter().any(|product| product.contains(filter.as_str()))
        })
    });
    if options.list {
        for case in &cases {
            println!("{:52} {:32} {}", case.name, case.products.join(" + "), judge::expected(case));
        }
        println!("{} cases over {} products", cases.len(), count_products(&cases));
        return Ok(true);
    }
    let tools = install::install(&root)?;
    let certs = certs::Certs::make(&tools.home)?;
    netns::remove_leftovers();
    if options.only_install {
        return Ok(true);
    }
    let program = match (&options.program, options.stage_check) {
        (Some(program), _) => {
            program.canonicalize().map_err(|error| format!("{}: {error}", program.display()))?
        }
        (None, true) => PathBuf::new(),
        (None, false) => build(&root)?,
    };

    let width = cases.iter().map(|case| case.name.len()).max().unwrap_or_default();
    if !options.stage_check {
        println!("{}", report::heading(width));
    }
    let run_one = |case: &Case| {
        let outcome =
            run::case(case, &tools, &certs, &program, options.stage_check, Duration::from_secs(options.stay));
        let text = match options.stage_check {
            true => run::stage_row(&outcome, width),
            false => report::row(&outcome, width),
        };
        println!("{text}");
        if !options.keep && outcome.failure.is_none() {
            run::forget(&case.name, &tools);
        }
        outcome
    };
    let started = Instant::now();
    let (alone, together): (Vec<_>, Vec<_>) = cases.iter().partition(|case| case.exclusive);
    let mut outcomes = at_a_time(options.jobs.max(1), &together, run_one);
    outcomes.extend(at_a_time(1, &alone, run_one));

    if let Some(file) = &options.json {
        std::fs::write(file, format!("{:#}\n", report::as_json(&outcomes)))
            .map_err(|error| format!("writing {}: {error}", file.display()))?;
    }
    let failed: Vec<&Outcome> = outcomes.iter().filter(|outcome| outcome.failure.is_some()).collect();
    if !failed.is_empty() {
        println!("\nfailed:");
        for outcome in &failed {
            println!("  {} (logs: target/e2e/run/{})", outcome.name, outcome.name.replace('/', "+"));
        }
    }
    println!(
        "\n{} cases over {} products in {} s",
        cases.len(),
        count_products(&cases),
        started.elapsed().as_secs()
    );
    println!("{}", report::closing_line(&outcomes));
    Ok(failed.is_empty() && !outcomes.is_empty())
}

/// Runs `work` on every case, `jobs` at a time.
fn at_a_time(jobs: usize, cases: &[&Case], work: impl Fn(&Case) -> Outcome + Sync) -> Vec<Outcome> {
    let next = AtomicUsize::new(0);
    let outcomes = Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        for _ in 0..jobs.min(cases.len()) {
            scope.spawn(|| {
                while let Some(case) = cases.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let outcome = work(case);
                    if let Ok(mut outcomes) = outcomes.lock() {
                        outcomes.push(outcome);
                    }
                }
            });
        }
    });
    outcomes.into_inner().unwrap_or_default()
}

/// A name stands for one folder, so it may be given once.
fn check_names(cases: &[Case]) -> Result<()> {
    let mut names: Vec<&str> = cases.iter().map(|case| case.name.as_str()).collect();
    names.sort_unstable();
    if let Some(pair) = names.windows(2).find(|pair| pair[0] == pair[1]) {
        return Err(format!("two cases are called {}", pair[0]));
    }
    // An id that nobody can find would make an expectation easier, or a "never" empty.
    for case in cases {
        let expected: &[&str] = match &case.expect {
            Expect::Healthy => &[],
            Expect::Cause { any_of, .. } => any_of,
            Expect::Mentions(ids) | Expect::Survives(ids) | Expect::Warned(ids) => ids,
        };
        if let Some(id) = expected.iter().chain(&case.never).find(|id| diagnose::causes::find(id).is_none()) {
            return Err(format!("{}: there is no cause {id}", case.name));
        }
    }
    Ok(())
}

/// How many real products take part; our own servers and the packet filter are none.
fn count_products(cases: &[Case]) -> usize {
    let mut products: Vec<&str> = cases.iter().flat_map(|case| case.products.iter().copied()).collect();
    products.sort_unstable();
    products.dedup();
    products.iter().filter(|product| !matches!(**product, "lab" | "-" | "node-http" | "node-silent")).count()
}

fn build(root: &Path) -> Result<PathBuf> {
    let status = Command::new("cargo")
        .current_dir(root)
        .args(["build", "--release", "--quiet", "--package", "keepwire"])
        .status()
        .map_err(|error| format!("starting cargo: {error}"))?;
    if !status.success() {
        return Err("the program does not build".into());
    }
    let folder = std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root.join("target"), PathBuf::from);
    Ok(folder.join("release/keepwire"))
}

/// Runs a program to its end; what it said comes only with its failure.
pub(crate) fn run_quietly(command: &mut Command) -> Result<()> {
    let output =
        command.output().map_err(|error| format!("starting {:?}: {error}", command.get_program()))?;
    if output.status.success() {
        return Ok(());
    }
    let said =
        String::from_utf8_lossy(&output.stderr).into_owned() + &String::from_utf8_lossy(&output.stdout);
    let lines: Vec<&str> = said.lines().collect();
    Err(format!(
        "{command:?} failed ({}):\n{}",
        output.status,
        lines[lines.len().saturating_sub(15)..].join("\n")
    ))
}
