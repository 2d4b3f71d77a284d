//! The way of a connection, step by step, for the eye: what went well, what did not, and how long it took.

use crate::reading::{duration, ending, reached, status_line};
use crate::symptom::{Symptom, symptoms};
use crate::text;
use crate::text::Text;
use evidence::{
    Answer, Evidence, HoldKind, Micros, Reached, Resolved, StepEnd, TlsOutcome, TlsVariation, TunnelOutcome,
    Variation,
};

/// One line of the way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    /// Which.
    pub name: StepName,
    /// How it went.
    pub status: Status,
    /// In a few words, with the numbers that matter.
    pub summary: Text,
    /// How long it took; none where that means nothing.
    pub took_us: Option<Micros>,
}

/// How a step went.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Status {
    /// Well.
    Ok,
    /// Not for everybody, or not for long.
    Warn,
    /// Not.
    Fail,
    /// It did not come to it.
    Skip,
}

impl Status {
    /// The word for it in JSON; never translated.
    #[must_use]
    pub fn id(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Warn => "warn",
            Self::Fail => "fail",
            Self::Skip => "skip",
        }
    }
}

/// The steps, in the order of the way.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[allow(missing_docs, reason = "the names say it")]
pub enum StepName {
    Dns,
    Proxy,
    Tcp,
    Tls,
    Upgrade,
    Protocol,
    Ping,
    Sizes,
    Hold,
    Close,
    Page,
}

impl StepName {
    /// The word for it in JSON; never translated.
    #[must_use]
    pub fn id(self) -> &'static str {
        match self {
            Self::Dns => "dns",
            Self::Proxy => "proxy",
            Self::Tcp => "tcp",
            Self::Tls => "tls",
            Self::Upgrade => "upgrade",
            Self::Protocol => "protocol",
            Self::Ping => "ping",
            Self::Sizes => "sizes",
            Self::Hold => "hold",
            Self::Close => "close",
            Self::Page => "page",
        }
    }

    /// The word for it in a report.
    #[must_use]
    pub fn title(self) -> Text {
        match self {
            Self::Dns => text!("DNS"),
            Self::Proxy => text!("Proxy"),
            Self::Tcp => text!("TCP"),
            Self::Tls => text!("TLS"),
            Self::Upgrade => text!("Upgrade"),
            Self::Protocol => text!("Protocol"),
            Self::Ping => text!("Ping"),
            Self::Sizes => text!("Sizes"),
            Self::Hold => text!("Hold"),
            Self::Close => text!("Close"),
            Self::Page => text!("Page"),
        }
    }
}

/// The way so far. Steps that were not asked for do not appear; steps that could not be reached are skipped.
#[must_use]
pub fn steps(evidence: &Evidence) -> Vec<Step> {
    let symptoms = symptoms(evidence);
    [
        page(evidence),
        dns(evidence, &symptoms),
        proxy(evidence),
        tcp(evidence, &symptoms),
        tls(evidence, &symptoms),
        upgrade(evidence),
        protocol(evidence),
        ping(evidence, &symptoms),
        sizes(evidence),
        hold(evidence),
        close(evidence),
    ]
    .into_iter()
    .flatten()
    .collect()
}

fn step(name: StepName, status: Status, summary: Text, took_us: Option<Micros>) -> Option<Step> {
    Some(Step { name, status, summary, took_us })
}

fn list(items: impl IntoIterator<Item = String>) -> String {
    items.into_iter().collect::<Vec<_>>().join("  ")
}

fn page(evidence: &Evidence) -> Option<Step> {
    let page = evidence.page()?;
    match &page.answer {
        Answer::Response(response) => {
            let status = if response.status < 400 { Status::Ok } else { Status::Warn };
            step(StepName::Page, status, text!("{status}", status = status_line(response)), None)
        }
        answer => step(StepName::Page, Status::Warn, crate::reading::answer(answer), None),
    }
}

