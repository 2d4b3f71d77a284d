//! Things that stand between a client and a server: a proxy that strips the upgrade, and a relay with faults.

use crate::connection::Connection;
use crate::endpoint::{Running, accept_each};
use crate::head::head_end;
use crate::pipe::arrived;
use faults::{Delay, Direction, End, Fault, Output, Path, Plan};
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::sync::{Notify, mpsc};
use tokio::time::{Instant, sleep_until, timeout};

const RESPONSE_HEAD_LIMIT: usize = 256 * 1024;

/// Bytes in flight each way before a relay stops reading.
const WINDOW: usize = 4 << 20;

/// An HTTP proxy that forwards a request without `Upgrade` and `Connection`, as one does that nobody told about
/// WebSockets, and that names itself `keepwire-demo-proxy`.
///
/// # Errors
/// What binding the address returned.
pub async fn stripping_proxy(listen: SocketAddr, upstream: SocketAddr) -> io::Result<Running> {
    accept_each(listen, move |connection| strip(connection, upstream)).await
}

/// A TCP relay that adds half of `rtt_ms` each way; connections are accepted at once.
///
/// # Errors
/// What binding the address returned.
pub async fn delaying_relay(listen: SocketAddr, upstream: SocketAddr, rtt_ms: u64) -> io::Result<Running> {
    let delay = Fault::Delay(Delay { one_way_ms: rtt_ms / 2, jitter_ms: 0 });
    faulty_relay(listen, upstream, Plan { faults: vec![delay], seed: 0 }).await
}

/// A TCP relay that runs each connection through the faults of `plan`.
///
/// # Errors
/// What binding the address returned.
pub async fn faulty_relay(listen: SocketAddr, upstream: SocketAddr, plan: Plan) -> io::Result<Running> {
    let plan = Arc::new(plan);
    accept_each(listen, move |connection| {
        let plan = Arc::clone(&plan);
        async move { relay(connection, upstream, &plan).await }
    })
    .await
}

async fn strip(mut connection: Connection, upstream: SocketAddr) -> io::Result<()> {
    let server = ("Server", "keepwire-demo-proxy");
    let Some(head) = connection.request().await? else { return Ok(()) };
    let Ok(Ok(mut backend)) = timeout(Duration::from_secs(5), TcpStream::connect(upstream)).await else {
        return connection.respond("502 Bad Gateway", &[server], "the backend cannot be reached\n").await;
    };
    let mut request = format!("{} {} HTTP/1.1\r\n", head.method, head.target);
    for (name, value) in &head.headers {
        if !["upgrade", "connection"].contains(&name.to_ascii_lowercase().as_str()) {
            request += &format!("{name}: {value}\r\n");
        }
    }
    request += &format!("X-Forwarded-For: {}\r\nConnection: close\r\n\r\n", connection.peer.ip());
    backend.write_all(request.as_bytes()).await?;
    let mut response = Vec::new();
    let end = loop {
        if let Some(end) = head_end(&response, 0) {
            break end;
        }
        if response.len() > RESPONSE_HEAD_LIMIT || backend.read_buf(&mut response).await? == 0 {
            return connection.respond("502 Bad Gateway", &[server], "the backend gave no answer\n").await;
        }
    };
    let lines = String::from_utf8_lossy(&response[..end - 2]).into_owned();
    let mut answer = String::new();
    for line in lines.split_inclusive("\r\n").filter(|line| !line.to_ascii_lowercase().starts_with("server:"))
    {
        answer += line;
    }
    answer += "Server: keepwire-demo-proxy\r\n\r\n";
    connection.write(answer.as_bytes()).await?;
    connection.write(&response[end..]).await?;
    let mut body = vec![0; 16 * 1024];
    loop {
        match backend.read(&mut body).await? {
            0 => return connection.finish().await,
            length => connection.write(&body[..length]).await?,
        }
    }
}

/// What a writer task is told to do; the number of bytes in it is counted by [`Lane::unwritten`].
enum Write {
    Bytes(Vec<u8>),
    Eof,
}

/// The way out in one direction.
struct Lane {
    commands: mpsc::UnboundedSender<Write>,
    /// Bounded because reading stops while it is high.
    unwritten: Arc<AtomicUsize>,
}

