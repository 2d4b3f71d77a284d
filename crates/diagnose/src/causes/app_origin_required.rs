//! The server wants an `Origin` header, and the client sends none.

use crate::answers::{browser_opens, not_switched};
use crate::reading::{experiment, quote, refused};
use crate::{Confidence, Remedy, Stack, Verdict, cause, text};
use evidence::{Evidence, Origin, OriginVariant, Question, Variation};

cause! {
    /// The server demands an `Origin`, and programs send none
    ///
    /// # What you see
    /// Browsers connect; command line tools, mobile apps and servers get 403.
    ///
    /// # Why it happens
    /// The allow-list knows only origins of pages. `Origin` is for browsers (RFC 6455 section 10.2): other clients
    /// need not send it, and most do not.
    ///
    /// # What to do
    /// Let handshakes without `Origin` in if they authenticate by something else than cookies; or have the client
    /// send the origin of the site.
    ///
    /// # How to be sure
    /// The same handshake with `Origin`, and nothing else changed, gets 101.
    "app-origin-required", Upgrade, judge
}

fn judge(evidence: &Evidence) -> Verdict {
    let Some((seen, response)) = refused(evidence) else { return Verdict::Unseen };
    // websockets for Python says so itself; then no allowed origin need be known.
    if evidence.case.origin == Origin::None && response.body.text.contains("missing Origin header") {
        return not_switched(Confidence::Proven, seen, response, text!("The server refuses handshakes without an Origin header"))
            .proof(&[seen.id], text!("The answer says: \"{body}\"", body = quote(response, 80)))
            .remedy(Remedy::new(text!("Send an origin that the server allows: keepwire check --origin https://…")))
            .remedy(without_origin(&evidence.case.target.own_origin()))
            .holds();
    }
    if evidence.case.origin != Origin::None || !matches!(response.status, 400 | 401 | 403 | 404) || !browser_opens(evidence) {
        return Verdict::Unseen;
    }
    // Everything else that browsers send came along too: only the origin may make the difference.
    let alone = Variation::origin(OriginVariant::Page);
    let Some(with) = experiment(evidence, &alone) else { return Verdict::Open(vec![Question::Upgrade(alone)]) };
    if !with.opened() {
        return Verdict::RuledOut(text!("with an Origin and nothing else changed it is refused as well"));
    }
    let origin = evidence.case.page_origin().unwrap_or_else(|| evidence.case.target.own_origin());
    not_switched(Confidence::Proven, seen, response, text!("The server refuses handshakes without an Origin header"))
        .proof(&[with.id], text!("With \"Origin: {origin}\" and nothing else changed it gets 101.", origin = &origin))
        .not(text!("a wrong path or the credentials: with an Origin the same request opens"))
        .remedy(Remedy::new(text!("Send the site's origin: keepwire check --origin {origin}", origin = &origin)))
        .remedy(without_origin(&origin))
        .remedy(Remedy::for_stack(
            Stack::Node,
            text!("Let clients without an Origin in"),
            format!("verifyClient: ({{ origin }}) => !origin || origin === '{origin}'"),
        ))
        .holds()
}

fn without_origin(origin: &str) -> Remedy {
    Remedy::for_stack(
        Stack::Python,
        text!("Let clients without an Origin in"),
        format!("# websockets: None stands for \"no Origin\"\nserve(handler, host, port, origins=[\"{origin}\", None])"),
    )
}

#[cfg(test)]
mod tests {
    use super::CAUSE;
    use crate::sample::{Sample, does_not_hold, holds};
    use evidence::{OriginVariant, Variation};

    fn refused() -> Sample {
        Sample::ws().answer(403, "Forbidden\n").opens_with(Variation::browser(), |_| {})
    }

    #[test]
    fn holds_where_only_the_origin_makes_the_difference() {
        let page = Variation::origin(OriginVariant::Page);
        let _ = holds(&CAUSE, refused().opens_with(page.clone(), |_| {}));
        let _ = holds(&CAUSE, Sample::ws().answer(403, "Failed to open a WebSocket connection: missing Origin header.\n"));
        // Another header of browsers makes the difference: a firewall.
        does_not_hold(&CAUSE, refused().experiment(page, 403, "Forbidden\n"));
        does_not_hold(&CAUSE, Sample::ws().answer(403, "no").experiment(Variation::browser(), 403, "no"));
        does_not_hold(&CAUSE, Sample::ws().opens());
    }
}
