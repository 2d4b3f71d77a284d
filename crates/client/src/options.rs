//! What a connection is told.

use crate::proxy::Proxy;
use session::Range;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

/// What carries a session.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Transport {
    /// A WebSocket.
    WebSocket,
    /// A streamed HTTP answer down, posts up.
    Stream,
    /// Long polls.
    Poll,
}

/// Whether the server is a gateway.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Mode {
    /// Sessions if there is a gateway, else a plain connection.
    #[default]
    Auto,
    /// Sessions, or nothing.
    Keepwire,
    /// A plain WebSocket that reconnects.
    Plain,
}

type Asked = Pin<Box<dyn Future<Output = Option<String>> + Send>>;

/// Asked before each try, where `None` means that nobody is logged in and ends the tries; and when the gateway wants new
/// ones for the session that goes on.
#[derive(Clone)]
pub struct Credentials(pub(crate) Arc<dyn Fn() -> Asked + Send + Sync>);

impl Credentials {
    /// From a function that is asked anew each time.
    pub fn new<F, R>(ask: F) -> Credentials
    where
        F: Fn() -> R + Send + Sync + 'static,
        R: Future<Output = Option<String>> + Send + 'static,
    {
        Credentials(Arc::new(move || Box::pin(ask())))
    }
}

impl fmt::Debug for Credentials {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("Credentials")
    }
}

/// Everything that may be chosen; the defaults are those of the protocol.
#[derive(Debug, Clone)]
pub struct Options {
    /// Whether the server is a gateway.
    pub mode: Mode,
    /// Which carriers, in the order of preference.
    pub transports: Vec<Transport>,
    /// The application's subprotocols.
    pub protocols: Vec<String>,
    /// Headers of each request.
    pub headers: Vec<(String, String)>,
    /// A forward proxy on the way out.
    pub proxy: Option<Proxy>,
    /// Asked before each try, and when the gateway wants new ones.
    pub credentials: Option<Credentials>,
    /// For a connection to open.
    pub connect_timeout: Duration,
    /// The wait before the next carrier is tried beside this one.
    pub fallback_after: Duration,
    /// When WebSocket is tried again on a fallback; the last one repeats.
    pub probe_again: Vec<Duration>,
    /// Between which waits a try is drawn, until the gateway says otherwise (that of `session` is not looked at).
    /// Milliseconds.
    pub reconnect: Range,
    /// Limits and times of the session.
    pub session: session::Settings,
    /// Roots that are trusted beside the system's, DER.
    pub roots: Vec<Vec<u8>>,
}

impl Default for Options {
    fn default() -> Options {
        let minutes = |minutes: u64| Duration::from_secs(60 * minutes);
        Options {
            mode: Mode::Auto,
            transports: vec![Transport::WebSocket, Transport::Stream, Transport::Poll],
            protocols: Vec::new(),
            headers: Vec::new(),
            proxy: None,
            credentials: None,
            connect_timeout: Duration::from_secs(8),
            fallback_after: Duration::from_secs(3),
            probe_again: vec![minutes(1), minutes(5), minutes(15), minutes(30)],
            reconnect: Range { min: 250, max: 20_000 },
            // A message of a server that trusts its clients may be large.
            session: session::Settings { message_limit: 64 << 20, ..session::Settings::default() },
            roots: Vec::new(),
        }
    }
}
