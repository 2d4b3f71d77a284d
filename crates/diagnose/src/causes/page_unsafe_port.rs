//! A port that browsers refuse to connect to.

use crate::{Confidence, Finding, Remedy, Symptom, Verdict, cause, page, text};
use evidence::Evidence;

cause! {
    /// Browsers block this port
    ///
    /// # What you see
    /// `net::ERR_UNSAFE_PORT` at once, and no packet leaves. Command line tools connect.
    ///
    /// # Why it happens
    /// Browsers refuse ports of other protocols (6000 is X11, 6667 IRC, 10080 Amanda), so that pages cannot speak to such
    /// servers. The list is in the Fetch standard, section "Port blocking".
    ///
    /// # What to do
    /// Use another port, best 443.
    ///
    /// # How to be sure
    /// The number alone decides: a server on the next port works.
    "page-unsafe-port", Browser, judge
}

/// Fetch standard, section 2.9, "bad port". 80 and 443 are not among them.
const BAD_PORTS: &[u16] = &[
    0, 1, 7, 9, 11, 13, 15, 17, 19, 20, 21, 22, 23, 25, 37, 42, 43, 53, 69, 77, 79, 87, 95, 101, 102, 103, 104, 109, 110, 111,
    113, 115, 117, 119, 123, 135, 137, 139, 143, 161, 179, 389, 427, 465, 512, 513, 514, 515, 526, 530, 531, 532, 540, 548, 554,
    556, 563, 587, 601, 636, 989, 990, 993, 995, 1719, 1720, 1723, 2049, 3659, 4045, 4190, 5060, 5061, 6000, 6566, 6665, 6666,
    6667, 6668, 6669, 6679, 6697, 10080,
];

fn judge(evidence: &Evidence) -> Verdict {
    let port = evidence.case.target.port;
    if !BAD_PORTS.contains(&port) {
        return Verdict::Unseen;
    }
    let title = text!("Browsers refuse to connect to port {port}", port = port);
    let finding = if evidence.case.page.is_some() {
        Finding::error(Confidence::Proven, title)
    } else {
        Finding::warning(Confidence::Proven, title)
    };
    let mut finding = finding
        .explains(Symptom::BrowserRefused)
        .proof(&page::ids(evidence), text!("Port {port} is on the list of blocked ports in the Fetch standard.", port = port))
        .users(text!("Browsers: net::ERR_UNSAFE_PORT and close code 1006, without a packet. Programs connect."))
        .remedy(Remedy::new(text!("Use another port, best 443 with TLS beside the page")));
    if let Some(handshake) = evidence.handshake().filter(|seen| seen.opened()) {
        finding = finding.proof(&[handshake.id], text!("Without a browser the same socket opens."));
    }
    finding.holds()
}

#[cfg(test)]
mod tests {
    use super::{BAD_PORTS, CAUSE};
    use crate::Severity;
    use crate::sample::{Sample, does_not_hold, holds};

    #[test]
    fn holds_for_ports_of_the_list() {
        assert!(BAD_PORTS.is_sorted(), "easier to compare with the standard");
        assert_eq!(holds(&CAUSE, Sample::at("ws://app.example:6000/").opens()).severity, Severity::Warning);
        let page = Sample::at("ws://app.example:10080/").opens().page("http://app.example/", |_| {});
        assert_eq!(holds(&CAUSE, page).severity, Severity::Error);
    }

    #[test]
    fn near_misses() {
        for url in ["ws://app.example:6001/", "ws://app.example/", "wss://app.example/", "ws://app.example:8080/"] {
            does_not_hold(&CAUSE, Sample::at(url).opens());
        }
    }
}
