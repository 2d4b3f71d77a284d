//! A hop that ends or forgets a connection on which nothing moved in either direction.

/// How the hop treats the silent connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum IdleEnd {
    /// It ends it in order, as nginx does after `proxy_read_timeout`.
    Fin,
    /// It resets it, as AWS NLB does on the next packet.
    Reset,
    /// It forgets it: later bytes vanish, as behind a NAT that drops them.
    Silence,
}

/// An idle timer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Idle {
    /// Milliseconds without a byte.
    pub after_ms: u64,
    /// What happens then.
    pub end: IdleEnd,
}

impl Idle {
    pub(crate) fn deadline(&self, last_bytes_ms: u64) -> u64 {
        last_bytes_ms.saturating_add(self.after_ms)
    }
}
