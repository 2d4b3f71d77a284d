//! `openssl s_server`, for listeners that no web server would offer.

use crate::e2e::Result;
use crate::e2e::stage::Stage;

/// Serves TLS with the given certificate stem; `flags` go to s_server. It answers HTTP with a status page.
///
/// # Errors
///
/// When it does not come up.
pub(crate) fn start(stage: &mut Stage, cert: &str, flags: &[&str]) -> Result<u16> {
    let chain = stage.certs.path("inter.crt");
    start_with_chain(stage, cert, &chain, flags)
}

/// The same, sending the certificates of the file `chain` after the server's own.
///
/// # Errors
///
/// When it does not come up.
pub(crate) fn start_with_chain(stage: &mut Stage, cert: &str, chain: &str, flags: &[&str]) -> Result<u16> {
    let (label, port) = (stage.label("openssl"), stage.port()?);
    let mut command = stage.command("openssl");
    command.args(["s_server", "-accept", &format!("127.0.0.1:{port}"), "-www", "-quiet"]);
    command.arg("-cert").arg(stage.certs.path(&format!("{cert}.crt")));
    command.arg("-cert_chain").arg(chain);
    command.arg("-key").arg(stage.certs.path(&format!("{cert}.key"))).args(flags);
    stage.serve(&label, command, &[port])?;
    Ok(port)
}
