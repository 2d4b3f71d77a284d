//! lighttpd, as a proxy to one backend or as a web server of its own.

use crate::e2e::Result;
use crate::e2e::stage::Stage;

/// Starts lighttpd in front of one backend port; `settings` are lines of its configuration.
///
/// # Errors
///
/// When it does not come up.
pub(crate) fn start(stage: &mut Stage, backend: u16, settings: &str) -> Result<u16> {
    let proxy = format!(
        "server.modules += (\"mod_proxy\")\nproxy.server = (\"\" => ((\"host\" => \"127.0.0.1\", \"port\" => {backend})))\n\
         {settings}\n"
    );
    start_with(stage, &proxy)
}

/// Starts lighttpd with any configuration.
///
/// # Errors
///
/// When it does not come up.
pub(crate) fn start_with(stage: &mut Stage, settings: &str) -> Result<u16> {
    let (label, port) = (stage.label("lighttpd"), stage.port()?);
    let (folder, host) = (stage.folder.display().to_string(), stage.host.clone());
    let config = format!(
        "server.document-root = \"{folder}\"\nserver.bind = \"{host}\"\nserver.port = {port}\n\
         server.errorlog = \"{folder}/{label}.error.log\"\n{settings}\n"
    );
    let file = stage.write(&format!("{label}.conf"), &config)?;
    let mut command = stage.command("/usr/sbin/lighttpd");
    command.arg("-D").arg("-f").arg(file);
    stage.serve(&label, command, &[port])?;
    Ok(port)
}
