//! The real program, as a user runs it: against endpoints of the lab on loopback, and on saved cases.

mod formats;
mod lab;
mod language;
mod lint;
mod live;
mod read;
mod replay;
mod scenarios;
mod usage;

use std::process::{Command, Output};

/// Runs the program with a clean environment.
fn keepwire(arguments: &[&str]) -> Output {
    command(arguments).output().expect("the program starts")
}

fn command(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_keepwire"));
    command.args(arguments).env_clear().env("PATH", std::env::var_os("PATH").unwrap_or_default());
    command
}

fn stdout(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).expect("reports are UTF-8")
}

fn stderr(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).expect("messages are UTF-8")
}

/// A case file of this folder.
fn case(name: &str) -> String {
    format!("{}/tests/program/cases/{name}.json", env!("CARGO_MANIFEST_DIR"))
}

/// Endpoints of the lab in a thread of their own; they end with this.
struct Lab {
    _runtime: tokio::runtime::Runtime,
    running: ::lab::endpoint::Running,
}

impl Lab {
    fn serve(name: &str) -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .expect("a runtime");
        let any = std::net::SocketAddr::from(([127, 0, 0, 1], 0));
        let running = runtime.block_on(::lab::endpoint::serve(any, name)).expect("the endpoint starts");
        Self { _runtime: runtime, running }
    }

    fn url(&self) -> String {
        format!("ws://{}/ws", self.running.addr)
    }
}
