//! Plain clients: bytes go on as they came, still masked as the client masked them. Only frame headers are read, to
//! count, to limit and to see the close. A relay that is silent holds no buffer: it waits until a socket can be read,
//! and then uses its thread's; a large payload is not even copied.

use crate::splice::{self, Passed, WORTH};
use frame::{Header, MAX_HEADER_LENGTH, Opcode, Parsed, encode_close};
use std::cell::RefCell;
use std::future::poll_fn;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, ReadBuf};
use tokio::net::TcpStream;
use tokio::net::tcp::{ReadHalf, WriteHalf};

/// Bytes that are read at once: a message of 64 KiB with its header.
const BUFFER: usize = 128 * 1024;
/// The same where the rest is not to be copied: a header, and some.
const HEAD: usize = 4 * 1024;
/// And where bytes have to be waited for with a buffer in hand: TLS and HTTP/2.
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
    /// Payload bytes of the latest frame in all: the next one may be alike.
    latest: u64,
    head: [u8; MAX_HEADER_LENGTH],
    head_length: u8,
    /// Of a close frame: its mask, and how much of its code is known.
    closing: Option<([u8; 4], u8)>,
    /// What is wrong with the frame that comes next.
    fault: Option<Fault>,
}

impl Scanner {
    pub(crate) fn new(masked: bool, limit: u64) -> Scanner {
        Scanner {
            masked,
            limit,
            counts: Counts::default(),
            left: 0,
            latest: 0,
            message: 0,
            head: [0; MAX_HEADER_LENGTH],
            head_length: 0,
            closing: None,
            fault: None,
        }
    }

    /// Whether the next byte begins a frame.
    pub(crate) fn at_frame(&self) -> bool {
        self.left == 0 && self.head_length == 0
    }

    /// Reads on. What of it may go on: all, or what comes before a frame that breaks a rule.
    pub(crate) fn scan<'a>(&mut self, bytes: &'a [u8]) -> &'a [u8] {
        let mut rest = bytes;
        while let Some(first) = rest.first() {
            if self.left > 0 {
                if self.closing.is_some() {
                    self.read_code(rest);
                }
                let skip = self.left.min(rest.len() as u64);
                self.left -= skip;
                rest = rest.get(skip as usize..).unwrap_or_default();
                continue;
            }
            if self.head_length == 0 {
                match Header::parse(rest) {
                    Parsed::Complete { header, header_length } => {
                        self.begin(&header);
                        if self.fault.is_some() {
                            break;
                        }
                        rest = rest.get(header_length..).unwrap_or_default();
                        continue;
                    }
                    Parsed::Incomplete if rest.len() < MAX_HEADER_LENGTH => {}
                    Parsed::Incomplete => {
                        self.fault = Some(Fault::Length);
                        break;
                    }
                }
            }
            // A header in two parts: the only bytes that are ever kept.
            let Some(slot) = self.head.get_mut(usize::from(self.head_length)) else {
                self.fault = Some(Fault::Length);
                break;
            };
            *slot = *first;
            self.head_length += 1;
            if let Parsed::Complete { header, .. } =
                Header::parse(&self.head[..usize::from(self.head_length)])
            {
                self.begin(&header);
                // The part of a bad one that has gone on stays there.
                if self.fault.is_some() {
                    break;
                }
                self.head_length = 0;
            }
            rest = &rest[1..];
        }
        let good = bytes.get(..bytes.len() - rest.len()).unwrap_or_default();
        self.counts.bytes += good.len() as u64;
        good
    }

    /// Nothing goes on after a frame that broke a rule.
    pub(crate) fn judge(&self) -> Result<(), Fault> {
        self.fault.map_or(Ok(()), Err)
    }

    /// So many bytes of the payload went on unseen.
    fn skip(&mut self, bytes: u64) {
        self.counts.bytes += bytes;
        self.left -= bytes;
    }

    fn begin(&mut self, header: &Header) {
        self.fault = self.weigh(header).err();
        if self.fault.is_none() {
            self.left = header.payload_length;
            self.latest = self.left;
        }
    }

    fn weigh(&mut self, header: &Header) -> Result<(), Fault> {
        if header.masked != self.masked {
            return Err(Fault::Mask);
        }
        if header.length_too_large {
            return Err(Fault::Length);
        }
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
    backend.write_all(up.scan(&upward)).await.map_err(End::Error)?;
    client.write_all(down.scan(&downward)).await.map_err(End::Error)?;
    up.judge().map_err(|fault| End::Fault(fault, Side::Client))?;
    down.judge().map_err(|fault| End::Fault(fault, Side::Backend))
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
    while let Some(mut rest) = poll_fn(|context| poll_pass(context, from, to.as_ref(), scanner)).await? {
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
        scanner.judge().map_err(Stop::Fault)?;
    }
    Ok(())
}

