//! Things that stand between a client and a server: a proxy that strips the upgrade, and relays with faults.

use crate::chaos;
use crate::connection::Connection;
use crate::endpoint::{Running, accept_each};
use crate::head::head_end;
use crate::pipe::Wire;
use crate::plan::ChaosPlan;
use faults::{Delay, Fault, Plan};
use std::io;
use std::net::SocketAddr;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt, ReadHalf};
use tokio::net::TcpStream;
use tokio::net::tcp::OwnedWriteHalf;
use tokio::time::timeout;

const RESPONSE_HEAD_LIMIT: usize = 256 * 1024;

/// How long a client may take to end its direction after the whole answer has been written.
const LINGER: Duration = Duration::from_secs(2);

/// An HTTP proxy that forwards a request without `Upgrade` and `Connection`, as one does that nobody told about
/// WebSockets, and that names itself `keepwire-demo-proxy`. Bodies pass both ways as they come.
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
pub async fn delaying_relay(
    listen: SocketAddr,
    upstream: SocketAddr,
    rtt_ms: u64,
) -> io::Result<chaos::Running> {
    let delay = Fault::Delay(Delay { one_way_ms: rtt_ms / 2, jitter_ms: 0 });
    faulty_relay(listen, upstream, Plan { faults: vec![delay], seed: 0 }).await
}

/// A TCP relay that runs each connection through the faults of `plan`.
///
/// # Errors
/// What binding the address returned.
pub async fn faulty_relay(
    listen: SocketAddr,
    upstream: SocketAddr,
    plan: Plan,
) -> io::Result<chaos::Running> {
    chaos::run(listen, upstream, ChaosPlan { faults: plan, strip_upgrade: false }).await
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
    let (rest, client) = connection.into_wire();
    backend.write_all(&rest).await?;
    let (mut from_backend, mut to_backend) = backend.into_split();
    let (mut from_client, mut to_client) = tokio::io::split(client);
    let mut up = std::pin::pin!(forward(&mut from_client, &mut to_backend));
    let down = async {
        let mut response = Vec::new();
        let end = loop {
            if let Some(end) = head_end(&response, 0) {
                break end;
            }
            if response.len() > RESPONSE_HEAD_LIMIT || from_backend.read_buf(&mut response).await? == 0 {
                let text = "the backend gave no answer\n";
                let head = format!(
                    "HTTP/1.1 502 Bad Gateway\r\nServer: keepwire-demo-proxy\r\nContent-Length: {}\r\n\
                     Connection: close\r\n\r\n{text}",
                    text.len()
                );
                to_client.write_all(head.as_bytes()).await?;
                return to_client.shutdown().await;
            }
        };
        let lines = String::from_utf8_lossy(&response[..end - 2]).into_owned();
        let others = |line: &&str| !line.to_ascii_lowercase().starts_with("server:");
        let mut answer: String = lines.split_inclusive("\r\n").filter(others).collect();
        answer += "Server: keepwire-demo-proxy\r\n\r\n";
        to_client.write_all(answer.as_bytes()).await?;
        to_client.write_all(&response[end..]).await?;
        let mut body = vec![0; 16 * 1024];
        loop {
            match from_backend.read(&mut body).await? {
                0 => return to_client.shutdown().await,
                length => to_client.write_all(&body[..length]).await?,
            }
        }
    };
    let mut client_ended = false;
    let never = async {
        up.as_mut().await;
        client_ended = true;
        std::future::pending().await
    };
    tokio::select! {
        answered = down => answered?,
        () = never => {}
    }
    // The client may still be sending: see `Connection::finish`.
    if !client_ended {
        let _ = timeout(LINGER, up).await;
    }
    Ok(())
}

/// Passes on the rest of a request until the client ends it; a backend that takes no more is no reason to stop
/// reading.
async fn forward(from: &mut ReadHalf<Wire>, to: &mut OwnedWriteHalf) {
    let mut bytes = vec![0; 16 * 1024];
    let mut takes = true;
    while let Ok(length @ 1..) = from.read(&mut bytes).await {
        takes = takes && to.write_all(&bytes[..length]).await.is_ok();
    }
    let _ = to.shutdown().await;
}
