//! Vite's development server, whose hot-module socket is a WebSocket.

use crate::e2e::Result;
use crate::e2e::stage::Stage;

/// Serves an empty project.
///
/// # Errors
///
/// When it does not come up.
pub(crate) fn start(stage: &mut Stage) -> Result<u16> {
    let (label, port) = (stage.label("vite"), stage.port()?);
    stage.write("site/index.html", "<!doctype html><title>Vite project</title><div id=app></div>\n")?;
    let mut command = stage.command("node");
    command.arg(stage.tools.node_modules.join("vite/bin/vite.js")).arg(stage.folder.join("site"));
    command.args(["--host", "127.0.0.1", "--strictPort", "--port", &port.to_string()]);
    stage.serve(&label, command, &[port])?;
    Ok(port)
}
