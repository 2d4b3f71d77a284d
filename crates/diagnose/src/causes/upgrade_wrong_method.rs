//! The method that arrives is not GET, or GET is not wanted.

use crate::answers::{Refusal, get_proof, not_switched, refused_as, words};
use crate::reading::{hop, same_at_random_path};
use crate::{Confidence, Remedy, Verdict, cause, text};
use evidence::Evidence;

cause! {
    /// The method is refused
    ///
    /// # What you see
    /// 405, often with an `Allow` header that lists other methods; engine.io: 400 `Bad handshake method`.
    ///
    /// # Why it happens
    /// The opening handshake is a GET (RFC 6455 section 4.1). A proxy rewrites it (`proxy_method`), a CDN
    /// allows other methods only, or the path is that of a REST endpoint that takes POST.
    ///
    /// # What to do
    /// Use the path of the socket; take method rewriting off it; allow GET in the CDN.
    ///
    /// # How to be sure
    /// An answer of a WebSocket library about the method means that something on the way changed ours.
    "upgrade-wrong-method", Upgrade, judge
}

fn judge(evidence: &Evidence) -> Verdict {
    let Some((seen, response)) = refused_as(evidence, Refusal::Method) else { return Verdict::Unseen };
    let text = words(response);
    let by_library = ["invalid http method", "bad handshake method", "method is not get"].iter().any(|part| text.contains(part));
    let allow = response.header("allow").unwrap_or_default();
    let other_methods = !allow.is_empty() && !response.header_has("allow", "GET");
    let title = if by_library {
        text!("{hop} turns the GET of the handshake into another method", hop = hop(response))
    } else {
        text!("The path {path} does not take GET requests", path = evidence.case.target.bare_path())
    };
    let confidence = if by_library { Confidence::Proven } else { Confidence::Likely };
    let mut finding = not_switched(confidence, seen, response, title)
        .proof(&[seen.id], text!("We sent GET, as the handshake demands."))
        .proof_if(get_proof(evidence));
    if other_methods {
        finding = finding.proof(&[seen.id], text!("The answer allows only: {allow}", allow = allow));
    }
    if same_at_random_path(evidence) == Some(false) {
        finding = finding.not(text!("a rule for the whole server: another path is answered differently"));
    }
    finding
        .remedy(Remedy::new(text!("Check the path: an endpoint that takes POST is an ordinary one, not a socket")))
        .remedy(Remedy::new(text!("Remove what rewrites the method on the way (nginx: proxy_method; CDN: allowed methods)")))
        .holds()
}

#[cfg(test)]
mod tests {
    use super::CAUSE;
    use crate::Confidence;
    use crate::sample::{Sample, does_not_hold, holds};

    #[test]
    fn holds_where_the_method_is_refused() {
        let rewritten = Sample::ws().answer_with(405, &["server: nginx"], "Invalid HTTP method");
        assert_eq!(holds(&CAUSE, rewritten).confidence, Confidence::Proven);
        let rest = Sample::ws().answer_with(405, &["allow: POST"], "Method Not Allowed\n");
        assert_eq!(holds(&CAUSE, rest).confidence, Confidence::Likely);
        let _ = holds(&CAUSE, Sample::ws().answer(400, "{\"code\":2,\"message\":\"Bad handshake method\"}"));
    }

    #[test]
    fn near_misses() {
        does_not_hold(&CAUSE, Sample::ws().answer(404, "no"));
        does_not_hold(&CAUSE, Sample::ws().answer(400, "{\"code\":3,\"message\":\"Bad request\"}"));
    }
}
