//! An ASGI application closes before it accepts, which the client sees as a bare 403.

use super::upgrade_path_404::is_closed_unaccepted;
use crate::answers::{get_proof, not_switched, unclear};
use crate::reading::same_at_random_path;
use crate::{Confidence, Remedy, Stack, Verdict, cause, text};
use evidence::Evidence;

cause! {
    /// The application closes before it accepts
    ///
    /// # What you see
    /// 403 without a body (daphne: `403 Access denied`). The close code that the application gave, such as 4401,
    /// is nowhere to be seen.
    ///
    /// # Why it happens
    /// ASGI servers (uvicorn, hypercorn, daphne) turn a close before `accept()` into a plain 403. Two things do
    /// that: the application's own checks (`await websocket.close(4401)`), and the router for a path that it
    /// does not know.
    ///
    /// # What to do
    /// Check the path first. To let clients see why, accept and then close with a code, or send an HTTP refusal
    /// with a status of your own (ASGI extension `websocket.http.response`).
    ///
    /// # How to be sure
    /// The application's log: a path that it knows is logged with the handler's close.
    "app-close-before-accept", Upgrade, judge
}

fn judge(evidence: &Evidence) -> Verdict {
    let Some((seen, response)) = unclear(evidence) else { return Verdict::Unseen };
    if !is_closed_unaccepted(evidence, response) {
        return Verdict::Unseen;
    }
    let everywhere = same_at_random_path(evidence) == Some(true);
    let path = evidence.case.target.bare_path();
    let mut finding = not_switched(
        Confidence::Likely,
        seen,
        response,
        text!("The application closes before it accepts: it does not know {path}, or its own check refuses", path = path),
    )
    .proof(&[seen.id], text!("A 403 without a body is how ASGI servers (uvicorn, hypercorn, daphne) say that the application closed."))
    .proof_if(get_proof(evidence));
    if everywhere {
        finding = finding.proof(&[seen.id], text!("A path that exists nowhere gets the same answer."));
    }
    finding
        .not(text!("a proxy that removes the upgrade: the application would then answer 404"))
        .remedy(Remedy::new(text!("Compare the path with the routes of the application, with its prefix and its slash")))
        .remedy(Remedy::for_stack(
            Stack::Python,
            text!("Let clients see why: accept first, then close with a code"),
            "@app.websocket(\"/ws\")\nasync def ws(websocket: WebSocket):\n    await websocket.accept()\n    if not await allowed(websocket):\n        await websocket.close(4401, \"token expired\")\n        return",
        ))
        .remedy(Remedy::for_stack(
            Stack::Django,
            text!("Let clients see why: accept first, then close with a code"),
            "async def connect(self):\n    await self.accept()\n    if self.scope[\"user\"].is_anonymous:\n        await self.close(code=4401)",
        ))
        .would_tell(text!("The application's log names the path and the handler's decision; or try a path that is known to work."))
        .yields_to(&["app-origin-rejected", "app-origin-required"])
        .holds()
}

#[cfg(test)]
mod tests {
    use super::CAUSE;
    use crate::sample::{Sample, does_not_hold, holds};
    use evidence::{PathVariant, Variation};

    #[test]
    fn holds_for_the_bare_403_of_asgi() {
        let sample = Sample::ws()
            .answer(403, "")
            .experiment(Variation::without_upgrade(), 404, "Not Found")
            .experiment(Variation::path(PathVariant::Random), 403, "");
        let _ = holds(&CAUSE, sample);
    }

    #[test]
    fn near_misses() {
        does_not_hold(&CAUSE, Sample::ws().answer(403, "").experiment(Variation::without_upgrade(), 403, ""));
        does_not_hold(&CAUSE, Sample::ws().answer(403, "Forbidden").experiment(Variation::without_upgrade(), 404, "no"));
        does_not_hold(&CAUSE, Sample::ws().answer_with(403, &["server: envoy"], "").experiment(Variation::without_upgrade(), 404, "no"));
        does_not_hold(&CAUSE, Sample::ws().answer(403, "").opens_with(Variation::browser(), |_| {}));
    }
}
