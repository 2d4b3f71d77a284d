//! What carries frames: each file is one carrier as a task. It reports what happens and is told what to send; it knows
//! nothing of sessions.

mod http;
mod poll;
mod stream;
mod websocket;

pub(crate) use http::{Diagnosis, diagnose};

use crate::options::Transport;
use crate::target::Target;
use session::LinkKey;
use tokio::sync::mpsc;

/// What a carrier reports.
#[derive(Debug)]
pub(crate) enum Report {
    /// It can take the first frame.
    Open,
    /// A plain connection's subprotocol.
    Protocol(String),
    /// Frames came; of a plain connection, a message.
    Bytes(Vec<u8>),
    /// A text message of a plain connection.
    Text(String),
    /// It is over.
    Gone { code: Option<u16>, status: Option<u16>, why: String },
}

/// What a carrier is told.
pub(crate) enum Order {
    /// Send these frames, as one carrier message.
    Bytes(Vec<u8>),
    /// A text message, on a plain connection.
    Text(String),
    /// Whose posts these are.
    Key(LinkKey),
    /// End it.
    Close(u16),
}

/// Orders that wait; the engine keeps the rest.
const ORDERS: usize = 16;

/// What a carrier is opened for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// A new session.
    Begin,
    /// A session that goes on.
    Resume,
    /// No session.
    Plain,
}

/// A carrier's voice: it says which link it is.
#[derive(Clone)]
pub(crate) struct Reports {
    pub link: u64,
    pub sender: mpsc::Sender<(u64, Report)>,
}

impl Reports {
    /// False: nobody listens any more.
    pub(crate) async fn say(&self, report: Report) -> bool {
        self.sender.send((self.link, report)).await.is_ok()
    }

    pub(crate) async fn gone(&self, code: Option<u16>, why: impl Into<String>) {
        self.say(Report::Gone { code, status: None, why: why.into() }).await;
    }
}

/// Starts a carrier.
pub(crate) fn start(
    transport: Transport,
    target: &Target,
    purpose: Purpose,
    reports: Reports,
) -> mpsc::Sender<Order> {
    let (orders, told) = mpsc::channel(ORDERS);
    let target = target.clone();
    match transport {
        Transport::WebSocket => tokio::spawn(websocket::run(target, purpose, reports, told)),
        Transport::Stream => tokio::spawn(stream::run(target, reports, told)),
        Transport::Poll => tokio::spawn(poll::run(target, reports, told)),
    };
    orders
}
