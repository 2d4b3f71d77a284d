//! One connection through a list of faults: takes what arrives at either end and gives what leaves, and when.

use crate::gather::Holder;
use crate::outage::Timetable;
use crate::overtake::Turn;
use crate::random::Random;
use crate::rate::Line;
use crate::when::Mark;
use crate::{
    BlackHole, Break, Breakage, Cut, Delay, Drop, Gather, HalfOpen, Idle, IdleEnd, Kind, Lifetime, Outage,
    OutageEffect, Overtake, Party, Rate, Refuse, Slice, SlowReader, Stall, Twice,
};
use std::collections::VecDeque;

/// Which way bytes travel.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Direction {
    /// From the one who connected.
    ToServer,
    /// From the one who accepted.
    ToClient,
}

impl Direction {
    pub(crate) const BOTH: [Direction; 2] = [Direction::ToServer, Direction::ToClient];

    pub(crate) fn index(self) -> usize {
        match self {
            Direction::ToServer => 0,
            Direction::ToClient => 1,
        }
    }
}

impl Party {
    /// The direction that ends at it.
    pub(crate) fn receives(self) -> Direction {
        match self {
            Party::Client => Direction::ToClient,
            Party::Server => Direction::ToServer,
        }
    }
}

/// How a connection ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// In order: the peer reads the end of the stream.
    Fin,
    /// By a reset: the peer's next read or write fails.
    Reset,
}

/// One thing that is wrong with the path. Times are in milliseconds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fault {
    /// Everything takes time.
    Delay(Delay),
    /// The connection is cut after a number of bytes.
    Cut(Cut),
    /// Bytes stop passing after a number of them, and nobody is told.
    Stall(Stall),
    /// The connection is ended or forgotten after a silence.
    Idle(Idle),
    /// Bytes pass only in small pieces.
    Slice(Slice),
    /// The connection is ended at an age.
    Lifetime(Lifetime),
    /// The connection breaks at some time or byte.
    Break(Break),
    /// The connection breaks, and only one side is told.
    HalfOpen(HalfOpen),
    /// From some point on nothing arrives, and nobody is told.
    BlackHole(BlackHole),
    /// Only so many bytes pass in a second.
    Rate(Rate),
    /// One side reads slowly.
    SlowReader(SlowReader),
    /// A middlebox holds bytes until it has enough of them.
    Gather(Gather),
    /// Answers come late by chance.
    Overtake(Overtake),
    /// The whole link is down now and then.
    Outage(Outage),
    /// Connections are refused ([`crate::Link`]).
    Refuse(Refuse),
    /// Connections are taken and dropped ([`crate::Link`]).
    Drop(Drop),
    /// Connections are made twice ([`crate::Link`]).
    Twice(Twice),
}

/// The faults on a path, and the seed for those that need chance.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Plan {
    /// At most one of each kind makes sense; of two alike, both apply.
    pub faults: Vec<Fault>,
    /// The same seed gives the same run.
    pub seed: u64,
}

/// What happened at an end of the path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Input {
    /// Bytes were read from the sending side.
    Chunk {
        /// Which way they go.
        direction: Direction,
        /// The bytes.
        bytes: Vec<u8>,
    },
    /// The sending side has ended this direction.
    Eof {
        /// Which way nothing more will go.
        direction: Direction,
    },
}

/// What to do at an end of the path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Output {
    /// Write these bytes to the receiving side.
    Chunk {
        /// Which way they go.
        direction: Direction,
        /// The bytes.
        bytes: Vec<u8>,
    },
    /// Pass on the end of one direction.
    Eof {
        /// Which way nothing more will go.
        direction: Direction,
    },
    /// End both sides at once. Nothing comes after it.
    End(End),
    /// End this side only; the other is not told, and what it sends vanishes. Nothing comes after it.
    EndOne {
        /// Who is told.
        party: Party,
        /// How.
        end: End,
    },
}

/// A fault with what it remembers of this connection.
#[derive(Debug)]
enum Live {
    Delay(Delay),
    Cut(Cut),
    Stall(Stall),
    Idle(Idle),
    Slice(Slice),
    Lifetime(Lifetime),
    Mark(Mark, Breakage, Kind),
    Line(Line),
    Window(Party, usize),
    Gather(Holder),
    Overtake(Turn),
    Outage(Timetable),
}

/// What waits in one direction.
#[derive(Debug, Default)]
struct Queue {
    outputs: VecDeque<(u64, Output)>,
    bytes: usize,
}

/// Memory that a waiting piece takes beside its bytes, so that many small ones count, too.
const PIECE: usize = 96;

/// A connection in progress.
#[derive(Debug)]
pub struct Path {
    faults: Vec<Live>,
    random: Random,
    opened_ms: u64,
    last_bytes_ms: u64,
    passed: [u64; 2],
    queues: [Queue; 2],
    broken: Option<(Breakage, Kind)>,
    end_given: bool,
}

