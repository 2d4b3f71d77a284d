//! Frames on the wire: `protocol/PROTOCOL.md` section 3. Bytes in, frames out; no state.

use crate::handshake::{
    Auth, Authenticated, GoAway, Hello, LinkKey, Refused, Reset, Resume, Resumed, Welcome,
};
use serde::Serialize;
use serde::de::DeserializeOwned;

/// The largest integer that both languages hold: 2⁵³ − 1.
pub const MAX_INTEGER: u64 = (1 << 53) - 1;

/// Bytes of a close reason, as in RFC 6455 section 5.5.
pub const MAX_REASON: usize = 123;

/// One frame.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Frame {
    /// A client wants a new session.
    Hello(Hello),
    /// It has one.
    Welcome(Welcome),
    /// A client goes on with a session on a new link.
    Resume(Resume),
    /// It may.
    Resumed(Resumed),
    /// It may not.
    Refused(Refused),
    /// A message or a piece of one.
    Data(Data),
    /// What was handled, and how much more may come.
    Ack(Ack),
    /// Is anybody there?
    Ping(Beat),
    /// Yes.
    Pong(Beat),
    /// From the gateway a wish for credentials, from the client the credentials.
    Auth(Auth),
    /// The credentials are good.
    Authenticated(Authenticated),
    /// Go to another link, in your own time.
    GoAway(GoAway),
    /// The end, numbered like a message.
    Close(Close),
    /// The end, with a possible hole.
    Reset(Reset),
    /// Whose HTTP body this is.
    Link(LinkKey),
}

/// A message or a piece of one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Data {
    /// Counts up by one, from 1.
    pub number: u64,
    /// Text, or else binary.
    pub text: bool,
    /// The message goes on in the next number.
    pub more: bool,
    /// The bytes.
    pub payload: Vec<u8>,
}

/// What was handled, and how much more may come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ack {
    /// Everything up to it was handled.
    pub number: u64,
    /// Sum of costs since the session began that may be sent.
    pub credit: u64,
}

/// The body of PING and PONG.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Beat {
    /// A PONG repeats it.
    pub nonce: u64,
    /// The highest number that its sender has sent.
    pub last: u64,
    /// As in [`Ack`].
    pub ack: Ack,
    /// The sender's page is in the background.
    pub hidden: bool,
}

/// The end of a session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Close {
    /// Numbered like data.
    pub number: u64,
    /// A close code of RFC 6455, or the application's own.
    pub code: u16,
    /// Who ended it.
    pub side: Side,
    /// At most [`MAX_REASON`] bytes.
    pub reason: String,
}

/// Who ended a session.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Side {
    /// The client.
    Client,
    /// The gateway itself.
    Gateway,
    /// The server behind it.
    Backend,
}

/// Why bytes are no frame.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FrameError {
    /// They end inside a frame, or a field reaches beyond its frame.
    Short,
    /// An integer is above [`MAX_INTEGER`].
    Integer,
    /// A JSON body is not what its kind asks for.
    Json(String),
    /// A CLOSE has an impossible code, side or reason.
    Close,
}

impl std::fmt::Display for FrameError {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            FrameError::Short => write!(out, "the bytes end inside a frame"),
            FrameError::Integer => write!(out, "an integer above 2^53 - 1"),
            FrameError::Json(why) => write!(out, "JSON body: {why}"),
            FrameError::Close => write!(out, "CLOSE with an impossible code, side or reason"),
        }
    }
}

impl std::error::Error for FrameError {}

impl Frame {
    /// Appends the frame to `out`.
    pub fn encode(&self, out: &mut Vec<u8>) {
        match self {
            Frame::Hello(body) => put_json(out, 1, body),
            Frame::Welcome(body) => put_json(out, 2, body),
            Frame::Resume(body) => put_json(out, 3, body),
            Frame::Resumed(body) => put_json(out, 4, body),
            Frame::Refused(body) => put_json(out, 5, body),
            Frame::Data(data) => put_data(out, data.number, data.text, data.more, &data.payload),
            Frame::Ack(ack) => put(out, 7, |body| put_ack(body, ack)),
            Frame::Ping(beat) => put(out, 8, |body| put_beat(body, beat)),
            Frame::Pong(beat) => put(out, 9, |body| put_beat(body, beat)),
            Frame::Auth(body) => put_json(out, 10, body),
            Frame::Authenticated(body) => put_json(out, 11, body),
            Frame::GoAway(body) => put_json(out, 12, body),
            Frame::Close(close) => put(out, 13, |body| {
                put_integer(body, close.number);
                put_integer(body, u64::from(close.code));
                body.push(match close.side {
                    Side::Client => 0,
                    Side::Gateway => 1,
                    Side::Backend => 2,
                });
                body.extend_from_slice(shortened(&close.reason).as_bytes());
            }),
            Frame::Reset(body) => put_json(out, 14, body),
            Frame::Link(body) => put_json(out, 15, body),
        }
    }

