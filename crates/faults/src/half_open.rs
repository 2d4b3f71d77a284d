//! Only one side learns that the connection is gone: the other waits on, as after a handover between cells or the
//! crash of a proxy.

use crate::{Breakage, End, Party, When};

/// A break that one side does not hear of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HalfOpen {
    /// When.
    pub when: When,
    /// Who is told.
    pub told: Party,
    /// How.
    pub end: End,
}

impl HalfOpen {
    pub(crate) fn breakage(&self) -> Breakage {
        Breakage::One { told: self.told, end: self.end }
    }
}
