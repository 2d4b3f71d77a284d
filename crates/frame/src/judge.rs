//! The strict judge: it reads what one peer sent and names every rule of RFC 6455 that the bytes break. It draws
//! no conclusion about why.

use crate::agreement::Agreed;
use crate::engine::Engine;
use crate::fault::FrameFault;
use crate::header::Header;

/// Who sent the bytes that are judged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// A server, whose frames must not be masked.
    Server,
    /// A client, whose frames must be masked.
    Client,
}

/// What a message is made of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// UTF-8 text.
    Text,
    /// Any bytes.
    Binary,
}

/// What the peer is held to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Settings {
    /// Who sent the bytes.
    pub sender: Role,
    /// permessage-deflate as agreed in the handshake, or nothing if compression was not agreed.
    pub deflate: Option<Agreed>,
    /// Longest message in bytes, after inflating.
    pub message_limit: u64,
    /// Bytes kept of each message, and of each data frame as it stood on the wire (unmasked).
    pub preview: usize,
}

impl Settings {
    /// No compression, messages up to 16 MiB, previews of 128 bytes.
    pub fn new(sender: Role) -> Settings {
        Settings { sender, deflate: None, message_limit: 16 << 20, preview: 128 }
    }
}

/// What the judge saw.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// A whole frame has passed.
    Frame {
        /// Its header as received.
        header: Header,
        /// The beginning of its payload, unmasked, not inflated; control frames always have all of it.
        preview: Vec<u8>,
        /// Position of its first byte since the handshake ended.
        at: u64,
    },
    /// A whole text or binary message has passed.
    Message {
        /// Text or binary.
        kind: Kind,
        /// Bytes after inflating.
        length: u64,
        /// The beginning of it.
        preview: Vec<u8>,
        /// Whether it came compressed.
        compressed: bool,
    },
    /// A close frame has passed, perhaps a faulty one; no data may follow it.
    Close {
        /// The code, or nothing if the frame had no body.
        code: Option<u16>,
        /// The reason; bytes that are not UTF-8 are replaced.
        reason: String,
    },
    /// A rule was broken. After one that [`FrameFault::is_fatal`], nothing more is judged.
    Fault(FrameFault),
}

/// Where the stream stands between events: what had been promised and has not come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Unfinished {
    /// The frame that has begun, if its header is whole.
    pub header: Option<Header>,
    /// Bytes of it that have come: of its payload, or of its header as long as that is not whole.
    pub received: u64,
    /// Position of its first byte since the handshake ended.
    pub at: u64,
}

/// Judges one direction of one connection.
#[derive(Debug)]
pub struct Judge {
    engine: Engine,
}

impl Judge {
    /// A judge for bytes that begin right after the handshake.
    pub fn new(settings: Settings) -> Judge {
        Judge { engine: Engine::new(settings, true) }
    }

    /// Reads from the front of `input` until there is something to say. `None` means that all was read.
    pub fn poll(&mut self, input: &mut &[u8]) -> Option<Event> {
        self.engine.poll(input)
    }

    /// Reads all of `bytes` and returns everything there is to say; [`Judge::poll`] is for input that one does
    /// not want to turn into a list.
    pub fn handle(&mut self, mut bytes: &[u8]) -> Vec<Event> {
        std::iter::from_fn(|| self.poll(&mut bytes)).collect()
    }

    /// Tells the judge that the stream has ended. Returns a fault that only the end makes certain: a stream that
    /// stops inside what might have become `HTTP/1.` was a broken frame.
    pub fn finish(&mut self) -> Option<FrameFault> {
        self.engine.finish()
    }

    /// The fault after which nothing more was judged.
    pub fn ended(&self) -> Option<&FrameFault> {
        self.engine.ended.as_ref()
    }

    /// Bytes read so far since the handshake ended.
    pub fn offset(&self) -> u64 {
        self.engine.offset
    }

    /// Position of the first byte of the frame that was read last; where the last fault stands.
    pub fn frame_offset(&self) -> u64 {
        self.engine.frame_at
    }

    /// Whether a fragmented message waits for its continuation.
    pub fn inside_message(&self) -> bool {
        self.engine.message.is_some()
    }

