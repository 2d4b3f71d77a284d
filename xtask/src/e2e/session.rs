//! `cargo xtask e2e session`: the real gateway in front of real servers, the Rust client, and between them a relay that
//! cuts every connection after a random number of bytes. Each message has to come back once and in order.

use super::certs::Certs;
use super::products::{haproxy, nginx, node_ws, py_websockets, squid};
use super::stage::Stage;
use super::{Result, build, install};
use client::{Connection, Event, Message, Mode, Options, Proxy, Range, SendError, Transport};
use serde_json::json;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering::Relaxed};
use std::time::{Duration, Instant};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

const HELP: &str = "\
usage: cargo xtask e2e session [--messages N] [--program FILE]

Sends N messages each way (1,000,000) through each carrier and a mix, while every connection is cut again and again.";

/// Cuts for each message that is sent: a thousand for a million.
pub(super) const MESSAGES_PER_CUT: u64 = 1000;
/// Nothing at all for so long: it hangs.
pub(super) const PATIENCE: Duration = Duration::from_secs(60);

/// What the relay does not let through.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Block {
    Nothing,
    WebSocket,
    WebSocketAndStream,
}

struct Row {
    name: &'static str,
    transports: Vec<Transport>,
    backend: &'static str,
    /// Another one after each tenth of the messages.
    blocks: &'static [Block],
}

struct Outcome {
    cuts: u64,
    resumes: u64,
    ups: [u64; 3],
    time: Duration,
    problem: Option<String>,
    received: u64,
    /// How often each message came back.
    seen: Vec<u8>,
    doubled: u64,
    reordered: u64,
}

impl Outcome {
    fn lost(&self) -> u64 {
        self.seen.iter().filter(|times| **times == 0).count() as u64
    }
}

