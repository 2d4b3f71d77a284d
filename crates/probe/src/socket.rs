//! An open WebSocket as a probe uses it: it sends a few frames, and the strict judge reads what comes.

use crate::net::BoxStream;
use crate::{micros, tls};
use evidence::{Ending, How, Micros, Preview};
use frame::{Agreed, Event, Judge, Opcode, Role, Settings, encode, encode_close};
use std::collections::VecDeque;
use std::convert::Infallible;
use std::io;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::{Instant, timeout, timeout_at};

/// Bytes that are read at once.
const CHUNK: usize = 16 * 1024;
/// Time for one frame to be written; a peer that reads nothing for so long will not read the rest.
const WRITE_TIME: Duration = Duration::from_secs(4);

/// An open WebSocket.
pub(crate) struct Socket {
    stream: BoxStream,
    judge: Judge,
    deflate: bool,
    /// What one read brought, and how much of it was judged. The rest is judged when somebody asks for it: a server
    /// that sends a thousand messages at once costs no memory, and no pong among them gets lost.
    buffer: Vec<u8>,
    judged: usize,
    waiting: Option<Event>,
    /// What came while we wrote.
    early: VecDeque<u8>,
    early_end: Option<How>,
    /// Every frame was written whole; otherwise the peer would take the next one for the rest of the last.
    whole: bool,
    opened: Instant,
    last: Instant,
    /// The end, once it came.
    pub ended: Option<How>,
    /// When it came.
    pub ended_at: Instant,
    /// The first bytes after the head.
    pub first: Vec<u8>,
    /// Bytes after the head.
    pub bytes: u64,
    /// Answer the server's pings.
    pub answers_pings: bool,
    /// Pings of the server.
    pub pings: u64,
}

impl Socket {
    /// After a 101; `rest` are the bytes that came behind its head.
    pub(crate) fn new(stream: BoxStream, rest: Vec<u8>, deflate: Option<Agreed>, message_limit: u64) -> Self {
        let settings = Settings { deflate, message_limit, ..Settings::new(Role::Server) };
        let now = Instant::now();
        let mut socket = Self {
            stream,
            judge: Judge::new(settings),
            deflate: deflate.is_some(),
            buffer: rest,
            judged: 0,
            waiting: None,
            early: VecDeque::new(),
            early_end: None,
            whole: true,
            opened: now,
            last: now,
            ended: None,
            ended_at: now,
            first: Vec::new(),
            bytes: 0,
            answers_pings: true,
            pings: 0,
        };
        socket.begin();
        socket
    }

    /// permessage-deflate was agreed.
    pub(crate) fn has_deflate(&self) -> bool {
        self.deflate
    }

    /// Something was read that nobody has looked at yet.
    pub(crate) fn has_waiting(&self) -> bool {
        self.waiting.is_some()
    }

    /// The server broke a rule after which nobody can tell where the next frame begins.
    pub(crate) fn is_unreadable(&self) -> bool {
        self.judge.ended().is_some()
    }

    /// The server is in the middle of a large frame, and still sending: what else it has to say must wait.
    pub(crate) fn is_busy(&self) -> bool {
        let large = |header: frame::Header| header.payload_length > 64 * 1024;
        self.ended.is_none()
            && self.judge.unfinished().and_then(|unfinished| unfinished.header).is_some_and(large)
            && self.last.elapsed() < Duration::from_millis(500)
    }

    /// Time since the connection was open.
    pub(crate) fn age(&self) -> Micros {
        micros(self.opened.elapsed())
    }

    /// How the server ended it, with the times that tell timers apart.
    pub(crate) fn ending(&self) -> Option<Ending> {
        let how = self.ended.clone()?;
        let after = self.ended_at.duration_since(self.opened);
        let idle = self.ended_at.saturating_duration_since(self.last);
        Some(Ending { how, after_us: micros(after), idle_us: micros(idle) })
    }

    /// Sends one frame. What comes back tells whether it arrived; an error is noticed by the next read.
    pub(crate) async fn send(&mut self, opcode: Opcode, payload: &[u8]) -> io::Result<()> {
        let mut bytes = Vec::with_capacity(payload.len() + 14);
        encode(&mut bytes, opcode, payload, true, false, Some(fresh_mask()));
        self.write(&bytes).await
    }

    /// Sends a close frame.
    pub(crate) async fn send_close(&mut self, code: u16, reason: &str) -> io::Result<()> {
        let mut bytes = Vec::new();
        encode_close(&mut bytes, Some(code), reason, Some(fresh_mask()));
        self.write(&bytes).await
    }

