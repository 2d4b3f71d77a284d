//! Every endpoint, seen from outside by one raw handshake: what it promises is what arrives.
// Helpers outside of test functions are tests too; clippy's exemption does not see that.
#![allow(clippy::unwrap_used)]

use frame::{Agreed, Event, Judge, Opcode, Role, Settings, accept_for, encode, encode_close};
use keepwire_lab::{Running, echo, endpoint, proxy};
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

const KEY: &str = "AQIDBAUGBwgJCgsMDQ4PEA==";
/// Long enough for loopback, short against the timers that are tested.
const QUIET: Duration = Duration::from_millis(700);
const MOST: usize = 200_000;
const MASK: Option<[u8; 4]> = Some([1, 2, 3, 4]);

fn loopback() -> SocketAddr {
    SocketAddr::from(([127, 0, 0, 1], 0))
}

fn request(target: &str, extra: &str) -> String {
    format!(
        "GET {target} HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
         Sec-WebSocket-Key: {KEY}\r\nSec-WebSocket-Version: 13\r\n{extra}\r\n"
    )
}

/// How reading stopped.
async fn read_on(stream: &mut TcpStream, into: &mut Vec<u8>, until: impl Fn(&[u8]) -> bool) -> &'static str {
    let patience = tokio::time::Instant::now() + Duration::from_secs(5);
    while !until(into) {
        if into.len() > MOST || tokio::time::Instant::now() > patience {
            return "endless";
        }
        match timeout(QUIET, stream.read_buf(into)).await {
            Err(_) => return "quiet",
            Ok(Ok(0)) => return "eof",
            Ok(Err(_)) => return "reset",
            Ok(Ok(_)) => {}
        }
    }
    "until"
}

fn head_end(bytes: &[u8]) -> Option<usize> {
    bytes.windows(4).position(|window| window == b"\r\n\r\n").map(|at| at + 4)
}

/// Opens, says `hello` twice and something long, and writes in one line what came: status, headers that are
/// wrong, events of the judge, and how it ended.
async fn look(addr: SocketAddr, extra: &str, say: &[(Opcode, Vec<u8>)]) -> String {
    let mut stream = TcpStream::connect(addr).await.unwrap();
    stream.write_all(request("/ws/", extra).as_bytes()).await.unwrap();
    let mut bytes = Vec::new();
    let end = read_on(&mut stream, &mut bytes, |bytes| head_end(bytes).is_some()).await;
    let Some(at) = head_end(&bytes) else {
        let start = String::from_utf8_lossy(&bytes[..bytes.len().min(4)]).escape_default().to_string();
        return format!("{start}~{end}");
    };
    let head = String::from_utf8_lossy(&bytes[..at]).into_owned();
    let status = head.split(' ').nth(1).unwrap_or("?").to_string();
    if status != "101" {
        return status;
    }
    let value = |name: &str| {
        let mut lines = head.lines().filter_map(|line| line.split_once(':'));
        lines.find(|(other, _)| other.eq_ignore_ascii_case(name)).map(|(_, value)| value.trim().to_string())
    };
    let mut words = vec![status];
    match value("sec-websocket-accept") {
        None => words.push("no-accept".into()),
        Some(accept) if accept != accept_for(KEY) => words.push("wrong-accept".into()),
        _ => {}
    }
    if value("upgrade").as_deref() != Some("websocket") {
        words.push("no-upgrade".into());
    }
    if value("connection").as_deref() != Some("Upgrade") {
        words.push("no-connection".into());
    }
    if head.matches("Sec-WebSocket-Accept").count() > 1 {
        words.push("twice".into());
    }
    let extensions = value("sec-websocket-extensions");
    let mut deflate = None;
    if let Some(extensions) = &extensions {
        let bits7 = extensions.contains("=7");
        words.push(
            if bits7 { "ext(bits=7)" } else { "ext" }.to_string()
                + if extensions.is_empty() { "-empty" } else { "" },
        );
        deflate = (extensions.starts_with("permessage-deflate") && !bits7)
            .then(|| Agreed { server_no_context_takeover: true, ..Agreed::default() });
    }
    if let Some(subprotocol) = value("sec-websocket-protocol") {
        words.push(format!("sub({subprotocol})"));
    }
    let mut frames = Vec::new();
    for (opcode, payload) in say {
        encode(&mut frames, *opcode, payload, true, false, MASK);
    }
    let _ = stream.write_all(&frames).await;
    let mut rest = bytes[at..].to_vec();
    let end = read_on(&mut stream, &mut rest, |_| false).await;
    let mut judge = Judge::new(Settings { deflate, message_limit: 1 << 20, ..Settings::new(Role::Server) });
    let mut events = judge.handle(&rest);
    events.extend(judge.finish().map(Event::Fault));
    words.extend(events.iter().take(6).filter_map(|event| match event {
        Event::Frame { header, .. } if header.opcode() == Some(Opcode::Pong) => Some("pong".into()),
        Event::Frame { .. } => None,
        Event::Message { length, compressed, .. } => {
            Some(format!("m{length}{}", if *compressed { "z" } else { "" }))
        }
        Event::Close { code, .. } => Some(format!("close({})", code.unwrap_or(0))),
        Event::Fault(fault) => Some(format!("!{}", fault.id())),
    }));
    words.push(end.into());
    words.join(" ")
}

