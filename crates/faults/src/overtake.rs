//! Answers that overtake each other: now and then a connection's answer is held back, and those of connections beside
//! it come first. Within a connection the order stays, as TCP keeps it.

use crate::Direction;
use crate::random::{Chance, Random};

/// Answers that come late by chance.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Overtake {
    /// How many of the answers are held back.
    pub chance: Chance,
    /// For so many milliseconds.
    pub by_ms: u64,
}

/// Whether the answer that is awaited or under way is one of those.
#[derive(Debug)]
pub(crate) struct Turn {
    overtake: Overtake,
    asked: bool,
    late: bool,
}

impl Turn {
    pub(crate) fn new(overtake: Overtake) -> Turn {
        Turn { overtake, asked: false, late: false }
    }

    /// Sees bytes, and says how much later they are than without this.
    pub(crate) fn extra(&mut self, direction: Direction, random: &mut Random) -> u64 {
        match direction {
            Direction::ToServer => {
                self.asked = true;
                0
            }
            Direction::ToClient => {
                if std::mem::take(&mut self.asked) {
                    self.late = random.hits(self.overtake.chance);
                }
                if self.late { self.overtake.by_ms } else { 0 }
            }
        }
    }
}
