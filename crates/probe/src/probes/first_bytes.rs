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
