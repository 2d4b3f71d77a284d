//! What is visibly wrong, before anybody asks why.

use crate::sessions::ended_early;
use evidence::{
    Answer, Evidence, HoldKind, Reached, StepEnd, TlsOutcome, TlsVariation, TunnelOutcome, Variation,
};
use std::net::IpAddr;

/// Something that visibly went wrong.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Symptom {
    /// The name has no address.
    NameNotResolved,
    /// The forward proxy did not open a way.
    TunnelFailed,
    /// No address took the connection.
    NotReached,
    /// Another address of the name did, this one did not.
    AddressNotReached(IpAddr),
    /// The TLS handshake failed.
    TlsFailed,
    /// TLS works, but no client trusts the certificate.
    CertificateNotTrusted,
    /// The same, but only at this address.
    AddressNotTrusted(IpAddr),
    /// The answer to the handshake is no 101.
    NotSwitched,
    /// It is a 101 that strict clients refuse.
    HandshakeInvalid,
    /// The server ended the connection soon after it was open.
    EndedEarly,
    /// The server broke a rule of the frame protocol.
    FramesBroken,
    /// The server does not answer pings.
    NoPong,
    /// The handshake as a browser sends it fails, the plain one works.
    BrowserRefused,
    /// As a browser opens it, the connection breaks later; the plain one does not.
    BrowserBroken,
    /// Larger messages do not get through.
    SizeLimited,
    /// A quiet connection was ended.
    Cut,
    /// A quiet connection was dead without anybody saying so.
    DeadSilently,
    /// HTTP/2 promises WebSockets and does not keep it.
    Http2Broken,
}

impl Symptom {
    /// Whether the connection as asked for does not work because of it.
    #[must_use]
    pub fn is_failure(&self) -> bool {
        !matches!(
            self,
            Self::AddressNotReached(_)
                | Self::AddressNotTrusted(_)
                | Self::BrowserRefused
                | Self::BrowserBroken
                | Self::Http2Broken
                | Self::Cut
                | Self::DeadSilently
        )
    }
}

/// Everything that visibly went wrong, in the order in which a connection is built.
#[must_use]
pub fn symptoms(evidence: &Evidence) -> Vec<Symptom> {
    let case = &evidence.case;
    let mut found = Vec::new();
    let resolved: Vec<_> =
        evidence.resolutions().filter(|seen| !matches!(seen.by, evidence::Resolver::Server(_))).collect();
    if case.via.is_none() && !resolved.is_empty() && evidence.addresses().is_empty() {
        found.push(Symptom::NameNotResolved);
    }
    if case.via.is_some() && evidence.tunnels().next().is_some_and(|seen| seen.outcome != TunnelOutcome::Open)
    {
        found.push(Symptom::TunnelFailed);
    }
    if case.via.is_none() {
        let connections = evidence.connections_to(case.target.port);
        let reached = |outcome: Reached| outcome == Reached::Connected;
        if !connections.is_empty() && !connections.iter().any(|seen| reached(seen.outcome)) {
            found.push(Symptom::NotReached);
        } else {
            let missed = connections.iter().filter(|seen| !reached(seen.outcome));
            found.extend(missed.map(|seen| Symptom::AddressNotReached(seen.to.ip())));
        }
    }
    if case.target.secure {
        tls(evidence, &mut found);
    }
    if let Some(handshake) = evidence.handshake() {
        match handshake.response() {
            Some(response) if response.status == 101 => {
                if !response.faults.is_empty() {
                    found.push(Symptom::HandshakeInvalid);
                }
            }
            _ if matches!(handshake.answer, Answer::NotSent(_)) => {}
            _ => found.push(Symptom::NotSwitched),
        }
        if handshake.opened() {
            session(evidence, &mut found);
        }
    }
    // Where even one byte does not get through, the size is not to blame: the application does not know the message.
    let limited = evidence.sizes().any(|seen| {
        let bad = seen.fact.steps.iter().find(|step| !matches!(step.end, StepEnd::Echoed | StepEnd::Taken));
        bad.is_some_and(|step| step.size > 1 || matches!(step.end, StepEnd::Broke(..)))
    });
    if limited {
        found.push(Symptom::SizeLimited);
    }
    let quiet: Vec<_> = evidence.holds(HoldKind::Quiet).collect();
    if quiet.iter().any(|seen| seen.ending.is_some()) {
        found.push(Symptom::Cut);
    } else if quiet.iter().any(|seen| seen.alive_after == Some(false)) {
        found.push(Symptom::DeadSilently);
    }
    if evidence.http2().is_some_and(|seen| {
        seen.extended_connect
            && seen.answer.as_ref().is_some_and(|answer| *answer != evidence::Http2Answer::Status(200))
    }) && evidence.handshake().is_some_and(|seen| seen.opened())
    {
        found.push(Symptom::Http2Broken);
    }
    found
}

fn tls(evidence: &Evidence, found: &mut Vec<Symptom>) {
    if let Some(tls) = evidence.tls(&TlsVariation::Plain) {
        match tls.outcome {
            TlsOutcome::Completed if !tls.trusted() && !evidence.case.insecure => {
                found.push(Symptom::CertificateNotTrusted);
            }
            TlsOutcome::Completed | TlsOutcome::NotConnected => {}
            _ => found.push(Symptom::TlsFailed),
        }
        if tls.trusted() {
            let others = evidence.tls_attempts().filter_map(|seen| match seen.variation {
                TlsVariation::Address(address) if seen.completed() && !seen.fact.trusted() => Some(address),
                _ => None,
            });
            found.extend(others.map(Symptom::AddressNotTrusted));
        }
    }
}

fn session(evidence: &Evidence, found: &mut Vec<Symptom>) {
    let plain = evidence.session(&Variation::plain());
    if let Some(session) = plain {
        if !session.faults.is_empty() {
            found.push(Symptom::FramesBroken);
        } else if ended_early(session.fact) {
            found.push(Symptom::EndedEarly);
        } else if session.ending.is_none() && !session.pings.is_empty() && session.pongs().next().is_none() {
            found.push(Symptom::NoPong);
        }
    }
    let browser = Variation::browser();
    if let Some(exchange) = evidence.exchange(&browser)
        && exchange.was_sent()
        && !exchange.opened()
    {
        found.push(Symptom::BrowserRefused);
    }
    let healthy = plain.is_some_and(|session| session.faults.is_empty() && !ended_early(session.fact));
    if healthy
        && let Some(session) = evidence.session(&browser)
        && (!session.faults.is_empty() || ended_early(session.fact))
    {
        found.push(Symptom::BrowserBroken);
    }
}
