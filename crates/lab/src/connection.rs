//! One accepted connection and the verbs that endpoints are written in: read a request, answer it, accept the
//! upgrade, hear, say, end. Everything it holds is bounded.

use crate::head::{RequestHead, head_end};
use crate::pipe::Wire;
use frame::{Agreed, Assembler, Deflater, FrameFault, Message, Opcode, Preference, Role};
use std::io;
use std::net::SocketAddr;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

const HEAD_LIMIT: usize = 256 * 1024;
const HEAD_PATIENCE: Duration = Duration::from_secs(30);
const READ_STEP: usize = 32 * 1024;
/// Answers are gathered up to this size before they are written.
const WRITE_STEP: usize = 256 * 1024;
/// Longest message of an endpoint that does not say otherwise.
pub(crate) const MESSAGE_LIMIT: usize = 64 << 20;

pub(crate) struct Connection {
    stream: Wire,
    pub(crate) peer: SocketAddr,
    input: Vec<u8>,
    /// Bytes of `input` that have been used.
    used: usize,
    output: Vec<u8>,
    assembler: Assembler,
    pub(crate) deflater: Option<Deflater>,
    /// How long the peer may be silent; a read then fails with `TimedOut`.
    pub(crate) patience: Option<Duration>,
}

/// What came next.
pub(crate) enum Heard {
    Message(Message),
    Fault(FrameFault),
    End,
}

/// Header lines in order.
pub(crate) type Headers = Vec<(String, String)>;

impl Connection {
    pub(crate) fn new(stream: Wire, peer: SocketAddr) -> Connection {
        if let Wire::Tcp(stream) = &stream {
            // Without it, small echoes wait for the peer's delayed acknowledgement.
            let _ = stream.set_nodelay(true);
        }
        Connection {
            stream,
            peer,
            input: Vec::new(),
            used: 0,
            output: Vec::new(),
            assembler: Assembler::new(Role::Client, None, MESSAGE_LIMIT),
            deflater: None,
            patience: None,
        }
    }

    /// Reads one request; nothing if the peer left, was too slow, sent too much, or speaks no HTTP.
    pub(crate) async fn request(&mut self) -> io::Result<Option<RequestHead>> {
        timeout(HEAD_PATIENCE, async {
            // What has been searched need not be again, or a head that drips would cost its square.
            let mut searched = 0;
            loop {
                if let Some(end) = head_end(&self.input[self.used..], searched) {
                    let head = RequestHead::parse(&self.input[self.used..self.used + end]);
                    self.used += end;
                    return Ok(head);
                }
                searched = self.input.len() - self.used;
                if self.input.len() > HEAD_LIMIT || !self.fill().await? {
                    return Ok(None);
                }
            }
        })
        .await
        .unwrap_or(Ok(None))
    }

    /// The first request with its bytes, which are taken from the input.
    pub(crate) async fn peek_request(&mut self) -> io::Result<Option<(RequestHead, Vec<u8>)>> {
        let head = self.request().await?;
        let raw = self.input[..self.used].to_vec();
        Ok(head.map(|head| (head, raw)))
    }

    /// Reads a request that must be an upgrade. Others are answered with 426, and there is nothing more to do.
    pub(crate) async fn upgrade_request(&mut self) -> io::Result<Option<RequestHead>> {
        let Some(head) = self.request().await? else { return Ok(None) };
        if head.is_upgrade() {
            return Ok(Some(head));
        }
        self.respond(
            "426 Upgrade Required",
            &[("Upgrade", "websocket"), ("Sec-WebSocket-Version", "13")],
            "Upgrade Required\n",
        )
        .await?;
        Ok(None)
    }

    /// Answers with a plain response and ends the connection in order.
    pub(crate) async fn respond(
        &mut self,
        status: &str,
        headers: &[(&str, &str)],
        body: &str,
    ) -> io::Result<()> {
        let mut text = format!("HTTP/1.1 {status}\r\n");
        for (name, value) in headers {
            text += &format!("{name}: {value}\r\n");
        }
        if !headers.iter().any(|(name, _)| name.eq_ignore_ascii_case("content-type")) && !body.is_empty() {
            text += "Content-Type: text/plain; charset=utf-8\r\n";
        }
        if !status.starts_with("204") {
            text += &format!("Content-Length: {}\r\n", body.len());
        }
        text += "Connection: close\r\n\r\n";
        text += body;
        self.write(text.as_bytes()).await?;
        self.finish().await
    }

