//! `cargo xtask record`: logs, console messages and a HAR of the real products, kept for the tests of `records`.
//!
//! Recorded, not typed: what a product really writes is what its parser is tested with.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::json;

use super::Result;
use super::cases::read;
use super::certs::Certs;
use super::install;
use super::products::{lab, nginx, node_ws};
use super::stage::Stage;

/// Runs every deployment of the `read` cases and a browser, and keeps what they wrote.
pub(crate) fn run() -> Result<()> {
    let root = crate::root();
    let tools = install::install(&root)?;
    install::install_browser()?;
    let certs = Certs::make(&tools.home)?;
    let folder = root.join("crates/records/tests/recorded");
    fs::create_dir_all(&folder).map_err(|error| format!("making {}: {error}", folder.display()))?;
    for case in read::cases() {
        let mut stage = Stage::new(&format!("record/{}", case.name), &tools, &certs)?;
        let plan = (case.set_up)(&mut stage)?;
        let name = case.name.trim_start_matches("read/").replace('/', "-");
        keep(&root, &stage, Path::new(&plan.url), &folder.join(format!("{name}.log")))?;
        println!("recorded {name}");
    }
    let mut stage = Stage::new("record/browser", &tools, &certs)?;
    browser(&root, &mut stage, &folder)
}

/// Copies a file without anything of this machine.
fn keep(root: &Path, stage: &Stage, from: &Path, to: &Path) -> Result<()> {
    let text = fs::read(from).map_err(|error| format!("reading {}: {error}", from.display()))?;
    let text = String::from_utf8_lossy(&text)
        .replace(&stage.folder.display().to_string(), "/srv/stage")
        .replace(&root.display().to_string(), "/srv");
    // Paths of an interpreter tell of this machine, too.
    let lines = text.lines().filter(|line| !line.contains("File \"/"));
    let text: String = lines.map(|line| format!("{line}\n")).collect();
    fs::write(to, text).map_err(|error| format!("writing {}: {error}", to.display()))
}

/// Chromium on deployments that are broken in ways of their own.
fn browser(root: &Path, stage: &mut Stage, folder: &Path) -> Result<()> {
    let echo = node_ws::start(stage, json!({}))?;
    let nobody = stage.port()?;
    let page = node_ws::start_plain(stage, json!({"body": "<!doctype html><title>page</title>"}))?;
    let policy =
        json!({"body": "<!doctype html>", "headers": {"Content-Security-Policy": "default-src 'self'"}});
    let strict = node_ws::start_plain(stage, policy)?;
    let secure = node_ws::start(
        stage,
        json!({"cert": stage.certs.path("good.crt"), "key": stage.certs.path("good.key"), "page": "<!doctype html>"}),
    )?;
    let refuses = node_ws::start(stage, json!({"closeCode": 4401, "closeReason": "token expired"}))?;
    let silent = node_ws::start_silent(stage)?;
    let stripped = nginx::start(stage, &nginx::proxy(echo, ""))?;
    let idle =
        nginx::start(stage, &nginx::proxy(echo, &format!("proxy_read_timeout 10s; {}", nginx::UPGRADE)))?;
    let missing = nginx::start(stage, "location / { return 404; }")?;
    let at = |port: u16| format!("ws://127.0.0.1:{port}/ws");
    let mut visits = vec![
        ("refused", json!({"url": at(nobody), "wait": 900})),
        ("stripped", json!({"url": at(stripped)})),
        ("not-found", json!({"url": at(missing)})),
        ("page-instead", json!({"url": at(page)})),
        ("idle", json!({"url": at(idle), "send": "hello", "wait": 12_500})),
        ("closed-4401", json!({"url": at(refuses)})),
        ("certificate", json!({"url": format!("wss://127.0.0.1:{secure}/ws")})),
        (
            "mixed-content",
            json!({"page": format!("https://127.0.0.1:{secure}/"), "insecure": true, "url": "ws://app.example/ws"}),
        ),
        ("csp", json!({"page": format!("http://127.0.0.1:{strict}/"), "url": at(echo)})),
        ("closed-while-connecting", json!({"url": at(silent), "close": true})),
        ("plain-to-tls", json!({"url": at(secure)})),
        ("tls-to-plain", json!({"url": format!("wss://127.0.0.1:{echo}/ws")})),
        ("unsafe-port", json!({"url": "ws://127.0.0.1:6000/ws"})),
        ("name", json!({"url": "ws://nowhere.invalid/ws", "wait": 2500})),
    ];
    for (name, endpoint) in [
        ("accept-missing", "upgrade-accept-missing"),
        ("upgrade-missing", "upgrade-101-missing-upgrade"),
        ("connection-missing", "upgrade-101-missing-connection"),
        ("early-end", "upgrade-eof-before-response"),
        ("empty-extension", "upgrade-empty-extension-header"),
        ("masked", "frame-masked-server"),
        ("reserved-bits", "frame-reserved-bits"),
        ("interim", "upgrade-interim-1xx"),
    ] {
        let port = lab::start(stage, endpoint)?;
        visits.push((name, json!({"url": at(port)})));
    }
    let choosy = node_ws::start(stage, json!({"subprotocols": ["chat.v2"]}))?;
    visits.push(("subprotocol", json!({"url": at(choosy), "protocols": ["chat.v9"]})));
    let har = stage.folder.join("browser.har");
    let mut list = Vec::new();
    for (name, visit) in &visits {
        let mut visit = visit.clone();
        visit["console"] = json!(stage.folder.join(format!("{name}.txt")));
        list.push(visit);
    }
    let options = json!({
        "chromium": "/usr/bin/chromium", "profile": stage.folder.join("profile"), "har": har, "visits": list,
    });
    let mut command = stage.command("node");
    command.arg(stage.tools.servers.join("browser.js")).arg(options.to_string());
    command.env("NODE_PATH", &stage.tools.node_modules).env("HOME", &stage.folder);
    super::run_quietly(&mut command)?;
    for (name, _) in &visits {
        let from: PathBuf = stage.folder.join(format!("{name}.txt"));
        // Of a connection that was opened and closed Chromium says nothing: the HAR has it.
        if fs::metadata(&from).is_ok_and(|file| file.len() > 0) {
            keep(root, stage, &from, &folder.join(format!("chromium-{name}.txt")))?;
        }
    }
    keep(root, stage, &har, &folder.join("chromium.har"))?;
    println!("recorded {} visits of a browser", visits.len());
    Ok(())
}
