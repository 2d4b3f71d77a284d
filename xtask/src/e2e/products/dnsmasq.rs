//! dnsmasq, as the name server of one case.

use crate::e2e::Result;
use crate::e2e::stage::Stage;

/// Answers from `settings` alone (lines of its configuration); returns its address, `HOST:PORT`.
///
/// # Errors
///
/// When it does not come up.
pub(crate) fn start(stage: &mut Stage, settings: &str) -> Result<String> {
    let port = stage.port()?;
    start_at(stage, "127.0.0.1", port, settings)?;
    Ok(format!("127.0.0.1:{port}"))
}

/// The same on a given address and port.
///
/// # Errors
///
/// When it does not come up.
pub(crate) fn start_at(stage: &mut Stage, address: &str, port: u16, settings: &str) -> Result<()> {
    let label = stage.label("dnsmasq");
    let config = format!(
        "port={port}\nlisten-address={address}\nbind-interfaces\nno-resolv\nno-hosts\nuser=root\npid-file\n{settings}\n"
    );
    let file = stage.write(&format!("{label}.conf"), &config)?;
    let mut command = stage.command("/usr/sbin/dnsmasq");
    command.args(["--keep-in-foreground", "--log-queries", "--log-facility=-"]);
    command.arg(format!("--conf-file={}", file.display()));
    stage.serve(&label, command, &[port])
}
