//! A WebSocket: the handshake of RFC 6455 section 4.1, then messages.

use super::{Order, Purpose, Report, Reports};
use crate::target::{BoxSocket, Target, random};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use frame::{Assembler, Incoming, Message, Opcode, Role, accept_for, encode, encode_close};
use session::SUBPROTOCOL;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt, ReadHalf, WriteHalf};
use tokio::sync::mpsc;
use tokio::time::timeout;

/// Bytes of the answer's header.
const HEAD: usize = 64 * 1024;
/// Bytes of one message, or of one carrier message.
const LIMIT: usize = 64 << 20;
/// For the server's half of the closing handshake.
const FAREWELL: Duration = Duration::from_secs(2);
/// Between a fault of the server and our close frame.
const GRACE: Duration = Duration::from_millis(30);

pub(super) async fn run(target: Target, purpose: Purpose, reports: Reports, orders: mpsc::Receiver<Order>) {
    let opened = timeout(target.timeout, open(&target, purpose)).await;
    match opened {
        Err(_) => reports.gone(None, "the handshake did not end in time").await,
        Ok(Err((status, why))) => {
            reports.say(Report::Gone { code: None, status, why }).await;
        }
        Ok(Ok((socket, early, protocol))) => {
            if purpose == Purpose::Plain {
                reports.say(Report::Protocol(protocol)).await;
            }
            if reports.say(Report::Open).await {
                carry(socket, early, purpose, reports, orders).await;
            }
        }
    }
}

type Refused = (Option<u16>, String);

async fn open(target: &Target, purpose: Purpose) -> Result<(BoxSocket, Vec<u8>, String), Refused> {
    let mut socket = target.connect().await.map_err(|why| (None, why))?;
    let key = STANDARD.encode(random::<16>());
    let mut protocols: Vec<&str> = match purpose {
        Purpose::Begin => vec![SUBPROTOCOL],
        // It says that no backend has to be dialled.
        Purpose::Resume => vec![SUBPROTOCOL, "keepwire.v1.resume"],
        Purpose::Plain => Vec::new(),
    };
    protocols.extend(target.protocols.iter().map(String::as_str));
    let mut head = format!(
        "GET {} HTTP/1.1\r\nHost: {}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n\
         Sec-WebSocket-Key: {key}\r\n",
        target.path(),
        target.authority()
    );
    if !protocols.is_empty() {
        head += &format!("Sec-WebSocket-Protocol: {}\r\n", protocols.join(", "));
    }
    for (name, value) in &target.headers {
        head += &format!("{name}: {value}\r\n");
    }
    head += "\r\n";
    socket.write_all(head.as_bytes()).await.map_err(|error| (None, error.to_string()))?;
    let mut bytes = Vec::with_capacity(1024);
    loop {
        let read = socket.read_buf(&mut bytes).await.map_err(|error| (None, error.to_string()))?;
        let mut lines = [httparse::EMPTY_HEADER; 100];
        let mut response = httparse::Response::new(&mut lines);
        match response.parse(&bytes) {
            Err(error) => return Err((None, format!("the answer is no HTTP: {error}"))),
            Ok(httparse::Status::Partial) if read == 0 => {
                return Err((None, "the server hung up".to_owned()));
            }
            Ok(httparse::Status::Partial) if bytes.len() > HEAD => {
                return Err((None, "the answer's header does not end".to_owned()));
            }
            Ok(httparse::Status::Partial) => {}
            Ok(httparse::Status::Complete(length)) => {
                let status = response.code.unwrap_or_default();
                let value = |name: &str| {
                    let line = response.headers.iter().find(|line| line.name.eq_ignore_ascii_case(name))?;
                    std::str::from_utf8(line.value).ok().map(|value| value.trim().to_owned())
                };
                if status != 101 {
                    return Err((Some(status), format!("the server answered {status}")));
                }
                if value("sec-websocket-accept").as_deref() != Some(accept_for(&key).as_str()) {
                    return Err((None, "Sec-WebSocket-Accept is not that of the key".to_owned()));
                }
                let protocol = value("sec-websocket-protocol").unwrap_or_default();
                let asked = protocols.iter().any(|name| *name == protocol);
                if purpose != Purpose::Plain && protocol != SUBPROTOCOL {
                    return Err((Some(404), "the server does not speak keepwire.v1".to_owned()));
                }
                if !protocol.is_empty() && !asked {
                    return Err((
                        None,
                        format!("the server chose the subprotocol {protocol}, which nobody offered"),
                    ));
                }
                let early = bytes.get(length..).unwrap_or_default().to_vec();
                return Ok((socket, early, protocol));
            }
        }
    }
}

