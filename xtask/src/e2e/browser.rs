//! `cargo xtask e2e browser`: the built TypeScript client in a real Chromium, on a page that the gateway serves, through
//! relays that cut everything, real proxies that WebSockets do not pass, and links that die without a word; and clients
//! of others, which know nothing of all this, through the same gateway.

mod page;

use self::page::{Browser, make_page, milliseconds};
use super::certs::Certs;
use super::install::{self, Tools};
use super::process;
use super::products::{nginx, node_ws, socketio, squid};
use super::session::{Block, MESSAGES_PER_CUT, PATIENCE, cutting_relay};
use super::stage::Stage;
use super::{Result, build, run_quietly};
use faults::Breakage;
use lab::{chaos, faults};
use serde_json::{Value, json};
use std::fs;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering::Relaxed};
use std::time::{Duration, Instant};
use tokio::runtime::Runtime;

const HELP: &str = "\
usage: cargo xtask e2e browser [FILTER] [--messages N] [--program FILE]

The TypeScript client in Debian's Chromium: N messages each way (20,000) over each carrier and a mix, while every
connection is cut again and again; proxies that WebSockets do not pass; links that die in silence; one connection for
three tabs, whose leader is closed and hangs; the chat of examples/chat. And Socket.IO and graphql-ws, unchanged, through
the gateway. Runs the rows whose name contains FILTER.";

/// Directives of a location that knows nothing of WebSockets.
const NO_UPGRADE: &str = "proxy_http_version 1.1; proxy_set_header Host $http_host;";
/// An answer stays in the proxy's buffers until they are full, whatever the gateway asks for.
const BUFFERING: &str = "proxy_buffering on; proxy_ignore_headers X-Accel-Buffering; \
     proxy_buffer_size 64k; proxy_buffers 8 64k; proxy_busy_buffers_size 128k; gzip on; gzip_types *; \
     gzip_proxied any; gzip_min_length 0; gzip_buffers 4 64k;";
/// Cuts by the dozen: with the waits of ordinary life a run would take hours.
const QUICK: &str = "reconnect_min = 5\nreconnect_max = 50\n";
/// MiB that neither the gateway nor the page may need, whatever is cut.
const MEMORY_LIMIT: u64 = 64;
/// How soon the page has to be connected by another carrier. The protocol gives each three seconds, so that the third
/// one has to come within seven.
const STREAM_LIMIT: Duration = Duration::from_secs(4);
const POLL_LIMIT: Duration = Duration::from_secs(7);
/// A half-open link has to be found so soon after whatever woke the page up.
const WAKE_LIMIT: Duration = Duration::from_secs(3);
/// And so soon when nothing did.
const SILENCE_LIMIT: Duration = Duration::from_secs(35);
/// Lines of the chat, one every 50 ms.
const EXAMPLE_LINES: u32 = 100;
/// How long the leading tab hangs, and how soon another one has to lead.
const HANG: Duration = Duration::from_secs(15);
/// The gateway has to bear that, whenever it asks: a tab that finds its link gone can no longer end its session, which then
/// waits for nobody until the resume window is over.
const PATIENT: &str = "heartbeat = 1000\ngrace = 30000\n";
const TAKE_OVER_LIMIT: Duration = Duration::from_secs(12);
/// Between two looks at the page.
const LOOK: Duration = Duration::from_millis(50);

/// What a row says, and what is still up after it.
type FellBack = (String, Stage, Browser);

/// What all rows need.
struct Suite {
    tools: Tools,
    certs: Certs,
    program: PathBuf,
    runtime: Runtime,
    /// The folder that the gateway serves.
    page: PathBuf,
    messages: u64,
    filter: String,
    /// Said before the next row.
    heading: String,
    passed: u32,
    failed: u32,
}

pub(super) fn run(arguments: &[String]) -> Result<bool> {
    let (messages, program, filter) = parse(arguments)?;
    let root = crate::root();
    let tools = install::install(&root)?;
    install::install_browser()?;
    let certs = Certs::make(&tools.home)?;
    let program = match program {
        Some(program) => program.canonicalize().map_err(|error| format!("{}: {error}", program.display()))?,
        None => build(&root)?,
    };
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(|error| error.to_string())?;
    let page = make_page(&root, &tools)?;
    let (passed, failed) = (0, 0);
    let heading = String::new();
    let mut suite = Suite { tools, certs, program, runtime, page, messages, filter, heading, passed, failed };
    suite.cuts()?;
    suite.proxies()?;
    suite.others()?;
    suite.half_open()?;
    suite.example()?;
    suite.tabs()?;
    println!("\n{} passed, {} failed", suite.passed, suite.failed);
    Ok(suite.failed == 0 && suite.passed > 0)
}

