//! What a session waits for, each with a deadline of its own.

/// Something that happens unless it is called off.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Timer {
    /// HELLO or RESUME is not answered.
    Handshake,
    /// It is time to ask whether anybody is there.
    Ping,
    /// Nobody answered, or nobody asked.
    Silence,
    /// Nothing was heard after waking up.
    Wake,
    /// The client stayed away.
    Resume,
    /// Nothing more could be held for too long.
    Full,
}

const ALL: [Timer; 6] =
    [Timer::Handshake, Timer::Ping, Timer::Silence, Timer::Wake, Timer::Resume, Timer::Full];

/// Deadlines in milliseconds.
#[derive(Debug, Default)]
pub(crate) struct Timers([Option<u64>; ALL.len()]);

impl Timers {
    pub(crate) fn set(&mut self, timer: Timer, at: u64) {
        self.0[timer as usize] = Some(at);
    }

    pub(crate) fn clear(&mut self, timer: Timer) {
        self.0[timer as usize] = None;
    }

    pub(crate) fn is_set(&self, timer: Timer) -> bool {
        self.0[timer as usize].is_some()
    }

    pub(crate) fn clear_all(&mut self) {
        *self = Timers::default();
    }

    pub(crate) fn next(&self) -> Option<u64> {
        self.0.iter().flatten().min().copied()
    }

    /// Takes one that is over.
    pub(crate) fn expired(&mut self, now: u64) -> Option<Timer> {
        let timer = ALL.into_iter().find(|timer| self.0[*timer as usize].is_some_and(|at| at <= now))?;
        self.clear(timer);
        Some(timer)
    }
}
