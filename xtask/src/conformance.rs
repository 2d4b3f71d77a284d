//! `cargo xtask conformance ws://host:port/path`: judges any server of `keepwire.v1` over real sockets, by the rules of
//! `protocol/PROTOCOL.md`. What stands behind it has to echo. It speaks frames itself and shares no engine with anybody.

use frame::{Assembler, Message, Opcode, Role, accept_for, encode};
use session::{Ack, Beat, Close, Data, Frame, Hello, LinkKey, Resume, Side, Welcome};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

/// For any answer.
const PATIENCE: Duration = Duration::from_secs(8);
const KEY: &str = "dGhlIHNhbXBsZSBub25jZQ==";

type Check = Result<(), String>;

pub(crate) fn run(arguments: &[String]) -> Result<(), String> {
    let [address] = arguments else {
        return Err("usage: cargo xtask conformance ws://host:port/path    (an echo has to stand behind it)"
            .to_owned());
    };
    let rest = address.strip_prefix("ws://").ok_or("only ws:// addresses: TLS is not what is judged here")?;
    let (host, path) = rest.split_once('/').unwrap_or((rest, ""));
    let server = Server { host: host.to_owned(), path: format!("/{path}") };
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| error.to_string())?;
    let failed = runtime.block_on(judge(&server));
    if failed == 0 { Ok(()) } else { Err(format!("{failed} rules are broken")) }
}

async fn judge(server: &Server) -> usize {
    let mut failed = 0;
    let mut count = 0;
    macro_rules! rule {
        ($section:literal, $says:literal, $check:expr) => {{
            let outcome = timeout(3 * PATIENCE, $check).await.unwrap_or_else(|_| Err("no end".to_owned()));
            count += 1;
            failed += usize::from(outcome.is_err());
            let word = if outcome.is_ok() { "ok  " } else { "FAIL" };
            println!("{word}  section {:<3} {}", $section, $says);
            if let Err(why) = outcome {
                println!("      {why}");
            }
        }};
    }
    rule!("2", "keepwire.v1 is selected where it is offered", selected(server));
    rule!("6", "HELLO is answered by a whole WELCOME", welcome(server));
    rule!("4", "messages come back numbered from 1, pieces and kinds as they were", echoes(server));
    rule!("5", "what was handled is acknowledged in time, and credit grows", acknowledges(server));
    rule!("10", "PING is answered by PONG with its nonce", pong(server));
    rule!("3", "a frame of an unknown kind is skipped", unknown_kind(server));
    rule!(
        "7",
        "a session goes on over a new link, and sends again exactly what was not acknowledged",
        resumes(server)
    );
    rule!("7", "a second link takes over, and the first one ends with 4000", takes_over(server));
    rule!("7", "the token before the last serves once more, if the answer was lost", lost_answer(server));
    rule!("7", "a RESUME that comes twice is answered twice, and the newer link serves", comes_twice(server));
    rule!("7", "a RESUME that is overtaken is refused and changes nothing", overtaken(server));
    rule!("7", "a hole is never silent", hole(server));
    rule!("9", "a wrong token and a made-up id are refused", refuses(server));
    rule!("4", "a jump in the numbers ends the link with 4001", jump(server));
    rule!("6", "anything before HELLO is refused", too_early(server));
    rule!("8", "CLOSE is acknowledged, and the session is forgotten", closes(server));
    rule!("14", "an HTTP stream carries, with posts up", stream(server));
    rule!("14", "long polls carry; one that comes twice is 410", polls(server));
    rule!("14", "a post with a wrong token is 410", wrong_post(server));
    println!("{} passed, {failed} failed", count - failed);
    failed
}

struct Server {
    host: String,
    path: String,
}

/// One WebSocket, and the frames that came on it.
struct Link {
    socket: TcpStream,
    assembler: Assembler,
    buffer: Vec<u8>,
    frames: Vec<Frame>,
}

