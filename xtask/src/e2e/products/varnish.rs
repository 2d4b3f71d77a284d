//! Varnish, with the subroutines that the case writes.

use crate::e2e::Result;
use crate::e2e::stage::Stage;

/// Pipes WebSocket through, as the Varnish documentation shows.
pub(crate) const PIPE: &str = "
sub vcl_recv { if (req.http.upgrade ~ \"(?i)websocket\") { return (pipe); } }
sub vcl_pipe { if (req.http.upgrade) { set bereq.http.upgrade = req.http.upgrade; set bereq.http.connection = req.http.connection; } }
";

/// Starts Varnish in front of one backend port; `parameters` are `name=value`.
///
/// # Errors
///
/// When it does not come up.
pub(crate) fn start(stage: &mut Stage, backend: u16, vcl: &str, parameters: &[&str]) -> Result<u16> {
    let (label, port) = (stage.label("varnish"), stage.port()?);
    let config =
        format!("vcl 4.1;\nbackend default {{ .host = \"127.0.0.1\"; .port = \"{backend}\"; }}\n{vcl}\n");
    let file = stage.write(&format!("{label}.vcl"), &config)?;
    let mut command = stage.command("/usr/sbin/varnishd");
    command.args(["-F", "-j", "none", "-s", "malloc,16m", "-T", "none", "-a", &format!("127.0.0.1:{port}")]);
    command.arg("-n").arg(stage.folder.join(&label)).arg("-f").arg(file);
    for parameter in ["vsl_space=1m"].iter().chain(parameters) {
        command.args(["-p", parameter]);
    }
    stage.serve(&label, command, &[port])?;
    Ok(port)
}
