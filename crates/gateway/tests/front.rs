//! What stands in front: who is let in, what passes through, and HTTP/2.

// clippy knows only functions with #[test] as tests; all of this is one.
#![allow(clippy::unwrap_used, clippy::panic)]

use frame::{Opcode, Parsed, accept_for, encode};
use keepwire_gateway::{Access, Limits, Running, Settings, start};
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

const KEY: &str = "dGhlIHNhbXBsZSBub25jZQ==";

fn local() -> SocketAddr {
    SocketAddr::from((Ipv4Addr::LOCALHOST, 0))
}

struct Stage {
    gateway: Running,
    lines: Arc<Mutex<Vec<String>>>,
    _echo: lab::endpoint::Running,
}

async fn stage(change: impl FnOnce(&mut Settings)) -> Stage {
    let echo = lab::echo::serve(local(), lab::echo::Options::default()).await.unwrap();
    let upstream = Some(format!("ws://{}", echo.addr).parse().unwrap());
    let mut settings = Settings { listen: local(), upstream, ..Settings::default() };
    change(&mut settings);
    let lines = Arc::new(Mutex::new(Vec::new()));
    let sink = Arc::clone(&lines);
    let gateway =
        start(settings, Some(Arc::new(move |line: &str| sink.lock().unwrap().push(line.to_owned()))))
            .await
            .unwrap();
    Stage { gateway, lines, _echo: echo }
}

/// A handshake with these further lines, and the answer's header.
async fn shake(address: SocketAddr, lines: &str) -> (TcpStream, String) {
    let mut stream = TcpStream::connect(address).await.unwrap();
    let head = format!(
        "GET /chat HTTP/1.1\r\nHost: {address}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
         Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {KEY}\r\n{lines}\r\n"
    );
    stream.write_all(head.as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    while !answer.ends_with(b"\r\n\r\n") {
        answer.push(stream.read_u8().await.unwrap());
    }
    (stream, String::from_utf8(answer).unwrap())
}

async fn ask(address: SocketAddr, request: &str) -> String {
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await.unwrap();
    String::from_utf8_lossy(&answer).into_owned()
}

#[tokio::test]
async fn a_plain_client_is_relayed_with_its_own_key_protocol_and_extensions() {
    let stage = stage(|_| {}).await;
    let lines = "Sec-WebSocket-Extensions: permessage-deflate\r\nOrigin: http://ADDRESS\r\n";
    let lines = lines.replace("ADDRESS", &stage.gateway.address.to_string());
    let (mut stream, answer) = shake(stage.gateway.address, &lines).await;
    assert!(answer.starts_with("HTTP/1.1 101 "), "{answer}");
    assert!(answer.contains(&accept_for(KEY)) && answer.contains("permessage-deflate"), "{answer}");
    let mut frame = Vec::new();
    encode(&mut frame, Opcode::Ping, b"hi", true, false, Some([1, 2, 3, 4]));
    stream.write_all(&frame).await.unwrap();
    let mut pong = [0; 4];
    stream.read_exact(&mut pong).await.unwrap();
    assert_eq!(&pong, b"\x8a\x02hi");
}

#[tokio::test]
async fn pages_of_other_origins_are_refused_everywhere_and_the_log_says_why() {
    let stage = stage(|settings| {
        settings.access = Access { origins: vec!["https://app.example".to_owned()], hosts: vec![] };
    })
    .await;
    let address = stage.gateway.address;
    let (_, answer) = shake(address, "Origin: https://evil.example\r\n").await;
    assert!(answer.starts_with("HTTP/1.1 403 "), "{answer}");
    let (_, answer) = shake(address, "Origin: https://app.example\r\n").await;
    assert!(answer.starts_with("HTTP/1.1 101 "), "{answer}");
    for path in ["stream", "poll", "send", "diagnose"] {
        let request = format!(
            "POST /.keepwire/{path} HTTP/1.1\r\nHost: {address}\r\nOrigin: https://evil.example\r\nContent-Length: 0\r\n\
             Connection: close\r\n\r\n"
        );
        let answer = ask(address, &request).await;
        assert!(
            answer.starts_with("HTTP/1.1 403 ") && !answer.contains("access-control"),
            "{path}: {answer}"
        );
    }
    let rebound =
        ask(address, "GET /.keepwire/diagnose HTTP/1.1\r\nHost: evil.example\r\nConnection: close\r\n\r\n")
            .await;
    assert!(rebound.starts_with("HTTP/1.1 421 "), "{rebound}");
    let lines = stage.lines.lock().unwrap().join("\n");
    assert!(
        lines.contains("\"cause\":\"app-origin-rejected\"") && lines.contains("app-host-not-allowed"),
        "{lines}"
    );
}

#[tokio::test]
async fn the_backends_refusal_passes_through() {
    let backend = TcpListener::bind(local()).await.unwrap();
    let address = backend.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = backend.accept().await {
            let mut head = Vec::new();
            while !head.ends_with(b"\r\n\r\n") {
                stream.read_buf(&mut head).await.unwrap();
            }
            let answer =
                "HTTP/1.1 401 Unauthorized\r\nWWW-Authenticate: Bearer\r\nContent-Length: 6\r\n\r\nlog in";
            stream.write_all(answer.as_bytes()).await.unwrap();
        }
    });
    let stage = stage(|settings| settings.upstream = Some(format!("ws://{address}").parse().unwrap())).await;
    for protocol in ["", "Sec-WebSocket-Protocol: keepwire.v1\r\n"] {
        let (mut stream, answer) = shake(stage.gateway.address, protocol).await;
        assert!(
            answer.starts_with("HTTP/1.1 401 ") && answer.contains("www-authenticate: Bearer"),
            "{answer}"
        );
        let mut body = [0; 6];
        stream.read_exact(&mut body).await.unwrap();
        assert_eq!(&body, b"log in");
    }
}

