//! The only way to the world: connect, resolve, send a datagram. Tests put another world in its place.

use std::future::Future;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::pin::Pin;
use tokio::io::{AsyncRead, AsyncWrite};

/// A future without a name.
pub type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// Bytes in both directions.
pub trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Stream for T {}

/// A stream without a name.
pub type BoxStream = Box<dyn Stream>;

/// The network as a probe sees it.
pub trait Net: Send + Sync {
    /// Opens a TCP connection.
    ///
    /// # Errors
    /// What the system says.
    fn connect(&self, to: SocketAddr) -> BoxFuture<'_, io::Result<BoxStream>>;

    /// Asks the system's resolver for the addresses of a name.
    ///
    /// # Errors
    /// What the system says.
    fn resolve<'a>(&'a self, name: &'a str) -> BoxFuture<'a, io::Result<Vec<IpAddr>>>;

    /// Sends a datagram and waits for one answer from there.
    ///
    /// # Errors
    /// What the system says.
    fn datagram(&self, to: SocketAddr, request: Vec<u8>) -> BoxFuture<'_, io::Result<Vec<u8>>>;

    /// Whether this machine has a route to an address; nothing is sent.
    fn has_route(&self, to: IpAddr) -> bool;
}

/// The operating system's network.
#[derive(Debug, Default, Clone, Copy)]
pub struct SystemNet;

impl Net for SystemNet {
    fn connect(&self, to: SocketAddr) -> BoxFuture<'_, io::Result<BoxStream>> {
        Box::pin(async move {
            let stream = tokio::net::TcpStream::connect(to).await?;
            // Small frames must not wait for each other; round trips are what we measure.
            stream.set_nodelay(true)?;
            Ok(Box::new(stream) as BoxStream)
        })
    }

    fn resolve<'a>(&'a self, name: &'a str) -> BoxFuture<'a, io::Result<Vec<IpAddr>>> {
        Box::pin(async move {
            let mut addresses = Vec::new();
            for address in tokio::net::lookup_host((name, 0)).await? {
                if !addresses.contains(&address.ip()) {
                    addresses.push(address.ip());
                }
            }
            Ok(addresses)
        })
    }

    fn datagram(&self, to: SocketAddr, request: Vec<u8>) -> BoxFuture<'_, io::Result<Vec<u8>>> {
        Box::pin(async move {
            let here: SocketAddr =
                if to.is_ipv4() { ([0, 0, 0, 0], 0).into() } else { ([0_u16; 8], 0).into() };
            let socket = tokio::net::UdpSocket::bind(here).await?;
            socket.connect(to).await?;
            socket.send(&request).await?;
            let mut buffer = vec![0; 4096];
            let length = socket.recv(&mut buffer).await?;
            buffer.truncate(length);
            Ok(buffer)
        })
    }

    fn has_route(&self, to: IpAddr) -> bool {
        // Connecting a datagram socket asks the routing table and sends nothing.
        let here: SocketAddr = if to.is_ipv4() { ([0, 0, 0, 0], 0).into() } else { ([0_u16; 8], 0).into() };
        std::net::UdpSocket::bind(here).and_then(|socket| socket.connect((to, 443))).is_ok()
    }
}
