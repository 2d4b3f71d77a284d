//! From some point on, nothing arrives in either direction, and nobody is told: a route that is gone, a firewall that
//! drops what it allowed before.

use crate::When;

/// A path that swallows everything.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BlackHole {
    /// From when on.
    pub when: When,
}
