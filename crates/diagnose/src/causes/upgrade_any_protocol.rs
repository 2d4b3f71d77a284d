//! Upgrades to any protocol are passed on.

use crate::{Finding, Remedy, Safety, Severity, settings, text, cause};
use evidence::{Evidence, Setting, Wish};

cause! {
    /// Upgrades to any protocol are passed on
    ///
    /// # What you see
    /// Everything works. A request with `Upgrade: h2c` reaches the application as well; where that speaks
    /// HTTP/2 in clear text, later requests pass by every rule of the proxy (h2c smuggling).
    ///
    /// # Why it happens
    /// `$http_upgrade` is copied whatever it says.
    ///
    /// # What to do
    /// Let only `websocket` through, with two maps over `$http_upgrade`.
    ///
    /// # How to be sure
    /// A handshake with `Upgrade: h2c` is answered by the application.
    "upgrade-any-protocol", Upgrade, settings::unseen, told: told
}

fn told(evidence: &Evidence) -> Option<Finding> {
    let (seen, ()) = settings::find(evidence, |what| (*what == Setting::AnyProtocol).then_some(()))?;
    let title = text!("{hop} passes upgrades to any protocol on, not only to websocket", hop = settings::product(evidence));
    let remedy = Remedy::wish(Safety::AskFirst, text!("Let only websocket through"), Wish::OnlyWebSocket);
    Some(settings::finding(evidence, seen, Severity::Note, title).remedy(remedy))
}

#[cfg(test)]
mod tests {
    use super::CAUSE;
    use crate::Severity;
    use crate::sample::{Sample, does_not_hold, holds};
    use evidence::Setting;

    #[test]
    fn holds_where_anything_passes() {
        assert_eq!(holds(&CAUSE, Sample::told().setting(Setting::AnyProtocol)).severity, Severity::Note);
    }

    #[test]
    fn near_misses() {
        does_not_hold(&CAUSE, Sample::told());
    }
}
