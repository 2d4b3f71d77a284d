//! Whatever arrives and however it is cut: no panic, the same answer for every chunking, and what we encode is
//! what we assemble.

use keepwire_frame::{
    Agreed, Assembler, Deflater, Event, FrameFault, Judge, Message, Opcode, Role, Settings, encode,
    parse_extensions,
};
use proptest::prelude::*;

fn settings(compressed: bool, sender: Role) -> Settings {
    let deflate = compressed.then(Agreed::default);
    Settings { deflate, message_limit: 100_000, preview: 32, ..Settings::new(sender) }
}

fn judged(settings: Settings, bytes: &[u8], chunk: usize) -> Vec<Event> {
    let mut judge = Judge::new(settings);
    let mut events: Vec<Event> = bytes.chunks(chunk.max(1)).flat_map(|piece| judge.handle(piece)).collect();
    events.extend(judge.finish().map(Event::Fault));
    for event in &mut events {
        // The inflater words the same broken data differently, depending on how much it got at once.
        if let Event::Fault(FrameFault::DeflateBroken(what)) = event {
            what.clear();
        }
    }
    events
}

fn assembled(sender: Role, bytes: &[u8], chunk: usize, compressed: bool) -> Vec<Result<Message, String>> {
    let mut assembler = Assembler::new(sender, compressed.then(Agreed::default), 100_000);
    let mut seen = Vec::new();
    for mut piece in bytes.chunks(chunk.max(1)) {
        loop {
            match assembler.poll(&mut piece) {
                Ok(Some(message)) => seen.push(Ok(message)),
                Ok(None) => break,
                Err(fault) => {
                    seen.push(Err(fault.id().to_string()));
                    return seen;
                }
            }
        }
    }
    seen
}

/// Bytes that look enough like frames to get past the first header.
fn stream() -> impl Strategy<Value = Vec<u8>> {
    let first = prop_oneof![
        4 => prop::sample::select(vec![0x81u8, 0x82, 0x01, 0x80, 0x00, 0x88, 0x89, 0x8a, 0xc1, 0xc2, 0x41]),
        1 => any::<u8>(),
    ];
    let frame = (first, any::<bool>(), prop::collection::vec(any::<u8>(), 0..40)).prop_map(
        |(first, ascii, mut payload)| {
            if ascii {
                payload.iter_mut().for_each(|byte| *byte &= 0x7F);
            }
            let mut bytes = vec![first, payload.len() as u8];
            bytes.extend(payload);
            bytes
        },
    );
    prop::collection::vec(frame, 0..12).prop_map(|frames| frames.concat())
}

fn message() -> impl Strategy<Value = Message> {
    prop_oneof![
        ".{0,300}".prop_map(Message::Text),
        prop::collection::vec(any::<u8>(), 0..70_000).prop_map(Message::Binary),
        prop::collection::vec(any::<u8>(), 0..=125).prop_map(Message::Ping),
        prop::collection::vec(any::<u8>(), 0..=125).prop_map(Message::Pong),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_chunking_gives_the_same_answer(bytes in stream(), chunk in 1usize..64, compressed: bool) {
        for sender in [Role::Server, Role::Client] {
            let settings = settings(compressed, sender);
            prop_assert_eq!(judged(settings, &bytes, chunk), judged(settings, &bytes, bytes.len()));
            let whole = assembled(sender, &bytes, bytes.len(), compressed);
            prop_assert_eq!(assembled(sender, &bytes, chunk, compressed), whole);
        }
    }

    #[test]
    fn pure_noise_is_survived(bytes in prop::collection::vec(any::<u8>(), 0..400), chunk in 1usize..40) {
        for compressed in [false, true] {
            let settings = settings(compressed, Role::Server);
            prop_assert_eq!(judged(settings, &bytes, chunk), judged(settings, &bytes, bytes.len()));
        }
        let _ = parse_extensions(&String::from_utf8_lossy(&bytes));
    }

    #[test]
    fn what_is_encoded_is_assembled(
        messages in prop::collection::vec(message(), 0..6),
        mask: Option<[u8; 4]>,
        compress: bool,
        fragment in 1usize..50_000,
        chunk in 1usize..5_000,
    ) {
        let mut deflater = Deflater::new(15, false);
        let mut bytes = Vec::new();
        for message in &messages {
            let (opcode, payload) = match message {
                Message::Text(text) => (Opcode::Text, text.as_bytes()),
                Message::Binary(payload) => (Opcode::Binary, payload.as_slice()),
                Message::Ping(payload) => (Opcode::Ping, payload.as_slice()),
                Message::Pong(payload) => (Opcode::Pong, payload.as_slice()),
                Message::Close { .. } => continue,
            };
            if opcode.is_control() {
                encode(&mut bytes, opcode, payload, true, false, mask);
                continue;
            }
            let mut wire = payload.to_vec();
            if compress {
                wire.clear();
                prop_assert!(deflater.deflate(payload, &mut wire).is_ok());
            }
            let last = wire.len().div_ceil(fragment).max(1) - 1;
            for index in 0..=last {
                let piece = &wire[(index * fragment).min(wire.len())..((index + 1) * fragment).min(wire.len())];
                let opcode = if index == 0 { opcode } else { Opcode::Continuation };
                encode(&mut bytes, opcode, piece, index == last, compress && index == 0, mask);
            }
        }
        let sender = if mask.is_some() { Role::Client } else { Role::Server };
        let seen = assembled(sender, &bytes, chunk, compress);
        let expect: Vec<Result<Message, String>> = messages.into_iter().map(Ok).collect();
        prop_assert_eq!(seen, expect);
        let faults = judged(settings(compress, sender), &bytes, chunk);
        let clean = !faults.iter().any(|event| matches!(event, Event::Fault(_)));
        prop_assert!(clean);
    }
}