    /// Writes a head made of a status line and these headers, and nothing else.
    pub(crate) async fn write_head(&mut self, status: &str, headers: &Headers) -> io::Result<()> {
        let mut text = format!("HTTP/1.1 {status}\r\n");
        for (name, value) in headers {
            text += &format!("{name}: {value}\r\n");
        }
        text += "\r\n";
        self.write(text.as_bytes()).await
    }

    /// Accepts the upgrade as it should be done, choosing the first subprotocol offered.
    pub(crate) async fn accept(&mut self, head: &RequestHead, compress: bool) -> io::Result<()> {
        let (headers, agreed) = good_answer(head, compress);
        self.write_head("101 Switching Protocols", &headers).await?;
        self.agree(agreed, MESSAGE_LIMIT);
        Ok(())
    }

    /// From here on frames are spoken, compressed or not, with messages up to `limit` bytes.
    pub(crate) fn agree(&mut self, agreed: Option<Agreed>, limit: usize) {
        self.assembler = Assembler::new(Role::Client, agreed, limit);
        self.deflater = agreed
            .map(|agreed| Deflater::new(agreed.server_max_window_bits, agreed.server_no_context_takeover));
    }

    /// The next message. What was said before is written out before it waits.
    pub(crate) async fn hear(&mut self) -> io::Result<Heard> {
        loop {
            let mut rest = &self.input[self.used..];
            let outcome = self.assembler.poll(&mut rest);
            self.used = self.input.len() - rest.len();
            match outcome {
                Ok(Some(message)) => return Ok(Heard::Message(message)),
                Err(fault) => return Ok(Heard::Fault(fault)),
                Ok(None) if !self.fill().await? => return Ok(Heard::End),
                Ok(None) => {}
            }
        }
    }

    /// Queues a frame, compressed if that was agreed and it is a message.
    pub(crate) async fn say(&mut self, opcode: Opcode, payload: &[u8]) -> io::Result<()> {
        match &mut self.deflater {
            Some(deflater) if !opcode.is_control() => {
                let mut compressed = Vec::new();
                deflater.deflate(payload, &mut compressed).map_err(io::Error::other)?;
                frame::encode(&mut self.output, opcode, &compressed, true, true, None);
            }
            _ => frame::encode(&mut self.output, opcode, payload, true, false, None),
        }
        if self.output.len() >= WRITE_STEP { self.flush().await } else { Ok(()) }
    }

    /// Answers one message as an echo server does. Returns whether the conversation goes on.
    pub(crate) async fn answer(&mut self, heard: Heard) -> io::Result<bool> {
        match heard {
            Heard::Message(Message::Text(text)) => self.say(Opcode::Text, text.as_bytes()).await?,
            Heard::Message(Message::Binary(bytes)) => self.say(Opcode::Binary, &bytes).await?,
            Heard::Message(Message::Ping(payload)) => self.say(Opcode::Pong, &payload).await?,
            Heard::Message(Message::Pong(_)) => {}
            Heard::Message(Message::Close { code, .. }) => {
                self.say(Opcode::Close, &frame::close_payload(code, "")).await?;
                self.finish().await?;
                return Ok(false);
            }
            Heard::Fault(fault) => {
                self.close(fault.close_code(), &fault.detail()).await?;
                return Ok(false);
            }
            Heard::End => return Ok(false),
        }
        Ok(true)
    }

    /// Echoes until somebody ends it.
    pub(crate) async fn echo(&mut self) -> io::Result<()> {
        loop {
            let heard = self.hear().await?;
            if !self.answer(heard).await? {
                return Ok(());
            }
        }
    }

    /// Sends a close frame and ends the connection in order.
    pub(crate) async fn close(&mut self, code: u16, reason: &str) -> io::Result<()> {
        frame::encode_close(&mut self.output, Some(code), reason, None);
        self.finish().await
    }

