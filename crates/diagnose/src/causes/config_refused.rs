//! A configuration that the product itself would not load.

use crate::{Confidence, Finding, Remedy, Safety, Severity, settings, text, cause};
use evidence::{Evidence, Setting, Wish};

cause! {
    /// The proxy refuses its own configuration
    ///
    /// # What you see
    /// A reload fails, or the proxy does not start; often nobody notices, because the old configuration keeps
    /// running. `nginx -t` and its kin name the line.
    ///
    /// # Why it happens
    /// A snippet uses `$connection_upgrade` and its `map` was left out or put inside `server`; `proxy_pass
    /// ws://…`; a path in the `proxy_pass` of a regular-expression location; a brace or a semicolon is missing.
    ///
    /// # What to do
    /// Mend the line, test with the product's own checker (`nginx -t`, `apachectl configtest`, `haproxy -c`,
    /// `caddy validate`), reload.
    ///
    /// # How to be sure
    /// The checker says the same. A worker that is older than the file still runs the old configuration.
    "config-refused", Config, settings::unseen, told: told
}

fn told(evidence: &Evidence) -> Option<Finding> {
    let (seen, says) = settings::find(evidence, |what| match what {
        Setting::Refused { says } => Some(says),
        _ => None,
    })?;
    let hop = settings::product(evidence);
    let title = text!("{hop} will not load this: {says}", hop = hop, says = says.as_str());
    let remedy = Remedy::wish(Safety::Safe, text!("Write it so that it is loaded"), Wish::Acceptable);
    let finding = settings::finding(evidence, seen, Severity::Error, title)
        .with_confidence(Confidence::Proven)
        .users(text!("Nothing changes: the old configuration keeps running, or nothing runs at all."))
        .remedy(remedy);
    Some(finding)
}

#[cfg(test)]
mod tests {
    use super::CAUSE;
    use crate::sample::{Sample, does_not_hold, holds};
    use evidence::Setting;

    #[test]
    fn holds_where_the_product_says_no() {
        let says = "unknown \"connection_upgrade\" variable".to_owned();
        let finding = holds(&CAUSE, Sample::told().because("nginx-map-missing").setting(Setting::Refused { says }));
        assert_eq!(finding.because, Some("nginx-map-missing"));
    }

    #[test]
    fn near_misses() {
        does_not_hold(&CAUSE, Sample::told().setting(Setting::Unreadable { why: "missing".to_owned() }));
        does_not_hold(&CAUSE, Sample::told());
    }
}
