//! Looks at a live endpoint and says what it saw.
//!
//! One file a probe, in [`probes`](self). A probe draws no conclusion: a refused or cut connection is an
//! observation, never an error. It reaches the world only through [`Net`], so tests hand it pipes in memory.
//!
//! Probing is polite: one host, few handshakes, every wait bounded.

mod body;
mod dial;
#[cfg(feature = "fuzz")]
pub mod fuzz;
mod head;
mod net;
mod probes;
mod recorder;
mod request;
mod settings;
mod socket;
#[cfg(test)]
mod testing;
mod tls;

pub use net::{BoxFuture, BoxStream, Net, Stream, SystemNet};
pub use probes::environment::excludes as no_proxy_covers;
pub use settings::{
    ClientIdentity, Credentials, NameServer, Override, Settings, TlsSettings, TlsSettingsError,
};

use evidence::{Fact, Micros, Place, Question};
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{OnceCell, mpsc};
use tokio::time::Instant;

/// Something that a probe saw.
#[derive(Debug)]
pub struct Sight {
    /// When, since the case began.
    pub at_us: Micros,
    /// Where on the path.
    pub place: Place,
    /// What.
    pub fact: Fact,
}

/// Everything a probe needs: what to look at, how, and the time left for it.
pub struct Probe {
    settings: Settings,
    net: Arc<dyn Net>,
    started: Instant,
    found: OnceCell<probes::dns::Found>,
    roots: tls::Roots,
}

/// Where sights go.
#[derive(Clone)]
pub(crate) struct Observer {
    sender: mpsc::UnboundedSender<Sight>,
    started: Instant,
}

impl Observer {
    pub(crate) fn saw(&self, place: Place, fact: Fact) {
        // Nobody listens any more when the case is over; then there is nobody to tell.
        let _ = self.sender.send(Sight { at_us: micros(self.started.elapsed()), place, fact });
    }
}

impl Probe {
    /// The case begins now.
    #[must_use]
    pub fn new(settings: Settings, net: Arc<dyn Net>) -> Self {
        let roots = tls::Roots::new(&settings.tls);
        Self { settings, net, started: Instant::now(), found: OnceCell::new(), roots }
    }

    /// Looks, and sends what it sees as it sees it; the last sight is `Answered`.
    pub async fn ask(&self, question: Question, sender: mpsc::UnboundedSender<Sight>) {
        let observer = Observer { sender, started: self.started };
        match &question {
            Question::Environment => probes::environment::look(self, &observer).await,
            Question::Resolve => probes::dns::system(self, &observer).await,
            Question::NameServers => probes::dns::servers(self, &observer).await,
            Question::Connect { port } => probes::tcp::look(self, *port, &observer).await,
            Question::Tunnel { port } => probes::forward_proxy::look(self, *port, &observer).await,
            Question::Tls(variation) => probes::tls::look(self, variation, &observer).await,
            Question::Upgrade(variation) => probes::upgrade::look(self, variation, &observer).await,
            Question::Burst { count, parallel, variation } => {
                probes::burst::look(self, *count, *parallel, variation, &observer).await;
            }
            Question::FirstBytes(opening) => probes::first_bytes::look(self, *opening, &observer).await,
            Question::Http2 => probes::http2::look(self, &observer).await,
            Question::Sizes { top, kind } => probes::sizes::look(self, *top, *kind, &observer).await,
            Question::Hold { kind, run, for_ms } => {
                probes::hold::look(self, *kind, *run, Duration::from_millis(*for_ms), &observer).await;
            }
            Question::Page => probes::page::look(self, &observer).await,
        }
        observer.saw(Place::Client, Fact::Answered(question));
    }

    /// Time since the case began.
    #[must_use]
    pub fn elapsed(&self) -> Duration {
        self.started.elapsed()
    }

    /// What was chosen.
    #[must_use]
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// What the resolver says about the target's host, asked once.
    pub(crate) async fn found(&self) -> &probes::dns::Found {
        self.found.get_or_init(|| probes::dns::lookup(self)).await
    }

    /// Addresses of the target's host, for whoever wants to connect.
    pub(crate) async fn addresses(&self) -> &[IpAddr] {
        self.found().await.outcome.addresses()
    }

    /// A part of the whole budget: no single step may use it all, or nothing would be left to ask why.
    pub(crate) fn limit(&self, step: Limit) -> Duration {
        let budget = Duration::from_micros(self.settings.case.budget_us);
        match step {
            Limit::Connect => (budget * 3 / 10).min(Duration::from_secs(3)),
            Limit::Handshake => (budget * 4 / 10).min(Duration::from_secs(4)),
            Limit::Response => (budget * 4 / 10).min(Duration::from_secs(4)),
            Limit::Pong => (budget * 2 / 10).min(Duration::from_secs(2)),
            Limit::Close => (budget / 10).min(Duration::from_secs(1)),
            Limit::Resolve => (budget * 4 / 10).min(Duration::from_secs(4)),
        }
    }
}

/// What is waited for.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Limit {
    Connect,
    Handshake,
    Response,
    Pong,
    Close,
    Resolve,
}

pub(crate) fn micros(duration: Duration) -> Micros {
    u64::try_from(duration.as_micros()).unwrap_or(u64::MAX)
}
