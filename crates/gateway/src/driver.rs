//! One task a session: the only place where sockets and clocks meet the engine. It turns commands of carriers and
//! messages of the backend into the engine's inputs, and does what the engine says.

use crate::backend::{self, Heard, Reader, Writer};
use crate::hub::{Client, Dialled, Hub};
use crate::identity::{Tokens, new_token};
use crate::journal::note;
use crate::metrics::add;
use frame::{Message as FrameMessage, Opcode, is_sendable};
use serde_json::json;
use session::{Event, Frame, Full, LinkKey, Refused, Resume, Session, Side};
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;
use tokio::sync::{mpsc, oneshot};
use tokio::time::{Instant, sleep_until};

/// Bytes of one carrier message, roughly: small, because one that a cut hits is lost as a whole.
const CARRIER: usize = 4 * 1024;
/// Carrier messages that wait for a link's socket.
pub(crate) const LINK_QUEUE: usize = 16;
/// Between two questions whether the backend is there.
const BACKEND_PING: Duration = Duration::from_secs(25);
/// Without a word from it for so long, it is not.
const BACKEND_SILENCE: Duration = Duration::from_secs(60);
/// For the last bytes to the backend.
const GOODBYE: Duration = Duration::from_secs(5);

/// What carriers ask of a session.
pub(crate) enum Command {
    /// A link wants to carry it.
    Resume { link: u64, out: LinkSender, resume: Resume },
    /// Frames came on a link.
    Bytes { link: u64, bytes: Vec<u8> },
    /// Frames came in the body of a post; whose link it is comes back.
    Post { key: LinkKey, bytes: Vec<u8>, answer: oneshot::Sender<Result<u64, Refused>> },
    /// A link is gone.
    Down { link: u64 },
    /// The session has to end.
    Abort { reason: &'static str },
}

/// What a link's carrier is given.
#[derive(Debug)]
pub(crate) enum Outgoing {
    Bytes(Vec<u8>),
    Close(u16),
}

pub(crate) type LinkSender = mpsc::Sender<Outgoing>;

pub(crate) struct Start {
    pub id: String,
    pub session: Session,
    pub tokens: Tokens,
    pub link: u64,
    pub out: LinkSender,
    pub commands: mpsc::Receiver<Command>,
    pub dialled: Dialled,
    pub client: Client,
}

pub(crate) struct Driver {
    hub: Arc<Hub>,
    id: String,
    session: Session,
    tokens: Tokens,
    links: Vec<(u64, LinkSender)>,
    commands: mpsc::Receiver<Command>,
    reader: Option<Reader>,
    writer: Writer,
    /// A message of the backend that the engine could not hold yet.
    parked: Option<(bool, Vec<u8>)>,
    client: Client,
    began: Instant,
    messages: (u64, u64),
    resumes: u64,
    counted: usize,
    was_up: bool,
    ended: Option<(String, Option<u16>)>,
}

impl Driver {
    pub(crate) fn new(hub: Arc<Hub>, start: Start) -> Driver {
        let limit = hub.settings.limits.message as usize;
        let (reader, writer) = backend::split(start.dialled.stream, start.dialled.early, limit);
        add(&hub.metrics.sessions, 1);
        Driver {
            hub,
            id: start.id,
            session: start.session,
            tokens: start.tokens,
            links: vec![(start.link, start.out)],
            commands: start.commands,
            reader: Some(reader),
            writer,
            parked: None,
            client: start.client,
            began: Instant::now(),
            messages: (0, 0),
            resumes: 0,
            counted: 0,
            was_up: true,
            ended: None,
        }
    }

    pub(crate) async fn run(mut self) {
        let mut ping_at = Instant::now() + BACKEND_PING;
        let mut heard_at = Instant::now();
        loop {
            let now = self.hub.now();
            self.session.timeout(now);
            let blocked = self.perform(now);
            self.count();
            if self.session.has_ended() {
                break;
            }
            let deadline = self.session.deadline().map_or(ping_at, |at| self.hub.instant(at).min(ping_at));
            let room = blocked.clone();
            let listen = self.parked.is_none() && self.session.has_room();
            tokio::select! {
                command = self.commands.recv() => match command {
                    Some(command) => self.command(command),
                    // The hub never lets go of a session that lives.
                    None => break,
                },
                heard = next(&mut self.reader), if listen && self.reader.is_some() => {
                    heard_at = Instant::now();
                    self.heard(heard);
                }
                _ = self.writer.write(), if self.writer.has_output() => {
                    if let Some(number) = self.writer.written() {
                        self.session.handled(self.hub.now(), number);
                    }
                }
                _ = async { room.as_ref().map(|sender| sender.reserve())?.await.ok() }, if blocked.is_some() => {}
                () = sleep_until(deadline) => {
                    if ping_at <= Instant::now() {
                        ping_at = Instant::now() + BACKEND_PING;
                        if listen && heard_at.elapsed() > BACKEND_SILENCE && self.reader.is_some() {
                            self.backend_gone("the backend answers no ping");
                        } else if self.reader.is_some() {
                            self.writer.frame(Opcode::Ping, b"keepwire");
                        }
                    }
                }
            }
        }
        self.goodbye().await;
    }

