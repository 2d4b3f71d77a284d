//! Messages above a size do not get through.

use crate::reading::{ending, size};
use crate::sessions::broken;
use crate::text::Text;
use crate::{Confidence, Finding, Remedy, Stack, Symptom, Verdict, cause, recipes, text};
use evidence::{Ending, Evidence, How, Seen, Sizes, StepEnd};

cause! {
    /// Messages above a limit end the connection
    ///
    /// # What you see
    /// Close 1009, often with the numbers in its reason. The sender frequently sees a reset (1006) instead: the
    /// receiver closes while unread data is still on the way.
    ///
    /// # Why it happens
    /// Every server and gateway has a largest message: 8 KiB Tomcat, 32 KiB coder/websocket and SignalR, 64 KiB Netty,
    /// 128 KiB AWS API Gateway, 1 MiB Python websockets, 1 MB Socket.IO, 4 MiB aiohttp, 10 MiB Tornado, 16 MiB
    /// uvicorn, 100 MiB node ws.
    ///
    /// # What to do
    /// Raise the limit where it is meant to be larger; otherwise split the data, or upload it over HTTP.
    ///
    /// # How to be sure
    /// Growing messages end the connection at one and the same size. A narrow path (MTU) stalls instead of closing.
    "frame-message-too-big", Protocol, judge
}

/// Default limits in bytes (documentation and, where marked in the catalog, observed).
const DEFAULTS: &[(u64, &str)] = &[
    (8 << 10, "Tomcat"),
    (32 << 10, "coder/websocket, SignalR"),
    (64 << 10, "Netty"),
    (128 << 10, "AWS API Gateway"),
    (1_000_000, "Socket.IO"),
    (1 << 20, "websockets (Python)"),
    (4 << 20, "aiohttp"),
    (10 << 20, "Tornado"),
    (16 << 20, "uvicorn"),
    (100 << 20, "ws (Node.js)"),
];

fn judge(evidence: &Evidence) -> Verdict {
    let Some(limit) = evidence.sizes().find_map(limit) else { return too_big_for_us(evidence) };
    let twice = evidence.sizes().filter_map(self::limit).filter(|other| other.above == limit.above).count() > 1;
    let (code, reason) = match &limit.ending.how {
        How::Close { code, reason } => (*code, reason.as_str()),
        _ => (None, ""),
    };
    let confidence = if code == Some(1009) || twice { Confidence::Proven } else { Confidence::Likely };
    let title: Text = text!("Messages of {size} or more end the connection", size = size(limit.above));
    let mut finding = Finding::error(confidence, title)
        .explains(Symptom::SizeLimited)
        .proof(&[limit.id], text!("{size} got through.", size = size(limit.below)))
        .proof(&[limit.id], text!("At {size} the connection ended: {how}.", size = size(limit.above), how = ending(&limit.ending.how)));
    if twice {
        finding = finding.proof(&[limit.id], text!("Text and binary messages end it at the same size."));
    }
    if let Some(number) = stated(reason) {
        finding = finding.proof(&[limit.id], text!("The reason names the limit: {size}.", size = size(number)));
    }
    let owners: Vec<&str> = DEFAULTS
        .iter()
        .filter(|(default, _)| (limit.below..=limit.above).contains(default) && limit.above / default.max(&1) < 64)
        .map(|(_, owner)| *owner)
        .collect();
    if !owners.is_empty() {
        finding = finding.proof(&[limit.id], text!("Default limits in that range: {owners}.", owners = owners.join("; ")));
    }
    let response = evidence.handshake().and_then(|seen| seen.fact.response());
    finding
        .not(text!("a narrow path (MTU): that stalls instead of closing"))
        .users(text!("The sender sees close code 1009, or 1006 where the reset overtakes the close frame."))
        .remedies(recipes::for_response(response, remedies(limit.above)))
        .yields_to(&["frame-unacceptable-type"])
        .holds()
}

/// The last size that passed and the first that ended the connection.
struct Limit<'a> {
    id: u32,
    below: u64,
    above: u64,
    ending: &'a Ending,
}

fn limit<'a>(seen: Seen<'a, Sizes>) -> Option<Limit<'a>> {
    let passed = |end: &StepEnd| matches!(end, StepEnd::Echoed | StepEnd::Taken);
    let (above, ending) = seen
        .fact
        .steps
        .iter()
        .filter_map(|step| match &step.end {
            StepEnd::Ended(ending) => Some((step.size, ending)),
            _ => None,
        })
        .min_by_key(|(size, _)| *size)?;
    // Without a smaller one that passed, size is not what it is about.
    let below = seen.fact.steps.iter().filter(|step| passed(&step.end) && step.size < above).map(|step| step.size).max()?;
    let about_size = match &ending.how {
        How::Close { code, .. } => matches!(code, Some(1009 | 1006 | 1000 | 1001 | 1008 | 1011) | None),
        How::Fin | How::Reset | How::Alert(_) => true,
        How::Silence => false,
    };
    about_size.then_some(Limit { id: seen.id, below, above, ending })
}