/// A greeting, a ping, binary of 300 bytes: enough to meet every fault that waits for traffic.
fn talk() -> Vec<(Opcode, Vec<u8>)> {
    vec![(Opcode::Text, b"hello".to_vec()), (Opcode::Ping, b"p".to_vec()), (Opcode::Binary, vec![b'a'; 300])]
}

const DEFLATE: &str = "Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits\r\n";

/// The endpoint's name with `N` filled in, and what two looks see of it, without and with an offer of
/// compression: the status, what is wrong with the 101, the judge's events (`m5z` is a compressed message of
/// five bytes), and how it ended. One text where both looks saw the same.
const SEEN: &[(&str, &str)] = &[
    ("alb-464", "464"),
    ("apigw-stage-missing", "403"),
    ("app-auth-401", "401"),
    ("app-auth-after-open", "101 close(4401) eof | 101 ext close(4401) eof"),
    ("app-auth-cookie-only", "401"),
    ("app-handler-exception", "500"),
    ("app-middleware-not-hijackable", "500"),
    ("app-no-upgrade-support", "404"),
    ("app-origin-null", "101 m5 pong m300 quiet | 101 ext m5z pong m300z quiet"),
    ("app-origin-rejected", "101 m5 pong m300 quiet | 101 ext m5z pong m300z quiet"),
    ("app-origin-required", "403"),
    ("app-rate-limited", "101 m5 pong m300 quiet | 101 ext m5z pong m300z quiet"),
    ("app-trusted-proxy-missing", "101 m5 pong m300 quiet | 101 ext m5z pong m300z quiet"),
    ("app-two-ws-servers-one-port", "101 !http-in-stream eof | 101 ext !http-in-stream eof"),
    ("close-1001", "101 close(1001) eof | 101 ext close(1001) eof"),
    ("close-1006-silent", "101 eof | 101 ext eof"),
    ("close-1008", "101 close(1008) eof | 101 ext close(1008) eof"),
    ("close-1011", "101 close(1011) eof | 101 ext close(1011) eof"),
    ("close-1012", "101 close(1012) eof | 101 ext close(1012) eof"),
    ("close-1013", "101 close(1013) eof | 101 ext close(1013) eof"),
    ("cloudflare-521", "521"),
    ("cloudflare-challenge", "403"),
    ("envoy-upgrade-not-enabled", "403"),
    ("frame-app-init-timeout", "101 pong quiet | 101 ext pong quiet"),
    (
        "frame-close-bad-utf8",
        "101 !invalid-utf8-in-close close(1000) eof | 101 ext !invalid-utf8-in-close close(1000) eof",
    ),
    (
        "frame-close-one-byte",
        "101 !close-body-one-byte close(0) eof | 101 ext !close-body-one-byte close(0) eof",
    ),
    (
        "frame-close-reserved-code",
        "101 !close-code-reserved close(1006) eof | 101 ext !close-code-reserved close(1006) eof",
    ),
    ("frame-continuation", "101 !continuation-without-start quiet"),
    ("frame-control-frame-bad", "101 !control-too-long quiet"),
    ("frame-deflate-corrupt", "101 m5 pong m300 quiet | 101 ext m5z pong !deflate-broken quiet"),
    ("frame-deflate-header-stripped", "101 m5 pong m300 quiet | 101 !reserved-bits quiet"),
    ("frame-early-data-lost", "101 m5 pong m300 quiet"),
    ("frame-early-data-lost-delayed", "101 m5 m5 pong quiet"),
    ("frame-http-in-stream", "101 !http-in-stream eof"),
    ("frame-invalid-utf8", "101 !invalid-utf8 quiet"),
    ("frame-length-encoding-bug", "101 m5 pong m44 !reserved-bits quiet"),
    ("frame-masked-server", "101 !masked-by-server m5 !masked-by-server m5 quiet"),
    ("frame-message-too-big", "101 m5 pong m300 quiet"),
    ("frame-message-too-big-reset", "101 m5 pong m300 quiet"),
    ("frame-one-way-stall", "101 quiet"),
    ("frame-opcode", "101 !unknown-opcode quiet"),
    ("frame-reserved-bits", "101 !reserved-bits quiet"),
    ("frame-unacceptable-type", "101 m5 pong close(1003) eof"),
    ("healthy", "101 m5 pong m300 quiet | 101 ext m5z pong m300z quiet"),
    ("healthy-no-compression", "101 m5 pong m300 quiet"),
    ("healthy-reflect", "101 m240 m5 pong quiet | 101 ext m314z m5z pong quiet"),
    ("hostile-deflate-bomb", "101 m5 pong m300 quiet | 101 ext !message-too-big endless"),
    ("hostile-endless-101-body", "101 !reserved-bits endless"),
    ("hostile-endless-frames", "101 m1 m1 endless"),
    ("hostile-endless-headers", "HTTP~endless"),
    ("hostile-garbage-tls", "\\u{fffd}M\\u{fffd}\\u{b}~eof"),
    ("hostile-gigabyte-frame", "101 !message-too-big endless"),
    ("hostile-megabyte-redirect", "HTTP~endless"),
    ("hostile-never-close", "101 m5 pong m300 quiet"),
    ("hostile-slow-bytes", "H~quiet"),
    ("idle-cut-60", "101 m5 pong m300 quiet | 101 ext m5z pong m300z quiet"),
    ("idle-cut-reset-60", "101 m5 pong m300 quiet | 101 ext m5z pong m300z quiet"),
    ("idle-silent-60", "101 m5 pong m300 quiet | 101 ext m5z pong m300z quiet"),
    ("iis-arr-deflate", "101 m5 pong m300 quiet | 101 ext eof"),
    ("iis-websocket-feature-off", "503"),
    ("keepalive-no-pong", "101 m5 m300 quiet | 101 ext m5z m300z quiet"),
    ("lifetime-cap-60", "101 m5 pong m300 quiet | 101 ext m5z pong m300z quiet"),
    ("upgrade-101-connection-keepalive", "101 no-connection m5 pong m300 quiet"),
    ("upgrade-101-missing-connection", "101 no-connection m5 pong m300 quiet"),
    ("upgrade-101-missing-upgrade", "101 no-upgrade m5 pong m300 quiet"),
    ("upgrade-200-empty-no-route", "200"),
    ("upgrade-200-html", "200"),
    ("upgrade-204", "204"),
    ("upgrade-accept-cached", "101 wrong-accept m5 pong m300 quiet"),
    ("upgrade-accept-mismatch", "101 wrong-accept m5 pong m300 quiet"),
    ("upgrade-accept-missing", "101 no-accept m5 pong m300 quiet"),
    ("upgrade-body-on-get", "101 m5 pong m300 quiet | 101 ext m5z pong m300z quiet"),
    ("upgrade-connection-case-or-list-bug", "101 m5 pong m300 quiet | 101 ext m5z pong m300z quiet"),
    ("upgrade-duplicate-headers", "101 twice m5 pong m300 quiet"),
    ("upgrade-empty-extension-header", "101 ext-empty m5 pong m300 quiet"),
    ("upgrade-eof-after-1s", "~quiet"),
    ("upgrade-eof-before-response", "~eof"),
    ("upgrade-extension-bad-params", "101 m5 pong m300 quiet | 101 ext(bits=7) !reserved-bits quiet"),
    ("upgrade-extension-not-offered", "101 ext m5 pong m300 quiet"),
    ("upgrade-headers-too-large", "101 m5 pong m300 quiet | 101 ext m5z pong m300z quiet"),
    ("upgrade-host-mismatch", "421"),
    ("upgrade-https-redirect", "301"),
    ("upgrade-interim-1xx", "103"),
    ("upgrade-login-redirect", "302"),
    ("upgrade-never-answered", "~quiet"),
    ("upgrade-not-http", "SSH-~eof"),
    ("upgrade-path-404", "404"),
    ("upgrade-reset-on-upgrade", "~reset"),
    ("upgrade-stripped", "400"),
    ("upgrade-subprotocol-not-answered", "101 m5 pong m300 quiet"),
    ("upgrade-subprotocol-unrequested", "101 sub(lab.unrequested) m5 pong m300 quiet"),
    ("upgrade-subprotocol-wrong-dialect", "101 close(4406) eof"),
    ("upgrade-trailing-slash-redirect", "101 m5 pong m300 quiet | 101 ext m5z pong m300z quiet"),
    ("upgrade-version-rejected", "426"),
    ("upgrade-wrong-method", "405"),
    ("vercel-no-websocket", "426"),
];