#[derive(Debug)]
#[expect(clippy::large_enum_variant, reason = "there is one at a time")]
enum Came {
    Frame(Frame),
    Closed(u16),
}

fn text(error: impl std::fmt::Display) -> String {
    error.to_string()
}

impl Server {
    async fn link(&self, protocols: &str) -> Result<Link, String> {
        let mut socket = TcpStream::connect(&self.host).await.map_err(text)?;
        let head = format!(
            "GET {} HTTP/1.1\r\nHost: {}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n\
             Sec-WebSocket-Key: {KEY}\r\nSec-WebSocket-Protocol: {protocols}\r\n\r\n",
            self.path, self.host
        );
        socket.write_all(head.as_bytes()).await.map_err(text)?;
        let mut answer = Vec::new();
        while !answer.ends_with(b"\r\n\r\n") {
            answer.push(socket.read_u8().await.map_err(text)?);
        }
        let answer = String::from_utf8_lossy(&answer).to_ascii_lowercase();
        want(answer.starts_with("http/1.1 101"), || format!("the handshake was answered {answer}"))?;
        want(answer.contains(&accept_for(KEY).to_ascii_lowercase()), || {
            "a wrong Sec-WebSocket-Accept".into()
        })?;
        want(answer.contains("sec-websocket-protocol: keepwire.v1\r\n"), || {
            format!("not selected: {answer}")
        })?;
        let assembler = Assembler::new(Role::Server, None, 1 << 24);
        Ok(Link { socket, assembler, buffer: Vec::new(), frames: Vec::new() })
    }

    /// A link with a new session on it.
    async fn begin(&self) -> Result<(Link, Welcome), String> {
        let mut link = self.link("keepwire.v1").await?;
        link.say(&[hello()]).await?;
        match link.next().await? {
            Came::Frame(Frame::Welcome(welcome)) => Ok((link, welcome)),
            other => Err(format!("not WELCOME: {other:?}")),
        }
    }

    async fn resume(&self, resume: &Resume) -> Result<(Link, Came), String> {
        let mut link = self.link("keepwire.v1, keepwire.v1.resume").await?;
        link.say(&[Frame::Resume(resume.clone())]).await?;
        let came = link.next().await?;
        Ok((link, came))
    }

    async fn post(&self, endpoint: &str, body: &[u8]) -> Result<(u16, TcpStream, Vec<u8>), String> {
        let mut socket = TcpStream::connect(&self.host).await.map_err(text)?;
        let to: String = self.path.bytes().map(|byte| format!("%{byte:02X}")).collect();
        let head = format!(
            "POST /.keepwire/{endpoint}?to={to} HTTP/1.1\r\nHost: {}\r\nContent-Type: text/plain\r\nContent-Length: {}\r\n\
             Connection: close\r\n\r\n",
            self.host,
            body.len()
        );
        socket.write_all(&[head.as_bytes(), body].concat()).await.map_err(text)?;
        let mut bytes = Vec::new();
        let end = loop {
            let read = timeout(PATIENCE, socket.read_buf(&mut bytes))
                .await
                .map_err(|_| "no answer")?
                .map_err(text)?;
            if let Some(end) = bytes.windows(4).position(|four| four == b"\r\n\r\n") {
                break end + 4;
            }
            want(read > 0, || "the server hung up".into())?;
        };
        let status =
            String::from_utf8_lossy(&bytes).get(9..12).and_then(|code| code.parse().ok()).unwrap_or(0);
        Ok((status, socket, bytes.split_off(end)))
    }
}

impl Link {
    async fn say(&mut self, frames: &[Frame]) -> Check {
        let mut bytes = Vec::new();
        frames.iter().for_each(|frame| frame.encode(&mut bytes));
        self.say_bytes(&bytes).await
    }

