//! One connection through a list of faults: takes what arrives at either end and gives what leaves, and when.

use crate::{Cut, Delay, Idle, IdleEnd, Lifetime, Slice, Stall};
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
    fn index(self) -> usize {
        match self {
            Direction::ToServer => 0,
            Direction::ToClient => 1,
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
}

/// A connection in progress.
#[derive(Debug)]
pub struct Path {
    faults: Vec<Fault>,
    seed: u64,
    opened_ms: u64,
    last_bytes_ms: u64,
    passed: [u64; 2],
    queues: [VecDeque<(u64, Output)>; 2],
    ended: Option<End>,
    end_given: bool,
    /// The path has forgotten the connection: bytes vanish, nobody is told.
    silent: bool,
}

impl Path {
    /// A connection that was opened at `now_ms`.
    pub fn new(plan: &Plan, now_ms: u64) -> Path {
        Path {
            faults: plan.faults.clone(),
            seed: plan.seed,
            opened_ms: now_ms,
            last_bytes_ms: now_ms,
            passed: [0; 2],
            queues: [VecDeque::new(), VecDeque::new()],
            ended: None,
            end_given: false,
            silent: false,
        }
    }

    /// Takes what happened at `now_ms`. Bytes wait inside until they are due, so a caller that wants bounded
    /// memory stops reading while [`Path::waiting`] is high, as a real path's window would make it.
    pub fn handle(&mut self, now_ms: u64, input: Input) {
        self.expire(now_ms);
        if self.ended.is_some() || self.silent {
            return;
        }
        match input {
            Input::Chunk { direction, bytes } => self.pass(now_ms, direction, bytes),
            Input::Eof { direction } => {
                let due = self.due(now_ms, direction);
                self.queues[direction.index()].push_back((due, Output::Eof { direction }));
            }
        }
    }

    /// The next thing that is due at `now_ms`; call until it gives nothing.
    pub fn poll(&mut self, now_ms: u64) -> Option<Output> {
        self.expire(now_ms);
        // What was under way before the connection was cut in order still arrives; a reset or a timer drops it.
        let index = (0..2)
            .filter(|index| self.queues[*index].front().is_some_and(|(due, _)| *due <= now_ms))
            .min_by_key(|index| self.queues[*index].front().map(|(due, _)| *due));
        if let Some(index) = index {
            return self.queues[index].pop_front().map(|(_, output)| output);
        }
        let end = self.ended.filter(|_| !self.end_given && self.queues.iter().all(VecDeque::is_empty))?;
        self.end_given = true;
        Some(Output::End(end))
    }

    /// When to call [`Path::poll`] next although nothing has happened; nothing means never.
    pub fn deadline(&self) -> Option<u64> {
        let queued = self.queues.iter().filter_map(|queue| queue.front().map(|(due, _)| *due)).min();
        if self.ended.is_some() || self.silent {
            return queued;
        }
        let timers = self.faults.iter().filter_map(|fault| match fault {
            Fault::Idle(idle) => Some(idle.deadline(self.last_bytes_ms)),
            Fault::Lifetime(lifetime) => Some(lifetime.deadline(self.opened_ms)),
            _ => None,
        });
        timers.chain(queued).min()
    }

    /// Bytes that are under way in this direction.
    pub fn waiting(&self, direction: Direction) -> usize {
        let length = |(_, output): &(u64, Output)| match output {
            Output::Chunk { bytes, .. } => bytes.len(),
            _ => 0,
        };
        self.queues[direction.index()].iter().map(length).sum()
    }

    fn expire(&mut self, now_ms: u64) {
        if self.ended.is_some() || self.silent {
            return;
        }
        for fault in &self.faults {
            match fault {
                Fault::Lifetime(lifetime) if now_ms >= lifetime.deadline(self.opened_ms) => {
                    self.ended = Some(lifetime.end);
                }
                Fault::Idle(idle) if now_ms >= idle.deadline(self.last_bytes_ms) => match idle.end {
                    IdleEnd::Fin => self.ended = Some(End::Fin),
                    IdleEnd::Reset => self.ended = Some(End::Reset),
                    IdleEnd::Silence => self.silent = true,
                },
                _ => {}
            }
        }
        if self.ended == Some(End::Reset) || self.silent {
            self.queues.iter_mut().for_each(VecDeque::clear);
        }
    }

    fn pass(&mut self, now_ms: u64, direction: Direction, mut bytes: Vec<u8>) {
        self.last_bytes_ms = now_ms;
        let already = self.passed[direction.index()];
        self.passed[direction.index()] += bytes.len() as u64;
        let mut end = None;
        for fault in &self.faults {
            match fault {
                Fault::Cut(cut) if cut.direction == direction => {
                    let room = cut.room(already);
                    if bytes.len() as u64 >= room {
                        bytes.truncate(usize::try_from(room).unwrap_or(usize::MAX));
                        end = Some(cut.end);
                    }
                }
                Fault::Stall(stall) if stall.direction == direction => stall.apply(already, &mut bytes),
                _ => {}
            }
        }
        let due = self.due(now_ms, direction);
        let piece = self.faults.iter().find_map(|fault| match fault {
            Fault::Slice(slice) => Some(*slice),
            _ => None,
        });
        let pieces: Vec<(u64, Vec<u8>)> = match piece {
            Some(slice) => slice.pieces(due, &bytes),
            None if bytes.is_empty() => Vec::new(),
            None => vec![(due, bytes)],
        };
        let queue = &mut self.queues[direction.index()];
        queue.extend(pieces.into_iter().map(|(due, bytes)| (due, Output::Chunk { direction, bytes })));
        if let Some(end) = end {
            self.ended = Some(end);
            if end == End::Reset {
                // A reset overtakes what the kernel still holds, but a test needs to know what got through: the
                // bytes before the cut are let out first, those of the other direction are lost.
                self.queues[1 - direction.index()].clear();
            }
        }
    }

    /// Bytes never overtake each other, whatever the jitter says.
    fn due(&mut self, now_ms: u64, direction: Direction) -> u64 {
        let mut due = now_ms;
        for fault in &self.faults {
            if let Fault::Delay(delay) = fault {
                due += delay.draw(&mut self.seed);
            }
        }
        self.queues[direction.index()].back().map_or(due, |(last, _)| due.max(*last))
    }
}
