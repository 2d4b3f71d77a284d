//! A WebSocket as a link: binary messages, each of whole frames.

use super::{FIRST_FRAME, First, Greeted, first};
use crate::driver::{Command, Outgoing};
use crate::hub::{Client, Dialled, Hub};
use frame::{Assembler, Incoming, Message, Opcode, Role, encode, encode_close};
use session::{Frame, Refused};
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, ReadHalf, WriteHalf};
use tokio::sync::mpsc;
use tokio::time::timeout;

/// For HELLO or RESUME.
const GREETING: Duration = Duration::from_secs(5);
/// For the client's answer to our close frame.
const FAREWELL: Duration = Duration::from_secs(2);
/// Bytes of a carrier message from a client.
const LIMIT: usize = 256 * 1024;

struct Ear<S> {
    stream: ReadHalf<S>,
    incoming: Incoming,
}

enum Heard {
    Message(Vec<u8>),
    Ping(Vec<u8>),
    Close(Option<u16>),
    Fault(u16),
    Gone,
}

impl<S: AsyncRead> Ear<S> {
    async fn next(&mut self) -> Heard {
        loop {
            match self.incoming.poll() {
                Ok(Some(Message::Binary(bytes))) => return Heard::Message(bytes),
                Ok(Some(Message::Text(_))) => return Heard::Fault(4001),
                Ok(Some(Message::Ping(payload))) => return Heard::Ping(payload),
                Ok(Some(Message::Pong(_))) => continue,
                Ok(Some(Message::Close { code, .. })) => return Heard::Close(code),
                Err(fault) => return Heard::Fault(fault.close_code()),
                Ok(None) => {}
            }
            match self.stream.read_buf(self.incoming.room(4096)).await {
                Ok(0) | Err(_) => return Heard::Gone,
                Ok(_) => {}
            }
        }
    }
}

/// Serves a link. `dialled` is there unless the client said that it comes to resume.
pub(crate) async fn serve<S>(
    hub: Arc<Hub>,
    stream: S,
    early: Vec<u8>,
    id: String,
    dialled: Option<Dialled>,
    client: Client,
) where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let (read, mut mouth) = tokio::io::split(stream);
    let incoming = Incoming::new(Assembler::new(Role::Client, None, LIMIT), early);
    let mut ear = Ear { stream: read, incoming };
    let greeting = timeout(GREETING, async {
        loop {
            match ear.next().await {
                Heard::Message(bytes) if bytes.len() <= FIRST_FRAME => return Ok(bytes),
                Heard::Message(_) => return Err(4001),
                Heard::Ping(_) => {}
                Heard::Fault(code) => return Err(code),
                Heard::Close(_) | Heard::Gone => return Err(1006),
            }
        }
    });
    let greeted = match greeting.await {
        Err(_) => return farewell(&mut mouth, 4002).await,
        Ok(Err(code)) => return farewell(&mut mouth, code).await,
        Ok(Ok(bytes)) => match (first(&bytes), dialled) {
            (Ok(First::Hello(hello)), Some(dialled)) => Ok(super::begin(&hub, id, &hello, dialled, client)),
            // It promised to resume, and has nothing to resume: it shall come again and say so.
            (Ok(First::Hello(_)), None) => {
                Err(Refused { class: session::Class::Now, ..Refused::new("unknown") })
            }
            (Ok(First::Resume(resume)), _) => super::resume(&hub, *resume, &client).await,
            (Err(refused), _) => Err(refused),
        },
    };
    match greeted {
        Ok(greeted) => carry(ear, mouth, greeted).await,
        Err(refused) => {
            let mut out = Vec::new();
            encode(&mut out, Opcode::Binary, &Frame::Refused(refused).to_bytes(), true, false, None);
            let _ = mouth.write_all(&out).await;
            farewell(&mut mouth, 4003).await;
        }
    }
}

/// Both ways at once: a client that does not read shall still be heard.
async fn carry<S>(mut ear: Ear<S>, mut mouth: WriteHalf<S>, greeted: Greeted)
where
    S: AsyncRead + AsyncWrite + Send + 'static,
{
    let Greeted { link, commands, mut outgoing } = greeted;
    // Pongs and our half of the closing handshake.
    let (control, mut controls) = mpsc::channel::<Vec<u8>>(16);
    let hear = async {
        loop {
            match ear.next().await {
                Heard::Message(bytes) => {
                    if commands.send(Command::Bytes { link, bytes }).await.is_err() {
                        return;
                    }
                }
                Heard::Ping(payload) => {
                    let mut out = Vec::new();
                    encode(&mut out, Opcode::Pong, &payload, true, false, None);
                    // One that floods us with pings gets fewer answers (RFC 6455 section 5.5.3 allows it).
                    let _ = control.try_send(out);
                }
                Heard::Close(code) => {
                    let mut out = Vec::new();
                    encode_close(&mut out, code.filter(|code| frame::is_sendable(*code)), "", None);
                    let _ = control.try_send(out);
                    return;
                }
                Heard::Fault(code) => {
                    let mut out = Vec::new();
                    encode_close(&mut out, Some(code), "", None);
                    let _ = control.try_send(out);
                    return;
                }
                Heard::Gone => return,
            }
        }
    };
    let say = async {
        let mut out = Vec::new();
        loop {
            out.clear();
            tokio::select! {
                next = outgoing.recv() => {
                    let mut next = next;
                    // What has gathered goes out in one write, each message a frame of its own.
                    let code = loop {
                        match next {
                            Some(Outgoing::Bytes(bytes)) => {
                                encode(&mut out, Opcode::Binary, &bytes, true, false, None);
                            }
                            Some(Outgoing::Close(code)) => break Some(code),
                            None => break Some(1001),
                        }
                        match outgoing.try_recv() {
                            Ok(more) => next = Some(more),
                            Err(_) => break None,
                        }
                    };
                    if let Some(code) = code {
                        let _ = mouth.write_all(&out).await;
                        return Some(code);
                    }
                },
                next = controls.recv() => match next {
                    Some(bytes) => out.extend_from_slice(&bytes),
                    None => return None,
                },
            }
            if mouth.write_all(&out).await.is_err() || mouth.flush().await.is_err() {
                return None;
            }
        }
    };
    let code = tokio::select! {
        () = hear => None,
        code = say => code,
    };
    let _ = commands.send(Command::Down { link }).await;
    if let Some(code) = code {
        farewell(&mut mouth, code).await;
        // Its answer is read, or a reset would overtake the last frames.
        let _ =
            timeout(FAREWELL, async { while !matches!(ear.next().await, Heard::Close(_) | Heard::Gone) {} })
                .await;
    } else {
        while let Ok(bytes) = controls.try_recv() {
            let _ = mouth.write_all(&bytes).await;
        }
        let _ = mouth.shutdown().await;
    }
}

async fn farewell(mouth: &mut (impl AsyncWrite + Unpin), code: u16) {
    let mut out = Vec::new();
    if code != 1006 {
        encode_close(&mut out, Some(code), "", None);
    }
    let _ = timeout(FAREWELL, async {
        let _ = mouth.write_all(&out).await;
        let _ = mouth.shutdown().await;
    })
    .await;
}
