//! permessage-deflate (RFC 7692): what is offered and agreed, and the compressors themselves.

use crate::extensions::{Extension, ExtensionFault};
use flate2::{Compress, Compression, Decompress, FlushCompress, FlushDecompress, Status};

const NAME: &str = "permessage-deflate";

/// The end of each message that senders leave out and receivers put back (RFC 7692 section 7.2.1).
const TAIL: [u8; 4] = [0x00, 0x00, 0xFF, 0xFF];

/// Bytes that the inflater may give at once; it bounds what a bomb can make before its reader says stop.
const OUTPUT_STEP: usize = 16 * 1024;

/// What both sides agreed on. Window sizes are powers of two, 8 to 15.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Agreed {
    /// The server starts each message with an empty window.
    pub server_no_context_takeover: bool,
    /// The client starts each message with an empty window.
    pub client_no_context_takeover: bool,
    /// The server's window, 8 to 15.
    pub server_max_window_bits: u8,
    /// The client's window, 8 to 15.
    pub client_max_window_bits: u8,
}

impl Default for Agreed {
    fn default() -> Agreed {
        Agreed {
            server_no_context_takeover: false,
            client_no_context_takeover: false,
            server_max_window_bits: 15,
            client_max_window_bits: 15,
        }
    }
}

impl Agreed {
    /// The header value with which a server answers.
    pub fn header(&self) -> String {
        let mut value = NAME.to_string();
        if self.server_no_context_takeover {
            value += "; server_no_context_takeover";
        }
        if self.client_no_context_takeover {
            value += "; client_no_context_takeover";
        }
        if self.server_max_window_bits < 15 {
            value += &format!("; server_max_window_bits={}", self.server_max_window_bits);
        }
        if self.client_max_window_bits < 15 {
            value += &format!("; client_max_window_bits={}", self.client_max_window_bits);
        }
        value
    }
}

/// What a server wants beyond what the client asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Preference {
    /// Start each of our messages with an empty window, to save memory between messages.
    pub server_no_context_takeover: bool,
    /// Have the client do the same.
    pub client_no_context_takeover: bool,
}

/// The parameters of one offer or answer, checked by themselves.
#[derive(Debug, Default)]
struct Parameters {
    server_no_context_takeover: bool,
    client_no_context_takeover: bool,
    server_max_window_bits: Option<u8>,
    /// In an offer the value may be left out: "I could, if you like" (RFC 7692 section 7.1.2.2).
    client_max_window_bits: Option<Option<u8>>,
}

/// The offer that browsers make: `permessage-deflate; client_max_window_bits`.
pub fn offer() -> Extension {
    Extension { name: NAME.into(), params: vec![("client_max_window_bits".into(), None)] }
}

/// A server's side: the first offer it can serve, or nothing if it should answer without compression.
/// Offers with parameters it does not understand are declined (RFC 7692 section 7.1).
pub fn answer_offers(offers: &[Extension], preference: Preference) -> Option<Agreed> {
    let parameters = offers
        .iter()
        .filter(|offer| offer.name.eq_ignore_ascii_case(NAME))
        .filter_map(|offer| read_parameters(offer, true).ok())
        // zlib cannot deflate with a window of 256 bytes, so we cannot promise one.
        .find(|parameters| parameters.server_max_window_bits != Some(8))?;
    Some(Agreed {
        server_no_context_takeover: parameters.server_no_context_takeover
            || preference.server_no_context_takeover,
        client_no_context_takeover: parameters.client_no_context_takeover
            || preference.client_no_context_takeover,
        server_max_window_bits: parameters.server_max_window_bits.unwrap_or(15),
        client_max_window_bits: parameters.client_max_window_bits.flatten().unwrap_or(15),
    })
}

