//! The npm package `ws`, and the plain node servers beside it.

use serde_json::{Value, json};

use crate::e2e::Result;
use crate::e2e::stage::Stage;

/// An echo server; `options` are those of `e2e-servers/ws_echo.js`.
///
/// # Errors
///
/// When it does not come up.
pub(crate) fn start(stage: &mut Stage, options: Value) -> Result<u16> {
    script(stage, "node-ws", "ws_echo.js", options)
}

/// An HTTP application without WebSocket.
///
/// # Errors
///
/// When it does not come up.
pub(crate) fn start_plain(stage: &mut Stage, options: Value) -> Result<u16> {
    script(stage, "node-http", "plain_http.js", options)
}

/// A server that reads and never answers.
///
/// # Errors
///
/// When it does not come up.
pub(crate) fn start_silent(stage: &mut Stage) -> Result<u16> {
    script(stage, "node-silent", "silent.js", json!({}))
}

/// Runs one of our scripts under node, with a port and a host added to its options.
///
/// # Errors
///
/// When it does not come up.
pub(crate) fn script(stage: &mut Stage, product: &str, script: &str, mut options: Value) -> Result<u16> {
    let label = stage.label(product);
    if options["port"].is_null() {
        options["port"] = json!(stage.port()?);
    }
    if options["host"].is_null() {
        options["host"] = json!(stage.host);
    }
    let port = options["port"].as_u64().unwrap_or_default() as u16;
    let mut command = stage.command("node");
    command.arg(stage.tools.servers.join(script)).arg(options.to_string());
    command.env("NODE_PATH", &stage.tools.node_modules);
    stage.serve(&label, command, &[port])?;
    Ok(port)
}
