//! A peer that reads slowly: what it has not read waits before it, and once its small window is full the sender must
//! wait, too. A narrow path ([`crate::Rate`]) takes as much as is sent and delivers it late; this one does not take it.

use crate::Party;
use crate::rate::Line;

/// Somebody who reads slowly.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SlowReader {
    /// Who.
    pub party: Party,
    /// Bytes that it reads in a second; 0 is taken for 1.
    pub bytes_per_s: u64,
    /// Bytes that wait before it; then the sender is not read from any more.
    pub window: usize,
}

impl SlowReader {
    pub(crate) fn line(&self) -> Line {
        Line::new(Some(self.party.receives()), self.bytes_per_s)
    }
}
