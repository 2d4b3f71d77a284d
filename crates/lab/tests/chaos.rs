//! The relay of chaos over loopback: what was done, what was counted, and what a test can order. Nothing here waits for
//! time to pass, but for what it expects to happen.
// Helpers outside of test functions are tests too; clippy's exemption does not see that.
#![allow(clippy::unwrap_used, clippy::panic)]

use faults::{
    BlackHole, Break, Breakage, Chance, Cut, Delay, Direction, End, Fault, Gather, HalfOpen, Idle, IdleEnd,
    Kind, Lifetime, Outage, OutageEffect, Overtake, Party, Plan, Rate, Refuse, SlowReader, Span, Stall,
    Twice, When,
};
use keepwire_lab::chaos::{self, Running};
use keepwire_lab::plan::ChaosPlan;
use keepwire_lab::{endpoint, faults, serve};
use std::future::Future;
use std::net::SocketAddr;
use std::time::{Duration, Instant};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;
use tokio::time::timeout;

fn loopback() -> SocketAddr {
    SocketAddr::from(([127, 0, 0, 1], 0))
}

/// Fails instead of hanging; nothing depends on how long it is.
async fn soon<T>(what: &str, future: impl Future<Output = T>) -> T {
    timeout(Duration::from_secs(20), future).await.unwrap_or_else(|_| panic!("{what} did not happen"))
}

fn plan(faults: impl Into<Vec<Fault>>) -> ChaosPlan {
    Plan { faults: faults.into(), seed: 3 }.into()
}

/// A relay in front of a server that the test plays itself.
struct World {
    relay: Running,
    server: TcpListener,
}

impl World {
    async fn new(plan: ChaosPlan) -> World {
        let server = TcpListener::bind(loopback()).await.unwrap();
        let relay = chaos::run(loopback(), server.local_addr().unwrap(), plan).await.unwrap();
        World { relay, server }
    }

    /// Both ends of a connection through the relay.
    async fn open(&self) -> (TcpStream, TcpStream) {
        let client = TcpStream::connect(self.relay.addr).await.unwrap();
        let (server, _) = soon("a connection to the server", self.server.accept()).await.unwrap();
        (client, server)
    }
}

/// Reads until the end: what came, and how it ended.
async fn rest(stream: &mut TcpStream) -> (String, &'static str) {
    let mut bytes = Vec::new();
    let end = soon("the end of the stream", async {
        loop {
            match stream.read_buf(&mut bytes).await {
                Ok(0) => return "eof",
                Ok(_) => {}
                Err(_) => return "reset",
            }
        }
    })
    .await;
    (String::from_utf8_lossy(&bytes).into_owned(), end)
}

async fn pass(from: &mut TcpStream, to: &mut TcpStream, text: &str) {
    from.write_all(text.as_bytes()).await.unwrap();
    let mut bytes = vec![0; text.len()];
    soon(text, to.read_exact(&mut bytes)).await.unwrap();
    assert_eq!(bytes, text.as_bytes());
}

fn at_byte(bytes: u64) -> When {
    When::AfterBytes { direction: None, bytes: Span::exactly(bytes) }
}

#[tokio::test]
async fn without_faults_it_is_a_relay_and_counts() {
    let world = World::new(ChaosPlan::default()).await;
    let (mut client, mut server) = world.open().await;
    pass(&mut client, &mut server, "hello").await;
    pass(&mut server, &mut client, "hello yourself").await;
    assert_eq!(world.relay.statistics().open, 1);
    client.shutdown().await.unwrap();
    assert_eq!(rest(&mut server).await, (String::new(), "eof"));
    pass(&mut server, &mut client, "one way stays open").await;
    drop(server);
    assert_eq!(rest(&mut client).await.1, "eof");
    let seen = soon("the end", world.relay.until(|seen| seen.ended == 1 && seen.open == 0)).await;
    assert_eq!((seen.connections, seen.to_server, seen.to_client, seen.cuts()), (1, 5, 32, 0));
}

