//! Requests that are no upgrades go out as upgrades.

use crate::{Finding, Remedy, Safety, Severity, settings, text, cause};
use evidence::{Evidence, Passing, Setting, Wish};

cause! {
    /// The proxy asks for an upgrade in every request
    ///
    /// # What you see
    /// The socket works. Ordinary pages through the same location reach the application with `Connection:
    /// upgrade`: some answer 400 or 426 or hang, and connections to the application are not reused.
    ///
    /// # Why it happens
    /// The line is `Connection "upgrade"`, as in many snippets, or even `Upgrade websocket`, where a variable
    /// should depend on what the client asks.
    ///
    /// # What to do
    /// nginx: `map $http_upgrade $connection_upgrade { default upgrade; '' close; }` and `proxy_set_header
    /// Connection $connection_upgrade`.
    ///
    /// # How to be sure
    /// A plain GET through the proxy is answered otherwise than the same GET to the application.
    "upgrade-unconditional", Upgrade, settings::unseen, told: told
}

fn told(evidence: &Evidence) -> Option<Finding> {
    let (seen, always) = settings::find(evidence, |what| match what {
        Setting::Upgrade(Passing::Always) => Some(true),
        Setting::Upgrade(Passing::ConnectionAlways) => Some(false),
        _ => None,
    })?;
    let hop = settings::product(evidence);
    let title = if always {
        text!("{hop} turns every request into an upgrade, pages too", hop = hop)
    } else {
        text!("{hop} sends \"Connection: upgrade\" with every request, pages too", hop = hop)
    };
    let wish = Wish::UpgradeOnlyWhenAsked;
    let remedy = Remedy::wish(Safety::Safe, text!("Ask for the upgrade only where the client does"), wish);
    Some(settings::finding(evidence, seen, Severity::Warning, title).remedy(remedy))
}

#[cfg(test)]
mod tests {
    use super::CAUSE;
    use crate::Severity;
    use crate::sample::{Sample, does_not_hold, holds};
    use evidence::Setting;

    use evidence::Passing;

    #[test]
    fn holds_where_it_does_not_depend_on_the_client() {
        for passing in [Passing::Always, Passing::ConnectionAlways] {
            assert_eq!(holds(&CAUSE, Sample::told().setting(Setting::Upgrade(passing))).severity, Severity::Warning);
        }
    }

    #[test]
    fn near_misses() {
        does_not_hold(&CAUSE, Sample::told().setting(Setting::Upgrade(Passing::Passed)));
        does_not_hold(&CAUSE, Sample::told().setting(Setting::Upgrade(Passing::Dropped)));
    }
}