async fn carry(
    socket: BoxSocket,
    early: Vec<u8>,
    purpose: Purpose,
    reports: Reports,
    orders: mpsc::Receiver<Order>,
) {
    let (read, write) = tokio::io::split(socket);
    // As many answers as a burst of pings wants; a flood of them gets fewer (RFC 6455 section 5.5.3 allows it).
    let (control, controls) = mpsc::channel(32);
    let hear = hear(read, early, purpose, reports.clone(), control);
    let say = say(write, orders, controls);
    tokio::pin!(hear, say);
    let (code, why) = tokio::select! {
        end = &mut hear => {
            // Our half of the closing handshake goes out.
            let _ = timeout(FAREWELL, &mut say).await;
            end
        }
        end = &mut say => match end {
            Ok(()) => {
                // We ended it: what is still under way to us is read to the server's close frame.
                timeout(FAREWELL, &mut hear).await.unwrap_or((None, "ended by this side".to_owned()))
            }
            Err(why) => (None, why),
        },
    };
    reports.gone(code, why).await;
}

type End = (Option<u16>, String);

async fn hear(
    mut read: ReadHalf<BoxSocket>,
    early: Vec<u8>,
    purpose: Purpose,
    reports: Reports,
    control: mpsc::Sender<Vec<u8>>,
) -> End {
    let mut incoming = Incoming::new(Assembler::new(Role::Server, None, LIMIT), early);
    loop {
        let listened = match incoming.poll() {
            Ok(Some(Message::Binary(bytes))) => reports.say(Report::Bytes(bytes)).await,
            Ok(Some(Message::Text(text))) if purpose == Purpose::Plain => {
                reports.say(Report::Text(text)).await
            }
            Ok(Some(Message::Text(_))) => {
                return (Some(4001), "a text message on a session's link".to_owned());
            }
            Ok(Some(Message::Ping(payload))) => {
                let mut out = Vec::new();
                encode(&mut out, Opcode::Pong, &payload, true, false, Some(random::<4>()));
                let _ = control.try_send(out);
                true
            }
            Ok(Some(Message::Pong(_))) => true,
            Ok(Some(Message::Close { code, reason })) => {
                let mut out = Vec::new();
                encode_close(
                    &mut out,
                    code.filter(|code| frame::is_sendable(*code)),
                    "",
                    Some(random::<4>()),
                );
                let _ = control.try_send(out);
                let code = code.unwrap_or(1005);
                return (Some(code), if reason.is_empty() { format!("closed with {code}") } else { reason });
            }
            Err(fault) => {
                // What was right before the fault may still be answered.
                tokio::time::sleep(GRACE).await;
                let mut out = Vec::new();
                encode_close(&mut out, Some(fault.close_code()), "", Some(random::<4>()));
                let _ = control.try_send(out);
                return (None, fault.detail());
            }
            Ok(None) => match read.read_buf(incoming.room(16 * 1024)).await {
                Ok(0) => return (None, "the server hung up without a close frame".to_owned()),
                Ok(_) => true,
                Err(error) => return (None, error.to_string()),
            },
        };
        if !listened {
            return (None, "nobody listens any more".to_owned());
        }
    }
}

/// Ok: this side ended it.
async fn say(
    mut write: WriteHalf<BoxSocket>,
    mut orders: mpsc::Receiver<Order>,
    mut controls: mpsc::Receiver<Vec<u8>>,
) -> Result<(), String> {
    let mut out = Vec::new();
    loop {
        out.clear();
        let mut last = false;
        tokio::select! {
            order = orders.recv() => {
                let mut order = order;
                // What has gathered goes out in one write, each message a frame of its own.
                loop {
                    let mask = Some(random::<4>());
                    match order {
                        Some(Order::Bytes(bytes)) => encode(&mut out, Opcode::Binary, &bytes, true, false, mask),
                        Some(Order::Text(text)) => encode(&mut out, Opcode::Text, text.as_bytes(), true, false, mask),
                        Some(Order::Key(_)) => {}
                        Some(Order::Close(code)) => {
                            encode_close(&mut out, Some(code).filter(|code| frame::is_sendable(*code)), "", mask);
                            last = true;
                            break;
                        }
                        None => return Err("ended by this side".to_owned()),
                    }
                    match orders.try_recv() {
                        Ok(next) => order = Some(next),
                        Err(_) => break,
                    }
                }
            }
            control = controls.recv() => match control {
                Some(bytes) => out.extend_from_slice(&bytes),
                None => {
                    let _ = write.shutdown().await;
                    return Err("the other side ended it".to_owned());
                }
            },
        }
        let written = async {
            write.write_all(&out).await?;
            write.flush().await
        };
        written.await.map_err(|error| error.to_string())?;
        if last {
            return Ok(());
        }
    }
}
