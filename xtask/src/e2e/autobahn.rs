//! `cargo xtask e2e autobahn`: the cases of the Autobahn test suite (through kosoku, PyPI) against a server behind the
//! gateway, and against the Rust client without a session. Every case has to be OK or INFORMATIONAL.

use super::certs::Certs;
use super::stage::Stage;
use super::{Result, build, install};
use client::{Connection, Event, Message, Mode, Options};
use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

/// All but limits and compression, as in the field: 12.* and 13.* are about permessage-deflate, which the gateway
/// leaves to both ends and the client does not offer; 9.* is about speed.
const CASES: &[&str] = &["1.*", "2.*", "3.*", "4.*", "5.*", "6.*", "7.*", "10.*"];
/// For one case.
const PATIENCE: Duration = Duration::from_secs(20);

pub(super) fn run(arguments: &[String]) -> Result<bool> {
    let root = crate::root();
    let tools = install::install(&root)?;
    let certs = Certs::make(&tools.home)?;
    let program = match arguments {
        [] => build(&root)?,
        [flag, file] if flag == "--program" => {
            Path::new(file).canonicalize().map_err(|error| format!("{file}: {error}"))?
        }
        _ => return Err("usage: cargo xtask e2e autobahn [--program FILE]".to_owned()),
    };
    let kosoku = tools.python.with_file_name("kosoku");
    let mut good = true;

    let mut stage = Stage::new("autobahn/gateway", &tools, &certs)?;
    let port = stage.port()?;
    let mut command = stage.command(&program);
    // The echo of its own, which is lab's, behind the relay.
    command.args(["gateway", "--listen", &format!("127.0.0.1:{port}")]);
    stage.serve("gateway", command, &[port])?;
    let mut fuzzer = stage.command(&kosoku);
    let reports = stage.folder.join("reports");
    fuzzer.args(["-m", "fuzzingclient", "-p", "4", "-o"]).arg(&reports);
    CASES.iter().for_each(|case| {
        fuzzer.args(["-i", case]);
    });
    fuzzer.arg(format!("127.0.0.1:{port}"));
    // It ends with 1 if a case failed; its report says which.
    let _ = fuzzer.output().map_err(|error| format!("kosoku: {error}"))?;
    good &= judge("gateway", &reports)?;

    let mut stage = Stage::new("autobahn/client", &tools, &certs)?;
    let port = stage.port()?;
    let mut fuzzer = stage.command(&kosoku);
    let reports = stage.folder.join("reports");
    fuzzer.args(["-m", "fuzzingserver", "-o"]).arg(&reports);
    CASES.iter().for_each(|case| {
        fuzzer.args(["-i", case]);
    });
    fuzzer.arg(format!("127.0.0.1:{port}"));
    stage.serve("kosoku", fuzzer, &[port])?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| error.to_string())?;
    runtime.block_on(all_cases(port))?;
    good &= judge("client", &reports)?;
    Ok(good)
}

fn judge(what: &str, reports: &Path) -> Result<bool> {
    let file = reports.join("index.json");
    // It is written after the client has gone.
    let until = std::time::Instant::now() + PATIENCE;
    while !file.is_file() && std::time::Instant::now() < until {
        std::thread::sleep(Duration::from_millis(50));
    }
    let text = std::fs::read_to_string(&file).map_err(|error| format!("{}: {error}", file.display()))?;
    let index: serde_json::Value =
        serde_json::from_str(&text).map_err(|error| format!("{}: {error}", file.display()))?;
    let (mut counts, mut bad) = (BTreeMap::new(), Vec::new());
    for (case, outcome) in index
        .as_object()
        .into_iter()
        .flat_map(|agents| agents.values())
        .filter_map(|agent| agent.as_object())
        .flatten()
    {
        let word = outcome["behavior"].as_str().unwrap_or("missing");
        *counts.entry(word.to_owned()).or_insert(0_u32) += 1;
        if !["OK", "INFORMATIONAL"].contains(&word) {
            bad.push(format!("{case} {word}"));
        }
    }
    println!("autobahn {what:8} {counts:?}");
    bad.iter().for_each(|case| println!("  {case}"));
    Ok(bad.is_empty() && counts.values().sum::<u32>() > 200)
}

fn options() -> Options {
    Options { mode: Mode::Plain, ..Options::default() }
}

async fn all_cases(port: u16) -> Result<()> {
    let address = |path: &str| format!("ws://127.0.0.1:{port}{path}");
    let count: u32 = match first_message(&address("/getCaseCount")).await? {
        Message::Text(text) => text.trim().parse().map_err(|_| format!("{text:?} is no number of cases"))?,
        Message::Binary(_) => return Err("the number of cases is no text".to_owned()),
    };
    for case in 1..=count {
        let mut connection =
            Connection::open(&address(&format!("/runCase?case={case}&agent=keepwire-client")), options())
                .map_err(|error| error.to_string())?;
        let echo = async {
            while let Some(event) = connection.next().await {
                match event {
                    Event::Message(message) => {
                        if connection.send(message).await.is_err() {
                            return;
                        }
                    }
                    Event::Up { .. } | Event::Refused(_) => {}
                    _ => return,
                }
            }
        };
        tokio::time::timeout(PATIENCE, echo).await.map_err(|_| format!("case {case} does not end"))?;
    }
    let mut connection = Connection::open(&address("/updateReports?agent=keepwire-client"), options())
        .map_err(|error| error.to_string())?;
    while let Ok(Some(event)) = tokio::time::timeout(PATIENCE, connection.next()).await {
        if matches!(event, Event::Closed { .. } | Event::Down { .. } | Event::Failed(_)) {
            break;
        }
    }
    Ok(())
}

async fn first_message(address: &str) -> Result<Message> {
    let mut connection = Connection::open(address, options()).map_err(|error| error.to_string())?;
    loop {
        match tokio::time::timeout(PATIENCE, connection.next()).await.map_err(|_| "nothing came")? {
            Some(Event::Message(message)) => return Ok(message),
            Some(Event::Up { .. }) => {}
            other => return Err(format!("{other:?}")),
        }
    }
}
