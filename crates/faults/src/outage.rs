//! Stretches in which the whole link is down: a tunnel, a handover, a restart. All connections of a link go through the
//! same ones, so their times come from a seed of the outage and not of the connection.

use crate::Breakage;
use crate::random::{Random, Span};

/// A link that is up, then down, then up again, for ever.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Outage {
    /// Milliseconds that it is up.
    pub up_ms: Span,
    /// Milliseconds that it is down.
    pub down_ms: Span,
    /// What becomes of the connections.
    pub effect: OutageEffect,
    /// The same seed gives the same times.
    pub seed: u64,
}

/// What an outage does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OutageEffect {
    /// Bytes wait until it is over, as TCP sends them again; new connections wait, too.
    Hold,
    /// Connections break when it begins, and new ones are refused until it is over.
    Break(Breakage),
}

/// The outage that is next or now.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Timetable {
    pub(crate) outage: Outage,
    random: Random,
    pub(crate) down_from: u64,
    pub(crate) down_to: u64,
}

impl Timetable {
    /// Time 0 is the start of the link.
    pub(crate) fn new(outage: Outage, now_ms: u64) -> Timetable {
        let mut timetable = Timetable { outage, random: Random(outage.seed), down_from: 0, down_to: 0 };
        timetable.next();
        timetable.advance(now_ms);
        timetable
    }

    fn next(&mut self) {
        self.down_from = self.down_to.saturating_add(self.random.within(self.outage.up_ms));
        // A whole turn takes time, or the table would never reach the present.
        self.down_to =
            self.down_from.saturating_add(self.random.within(self.outage.down_ms)).max(self.down_to + 1);
    }

    /// Forgets the outages that are over.
    pub(crate) fn advance(&mut self, now_ms: u64) {
        while self.down_to <= now_ms {
            self.next();
        }
    }

    pub(crate) fn is_down(&self, at_ms: u64) -> bool {
        let mut then = *self;
        then.advance(at_ms);
        then.down_from <= at_ms
    }

    /// When bytes that are due at this time really pass.
    pub(crate) fn hold(&self, due_ms: u64) -> u64 {
        let mut then = *self;
        then.advance(due_ms);
        if then.down_from <= due_ms { then.down_to } else { due_ms }
    }
}
