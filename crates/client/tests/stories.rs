//! One story table over every carrier: the real client, the real gateway, a plain echo behind it, and a relay between
//! them that cuts each connection after a number of bytes.

// clippy knows only functions with #[test] as tests; all of this is one.
#![allow(clippy::unwrap_used, clippy::panic, clippy::expect_used)]

use gateway::{Running, SessionSettings, Settings};
use keepwire_client::{Connection, Event, Message, Mode, Options, Transport};
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::{Duration, Instant};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Notify;

fn local() -> SocketAddr {
    SocketAddr::from((Ipv4Addr::LOCALHOST, 0))
}

struct Stage {
    gateway: Running,
    _echo: lab::endpoint::Running,
}

async fn stage() -> Stage {
    let echo = lab::echo::serve(local(), lab::echo::Options::default()).await.unwrap();
    let settings = Settings {
        listen: local(),
        upstream: Some(format!("ws://{}", echo.addr).parse().unwrap()),
        session: SessionSettings { reconnect_min: 1, reconnect_max: 20, ..SessionSettings::default() },
        ..Settings::default()
    };
    let gateway = gateway::start(settings, Some(Arc::new(|_| {}))).await.unwrap();
    Stage { gateway, _echo: echo }
}

/// Cuts every connection after a number of bytes that is drawn anew; none are let through for ever.
async fn cutting_relay(upstream: SocketAddr, most: u64) -> (SocketAddr, Arc<AtomicU64>) {
    let listener = TcpListener::bind(local()).await.unwrap();
    let address = listener.local_addr().unwrap();
    let cuts = Arc::new(AtomicU64::new(0));
    let counted = Arc::clone(&cuts);
    tokio::spawn(async move {
        let mut seed = 7_u64;
        while let Ok((mut client, _)) = listener.accept().await {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            let budget = 2000 + (seed >> 33) % most;
            let cuts = Arc::clone(&counted);
            tokio::spawn(async move {
                let Ok(mut server) = TcpStream::connect(upstream).await else { return };
                // What Nagle's algorithm holds back would be lost with every reset, and no resume could ever end.
                let _ = (client.set_nodelay(true), server.set_nodelay(true));
                let (mut up, mut down) = ([0; 4096], [0; 4096]);
                let mut passed = 0;
                loop {
                    let (read, to_server) = tokio::select! {
                        read = client.read(&mut up) => (read, true),
                        read = server.read(&mut down) => (read, false),
                    };
                    let Ok(read) = read else { return };
                    if read == 0 {
                        return;
                    }
                    // In the middle of whatever is under way.
                    let fits = read.min((budget - passed) as usize);
                    passed += fits as u64;
                    let written = if to_server {
                        server.write_all(&up[..fits]).await
                    } else {
                        client.write_all(&down[..fits]).await
                    };
                    if written.is_err() {
                        return;
                    }
                    if passed >= budget {
                        cuts.fetch_add(1, Relaxed);
                        let _ = client.set_zero_linger();
                        return;
                    }
                }
            });
        }
    });
    (address, cuts)
}

/// Lets WebSockets hang, passes everything else, and breaks what it passes when told to.
async fn hanging_relay(upstream: SocketAddr) -> (SocketAddr, Arc<AtomicU64>, Arc<Notify>) {
    let listener = TcpListener::bind(local()).await.unwrap();
    let address = listener.local_addr().unwrap();
    let (hung, cut) = (Arc::new(AtomicU64::new(0)), Arc::new(Notify::new()));
    let (counted, told) = (Arc::clone(&hung), Arc::clone(&cut));
    tokio::spawn(async move {
        while let Ok((mut client, _)) = listener.accept().await {
            let (counted, told) = (Arc::clone(&counted), Arc::clone(&told));
            tokio::spawn(async move {
                let cut = told.notified();
                let mut head = [0; 4096];
                let read = client.read(&mut head).await?;
                if head[..read].to_ascii_lowercase().windows(18).any(|part| part == b"upgrade: websocket") {
                    counted.fetch_add(1, Relaxed);
                    return client.read(&mut head).await;
                }
                let mut server = TcpStream::connect(upstream).await?;
                server.write_all(&head[..read]).await?;
                tokio::select! {
                    _ = tokio::io::copy_bidirectional(&mut client, &mut server) => {}
                    () = cut => {}
                }
                std::io::Result::Ok(0)
            });
        }
    });
    (address, hung, cut)
}

fn options(transports: &[Transport]) -> Options {
    let mut options = Options { mode: Mode::Keepwire, transports: transports.to_vec(), ..Options::default() };
    options.reconnect = session_range(1, 20);
    options
}

