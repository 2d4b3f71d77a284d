//! squid, as a forward proxy and as an accelerator.

use crate::e2e::Result;
use crate::e2e::stage::Stage;

/// Rules of a forward proxy that passes requests, and refuses tunnels.
pub(crate) const NO_TUNNELS: &str =
    "acl tunnel method CONNECT\nhttp_access deny tunnel\nhttp_access allow all";

/// Starts squid as a forward proxy; `rules` stand where access rules do, the first match decides.
///
/// # Errors
///
/// When it does not come up.
pub(crate) fn start(stage: &mut Stage, rules: &str) -> Result<u16> {
    let (port, host) = (stage.port()?, stage.host.clone());
    run(stage, port, &format!("http_port {host}:{port}\n{rules}"))?;
    Ok(port)
}

/// Starts squid as an accelerator (reverse proxy) in front of one backend port.
///
/// # Errors
///
/// When it does not come up.
pub(crate) fn start_accelerator(stage: &mut Stage, backend: u16, rules: &str) -> Result<u16> {
    let port = stage.port()?;
    let config = format!(
        "http_port 127.0.0.1:{port} accel vhost defaultsite=127.0.0.1
cache_peer 127.0.0.1 parent {backend} 0 no-query originserver name=app
{rules}
http_access allow all"
    );
    run(stage, port, &config)?;
    Ok(port)
}

fn run(stage: &mut Stage, port: u16, rules: &str) -> Result<()> {
    let label = stage.label("squid");
    let folder = stage.folder.display().to_string();
    let config = format!(
        "{rules}
visible_hostname squid.keepwire.test
pid_filename none
cache_log {folder}/{label}.cache.log
access_log stdio:{folder}/{label}.access.log
coredump_dir {folder}
cache deny all
cache_mem 4 MB
memory_cache_shared off
pinger_enable off
netdb_filename none
shutdown_lifetime 0 seconds
dns_nameservers 127.0.0.1
"
    );
    let file = stage.write(&format!("{label}.conf"), &config)?;
    // squid gives up root, and the kernel then forgets that it shall end with us; a shell remembers.
    let mut command = stage.command("sh");
    command
        .args(["-c", "trap 'kill $squid' TERM; /usr/sbin/squid -N -f \"$0\" & squid=$!; wait $squid"])
        .arg(file);
    stage.serve(&label, command, &[port])
}
