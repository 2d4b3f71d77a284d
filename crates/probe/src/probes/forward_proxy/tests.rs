//! Proxies that do as they should, and proxies that do not.

use super::*;
use crate::testing::{Peer, World, ask, only, settings};
use crate::{Probe, Settings};
use evidence::{Question, Variation, Via};
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

const PROXY: &str = "192.0.2.8:3128";

fn through(url: &str, credentials: Option<(&str, &str)>, target: &str) -> Settings {
    let mut settings = settings(target);
    settings.case.via = Some(Via {
        url: url.to_owned(),
        mode: ViaMode::Auto,
        variable: None,
        credentials: credentials.is_some(),
    });
    settings.proxy_credentials = credentials
        .map(|(user, password)| Credentials { user: user.to_owned(), password: password.to_owned() });
    settings
}

/// What comes of a tunnel through a proxy that plays this, and the time in milliseconds.
async fn tunnel<F>(
    settings: Settings,
    play: impl Fn(Peer) -> F + Send + Sync + 'static,
) -> (TunnelOutcome, u128)
where
    F: Future<Output = ()> + Send + 'static,
{
    let world = World::new().serve(PROXY, play).name("app.example", &["192.0.2.1"]);
    let (facts, took) = ask(&Arc::new(world), settings, Question::Tunnel { port: None }).await;
    match only(facts) {
        Fact::Tunnel(tunnel) => (tunnel.outcome, took.as_millis()),
        other => panic!("no tunnel: {other:?}"),
    }
}

fn answered(outcome: &TunnelOutcome) -> (u16, String) {
    match outcome {
        TunnelOutcome::Answered(response) => (response.status, response.body.text.clone()),
        other => panic!("not answered: {other:?}"),
    }
}

#[tokio::test(start_paused = true)]
async fn connect_names_the_target_and_sends_credentials() {
    for (credentials, header) in
        [(Some(("ann", "s3cret")), Some("Proxy-Authorization: Basic YW5uOnMzY3JldA==")), (None, None)]
    {
        let (outcome, _) = tunnel(
            through("http://192.0.2.8:3128", credentials, "wss://app.example/"),
            move |mut peer| async move {
                let head = peer.head().await;
                assert!(head.starts_with("CONNECT app.example:443 HTTP/1.1\r\nHost: app.example:443\r\n"));
                let sent = head.lines().find(|line| line.starts_with("Proxy-Authorization"));
                assert_eq!(sent, header);
                peer.send("HTTP/1.1 200 Connection established\r\n\r\n").await;
            },
        )
        .await;
        assert_eq!(outcome, TunnelOutcome::Open);
    }
}

#[tokio::test(start_paused = true)]
async fn what_a_proxy_answers_is_told_apart() {
    let say = |bytes: &'static [u8]| {
        tunnel(through(PROXY, None, "wss://app.example/"), move |mut peer| async move {
            peer.head().await;
            peer.send(bytes).await;
        })
    };
    let (outcome, took) = say(
        b"HTTP/1.1 407 Proxy Authentication Required\r\nProxy-Authenticate: Basic\r\nSet-Cookie: sid=abc\r\nContent-Length: 2\r\n\r\nno",
    )
    .await;
    assert_eq!((answered(&outcome), took), ((407, "no".to_owned()), 0));
    let TunnelOutcome::Answered(response) = outcome else { panic!("not answered") };
    assert_eq!(response.header("set-cookie"), Some("sid=…(3)"), "proxies send secrets, too");
    assert_eq!(answered(&say(b"HTTP/1.1 403 Forbidden\r\n\r\nblocked").await.0), (403, "blocked".to_owned()));
    // An interim answer is not the last word, and behind a 200 there is no body to wait for.
    assert_eq!(say(b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\n\r\n").await, (TunnelOutcome::Open, 0));
    assert_eq!(say(b"").await.0, TunnelOutcome::Ended);
    assert_eq!(say(b"HTTP/1.1 20").await.0, TunnelOutcome::Ended);
    assert_eq!(say(b"SSH-2.0-x\r\n").await.0, TunnelOutcome::NotAProxy("SSH-2.0-x\\r\\n".to_owned()));

    let silence = tunnel(through(PROXY, None, "wss://app.example/"), |peer| async move {
        peer.listen().await;
    });
    assert_eq!(silence.await, (TunnelOutcome::Silence, 4000));
}

#[tokio::test(start_paused = true)]
async fn a_proxy_that_is_not_there() {
    let tunnel = |world: World, url: &'static str| async move {
        let settings = through(url, None, "wss://app.example/");
        match only(ask(&Arc::new(world), settings, Question::Tunnel { port: None }).await.0) {
            Fact::Tunnel(tunnel) => tunnel.outcome,
            other => panic!("no tunnel: {other:?}"),
        }
    };
    assert_eq!(tunnel(World::new(), "http://proxy.example:3128").await, TunnelOutcome::NameNotResolved);
    assert_eq!(tunnel(World::new(), PROXY).await, TunnelOutcome::Unreached(Reached::Refused));
    assert_eq!(tunnel(World::new().silent(PROXY), PROXY).await, TunnelOutcome::Unreached(Reached::Silence));
}