fn session_range(min: u64, max: u64) -> keepwire_client::Range {
    keepwire_client::Range { min, max }
}

/// Sends so many numbered messages, and wants each of them back once and in order.
async fn echo(mut connection: Connection, count: u64, close: bool) -> (u64, u64) {
    let (mut next_up, mut next_down, mut resumes) = (0, 0, 0);
    let mut waiting: Option<Message> = None;
    while next_down < count {
        while next_up < count {
            let message = waiting.take().unwrap_or_else(|| {
                let text = format!("{next_up:06} {}", "x".repeat((next_up % 97) as usize));
                if next_up % 2 == 0 { Message::Text(text) } else { Message::Binary(text.into_bytes()) }
            });
            match connection.try_send(message) {
                Ok(()) => next_up += 1,
                Err(keepwire_client::SendError::Full(message)) => {
                    waiting = Some(message);
                    break;
                }
                Err(error) => panic!("{error:?}"),
            }
        }
        match connection.next().await.expect("the connection goes on") {
            Event::Message(message) => {
                let (text, is_text) = match message {
                    Message::Text(text) => (text, true),
                    Message::Binary(bytes) => (String::from_utf8(bytes).unwrap(), false),
                };
                assert_eq!(text[..6].parse::<u64>().unwrap(), next_down, "not the next message");
                assert_eq!(is_text, next_down % 2 == 0);
                next_down += 1;
            }
            Event::Up { resumed, .. } => resumes += u64::from(resumed),
            Event::Down { .. } | Event::Refused(_) => {}
            other => panic!("{other:?} after {next_down} messages"),
        }
    }
    if close {
        connection.close(4005, "enough");
        loop {
            match connection.next().await {
                Some(Event::Closed { code, undelivered, .. }) => {
                    assert_eq!((code, undelivered.len()), (4005, 0));
                    break;
                }
                Some(_) => {}
                None => panic!("no close"),
            }
        }
    }
    (next_down, resumes)
}

const ALL: [(&str, &[Transport]); 3] =
    [("websocket", &[Transport::WebSocket]), ("stream", &[Transport::Stream]), ("poll", &[Transport::Poll])];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_carrier_carries() {
    let stage = stage().await;
    for (name, transports) in ALL {
        let address = format!("ws://{}/chat?room=1", stage.gateway.address);
        let connection = Connection::open(&address, options(transports)).unwrap();
        let (received, resumes) = echo(connection, 300, true).await;
        assert_eq!((received, resumes), (300, 0), "{name}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_lost_however_often_the_connections_are_cut() {
    let stage = stage().await;
    for (name, transports) in ALL {
        let (relay, cuts) = cutting_relay(stage.gateway.address, 30_000).await;
        let connection = Connection::open(&format!("ws://{relay}/"), options(transports)).unwrap();
        let (received, resumes) = echo(connection, 4000, false).await;
        let cuts = cuts.load(Relaxed);
        println!("{name}: {received} messages, {resumes} resumes, {cuts} cuts");
        assert!(cuts >= 5 && resumes >= 3, "{name}: {cuts} cuts, {resumes} resumes");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_websocket_that_hangs_does_not_hold_up_the_next_try() {
    let stage = stage().await;
    let (address, hung, cut) = hanging_relay(stage.gateway.address).await;
    let mut options = options(&[Transport::WebSocket, Transport::Stream]);
    options.fallback_after = Duration::from_millis(50);
    options.connect_timeout = Duration::from_secs(60);
    let url = format!("ws://{address}/");
    let mut connection = Connection::open(&url, options).unwrap();
    let (mut ups, began) = (0, Instant::now());
    while ups < 5 {
        let event = tokio::time::timeout(Duration::from_secs(10), connection.next()).await;
        if let Event::Up { transport, .. } = event.expect("the next try comes").unwrap() {
            assert_eq!(transport, Transport::Stream);
            assert!(hung.load(Relaxed) > 0);
            ups += 1;
            cut.notify_waiters();
        }
    }
    // Far from the time at which the WebSocket is given up.
    assert!(began.elapsed() < Duration::from_secs(30));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_connection_that_does_not_come_about_says_why() {
    // Nobody listens there any more.
    let address = TcpListener::bind(local()).await.unwrap().local_addr().unwrap();
    for mode in [Mode::Keepwire, Mode::Plain] {
        let options = Options { mode, ..options(&[Transport::WebSocket]) };
        let mut connection = Connection::open(&format!("ws://{address}/"), options).unwrap();
        match connection.next().await {
            Some(Event::Down { why, code: None }) => assert!(why.contains("refused"), "{why}"),
            other => panic!("{other:?}"),
        }
    }
}
