//! The handle that an application holds: messages and events come out, messages go in.

use crate::driver::{self, Ask, Tell};
use crate::options::{Options, Transport};
use crate::target::Target;
use futures_core::Stream;
use futures_sink::Sink;
use session::{Refused, Side, Undelivered};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc, oneshot};

/// Events that wait for the application; behind them, credit holds the other side back.
const EVENTS: usize = 64;

/// A message, either way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Message {
    /// Text.
    Text(String),
    /// Anything else.
    Binary(Vec<u8>),
}

/// What happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// The connection is up, for the first time or again.
    Up {
        /// What carries it.
        transport: Transport,
        /// A session goes on: nothing was lost. Without one, a plain connection begins anew.
        resumed: bool,
        /// The application's subprotocol.
        protocol: String,
    },
    /// The connection is away, or did not come about; messages wait, and there will be another try.
    Down {
        /// What ended it, for people.
        why: String,
        /// The close code, if there was one.
        code: Option<u16>,
    },
    /// The next message, once and in order. It counts as handled when the next event is asked for.
    Message(Message),
    /// The session is over and something may be missing; a new one begins by itself.
    Reset {
        /// Why.
        reason: String,
        /// What this side had sent and nobody confirmed.
        undelivered: Vec<Undelivered>,
    },
    /// A try was refused.
    Refused(Refused),
    /// It is over.
    Closed {
        /// The close code.
        code: u16,
        /// The reason.
        reason: String,
        /// Who ended it.
        side: Side,
        /// What this side had sent and nobody confirmed.
        undelivered: Vec<Undelivered>,
    },
    /// It is over: no more tries. Why, for people.
    Failed(String),
}

/// Why a connection cannot be opened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Error {
    /// The address or an option cannot be used.
    Address(String),
    /// The connection is over.
    Ended,
    /// Above the other side's limit.
    TooLarge,
}

impl std::fmt::Display for Error {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Error::Address(why) => write!(out, "{why}"),
            Error::Ended => write!(out, "the connection is over"),
            Error::TooLarge => write!(out, "the message is larger than the server takes"),
        }
    }
}

impl std::error::Error for Error {}

/// Why a message was not taken; it is given back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SendError {
    /// As much waits as may; try again later.
    Full(Message),
    /// Above the other side's limit.
    TooLarge(Message),
    /// The connection is over.
    Ended(Message),
}

impl From<SendError> for Error {
    fn from(error: SendError) -> Error {
        match error {
            SendError::TooLarge(_) => Error::TooLarge,
            SendError::Full(_) | SendError::Ended(_) => Error::Ended,
        }
    }
}

/// A connection that comes back. Dropping it closes it.
pub struct Connection {
    tell: mpsc::UnboundedSender<Tell>,
    asks: mpsc::Receiver<Ask>,
    /// Bytes that may wait in the driver's queue.
    room: Arc<Semaphore>,
    sending: Option<Sending>,
    handled: Option<u64>,
    over: bool,
}

type Sending = Pin<Box<dyn Future<Output = OwnedSemaphorePermit> + Send>>;

/// Bytes of messages between the application and the engine.
const QUEUE: usize = 256 * 1024;

impl Connection {
    /// Begins to connect, on the current tokio runtime; [`Event::Up`] comes when it is.
    ///
    /// # Errors
    /// The address or an option cannot be used.
    pub fn open(address: &str, options: Options) -> Result<Connection, Error> {
        let target = Target::new(address, &options)?;
        let (tell, told) = mpsc::unbounded_channel();
        let (ask, asks) = mpsc::channel(EVENTS);
        tokio::spawn(driver::run(target, options, told, ask));
        Ok(Connection {
            tell,
            asks,
            room: Arc::new(Semaphore::new(QUEUE)),
            sending: None,
            handled: None,
            over: false,
        })
    }

