//! Messages of growing size, on one connection, until one does not get through.

use crate::probes::upgrade;
use crate::socket::Socket;
use crate::{Limit, Observer, Probe, micros};
use evidence::{Fact, MessageKind, Place, SizeStep, Sizes, StepEnd, Variation};
use frame::{Event, Kind, Opcode};
use std::time::Duration;
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
        // On a slow link the next one would take so long that it could not be told from one that does not get through.
        if expected(&seen.steps, size) > probe.limit(Limit::Response) * 3 / 4 {
            break;
        }
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

/// How long a message will take, going by the first one, which is all latency, and the last one, if it was large enough to
/// tell a rate.
fn expected(steps: &[SizeStep], size: u64) -> Duration {
    let (Some(first), Some(last)) = (steps.first(), steps.last()) else { return Duration::ZERO };
    if last.size < 8 << 10 {
        return Duration::ZERO;
    }
    let moving = last.took_us.saturating_sub(first.took_us);
    Duration::from_micros(first.took_us.saturating_add(moving.saturating_mul(size) / last.size))
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
                patience = until.min(Instant::now() + Duration::from_millis(300));
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{Peer, World, ask, only, settings};
    use evidence::{Ending, How, Question};
    use std::sync::Arc;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    /// The ladder up to `top` with a server that plays this, and the time in milliseconds.
    async fn ladder<F>(top: u64, play: impl Fn(Peer) -> F + Send + Sync + 'static) -> (Sizes, u128)
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
        let question = Question::Sizes { top, kind: MessageKind::Binary };
        let (facts, took) = ask(&Arc::new(world), settings("ws://192.0.2.1/"), question).await;
        match only(facts) {
            Fact::Sizes(sizes) => (sizes, took.as_millis()),
            other => panic!("no sizes: {other:?}"),
        }
    }

    #[tokio::test(start_paused = true)]
    async fn an_echo_climbs_to_the_top() {
        let (seen, took) = ladder(70_000, |peer| peer.serve()).await;
        assert!(seen.echoes && seen.steps.iter().all(|step| step.end == StepEnd::Echoed), "{seen:?}");
        assert_eq!(seen.steps.last().map(|step| step.size), Some(70_000));
        assert_eq!((seen.steps.len(), took), (13, 0));
    }

    #[tokio::test(start_paused = true)]
    async fn who_echoes_piece_by_piece_does_not_stall() {
        let (seen, _) = ladder(1_000_000, |mut peer| async move {
            // Masked with zeros a frame comes back as it went, but for the mask.
            while let Ok(first) = peer.stream.read_u8().await {
                let mut head = vec![first];
                let length = match peer.stream.read_u8().await.expect("a length") & 0x7f {
                    126 => u64::from(peer.stream.read_u16().await.expect("a length")),
                    127 => peer.stream.read_u64().await.expect("a length"),
                    short => u64::from(short),
                };
                let mask = peer.bytes(4).await;
                let opcode = if first & 0x0f == 9 { Opcode::Pong } else { Opcode::Binary };
                if first & 0x0f == 8 {
                    return;
                }
                head.clear();
                frame::encode_header(&mut head, &frame::Header::new(opcode, length, true, false, None), &[]);
                peer.send(&head).await;
                for at in 0..length {
                    let byte = peer.stream.read_u8().await.expect("a byte");
                    let _ = peer.stream.write_u8(byte ^ mask[(at % 4) as usize]).await;
                }
            }
        })
        .await;
        assert!(seen.steps.iter().all(|step| step.end == StepEnd::Echoed), "{seen:?}");
    }

    #[tokio::test(start_paused = true)]
    async fn a_slow_link_is_not_taken_for_one_that_swallows() {
        // 32 bytes a millisecond.
        let (seen, took) = ladder(1 << 20, |mut peer| async move {
            while let Some((opcode, payload)) = peer.frame().await {
                tokio::time::sleep(Duration::from_millis(payload.len() as u64 / 32)).await;
                if !peer.echo((opcode, payload)).await {
                    return;
                }
            }
        })
        .await;
        assert!(seen.steps.iter().all(|step| step.end == StepEnd::Echoed), "{seen:?}");
        assert_eq!(seen.steps.last().map(|step| step.size), Some(65_537));
        assert!(took < 10_000, "{took}");
    }

    #[tokio::test(start_paused = true)]
    async fn the_first_size_that_fails_ends_the_ladder() {
        // Takes everything and says nothing but pongs.
        let (seen, took) = ladder(126, |mut peer| async move {
            while let Some((opcode, payload)) = peer.frame().await {
                if opcode != 2 && !peer.echo((opcode, payload)).await {
                    return;
                }
            }
        })
        .await;
        assert!(!seen.echoes && seen.steps.iter().all(|step| step.end == StepEnd::Taken), "{seen:?}");
        assert_eq!((seen.steps.len(), took), (3, 900));

        let (seen, _) = ladder(126, |mut peer| async move {
            while let Some((opcode, payload)) = peer.frame().await {
                if payload.len() > 125 {
                    peer.say(Opcode::Close, b"\x03\xf1").await;
                    return;
                }
                peer.echo((opcode, payload)).await;
            }
        })
        .await;
        let last = seen.steps.last().expect("steps");
        let how = How::Close { code: Some(1009), reason: String::new() };
        assert_eq!((last.size, &last.end), (126, &StepEnd::Ended(Ending { how, after_us: 0, idle_us: 0 })));

        // Stops reading in the middle of a message: there is no way to say goodbye in order either.
        let (seen, took) = ladder(1 << 20, |mut peer| async move {
            while let Some((opcode, payload)) = peer.frame().await {
                let large = payload.len() > 60_000;
                peer.echo((opcode, payload)).await;
                if large {
                    break;
                }
            }
            peer.hold().await;
        })
        .await;
        let last = seen.steps.last().expect("steps");
        assert_eq!((last.size, &last.end), (65_536, &StepEnd::Stalled));
        assert_eq!(took, 4000);
    }
}
