//! Something on the route cannot live with an upgrade.

use crate::{Finding, Remedy, Safety, Severity, Symptom, settings, text, cause};
use evidence::{Evidence, Setting, Wish};

cause! {
    /// Something on the route cannot live with an upgrade
    ///
    /// # What you see
    /// Pages pass and the socket does not: no 101, a redirect, or an error of the proxy itself.
    ///
    /// # Why it happens
    /// A middleware or a rule buffers, rewrites, redirects or answers what passes through it, and an upgraded
    /// connection is no answer that it knows.
    ///
    /// # What to do
    /// Take it off the socket's route: give the socket a route of its own.
    ///
    /// # How to be sure
    /// Without it the socket opens.
    "route-in-the-way", Config, settings::unseen, told: told
}

fn told(evidence: &Evidence) -> Option<Finding> {
    let (seen, what) = settings::find(evidence, |what| match what {
        Setting::InTheWay(what) => Some(what),
        _ => None,
    })?;
    let title = text!("{what} stands in the way of the upgrade", what = what.as_str());
    let remedy = Remedy::wish(Safety::AskFirst, text!("Take it off the socket's route"), Wish::ClearTheWay);
    let finding = settings::finding(evidence, seen, Severity::Error, title)
        .explains(Symptom::NotSwitched)
        .explains(Symptom::BrowserRefused)
        .remedy(remedy);
    Some(finding)
}

#[cfg(test)]
mod tests {
    use super::CAUSE;
    use crate::Severity;
    use crate::sample::{Sample, does_not_hold, holds};
    use evidence::Setting;

    #[test]
    fn holds_where_something_is_there() {
        assert_eq!(holds(&CAUSE, Sample::told().setting(Setting::InTheWay("middleware buffering".to_owned()))).severity, Severity::Error);
    }

    #[test]
    fn near_misses() {
        does_not_hold(&CAUSE, Sample::told());
    }
}
