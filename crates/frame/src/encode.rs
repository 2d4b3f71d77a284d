//! Frames out: a header, then the payload, masked if we are a client. It checks nothing on purpose, because the
//! lab uses it to send what no honest endpoint may send.

use crate::header::{Header, MAX_CONTROL_PAYLOAD, Opcode};
use crate::mask::apply_mask;

/// Appends one frame to `out`. Clients pass a fresh unpredictable `mask` for each frame, servers none.
pub fn encode(
    out: &mut Vec<u8>,
    opcode: Opcode,
    payload: &[u8],
    fin: bool,
    rsv1: bool,
    mask: Option<[u8; 4]>,
) {
    encode_header(out, &Header::new(opcode, payload.len() as u64, fin, rsv1, mask), payload);
}

/// Appends a frame with any header, also a forbidden one; `payload` is masked as the header says, and the
/// length stands as the header has it, not as the payload is.
pub fn encode_header(out: &mut Vec<u8>, header: &Header, payload: &[u8]) {
    let (bytes, length) = header.to_bytes();
    out.reserve(length + payload.len());
    out.extend_from_slice(&bytes[..length]);
    let start = out.len();
    out.extend_from_slice(payload);
    if header.masked {
        apply_mask(&mut out[start..], header.mask, 0);
    }
}

/// The payload of a close frame. Without a code it is empty; a reason too long for a control frame is cut at a
/// character's border, since RFC 6455 section 5.5 allows 123 bytes of it.
pub fn close_payload(code: Option<u16>, reason: &str) -> Vec<u8> {
    let Some(code) = code else { return Vec::new() };
    let mut end = reason.len().min(MAX_CONTROL_PAYLOAD - 2);
    while !reason.is_char_boundary(end) {
        end -= 1;
    }
    let mut payload = code.to_be_bytes().to_vec();
    payload.extend_from_slice(&reason.as_bytes()[..end]);
    payload
}

/// Appends a close frame to `out`; see [`close_payload`].
pub fn encode_close(out: &mut Vec<u8>, code: Option<u16>, reason: &str, mask: Option<[u8; 4]>) {
    encode(out, Opcode::Close, &close_payload(code, reason), true, false, mask);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_examples_of_rfc_6455_section_5_7() {
        let encoded = |opcode, payload: &[u8], fin, mask| {
            let mut out = Vec::new();
            encode(&mut out, opcode, payload, fin, false, mask);
            out
        };
        let mask = Some([0x37, 0xfa, 0x21, 0x3d]);
        assert_eq!(encoded(Opcode::Text, b"Hello", true, None), b"\x81\x05Hello");
        assert_eq!(
            encoded(Opcode::Text, b"Hello", true, mask),
            [0x81, 0x85, 0x37, 0xfa, 0x21, 0x3d, 0x7f, 0x9f, 0x4d, 0x51, 0x58]
        );
        assert_eq!(encoded(Opcode::Text, b"Hel", false, None), b"\x01\x03Hel");
        assert_eq!(encoded(Opcode::Continuation, b"lo", true, None), b"\x80\x02lo");
        assert_eq!(encoded(Opcode::Ping, b"Hello", true, None), b"\x89\x05Hello");
        assert_eq!(
            encoded(Opcode::Pong, b"Hello", true, mask),
            [0x8a, 0x85, 0x37, 0xfa, 0x21, 0x3d, 0x7f, 0x9f, 0x4d, 0x51, 0x58]
        );
        assert_eq!(encoded(Opcode::Binary, &[7; 256], true, None)[..4], [0x82, 0x7E, 0x01, 0x00]);
        assert_eq!(
            encoded(Opcode::Binary, &[7; 65_536], true, None)[..10],
            [0x82, 0x7F, 0, 0, 0, 0, 0, 1, 0, 0]
        );
    }

    #[test]
    fn a_long_reason_is_cut_between_characters() {
        let payload = close_payload(Some(1000), &"中".repeat(60));
        assert_eq!(payload.len(), 2 + 123);
        assert!(std::str::from_utf8(&payload[2..]).is_ok());
        assert_eq!(close_payload(Some(1000), &"é".repeat(62)).len(), 2 + 122);
        assert!(close_payload(None, "ignored").is_empty());
    }
}
