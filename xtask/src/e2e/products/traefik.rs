//! Traefik with the file provider: one router, one service.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use crate::e2e::Result;
use crate::e2e::stage::Stage;

/// How long it may take from listening to routing.
const LOAD_LIMIT: Duration = Duration::from_secs(15);

/// Starts Traefik in front of one backend port. `middlewares` is YAML below `http.middlewares` (all are used
/// by the router), `tls` the certificate's stem, `flags` further command-line arguments.
///
/// # Errors
///
/// When it does not come up.
pub(crate) fn start(
    stage: &mut Stage,
    backend: &str,
    middlewares: &[(&str, &str)],
    tls: Option<&str>,
    flags: &[&str],
) -> Result<u16> {
    let (label, port, api) = (stage.label("traefik"), stage.port()?, stage.port()?);
    let mut config =
        String::from("http:\n  routers:\n    app:\n      rule: PathPrefix(`/`)\n      service: app\n");
    if tls.is_some() {
        config.push_str("      tls: {}\n");
    }
    if !middlewares.is_empty() {
        let names: Vec<&str> = middlewares.iter().map(|(name, _)| *name).collect();
        config.push_str(&format!("      middlewares: [{}]\n  middlewares:\n", names.join(", ")));
        for (name, text) in middlewares {
            config.push_str(&format!("    {name}: {text}\n"));
        }
    }
    config.push_str(&format!(
        "  services:\n    app:\n      loadBalancer:\n        servers:\n          - url: {backend}\n"
    ));
    if let Some(cert) = tls {
        let (chain, key) =
            (stage.certs.path(&format!("{cert}.full")), stage.certs.path(&format!("{cert}.key")));
        config.push_str(&format!("tls:\n  certificates:\n    - certFile: {chain}\n      keyFile: {key}\n"));
    }
    let file = stage.write(&format!("{label}.yml"), &config)?;
    let traefik = stage.tools.traefik.clone();
    let mut command = stage.command(traefik);
    command
        .arg(format!("--entrypoints.web.address=127.0.0.1:{port}"))
        .arg(format!("--entrypoints.traefik.address=127.0.0.1:{api}"))
        .arg("--api.insecure=true")
        .arg(format!("--providers.file.filename={}", file.display()))
        .args(["--global.checknewversion=false", "--global.sendanonymoususage=false", "--log.level=INFO"])
        .args(flags);
    stage.serve(&label, command, &[port, api])?;
    // It listens before it has read its routes, and answers 404 until then.
    let started = Instant::now();
    while !has_router(api) {
        if started.elapsed() > LOAD_LIMIT {
            return Err(format!("traefik does not load its route:\n{}", stage.logs()));
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    Ok(port)
}

/// True once Traefik's own API knows our router.
fn has_router(api: u16) -> bool {
    let ask = || -> std::io::Result<String> {
        let mut link = TcpStream::connect(("127.0.0.1", api))?;
        link.set_read_timeout(Some(Duration::from_secs(2)))?;
        link.write_all(b"GET /api/http/routers/app@file HTTP/1.0\r\nHost: 127.0.0.1\r\n\r\n")?;
        let mut answer = String::new();
        link.read_to_string(&mut answer)?;
        Ok(answer)
    };
    ask().is_ok_and(|answer| answer.contains(" 200 ") && answer.contains("\"enabled\""))
}