/// A client's side: holds a server's answer against our offers, strictly as browsers do.
///
/// # Errors
/// The first rule that the answer breaks.
pub fn accept_answer(offers: &[Extension], answer: &[Extension]) -> Result<Option<Agreed>, ExtensionFault> {
    let mut agreed = None;
    for extension in answer {
        let offer = offers
            .iter()
            .find(|offer| offer.name.eq_ignore_ascii_case(&extension.name))
            .ok_or_else(|| ExtensionFault::NotOffered(extension.name.clone()))?;
        if !extension.name.eq_ignore_ascii_case(NAME) {
            continue;
        }
        if agreed.is_some() {
            return Err(ExtensionFault::AnsweredTwice(extension.name.clone()));
        }
        agreed = Some(hold_answer(&read_parameters(offer, true)?, &read_parameters(extension, false)?)?);
    }
    Ok(agreed)
}

fn hold_answer(offer: &Parameters, answer: &Parameters) -> Result<Agreed, ExtensionFault> {
    if offer.server_no_context_takeover && !answer.server_no_context_takeover {
        return Err(ExtensionFault::ServerContextTakeoverKept);
    }
    let server_max_window_bits = answer.server_max_window_bits.unwrap_or(15);
    if offer.server_max_window_bits.is_some_and(|bits| server_max_window_bits > bits) {
        return Err(ExtensionFault::ServerWindowTooLarge);
    }
    let client_max_window_bits = match (offer.client_max_window_bits, answer.client_max_window_bits.flatten())
    {
        (None, Some(_)) => return Err(ExtensionFault::ClientWindowNotOffered),
        (Some(Some(bits)), Some(answered)) if answered > bits => {
            return Err(ExtensionFault::ClientWindowTooLarge);
        }
        (_, answered) => answered.unwrap_or(15),
    };
    Ok(Agreed {
        server_no_context_takeover: answer.server_no_context_takeover,
        client_no_context_takeover: answer.client_no_context_takeover,
        server_max_window_bits,
        client_max_window_bits,
    })
}

fn read_parameters(extension: &Extension, is_offer: bool) -> Result<Parameters, ExtensionFault> {
    let mut parameters = Parameters::default();
    for (index, (name, value)) in extension.params.iter().enumerate() {
        if extension.params[..index].iter().any(|(earlier, _)| earlier == name) {
            return Err(ExtensionFault::DuplicateParameter(name.clone()));
        }
        let invalid = || ExtensionFault::InvalidValue {
            parameter: name.clone(),
            value: value.clone().unwrap_or_default(),
        };
        match (name.as_str(), value) {
            ("server_no_context_takeover", None) => parameters.server_no_context_takeover = true,
            ("client_no_context_takeover", None) => parameters.client_no_context_takeover = true,
            ("server_max_window_bits", Some(bits)) => {
                parameters.server_max_window_bits = Some(window_bits(bits).ok_or_else(invalid)?);
            }
            ("client_max_window_bits", Some(bits)) => {
                parameters.client_max_window_bits = Some(Some(window_bits(bits).ok_or_else(invalid)?));
            }
            ("client_max_window_bits", None) if is_offer => parameters.client_max_window_bits = Some(None),
            (
                "server_no_context_takeover"
                | "client_no_context_takeover"
                | "server_max_window_bits"
                | "client_max_window_bits",
                _,
            ) => return Err(invalid()),
            _ => return Err(ExtensionFault::UnknownParameter(name.clone())),
        }
    }
    Ok(parameters)
}

/// 8 to 15 in decimal without leading zeros (RFC 7692 section 7.1.2.1).
fn window_bits(value: &str) -> Option<u8> {
    match value {
        "8" => Some(8),
        "9" => Some(9),
        "10" => Some(10),
        "11" => Some(11),
        "12" => Some(12),
        "13" => Some(13),
        "14" => Some(14),
        "15" => Some(15),
        _ => None,
    }
}

/// Compresses messages one after another.
#[derive(Debug)]
pub struct Deflater {
    compress: Compress,
    no_context_takeover: bool,
}

