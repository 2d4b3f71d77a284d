//! Endpoints that accept and then close, with codes that are right and codes that may not be sent.

use super::Names;
use crate::connection::Connection;
use frame::Opcode;
use std::io;
use std::time::Duration;
use tokio::time::{Instant, timeout_at};

pub(crate) const NAMES: Names = &[
    ("close-1001", "Closes at once with 1001, going away."),
    ("close-1008", "Closes at once with 1008, policy violation."),
    ("close-1011", "Closes at once with 1011, internal error."),
    ("close-1012", "Closes at once with 1012, service restart."),
    ("close-1013", "Closes at once with 1013, try again later."),
    ("close-1006-silent", "Ends the stream at once without a close frame."),
    ("frame-close-reserved-code", "Closes with 1006, which must never be sent."),
    ("frame-close-one-byte", "Closes with a body of one byte."),
    ("frame-close-bad-utf8", "Closes with a reason that is not UTF-8."),
    ("frame-app-init-timeout", "Closes with 4408 unless a connection_init comes within three seconds."),
];

pub(crate) async fn play(name: &str, mut connection: Connection) -> io::Result<()> {
    let Some(head) = connection.upgrade_request().await? else { return Ok(()) };
    connection.accept(&head, true).await?;
    match name {
        "close-1001" => connection.close(1001, "going away").await,
        "close-1008" => connection.close(1008, "policy violation").await,
        "close-1011" => connection.close(1011, "internal error").await,
        "close-1012" => connection.close(1012, "service restart").await,
        "close-1013" => connection.close(1013, "try again later").await,
        "frame-close-reserved-code" => connection.close(1006, "").await,
        "frame-close-one-byte" => raw_close(connection, &[0x03]).await,
        "frame-close-bad-utf8" => raw_close(connection, &[0x03, 0xE8, 0xFF, 0xFE]).await,
        "frame-app-init-timeout" => await_init(connection).await,
        _ => connection.finish().await,
    }
}

async fn raw_close(mut connection: Connection, body: &[u8]) -> io::Result<()> {
    connection.say(Opcode::Close, body).await?;
    connection.finish().await
}

/// What graphql-transport-ws does (graphql-ws PROTOCOL.md, `connectionInitWaitTimeout`, default 3 s).
async fn await_init(mut connection: Connection) -> io::Result<()> {
    use crate::connection::Heard;
    let deadline = Instant::now() + Duration::from_secs(3);
    loop {
        let Ok(heard) = timeout_at(deadline, connection.hear()).await else {
            return connection.close(4408, "Connection initialisation timeout").await;
        };
        match heard? {
            Heard::Message(frame::Message::Text(text)) if text.contains("\"connection_init\"") => break,
            // A server of this kind takes nothing else before the init message, but pongs and closes.
            Heard::Message(frame::Message::Text(_) | frame::Message::Binary(_)) => {}
            other => {
                if !connection.answer(other).await? {
                    return Ok(());
                }
            }
        }
    }
    connection.say(Opcode::Text, b"{\"type\":\"connection_ack\"}").await?;
    connection.echo().await
}