#[tokio::test]
async fn a_reset_of_one_side_is_one_for_the_other() {
    let world = World::new(ChaosPlan::default()).await;
    let (mut client, mut server) = world.open().await;
    pass(&mut client, &mut server, "a").await;
    // Closing with unread bytes is a reset.
    client.write_all(b"unread").await.unwrap();
    soon("the bytes", server.peek(&mut [0])).await.unwrap();
    drop(server);
    assert_eq!(rest(&mut client).await.1, "reset");
}

#[tokio::test]
async fn cuts_come_at_their_byte_and_are_counted_by_kind() {
    for (fault, got, end, kind) in [
        (
            Fault::Cut(Cut { direction: Direction::ToClient, after_bytes: 4, end: End::Reset }),
            "abcd",
            "reset",
            Kind::Cut,
        ),
        (Fault::Break(Break { when: at_byte(3), end: End::Fin }), "abc", "eof", Kind::Break),
    ] {
        let world = World::new(plan([fault])).await;
        let (mut client, mut server) = world.open().await;
        server.write_all(b"abcdef").await.unwrap();
        assert_eq!(rest(&mut client).await, (got.to_owned(), end));
        assert_eq!(rest(&mut server).await.1, end);
        let seen = soon("the end", world.relay.until(|seen| seen.open == 0)).await;
        assert_eq!((seen.of(kind), seen.cuts(), seen.ended), (1, 1, 0));
        // The relay goes on, and the next connection has its own count.
        let (mut client, mut server) = world.open().await;
        pass(&mut server, &mut client, "ab").await;
    }
}

#[tokio::test]
async fn timers_cut_what_is_silent_or_old() {
    let idle = |end| Fault::Idle(Idle { after_ms: 30, end });
    for (fault, end, kind) in [
        (idle(IdleEnd::Fin), "eof", Kind::Idle),
        (idle(IdleEnd::Reset), "reset", Kind::Idle),
        (Fault::Lifetime(Lifetime { after_ms: 30, end: End::Reset }), "reset", Kind::Lifetime),
        (Fault::Break(Break { when: When::MeanMs(30), end: End::Fin }), "eof", Kind::Break),
    ] {
        let world = World::new(plan([fault])).await;
        let (mut client, mut server) = world.open().await;
        assert_eq!((rest(&mut client).await.1, rest(&mut server).await.1), (end, end));
        soon("the count", world.relay.until(|seen| seen.of(kind) == 1)).await;
    }
}

#[tokio::test]
async fn half_open_tells_one_side_and_a_black_hole_none() {
    let half = HalfOpen { when: at_byte(2), told: Party::Client, end: End::Reset };
    let world = World::new(plan([Fault::HalfOpen(half)])).await;
    let (mut client, mut server) = world.open().await;
    server.write_all(b"abc").await.unwrap();
    assert_eq!(rest(&mut client).await, ("ab".to_owned(), "reset"));
    soon("the count", world.relay.until(|seen| seen.of(Kind::HalfOpen) == 1)).await;
    // The server may send what it likes, and hears nothing: not even the end.
    server.write_all(&[0; 100_000]).await.unwrap();
    assert_eq!(world.relay.statistics().open, 1);
    world.relay.cut_all();
    assert_eq!(rest(&mut server).await.1, "reset");
    soon("the end", world.relay.until(|seen| seen.open == 0)).await;

    let world = World::new(plan([Fault::BlackHole(BlackHole { when: at_byte(2) })])).await;
    let (mut client, mut server) = world.open().await;
    client.write_all(b"abc").await.unwrap();
    let mut bytes = [0; 2];
    soon("two bytes", server.read_exact(&mut bytes)).await.unwrap();
    soon("the count", world.relay.until(|seen| seen.of(Kind::BlackHole) == 1)).await;
    client.write_all(b"more").await.unwrap();
    drop(client);
    assert_eq!(world.relay.statistics().open, 1, "the server is not told");
    assert!(server.try_read(&mut bytes).is_err_and(|error| error.kind() == std::io::ErrorKind::WouldBlock));
    drop(server);
    soon("both gave up", world.relay.until(|seen| seen.open == 0)).await;
    assert_eq!(world.relay.statistics().to_server, 2);
}

