//! A middlebox that buffers: it holds bytes until it has enough of them, or until they have waited long enough.

use crate::Direction;

/// A buffer on the way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Gather {
    /// Which way is buffered; nothing means both, each for itself.
    pub direction: Option<Direction>,
    /// So many bytes are passed on at once.
    pub bytes: usize,
    /// So many milliseconds after the first of them came they are passed on, however few; nothing means never.
    pub after_ms: Option<u64>,
}

/// What is held at the moment.
#[derive(Debug)]
pub(crate) struct Holder {
    gather: Gather,
    held: [Vec<u8>; 2],
    since_ms: [u64; 2],
}

impl Holder {
    pub(crate) fn new(gather: Gather) -> Holder {
        Holder { gather, held: [Vec::new(), Vec::new()], since_ms: [0; 2] }
    }

    /// Takes bytes, and gives all that now pass on.
    pub(crate) fn pass(&mut self, now_ms: u64, direction: Direction, bytes: Vec<u8>) -> Vec<u8> {
        if self.gather.direction.is_some_and(|buffered| buffered != direction) || bytes.is_empty() {
            return bytes;
        }
        let held = &mut self.held[direction.index()];
        if held.is_empty() {
            self.since_ms[direction.index()] = now_ms;
        }
        held.extend(bytes);
        if held.len() >= self.gather.bytes { std::mem::take(held) } else { Vec::new() }
    }

    pub(crate) fn release(&mut self, direction: Direction) -> Vec<u8> {
        std::mem::take(&mut self.held[direction.index()])
    }

    /// When what is held in this direction has waited long enough.
    pub(crate) fn due(&self, direction: Direction) -> Option<u64> {
        let index = direction.index();
        let after_ms = self.gather.after_ms.filter(|_| !self.held[index].is_empty())?;
        Some(self.since_ms[index].saturating_add(after_ms))
    }
}
