//! Chance that repeats: all of it comes from a seed.

/// A generator that gives the same numbers for the same seed.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Random(pub(crate) u64);

/// How likely something is, in parts of a million.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Chance(pub u32);

/// Anything from one number to another, both included.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Span {
    /// The least.
    pub from: u64,
    /// The most; less than `from` is taken for `from`.
    pub to: u64,
}

impl Span {
    /// Always this.
    #[must_use]
    pub fn exactly(value: u64) -> Span {
        Span { from: value, to: value }
    }
}

impl Random {
    /// A stream of its own for the member `index` of a family.
    pub(crate) fn child(seed: u64, index: u64) -> Random {
        let mut random = Random(seed ^ index.wrapping_mul(0xD1B5_4A32_D192_ED03));
        Random(random.next())
    }

    /// SplitMix64 (Steele, Lea, Flood 2014): small, seedable, and good enough to vary a delay.
    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    pub(crate) fn within(&mut self, span: Span) -> u64 {
        let width = span.to.saturating_sub(span.from);
        if width == 0 {
            return span.from;
        }
        span.from + self.next() % width.saturating_add(1)
    }

    pub(crate) fn hits(&mut self, chance: Chance) -> bool {
        // Always one draw, so that one fault's chance does not shift the numbers of the next.
        self.next() % 1_000_000 < u64::from(chance.0)
    }

    /// How long until something that happens every `mean` on average (the exponential distribution).
    #[allow(
        clippy::cast_precision_loss,
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a random wait needs no more than 53 bits, and is never negative"
    )]
    pub(crate) fn around(&mut self, mean: u64) -> u64 {
        let uniform = (self.next() >> 11) as f64 / (1u64 << 53) as f64;
        (-(1.0 - uniform).ln() * mean as f64).round() as u64
    }
}