#[tokio::test(flavor = "current_thread")]
async fn every_endpoint_keeps_its_promise() {
    let mut looks = tokio::task::JoinSet::new();
    for (name, _) in endpoint::names() {
        let concrete = name.replace("-N", "-60");
        looks.spawn(async move {
            let running = endpoint::serve(loopback(), &concrete).await.unwrap();
            let plain = look(running.addr, "", &talk()).await;
            let compressed = look(running.addr, DEFLATE, &talk()).await;
            let seen = if plain == compressed { plain } else { format!("{plain} | {compressed}") };
            (concrete, seen)
        });
    }
    let seen: BTreeMap<String, String> = looks.join_all().await.into_iter().collect();
    let expect: BTreeMap<String, String> =
        SEEN.iter().map(|(name, seen)| (name.to_string(), seen.to_string())).collect();
    let listing = |map: &BTreeMap<String, String>| {
        map.iter().map(|(name, seen)| format!("    (\"{name}\", \"{seen}\"),\n")).collect::<String>()
    };
    assert!(seen == expect, "seen:\n{}\nexpected:\n{}", listing(&seen), listing(&expect));
}

#[tokio::test(flavor = "current_thread")]
async fn what_depends_on_the_request() {
    let rows: &[(&str, &str, &str, &str)] = &[
        ("app-origin-required", "Origin: https://app.example\r\n", "403", "101 m5 pong m300 quiet"),
        ("app-origin-null", "Origin: null\r\n", "101 m5 pong m300 quiet", "403"),
        (
            "app-origin-null",
            "Origin: https://app.example\r\n",
            "101 m5 pong m300 quiet",
            "101 m5 pong m300 quiet",
        ),
        (
            "app-origin-rejected",
            "Origin: http://127.0.0.1\r\n",
            "101 m5 pong m300 quiet",
            "101 m5 pong m300 quiet",
        ),
        ("app-origin-rejected", "Origin: https://other.example\r\n", "101 m5 pong m300 quiet", "403"),
        ("app-auth-401", "Authorization: Bearer x\r\n", "401", "101 m5 pong m300 quiet"),
        ("app-auth-cookie-only", "Authorization: Bearer x\r\n", "401", "401"),
        ("app-auth-cookie-only", "Cookie: session=1\r\n", "401", "101 m5 pong m300 quiet"),
        ("app-trusted-proxy-missing", "X-Forwarded-For: 10.0.0.1\r\n", "101 m5 pong m300 quiet", "400"),
        ("upgrade-login-redirect", "Cookie: session=1\r\n", "302", "101 m5 pong m300 quiet"),
        ("upgrade-body-on-get", "Content-Length: 0\r\n", "101 m5 pong m300 quiet", "400"),
        (
            "upgrade-subprotocol-not-answered",
            "Sec-WebSocket-Protocol: a\r\n",
            "101 m5 pong m300 quiet",
            "101 m5 pong m300 quiet",
        ),
        (
            "healthy",
            "Sec-WebSocket-Protocol: a, b\r\n",
            "101 m5 pong m300 quiet",
            "101 sub(a) m5 pong m300 quiet",
        ),
        (
            "upgrade-subprotocol-wrong-dialect",
            "Sec-WebSocket-Protocol: graphql-ws\r\n",
            "101 close(4406) eof",
            "101 close(4406) eof",
        ),
        (
            "upgrade-subprotocol-wrong-dialect",
            "Sec-WebSocket-Protocol: graphql-transport-ws\r\n",
            "101 close(4406) eof",
            "101 sub(graphql-transport-ws) m5 pong m300 quiet",
        ),
    ];
    let mut looks = tokio::task::JoinSet::new();
    for (name, extra, without, with) in rows {
        looks.spawn(async move {
            let running = endpoint::serve(loopback(), name).await.unwrap();
            assert_eq!(look(running.addr, "", &talk()).await, *without, "{name} without");
            assert_eq!(look(running.addr, extra, &talk()).await, *with, "{name} with {extra}");
        });
    }
    looks.join_all().await;
    let large = endpoint::serve(loopback(), "upgrade-headers-too-large").await.unwrap();
    let cookie = |length| format!("Cookie: {}\r\n", "c".repeat(length));
    assert_eq!(look(large.addr, &cookie(4096), &[]).await, "101 quiet");
    assert_eq!(look(large.addr, &cookie(4097), &[]).await, "431");
}

