//! Caddy, with one site whose body the case writes.

use crate::e2e::Result;
use crate::e2e::stage::Stage;

/// Starts Caddy on a free port; `site` is the site's address without the port (`http://`, `https://host`).
///
/// # Errors
///
/// When it does not come up.
pub(crate) fn start(stage: &mut Stage, site: &str, body: &str) -> Result<u16> {
    let (label, port) = (stage.label("caddy"), stage.port()?);
    let config = format!(
        "{{\n\tadmin off\n\tauto_https off\n\tdefault_bind 127.0.0.1\n\tpersist_config off\n}}\n\
         {site}:{port} {{\n{body}\n}}\n"
    );
    // Debian's Caddy is older than `persist_config off`; without an admin endpoint it stores nothing anyway.
    let config = config.replace("\tpersist_config off\n", "");
    let file = stage.write(&format!("{label}.Caddyfile"), &config)?;
    let mut command = stage.command("/usr/bin/caddy");
    command.args(["run", "--adapter", "caddyfile", "--config"]).arg(file);
    command
        .env("XDG_DATA_HOME", &stage.folder)
        .env("XDG_CONFIG_HOME", &stage.folder)
        .env("HOME", &stage.folder);
    stage.serve(&label, command, &[port])?;
    Ok(port)
}
