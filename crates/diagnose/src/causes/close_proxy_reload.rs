//! A reload of the proxy ends open sockets.

use crate::{Finding, Remedy, Safety, Severity, settings, text, cause};
use evidence::{Evidence, Given, Setting, Wish};

cause! {
    /// A reload of the proxy ends open sockets
    ///
    /// # What you see
    /// All sockets drop together, some time after an unrelated change: without a close frame (nginx, HAProxy),
    /// or with 1001 (Caddy). Pings do not help.
    ///
    /// # Why it happens
    /// Old workers are ended after `worker_shutdown_timeout` (nginx; 240 s in ingress-nginx) or `hard-stop-
    /// after` (HAProxy), and Caddy closes streams at once when a configuration is loaded.
    ///
    /// # What to do
    /// Raise the time, reload less often, and let clients reconnect with jitter.
    ///
    /// # How to be sure
    /// The drops come exactly that long after "reload" in the proxy's log.
    "close-proxy-reload", Alive, settings::unseen, told: told
}

fn told(evidence: &Evidence) -> Option<Finding> {
    let (seen, (ms, timer)) = settings::find(evidence, |what| match what {
        Setting::Drain { ms: Some(ms), timer } if *ms < 3_600_000 => Some((*ms, timer)),
        _ => None,
    })?;
    let hop = settings::product(evidence);
    let title = text!("A reload of {hop} ends open sockets after {time} ({timer})", hop = hop, time = settings::time(ms), timer = timer.as_str());
    // Nobody chose the default; who sets a time has chosen it.
    let severity = if seen.fact.by == Given::Default { Severity::Note } else { Severity::Warning };
    let remedy = Remedy::wish(Safety::AskFirst, text!("Let sockets outlive a reload by a day"), Wish::DrainAtLeast(86_400_000));
    Some(settings::finding(evidence, seen, severity, title).remedy(remedy))
}

#[cfg(test)]
mod tests {
    use super::CAUSE;
    use crate::Severity;
    use crate::sample::{Sample, does_not_hold, holds};
    use evidence::Setting;

    fn drain(ms: Option<u64>) -> Setting {
        Setting::Drain { ms, timer: "worker_shutdown_timeout".to_owned() }
    }

    #[test]
    fn holds_where_the_time_is_short() {
        assert_eq!(holds(&CAUSE, Sample::told().setting(drain(Some(10_000)))).severity, Severity::Warning);
    }

    #[test]
    fn near_misses() {
        does_not_hold(&CAUSE, Sample::told().setting(drain(None)));
        does_not_hold(&CAUSE, Sample::told().setting(drain(Some(86_400_000))));
    }
}
