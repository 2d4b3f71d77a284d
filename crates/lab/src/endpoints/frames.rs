//! Endpoints that accept correctly and then break a rule of framing.

use super::Names;
use crate::connection::{Connection, Heard, MESSAGE_LIMIT, agree_on_deflate, good_answer};
use frame::{Agreed, Deflater, Header, Message, Opcode, encode_header};
use std::io;
use std::time::Duration;

pub(crate) const NAMES: Names = &[
    ("frame-masked-server", "Masks every frame that it sends."),
    ("frame-reserved-bits", "Sends a text frame with RSV2 set."),
    ("frame-deflate-corrupt", "Echoes compressed; every second compressed message does not inflate."),
    ("frame-deflate-header-stripped", "Compresses if that was offered, although its 101 names no extension."),
    ("frame-invalid-utf8", "Sends a text message that is not UTF-8."),
    ("frame-message-too-big", "Closes with 1009 above 64 KiB."),
    ("frame-message-too-big-reset", "Resets the connection above 64 KiB."),
    ("frame-unacceptable-type", "Closes with 1003 on a binary message."),
    ("frame-control-frame-bad", "Sends a ping of 200 bytes."),
    ("frame-opcode", "Sends a frame with opcode 3."),
    ("frame-continuation", "Sends a continuation frame although no message is open."),
    ("frame-length-encoding-bug", "Echoes, but writes only the low seven bits of longer lengths."),
    ("frame-http-in-stream", "Writes the error page of a proxy into the open stream."),
    (
        "frame-early-data-lost",
        "Drops bytes that came with the request, and its hello that should come with the 101.",
    ),
    ("frame-early-data-lost-delayed", "The healthy twin: sends its hello 200 ms after the 101."),
    ("frame-one-way-stall", "Accepts, reads, and never sends a byte."),
    (
        "iis-arr-deflate",
        "Agrees on permessage-deflate, then ends the stream at the first compressed message.",
    ),
];

const PROXY_PAGE: &[u8] = b"HTTP/1.1 502 Bad Gateway\r\nServer: nginx/1.22.1\r\nContent-Type: text/html\r\n\
    Content-Length: 22\r\nConnection: close\r\n\r\n<h1>502 Bad Gateway</h1>";

pub(crate) async fn play(name: &str, mut connection: Connection) -> io::Result<()> {
    let Some(head) = connection.upgrade_request().await? else { return Ok(()) };
    let compresses = matches!(name, "frame-deflate-corrupt" | "iis-arr-deflate");
    let (headers, agreed) = good_answer(&head, compresses);
    let limit = if name.starts_with("frame-message-too-big") { 64 * 1024 } else { MESSAGE_LIMIT };
    connection.write_head("101 Switching Protocols", &headers).await?;
    connection.agree(agreed, limit);
    match name {
        "frame-reserved-bits" => connection.write(b"\xa1\x05Hello").await?,
        "frame-invalid-utf8" => connection.write(b"\x81\x04ab\xc3\x28").await?,
        "frame-opcode" => connection.write(b"\x83\x05Hello").await?,
        "frame-continuation" => connection.write(b"\x80\x05Hello").await?,
        "frame-control-frame-bad" => {
            let mut ping = vec![0x89, 126, 0, 200];
            ping.resize(ping.len() + 200, b'p');
            connection.write(&ping).await?;
        }
        "frame-http-in-stream" => {
            connection.write(PROXY_PAGE).await?;
            return connection.finish().await;
        }
        "frame-one-way-stall" => return connection.swallow().await,
        "frame-early-data-lost" => connection.forget_input(),
        "frame-early-data-lost-delayed" => {
            tokio::time::sleep(Duration::from_millis(200)).await;
            connection.say(Opcode::Text, b"hello").await?;
        }
        // A greeting, so that a client that only listens sees the mask too.
        "frame-masked-server" => masked(&mut connection, Opcode::Text, b"hello").await?,
        _ => {}
    }
    // Whoever compresses without having said so still has to read what the client sends plainly.
    let secret = agree_on_deflate(&head).filter(|_| name == "frame-deflate-header-stripped");
    match name {
        "frame-masked-server" | "frame-length-encoding-bug" => echo_spoilt(name, connection).await,
        "frame-deflate-corrupt" => echo_corrupt(connection, agreed).await,
        "frame-deflate-header-stripped" => {
            connection.deflater = secret.map(|agreed| Deflater::new(15, agreed.server_no_context_takeover));
            connection.echo().await
        }
        "frame-message-too-big-reset" | "frame-unacceptable-type" | "iis-arr-deflate" => {
            refuse(name, connection, agreed.is_some()).await
        }
        _ => connection.echo().await,
    }
}

