//! The application refuses whatever a proxy relays.

use crate::answers::{not_switched, unclear};
use crate::fingerprint;
use crate::reading::{same_at_random_path, same_without_upgrade};
use crate::{Confidence, Remedy, Stack, Verdict, cause, text};
use evidence::Evidence;

cause! {
    /// The application does not trust the proxy in front of it
    ///
    /// # What you see
    /// 400 `400: Bad Request` on every path through the proxy, while the application works when asked directly.
    /// Home Assistant logs "A request from a reverse proxy was received from X, but your HTTP integration is not
    /// set-up for reverse proxies".
    ///
    /// # Why it happens
    /// The application sees `X-Forwarded-For` from an address that is not on its list of trusted proxies. Home
    /// Assistant then refuses everything.
    ///
    /// # What to do
    /// Put the proxy's address (as the application sees it: often that of a container network) on the list.
    ///
    /// # How to be sure
    /// Sent directly, the same request works, and fails once `X-Forwarded-For` is added.
    "app-trusted-proxy-missing", Upgrade, judge
}

fn judge(evidence: &Evidence) -> Verdict {
    let Some((seen, response)) = unclear(evidence) else { return Verdict::Unseen };
    // What aiohttp writes for a refusal that gives no reason, on every path.
    let bare = response.status == 400 && response.body.text.trim() == "400: Bad Request";
    if !bare || same_without_upgrade(evidence) != Some(true) || same_at_random_path(evidence) != Some(true) {
        return Verdict::Unseen;
    }
    let mut finding = not_switched(
        Confidence::Likely,
        seen,
        response,
        text!("The application refuses every request: it does not trust the proxy in front of it"),
    )
    .proof(&[seen.id], text!("A plain GET and a path that exists nowhere get the same bare 400."))
    .not(text!("a lost Upgrade header: a page would not be refused for that"));
    if let Some(product) = fingerprint::hops(response).first() {
        finding = finding.proof(&[seen.id], text!("{product} stands in front and adds X-Forwarded-For.", product = product.name()));
    }
    finding
        .remedy(Remedy::for_stack(
            Stack::Python,
            text!("Home Assistant: trust the proxy (configuration.yaml)"),
            "http:\n  use_x_forwarded_for: true\n  trusted_proxies:\n    - 172.16.0.0/12   # the proxy's address as the log names it",
        ))
        .remedy(Remedy::new(text!("Put the proxy's address on the application's list of trusted proxies")))
        .would_tell(text!("The application's log names the address of the proxy that it does not trust."))
        .holds()
}

#[cfg(test)]
mod tests {
    use super::CAUSE;
    use crate::sample::{Sample, does_not_hold, holds};
    use evidence::{PathVariant, Variation};

    fn all(status: u16, body: &str) -> Sample {
        Sample::ws()
            .answer_with(status, &["server: nginx"], body)
            .experiment(Variation::without_upgrade(), status, body)
            .experiment(Variation::path(PathVariant::Random), status, body)
    }

    #[test]
    fn holds_where_everything_gets_the_bare_400() {
        let _ = holds(&CAUSE, all(400, "400: Bad Request"));
        does_not_hold(&CAUSE, all(400, "Bad Request"));
        does_not_hold(&CAUSE, all(400, "No WebSocket UPGRADE hdr: None"));
        let only_here = Sample::ws().answer(400, "400: Bad Request").experiment(Variation::without_upgrade(), 200, "page");
        does_not_hold(&CAUSE, only_here);
    }
}
