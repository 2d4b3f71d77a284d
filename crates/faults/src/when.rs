//! When a fault strikes: at an age or after bytes, fixed, within bounds, or at random around a mean.

use crate::Direction;
use crate::random::{Random, Span};

/// When a fault strikes a connection, drawn anew for each.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum When {
    /// At an age in milliseconds.
    AfterMs(Span),
    /// At any time; so many milliseconds on average.
    MeanMs(u64),
    /// Once so many bytes have passed, in one direction or in both together.
    AfterBytes {
        /// Which way they are counted; nothing means both.
        direction: Option<Direction>,
        /// How many still pass.
        bytes: Span,
    },
    /// After any number of bytes; so many on average.
    MeanBytes {
        /// Which way they are counted; nothing means both.
        direction: Option<Direction>,
        /// How many pass on average.
        bytes: u64,
    },
}

/// What was drawn for one connection.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Mark {
    Time(u64),
    Bytes(Option<Direction>, u64),
}

impl When {
    pub(crate) fn draw(&self, opened_ms: u64, random: &mut Random) -> Mark {
        match *self {
            When::AfterMs(span) => Mark::Time(opened_ms.saturating_add(random.within(span))),
            When::MeanMs(mean) => Mark::Time(opened_ms.saturating_add(random.around(mean))),
            When::AfterBytes { direction, bytes } => Mark::Bytes(direction, random.within(bytes)),
            When::MeanBytes { direction, bytes } => Mark::Bytes(direction, random.around(bytes)),
        }
    }
}

impl Mark {
    pub(crate) fn deadline(&self) -> Option<u64> {
        match self {
            Mark::Time(at) => Some(*at),
            Mark::Bytes(..) => None,
        }
    }

    /// Bytes that still pass in `direction`; nothing where this does not count them.
    pub(crate) fn room(&self, direction: Direction, passed: [u64; 2]) -> Option<u64> {
        match self {
            Mark::Bytes(None, at) => Some(at.saturating_sub(passed[0] + passed[1])),
            Mark::Bytes(Some(counted), at) if *counted == direction => {
                Some(at.saturating_sub(passed[direction.index()]))
            }
            _ => None,
        }
    }
}
