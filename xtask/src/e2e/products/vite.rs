//! Vite's development server, whose hot-module socket is a WebSocket.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

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

/// The token that Vite's own client sends with its socket, as its script holds it (since 5.4.12 and 6.0.9).
///
/// # Errors
///
/// When the server does not hand it out.
pub(crate) fn token(port: u16) -> Result<String> {
    let script = ask(port).map_err(|error| format!("asking vite for its client: {error}"))?;
    let rest = script.split("wsToken = \"").nth(1).ok_or("vite's client holds no token")?;
    Ok(rest.split('"').next().unwrap_or_default().to_owned())
}

fn ask(port: u16) -> std::io::Result<String> {
    let mut link = TcpStream::connect(("127.0.0.1", port))?;
    link.set_read_timeout(Some(Duration::from_secs(10)))?;
    link.write_all(b"GET /@vite/client HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")?;
    let mut answer = Vec::new();
    link.read_to_end(&mut answer)?;
    Ok(String::from_utf8_lossy(&answer).into_owned())
}
