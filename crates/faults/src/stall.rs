//! Bytes stop passing in one direction after a number of them, and nobody is told: a full buffer, a proxy that
//! forwards only one way, a path that drops large packets.

use crate::Direction;

/// A silent stop.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stall {
    /// Which way bytes vanish; the other way is not harmed.
    pub direction: Direction,
    /// So many bytes still pass.
    pub after_bytes: u64,
}

impl Stall {
    pub(crate) fn apply(&self, already: u64, bytes: &mut Vec<u8>) {
        let room = self.after_bytes.saturating_sub(already);
        bytes.truncate(usize::try_from(room).unwrap_or(usize::MAX));
    }
}
