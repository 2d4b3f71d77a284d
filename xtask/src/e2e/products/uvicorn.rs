//! uvicorn with a Starlette application, and gunicorn with a WSGI one.

use crate::e2e::Result;
use crate::e2e::stage::Stage;

/// Serves `e2e-servers/asgi_echo.py`; `flags` go to uvicorn (`--ws none`, …).
///
/// # Errors
///
/// When it does not come up.
pub(crate) fn start(stage: &mut Stage, flags: &[&str]) -> Result<u16> {
    let (label, port) = (stage.label("uvicorn"), stage.port()?);
    let uvicorn = stage.tools.uvicorn.clone();
    let mut command = stage.command(uvicorn);
    command.env("PYTHONDONTWRITEBYTECODE", "1");
    command.args(["--host", "127.0.0.1", "--port", &port.to_string(), "--app-dir"]);
    command.arg(&stage.tools.servers).args(flags);
    if !flags.contains(&"--ws") {
        command.args(["--ws", "websockets-sansio"]);
    }
    command.arg("asgi_echo:application");
    stage.serve(&label, command, &[port])?;
    Ok(port)
}

/// Serves `e2e-servers/wsgi_hello.py` with gunicorn's synchronous worker.
///
/// # Errors
///
/// When it does not come up.
pub(crate) fn start_gunicorn(stage: &mut Stage) -> Result<u16> {
    let (label, port) = (stage.label("gunicorn"), stage.port()?);
    let gunicorn = stage.tools.gunicorn.clone();
    let mut command = stage.command(gunicorn);
    command.env("PYTHONDONTWRITEBYTECODE", "1");
    command.args(["--bind", &format!("127.0.0.1:{port}"), "--chdir"]).arg(&stage.tools.servers);
    command.arg("wsgi_hello:application");
    stage.serve(&label, command, &[port])?;
    Ok(port)
}