pub(super) fn run(arguments: &[String]) -> Result<bool> {
    let (messages, program) = parse(arguments)?;
    let root = crate::root();
    let tools = install::install(&root)?;
    let certs = Certs::make(&tools.home)?;
    let program = match program {
        Some(program) => program.canonicalize().map_err(|error| format!("{}: {error}", program.display()))?,
        None => build(&root)?,
    };
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(|error| error.to_string())?;
    let only = |transport| vec![transport];
    let all = || vec![Transport::WebSocket, Transport::Stream, Transport::Poll];
    let rows = [
        Row {
            name: "websocket",
            transports: only(Transport::WebSocket),
            backend: "node ws",
            blocks: &[Block::Nothing],
        },
        Row {
            name: "stream",
            transports: only(Transport::Stream),
            backend: "python websockets",
            blocks: &[Block::Nothing],
        },
        Row {
            name: "poll",
            transports: only(Transport::Poll),
            backend: "node ws",
            blocks: &[Block::Nothing],
        },
        Row {
            name: "mix",
            transports: all(),
            backend: "node ws",
            blocks: &[Block::Nothing, Block::WebSocket, Block::WebSocketAndStream],
        },
    ];
    println!(
        "{:10} {:18} {:>9} {:>6} {:>7} {:>9} {:>6} {:>8} {:>15} {:>8} {:>9} {:>12}",
        "carrier",
        "backend",
        "each way",
        "lost",
        "doubled",
        "reordered",
        "cuts",
        "resumes",
        "ws/stream/poll",
        "seconds",
        "messages/s",
        "gateway MiB"
    );
    let (mut passed, mut failed) = (0, 0);
    for row in rows {
        let mut stage = Stage::new(&format!("session/{}", row.name), &tools, &certs)?;
        let backend = match row.backend {
            "node ws" => node_ws::start(&mut stage, json!({}))?,
            _ => py_websockets::start(&mut stage, json!({}))?,
        };
        let gateway = stage.port()?;
        let pid = start_gateway(&mut stage, &program, gateway, backend)?;
        let outcome = runtime.block_on(play(&row, gateway, messages));
        let memory = super::process::peak_memory_kb(pid).unwrap_or_default() / 1024;
        let wrong = outcome.problem.is_some();
        println!(
            "{:10} {:18} {:>9} {:>6} {:>7} {:>9} {:>6} {:>8} {:>15} {:>8.1} {:>9.0} {:>12}{}",
            row.name,
            row.backend,
            outcome.received,
            outcome.lost(),
            outcome.doubled,
            outcome.reordered,
            outcome.cuts,
            outcome.resumes,
            outcome.ups.map(|count| count.to_string()).join("/"),
            outcome.time.as_secs_f64(),
            outcome.received as f64 / outcome.time.as_secs_f64(),
            memory,
            outcome.problem.as_ref().map(|problem| format!("  {problem}")).unwrap_or_default()
        );
        let enough = outcome.cuts >= messages / MESSAGES_PER_CUT;
        if wrong || !enough || outcome.lost() + outcome.doubled + outcome.reordered > 0 {
            failed += 1;
        } else {
            passed += 1;
        }
    }
    let own = super::process::peak_memory_kb(std::process::id()).unwrap_or_default() / 1024;
    println!("\nclient and relay, peak: {own} MiB");
    for (name, blocked) in [
        ("nginx with upgrade", false),
        ("nginx without upgrade", true),
        ("haproxy", false),
        ("squid with upgrade", false),
        ("squid without upgrade", true),
        ("squid, CONNECT allowed", false),
        ("squid, CONNECT refused", true),
    ] {
        let mut stage = Stage::new(&format!("session/{}", name.replace(' ', "-")), &tools, &certs)?;
        let backend = node_ws::start(&mut stage, json!({}))?;
        let gateway = stage.port()?;
        start_gateway(&mut stage, &program, gateway, backend)?;
        let front = match (name, blocked) {
            ("nginx with upgrade", _) => nginx::start(&mut stage, &nginx::proxy(gateway, nginx::UPGRADE))?,
            ("nginx without upgrade", _) => {
                nginx::start(&mut stage, &nginx::proxy(gateway, "proxy_set_header Host $http_host;"))?
            }
            ("haproxy", _) => haproxy::start(&mut stage, gateway, &haproxy::Options::default())?,
            ("squid without upgrade", _) => squid::start_accelerator(&mut stage, gateway, "")?,
            ("squid with upgrade", _) => {
                let rules = "http_upgrade_request_protocols websocket allow all";
                squid::start_accelerator(&mut stage, gateway, rules)?
            }
            // The way out of a company, which the client knows.
            (_, false) => squid::start(&mut stage, "http_access allow all")?,
            (_, true) => squid::start(&mut stage, squid::NO_TUNNELS)?,
        };
        let way_out = name.contains("CONNECT").then(|| (format!("http://{}:{front}", stage.host), gateway));
        let outcome = runtime.block_on(through(front, way_out));
        match outcome {
            Ok((transport, time)) => {
                let right = (transport == Transport::WebSocket) != blocked && time < Duration::from_secs(4);
                println!("{name:24} {transport:?} after {:.2} s", time.as_secs_f64());
                if right { passed += 1 } else { failed += 1 }
            }
            Err(why) => {
                println!("{name:24} {why}");
                failed += 1;
            }
        }
    }
    let root_certificate =
        std::fs::read_to_string(certs.path("root.crt")).map_err(|error| error.to_string())?;
    let root_certificate = der(&root_certificate)?;
    for transport in [Transport::WebSocket, Transport::Stream, Transport::Poll] {
        let mut stage = Stage::new("session/tls", &tools, &certs)?;
        let backend = node_ws::start(&mut stage, json!({}))?;
        let gateway = stage.port()?;
        let mut command = stage.command(&program);
        command.args(["gateway", "--listen", &format!("127.0.0.1:{gateway}")]);
        command.args(["--upstream", &format!("ws://127.0.0.1:{backend}")]);
        command.args(["--cert", &certs.path("good.full"), "--key", &certs.path("good.key")]);
        stage.serve("gateway", command, &[gateway])?;
        let pid = stage.last_process().ok_or("the gateway is gone")?;
        match runtime.block_on(secure(gateway, root_certificate.clone(), transport, pid)) {
            Ok(time) => {
                println!(
                    "TLS in front, {transport:?}: after {:.2} s; the gateway ends, and its client is told",
                    time.as_secs_f64()
                );
                passed += 1;
            }
            Err(why) => {
                println!("TLS in front, {transport:?}: {why}");
                failed += 1;
            }
        }
    }
    let mut stage = Stage::new("session/recovery", &tools, &certs)?;
    let backend = node_ws::start(&mut stage, json!({}))?;
    let gateway = stage.port()?;
    start_gateway(&mut stage, &program, gateway, backend)?;
    match runtime.block_on(recovery(gateway)) {
        Ok(round_trips) => {
            println!("after a reset, traffic flows again in {round_trips:.1} round trips (4 at most)");
            if round_trips <= 4.0 { passed += 1 } else { failed += 1 }
        }
        Err(why) => {
            println!("after a reset: {why}");
            failed += 1;
        }
    }
    println!("\nprotocol/PROTOCOL.md, rule by rule:");
    let mut stage = Stage::new("session/conformance", &tools, &certs)?;
    let backend = node_ws::start(&mut stage, json!({}))?;
    let gateway = stage.port()?;
    start_gateway(&mut stage, &program, gateway, backend)?;
    match crate::conformance::run(&[format!("ws://127.0.0.1:{gateway}/")]) {
        Ok(()) => passed += 1,
        Err(why) => {
            println!("{why}");
            failed += 1;
        }
    }
    println!("\n{passed} passed, {failed} failed");
    Ok(failed == 0)
}