impl Deflater {
    /// `window_bits` is what was agreed for our direction; zlib deflates with 9 to 15, and a peer that allows
    /// only 8 must not be promised compression.
    pub fn new(window_bits: u8, no_context_takeover: bool) -> Deflater {
        let compress = Compress::new_with_window_bits(Compression::fast(), false, window_bits.clamp(9, 15));
        Deflater { compress, no_context_takeover }
    }

    /// Appends the compressed form of one message, ready to be the payload of a frame with RSV1 set.
    ///
    /// # Errors
    /// The compressor's own complaint, which would be a bug of ours and not of the peer.
    pub fn deflate(&mut self, mut message: &[u8], out: &mut Vec<u8>) -> Result<(), flate2::CompressError> {
        let start = out.len();
        if message.is_empty() {
            // zlib flushes nothing twice in a row; RFC 7692 section 7.2.3.6 gives the one byte to send.
            out.push(0x00);
            return Ok(());
        }
        loop {
            out.reserve(message.len() / 2 + 64);
            let before = self.compress.total_in();
            self.compress.compress_vec(message, out, FlushCompress::Sync)?;
            message = &message[(self.compress.total_in() - before) as usize..];
            if message.is_empty() && out.len() < out.capacity() {
                break;
            }
        }
        if out[start..].ends_with(&TAIL) {
            out.truncate(out.len() - TAIL.len());
        }
        if self.no_context_takeover {
            self.compress.reset();
        }
        Ok(())
    }
}

/// Why inflating stopped.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum InflateError<E> {
    /// The data is not DEFLATE; what the inflater said.
    Broken(String),
    /// The reader of the output wanted no more.
    Stopped(E),
}

/// Inflates messages piece by piece, in bounded memory.
#[derive(Debug)]
pub struct Inflater {
    decompress: Decompress,
    no_context_takeover: bool,
    output: Vec<u8>,
}

impl Inflater {
    /// `window_bits` is what was agreed for the peer's direction; a peer that reaches further back is caught.
    pub fn new(window_bits: u8, no_context_takeover: bool) -> Inflater {
        // A window of 256 bytes is a window of 512 of which half is never referred to.
        let decompress = Decompress::new_with_window_bits(false, window_bits.clamp(9, 15));
        Inflater { decompress, no_context_takeover, output: vec![0; OUTPUT_STEP] }
    }

    /// Inflates the next piece of a message's payload and hands what comes out to `sink`, at most 16 KiB at a
    /// time.
    ///
    /// # Errors
    /// Broken data, or what `sink` returned.
    pub fn inflate<E>(
        &mut self,
        mut input: &[u8],
        mut sink: impl FnMut(&[u8]) -> Result<(), E>,
    ) -> Result<(), InflateError<E>> {
        loop {
            let (read, written) = (self.decompress.total_in(), self.decompress.total_out());
            let status = self.decompress.decompress(input, &mut self.output, FlushDecompress::Sync);
            let read = (self.decompress.total_in() - read) as usize;
            let written = (self.decompress.total_out() - written) as usize;
            input = &input[read..];
            if written > 0 {
                sink(&self.output[..written]).map_err(InflateError::Stopped)?;
            }
            // What came out before the data broke is judged first, whichever chunk it arrived in.
            let status = status.map_err(|error| InflateError::Broken(complaint(&error)))?;
            match status {
                // A block with BFINAL may end before the message does (RFC 7692 section 7.2.3.4). Whoever ends
                // a stream begins a new one that refers to nothing before, so an empty window serves it.
                Status::StreamEnd => self.decompress.reset(false),
                Status::Ok | Status::BufError
                    if written < self.output.len() && (input.is_empty() || read == 0) =>
                {
                    break;
                }
                Status::Ok | Status::BufError => {}
            }
            if input.is_empty() && status == Status::StreamEnd {
                break;
            }
        }
        if input.is_empty() { Ok(()) } else { Err(InflateError::Broken("the data stands still".into())) }
    }

