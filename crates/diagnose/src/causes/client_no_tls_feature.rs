//! The client was built without TLS.

use crate::{Confidence, Finding, Remedy, Stack, Verdict, cause, text};
use evidence::{Answer, Evidence, Opening};

cause! {
    /// The client was built without TLS
    ///
    /// # What you see
    /// `TLS support not compiled in`, `URL scheme not supported`, or, with old versions, a plain request that goes to port 443:
    /// nginx then answers `400 The plain HTTP request was sent to HTTPS port`. Other clients connect.
    ///
    /// # Why it happens
    /// In Rust and C, TLS is an optional feature of the library. tokio-tungstenite has none by default; libwebsockets,
    /// uWebSockets and libcurl can be built without.
    ///
    /// # What to do
    /// Build the client with TLS, and use a `wss://` URL.
    ///
    /// # How to be sure
    /// This check with `wss://` works, and the server's log shows a plain HTTP request of the client on its TLS port.
    "client-no-tls-feature", Input, judge
}

/// From outside only this can be seen: somebody speaks plain HTTP to the usual TLS port.
fn judge(evidence: &Evidence) -> Verdict {
    let target = &evidence.case.target;
    if target.secure || target.port != 443 {
        return Verdict::Unseen;
    }
    let Some(hello) = evidence.first_bytes(Opening::ClientHello) else { return Verdict::Unseen };
    if !matches!(hello.answer, Answer::Alert(_)) {
        return Verdict::Unseen;
    }
    Finding::note(Confidence::Possible, text!("If the client was given a wss:// URL, it was built without TLS"))
        .proof(&[hello.id], text!("Port 443 speaks TLS, and the URL says ws://."))
        .remedy(Remedy::for_stack(
            Stack::Rust,
            text!("Build the client with TLS"),
            "tokio-tungstenite = { version = \"0.28\", features = [\"rustls-tls-webpki-roots\"] }   # or native-tls",
        ))
        .holds()
}

#[cfg(test)]
mod tests {
    use super::CAUSE;
    use crate::sample::{Sample, does_not_hold, holds};
    use evidence::{Answer, Opening, Preview};

    fn hello(url: &str, answer: Answer) -> Sample {
        Sample::at(url).first_bytes(Opening::ClientHello, answer)
    }

    #[test]
    fn holds_at_the_tls_port() {
        let _ = holds(&CAUSE, hello("ws://app.example:443/ws", Answer::Alert("server_hello".into())));
    }

    #[test]
    fn near_misses() {
        does_not_hold(&CAUSE, hello("ws://app.example:8080/ws", Answer::Alert("server_hello".into())));
        does_not_hold(&CAUSE, hello("ws://app.example:443/ws", Answer::Ended(Preview::default())));
        does_not_hold(&CAUSE, Sample::wss().opens());
    }
}