    /// The frame as bytes.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut out = Vec::new();
        self.encode(&mut out);
        out
    }

    /// Takes one frame from the front of `input`; none at its end. Kinds that are not known are skipped.
    ///
    /// # Errors
    /// Why the bytes are no frame; `input` is then of no use any more.
    pub fn decode(input: &mut &[u8]) -> Result<Option<Frame>, FrameError> {
        loop {
            let Some((&kind, rest)) = input.split_first() else { return Ok(None) };
            *input = rest;
            let length = usize::try_from(integer(input)?).map_err(|_| FrameError::Integer)?;
            let body = input.get(..length).ok_or(FrameError::Short)?;
            *input = input.get(length..).unwrap_or_default();
            if let Some(frame) = read(kind, body)? {
                return Ok(Some(frame));
            }
        }
    }

    /// All frames of a carrier message.
    ///
    /// # Errors
    /// Why the bytes are no frames.
    pub fn decode_all(mut input: &[u8]) -> Result<Vec<Frame>, FrameError> {
        std::iter::from_fn(|| Frame::decode(&mut input).transpose()).collect()
    }
}

fn read(kind: u8, mut body: &[u8]) -> Result<Option<Frame>, FrameError> {
    let input = &mut body;
    Ok(Some(match kind {
        1 => Frame::Hello(json(input)?),
        2 => Frame::Welcome(json(input)?),
        3 => Frame::Resume(json(input)?),
        4 => Frame::Resumed(json(input)?),
        5 => Frame::Refused(json(input)?),
        6 => {
            let (number, flags) = (integer(input)?, byte(input)?);
            Frame::Data(Data { number, text: flags & 1 != 0, more: flags & 2 != 0, payload: input.to_vec() })
        }
        7 => Frame::Ack(ack(input)?),
        8 => Frame::Ping(beat(input)?),
        9 => Frame::Pong(beat(input)?),
        10 => Frame::Auth(json(input)?),
        11 => Frame::Authenticated(json(input)?),
        12 => Frame::GoAway(json(input)?),
        13 => Frame::Close(close(input)?),
        14 => Frame::Reset(json(input)?),
        15 => Frame::Link(json(input)?),
        _ => return Ok(None),
    }))
}

/// DATA from borrowed bytes, so that a held message is copied once, into the carrier's buffer.
pub(crate) fn put_data(out: &mut Vec<u8>, number: u64, text: bool, more: bool, payload: &[u8]) {
    out.push(6);
    put_integer(out, (integer_length(number) + 1 + payload.len()) as u64);
    put_integer(out, number);
    out.push(u8::from(text) | u8::from(more) << 1);
    out.extend_from_slice(payload);
}

fn put(out: &mut Vec<u8>, kind: u8, body: impl FnOnce(&mut Vec<u8>)) {
    let mut bytes = Vec::with_capacity(32);
    body(&mut bytes);
    out.push(kind);
    put_integer(out, bytes.len() as u64);
    out.extend_from_slice(&bytes);
}

fn put_json(out: &mut Vec<u8>, kind: u8, body: &impl Serialize) {
    // Only maps with keys that are no text can fail, and none of ours is one.
    let text = serde_json::to_vec(body).unwrap_or_else(|_| b"{}".to_vec());
    put(out, kind, |bytes| bytes.extend_from_slice(&text));
}

fn put_ack(out: &mut Vec<u8>, ack: &Ack) {
    put_integer(out, ack.number);
    put_integer(out, ack.credit);
}

fn put_beat(out: &mut Vec<u8>, beat: &Beat) {
    put_integer(out, beat.nonce);
    put_integer(out, beat.last);
    put_ack(out, &beat.ack);
    out.push(u8::from(beat.hidden));
}

/// Bytes that an integer takes (RFC 9000 section 16).
fn integer_length(value: u64) -> usize {
    match value {
        0..0x40 => 1,
        0x40..0x4000 => 2,
        0x4000..0x4000_0000 => 4,
        _ => 8,
    }
}