async fn masked(connection: &mut Connection, opcode: Opcode, payload: &[u8]) -> io::Result<()> {
    let mut bytes = Vec::new();
    frame::encode(&mut bytes, opcode, payload, true, false, Some([0x4B, 0x57, 0x4C, 0x42]));
    connection.write(&bytes).await
}

/// Writes a frame as a server does that knows only one byte of length.
async fn short_length(connection: &mut Connection, opcode: Opcode, payload: &[u8]) -> io::Result<()> {
    let mut bytes = Vec::new();
    // 126 and 127 would announce a longer length, which this server has never heard of.
    let length = (payload.len() as u64 & 0x7F).min(125);
    encode_header(&mut bytes, &Header::new(opcode, length, true, false, None), payload);
    connection.write(&bytes).await
}

async fn echo_spoilt(name: &str, mut connection: Connection) -> io::Result<()> {
    loop {
        let (opcode, payload) = match connection.hear().await? {
            Heard::Message(Message::Text(text)) => (Opcode::Text, text.into_bytes()),
            Heard::Message(Message::Binary(bytes)) => (Opcode::Binary, bytes),
            Heard::Message(Message::Ping(payload)) => (Opcode::Pong, payload),
            Heard::Message(Message::Close { code, .. }) => (Opcode::Close, frame::close_payload(code, "")),
            other => {
                if connection.answer(other).await? {
                    continue;
                }
                return Ok(());
            }
        };
        if name == "frame-masked-server" {
            masked(&mut connection, opcode, &payload).await?;
        } else {
            short_length(&mut connection, opcode, &payload).await?;
        }
        if opcode == Opcode::Close {
            return connection.finish().await;
        }
    }
}

/// Breaks every second compressed message; without compression it echoes as it should.
async fn echo_corrupt(mut connection: Connection, agreed: Option<Agreed>) -> io::Result<()> {
    let mut messages = 0u64;
    loop {
        let heard = connection.hear().await?;
        if let (Heard::Message(Message::Text(_) | Message::Binary(_)), Some(_)) = (&heard, agreed) {
            messages += 1;
            if messages.is_multiple_of(2) {
                // 0x07 begins a block of the type that RFC 1951 section 3.2.3 reserves as an error.
                let broken = [0x07, 0xFF, 0xFF, 0xFF];
                let mut bytes = Vec::new();
                frame::encode(&mut bytes, Opcode::Binary, &broken, true, true, None);
                connection.write(&bytes).await?;
                continue;
            }
        }
        if !connection.answer(heard).await? {
            return Ok(());
        }
    }
}

async fn refuse(name: &str, mut connection: Connection, compressed: bool) -> io::Result<()> {
    loop {
        let heard = connection.hear().await?;
        match (&heard, name) {
            (Heard::Fault(frame::FrameFault::MessageTooBig { .. }), "frame-message-too-big-reset") => {
                connection.reset();
                return Ok(());
            }
            (Heard::Message(Message::Binary(_)), "frame-unacceptable-type") => {
                return connection.close(1003, "only text is accepted").await;
            }
            (Heard::Message(Message::Text(_) | Message::Binary(_)), "iis-arr-deflate") if compressed => {
                return connection.finish().await;
            }
            _ => {}
        }
        if !connection.answer(heard).await? {
            return Ok(());
        }
    }
}
