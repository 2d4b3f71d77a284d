//! Bytes pass only in small pieces, so that readers who take one read for one message are found out.

/// A path that cuts everything into pieces.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Slice {
    /// Bytes a piece; 0 is taken for 1.
    pub piece: usize,
    /// Milliseconds between pieces.
    pub pause_ms: u64,
}

impl Slice {
    pub(crate) fn pieces(&self, due_ms: u64, bytes: &[u8]) -> Vec<(u64, Vec<u8>)> {
        let pieces = bytes.chunks(self.piece.max(1)).zip(0u64..);
        pieces.map(|(piece, index)| (due_ms + index * self.pause_ms, piece.to_vec())).collect()
    }
}