#[tokio::test]
async fn whole_connections_are_refused_dropped_and_made_twice() {
    let certain = Chance(1_000_000);
    let world = World::new(plan([Fault::Refuse(Refuse { chance: certain })])).await;
    let mut client = TcpStream::connect(world.relay.addr).await.unwrap();
    assert_eq!(rest(&mut client).await, (String::new(), "reset"));
    soon("the count", world.relay.until(|seen| seen.of(Kind::Refuse) == 1 && seen.open == 0)).await;

    world.relay.set_plan(plan([Fault::Drop(faults::Drop { chance: certain })]));
    let mut client = TcpStream::connect(world.relay.addr).await.unwrap();
    client.write_all(b"GET / HTTP/1.1\r\n\r\n").await.unwrap();
    assert_eq!(rest(&mut client).await, (String::new(), "eof"));
    soon("the count", world.relay.until(|seen| seen.of(Kind::Drop) == 1)).await;

    world.relay.set_plan(plan([Fault::Twice(Twice { chance: certain })]));
    let (mut client, mut first) = world.open().await;
    let (mut second, _) = soon("the twin", world.server.accept()).await.unwrap();
    pass(&mut client, &mut first, "once").await;
    client.write_all(b" more").await.unwrap();
    client.shutdown().await.unwrap();
    assert_eq!(rest(&mut first).await.0, " more");
    assert_eq!(rest(&mut second).await.0, "once more");
    second.write_all(b"nobody hears this").await.unwrap();
    drop(second);
    pass(&mut first, &mut client, "answer").await;
    drop(first);
    assert_eq!(rest(&mut client).await, (String::new(), "eof"));

    // A server that is not there is no fault of the plan.
    let addr = world.server.local_addr().unwrap();
    drop(world.server);
    let relay = chaos::run(loopback(), addr, ChaosPlan::default()).await.unwrap();
    let mut client = TcpStream::connect(relay.addr).await.unwrap();
    assert_eq!(rest(&mut client).await.1, "reset");
    assert_eq!(soon("the count", relay.until(|seen| seen.unreachable == 1)).await.cuts(), 0);
}

#[tokio::test]
async fn a_block_is_lifted_by_another_plan() {
    // A buffer that would wait for ever lets go of what it holds.
    let held = Gather { direction: Some(Direction::ToClient), bytes: 1000, after_ms: None };
    let world = World::new(plan([Fault::Gather(held)])).await;
    let (mut client, mut server) = world.open().await;
    pass(&mut client, &mut server, "the other way is free").await;
    server.write_all(b"held").await.unwrap();
    world.relay.set_plan(ChaosPlan::default());
    let mut bytes = [0; 4];
    soon("what was held", client.read_exact(&mut bytes)).await.unwrap();
    assert_eq!(&bytes, b"held");
    pass(&mut server, &mut client, "free").await;
    // So does an outage of a day, which also lets new connections wait.
    let outage = Outage {
        up_ms: Span::exactly(0),
        down_ms: Span::exactly(86_400_000),
        effect: OutageEffect::Hold,
        seed: 0,
    };
    world.relay.set_plan(plan([Fault::Outage(outage)]));
    let (mut late, mut late_server) = world.open().await;
    late.write_all(b"late").await.unwrap();
    client.write_all(b"down").await.unwrap();
    world.relay.set_plan(ChaosPlan::default());
    soon("what waited", server.read_exact(&mut bytes)).await.unwrap();
    assert_eq!(&bytes, b"down");
    soon("what waited", late_server.read_exact(&mut bytes)).await.unwrap();
    assert_eq!(&bytes, b"late");
    // One that breaks refuses, until it is lifted.
    let effect = OutageEffect::Break(Breakage::Both(End::Reset));
    world.relay.set_plan(plan([Fault::Outage(Outage { effect, ..outage })]));
    assert_eq!(rest(&mut client).await.1, "reset");
    let mut refused = TcpStream::connect(world.relay.addr).await.unwrap();
    assert_eq!(rest(&mut refused).await.1, "reset");
    soon("the count", world.relay.until(|seen| seen.of(Kind::Outage) == 3)).await;
    world.relay.set_plan(ChaosPlan::default());
    let (mut client, mut server) = world.open().await;
    pass(&mut client, &mut server, "up again").await;
}

