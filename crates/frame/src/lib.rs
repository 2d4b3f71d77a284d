//! RFC 6455 on the wire: header parser, strict judge, assembler, encoder and permessage-deflate.
//!
//! It opens no socket, reads no clock and draws no random number: bytes come in, events go out, and masking
//! keys are passed in. One engine serves three users:
//!
//! ```text
//!   relay      Header::parse            counts frames without looking into them
//!   prober     Judge                    names every rule that a peer breaks
//!   sessions   Assembler and encode     whole messages, the first broken rule ends it
//! ```
#![warn(clippy::disallowed_methods)]

mod agreement;
mod assembler;
mod close;
mod deflate;
mod encode;
mod engine;
mod extensions;
mod fault;
mod handshake;
mod header;
mod judge;
mod mask;
mod utf8;

pub use agreement::{Agreed, Preference, accept_answer, answer_offers, offer};
pub use assembler::{Assembler, Incoming, Message};
pub use close::{CloseCode, is_sendable};
pub use deflate::{Deflater, InflateError, Inflater};
pub use encode::{close_payload, encode, encode_close, encode_header};
pub use extensions::{Extension, ExtensionFault, parse_extensions};
pub use fault::FrameFault;
pub use handshake::{accept_for, key_from};
pub use header::{Header, MAX_CONTROL_PAYLOAD, MAX_HEADER_LENGTH, Opcode, Parsed};
pub use judge::{Event, Judge, Kind, Role, Settings, Unfinished};
pub use mask::apply_mask;
pub use utf8::Utf8Checker;
