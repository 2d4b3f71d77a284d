//! The state machine of both ends: which link carries the session, what goes out on it, what came in, and what
//! happens when it breaks (`protocol/PROTOCOL.md` sections 6 to 10).

use crate::flow::{Flow, Taken};
use crate::frame::{Ack, Beat, Close, Frame, Side};
use crate::handshake::{
    Auth, Authenticated, Class, GoAway, Heartbeat, Hello, Range, Refused, Reset, Resume, Resumed, VERSION,
    Welcome,
};
use crate::replay::{Replay, Undelivered};
use crate::timer::{Timer, Timers};
use std::collections::VecDeque;

/// Milliseconds for the answer to HELLO or RESUME.
const HANDSHAKE: u64 = 5000;
/// Milliseconds for any sign of life after waking up.
const WAKE: u64 = 2500;
/// Two protocol errors within these milliseconds end the session: resuming does not cure it.
const VIOLATIONS: u64 = 30_000;

/// Codes of section 9.
mod code {
    pub(super) const DONE: u16 = 1000;
    pub(super) const SUPERSEDED: u16 = 4000;
    pub(super) const PROTOCOL: u16 = 4001;
    pub(super) const HANDSHAKE: u16 = 4002;
    pub(super) const REFUSED: u16 = 4003;
    pub(super) const SILENT: u16 = 4004;
}

/// Limits and times; the defaults are those of section 12. Milliseconds and bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// Credit beyond what was handled; at least two pieces.
    pub window: u64,
    /// Bytes of outgoing messages that are held.
    pub hold_bytes: usize,
    /// Outgoing messages that are held.
    pub hold_messages: usize,
    /// Bytes of one incoming message.
    pub message_limit: usize,
    /// The gateway's; a client learns it from WELCOME.
    pub heartbeat: Heartbeat,
    /// How long the gateway keeps a session without a link.
    pub resume_window: u64,
    /// How long it may be full without a link, and with one.
    pub full: (u64, u64),
    /// What clients are told about reconnecting.
    pub reconnect: Range,
}

impl Default for Settings {
    fn default() -> Settings {
        Settings {
            window: 256 * 1024,
            hold_bytes: 256 * 1024,
            hold_messages: 1024,
            message_limit: 1024 * 1024,
            heartbeat: Heartbeat { interval: 25_000, grace: 10_000, hidden_grace: 45_000 },
            resume_window: 120_000,
            // Longer than the longest wait between two tries.
            full: (30_000, 30_000),
            reconnect: Range { min: 250, max: 20_000 },
        }
    }
}

/// Who a session is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    /// Public.
    pub id: String,
    /// Secret, and new with each link.
    pub token: String,
    /// Names the store.
    pub epoch: String,
}

/// A link of a gateway's session, and what its shell drew and found out for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Opening {
    /// The link.
    pub link: u64,
    /// When the credentials run out, in milliseconds from now.
    pub expires: Option<u64>,
    /// A random part of the heartbeat's interval: clients that came together shall not answer together.
    pub first_ping: u64,
}

/// A message that came in; [`Session::handled`] with its number acknowledges it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    /// Its last number.
    pub number: u64,
    /// Text, or else binary. Text is UTF-8.
    pub text: bool,
    /// The whole message.
    pub payload: Vec<u8>,
}

/// What became of the session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// The link carries the session now; `resumed`: an earlier one did before.
    Up {
        /// The link.
        link: u64,
        /// Whether it is a session that goes on.
        resumed: bool,
    },
    /// A PING of this side was answered on the link: it carries frames both ways.
    Proven {
        /// The link.
        link: u64,
        /// Milliseconds.
        round_trip: u64,
    },
    /// A message, once and in order.
    Message(Message),
    /// Close this link with this code; the session has forgotten it.
    DropLink {
        /// The link.
        link: u64,
        /// A code of section 9.
        code: u16,
    },
    /// The gateway refused the link; it is dropped.
    Refused(Refused),
    /// The gateway wants the client elsewhere.
    GoAway(GoAway),
    /// The gateway wants new credentials.
    CredentialsWanted,
    /// The client has new credentials.
    Credentials(String),
    /// The credentials are good, for so many milliseconds.
    Authenticated(Option<u64>),
    /// The session has ended in order.
    Closed {
        /// A close code.
        code: u16,
        /// The reason.
        reason: String,
        /// Who ended it.
        side: Side,
        /// What this side had sent and the other did not acknowledge.
        undelivered: Vec<Undelivered>,
    },
    /// The session has ended and something may be missing. A client's next link begins a new one.
    Reset {
        /// One of section 8.
        reason: String,
        /// What this side had sent and the other did not acknowledge.
        undelivered: Vec<Undelivered>,
    },
}

