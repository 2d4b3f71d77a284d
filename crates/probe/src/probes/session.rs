//! A short life: pings, one message, a look at what comes uninvited, a close.
//!
//! The message goes out only after the first pong: a server that ends the connection for reasons of its own
//! has then done so already, and is not mistaken for one that dislikes our message.

use crate::socket::Socket;
use crate::{Limit, Observer, Probe, micros};
use evidence::{
    Closing, Echo, Fact, FrameSeen, How, Message, MessageKind, Micros, Ping, Place, Session, Variation,
};
use frame::{Event, Kind, Opcode};
use std::time::Duration;
use tokio::time::Instant;

/// Messages larger than this, inflated, are not read to their end. More than [`FLOOD`], so that only compression gets
/// there: a large message is nothing that a server may be blamed for.
pub(crate) const MESSAGE_LIMIT: u64 = 64 * 1024 * 1024;
/// Pings that are sent.
const PINGS: usize = 5;
/// Time between two of them.
const PING_GAP: Duration = Duration::from_millis(2);
/// The message that we send: valid text, valid JSON, harmless to most protocols.
const GREETING: &str = "\"keepwire check\"";
/// Bytes of the second message: more than a length field of seven bits holds (RFC 6455 section 5.2).
const BINARY: usize = 300;
/// Frames and messages that are kept.
const KEPT: usize = 8;
/// How long a server that does not echo is watched, at the least.
const WATCH: Duration = Duration::from_millis(600);
/// Bytes after which a flood is no news any more; well above what applications send as their first state, behind which
/// our pongs wait.
const FLOOD: u64 = 32 * 1024 * 1024;

struct Life<'a> {
    probe: &'a Probe,
    socket: Socket,
    seen: Session,
    flooded: bool,
}

pub(crate) async fn look(probe: &Probe, socket: Socket, variation: &Variation, observer: &Observer) {
    let deflate = variation.extensions == evidence::Extensions::Deflate && socket.has_deflate();
    let seen = Session {
        variation: variation.clone(),
        deflate,
        pings: Vec::new(),
        echo: None,
        binary_sent_us: None,
        frames: Vec::new(),
        frame_count: 0,
        messages: Vec::new(),
        faults: Vec::new(),
        first_bytes: String::new(),
        bytes: 0,
        ending: None,
        closing: None,
        open_us: 0,
    };
    let mut life = Life { probe, socket, seen, flooded: false };
    life.ping().await;
    if !probe.settings().no_message {
        life.greet().await;
        // Only who echoes gets a second message: it is longer than the shortest length field can say, of the other
        // kind, and the second one that is compressed, which is where home-made servers go wrong.
        if variation.extensions == evidence::Extensions::Deflate && life.echoed() {
            life.send_binary().await;
        }
    }
    life.seen.ending = life.socket.ending();
    if life.flooded {
        // We stopped reading, so nobody can say that the server did not answer these.
        life.forget_open_pings();
    } else if life.seen.ending.is_none() {
        life.close().await;
    }
    let Life { socket, mut seen, .. } = life;
    seen.first_bytes = socket.first.iter().map(|byte| format!("{byte:02x}")).collect::<Vec<_>>().join(" ");
    seen.bytes = socket.bytes;
    seen.open_us = socket.age();
    observer.saw(Place::Server, Fact::Session(Box::new(seen)));
}

/// Closes an open WebSocket that nobody wants to look at.
pub(crate) async fn leave(probe: &Probe, mut socket: Socket) {
    if socket.send_close(1000, "").await.is_ok() {
        let until = Instant::now() + probe.limit(Limit::Close);
        while socket.next(until).await.is_some() {}
    }
}