    /// The frame that has begun and not ended.
    pub fn unfinished(&self) -> Option<Unfinished> {
        self.engine.unfinished()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::encode::encode;
    use crate::header::Opcode;

    /// One word an event, so that a row of the table is one line.
    fn words(events: &[Event]) -> String {
        let word = |event: &Event| match event {
            Event::Frame { header, .. } => format!("{:x}", header.opcode_number),
            Event::Message { kind, length, .. } => format!("{kind:?}({length})"),
            Event::Close { code, .. } => format!("Close({})", code.map_or(-1, i32::from)),
            Event::Fault(fault) => format!("!{}", fault.id()),
        };
        events.iter().map(word).collect::<Vec<_>>().join(" ")
    }

    /// Judges at once and in pieces of every size, and demands the same answer.
    fn judged(settings: Settings, bytes: &[u8]) -> String {
        let whole = Judge::new(settings).handle(bytes);
        for chunk in 1..bytes.len().min(200) {
            let mut judge = Judge::new(settings);
            let pieces: Vec<Event> = bytes.chunks(chunk).flat_map(|piece| judge.handle(piece)).collect();
            assert_eq!(pieces, whole, "in chunks of {chunk}");
        }
        words(&whole)
    }

    #[test]
    fn what_a_server_may_and_may_not_send() {
        let rows: &[(&str, &[u8], &str)] = &[
            ("5.7 text", b"\x81\x05Hello", "1 Text(5)"),
            ("5.7 fragmented", b"\x01\x03Hel\x80\x02lo", "1 0 Text(5)"),
            ("5.7 ping", b"\x89\x05Hello", "9"),
            ("ping between fragments", b"\x01\x03Hel\x89\x00\x80\x02lo", "1 9 0 Text(5)"),
            ("5.7 masked", b"\x81\x85\x37\xfa\x21\x3d\x7f\x9f\x4d\x51\x58", "!masked-by-server 1 Text(5)"),
            ("reserved bit", b"\xc1\x00", "!reserved-bits"),
            ("reserved bit 3", b"\x91\x00", "!reserved-bits"),
            ("opcode 3", b"\x83\x00", "!unknown-opcode"),
            ("opcode 11", b"\x8b\x00", "!unknown-opcode"),
            ("ping of 125", &[&b"\x89\x7d"[..], &[0; 125]].concat(), "9"),
            ("ping of 126", b"\x89\x7e\x00\x7e", "!control-too-long"),
            ("fragmented ping", b"\x09\x00", "!control-fragmented"),
            ("lone continuation", b"\x80\x00", "!continuation-without-start"),
            ("two starts", b"\x01\x00\x01\x00", "1 !new-message-inside-fragments"),
            ("long form for 1", b"\x82\x7e\x00\x01x", "!non-minimal-length 2 Binary(1)"),
            ("top bit", b"\x82\x7f\x80\0\0\0\0\0\0\0", "!length-too-large"),
            ("bad text", b"\x81\x02\xc0\xaf", "!invalid-utf8"),
            ("bad binary is fine", b"\x82\x02\xc0\xaf", "2 Binary(2)"),
            ("text split in a character", b"\x01\x01\xc3\x80\x01\xa9", "1 0 Text(2)"),
            ("text ends in a character", b"\x81\x01\xc3", "1 !invalid-utf8"),
            ("close", b"\x88\x02\x03\xe8", "8 Close(1000)"),
            ("close with reason", b"\x88\x05\x0f\xa0bye", "8 Close(4000)"),
            ("empty close", b"\x88\x00", "8 Close(-1)"),
            ("close of one byte", b"\x88\x01\x03", "8 !close-body-one-byte Close(-1)"),
            ("close 1005", b"\x88\x02\x03\xed", "8 !close-code-reserved Close(1005)"),
            ("close 1012", b"\x88\x02\x03\xf4", "8 Close(1012)"),
            ("close, bad reason", b"\x88\x03\x03\xe8\xff", "8 !invalid-utf8-in-close Close(1000)"),
            ("after close", b"\x88\x00\x81\x00", "8 Close(-1) !data-after-close"),
            ("pong after close", b"\x88\x00\x8a\x01!\x89\x00", "8 Close(-1) a 9"),
            ("two closes", b"\x88\x00\x88\x00", "8 Close(-1) !data-after-close"),
            ("http", b"HTTP/1.1 502 Bad Gateway\r\n", "!http-in-stream"),
            ("http later", b"\x81\x02okHTTP/1.0 200 OK", "1 Text(2) !http-in-stream"),
            ("almost http", b"HTTQ", "!reserved-bits"),
            ("17 MiB", b"\x82\x7f\0\0\0\0\x01\x10\0\0", "!message-too-big"),
        ];
        for (name, bytes, expect) in rows {
            assert_eq!(judged(Settings::new(Role::Server), bytes), *expect, "{name}");
        }
    }

    #[test]
    fn clients_must_mask() {
        let client = Settings::new(Role::Client);
        assert_eq!(judged(client, b"\x81\x85\x37\xfa\x21\x3d\x7f\x9f\x4d\x51\x58"), "1 Text(5)");
        assert_eq!(judged(client, b"\x81\x05Hello"), "!unmasked-by-client 1 Text(5)");
    }

    #[test]
    fn compression_only_where_it_was_agreed() {
        let agreed = Settings { deflate: Some(Agreed::default()), ..Settings::new(Role::Server) };
        let hello = b"\xc1\x07\xf2\x48\xcd\xc9\xc9\x07\x00";
        let again = b"\xc1\x05\xf2\x00\x11\x00\x00";
        let fragments = b"\x41\x03\xf2\x48\xcd\x80\x04\xc9\xc9\x07\x00"; // RFC 7692 section 7.2.3.1
        assert_eq!(judged(agreed, hello), "1 Text(5)");
        assert_eq!(judged(agreed, fragments), "1 0 Text(5)");
        assert_eq!(judged(agreed, &[&hello[..], again].concat()), "1 Text(5) 1 Text(5)");
        assert_eq!(judged(agreed, b"\x81\x05Hello"), "1 Text(5)", "compression is never a duty");
        assert_eq!(judged(agreed, b"\xc1\x02\xff\xff"), "!deflate-broken");
        assert_eq!(judged(agreed, b"\x41\x00\xc0\x00"), "1 !reserved-bits", "RSV1 on a continuation");
        assert_eq!(judged(agreed, b"\xc9\x00"), "!reserved-bits", "RSV1 on a ping");
        assert_eq!(judged(Settings::new(Role::Server), hello), "!reserved-bits");
        let forgetful = Agreed { server_no_context_takeover: true, ..Agreed::default() };
        let forgetful = Settings { deflate: Some(forgetful), ..agreed };
        assert_eq!(judged(forgetful, &[&hello[..], again].concat()), "1 Text(5) !deflate-broken");
    }

    #[test]
    fn a_bomb_is_named_with_its_ratio() {
        let mut payload = Vec::new();
        crate::Deflater::new(15, false).deflate(&vec![0; 8 << 20], &mut payload).unwrap();
        let mut bytes = Vec::new();
        encode(&mut bytes, Opcode::Binary, &payload, true, true, None);
        let settings = Settings {
            deflate: Some(Agreed::default()),
            message_limit: 1 << 20,
            ..Settings::new(Role::Server)
        };
        let events = Judge::new(settings).handle(&bytes);
        let [Event::Fault(FrameFault::MessageTooBig { limit, length, ratio: Some(ratio) })] =
            events.as_slice()
        else {
            panic!("{events:?}")
        };
        assert!(*limit == 1 << 20 && *length <= (1 << 20) + 16_384 && *ratio > 50, "{events:?}");
    }

    #[test]
    fn a_gigantic_frame_costs_no_memory_and_shows_as_unfinished() {
        let settings = Settings { message_limit: u64::MAX, ..Settings::new(Role::Server) };
        let mut judge = Judge::new(settings);
        assert_eq!(judge.handle(b"\x82\x7f\x00\x00\x01\x00\x00\x00\x00\x00"), []);
        for _ in 0..100 {
            assert_eq!(judge.handle(&[0; 10_000]), []);
        }
        let unfinished = judge.unfinished().unwrap();
        assert_eq!(unfinished.header.unwrap().payload_length, 1 << 40);
        assert_eq!((unfinished.received, unfinished.at), (1_000_000, 0));
        assert_eq!(judge.offset(), 1_000_010);
    }

    #[test]
    fn the_end_decides_what_might_have_become_http() {
        let mut judge = Judge::new(Settings::new(Role::Server));
        assert_eq!(judge.handle(b"HTTP"), []);
        assert_eq!(judge.finish().map(|fault| fault.id()), Some("reserved-bits"));
        let mut judge = Judge::new(Settings::new(Role::Server));
        assert_eq!(judge.handle(b"\x81\x05Hel"), []);
        assert_eq!(judge.finish(), None, "an early end is an observation, not a broken rule");
    }
}
