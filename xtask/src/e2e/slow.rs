//! Deployments for the benches: the same real products as in the cases, kept up while a bench runs.

use super::Result;
use super::certs::{Certs, HOST};
use super::install::{self, Tools};
use super::process::peak_memory_kb;
use super::products::{nginx, node_ws, socketio, tornado};
use super::stage::Stage;
use serde_json::json;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::process::Child;
use std::time::{Duration, Instant};

/// No run of a bench takes longer.
const LIMIT: Duration = Duration::from_secs(20);

/// A running deployment that a bench looks at over a slow link.
pub(crate) struct Deployment {
    pub name: &'static str,
    pub address: SocketAddr,
    pub host: &'static str,
    pub secure: bool,
    pub arguments: Vec<String>,
    // The servers end with it.
    _stage: Stage,
}

/// A healthy deployment, and broken ones of several kinds.
///
/// # Errors
///
/// When a product does not install or come up.
/// Everything that a stage needs, installed.
pub(crate) fn tools() -> Result<(Tools, Certs)> {
    let tools = install::install(&crate::root())?;
    let certs = Certs::make(&tools.home)?;
    Ok((tools, certs))
}

/// An echo on the npm package `ws`.
pub(crate) fn node_ws(stage: &mut Stage) -> Result<u16> {
    node_ws::start(stage, json!({}))
}

/// A Socket.IO server with these settings.
pub(crate) fn socketio(stage: &mut Stage, settings: serde_json::Value) -> Result<u16> {
    socketio::start(stage, json!({"settings": settings}))
}

/// Installs the products that a bench runs beside ours.
pub(crate) fn install_for_bench() -> Result<()> {
    install::install(&crate::root()).map(|_| ())
}

pub(crate) fn slow_link_deployments() -> Result<Vec<Deployment>> {
    let root = crate::root();
    let tools = install::install(&root)?;
    let certs = Certs::make(&tools.home)?;
    type SetUp = fn(&mut Stage) -> Result<(u16, Vec<&'static str>)>;
    let all: [(&'static str, bool, SetUp); 5] = [
        ("healthy ws, nginx + node ws", false, |stage| {
            let backend = node_ws::start(stage, json!({}))?;
            Ok((nginx::start(stage, &nginx::proxy(backend, nginx::UPGRADE))?, vec![]))
        }),
        ("healthy wss, nginx + node ws", true, |stage| {
            let backend = node_ws::start(stage, json!({}))?;
            Ok((nginx::start_tls(stage, "good", &nginx::proxy(backend, nginx::UPGRADE))?, vec![]))
        }),
        ("broken wss: nginx strips the upgrade", true, |stage| {
            let backend = node_ws::start(stage, json!({}))?;
            Ok((nginx::start_tls(stage, "good", &nginx::proxy(backend, ""))?, vec![]))
        }),
        ("broken wss: tornado refuses the origin", true, |stage| {
            let backend = tornado::start(stage, json!({}))?;
            let port = nginx::start_tls(stage, "good", &nginx::proxy(backend, nginx::UPGRADE))?;
            Ok((port, vec!["--origin", "https://elsewhere.example"]))
        }),
        ("broken wss: no such path", true, |stage| {
            let server = "location /chat { return 204; }";
            Ok((nginx::start_tls(stage, "good", server)?, vec![]))
        }),
    ];
    all.into_iter()
        .enumerate()
        .map(|(index, (name, secure, set_up))| {
            let mut stage = Stage::new(&format!("bench-{index}"), &tools, &certs)?;
            let (port, arguments) = set_up(&mut stage)?;
            let mut arguments: Vec<String> = arguments.into_iter().map(str::to_owned).collect();
            if secure {
                arguments.extend(["--ca".to_owned(), certs.path("root.crt")]);
            }
            let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
            Ok(Deployment { name, address, host: HOST, secure, arguments, _stage: stage })
        })
        .collect()
}

/// The installed websocat, if there is one.
pub(crate) fn websocat() -> Option<PathBuf> {
    let tools = install::install(&crate::root()).ok()?;
    tools.python.parent().map(|folder| folder.join("websocat")).filter(|path| path.exists())
}

/// Waits for a process, and tells the most memory that it had, in KiB.
///
/// # Errors
///
/// When the process cannot be waited for.
pub(crate) fn wait_with_peak(mut child: Child) -> Result<u64> {
    let mut peak = 0;
    let began = Instant::now();
    loop {
        if began.elapsed() > LIMIT {
            let _ = child.kill();
            return Err(format!("a program was still running after {} s", LIMIT.as_secs()));
        }
        peak = peak.max(peak_memory_kb(child.id()).unwrap_or_default());
        match child.try_wait() {
            Ok(Some(_)) => return Ok(peak),
            Ok(None) => std::thread::sleep(Duration::from_micros(200)),
            Err(error) => return Err(format!("waiting: {error}")),
        }
    }
}
