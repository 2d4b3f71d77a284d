//! The compressors of permessage-deflate (RFC 7692 section 7.2): messages in, payloads out, and back. What the two
//! sides agreed on stands in `agreement.rs`.

use flate2::{Compress, Compression, Decompress, FlushCompress, FlushDecompress, Status};

/// The end of each message that senders leave out and receivers put back (RFC 7692 section 7.2.1).
const TAIL: [u8; 4] = [0x00, 0x00, 0xFF, 0xFF];

/// Bytes that the inflater may give at once; it bounds what a bomb can make before its reader says stop.
const OUTPUT_STEP: usize = 16 * 1024;

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
}