fn parse(arguments: &[String]) -> Result<(u64, Option<PathBuf>, String)> {
    let (mut messages, mut program, mut filter) = (20_000, None, String::new());
    let mut rest = arguments.iter();
    while let Some(word) = rest.next() {
        let mut value = || rest.next().cloned().ok_or_else(|| format!("{word} needs a value\n\n{HELP}"));
        match word.as_str() {
            "--messages" => messages = value()?.parse().map_err(|_| "--messages needs a number")?,
            "--program" => program = Some(value()?.into()),
            _ if word.starts_with('-') => return Err(HELP.to_owned()),
            _ => filter.clone_from(word),
        }
    }
    Ok((messages, program, filter))
}

impl Suite {
    fn wants(&self, name: &str) -> bool {
        name.contains(&self.filter)
    }

    /// Prints what became of a row, and counts it.
    fn judge(&mut self, name: &str, outcome: Result<String>) {
        if !self.heading.is_empty() {
            println!("{}", std::mem::take(&mut self.heading));
        }
        match outcome {
            Ok(text) => {
                self.passed += 1;
                println!("{name:44} {text}");
            }
            Err(why) => {
                self.failed += 1;
                println!("{name:44} FAILED: {why}");
            }
        }
    }

    fn stage(&self, name: &str) -> Result<Stage> {
        Stage::new(&format!("browser/{}", name.replace([' ', ',', ':'], "-")), &self.tools, &self.certs)
    }

    /// With `session`, lines of the settings' table of that name.
    fn gateway(&self, stage: &mut Stage, backend: u16, session: &str) -> Result<u16> {
        let port = stage.port()?;
        let file = stage.write("gateway.toml", &format!("[gateway.session]\n{QUICK}{session}"))?;
        let mut command = stage.command(&self.program);
        command
            .args(["gateway", "--config"])
            .arg(file)
            .args(["--listen", &format!("127.0.0.1:{port}")])
            .args(["--upstream", &format!("ws://127.0.0.1:{backend}")])
            .arg("--files")
            .arg(&self.page);
        stage.serve("gateway", command, &[port])?;
        Ok(port)
    }