    /// Ends a message: inflates the tail that the sender left out, and forgets the window if that was agreed.
    ///
    /// # Errors
    /// As [`Inflater::inflate`].
    pub fn finish<E>(&mut self, sink: impl FnMut(&[u8]) -> Result<(), E>) -> Result<(), InflateError<E>> {
        self.inflate(&TAIL, sink)?;
        if self.no_context_takeover {
            self.decompress.reset(false);
        }
        Ok(())
    }
}

/// After some breaks zlib only says that it is broken, which would tell the reader nothing.
fn complaint(error: &flate2::DecompressError) -> String {
    let said = error.message().unwrap_or_default();
    if said.is_empty() || said == "repeated call with bad state" {
        "invalid data".into()
    } else {
        said.into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::extensions::parse_extensions;

    fn inflate(inflater: &mut Inflater, payload: &[u8], chunk: usize) -> Result<Vec<u8>, InflateError<()>> {
        let mut out = Vec::new();
        for piece in payload.chunks(chunk) {
            inflater.inflate(piece, |bytes| {
                out.extend_from_slice(bytes);
                Ok(())
            })?;
        }
        inflater.finish(|bytes| {
            out.extend_from_slice(bytes);
            Ok(())
        })?;
        Ok(out)
    }

    #[test]
    fn the_examples_of_rfc_7692_section_7_2_3() {
        let rows: [(&[u8], &[u8]); 6] = [
            (&[0xf2, 0x48, 0xcd, 0xc9, 0xc9, 0x07, 0x00], b"Hello"), // 7.2.3.1
            (&[0x00, 0x05, 0x00, 0xfa, 0xff, 0x48, 0x65, 0x6c, 0x6c, 0x6f, 0x00], b"Hello"), // 7.2.3.3
            (&[0xf3, 0x48, 0xcd, 0xc9, 0xc9, 0x07, 0x00, 0x00], b"Hello"), // 7.2.3.4, BFINAL
            (&[0xf2, 0x48, 0x05, 0x00, 0x00, 0x00, 0xff, 0xff, 0xca, 0xc9, 0xc9, 0x07, 0x00], b"Hello"), // 7.2.3.5
            (&[0x00], b""), // 7.2.3.6
            (&[0x02, 0x00], b""),
        ];
        for (payload, expect) in rows {
            for chunk in 1..=payload.len() {
                let mut inflater = Inflater::new(15, false);
                assert_eq!(
                    inflate(&mut inflater, payload, chunk).as_deref(),
                    Ok(expect),
                    "{payload:x?} by {chunk}"
                );
            }
        }
    }

    #[test]
    fn a_shared_window_as_in_rfc_7692_section_7_2_3_2() {
        let mut shared = Inflater::new(15, false);
        let first = [0xf2, 0x48, 0xcd, 0xc9, 0xc9, 0x07, 0x00];
        let second = [0xf2, 0x00, 0x11, 0x00, 0x00];
        assert_eq!(inflate(&mut shared, &first, 3).as_deref(), Ok(&b"Hello"[..]));
        assert_eq!(inflate(&mut shared, &second, 3).as_deref(), Ok(&b"Hello"[..]));
        let mut forgetful = Inflater::new(15, true);
        assert_eq!(inflate(&mut forgetful, &first, 3).as_deref(), Ok(&b"Hello"[..]));
        assert!(matches!(inflate(&mut forgetful, &second, 3), Err(InflateError::Broken(_))));
    }

    #[test]
    fn what_we_deflate_inflates_again() {
        let noise: Vec<u8> = (0..70_000u32).map(|n| (n.wrapping_mul(2_654_435_761) >> 13) as u8).collect();
        let messages: [&[u8]; 6] = [b"", b"Hello", b"Hello", &[b'a'; 100_000], &noise, b""];
        for bits in 9..=15 {
            for forget in [false, true] {
                let (mut deflater, mut inflater) = (Deflater::new(bits, forget), Inflater::new(bits, forget));
                for message in messages {
                    let mut payload = Vec::new();
                    deflater.deflate(message, &mut payload).unwrap();
                    assert_eq!(
                        inflate(&mut inflater, &payload, 977).as_deref(),
                        Ok(message),
                        "{bits} {forget}"
                    );
                }
            }
        }
    }

    #[test]
    fn a_bomb_stops_when_its_reader_says_so() {
        let mut payload = Vec::new();
        Deflater::new(15, false).deflate(&vec![0; 4 << 20], &mut payload).unwrap();
        let mut seen = 0;
        let result = Inflater::new(15, false).inflate(&payload, |bytes| {
            seen += bytes.len();
            if seen > 100_000 { Err("enough") } else { Ok(()) }
        });
        assert_eq!(result, Err(InflateError::Stopped("enough")));
        assert!(seen <= 100_000 + OUTPUT_STEP);
    }

    #[test]
    fn answers_held_against_offers() {
        let browser = "permessage-deflate; client_max_window_bits";
        for (offers, answer, expect) in [
            (browser, "permessage-deflate", "permessage-deflate"),
            (
                browser,
                "permessage-deflate; client_max_window_bits=10",
                "permessage-deflate; client_max_window_bits=10",
            ),
            (
                browser,
                "permessage-deflate; server_max_window_bits=9",
                "permessage-deflate; server_max_window_bits=9",
            ),
            (browser, "permessage-deflate; server_max_window_bits=7", "invalid-value"),
            (browser, "permessage-deflate; server_max_window_bits=16", "invalid-value"),
            (browser, "permessage-deflate; server_max_window_bits=09", "invalid-value"),
            (browser, "permessage-deflate; server_max_window_bits", "invalid-value"),
            (browser, "permessage-deflate; client_max_window_bits", "invalid-value"),
            (browser, "permessage-deflate; server_no_context_takeover=1", "invalid-value"),
            (browser, "permessage-deflate; foo", "unknown-parameter"),
            (
                browser,
                "permessage-deflate; server_no_context_takeover; server_no_context_takeover",
                "duplicate-parameter",
            ),
            (browser, "permessage-deflate, permessage-deflate", "answered-twice"),
            (browser, "x-webkit-deflate-frame", "not-offered"),
            (
                "permessage-deflate",
                "permessage-deflate; client_max_window_bits=10",
                "client-window-not-offered",
            ),
            (
                "permessage-deflate; client_max_window_bits=10",
                "permessage-deflate; client_max_window_bits=11",
                "client-window-too-large",
            ),
            (
                "permessage-deflate; server_max_window_bits=10",
                "permessage-deflate",
                "server-window-too-large",
            ),
            (
                "permessage-deflate; server_no_context_takeover",
                "permessage-deflate",
                "server-context-takeover-kept",
            ),
        ] {
            let (offers, answers) = (parse_extensions(offers).unwrap(), parse_extensions(answer).unwrap());
            let got = match accept_answer(&offers, &answers) {
                Ok(agreed) => agreed.map(|agreed| agreed.header()).unwrap_or_default(),
                Err(fault) => fault.id().to_string(),
            };
            assert_eq!(got, expect, "{answer}");
        }
    }

    #[test]
    fn offers_are_answered_by_what_we_can_do() {
        for (offers, expect) in [
            ("permessage-deflate; client_max_window_bits", Some("permessage-deflate")),
            ("permessage-deflate; server_max_window_bits=8, permessage-deflate", Some("permessage-deflate")),
            ("permessage-deflate; server_max_window_bits=8", None),
            ("permessage-deflate; unheard_of", None),
            (
                "permessage-deflate; server_max_window_bits=10; server_no_context_takeover",
                Some("permessage-deflate; server_no_context_takeover; server_max_window_bits=10"),
            ),
            ("bzip", None),
        ] {
            let parsed = parse_extensions(offers).unwrap();
            let agreed = answer_offers(&parsed, Preference::default());
            assert_eq!(agreed.map(|agreed| agreed.header()).as_deref(), expect, "{offers}");
        }
    }
}
