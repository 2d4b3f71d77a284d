//! `cargo xtask bench relay`: plain clients through our gateway, nginx and HAProxy, one core each, in turn in the same
//! run. Clients and the backend behind share the other core, so what is compared is what a message costs each proxy:
//! messages a second of its own CPU. And the memory of connections that are silent.

use crate::e2e;
use crate::root;
use frame::{Header, Opcode, Parsed, accept_for, encode};
use std::fs;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// Connections that talk.
const TALKING: usize = 100;
/// Connections that are silent; twice as many files are open in each process, and 20,000 may be.
const SILENT: usize = 9000;
/// How long each measurement takes.
const SPAN: Duration = Duration::from_millis(1500);
/// Rounds; each proxy has its turn in each.
const ROUNDS: usize = 9;
/// Ticks of a second in /proc (proc(5), `sysconf(_SC_CLK_TCK)` on Linux).
const TICKS: f64 = 100.0;

pub(super) fn relay(program: &Path) -> Result<(), String> {
    e2e::install_for_bench()?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| error.to_string())?;
    pin_to(1)?;
    let folder = root().join("target/bench/relay");
    fs::create_dir_all(&folder).map_err(|error| error.to_string())?;
    runtime.block_on(measure(program, &folder))
}

/// The rest of this process runs on one core; children choose their own.
fn pin_to(core: usize) -> Result<(), String> {
    let mut set = rustix::thread::CpuSet::new();
    set.set(core);
    rustix::thread::sched_setaffinity(None, &set).map_err(|error| format!("core {core}: {error}"))
}

struct Proxy {
    name: &'static str,
    child: Child,
    address: SocketAddr,
}

impl Drop for Proxy {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

async fn measure(program: &Path, folder: &Path) -> Result<(), String> {
    let backend = backend().await?;
    println!("one core a proxy, clients and backend on the other; medians of {ROUNDS} rounds in turn\n");
    println!("{:10} {:>8} {:>14} {:>18} {:>8}", "", "message", "messages/s", "messages/CPU s", "ratio");
    for (size, label) in [(64, "64 B"), (65_536, "64 KiB")] {
        let proxies = start_all(program, folder, backend).await?;
        let mut seen: Vec<Vec<(f64, f64)>> = vec![Vec::new(); proxies.len()];
        for _ in 0..ROUNDS {
            for (index, proxy) in proxies.iter().enumerate() {
                seen[index].push(talk(proxy, size).await?);
            }
        }
        for (proxy, rounds) in proxies.iter().zip(&seen) {
            let rate = middle(rounds.iter().map(|one| one.0));
            let per_cpu = middle(rounds.iter().map(|one| one.1));
            // Against nginx in the same round: the machine may be another one in the next.
            let ratio = middle(rounds.iter().zip(&seen[1]).map(|(one, nginx)| one.1 / nginx.1));
            println!("{:10} {label:>8} {rate:>14.0} {per_cpu:>18.0} {ratio:>8.2}", proxy.name);
        }
    }
    println!("\n{:10} {:>22}", "", "bytes per silent pair");
    let proxies = start_all(program, folder, backend).await?;
    for proxy in &proxies {
        let before = anonymous(proxy.child.id())?;
        let mut held = Vec::with_capacity(SILENT);
        for _ in 0..SILENT {
            let mut stream = open(proxy.address).await?;
            say(&mut stream, 64).await?;
            held.push(stream);
        }
        let after = anonymous(proxy.child.id())?;
        println!("{:10} {:>22.0}", proxy.name, (after.saturating_sub(before)) as f64 / SILENT as f64);
    }
    Ok(())
}

fn middle(values: impl Iterator<Item = f64>) -> f64 {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

/// Bytes of memory that belong to the process alone.
fn anonymous(pid: u32) -> Result<u64, String> {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).map_err(|error| error.to_string())?;
    let line = status.lines().find_map(|line| line.strip_prefix("RssAnon:")).unwrap_or_default();
    let kib: u64 =
        line.trim().trim_end_matches(" kB").parse().map_err(|_| "RssAnon is missing".to_owned())?;
    Ok(kib * 1024)
}

/// Seconds of CPU that the process has used, all its threads.
fn cpu(pid: u32) -> Result<f64, String> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).map_err(|error| error.to_string())?;
    let after_name = stat.rsplit(')').next().unwrap_or_default();
    let fields: Vec<&str> = after_name.split_whitespace().collect();
    let ticks =
        |index: usize| fields.get(index).and_then(|field| field.parse::<f64>().ok()).unwrap_or_default();
    Ok((ticks(11) + ticks(12)) / TICKS)
}