    async fn say_bytes(&mut self, bytes: &[u8]) -> Check {
        let mut out = Vec::new();
        encode(&mut out, Opcode::Binary, bytes, true, false, Some([1, 2, 3, 4]));
        self.socket.write_all(&out).await.map_err(text)
    }

    async fn next(&mut self) -> Result<Came, String> {
        loop {
            if !self.frames.is_empty() {
                return Ok(Came::Frame(self.frames.remove(0)));
            }
            let mut input = self.buffer.as_slice();
            let outcome = self.assembler.poll(&mut input);
            self.buffer = input.to_vec();
            match outcome.map_err(|fault| fault.detail())? {
                Some(Message::Binary(bytes)) => self.frames = Frame::decode_all(&bytes).map_err(text)?,
                Some(Message::Close { code, .. }) => return Ok(Came::Closed(code.unwrap_or(1005))),
                Some(Message::Ping(_) | Message::Pong(_)) => {}
                Some(Message::Text(_)) => return Err("a text message".to_owned()),
                None => {
                    let read = timeout(PATIENCE, self.socket.read_buf(&mut self.buffer)).await;
                    let read = read.map_err(|_| "nothing came")?.map_err(text)?;
                    want(read > 0, || "the server hung up without a close frame".into())?;
                }
            }
        }
    }

    /// The next frame that is wanted; PING is answered on the way.
    async fn find<T>(&mut self, mut wanted: impl FnMut(&Frame) -> Option<T>) -> Result<T, String> {
        loop {
            match self.next().await? {
                Came::Frame(frame) => {
                    if let Frame::Ping(beat) = frame {
                        self.say(&[Frame::Pong(beat)]).await?;
                    }
                    if let Some(found) = wanted(&frame) {
                        return Ok(found);
                    }
                }
                Came::Closed(code) => return Err(format!("the link ended with {code}")),
            }
        }
    }

    async fn data(&mut self) -> Result<Data, String> {
        self.find(|frame| if let Frame::Data(data) = frame { Some(data.clone()) } else { None }).await
    }

    async fn close_code(&mut self) -> Result<u16, String> {
        loop {
            if let Came::Closed(code) = self.next().await? {
                return Ok(code);
            }
        }
    }
}

fn want(holds: bool, why: impl FnOnce() -> String) -> Check {
    if holds { Ok(()) } else { Err(why()) }
}

fn hello() -> Frame {
    Frame::Hello(Hello {
        version: 1,
        credit: 262_144,
        credentials: None,
        agent: Some("conformance".to_owned()),
    })
}

fn data(number: u64, payload: &[u8]) -> Frame {
    Frame::Data(Data { number, text: true, more: false, payload: payload.to_vec() })
}

fn resume_of(welcome: &Welcome, attempt: u64, received: u64, held: u64) -> Resume {
    Resume {
        id: welcome.id.clone(),
        token: welcome.token.clone(),
        epoch: welcome.epoch.clone(),
        attempt,
        received,
        held,
        credit: 262_144,
        credentials: None,
    }
}

async fn selected(server: &Server) -> Check {
    server.link("keepwire.v1, chat").await.map(|_| ())
}

async fn welcome(server: &Server) -> Check {
    let (_, welcome) = server.begin().await?;
    want(welcome.generation == 1, || format!("generation {}", welcome.generation))?;
    want(welcome.credit >= 65_536, || format!("a window of {}", welcome.credit))?;
    want(welcome.id.len() >= 16 && welcome.token.len() >= 32, || {
        "id or token is too short to be random".into()
    })?;
    let other = server.begin().await?.1;
    want(other.id != welcome.id && other.token != welcome.token, || {
        "two sessions have one id or token".into()
    })
}

