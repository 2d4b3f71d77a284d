//! Endpoints behind a hop that ends or forgets connections, and one that answers no pings.

use super::Names;
use crate::connection::{Connection, Heard};
use frame::Message;
use std::io;
use std::time::Duration;
use tokio::time::timeout;

pub(crate) const NAMES: Names = &[
    ("keepalive-no-pong", "Echoes messages and ignores pings."),
    ("idle-cut-N", "Ends the stream in order after N seconds without a byte."),
    ("idle-cut-reset-N", "Resets the connection after N seconds without a byte."),
    ("idle-silent-N", "Forgets the connection after N seconds without a byte and answers nothing more."),
    ("lifetime-cap-N", "Ends the stream N seconds after opening, whatever moves on it."),
];

pub(crate) async fn play(name: &str, after: Duration, mut connection: Connection) -> io::Result<()> {
    let Some(head) = connection.upgrade_request().await? else { return Ok(()) };
    connection.accept(&head, true).await?;
    match name {
        "keepalive-no-pong" => loop {
            let heard = connection.hear().await?;
            let ignored = matches!(heard, Heard::Message(Message::Ping(_)));
            if !ignored && !connection.answer(heard).await? {
                return Ok(());
            }
        },
        "lifetime-cap-N" => match timeout(after, connection.echo()).await {
            Ok(ended) => ended,
            Err(_) => connection.finish().await,
        },
        _ => {
            // Bytes count, not messages: a proxy's timer cannot tell them apart.
            connection.patience = Some(after);
            match connection.echo().await {
                Err(error) if error.kind() == io::ErrorKind::TimedOut => {}
                ended => return ended,
            }
            match name {
                "idle-cut-N" => connection.finish().await,
                "idle-cut-reset-N" => {
                    connection.reset();
                    Ok(())
                }
                _ => connection.swallow().await,
            }
        }
    }
}
