//! A world in memory, for tests: peers that play a script, behind pipes instead of sockets, in paused time.
//!
//! What nobody serves refuses; an address without a route says so at once, and a silent one never answers. Time
//! moves only when everybody waits, so a test of minutes runs in milliseconds and gives the same times each run.

use crate::net::{BoxFuture, BoxStream, Net};
use crate::{Probe, Settings, Sight};
use evidence::{Case, Fact, Question, Target};
use std::collections::BTreeMap;
use std::future::Future;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, ready};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, DuplexStream, ReadBuf};
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep};

/// Bytes that fit into one direction of a connection, as into the buffers of two kernels.
const PIPE: usize = 64 * 1024;

/// What a connection attempt comes to.
#[derive(Clone)]
enum Way {
    Peer(Arc<dyn Fn(Peer) -> BoxFuture<'static, ()> + Send + Sync>),
    Error(io::ErrorKind),
    Silence,
}

/// The network.
#[derive(Default)]
pub(crate) struct World {
    ways: BTreeMap<SocketAddr, (Duration, Way)>,
    names: BTreeMap<String, Vec<IpAddr>>,
    dialed: Mutex<Vec<(SocketAddr, Duration)>>,
    began: Mutex<Option<Instant>>,
}

impl World {
    pub(crate) fn new() -> Self {
        Self::default()
    }

    /// At this address somebody plays this script with each connection.
    pub(crate) fn serve<F>(mut self, at: &str, play: impl Fn(Peer) -> F + Send + Sync + 'static) -> Self
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let way = Way::Peer(Arc::new(move |peer| Box::pin(play(peer))));
        self.ways.insert(at.parse().expect("an address"), (Duration::ZERO, way));
        self
    }

    /// Connections to this address fail so, after this time.
    pub(crate) fn fails(mut self, at: &str, after: Duration, kind: io::ErrorKind) -> Self {
        self.ways.insert(at.parse().expect("an address"), (after, Way::Error(kind)));
        self
    }

    /// Nothing ever comes back from this address.
    pub(crate) fn silent(mut self, at: &str) -> Self {
        self.ways.insert(at.parse().expect("an address"), (Duration::ZERO, Way::Silence));
        self
    }

    /// This name has these addresses.
    pub(crate) fn name(mut self, name: &str, addresses: &[&str]) -> Self {
        let addresses = addresses.iter().map(|text| text.parse().expect("an address")).collect();
        self.names.insert(name.to_owned(), addresses);
        self
    }

    /// Connection attempts so far: where to, and when since the first one.
    pub(crate) fn dialed(&self) -> Vec<(SocketAddr, Duration)> {
        self.dialed.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Net for World {
    fn connect(&self, to: SocketAddr) -> BoxFuture<'_, io::Result<BoxStream>> {
        let began = *self.began.lock().expect("the lock").get_or_insert_with(Instant::now);
        self.dialed.lock().expect("the lock").push((to, began.elapsed()));
        let (after, way) = self
            .ways
            .get(&to)
            .cloned()
            .unwrap_or((Duration::ZERO, Way::Error(io::ErrorKind::ConnectionRefused)));
        Box::pin(async move {
            sleep(after).await;
            match way {
                Way::Error(kind) => Err(kind.into()),
                Way::Silence => std::future::pending().await,
                Way::Peer(play) => {
                    let (here, there) = tokio::io::duplex(PIPE);
                    let reset = Arc::new(AtomicBool::new(false));
                    tokio::spawn(play(Peer { stream: there, reset: Arc::clone(&reset) }));
                    Ok(Box::new(Pipe { stream: here, reset }) as BoxStream)
                }
            }
        })
    }

    fn resolve<'a>(&'a self, name: &'a str) -> BoxFuture<'a, io::Result<Vec<IpAddr>>> {
        let found = self.names.get(name).cloned();
        Box::pin(async move { found.ok_or_else(|| io::Error::other("Name or service not known")) })
    }

    fn datagram(&self, _: SocketAddr, _: Vec<u8>) -> BoxFuture<'_, io::Result<Vec<u8>>> {
        Box::pin(std::future::pending())
    }

    fn has_route(&self, to: IpAddr) -> bool {
        self.ways.keys().any(|address| address.is_ipv4() == to.is_ipv4())
    }
}

/// The other end of a connection.
pub(crate) struct Peer {
    pub stream: DuplexStream,
    reset: Arc<AtomicBool>,
}

/// The probe's end: a pipe that can also end by a reset.
struct Pipe {
    stream: DuplexStream,
    reset: Arc<AtomicBool>,
}

impl AsyncRead for Pipe {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buf.filled().len();
        let result = ready!(Pin::new(&mut self.stream).poll_read(cx, buf));
        let ended = buf.filled().len() == before;
        if ended && self.reset.load(Ordering::SeqCst) {
            return Poll::Ready(Err(io::ErrorKind::ConnectionReset.into()));
        }
        Poll::Ready(result)
    }
}