/// Why a message was not taken; it is given back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Full {
    /// As much is held as may be; try again after an acknowledgement.
    Held(Vec<u8>),
    /// Above the other side's limit.
    TooLarge(Vec<u8>),
    /// The session has ended, or is about to.
    Ended(Vec<u8>),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Role {
    Client,
    Gateway,
}

#[derive(Debug)]
struct Link {
    number: u64,
    control: VecDeque<Frame>,
    /// PINGs of this side: nonce and time.
    asked: Option<(u64, u64)>,
    /// Dropped with this code once the control frames are out.
    closing: Option<u16>,
}

impl Link {
    fn new(number: u64) -> Link {
        Link { number, control: VecDeque::new(), asked: None, closing: None }
    }

    /// At most one PONG and one PING wait, however many the peer asks for.
    fn beat(&mut self, frame: Frame) {
        let kind = std::mem::discriminant(&frame);
        self.control.retain(|waiting| std::mem::discriminant(waiting) != kind);
        self.control.push_back(frame);
    }
}

/// How long a gateway's session waits whose client has said nothing after HELLO, in milliseconds: long enough for a client
/// that lost its link right away, and not long for nobody, since browsers and proxies may send a HELLO twice.
const UNMET: u64 = 10_000;

/// One end of a session.
#[derive(Debug)]
pub struct Session {
    role: Role,
    settings: Settings,
    identity: Option<Identity>,
    protocol: String,
    generation: u64,
    /// Tries to resume, counted by the client: a late one does not take the session from a later one.
    attempt: u64,
    /// Carries the session.
    link: Option<Link>,
    /// Said HELLO or RESUME and waits for the answer; a client's only.
    candidate: Option<Link>,
    /// On their way out: only control frames are left on them.
    leaving: Vec<Link>,
    replay: Replay,
    flow: Flow,
    /// The other side's.
    message_limit: u64,
    /// The other side has shown that it knows of the session.
    met: bool,
    ending: bool,
    ended: bool,
    hidden: bool,
    peer_hidden: bool,
    nonce: u64,
    violated: Option<u64>,
    timers: Timers,
    events: VecDeque<Event>,
}

impl Session {
    fn new(role: Role, settings: Settings) -> Session {
        Session {
            role,
            identity: None,
            protocol: String::new(),
            generation: 0,
            attempt: 0,
            link: None,
            candidate: None,
            leaving: Vec::new(),
            replay: Replay::new(),
            flow: Flow::new(settings.window, settings.message_limit),
            message_limit: u64::MAX,
            met: false,
            ending: false,
            ended: false,
            hidden: false,
            peer_hidden: false,
            nonce: 0,
            violated: None,
            timers: Timers::default(),
            events: VecDeque::new(),
            settings,
        }
    }

    /// A client's end, without a session yet. Messages may be sent already; they wait.
    #[must_use]
    pub fn client(settings: Settings) -> Session {
        Session::new(Role::Client, settings)
    }

    /// A gateway's end, for a client that said `hello`. `protocol` is what the backend chose.
    #[must_use]
    pub fn gateway(
        now: u64,
        settings: Settings,
        identity: Identity,
        opening: Opening,
        hello: &Hello,
        protocol: &str,
    ) -> Session {
        let Opening { link, expires, first_ping } = opening;
        let mut session = Session::new(Role::Gateway, settings);
        session.generation = 1;
        session.protocol = protocol.to_owned();
        session.replay.raise_credit(hello.credit);
        let mut link = Link::new(link);
        link.control.push_back(Frame::Welcome(Welcome {
            id: identity.id.clone(),
            token: identity.token.clone(),
            epoch: identity.epoch.clone(),
            generation: 1,
            protocol: session.protocol.clone(),
            credit: session.flow.grant(),
            message_limit: session.settings.message_limit as u64,
            heartbeat: session.settings.heartbeat,
            resume_window: session.settings.resume_window,
            reconnect: session.settings.reconnect,
            urls: Vec::new(),
            expires,
        }));
        session.identity = Some(identity);
        session.attach(now, link, false, first_ping);
        session
    }