fn parse(arguments: &[String]) -> Result<(u64, Option<PathBuf>)> {
    let (mut messages, mut program) = (1_000_000, None);
    let mut rest = arguments.iter();
    while let Some(word) = rest.next() {
        let mut value = || rest.next().cloned().ok_or_else(|| format!("{word} needs a value\n\n{HELP}"));
        match word.as_str() {
            "--messages" => messages = value()?.parse().map_err(|_| "--messages needs a number")?,
            "--program" => program = Some(value()?.into()),
            _ => return Err(HELP.to_owned()),
        }
    }
    Ok((messages, program))
}

fn start_gateway(stage: &mut Stage, program: &Path, port: u16, backend: u16) -> Result<u32> {
    // Cuts by the dozen: with the waits of ordinary life a run would take hours.
    let file = stage.write("gateway.toml", "[gateway.session]\nreconnect_min = 0\nreconnect_max = 50\n")?;
    let mut command = stage.command(program);
    command.arg("gateway").arg("--config").arg(file);
    command.args([
        "--listen",
        &format!("127.0.0.1:{port}"),
        "--upstream",
        &format!("ws://127.0.0.1:{backend}"),
    ]);
    stage.serve("gateway", command, &[port])?;
    stage.last_process().ok_or_else(|| "the gateway is gone".to_owned())
}

async fn play(row: &Row, gateway: u16, messages: u64) -> Outcome {
    let began = Instant::now();
    let block = Arc::new(AtomicUsize::new(0));
    let cuts = Arc::new(AtomicU64::new(0));
    let mut outcome = Outcome {
        cuts: 0,
        resumes: 0,
        ups: [0; 3],
        time: Duration::ZERO,
        problem: None,
        received: 0,
        seen: vec![0; messages as usize],
        doubled: 0,
        reordered: 0,
    };
    match cutting_relay(gateway, Arc::clone(&cuts), Arc::clone(&block), row.blocks).await {
        Ok(address) => {
            if let Err(problem) = talk(row, address, messages, &block, &mut outcome).await {
                outcome.problem = Some(problem);
            }
        }
        Err(problem) => outcome.problem = Some(problem),
    }
    outcome.cuts = cuts.load(Relaxed);
    outcome.time = began.elapsed();
    outcome
}

async fn talk(
    row: &Row,
    address: SocketAddr,
    messages: u64,
    block: &AtomicUsize,
    outcome: &mut Outcome,
) -> Result<()> {
    let options = Options {
        mode: Mode::Keepwire,
        transports: row.transports.clone(),
        reconnect: Range { min: 5, max: 50 },
        fallback_after: Duration::from_millis(500),
        probe_again: vec![Duration::from_secs(1)],
        ..Options::default()
    };
    let mut connection =
        Connection::open(&format!("ws://{address}/"), options).map_err(|error| error.to_string())?;
    let (mut next_up, mut last) = (0, None);
    let mut waiting = None;
    while outcome.received < messages {
        while next_up < messages {
            let message = waiting.take().unwrap_or_else(|| {
                Message::Text(format!("{next_up:08} {}", "x".repeat(next_up as usize % 48)))
            });
            match connection.try_send(message) {
                Ok(()) => next_up += 1,
                Err(SendError::Full(message)) => {
                    waiting = Some(message);
                    break;
                }
                Err(error) => return Err(format!("sending: {error:?}")),
            }
        }
        let event = tokio::time::timeout(PATIENCE, connection.next())
            .await
            .map_err(|_| format!("nothing came for {PATIENCE:?} after {} messages", outcome.received))?;
        match event.ok_or("the connection is over")? {
            Event::Message(Message::Text(text)) => {
                let number = text.get(..8).and_then(|number| number.parse::<usize>().ok());
                let number =
                    number.filter(|number| *number < next_up as usize).ok_or("a message that nobody sent")?;
                outcome.doubled += u64::from(outcome.seen[number] > 0);
                outcome.reordered += u64::from(last.is_some_and(|last| number < last));
                outcome.seen[number] = 1;
                last = Some(number);
                outcome.received += 1;
                block.store((outcome.received * 10 / messages.max(1)) as usize % row.blocks.len(), Relaxed);
            }
            Event::Up { resumed, transport, .. } => {
                outcome.resumes += u64::from(resumed);
                outcome.ups[transport as usize] += 1;
            }
            Event::Down { .. } | Event::Refused(_) => {}
            other => return Err(format!("{other:.200?}")),
        }
    }
    Ok(())
}