    /// Each carrier, and all of them in turns, through a relay that cuts.
    fn cuts(&mut self) -> Result<()> {
        let rows: [(&str, &'static [Block]); 4] = [
            ("websocket", &[Block::Nothing]),
            ("stream", &[Block::WebSocket]),
            ("poll", &[Block::WebSocketAndStream]),
            ("mix", &[Block::Nothing, Block::WebSocket, Block::WebSocketAndStream]),
        ];
        self.heading = format!(
            "{:44} {:>8} {:>5} {:>8} {:>10} {:>5} {:>8} {:>15} {:>8} {:>12} {:>9}",
            "through cuts",
            "each way",
            "lost",
            "doubled",
            "reordered",
            "cuts",
            "resumes",
            "ws/stream/poll",
            "seconds",
            "gateway MiB",
            "page MiB"
        );
        for (name, blocks) in rows {
            if self.wants(&format!("cuts {name}")) {
                let outcome = self.cut(name, blocks);
                self.judge(name, outcome);
            }
        }
        Ok(())
    }

    fn cut(&self, name: &str, blocks: &'static [Block]) -> Result<String> {
        let mut stage = self.stage(&format!("cuts {name}"))?;
        let backend = node_ws::start(&mut stage, json!({}))?;
        let gateway = self.gateway(&mut stage, backend, "")?;
        let pid = stage.last_process().ok_or("the gateway is gone")?;
        let (cuts, block) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicUsize::new(0)));
        let relay =
            self.runtime.block_on(cutting_relay(gateway, Arc::clone(&cuts), Arc::clone(&block), blocks))?;
        let mut browser = Browser::start(&stage)?;
        browser.open(relay.port())?;
        // What was cut while the page was loaded is no cut of a session.
        cuts.store(0, Relaxed);
        let began = Instant::now();
        browser.call(
            "flood",
            &json!({
                "messages": self.messages, "alone": name == "websocket", "patience": 500, "probes": [0.01],
            }),
        )?;
        let (mut received, mut moved, mut heap) = (0, Instant::now(), 0);
        let report = browser.until(Duration::from_secs(600), |report| {
            let now = report["received"].as_u64().unwrap_or_default();
            if now > received {
                (received, moved) = (now, Instant::now());
            }
            heap = heap.max(report["heap"].as_u64().unwrap_or_default() >> 20);
            block.store((received * 10 / self.messages.max(1)) as usize % blocks.len(), Relaxed);
            report["lost"] == 0 || moved.elapsed() > PATIENCE
        })?;
        let seconds = began.elapsed().as_secs_f64();
        let number = |name: &str| report[name].as_u64().unwrap_or_default();
        let ups = ["websocket", "stream", "poll"].map(|carrier| report["ups"][carrier].to_string());
        let (lost, doubled, reordered) = (number("lost"), number("doubled"), number("reordered"));
        let memory = process::peak_memory_kb(pid).unwrap_or_default() >> 10;
        let text = format!(
            "{received:>8} {lost:>5} {doubled:>8} {reordered:>10} {:>5} {:>8} {:>15} {seconds:>8.1} {memory:>12} {heap:>9}",
            cuts.load(Relaxed),
            number("resumes"),
            ups.join("/"),
        );
        let used = match name {
            "mix" => ups.iter().all(|count| count != "0"),
            carrier => report["ups"][carrier] != 0,
        };
        let enough = cuts.load(Relaxed) >= self.messages / MESSAGES_PER_CUT;
        let bounded = memory < MEMORY_LIMIT && heap < MEMORY_LIMIT;
        if lost + doubled + reordered > 0 || !used || !enough || !bounded { Err(text) } else { Ok(text) }
    }

    /// Real proxies that WebSockets do not pass, and one that is mended meanwhile.
    fn proxies(&mut self) -> Result<()> {
        self.heading = "\nbehind a proxy".to_owned();
        let name = "nginx without upgrade: stream";
        if self.wants(name) {
            let outcome = self.fall_back(name, NO_UPGRADE, "stream", STREAM_LIMIT).map(|row| row.0);
            self.judge(name, outcome);
        }
        let name = "nginx that buffers, too: poll";
        if self.wants(name) {
            let directives = format!("{NO_UPGRADE} {BUFFERING}");
            let outcome = self.fall_back(name, &directives, "poll", POLL_LIMIT);
            match outcome {
                Ok((text, stage, browser)) => {
                    self.judge(name, Ok(text));
                    let outcome = mend(&stage, browser, &directives);
                    self.judge("nginx mended and reloaded: websocket", outcome);
                }
                Err(why) => self.judge(name, Err(why)),
            }
        }
        for (name, rules, carrier) in [
            ("squid that allows CONNECT: websocket", "http_access allow all", "websocket"),
            ("squid that refuses CONNECT: stream", squid::NO_TUNNELS, "stream"),
        ] {
            if self.wants(name) {
                let outcome = self.behind_squid(name, rules, carrier);
                self.judge(name, outcome);
            }
        }
        Ok(())
    }

    /// A company's way out: browsers ask it for a tunnel for each WebSocket.
    fn behind_squid(&self, name: &str, rules: &str, carrier: &str) -> Result<String> {
        let mut stage = self.stage(name)?;
        let backend = node_ws::start(&mut stage, json!({}))?;
        let gateway = self.gateway(&mut stage, backend, "")?;
        let proxy = squid::start(&mut stage, rules)?;
        let mut browser = Browser::behind(&stage, Some(proxy))?;
        browser.open(gateway)?;
        came_by(&mut browser, carrier, STREAM_LIMIT)
    }

    fn fall_back(&self, name: &str, directives: &str, carrier: &str, limit: Duration) -> Result<FellBack> {
        let mut stage = self.stage(name)?;
        let backend = node_ws::start(&mut stage, json!({}))?;
        let gateway = self.gateway(&mut stage, backend, "")?;
        let front = nginx::start(&mut stage, &nginx::proxy(gateway, directives))?;
        let mut browser = Browser::start(&stage)?;
        browser.open(front)?;
        Ok((came_by(&mut browser, carrier, limit)?, stage, browser))
    }

    /// Links on which nothing arrives any more, and nobody is told.
    fn half_open(&mut self) -> Result<()> {
        self.heading = "\nhalf-open links".to_owned();
        for (carrier, event) in [
            ("websocket", "online"),
            ("websocket", "visibilitychange"),
            ("stream", "online"),
            ("websocket", ""),
        ] {
            let name = format!("half-open {carrier}, {}", if event.is_empty() { "no event" } else { event });
            if self.wants(&name) {
                let outcome = self.silence(&name, carrier, event);
                self.judge(&name, outcome);
            }
        }
        Ok(())
    }

    fn silence(&self, name: &str, carrier: &str, event: &str) -> Result<String> {
        let mut stage = self.stage(name)?;
        let backend = node_ws::start(&mut stage, json!({}))?;
        let gateway = self.gateway(&mut stage, backend, "")?;
        let here = |port| SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        let plan = chaos_plan(carrier != "websocket");
        let relay = self
            .runtime
            .block_on(chaos::run(here(0), here(gateway), plan))
            .map_err(|error| error.to_string())?;
        let mut browser = Browser::start(&stage)?;
        browser.open(relay.addr.port())?;
        browser.call("chat", &json!({}))?;
        browser.until(PATIENCE, |report| {
            report["carrier"] == carrier && report["received"].as_u64() > Some(5)
        })?;
        relay.break_all(Breakage::Silence);
        if !event.is_empty() {
            std::thread::sleep(Duration::from_millis(500));
        }
        let answer = browser.call("wake", &json!(event))?;
        let (found, back) = (milliseconds(&answer["found"]), milliseconds(&answer["back"]));
        browser.until(Duration::ZERO, |_| true)?;
        let (limit, since) =
            if event.is_empty() { (SILENCE_LIMIT, "the silence") } else { (WAKE_LIMIT, "it") };
        let text = format!(
            "found {:.2} s after {since}, messages again after {:.2} s",
            found.as_secs_f64(),
            back.as_secs_f64()
        );
        if found > limit || back > limit + WAKE_LIMIT { Err(text) } else { Ok(text) }
    }

    /// What examples/README.md tells a newcomer to do, and what they see then.
    fn example(&mut self) -> Result<()> {
        self.heading = "\nthe example".to_owned();
        let name = "example chat through the meat grinder";
        if self.wants(name) {
            let outcome = self.chat(name);
            self.judge(name, outcome);
        }
        Ok(())
    }

    fn chat(&self, name: &str) -> Result<String> {
        let mut stage = self.stage(name)?;
        let (gateway, relay) = (stage.port()?, stage.port()?);
        let (at, through) = (format!("127.0.0.1:{gateway}"), format!("127.0.0.1:{relay}"));
        let mut command = stage.command(&self.program);
        command.args(["gateway", "--listen", &at, "--files"]).arg(crate::root().join("examples/chat"));
        stage.serve("gateway", command, &[gateway])?;
        let mut command = stage.command(&self.program);
        command.args(["lab", "chaos", "--listen", &through, "--upstream", &at, "--preset", "meat-grinder"]);
        stage.serve("relay", command, &[relay])?;
        let options = json!({"chromium": "/usr/bin/chromium", "cut": format!("http://{through}/"),
            "whole": format!("http://{at}/"), "lines": EXAMPLE_LINES, "pictures": stage.folder});
        let mut command = stage.command("node");
        command
            .arg(stage.tools.servers.join("browser_example.js"))
            .arg(options.to_string())
            .env("NODE_PATH", &stage.tools.node_modules);
        let output = command.output().map_err(|error| format!("node: {error}"))?;
        let text = String::from_utf8_lossy(&output.stdout);
        let seen: Value = serde_json::from_str(text.lines().last().unwrap_or_default()).map_err(|_| {
            String::from_utf8_lossy(&output.stderr).lines().take(3).collect::<Vec<_>>().join("; ")
        })?;
        let expected: Vec<Value> =
            (1..=EXAMPLE_LINES).map(|number| json!(format!("line {number}"))).collect();
        let facts = seen["facts"].as_str().unwrap_or_default();
        for page in ["cut", "whole"] {
            if seen[page] != json!(expected) {
                return Err(format!("the page on the {page} way shows {} ({facts})", seen[page]));
            }
        }
        let resumed: u32 = facts
            .split_once("resumed ")
            .and_then(|(_, rest)| rest.split(' ').next()?.parse().ok())
            .ok_or_else(|| format!("the page says {facts:?}"))?;
        let pictures = stage.folder.display();
        if resumed == 0 {
            return Err("nothing was cut".to_owned());
        }
        // Half a line further up, thousands of pixels differ.
        if seen["different"] != 0 || seen["moved"].as_u64() < Some(500) {
            return Err(format!(
                "{} pixels differ between the two pages, {} after scrolling: {pictures}",
                seen["different"], seen["moved"]
            ));
        }
        Ok(format!("{EXAMPLE_LINES} lines, {resumed} resumes; both pages look the same"))
    }

    /// One connection for three tabs. The leading one is closed, and the next one hangs.
    fn tabs(&mut self) -> Result<()> {
        self.heading = "\none connection for three tabs".to_owned();
        let name = "tabs: the leading one is closed, one hangs";
        if self.wants(name) {
            let outcome = self.share(name);
            self.judge(name, outcome);
        }
        Ok(())
    }

    fn share(&self, name: &str) -> Result<String> {
        let mut stage = self.stage(name)?;
        let backend = node_ws::start(&mut stage, json!({}))?;
        let gateway = self.gateway(&mut stage, backend, PATIENT)?;
        let mut browser = Browser::start(&stage)?;
        let mut tabs = vec![0, 1, 2];
        for &tab in &tabs {
            browser.join(gateway, tab)?;
        }
        let leader = browser.flowing(&tabs)?;
        browser.faultless(&tabs, 0)?;
        let sessions = browser.sessions(leader)?;
        if sessions != [1, 1, 0] {
            return Err(format!("sessions now, ever, resumed: {sessions:?}"));
        }

        tabs.retain(|&tab| tab != leader);
        for &tab in &tabs {
            browser.call_in(tab, "mark", &Value::Null)?;
        }
        browser.order(&json!({"close": leader}))?;
        let leader = browser.flowing(&tabs)?;
        let gap = browser.faultless(&tabs, 0)?;
        let sessions = browser.sessions(leader)?;
        if sessions != [1, 1, 1] {
            return Err(format!("closed; sessions now, ever, resumed: {sessions:?}"));
        }

        tabs.push(3);
        browser.join(gateway, 3)?;
        let leader = browser.flowing(&tabs)?;
        let rest: Vec<usize> = tabs.iter().copied().filter(|&tab| tab != leader).collect();
        let began = Instant::now();
        browser.call_in(leader, "hang", &json!(HANG.as_millis()))?;
        while browser.leader(&rest)?.is_none() {
            if began.elapsed() > TAKE_OVER_LIMIT {
                return Err("nobody took over from the tab that hangs".to_owned());
            }
            std::thread::sleep(LOOK);
        }
        let taken = began.elapsed();
        browser.flowing(&rest)?;
        std::thread::sleep(HANG.saturating_sub(began.elapsed()));
        // The one that hung follows.
        browser.until_in(leader, PATIENCE, |report| report["leading"] == false)?;
        let next = browser.flowing(&tabs)?;
        for &tab in &tabs {
            browser.call_in(tab, "stop", &Value::Null)?;
        }
        // Each message since the reset came back.
        for &tab in &tabs {
            browser.until_in(tab, PATIENCE, |report| report["missing"] == 0)?;
        }
        browser.faultless(&tabs, 1)?;
        let sessions = browser.sessions(next)?;
        if sessions != [1, 2, 1] {
            return Err(format!("hung; sessions now, ever, resumed: {sessions:?}"));
        }
        Ok(format!(
            "1 session; closed: silent for {:.2} s, no reset; hung: taken over after {:.1} s; 0 lost, 0 doubled",
            gap.as_secs_f64(),
            taken.as_secs_f64()
        ))
    }

    /// Clients and servers that never heard of Keepwire.
    fn others(&mut self) -> Result<()> {
        self.heading = "\nunchanged, through the gateway".to_owned();
        let name = "Socket.IO, WebSocket alone";
        if self.wants(name) {
            let outcome = self.socketio(name, false);
            self.judge(name, outcome);
        }
        let name = "Socket.IO, polling first, upgrades by nginx";
        if self.wants(name) {
            let outcome = self.socketio(name, true);
            self.judge(name, outcome);
        }
        let name = "graphql-ws, a query and a subscription";
        if self.wants(name) {
            let outcome = self.graphql(name);
            self.judge(name, outcome);
        }
        Ok(())
    }

    fn socketio(&self, name: &str, polling: bool) -> Result<String> {
        let mut stage = self.stage(name)?;
        let backend = socketio::start(&mut stage, json!({}))?;
        let gateway = self.gateway(&mut stage, backend, "")?;
        if !polling {
            let settings = json!({"transports": ["websocket"]});
            return other(&stage, "socketio", &format!("http://127.0.0.1:{gateway}"), &settings);
        }
        // Plain requests are the application's own business, and the gateway takes what is upgraded.
        let port = stage.port()?;
        let ways = format!("map $http_upgrade $way {{ default {gateway}; '' {backend}; }}");
        let server = format!(
            "server {{ listen 127.0.0.1:{port}; location / {{ proxy_pass http://127.0.0.1:$way; {} }} }}",
            nginx::UPGRADE
        );
        nginx::start_with(&mut stage, &[port], &ways, &server)?;
        other(&stage, "socketio", &format!("http://127.0.0.1:{port}"), &json!({}))
    }

    fn graphql(&self, name: &str) -> Result<String> {
        let mut stage = self.stage(name)?;
        let backend = node_ws::script(&mut stage, "graphql-ws", "others.js", json!({"serve": "graphql"}))?;
        let gateway = self.gateway(&mut stage, backend, "")?;
        other(&stage, "graphql", &format!("ws://127.0.0.1:{gateway}/graphql"), &json!({}))
    }
}