async fn echoes(server: &Server) -> Check {
    let (mut link, _) = server.begin().await?;
    let piece =
        |number, more, byte: u8| Frame::Data(Data { number, text: false, more, payload: vec![byte; 100] });
    link.say(&[data(1, "grüße".as_bytes()), piece(2, true, 1), piece(3, false, 2), data(4, b"")]).await?;
    let first = link.data().await?;
    want(first.number == 1 && first.text && first.payload == "grüße".as_bytes(), || format!("{first:?}"))?;
    let second = link.data().await?;
    let expected = [[1; 100], [2; 100]].concat();
    want(second.number == 2 && !second.text && second.payload == expected, || format!("{second:?}"))?;
    let third = link.data().await?;
    want(third.number == 3 && third.payload.is_empty(), || format!("{third:?}"))
}

async fn acknowledges(server: &Server) -> Check {
    let (mut link, welcome) = server.begin().await?;
    let began = std::time::Instant::now();
    link.say(&[data(1, &[b'x'; 1000])]).await?;
    let credit = link
        .find(|frame| match frame {
            // It may ride on the heartbeat, whose first beat comes at any time.
            Frame::Ack(Ack { number: 1, credit })
            | Frame::Ping(Beat { ack: Ack { number: 1, credit }, .. }) => Some(*credit),
            _ => None,
        })
        .await?;
    want(began.elapsed() < Duration::from_secs(2), || format!("after {:?}", began.elapsed()))?;
    want(credit >= welcome.credit + 1008, || format!("credit {credit} after {}", welcome.credit))
}

async fn pong(server: &Server) -> Check {
    let (mut link, _) = server.begin().await?;
    let ack = Ack { number: 0, credit: 262_144 };
    link.say(&[Frame::Ping(Beat { nonce: 77, last: 0, ack, hidden: false })]).await?;
    link.find(|frame| matches!(frame, Frame::Pong(beat) if beat.nonce == 77).then_some(())).await
}

async fn unknown_kind(server: &Server) -> Check {
    let (mut link, _) = server.begin().await?;
    let mut bytes = vec![0x3f, 3, 1, 2, 3];
    data(1, b"after it").encode(&mut bytes);
    link.say_bytes(&bytes).await?;
    let echo = link.data().await?;
    want(echo.payload == b"after it", || format!("{echo:?}"))
}

async fn resumes(server: &Server) -> Check {
    let (mut link, welcome) = server.begin().await?;
    link.say(&[data(1, b"one"), data(2, b"two"), data(3, b"three")]).await?;
    for _ in 0..3 {
        link.data().await?;
    }
    // The first is acknowledged, the other two were not even received, as far as the gateway is told.
    link.say(&[Frame::Ack(Ack { number: 1, credit: 262_144 })]).await?;
    drop(link);
    let (mut link, came) = server.resume(&resume_of(&welcome, 1, 1, 4)).await?;
    let Came::Frame(Frame::Resumed(resumed)) = came else { return Err(format!("not RESUMED: {came:?}")) };
    want(resumed.generation == 2, || format!("generation {}", resumed.generation))?;
    want(resumed.received == 3, || format!("it received {} of 3", resumed.received))?;
    want(resumed.token != welcome.token, || "the token is the old one".into())?;
    for (number, payload) in [(2, "two"), (3, "three")] {
        let again = link.data().await?;
        want(again.number == number && again.payload == payload.as_bytes(), || format!("{again:?}"))?;
    }
    // What was sent before and comes again is dropped; what is new is not.
    link.say(&[data(3, b"three"), data(4, b"four")]).await?;
    let echo = link.data().await?;
    want(echo.number == 4 && echo.payload == b"four", || format!("{echo:?}"))
}

async fn takes_over(server: &Server) -> Check {
    let (mut first, welcome) = server.begin().await?;
    let (mut second, came) = server.resume(&resume_of(&welcome, 1, 0, 1)).await?;
    want(matches!(came, Came::Frame(Frame::Resumed(_))), || format!("{came:?}"))?;
    let code = first.close_code().await?;
    want(code == 4000, || format!("the first link ended with {code}"))?;
    second.say(&[data(1, b"here")]).await?;
    second.data().await.map(|_| ())
}

