//! The healthy echo server, alone: answers what it gets, pongs, closes in order, compresses if asked to. In
//! reflect mode it also tells each client what arrived of its request, which shows what the hops between them
//! changed.

use crate::connection::{Connection, MESSAGE_LIMIT, good_answer};
use crate::endpoint::{Running, accept_each};
use crate::head::RequestHead;
use frame::Opcode;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

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
    /// Sees each request.
    pub on_request: Option<OnRequest>,
}

impl Default for Options {
    fn default() -> Options {
        Options { reflect: false, compress: true, message_limit: MESSAGE_LIMIT, on_request: None }
    }
}

/// Serves echoes on `listen`.
///
/// # Errors
/// What binding the address returned.
pub async fn serve(listen: SocketAddr, options: Options) -> io::Result<Running> {
    let options = Arc::new(options);
    accept_each(listen, move |connection| {
        let options = Arc::clone(&options);
        async move { play(connection, &options).await }
    })
    .await
}

pub(crate) async fn play(mut connection: Connection, options: &Options) -> io::Result<()> {
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
    connection.echo().await
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
