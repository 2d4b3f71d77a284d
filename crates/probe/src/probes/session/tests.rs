//! Sessions with servers that do well, and with servers that do not.

use super::*;
use crate::testing::{Peer, World, ask, settings};
use evidence::{Ending, Extensions, Question};
use std::future::Future;
use std::sync::Arc;
use tokio::time::sleep;

const PING: u8 = 9;
const TEXT: u8 = 1;
const CLOSE: u8 = 8;

/// The session with a server that plays this after its 101; and how long the whole look took.
async fn session<F>(play: impl Fn(Peer) -> F + Send + Sync + 'static) -> (Session, Duration)
where
    F: Future<Output = ()> + Send + 'static,
{
    let play = Arc::new(play);
    let world = World::new().serve("192.0.2.1:80", move |mut peer| {
        let play = Arc::clone(&play);
        async move {
            peer.accept("").await;
            play(peer).await;
        }
    });
    let question = Question::Upgrade(Variation::plain());
    let (mut facts, took) = ask(&Arc::new(world), settings("ws://192.0.2.1/"), question).await;
    match facts.pop() {
        Some(Fact::Session(session)) => (*session, took),
        other => panic!("no session: {other:?}"),
    }
}

fn how(session: &Session) -> Option<&How> {
    session.ending.as_ref().map(|ending| &ending.how)
}

fn closed(code: u16, reason: &str) -> How {
    How::Close { code: Some(code), reason: reason.to_owned() }
}

/// Reads and does nothing until the text message has come.
async fn until_message(peer: &mut Peer) {
    while let Some(frame) = peer.frame().await {
        if frame.0 == TEXT || !peer.echo(frame).await {
            return;
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_healthy_server_is_measured() {
    let (seen, took) = session(|mut peer| async move {
        sleep(Duration::from_millis(30)).await;
        while let Some(frame) = peer.frame().await {
            if frame.0 == TEXT {
                sleep(Duration::from_millis(50)).await;
            }
            if !peer.echo(frame).await {
                return;
            }
        }
    })
    .await;
    assert_eq!(seen.pings.iter().map(|ping| ping.sent_us).collect::<Vec<_>>(), [0, 2000, 4000, 6000, 8000]);
    assert_eq!(seen.pongs().collect::<Vec<_>>(), [30_000, 28_000, 26_000, 24_000, 22_000]);
    assert_eq!(seen.echo, Some(Echo { sent_us: 30_000, same: true, round_trip_us: Some(50_000) }));
    assert_eq!(seen.closing, Some(Closing { answered: Some(1000), ended: true, took_us: 0 }));
    assert_eq!((seen.frame_count, seen.ending), (7, None));
    assert_eq!((seen.messages, seen.faults), (Vec::new(), Vec::new()));
    assert_eq!(took, Duration::from_millis(80));
}

#[tokio::test(start_paused = true)]
async fn only_the_last_ping_must_be_answered() {
    let (seen, took) = session(|mut peer| async move {
        let mut pings = 0;
        while let Some(frame) = peer.frame().await {
            pings += usize::from(frame.0 == PING);
            if (frame.0 != PING || pings == PINGS) && !peer.echo(frame).await {
                return;
            }
        }
    })
    .await;
    assert_eq!(seen.pings.iter().filter(|ping| ping.round_trip_us.is_none()).count(), 4);
    assert!(seen.echo.is_some_and(|echo| echo.same));
    assert_eq!(took, Duration::from_millis(8));
}

#[tokio::test(start_paused = true)]
async fn a_deflated_session_sends_a_second_message() {
    for (agree, sent) in [("Sec-WebSocket-Extensions: permessage-deflate\r\n", true), ("", false)] {
        let world = World::new().serve("192.0.2.1:80", move |mut peer| async move {
            let head = peer.accept(agree).await;
            assert!(head.contains("permessage-deflate"), "{head}");
            peer.serve().await;
        });
        let question = Question::Upgrade(Variation::deflate());
        let (mut facts, _) = ask(&Arc::new(world), settings("ws://192.0.2.1/"), question).await;
        let Some(Fact::Session(seen)) = facts.pop() else { panic!("no session") };
        assert_eq!((seen.deflate, seen.variation.extensions), (sent, Extensions::Deflate));
        assert!(seen.binary_sent_us.is_some() && seen.messages.is_empty(), "{seen:?}");
        assert_eq!(seen.closing.map(|closing| closing.answered), Some(Some(1000)));
    }
}

#[tokio::test(start_paused = true)]
async fn uninvited_messages_are_kept_without_their_secrets() {
    const JWT: &str = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2lnbmF0dXJl";
    let (seen, _) = session(|mut peer| async move {
        peer.say(Opcode::Text, format!("welcome {JWT}\u{1b}[2J").as_bytes()).await;
        for _ in 0..20 {
            peer.say(Opcode::Binary, &[1, 2]).await;
        }
        peer.serve().await;
    })
    .await;
    assert_eq!(seen.messages.len(), KEPT);
    assert_eq!(seen.messages[0].preview, format!("welcome eyJh…({})\\u{{1b}}[2J", JWT.len()));
    assert_eq!((seen.messages[1].kind, seen.messages[1].length), (MessageKind::Binary, 2));
    assert_eq!((seen.frames.len(), seen.frame_count), (KEPT, 21 + 5 + 1 + 1));
    assert!(seen.echo.is_some_and(|echo| echo.same));
}

#[tokio::test(start_paused = true)]
async fn who_ends_it_and_when() {
    // Before our message: it cannot be why.
    let (seen, _) = session(|mut peer| async move {
        peer.say(Opcode::Close, b"\x0f\xa1bye \x1b[2J").await;
        peer.listen().await;
    })
    .await;
    assert_eq!(how(&seen), Some(&closed(4001, "bye \\u{1b}[2J")), "printable");
    assert!(seen.ended_uninvited() && seen.echo.is_none() && seen.closing.is_none(), "{seen:?}");

    // Because of our message.
    let (seen, _) = session(|mut peer| async move {
        until_message(&mut peer).await;
        peer.say(Opcode::Close, b"\x03\xebtext only").await;
        peer.listen().await;
    })
    .await;
    assert_eq!(how(&seen), Some(&closed(1003, "text only")));
    assert!(!seen.ended_uninvited() && seen.echo.as_ref().is_some_and(|echo| !echo.same), "{seen:?}");

    // Without a word, in order and not.
    let (seen, _) = session(|peer| async move { drop(peer) }).await;
    assert_eq!(seen.ending, Some(Ending { how: How::Fin, after_us: 0, idle_us: 0 }));
    let (seen, took) = session(|peer| async move { peer.reset() }).await;
    assert_eq!((how(&seen), took), (Some(&How::Reset), Duration::ZERO));
    let (seen, _) = session(|mut peer| async move {
        until_message(&mut peer).await;
        sleep(Duration::from_millis(100)).await;
        peer.reset();
    })
    .await;
    assert_eq!(seen.ending.map(|ending| (ending.how, ending.idle_us)), Some((How::Reset, 100_000)));

    // It hangs up after the echo: what it said first must not be lost in our failed write.
    let (seen, _) = session(|mut peer| async move {
        until_message(&mut peer).await;
        peer.say(Opcode::Text, GREETING.as_bytes()).await;
        peer.say(Opcode::Close, b"\x03\xe9going").await;
    })
    .await;
    assert_eq!(how(&seen), Some(&closed(1001, "going")));
    assert!(seen.echo.is_some_and(|echo| echo.same));
}

#[tokio::test(start_paused = true)]
async fn no_pong_and_no_echo_end_after_their_time() {
    let (seen, took) = session(|peer| async move {
        peer.listen().await;
    })
    .await;
    assert_eq!((seen.pings.len(), seen.pongs().count()), (PINGS, 0));
    assert_eq!(seen.echo, Some(Echo { sent_us: 2_000_000, same: false, round_trip_us: None }));
    assert_eq!(seen.closing, Some(Closing { answered: None, ended: false, took_us: 1_000_000 }));
    assert_eq!(took, Duration::from_millis(2000 + 600 + 1000));
}

#[tokio::test(start_paused = true)]
async fn the_close_handshake_is_held_against_the_rules() {
    for (answer, stays, expected) in [
        (&b"\x88\x02\x03\xe8"[..], false, (Some(1000), true)),
        (b"\x88\x02\x03\xe8", true, (Some(1000), false)),
        (b"\x88\x00", false, (Some(1005), true)),
        (b"", false, (None, true)),
        (b"", true, (None, false)),
    ] {
        let (seen, _) = session(move |mut peer| async move {
            while let Some(frame) = peer.frame().await {
                if frame.0 == CLOSE {
                    break;
                }
                peer.echo(frame).await;
            }
            peer.send(answer).await;
            if stays {
                peer.listen().await;
                sleep(Duration::from_secs(60)).await;
            }
        })
        .await;
        let closing = seen.closing.expect("we closed");
        assert_eq!((closing.answered, closing.ended), expected, "{answer:?} {stays}");
        assert_eq!(seen.ending, None);
    }
}

#[tokio::test(start_paused = true)]
async fn faults_are_kept() {
    for (bytes, faults) in [
        (&b"\x81\x82abcdhi"[..], &["masked-by-server"][..]),
        (b"HTTP/1.1 400 Bad Request\r\n\r\n", &["http-in-stream"]),
        (b"\xc1\x02hi", &["reserved-bits"]),
        (b"\x81\x02\xff\xff", &["invalid-utf8"]),
        (b"\x81\x7f\xff\xff\xff\xff\xff\xff\xff\xff", &["length-too-large"]),
        (b"\x88\x02\x03\xe8garbage", &["data-after-close"]),
        (b"\x81\x02hi", &[]),
    ] {
        let (seen, took) = session(move |mut peer| async move {
            peer.send(bytes).await;
            peer.serve().await;
        })
        .await;
        let ids: Vec<&str> = seen.faults.iter().map(|(id, _)| id.as_str()).collect();
        assert_eq!(ids, faults, "{bytes:?}");
        assert!(took < Duration::from_millis(50), "{took:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn the_first_frames_may_come_with_the_head() {
    let world = World::new().serve("192.0.2.1:80", |mut peer| async move {
        let head = peer.head().await;
        let key = head.lines().find_map(|line| line.strip_prefix("Sec-WebSocket-Key: ")).expect("a key");
        let accept = frame::accept_for(key);
        let head = format!(
            "HTTP/1.1 101 x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: {accept}\r\n\r\n"
        );
        peer.send([head.as_bytes(), b"\x01\x01a\x80"].concat()).await;
        // The rest of the continuation frame comes later.
        let _ = peer.frame().await;
        peer.send(b"\x01b").await;
        peer.serve().await;
    });
    let question = Question::Upgrade(Variation::plain());
    let (mut facts, _) = ask(&Arc::new(world), settings("ws://192.0.2.1/"), question).await;
    let Some(Fact::Session(seen)) = facts.pop() else { panic!("no session") };
    assert!(seen.first_bytes.starts_with("01 01 61 80 01 62"), "{}", seen.first_bytes);
    assert_eq!(seen.frame_count, 2 + 4 + 1 + 1);
    assert_eq!(seen.messages.iter().map(|message| message.preview.as_str()).collect::<Vec<_>>(), ["ab"]);
    assert!(seen.faults.is_empty(), "{:?}", seen.faults);
}

#[tokio::test(start_paused = true)]
async fn a_flood_is_left_at_the_limit() {
    let (seen, _) = session(|mut peer| async move {
        let mut message = vec![0x82, 0x7e, 0x40, 0];
        message.extend([0; 0x4000]);
        while tokio::io::AsyncWriteExt::write_all(&mut peer.stream, &message).await.is_ok() {}
    })
    .await;
    assert!((FLOOD..FLOOD + 256 * 1024).contains(&seen.bytes), "{}", seen.bytes);
    assert_eq!((seen.messages.len(), seen.frames.len()), (KEPT, KEPT));
}

#[tokio::test(start_paused = true)]
async fn a_server_that_pings_and_reads_nothing_does_not_hold_us() {
    let (seen, took) = session(|mut peer| async move {
        // Each asks for an answer of 131 bytes, and the pipe holds 64 KiB.
        for _ in 0..2000 {
            peer.say(Opcode::Ping, &[b'p'; 125]).await;
        }
        peer.hold().await;
    })
    .await;
    assert!(seen.frame_count > 500, "{}", seen.frame_count);
    assert!(took < Duration::from_secs(10), "{took:?}");
}
