//! What a port says to something else than the URL's scheme.

use crate::dial::{Route, dial};
use crate::head::{self, Want};
use crate::request::Request;
use crate::tls::hello_answer;
use crate::{Limit, Observer, Probe};
use evidence::{Answer, Fact, FirstBytes, Opening, Place, Preview, TlsOutcome, VersionTried};

pub(crate) async fn look(probe: &Probe, opening: Opening, observer: &Observer) {
    let Ok(mut dialed) = dial(probe, Route::default()).await else { return };
    let Some(to) = dialed.to else { return };
    let limit = probe.limit(Limit::Response);
    let answer = match opening {
        Opening::PlainHttp => {
            let target = &probe.settings().case.target;
            let text = format!(
                "GET / HTTP/1.1\r\nHost: {}\r\nUser-Agent: {}\r\nConnection: close\r\n\r\n",
                target.authority(),
                probe.settings().user_agent
            );
            let request = Request::other(text);
            let mut answer = head::ask(&mut dialed.stream, &request, limit, Want::Head).await.answer;
            head::redact(probe.settings().redactor, &mut answer);
            answer
        }
        Opening::ClientHello => {
            let name = probe.settings().case.target.host.clone();
            let hello = hello_answer(&mut dialed.stream, VersionTried::V1_2, Some(&name), limit).await;
            match hello.outcome {
                // A ServerHello or an alert: whoever answers so speaks TLS.
                TlsOutcome::Answered | TlsOutcome::Completed => Answer::Alert("server_hello".to_owned()),
                TlsOutcome::Alert { name, .. } => Answer::Alert(name),
                TlsOutcome::NotTls(preview) => Answer::NotHttp(preview),
                TlsOutcome::Reset => Answer::Reset(Preview::default()),
                TlsOutcome::Silence => Answer::Silence(Preview::default()),
                TlsOutcome::Ended | TlsOutcome::Failed(_) | TlsOutcome::NotConnected => {
                    Answer::Ended(Preview::default())
                }
            }
        }
    };
    observer.saw(Place::Server, Fact::FirstBytes(FirstBytes { to, sent: opening, answer }));
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{World, ask, only, settings};
    use evidence::Question;
    use std::sync::Arc;

    #[tokio::test(start_paused = true)]
    async fn what_a_port_says() {
        for (opening, says, expected) in [
            (Opening::ClientHello, &b"\x15\x03\x01\x00\x02\x02\x28"[..], "Alert(\"handshake_failure\")"),
            (
                Opening::ClientHello,
                b"HTTP/1.1 400 Bad Request\r\n\r\n",
                "NotHttp(Preview { text: \"HTTP/1.1 400",
            ),
            (Opening::ClientHello, b"", "Ended"),
            (Opening::PlainHttp, b"HTTP/1.1 200 OK\r\nSet-Cookie: a=topsecret\r\n\r\n", "status: 200"),
            (Opening::PlainHttp, b"\x15\x03\x01\x00\x02\x02\x28", "NotHttp"),
            (Opening::PlainHttp, b"", "Ended"),
        ] {
            let world = World::new().serve("192.0.2.1:443", move |mut peer| async move {
                let first = peer.bytes(1).await;
                assert_eq!(first[0], if opening == Opening::PlainHttp { b'G' } else { 22 });
                peer.send(says).await;
            });
            let question = Question::FirstBytes(opening);
            let seen = only(ask(&Arc::new(world), settings("wss://192.0.2.1/"), question).await.0);
            let text = format!("{seen:?}");
            assert!(text.contains(expected) && !text.contains("topsecret"), "{text}");
        }
    }
}
