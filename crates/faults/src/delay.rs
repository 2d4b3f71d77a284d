//! Everything takes time: a fixed delay one way, and up to `jitter_ms` more by chance.

use crate::random::{Random, Span};

/// A slow path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Delay {
    /// Milliseconds one way; the round trip takes twice as long.
    pub one_way_ms: u64,
    /// Up to so many milliseconds more, drawn from the plan's seed.
    pub jitter_ms: u64,
}

impl Delay {
    pub(crate) fn draw(&self, random: &mut Random) -> u64 {
        random.within(Span { from: self.one_way_ms, to: self.one_way_ms.saturating_add(self.jitter_ms) })
    }
}
