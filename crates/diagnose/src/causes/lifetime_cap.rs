//! Something limits the whole duration of connections.

use crate::fingerprint;
use crate::reading::duration;
use crate::sessions::{cut, same_time};
use crate::timers::{TimerKind, timers_near};
use crate::{Confidence, Finding, Remedy, Stack, Symptom, Verdict, cause, recipes, text, Safety, Severity, settings};
use evidence::{Evidence, HoldKind, Question, Setting, Wish};

cause! {
    /// A hop limits the whole duration of connections
    ///
    /// # What you see
    /// Every socket dies at the same age, however much is sent: 15 s, 30 s, 2 h, 4 h.
    ///
    /// # Why it happens
    /// A time-out for requests is applied to the upgraded connection: Envoy route `timeout` (15 s) or
    /// `max_stream_duration`, Google Cloud backend service (30 s), Azure Application Gateway, AWS API Gateway (2 h),
    /// Azure Front Door (4 h), the longest run of a serverless function. Or the application itself limits sessions.
    ///
    /// # What to do
    /// Raise or remove that limit for the socket's route. Where it cannot be raised, reconnect in good time before it.
    /// Pings do not help.
    ///
    /// # How to be sure
    /// A connection with pings ends at the same age as a quiet one, and does so again.
    "lifetime-cap", Alive, judge, told: told
}

/// Repeating is worth it where it does not take long, in microseconds.
const REPEATABLE: u64 = 120_000_000;

fn judge(evidence: &Evidence) -> Verdict {
    let Some(cut) = cut(evidence) else { return Verdict::Unseen };
    let Some(pings) = cut.pings else { return Verdict::Unseen };
    if cut.pings_too() != Some(true) {
        return if cut.pings_help() == Some(true) {
            Verdict::RuledOut(text!("a connection with pings lives longer"))
        } else {
            Verdict::Unseen
        };
    }
    let after = cut.ending.after_us;
    // Those beside it began at the same moment, so a restart looks the same; a later one tells.
    let later = evidence
        .holds(HoldKind::Pings)
        .find(|seen| seen.run > 0 && seen.ending.as_ref().is_some_and(|ending| same_time(ending.after_us, after)));
    let confidence = if later.is_some() { Confidence::Proven } else { Confidence::Likely };
    let hops = evidence.handshake().and_then(|seen| seen.fact.response()).map(fingerprint::hops).unwrap_or_default();
    let time = duration(after);
    let mut finding = Finding::error(confidence, text!("Every connection is ended {time} after it was opened, whatever is sent", time = &time))
        .explains(Symptom::Cut)
        .proof(&[cut.seen.id], text!("A quiet connection ended after {time}: {how}.", time = &time, how = crate::reading::ending(&cut.ending.how)))
        .proof(&[pings.id], text!("One with pings ended after the same time, so it is not about silence."))
        .users(text!("Browsers and libraries see close code 1006 at the same age of every connection."));
    if let Some(later) = later {
        finding = finding
            .proof(&[later.id], text!("A later one, with pings, ended at the same age."))
            .not(text!("a restart at that moment: the later connection had the same age"));
    } else if after <= REPEATABLE {
        let for_ms = evidence.case.hold_us.unwrap_or(after.saturating_mul(2)) / 1000;
        finding = finding.ask([Question::Hold { kind: HoldKind::Pings, run: 1, for_ms }]);
    }
    let owners: Vec<&str> = timers_near(TimerKind::Lifetime, after).map(|timer| timer.owner).collect();
    if !owners.is_empty() {
        finding = finding.proof(&[cut.seen.id], text!("That time is the default of: {owners}.", owners = owners.join("; ")));
    }
    let product = hops.first().copied();
    let ours = |owner: &str| product.is_some_and(|product| owner.starts_with(product.name()));
    let because = timers_near(TimerKind::Lifetime, after).find(|timer| ours(timer.owner)).and_then(|timer| timer.id);
    finding
        .because(because)
        .remedies(recipes::only(product.and_then(fingerprint::Product::stack), remedies()))
        .would_tell(text!("Hold again at another moment: the same age again means a limit, another one a restart."))
        .yields_to(&["frame-app-init-timeout"])
        .holds()
}

fn remedies() -> Vec<Remedy> {
    vec![
        Remedy::for_stack(
            Stack::Envoy,
            text!("Take the time-out off the route of the socket"),
            "route:\n  timeout: 0s\n  max_stream_duration:\n    max_stream_duration: 0s",
        ),
        Remedy::for_stack(
            Stack::Gcp,
            text!("Raise the time-out of the backend service: for WebSockets it is the whole duration"),
            "gcloud compute backend-services update NAME --global --timeout=86400",
        ),
        Remedy::for_stack(
            Stack::Azure,
            text!("Raise the request time-out of the backend setting"),
            "az network application-gateway http-settings update --gateway-name GW --resource-group GROUP --name SETTING --timeout 86400",
        ),
        Remedy::new(text!("Where the limit cannot be raised: open a new connection shortly before it, then close the old one")),
    ]
}

/// The configuration limits how long a connection may last.
fn told(evidence: &Evidence) -> Option<Finding> {
    let (seen, (ms, timer)) = settings::find(evidence, |what| match what {
        Setting::Lifetime { ms: Some(ms), timer } if *ms < 3_600_000 => Some((*ms, timer)),
        _ => None,
    })?;
    let title = text!(
        "{hop} ends every connection after {time}, whatever is sent ({timer})",
        hop = settings::product(evidence),
        time = settings::time(ms),
        timer = timer.as_str()
    );
    let remedy = Remedy::wish(Safety::Safe, text!("Let connections live for a day"), Wish::LifetimeAtLeast(86_400_000));
    Some(settings::finding(evidence, seen, Severity::Error, title).explains(Symptom::Cut).remedy(remedy))
}

#[cfg(test)]
mod tests {
    use super::CAUSE;
    use crate::Confidence;
    use crate::sample::{Sample, does_not_hold, holds};
    use evidence::{HoldKind, How};

    fn held(header: &str, quiet: f64, pings: Option<f64>) -> Sample {
        Sample::ws()
            .answer_with(101, &[header], "")
            .hold(HoldKind::Quiet, 0, Some(quiet), How::Fin)
            .hold(HoldKind::Pings, 0, pings, How::Fin)
    }

    #[test]
    fn holds_where_pings_do_not_help() {
        let finding = holds(&CAUSE, held("x-app: 1", 3.0, Some(3.05)));
        assert_eq!((finding.confidence, finding.ask.len()), (Confidence::Likely, 1));
        let again = held("server: envoy", 15.0, Some(15.1)).hold(HoldKind::Pings, 1, Some(15.0), How::Fin);
        let finding = holds(&CAUSE, again);
        assert_eq!((finding.confidence, finding.because), (Confidence::Proven, Some("envoy-route-timeout")));
    }

    #[test]
    fn near_misses() {
        does_not_hold(&CAUSE, held("x-app: 1", 60.0, None));
        does_not_hold(&CAUSE, held("x-app: 1", 60.0, Some(95.0)));
        let codes = How::Close { code: Some(4408), reason: String::new() };
        let by_app = Sample::ws().opens().hold(HoldKind::Quiet, 0, Some(3.0), codes.clone()).hold(HoldKind::Pings, 0, Some(3.0), codes);
        does_not_hold(&CAUSE, by_app);
        does_not_hold(&CAUSE, Sample::ws().opens());
    }
}
