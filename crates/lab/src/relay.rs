//! One connection over real sockets through the faults of a path. Memory is bounded: while bytes wait, nothing is read.

use crate::chaos::{Desk, Orders};
use faults::{Direction, End, Input, Kind, Output, Party, Path};
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::sync::{Notify, mpsc, watch};
use tokio::task::JoinSet;
use tokio::time::{sleep_until, timeout};

/// Bytes under way in each direction before a relay stops reading.
const WINDOW: usize = 1 << 20;

/// Bytes that are read at once.
const STEP: usize = 64 * 1024;

/// What is still to be written when a connection ends gets so much time.
const DRAIN: Duration = Duration::from_secs(5);

/// And before a reset: a peer that does not read must not put it off for long.
const DRAIN_RESET: Duration = Duration::from_millis(500);

/// A peer gets so much time to end its direction after it was told of the end. Closing with unread bytes would send a
/// reset.
const LINGER: Duration = Duration::from_secs(2);

/// A side that was not told that its connection is gone is kept for so long, and its bytes vanish.
const AFTERMATH: Duration = Duration::from_secs(120);

/// Both ends of a connection, and the second one to the server where the first is doubled.
pub(crate) struct Sides {
    pub(crate) client: TcpStream,
    pub(crate) server: TcpStream,
    pub(crate) twin: Option<TcpStream>,
}

/// What a writer task is told to do.
enum Write {
    Bytes(Vec<u8>),
    /// End the direction in order.
    Eof,
    /// End without a word: a reset follows.
    Stop,
}

/// The way out in one direction.
struct Lane {
    commands: mpsc::UnboundedSender<Write>,
    /// Bounded because reading stops while it is high.
    unwritten: Arc<AtomicUsize>,
}

/// One end of the connection.
struct Side {
    read: OwnedReadHalf,
    lane: Lane,
    /// More can be read.
    open: bool,
    /// It ended by an error, so the other side is reset, too.
    failed: bool,
    buffer: Vec<u8>,
}

/// Carries bytes until one side, the path or an order ends it.
pub(crate) async fn carry(
    sides: Sides,
    mut path: Path,
    desk: &Desk,
    mut orders: watch::Receiver<Orders>,
    mut known: (u64, u64),
) {
    let written = Arc::new(Notify::new());
    let mut writers = JoinSet::new();
    let mut side = |stream: TcpStream| {
        let _ = stream.set_nodelay(true);
        let (read, write) = stream.into_split();
        let lane = start_writer(&mut writers, write, &written);
        Side { read, lane, open: true, failed: false, buffer: vec![0; STEP] }
    };
    let (mut client, mut server) = (side(sides.client), side(sides.server));
    let twin = sides.twin.map(&mut side);
    let twin_lane = twin.map(|twin| {
        let Side { mut read, lane, mut buffer, .. } = twin;
        // Its answers are heard by nobody; this ends when the server ends it, or with the relay.
        writers.spawn(async move { while matches!(read.read(&mut buffer).await, Ok(1..)) {} });
        lane
    });
    let (mut server_told, mut client_told) = (false, false);
    loop {
        while let Some(output) = path.poll(desk.now_ms()) {
            match output {
                Output::Chunk { direction: Direction::ToServer, bytes } => {
                    desk.count(|statistics| statistics.to_server += bytes.len() as u64);
                    if let Some(twin) = &twin_lane {
                        twin.send(bytes.clone());
                    }
                    server.lane.send(bytes);
                }
                Output::Chunk { direction: Direction::ToClient, bytes } => {
                    desk.count(|statistics| statistics.to_client += bytes.len() as u64);
                    client.lane.send(bytes);
                }
                Output::Eof { direction: Direction::ToServer } => {
                    if client.failed {
                        return end(client, server, twin_lane, writers, End::Reset, None, desk).await;
                    }
                    server.lane.tell(Write::Eof);
                    twin_lane.iter().for_each(|twin| twin.tell(Write::Eof));
                    server_told = true;
                }
                Output::Eof { direction: Direction::ToClient } => {
                    if server.failed {
                        return end(client, server, twin_lane, writers, End::Reset, None, desk).await;
                    }
                    client.lane.tell(Write::Eof);
                    client_told = true;
                }
                Output::End(how) => {
                    return end(client, server, twin_lane, writers, how, path.broken(), desk).await;
                }
                Output::EndOne { party, end } => {
                    path.broken().into_iter().for_each(|kind| desk.struck(kind));
                    let (told, other) = match party {
                        Party::Client => (client, server),
                        Party::Server => (server, client),
                    };
                    return half_open(told, other, end, orders, known.1).await;
                }
            }
        }
        if server_told && client_told {
            return end(client, server, twin_lane, writers, End::Fin, None, desk).await;
        }
        if let Some(kind) = path.broken().filter(|_| path.is_empty()) {
            desk.struck(kind);
            return vanish([Some(client), Some(server)], orders, known.1).await;
        }
        let room = |lane: &Lane, direction| {
            let twin = twin_lane.as_ref().map_or(0, Lane::unwritten);
            let twin = if direction == Direction::ToServer { twin } else { 0 };
            path.room(direction, WINDOW.saturating_sub(lane.unwritten().max(twin))).min(STEP)
        };
        let to_server = room(&server.lane, Direction::ToServer);
        let to_client = room(&client.lane, Direction::ToClient);
        let deadline = path.deadline().map(|at| desk.started + Duration::from_millis(at));
        tokio::select! {
            length = client.read.read(&mut client.buffer[..to_server]), if client.open && to_server > 0 => {
                let input = client.heard(Direction::ToServer, length);
                path.handle(desk.now_ms(), input);
            }
            length = server.read.read(&mut server.buffer[..to_client]), if server.open && to_client > 0 => {
                let input = server.heard(Direction::ToClient, length);
                path.handle(desk.now_ms(), input);
            }
            () = sleep_until(deadline.unwrap_or(desk.started)), if deadline.is_some() => {}
            () = written.notified() => {}
            Ok(()) = orders.changed() => {
                let orders = orders.borrow_and_update();
                if orders.plans != known.0 {
                    path.change(desk.now_ms(), &orders.plan.faults);
                }
                if orders.cuts != known.1 {
                    path.break_now(desk.now_ms(), orders.breakage);
                }
                known = (orders.plans, orders.cuts);
            }
        }
    }
}