/// Passes on what comes next; what the other side does not take of it, or none at the end.
fn poll_pass(
    context: &mut Context<'_>,
    from: &mut ReadHalf<'_>,
    to: &TcpStream,
    scanner: &mut Scanner,
) -> Poll<Result<Option<Vec<u8>>, Stop>> {
    while scanner.left >= WORTH {
        ready!(from.as_ref().poll_read_ready(context))?;
        match splice::pass(from.as_ref(), to, scanner.left) {
            Ok(Passed { bytes: 0, .. }) => return Poll::Ready(Ok(None)),
            Ok(Passed { bytes, rest }) => {
                scanner.skip(bytes);
                if !rest.is_empty() {
                    return Poll::Ready(Ok(Some(rest)));
                }
            }
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
            Err(_) => break,
        }
    }
    // Where a payload is likely to go through the pipe, only the frame's header has to be read.
    let most = if scanner.left == 0 && scanner.latest >= WORTH { HEAD } else { BUFFER };
    SHARED.with_borrow_mut(|buffer| {
        let mut buffer = ReadBuf::new(&mut buffer[..most]);
        // Of a read that does not fill the buffer tokio remembers that the socket is empty now, which `try_read`
        // would have to ask the system for.
        ready!(Pin::new(from).poll_read(context, &mut buffer))?;
        if buffer.filled().is_empty() {
            return Poll::Ready(Ok(None));
        }
        let bytes = scanner.scan(buffer.filled());
        let written = match splice::write(to, bytes, scanner.left >= WORTH) {
            Ok(written) => written,
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => 0,
            Err(error) => return Poll::Ready(Err(Stop::Error(error))),
        };
        Poll::Ready(Ok(Some(bytes.get(written..).unwrap_or_default().to_vec())))
    })
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
        if read == 0 {
            return Ok(());
        }
        to.write_all(scanner.scan(buffer.get(..read).unwrap_or_default())).await?;
        to.flush().await?;
        scanner.judge().map_err(Stop::Fault)?;
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
                assert_eq!((scanner.scan(piece), scanner.judge()), (piece, Ok(())));
            }
            assert_eq!(scanner.counts, expected, "step {step}");
            assert!(scanner.at_frame());
        }
    }

    /// Both ends of a connection; small buffers, so that the relay has to wait for whoever reads.
    async fn pair() -> (TcpStream, TcpStream) {
        let listener = tokio::net::TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let near = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
        let far = listener.accept().await.unwrap().0;
        for socket in [&near, &far] {
            socket2::SockRef::from(socket).set_recv_buffer_size(16 * 1024).unwrap();
            socket2::SockRef::from(socket).set_send_buffer_size(16 * 1024).unwrap();
        }
        (near, far)
    }

    #[tokio::test]
    async fn messages_of_every_size_arrive_as_they_were_and_limits_hold_between_large_ones() {
        let ((mut client, front), (back, mut backend)) = (pair().await, pair().await);
        let relay = tokio::spawn(relay(front, back, [vec![], vec![]], 3 << 20));
        let mut sent = Vec::new();
        for round in 0..3_u8 {
            for size in [0, 1, 4000, 32_767, 32_768, 65_536, 40_000, 300_000, 2_000_000, 125, 70_000, 65_536]
            {
                let payload: Vec<u8> = (0..size).map(|at: usize| (at % 251) as u8 ^ round).collect();
                encode(&mut sent, Opcode::Binary, &payload, true, false, Some([1, 2, 3, round]));
            }
        }
        let frame = |mask| {
            let mut out = Vec::new();
            encode(&mut out, Opcode::Binary, &[7; 65_536], true, false, mask);
            out
        };
        let (mut up, mut down) = (vec![0; sent.len()], vec![0; 3 * frame(None).len()]);
        let (mut read, mut write) = backend.split();
        let (mut client_read, mut client_write) = client.split();
        tokio::join!(
            async { client_write.write_all(&sent).await.unwrap() },
            async {
                for piece in up.chunks_mut(10_000) {
                    read.read_exact(piece).await.unwrap();
                    tokio::task::yield_now().await;
                }
            },
            async {
                for _ in 0..3 {
                    write.write_all(&frame(None)).await.unwrap();
                }
            },
            async { client_read.read_exact(&mut down).await.unwrap() },
        );
        assert!(up == sent, "what arrives is what was sent");
        assert!(down == frame(None).repeat(3));
        // A frame that breaks a rule does not come, what was before it does, and the relay says why it ends.
        let (good, mut last) = (frame(Some([1, 2, 3, 4])), Vec::new());
        let both = [&good[..], &frame(None)].concat();
        // Nobody reads the whole of the bad one.
        let (_, read) = tokio::join!(client_write.write_all(&both), read.read_to_end(&mut last));
        read.unwrap();
        assert!(last[..good.len()] == good);
        assert_eq!(last[good.len()..][..2], [0x88, 0x82], "a masked close");
        let (end, up, down) = relay.await.unwrap();
        assert!(matches!(end, End::Fault(Fault::Mask, Side::Client)), "{end:?}");
        assert_eq!((up.messages, up.bytes), (37, (sent.len() + good.len()) as u64));
        assert_eq!((down.messages, down.bytes), (3, 3 * frame(None).len() as u64));
    }

    #[tokio::test]
    async fn a_large_message_that_breaks_off_ends_the_relay() {
        for client_breaks in [true, false] {
            let ((mut client, front), (back, mut backend)) = (pair().await, pair().await);
            let relay = tokio::spawn(relay(front, back, [vec![], vec![]], 3 << 20));
            let mut frame = Vec::new();
            encode(&mut frame, Opcode::Binary, &[7; 1_000_000], true, false, Some([1, 2, 3, 4]));
            let mut seen = vec![0; 60_000];
            let half = &frame[..if client_breaks { 500_000 } else { frame.len() }];
            let (_, read) = tokio::join!(
                async {
                    let _ = client.write_all(half).await;
                    drop(client);
                },
                async {
                    backend.read_exact(&mut seen).await.unwrap();
                    let mut rest = Vec::new();
                    if client_breaks {
                        backend.read_to_end(&mut rest).await.unwrap();
                    } else {
                        socket2::SockRef::from(&backend).set_linger(Some(std::time::Duration::ZERO)).unwrap();
                        drop(backend);
                    }
                    rest.len()
                }
            );
            let (end, up, _) = relay.await.unwrap();
            if client_breaks {
                assert!(matches!(end, End::Client), "{end:?}");
                assert_eq!((read + seen.len(), up.bytes, up.messages), (500_000, 500_000, 1));
            } else {
                assert!(matches!(end, End::Error(_) | End::Backend), "{end:?}");
            }
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
            let whole = frame(Opcode::Text, b"before", true, mask);
            for step in [1, 3, 1000] {
                let mut scanner = Scanner::new(true, 1000);
                let mut passed = 0;
                for piece in [&whole[..], &bytes].concat().chunks(step) {
                    passed += scanner.scan(piece).len();
                    if scanner.judge().is_err() {
                        break;
                    }
                }
                assert_eq!(scanner.judge(), Err(expected), "{bytes:x?}");
                assert!(passed >= whole.len() && passed < whole.len() + bytes.len(), "{passed}");
                // Of a header in two parts the first one has gone on.
                assert!(step == 3 || scanner.at_frame() == (step > 1));
            }
        }
    }
}