    fn command(&mut self, command: Command) {
        let now = self.hub.now();
        match command {
            Command::Bytes { link, bytes } => {
                if self.links.last().is_some_and(|last| last.0 == link) {
                    // Its client has the answer that gave it this link's token. What comes on an older link says
                    // nothing of that.
                    self.tokens.used();
                    self.session.receive(now, link, &bytes);
                }
            }
            Command::Down { link } => {
                self.links.retain(|known| known.0 != link);
                self.session.link_down(now, link);
            }
            Command::Post { key, bytes, answer } => {
                let current = self.links.last().map(|link| link.0);
                let outcome = match current {
                    Some(link)
                        if key.generation == self.session.generation()
                            && self.tokens.is_current(&key.token) =>
                    {
                        self.session.receive(now, link, &bytes);
                        Ok(link)
                    }
                    _ => Err(Refused::new("superseded")),
                };
                let _ = answer.send(outcome);
            }
            Command::Resume { link, out, resume } => self.resume(now, link, out, &resume),
            Command::Abort { reason } => self.session.abort(reason),
        }
    }

    fn resume(&mut self, now: u64, link: u64, out: LinkSender, resume: &Resume) {
        let token = new_token();
        let outcome = if self.tokens.accept(&resume.token) {
            self.session.resume(now, self.hub.opening(link), resume, token.clone())
        } else {
            Err(Refused::new("superseded"))
        };
        match outcome {
            Ok(()) => {
                self.tokens.issue(&token);
                self.links.push((link, out));
                self.resumes += 1;
                add(&self.hub.metrics.resumes_total, 1);
            }
            Err(refused) => {
                note(
                    &self.hub.sink,
                    "refused",
                    json!({"session": self.id, "reason": refused.reason, "peer": self.client.address.to_string()}),
                );
                let _ = out.try_send(Outgoing::Bytes(Frame::Refused(refused).to_bytes()));
                let _ = out.try_send(Outgoing::Close(4003));
                if self.tokens.guessed_too_often() {
                    self.session.abort("kicked");
                }
            }
        }
    }

    fn heard(&mut self, heard: Heard) {
        let now = self.hub.now();
        match heard {
            Heard::Message(FrameMessage::Text(text)) => self.down(now, true, text.into_bytes()),
            Heard::Message(FrameMessage::Binary(payload)) => self.down(now, false, payload),
            Heard::Message(FrameMessage::Ping(payload)) => self.writer.frame(Opcode::Pong, &payload),
            Heard::Message(FrameMessage::Pong(_)) => {}
            Heard::Message(FrameMessage::Close { code, reason }) => {
                self.writer.close(code.filter(|code| is_sendable(*code)), &reason);
                self.reader = None;
                self.session.close(code.unwrap_or(1005), &reason, Side::Backend);
            }
            Heard::Fault(fault) => {
                self.writer.close(Some(fault.close_code()), "");
                self.reader = None;
                self.session.close(fault.close_code(), "the backend's frames are wrong", Side::Gateway);
                self.say("frame", json!({"cause": fault.id(), "detail": fault.detail()}));
            }
            Heard::Ended => self.backend_gone("the backend hung up without a close frame"),
        }
    }

    fn backend_gone(&mut self, why: &str) {
        self.reader = None;
        add(&self.hub.metrics.backend_failures_total, 1);
        self.session.close(1006, why, Side::Backend);
    }

    fn down(&mut self, now: u64, text: bool, payload: Vec<u8>) {
        self.messages.1 += 1;
        add(&self.hub.metrics.messages_down_total, 1);
        add(&self.hub.metrics.bytes_down_total, payload.len() as u64);
        self.push(now, text, payload);
    }

    fn push(&mut self, now: u64, text: bool, payload: Vec<u8>) {
        if let Err(Full::Held(payload)) = self.session.send(now, text, payload) {
            self.parked = Some((text, payload));
        }
    }