pub(crate) fn put_integer(out: &mut Vec<u8>, value: u64) {
    let value = value.min(MAX_INTEGER);
    match integer_length(value) {
        1 => out.push(value as u8),
        2 => out.extend_from_slice(&(value as u16 | 0x4000).to_be_bytes()),
        4 => out.extend_from_slice(&(value as u32 | 0x8000_0000).to_be_bytes()),
        _ => out.extend_from_slice(&(value | 0xc000_0000_0000_0000).to_be_bytes()),
    }
}

fn integer(input: &mut &[u8]) -> Result<u64, FrameError> {
    let first = *input.first().ok_or(FrameError::Short)?;
    let length = 1_usize << (first >> 6);
    let bytes = input.get(..length).ok_or(FrameError::Short)?;
    let value = bytes.iter().skip(1).fold(u64::from(first & 0x3f), |sum, &next| sum << 8 | u64::from(next));
    *input = input.get(length..).unwrap_or_default();
    if value > MAX_INTEGER { Err(FrameError::Integer) } else { Ok(value) }
}

fn byte(input: &mut &[u8]) -> Result<u8, FrameError> {
    let (&first, rest) = input.split_first().ok_or(FrameError::Short)?;
    *input = rest;
    Ok(first)
}

fn ack(input: &mut &[u8]) -> Result<Ack, FrameError> {
    Ok(Ack { number: integer(input)?, credit: integer(input)? })
}

fn beat(input: &mut &[u8]) -> Result<Beat, FrameError> {
    let (nonce, last, ack) = (integer(input)?, integer(input)?, ack(input)?);
    Ok(Beat { nonce, last, ack, hidden: byte(input)? & 1 != 0 })
}

fn close(input: &mut &[u8]) -> Result<Close, FrameError> {
    let number = integer(input)?;
    let code = u16::try_from(integer(input)?).map_err(|_| FrameError::Close)?;
    let side = match byte(input)? {
        0 => Side::Client,
        1 => Side::Gateway,
        2 => Side::Backend,
        _ => return Err(FrameError::Close),
    };
    if input.len() > MAX_REASON || !(1000..5000).contains(&code) {
        return Err(FrameError::Close);
    }
    let reason = String::from_utf8(input.to_vec()).map_err(|_| FrameError::Close)?;
    Ok(Close { number, code, side, reason })
}

fn json<T: DeserializeOwned>(input: &mut &[u8]) -> Result<T, FrameError> {
    serde_json::from_slice(input).map_err(|error| FrameError::Json(error.to_string()))
}

/// As much of a reason as fits, cut between characters.
pub(crate) fn shortened(reason: &str) -> &str {
    let mut end = reason.len().min(MAX_REASON);
    while !reason.is_char_boundary(end) {
        end -= 1;
    }
    reason.get(..end).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn integers_take_the_shortest_form_and_any_form_is_read() {
        for (value, hex) in [
            (0, "00"),
            (63, "3f"),
            (64, "4040"),
            (16_383, "7fff"),
            (16_384, "80004000"),
            (1_073_741_823, "bfffffff"),
            (1_073_741_824, "c000000040000000"),
            (MAX_INTEGER, "c01fffffffffffff"),
        ] {
            let mut out = Vec::new();
            put_integer(&mut out, value);
            assert_eq!(out.iter().map(|b| format!("{b:02x}")).collect::<String>(), hex);
            assert_eq!(integer(&mut out.as_slice()), Ok(value));
        }
        assert_eq!(integer(&mut [0x40, 0x01].as_slice()), Ok(1));
        assert_eq!(integer(&mut [0xc0, 0x20, 0, 0, 0, 0, 0, 0].as_slice()), Err(FrameError::Integer));
        assert_eq!(integer(&mut [0x40].as_slice()), Err(FrameError::Short));
    }

    #[test]
    fn an_unknown_kind_is_skipped_and_a_cut_frame_is_an_error() {
        let mut bytes = vec![99, 2, 7, 7];
        let frame = Frame::Ack(Ack { number: 5, credit: 1000 });
        frame.encode(&mut bytes);
        assert_eq!(Frame::decode_all(&bytes), Ok(vec![frame]));
        bytes.pop();
        assert_eq!(Frame::decode_all(&bytes), Err(FrameError::Short));
    }

    #[test]
    fn a_long_reason_is_cut_between_characters() {
        let close = Close { number: 1, code: 1000, side: Side::Client, reason: "é".repeat(100) };
        let read = Frame::decode_all(&Frame::Close(close).to_bytes());
        let Ok([Frame::Close(Close { reason, .. })]) = read.as_deref() else { panic!("{read:?}") };
        assert_eq!(reason.len(), 122);
    }
}
