//! Caddy has no route for the request.

use crate::answers::{not_switched, unclear};
use crate::fingerprint::{self, Product};
use crate::reading::same_at_random_path;
use crate::{Confidence, Remedy, Stack, Verdict, cause, text};
use evidence::{Evidence, PathVariant, Variation};

cause! {
    /// Caddy has no route for this request
    ///
    /// # What you see
    /// 200 with an empty body and `Server: Caddy`.
    ///
    /// # Why it happens
    /// That is what Caddy answers when no site address or matcher fits. The site is defined for another host name,
    /// for https only, or the matcher of the socket's route does not fit the path. (Caddy also answers so when
    /// a 101 of the application lacks its `Upgrade` header.)
    ///
    /// # What to do
    /// Make the site address and the matcher fit the host and path of the URL.
    ///
    /// # How to be sure
    /// A random path gets the same empty answer; `caddy adapt` shows what matches.
    "upgrade-200-empty-no-route", Upgrade, judge
}

fn judge(evidence: &Evidence) -> Verdict {
    let Some((seen, response)) = unclear(evidence) else { return Verdict::Unseen };
    let by_caddy = fingerprint::own_page(response) == Some(Product::Caddy);
    if response.status != 200 || response.body.length != 0 || !by_caddy {
        return Verdict::Unseen;
    }
    let target = &evidence.case.target;
    let everywhere = same_at_random_path(evidence);
    let confidence = if everywhere == Some(true) { Confidence::Proven } else { Confidence::Likely };
    let mut finding = not_switched(
        confidence,
        seen,
        response,
        text!("Caddy has no route for {host}{path}", host = target.authority(), path = target.bare_path()),
    )
    .proof(&[seen.id], text!("200 with an empty body and \"Server: Caddy\" is its answer where nothing matches."));
    if everywhere == Some(true)
        && let Some(random) = evidence.exchange(&Variation::path(PathVariant::Random))
    {
        finding = finding.proof(&[random.id], text!("A path that exists nowhere gets the same answer."));
    }
    finding
        .remedy(
            Remedy::for_stack(
                Stack::Caddy,
                text!("Let a site and its matcher fit the host and path of the URL"),
                format!("{} {{\n    reverse_proxy {}* 127.0.0.1:8080\n}}", target.authority(), target.bare_path()),
            )
            .command("caddy adapt --config /etc/caddy/Caddyfile --pretty"),
        )
        .holds()
}

#[cfg(test)]
mod tests {
    use super::CAUSE;
    use crate::Confidence;
    use crate::sample::{Sample, does_not_hold, holds};
    use evidence::{PathVariant, Variation};

    #[test]
    fn holds_for_caddys_empty_200() {
        let caddy = &["server: Caddy"][..];
        let sample = Sample::ws().answer_with(200, caddy, "");
        assert_eq!(holds(&CAUSE, sample.clone()).confidence, Confidence::Likely);
        let random = Variation::path(PathVariant::Random);
        // An empty body has the same digest everywhere.
        assert_eq!(holds(&CAUSE, sample.experiment_with(random, 200, caddy, "")).confidence, Confidence::Proven);
    }

    #[test]
    fn near_misses() {
        does_not_hold(&CAUSE, Sample::ws().answer_with(200, &["server: Caddy"], "hello"));
        does_not_hold(&CAUSE, Sample::ws().answer_with(200, &["server: nginx"], ""));
        does_not_hold(&CAUSE, Sample::ws().answer_with(502, &["server: Caddy"], ""));
    }
}