    /// Takes a message; waits while too much waits already.
    ///
    /// # Errors
    /// The connection is over.
    pub async fn send(&self, message: Message) -> Result<(), Error> {
        let permit =
            Arc::clone(&self.room).acquire_many_owned(weight(&message)).await.map_err(|_| Error::Ended)?;
        self.tell.send(Tell::Message(message, permit)).map_err(|_| Error::Ended)
    }

    /// Takes a message if there is room for it now.
    ///
    /// # Errors
    /// Why not, and the message.
    pub fn try_send(&self, message: Message) -> Result<(), SendError> {
        let Ok(permit) = Arc::clone(&self.room).try_acquire_many_owned(weight(&message)) else {
            return Err(SendError::Full(message));
        };
        self.tell.send(Tell::Message(message, permit)).map_err(|error| match error.0 {
            Tell::Message(message, _) => SendError::Ended(message),
            _ => SendError::Ended(Message::Binary(Vec::new())),
        })
    }

    /// The next event; the message before it counts as handled now.
    pub async fn next(&mut self) -> Option<Event> {
        std::future::poll_fn(|context| self.poll_event(context)).await
    }

    /// Ends the connection, after everything that was sent.
    pub fn close(&self, code: u16, reason: &str) {
        let _ = self.tell.send(Tell::Close(code, reason.to_owned()));
    }

    /// The machine slept or the network changed: is the link still there?
    pub fn wake(&self) {
        let _ = self.tell.send(Tell::Wake);
    }

    /// Bytes that were sent and nobody confirmed yet.
    pub async fn unacknowledged(&self) -> usize {
        let (answer, bytes) = oneshot::channel();
        let _ = self.tell.send(Tell::Unacknowledged(answer));
        bytes.await.unwrap_or(0)
    }

    fn poll_event(&mut self, context: &mut Context<'_>) -> Poll<Option<Event>> {
        if let Some(number) = self.handled.take() {
            let _ = self.tell.send(Tell::Handled(number));
        }
        if self.over {
            return Poll::Ready(None);
        }
        self.asks.poll_recv(context).map(|ask| {
            let ask = ask?;
            self.handled = ask.number;
            self.over = matches!(ask.event, Event::Closed { .. } | Event::Failed(_));
            Some(ask.event)
        })
    }
}

fn weight(message: &Message) -> u32 {
    let bytes = match message {
        Message::Text(text) => text.len(),
        Message::Binary(bytes) => bytes.len(),
    };
    (bytes + 64).min(QUEUE) as u32
}

impl Stream for Connection {
    type Item = Event;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Event>> {
        self.poll_event(context)
    }
}

impl Sink<Message> for Connection {
    type Error = Error;

    fn poll_ready(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Result<(), Error>> {
        // Room for one ordinary message; its true weight is taken in start_send.
        if self.room.available_permits() >= 1024 {
            self.sending = None;
            return Poll::Ready(Ok(()));
        }
        let room = Arc::clone(&self.room);
        let sending = self.sending.get_or_insert_with(|| {
            Box::pin(async move {
                match room.acquire_many_owned(1024).await {
                    Ok(permit) => permit,
                    // It is never closed.
                    Err(_) => std::future::pending().await,
                }
            })
        });
        sending.as_mut().poll(context).map(|permit| {
            drop(permit);
            self.sending = None;
            Ok(())
        })
    }

    fn start_send(self: Pin<&mut Self>, message: Message) -> Result<(), Error> {
        match self.try_send(message) {
            Ok(()) => Ok(()),
            Err(SendError::Full(message)) => {
                // poll_ready saw room: a large message takes what there is.
                let all = self.room.available_permits().clamp(1, QUEUE) as u32;
                let permit = Arc::clone(&self.room).try_acquire_many_owned(all).map_err(|_| Error::Ended)?;
                self.tell.send(Tell::Message(message, permit)).map_err(|_| Error::Ended)
            }
            Err(other) => Err(other.into()),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Result<(), Error>> {
        Poll::Ready(Ok(()))
    }

    fn poll_close(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Result<(), Error>> {
        self.close(1000, "");
        Poll::Ready(Ok(()))
    }
}
