//! Towards one address of the application there are fewer source ports than sockets.

use crate::{Finding, Remedy, Severity, settings, text, cause};
use evidence::{Evidence, Setting};

cause! {
    /// The proxy runs out of source ports
    ///
    /// # What you see
    /// At about 28,000 sockets new ones fail with 500 or 502; nginx logs `connect() failed (99: Cannot assign
    /// requested address)`.
    ///
    /// # Why it happens
    /// Every connection to one address and port of the application needs a source port of its own, and Linux
    /// gives out 28,232 by default.
    ///
    /// # What to do
    /// Several addresses or ports for the application (127.0.0.1 to 127.0.0.4 will do), a Unix socket, or a
    /// wider `net.ipv4.ip_local_port_range`.
    ///
    /// # How to be sure
    /// `ss -tan` shows nearly all ports in use towards that one address.
    "resource-ephemeral-ports", Config, settings::unseen, told: told
}

fn told(evidence: &Evidence) -> Option<Finding> {
    let (seen, (sockets, upstream)) = settings::find(evidence, |what| match what {
        Setting::PortLimit { sockets, upstream } => Some((*sockets, upstream)),
        _ => None,
    })?;
    let expected = settings::find(evidence, |what| match what {
        Setting::Expected { sockets } => Some(*sockets),
        _ => None,
    });
    if expected.is_some_and(|(_, expected)| expected <= sockets) {
        return None;
    }
    let hop = settings::product(evidence);
    let title = text!("{hop} can open only {sockets} connections to {upstream}: there are no more source ports", hop = hop, sockets = sockets, upstream = upstream.as_str());
    let remedy = Remedy::new(text!("Give the application several addresses or a Unix socket, or widen net.ipv4.ip_local_port_range"))
        .command("sysctl -w net.ipv4.ip_local_port_range='1024 65535'");
    let severity = if expected.is_some() { Severity::Error } else { Severity::Note };
    Some(settings::finding(evidence, seen, severity, title).remedy(remedy))
}

#[cfg(test)]
mod tests {
    use super::CAUSE;
    use crate::Severity;
    use crate::sample::{Sample, does_not_hold, holds};
    use evidence::Setting;

    fn limit() -> Setting {
        Setting::PortLimit { sockets: 28_232, upstream: "http://127.0.0.1:3000".to_owned() }
    }

    #[test]
    fn holds_where_ports_are_the_limit() {
        assert_eq!(holds(&CAUSE, Sample::told().setting(limit())).severity, Severity::Note);
    }

    #[test]
    fn near_misses() {
        does_not_hold(&CAUSE, Sample::told().setting(limit()).setting(Setting::Expected { sockets: 5_000 }));
    }
}
