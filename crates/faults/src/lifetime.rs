//! A hop that limits how old a connection may grow, whatever moves on it.

use crate::End;

/// A cap on the age of a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Lifetime {
    /// Milliseconds from opening.
    pub after_ms: u64,
    /// How both sides learn of it.
    pub end: End,
}

impl Lifetime {
    pub(crate) fn deadline(&self, opened_ms: u64) -> u64 {
        opened_ms.saturating_add(self.after_ms)
    }
}
