//! How long a check takes: beside other tools on the same server in the same run, and in round trips over a
//! slow link. Machines are noisy, so medians and ratios are printed, and nothing fails by being slow.

mod lint;
mod logs;
mod relay;
mod survive;

use crate::e2e;
use crate::root;
use std::io::Write;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// Runs of each tool.
const RUNS: usize = 41;
/// Runs over large inputs.
const RUNS_OF_LARGE: usize = 5;
/// Round-trip time of the slow link.
const RTT_MS: u64 = 100;

pub(crate) fn run(arguments: &[String]) -> Result<(), String> {
    let what = arguments.first().map(String::as_str);
    let program = build()?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
        .map_err(|e| e.to_string())?;
    match what {
        Some("check") => check(&program, &runtime),
        Some("rtt") => rtt(&program, &runtime),
        Some("lint") => lint::lint(&program),
        Some("relay") => relay::relay(&program),
        Some("survive") => survive::survive(&program, &runtime),
        Some("read") => logs::read(&program),
        _ => Err("usage: cargo xtask bench check|rtt|lint|read|relay|survive".to_owned()),
    }
}

fn build() -> Result<PathBuf, String> {
    let built = Command::new("cargo")
        .args(["build", "--release", "--quiet", "--package", "keepwire"])
        .current_dir(root())
        .status()
        .map_err(|error| format!("cargo: {error}"))?;
    if !built.success() {
        return Err("the program does not build".to_owned());
    }
    Ok(root().join("target/release/keepwire"))
}

fn local() -> SocketAddr {
    SocketAddr::from((Ipv4Addr::LOCALHOST, 0))
}

/// What one run of a program took.
struct Took {
    time: Duration,
    peak_kib: u64,
}

fn time(program: &Path, arguments: &[String]) -> Result<Took, String> {
    let began = Instant::now();
    let mut child = Command::new(program)
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .env("NO_PROXY", "*")
        .spawn()
        .map_err(|error| format!("{}: {error}", program.display()))?;
    if let Some(mut input) = child.stdin.take() {
        // websocat sends it, the others ignore it.
        let _ = input.write_all(b"x\n");
    }
    let peak_kib = e2e::wait_with_peak(child)?;
    Ok(Took { time: began.elapsed(), peak_kib })
}

fn median(mut times: Vec<Duration>) -> Duration {
    times.sort_unstable();
    times.get(times.len() / 2).copied().unwrap_or_default()
}

/// A whole healthy check, beside one handshake by curl and by websocat.
fn check(program: &Path, runtime: &tokio::runtime::Runtime) -> Result<(), String> {
    let server =
        runtime.block_on(lab::endpoint::serve(local(), "healthy")).map_err(|error| error.to_string())?;
    let (http, ws) = (format!("http://{}/", server.addr), format!("ws://{}/", server.addr));
    let words = |text: &str| text.split(' ').map(str::to_owned).collect::<Vec<_>>();
    let curl = words(&format!(
        "-s -o /dev/null --max-time 0.05 -H Connection:Upgrade -H Upgrade:websocket -H Sec-WebSocket-Version:13 -H Sec-WebSocket-Key:dGhlIHNhbXBsZSBub25jZQ== {http}"
    ));
    let mut tools = vec![
        ("keepwire check", program.to_path_buf(), words(&format!("check {ws} --format json"))),
        ("curl (until its time-out of 50 ms)", PathBuf::from("curl"), curl),
    ];
    if let Some(websocat) = e2e::websocat() {
        tools.push(("websocat -1 (one message)", websocat, words(&format!("-1 {ws}"))));
    }
    let mut times: Vec<Vec<Duration>> = vec![Vec::new(); tools.len()];
    let mut peaks = vec![0; tools.len()];
    // In turn, so that a busy moment of the machine meets all of them.
    for _ in 0..RUNS {
        for (index, (_, tool, arguments)) in tools.iter().enumerate() {
            let took = time(tool, arguments)?;
            times[index].push(took.time);
            peaks[index] = peaks[index].max(took.peak_kib);
        }
    }
    let own = median(times[0].clone());
    println!("{RUNS} runs each, in turn, one healthy server on loopback; whole process\n");
    println!("{:36} {:>10} {:>8} {:>10}", "", "median", "ratio", "memory");
    for (index, (name, ..)) in tools.iter().enumerate() {
        let own_time = median(times[index].clone());
        let ratio = own.as_secs_f64() / own_time.as_secs_f64();
        println!(
            "{name:36} {:>7.1} ms {ratio:>8.2} {:>6.1} MiB",
            own_time.as_secs_f64() * 1000.0,
            peaks[index] as f64 / 1024.0
        );
    }
    let size = std::fs::metadata(program).map_err(|error| error.to_string())?.len();
    println!("\nbinary, stripped: {:.1} MiB", size as f64 / 1024.0 / 1024.0);
    Ok(())
}

/// Round trips over a link of 100 ms: what a check costs far away from its server.
fn rtt(program: &Path, runtime: &tokio::runtime::Runtime) -> Result<(), String> {
    println!("link of {RTT_MS} ms round-trip time; `round trips` is the whole check divided by it\n");
    println!("{:44} {:>9} {:>12}", "", "median", "round trips");
    for deployment in e2e::slow_link_deployments()? {
        let relay = runtime
            .block_on(lab::proxy::delaying_relay(local(), deployment.address, RTT_MS))
            .map_err(|error| error.to_string())?;
        let mut arguments = deployment.arguments.clone();
        arguments.extend(["--resolve".to_owned(), format!("{}:*:127.0.0.1", deployment.host)]);
        let scheme = if deployment.secure { "wss" } else { "ws" };
        let url = format!("{scheme}://{}:{}/ws", deployment.host, relay.addr.port());
        let mut all = vec!["check".to_owned(), url, "--format".to_owned(), "json".to_owned()];
        all.extend(arguments);
        let mut times = Vec::new();
        for _ in 0..5 {
            times.push(time(program, &all)?.time);
        }
        let took = median(times);
        println!(
            "{:44} {:>6.0} ms {:>12.1}",
            deployment.name,
            took.as_secs_f64() * 1000.0,
            took.as_secs_f64() * 1000.0 / RTT_MS as f64
        );
    }
    Ok(())
}
