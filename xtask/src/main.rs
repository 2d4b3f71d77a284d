//! The project's own tools: `cargo xtask TASK`. Everything CI does is one of these.

mod e2e;

use std::process::ExitCode;

const TASKS: &str = "\
usage: cargo xtask TASK [OPTIONS]

  ci         what CI runs
  tidy       the checks that rustc and clippy do not make
  generate   files that are written from others
  new        the skeleton of a cause, a probe, …
  e2e        the program against real products, broken and healthy (--help)
  bench      how long a check takes";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let (task, rest) = match arguments.split_first() {
        Some((task, rest)) => (task.as_str(), rest),
        None => ("", &[][..]),
    };
    match task {
        "e2e" => e2e::main(rest),
        _ => {
            eprintln!("unknown task: {task:?}\n\n{TASKS}");
            ExitCode::from(2)
        }
    }
}