    /// Does what the engine says; gives the link whose socket takes nothing more.
    fn perform(&mut self, now: u64) -> Option<LinkSender> {
        loop {
            let mut blocked = None;
            if self.session.has_room()
                && let Some((text, payload)) = self.parked.take()
            {
                self.push(now, text, payload);
            }
            for (link, out) in &self.links {
                loop {
                    let Ok(permit) = out.try_reserve() else {
                        blocked = Some(out.clone());
                        break;
                    };
                    let mut bytes = Vec::new();
                    self.session.transmit(now, *link, CARRIER, &mut bytes);
                    if bytes.is_empty() {
                        break;
                    }
                    permit.send(Outgoing::Bytes(bytes));
                }
            }
            let mut nothing = true;
            while let Some(event) = self.session.poll() {
                nothing = false;
                self.event(event);
            }
            if nothing {
                return blocked.filter(|_| self.session.wants_to_transmit(now));
            }
        }
    }

    fn event(&mut self, event: Event) {
        match event {
            Event::Message(message) => {
                self.messages.0 += 1;
                add(&self.hub.metrics.messages_up_total, 1);
                add(&self.hub.metrics.bytes_up_total, message.payload.len() as u64);
                self.writer.message(message.number, message.text, &message.payload);
            }
            Event::DropLink { link, code } => {
                if let Some(at) = self.links.iter().position(|known| known.0 == link) {
                    let (_, out) = self.links.remove(at);
                    let _ = out.try_send(Outgoing::Close(code));
                }
            }
            Event::Closed { code, reason, side, undelivered } => {
                if side != Side::Backend {
                    self.writer.close(Some(code).filter(|code| is_sendable(*code)), &reason);
                }
                let lost = undelivered.len();
                self.ended = Some((format!("{side:?}").to_lowercase(), Some(code)));
                if lost > 0 {
                    self.say("undelivered", json!({"messages": lost}));
                }
            }
            Event::Reset { reason, undelivered } => {
                add(&self.hub.metrics.resets_total, 1);
                // Going away: the backend's own clients do the same when their page is left.
                self.writer.close(Some(1001), "");
                self.say("reset", json!({"reason": reason, "undelivered": undelivered.len()}));
                self.ended = Some((reason, None));
            }
            _ => {}
        }
    }

    /// Keeps the books of what is held, and lets go of a session without a client if all together hold too much.
    fn count(&mut self) {
        let held = self.session.bytes()
            + self.writer.bytes()
            + self.parked.as_ref().map_or(0, |parked| parked.1.len());
        let bytes = &self.hub.bytes;
        let before = std::mem::replace(&mut self.counted, held);
        bytes.fetch_add(held, Relaxed);
        let all = bytes.fetch_sub(before, Relaxed) - before;
        self.hub.metrics.session_bytes.store(all as u64, Relaxed);
        let up = self.session.is_up();
        if up != self.was_up {
            let detached = &self.hub.metrics.sessions_detached;
            if up {
                detached.fetch_sub(1, Relaxed)
            } else {
                detached.fetch_add(1, Relaxed)
            };
            self.was_up = up;
        }
        if all > self.hub.settings.limits.session_memory && !up && held > 0 {
            self.session.abort("overflow");
        }
    }

    fn say(&self, event: &str, mut particulars: serde_json::Value) {
        if let Some(map) = particulars.as_object_mut() {
            map.insert("session".to_owned(), json!(self.id));
        }
        note(&self.hub.sink, event, particulars);
    }

    async fn goodbye(mut self) {
        self.hub.forget(&self.id);
        self.hub.bytes.fetch_sub(self.counted, Relaxed);
        self.hub.metrics.sessions.fetch_sub(1, Relaxed);
        if !self.was_up {
            self.hub.metrics.sessions_detached.fetch_sub(1, Relaxed);
        }
        let (by, code) = self.ended.clone().unwrap_or_default();
        self.say(
            "close",
            json!({"by": by, "code": code, "peer": self.client.address.to_string(), "path": self.client.path,
                "up": self.messages.0, "down": self.messages.1, "resumes": self.resumes,
                "seconds": self.began.elapsed().as_secs_f64(),
                "cause": (code == Some(1006)).then_some("close-1006-silent")}),
        );
        self.links.clear();
        let last = async {
            while self.writer.has_output() {
                if self.writer.write().await.is_err() {
                    return;
                }
            }
            self.writer.end().await;
        };
        let _ = tokio::time::timeout(GOODBYE, last).await;
    }
}

async fn next(reader: &mut Option<Reader>) -> Heard {
    match reader {
        Some(reader) => reader.next().await,
        None => std::future::pending().await,
    }
}
