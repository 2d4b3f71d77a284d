//! Starting an endpoint by name, and stopping it.

use crate::connection::Connection;
use crate::endpoints;
use crate::pipe::Wire;
use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::sync::Semaphore;
use tokio::task::{JoinHandle, JoinSet};

/// Connections that one endpoint holds at once; more wait in the kernel's backlog.
const CONNECTIONS: usize = 4096;

/// No connection of the lab outlives this, whatever its peer does.
const LONGEST_LIFE: Duration = Duration::from_secs(4 * 3600);

/// An endpoint that runs until this is stopped or dropped.
#[derive(Debug)]
pub struct Running {
    /// Where it listens; the port is real even if 0 was asked for.
    pub addr: SocketAddr,
    task: JoinHandle<()>,
}

impl Running {
    /// Ends the endpoint and all its connections.
    pub fn stop(self) {}

    /// Waits for ever, or until the listener fails: for programs that do nothing else.
    pub async fn wait(mut self) {
        let _ = (&mut self.task).await;
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// All names with one sentence each. `N` in a name stands for whole seconds, as in `idle-cut-60`.
pub fn names() -> &'static [(&'static str, &'static str)] {
    endpoints::names()
}

/// Serves the endpoint `name` on `listen`.
///
/// # Errors
/// An unknown name (`InvalidInput`), or what binding the address returned.
pub async fn serve(listen: SocketAddr, name: &str) -> io::Result<Running> {
    let behaviour = Arc::new(endpoints::find(name).ok_or_else(|| {
        io::Error::new(io::ErrorKind::InvalidInput, format!("the lab has no endpoint `{name}`"))
    })?);
    accept_each(listen, move |connection| {
        let behaviour = Arc::clone(&behaviour);
        async move { behaviour.play(connection).await }
    })
    .await
}

/// Runs `play` for each connection, as a task that ends with the returned [`Running`].
pub(crate) async fn accept_each<P, F>(listen: SocketAddr, play: P) -> io::Result<Running>
where
    P: Fn(Connection) -> F + Send + 'static,
    F: Future<Output = io::Result<()>> + Send + 'static,
{
    let listener = TcpListener::bind(listen).await?;
    let addr = listener.local_addr()?;
    let seats = Arc::new(Semaphore::new(CONNECTIONS));
    let task = tokio::spawn(async move {
        // Dropping the set ends every connection in it.
        let mut connections = JoinSet::new();
        while let Ok(seat) = Arc::clone(&seats).acquire_owned().await {
            let Ok((stream, peer)) = listener.accept().await else {
                // Out of file handles, most likely: try again when some may have been given back.
                tokio::time::sleep(Duration::from_millis(50)).await;
                continue;
            };
            while connections.try_join_next().is_some() {}
            let played = play(Connection::new(Wire::Tcp(stream), peer));
            connections.spawn(async move {
                // What peers do to a connection is no error of the lab.
                let _ = tokio::time::timeout(LONGEST_LIFE, played).await;
                drop(seat);
            });
        }
    });
    Ok(Running { addr, task })
}