#[tokio::test(start_paused = true)]
async fn socks_says_where_to_in_every_kind_of_address() {
    for (scheme, target, wanted) in [
        ("socks5h", "wss://app.example/", &b"\x05\x01\x00\x03\x0bapp.example\x01\xbb"[..]),
        ("socks5", "wss://app.example/", b"\x05\x01\x00\x01\xc0\x00\x02\x01\x01\xbb"),
        (
            "socks5h",
            "ws://[2001:db8::7]:80/",
            b"\x05\x01\x00\x04\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\x07\x00\x50",
        ),
    ] {
        let settings = through(&format!("{scheme}://{PROXY}"), None, target);
        let (outcome, took) = tunnel(settings, move |mut peer| async move {
            assert_eq!(peer.bytes(3).await, b"\x05\x01\x00", "without credentials there is one way");
            peer.send(b"\x05\x00").await;
            assert_eq!(peer.bytes(wanted.len()).await, wanted);
            peer.send(b"\x05\x00\x00\x03\x04host\x00\x50").await;
        })
        .await;
        assert_eq!((outcome, took), (TunnelOutcome::Open, 0), "{scheme} {target}");
    }
}

#[tokio::test(start_paused = true)]
async fn socks_refuses_in_many_ways() {
    for (choice, verdict, reply, expected) in [
        (&b"\x05\x02"[..], &b"\x01\x00"[..], &b"\x05\x00\x00\x01\0\0\0\0\0\0"[..], TunnelOutcome::Open),
        (
            b"\x05\x02",
            b"\x01\x00",
            b"\x05\x00\x00\x04\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0",
            TunnelOutcome::Open,
        ),
        (b"\x05\x02", b"\x01\x01", b"", TunnelOutcome::SocksAuthentication),
        (b"\x05\xff", b"", b"", TunnelOutcome::SocksAuthentication),
        (b"\x05\x02", b"\x01\x00", b"\x05\x02\x00\x01", TunnelOutcome::Socks(2)),
        (b"\x05\x02", b"\x01\x00", b"\x05\x05\x00\x01", TunnelOutcome::Socks(5)),
        (b"\x05\x02", b"\x01\x00", b"\x05\x00\x00\x09", TunnelOutcome::NotAProxy("05 00 00 09".to_owned())),
        (b"\x05\x02", b"\x01\x00", b"HTTP", TunnelOutcome::NotAProxy("48 54 54 50".to_owned())),
        (b"HTTP/1.1 400 Bad Request\r\n", b"", b"", TunnelOutcome::NotAProxy("48 54".to_owned())),
        (b"\x05", b"", b"", TunnelOutcome::Ended),
        (b"\x05\x02", b"\x01\x00", b"\x05\x00", TunnelOutcome::Ended),
    ] {
        let settings = through(&format!("socks5h://{PROXY}"), Some(("ann", "s3cret")), "wss://app.example/");
        let (outcome, _) = tunnel(settings, move |mut peer| async move {
            assert_eq!(peer.bytes(4).await, b"\x05\x02\x00\x02");
            peer.send(choice).await;
            if choice == b"\x05\x02" {
                assert_eq!(peer.bytes(12).await, b"\x01\x03ann\x06s3cret", "RFC 1929");
                peer.send(verdict).await;
            }
            if !reply.is_empty() {
                peer.bytes(18).await;
                peer.send(reply).await;
            }
        })
        .await;
        assert_eq!(outcome, expected, "{choice:?} {verdict:?} {reply:?}");
    }
    let settings = through(&format!("socks5h://{PROXY}"), None, "wss://app.example/");
    let silence = tunnel(settings, |peer| async move {
        peer.listen().await;
    });
    assert_eq!(silence.await, (TunnelOutcome::Silence, 4000));
}

#[tokio::test(start_paused = true)]
async fn a_proxy_that_forwards_reads_the_whole_url() {
    let mut settings = through("http://192.0.2.8:3128", None, "ws://app.example/ws?token=s3cret");
    settings.case.via.as_mut().expect("a proxy").mode = ViaMode::Forward;
    let world = World::new().serve(PROXY, |mut peer| async move {
        let head = peer.accept("").await;
        assert!(
            head.starts_with("GET http://app.example/ws?token=s3cret HTTP/1.1\r\nHost: app.example\r\n"),
            "{head}"
        );
        peer.serve().await;
    });
    let (facts, _) = ask(&Arc::new(world), settings, Question::Upgrade(Variation::plain())).await;
    let Some(Fact::Exchange(exchange)) = facts.first() else { panic!("no exchange: {facts:?}") };
    assert_eq!(exchange.request[0], "GET http://app.example/ws?token=…(6) HTTP/1.1");
    assert!(exchange.opened() && exchange.to.is_none());
    assert!(matches!(facts.last(), Some(Fact::Session(_))));
}

#[tokio::test(start_paused = true)]
async fn a_failed_tunnel_is_no_request() {
    let world = World::new().fails(PROXY, Duration::ZERO, std::io::ErrorKind::ConnectionRefused);
    let settings = through(PROXY, None, "ws://app.example/");
    let probe = Probe::new(settings, Arc::new(world));
    assert!(matches!(dial(&probe, Route::default()).await, Err(DialError::Tunnel)));
}