async fn lost_answer(server: &Server) -> Check {
    let (link, welcome) = server.begin().await?;
    drop(link);
    let (lost, came) = server.resume(&resume_of(&welcome, 1, 0, 1)).await?;
    want(matches!(came, Came::Frame(Frame::Resumed(_))), || format!("{came:?}"))?;
    drop(lost);
    let (_, came) = server.resume(&resume_of(&welcome, 2, 0, 1)).await?;
    want(matches!(came, Came::Frame(Frame::Resumed(_))), || format!("{came:?}"))
}

async fn comes_twice(server: &Server) -> Check {
    let (link, welcome) = server.begin().await?;
    drop(link);
    let again = resume_of(&welcome, 1, 0, 1);
    let (_first, came) = server.resume(&again).await?;
    want(matches!(came, Came::Frame(Frame::Resumed(_))), || format!("{came:?}"))?;
    let (mut link, came) = server.resume(&again).await?;
    want(matches!(came, Came::Frame(Frame::Resumed(_))), || format!("the second time: {came:?}"))?;
    link.say(&[data(1, b"here")]).await?;
    link.data().await.map(|_| ())
}

async fn overtaken(server: &Server) -> Check {
    let (link, welcome) = server.begin().await?;
    drop(link);
    let (mut link, came) = server.resume(&resume_of(&welcome, 5, 0, 1)).await?;
    want(matches!(came, Came::Frame(Frame::Resumed(_))), || format!("{came:?}"))?;
    let (_, came) = server.resume(&resume_of(&welcome, 4, 0, 1)).await?;
    want(matches!(&came, Came::Frame(Frame::Refused(refused)) if refused.reason == "superseded"), || {
        format!("{came:?}")
    })?;
    link.say(&[data(1, b"still here")]).await?;
    link.data().await.map(|_| ())
}

async fn hole(server: &Server) -> Check {
    let (link, welcome) = server.begin().await?;
    drop(link);
    // The client holds nothing below 5, and the gateway has received nothing.
    let (_, came) = server.resume(&resume_of(&welcome, 1, 0, 5)).await?;
    want(matches!(&came, Came::Frame(Frame::Refused(refused)) if refused.reason == "hole"), || {
        format!("{came:?}")
    })
}

async fn refuses(server: &Server) -> Check {
    let (_link, welcome) = server.begin().await?;
    let wrong = Resume { token: "A".repeat(43), ..resume_of(&welcome, 1, 0, 1) };
    let (mut link, came) = server.resume(&wrong).await?;
    want(matches!(came, Came::Frame(Frame::Refused(_))), || format!("a wrong token: {came:?}"))?;
    let code = link.close_code().await?;
    want(code == 4003, || format!("the link ended with {code}"))?;
    let made_up = Resume { id: "B".repeat(32), ..resume_of(&welcome, 1, 0, 1) };
    let (_, came) = server.resume(&made_up).await?;
    want(matches!(&came, Came::Frame(Frame::Refused(refused)) if refused.reason == "unknown"), || {
        format!("{came:?}")
    })
}

async fn jump(server: &Server) -> Check {
    let (mut link, _) = server.begin().await?;
    link.say(&[data(2, b"where is the first?")]).await?;
    let code = link.close_code().await?;
    want(code == 4001, || format!("the link ended with {code}"))
}

async fn too_early(server: &Server) -> Check {
    let mut link = server.link("keepwire.v1").await?;
    link.say(&[data(1, b"too early")]).await?;
    let code = link.close_code().await?;
    want([4001, 4002, 4003].contains(&code), || format!("the link ended with {code}"))
}

