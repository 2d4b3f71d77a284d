//! The two to fourteen bytes in front of each payload (RFC 6455 section 5.2). It reads and writes them and
//! deliberately judges nothing: a relay passes on what it would not itself have sent.

/// The longest header: two bytes, eight of extended length, four of masking key.
pub const MAX_HEADER_LENGTH: usize = 14;

/// Control frames carry at most this many bytes of payload (RFC 6455 section 5.5).
pub const MAX_CONTROL_PAYLOAD: usize = 125;

/// The six opcodes that RFC 6455 section 11.8 registers; all others are reserved.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Opcode {
    /// Goes on with the message that an earlier frame began.
    Continuation = 0x0,
    /// Begins a text message, UTF-8.
    Text = 0x1,
    /// Begins a binary message.
    Binary = 0x2,
    /// Ends the connection.
    Close = 0x8,
    /// Asks for a pong with the same payload.
    Ping = 0x9,
    /// Answers a ping, or comes unasked as a heartbeat.
    Pong = 0xA,
}

impl Opcode {
    /// The opcode with this number, or nothing if the number is reserved.
    pub fn from_number(number: u8) -> Option<Opcode> {
        Some(match number {
            0x0 => Opcode::Continuation,
            0x1 => Opcode::Text,
            0x2 => Opcode::Binary,
            0x8 => Opcode::Close,
            0x9 => Opcode::Ping,
            0xA => Opcode::Pong,
            _ => return None,
        })
    }

    /// The four bits that stand for it on the wire.
    pub fn number(self) -> u8 {
        self as u8
    }

    /// Whether it is a close, ping or pong: these are short, whole, and may stand between fragments.
    pub fn is_control(self) -> bool {
        self.number() & 0x8 != 0
    }

    /// Its name as in RFC 6455, lower case.
    pub fn name(self) -> &'static str {
        match self {
            Opcode::Continuation => "continuation",
            Opcode::Text => "text",
            Opcode::Binary => "binary",
            Opcode::Close => "close",
            Opcode::Ping => "ping",
            Opcode::Pong => "pong",
        }
    }
}

/// One frame header, exactly as it stood on the wire.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Header {
    /// The last (or only) frame of its message.
    pub fin: bool,
    /// Set on the first frame of a compressed message (RFC 7692 section 6).
    pub rsv1: bool,
    /// No registered extension uses it.
    pub rsv2: bool,
    /// No registered extension uses it.
    pub rsv3: bool,
    /// The four opcode bits, reserved ones included; see [`Header::opcode`].
    pub opcode_number: u8,
    /// Whether the payload is masked. Clients must, servers must not (RFC 6455 section 5.1).
    pub masked: bool,
    /// The masking key, zero where there is none.
    pub mask: [u8; 4],
    /// Bytes of payload that follow the header, with the highest bit left in if it was set.
    pub payload_length: u64,
    /// The length took more bytes than it needs, which RFC 6455 section 5.2 forbids.
    pub non_minimal: bool,
    /// The highest bit of a 64-bit length was set, which RFC 6455 section 5.2 forbids.
    pub length_too_large: bool,
}

/// What the first bytes of a frame hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Parsed {
    /// More bytes are needed before anything can be said.
    Incomplete,
    /// A whole header.
    Complete {
        /// What it says.
        header: Header,
        /// Bytes that it took, 2 to 14; the payload begins after them.
        header_length: usize,
    },
}

impl Header {
    /// A header for a frame of our own, as short as it can be.
    pub fn new(opcode: Opcode, payload_length: u64, fin: bool, rsv1: bool, mask: Option<[u8; 4]>) -> Header {
        Header {
            fin,
            rsv1,
            rsv2: false,
            rsv3: false,
            opcode_number: opcode.number(),
            masked: mask.is_some(),
            mask: mask.unwrap_or_default(),
            payload_length,
            non_minimal: false,
            length_too_large: payload_length >> 63 != 0,
        }
    }