#[tokio::test(flavor = "current_thread")]
async fn sizes_rates_and_codes() {
    let big = [(Opcode::Binary, vec![0; 65_536])];
    let bigger = [(Opcode::Binary, vec![0; 65_537])];
    let limited = endpoint::serve(loopback(), "frame-message-too-big").await.unwrap();
    assert_eq!(look(limited.addr, "", &big).await, "101 m65536 quiet");
    assert_eq!(look(limited.addr, "", &bigger).await, "101 close(1009) eof");
    let reset = endpoint::serve(loopback(), "frame-message-too-big-reset").await.unwrap();
    assert_eq!(look(reset.addr, "", &bigger).await, "101 reset");

    let rated = endpoint::serve(loopback(), "app-rate-limited").await.unwrap();
    let mut looks = tokio::task::JoinSet::new();
    (0..7).for_each(|_| drop(looks.spawn(look(rated.addr, "", &[]))));
    let refused = looks.join_all().await.iter().filter(|seen| *seen == "429").count();
    assert_eq!(refused, 2, "five of seven are admitted");

    let healthy = endpoint::serve(loopback(), "healthy").await.unwrap();
    let close = [(Opcode::Close, frame::close_payload(Some(4000), "bye"))];
    assert_eq!(look(healthy.addr, "", &close).await, "101 close(4000) eof");
    assert_eq!(look(healthy.addr, "", &[(Opcode::Text, vec![0xFF])]).await, "101 close(1007) eof");
    let addr = healthy.addr;
    healthy.stop();
    tokio::task::yield_now().await;
    assert!(TcpStream::connect(addr).await.is_err(), "a stopped endpoint listens no more");
}