impl Life<'_> {
    /// Pings close together, so that their round trips overlap; ends with the pong of the last one, because a
    /// server may leave out the others (RFC 6455 section 5.5.3).
    async fn ping(&mut self) {
        let began = Instant::now();
        let until = began + self.probe.limit(Limit::Pong);
        let mut due = began;
        loop {
            let sent_all = self.seen.pings.len() == PINGS;
            if sent_all && self.seen.pings.last().is_some_and(|ping| ping.round_trip_us.is_some()) {
                return;
            }
            if !sent_all && Instant::now() >= due {
                let number = self.seen.pings.len();
                let sent_us = self.socket.age();
                if self.socket.send(Opcode::Ping, format!("keepwire {number}").as_bytes()).await.is_err() {
                    self.drain().await;
                    return;
                }
                self.seen.pings.push(Ping { sent_us, round_trip_us: None });
                due = Instant::now() + PING_GAP;
                continue;
            }
            let wait = if sent_all { until } else { due.min(until) };
            self.flooded |= self.socket.bytes > FLOOD;
            match self.socket.next(wait).await {
                Some(event) => self.note(event),
                None if self.socket.ended.is_none() && Instant::now() >= until => {
                    // Behind a large message on a slow link a pong is late, not missing.
                    if self.socket.is_busy() {
                        self.forget_open_pings();
                    }
                    return;
                }
                None if self.socket.ended.is_some() => return,
                None => {}
            }
            if self.over() {
                return;
            }
        }
    }

    fn forget_open_pings(&mut self) {
        self.seen.pings.retain(|ping| ping.round_trip_us.is_some());
    }

    /// One message, and what comes of it.
    async fn greet(&mut self) {
        if self.over() {
            return;
        }
        let slowest = self.seen.pongs().max().unwrap_or(0);
        let sent_us = self.socket.age();
        if self.socket.send(Opcode::Text, GREETING.as_bytes()).await.is_err() {
            self.drain().await;
            return;
        }
        self.seen.echo = Some(Echo { sent_us, same: false, round_trip_us: None });
        let until = Instant::now() + WATCH.max(Duration::from_micros(slowest * 3));
        while let Some(event) = self.socket.next(until).await {
            self.note(event);
            if self.over() || self.echoed() {
                break;
            }
        }
    }

    fn echoed(&self) -> bool {
        self.seen.echo.as_ref().is_some_and(|echo| echo.same)
    }

    async fn send_binary(&mut self) {
        if self.over() {
            return;
        }
        self.seen.binary_sent_us = Some(self.socket.age());
        // What comes of it is read while the close frame is under way: that saves a round trip.
        let _ = self.socket.send(Opcode::Binary, &[b'k'; BINARY]).await;
    }

    /// Where nothing can be written any more: what the peer said before it hung up can still be read.
    async fn drain(&mut self) {
        let until = Instant::now() + self.probe.limit(Limit::Close);
        while let Some(event) = self.socket.next(until).await {
            self.note(event);
            if self.over() {
                return;
            }
        }
    }

    async fn close(&mut self) {
        let began = Instant::now();
        let until = began + self.probe.limit(Limit::Close);
        if self.socket.send_close(1000, "").await.is_err() {
            self.drain().await;
            self.seen.ending = self.socket.ending();
            return;
        }
        let mut answered = None;
        while let Some(event) = self.socket.next(until).await {
            if let Event::Close { code, .. } = &event {
                answered = Some(code.unwrap_or(1005));
            }
            self.note(event);
            if answered.is_some() || self.over() {
                break;
            }
        }
        // A complaint about the message that went before our close frame is no answer to it.
        if self.seen.binary_sent_us.is_some() && answered.is_some_and(|code| code != 1000 && code != 1005) {
            self.seen.ending = self.socket.ending();
            return;
        }
        let took_us = micros(began.elapsed());
        // The server ends TCP first (RFC 6455 section 7.1.1); a moment is enough to see whether it does.
        let ended = match self.socket.ended {
            Some(How::Fin | How::Reset) => true,
            // It would not come to an end.
            _ if self.flooded => false,
            _ => self.socket.drained(until.min(Instant::now() + Duration::from_millis(200))).await,
        };
        self.seen.closing = Some(Closing { answered, ended, took_us });
    }

    /// Writes down what the judge says.
    fn note(&mut self, event: Event) {
        let at_us = self.socket.age();
        match event {
            Event::Frame { header, preview, .. } => {
                self.seen.frame_count += 1;
                let kind = header.opcode().map_or("unknown", Opcode::name);
                if self.seen.frames.len() < KEPT {
                    let frame = FrameSeen { at_us, kind: kind.to_owned(), length: header.payload_length };
                    self.seen.frames.push(frame);
                }
                if header.opcode() == Some(Opcode::Pong) {
                    self.pong(&preview, at_us);
                }
            }
            Event::Message { kind, length, preview, .. } => self.message(kind, length, &preview, at_us),
            Event::Fault(fault) if self.seen.faults.len() < KEPT => {
                let fault = (fault.id().to_owned(), fault.detail());
                if !self.seen.faults.contains(&fault) {
                    self.seen.faults.push(fault);
                }
            }
            Event::Close { .. } | Event::Fault(_) => {}
        }
        self.flooded |= self.socket.bytes > FLOOD;
    }

    fn pong(&mut self, payload: &[u8], at_us: Micros) {
        let number = std::str::from_utf8(payload)
            .ok()
            .and_then(|text| text.strip_prefix("keepwire ")?.parse::<usize>().ok());
        if let Some(ping) = number.and_then(|number| self.seen.pings.get_mut(number))
            && ping.round_trip_us.is_none()
        {
            ping.round_trip_us = Some(at_us.saturating_sub(ping.sent_us));
        }
    }

    fn message(&mut self, kind: Kind, length: u64, preview: &[u8], at_us: Micros) {
        if let Some(echo) = &mut self.seen.echo
            && preview == GREETING.as_bytes()
            && !echo.same
        {
            echo.same = true;
            echo.round_trip_us = Some(at_us.saturating_sub(echo.sent_us));
            return;
        }
        if kind == Kind::Binary && length == BINARY as u64 && self.seen.binary_sent_us.is_some() {
            return; // our own message, come back
        }
        if self.seen.messages.len() < KEPT {
            let kind = match kind {
                Kind::Text => MessageKind::Text,
                Kind::Binary => MessageKind::Binary,
            };
            let text = evidence::Preview::new(preview, 120).text;
            let preview = self.probe.settings().redactor.text(&text);
            self.seen.messages.push(Message { at_us, kind, length, preview });
        }
    }

    /// Nothing more is to be learnt: the connection is over, or nobody can read it any more.
    fn over(&self) -> bool {
        !self.socket.has_waiting()
            && (self.socket.ended.is_some() || self.socket.is_unreadable() || self.flooded)
    }
}

#[cfg(test)]
mod tests;
