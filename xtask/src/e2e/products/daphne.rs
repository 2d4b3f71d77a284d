//! Daphne, the server of Django Channels, with a Starlette application.

use crate::e2e::Result;
use crate::e2e::stage::Stage;

/// Serves `e2e-servers/asgi_echo.py`.
///
/// # Errors
///
/// When it does not come up.
pub(crate) fn start(stage: &mut Stage) -> Result<u16> {
    let (label, port) = (stage.label("daphne"), stage.port()?);
    let daphne = stage.tools.daphne.clone();
    let mut command = stage.command(daphne);
    command.env("PYTHONPATH", &stage.tools.servers).env("PYTHONDONTWRITEBYTECODE", "1");
    command.args(["-b", "127.0.0.1", "-p", &port.to_string(), "asgi_echo:application"]);
    stage.serve(&label, command, &[port])?;
    Ok(port)
}
