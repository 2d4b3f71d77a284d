//! Messages of growing size, on one connection, until one does not get through.

use crate::probes::upgrade;
use crate::socket::Socket;
use crate::{Limit, Observer, Probe, micros};
use evidence::{Fact, MessageKind, Place, SizeStep, Sizes, StepEnd, Variation};
use frame::{Event, Kind, Opcode};
use tokio::time::{Instant, timeout_at};

/// Borders of the frame header (RFC 6455 section 5.2), of packets, and of libraries' limits.
const LADDER: &[u64] = &[
    1,
    125,
    126,
    1_300,
    1_500,
    8 << 10,
    (8 << 10) + 1,
    32 << 10,
    (32 << 10) + 1,
    65_535,
    65_536,
    65_537,
    1_000_000,
    1 << 20,
    (1 << 20) + 1,
    4 << 20,
    (4 << 20) + 1,
    10 << 20,
    (10 << 20) + 1,
    16 << 20,
    (16 << 20) + 1,
];
/// No ladder goes higher: beyond this it would be a load test.
const TOP: u64 = 64 << 20;

pub(crate) async fn look(probe: &Probe, top: u64, kind: MessageKind, observer: &Observer) {
    let (_, opened) = upgrade::exchange(probe, &Variation::plain(), None).await;
    let Some(opened) = opened else { return };
    let mut socket = opened.into_socket(TOP + 1024);
    let mut seen = Sizes { steps: Vec::new(), echoes: false };
    let top = top.min(TOP);
    let ladder = LADDER.iter().copied().filter(|size| *size < top).chain([top]);
    for size in ladder {
        let began = Instant::now();
        let end = step(probe, &mut socket, size, kind).await;
        seen.echoes |= end == StepEnd::Echoed;
        let over = !matches!(end, StepEnd::Echoed | StepEnd::Taken);
        seen.steps.push(SizeStep { size, kind, end, took_us: micros(began.elapsed()) });
        if over {
            break;
        }
    }
    observer.saw(Place::Server, Fact::Sizes(seen));
    if socket.ended.is_none() {
        crate::probes::session::leave(probe, socket).await;
    }
}

/// Sends one message and a ping behind it: the pong tells that the message was taken.
async fn step(probe: &Probe, socket: &mut Socket, size: u64, kind: MessageKind) -> StepEnd {
    let payload = payload(size);
    let opcode = match kind {
        MessageKind::Text => Opcode::Text,
        MessageKind::Binary => Opcode::Binary,
    };
    let mark = format!("size {size}");
    let until = Instant::now() + probe.limit(Limit::Response);
    let sending = async {
        socket.send(opcode, &payload).await?;
        socket.send(Opcode::Ping, mark.as_bytes()).await
    };
    // Where it cannot be written, reading tells why: it ended, or the other side stopped reading.
    let _ = timeout_at(until, sending).await;
    let mut taken = false;
    // An echo follows the pong closely or not at all.
    let mut patience = until;
    while let Some(event) = socket.next(patience).await {
        match event {
            Event::Message { kind: got, length, .. } if length == size && same(got, kind) => {
                return StepEnd::Echoed;
            }
            Event::Frame { header, preview, .. }
                if header.opcode() == Some(Opcode::Pong) && preview == mark.as_bytes() =>
            {
                taken = true;
                patience = until.min(Instant::now() + std::time::Duration::from_millis(300));
            }
            Event::Fault(fault) => return StepEnd::Broke(fault.id().to_owned(), fault.detail()),
            _ => {}
        }
        if socket.ended.is_some() {
            break;
        }
    }
    match socket.ending() {
        Some(ending) => StepEnd::Ended(ending),
        None if taken => StepEnd::Taken,
        None => StepEnd::Stalled,
    }
}

fn same(got: Kind, sent: MessageKind) -> bool {
    matches!((got, sent), (Kind::Text, MessageKind::Text) | (Kind::Binary, MessageKind::Binary))
}

fn payload(size: u64) -> Vec<u8> {
    // Text that compresses badly enough to stay large, and is valid in both kinds.
    (0..size).map(|n| b'a' + (n.wrapping_mul(2_654_435_761) >> 7) as u8 % 26).collect()
}
