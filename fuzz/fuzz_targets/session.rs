//! Whatever a peer sends on whichever link, at whatever time: neither end panics, holds more than it may, or says
//! what it cannot read itself.
#![no_main]

use libfuzzer_sys::fuzz_target;
use session::{Event, Frame, Hello, Identity, Opening, Session, Settings, Side};

fuzz_target!(|data: &[u8]| {
    let settings = Settings { message_limit: 4096, ..Settings::default() };
    let hello = Hello { version: 1, credit: 100_000, credentials: None, agent: None };
    let identity = Identity { id: "id".into(), token: "token".into(), epoch: "epoch".into() };
    let opening = Opening { link: 1, expires: None, first_ping: 1000 };
    let mut gateway = Session::gateway(1, settings.clone(), identity, opening, &hello, "");
    let mut client = Session::client(settings);
    client.link_up(1, 1, None);
    let (mut now, mut links) = (1, 1);
    let mut rest = data;
    while let [operation, length, tail @ ..] = rest {
        let (piece, tail) = tail.split_at((*length as usize).min(tail.len()));
        rest = tail;
        now += u64::from(*operation >> 4) * 700;
        for session in [&mut gateway, &mut client] {
            match operation & 7 {
                0 | 1 => session.receive(now, links, piece),
                2 => drop(session.send(now, false, piece.to_vec())),
                3 => session.timeout(now),
                4 => session.link_down(now, links),
                5 => session.close(1000 + u16::from(*length), &String::from_utf8_lossy(piece), Side::Backend),
                6 => session.wake(now),
                _ => {
                    links += 1;
                    session.link_up(now, links, None);
                }
            }
        }
        if operation & 7 == 7
            && let Ok(frames) = Frame::decode_all(piece)
            && let Some(Frame::Resume(resume)) = frames.first()
        {
            let opening = Opening { link: links, expires: None, first_ping: 0 };
            let _ = gateway.resume(now, opening, resume, "next".into());
        }
        for session in [&mut gateway, &mut client] {
            let mut out = Vec::new();
            session.transmit(now, links, 4096, &mut out);
            let frames = Frame::decode_all(&out).expect("what we say can be read");
            assert!(frames.iter().all(|frame| Frame::decode_all(&frame.to_bytes()).is_ok()));
            while let Some(event) = session.poll() {
                if let Event::Message(message) = event {
                    assert!(message.payload.len() <= 4096);
                    session.handled(now, message.number);
                }
            }
            assert!(session.bytes() <= 256 * 1024 + 2 * 4096 + 256);
        }
    }
});
