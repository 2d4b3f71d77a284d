//! Stay connected and see who ends it, when, and how.

use crate::probes::{session, upgrade};
use crate::socket::Socket;
use crate::{Limit, Observer, Probe, micros};
use evidence::{Fact, Hold, HoldKind, Place, Variation};
use frame::{Event, Opcode};
use std::time::Duration;
use tokio::time::{Instant, sleep};

/// Runs begin one after the other by this much, so that one event at the server (a reload) is not mistaken for
/// a timer: then all would end together rather than each after the same time.
const STAGGER: Duration = Duration::from_millis(300);
/// Often enough that no idle timer of this world fires.
const BEAT: Duration = Duration::from_secs(1);

pub(crate) async fn look(probe: &Probe, kind: HoldKind, run: u8, length: Duration, observer: &Observer) {
    sleep(STAGGER * u32::from(run)).await;
    let (_, opened) = upgrade::exchange(probe, &Variation::plain(), None).await;
    let Some(opened) = opened else { return };
    let mut socket = opened.into_socket(session::MESSAGE_LIMIT);
    socket.answers_pings = kind != HoldKind::Silent;
    let began = Instant::now();
    let before = socket.bytes;
    hold(&mut socket, kind, began + length).await;
    let mut seen = Hold {
        kind,
        run,
        ending: socket.ending(),
        alive_after: None,
        held_us: micros(began.elapsed()),
        server_spoke: socket.bytes - before,
        server_pings: socket.pings,
    };
    if seen.ending.is_none() {
        seen.alive_after = Some(answers(probe, &mut socket).await);
        session::leave(probe, socket).await;
    }
    observer.saw(Place::Server, Fact::Hold(seen));
}

async fn hold(socket: &mut Socket, kind: HoldKind, until: Instant) {
    let opcode = match kind {
        HoldKind::Pings => Some(Opcode::Ping),
        HoldKind::OneWay => Some(Opcode::Pong),
        HoldKind::Silent | HoldKind::Quiet => None,
    };
    while socket.ended.is_none() && Instant::now() < until {
        let mut wait = until;
        if let Some(opcode) = opcode {
            // Where sending fails, the reading side tells how it ended.
            let _ = socket.send(opcode, b"keepwire hold").await;
            wait = wait.min(Instant::now() + BEAT);
        }
        while socket.next(wait).await.is_some() {}
    }
}

/// Whether the connection still carries anything.
async fn answers(probe: &Probe, socket: &mut Socket) -> bool {
    if socket.send(Opcode::Ping, b"keepwire alive").await.is_err() {
        return false;
    }
    let until = Instant::now() + probe.limit(Limit::Response);
    while let Some(event) = socket.next(until).await {
        if matches!(event, Event::Frame { header, .. } if header.opcode() == Some(Opcode::Pong)) {
            return true;
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{Peer, World, ask, only, settings};
    use evidence::{Ending, How, Question};
    use std::sync::Arc;

    const HELD: Duration = Duration::from_secs(120);

    /// Two minutes with a server that plays this after its 101.
    async fn held<F>(kind: HoldKind, run: u8, play: impl Fn(Peer) -> F + Send + Sync + 'static) -> Hold
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
        let question = Question::Hold { kind, run, for_ms: HELD.as_millis() as u64 };
        match only(ask(&Arc::new(world), settings("ws://192.0.2.1/"), question).await.0) {
            Fact::Hold(hold) => hold,
            other => panic!("no hold: {other:?}"),
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_silence_is_timed_to_its_end() {
        let cut = |mut peer: Peer| async move {
            let _ = tokio::time::timeout(Duration::from_secs(60), peer.frame()).await;
        };
        let seen = held(HoldKind::Silent, 2, cut).await;
        let ending = Ending { how: How::Fin, after_us: 60_000_000, idle_us: 60_000_000 };
        assert_eq!((seen.ending, seen.run, seen.alive_after), (Some(ending), 2, None));
        assert_eq!(seen.held_us, 60_000_000);

        let close = |mut peer: Peer| async move {
            sleep(Duration::from_secs(30)).await;
            peer.say(Opcode::Close, b"\x03\xe9idle").await;
        };
        let how = How::Close { code: Some(1001), reason: "idle".to_owned() };
        let seen = held(HoldKind::Quiet, 0, close).await;
        assert_eq!(seen.ending.map(|ending| (ending.how, ending.after_us)), Some((how, 30_000_000)));
    }

    #[tokio::test(start_paused = true)]
    async fn who_survives_is_asked_whether_it_lives() {
        let seen = held(HoldKind::Silent, 0, |peer| peer.serve()).await;
        assert_eq!((seen.ending, seen.alive_after, seen.held_us), (None, Some(true), 120_000_000));
        let seen = held(HoldKind::Silent, 0, |peer| async move {
            peer.listen().await;
        })
        .await;
        assert_eq!((seen.ending, seen.alive_after), (None, Some(false)));
    }

    #[tokio::test(start_paused = true)]
    async fn our_beat_keeps_timers_from_firing() {
        // Whoever hears nothing for ten seconds hangs up.
        let strict = |mut peer: Peer| async move {
            while let Ok(Some(frame)) = tokio::time::timeout(Duration::from_secs(10), peer.frame()).await {
                if !peer.echo(frame).await {
                    return;
                }
            }
        };
        for (kind, alive) in
            [(HoldKind::Silent, None), (HoldKind::Pings, Some(true)), (HoldKind::OneWay, Some(true))]
        {
            let seen = held(kind, 0, strict).await;
            assert_eq!((seen.alive_after, seen.ending.is_none()), (alive, alive.is_some()), "{kind:?}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn pings_of_the_server_are_counted_and_answered_only_if_wanted() {
        for (kind, survives) in [(HoldKind::Quiet, true), (HoldKind::Silent, false)] {
            let seen = held(kind, 0, |mut peer| async move {
                loop {
                    sleep(Duration::from_secs(25)).await;
                    peer.say(Opcode::Ping, b"there?").await;
                    let pong = tokio::time::timeout(Duration::from_secs(10), peer.frame()).await;
                    match pong {
                        Ok(Some((10, payload))) if payload == b"there?" => {}
                        Ok(Some(frame)) => {
                            peer.echo(frame).await;
                            return;
                        }
                        _ => return,
                    }
                }
            })
            .await;
            assert_eq!((seen.ending.is_none(), seen.server_pings), (survives, if survives { 4 } else { 1 }));
            assert_eq!(seen.server_spoke, seen.server_pings * 8);
        }
    }
}