impl Path {
    /// A connection that was opened at `now_ms`; for outages, time 0 is the start of the link.
    #[must_use]
    pub fn new(plan: &Plan, now_ms: u64) -> Path {
        let mut random = Random(plan.seed);
        Path {
            faults: live(plan, now_ms, &mut random),
            random,
            opened_ms: now_ms,
            last_bytes_ms: now_ms,
            passed: [0; 2],
            queues: [Queue::default(), Queue::default()],
            broken: None,
            end_given: false,
        }
    }

    /// Other faults from now on: ages and bytes are counted anew, and what waits is due at once. What is broken stays
    /// broken.
    pub fn change(&mut self, now_ms: u64, plan: &Plan) {
        self.expire(now_ms);
        if self.broken.is_some() {
            return;
        }
        // Connections that get one plan at one time must not do the same thing at one time.
        self.random = Random::child(plan.seed, self.random.next());
        let before = std::mem::replace(&mut self.faults, live(plan, now_ms, &mut self.random));
        (self.opened_ms, self.last_bytes_ms, self.passed) = (now_ms, now_ms, [0; 2]);
        for direction in Direction::BOTH {
            let queue = &mut self.queues[direction.index()];
            queue.outputs.iter_mut().for_each(|(due, _)| *due = now_ms);
        }
        for fault in before {
            if let Live::Gather(mut holder) = fault {
                for direction in Direction::BOTH {
                    self.send(now_ms, direction, holder.release(direction));
                }
            }
        }
    }

    /// Breaks the connection now, whatever the plan says.
    pub fn break_now(&mut self, now_ms: u64, breakage: Breakage) {
        self.expire(now_ms);
        if self.broken.is_none() {
            self.break_at(now_ms, breakage, Kind::ByHand);
        }
    }

    /// Takes what happened at `now_ms`. Bytes wait inside until they are due, so a caller that wants bounded
    /// memory reads no more than [`Path::room`], as a real path's window would make it.
    pub fn handle(&mut self, now_ms: u64, input: Input) {
        self.expire(now_ms);
        if self.broken.is_some() {
            return;
        }
        match input {
            Input::Chunk { direction, bytes } => self.pass(now_ms, direction, bytes),
            Input::Eof { direction } => {
                self.release(now_ms, direction);
                let mut due = self.due(now_ms, direction, 0);
                for fault in &self.faults {
                    if let Live::Outage(timetable) = fault
                        && timetable.outage.effect == OutageEffect::Hold
                    {
                        due = timetable.hold(due);
                    }
                }
                self.queues[direction.index()].push(due, Output::Eof { direction });
            }
        }
    }

    /// The next thing that is due at `now_ms`; call until it gives nothing.
    pub fn poll(&mut self, now_ms: u64) -> Option<Output> {
        self.expire(now_ms);
        // What was under way before the connection was cut in order still arrives; a reset or a timer drops it.
        let index = (0..2)
            .filter(|index| self.queues[*index].due().is_some_and(|due| due <= now_ms))
            .min_by_key(|index| self.queues[*index].due());
        if let Some(index) = index {
            return self.queues[index].pop();
        }
        let (breakage, _) = self.broken.filter(|_| !self.end_given && self.is_empty())?;
        self.end_given = true;
        match breakage {
            Breakage::Both(end) => Some(Output::End(end)),
            Breakage::One { told, end } => Some(Output::EndOne { party: told, end }),
            Breakage::Silence => None,
        }
    }

    /// When to call [`Path::poll`] next although nothing has happened; nothing means never.
    #[must_use]
    pub fn deadline(&self) -> Option<u64> {
        let queued = self.queues.iter().filter_map(Queue::due).min();
        if self.broken.is_some() {
            return queued;
        }
        let timers = self.faults.iter().filter_map(|fault| match fault {
            Live::Gather(holder) => Direction::BOTH.iter().filter_map(|way| holder.due(*way)).min(),
            _ => self.strikes(fault).map(|(at, ..)| at),
        });
        timers.chain(queued).min()
    }

    /// Bytes that are under way in this direction.
    #[must_use]
    pub fn waiting(&self, direction: Direction) -> usize {
        self.queues[direction.index()].bytes
    }

    /// Bytes that this direction takes at the moment, where a path's buffers hold `window`.
    #[must_use]
    pub fn room(&self, direction: Direction, window: usize) -> usize {
        let windows = self.faults.iter().filter_map(|fault| match fault {
            Live::Window(party, window) if party.receives() == direction => Some(*window),
            _ => None,
        });
        let queue = &self.queues[direction.index()];
        let narrowest = windows.chain([window]).min().unwrap_or(window).saturating_sub(queue.bytes);
        narrowest.min(window.saturating_sub(queue.bytes + queue.outputs.len() * PIECE))
    }

