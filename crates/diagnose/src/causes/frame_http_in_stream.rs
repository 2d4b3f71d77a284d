//! HTTP stands where a frame should begin.

use crate::sessions::broken;
use crate::{Confidence, Remedy, Stack, Verdict, cause, text};
use evidence::Evidence;

cause! {
    /// An HTTP answer stands in the open stream
    ///
    /// # What you see
    /// 101, and then Chrome says "Invalid frame header": `H` is read as the first byte of a frame.
    ///
    /// # Why it happens
    /// Somebody believes that the connection is still HTTP: a second upgrade handler on the same port refuses
    /// (400), a proxy writes its error page (502) when the application is gone, an error handler of the framework
    /// answers a connection that was taken over.
    ///
    /// # What to do
    /// Let one handler own the connection after the 101, and end it on errors instead of answering.
    ///
    /// # How to be sure
    /// The bytes after the 101 begin with `48 54 54 50` (`HTTP`).
    "frame-http-in-stream", Protocol, judge
}

fn judge(evidence: &Evidence) -> Verdict {
    let Some(broken) = broken(evidence, &["http-in-stream"]) else { return Verdict::Unseen };
    let line = broken.session.map(|session| as_text(&session.first_bytes)).filter(|text| text.starts_with("HTTP/"));
    // Socket.IO refuses a wrong version in just this way.
    let engine_io = evidence.case.target.path.contains("EIO=");
    let mut finding = broken
        .finding(text!("An HTTP answer stands in the open stream where a frame should begin"), "Invalid frame header")
        .with_confidence(if engine_io { Confidence::Possible } else { Confidence::Proven });
    if let Some(line) = line {
        let line: String = line.chars().take(24).collect();
        finding = finding.proof(&[broken.id], text!("After the 101 comes \"{line}\".", line = line));
    }
    finding
        .remedy(Remedy::for_stack(
            Stack::Node,
            text!("Let only one upgrade handler answer"),
            "const wss = new WebSocketServer({ noServer: true });   // and one server.on('upgrade') that routes by path",
        ))
        .remedy(Remedy::new(text!("After the 101 end the connection on errors; never write an HTTP answer into it")))
        .yields_to(&["client-plain-ws-to-engineio"])
        .holds()
}

/// Hexadecimal bytes, with or without blanks, as ASCII text; anything else becomes a dot.
pub(super) fn as_text(hex: &str) -> String {
    let digits: Vec<u8> = hex.bytes().filter(u8::is_ascii_hexdigit).collect();
    digits
        .chunks_exact(2)
        .filter_map(|pair| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok())
        .map(|byte| if byte.is_ascii_graphic() || byte == b' ' { char::from(byte) } else { '.' })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::{CAUSE, as_text};
    use crate::Confidence;
    use crate::sample::{Sample, does_not_hold, holds};
    use evidence::Variation;

    fn http(url: &str) -> Sample {
        Sample::at(url).opens_with(Variation::plain(), |session| {
            session.faults = vec![("http-in-stream".into(), "an HTTP response stands where a frame should begin".into())];
            session.first_bytes = "48 54 54 50 2f 31 2e 31 20 35 30 32".into();
        })
    }

    #[test]
    fn holds_for_http_after_the_101() {
        let finding = holds(&CAUSE, http("ws://app.example/ws"));
        assert_eq!(finding.confidence, Confidence::Proven);
        assert!(finding.proof.iter().any(|proof| proof.text.english().contains("HTTP/1.1 502")));
        assert_eq!(holds(&CAUSE, http("ws://app.example/socket.io/?EIO=3")).confidence, Confidence::Possible);
        does_not_hold(&CAUSE, Sample::ws().opens());
        assert_eq!(as_text("48545450"), "HTTP");
        assert_eq!(as_text("zz 0"), "");
    }
}
