//! Everything takes time: a fixed delay one way, and up to `jitter_ms` more by chance.

/// A slow path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Delay {
    /// Milliseconds one way; the round trip takes twice as long.
    pub one_way_ms: u64,
    /// Up to so many milliseconds more, drawn from the plan's seed.
    pub jitter_ms: u64,
}

impl Delay {
    pub(crate) fn draw(&self, seed: &mut u64) -> u64 {
        if self.jitter_ms == 0 {
            return self.one_way_ms;
        }
        self.one_way_ms + next_random(seed) % (self.jitter_ms + 1)
    }
}

/// SplitMix64 (Steele, Lea, Flood 2014): small, seedable, and good enough to vary a delay.
fn next_random(seed: &mut u64) -> u64 {
    *seed = seed.wrapping_add(0x9E37_79B9_7F4A_7C15);
    let mut mixed = *seed;
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    mixed ^ (mixed >> 31)
}
