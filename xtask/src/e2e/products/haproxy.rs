//! HAProxy, with one frontend and the sections that the case writes.

use crate::e2e::Result;
use crate::e2e::stage::Stage;

/// The usual timeouts of the sample configuration, with one for tunnels.
pub(crate) const TIMEOUTS: &str =
    "timeout connect 5s\n timeout client 50s\n timeout server 50s\n timeout tunnel 1h";

/// Starts HAProxy on a free port. `bind` follows the address (`ssl crt …`), `timeouts` stand in `defaults`,
/// `frontend` in the frontend, `server` in the backend after its name and address.
#[derive(Debug)]
pub(crate) struct Options<'a> {
    pub mode: &'a str,
    pub bind: &'a str,
    pub timeouts: &'a str,
    pub frontend: &'a str,
    pub server: &'a str,
}

impl Default for Options<'_> {
    fn default() -> Self {
        Self { mode: "http", bind: "", timeouts: TIMEOUTS, frontend: "", server: "" }
    }
}

/// Starts HAProxy in front of one backend port.
///
/// # Errors
///
/// When it does not come up.
pub(crate) fn start(stage: &mut Stage, backend: u16, options: &Options<'_>) -> Result<u16> {
    let (label, port) = (stage.label("haproxy"), stage.port()?);
    let Options { mode, bind, timeouts, frontend, server } = options;
    let config = format!(
        "global
 log stdout format raw local0
 maxconn 200
defaults
 log global
 mode {mode}
 {timeouts}
frontend web
 bind 127.0.0.1:{port} {bind}
 {frontend}
 default_backend app
backend app
 server app1 127.0.0.1:{backend} {server}
"
    );
    let file = stage.write(&format!("{label}.cfg"), &config)?;
    let mut command = stage.command("/usr/sbin/haproxy");
    command.arg("-db").arg("-f").arg(file);
    stage.serve(&label, command, &[port])?;
    Ok(port)
}