    /// A gateway's client is back, and its shell says that it is who it says it is. `token` is for the next time.
    ///
    /// # Errors
    /// The refusal to send on that link.
    pub fn resume(
        &mut self,
        now: u64,
        opening: Opening,
        resume: &Resume,
        token: String,
    ) -> Result<(), Refused> {
        let Opening { link, expires, first_ping } = opening;
        let refuse = |reason: &str, received| Refused { received: Some(received), ..Refused::new(reason) };
        if self.ended {
            return Err(refuse("expired", self.flow.received()));
        }
        if self.identity.as_ref().is_none_or(|identity| identity.epoch != resume.epoch) {
            return Err(Refused::new("epoch"));
        }
        // The same attempt again is the same request: browsers and proxies send a POST twice when a connection that was
        // kept dies before the answer. That its token still serves says that nobody has used the first answer.
        if resume.attempt < self.attempt {
            // It was under way for so long that a later one came before it.
            return Err(refuse("superseded", self.flow.received()));
        }
        self.attempt = resume.attempt;
        self.met = true;
        let hole = resume.held > self.flow.received().saturating_add(1);
        if hole || !self.replay.rewind(resume.received) {
            let received = self.flow.received();
            self.reset("hole", None);
            return Err(refuse("hole", received));
        }
        self.replay.raise_credit(resume.credit);
        if let Some(old) = self.link.take() {
            self.drop_link(old.number, code::SUPERSEDED);
        }
        self.generation += 1;
        let mut link = Link::new(link);
        link.control.push_back(Frame::Resumed(Resumed {
            token: token.clone(),
            generation: self.generation,
            received: self.flow.received(),
            held: self.replay.lowest(),
            credit: self.flow.grant(),
            expires,
        }));
        if let Some(identity) = &mut self.identity {
            identity.token = token;
        }
        self.attach(now, link, true, first_ping);
        Ok(())
    }

    /// A client's shell has opened a link. The one that carries the session goes on until this one is welcome.
    pub fn link_up(&mut self, now: u64, link: u64, credentials: Option<String>) {
        if self.ended || self.role == Role::Gateway {
            return self.drop_link(link, code::DONE);
        }
        if let Some(old) = self.candidate.take() {
            self.drop_link(old.number, code::SUPERSEDED);
        }
        self.attempt += 1;
        let mut link = Link::new(link);
        link.control.push_back(match &self.identity {
            None => Frame::Hello(Hello {
                version: VERSION,
                credit: self.flow.grant(),
                credentials,
                agent: Some(concat!("keepwire/", env!("CARGO_PKG_VERSION")).to_owned()),
            }),
            Some(identity) => Frame::Resume(Resume {
                id: identity.id.clone(),
                token: identity.token.clone(),
                epoch: identity.epoch.clone(),
                attempt: self.attempt,
                received: self.flow.received(),
                held: self.replay.lowest(),
                credit: self.flow.grant(),
                credentials,
            }),
        });
        self.candidate = Some(link);
        self.timers.set(Timer::Handshake, now + HANDSHAKE);
    }

    /// A link is gone; nothing needs to be closed.
    pub fn link_down(&mut self, now: u64, link: u64) {
        if self.candidate.as_ref().is_some_and(|candidate| candidate.number == link) {
            self.candidate = None;
            self.timers.clear(Timer::Handshake);
        } else if self.link.as_ref().is_some_and(|current| current.number == link) {
            self.detach(now);
        }
        self.leaving.retain(|leaving| leaving.number != link);
    }

    /// Whether a link carries the session.
    #[must_use]
    pub fn is_up(&self) -> bool {
        self.link.is_some()
    }

    /// Whether a link waits for its welcome. While one does, the loss of another is no reason to try again, nor is
    /// 4000 a reason to stop: this one may be what the other was dropped for.
    #[must_use]
    pub fn is_trying(&self) -> bool {
        self.candidate.is_some()
    }

    /// Whether the session is over: nothing will ever come of it again.
    #[must_use]
    pub fn has_ended(&self) -> bool {
        self.ended
    }

    /// Who the session is, once it is welcome.
    #[must_use]
    pub fn identity(&self) -> Option<&Identity> {
        self.identity.as_ref()
    }

    /// Number of the link that carries it, counted over its life.
    #[must_use]
    pub fn generation(&self) -> u64 {
        self.generation
    }

