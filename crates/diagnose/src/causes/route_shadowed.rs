//! Another route takes the requests of the socket.

use crate::{Finding, Remedy, Safety, Severity, Symptom, settings, text, cause};
use evidence::{Evidence, Setting, Wish};

cause! {
    /// Another route takes the socket's requests
    ///
    /// # What you see
    /// Every change of the socket's route has no effect; the answer (404, 200, a redirect) comes from somewhere
    /// else.
    ///
    /// # Why it happens
    /// nginx prefers a matching regular expression to a prefix without `^~`; Apache takes the first `ProxyPass`
    /// that fits; two server blocks have the same name and the second is ignored.
    ///
    /// # What to do
    /// Put the socket's route first, or give it precedence (`^~` in nginx).
    ///
    /// # How to be sure
    /// Resolve the very path by the product's rules, or let each route add a header of its own.
    "route-shadowed", Config, settings::unseen, told: told
}

fn told(evidence: &Evidence) -> Option<Finding> {
    let (seen, (by, path)) = settings::find(evidence, |what| match what {
        Setting::Shadowed { by, path } => Some((by, path)),
        _ => None,
    })?;
    let title = text!("Requests for {path} never come here: {by} takes them", path = path.as_str(), by = by.as_str());
    let remedy = Remedy::wish(Safety::AskFirst, text!("Give this route precedence"), Wish::ComesFirst);
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
    fn holds_where_another_route_wins() {
        let setting = Setting::Shadowed { by: "location ~ ^/w".to_owned(), path: "/ws".to_owned() };
        assert_eq!(holds(&CAUSE, Sample::told().because("nginx-wrong-location").setting(setting)).severity, Severity::Error);
    }

    #[test]
    fn near_misses() {
        let setting = Setting::SlashRedirect { from: "/ws".to_owned(), to: "/ws/".to_owned() };
        does_not_hold(&CAUSE, Sample::told().setting(setting));
    }
}
