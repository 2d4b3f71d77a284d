//! What comes in: takes exactly the next number, puts pieces together, and says when to acknowledge and how much
//! more may come (`protocol/PROTOCOL.md` sections 4 and 5).

use crate::frame::{Ack, Data};
use crate::replay::{FRAME_COST, PIECE};
use std::collections::VecDeque;

/// Frames after which an acknowledgement is due at once.
const ACK_FRAMES: u64 = 32;
/// Cost after which it is.
const ACK_COST: u64 = 64 * 1024;
/// Milliseconds after which it is.
const ACK_WAIT: u64 = 250;
/// The same, once half of the window is used.
const ACK_WAIT_FULL: u64 = 25;

/// What a DATA frame turned out to be.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Taken {
    /// Known, or a piece that does not end its message.
    Nothing,
    /// A whole message; its last number.
    Message { number: u64, text: bool, payload: Vec<u8> },
    /// Not the next number.
    Jump,
    /// More than was granted.
    Beyond,
    /// The message grows beyond the limit.
    TooLarge,
    /// A text message that is no UTF-8, or pieces of both kinds in one.
    Malformed,
}

/// The incoming direction.
#[derive(Debug)]
pub(crate) struct Flow {
    window: u64,
    message_limit: usize,
    received: u64,
    received_cost: u64,
    handled: u64,
    handled_cost: u64,
    /// Taken and not handled yet: number, cost, and whether the application has to say so.
    open: VecDeque<(u64, u64, bool)>,
    /// Up to which number the application has handled.
    said: u64,
    granted: u64,
    acknowledged: u64,
    acknowledged_cost: u64,
    due: Option<u64>,
    piece: Vec<u8>,
    piece_text: Option<bool>,
}

impl Flow {
    pub(crate) fn new(window: u64, message_limit: usize) -> Flow {
        // A piece has to fit, or it would wait for ever.
        let window = window.max(2 * PIECE as u64);
        Flow {
            window,
            message_limit,
            received: 0,
            received_cost: 0,
            handled: 0,
            handled_cost: 0,
            open: VecDeque::new(),
            said: 0,
            granted: window,
            acknowledged: 0,
            acknowledged_cost: 0,
            due: None,
            piece: Vec::new(),
            piece_text: None,
        }
    }

    /// The highest number that was taken in order.
    pub(crate) fn received(&self) -> u64 {
        self.received
    }

    /// Bytes that wait for the rest of their message.
    pub(crate) fn bytes(&self) -> usize {
        self.piece.len()
    }

    pub(crate) fn take(&mut self, now: u64, data: Data) -> Taken {
        if data.number <= self.received {
            // It was sent again because an acknowledgement was lost: say it once more.
            self.acknowledge_by(now);
            return Taken::Nothing;
        }
        if data.number != self.received + 1 {
            return Taken::Jump;
        }
        let cost = data.payload.len() as u64 + FRAME_COST;
        if self.received_cost + cost > self.granted {
            return Taken::Beyond;
        }
        if self.piece.len() + data.payload.len() > self.message_limit {
            return Taken::TooLarge;
        }
        if self.piece_text.is_some_and(|text| text != data.text) {
            return Taken::Malformed;
        }
        let whole = if data.more || self.piece_text.is_some() {
            self.piece.extend_from_slice(&data.payload);
            self.piece_text = data.more.then_some(data.text);
            if data.more { None } else { Some(std::mem::take(&mut self.piece)) }
        } else {
            Some(data.payload)
        };
        if data.text && whole.as_ref().is_some_and(|payload| std::str::from_utf8(payload).is_err()) {
            return Taken::Malformed;
        }
        self.note(now, data.number, cost, whole.is_some());
        match whole {
            Some(payload) => Taken::Message { number: data.number, text: data.text, payload },
            None => Taken::Nothing,
        }
    }

    /// Takes the number of a CLOSE. None: known, or a jump, which the flag tells apart.
    pub(crate) fn take_close(&mut self, now: u64, number: u64) -> Result<bool, ()> {
        if number <= self.received {
            self.acknowledge_by(now);
            return Ok(false);
        }
        if number != self.received + 1 {
            return Err(());
        }
        self.note(now, number, 0, false);
        Ok(true)
    }

    fn note(&mut self, now: u64, number: u64, cost: u64, by_application: bool) {
        self.received = number;
        self.received_cost += cost;
        self.open.push_back((number, cost, by_application));
        self.settle(now);
    }

    /// The application has handled the message with this number, and all before it.
    pub(crate) fn handled(&mut self, now: u64, number: u64) {
        self.said = self.said.max(number.min(self.received));
        self.settle(now);
    }

    fn settle(&mut self, now: u64) {
        let before = self.handled;
        while let Some(&(number, cost, by_application)) = self.open.front() {
            if by_application && number > self.said {
                break;
            }
            self.open.pop_front();
            self.handled = number;
            self.handled_cost += cost;
        }
        if self.handled != before {
            self.acknowledge_by(now);
        }
    }

    /// Something is to be acknowledged: in how long?
    fn acknowledge_by(&mut self, now: u64) {
        let frames = self.handled - self.acknowledged;
        let cost = self.handled_cost - self.acknowledged_cost;
        let used = self.received_cost + self.window - self.granted;
        let wait = if frames >= ACK_FRAMES || cost >= ACK_COST {
            0
        } else if used > self.window / 2 {
            ACK_WAIT_FULL
        } else {
            ACK_WAIT
        };
        let due = now + wait;
        self.due = Some(self.due.map_or(due, |earlier| earlier.min(due)));
    }

    /// When an acknowledgement has to go out.
    pub(crate) fn due(&self) -> Option<u64> {
        self.due
    }

    /// Everything that was taken is handled.
    pub(crate) fn settled(&self) -> bool {
        self.open.is_empty()
    }

    /// The acknowledgement of this moment, which is then no longer due.
    pub(crate) fn acknowledge(&mut self) -> Ack {
        self.due = None;
        self.acknowledged = self.handled;
        self.acknowledged_cost = self.handled_cost;
        Ack { number: self.handled, credit: self.grant() }
    }

    /// The credit of this moment.
    pub(crate) fn grant(&mut self) -> u64 {
        self.granted = self.granted.max(self.handled_cost + self.window);
        self.granted
    }
}
