//! Every rule of framing that a peer can break, each with a stable id and the place where it is written.

use std::fmt;

/// A rule that the peer broke. It describes the peer's bytes, never an error of ours.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FrameFault {
    /// A server masked a frame (RFC 6455 section 5.1).
    MaskedByServer,
    /// A client sent a frame without masking it (RFC 6455 section 5.1).
    UnmaskedByClient,
    /// Reserved bits are set that no negotiated extension defines (RFC 6455 section 5.2, RFC 7692 section 6).
    ReservedBits {
        /// Bit 6 of the first byte: compression, if that was agreed and the frame begins a message.
        rsv1: bool,
        /// Bit 5 of the first byte.
        rsv2: bool,
        /// Bit 4 of the first byte.
        rsv3: bool,
    },
    /// A reserved opcode (RFC 6455 section 5.2).
    UnknownOpcode(u8),
    /// A close, ping or pong with more than 125 bytes (RFC 6455 section 5.5).
    ControlTooLong(u64),
    /// A close, ping or pong without FIN (RFC 6455 section 5.5).
    ControlFragmented,
    /// A continuation frame although no message is open (RFC 6455 section 5.4).
    ContinuationWithoutStart,
    /// A text or binary frame although the message before has not ended (RFC 6455 section 5.4).
    NewMessageInsideFragments,
    /// The length took more bytes than it needs (RFC 6455 section 5.2).
    NonMinimalLength,
    /// The highest bit of a 64-bit length is set (RFC 6455 section 5.2).
    LengthTooLarge,
    /// A text message that is not UTF-8 (RFC 6455 section 8.1).
    InvalidUtf8 {
        /// Position in the message of the first byte that cannot be right.
        at: u64,
    },
    /// A close reason that is not UTF-8 (RFC 6455 section 5.5.1).
    InvalidUtf8InClose,
    /// A close payload of one byte, which cannot hold a code (RFC 6455 section 5.5.1).
    CloseBodyOneByte,
    /// A close code that must not stand on the wire (RFC 6455 section 7.4).
    CloseCodeReserved(u16),
    /// Compressed data that does not inflate (RFC 7692 section 7.2.2); what the inflater said.
    DeflateBroken(String),
    /// A data frame after the close frame (RFC 6455 section 5.5.1).
    DataAfterClose,
    /// A message longer than we were told to accept. Our limit, so nobody's fault until compared with theirs.
    MessageTooBig {
        /// Bytes that we accept.
        limit: u64,
        /// Bytes that were announced, or that came out of the inflater before it was stopped.
        length: u64,
        /// For compressed messages, how many bytes came out for each that went in. Both this and `length` are
        /// taken when the inflater was stopped, so they may differ a little with the chunks that arrived.
        ratio: Option<u64>,
    },
    /// The bytes where a frame should begin read `HTTP/1.`: somebody answers in the wrong protocol.
    HttpInStream,
}

