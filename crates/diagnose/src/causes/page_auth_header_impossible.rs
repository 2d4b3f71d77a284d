//! The server wants a header that no page can send.

use crate::reading::{experiment, refused, status_line};
use crate::{Confidence, Finding, Remedy, Stack, Symptom, Verdict, cause, text};
use evidence::{Evidence, Question, Variation};

cause! {
    /// The server wants an Authorization header, which browsers cannot send
    ///
    /// # What you see
    /// 401 or 403 in the browser, 101 from Postman, wscat and programs with the header.
    ///
    /// # Why it happens
    /// The browser's `WebSocket` has no way to set headers. A token that is checked in `Authorization` works for `fetch` and never
    /// for a socket.
    ///
    /// # What to do
    /// Take the token from a cookie, from a short-lived ticket in the address, from the first message, or from
    /// `Sec-WebSocket-Protocol`.
    ///
    /// # How to be sure
    /// With the header the handshake gets 101, without it the status that browsers see.
    "page-auth-header-impossible", Browser, judge
}

fn judge(evidence: &Evidence) -> Verdict {
    // For a program the header is the right way.
    if evidence.case.page.is_none() && !evidence.case.as_browser {
        return Verdict::Unseen;
    }
    let given = evidence.case.has_header("authorization");
    let (finding, id) = if given {
        let Some(with) = evidence.handshake().filter(|seen| seen.opened()) else { return Verdict::Unseen };
        let bare = Variation { bare: true, ..Variation::default() };
        let Some(without) = experiment(evidence, &bare) else { return Verdict::Open(vec![Question::Upgrade(bare)]) };
        let Some(response) = without.fact.response().filter(|response| matches!(response.status, 401 | 403)) else {
            return Verdict::RuledOut(text!("without the header it opens as well"));
        };
        let finding = Finding::error(Confidence::Proven, text!("The server wants an Authorization header, and no page can send one"))
            .proof(&[with.id], text!("With the Authorization header the handshake gets 101."))
            .proof(&[without.id], text!("Without it the handshake gets {status}: that is what browsers get.", status = status_line(response)));
        (finding, with.id)
    } else {
        let bearer = refused(evidence).filter(|(_, response)| {
            response.status == 401
                && response.headers_named("www-authenticate").any(|value| value.to_ascii_lowercase().starts_with("bearer"))
        });
        let Some((handshake, response)) = bearer else { return Verdict::Unseen };
        let finding = Finding::error(Confidence::Likely, text!("The server wants an Authorization header, and no page can send one"))
            .explains(Symptom::NotSwitched)
            .proof(&[handshake.id], text!("The handshake gets {status}, and the server asks for a bearer token.", status = status_line(response)));
        (finding, handshake.id)
    };
    finding
        .explains(Symptom::BrowserRefused)
        .proof(&[id], text!("The browser's WebSocket constructor takes an address and subprotocols, no headers."))
        .users(text!("Browsers: close code 1006. Postman, wscat and programs connect."))
        .remedy(Remedy::for_stack(
            Stack::Browser,
            text!("Send a ticket instead, or the token in the first message"),
            "const { ticket } = await (await fetch('/ws-ticket', { headers: { Authorization } })).json()\nnew WebSocket(`${url}?ticket=${ticket}`)\n// or: socket.onopen = () => socket.send(JSON.stringify({ type: 'auth', token }))",
        ))
        .remedy(Remedy::for_stack(
            Stack::Node,
            text!("On the server: take the token from a cookie or from a ticket that works once"),
            "server.on('upgrade', (request, socket, head) => {\n  const ticket = new URL(request.url, 'http://x').searchParams.get('ticket')\n  // check it, then handleUpgrade\n})",
        ))
        .holds()
}

#[cfg(test)]
mod tests {
    use super::CAUSE;
    use crate::sample::{Sample, asks, does_not_hold, holds};
    use evidence::Variation;

    fn with_header() -> Sample {
        Sample::ws().case(|case| case.header_names = vec!["Authorization".into()]).opens()
    }

    fn bare() -> Variation {
        Variation { bare: true, ..Variation::default() }
    }

    #[test]
    fn holds_where_a_page_needs_it() {
        let page = with_header().page("http://app.example/", |_| {});
        assert_eq!(asks(&CAUSE, page.clone()).len(), 1);
        let _ = holds(&CAUSE, page.experiment(bare(), 401, ""));
        let bearer = Sample::ws().answer_with(401, &["www-authenticate: Bearer"], "").page("http://app.example/", |_| {});
        let _ = holds(&CAUSE, bearer);
    }

    #[test]
    fn near_misses() {
        // A program: the header is the right way.
        does_not_hold(&CAUSE, with_header().experiment(bare(), 401, ""));
        does_not_hold(&CAUSE, with_header().page("http://app.example/", |_| {}).opens_with(bare(), |_| {}));
        let basic = Sample::ws().answer_with(401, &["www-authenticate: Basic realm=\"x\""], "").page("http://app.example/", |_| {});
        does_not_hold(&CAUSE, basic);
    }
}
