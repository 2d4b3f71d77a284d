//! A session lives on one node, and its next request comes to another.

use crate::answers::{Refusal, not_switched, refusal, refused_as};
use crate::reading::{experiment, quote};
use crate::{Confidence, Finding, Remedy, Stack, Verdict, cause, text, Safety, Severity, settings};
use evidence::{Evidence, Exchange, PathVariant, Question, Seen, UpgradeHeaders, Variation, Setting, Wish};

cause! {
    /// The balancer spreads one session over several nodes
    ///
    /// # What you see
    /// Socket.IO: 400 `{"code":1,"message":"Session ID unknown"}`, now and then; SignalR: 404 `No Connection with
    /// that ID`. A WebSocket-only client works all the time.
    ///
    /// # Why it happens
    /// These protocols begin with ordinary requests and continue with an upgrade. The session lives in the memory of
    /// one node; with several nodes and no affinity the upgrade comes to another one most of the time.
    ///
    /// # What to do
    /// Sticky sessions on the balancer (by cookie or address), or the WebSocket transport alone from the start.
    ///
    /// # How to be sure
    /// A session that was made a moment ago is unknown to the next request. (The same answer from a single node
    /// means that the session expired, or that the server was restarted.)
    "app-sticky-missing", Upgrade, judge, told: told
}

/// With two nodes in turn one attempt may come to the same node by chance.
const ATTEMPTS: u8 = 2;

fn judge(evidence: &Evidence) -> Verdict {
    if let Some((seen, response)) = refused_as(evidence, Refusal::Session) {
        return not_switched(
            Confidence::Likely,
            seen,
            response,
            text!("The node that answers does not know the session: another node made it, or it is gone"),
        )
        .proof(&[seen.id], text!("The address names a session (sid or id), and the answer is that it is unknown."))
        .remedies(remedies())
        .would_tell(text!("One node only, or a pause longer than the ping time-out: the session expired. Several nodes: affinity is missing."))
        .yields_to(&["app-session-expired-retry"])
        .holds();
    }
    // A WebSocket-only client works; the default client begins with polling, so walk its way.
    let target = &evidence.case.target;
    let opened = evidence.handshake().is_some_and(|seen| seen.opened());
    if !opened || !target.path.contains("EIO=") || !target.path.contains("transport=websocket") || target.path.contains("sid=") {
        return Verdict::Unseen;
    }
    for nth in 0..ATTEMPTS {
        let first = polling(&target.path, nth);
        let Some(begun) = experiment(evidence, &first) else { return Verdict::Open(vec![Question::Upgrade(first)]) };
        let Some(sid) = begun.fact.response().filter(|response| response.status == 200).and_then(|response| sid(&response.body.text)) else {
            return Verdict::Unseen;
        };
        let second = upgrade(&target.path, sid, nth);
        let Some(continued) = experiment(evidence, &second) else { return Verdict::Open(vec![Question::Upgrade(second)]) };
        if let Some(response) = continued.fact.response().filter(|response| refusal(response) == Some(Refusal::Session)) {
            let said = quote(response, 60);
            return lost(begun, continued, &said).holds();
        }
    }
    Verdict::RuledOut(text!("a session made by polling is known to the upgrade that follows"))
}

fn lost(begun: Seen<'_, Exchange>, continued: Seen<'_, Exchange>, said: &str) -> Finding {
    Finding::warning(Confidence::Proven, text!("The balancer sends one session to several nodes: affinity is missing"))
        .proof(&[begun.id], text!("A session was made by polling, as clients do by default."))
        .proof(&[continued.id], text!("The upgrade to that very session, right after it, is told \"{said}\".", said = said))
        .not(text!("an expired session: it was a moment old"))
        .users(text!("Clients with default settings fail or reconnect all the time; those with transports: ['websocket'] work."))
        .remedies(remedies())
}

fn polling(path: &str, nth: u8) -> Variation {
    let path = path.replace("transport=websocket", "transport=polling");
    Variation { upgrade: UpgradeHeaders::None, path: PathVariant::To(path), nth, ..Variation::default() }
}

fn upgrade(path: &str, sid: &str, nth: u8) -> Variation {
    Variation { path: PathVariant::To(format!("{path}&sid={sid}")), nth, ..Variation::default() }
}

/// The session's id in the first packet of Engine.IO: `0{"sid":"…",…}`.
fn sid(body: &str) -> Option<&str> {
    let id = body.strip_prefix("0{\"sid\":\"")?.split('"').next()?;
    let plain = id.len() <= 64 && id.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_');
    (plain && !id.is_empty()).then_some(id)
}

