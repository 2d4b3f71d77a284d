//! Bytes in, whole messages out, for those who want to talk rather than to judge. It is the judge's engine that
//! keeps all of a message and stops at the first fault, whether fatal or not.

use crate::agreement::Agreed;
use crate::engine::Engine;
use crate::fault::FrameFault;
use crate::header::Opcode;
use crate::judge::{Event, Kind, Role, Settings};

/// Something whole that the peer said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Message {
    /// A text message.
    Text(String),
    /// A binary message.
    Binary(Vec<u8>),
    /// A ping, to be answered by a pong with the same payload.
    Ping(Vec<u8>),
    /// A pong.
    Pong(Vec<u8>),
    /// A close frame; nothing comes after it.
    Close {
        /// The code, or nothing if the frame had no body.
        code: Option<u16>,
        /// The reason, often empty.
        reason: String,
    },
}

/// Assembles one direction of one connection. It holds at most one message and its input is the caller's.
#[derive(Debug)]
pub struct Assembler {
    engine: Engine,
    fault: Option<FrameFault>,
}

impl Assembler {
    /// `sender` is the peer; `deflate` is what was agreed; messages beyond `message_limit` bytes are a fault.
    pub fn new(sender: Role, deflate: Option<Agreed>, message_limit: usize) -> Assembler {
        let settings =
            Settings { sender, deflate, message_limit: message_limit as u64, preview: message_limit };
        Assembler { engine: Engine::new(settings, false), fault: None }
    }

    /// Reads from the front of `input` until a message is whole. `Ok(None)` means that all was read.
    ///
    /// # Errors
    /// The first rule that the peer broke, and the same again for ever after; [`FrameFault::close_code`] says
    /// with which code to end the connection.
    pub fn poll(&mut self, input: &mut &[u8]) -> Result<Option<Message>, FrameFault> {
        if let Some(fault) = &self.fault {
            return Err(fault.clone());
        }
        while let Some(event) = self.engine.poll(input) {
            match event {
                Event::Message { kind: Kind::Binary, preview, .. } => {
                    return Ok(Some(Message::Binary(preview)));
                }
                Event::Message { kind: Kind::Text, preview, .. } => match String::from_utf8(preview) {
                    Ok(text) => return Ok(Some(Message::Text(text))),
                    Err(error) => {
                        let at = error.utf8_error().valid_up_to() as u64;
                        return Err(self.break_off(FrameFault::InvalidUtf8 { at }));
                    }
                },
                Event::Frame { header, preview, .. } => match header.opcode() {
                    Some(Opcode::Ping) => return Ok(Some(Message::Ping(preview))),
                    Some(Opcode::Pong) => return Ok(Some(Message::Pong(preview))),
                    _ => {}
                },
                Event::Close { code, reason } => return Ok(Some(Message::Close { code, reason })),
                Event::Fault(fault) => return Err(self.break_off(fault)),
            }
        }
        Ok(None)
    }

    fn break_off(&mut self, fault: FrameFault) -> FrameFault {
        self.fault = Some(fault.clone());
        fault
    }
}

/// An [`Assembler`] with the buffer that its caller reads into.
#[derive(Debug)]
pub struct Incoming {
    assembler: Assembler,
    buffer: Vec<u8>,
    used: usize,
}

impl Incoming {
    /// `early` is what came along with the handshake.
    pub fn new(assembler: Assembler, early: Vec<u8>) -> Incoming {
        Incoming { assembler, buffer: early, used: 0 }
    }

    /// The next message of what has come; `Ok(None)` means that more has to be read.
    ///
    /// # Errors
    /// Those of [`Assembler::poll`].
    pub fn poll(&mut self) -> Result<Option<Message>, FrameFault> {
        let mut input = self.buffer.get(self.used..).unwrap_or_default();
        let outcome = self.assembler.poll(&mut input);
        self.used = self.buffer.len() - input.len();
        outcome
    }

    /// Where to read to once [`Incoming::poll`] wants more: empty, with room for so many bytes.
    pub fn room(&mut self, bytes: usize) -> &mut Vec<u8> {
        self.buffer.clear();
        self.used = 0;
        self.buffer.reserve(bytes);
        &mut self.buffer
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn assembled(bytes: &[u8], chunk: usize) -> (Vec<Message>, Option<FrameFault>) {
        let mut assembler = Assembler::new(Role::Server, None, 1000);
        let mut messages = Vec::new();
        for mut piece in bytes.chunks(chunk) {
            loop {
                match assembler.poll(&mut piece) {
                    Ok(Some(message)) => messages.push(message),
                    Ok(None) => break,
                    Err(fault) => return (messages, Some(fault)),
                }
            }
        }
        (messages, None)
    }

    #[test]
    fn everything_that_can_be_said_in_pieces_of_any_size() {
        let bytes = b"\x01\x03Hel\x89\x01p\x80\x02lo\x82\x01\xff\x8a\x00\x88\x05\x03\xe8bye";
        let expect = vec![
            Message::Ping(b"p".into()),
            Message::Text("Hello".into()),
            Message::Binary(vec![0xFF]),
            Message::Pong(vec![]),
            Message::Close { code: Some(1000), reason: "bye".into() },
        ];
        for chunk in 1..=bytes.len() {
            assert_eq!(assembled(bytes, chunk), (expect.clone(), None), "in chunks of {chunk}");
        }
    }

    #[test]
    fn what_is_read_while_messages_come_is_theirs_in_order() {
        let bytes = b"\x81\x01a\x82\x02bc\x81\x01d";
        for early in 0..=bytes.len() {
            let mut incoming =
                Incoming::new(Assembler::new(Role::Server, None, 1000), bytes[..early].to_vec());
            let mut rest = bytes[early..].chunks(2);
            let mut messages = Vec::new();
            loop {
                match incoming.poll().unwrap() {
                    Some(message) => messages.push(message),
                    None => match rest.next() {
                        Some(more) => incoming.room(2).extend_from_slice(more),
                        None => break,
                    },
                }
            }
            let expect =
                [Message::Text("a".into()), Message::Binary(b"bc".into()), Message::Text("d".into())];
            assert_eq!(messages, expect, "{early} bytes early");
        }
    }

    #[test]
    fn the_first_fault_ends_it_even_one_that_a_judge_would_forgive() {
        let (messages, fault) = assembled(b"\x81\x01a\x81\x81\0\0\0\0b\x81\x01c", 3);
        assert_eq!(messages, [Message::Text("a".into())]);
        assert_eq!(fault, Some(FrameFault::MaskedByServer));
    }

    #[test]
    fn a_message_may_have_exactly_the_limit() {
        for (length, whole) in [(1000u16, true), (1001, false)] {
            let mut bytes = vec![0x82, 126];
            bytes.extend_from_slice(&length.to_be_bytes());
            bytes.extend_from_slice(&vec![0; usize::from(length)]);
            let (messages, fault) = assembled(&bytes, 4096);
            assert_eq!((messages.len() == 1, fault.is_none()), (whole, whole), "{length}");
        }
    }
}
