//! microsocks, a SOCKS5 server.

use crate::e2e::Result;
use crate::e2e::stage::Stage;

/// Starts it; `flags` are its own (`-u user -P password`).
///
/// # Errors
///
/// When it does not come up.
pub(crate) fn start(stage: &mut Stage, flags: &[&str]) -> Result<u16> {
    let (label, port) = (stage.label("microsocks"), stage.port()?);
    let mut command = stage.command("/usr/bin/microsocks");
    command.args(["-i", "127.0.0.1", "-p", &port.to_string()]).args(flags);
    stage.serve(&label, command, &[port])?;
    Ok(port)
}
