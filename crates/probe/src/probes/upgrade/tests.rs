//! Answers of every kind, and what must not stand in the record of them.

use super::*;
use crate::testing::{Peer, World, ask, settings};
use evidence::{HandshakeFault, Question, Response};
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::sleep;

const JWT: &str = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2lnbmF0dXJl";

/// The exchange with a server that plays this, and the time in milliseconds.
async fn exchange<F>(play: impl Fn(Peer) -> F + Send + Sync + 'static) -> (Exchange, u128)
where
    F: Future<Output = ()> + Send + 'static,
{
    let world = World::new().serve("192.0.2.1:80", play);
    let question = Question::Upgrade(Variation::plain());
    let (facts, took) = ask(&Arc::new(world), settings("ws://192.0.2.1/"), question).await;
    match facts.into_iter().next() {
        Some(Fact::Exchange(exchange)) => (*exchange, took.as_millis()),
        other => panic!("no exchange: {other:?}"),
    }
}

/// The answer of a server that says this and hangs up.
async fn said(bytes: impl AsRef<[u8]> + Clone + Send + Sync + 'static) -> Answer {
    let (exchange, _) = exchange(move |mut peer| {
        let bytes = bytes.clone();
        async move {
            peer.head().await;
            peer.send(bytes).await;
        }
    })
    .await;
    exchange.answer
}

fn response(answer: Answer) -> Response {
    match answer {
        Answer::Response(response) => *response,
        other => panic!("no response: {other:?}"),
    }
}

#[tokio::test(start_paused = true)]
async fn secrets_of_the_server_are_struck_out() {
    let text = format!(
        "HTTP/1.1 302 {JWT}\r\nSet-Cookie: sid=topsecret; Path=/\r\nLocation: /in?token=topsecret\r\nX-Note: {JWT}\r\n\r\nyour {JWT}"
    );
    let seen = response(said(text).await);
    let all = format!("{seen:?}");
    assert!(!all.contains("topsecret") && !all.contains("c2lnbmF0dXJl"), "{all}");
    assert_eq!(seen.header("set-cookie"), Some("sid=…(9); Path=/"));
    assert_eq!(seen.header("location"), Some("/in?token=…(9)"));
    assert!(seen.body.text.starts_with("your eyJh…("), "{}", seen.body.text);

    // A line that is no header, and a head that breaks off, may hold them as well.
    let seen = response(said("HTTP/1.1 101 x\r\nSet-Cookie : sid=topsecret\r\n\r\n").await);
    assert!(
        seen.faults.contains(&HandshakeFault::HeaderSyntax("Set-Cookie :sid=…(9)".into()))
            || seen.faults.contains(&HandshakeFault::HeaderSyntax("Set-Cookie : sid=…(9)".into())),
        "{:?}",
        seen.faults
    );
    let Answer::Ended(preview) = said("HTTP/1.1 200 OK\r\nSet-Cookie: a=topsecret\r\nServer: x").await else {
        panic!("it ended")
    };
    assert_eq!(preview.text, "HTTP/1.1 200 OK\\r\\nSet-Cookie: a=…(9)\\r\\nServer: x");
    let Answer::Ended(preview) = said("HTTP/1.1 200 OK\r\nServer: x").await else { panic!("it ended") };
    assert!(!preview.hex.is_empty(), "what holds no secret stays whole");
}

#[tokio::test(start_paused = true)]
async fn what_is_no_answer_is_told_apart() {
    assert!(matches!(said("").await, Answer::Ended(_)));
    assert!(matches!(said("HTTP/1.1 101 Switching").await, Answer::Ended(_)));
    assert!(matches!(said("\x16\x03\x01").await, Answer::NotHttp(_)));
    let (reset, took) = exchange(|mut peer| async move {
        peer.head().await;
        peer.reset();
    })
    .await;
    assert!(matches!((reset.answer, took), (Answer::Reset(_), 0)));
    let (silent, took) = exchange(|peer| async move {
        peer.listen().await;
    })
    .await;
    assert!(matches!((silent.answer, took), (Answer::Silence(_), 4000)));
    // Refused before our request was read: what it said still counts.
    let (early, _) = exchange(|mut peer| async move {
        peer.send("HTTP/1.1 503 Busy\r\n\r\n").await;
    })
    .await;
    assert_eq!(early.status(), Some(503));
}

#[tokio::test(start_paused = true)]
async fn hostile_answers_end_in_time() {
    // One byte a second, for ever.
    let (slow, took) = exchange(|mut peer| async move {
        for byte in b"HTTP/1.1 101 Switching Protocols\r\n".iter().cycle() {
            peer.send([*byte]).await;
            sleep(Duration::from_secs(1)).await;
        }
    })
    .await;
    assert!(matches!((slow.answer, took), (Answer::Silence(_), 4000)));
    // Interim answers without end.
    let (interim, took) = exchange(|mut peer| async move {
        loop {
            peer.send("HTTP/1.1 103 Early Hints\r\n\r\n").await;
            sleep(Duration::from_millis(1)).await;
        }
    })
    .await;
    assert_eq!((interim.status(), took), (Some(103), 8));
    // A body that drips.
    let (body, took) = exchange(|mut peer| async move {
        peer.send("HTTP/1.1 200 OK\r\nContent-Length: 18446744073709551615\r\n\r\n").await;
        loop {
            peer.send("x").await;
            sleep(Duration::from_millis(100)).await;
        }
    })
    .await;
    let body = response(body.answer).body;
    assert_eq!((body.text.as_str(), body.complete, took), ("xxxxxxx", false, 700));
    // Sizes of chunks that do not fit, and that are none.
    for (chunks, text) in [
        ("ffffffffffffffff\r\nabc", "abc"),
        ("fffffffffffffffff\r\nabc", ""),
        ("3\r\nabc\r\n-1\r\n", "abc"),
        ("0\r\n\r\n", ""),
    ] {
        let body =
            response(said(format!("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n{chunks}")).await)
                .body;
        assert_eq!((body.text.as_str(), body.complete), (text, chunks.starts_with('0')), "{chunks}");
    }
    let empty = response(said("HTTP/1.1 426 x\r\nContent-Length: 0\r\n\r\nrest").await).body;
    assert_eq!((empty.text.as_str(), empty.length, empty.complete), ("", 0, true));
    // Bytes that no header may hold.
    let nul = response(said("HTTP/1.1 101 x\r\nX-A: a\0b\r\n\r\n").await);
    assert_eq!(nul.header("x-a"), Some("a\\u{0}b"));
    assert!(
        nul.faults.contains(&HandshakeFault::HeaderSyntax("X-A: a\\u{0}b".to_owned())),
        "{:?}",
        nul.faults
    );
}

#[tokio::test(start_paused = true)]
async fn only_a_101_without_fault_goes_on() {
    let world = World::new().serve("192.0.2.1:80", |mut peer| async move {
        peer.accept("").await;
        peer.serve().await;
    });
    let world = Arc::new(world);
    let question = Question::Upgrade(Variation::plain());
    let (facts, took) = ask(&world, settings("ws://192.0.2.1/"), question).await;
    assert!(matches!(facts.as_slice(), [Fact::Exchange(_), Fact::Session(_)]), "{facts:?}");
    assert_eq!(took, Duration::from_millis(8), "the pings are 2 ms apart; nothing else takes time");
    // An experiment about the request ends with its answer.
    let (facts, _) = ask(&world, settings("ws://192.0.2.1/"), Question::Upgrade(Variation::browser())).await;
    assert_eq!(facts.len(), 2);
    let other = Variation::path(evidence::PathVariant::Root);
    let (facts, took) = ask(&world, settings("ws://192.0.2.1/"), Question::Upgrade(other)).await;
    assert!(matches!(facts.as_slice(), [Fact::Exchange(_)]), "{facts:?}");
    assert_eq!(took, Duration::ZERO);

    let faulty = said("HTTP/1.1 101 x\r\nUpgrade: websocket\r\n\r\n").await;
    assert_eq!(response(faulty).faults, [HandshakeFault::ConnectionMissing, HandshakeFault::AcceptMissing]);
    let (facts, _) = ask(
        &Arc::new(World::new().silent("192.0.2.1:80")),
        settings("ws://192.0.2.1/"),
        Question::Upgrade(Variation::plain()),
    )
    .await;
    assert!(
        matches!(facts.as_slice(), [Fact::Exchange(one)] if one.answer == Answer::NotSent("tcp".to_owned())),
        "{facts:?}"
    );
}