#[tokio::test]
async fn everything_open_is_cut_by_order_and_new_connections_are_not() {
    let world = World::new(ChaosPlan::default()).await;
    let mut open = Vec::new();
    for _ in 0..20 {
        open.push(world.open().await);
    }
    world.relay.cut_all();
    for (client, server) in &mut open {
        assert_eq!((rest(client).await.1, rest(server).await.1), ("reset", "reset"));
    }
    let seen = soon("the end", world.relay.until(|seen| seen.open == 0)).await;
    assert_eq!((seen.of(Kind::ByHand), seen.connections), (20, 20));
    let (mut client, mut server) = world.open().await;
    pass(&mut client, &mut server, "new").await;
    world.relay.break_all(Breakage::Both(End::Fin));
    assert_eq!((rest(&mut client).await.1, rest(&mut server).await.1), ("eof", "eof"));
    let addr = world.relay.addr;
    drop(world.relay);
    soon("it listens no more", async {
        while TcpStream::connect(addr).await.is_ok() {
            tokio::task::yield_now().await;
        }
    })
    .await;
}

#[tokio::test]
async fn what_is_slow_takes_its_time_and_loses_nothing() {
    for (fault, least) in [
        (Fault::Delay(Delay { one_way_ms: 40, jitter_ms: 10 }), 40),
        (Fault::Rate(Rate { direction: None, bytes_per_s: 100_000 }), 190),
        (Fault::SlowReader(SlowReader { party: Party::Server, bytes_per_s: 100_000, window: 500 }), 190),
        (Fault::Gather(Gather { direction: None, bytes: 1 << 20, after_ms: Some(50) }), 50),
    ] {
        let world = World::new(plan([fault.clone()])).await;
        let (mut client, mut server) = world.open().await;
        let sent: Vec<u8> = (0..20_000u32).map(|n| n.to_le_bytes()[0]).collect();
        let started = Instant::now();
        let mut got = vec![0; sent.len()];
        let (written, read) = tokio::join!(client.write_all(&sent), soon("all", server.read_exact(&mut got)));
        written.unwrap();
        read.unwrap();
        assert!(got == sent && started.elapsed() >= Duration::from_millis(least), "{fault:?}");
    }
}

#[tokio::test]
async fn memory_is_bounded_where_nothing_passes() {
    let block = Outage {
        up_ms: Span::exactly(0),
        down_ms: Span::exactly(86_400_000),
        effect: OutageEffect::Hold,
        seed: 0,
    };
    let world = World::new(plan([Fault::Outage(block)])).await;
    let (mut client, mut server) = world.open().await;
    // The relay stops reading, so the kernel's buffers fill up, and writing stops in the end: it does, since the send
    // would go on for ever otherwise.
    let mut sent: u64 = 0;
    let (full, mut is_full) = mpsc::channel(1);
    let chunk = vec![7; 64 * 1024];
    let writing = async {
        loop {
            match timeout(Duration::from_millis(300), client.write(&chunk)).await {
                Ok(length) => sent += length.unwrap() as u64,
                Err(_) => break,
            }
            assert!(sent < 64 << 20, "the relay takes everything");
        }
        full.send(()).await.unwrap();
        client.shutdown().await.unwrap();
    };
    let lifting = async {
        is_full.recv().await.unwrap();
        world.relay.set_plan(ChaosPlan::default());
        let mut bytes = vec![0; 1 << 20];
        let mut got = 0;
        loop {
            match soon("the rest", server.read(&mut bytes)).await.unwrap() {
                0 => break got,
                length => got += length as u64,
            }
        }
    };
    let ((), got) = tokio::join!(writing, lifting);
    assert_eq!(got, sent, "and nothing is lost");
}

