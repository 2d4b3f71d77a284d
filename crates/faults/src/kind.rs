//! What broke a connection, for statistics.

/// The fault that ended a connection, or did something to the whole of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[allow(missing_docs, reason = "the names are those of the faults")]
pub enum Kind {
    Cut,
    Break,
    HalfOpen,
    BlackHole,
    Idle,
    Lifetime,
    Outage,
    Refuse,
    Drop,
    Twice,
    /// The shell ended it, whatever the plan says.
    ByHand,
}

impl Kind {
    /// `half-open` and so on, as plan files write them.
    #[must_use]
    pub fn id(self) -> &'static str {
        match self {
            Kind::Cut => "cut",
            Kind::Break => "break",
            Kind::HalfOpen => "half-open",
            Kind::BlackHole => "black-hole",
            Kind::Idle => "idle",
            Kind::Lifetime => "lifetime",
            Kind::Outage => "outage",
            Kind::Refuse => "refuse",
            Kind::Drop => "drop",
            Kind::Twice => "twice",
            Kind::ByHand => "by-hand",
        }
    }
}
