//! `cargo xtask bench survive`: our client and its peers through the same chaos, each with its defaults: what is lost, what
//! comes twice, and how long it is away.

use crate::e2e::{self, Stage};
use crate::root;
use lab::plan::ChaosPlan;
use serde_json::{Value, json};
use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;

/// Messages each way, and milliseconds between them.
const MESSAGES: u64 = 4000;
const EVERY: u64 = 5;
/// A connection lives so long, on average; both sides are told.
const PLAN: &str = "seed = 7\n[[faults]]\nkind = \"delay\"\none_way_ms = 20\njitter_ms = 10\n\
                    [[faults]]\nkind = \"break\"\nmean_ms = 1500\n";

pub(super) fn survive(program: &Path, runtime: &tokio::runtime::Runtime) -> Result<(), String> {
    let (tools, certs) = e2e::tools()?;
    let mut stage = Stage::new("bench/survive", &tools, &certs)?;
    // As a module: node takes its name for a sign of what it is.
    let client = stage.folder.join("client.mjs");
    std::fs::copy(root().join("crates/gateway/assets/client.js"), &client)
        .map_err(|error| error.to_string())?;
    let plain = e2e::node_ws(&mut stage)?;
    let recovering = e2e::socketio(&mut stage, json!({"connectionStateRecovery": {}}))?;
    let gateway = stage.port()?;
    let mut command = stage.command(program);
    command.args([
        "gateway",
        "--listen",
        &format!("127.0.0.1:{gateway}"),
        "--upstream",
        &format!("ws://127.0.0.1:{plain}"),
    ]);
    stage.serve("gateway", command, &[gateway])?;
    println!(
        "{MESSAGES} messages each way, one every {EVERY} ms; links of 40 ms that break every 1.5 s on average\n"
    );
    println!("{:42} {:>7} {:>8} {:>7} {:>12}", "", "lost", "doubled", "drops", "away, median");
    for (name, kind, port) in [
        ("@keepwire/client with the gateway", "keepwire", gateway),
        ("Socket.IO with connection state recovery", "socket.io", recovering),
        ("partysocket", "partysocket", plain),
        ("reconnecting-websocket", "reconnecting-websocket", plain),
    ] {
        let upstream = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        let plan = ChaosPlan::parse(PLAN).map_err(|error| error.to_string())?;
        let relay = runtime
            .block_on(lab::chaos::run(SocketAddr::from((Ipv4Addr::LOCALHOST, 0)), upstream, plan))
            .map_err(|error| error.to_string())?;
        let options = json!({"kind": kind, "url": format!("ws://{}/", relay.addr), "count": MESSAGES, "every": EVERY,
            "client": client, "quiet": 15_000});
        let mut node = stage.command("node");
        node.arg(tools.servers.join("survive.js"))
            .arg(options.to_string())
            .env("NODE_PATH", &tools.node_modules);
        let output = node.output().map_err(|error| format!("node: {error}"))?;
        let text = String::from_utf8_lossy(&output.stdout);
        let Ok(seen) = serde_json::from_str::<Value>(text.lines().last().unwrap_or_default()) else {
            println!(
                "{name:42} did not run: {}",
                String::from_utf8_lossy(&output.stderr).lines().next().unwrap_or("no output")
            );
            continue;
        };
        println!(
            "{name:42} {:>7} {:>8} {:>7} {:>9} ms",
            seen["lost"].to_string(),
            seen["doubled"].to_string(),
            seen["drops"].to_string(),
            seen["away_ms"].to_string()
        );
    }
    Ok(())
}
