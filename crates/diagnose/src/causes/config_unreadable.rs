//! A configuration that cannot be read to its end.

use crate::{Confidence, Finding, Remedy, Severity, settings, text, cause};
use evidence::{Evidence, Setting};

cause! {
    /// A part of the configuration cannot be read
    ///
    /// # What you see
    /// A file that is included is not there, may not be read, includes itself, or is no text of this product.
    ///
    /// # Why it happens
    /// The path is relative to another folder, the user who runs Keepwire may not read it, or the file was cut
    /// off.
    ///
    /// # What to do
    /// Give the main file rather than a fragment, run with the rights of the proxy, or mend the path.
    ///
    /// # How to be sure
    /// The file and line are named; everything else was still read.
    "config-unreadable", Config, settings::unseen, told: told
}

fn told(evidence: &Evidence) -> Option<Finding> {
    let (seen, why) = settings::find(evidence, |what| match what {
        Setting::Unreadable { why } => Some(why),
        _ => None,
    })?;
    let title = text!("This part of the configuration cannot be read: {why}", why = why.as_str());
    let remedy = Remedy::new(text!("Give the main file, with the rights to read what it includes, or mend the path"));
    Some(settings::finding(evidence, seen, Severity::Error, title).with_confidence(Confidence::Proven).remedy(remedy))
}

#[cfg(test)]
mod tests {
    use super::CAUSE;
    use crate::Severity;
    use crate::sample::{Sample, does_not_hold, holds};
    use evidence::Setting;

    #[test]
    fn holds_where_a_file_is_missing() {
        assert_eq!(holds(&CAUSE, Sample::told().setting(Setting::Unreadable { why: "no such file".to_owned() })).severity, Severity::Error);
    }

    #[test]
    fn near_misses() {
        does_not_hold(&CAUSE, Sample::told().setting(Setting::Refused { says: "unexpected \";\"".to_owned() }));
    }
}