#[tokio::test(flavor = "current_thread")]
async fn plain_requests_are_answered_where_only_upgrades_fail() {
    for (name, status) in [
        ("healthy", "426"),
        ("upgrade-never-answered", "200"),
        ("upgrade-eof-before-response", "200"),
        ("upgrade-reset-on-upgrade", "200"),
        ("envoy-upgrade-not-enabled", "200"),
        ("app-handler-exception", "200"),
        ("upgrade-stripped", "400"),
    ] {
        let running = endpoint::serve(loopback(), name).await.unwrap();
        let mut stream = TcpStream::connect(running.addr).await.unwrap();
        stream.write_all(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n").await.unwrap();
        let mut bytes = Vec::new();
        assert_eq!(read_on(&mut stream, &mut bytes, |_| false).await, "eof", "{name}");
        let text = String::from_utf8_lossy(&bytes).into_owned();
        assert_eq!(text.split(' ').nth(1), Some(status), "{name}: {text}");
    }
}

#[tokio::test(flavor = "current_thread")]
async fn a_stripping_proxy_hides_the_upgrade_and_a_relay_only_delays_it() {
    let options = echo::Options { reflect: true, ..echo::Options::default() };
    let backend: Running = echo::serve(loopback(), options).await.unwrap();
    let stripping = proxy::stripping_proxy(loopback(), backend.addr).await.unwrap();
    let mut stream = TcpStream::connect(stripping.addr).await.unwrap();
    stream.write_all(request("/x?y", "").as_bytes()).await.unwrap();
    let mut bytes = Vec::new();
    read_on(&mut stream, &mut bytes, |_| false).await;
    let text = String::from_utf8_lossy(&bytes).into_owned();
    assert!(text.starts_with("HTTP/1.1 426 "), "{text}");
    assert!(text.contains("Server: keepwire-demo-proxy\r\n"), "{text}");
    assert!(text.contains("\"target\":\"/x?y\"") && text.contains("[\"Connection\",\"close\"]"), "{text}");
    assert!(!text.contains("[\"Upgrade\""), "{text}");

    let relay = proxy::delaying_relay(loopback(), backend.addr, 60).await.unwrap();
    let started = std::time::Instant::now();
    let mut stream = TcpStream::connect(relay.addr).await.unwrap();
    stream.write_all(request("/", "").as_bytes()).await.unwrap();
    let mut bytes = Vec::new();
    read_on(&mut stream, &mut bytes, |bytes| head_end(bytes).is_some()).await;
    assert!(bytes.starts_with(b"HTTP/1.1 101 "));
    assert!(started.elapsed() >= Duration::from_millis(60), "{:?}", started.elapsed());
    let mut frames = Vec::new();
    encode(&mut frames, Opcode::Binary, &vec![7; 3 << 20], true, false, MASK);
    encode_close(&mut frames, Some(1000), "", MASK);
    stream.write_all(&frames).await.unwrap();
    let mut rest = bytes[head_end(&bytes).unwrap()..].to_vec();
    let patience = timeout(Duration::from_secs(20), stream.read_to_end(&mut rest));
    patience.await.unwrap().unwrap();
    let mut judge = Judge::new(Settings::new(Role::Server));
    let events = judge.handle(&rest);
    let whole =
        events.iter().any(|event| matches!(event, Event::Message { length, .. } if *length == 3 << 20));
    assert!(
        whole && matches!(events.last(), Some(Event::Close { code: Some(1000), .. })),
        "{} events",
        events.len()
    );
}

#[tokio::test(flavor = "current_thread")]
async fn timers_end_a_connection_in_their_own_way() {
    let rows = [
        // Name, whether the client keeps talking, how it ends.
        ("idle-cut-1", false, "eof"),
        ("idle-cut-reset-1", false, "reset"),
        ("idle-silent-1", false, "silent"),
        ("lifetime-cap-1", false, "eof"),
        ("lifetime-cap-1", true, "eof"),
        ("idle-cut-1", true, "alive"),
        ("idle-cut-reset-1", true, "alive"),
        ("idle-silent-1", true, "alive"),
    ];
    let mut looks = tokio::task::JoinSet::new();
    for (name, talks, expect) in rows {
        looks.spawn(async move {
            let running = endpoint::serve(loopback(), name).await.unwrap();
            assert_eq!(endure(running.addr, talks).await, expect, "{name}, talking: {talks}");
        });
    }
    looks.join_all().await;
}

/// Talks each 200 ms or not at all for some seconds, then says one thing more and sees whether it is answered.
async fn endure(addr: SocketAddr, talks: bool) -> &'static str {
    let mut stream = TcpStream::connect(addr).await.unwrap();
    stream.write_all(request("/", "").as_bytes()).await.unwrap();
    let mut bytes = Vec::new();
    read_on(&mut stream, &mut bytes, |bytes| head_end(bytes).is_some()).await;
    let mut ping = Vec::new();
    encode(&mut ping, Opcode::Ping, b"", true, false, MASK);
    for _ in 0..12 {
        if talks {
            let _ = stream.write_all(&ping).await;
        }
        match timeout(Duration::from_millis(200), async {
            loop {
                match stream.read_buf(&mut bytes).await {
                    Ok(0) => return "eof",
                    Err(_) => return "reset",
                    Ok(_) => {}
                }
            }
        })
        .await
        {
            Ok(end) => return end,
            Err(_) => continue,
        }
    }
    let before = bytes.len();
    let _ = stream.write_all(&ping).await;
    match read_on(&mut stream, &mut bytes, |bytes| bytes.len() > before).await {
        "until" => "alive",
        "quiet" => "silent",
        end => end,
    }
}