    /// Reads the header at the front of `bytes`. Never fails: what RFC 6455 forbids comes back as flags.
    pub fn parse(bytes: &[u8]) -> Parsed {
        let [first, second, rest @ ..] = bytes else { return Parsed::Incomplete };
        let masked = second & 0x80 != 0;
        let (payload_length, length_bytes) = match second & 0x7F {
            126 => match rest.first_chunk::<2>() {
                Some(length) => (u64::from(u16::from_be_bytes(*length)), 2),
                None => return Parsed::Incomplete,
            },
            127 => match rest.first_chunk::<8>() {
                Some(length) => (u64::from_be_bytes(*length), 8),
                None => return Parsed::Incomplete,
            },
            short => (u64::from(short), 0),
        };
        let mask = match (masked, rest[length_bytes..].first_chunk::<4>()) {
            (false, _) => [0; 4],
            (true, Some(mask)) => *mask,
            (true, None) => return Parsed::Incomplete,
        };
        let header = Header {
            fin: first & 0x80 != 0,
            rsv1: first & 0x40 != 0,
            rsv2: first & 0x20 != 0,
            rsv3: first & 0x10 != 0,
            opcode_number: first & 0x0F,
            masked,
            mask,
            payload_length,
            non_minimal: match length_bytes {
                2 => payload_length < 126,
                8 => payload_length <= u64::from(u16::MAX),
                _ => false,
            },
            length_too_large: payload_length >> 63 != 0,
        };
        Parsed::Complete { header, header_length: 2 + length_bytes + if masked { 4 } else { 0 } }
    }

    /// The opcode, or nothing where the number is reserved.
    pub fn opcode(&self) -> Option<Opcode> {
        Opcode::from_number(self.opcode_number)
    }

    /// The bytes of this header with the shortest length form, and how many of them count.
    pub fn to_bytes(&self) -> ([u8; MAX_HEADER_LENGTH], usize) {
        let mut bytes = [0; MAX_HEADER_LENGTH];
        bytes[0] = u8::from(self.fin) << 7
            | u8::from(self.rsv1) << 6
            | u8::from(self.rsv2) << 5
            | u8::from(self.rsv3) << 4
            | self.opcode_number & 0x0F;
        let mut length = match self.payload_length {
            short @ 0..=125 => {
                bytes[1] = short as u8;
                2
            }
            medium @ 126..=0xFFFF => {
                bytes[1] = 126;
                bytes[2..4].copy_from_slice(&(medium as u16).to_be_bytes());
                4
            }
            long => {
                bytes[1] = 127;
                bytes[2..10].copy_from_slice(&long.to_be_bytes());
                10
            }
        };
        if self.masked {
            bytes[1] |= 0x80;
            bytes[length..length + 4].copy_from_slice(&self.mask);
            length += 4;
        }
        (bytes, length)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_length_form_reads_back_and_is_incomplete_before_its_last_byte() {
        for length in [0, 1, 125, 126, 127, 65_535, 65_536, 1 << 40, u64::MAX >> 1] {
            for mask in [None, Some([1, 2, 3, 4])] {
                let header = Header::new(Opcode::Binary, length, true, false, mask);
                let (bytes, used) = header.to_bytes();
                for cut in 0..used {
                    assert_eq!(Header::parse(&bytes[..cut]), Parsed::Incomplete, "{length} cut at {cut}");
                }
                assert_eq!(Header::parse(&bytes[..used]), Parsed::Complete { header, header_length: used });
            }
        }
    }

    #[test]
    fn forbidden_lengths_are_flags() {
        let rows: [(&[u8], bool, bool); 6] = [
            (&[0x82, 126, 0, 125], true, false),
            (&[0x82, 126, 0, 126], false, false),
            (&[0x82, 127, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF], true, false),
            (&[0x82, 127, 0, 0, 0, 0, 0, 1, 0, 0], false, false),
            (&[0x82, 127, 0x80, 0, 0, 0, 0, 0, 0, 0], false, true),
            (&[0x82, 127, 0x7F, 0xFF, 0, 0, 0, 0, 0, 0], false, false),
        ];
        for (bytes, non_minimal, too_large) in rows {
            let Parsed::Complete { header, .. } = Header::parse(bytes) else { panic!("{bytes:x?}") };
            assert_eq!((header.non_minimal, header.length_too_large), (non_minimal, too_large), "{bytes:x?}");
        }
    }

    #[test]
    fn reserved_opcodes_have_no_name() {
        let known: Vec<u8> = (0..16).filter(|number| Opcode::from_number(*number).is_some()).collect();
        assert_eq!(known, [0, 1, 2, 8, 9, 10]);
        for number in known {
            assert_eq!(Opcode::from_number(number).map(Opcode::number), Some(number));
        }
    }
}