async fn start_all(program: &Path, folder: &Path, backend: SocketAddr) -> Result<Vec<Proxy>, String> {
    let mut proxies = Vec::new();
    for name in ["keepwire", "nginx", "haproxy"] {
        let address = free().await?;
        let file = folder.join(format!("{name}.conf"));
        let words: Vec<String> = match name {
            "keepwire" => {
                let words = format!(
                    "{} gateway --listen {address} --upstream ws://{backend} --threads 1",
                    program.display()
                );
                words.split(' ').map(str::to_owned).collect()
            }
            "nginx" => {
                // Buffers as they are by default; the master's work is done by the one process.
                let text = format!(
                    "daemon off; master_process off; worker_rlimit_nofile 20000; pid {0}/nginx.pid; error_log stderr crit;\n\
                     events {{ worker_connections 19900; }}\n\
                     http {{ access_log off; server {{ listen {address} backlog=4096; location / {{\n\
                     proxy_pass http://{backend}; proxy_http_version 1.1; proxy_set_header Upgrade $http_upgrade;\n\
                     proxy_set_header Connection upgrade; proxy_read_timeout 1h; }} }} }}\n",
                    folder.display()
                );
                fs::write(&file, text).map_err(|error| error.to_string())?;
                vec![
                    "nginx".into(),
                    "-p".into(),
                    folder.display().to_string(),
                    "-c".into(),
                    file.display().to_string(),
                ]
            }
            _ => {
                let text = format!(
                    "global\n nbthread 1\n maxconn 9900\ndefaults\n mode http\n timeout connect 5s\n timeout client 1h\n \
                     timeout server 1h\n timeout tunnel 1h\nfrontend f\n bind {address} backlog 4096\n default_backend b\n\
                     backend b\n server s {backend}\n"
                );
                fs::write(&file, text).map_err(|error| error.to_string())?;
                vec!["haproxy".into(), "-f".into(), file.display().to_string()]
            }
        };
        let child = Command::new("prlimit")
            .args(["--nofile=20000:20000", "taskset", "-c", "0"])
            .args(words)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .map_err(|error| format!("{name}: {error}"))?;
        let proxy = Proxy { name, child, address };
        let until = Instant::now() + Duration::from_secs(10);
        while open(address).await.is_err() {
            if Instant::now() > until {
                return Err(format!("{name} does not start"));
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        proxies.push(proxy);
    }
    Ok(proxies)
}

async fn free() -> Result<SocketAddr, String> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.map_err(|error| error.to_string())?;
    listener.local_addr().map_err(|error| error.to_string())
}

/// Messages a second, and a second of the proxy's CPU: 100 clients, each with one message under way.
async fn talk(proxy: &Proxy, size: usize) -> Result<(f64, f64), String> {
    let mut streams = Vec::new();
    for _ in 0..TALKING {
        streams.push(open(proxy.address).await?);
    }
    let (began, used) = (Instant::now(), cpu(proxy.child.id())?);
    let until = began + SPAN;
    let tasks: Vec<_> = streams
        .into_iter()
        .map(|mut stream| {
            tokio::spawn(async move {
                let mut count = 0_u64;
                let (frame, mut answer) = (message(size), vec![0; answer_length(size)]);
                while Instant::now() < until {
                    stream.write_all(&frame).await.map_err(|error| error.to_string())?;
                    stream.read_exact(&mut answer).await.map_err(|error| error.to_string())?;
                    count += 1;
                }
                Ok::<_, String>(count)
            })
        })
        .collect();
    let mut count = 0;
    for task in tasks {
        count += task.await.map_err(|error| error.to_string())??;
    }
    let spent = cpu(proxy.child.id())? - used;
    Ok((count as f64 / began.elapsed().as_secs_f64(), count as f64 / spent.max(1.0 / TICKS)))
}

async fn say(stream: &mut TcpStream, size: usize) -> Result<(), String> {
    stream.write_all(&message(size)).await.map_err(|error| error.to_string())?;
    let mut answer = vec![0; answer_length(size)];
    stream.read_exact(&mut answer).await.map_err(|error| error.to_string())?;
    Ok(())
}

fn message(size: usize) -> Vec<u8> {
    let mut frame = Vec::new();
    encode(&mut frame, Opcode::Binary, &vec![b'x'; size], true, false, Some([1, 2, 3, 4]));
    frame
}

fn answer_length(size: usize) -> usize {
    size + Header::new(Opcode::Binary, size as u64, true, false, None).to_bytes().1
}

async fn open(address: SocketAddr) -> Result<TcpStream, String> {
    let text = |error: std::io::Error| error.to_string();
    let mut stream = TcpStream::connect(address).await.map_err(text)?;
    stream.set_nodelay(true).map_err(text)?;
    let head = format!(
        "GET /ws HTTP/1.1\r\nHost: {address}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
         Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
    );
    stream.write_all(head.as_bytes()).await.map_err(text)?;
    let mut answer = Vec::new();
    while !answer.ends_with(b"\r\n\r\n") {
        // Byte by byte: nothing of the first frame may be taken along.
        answer.push(stream.read_u8().await.map_err(text)?);
    }
    if answer.starts_with(b"HTTP/1.1 101") {
        Ok(stream)
    } else {
        Err(String::from_utf8_lossy(&answer).into_owned())
    }
}

/// Answers each message with one of the same size, and does nothing else.
async fn backend() -> Result<SocketAddr, String> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.map_err(|error| error.to_string())?;
    let address = listener.local_addr().map_err(|error| error.to_string())?;
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(async move {
                let _ = stream.set_nodelay(true);
                serve(stream).await
            });
        }
    });
    Ok(address)
}

