//! What runs is not what the file says.

use crate::reading::{quote, refused, same_without_upgrade};
use crate::{Confidence, Finding, Remedy, Severity, Symptom, fingerprint, settings, text, cause};
use evidence::{Evidence, Passing, Setting};

cause! {
    /// The running configuration is another one
    ///
    /// # What you see
    /// The file passes the upgrade on, and yet the running proxy strips it; or every change of the file has no
    /// effect.
    ///
    /// # Why it happens
    /// The file was not reloaded, a reload failed (`nginx -t` says why), the file is not included, or another
    /// instance or another hop answers at this address.
    ///
    /// # What to do
    /// Test and reload (`nginx -t && nginx -s reload`), compare with what is loaded (`nginx -T`), look which
    /// process listens (`ss -ltnp`).
    ///
    /// # How to be sure
    /// The worker processes are older than the file.
    "config-not-active", Config, settings::unseen, told: told
}

fn told(evidence: &Evidence) -> Option<Finding> {
    let (seen, ()) = settings::find(evidence, |what| match what {
        Setting::Upgrade(Passing::Passed | Passing::ConnectionAlways | Passing::Always) => Some(()),
        _ => None,
    })?;
    let (handshake, response) = refused(evidence)?;
    if same_without_upgrade(evidence) != Some(true) || !fingerprint::says_no_upgrade_arrived(response) {
        return None;
    }
    let hop = settings::product(evidence);
    let title = text!("This file passes the upgrade on, but what runs does not: it was not loaded, or another hop answers");
    let finding = settings::finding(evidence, seen, Severity::Error, title)
        .with_confidence(Confidence::Likely)
        .because((hop == "nginx").then_some("nginx-config-not-active"))
        .explains(Symptom::NotSwitched)
        .proof(&[handshake.id], text!("The answer says itself that no upgrade arrived: \"{body}\"", body = quote(response, 60)))
        .remedy(Remedy::new(text!("Test and load the file, and see which process answers")).command("nginx -t && nginx -s reload").command("ss -ltnp"));
    Some(finding)
}

#[cfg(test)]
mod tests {
    use super::CAUSE;
    use crate::Severity;
    use crate::sample::{Sample, does_not_hold, holds};
    use evidence::Setting;

    use evidence::{Passing, Variation};

    fn stripped() -> Sample {
        let headers = ["server: nginx"];
        Sample::told()
            .answer_with(426, &headers, "Upgrade Required")
            .experiment_with(Variation::without_upgrade(), 426, &headers, "Upgrade Required")
    }

    #[test]
    fn holds_where_file_and_answer_disagree() {
        assert_eq!(holds(&CAUSE, stripped().setting(Setting::Upgrade(Passing::Passed))).severity, Severity::Error);
    }

    #[test]
    fn near_misses() {
        does_not_hold(&CAUSE, stripped().setting(Setting::Upgrade(Passing::Dropped)));
        does_not_hold(&CAUSE, Sample::told().setting(Setting::Upgrade(Passing::Passed)));
    }
}
