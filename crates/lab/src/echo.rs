//! The healthy echo server, alone: answers what it gets, pongs, closes in order, compresses if asked to. In
//! reflect mode it also tells each client what arrived of its request, which shows what the hops between them
//! changed.

use crate::connection::{Connection, Heard, MESSAGE_LIMIT, good_answer};
use crate::endpoint::{Running, accept_each};
use crate::head::RequestHead;
use frame::{Message, Opcode};
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use tokio::sync::broadcast;

/// Messages that a slow listener may be behind.
const ROOM: usize = 1024;

type Room = broadcast::Sender<Arc<str>>;

/// Called with each request before it is answered, and with the peer's address.
pub type OnRequest = Arc<dyn Fn(&RequestHead, SocketAddr) + Send + Sync>;

/// How the echo server behaves.
#[derive(Clone)]
pub struct Options {
    /// Send the request as JSON as the first text message, and as the body of answers to plain requests.
    pub reflect: bool,
    /// Agree on permessage-deflate if the client offers it.
    pub compress: bool,
    /// Longest message in bytes; longer ones end the connection with 1009.
    pub message_limit: usize,
    /// On paths that end in `/chat`, what one client says is heard by all of them.
    pub chat: bool,
    /// Sees each request.
    pub on_request: Option<OnRequest>,
}

impl Default for Options {
    fn default() -> Options {
        Options {
            reflect: false,
            compress: true,
            message_limit: MESSAGE_LIMIT,
            chat: false,
            on_request: None,
        }
    }
}

/// Serves echoes on `listen`.
///
/// # Errors
/// What binding the address returned.
pub async fn serve(listen: SocketAddr, options: Options) -> io::Result<Running> {
    let options = Arc::new(options);
    let (room, _) = broadcast::channel(ROOM);
    accept_each(listen, move |connection| {
        let (options, room) = (Arc::clone(&options), room.clone());
        async move { play_in(connection, &options, &room).await }
    })
    .await
}

pub(crate) async fn play(connection: Connection, options: &Options) -> io::Result<()> {
    play_in(connection, options, &broadcast::channel(1).0).await
}

async fn play_in(mut connection: Connection, options: &Options, room: &Room) -> io::Result<()> {
    let Some(head) = connection.request().await? else { return Ok(()) };
    if let Some(on_request) = &options.on_request {
        on_request(&head, connection.peer);
    }
    if !head.is_upgrade() {
        let required = [("Upgrade", "websocket"), ("Sec-WebSocket-Version", "13")];
        if options.reflect {
            let json = [("Content-Type", "application/json"), required[0], required[1]];
            return connection
                .respond("426 Upgrade Required", &json, &reflection(&head, connection.peer))
                .await;
        }
        return connection.respond("426 Upgrade Required", &required, "Upgrade Required\n").await;
    }
    let (headers, agreed) = good_answer(&head, options.compress);
    connection.write_head("101 Switching Protocols", &headers).await?;
    connection.agree(agreed, options.message_limit);
    if options.reflect {
        connection.say(Opcode::Text, reflection(&head, connection.peer).as_bytes()).await?;
    }
    if options.chat && head.target.split('?').next().is_some_and(|path| path.ends_with("/chat")) {
        return chat(connection, room).await;
    }
    connection.echo().await
}

/// What is said by anybody is heard by everybody, whoever said it too.
async fn chat(mut connection: Connection, room: &Room) -> io::Result<()> {
    let mut said = room.subscribe();
    loop {
        tokio::select! {
            heard = connection.hear() => match heard? {
                Heard::Message(Message::Text(text)) => {
                    let _ = room.send(text.into());
                }
                other => if !connection.answer(other).await? {
                    return Ok(());
                },
            },
            text = said.recv() => match text {
                Ok(text) => connection.say(Opcode::Text, text.as_bytes()).await?,
                // Somebody who reads so slowly has left the conversation.
                Err(_) => return connection.close(1013, "too slow").await,
            },
        }
        connection.flush().await?;
    }
}

/// What was seen of a request: `{"method","target","version","headers":[[name,value]…],"peer"}`.
pub fn reflection(head: &RequestHead, peer: SocketAddr) -> String {
    serde_json::json!({
        "method": head.method,
        "target": head.target,
        "version": head.version,
        "headers": head.headers,
        "peer": peer.to_string(),
    })
    .to_string()
}
