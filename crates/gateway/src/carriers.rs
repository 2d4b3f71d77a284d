//! What carries frames: each file turns one kind of HTTP exchange into a link, and knows nothing of sessions beyond
//! their first frame.

mod http;
pub(crate) mod poll;
pub(crate) mod stream;
pub(crate) mod websocket;

use crate::driver::{Command, LINK_QUEUE, Outgoing};
use crate::hub::{Client, Dialled, Hub};
use session::{Frame, Hello, Refused, VERSION};
use std::sync::Arc;
use tokio::sync::mpsc;

/// Bytes of the first frame.
pub(crate) const FIRST_FRAME: usize = 4096;
/// Bytes of a post.
pub(crate) const POST: usize = 256 * 1024 + 4096;

/// A link that was greeted: where its frames go, and where those for it come from.
pub(crate) struct Greeted {
    pub link: u64,
    pub commands: mpsc::Sender<Command>,
    pub outgoing: mpsc::Receiver<Outgoing>,
}

/// What the first frame on a link asks for.
pub(crate) enum First {
    Hello(Hello),
    Resume(Box<session::Resume>),
}

/// Reads it.
pub(crate) fn first(bytes: &[u8]) -> Result<First, Refused> {
    match Frame::decode_all(bytes).as_deref() {
        Ok([Frame::Hello(hello)]) if hello.version == VERSION => Ok(First::Hello(hello.clone())),
        Ok([Frame::Hello(_)]) => Err(Refused::new("version")),
        Ok([Frame::Resume(resume)]) => Ok(First::Resume(Box::new(resume.clone()))),
        _ => Err(Refused::new("protocol")),
    }
}

/// A new session on a new link.
pub(crate) fn begin(hub: &Arc<Hub>, id: String, hello: &Hello, dialled: Dialled, client: Client) -> Greeted {
    let (out, outgoing) = mpsc::channel(LINK_QUEUE);
    let link = hub.new_link();
    let commands = hub.begin(id, link, out, hello, dialled, client);
    Greeted { link, commands, outgoing }
}

/// A session that goes on. Its task may still refuse; that comes as a frame.
pub(crate) async fn resume(
    hub: &Arc<Hub>,
    resume: session::Resume,
    client: &Client,
) -> Result<Greeted, Refused> {
    let commands = hub.find_for(&resume, client)?;
    let (out, outgoing) = mpsc::channel(LINK_QUEUE);
    let link = hub.new_link();
    let command = Command::Resume { link, out, resume };
    commands.send(command).await.map_err(|_| Refused::new("unknown"))?;
    Ok(Greeted { link, commands, outgoing })
}