async fn relay(connection: Connection, upstream: SocketAddr, plan: &Plan) -> io::Result<()> {
    let Some(client) = connection.into_socket() else { return Ok(()) };
    let server = TcpStream::connect(upstream).await?;
    server.set_nodelay(true)?;
    let opened = Instant::now();
    let now_ms = || u64::try_from(opened.elapsed().as_millis()).unwrap_or(u64::MAX);
    let mut path = Path::new(plan, 0);
    let (mut from_client, to_client) = client.into_split();
    let (mut from_server, to_server) = server.into_split();
    let written = Arc::new(Notify::new());
    let mut writers = tokio::task::JoinSet::new();
    let to_server = start_writer(&mut writers, to_server, &written);
    let to_client = start_writer(&mut writers, to_client, &written);
    let (mut client_open, mut server_open) = (true, true);
    let (mut client_bytes, mut server_bytes) = (vec![0; 64 * 1024], vec![0; 64 * 1024]);
    let (mut server_told, mut client_told) = (false, false);
    loop {
        while let Some(output) = path.poll(now_ms()) {
            match output {
                Output::Chunk { direction: Direction::ToServer, bytes } => to_server.send(bytes),
                Output::Chunk { direction: Direction::ToClient, bytes } => to_client.send(bytes),
                Output::Eof { direction: Direction::ToServer } => server_told = to_server.end(),
                Output::Eof { direction: Direction::ToClient } => client_told = to_client.end(),
                Output::End(end) => {
                    to_server.end();
                    to_client.end();
                    drain(writers).await;
                    if end == End::Reset {
                        reset(&from_client);
                        reset(&from_server);
                    }
                    return Ok(());
                }
            }
        }
        if server_told && client_told {
            drain(writers).await;
            return Ok(());
        }
        let room = |lane: &Lane, direction| {
            path.waiting(direction) + lane.unwritten.load(Ordering::Relaxed) < WINDOW
        };
        let read_client = client_open && room(&to_server, Direction::ToServer);
        let read_server = server_open && room(&to_client, Direction::ToClient);
        let deadline = path.deadline().map(|at| opened + Duration::from_millis(at));
        tokio::select! {
            length = from_client.read(&mut client_bytes), if read_client => {
                let input = arrived(Direction::ToServer, &client_bytes, length, &mut client_open);
                path.handle(now_ms(), input);
            }
            length = from_server.read(&mut server_bytes), if read_server => {
                let input = arrived(Direction::ToClient, &server_bytes, length, &mut server_open);
                path.handle(now_ms(), input);
            }
            () = sleep_until(deadline.unwrap_or(opened)), if deadline.is_some() => {}
            () = written.notified() => {}
        }
    }
}

impl Lane {
    fn send(&self, bytes: Vec<u8>) {
        self.unwritten.fetch_add(bytes.len(), Ordering::Relaxed);
        let _ = self.commands.send(Write::Bytes(bytes));
    }

    fn end(&self) -> bool {
        let _ = self.commands.send(Write::Eof);
        true
    }
}

fn start_writer(
    writers: &mut tokio::task::JoinSet<()>,
    mut stream: OwnedWriteHalf,
    written: &Arc<Notify>,
) -> Lane {
    let (commands, mut inbox) = mpsc::unbounded_channel();
    let unwritten = Arc::new(AtomicUsize::new(0));
    let (count, written) = (Arc::clone(&unwritten), Arc::clone(written));
    writers.spawn(async move {
        while let Some(Write::Bytes(bytes)) = inbox.recv().await {
            // The reader of the other side learns of a failure by itself.
            let _ = stream.write_all(&bytes).await;
            count.fetch_sub(bytes.len(), Ordering::Relaxed);
            written.notify_one();
        }
        let _ = stream.shutdown().await;
    });
    Lane { commands, unwritten }
}

async fn drain(mut writers: tokio::task::JoinSet<()>) {
    let _ = timeout(Duration::from_secs(5), async { while writers.join_next().await.is_some() {} }).await;
}

fn reset(stream: &OwnedReadHalf) {
    let _ = socket2::SockRef::from(stream.as_ref()).set_linger(Some(Duration::ZERO));
}