impl AsyncWrite for Pipe {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

impl Peer {
    /// Reads a head; gives it with its empty line, or what came before the end.
    pub(crate) async fn head(&mut self) -> String {
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            match self.stream.read_u8().await {
                Ok(byte) => head.push(byte),
                Err(_) => break,
            }
        }
        String::from_utf8(head).expect("the probe speaks ASCII")
    }

    /// Reads exactly so many bytes.
    pub(crate) async fn bytes(&mut self, length: usize) -> Vec<u8> {
        let mut bytes = vec![0; length];
        self.stream.read_exact(&mut bytes).await.expect("the probe sends as much");
        bytes
    }

    /// Sends; whether it arrives is the probe's business.
    pub(crate) async fn send(&mut self, bytes: impl AsRef<[u8]>) {
        let _ = self.stream.write_all(bytes.as_ref()).await;
    }

    /// Reads a handshake, and accepts it with these headers besides those that must be.
    pub(crate) async fn accept(&mut self, more: &str) -> String {
        let head = self.head().await;
        let key = head.lines().find_map(|line| line.strip_prefix("Sec-WebSocket-Key: ")).unwrap_or_default();
        let accept = frame::accept_for(key);
        self.send(format!(
            "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
             Sec-WebSocket-Accept: {accept}\r\n{more}\r\n"
        ))
        .await;
        head
    }

    /// The next frame of the probe, unmasked; none: it hung up.
    pub(crate) async fn frame(&mut self) -> Option<(u8, Vec<u8>)> {
        let first = self.stream.read_u8().await.ok()?;
        let length = self.stream.read_u8().await.ok()?;
        assert_eq!(length & 0x80, 0x80, "frames of clients are masked (RFC 6455 section 5.1)");
        let length = match length & 0x7f {
            126 => u64::from(self.stream.read_u16().await.ok()?),
            127 => self.stream.read_u64().await.ok()?,
            short => u64::from(short),
        };
        let mut mask = [0; 4];
        self.stream.read_exact(&mut mask).await.ok()?;
        let mut payload = vec![0; usize::try_from(length).expect("it fits")];
        self.stream.read_exact(&mut payload).await.ok()?;
        frame::apply_mask(&mut payload, mask, 0);
        Some((first & 0x0f, payload))
    }

    /// Sends one whole frame.
    pub(crate) async fn say(&mut self, opcode: frame::Opcode, payload: &[u8]) {
        let mut bytes = Vec::new();
        frame::encode(&mut bytes, opcode, payload, true, false, None);
        self.send(bytes).await;
    }

    /// Does what a healthy echo server does with one frame; false: that was the close.
    pub(crate) async fn echo(&mut self, (opcode, payload): (u8, Vec<u8>)) -> bool {
        use frame::Opcode;
        match Opcode::from_number(opcode).expect("the probe sends known opcodes") {
            Opcode::Ping => self.say(Opcode::Pong, &payload).await,
            Opcode::Close => {
                self.say(Opcode::Close, &payload).await;
                return false;
            }
            Opcode::Pong => {}
            opcode => self.say(opcode, &payload).await,
        }
        true
    }

    /// A healthy echo server until the end.
    pub(crate) async fn serve(mut self) {
        while let Some(frame) = self.frame().await {
            if !self.echo(frame).await {
                return;
            }
        }
    }

    /// Ends by a reset rather than in order.
    pub(crate) fn reset(self) {
        self.reset.store(true, Ordering::SeqCst);
    }

    /// Keeps the connection open and reads nothing.
    pub(crate) async fn hold(self) {
        std::future::pending::<()>().await;
        drop(self);
    }

    /// Reads and says nothing, until the probe hangs up; gives what came.
    pub(crate) async fn listen(mut self) -> Vec<u8> {
        let mut all = Vec::new();
        let _ = self.stream.read_to_end(&mut all).await;
        all
    }
}

/// Settings for a target with nothing else chosen.
pub(crate) fn settings(url: &str) -> Settings {
    Settings::new(Case::new(Target::parse(url).expect("it parses")))
}

/// Asks one question in this world; gives what was seen, without the final `Answered`, and the time it took.
pub(crate) async fn ask(world: &Arc<World>, settings: Settings, question: Question) -> (Vec<Fact>, Duration) {
    let probe = Probe::new(settings, Arc::clone(world) as Arc<dyn Net>);
    let (sender, mut sights) = mpsc::unbounded_channel::<Sight>();
    let began = Instant::now();
    probe.ask(question.clone(), sender).await;
    let took = began.elapsed();
    let mut facts = Vec::new();
    while let Some(sight) = sights.recv().await {
        facts.push(sight.fact);
    }
    assert_eq!(facts.pop(), Some(Fact::Answered(question)), "each question is answered, last of all");
    (facts, took)
}

/// The only fact.
pub(crate) fn only(mut facts: Vec<Fact>) -> Fact {
    assert_eq!(facts.len(), 1, "{facts:?}");
    facts.remove(0)
}