/// Cuts every connection after a random number of bytes, in the middle of whatever is under way.
pub(super) async fn cutting_relay(
    gateway: u16,
    cuts: Arc<AtomicU64>,
    block: Arc<AtomicUsize>,
    blocks: &'static [Block],
) -> Result<SocketAddr> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.map_err(|error| error.to_string())?;
    let address = listener.local_addr().map_err(|error| error.to_string())?;
    tokio::spawn(async move {
        let mut seed = 11_u64;
        while let Ok((client, _)) = listener.accept().await {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            let budget = 3000 + (seed >> 33) % 80_000;
            tokio::spawn(relay(client, gateway, budget, Arc::clone(&cuts), Arc::clone(&block), blocks));
        }
    });
    Ok(address)
}

async fn relay(
    mut client: TcpStream,
    gateway: u16,
    mut budget: u64,
    cuts: Arc<AtomicU64>,
    block: Arc<AtomicUsize>,
    blocks: &[Block],
) -> Option<()> {
    let mut server = TcpStream::connect((Ipv4Addr::LOCALHOST, gateway)).await.ok()?;
    let _ = (client.set_nodelay(true), server.set_nodelay(true));
    let (mut up, mut down) = (vec![0; 16 * 1024], vec![0; 16 * 1024]);
    loop {
        let (read, to_server) = tokio::select! {
            read = client.read(&mut up) => (read.ok()?, true),
            read = server.read(&mut down) => (read.ok()?, false),
        };
        if read == 0 {
            return None;
        }
        let blocked = blocks.get(block.load(Relaxed)).copied().unwrap_or(Block::Nothing);
        if to_server && blocked != Block::Nothing {
            let begins = |with: &[u8]| up.starts_with(with);
            let stream = begins(b"POST /.keepwire/stream") && blocked == Block::WebSocketAndStream;
            if begins(b"GET / ") || stream {
                return None;
            }
        }
        let fits = read.min(budget as usize);
        budget -= fits as u64;
        let bytes = if to_server { &up[..fits] } else { &down[..fits] };
        let other = if to_server { &mut server } else { &mut client };
        other.write_all(bytes).await.ok()?;
        if budget == 0 {
            cuts.fetch_add(1, Relaxed);
            let _ = client.set_zero_linger();
            return None;
        }
    }
}

/// Which carrier a client ends up with behind a real proxy, and how soon a message has come back over it.
/// By way of a proxy in front, or of a forward proxy to the gateway's port.
async fn through(mut port: u16, way_out: Option<(String, u16)>) -> Result<(Transport, Duration)> {
    let mut options = Options { mode: Mode::Keepwire, ..Options::default() };
    if let Some((proxy, gateway)) = way_out {
        options.proxy = Some(Proxy::new(&proxy).map_err(|error| error.to_string())?);
        port = gateway;
    }
    let (carrier, time, _) = hello(&format!("ws://127.0.0.1:{port}/"), options).await?;
    Ok((carrier, time))
}

