//! Endpoints that attack whoever looks at them. A prober must come out of each in bounded time and memory. They
//! send as fast as the peer reads and no faster, and hold nothing.

use super::Names;
use crate::connection::{Connection, Heard, good_answer};
use frame::{Header, Message, Opcode};
use std::io;
use std::time::Duration;
use tokio::time::sleep;

pub(crate) const NAMES: Names = &[
    ("hostile-endless-headers", "A 101 whose headers never end."),
    ("hostile-endless-101-body", "A correct 101, then endless noise."),
    ("hostile-endless-frames", "A correct 101, then endless small frames."),
    ("hostile-slow-bytes", "A correct 101 at one byte a second."),
    ("hostile-gigabyte-frame", "Announces a frame of 2^40 bytes, then drips."),
    ("hostile-deflate-bomb", "A compressed message of a few megabytes that inflates to one gigabyte."),
    ("hostile-megabyte-redirect", "302 with a Location of one megabyte."),
    ("hostile-garbage-tls", "Noise in answer to whatever comes first."),
    ("hostile-never-close", "Echoes, but ignores close frames and the end of the stream."),
];

pub(crate) async fn play(name: &str, mut connection: Connection) -> io::Result<()> {
    if name == "hostile-garbage-tls" {
        if connection.fill().await? {
            connection.write(&Noise(0x9E37_79B9_7F4A_7C15).block()).await?;
            connection.finish().await?;
        }
        return Ok(());
    }
    let Some(head) = connection.upgrade_request().await? else { return Ok(()) };
    if name == "hostile-megabyte-redirect" {
        let location = format!("http://127.0.0.1/{}", "a".repeat(1 << 20));
        return connection.respond("302 Found", &[("Location", &location)], "").await;
    }
    let (headers, agreed) = good_answer(&head, name == "hostile-deflate-bomb");
    match name {
        "hostile-endless-headers" => {
            connection.write(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n").await?;
            let lines = "X-Filler: 0123456789abcdef0123456789abcdef\r\n".repeat(200);
            loop {
                connection.write(lines.as_bytes()).await?;
            }
        }
        "hostile-slow-bytes" => {
            let mut text = "HTTP/1.1 101 Switching Protocols\r\n".to_string();
            headers.iter().for_each(|(name, value)| text += &format!("{name}: {value}\r\n"));
            text += "\r\n";
            for byte in text.bytes() {
                connection.write(&[byte]).await?;
                sleep(Duration::from_secs(1)).await;
            }
            connection.agree(None, crate::connection::MESSAGE_LIMIT);
            return connection.echo().await;
        }
        _ => {}
    }
    connection.write_head("101 Switching Protocols", &headers).await?;
    connection.agree(agreed, crate::connection::MESSAGE_LIMIT);
    match name {
        "hostile-endless-101-body" => {
            let mut noise = Noise(0xD1B5_4A32_D192_ED03);
            loop {
                connection.write(&noise.block()).await?;
            }
        }
        "hostile-endless-frames" => {
            let frames = b"\x82\x01x\x89\x00".repeat(1000);
            loop {
                connection.write(&frames).await?;
            }
        }
        "hostile-gigabyte-frame" => {
            let (bytes, length) = Header::new(Opcode::Binary, 1 << 40, true, false, None).to_bytes();
            connection.write(&bytes[..length]).await?;
            loop {
                connection.write(&[0; 64]).await?;
                sleep(Duration::from_millis(100)).await;
            }
        }
        "hostile-deflate-bomb" => bomb(connection, agreed.is_some()).await,
        _ => never_close(connection).await,
    }
}

/// What the bomb inflates to.
const BOMB_MEGABYTES: usize = 1024;

/// Only those who agreed to compression can be bombed with it; the others get an ordinary echo.
async fn bomb(mut connection: Connection, agreed: bool) -> io::Result<()> {
    if agreed {
        let (mut payload, mut layer) = (Vec::new(), Vec::new());
        let megabyte = vec![0; 1 << 20];
        frame::Deflater::new(15, true).deflate(&megabyte, &mut layer).map_err(io::Error::other)?;
        // A flushed piece may be followed by any other, so one megabyte's worth is compressed only once.
        layer.extend_from_slice(&[0x00, 0x00, 0xFF, 0xFF]);
        (0..BOMB_MEGABYTES).for_each(|_| payload.extend_from_slice(&layer));
        let mut bytes = Vec::new();
        frame::encode(&mut bytes, Opcode::Binary, &payload, true, true, None);
        connection.write(&bytes).await?;
    }
    connection.echo().await
}

async fn never_close(mut connection: Connection) -> io::Result<()> {
    loop {
        let heard = connection.hear().await?;
        match heard {
            Heard::Message(Message::Close { .. }) | Heard::End | Heard::Fault(_) => break,
            other => connection.answer(other).await?,
        };
    }
    // The task's longest life, or the end of the endpoint, is what ends this.
    let _ = connection.swallow().await;
    std::future::pending().await
}

/// Noise that is the same in each run (xorshift64, Marsaglia 2003).
struct Noise(u64);

impl Noise {
    fn block(&mut self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(4096);
        while bytes.len() < 4096 {
            self.0 ^= self.0 << 13;
            self.0 ^= self.0 >> 7;
            self.0 ^= self.0 << 17;
            bytes.extend_from_slice(&self.0.to_le_bytes());
        }
        bytes
    }
}