    /// What broke the connection, once something has.
    #[must_use]
    pub fn broken(&self) -> Option<Kind> {
        self.broken.map(|(_, kind)| kind)
    }

    /// Whether nothing is under way, and nothing held.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.queues.iter().all(|queue| queue.outputs.is_empty())
    }

    /// When a fault strikes by the clock, and how.
    fn strikes(&self, fault: &Live) -> Option<(u64, Breakage, Kind)> {
        match fault {
            Live::Lifetime(lifetime) => {
                Some((lifetime.deadline(self.opened_ms), Breakage::Both(lifetime.end), Kind::Lifetime))
            }
            Live::Idle(idle) => {
                let breakage = match idle.end {
                    IdleEnd::Fin => Breakage::Both(End::Fin),
                    IdleEnd::Reset => Breakage::Both(End::Reset),
                    IdleEnd::Silence => Breakage::Silence,
                };
                Some((idle.deadline(self.last_bytes_ms), breakage, Kind::Idle))
            }
            Live::Mark(mark, breakage, kind) => Some((mark.deadline()?, *breakage, *kind)),
            Live::Outage(timetable) => match timetable.outage.effect {
                OutageEffect::Hold => None,
                OutageEffect::Break(breakage) => Some((timetable.down_from, breakage, Kind::Outage)),
            },
            _ => None,
        }
    }

    fn expire(&mut self, now_ms: u64) {
        if self.broken.is_some() {
            return;
        }
        let strikes = self.faults.iter().filter_map(|fault| self.strikes(fault));
        let first = strikes.filter(|(at, ..)| *at <= now_ms).min_by_key(|(at, ..)| *at);
        if let Some((_, breakage, kind)) = first {
            self.break_at(now_ms, breakage, kind);
            return;
        }
        let mut released = Vec::new();
        for fault in &mut self.faults {
            match fault {
                Live::Outage(timetable) => timetable.advance(now_ms),
                Live::Gather(holder) => {
                    for direction in Direction::BOTH {
                        if holder.due(direction).is_some_and(|due| due <= now_ms) {
                            released.push((direction, holder.release(direction)));
                        }
                    }
                }
                _ => {}
            }
        }
        for (direction, bytes) in released {
            self.send(now_ms, direction, bytes);
        }
    }

    /// The connection breaks by a timer: what ends in order still arrives, all else is lost.
    fn break_at(&mut self, now_ms: u64, breakage: Breakage, kind: Kind) {
        self.broken = Some((breakage, kind));
        for direction in Direction::BOTH {
            let arrives = match breakage {
                Breakage::Both(end) => end == End::Fin,
                Breakage::One { told, end } => end == End::Fin && told.receives() == direction,
                Breakage::Silence => false,
            };
            if arrives {
                self.release(now_ms, direction);
            } else {
                self.queues[direction.index()].clear();
            }
        }
    }

    fn pass(&mut self, now_ms: u64, direction: Direction, mut bytes: Vec<u8>) {
        self.last_bytes_ms = now_ms;
        let before = self.passed;
        let already = before[direction.index()];
        self.passed[direction.index()] += bytes.len() as u64;
        let rooms = self.faults.iter().filter_map(|fault| match fault {
            Live::Cut(cut) if cut.direction == direction => {
                Some((cut.room(already), Breakage::Both(cut.end), Kind::Cut))
            }
            Live::Mark(mark, breakage, kind) => Some((mark.room(direction, before)?, *breakage, *kind)),
            _ => None,
        });
        let reached = rooms.filter(|(room, ..)| bytes.len() as u64 >= *room).min_by_key(|(room, ..)| *room);
        if let Some((room, ..)) = reached {
            bytes.truncate(usize::try_from(room).unwrap_or(usize::MAX));
        }
        for fault in &mut self.faults {
            match fault {
                Live::Stall(stall) if stall.direction == direction => stall.apply(already, &mut bytes),
                Live::Gather(holder) => bytes = holder.pass(now_ms, direction, bytes),
                _ => {}
            }
        }
        self.send(now_ms, direction, bytes);
        if let Some((_, breakage, kind)) = reached {
            self.release(now_ms, direction);
            // A reset overtakes what the kernel still holds, but a test needs to know what got through: the bytes
            // before the cut are let out first, those of the other direction are lost.
            if breakage != Breakage::Both(End::Fin) {
                let other = Direction::BOTH[1 - direction.index()];
                self.queues[other.index()].clear();
            }
            self.broken = Some((breakage, kind));
        }
    }

    /// Lets out what a middlebox holds.
    fn release(&mut self, now_ms: u64, direction: Direction) {
        let mut held = Vec::new();
        for fault in &mut self.faults {
            if let Live::Gather(holder) = fault {
                held.push(holder.release(direction));
            }
        }
        held.into_iter().for_each(|bytes| self.send(now_ms, direction, bytes));
    }

    /// Behind everything that keeps or shortens bytes: when do they arrive, in which pieces?
    fn send(&mut self, now_ms: u64, direction: Direction, bytes: Vec<u8>) {
        if bytes.is_empty() {
            return;
        }
        let mut extra = 0;
        for fault in &mut self.faults {
            if let Live::Overtake(turn) = fault {
                extra += turn.extra(direction, &mut self.random);
            }
        }
        let due = self.due(now_ms, direction, extra);
        let mut pieces = vec![(due, bytes)];
        for fault in &mut self.faults {
            let parts: &mut dyn FnMut(u64, Vec<u8>) -> Vec<(u64, Vec<u8>)> = match fault {
                Live::Slice(slice) => &mut |due, bytes| slice.pieces(due, &bytes),
                Live::Line(line) => &mut |due, bytes| line.pass(direction, due, bytes),
                Live::Outage(timetable) if timetable.outage.effect == OutageEffect::Hold => {
                    &mut |due, bytes| vec![(timetable.hold(due), bytes)]
                }
                _ => continue,
            };
            pieces = pieces.into_iter().flat_map(|(due, bytes)| parts(due, bytes)).collect();
        }
        let queue = &mut self.queues[direction.index()];
        for (due, bytes) in pieces {
            let due = queue.outputs.back().map_or(due, |(last, _)| due.max(*last));
            queue.push(due, Output::Chunk { direction, bytes });
        }
    }

    /// Bytes never overtake each other, whatever the jitter says.
    fn due(&mut self, now_ms: u64, direction: Direction, extra_ms: u64) -> u64 {
        let mut due = now_ms + extra_ms;
        for fault in &self.faults {
            if let Live::Delay(delay) = fault {
                due += delay.draw(&mut self.random);
            }
        }
        self.queues[direction.index()].outputs.back().map_or(due, |(last, _)| due.max(*last))
    }
}

