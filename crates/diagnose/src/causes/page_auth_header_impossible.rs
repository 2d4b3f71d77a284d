//! The server wants a header that pages cannot send.

use crate::answers::{Refusal, refusal};
use crate::browser::is_asked_for;
use crate::reading::{experiment, refused, status_line};
use crate::{Confidence, Finding, Remedy, Stack, Verdict, cause, text};
use evidence::{Evidence, Question, Response, Variation};

cause! {
    /// The server wants an Authorization header, which a page cannot set
    ///
    /// # What you see
    /// 401 or 403 in every browser; Postman, wscat and the server's own tests connect, because they send
    /// `Authorization`.
    ///
    /// # Why it happens
    /// `new WebSocket(url, protocols)` has no way to set a header (whatwg/websockets#16). Libraries that take
    /// `extraHeaders` use it only outside browsers.
    ///
    /// # What to do
    /// Let the server accept something that pages can send: a session cookie, a short-lived ticket in the query, a token in
    /// the first message, or one in the list of subprotocols.
    ///
    /// # How to be sure
    /// With `-H 'Authorization: …'` the handshake opens, without it the server refuses, and that is all the difference.
    "page-auth-header-impossible", Browser, judge
}

fn judge(evidence: &Evidence) -> Verdict {
    let case = &evidence.case;
    if !is_asked_for(case) {
        return Verdict::Unseen;
    }
    if case.has_header("authorization") {
        if !evidence.handshake().is_some_and(|seen| seen.opened()) {
            return Verdict::Unseen;
        }
        let bare = Variation { bare: true, ..Variation::default() };
        let Some(tried) = experiment(evidence, &bare) else { return Verdict::Open(vec![Question::Upgrade(bare)]) };
        if tried.opened() {
            return Verdict::RuledOut(text!("without the Authorization header it opens as well"));
        }
        let Some(response) = tried.fact.response() else { return Verdict::Unseen };
        // Browsers do send Basic and Digest of their own accord, once the user has typed them in.
        if is_browsers_own(response) || !matches!(response.status, 400 | 401 | 403) {
            return Verdict::Unseen;
        }
        let alone = case.header_names.len() == 1;
        return finding(if alone { Confidence::Proven } else { Confidence::Likely })
            .proof(&[tried.id], text!("With the Authorization header the handshake gets 101, without it {status}.", status = status_line(response)))
            .holds();
    }
    let Some((seen, response)) = refused(evidence).filter(|(_, response)| refusal(response) == Some(Refusal::Credentials)) else {
        return Verdict::Unseen;
    };
    let scheme = response.header("www-authenticate").unwrap_or_default();
    if scheme.is_empty() || is_browsers_own(response) || case.has_header("cookie") {
        return Verdict::Unseen;
    }
    let scheme: String = scheme.chars().take(60).collect();
    finding(Confidence::Likely)
        .proof(&[seen.id], text!("It asks for: {scheme}", scheme = scheme))
        .would_tell(text!("Repeat it with valid credentials: -H 'Authorization: …' or --cookie 'NAME=VALUE'"))
        .holds()
}

/// Schemes that browsers know themselves.
pub(super) fn is_browsers_own(response: &Response) -> bool {
    response.headers_named("www-authenticate").any(|value| {
        let scheme = value.split([' ', ',']).next().unwrap_or_default().to_ascii_lowercase();
        matches!(scheme.as_str(), "basic" | "digest" | "negotiate" | "ntlm")
    })
}

fn finding(confidence: Confidence) -> Finding {
    Finding::error(confidence, text!("The server wants an Authorization header, which a page cannot set"))
        .users(text!("JavaScript: close code 1006; Chrome: \"Unexpected response code: 401\". There is no option that adds a header."))
        .remedy(Remedy::for_stack(
            Stack::Browser,
            text!("A ticket, fetched just before over an ordinary request that carries the header"),
            "const { ticket } = await (await fetch('/ws-ticket', { headers: { Authorization: `Bearer ${token}` } })).json();\nsocket = new WebSocket(`wss://…/ws?ticket=${encodeURIComponent(ticket)}`);",
        ))
        .remedy(Remedy::for_stack(
            Stack::Node,
            text!("Or the token in the first message, and nothing else before that"),
            "socket.once('message', (data) => authenticate(JSON.parse(data).token) || socket.close(4401));",
        ))
        .remedy(Remedy::for_stack(
            Stack::SocketIo,
            text!("Socket.IO: use auth, which travels in the first packet, not extraHeaders"),
            "io(url, { auth: { token } })   // server: socket.handshake.auth.token",
        ))
}

#[cfg(test)]
mod tests {
    use super::CAUSE;
    use crate::Confidence;
    use crate::sample::{Sample, asks, does_not_hold, holds};
    use evidence::Variation;

    fn bare() -> Variation {
        Variation { bare: true, ..Variation::default() }
    }

    fn given() -> Sample {
        Sample::wss()
            .page("https://app.example/", |_| {})
            .case(|case| case.header_names = vec!["Authorization".into()])
            .opens()
    }

    #[test]
    fn holds_where_only_the_header_lets_it_in() {
        assert_eq!(asks(&CAUSE, given()).len(), 1);
        assert_eq!(holds(&CAUSE, given().experiment(bare(), 401, "Unauthorized")).confidence, Confidence::Proven);
        let asked = Sample::wss().case(|case| case.as_browser = true).answer_with(401, &["www-authenticate: Bearer"], "");
        assert_eq!(holds(&CAUSE, asked).confidence, Confidence::Likely);
    }

    #[test]
    fn near_misses() {
        does_not_hold(&CAUSE, given().opens_with(bare(), |_| {}));
        does_not_hold(&CAUSE, given().experiment_with(bare(), 401, &["www-authenticate: Basic realm=x"], ""));
        // A program can set it.
        does_not_hold(&CAUSE, Sample::wss().answer_with(401, &["www-authenticate: Bearer"], ""));
        let without = Sample::wss().case(|case| case.as_browser = true).answer(401, "Unauthorized");
        does_not_hold(&CAUSE, without);
    }
}
