//! Readings of what forward proxies said, shared by the causes about them.

use crate::reading::status_line;
use crate::{Text, text};
use evidence::{Evidence, Seen, Tunnel, TunnelOutcome};

/// The way to the target itself, where the proxy did not open it.
pub(crate) fn failed(evidence: &Evidence) -> Option<Seen<'_, Tunnel>> {
    evidence.case.via.as_ref()?;
    evidence.tunnels().next().filter(|seen| seen.outcome != TunnelOutcome::Open)
}

/// The way to another port of the same host.
pub(crate) fn to_port(evidence: &Evidence, port: u16) -> Option<Seen<'_, Tunnel>> {
    let suffix = format!(":{port}");
    evidence.tunnels().skip(1).find(|seen| seen.destination.ends_with(&suffix))
}

/// The proxy's rules forbid it: 403 and its kin, or SOCKS reply 2 (RFC 1928 section 6).
pub(crate) fn denied(outcome: &TunnelOutcome) -> bool {
    match outcome {
        TunnelOutcome::Answered(response) => matches!(response.status, 403 | 451),
        TunnelOutcome::Socks(code) => *code == 2,
        _ => false,
    }
}

/// What came of a tunnel request, in a few words.
pub(crate) fn outcome(outcome: &TunnelOutcome) -> Text {
    match outcome {
        TunnelOutcome::Open => text!("an open way"),
        TunnelOutcome::NameNotResolved => text!("the proxy's name does not resolve"),
        TunnelOutcome::Unreached(reached) => crate::reading::reached(*reached),
        TunnelOutcome::Answered(response) => text!("{status}", status = status_line(response)),
        TunnelOutcome::Socks(code) => text!("SOCKS error {code}", code = u16::from(*code)),
        TunnelOutcome::SocksAuthentication => text!("a demand for credentials"),
        TunnelOutcome::Ended => text!("the connection was closed"),
        TunnelOutcome::Silence => text!("no answer"),
        TunnelOutcome::NotAProxy(_) => text!("something that no proxy says"),
    }
}
