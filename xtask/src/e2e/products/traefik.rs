//! Traefik with the file provider: one router, one service.

use crate::e2e::Result;
use crate::e2e::stage::Stage;

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
    let (label, port) = (stage.label("traefik"), stage.port()?);
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
        .arg(format!("--providers.file.filename={}", file.display()))
        .args(["--global.checknewversion=false", "--global.sendanonymoususage=false", "--log.level=INFO"])
        .args(flags);
    stage.serve(&label, command, &[port])?;
    Ok(port)
}
