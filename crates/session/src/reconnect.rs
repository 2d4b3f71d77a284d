//! When a client tries again, after how long, and when not at all (`protocol/PROTOCOL.md` sections 9 and 11). It
//! serves plain connections as well: it knows outcomes and times, and no session. Chance is passed in.

use crate::handshake::{Class, Range, Refused};

/// The wait doubles from here, in milliseconds.
const BASE: u64 = 500;
/// A link that lived so long was healthy.
const HEALTHY: u64 = 8000;
/// Doublings beyond this one change nothing.
const MOST: u32 = 16;

/// How a try or a link ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Lost {
    /// The connection did not come about, or was cut without a close frame.
    Broken,
    /// With a close frame of the other side.
    Closed(u16),
    /// With REFUSED.
    Refused(Refused),
    /// The link could be given up without harm: the page woke up, the network changed, its GOAWAY slot came.
    Known,
}

/// What to do next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Next {
    /// Try at this time.
    TryAt(u64),
    /// Get new credentials, then [`Reconnect::credentials`].
    Credentials,
    /// Do not try again.
    Stop,
}

/// Whether close codes are those of plain connections or of links that carry a session.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Codes {
    Plain,
    Link,
}

/// The policy of one client.
#[derive(Debug, Clone)]
pub struct Reconnect {
    codes: Codes,
    range: Range,
    tries: u32,
    opened: Option<u64>,
    next: Option<u64>,
    /// Waking up skips a wait, but not a wish for credentials or a refusal for good.
    held: bool,
}

impl Reconnect {
    /// For a connection without a session, whose close codes are the application's.
    #[must_use]
    pub fn plain(range: Range) -> Reconnect {
        Reconnect { codes: Codes::Plain, range, tries: 0, opened: None, next: None, held: false }
    }

    /// For links of a session.
    #[must_use]
    pub fn session(range: Range) -> Reconnect {
        Reconnect { codes: Codes::Link, ..Reconnect::plain(range) }
    }

    /// What the gateway says about waiting.
    pub fn set_range(&mut self, range: Range) {
        self.range = range;
    }

    /// Tries since the last healthy link.
    #[must_use]
    pub fn tries(&self) -> u32 {
        self.tries
    }

    /// A link is up: welcome, or open for a plain connection. `resumed`: it took up a session, so that whoever answered
    /// has lived on, and only the link was lost.
    pub fn up(&mut self, now: u64, resumed: bool) {
        if resumed {
            self.tries = 0;
        }
        self.opened = Some(now);
        self.next = None;
        self.held = false;
    }

    /// A try failed or a link ended. `chance` is drawn uniformly from 0 to 1.
    pub fn lost(&mut self, now: u64, how: &Lost, chance: f64) -> Next {
        if self.opened.take().is_some_and(|opened| now.saturating_sub(opened) >= HEALTHY) {
            self.tries = 0;
        }
        let class = match how {
            Lost::Known => Class::Now,
            Lost::Broken => Class::Later,
            Lost::Refused(refused) => refused.class,
            Lost::Closed(code) => match self.codes {
                Codes::Plain => plain_class(*code),
                Codes::Link => link_class(*code),
            },
        };
        let next = match class {
            Class::Never => Next::Stop,
            Class::Auth => Next::Credentials,
            Class::Now => Next::TryAt(now),
            Class::New | Class::Later => {
                let range = match how {
                    Lost::Refused(refused) if refused.max > 0 => Range { min: refused.min, max: refused.max },
                    _ => self.spread(),
                };
                Next::TryAt(now.saturating_add(drawn(range, chance)))
            }
        };
        self.held = matches!(next, Next::Stop | Next::Credentials);
        self.next = match next {
            Next::TryAt(at) => Some(at),
            _ => None,
        };
        self.tries = (self.tries + 1).min(MOST);
        next
    }

    /// The network is back or the page is shown again: a wait is over, anything else stays.
    pub fn wake(&mut self, now: u64) -> Option<Next> {
        let at = self.next.as_mut().filter(|_| !self.held)?;
        *at = (*at).min(now);
        Some(Next::TryAt(*at))
    }

    /// New credentials are there.
    pub fn credentials(&mut self, now: u64) -> Next {
        self.held = false;
        self.next = Some(now);
        Next::TryAt(now)
    }

    /// Uniform between the floor and the doubled base; nothing drawn is ever cut off, or everybody would meet at the
    /// edge.
    fn spread(&self) -> Range {
        let doubled = BASE.saturating_mul(1 << self.tries);
        Range { min: self.range.min, max: doubled.min(self.range.max).max(self.range.min) }
    }
}

fn drawn(range: Range, chance: f64) -> u64 {
    let width = range.max.saturating_sub(range.min) as f64;
    range.min.saturating_add((width * chance.clamp(0.0, 1.0)).round() as u64)
}

/// Section 9, plain connections.
fn plain_class(code: u16) -> Class {
    match code {
        1000 | 1002 | 1003 | 1007..=1010 | 1015 | 4000..=4499 => Class::Never,
        _ => Class::Later,
    }
}

/// Section 9, links. Only CLOSE and RESET end a session: a bare 1000 says no more than that the link is gone.
fn link_class(code: u16) -> Class {
    match code {
        4000 => Class::Never,
        _ => Class::Later,
    }
}
