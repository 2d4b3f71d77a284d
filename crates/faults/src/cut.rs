//! The connection is cut once a number of bytes has passed in one direction.

use crate::{Direction, End};

/// A cut at a byte.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cut {
    /// Which way the bytes are counted.
    pub direction: Direction,
    /// So many bytes still pass.
    pub after_bytes: u64,
    /// How both sides learn of it.
    pub end: End,
}

impl Cut {
    pub(crate) fn room(&self, already: u64) -> u64 {
        self.after_bytes.saturating_sub(already)
    }
}
