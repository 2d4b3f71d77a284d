//! Reads the body of a response, never more of it than is worth it.

use evidence::{Body, Preview, Response};
use sha2::{Digest, Sha256};
use tokio::io::{AsyncRead, AsyncReadExt};
use tokio::time::{Instant, timeout_at};

/// Bytes of a body that are read.
pub(crate) const LIMIT: usize = 64 * 1024;

/// Reads a body as far as it is worth it.
pub(crate) async fn read<S: AsyncRead + Unpin + ?Sized>(
    stream: &mut S,
    buffer: &mut Vec<u8>,
    response: &Response,
    deadline: Instant,
    kept: usize,
) -> Body {
    let bodiless = matches!(response.status, 100..=199 | 204 | 304);
    let length = response.header("content-length").and_then(|value| value.trim().parse::<usize>().ok());
    let chunked = response.header_has("transfer-encoding", "chunked");
    let wanted = match length {
        _ if bodiless => 0,
        Some(length) if !chunked => length.min(LIMIT),
        _ => LIMIT,
    };
    let mut complete = false;
    loop {
        if chunked && !bodiless {
            let chunks = dechunk(buffer).1;
            if chunks != Chunks::Open {
                complete = chunks == Chunks::Complete;
                break;
            }
        }
        if buffer.len() >= wanted {
            complete = bodiless || (!chunked && length.is_some_and(|length| length <= LIMIT));
            break;
        }
        match timeout_at(deadline, stream.read_buf(buffer)).await {
            Ok(Ok(0)) => {
                complete = length.is_none() && !chunked;
                break;
            }
            Ok(Ok(_)) => {}
            Ok(Err(_)) | Err(_) => break,
        }
    }
    buffer.truncate(wanted);
    let bytes = if chunked { dechunk(buffer).0 } else { std::mem::take(buffer) };
    let bytes = if bodiless { Vec::new() } else { bytes };
    Body {
        text: Preview::new(&bytes, kept).text,
        length: bytes.len() as u64,
        digest: Sha256::digest(&bytes).iter().take(8).map(|byte| format!("{byte:02x}")).collect(),
        complete,
    }
}

/// What has come of a chunked body.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Chunks {
    /// More must follow.
    Open,
    /// The last one was there.
    Complete,
    /// A size that is no number: nobody can tell where the next chunk begins.
    Broken,
}

/// The chunks so far (RFC 9112 section 7.1).
fn dechunk(mut bytes: &[u8]) -> (Vec<u8>, Chunks) {
    let mut out = Vec::new();
    while let Some(line_end) = bytes.iter().position(|byte| *byte == b'\n') {
        let line = String::from_utf8_lossy(&bytes[..line_end]);
        let size = line.split(';').next().unwrap_or_default().trim();
        let Ok(size) = usize::from_str_radix(size, 16) else { return (out, Chunks::Broken) };
        if size == 0 {
            return (out, Chunks::Complete);
        }
        let start = line_end + 1;
        let end = start.saturating_add(size);
        if end > bytes.len() {
            out.extend_from_slice(&bytes[start..]);
            return (out, Chunks::Open);
        }
        out.extend_from_slice(&bytes[start..end]);
        bytes = &bytes[end..];
        bytes = bytes.strip_prefix(b"\r\n").or_else(|| bytes.strip_prefix(b"\n")).unwrap_or(bytes);
    }
    (out, Chunks::Open)
}
