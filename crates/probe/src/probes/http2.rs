//! HTTP/2 on the same port: does it offer WebSockets (RFC 8441), and does it keep the promise?

use crate::dial::{Route, dial};
use crate::{Limit, Observer, Probe, micros, tls};
use evidence::{Fact, Http2, Http2Answer, Place, TlsVariation};
use h2::client::{Builder, SendRequest};
use h2::ext::Protocol;
use tokio::time::{Instant, timeout};

pub(crate) async fn look(probe: &Probe, observer: &Observer) {
    let began = Instant::now();
    let mut seen = Http2 { negotiated: false, extended_connect: false, answer: None, get: None, took_us: 0 };
    let Ok(dialed) = dial(probe, Route::default()).await else { return };
    let variation = TlsVariation::Alpn(vec!["h2".to_owned(), "http/1.1".to_owned()]);
    let shaken = tls::shake(probe, dialed.stream, dialed.to, &variation).await;
    seen.negotiated = shaken.tls.alpn.as_deref() == Some("h2");
    let completed = shaken.tls.completed();
    observer.saw(Place::Server, Fact::Tls(Box::new(shaken.tls)));
    if let (true, true, Some(stream)) = (seen.negotiated, completed, shaken.stream) {
        converse(probe, stream, &mut seen).await;
    }
    seen.took_us = micros(began.elapsed());
    observer.saw(Place::Server, Fact::Http2(seen));
}

async fn converse(probe: &Probe, stream: crate::BoxStream, seen: &mut Http2) {
    let limit = probe.limit(Limit::Response);
    let mut builder = Builder::new();
    // Nothing large is wanted, and a hostile server must not make us keep it.
    builder
        .max_header_list_size(16 * 1024)
        .max_concurrent_streams(4)
        .initial_window_size(64 * 1024)
        .enable_push(false);
    let Ok(Ok((sender, mut connection))) =
        timeout(limit, builder.handshake::<_, &'static [u8]>(stream)).await
    else {
        return;
    };
    // SETTINGS are the first thing that a server sends (RFC 9113 section 3.4): once our ping is answered, they
    // have been read.
    let Some(mut pings) = connection.ping_pong() else { return };
    let settled = async {
        tokio::select! {
            pong = pings.ping(h2::Ping::opaque()) => pong.is_ok(),
            _ = &mut connection => false,
        }
    };
    if timeout(limit, settled).await != Ok(true) {
        return;
    }
    seen.extended_connect = sender.is_extended_connect_protocol_enabled();
    if !seen.extended_connect {
        return;
    }
    let answer = request(probe, sender);
    tokio::pin!(answer);
    let talk = async {
        tokio::select! {
            answer = &mut answer => answer,
            end = &mut connection => match end {
                Err(error) => Http2Answer::ConnectionError(reason(&error)),
                Ok(()) => Http2Answer::ConnectionError("NO_ERROR".to_owned()),
            },
        }
    };
    seen.answer = Some(timeout(limit, talk).await.unwrap_or(Http2Answer::Silence));
}

/// An extended CONNECT (RFC 8441 section 4).
async fn request(probe: &Probe, mut sender: SendRequest<&'static [u8]>) -> Http2Answer {
    let settings = probe.settings();
    let uri = format!("https://{}{}", settings.case.target.authority(), settings.path);
    let mut builder = http::Request::builder()
        .method(http::Method::CONNECT)
        .uri(uri)
        .version(http::Version::HTTP_2)
        .header("sec-websocket-version", "13")
        .extension(Protocol::from_static("websocket"));
    if let Some(origin) = settings.case.page_origin() {
        builder = builder.header("origin", origin);
    }
    if !settings.case.subprotocols.is_empty() {
        builder = builder.header("sec-websocket-protocol", settings.case.subprotocols.join(", "));
    }
    for (name, value) in &settings.headers {
        builder = builder.header(name, value);
    }
    let Ok(request) = builder.body(()) else { return Http2Answer::StreamReset("not sent".to_owned()) };
    let (response, mut stream) = match sender.send_request(request, false) {
        Ok(pair) => pair,
        Err(error) => return failed(&error),
    };
    let answer = match response.await {
        Ok(response) => Http2Answer::Status(response.status().as_u16()),
        Err(error) => failed(&error),
    };
    stream.send_reset(h2::Reason::CANCEL);
    answer
}

fn failed(error: &h2::Error) -> Http2Answer {
    if error.is_go_away() || error.is_io() {
        Http2Answer::ConnectionError(reason(error))
    } else {
        Http2Answer::StreamReset(reason(error))
    }
}

/// `PROTOCOL_ERROR` and the like (RFC 9113 section 7).
fn reason(error: &h2::Error) -> String {
    error.reason().map_or_else(|| error.to_string(), |reason| format!("{reason:?}"))
}