fn dns(evidence: &Evidence, symptoms: &[Symptom]) -> Option<Step> {
    let first = evidence.resolutions().find(|seen| !matches!(seen.by, evidence::Resolver::Server(_)))?;
    let addresses = evidence.addresses();
    if addresses.is_empty() {
        if evidence.case.via.is_some() {
            return step(StepName::Dns, Status::Skip, text!("left to the proxy"), None);
        }
        let summary = match &first.outcome {
            Resolved::NoSuchName => text!("the name does not exist"),
            Resolved::NoData => text!("the name has no address"),
            Resolved::ServerFailure { .. } => text!("the resolver failed"),
            Resolved::TimedOut => text!("the resolver did not answer"),
            Resolved::Refused => text!("the resolver refused to answer"),
            Resolved::Failed(why) => text!("{why}", why = why),
            Resolved::Addresses(_) | Resolved::Https(_) => text!("no address"),
        };
        return step(StepName::Dns, Status::Fail, summary, Some(first.took_us));
    }
    let status = if symptoms.contains(&Symptom::NameNotResolved) { Status::Fail } else { Status::Ok };
    let summary = match first.by {
        evidence::Resolver::Literal => text!("not needed, the address is given"),
        evidence::Resolver::Given => {
            text!("{addresses} (given)", addresses = list(addresses.iter().map(ToString::to_string)))
        }
        _ => text!("{addresses}", addresses = list(addresses.iter().take(4).map(ToString::to_string))),
    };
    let took = (first.took_us > 0).then_some(first.took_us);
    step(StepName::Dns, status, summary, took)
}

fn proxy(evidence: &Evidence) -> Option<Step> {
    let tunnel = evidence.tunnels().next()?;
    let (status, summary) = match &tunnel.outcome {
        TunnelOutcome::Open => (Status::Ok, text!("{proxy} opened the way", proxy = &tunnel.proxy)),
        TunnelOutcome::NameNotResolved => (Status::Fail, text!("the proxy's name does not resolve")),
        TunnelOutcome::Unreached(_) => (Status::Fail, text!("{proxy} is not reached", proxy = &tunnel.proxy)),
        TunnelOutcome::Answered(response) => (
            Status::Fail,
            text!("{proxy} answered {status}", proxy = &tunnel.proxy, status = status_line(response)),
        ),
        TunnelOutcome::Socks(code) => {
            (Status::Fail, text!("{proxy} answered SOCKS error {code}", proxy = &tunnel.proxy, code = *code))
        }
        TunnelOutcome::SocksAuthentication => {
            (Status::Fail, text!("{proxy} wants credentials", proxy = &tunnel.proxy))
        }
        TunnelOutcome::Ended => (Status::Fail, text!("{proxy} closed the connection", proxy = &tunnel.proxy)),
        TunnelOutcome::Silence => (Status::Fail, text!("{proxy} does not answer", proxy = &tunnel.proxy)),
        TunnelOutcome::NotAProxy(_) => (Status::Fail, text!("{proxy} is no proxy", proxy = &tunnel.proxy)),
    };
    step(StepName::Proxy, status, summary, Some(tunnel.took_us))
}

fn tcp(evidence: &Evidence, symptoms: &[Symptom]) -> Option<Step> {
    if evidence.case.via.is_some() {
        return None;
    }
    let connections = evidence.connections_to(evidence.case.target.port);
    let Some(first) = connections.first() else {
        return symptoms
            .contains(&Symptom::NameNotResolved)
            .then(|| step(StepName::Tcp, Status::Skip, text!("there is no address"), None))
            .flatten();
    };
    let good: Vec<_> = connections.iter().filter(|seen| seen.outcome == Reached::Connected).collect();
    if good.is_empty() {
        let port = evidence.case.target.port;
        let summary = text!("port {port}: {outcome}", port = port, outcome = reached(first.outcome));
        return step(StepName::Tcp, Status::Fail, summary, Some(first.took_us));
    }
    let took = good.iter().map(|seen| seen.took_us).min();
    if good.len() < connections.len() {
        let bad = connections.iter().find(|seen| seen.outcome != Reached::Connected)?;
        let summary = text!(
            "{good} of {all} addresses answer; {address}: {outcome}",
            good = good.len(),
            all = connections.len(),
            address = bad.to.ip(),
            outcome = reached(bad.outcome)
        );
        return step(StepName::Tcp, Status::Warn, summary, took);
    }
    let summary = match good.len() {
        1 => text!("connected to port {port}", port = first.to.port()),
        count => text!("all {count} addresses answer", count = count),
    };
    step(StepName::Tcp, Status::Ok, summary, took)
}

