//! Which sessions there are. It maps public ids to the tasks that drive them, and knows nothing of what they do.

use crate::driver::{Command, Driver, LinkSender, Start};
use crate::identity::{Keys, Tokens, drawn, new_token};
use crate::journal::{Sink, note};
use crate::metrics::Metrics;
use crate::settings::Settings;
use crate::upstream::{Stream, Upstream};
use serde_json::json;
use session::{Hello, Identity, Opening, Refused, Resume, Session};
use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering::Relaxed};
use std::sync::{Arc, Mutex, PoisonError};
use tokio::sync::mpsc;
use tokio::time::Instant;

/// Commands that wait for a session's task.
const COMMANDS: usize = 16;

pub(crate) struct Hub {
    pub settings: Settings,
    pub upstream: Upstream,
    pub metrics: Metrics,
    pub sink: Sink,
    pub polls: crate::carriers::poll::Polls,
    keys: Keys,
    sessions: Mutex<HashMap<String, Handle>>,
    links: AtomicU64,
    /// What all sessions hold.
    pub bytes: AtomicUsize,
    began: Instant,
}

#[derive(Clone)]
struct Handle {
    commands: mpsc::Sender<Command>,
    origin: Option<String>,
}

/// Where a session's client comes from.
#[derive(Debug, Clone)]
pub(crate) struct Client {
    pub address: SocketAddr,
    pub origin: Option<String>,
    pub path: String,
}

/// What is known of a backend that has just answered the handshake.
pub(crate) struct Dialled {
    pub stream: Stream,
    pub early: Vec<u8>,
    pub protocol: String,
}

impl Hub {
    pub(crate) fn new(settings: Settings, upstream: Upstream, sink: Sink) -> Hub {
        Hub {
            settings,
            upstream,
            sink,
            metrics: Metrics::default(),
            polls: crate::carriers::poll::Polls::default(),
            keys: Keys::new(),
            sessions: Mutex::default(),
            links: AtomicU64::new(1),
            bytes: AtomicUsize::new(0),
            began: Instant::now(),
        }
    }

    /// Milliseconds on the clock of all sessions.
    pub(crate) fn now(&self) -> u64 {
        self.began.elapsed().as_millis() as u64
    }

    pub(crate) fn instant(&self, at: u64) -> Instant {
        self.began + std::time::Duration::from_millis(at)
    }

    pub(crate) fn new_link(&self) -> u64 {
        self.links.fetch_add(1, Relaxed)
    }

    pub(crate) fn new_id(&self) -> String {
        self.keys.new_id()
    }

    /// Whether one more session fits.
    pub(crate) fn has_room(&self) -> bool {
        self.table().len() < self.settings.limits.sessions
            && self.bytes.load(Relaxed) < self.settings.limits.session_memory
    }

    /// A new session on `link`, whose frames go to `out`.
    pub(crate) fn begin(
        self: &Arc<Hub>,
        id: String,
        link: u64,
        out: LinkSender,
        hello: &Hello,
        dialled: Dialled,
        client: Client,
    ) -> mpsc::Sender<Command> {
        let token = new_token();
        let tokens = Tokens::new(&token);
        let identity = Identity { id: id.clone(), token, epoch: self.keys.epoch.clone() };
        let session = Session::gateway(
            self.now(),
            self.settings.engine(),
            identity,
            self.opening(link),
            hello,
            &dialled.protocol,
        );
        let (sender, commands) = mpsc::channel(COMMANDS);
        let handle = Handle { commands: sender.clone(), origin: client.origin.clone() };
        self.table().insert(id.clone(), handle);
        crate::metrics::add(&self.metrics.sessions_total, 1);
        note(
            &self.sink,
            "session",
            json!({"session": id, "peer": client.address.to_string(), "path": client.path, "origin": client.origin,
                "agent": hello.agent}),
        );
        let start = Start { id, session, tokens, link, out, commands, dialled, client };
        tokio::spawn(Driver::new(Arc::clone(self), start).run());
        sender
    }

    /// The task of the session that `resume` wants.
    pub(crate) fn find_for(
        &self,
        resume: &Resume,
        client: &Client,
    ) -> Result<mpsc::Sender<Command>, Refused> {
        let handle = self.find(&resume.id).ok_or_else(|| Refused::new("unknown"))?;
        if handle.origin != client.origin {
            return Err(Refused::new("identity"));
        }
        Ok(handle.commands)
    }

    pub(crate) fn commands_of(&self, id: &str) -> Option<mpsc::Sender<Command>> {
        self.find(id).map(|handle| handle.commands)
    }

    fn find(&self, id: &str) -> Option<Handle> {
        // Made-up ids never reach the table.
        self.keys.knows(id).then(|| self.table().get(id).cloned()).flatten()
    }

    pub(crate) fn forget(&self, id: &str) {
        self.table().remove(id);
    }

    /// The tasks of all sessions.
    pub(crate) fn all(&self) -> Vec<mpsc::Sender<Command>> {
        self.table().values().map(|handle| handle.commands.clone()).collect()
    }

    pub(crate) fn opening(&self, link: u64) -> Opening {
        Opening { link, expires: None, first_ping: drawn(self.settings.session.heartbeat) }
    }

    fn table(&self) -> std::sync::MutexGuard<'_, HashMap<String, Handle>> {
        self.sessions.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