#[tokio::test]
async fn no_backend_is_a_502_with_a_reason() {
    let free = TcpListener::bind(local()).await.unwrap().local_addr().unwrap();
    let stage = stage(|settings| settings.upstream = Some(format!("ws://{free}").parse().unwrap())).await;
    let (_, answer) = shake(stage.gateway.address, "").await;
    assert!(answer.starts_with("HTTP/1.1 502 "), "{answer}");
    assert!(stage.lines.lock().unwrap().join("").contains("upgrade-bad-gateway"));
}

#[tokio::test]
async fn a_message_above_the_limit_ends_the_connection_with_1009() {
    let stage = stage(|settings| settings.limits = Limits { message: 1000, ..Limits::default() }).await;
    let (mut stream, _) = shake(stage.gateway.address, "").await;
    let mut frame = Vec::new();
    encode(&mut frame, Opcode::Binary, &[7; 1001], true, false, Some([1, 2, 3, 4]));
    stream.write_all(&frame).await.unwrap();
    let mut close = [0; 4];
    stream.read_exact(&mut close).await.unwrap();
    assert_eq!(close, [0x88, 2, 0x03, 0xf1]);
}

#[tokio::test]
async fn a_first_frame_that_never_comes_or_is_none_ends_the_link() {
    let stage = stage(|_| {}).await;
    let (mut stream, answer) = shake(stage.gateway.address, "Sec-WebSocket-Protocol: keepwire.v1\r\n").await;
    assert!(answer.contains("sec-websocket-protocol: keepwire.v1"), "{answer}");
    let mut frame = Vec::new();
    encode(&mut frame, Opcode::Binary, &[99, 0], true, false, Some([1, 2, 3, 4]));
    stream.write_all(&frame).await.unwrap();
    let mut rest = Vec::new();
    stream.read_to_end(&mut rest).await.unwrap();
    let text = String::from_utf8_lossy(&rest);
    // REFUSED, then 4003.
    assert!(text.contains("\"reason\":\"protocol\"") && rest.ends_with(&[0x88, 2, 0x0f, 0xa3]), "{rest:x?}");
}

#[tokio::test]
async fn made_up_ids_and_posts_without_a_link_are_turned_away() {
    let stage = stage(|_| {}).await;
    let address = stage.gateway.address;
    let link = session::Frame::Link(session::LinkKey {
        id: "x".into(),
        token: "y".into(),
        generation: 1,
        poll: None,
    })
    .to_bytes();
    for (body, status) in [(link, "410"), (b"nonsense".to_vec(), "400"), (Vec::new(), "400")] {
        let mut stream = TcpStream::connect(address).await.unwrap();
        let head = format!(
            "POST /.keepwire/send HTTP/1.1\r\nHost: {address}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
            body.len()
        );
        stream.write_all(&[head.as_bytes(), &body].concat()).await.unwrap();
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).await.unwrap();
        let answer = String::from_utf8_lossy(&answer);
        assert!(answer.starts_with(&format!("HTTP/1.1 {status} ")), "{answer}");
    }
}

#[tokio::test]
async fn http2_clients_are_relayed_by_extended_connect() {
    let stage = stage(|_| {}).await;
    let address = stage.gateway.address;
    let stream = TcpStream::connect(address).await.unwrap();
    let (client, mut connection) = h2::client::handshake(stream).await.unwrap();
    // Extended CONNECT may be used once the server's settings are known (RFC 8441 section 3).
    let mut client = client.ready().await.unwrap();
    let ping = connection.ping_pong().unwrap();
    tokio::spawn(connection);
    let mut ping = ping;
    ping.ping(h2::Ping::opaque()).await.unwrap();
    assert!(client.is_extended_connect_protocol_enabled());
    let mut request = http::Request::builder()
        .method("CONNECT")
        .uri(format!("http://{address}/chat"))
        .header("sec-websocket-version", "13")
        .body(())
        .unwrap();
    request.extensions_mut().insert(h2::ext::Protocol::from_static("websocket"));
    let (answer, mut send) = client.send_request(request, false).unwrap();
    let answer = answer.await.unwrap();
    assert_eq!(answer.status(), 200);
    let mut frame = Vec::new();
    encode(&mut frame, Opcode::Text, b"over http/2", true, false, Some([1, 2, 3, 4]));
    send.send_data(frame.into(), false).unwrap();
    let mut body = answer.into_body();
    let mut heard = Vec::new();
    while heard.len() < 13 {
        let bytes = body.data().await.unwrap().unwrap();
        body.flow_control().release_capacity(bytes.len()).unwrap();
        heard.extend_from_slice(&bytes);
    }
    let Parsed::Complete { header_length, .. } = frame::Header::parse(&heard) else { panic!("{heard:x?}") };
    assert_eq!(&heard[header_length..], b"over http/2");
}
