//! A connection breaks, at a time of its own: in order, by a reset, for one side only, or without a word.

use crate::{End, When};

/// One of the two ends of a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Party {
    /// The one who connected.
    Client,
    /// The one who accepted.
    Server,
}

/// How a connection breaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Breakage {
    /// Both sides learn of it.
    Both(End),
    /// One side learns of it; what the other still sends vanishes, and nothing reaches it any more.
    One {
        /// Who is told.
        told: Party,
        /// How.
        end: End,
    },
    /// Nobody learns of it: bytes vanish.
    Silence,
}

/// A break for both sides.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Break {
    /// When.
    pub when: When,
    /// How both sides learn of it.
    pub end: End,
}
