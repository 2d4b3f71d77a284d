//! Plain clients: bytes go on as they came, still masked as the client masked them. Only frame headers are read, to
//! count, to limit and to see the close. A relay that is silent holds no buffer: it waits until a socket can be read,
//! and then uses its thread's.

use frame::{Header, MAX_HEADER_LENGTH, Opcode, Parsed, encode_close};
use std::cell::RefCell;
use std::future::poll_fn;
use std::io;
use std::pin::Pin;
use std::task::{Poll, ready};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, ReadBuf};
use tokio::net::TcpStream;
use tokio::net::tcp::{ReadHalf, WriteHalf};

/// Bytes that are read at once: a message of 64 KiB with its header.
const BUFFER: usize = 128 * 1024;
/// The same where bytes have to be waited for with a buffer in hand: TLS and HTTP/2.
const SMALL: usize = 16 * 1024;

thread_local! {
    static SHARED: RefCell<Vec<u8>> = RefCell::new(vec![0; BUFFER]);
}

/// What went one way.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Counts {
    pub messages: u64,
    pub bytes: u64,
    /// The code of the close frame, 1005 if it had none.
    pub close: Option<u16>,
}

/// A rule that a frame header breaks, or a limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fault {
    TooLarge,
    Mask,
    Length,
}

impl Fault {
    pub(crate) fn close_code(self) -> u16 {
        if self == Fault::TooLarge { 1009 } else { 1002 }
    }

    /// The id that `keepwire explain` knows.
    pub(crate) fn cause(self) -> &'static str {
        match self {
            Fault::TooLarge => "frame-message-too-big",
            Fault::Mask => "frame-unmasked-client",
            Fault::Length => "frame-length-encoding-bug",
        }
    }
}

/// Follows the headers of one direction.
#[derive(Debug)]
pub(crate) struct Scanner {
    masked: bool,
    limit: u64,
    pub counts: Counts,
    /// Payload bytes of the frame that are still to come.
    left: u64,
    /// Bytes of the message so far.
    message: u64,
    head: [u8; MAX_HEADER_LENGTH],
    head_length: u8,
    /// Of a close frame: its mask, and how much of its code is known.
    closing: Option<([u8; 4], u8)>,
}

impl Scanner {
    pub(crate) fn new(masked: bool, limit: u64) -> Scanner {
        Scanner {
            masked,
            limit,
            counts: Counts::default(),
            left: 0,
            message: 0,
            head: [0; MAX_HEADER_LENGTH],
            head_length: 0,
            closing: None,
        }
    }

    /// Whether the next byte begins a frame.
    pub(crate) fn at_frame(&self) -> bool {
        self.left == 0 && self.head_length == 0
    }

    pub(crate) fn scan(&mut self, mut bytes: &[u8]) -> Result<(), Fault> {
        self.counts.bytes += bytes.len() as u64;
        loop {
            if self.left > 0 {
                if self.closing.is_some() {
                    self.read_code(bytes);
                }
                let skip = self.left.min(bytes.len() as u64);
                self.left -= skip;
                bytes = bytes.get(skip as usize..).unwrap_or_default();
            }
            if bytes.is_empty() {
                return Ok(());
            }
            if self.head_length == 0 {
                match Header::parse(bytes) {
                    Parsed::Complete { header, header_length } => {
                        bytes = bytes.get(header_length..).unwrap_or_default();
                        self.begin(&header)?;
                        continue;
                    }
                    Parsed::Incomplete if bytes.len() < MAX_HEADER_LENGTH => {}
                    Parsed::Incomplete => return Err(Fault::Length),
                }
            }
            // A header in two parts: the only bytes that are ever kept.
            let Some(slot) = self.head.get_mut(usize::from(self.head_length)) else {
                return Err(Fault::Length);
            };
            *slot = bytes[0];
            self.head_length += 1;
            bytes = &bytes[1..];
            if let Parsed::Complete { header, .. } =
                Header::parse(&self.head[..usize::from(self.head_length)])
            {
                self.head_length = 0;
                self.begin(&header)?;
            }
        }
    }

    fn begin(&mut self, header: &Header) -> Result<(), Fault> {
        if header.masked != self.masked {
            return Err(Fault::Mask);
        }
        if header.length_too_large {
            return Err(Fault::Length);
        }
        self.left = header.payload_length;
        // Reserved opcodes, long forms and the like are the two ends' affair: an extension may have given them a
        // meaning. What is judged here is what would get past the limits.
        if header.opcode_number & 8 != 0 {
            if header.payload_length > 125 || !header.fin {
                return Err(Fault::Length);
            }
            if header.opcode() == Some(Opcode::Close) {
                self.counts.close = Some(1005);
                self.closing = (header.payload_length >= 2).then_some((header.mask, 0));
            }
            return Ok(());
        }
        self.message = self.message.saturating_add(header.payload_length);
        if self.message > self.limit {
            return Err(Fault::TooLarge);
        }
        if header.fin {
            self.counts.messages += 1;
            self.message = 0;
        }
        Ok(())
    }

