//! What answers is no HTTP that a client can use.

use crate::{Confidence, Finding, Remedy, Symptom, Verdict, cause, text};
use evidence::{Answer, Evidence, HandshakeFault, Preview};

cause! {
    /// What answers on this port is not HTTP
    ///
    /// # What you see
    /// Chrome: `net::ERR_INVALID_HTTP_RESPONSE`; libraries: "did not receive a valid HTTP response".
    ///
    /// # Why it happens
    /// The port belongs to another service (SSH, SMTP, a database), or the server writes a head that breaks the
    /// rules of HTTP.
    ///
    /// # What to do
    /// Use the port of the web server; make a home-made server write a proper head.
    ///
    /// # How to be sure
    /// The first bytes of the answer: many services name themselves.
    "upgrade-not-http", Upgrade, judge
}

fn judge(evidence: &Evidence) -> Verdict {
    let Some(seen) = evidence.handshake() else { return Verdict::Unseen };
    let target = &evidence.case.target;
    let finding = match &seen.fact.answer {
        // A TLS alert or record: the other helper of the scheme.
        Answer::NotHttp(first) if is_tls(first) => return Verdict::Unseen,
        Answer::NotHttp(first) => {
            let title = match service(first) {
                Some(service) => text!("Port {port} belongs to {service}, not to a web server", port = target.port, service = service),
                None => text!("What answers on port {port} is not HTTP", port = target.port),
            };
            let shown: String = first.text.chars().take(60).collect();
            Finding::error(Confidence::Proven, title)
                .explains(Symptom::NotSwitched)
                .proof(&[seen.id], text!("The answer begins with \"{text}\" ({hex}).", text = shown, hex = first.hex.chars().take(23).collect::<String>()))
        }
        Answer::TooLarge(bytes) => {
            Finding::error(Confidence::Proven, text!("The head of the server's answer does not end"))
                .explains(Symptom::NotSwitched)
                .proof(&[seen.id], text!("We stopped reading after {bytes} bytes without an end of the head.", bytes = *bytes))
        }
        Answer::Response(response) => {
            let bad = response.faults.iter().find_map(|fault| match fault {
                HandshakeFault::HeaderSyntax(line) => Some(text!("The 101 has a line that is no header: \"{line}\"", line = line)),
                HandshakeFault::OldVersion(version) => Some(text!("The 101 says {version}, which has no upgrade.", version = version)),
                _ => None,
            });
            let Some(bad) = bad else { return Verdict::Unseen };
            Finding::error(Confidence::Proven, text!("The head of the server's 101 breaks the rules of HTTP"))
                .explains(Symptom::HandshakeInvalid)
                .explains(Symptom::BrowserRefused)
                .proof(&[seen.id], bad)
        }
        _ => return Verdict::Unseen,
    };
    finding
        .users(text!("Browsers: close code 1006 and net::ERR_INVALID_HTTP_RESPONSE."))
        .remedy(Remedy::new(text!("Use the port on which the web server listens")).command(format!("ss -ltnp 'sport = :{}'", target.port)))
        .yields_to(&["tls-plaintext-to-tls-port"])
        .holds()
}

/// TLS records of alerts (21) and handshakes (22).
fn is_tls(first: &Preview) -> bool {
    first.hex.starts_with("15 03") || first.hex.starts_with("16 03")
}

/// Services that speak first, or answer HTTP with words of their own.
fn service(first: &Preview) -> Option<&'static str> {
    let text = first.text.as_str();
    Some(match text {
        _ if text.starts_with("SSH-") => "SSH",
        _ if text.starts_with("220") && text.to_ascii_lowercase().contains("ftp") => "FTP",
        _ if text.starts_with("220") => "SMTP",
        _ if text.starts_with("* OK") => "IMAP",
        _ if text.starts_with("+OK") => "POP3",
        _ if text.starts_with("RFB 00") => "VNC",
        _ if text.starts_with("-ERR") || text.starts_with("-DENIED") => "Redis",
        _ if text.starts_with("AMQP") => "AMQP",
        _ if text.contains("mysql_native_password") || text.contains("caching_sha2_password") => "MySQL",
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::CAUSE;
    use crate::sample::{Sample, does_not_hold, faulty_101, holds};
    use evidence::{Answer, HandshakeFault, Preview, Variation};

    fn says(bytes: &[u8]) -> Sample {
        Sample::ws().exchange(Variation::plain(), Answer::NotHttp(Preview::new(bytes, 256)))
    }

    #[test]
    fn holds_for_what_is_no_http() {
        assert!(holds(&CAUSE, says(b"SSH-2.0-OpenSSH_9.2p1\r\n")).title.english().contains("SSH"));
        assert!(holds(&CAUSE, says(b"220 mail ESMTP\r\n")).title.english().contains("SMTP"));
        let _ = holds(&CAUSE, says(b"\x00\x01garbage"));
        let _ = holds(&CAUSE, Sample::ws().exchange(Variation::plain(), Answer::TooLarge(65_537)));
        let syntax = HandshakeFault::HeaderSyntax("no header".into());
        let _ = holds(&CAUSE, Sample::ws().exchange(Variation::plain(), faulty_101(&[], vec![syntax])));
    }

    #[test]
    fn near_misses() {
        does_not_hold(&CAUSE, says(b"\x15\x03\x01\x00\x02\x02\x0a"));
        does_not_hold(&CAUSE, Sample::ws().exchange(Variation::plain(), Answer::Ended(Preview::default())));
        does_not_hold(&CAUSE, Sample::ws().answer(400, "no"));
        does_not_hold(&CAUSE, Sample::ws().opens());
    }
}