    /// The application's subprotocol.
    #[must_use]
    pub fn protocol(&self) -> &str {
        &self.protocol
    }

    /// Between which waits a client draws before it tries again: its own, until the gateway says otherwise.
    #[must_use]
    pub fn reconnect(&self) -> Range {
        self.settings.reconnect
    }

    /// Bytes that are held in both directions.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.replay.bytes() + self.flow.bytes()
    }

    /// Bytes that [`Session::send`] has taken and the other side has not acknowledged.
    #[must_use]
    pub fn unacknowledged(&self) -> usize {
        self.replay.bytes()
    }

    /// Whether another message would be held. A shell that is told no stops reading where messages come from.
    #[must_use]
    pub fn has_room(&self) -> bool {
        self.replay.bytes() < self.settings.hold_bytes && self.replay.len() < self.settings.hold_messages
    }

    /// Takes a message for the other side.
    ///
    /// # Errors
    /// Why not; the message is given back.
    pub fn send(&mut self, now: u64, text: bool, payload: Vec<u8>) -> Result<(), Full> {
        if self.ended || self.ending || self.replay.closing().is_some() {
            return Err(Full::Ended(payload));
        }
        if payload.len() as u64 > self.message_limit {
            return Err(Full::TooLarge(payload));
        }
        // One message is always taken, however large.
        let fits = self.replay.bytes() + payload.len() <= self.settings.hold_bytes || self.replay.len() == 0;
        if !fits || self.replay.len() >= self.settings.hold_messages {
            self.watch_room(now, true);
            return Err(Full::Held(payload));
        }
        self.replay.push(text, payload);
        self.watch_room(now, !self.has_room());
        Ok(())
    }

    /// Ends the session, after everything that was sent.
    pub fn close(&mut self, code: u16, reason: &str, side: Side) {
        if self.ended || self.ending || self.replay.closing().is_some() {
            return;
        }
        let close = Close { number: 0, code, side, reason: reason.to_owned() };
        if self.identity.is_none() {
            // Nobody has to be told.
            let undelivered = self.replay.give_back(None);
            self.end();
            self.events.push_back(Event::Closed { code, reason: close.reason, side, undelivered });
        } else {
            self.replay.close(close);
        }
    }

    /// Ends the session at once, for a reason of section 8.
    pub fn abort(&mut self, reason: &str) {
        if !self.ended {
            self.reset(reason, None);
        }
    }

    /// The application has handled the message with this number, and all before it.
    pub fn handled(&mut self, now: u64, number: u64) {
        self.flow.handled(now, number);
    }

    /// The machine slept, the page is shown again, the network changed: is the link still there?
    pub fn wake(&mut self, now: u64) {
        if self.link.is_some() {
            self.ask(now);
            self.timers.set(Timer::Wake, now + WAKE);
        }
    }

    /// Whether the page is in the background, where timers are slow.
    pub fn set_hidden(&mut self, hidden: bool) {
        self.hidden = hidden;
    }

    /// The gateway wants the client on another link.
    pub fn go_away(&mut self, go_away: GoAway) {
        self.control(Frame::GoAway(go_away));
    }

    /// The gateway wants new credentials.
    pub fn want_credentials(&mut self) {
        self.control(Frame::Auth(Auth { credentials: None }));
    }

    /// The client has new credentials.
    pub fn authenticate(&mut self, credentials: String) {
        self.control(Frame::Auth(Auth { credentials: Some(credentials) }));
    }

    /// The gateway has found them good, for so many milliseconds.
    pub fn authenticated(&mut self, expires: Option<u64>) {
        self.control(Frame::Authenticated(Authenticated { expires }));
    }

    /// Frames have come on a link: a whole carrier message, or several.
    pub fn receive(&mut self, now: u64, link: u64, mut bytes: &[u8]) {
        if self.candidate.as_ref().is_some_and(|candidate| candidate.number == link) {
            match Frame::decode(&mut bytes) {
                Ok(Some(frame)) => self.answered(now, frame),
                Ok(None) => return,
                Err(_) => return self.violation(now, link),
            }
        }
        while self.link.as_ref().is_some_and(|current| current.number == link) {
            match Frame::decode(&mut bytes) {
                Ok(Some(frame)) => {
                    self.met = true;
                    self.heard(now);
                    self.frame(now, link, frame);
                }
                Ok(None) => return,
                Err(_) => return self.violation(now, link),
            }
        }
    }

    /// Appends to `out` what goes out on `link` now, until it is longer than `limit`: one carrier message.
    pub fn transmit(&mut self, now: u64, link: u64, limit: usize, out: &mut Vec<u8>) {
        let candidate = self.candidate.iter_mut().chain(&mut self.leaving).find(|other| other.number == link);
        if let Some(other) = candidate {
            other.control.drain(..).for_each(|frame| frame.encode(out));
            if let Some(code) = other.closing {
                self.drop_link(link, code);
                self.leaving.retain(|leaving| leaving.number != link);
            }
            return;
        }
        let Some(current) = self.link.as_mut().filter(|current| current.number == link) else { return };
        current.control.drain(..).for_each(|frame| frame.encode(out));
        if self.flow.due().is_some_and(|due| due <= now) || self.ending && self.flow.settled() {
            Frame::Ack(self.flow.acknowledge()).encode(out);
        }
        self.replay.transmit(out, limit);
        if self.ending && self.flow.settled() {
            // The CLOSE is acknowledged, and everything before it.
            self.end();
        }
    }

    /// What became of the session since the last time.
    pub fn poll(&mut self) -> Option<Event> {
        self.events.pop_front()
    }

    /// When [`Session::timeout`] wants to be called, and [`Session::transmit`] after it.
    #[must_use]
    pub fn deadline(&self) -> Option<u64> {
        let ack = self.link.as_ref().and_then(|_| self.flow.due());
        self.timers.next().into_iter().chain(ack).min()
    }

    /// Whether [`Session::transmit`] has something for the link that carries the session.
    #[must_use]
    pub fn wants_to_transmit(&self, now: u64) -> bool {
        self.link.as_ref().is_some_and(|link| {
            !link.control.is_empty() || self.replay.ready() || self.flow.due().is_some_and(|due| due <= now)
        })
    }

    /// The time has come.
    pub fn timeout(&mut self, now: u64) {
        while let Some(timer) = self.timers.expired(now) {
            match timer {
                Timer::Handshake => {
                    if let Some(link) = self.candidate.take() {
                        self.drop_link(link.number, code::HANDSHAKE);
                    }
                }
                Timer::Ping => {
                    if self.link.is_some() {
                        self.ask(now);
                        let Heartbeat { interval, grace, hidden_grace } = self.settings.heartbeat;
                        self.timers.set(Timer::Ping, now + interval);
                        if !self.timers.is_set(Timer::Silence) {
                            let grace = if self.peer_hidden { hidden_grace } else { grace };
                            self.timers.set(Timer::Silence, now + grace);
                        }
                    }
                }
                Timer::Silence | Timer::Wake => {
                    if let Some(link) = &self.link {
                        let number = link.number;
                        self.detach(now);
                        self.drop_link(number, code::SILENT);
                    }
                }
                Timer::Resume => self.reset("expired", None),
                Timer::Full => self.reset("overflow", None),
            }
        }
    }

    fn drop_link(&mut self, link: u64, code: u16) {
        self.events.push_back(Event::DropLink { link, code });
    }

    fn control(&mut self, frame: Frame) {
        if let Some(link) = &mut self.link {
            link.control.push_back(frame);
        }
    }

    fn attach(&mut self, now: u64, link: Link, resumed: bool, first_ping: u64) {
        let number = link.number;
        self.link = Some(link);
        self.timers.clear(Timer::Resume);
        self.timers.clear(Timer::Wake);
        if self.timers.is_set(Timer::Full) {
            self.timers.set(Timer::Full, now + self.settings.full.1);
        }
        self.heard(now);
        match self.role {
            Role::Gateway => self.timers.set(Timer::Ping, now + first_ping),
            // A link is proven by a round trip.
            Role::Client => self.ask(now),
        }
        self.events.push_back(Event::Up { link: number, resumed });
    }

    fn detach(&mut self, now: u64) {
        self.link = None;
        for timer in [Timer::Ping, Timer::Silence, Timer::Wake] {
            self.timers.clear(timer);
        }
        if self.role == Role::Client && self.ending {
            // All is said; the gateway forgets it in its own time.
            self.end();
        } else if self.role == Role::Gateway && !self.ended {
            let window = self.settings.resume_window;
            self.timers.set(Timer::Resume, now + if self.met { window } else { window.min(UNMET) });
            if self.timers.is_set(Timer::Full) {
                self.timers.set(Timer::Full, now + self.settings.full.0);
            }
        }
    }

    /// A gateway that can hold no more waits for a time and then gives up; a client's application is told at once.
    fn watch_room(&mut self, now: u64, full: bool) {
        if self.role == Role::Client {
            return;
        }
        if !full {
            self.timers.clear(Timer::Full);
        } else if !self.timers.is_set(Timer::Full) {
            let (detached, attached) = self.settings.full;
            self.timers.set(Timer::Full, now + if self.link.is_some() { attached } else { detached });
        }
    }

    fn heard(&mut self, now: u64) {
        self.timers.clear(Timer::Wake);
        match self.role {
            Role::Gateway => self.timers.clear(Timer::Silence),
            Role::Client => {
                let Heartbeat { interval, grace, .. } = self.settings.heartbeat;
                // A hostile gateway may name any number.
                self.timers.set(Timer::Silence, now.saturating_add(interval).saturating_add(grace));
            }
        }
    }

    fn ask(&mut self, now: u64) {
        self.nonce += 1;
        let beat = self.own_beat(self.nonce);
        if let Some(link) = &mut self.link {
            link.asked = Some((beat.nonce, now));
            link.beat(Frame::Ping(beat));
        }
    }

    fn own_beat(&mut self, nonce: u64) -> Beat {
        Beat { nonce, last: self.replay.sent(), ack: self.flow.acknowledge(), hidden: self.hidden }
    }

    /// The first frame on a candidate.
    fn answered(&mut self, now: u64, frame: Frame) {
        let Some(link) = self.candidate.take() else { return };
        self.timers.clear(Timer::Handshake);
        match (frame, &mut self.identity) {
            (Frame::Welcome(welcome), None) => {
                self.identity = Some(Identity { id: welcome.id, token: welcome.token, epoch: welcome.epoch });
                self.generation = welcome.generation;
                self.protocol = welcome.protocol;
                self.message_limit = welcome.message_limit;
                self.settings.heartbeat = welcome.heartbeat;
                self.settings.reconnect = welcome.reconnect;
                self.replay.raise_credit(welcome.credit);
                self.attach(now, link, false, 0);
            }
            (Frame::Resumed(resumed), Some(identity)) => {
                identity.token = resumed.token;
                self.generation = resumed.generation;
                if let Some(old) = self.link.take() {
                    self.drop_link(old.number, code::DONE);
                }
                if resumed.held > self.flow.received().saturating_add(1)
                    || !self.replay.rewind(resumed.received)
                {
                    self.link = Some(link);
                    return self.reset("hole", Some(resumed.received));
                }
                self.replay.raise_credit(resumed.credit);
                self.attach(now, link, true, 0);
            }
            (Frame::Refused(refused), identity) => {
                let known = identity.is_some();
                self.drop_link(link.number, code::REFUSED);
                if refused.class == Class::New && known && self.link.is_none() {
                    self.gone(&refused.reason, refused.received);
                }
                self.events.push_back(Event::Refused(refused));
            }
            _ => self.drop_link(link.number, code::PROTOCOL),
        }
    }

    fn frame(&mut self, now: u64, link: u64, frame: Frame) {
        match frame {
            Frame::Data(data) => {
                // What comes after a CLOSE of this side because of a fault is not looked at any more.
                if self.ending || self.replay.closing().is_some_and(|close| close.code == 1009) {
                    return;
                }
                match self.flow.take(now, data) {
                    Taken::Nothing => {}
                    Taken::Message { number, text, payload } => {
                        self.events.push_back(Event::Message(Message { number, text, payload }));
                    }
                    Taken::Jump => self.violation(now, link),
                    Taken::Beyond | Taken::Malformed => self.reset("protocol", None),
                    Taken::TooLarge => {
                        let side = if self.role == Role::Client { Side::Client } else { Side::Gateway };
                        self.close(1009, "the message is too large", side);
                    }
                }
            }
            Frame::Ack(ack) => self.acknowledged(now, link, ack),
            Frame::Ping(beat) => {
                self.peer_hidden = beat.hidden;
                self.acknowledged(now, link, beat.ack);
                let answer = self.own_beat(beat.nonce);
                if let Some(link) = &mut self.link {
                    link.beat(Frame::Pong(answer));
                }
            }
            Frame::Pong(beat) => {
                self.peer_hidden = beat.hidden;
                self.acknowledged(now, link, beat.ack);
                let asked =
                    self.link.as_mut().and_then(|link| link.asked.take_if(|asked| asked.0 == beat.nonce));
                if let Some((_, at)) = asked {
                    self.events.push_back(Event::Proven { link, round_trip: now.saturating_sub(at) });
                }
            }
            Frame::Close(close) => match self.flow.take_close(now, close.number) {
                Ok(true) => {
                    self.ending = true;
                    let undelivered = self.replay.give_back(None);
                    let Close { code, side, reason, .. } = close;
                    self.events.push_back(Event::Closed { code, reason, side, undelivered });
                }
                Ok(false) => {}
                Err(()) => self.violation(now, link),
            },
            Frame::Reset(reset) => {
                if let Some(link) = self.link.take() {
                    self.drop_link(link.number, code::DONE);
                }
                self.gone(&reset.reason, Some(reset.received));
            }
            Frame::GoAway(go_away) => self.events.push_back(Event::GoAway(go_away)),
            Frame::Auth(Auth { credentials: None }) => self.events.push_back(Event::CredentialsWanted),
            Frame::Auth(Auth { credentials: Some(text) }) => self.events.push_back(Event::Credentials(text)),
            Frame::Authenticated(answer) => self.events.push_back(Event::Authenticated(answer.expires)),
            Frame::Hello(_)
            | Frame::Welcome(_)
            | Frame::Resume(_)
            | Frame::Resumed(_)
            | Frame::Refused(_)
            | Frame::Link(_) => self.violation(now, link),
        }
    }

    fn acknowledged(&mut self, now: u64, link: u64, ack: Ack) {
        if self.ending {
            return;
        }
        if !self.replay.acknowledge(ack.number) {
            return self.violation(now, link);
        }
        self.replay.raise_credit(ack.credit);
        self.watch_room(now, !self.has_room());
        if self.replay.close_acknowledged() {
            self.closed();
        }
    }

    /// This side's CLOSE has arrived.
    fn closed(&mut self) {
        let Some(Close { code, side, reason, .. }) = self.replay.closing().cloned() else { return };
        let undelivered = self.replay.give_back(None);
        self.end();
        self.events.push_back(Event::Closed { code, reason, side, undelivered });
    }

    /// The peer broke a rule on this link. A new link may cure it, once.
    fn violation(&mut self, now: u64, link: u64) {
        if self.candidate.take_if(|candidate| candidate.number == link).is_some() {
            self.timers.clear(Timer::Handshake);
            return self.drop_link(link, code::PROTOCOL);
        }
        if self.violated.is_some_and(|at| now - at < VIOLATIONS) {
            return self.reset("protocol", None);
        }
        self.violated = Some(now);
        self.detach(now);
        self.drop_link(link, code::PROTOCOL);
    }

    /// This side ends the session because something may be missing, and says so if it can.
    fn reset(&mut self, reason: &str, received: Option<u64>) {
        if let Some(mut link) = self.link.take() {
            link.control.clear();
            link.control
                .push_back(Frame::Reset(Reset { reason: reason.to_owned(), received: self.flow.received() }));
            link.closing = Some(code::DONE);
            self.leaving.push(link);
        }
        self.gone(reason, received);
    }

    /// The session is gone with a possible hole. A client begins anew with its next link.
    fn gone(&mut self, reason: &str, received: Option<u64>) {
        if self.ending {
            return self.end();
        }
        // A CLOSE that the other side does not know any more has arrived, or has lost its point.
        if self.replay.closing().is_some() {
            return self.closed();
        }
        let undelivered = self.replay.give_back(received);
        let reason = reason.to_owned();
        if self.role == Role::Gateway {
            self.end();
        } else {
            let candidate = self.candidate.take();
            self.end();
            self.ended = false;
            self.identity = None;
            self.generation = 0;
            self.replay = Replay::new();
            self.flow = Flow::new(self.settings.window, self.settings.message_limit);
            if let Some(link) = candidate {
                // It said RESUME for a session that is no more.
                self.drop_link(link.number, code::DONE);
            }
        }
        self.events.push_back(Event::Reset { reason, undelivered });
    }

    fn end(&mut self) {
        self.ended = true;
        self.timers.clear_all();
        for link in [self.link.take(), self.candidate.take()].into_iter().flatten() {
            self.drop_link(link.number, code::DONE);
        }
    }
}