impl Queue {
    fn push(&mut self, due: u64, output: Output) {
        if let Output::Chunk { bytes, .. } = &output {
            self.bytes += bytes.len();
        }
        self.outputs.push_back((due, output));
    }

    fn pop(&mut self) -> Option<Output> {
        let (_, output) = self.outputs.pop_front()?;
        if let Output::Chunk { bytes, .. } = &output {
            self.bytes -= bytes.len();
        }
        Some(output)
    }

    fn due(&self) -> Option<u64> {
        self.outputs.front().map(|(due, _)| *due)
    }

    fn clear(&mut self) {
        *self = Queue::default();
    }
}

/// The faults of a plan in the order in which bytes meet them, with what chance gives this connection.
fn live(plan: &Plan, now_ms: u64, random: &mut Random) -> Vec<Live> {
    let mut live = Vec::new();
    for fault in &plan.faults {
        match *fault {
            Fault::Delay(delay) => live.push(Live::Delay(delay)),
            Fault::Cut(cut) => live.push(Live::Cut(cut)),
            Fault::Stall(stall) => live.push(Live::Stall(stall)),
            Fault::Idle(idle) => live.push(Live::Idle(idle)),
            Fault::Slice(slice) => live.push(Live::Slice(slice)),
            Fault::Lifetime(lifetime) => live.push(Live::Lifetime(lifetime)),
            Fault::Break(broken) => {
                let mark = broken.when.draw(now_ms, random);
                live.push(Live::Mark(mark, Breakage::Both(broken.end), Kind::Break));
            }
            Fault::HalfOpen(half) => {
                live.push(Live::Mark(half.when.draw(now_ms, random), half.breakage(), Kind::HalfOpen));
            }
            Fault::BlackHole(hole) => {
                let mark = hole.when.draw(now_ms, random);
                live.push(Live::Mark(mark, Breakage::Silence, Kind::BlackHole));
            }
            Fault::Rate(rate) => live.push(Live::Line(Line::new(rate.direction, rate.bytes_per_s))),
            Fault::SlowReader(reader) => {
                live.push(Live::Line(reader.line()));
                live.push(Live::Window(reader.party, reader.window));
            }
            Fault::Gather(gather) => live.push(Live::Gather(Holder::new(gather))),
            Fault::Overtake(overtake) => live.push(Live::Overtake(Turn::new(overtake))),
            Fault::Outage(outage) => live.push(Live::Outage(Timetable::new(outage, now_ms))),
            Fault::Refuse(_) | Fault::Drop(_) | Fault::Twice(_) => {}
        }
    }
    let stage = |fault: &Live| match fault {
        Live::Slice(_) => 1,
        Live::Line(_) => 2,
        Live::Outage(_) => 3,
        _ => 0,
    };
    live.sort_by_key(stage);
    live
}
