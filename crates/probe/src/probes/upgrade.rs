//! A request, its answer, and if that is a 101 a short session.

use crate::dial::{DialError, Route, dial};
use crate::head::{self, Want};
use crate::net::BoxStream;
use crate::probes::session;
use crate::request::{Request, write};
use crate::socket::Socket;
use crate::{Limit, Observer, Probe, micros, tls};
use evidence::{Answer, Exchange, Extensions, Fact, Place, Subprotocols, TlsVariation, Variation};
use frame::Agreed;
use std::net::SocketAddr;

pub(crate) async fn look(probe: &Probe, variation: &Variation, observer: &Observer) {
    let Some(opened) = open(probe, variation, observer).await else { return };
    let socket = opened.into_socket(session::MESSAGE_LIMIT);
    if deserves_a_session(variation) {
        session::look(probe, socket, variation, observer).await;
    } else {
        session::leave(probe, socket).await;
    }
}

/// Experiments about the handshake end with it; those about what comes after need a session.
fn deserves_a_session(variation: &Variation) -> bool {
    variation.is_plain()
        || variation.is_again()
        || variation.extensions == Extensions::Deflate
        || variation.subprotocols != Subprotocols::AsGiven
        || variation.direct
}

/// An open WebSocket.
pub(crate) struct Opened {
    pub stream: BoxStream,
    pub rest: Vec<u8>,
    pub deflate: Option<Agreed>,
}

impl Opened {
    pub(crate) fn into_socket(self, message_limit: u64) -> Socket {
        Socket::new(self.stream, self.rest, self.deflate, message_limit)
    }
}

/// Connects, shakes hands, asks; reports all of it. Some: the WebSocket is open.
pub(crate) async fn open(probe: &Probe, variation: &Variation, observer: &Observer) -> Option<Opened> {
    let (exchange, opened) = exchange(probe, variation, Some(observer)).await;
    observer.saw(Place::Server, Fact::Exchange(Box::new(exchange)));
    opened
}

/// The same, reporting at most the TLS handshake of the plain request.
pub(crate) async fn exchange(
    probe: &Probe,
    variation: &Variation,
    observer: Option<&Observer>,
) -> (Exchange, Option<Opened>) {
    let secure = probe.settings().case.target.secure != variation.other_scheme;
    let not_sent = |to: Option<SocketAddr>, why: &str| Exchange {
        variation: variation.clone(),
        to,
        tls: secure,
        request: Vec::new(),
        answer: Answer::NotSent(why.to_owned()),
        took_us: 0,
    };
    let dialed = match dial(probe, Route::of(variation)).await {
        Ok(dialed) => dialed,
        Err(error) => {
            let to = match &error {
                DialError::Tcp(to) => *to,
                DialError::NoAddress | DialError::Tunnel => None,
            };
            return (not_sent(to, error.layer()), None);
        }
    };
    let (to, absolute) = (dialed.to, dialed.absolute && !secure);
    let mut stream = dialed.stream;
    if secure {
        let shaken = tls::shake(probe, stream, to, &TlsVariation::Plain).await;
        if let (true, Some(observer)) = (variation.is_plain(), observer) {
            observer.saw(Place::Server, Fact::Tls(Box::new(shaken.tls)));
        }
        match shaken.stream {
            Some(open) => stream = open,
            None => return (not_sent(to, "tls"), None),
        }
    }
    let request = write(probe.settings(), variation, to, absolute);
    ask(probe, variation, to, secure, stream, request).await
}

async fn ask(
    probe: &Probe,
    variation: &Variation,
    to: Option<SocketAddr>,
    tls: bool,
    mut stream: BoxStream,
    request: Request,
) -> (Exchange, Option<Opened>) {
    let mut reply = head::ask(&mut stream, &request, probe.limit(Limit::Response), Want::Head).await;
    head::redact(probe.settings().redactor, &mut reply.answer);
    let exchange = Exchange {
        variation: variation.clone(),
        to,
        tls,
        request: request.lines,
        answer: reply.answer,
        took_us: micros(reply.took),
    };
    let opened = exchange.opened().then(|| Opened { stream, rest: reply.rest, deflate: reply.deflate });
    (exchange, opened)
}

#[cfg(test)]
mod tests;
