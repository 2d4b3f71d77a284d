//! Pipes in memory in place of sockets: the same endpoints, and a path with faults, in virtual time.

use crate::connection::Connection;
use crate::endpoints;
use faults::{Direction, End, Input, Output, Party, Path, Plan};
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, DuplexStream, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::{Instant, sleep_until};

/// Bytes that a pipe holds, as a socket's buffers would.
const CAPACITY: usize = 256 * 1024;

/// One end of a connection in memory. Unlike a bare duplex stream it can be reset.
#[derive(Debug)]
pub struct Pipe {
    inner: DuplexStream,
    /// The other end reset the connection.
    was_reset: Arc<AtomicBool>,
    /// This end did.
    reset: Arc<AtomicBool>,
}

/// Two ends of one connection.
#[must_use]
pub fn pair() -> (Pipe, Pipe) {
    let (one, other) = tokio::io::duplex(CAPACITY);
    let (first, second) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicBool::new(false)));
    let end = |inner, was_reset: &Arc<AtomicBool>, reset: &Arc<AtomicBool>| Pipe {
        inner,
        was_reset: Arc::clone(was_reset),
        reset: Arc::clone(reset),
    };
    (end(one, &first, &second), end(other, &second, &first))
}

/// A client's end of a connection to the endpoint `name`, through the faults of `plan`. The endpoint plays until
/// the connection ends.
///
/// # Errors
/// An unknown name.
pub fn connect(name: &str, plan: &Plan) -> io::Result<Pipe> {
    let endpoint = endpoints::find(name).ok_or_else(|| {
        io::Error::new(io::ErrorKind::InvalidInput, format!("the lab has no endpoint `{name}`"))
    })?;
    let (client, near) = pair();
    let (far, server) = pair();
    let plan = plan.clone();
    tokio::spawn(async move { carry(near, far, &plan).await });
    tokio::spawn(async move {
        let peer = SocketAddr::from((Ipv4Addr::LOCALHOST, 1));
        // What peers do to a connection is no error of the lab.
        let _ = endpoint.play(Connection::new(Wire::Pipe(server), peer)).await;
    });
    Ok(client)
}

/// Carries bytes both ways through the faults.
async fn carry(near: Pipe, far: Pipe, plan: &Plan) {
    let opened = Instant::now();
    let now = || u64::try_from(opened.elapsed().as_millis()).unwrap_or(u64::MAX);
    let mut path = Path::new(plan, 0);
    let (reset_near, reset_far) = (Arc::clone(&near.reset), Arc::clone(&far.reset));
    let (near_was_reset, far_was_reset) = (Arc::clone(&near.was_reset), Arc::clone(&far.was_reset));
    let (mut from_client, mut to_client) = tokio::io::split(near);
    let (mut from_server, mut to_server) = tokio::io::split(far);
    let (mut client_bytes, mut server_bytes) = (vec![0; 16 * 1024], vec![0; 16 * 1024]);
    let (mut client_open, mut server_open) = (true, true);
    loop {
        while let Some(output) = path.poll(now()) {
            // A side that is gone takes nothing more; its own end is read below.
            let _ = match output {
                Output::Chunk { direction: Direction::ToServer, bytes } => to_server.write_all(&bytes).await,
                Output::Chunk { direction: Direction::ToClient, bytes } => to_client.write_all(&bytes).await,
                Output::Eof { direction: Direction::ToServer } => {
                    reset_far.fetch_or(near_was_reset.load(Ordering::Relaxed), Ordering::Relaxed);
                    to_server.shutdown().await
                }
                Output::Eof { direction: Direction::ToClient } => {
                    reset_near.fetch_or(far_was_reset.load(Ordering::Relaxed), Ordering::Relaxed);
                    to_client.shutdown().await
                }
                Output::EndOne { party, end } => {
                    let (told, reset) = match party {
                        Party::Client => (&mut to_client, &reset_near),
                        Party::Server => (&mut to_server, &reset_far),
                    };
                    reset.store(end == End::Reset, Ordering::Relaxed);
                    told.shutdown().await
                }
                Output::End(end) => {
                    reset_near.store(end == End::Reset, Ordering::Relaxed);
                    reset_far.store(end == End::Reset, Ordering::Relaxed);
                    return;
                }
            };
        }
        if !client_open && !server_open && path.deadline().is_none() {
            return;
        }
        let deadline = path.deadline().map(|at| opened + Duration::from_millis(at));
        let to_server = path.room(Direction::ToServer, CAPACITY).min(client_bytes.len());
        let to_client = path.room(Direction::ToClient, CAPACITY).min(server_bytes.len());
        tokio::select! {
            length = from_client.read(&mut client_bytes[..to_server]), if client_open && to_server > 0 => {
                path.handle(now(), arrived(Direction::ToServer, &client_bytes, length, &mut client_open));
            }
            length = from_server.read(&mut server_bytes[..to_client]), if server_open && to_client > 0 => {
                path.handle(now(), arrived(Direction::ToClient, &server_bytes, length, &mut server_open));
            }
            () = sleep_until(deadline.unwrap_or(opened)), if deadline.is_some() => {}
        }
    }
}

/// A failed read ends the direction as its end does: the other side must learn that nothing more comes.
pub(crate) fn arrived(
    direction: Direction,
    bytes: &[u8],
    length: io::Result<usize>,
    open: &mut bool,
) -> Input {
    match length {
        Ok(length) if length > 0 => Input::Chunk { direction, bytes: bytes[..length].to_vec() },
        _ => {
            *open = false;
            Input::Eof { direction }
        }
    }
}

impl Pipe {
    /// Ends the connection by a reset.
    pub(crate) fn reset(self) {
        self.reset.store(true, Ordering::Relaxed);
    }
}

impl AsyncRead for Pipe {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buf.filled().len();
        let result = Pin::new(&mut self.inner).poll_read(cx, buf);
        let ended = matches!(result, Poll::Ready(Ok(()))) && buf.filled().len() == before;
        if ended && self.was_reset.load(Ordering::Relaxed) {
            return Poll::Ready(Err(io::ErrorKind::ConnectionReset.into()));
        }
        result
    }
}

impl AsyncWrite for Pipe {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.inner).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_shutdown(cx)
    }
}

/// What an endpoint speaks over.
#[derive(Debug)]
pub(crate) enum Wire {
    Tcp(TcpStream),
    Pipe(Pipe),
}

impl AsyncRead for Wire {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Tcp(stream) => Pin::new(stream).poll_read(cx, buf),
            Self::Pipe(pipe) => Pin::new(pipe).poll_read(cx, buf),
        }
    }
}

impl AsyncWrite for Wire {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Self::Tcp(stream) => Pin::new(stream).poll_write(cx, bytes),
            Self::Pipe(pipe) => Pin::new(pipe).poll_write(cx, bytes),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Tcp(stream) => Pin::new(stream).poll_flush(cx),
            Self::Pipe(pipe) => Pin::new(pipe).poll_flush(cx),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Tcp(stream) => Pin::new(stream).poll_shutdown(cx),
            Self::Pipe(pipe) => Pin::new(pipe).poll_shutdown(cx),
        }
    }
}