    /// Reads while it writes: a peer that echoes piece by piece would otherwise wait for us, and we for it.
    async fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        if !self.whole {
            return Err(io::ErrorKind::BrokenPipe.into());
        }
        self.whole = false;
        let room = bytes.len() + CHUNK;
        let Self { stream, early, early_end, .. } = self;
        let (mut reader, mut writer) = tokio::io::split(stream);
        let writing = async {
            writer.write_all(bytes).await?;
            writer.flush().await
        };
        let reading = async {
            let mut chunk = vec![0; CHUNK];
            while early.len() < room && early_end.is_none() {
                match reader.read(&mut chunk).await {
                    Ok(0) => *early_end = Some(How::Fin),
                    Ok(length) => early.extend(&chunk[..length]),
                    Err(error) => *early_end = Some(broken(&error)),
                }
            }
            std::future::pending::<Infallible>().await
        };
        tokio::select! {
            biased;
            written = timeout(WRITE_TIME, writing) => written??,
            never = reading => match never {},
        }
        self.whole = true;
        self.last = Instant::now();
        Ok(())
    }

    /// The next thing that the judge has to say; none: the time is over, or the connection is.
    pub(crate) async fn next(&mut self, until: Instant) -> Option<Event> {
        loop {
            if let Some(event) = self.waiting.take() {
                self.judge_on();
                self.answer(&event).await;
                return Some(event);
            }
            // A server that never pauses has always something to read: the time is over all the same.
            if self.ended.is_some() || Instant::now() >= until {
                return None;
            }
            match self.read(until).await {
                Err(Elapsed) => return None,
                Ok(Some(How::Fin)) => {
                    self.end(How::Fin);
                    self.waiting = self.judge.finish().map(Event::Fault);
                }
                Ok(Some(how)) => self.end(how),
                Ok(None) => {
                    self.begin();
                    self.last = Instant::now();
                }
            }
        }
    }

    /// Reads some bytes into the buffer, which was judged to its end; some: how it ended instead.
    async fn read(&mut self, until: Instant) -> Result<Option<How>, Elapsed> {
        self.buffer.clear();
        self.judged = 0;
        if !self.early.is_empty() {
            let length = self.early.len().min(CHUNK);
            self.buffer.extend(self.early.drain(..length));
            return Ok(None);
        }
        if let Some(how) = self.early_end.take() {
            return Ok(Some(how));
        }
        self.buffer.reserve(CHUNK);
        Ok(match timeout_at(until, self.stream.read_buf(&mut self.buffer)).await.map_err(|_| Elapsed)? {
            Ok(0) => Some(How::Fin),
            Ok(_) => None,
            Err(error) => Some(broken(&error)),
        })
    }

    /// New bytes are in the buffer.
    fn begin(&mut self) {
        self.judged = 0;
        self.bytes += self.buffer.len() as u64;
        let room = 16 - self.first.len();
        self.first.extend(self.buffer.iter().take(room));
        self.judge_on();
    }

    /// Judges the buffer up to the next thing that there is to say.
    fn judge_on(&mut self) {
        let mut rest = self.buffer.get(self.judged..).unwrap_or_default();
        self.waiting = self.judge.poll(&mut rest);
        self.judged = self.buffer.len() - rest.len();
        if let Some(Event::Close { code, reason }) = &self.waiting {
            let reason = Preview::new(reason.as_bytes(), 123).text;
            let how = How::Close { code: *code, reason };
            self.end(how);
        }
    }

    fn end(&mut self, how: How) {
        if self.ended.is_none() {
            self.ended = Some(how);
            self.ended_at = Instant::now();
        }
    }

    async fn answer(&mut self, event: &Event) {
        if let Event::Frame { header, preview, .. } = event
            && header.opcode() == Some(Opcode::Ping)
        {
            self.pings += 1;
            if self.answers_pings && self.ended.is_none() {
                let payload = preview.clone();
                let _ = self.send(Opcode::Pong, &payload).await;
            }
        }
    }

    /// Waits for the server to end TCP after the close frames; true: it did.
    pub(crate) async fn drained(&mut self, until: Instant) -> bool {
        let mut sink = [0; 4096];
        loop {
            match timeout_at(until, self.stream.read(&mut sink)).await {
                Ok(Ok(0) | Err(_)) => return true,
                Ok(Ok(_)) => {}
                Err(_) => return false,
            }
        }
    }
}

/// The time was over.
struct Elapsed;

/// What an error while reading means.
fn broken(error: &io::Error) -> How {
    match tls::alert_in(error) {
        Some(name) => How::Alert(name),
        None if error.kind() == io::ErrorKind::UnexpectedEof => How::Fin,
        None => How::Reset,
    }
}

fn fresh_mask() -> [u8; 4] {
    let mut mask = [0; 4];
    // Unpredictability protects proxies from pages (RFC 6455 section 10.3); this program is no page.
    let _ = getrandom::fill(&mut mask);
    mask
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn nothing_gets_lost_in_a_crowd() {
        let (ours, mut theirs) = tokio::io::duplex(1 << 20);
        let mut bytes = b"\x81\x00".repeat(5_000);
        bytes.extend(b"\x8a\x01!\x88\x02\x03\xe8");
        theirs.write_all(&bytes).await.expect("it is taken");
        let mut socket = Socket::new(Box::new(ours), b"\x81\x00".repeat(1_000), None, 1 << 20);
        let until = Instant::now() + Duration::from_secs(5);
        let (mut messages, mut pongs) = (0, 0);
        while let Some(event) = socket.next(until).await {
            match event {
                Event::Message { .. } => messages += 1,
                Event::Frame { header, .. } if header.opcode() == Some(Opcode::Pong) => pongs += 1,
                _ => {}
            }
        }
        assert_eq!((messages, pongs, socket.bytes), (6_000, 1, 12_007));
        assert_eq!(socket.ended, Some(How::Close { code: Some(1000), reason: String::new() }));
    }
}
