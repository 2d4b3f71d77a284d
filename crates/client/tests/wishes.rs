//! What a gateway may ask of a client whose session goes on: new credentials, and another address. The gateway here is the
//! engine behind two bare sockets, since it says what a real one says only when it is drained or logins run out.

// clippy knows only functions with #[test] as tests; all of this is one.
#![allow(clippy::unwrap_used, clippy::panic, clippy::expect_used)]

use frame::{Assembler, Incoming, Message, Opcode, Role, accept_for, encode};
use keepwire_client::{Connection, Credentials, Event, Mode, Options};
use session::{Frame, GoAway, Identity, Opening, Session, Settings};
use std::net::Ipv4Addr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

struct Link {
    socket: TcpStream,
    incoming: Incoming,
}

impl Link {
    async fn accept(listener: &TcpListener) -> Link {
        let (mut socket, _) = listener.accept().await.unwrap();
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            assert!(socket.read_buf(&mut head).await.unwrap() > 0);
        }
        let head = String::from_utf8(head).unwrap();
        let key = head.lines().find_map(|line| line.strip_prefix("Sec-WebSocket-Key: ")).unwrap();
        let answer = format!(
            "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
             Sec-WebSocket-Accept: {}\r\nSec-WebSocket-Protocol: keepwire.v1\r\n\r\n",
            accept_for(key)
        );
        socket.write_all(answer.as_bytes()).await.unwrap();
        Link { socket, incoming: Incoming::new(Assembler::new(Role::Client, None, 1 << 20), Vec::new()) }
    }

    async fn read(&mut self) -> Vec<u8> {
        loop {
            match self.incoming.poll().unwrap() {
                Some(Message::Binary(bytes)) => return bytes,
                Some(other) => panic!("{other:?}"),
                None => assert!(self.socket.read_buf(self.incoming.room(4096)).await.unwrap() > 0),
            }
        }
    }

    async fn first(&mut self) -> Frame {
        Frame::decode(&mut &self.read().await[..]).unwrap().unwrap()
    }

    /// What the engine has to say on a link.
    async fn say(&mut self, session: &mut Session, link: u64) {
        let mut bytes = Vec::new();
        session.transmit(0, link, 65_536, &mut bytes);
        if !bytes.is_empty() {
            let mut out = Vec::new();
            encode(&mut out, Opcode::Binary, &bytes, true, false, None);
            self.socket.write_all(&out).await.unwrap();
        }
    }

    /// Goes on until the engine tells something that is wanted.
    async fn until<T>(
        &mut self,
        session: &mut Session,
        link: u64,
        wanted: impl Fn(&session::Event) -> Option<T>,
    ) -> T {
        loop {
            while let Some(event) = session.poll() {
                if let Some(found) = wanted(&event) {
                    return found;
                }
            }
            self.say(session, link).await;
            let bytes = self.read().await;
            session.receive(0, link, &bytes);
        }
    }
}

#[tokio::test]
async fn a_gateway_gets_new_credentials_and_its_client_at_another_address() {
    let here = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let there = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let elsewhere = format!("ws://{}/chat", there.local_addr().unwrap());
    let asked = Arc::new(AtomicU64::new(0));
    let options = Options {
        mode: Mode::Keepwire,
        credentials: Some(Credentials::new(move || {
            let number = asked.fetch_add(1, Relaxed);
            async move { Some(format!("secret {number}")) }
        })),
        ..Options::default()
    };
    let address = format!("ws://{}/chat", here.local_addr().unwrap());
    let mut client = Connection::open(&address, options).unwrap();

    let mut first = Link::accept(&here).await;
    let Frame::Hello(hello) = first.first().await else { panic!("no HELLO") };
    assert_eq!(hello.credentials.as_deref(), Some("secret 0"));
    let identity = Identity { id: "i".into(), token: "t".into(), epoch: "e".into() };
    let opening = |link| Opening { link, expires: None, first_ping: 60_000 };
    let mut session = Session::gateway(0, Settings::default(), identity, opening(1), &hello, "");
    session.want_credentials();
    let renewed = first.until(&mut session, 1, |event| match event {
        session::Event::Credentials(text) => Some(text.clone()),
        _ => None,
    });
    assert_eq!(renewed.await, "secret 1");

    // First one that is no address of a service: the client comes again where it was.
    for url in ["mailto:somebody", &elsewhere] {
        session.go_away(GoAway { reason: "drain".into(), min: 0, max: 0, url: Some(url.to_owned()) });
        first.say(&mut session, 1).await;
        let listener = if url == elsewhere { &there } else { &here };
        let mut second = Link::accept(listener).await;
        let Frame::Resume(resume) = second.first().await else { panic!("no RESUME") };
        if url == elsewhere {
            assert_eq!(resume.credentials.as_deref(), Some("secret 3"));
            session.resume(0, opening(2), &resume, "u".into()).unwrap();
            session.send(0, true, b"from the other place".to_vec()).unwrap();
            second.say(&mut session, 2).await;
            // The old link serves until the new one does.
            drop(first);
            loop {
                match client.next().await.unwrap() {
                    Event::Message(message) => {
                        assert_eq!(message, keepwire_client::Message::Text("from the other place".into()));
                        return;
                    }
                    Event::Up { .. } => {}
                    other => panic!("{other:?}"),
                }
            }
        }
    }
}
