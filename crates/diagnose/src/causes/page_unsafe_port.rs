//! A port that browsers do not connect to.

use crate::browser;
use crate::{Confidence, Remedy, Verdict, cause, text};
use evidence::Evidence;

cause! {
    /// Browsers refuse this port
    ///
    /// # What you see
    /// `net::ERR_UNSAFE_PORT` at once (Firefox: "This address is restricted"), without a packet. Command line tools connect.
    ///
    /// # Why it happens
    /// Browsers do not connect to ports of old protocols such as 25, 6000, 6665 to 6669 or 10080, so that a web page
    /// cannot talk to a mail or IRC server. The list is part of the Fetch standard ("bad ports") and counts for sockets.
    ///
    /// # What to do
    /// Use another port; best 443, with a proxy that passes the socket on.
    ///
    /// # How to be sure
    /// The number alone decides: look it up in the list of the Fetch standard.
    "page-unsafe-port", Browser, judge
}

/// Fetch standard, section "Port blocking", as of 2026; port 0 cannot be asked for.
const BAD_PORTS: &[u16] = &[
    1, 7, 9, 11, 13, 15, 17, 19, 20, 21, 22, 23, 25, 37, 42, 43, 53, 69, 77, 79, 87, 95, 101, 102, 103, 104, 109, 110,
    111, 113, 115, 117, 119, 123, 135, 137, 139, 143, 161, 179, 389, 427, 465, 512, 513, 514, 515, 526, 530, 531, 532,
    540, 548, 554, 556, 563, 587, 601, 636, 989, 990, 993, 995, 1719, 1720, 1723, 2049, 3659, 4045, 4190, 5060, 5061,
    6000, 6566, 6665, 6666, 6667, 6668, 6669, 6679, 6697, 10080,
];

fn judge(evidence: &Evidence) -> Verdict {
    let port = evidence.case.target.port;
    if BAD_PORTS.binary_search(&port).is_err() {
        return Verdict::Unseen;
    }
    let mut finding = browser::finding(&evidence.case, Confidence::Proven, text!("Browsers do not connect to port {port}", port = port))
        .proof(&[], text!("Port {port} is on the list of bad ports of the Fetch standard.", port = port))
        .users(text!("Chrome: net::ERR_UNSAFE_PORT. Firefox: \"This address is restricted\"."))
        .remedy(Remedy::new(text!("Use another port; best 443, with a proxy that passes the socket on")));
    if let Some(handshake) = evidence.handshake().filter(|seen| seen.opened()) {
        finding = finding.proof(&[handshake.id], text!("Outside a browser the same address opens."));
    }
    finding.holds()
}

#[cfg(test)]
mod tests {
    use super::{BAD_PORTS, CAUSE};
    use crate::Severity;
    use crate::sample::{Sample, does_not_hold, holds};

    #[test]
    fn holds_for_every_port_of_the_list() {
        assert!(BAD_PORTS.is_sorted());
        for port in [1, 25, 4190, 6000, 6679, 10080] {
            let sample = Sample::at(&format!("ws://app.example:{port}/ws")).opens();
            assert_eq!(holds(&CAUSE, sample.clone()).severity, Severity::Warning);
            assert_eq!(holds(&CAUSE, sample.page("http://app.example/", |_| {})).severity, Severity::Error);
        }
        for port in [80, 443, 3000, 6001, 8080, 10081] {
            does_not_hold(&CAUSE, Sample::at(&format!("ws://app.example:{port}/ws")).opens());
        }
    }
}