    fn read_code(&mut self, bytes: &[u8]) {
        let Some((mask, known)) = &mut self.closing else { return };
        for byte in bytes {
            let plain = u16::from(byte ^ mask[usize::from(*known)]);
            self.counts.close =
                Some(if *known == 0 { plain << 8 } else { self.counts.close.unwrap_or(0) | plain });
            *known += 1;
            if *known == 2 {
                self.closing = None;
                return;
            }
        }
    }
}

/// Who ended a relay, and how.
#[derive(Debug)]
pub(crate) enum End {
    Client,
    Backend,
    Fault(Fault, Side),
    Error(io::Error),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Side {
    Client,
    Backend,
}

/// Both directions of two plain sockets, until one ends. Each end may still say what is under way to it.
/// `early`: what came along with the handshake, up and down.
pub(crate) async fn relay(
    mut client: TcpStream,
    mut backend: TcpStream,
    early: [Vec<u8>; 2],
    limit: u64,
) -> (End, Counts, Counts) {
    let (mut up, mut down) = (Scanner::new(true, limit), Scanner::new(false, limit));
    let begun = begin(&mut client, &mut backend, early, &mut up, &mut down).await;
    let end = if let Err(end) = begun {
        end
    } else {
        let (mut client_read, client_write) = client.split();
        let (mut backend_read, backend_write) = backend.split();
        let upward = pump(&mut client_read, &backend_write, &mut up);
        let downward = pump(&mut backend_read, &client_write, &mut down);
        // In order: whichever is polled first, both are.
        tokio::select! {
            biased;
            how = upward => ended(how, Side::Client),
            how = downward => ended(how, Side::Backend),
        }
    };
    finish(&end, &mut client, &mut backend, &up, &down).await;
    (end, up.counts, down.counts)
}

async fn begin(
    client: &mut (impl AsyncWrite + Unpin),
    backend: &mut (impl AsyncWrite + Unpin),
    [upward, downward]: [Vec<u8>; 2],
    up: &mut Scanner,
    down: &mut Scanner,
) -> Result<(), End> {
    up.scan(&upward).map_err(|fault| End::Fault(fault, Side::Client))?;
    down.scan(&downward).map_err(|fault| End::Fault(fault, Side::Backend))?;
    backend.write_all(&upward).await.map_err(End::Error)?;
    client.write_all(&downward).await.map_err(End::Error)
}

fn ended(how: Result<(), Stop>, side: Side) -> End {
    match (how, side) {
        (Ok(()), Side::Client) => End::Client,
        (Ok(()), Side::Backend) => End::Backend,
        (Err(Stop::Fault(fault)), side) => End::Fault(fault, side),
        (Err(Stop::Error(error)), _) => End::Error(error),
    }
}

enum Stop {
    Fault(Fault),
    Error(io::Error),
}

impl From<io::Error> for Stop {
    fn from(error: io::Error) -> Stop {
        Stop::Error(error)
    }
}

async fn pump(from: &mut ReadHalf<'_>, to: &WriteHalf<'_>, scanner: &mut Scanner) -> Result<(), Stop> {
    // Only what the other side does not take at once is kept, and then nothing more is read.
    while let Some(mut rest) = poll_fn(|context| {
        SHARED.with_borrow_mut(|buffer| {
            let mut buffer = ReadBuf::new(buffer);
            // Of a read that does not fill the buffer tokio remembers that the socket is empty now, which `try_read`
            // would have to ask the system for.
            ready!(Pin::new(&mut *from).poll_read(context, &mut buffer))?;
            let bytes = buffer.filled();
            if bytes.is_empty() {
                return Poll::Ready(Ok(None));
            }
            scanner.scan(bytes).map_err(Stop::Fault)?;
            let written = match to.try_write(bytes) {
                Ok(written) => written,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => 0,
                Err(error) => return Poll::Ready(Err(Stop::Error(error))),
            };
            Poll::Ready(Ok(Some(bytes.get(written..).unwrap_or_default().to_vec())))
        })
    })
    .await?
    {
        while !rest.is_empty() {
            to.writable().await?;
            match to.try_write(&rest) {
                Ok(written) => {
                    rest.drain(..written);
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Err(error) => return Err(error.into()),
            }
        }
    }
    Ok(())
}

/// The same for anything else: TLS, HTTP/2.
pub(crate) async fn relay_any<C, B>(
    mut client: C,
    mut backend: B,
    early: [Vec<u8>; 2],
    limit: u64,
) -> (End, Counts, Counts)
where
    C: AsyncRead + AsyncWrite + Unpin,
    B: AsyncRead + AsyncWrite + Unpin,
{
    let (mut up, mut down) = (Scanner::new(true, limit), Scanner::new(false, limit));
    let begun = begin(&mut client, &mut backend, early, &mut up, &mut down).await;
    let end = if let Err(end) = begun {
        end
    } else {
        let (mut client_read, mut client_write) = tokio::io::split(&mut client);
        let (mut backend_read, mut backend_write) = tokio::io::split(&mut backend);
        tokio::select! {
            how = pump_any(&mut client_read, &mut backend_write, &mut up) => ended(how, Side::Client),
            how = pump_any(&mut backend_read, &mut client_write, &mut down) => ended(how, Side::Backend),
        }
    };
    finish(&end, &mut client, &mut backend, &up, &down).await;
    (end, up.counts, down.counts)
}

async fn pump_any(
    from: &mut (impl AsyncRead + Unpin),
    to: &mut (impl AsyncWrite + Unpin),
    scanner: &mut Scanner,
) -> Result<(), Stop> {
    let mut buffer = vec![0; SMALL];
    loop {
        let read = from.read(&mut buffer).await?;
        let bytes = buffer.get(..read).unwrap_or_default();
        if bytes.is_empty() {
            return Ok(());
        }
        scanner.scan(bytes).map_err(Stop::Fault)?;
        to.write_all(bytes).await?;
        to.flush().await?;
    }
}

/// Tells both sides, each at the border of a frame, and ends both.
async fn finish(
    end: &End,
    client: &mut (impl AsyncWrite + Unpin),
    backend: &mut (impl AsyncWrite + Unpin),
    up: &Scanner,
    down: &Scanner,
) {
    if let End::Fault(fault, side) = end {
        let mut frame = Vec::new();
        encode_close(&mut frame, Some(fault.close_code()), "", None);
        // The client's frames are masked; a close of ours to the backend is, too.
        let mut masked = Vec::new();
        encode_close(&mut masked, Some(if *side == Side::Client { 1001 } else { 1002 }), "", Some([0; 4]));
        if down.at_frame() || *side == Side::Backend {
            let _ = client.write_all(&frame).await;
        }
        if up.at_frame() {
            let _ = backend.write_all(&masked).await;
        }
    }
    let _ = tokio::join!(client.shutdown(), backend.shutdown());
}

#[cfg(test)]
mod tests {
    use super::*;
    use frame::encode;

    fn frames() -> Vec<u8> {
        let mut out = Vec::new();
        encode(&mut out, Opcode::Text, b"hello", true, false, Some([1, 2, 3, 4]));
        encode(&mut out, Opcode::Binary, &[7; 300], false, false, Some([9, 2, 3, 4]));
        encode(&mut out, Opcode::Ping, b"x", true, false, Some([1, 2, 3, 4]));
        encode(&mut out, Opcode::Continuation, &[7; 70_000], true, false, Some([1, 2, 3, 4]));
        encode_close(&mut out, Some(4001), "bye", Some([5, 6, 7, 8]));
        out
    }

    #[test]
    fn headers_are_followed_wherever_the_bytes_are_cut() {
        let bytes = frames();
        let expected = Counts { messages: 2, bytes: bytes.len() as u64, close: Some(4001) };
        for step in [1, 2, 3, 7, 100, 4096, bytes.len()] {
            let mut scanner = Scanner::new(true, 1 << 20);
            for piece in bytes.chunks(step) {
                scanner.scan(piece).unwrap();
            }
            assert_eq!(scanner.counts, expected, "step {step}");
            assert!(scanner.at_frame());
        }
    }

    #[test]
    fn rules_and_limits() {
        let frame = |opcode, payload: &[u8], fin, mask| {
            let mut out = Vec::new();
            encode(&mut out, opcode, payload, fin, false, mask);
            out
        };
        let mask = Some([1, 2, 3, 4]);
        for (bytes, expected) in [
            (frame(Opcode::Text, b"x", true, None), Fault::Mask),
            (frame(Opcode::Text, &[0; 2000], true, mask), Fault::TooLarge),
            (
                [
                    frame(Opcode::Text, &[0; 600], false, mask),
                    frame(Opcode::Continuation, &[0; 600], true, mask),
                ]
                .concat(),
                Fault::TooLarge,
            ),
            (vec![0x82, 0xff, 0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0], Fault::Length),
            (frame(Opcode::Ping, &[0; 126], true, mask), Fault::Length),
        ] {
            assert_eq!(Scanner::new(true, 1000).scan(&bytes), Err(expected), "{bytes:x?}");
        }
    }
}
