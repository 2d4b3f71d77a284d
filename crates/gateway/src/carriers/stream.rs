//! An HTTP stream as a link: what goes down is an endless `text/event-stream` of base64, what comes up are posts.

use super::Greeted;
use crate::driver::{Command, Outgoing};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use hyper::body::Frame;
use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep_until};

/// Between two signs of life, well below what proxies allow.
const BEAT: Duration = Duration::from_secs(10);
/// A first comment so long that a buffer on the way lets it through, or shows itself.
const PADDING: usize = 2048;

/// The body of the answer.
pub(crate) struct Events(mpsc::Receiver<Bytes>);

impl hyper::body::Body for Events {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        self.0.poll_recv(context).map(|bytes| bytes.map(|bytes| Ok(Frame::data(bytes))))
    }
}

/// Serves the link for as long as somebody reads the body.
pub(crate) fn serve(greeted: Greeted) -> Events {
    let (events, body) = mpsc::channel(2);
    tokio::spawn(carry(greeted, events));
    Events(body)
}

async fn carry(greeted: Greeted, events: mpsc::Sender<Bytes>) {
    let Greeted { link, commands, mut outgoing } = greeted;
    let mut padding = vec![b' '; PADDING];
    padding[0] = b':';
    padding.extend_from_slice(b"\n\n");
    if events.send(padding.into()).await.is_ok() {
        let mut beat = Instant::now() + BEAT;
        loop {
            let event = tokio::select! {
                next = outgoing.recv() => match next {
                    Some(Outgoing::Bytes(bytes)) => format!("data: {}\n\n", STANDARD.encode(bytes)),
                    Some(Outgoing::Close(code)) => {
                        let _ = events.send(format!("event: close\ndata: {code}\n\n").into()).await;
                        break;
                    }
                    None => break,
                },
                () = sleep_until(beat) => ":\n\n".to_owned(),
                () = events.closed() => break,
            };
            beat = Instant::now() + BEAT;
            if events.send(event.into()).await.is_err() {
                break;
            }
        }
    }
    let _ = commands.send(Command::Down { link }).await;
}