impl Side {
    /// A failed read ends the direction as its end does: the other side must learn that nothing more comes.
    fn heard(&mut self, direction: Direction, length: io::Result<usize>) -> Input {
        match length {
            Ok(length @ 1..) => Input::Chunk { direction, bytes: self.buffer[..length].to_vec() },
            ended => {
                self.open = false;
                self.failed = ended.is_err();
                Input::Eof { direction }
            }
        }
    }

    /// Waits until what was sent is written and the direction ended, or until that has taken too long.
    async fn drain(&self, patience: Duration) {
        let _ = timeout(patience, self.lane.commands.closed()).await;
    }

    fn reset(&self) {
        let _ = socket2::SockRef::from(self.read.as_ref()).set_linger(Some(Duration::ZERO));
    }

    /// Reads and forgets, until the side ends.
    async fn swallow(&mut self) {
        while self.open {
            self.open = matches!(self.read.read(&mut self.buffer).await, Ok(1..));
        }
    }
}

impl Lane {
    fn send(&self, bytes: Vec<u8>) {
        self.unwritten.fetch_add(bytes.len(), Ordering::Relaxed);
        self.tell(Write::Bytes(bytes));
    }

    fn tell(&self, command: Write) {
        // A writer that is gone has nobody to write to.
        let _ = self.commands.send(command);
    }

    fn unwritten(&self) -> usize {
        self.unwritten.load(Ordering::Relaxed)
    }
}

/// Writes what is still to be written, then ends both sides.
async fn end(
    mut client: Side,
    mut server: Side,
    twin: Option<Lane>,
    mut writers: JoinSet<()>,
    how: End,
    kind: Option<Kind>,
    desk: &Desk,
) {
    match kind {
        Some(kind) => desk.struck(kind),
        None => desk.count(|statistics| statistics.ended += 1),
    }
    let command = || if how == End::Reset { Write::Stop } else { Write::Eof };
    let lanes = [Some(&client.lane), Some(&server.lane), twin.as_ref()];
    lanes.into_iter().flatten().for_each(|lane| lane.tell(command()));
    let patience = if how == End::Reset { DRAIN_RESET } else { DRAIN };
    tokio::join!(client.drain(patience), server.drain(patience));
    if how == End::Reset {
        client.reset();
        server.reset();
    } else {
        let _ = timeout(LINGER, async { tokio::join!(client.swallow(), server.swallow()) }).await;
    }
    writers.abort_all();
}

/// One side is told; the other never hears of it.
async fn half_open(told: Side, other: Side, how: End, orders: watch::Receiver<Orders>, cuts: u64) {
    told.lane.tell(if how == End::Reset { Write::Stop } else { Write::Eof });
    told.drain(DRAIN_RESET).await;
    if how == End::Reset {
        told.reset();
        drop(told);
        vanish([None, Some(other)], orders, cuts).await;
    } else {
        vanish([Some(told), Some(other)], orders, cuts).await;
    }
}

/// Bytes vanish until the sides give up, an order cuts them, or it has been long enough.
async fn vanish(sides: [Option<Side>; 2], mut orders: watch::Receiver<Orders>, cuts: u64) {
    let [mut one, mut other] = sides;
    let swallow = async {
        tokio::join!(
            async {
                if let Some(side) = &mut one {
                    side.swallow().await
                }
            },
            async {
                if let Some(side) = &mut other {
                    side.swallow().await
                }
            },
        );
    };
    let gave_up = tokio::select! {
        () = swallow => true,
        _ = orders.wait_for(|orders| orders.cuts != cuts) => false,
        () = tokio::time::sleep(AFTERMATH) => false,
    };
    if !gave_up {
        [one, other].iter().flatten().for_each(Side::reset);
    }
}

/// Dropped, a half of a socket would end its direction in order, and a peer might read that before a reset. Whoever
/// means an end says so.
struct Quiet(Option<OwnedWriteHalf>);

impl Drop for Quiet {
    fn drop(&mut self) {
        self.0.take().into_iter().for_each(OwnedWriteHalf::forget);
    }
}

fn start_writer(writers: &mut JoinSet<()>, stream: OwnedWriteHalf, written: &Arc<Notify>) -> Lane {
    let (commands, mut inbox) = mpsc::unbounded_channel();
    let unwritten = Arc::new(AtomicUsize::new(0));
    let (count, written) = (Arc::clone(&unwritten), Arc::clone(written));
    writers.spawn(async move {
        let mut quiet = Quiet(Some(stream));
        let Some(stream) = quiet.0.as_mut() else { return };
        while let Some(command) = inbox.recv().await {
            match command {
                Write::Bytes(bytes) => {
                    // The reader of the other side learns of a failure by itself.
                    let _ = stream.write_all(&bytes).await;
                    count.fetch_sub(bytes.len(), Ordering::Relaxed);
                    written.notify_one();
                }
                Write::Eof => {
                    let _ = stream.shutdown().await;
                    return;
                }
                Write::Stop => return,
            }
        }
    });
    Lane { commands, unwritten }
}