async fn closes(server: &Server) -> Check {
    let (mut link, welcome) = server.begin().await?;
    let close = Close { number: 2, code: 1000, side: Side::Client, reason: "done".to_owned() };
    link.say(&[data(1, b"last"), Frame::Close(close)]).await?;
    link.find(|frame| {
        matches!(frame, Frame::Ack(ack) | Frame::Ping(Beat { ack, .. }) if ack.number == 2).then_some(())
    })
    .await?;
    let code = link.close_code().await?;
    want(code == 1000, || format!("the link ended with {code}"))?;
    let (_, came) = server.resume(&resume_of(&welcome, 1, 0, 3)).await?;
    want(matches!(came, Came::Frame(Frame::Refused(_))), || format!("{came:?}"))
}

/// All frames of the events in a chunked body.
fn events(body: &[u8]) -> Vec<Frame> {
    use base64::Engine;
    let text = String::from_utf8_lossy(body);
    let data = text.lines().filter_map(|line| line.strip_prefix("data: "));
    let bytes = data.filter_map(|line| base64::engine::general_purpose::STANDARD.decode(line.trim()).ok());
    bytes.filter_map(|bytes| Frame::decode_all(&bytes).ok()).flatten().collect()
}

async fn stream(server: &Server) -> Check {
    let (status, mut socket, mut body) = server.post("stream", &hello().to_bytes()).await?;
    want(status == 200, || format!("the stream was answered {status}"))?;
    let mut key = None;
    loop {
        let frames = events(&body);
        if let (None, Some(Frame::Welcome(welcome))) = (&key, frames.first()) {
            let link =
                LinkKey { id: welcome.id.clone(), token: welcome.token.clone(), generation: 1, poll: None };
            key = Some(link.clone());
            let mut post = Frame::Link(link).to_bytes();
            data(1, b"up by a post").encode(&mut post);
            let (status, ..) = server.post("send", &post).await?;
            want((200..300).contains(&status), || format!("the post was answered {status}"))?;
        }
        if frames.iter().any(|frame| matches!(frame, Frame::Data(data) if data.payload == b"up by a post")) {
            return Ok(());
        }
        let read =
            timeout(PATIENCE, socket.read_buf(&mut body)).await.map_err(|_| "nothing came")?.map_err(text)?;
        want(read > 0, || "the stream ended".into())?;
    }
}

async fn poll(server: &Server, body: &[u8]) -> Result<Vec<Frame>, String> {
    let (status, mut socket, mut answer) = server.post("poll", body).await?;
    want((200..300).contains(&status), || format!("the poll was answered {status}"))?;
    let _ = timeout(PATIENCE, socket.read_to_end(&mut answer)).await;
    Frame::decode_all(&answer).map_err(text)
}

async fn polls(server: &Server) -> Check {
    let frames = poll(server, &hello().to_bytes()).await?;
    let Some(Frame::Welcome(welcome)) = frames.first() else {
        return Err(format!("not WELCOME: {frames:?}"));
    };
    let link = |number| {
        let (id, token) = (welcome.id.clone(), welcome.token.clone());
        Frame::Link(LinkKey { id, token, generation: 1, poll: Some(number) }).to_bytes()
    };
    let mut body = link(1);
    data(1, b"by a poll").encode(&mut body);
    for number in 1..=5 {
        let frames = poll(server, &body).await?;
        if frames.iter().any(|frame| matches!(frame, Frame::Data(data) if data.payload == b"by a poll")) {
            // As a browser sends it when the connection dies before the answer.
            let (status, ..) = server.post("poll", &link(number)).await?;
            return want(status == 410, || format!("a poll that came twice was answered {status}"));
        }
        body = link(number + 1);
    }
    Err("the message does not come back".to_owned())
}

async fn wrong_post(server: &Server) -> Check {
    let (_link, welcome) = server.begin().await?;
    let key = LinkKey { id: welcome.id, token: "A".repeat(43), generation: 1, poll: None };
    let (status, ..) = server.post("send", &Frame::Link(key).to_bytes()).await?;
    want(status == 410, || format!("answered {status}"))
}
