//! How our Python servers are started.

use serde_json::{Value, json};

use crate::e2e::Result;
use crate::e2e::stage::Stage;

/// Runs one of our scripts, with a port and a host added to its options.
///
/// # Errors
///
/// When it does not come up.
pub(crate) fn script(stage: &mut Stage, product: &str, script: &str, mut options: Value) -> Result<u16> {
    let (label, port) = (stage.label(product), stage.port()?);
    options["port"] = json!(port);
    if options["host"].is_null() {
        options["host"] = json!(stage.host);
    }
    let python = stage.tools.python.clone();
    let mut command = stage.command(python);
    // No bytecode beside the sources, no buffered log.
    command.args(["-B", "-u"]).arg(stage.tools.servers.join(script)).arg(options.to_string());
    stage.serve(&label, command, &[port])?;
    Ok(port)
}