/// The limit in reasons such as `frame with 1048577 bytes exceeds limit of 1048576 bytes`.
fn stated(reason: &str) -> Option<u64> {
    let words: Vec<&str> = reason.split(|c: char| !c.is_ascii_alphanumeric()).filter(|word| !word.is_empty()).collect();
    words.windows(3).find_map(|words| match words {
        ["limit" | "length", "of", number] => number.parse().ok(),
        _ => None,
    })
}

/// The server's message was larger than we take.
fn too_big_for_us(evidence: &Evidence) -> Verdict {
    let Some(broken) = broken(evidence, &["message-too-big"]) else { return Verdict::Unseen };
    broken
        .finding(text!("The server sends a message larger than clients take"), "Message too big")
        .with_confidence(Confidence::Likely)
        .remedy(Remedy::new(text!("Split what the server sends, or raise the limit of the clients")))
        .holds()
}

fn remedies(wanted: u64) -> Vec<Remedy> {
    let bytes = wanted.saturating_mul(2);
    vec![
        Remedy::for_stack(Stack::Node, text!("Raise the largest message"), format!("new WebSocketServer({{ server, maxPayload: {bytes} }})")),
        Remedy::for_stack(Stack::SocketIo, text!("Raise the largest message"), format!("new Server(server, {{ maxHttpBufferSize: {bytes} }})")),
        Remedy::for_stack(
            Stack::Python,
            text!("Raise the largest message"),
            format!("# websockets\nserve(handler, host, port, max_size={bytes})\n# uvicorn\nuvicorn app:app --ws-max-size {bytes}\n# aiohttp\nweb.WebSocketResponse(max_msg_size={bytes})\n# Tornado\nApplication(handlers, websocket_max_message_size={bytes})"),
        ),
        Remedy::for_stack(
            Stack::Go,
            text!("Raise the largest message"),
            format!("conn.SetReadLimit({bytes})   // gorilla and coder/websocket"),
        ),
        Remedy::for_stack(
            Stack::Java,
            text!("Raise the largest message"),
            format!("session.setMaxTextMessageBufferSize({bytes});\nsession.setMaxBinaryMessageBufferSize({bytes});"),
        ),
        Remedy::for_stack(
            Stack::DotNet,
            text!("Raise the largest message"),
            format!("services.AddSignalR(o => o.MaximumReceiveMessageSize = {bytes});"),
        ),
        Remedy::new(text!("Split large messages in the client, or send such data over HTTP")),
    ]
}

#[cfg(test)]
mod tests {
    use super::CAUSE;
    use crate::Confidence;
    use crate::sample::{Sample, does_not_hold, holds};
    use evidence::{Ending, Fact, How, MessageKind, Place, SizeStep, Sizes, StepEnd, Variation};

    fn ladder(ok: u64, then: u64, end: StepEnd) -> Sample {
        let step = |size, end| SizeStep { size, kind: MessageKind::Text, end, took_us: 1_000 };
        let steps = vec![step(125, StepEnd::Echoed), step(ok, StepEnd::Echoed), step(then, end)];
        Sample::ws().opens().fact(Place::Server, Fact::Sizes(Sizes { steps, echoes: true }))
    }

    fn ended(how: How) -> StepEnd {
        StepEnd::Ended(Ending { how, after_us: 50_000, idle_us: 0 })
    }

    fn close(code: u16, reason: &str) -> StepEnd {
        ended(How::Close { code: Some(code), reason: reason.into() })
    }

    #[test]
    fn holds_where_a_size_ends_the_connection() {
        let finding = holds(&CAUSE, ladder(65_536, 1 << 21, close(1009, "frame with 2097152 bytes exceeds limit of 1048576 bytes")));
        assert_eq!(finding.confidence, Confidence::Proven);
        assert!(finding.proof.iter().any(|proof| proof.text.english().contains("1 MiB")));
        assert_eq!(holds(&CAUSE, ladder(16_384, 65_536, ended(How::Reset))).confidence, Confidence::Likely);
    }

    #[test]
    fn near_misses() {
        does_not_hold(&CAUSE, ladder(1_300, 1_500, StepEnd::Stalled));
        does_not_hold(&CAUSE, ladder(125, 126, close(1003, "only text")));
        does_not_hold(&CAUSE, ladder(125, 126, StepEnd::Broke("reserved-bits".into(), "x".into())));
        does_not_hold(&CAUSE, Sample::ws().opens_with(Variation::plain(), |_| {}));
    }
}