async fn serve(mut stream: TcpStream) -> Option<()> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        stream.read_buf(&mut head).await.ok().filter(|read| *read > 0)?;
    }
    let text = String::from_utf8_lossy(&head).into_owned();
    let key = text.lines().find_map(|line| {
        let (name, value) = line.split_once(':')?;
        name.eq_ignore_ascii_case("sec-websocket-key").then(|| value.trim().to_owned())
    })?;
    let answer = format!(
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: {}\r\n\r\n",
        accept_for(&key)
    );
    stream.write_all(answer.as_bytes()).await.ok()?;
    let mut reply = Vec::new();
    let mut input = Vec::new();
    loop {
        if let Parsed::Complete { header, header_length } = Header::parse(&input) {
            let payload = header.payload_length as usize;
            if input.len() >= header_length + payload {
                if reply.len() != answer_length(payload) {
                    reply.clear();
                    encode(&mut reply, Opcode::Binary, &vec![b'x'; payload], true, false, None);
                }
                stream.write_all(&reply).await.ok()?;
                input.drain(..header_length + payload);
                // Silent connections hold nothing here, so that 9,000 of them fit beside the clients.
                if input.is_empty() && payload < 1024 {
                    input = Vec::new();
                    reply = Vec::new();
                }
                continue;
            }
        }
        stream.read_buf(&mut input).await.ok().filter(|read| *read > 0)?;
    }
}