fn remedies() -> Vec<Remedy> {
    vec![
        Remedy::for_stack(Stack::Nginx, text!("Send each client to the same node"), "upstream nodes {\n    ip_hash;          # or: hash $cookie_io consistent;\n    server 10.0.0.1:3000;\n    server 10.0.0.2:3000;\n}"),
        Remedy::for_stack(Stack::Haproxy, text!("Send each client to the same node"), "backend nodes\n    cookie NODE insert indirect nocache\n    server s1 10.0.0.1:3000 cookie s1\n    server s2 10.0.0.2:3000 cookie s2"),
        Remedy::for_stack(Stack::Kubernetes, text!("Send each client to the same node"), "nginx.ingress.kubernetes.io/affinity: cookie"),
        Remedy::for_stack(Stack::Traefik, text!("Send each client to the same node"), "loadBalancer:\n  sticky:\n    cookie: {}"),
        Remedy::for_stack(Stack::Aws, text!("Send each client to the same node"), "aws elbv2 modify-target-group-attributes --target-group-arn ARN \\\n  --attributes Key=stickiness.enabled,Value=true Key=stickiness.type,Value=lb_cookie"),
        Remedy::for_stack(Stack::SocketIo, text!("Or do without polling, in every client"), "io(url, { transports: ['websocket'] })"),
        Remedy::for_stack(Stack::DotNet, text!("Or do without negotiation, in every client"), ".withUrl(url, { skipNegotiation: true, transport: HttpTransportType.WebSockets })"),
    ]
}

/// The configuration spreads the requests of one client over several servers, on a path that begins with polling.
fn told(evidence: &Evidence) -> Option<Finding> {
    let (seen, count) = settings::find(evidence, |what| match what {
        Setting::Servers { count, sticky: false } if *count > 1 => Some(*count),
        _ => None,
    })?;
    let hop = settings::product(evidence);
    let title = text!("{hop} spreads one client's requests over {count} servers, and only one of them knows its session", hop = hop, count = count);
    let remedy = Remedy::wish(Safety::AskFirst, text!("Send one client always to the same server"), Wish::Sticky);
    let finding = settings::finding(evidence, seen, Severity::Warning, title)
        .users(text!("Socket.IO: 400 \"Session ID unknown\"; SignalR: 404 \"No Connection with that ID\"; for {count} servers most attempts.", count = count))
        .remedy(remedy);
    Some(finding)
}

#[cfg(test)]
mod tests {
    use super::{CAUSE, polling, upgrade};
    use crate::Verdict;
    use crate::sample::{Sample, does_not_hold, holds};

    const PATH: &str = "/socket.io/?EIO=4&transport=websocket";
    const OPEN: &str = "0{\"sid\":\"abc\",\"upgrades\":[\"websocket\"]}";

    fn socket_io() -> Sample {
        Sample::at("ws://app.example/socket.io/?EIO=4&transport=websocket").opens()
    }

    #[test]
    fn holds_where_a_fresh_session_is_unknown() {
        assert!(matches!(CAUSE.judge(&socket_io().evidence()), Verdict::Open(questions) if questions.len() == 1));
        let begun = socket_io().experiment(polling(PATH, 0), 200, OPEN);
        let _ = holds(&CAUSE, begun.clone().experiment(upgrade(PATH, "abc", 0), 400, "Session ID unknown"));
        let lucky = begun.opens_with(upgrade(PATH, "abc", 0), |_| {}).experiment(polling(PATH, 1), 200, OPEN);
        let _ = holds(&CAUSE, lucky.clone().experiment(upgrade(PATH, "abc", 1), 400, "{\"code\":1,\"message\":\"Session ID unknown\"}"));
        let fine = lucky.opens_with(upgrade(PATH, "abc", 1), |_| {});
        assert!(matches!(CAUSE.judge(&fine.evidence()), Verdict::RuledOut(_)));
        let _ = holds(&CAUSE, Sample::ws().answer(404, "No Connection with that ID"));
    }

    #[test]
    fn near_misses() {
        assert_eq!(CAUSE.judge(&Sample::ws().opens().evidence()), Verdict::Unseen);
        does_not_hold(&CAUSE, socket_io().experiment(polling(PATH, 0), 400, "{\"code\":0,\"message\":\"Transport unknown\"}"));
        does_not_hold(&CAUSE, socket_io().experiment(polling(PATH, 0), 200, "0{\"sid\":\"../../x\"}"));
        does_not_hold(&CAUSE, Sample::ws().answer(400, "{\"code\":3,\"message\":\"Bad request\"}"));
    }
}