fn tls(evidence: &Evidence, symptoms: &[Symptom]) -> Option<Step> {
    if !evidence.case.target.secure {
        return None;
    }
    let Some(tls) = evidence.tls(&TlsVariation::Plain) else {
        return step(StepName::Tls, Status::Skip, text!("there is no connection"), None);
    };
    let took = Some(tls.took_us);
    if tls.completed() {
        let version = tls.version.clone().unwrap_or_default();
        let Some(leaf) = tls.leaf() else {
            return step(StepName::Tls, Status::Ok, text!("{version}", version = version), took);
        };
        let now = crate::reading::now(evidence);
        let days = leaf.not_after.saturating_sub(now).div_euclid(86_400);
        return if symptoms.contains(&Symptom::CertificateNotTrusted) {
            let summary = match tls.trust.first().and_then(|trust| trust.fault.clone()) {
                Some(evidence::TrustFault::Expired) => {
                    text!(
                        "the certificate ended {days} days ago",
                        days = now.saturating_sub(leaf.not_after) / 86_400
                    )
                }
                Some(evidence::TrustFault::NotYetValid) => text!("the certificate is not valid yet"),
                Some(evidence::TrustFault::OtherName) => text!("the certificate is for other names"),
                Some(evidence::TrustFault::Revoked) => text!("the certificate is revoked"),
                Some(evidence::TrustFault::UnknownIssuer) => {
                    text!("the issuer of the certificate is not known")
                }
                Some(evidence::TrustFault::Other(why)) => {
                    text!("the certificate is refused: {why}", why = why)
                }
                None => text!("the certificate is not trusted"),
            };
            step(StepName::Tls, Status::Fail, summary, took)
        } else {
            let status = if days < 7 { Status::Warn } else { Status::Ok };
            let summary = if evidence.case.insecure && !tls.trusted() {
                text!("{version}, certificate not trusted (ignored)", version = version)
            } else {
                text!("{version}, valid for {days} days", version = version, days = days)
            };
            step(StepName::Tls, status, summary, took)
        };
    }
    let summary = match &tls.outcome {
        TlsOutcome::Alert { name, .. } => text!("the server sent the alert {name}", name = name),
        TlsOutcome::Ended => text!("the server closed the connection in the handshake"),
        TlsOutcome::Reset => text!("the connection was reset in the handshake"),
        TlsOutcome::Silence => text!("the server did not answer the ClientHello"),
        TlsOutcome::NotTls(_) => text!("the port does not speak TLS"),
        TlsOutcome::Failed(why) => text!("{why}", why = why),
        TlsOutcome::NotConnected => {
            return step(StepName::Tls, Status::Skip, text!("there is no connection"), None);
        }
        TlsOutcome::Completed | TlsOutcome::Answered => text!("not finished"),
    };
    step(StepName::Tls, Status::Fail, summary, took)
}

fn upgrade(evidence: &Evidence) -> Option<Step> {
    let skipped = || step(StepName::Upgrade, Status::Skip, text!("there is no connection"), None);
    let Some(handshake) = evidence.handshake() else { return skipped() };
    let took = Some(handshake.took_us);
    match &handshake.answer {
        Answer::Response(response) if response.status == 101 && response.faults.is_empty() => {
            let summary = match crate::reading::front(response) {
                Some(product) => text!("101 from {name}, key verified", name = product.name()),
                None => text!("101, key verified"),
            };
            step(StepName::Upgrade, Status::Ok, summary, took)
        }
        Answer::Response(response) if response.status == 101 => {
            step(StepName::Upgrade, Status::Fail, text!("101, but browsers refuse it"), took)
        }
        Answer::Response(response) => step(
            StepName::Upgrade,
            Status::Fail,
            text!("expected 101, got {status}", status = status_line(response)),
            took,
        ),
        Answer::NotSent(_) => skipped(),
        answer => step(
            StepName::Upgrade,
            Status::Fail,
            text!("expected 101, got: {answer}", answer = crate::reading::answer(answer)),
            took,
        ),
    }
}

fn no_session(name: StepName, evidence: &Evidence) -> Option<Step> {
    // One "skip" line is enough: it stands at the first step that needs the open connection.
    (name == StepName::Protocol && evidence.handshake().is_none_or(|seen| !seen.opened()))
        .then(|| step(name, Status::Skip, text!("there is no open WebSocket"), None))
        .flatten()
}

