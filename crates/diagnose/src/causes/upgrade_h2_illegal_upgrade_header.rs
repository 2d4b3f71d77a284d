//! `Upgrade` or `Connection` of an HTTP/1.1 application leaks into HTTP/2.

use crate::answers::plain_get;
use crate::{Confidence, Finding, Remedy, Stack, Verdict, cause, recipes, text};
use evidence::{Evidence, Http2Answer, Question, Variation};

cause! {
    /// A hop-by-hop header leaks into HTTP/2
    ///
    /// # What you see
    /// `net::ERR_HTTP2_PROTOCOL_ERROR` for ordinary requests to the address; `curl --http1.1` works.
    ///
    /// # Why it happens
    /// The application answers with `Upgrade: h2,h2c` (Apache with `Protocols h2c`) or `Connection`, and the proxy
    /// passes it on to HTTP/2 clients, where these headers are forbidden (RFC 9113 section 8.2.2).
    ///
    /// # What to do
    /// Hide `Upgrade` for ordinary requests (not in the location of the socket), or switch the offer off in the
    /// application.
    ///
    /// # How to be sure
    /// Over HTTP/1.1 the answer to a plain GET carries the header; over HTTP/2 the stream is reset.
    "upgrade-h2-illegal-upgrade-header", Upgrade, judge
}

fn judge(evidence: &Evidence) -> Verdict {
    let Some(http2) = evidence.http2() else { return Verdict::Unseen };
    let error = match &http2.fact.get {
        Some(Http2Answer::StreamReset(error) | Http2Answer::ConnectionError(error)) if error.contains("PROTOCOL") => error,
        _ => return Verdict::Unseen,
    };
    let Some((id, response)) = plain_get(evidence) else {
        return Verdict::Open(vec![Question::Upgrade(Variation::without_upgrade())]);
    };
    let Some(upgrade) = response.header("upgrade") else {
        return Verdict::RuledOut(text!("the answer over HTTP/1.1 has no Upgrade header"));
    };
    Finding::warning(Confidence::Likely, text!("The header \"Upgrade: {value}\" of the application leaks into HTTP/2", value = upgrade))
        .proof(&[http2.id], text!("A plain GET over HTTP/2 fails with {error}.", error = error))
        .proof(&[id], text!("Over HTTP/1.1 its answer carries \"Upgrade: {value}\", which HTTP/2 forbids.", value = upgrade))
        .users(text!("Browsers: net::ERR_HTTP2_PROTOCOL_ERROR for pages and requests; sockets over HTTP/1.1 are not concerned."))
        .remedies(recipes::for_response(Some(response), vec![
            Remedy::for_stack(
                Stack::Nginx,
                text!("Hide the header, except in the location of the socket"),
                "location / { proxy_hide_header Upgrade; }",
            ),
            Remedy::for_stack(Stack::Apache, text!("Do not offer HTTP/2 in clear text"), "Protocols http/1.1"),
        ]))
        .holds()
}

#[cfg(test)]
mod tests {
    use super::CAUSE;
    use crate::sample::{Sample, does_not_hold, holds};
    use evidence::{Fact, Http2, Http2Answer, Place, Variation};

    fn http2(get: Http2Answer) -> Sample {
        let http2 = Http2 { negotiated: true, extended_connect: false, answer: None, get: Some(get), took_us: 30_000 };
        Sample::wss().opens().fact(Place::Server, Fact::Http2(http2))
    }

    #[test]
    fn holds_where_the_header_leaks() {
        let reset = || http2(Http2Answer::StreamReset("PROTOCOL_ERROR".into()));
        let plain = Variation::without_upgrade();
        let _ = holds(&CAUSE, reset().experiment_with(plain.clone(), 200, &["upgrade: h2,h2c"], "page"));
        does_not_hold(&CAUSE, reset().experiment(plain.clone(), 200, "page"));
        does_not_hold(&CAUSE, http2(Http2Answer::Status(200)).experiment_with(plain, 200, &["upgrade: h2c"], "page"));
    }
}
