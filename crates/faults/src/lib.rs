//! The ways a network goes wrong, as a pure library: bytes and the time go in, bytes and deadlines come out.
//!
//! It opens no socket, reads no clock and draws no random number; where chance is wanted, it comes from a seed.
//! One file a fault, each a small state machine; a [`Plan`] says which are on the path, a [`Path`] runs one connection
//! through them, and a [`Link`] decides what becomes of each connection as it opens.
//!
//! ```text
//!   open(now) ─▶ refuse, drop, twice, outage ─▶ Path
//!   handle(now, Chunk | Eof) ─▶ cut, break, half-open, black hole ─▶ stall ─▶ idle, lifetime ─▶ gather
//!                            ─▶ delay, overtake ─▶ slice ─▶ rate, slow reader ─▶ outage ─▶ poll(now)
//! ```
#![warn(clippy::disallowed_methods)]

mod black_hole;
mod breakage;
mod cut;
mod delay;
mod door;
mod gather;
mod half_open;
mod idle;
mod kind;
mod lifetime;
mod link;
mod outage;
mod overtake;
mod path;
mod random;
mod rate;
mod slice;
mod slow_reader;
mod stall;
mod when;

pub use black_hole::BlackHole;
pub use breakage::{Break, Breakage, Party};
pub use cut::Cut;
pub use delay::Delay;
pub use door::{Drop, Refuse, Twice};
pub use gather::Gather;
pub use half_open::HalfOpen;
pub use idle::{Idle, IdleEnd};
pub use kind::Kind;
pub use lifetime::Lifetime;
pub use link::{Link, Welcome};
pub use outage::{Outage, OutageEffect};
pub use overtake::Overtake;
pub use path::{Direction, End, Fault, Input, Output, Path, Plan};
pub use random::{Chance, Span};
pub use rate::Rate;
pub use slice::Slice;
pub use slow_reader::SlowReader;
pub use stall::Stall;
pub use when::When;