fn protocol(evidence: &Evidence) -> Option<Step> {
    let Some(session) = evidence.session(&Variation::plain()) else {
        return no_session(StepName::Protocol, evidence);
    };
    if let Some((id, detail)) = session.faults.first() {
        let summary = text!("the server broke a rule: {id} ({detail})", id = id, detail = detail);
        return step(StepName::Protocol, Status::Fail, summary, None);
    }
    let exchange = evidence.handshake()?;
    let response = exchange.fact.response()?;
    let subprotocol = response.header("sec-websocket-protocol").map(str::to_owned);
    let deflate = evidence.session(&Variation::browser()).is_some_and(|seen| seen.deflate);
    let mut parts = Vec::new();
    parts.extend(subprotocol);
    if deflate {
        parts.push("permessage-deflate".to_owned());
    }
    if session.ended_uninvited()
        && let Some(end) = &session.ending
    {
        let summary = text!(
            "the server ended it after {time}: {how}",
            time = duration(end.after_us),
            how = ending(&end.how)
        );
        let status = if crate::sessions::delivered(session.fact) { Status::Warn } else { Status::Fail };
        return step(StepName::Protocol, status, summary, None);
    }
    if session.echo.as_ref().is_some_and(|echo| echo.same) {
        parts.push("echo".to_owned());
    }
    let summary = if parts.is_empty() {
        text!("frames are well-formed")
    } else {
        text!("{parts}", parts = parts.join(", "))
    };
    step(StepName::Protocol, Status::Ok, summary, None)
}

fn ping(evidence: &Evidence, symptoms: &[Symptom]) -> Option<Step> {
    let session = evidence.session(&Variation::plain())?;
    if session.pings.is_empty() {
        return None;
    }
    let mut times: Vec<Micros> = session.pongs().collect();
    times.sort_unstable();
    let (Some(median), Some(worst)) = (times.get(times.len() / 2), times.last()) else {
        let status = if symptoms.contains(&Symptom::NoPong) { Status::Fail } else { Status::Skip };
        return step(StepName::Ping, status, text!("0 of {all} answered", all = session.pings.len()), None);
    };
    let summary = text!(
        "{good} of {all}, median {median}, worst {worst}",
        good = times.len(),
        all = session.pings.len(),
        median = duration(*median),
        worst = duration(*worst)
    );
    step(StepName::Ping, Status::Ok, summary, None)
}

fn sizes(evidence: &Evidence) -> Option<Step> {
    let mut ladders = evidence.sizes().peekable();
    ladders.peek()?;
    let mut largest = 0;
    for ladder in ladders {
        for one in &ladder.steps {
            match one.end {
                StepEnd::Echoed | StepEnd::Taken => largest = largest.max(one.size),
                StepEnd::Ended(_) | StepEnd::Stalled if one.size <= 1 => {
                    let summary =
                        text!("not tested: the application ends connections that send an unknown message");
                    return step(StepName::Sizes, Status::Skip, summary, None);
                }
                _ => {
                    let summary = text!("{size} does not get through", size = crate::reading::size(one.size));
                    return step(StepName::Sizes, Status::Fail, summary, None);
                }
            }
        }
    }
    step(StepName::Sizes, Status::Ok, text!("up to {size}", size = crate::reading::size(largest)), None)
}

fn hold(evidence: &Evidence) -> Option<Step> {
    let hold = evidence.holds(HoldKind::Quiet).next()?;
    match (&hold.ending, hold.alive_after) {
        (Some(end), _) => {
            let summary = text!(
                "ended after {time} of silence: {how}",
                time = duration(end.idle_us),
                how = ending(&end.how)
            );
            step(StepName::Hold, Status::Warn, summary, None)
        }
        (None, Some(false)) => step(
            StepName::Hold,
            Status::Warn,
            text!("dead after {time} of silence", time = duration(hold.held_us)),
            None,
        ),
        // Where the server keeps talking, no timer for silence was put to the test.
        (None, _) if hold.server_spoke > 0 => {
            let (time, bytes) = (duration(hold.held_us), crate::reading::size(hold.server_spoke));
            let summary = text!(
                "open after {time}, in which the server sent {bytes} by itself",
                time = time,
                bytes = bytes
            );
            step(StepName::Hold, Status::Ok, summary, None)
        }
        (None, _) => step(
            StepName::Hold,
            Status::Ok,
            text!("open after {time} of silence", time = duration(hold.held_us)),
            None,
        ),
    }
}

fn close(evidence: &Evidence) -> Option<Step> {
    let closing = evidence.session(&Variation::plain())?.fact.closing.as_ref()?;
    match closing.answered {
        Some(code) => step(
            StepName::Close,
            Status::Ok,
            text!("{code}, the server answered", code = code),
            Some(closing.took_us),
        ),
        None if closing.ended => {
            step(StepName::Close, Status::Ok, text!("the server closed TCP without a close frame"), None)
        }
        None => step(StepName::Close, Status::Warn, text!("the server did not answer the close frame"), None),
    }
}