#[tokio::test]
async fn answers_of_connections_beside_each_other_overtake() {
    let late = Overtake { chance: Chance(500_000), by_ms: 60 };
    let world = World::new(plan([Fault::Overtake(late)])).await;
    let (order, mut arrived) = mpsc::unbounded_channel();
    let mut servers = Vec::new();
    for index in 0..16 {
        let (mut client, mut server) = world.open().await;
        pass(&mut client, &mut server, "ask").await;
        servers.push(server);
        let order = order.clone();
        tokio::spawn(async move {
            client.read_u8().await.unwrap();
            order.send(index).unwrap();
        });
    }
    for server in &mut servers {
        server.write_all(b"!").await.unwrap();
    }
    let mut seen = Vec::new();
    while seen.len() < 16 {
        seen.push(soon("an answer", arrived.recv()).await.unwrap());
    }
    assert!(!seen.is_sorted(), "{seen:?}");
}

#[tokio::test]
async fn a_stall_is_one_way() {
    let stall = Stall { direction: Direction::ToClient, after_bytes: 3 };
    let world = World::new(plan([Fault::Stall(stall)])).await;
    let (mut client, mut server) = world.open().await;
    server.write_all(b"abcdef").await.unwrap();
    let mut bytes = [0; 3];
    soon("three bytes", client.read_exact(&mut bytes)).await.unwrap();
    pass(&mut client, &mut server, "still here").await;
    drop(server);
    assert_eq!(rest(&mut client).await, (String::new(), "eof"));
}

#[tokio::test]
async fn the_upgrade_is_stripped_until_the_plan_says_otherwise() {
    let backend = endpoint::serve(loopback(), "healthy").await.unwrap();
    let strip = ChaosPlan { strip_upgrade: true, ..ChaosPlan::default() };
    let relay = chaos::run(loopback(), backend.addr, strip).await.unwrap();
    let ask = "GET / HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
        Sec-WebSocket-Key: AQIDBAUGBwgJCgsMDQ4PEA==\r\nSec-WebSocket-Version: 13\r\n\r\n";
    let mut client = TcpStream::connect(relay.addr).await.unwrap();
    client.write_all(ask.as_bytes()).await.unwrap();
    let (text, end) = rest(&mut client).await;
    assert!(text.starts_with("HTTP/1.1 426 ") && end == "eof", "{text}");
    relay.set_plan(ChaosPlan::default());
    let mut client = TcpStream::connect(relay.addr).await.unwrap();
    client.write_all(ask.as_bytes()).await.unwrap();
    let mut start = [0; 13];
    soon("an answer", client.read_exact(&mut start)).await.unwrap();
    assert_eq!(&start, b"HTTP/1.1 101 ");
}

