//! HTTP/1.1 is written into a connection that speaks HTTP/2.

use crate::{Confidence, Finding, Remedy, Stack, Symptom, Verdict, cause, text};
use evidence::{Answer, Evidence, Http2Answer};

cause! {
    /// HTTP/1.1 was sent on an HTTP/2 connection
    ///
    /// # What you see
    /// Go: `malformed HTTP response "\x00\x00\x12\x04…"`; others: binary bytes instead of a status line, or an end without an
    /// answer. HAProxy logs `<BADREQ>`, a Go server `bogus greeting "GET /…"`.
    ///
    /// # Why it happens
    /// The client's TLS settings offer `h2` in ALPN (those of an HTTP client that was reused), the server picks it, and the
    /// WebSocket library then writes HTTP/1.1. Or the server speaks HTTP/2 without having agreed on it.
    ///
    /// # What to do
    /// Offer only `http/1.1` on the TLS connection of a WebSocket.
    ///
    /// # How to be sure
    /// The first bytes of the answer are a SETTINGS frame of HTTP/2: `00 00 xx 04 00`.
    "client-alpn-h2-then-h1", Upgrade, judge
}

fn judge(evidence: &Evidence) -> Verdict {
    let Some(handshake) = evidence.handshake() else { return Verdict::Unseen };
    let bytes = match &handshake.fact.answer {
        Answer::NotHttp(preview) | Answer::Ended(preview) | Answer::Reset(preview) | Answer::Silence(preview) => preview,
        _ => return Verdict::Unseen,
    };
    if !is_settings(&bytes.hex) {
        return Verdict::Unseen;
    }
    let negotiated = evidence.http2().filter(|seen| seen.negotiated);
    let mut finding = Finding::error(Confidence::Proven, text!("The server speaks HTTP/2 where HTTP/1.1 was asked for"))
        .explains(Symptom::NotSwitched)
        .explains(Symptom::BrowserRefused)
        .proof(&[handshake.id], text!("The answer begins with a SETTINGS frame of HTTP/2: {bytes}.", bytes = bytes.hex.chars().take(26).collect::<String>()))
        .users(text!("Go: malformed HTTP response. Browsers: close code 1006 and net::ERR_INVALID_HTTP_RESPONSE."))
        .remedy(Remedy::for_stack(Stack::Go, text!("Offer only http/1.1 to WebSockets"), "dialer.TLSClientConfig = &tls.Config{NextProtos: []string{\"http/1.1\"}}"))
        .remedy(Remedy::for_stack(Stack::Nginx, text!("Do not force HTTP/2 on this port"), "listen 443 ssl;   # with http2 on; nginx still answers HTTP/1.1 where that was agreed. A plain port with http2 does not."))
        .remedy(Remedy::for_stack(Stack::Haproxy, text!("Do not force HTTP/2 on this port"), "bind :443 ssl crt /etc/haproxy/certs/ alpn h2,http/1.1   # and no `proto h2`"));
    if let Some(seen) = negotiated.filter(|seen| seen.answer != Some(Http2Answer::Silence)) {
        finding = finding.proof(&[seen.id], text!("With \"h2\" in ALPN the server agrees on HTTP/2."));
    }
    finding.holds()
}

/// A SETTINGS frame on stream 0: length (3 bytes, a multiple of 6), type 4, flags 0, stream 0 (RFC 9113 section 6.5).
fn is_settings(hex: &str) -> bool {
    let bytes: Vec<u8> = hex.split(' ').take(9).filter_map(|pair| u8::from_str_radix(pair, 16).ok()).collect();
    matches!(bytes.as_slice(), [0, 0, length, 4, 0, 0, 0, 0, 0] if length % 6 == 0)
}

#[cfg(test)]
mod tests {
    use super::CAUSE;
    use crate::sample::{Sample, does_not_hold, holds};
    use evidence::{Answer, Preview, Variation};

    fn bytes(bytes: &[u8]) -> Sample {
        Sample::wss().exchange(Variation::plain(), Answer::NotHttp(Preview::new(bytes, 64)))
    }

    #[test]
    fn holds_at_a_settings_frame() {
        let _ = holds(&CAUSE, bytes(b"\x00\x00\x12\x04\x00\x00\x00\x00\x00\x00\x03\x00\x00\x00\x80"));
        let _ = holds(&CAUSE, bytes(b"\x00\x00\x00\x04\x00\x00\x00\x00\x00"));
    }

    #[test]
    fn near_misses() {
        does_not_hold(&CAUSE, bytes(b"SSH-2.0-OpenSSH_9.2"));
        does_not_hold(&CAUSE, bytes(b"\x00\x00\x05\x04\x00\x00\x00\x00\x00"));
        does_not_hold(&CAUSE, bytes(b"\x00\x00"));
        does_not_hold(&CAUSE, Sample::wss().opens());
    }
}
