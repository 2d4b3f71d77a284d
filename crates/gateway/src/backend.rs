//! A session's own WebSocket to the server behind: whole messages, masked as RFC 6455 section 5.3 wants it.

use crate::identity::random;
use crate::upstream::Stream;
use frame::{Assembler, FrameFault, Incoming, Message, Opcode, Role, encode, encode_close};
use std::collections::VecDeque;
use std::io;
use tokio::io::{AsyncReadExt, AsyncWriteExt, ReadHalf, WriteHalf};

/// Bytes that are read at once.
const READ: usize = 16 * 1024;

/// What the backend says.
pub(crate) struct Reader {
    stream: ReadHalf<Stream>,
    incoming: Incoming,
}

/// What came next.
pub(crate) enum Heard {
    Message(Message),
    Fault(FrameFault),
    /// The socket ended without a close frame.
    Ended,
}

/// What the backend is told.
pub(crate) struct Writer {
    stream: WriteHalf<Stream>,
    out: Vec<u8>,
    written: usize,
    /// Up to which byte a message reaches, and its number.
    marks: VecDeque<(usize, u64)>,
    failed: bool,
}

pub(crate) fn split(stream: Stream, early: Vec<u8>, limit: usize) -> (Reader, Writer) {
    let (read, write) = tokio::io::split(stream);
    let incoming = Incoming::new(Assembler::new(Role::Server, None, limit), early);
    (
        Reader { stream: read, incoming },
        Writer { stream: write, out: Vec::new(), written: 0, marks: VecDeque::new(), failed: false },
    )
}

impl Reader {
    /// The next message. May be dropped while it waits.
    pub(crate) async fn next(&mut self) -> Heard {
        loop {
            match self.incoming.poll() {
                Ok(Some(message)) => return Heard::Message(message),
                Err(fault) => return Heard::Fault(fault),
                Ok(None) => {}
            }
            match self.stream.read_buf(self.incoming.room(READ)).await {
                Ok(0) | Err(_) => return Heard::Ended,
                Ok(_) => {}
            }
        }
    }
}

impl Writer {
    /// A message; once it is written, [`Writer::written`] tells its number.
    pub(crate) fn message(&mut self, number: u64, text: bool, payload: &[u8]) {
        self.frame(if text { Opcode::Text } else { Opcode::Binary }, payload);
        self.marks.push_back((self.out.len(), number));
    }

    pub(crate) fn frame(&mut self, opcode: Opcode, payload: &[u8]) {
        encode(&mut self.out, opcode, payload, true, false, Some(random::<4>()));
    }

    pub(crate) fn close(&mut self, code: Option<u16>, reason: &str) {
        encode_close(&mut self.out, code, reason, Some(random::<4>()));
    }

    pub(crate) fn has_output(&self) -> bool {
        !self.failed && self.written < self.out.len()
    }

    /// Bytes that wait.
    pub(crate) fn bytes(&self) -> usize {
        self.out.len() - self.written
    }

    /// Writes some of what waits. May be dropped while it waits.
    pub(crate) async fn write(&mut self) -> io::Result<()> {
        let bytes = self.out.get(self.written..).unwrap_or_default();
        match self.stream.write(bytes).await {
            Ok(written) if written > 0 => {
                self.written += written;
                Ok(())
            }
            Ok(_) => {
                self.failed = true;
                Err(io::ErrorKind::WriteZero.into())
            }
            Err(error) => {
                self.failed = true;
                Err(error)
            }
        }
    }

    /// The number of the last message that the socket took since the last time.
    pub(crate) fn written(&mut self) -> Option<u64> {
        let mut last = None;
        while self.marks.front().is_some_and(|mark| mark.0 <= self.written) {
            last = self.marks.pop_front().map(|mark| mark.1);
        }
        if self.written == self.out.len() {
            self.out = Vec::new();
            self.written = 0;
        } else if self.written > 64 * 1024 {
            self.out.drain(..self.written);
            self.marks.iter_mut().for_each(|mark| mark.0 -= self.written);
            self.written = 0;
        }
        last
    }

    pub(crate) async fn end(&mut self) {
        let _ = self.stream.flush().await;
        let _ = self.stream.shutdown().await;
    }
}
