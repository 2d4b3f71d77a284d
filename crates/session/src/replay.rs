//! What was sent and may have to be sent again: messages wait here from `send` until the other side has handled
//! them, over any number of links. Pieces are cut when they are sent, so what is sent again is what was sent first.

use crate::frame::{Close, Frame, put_data};
use std::collections::VecDeque;

/// Bytes of a piece of a large message.
pub const PIECE: usize = 32 * 1024;

/// What a DATA frame costs beyond its payload.
pub const FRAME_COST: u64 = 8;

/// A message on its way out.
#[derive(Debug)]
struct Held {
    /// Number of its first piece.
    first: u64,
    /// Sum of costs of all that was sent before it.
    before: u64,
    text: bool,
    payload: Vec<u8>,
}

impl Held {
    fn pieces(&self) -> u64 {
        self.payload.len().div_ceil(PIECE).max(1) as u64
    }

    fn last(&self) -> u64 {
        self.first + self.pieces() - 1
    }

    fn cost(&self) -> u64 {
        self.payload.len() as u64 + FRAME_COST * self.pieces()
    }

    /// Cost of everything up to and with piece `index`.
    fn through(&self, index: u64) -> u64 {
        let payload = (self.payload.len() as u64).min((index + 1) * PIECE as u64);
        self.before + payload + FRAME_COST * (index + 1)
    }
}

/// A message that a session gives back, because nobody can say that it arrived.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Undelivered {
    /// Text, or else binary.
    pub text: bool,
    /// The whole message.
    pub payload: Vec<u8>,
    /// The other side may have it nevertheless: it took the message and did not say that it handled it.
    pub uncertain: bool,
}

/// The outgoing direction.
#[derive(Debug)]
pub(crate) struct Replay {
    held: VecDeque<Held>,
    close: Option<Close>,
    /// Number of the next new frame.
    next: u64,
    /// Number of the next frame to put on the link.
    cursor: u64,
    /// Where in `held` the cursor is.
    at: usize,
    /// The highest number that was ever put on a link.
    sent: u64,
    /// Sum of costs of all messages so far.
    cost: u64,
    /// Up to which sum the other side takes.
    credit: u64,
    acknowledged: u64,
    bytes: usize,
}

impl Replay {
    pub(crate) fn new() -> Replay {
        Replay {
            held: VecDeque::new(),
            close: None,
            next: 1,
            cursor: 1,
            at: 0,
            sent: 0,
            cost: 0,
            credit: 0,
            acknowledged: 0,
            bytes: 0,
        }
    }

    /// Bytes of messages that are held.
    pub(crate) fn bytes(&self) -> usize {
        self.bytes
    }

    /// Messages that are held.
    pub(crate) fn len(&self) -> usize {
        self.held.len()
    }

    /// The lowest number still held, or the next one: everything from there on can be sent again.
    pub(crate) fn lowest(&self) -> u64 {
        self.acknowledged + 1
    }

    /// The highest number that was put on a link.
    pub(crate) fn sent(&self) -> u64 {
        self.sent
    }

    pub(crate) fn push(&mut self, text: bool, payload: Vec<u8>) -> u64 {
        let held = Held { first: self.next, before: self.cost, text, payload };
        self.cost += held.cost();
        self.next = held.last() + 1;
        self.bytes += held.payload.len();
        let last = held.last();
        self.held.push_back(held);
        last
    }

    pub(crate) fn close(&mut self, mut close: Close) {
        if self.close.is_none() {
            close.number = self.next;
            self.next += 1;
            self.close = Some(close);
        }
    }

    pub(crate) fn closing(&self) -> Option<&Close> {
        self.close.as_ref()
    }

    pub(crate) fn raise_credit(&mut self, credit: u64) {
        self.credit = self.credit.max(credit);
    }

    /// Frees what the other side has handled. False: it acknowledges what it never got.
    #[must_use]
    pub(crate) fn acknowledge(&mut self, number: u64) -> bool {
        if number > self.sent {
            return false;
        }
        self.acknowledged = self.acknowledged.max(number);
        while self.held.front().is_some_and(|held| held.last() <= number) {
            if let Some(held) = self.held.pop_front() {
                self.bytes -= held.payload.len();
            }
            self.at = self.at.saturating_sub(1);
        }
        if self.cursor <= number {
            self.cursor = number + 1;
        }
        if self.held.is_empty() {
            self.held.shrink_to(0);
        }
        true
    }

    pub(crate) fn close_acknowledged(&self) -> bool {
        self.close.as_ref().is_some_and(|close| close.number <= self.acknowledged)
    }

    /// A new link: the other side has everything up to `received`. False: it never can have. If it has acknowledged more
    /// since it said so, on a link that was faster, it has that, too.
    #[must_use]
    pub(crate) fn rewind(&mut self, received: u64) -> bool {
        if received > self.sent {
            return false;
        }
        let received = received.max(self.acknowledged);
        self.cursor = received + 1;
        self.at = self.held.iter().position(|held| held.last() > received).unwrap_or(self.held.len());
        true
    }

    /// Is there something that may be put on the link?
    pub(crate) fn ready(&self) -> bool {
        match self.held.get(self.at) {
            Some(held) => held.through(self.cursor - held.first) <= self.credit,
            None => self.close.as_ref().is_some_and(|close| close.number == self.cursor),
        }
    }

    /// Puts frames on the link while `out` is shorter than `limit`.
    pub(crate) fn transmit(&mut self, out: &mut Vec<u8>, limit: usize) {
        while out.len() < limit && self.ready() {
            match self.held.get(self.at) {
                Some(held) => {
                    let index = self.cursor - held.first;
                    let from = index as usize * PIECE;
                    let to = held.payload.len().min(from + PIECE);
                    let more = self.cursor < held.last();
                    put_data(
                        out,
                        self.cursor,
                        held.text,
                        more,
                        held.payload.get(from..to).unwrap_or_default(),
                    );
                    if !more {
                        self.at += 1;
                    }
                }
                None => {
                    let Some(close) = &self.close else { return };
                    Frame::Close(close.clone()).encode(out);
                }
            }
            self.sent = self.sent.max(self.cursor);
            self.cursor += 1;
        }
    }

    /// Everything that was not acknowledged, oldest first. `received` is what the other side says it took; if it
    /// says nothing, all that was sent may have arrived.
    pub(crate) fn give_back(&mut self, received: Option<u64>) -> Vec<Undelivered> {
        let taken = received.unwrap_or(self.sent);
        let held = std::mem::take(&mut self.held);
        *self = Replay { next: self.next, sent: self.sent, ..Replay::new() };
        held.into_iter()
            .map(|held| Undelivered {
                text: held.text,
                uncertain: held.last() <= taken,
                payload: held.payload,
            })
            .collect()
    }
}
