//! One client may have only a few connections.

use crate::{Finding, Remedy, Safety, Severity, Symptom, settings, text, cause};
use evidence::{Evidence, Setting, Wish};

cause! {
    /// One client may have only a few sockets
    ///
    /// # What you see
    /// The first tabs work, the next one gets 503 or 429; closing a tab heals it. Offices behind one address
    /// suffer first. nginx logs `limiting connections by zone`.
    ///
    /// # Why it happens
    /// A limit of connections for each address was made with short requests in mind; a socket holds its place
    /// for hours.
    ///
    /// # What to do
    /// Raise the limit on the socket's route, or count something better than the address.
    ///
    /// # How to be sure
    /// Open sockets from one machine one after the other until one is refused.
    "resource-client-limit", Config, settings::unseen, told: told
}

fn told(evidence: &Evidence) -> Option<Finding> {
    let (seen, (connections, limit)) = settings::find(evidence, |what| match what {
        Setting::ClientLimit { connections, limit } if *connections <= 10 => Some((*connections, limit)),
        _ => None,
    })?;
    let hop = settings::product(evidence);
    let title = text!("{hop} lets one client have {connections} sockets at the most ({limit})", hop = hop, connections = connections, limit = limit.as_str());
    let severity = if connections <= 2 { Severity::Warning } else { Severity::Note };
    let remedy = Remedy::wish(Safety::AskFirst, text!("Let one client have 50"), Wish::ClientConnections(50));
    Some(settings::finding(evidence, seen, severity, title).explains(Symptom::NotSwitched).remedy(remedy))
}

#[cfg(test)]
mod tests {
    use super::CAUSE;
    use crate::Severity;
    use crate::sample::{Sample, does_not_hold, holds};
    use evidence::Setting;

    fn limit(connections: u64) -> Setting {
        Setting::ClientLimit { connections, limit: "limit_conn perip".to_owned() }
    }

    #[test]
    fn holds_where_it_is_small() {
        assert_eq!(holds(&CAUSE, Sample::told().setting(limit(2))).severity, Severity::Warning);
    }

    #[test]
    fn near_misses() {
        does_not_hold(&CAUSE, Sample::told().setting(limit(100)));
    }
}
