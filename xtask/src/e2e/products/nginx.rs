//! nginx, with one server block whose body the case writes.

use crate::e2e::Result;
use crate::e2e::stage::Stage;

/// What a location needs to pass WebSocket on (nginx doc "WebSocket proxying").
pub(crate) const UPGRADE: &str = "proxy_http_version 1.1; proxy_set_header Upgrade $http_upgrade; \
     proxy_set_header Connection $connection_upgrade; proxy_set_header Host $http_host;";

/// A location that proxies everything to `backend`, with further directives.
pub(crate) fn proxy(backend: u16, directives: &str) -> String {
    format!("location / {{ proxy_pass http://127.0.0.1:{backend}; {directives} }}")
}

/// Starts nginx with one server block on a free port.
///
/// # Errors
///
/// When it does not come up.
pub(crate) fn start(stage: &mut Stage, body: &str) -> Result<u16> {
    let port = stage.port()?;
    let host = stage.host.clone();
    start_with(stage, &[port], "", &format!("server {{ listen {host}:{port}; server_name _; {body} }}"))?;
    Ok(port)
}

/// The same with TLS; `cert` is the stem of a certificate, sent with its chain.
///
/// # Errors
///
/// When it does not come up.
pub(crate) fn start_tls(stage: &mut Stage, cert: &str, body: &str) -> Result<u16> {
    let (chain, key) = (stage.certs.path(&format!("{cert}.full")), stage.certs.path(&format!("{cert}.key")));
    start_tls_files(stage, &chain, &key, body)
}

/// The same with any certificate files.
///
/// # Errors
///
/// When it does not come up.
pub(crate) fn start_tls_files(stage: &mut Stage, chain: &str, key: &str, body: &str) -> Result<u16> {
    let port = stage.port()?;
    let host = stage.host.clone();
    let server = format!(
        "server {{ listen {host}:{port} ssl; server_name _; ssl_certificate {chain}; ssl_certificate_key {key}; \
         {body} }}"
    );
    start_with(stage, &[port], "", &server)?;
    Ok(port)
}

/// Starts nginx with whole server blocks, and directives for the `http` level.
///
/// # Errors
///
/// When it does not come up.
pub(crate) fn start_with(stage: &mut Stage, ports: &[u16], http: &str, servers: &str) -> Result<()> {
    let label = stage.label("nginx");
    let folder = stage.folder.display().to_string();
    let config = format!(
        "daemon off;
user root;
worker_processes 1;
pid {folder}/{label}.pid;
error_log {folder}/{label}.error.log info;
events {{ worker_connections 256; }}
http {{
  access_log {folder}/{label}.access.log;
  client_body_temp_path {folder}/{label}-body;
  proxy_temp_path {folder}/{label}-proxy;
  fastcgi_temp_path {folder}/{label}-fastcgi;
  uwsgi_temp_path {folder}/{label}-uwsgi;
  scgi_temp_path {folder}/{label}-scgi;
  map $http_upgrade $connection_upgrade {{ default upgrade; '' close; }}
  {http}
  {servers}
}}
"
    );
    let file = stage.write(&format!("{label}.conf"), &config)?;
    let mut command = stage.command("/usr/sbin/nginx");
    command.arg("-c").arg(file).arg("-p").arg(&stage.folder);
    stage.serve(&label, command, ports)
}
