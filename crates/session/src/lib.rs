//! A connection that outlives its links: the session engine of `keepwire.v1` (`protocol/PROTOCOL.md`), one state
//! machine for both ends.
//!
//! It opens no socket, reads no clock and draws no random number: frames and the time come in, frames, messages and
//! deadlines go out. It knows links by number and no carrier; who may resume a session, and how a link is opened, is
//! its shell's affair.
//!
//! ```text
//!   link up, bytes, send, handled, time ─▶ Session ─▶ transmit: bytes for the link
//!                                                  └▶ poll: messages and what became of the session
//! ```
#![warn(clippy::disallowed_methods)]

mod flow;
mod frame;
mod handshake;
mod reconnect;
mod replay;
mod session;
mod timer;

pub use frame::{Ack, Beat, Close, Data, Frame, FrameError, MAX_INTEGER, MAX_REASON, Side};
pub use handshake::{
    Auth, Authenticated, Class, GoAway, Heartbeat, Hello, LinkKey, Range, Refused, Reset, Resume, Resumed,
    SUBPROTOCOL, VERSION, Welcome,
};
pub use reconnect::{Lost, Next, Reconnect};
pub use replay::{FRAME_COST, PIECE, Undelivered};
pub use session::{Event, Full, Identity, Message, Opening, Session, Settings};
