//! Whole connections that go wrong as they open: refused, taken and dropped, or made twice.

use crate::random::Chance;

/// Connections are refused: reset before a byte has passed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Refuse {
    /// How many of them.
    pub chance: Chance,
}

/// Connections are taken and dropped: the request is read, and the stream ends without an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Drop {
    /// How many of them.
    pub chance: Chance,
}

/// Connections are made twice: the server gets everything a second time on another connection, whose answers nobody
/// hears, as from a proxy that tries again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Twice {
    /// How many of them.
    pub chance: Chance,
}
