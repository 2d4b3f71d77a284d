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
