//! Apache httpd, with one virtual host whose body the case writes.

use crate::e2e::Result;
use crate::e2e::stage::Stage;

const MODULES: &[&str] = &[
    "mpm_event",
    "authz_core",
    "proxy",
    "proxy_http",
    "proxy_wstunnel",
    "rewrite",
    "headers",
    "ssl",
    "socache_shmcb",
    "setenvif",
    "reqtimeout",
    "dir",
];

/// Starts Apache on a free port; `server` stands at the top level, `body` in the virtual host.
///
/// # Errors
///
/// When it does not come up.
pub(crate) fn start(stage: &mut Stage, server: &str, body: &str) -> Result<u16> {
    let (label, port) = (stage.label("apache"), stage.port()?);
    let folder = stage.folder.display().to_string();
    let modules: String = MODULES
        .iter()
        .map(|name| format!("LoadModule {name}_module /usr/lib/apache2/modules/mod_{name}.so\n"))
        .collect();
    let config = format!(
        "ServerRoot {folder}
ServerName 127.0.0.1
PidFile {folder}/{label}.pid
DefaultRuntimeDir {folder}
Mutex posixsem default
User www-data
Group www-data
Listen 127.0.0.1:{port}
ErrorLog {folder}/{label}.error.log
LogLevel info
{modules}
StartServers 1
ServerLimit 1
ThreadsPerChild 16
MaxRequestWorkers 16
{server}
<VirtualHost *:{port}>
{body}
</VirtualHost>
"
    );
    let file = stage.write(&format!("{label}.conf"), &config)?;
    let mut command = stage.command("/usr/sbin/apache2");
    command.arg("-D").arg("FOREGROUND").arg("-f").arg(file);
    stage.serve(&label, command, &[port])?;
    Ok(port)
}
