//! h2o, proxying everything to one backend.

use crate::e2e::Result;
use crate::e2e::stage::Stage;

/// Starts h2o; `settings` are lines of its configuration, such as `proxy.websocket: ON`.
///
/// # Errors
///
/// When it does not come up.
pub(crate) fn start(stage: &mut Stage, backend: u16, settings: &[&str]) -> Result<u16> {
    let (label, port) = (stage.label("h2o"), stage.port()?);
    let folder = stage.folder.display().to_string();
    let settings: String = settings.iter().map(|line| format!("{line}\n")).collect();
    let config = format!(
        "user: root
num-threads: 1
listen: {{host: 127.0.0.1, port: {port}}}
access-log: {folder}/{label}.access.log
error-log: {folder}/{label}.error.log
{settings}hosts:
  default:
    paths:
      /:
        proxy.reverse.url: http://127.0.0.1:{backend}/
"
    );
    let file = stage.write(&format!("{label}.conf"), &config)?;
    let mut command = stage.command("/usr/bin/h2o");
    command.arg("-c").arg(file);
    stage.serve(&label, command, &[port])?;
    Ok(port)
}