    /// Writes what is queued, then these bytes as they are.
    pub(crate) async fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.output.extend_from_slice(bytes);
        self.flush().await
    }

    pub(crate) async fn flush(&mut self) -> io::Result<()> {
        self.stream.write_all(&self.output).await?;
        self.output.clear();
        self.output.shrink_to(WRITE_STEP);
        Ok(())
    }

    /// Ends our direction and waits a little for the peer to end its own. Closing with unread bytes would send
    /// a reset, and the peer might lose what we said last.
    pub(crate) async fn finish(&mut self) -> io::Result<()> {
        self.flush().await?;
        self.stream.shutdown().await?;
        let _ = timeout(Duration::from_secs(2), self.swallow()).await;
        Ok(())
    }

    /// Reads and forgets whatever comes, until the peer ends its direction.
    pub(crate) async fn swallow(&mut self) -> io::Result<()> {
        self.flush().await?;
        let mut waste = [0; 4096];
        while self.stream.read(&mut waste).await? > 0 {}
        Ok(())
    }

    /// Ends the connection by a reset.
    pub(crate) fn reset(self) {
        match self.stream {
            Wire::Tcp(stream) => {
                let _ = socket2::SockRef::from(&stream).set_linger(Some(Duration::ZERO));
            }
            Wire::Pipe(pipe) => pipe.reset(),
        }
    }

    /// The bare socket, for relays, which have read nothing through this. None: it is a pipe.
    pub(crate) fn into_socket(self) -> Option<TcpStream> {
        match self.stream {
            Wire::Tcp(stream) => Some(stream),
            Wire::Pipe(_) => None,
        }
    }

    /// The bare stream, and what was read of it and not used.
    pub(crate) fn into_wire(mut self) -> (Vec<u8>, Wire) {
        (self.input.split_off(self.used), self.stream)
    }

    /// The next bytes to be read are these; then comes what the peer sends.
    pub(crate) fn unread(&mut self, mut bytes: Vec<u8>) {
        bytes.extend_from_slice(&self.input[self.used..]);
        (self.input, self.used) = (bytes, 0);
    }

    /// Forgets bytes that came together with the request.
    pub(crate) fn forget_input(&mut self) {
        self.used = self.input.len();
    }

    /// Reads more into the input; false at the end of the stream.
    pub(crate) async fn fill(&mut self) -> io::Result<bool> {
        self.flush().await?;
        if self.used == self.input.len() {
            self.input.clear();
            self.used = 0;
        } else if self.used > READ_STEP {
            self.input.drain(..self.used);
            self.used = 0;
        }
        self.input.reserve(READ_STEP);
        let read = self.stream.read_buf(&mut self.input);
        let length = match self.patience {
            Some(patience) => timeout(patience, read).await.map_err(|_| io::ErrorKind::TimedOut)??,
            None => read.await?,
        };
        Ok(length > 0)
    }
}

/// The headers of a correct 101, and the compression that they agree on.
pub(crate) fn good_answer(head: &RequestHead, compress: bool) -> (Headers, Option<Agreed>) {
    let key = head.header("sec-websocket-key").unwrap_or_default();
    let mut headers: Headers = vec![
        ("Upgrade".into(), "websocket".into()),
        ("Connection".into(), "Upgrade".into()),
        ("Sec-WebSocket-Accept".into(), frame::accept_for(key)),
    ];
    if let Some(subprotocol) = head.subprotocols().first() {
        headers.push(("Sec-WebSocket-Protocol".into(), subprotocol.clone()));
    }
    let agreed = if compress { agree_on_deflate(head) } else { None };
    if let Some(agreed) = agreed {
        headers.push(("Sec-WebSocket-Extensions".into(), agreed.header()));
    }
    (headers, agreed)
}

/// What permessage-deflate the lab would agree on: without context, so that each message stands alone.
pub(crate) fn agree_on_deflate(head: &RequestHead) -> Option<Agreed> {
    let offers = frame::parse_extensions(&head.joined("sec-websocket-extensions")?).ok()?;
    let preference = Preference { server_no_context_takeover: true, client_no_context_takeover: true };
    frame::answer_offers(&offers, preference)
}
