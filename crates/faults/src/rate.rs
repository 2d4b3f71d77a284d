//! A narrow path: so many bytes pass in a second, and the others wait for their turn.

use crate::Direction;

/// A limit of bytes per second.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rate {
    /// Which way is narrow; nothing means both, each for itself.
    pub direction: Option<Direction>,
    /// Bytes a second; 0 is taken for 1.
    pub bytes_per_s: u64,
}

/// Pieces leave so many times a second, so that a slow line trickles and does not gush.
const STEPS: u64 = 50;

/// The narrow place with what is ahead in it.
#[derive(Debug)]
pub(crate) struct Line {
    direction: Option<Direction>,
    bytes_per_s: u64,
    /// When the last byte will have left, in microseconds.
    free_us: [u64; 2],
}

impl Line {
    pub(crate) fn new(direction: Option<Direction>, bytes_per_s: u64) -> Line {
        Line { direction, bytes_per_s: bytes_per_s.max(1), free_us: [0; 2] }
    }

    pub(crate) fn pass(&mut self, direction: Direction, due_ms: u64, bytes: Vec<u8>) -> Vec<(u64, Vec<u8>)> {
        if self.direction.is_some_and(|narrow| narrow != direction) {
            return vec![(due_ms, bytes)];
        }
        let free = &mut self.free_us[direction.index()];
        *free = (*free).max(due_ms.saturating_mul(1000));
        let piece = usize::try_from(self.bytes_per_s / STEPS).unwrap_or(usize::MAX).max(1);
        bytes
            .chunks(piece)
            .map(|piece| {
                *free = free.saturating_add(piece.len() as u64 * 1_000_000 / self.bytes_per_s);
                (free.div_ceil(1000), piece.to_vec())
            })
            .collect()
    }
}
