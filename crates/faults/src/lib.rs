//! The ways a network goes wrong, as a pure library: bytes and the time go in, bytes and deadlines come out.
//!
//! It opens no socket, reads no clock and draws no random number; where chance is wanted, it comes from a seed.
//! One file a fault, each a small state machine; a [`Plan`] says which are on the path, a [`Path`] runs them.
//!
//! ```text
//!   handle(now, Chunk | Eof) ─▶ cut ─▶ stall ─▶ idle, lifetime ─▶ slice ─▶ delay ─▶ poll(now)
//! ```
#![warn(clippy::disallowed_methods)]

mod cut;
mod delay;
mod idle;
mod lifetime;
mod path;
mod slice;
mod stall;

pub use cut::Cut;
pub use delay::Delay;
pub use idle::{Idle, IdleEnd};
pub use lifetime::Lifetime;
pub use path::{Direction, End, Fault, Input, Output, Path, Plan};
pub use slice::Slice;
pub use stall::Stall;
