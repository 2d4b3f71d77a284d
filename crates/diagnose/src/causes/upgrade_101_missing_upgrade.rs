//! The 101 has no `Upgrade: websocket`.

use crate::answers::{faulty, invalid};
use crate::{Remedy, Stack, Verdict, cause, text, Finding, Safety, Severity, settings, Symptom};
use evidence::{Evidence, HandshakeFault, Wish};

cause! {
    /// The 101 lacks `Upgrade: websocket`
    ///
    /// # What you see
    /// Chrome: "'Upgrade' header is missing"; node ws: "Unexpected server response: 101". Behind Caddy it becomes an
    /// empty 200.
    ///
    /// # Why it happens
    /// A hop hides the header of the response (nginx: `proxy_hide_header Upgrade`), or a home-made server does not send it.
    ///
    /// # What to do
    /// Let `Upgrade` pass in responses of the socket's location; have the server send `Upgrade: websocket`.
    ///
    /// # How to be sure
    /// The header list of the 101, through the proxy and from the application itself.
    "upgrade-101-missing-upgrade", Upgrade, judge, told: told
}

fn judge(evidence: &Evidence) -> Verdict {
    let Some(faulty) = faulty(evidence, |fault| matches!(fault, HandshakeFault::UpgradeMissing | HandshakeFault::UpgradeOther(_))) else {
        return Verdict::Unseen;
    };
    let proof = match faulty.fault {
        HandshakeFault::UpgradeOther(value) => text!("The 101 says \"Upgrade: {value}\".", value = value),
        _ => text!("The head of the 101 is whole, and Upgrade is not in it."),
    };
    invalid(&faulty, text!("The server's 101 has no \"Upgrade: websocket\" header"), proof, "'Upgrade' header is missing")
        .remedy(
            Remedy::for_stack(
                Stack::Nginx,
                text!("Do not hide the header in the location of the socket"),
                "# remove from the location of the socket:\n# proxy_hide_header Upgrade;",
            )
            .command("nginx -T | grep -in 'proxy_hide_header'"),
        )
        .remedy(Remedy::new(text!("Send \"Upgrade: websocket\" with every 101")))
        .would_tell(text!("Ask the application directly, past the proxy: --connect-to ADDRESS:PORT; if that opens, a hop in between is guilty."))
        .holds()
}

/// The configuration takes the header away.
fn told(evidence: &Evidence) -> Option<Finding> {
    let seen = settings::cleared(evidence, "Upgrade")?;
    let title = text!("{hop} takes Upgrade out of the answer", hop = settings::product(evidence));
    let wish = Wish::LeaveHeader("Upgrade".to_owned());
    let remedy = Remedy::wish(Safety::Safe, text!("Leave {header} alone", header = "Upgrade"), wish);
    Some(settings::finding(evidence, seen, Severity::Error, title).explains(Symptom::HandshakeInvalid).remedy(remedy))
}

#[cfg(test)]
mod tests {
    use super::CAUSE;
    use crate::sample::{Sample, does_not_hold, faulty_101, holds};
    use evidence::{HandshakeFault, Variation};

    fn with(fault: HandshakeFault) -> Sample {
        Sample::ws().exchange(Variation::plain(), faulty_101(&[], vec![fault]))
    }

    #[test]
    fn holds_for_the_fault_and_for_no_other() {
        for fault in [HandshakeFault::UpgradeMissing, HandshakeFault::UpgradeOther("h2c".into())] {
            let _ = holds(&CAUSE, with(fault));
        }
        for fault in [HandshakeFault::ConnectionMissing, HandshakeFault::AcceptMissing] {
            does_not_hold(&CAUSE, with(fault));
        }
        does_not_hold(&CAUSE, Sample::ws().opens());
        does_not_hold(&CAUSE, Sample::ws().answer(426, "Upgrade Required"));
    }
}