#[tokio::test]
async fn a_stripping_proxy_passes_bodies_both_ways() {
    let world = World::new(ChaosPlan { strip_upgrade: true, ..ChaosPlan::default() }).await;
    let mut client = TcpStream::connect(world.relay.addr).await.unwrap();
    let head = "POST /x HTTP/1.1\r\nHost: x\r\nConnection: keep-alive\r\nContent-Length: 6\r\n\r\nabc";
    client.write_all(head.as_bytes()).await.unwrap();
    let (mut server, _) = soon("the proxy", world.server.accept()).await.unwrap();
    let mut seen = Vec::new();
    let mut read_until = async |end: &str| {
        while !seen.ends_with(end.as_bytes()) {
            assert_ne!(soon(end, server.read_buf(&mut seen)).await.unwrap(), 0);
        }
    };
    read_until("\r\n\r\nabc").await;
    client.write_all(b"def").await.unwrap();
    read_until("abcdef").await;
    server.write_all(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\ndata: 1\n\n").await.unwrap();
    let mut bytes = Vec::new();
    while !bytes.ends_with(b"data: 1\n\n") {
        assert_ne!(soon("the first event", client.read_buf(&mut bytes)).await.unwrap(), 0);
    }
    pass(&mut server, &mut client, "data: 2\n\n").await;
    drop(server);
    assert_eq!(rest(&mut client).await, (String::new(), "eof"));
}

/// A client that starts again where it was cut needs many connections, and gets everything in the end.
#[tokio::test]
async fn the_meat_grinder_cuts_thousands_and_repeats_with_its_seed() {
    const CUTS: u64 = 1000;
    let mut grinder = ChaosPlan::grinder(1_000_000_000, 10, 0);
    grinder.faults.faults.push(Fault::Refuse(Refuse { chance: Chance(100_000) }));
    let mut runs = Vec::new();
    for _ in 0..2 {
        let world = World::new(grinder.clone().with_seed(11)).await;
        let server = world.server;
        let playing = tokio::spawn(async move {
            loop {
                let (mut stream, _) = server.accept().await.unwrap();
                tokio::spawn(async move {
                    let (mut read, mut write) = stream.split();
                    let _ = tokio::io::copy(&mut read, &mut write).await;
                });
            }
        });
        let mut lengths = Vec::new();
        for _ in 0..CUTS {
            // One after the other, and never more than one byte under way: then the byte of the cut is certain.
            let mut client = TcpStream::connect(world.relay.addr).await.unwrap();
            let mut echoed = 0;
            while client.write_all(&[1]).await.is_ok()
                && matches!(soon("an echo or the end", client.read_u8()).await, Ok(1))
            {
                echoed += 1;
            }
            lengths.push(echoed);
        }
        let seen = soon("the end", world.relay.until(|seen| seen.open == 0)).await;
        assert_eq!((seen.cuts(), seen.connections, seen.ended), (CUTS, CUTS, 0));
        assert!((60..140).contains(&seen.of(Kind::Refuse)), "{:?}", seen.struck);
        playing.abort();
        runs.push((lengths, seen.struck));
    }
    assert_eq!(runs[0], runs[1]);
}

#[tokio::test]
async fn all_endpoints_are_served_by_path() {
    let served = serve::serve(loopback(), serve::Index::default(), None).await.unwrap();
    let ask = async |target: &str, more: &str| {
        let mut client = TcpStream::connect(served.addr).await.unwrap();
        let text = format!("GET {target} HTTP/1.1\r\nHost: x\r\n{more}\r\n");
        client.write_all(text.as_bytes()).await.unwrap();
        let (text, _) = rest(&mut client).await;
        let mut words = text.split(' ');
        (words.nth(1).unwrap_or_default().to_owned(), text)
    };
    let upgrade =
        "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Key: AQIDBAUGBwgJCgsMDQ4PEA==\r\n";
    let (status, text) = ask("/", "").await;
    assert_eq!(status, "200");
    for (name, what) in endpoint::names() {
        assert!(text.contains(name) && text.contains(what), "{name}");
    }
    let (_, html) = ask("/?x", "Accept: text/html,*/*\r\n").await;
    assert!(html.contains("of x;") && html.contains("<a href=\"/idle-cut-60\">/idle-cut-N</a>"), "{html}");
    for (target, more, status) in [
        ("/healthy", "", "426"),
        ("/close-1011", upgrade, "101"),
        ("/idle-cut-1", upgrade, "101"),
        ("/upgrade-path-404/other", upgrade, "404"),
        ("/upgrade-204", upgrade, "204"),
        ("/apigw-stage-missing/test", upgrade, "403"),
        ("/no-such-thing", "", "404"),
        ("/idle-cut-x", "", "404"),
    ] {
        assert_eq!(ask(target, more).await.0, status, "{target}");
    }
    let (_, redirect) = ask("/upgrade-trailing-slash-redirect/a?b", "").await;
    assert!(redirect.contains("Location: /upgrade-trailing-slash-redirect/a/?b\r\n"), "{redirect}");
    assert!(ask("/helthy", "").await.1.contains("/healthy?"));
    // An endpoint remembers from one connection to the next, as it does on a port of its own.
    let mut statuses = Vec::new();
    for _ in 0..7 {
        let mut client = TcpStream::connect(served.addr).await.unwrap();
        let text = format!(
            "GET /app-rate-limited HTTP/1.1\r\nHost: x\r\nSec-WebSocket-Version: 13\r\n{upgrade}\r\n"
        );
        client.write_all(text.as_bytes()).await.unwrap();
        let mut start = [0; 12];
        soon("an answer", client.read_exact(&mut start)).await.unwrap();
        statuses.push(String::from_utf8_lossy(&start[9..]).into_owned());
    }
    assert_eq!(statuses, ["101", "101", "101", "101", "101", "429", "429"]);
}
