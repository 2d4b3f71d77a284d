//! The proxy has room for fewer sockets than are expected.

use crate::{Finding, Remedy, Safety, Severity, settings, text, cause};
use evidence::{Evidence, Setting, Wish};

cause! {
    /// The proxy has room for too few sockets
    ///
    /// # What you see
    /// The first so many clients connect; then new ones are reset right after TCP, or wait in the handshake.
    /// nginx logs `worker_connections are not enough`, or `accept4() failed (24: Too many open files)`.
    ///
    /// # Why it happens
    /// Each proxied socket takes two connections, and two file handles, for as long as it lives. Defaults are
    /// made for short requests: nginx has room for 512 connections a worker.
    ///
    /// # What to do
    /// Raise the limit and the number of open files together, for at least twice the sockets that are expected.
    ///
    /// # How to be sure
    /// Count the open sockets (`ss -s`) when the next one fails.
    "resource-socket-limit", Config, settings::unseen, told: told
}

fn told(evidence: &Evidence) -> Option<Finding> {
    let (seen, (sockets, limit)) = settings::find(evidence, |what| match what {
        Setting::SocketLimit { sockets, limit } => Some((*sockets, limit)),
        _ => None,
    })?;
    let expected = settings::find(evidence, |what| match what {
        Setting::Expected { sockets } => Some(*sockets),
        _ => None,
    });
    let hop = settings::product(evidence);
    let (severity, title, wanted) = match expected {
        Some((_, expected)) if expected > sockets => (
            Severity::Error,
            text!("{hop} has room for {sockets} sockets ({limit}), and {expected} are expected", hop = hop, sockets = sockets, limit = limit.as_str(), expected = expected),
            expected,
        ),
        Some(_) => return None,
        None if sockets < 1_000 => {
            (Severity::Note, text!("{hop} has room for {sockets} sockets at the same time ({limit})", hop = hop, sockets = sockets, limit = limit.as_str()), 4_096)
        }
        None => return None,
    };
    let remedy = Remedy::wish(Safety::AskFirst, text!("Make room for {count} sockets", count = wanted), Wish::Sockets(wanted));
    Some(settings::finding(evidence, seen, severity, title).remedy(remedy))
}

#[cfg(test)]
mod tests {
    use super::CAUSE;
    use crate::sample::{Sample, does_not_hold, holds};
    use evidence::Setting;

    use crate::Severity;

    fn limit(sockets: u64) -> Setting {
        Setting::SocketLimit { sockets, limit: "worker_connections".to_owned() }
    }

    #[test]
    fn holds_where_more_are_expected() {
        let sample = Sample::told().setting(limit(2_000)).setting(Setting::Expected { sockets: 10_000 });
        assert_eq!(holds(&CAUSE, sample).severity, Severity::Error);
        assert_eq!(holds(&CAUSE, Sample::told().setting(limit(256))).severity, Severity::Note);
    }

    #[test]
    fn near_misses() {
        does_not_hold(&CAUSE, Sample::told().setting(limit(2_000)));
        does_not_hold(&CAUSE, Sample::told().setting(limit(256)).setting(Setting::Expected { sockets: 100 }));
    }
}