/// The first message comes back by this carrier, soon enough.
fn came_by(browser: &mut Browser, carrier: &str, limit: Duration) -> Result<String> {
    browser.call("chat", &json!({"probes": [0.05]}))?;
    let report = browser.until(PATIENCE, |report| report["received"] != 0)?;
    let (first, used) = (milliseconds(&report["first"]), &report["carrier"]);
    let text = format!("a message came back by {used} after {:.2} s", first.as_secs_f64());
    if used != carrier || first > limit { Err(text) } else { Ok(text) }
}

/// The proxy learns to pass WebSockets on, and the page finds out by itself.
fn mend(stage: &Stage, mut browser: Browser, directives: &str) -> Result<String> {
    let file = fs::read_dir(&stage.folder)
        .map_err(|error| error.to_string())?
        .flatten()
        .map(|entry| entry.path())
        .find(|path| path.extension().is_some_and(|extension| extension == "conf"))
        .ok_or("nginx has no configuration")?;
    let text = fs::read_to_string(&file).map_err(|error| error.to_string())?;
    fs::write(&file, text.replace(directives, nginx::UPGRADE)).map_err(|error| error.to_string())?;
    run_quietly(
        Command::new("/usr/sbin/nginx")
            .arg("-c")
            .arg(&file)
            .arg("-p")
            .arg(&stage.folder)
            .args(["-s", "reload"]),
    )?;
    let began = Instant::now();
    browser.until(PATIENCE, |report| report["carrier"] == "websocket")?;
    let time = began.elapsed();
    // It stays there, and nothing was lost on the way: a hole would be a reset, which ends the row.
    std::thread::sleep(Duration::from_secs(1));
    browser.until(Duration::ZERO, |report| report["carrier"] == "websocket")?;
    Ok(format!("by itself after {:.1} s (tried again every 1.5 to 4.5 s)", time.as_secs_f64()))
}

/// Runs a client of others to its end.
fn other(stage: &Stage, client: &str, url: &str, settings: &Value) -> Result<String> {
    let messages = 1000;
    let options = json!({"client": client, "url": url, "settings": settings, "messages": messages});
    let mut command = stage.command("node");
    command.arg(stage.tools.servers.join("others.js")).arg(options.to_string());
    command.env("NODE_PATH", &stage.tools.node_modules);
    let began = Instant::now();
    run_quietly(&mut command)?;
    Ok(format!("{messages} messages in order in {:.1} s", began.elapsed().as_secs_f64()))
}

fn chaos_plan(strip_upgrade: bool) -> lab::plan::ChaosPlan {
    lab::plan::ChaosPlan { strip_upgrade, ..Default::default() }
}