/// Says hello and waits for the echo.
async fn hello(url: &str, options: Options) -> Result<(Transport, Duration, Connection)> {
    let began = Instant::now();
    let mut connection = Connection::open(url, options).map_err(|error| error.to_string())?;
    connection.send(Message::Text("hello".to_owned())).await.map_err(|error| error.to_string())?;
    let mut carrier = None;
    loop {
        let event = tokio::time::timeout(PATIENCE, connection.next()).await.map_err(|_| "nothing came")?;
        match event.ok_or("the connection is over")? {
            Event::Up { transport, .. } => carrier = Some(transport),
            Event::Message(Message::Text(text)) if text == "hello" => {
                return Ok((carrier.ok_or("a message without a carrier")?, began.elapsed(), connection));
            }
            Event::Down { .. } => {}
            other => return Err(format!("{other:.200?}")),
        }
    }
}

/// The gateway's own TLS, by one carrier; then the gateway is told to end, and tells its client.
async fn secure(port: u16, root: Vec<u8>, transport: Transport, pid: u32) -> Result<Duration> {
    let options = Options {
        mode: Mode::Keepwire,
        transports: vec![transport],
        roots: vec![root],
        ..Options::default()
    };
    let url = format!("wss://127.0.0.1:{port}/");
    let strange = Options { roots: Vec::new(), ..options.clone() };
    let (_, time, mut connection) = hello(&url, options).await?;
    // Whoever does not know the root does not come in, and hears why.
    let mut stranger = Connection::open(&url, strange).map_err(|error| error.to_string())?;
    match tokio::time::timeout(PATIENCE, stranger.next()).await.map_err(|_| "nothing came")? {
        Some(Event::Down { why, .. }) if why.contains("certificate") => drop(stranger),
        other => return Err(format!("with an unknown root: {other:.200?}")),
    }
    let pid = rustix::process::Pid::from_raw(pid as i32).ok_or("no process")?;
    rustix::process::kill_process(pid, rustix::process::Signal::TERM).map_err(|error| error.to_string())?;
    loop {
        let event = tokio::time::timeout(PATIENCE, connection.next()).await.map_err(|_| "nothing came")?;
        match event.ok_or("the connection is over, and nobody said why")? {
            Event::Reset { reason, .. } if reason == "shutdown" => return Ok(time),
            Event::Reset { reason, .. } => return Err(format!("reset: {reason}")),
            _ => {}
        }
    }
}

/// The bytes of a certificate that is written as text (RFC 7468).
fn der(pem: &str) -> Result<Vec<u8>> {
    use base64::Engine;
    let text: String = pem.lines().filter(|line| !line.starts_with('-')).collect();
    base64::engine::general_purpose::STANDARD.decode(text).map_err(|error| error.to_string())
}

/// Round trips from the moment at which the client learns of a reset until a message has come back, on a path of 100 ms;
/// the median of five. The random wait before the try, which keeps crowds apart, is left out.
async fn recovery(gateway: u16) -> Result<f64> {
    const RTT: f64 = 0.1;
    let text = |error: std::io::Error| error.to_string();
    let plan = lab::plan::ChaosPlan::parse("[[faults]]\nkind = \"delay\"\none_way_ms = 50\njitter_ms = 0\n")
        .map_err(|error| format!("{error:?}"))?;
    let upstream = SocketAddr::from((Ipv4Addr::LOCALHOST, gateway));
    let relay =
        lab::chaos::run(SocketAddr::from((Ipv4Addr::LOCALHOST, 0)), upstream, plan).await.map_err(text)?;
    let options = Options { mode: Mode::Keepwire, reconnect: Range { min: 0, max: 0 }, ..Options::default() };
    let mut connection =
        Connection::open(&format!("ws://{}/", relay.addr), options).map_err(|error| error.to_string())?;
    let mut times = Vec::new();
    connection.send(Message::Text("0".to_owned())).await.map_err(|error| error.to_string())?;
    let mut down_at = None;
    while times.len() < 5 {
        let event = tokio::time::timeout(PATIENCE, connection.next()).await.map_err(|_| "nothing came")?;
        match event.ok_or("the connection is over")? {
            Event::Message(_) => {
                if let Some(at) = down_at.take() {
                    times.push(Instant::elapsed(&at).as_secs_f64());
                }
                relay.cut_all();
            }
            Event::Down { .. } => {
                down_at = Some(Instant::now());
                connection
                    .send(Message::Text("again".to_owned()))
                    .await
                    .map_err(|error| error.to_string())?;
            }
            Event::Up { .. } => {}
            other => return Err(format!("{other:.200?}")),
        }
    }
    times.sort_by(f64::total_cmp);
    Ok(times[2] / RTT)
}
