//! The program `keepwire`.

use std::process::ExitCode;

fn main() -> ExitCode {
    keepwire::commands::run(std::env::args_os())
}