impl FrameFault {
    /// The stable name, for reports and case files.
    pub fn id(&self) -> &'static str {
        match self {
            FrameFault::MaskedByServer => "masked-by-server",
            FrameFault::UnmaskedByClient => "unmasked-by-client",
            FrameFault::ReservedBits { .. } => "reserved-bits",
            FrameFault::UnknownOpcode(_) => "unknown-opcode",
            FrameFault::ControlTooLong(_) => "control-too-long",
            FrameFault::ControlFragmented => "control-fragmented",
            FrameFault::ContinuationWithoutStart => "continuation-without-start",
            FrameFault::NewMessageInsideFragments => "new-message-inside-fragments",
            FrameFault::NonMinimalLength => "non-minimal-length",
            FrameFault::LengthTooLarge => "length-too-large",
            FrameFault::InvalidUtf8 { .. } => "invalid-utf8",
            FrameFault::InvalidUtf8InClose => "invalid-utf8-in-close",
            FrameFault::CloseBodyOneByte => "close-body-one-byte",
            FrameFault::CloseCodeReserved(_) => "close-code-reserved",
            FrameFault::DeflateBroken(_) => "deflate-broken",
            FrameFault::DataAfterClose => "data-after-close",
            FrameFault::MessageTooBig { .. } => "message-too-big",
            FrameFault::HttpInStream => "http-in-stream",
        }
    }

    /// What was seen, as one English clause without a full stop.
    pub fn detail(&self) -> String {
        match self {
            FrameFault::MaskedByServer => "the server masked a frame".into(),
            FrameFault::UnmaskedByClient => "the client sent an unmasked frame".into(),
            FrameFault::ReservedBits { rsv1, rsv2, rsv3 } => {
                let bits = [("RSV1", rsv1), ("RSV2", rsv2), ("RSV3", rsv3)];
                let set: Vec<&str> = bits.iter().filter(|(_, set)| **set).map(|(name, _)| *name).collect();
                format!("reserved bits are set that nothing negotiated allows: {}", set.join(", "))
            }
            FrameFault::UnknownOpcode(number) => format!("opcode {number} is reserved"),
            FrameFault::ControlTooLong(length) => {
                format!("a control frame carries {length} bytes, more than 125")
            }
            FrameFault::ControlFragmented => "a control frame is fragmented".into(),
            FrameFault::ContinuationWithoutStart => {
                "a continuation frame arrived while no message was open".into()
            }
            FrameFault::NewMessageInsideFragments => {
                "a new message began before the fragmented one had ended".into()
            }
            FrameFault::NonMinimalLength => "a payload length is written in more bytes than it needs".into(),
            FrameFault::LengthTooLarge => "the highest bit of a 64-bit payload length is set".into(),
            FrameFault::InvalidUtf8 { at } => format!("a text message is not UTF-8 at byte {at}"),
            FrameFault::InvalidUtf8InClose => "the reason of a close frame is not UTF-8".into(),
            FrameFault::CloseBodyOneByte => "a close frame has a body of one byte".into(),
            FrameFault::CloseCodeReserved(code) => format!("close code {code} must not be sent"),
            FrameFault::DeflateBroken(what) => format!("compressed data does not inflate: {what}"),
            FrameFault::DataAfterClose => "a data frame follows the close frame".into(),
            FrameFault::MessageTooBig { limit, length, ratio: None } => {
                format!("a message of {length} bytes exceeds the limit of {limit}")
            }
            FrameFault::MessageTooBig { limit, length, ratio: Some(ratio) } => {
                format!("a message inflated {ratio}-fold to {length} bytes, beyond the limit of {limit}")
            }
            FrameFault::HttpInStream => "an HTTP response stands where a frame should begin".into(),
        }
    }

    /// Whether the bytes that follow can no longer be told apart or trusted.
    ///
    /// RFC 6455 has an endpoint give up at every fault. A judge goes on where frames can still be told apart,
    /// because a server that masks each frame and echoes correctly differs from one that sends garbage.
    pub fn is_fatal(&self) -> bool {
        !matches!(
            self,
            FrameFault::MaskedByServer
                | FrameFault::UnmaskedByClient
                | FrameFault::NonMinimalLength
                | FrameFault::InvalidUtf8InClose
                | FrameFault::CloseBodyOneByte
                | FrameFault::CloseCodeReserved(_)
        )
    }

    /// The close code with which an endpoint answers this fault (RFC 6455 section 7.4.1).
    pub fn close_code(&self) -> u16 {
        match self {
            FrameFault::InvalidUtf8 { .. }
            | FrameFault::InvalidUtf8InClose
            | FrameFault::DeflateBroken(_) => 1007,
            FrameFault::MessageTooBig { .. } => 1009,
            _ => 1002,
        }
    }
}

impl fmt::Display for FrameFault {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.detail())
    }
}

impl std::error::Error for FrameFault {}
