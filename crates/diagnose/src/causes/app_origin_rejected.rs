//! The server refuses the origin of the page.

use crate::fingerprint::{self, Library, Product};
use crate::reading::{author, experiment, quote, status_line};
use crate::{Confidence, Finding, Remedy, Safety, Severity, Stack, Symptom, Verdict, cause, recipes, settings, text};
use evidence::{Evidence, Exchange, HostSent, Origin, OriginVariant, Question, Response, Seen, Setting, Variation, Wish};

cause! {
    /// The server refuses the page's origin
    ///
    /// # What you see
    /// 403 (Action Cable: 404) in the browser, while command line tools connect: they send no `Origin`.
    ///
    /// # Why it happens
    /// Servers compare `Origin` with a list or with their own host (RFC 6455 section 10.2), because a browser
    /// sends cookies along with sockets that any page opens. The page's origin is not on the list; or the proxy
    /// in front does not pass the real `Host` on, so that the two never match.
    ///
    /// # What to do
    /// Put the page's origin on the server's list. Behind a proxy pass `Host` (and `X-Forwarded-Proto`) on.
    /// Do not switch the check off for sockets that are authenticated by cookies.
    ///
    /// # How to be sure
    /// The same handshake without `Origin` opens, and with the server's own origin too; only the page's is refused.
    "app-origin-rejected", Upgrade, judge, told: told
}

fn judge(evidence: &Evidence) -> Verdict {
    // Vite asks for a token, not for an origin of its list.
    if evidence.case.subprotocols.iter().any(|name| name == "vite-hmr" || name == "vite-ping") {
        return Verdict::Unseen;
    }
    let Some((origin, seen)) = rejected(evidence) else { return Verdict::Unseen };
    let without = Variation { origin: OriginVariant::None, ..seen.variation.clone() };
    // With no origin of its own the plain handshake is that experiment already.
    let without = if evidence.case.origin == Origin::None { Variation::plain() } else { without };
    let Some(bare) = experiment(evidence, &without) else {
        return Verdict::Open(vec![Question::Upgrade(without)]);
    };
    if !bare.opened() {
        return Verdict::RuledOut(text!("without an Origin it is refused as well"));
    }
    // Everything else a browser sends came along too: only the origin may make the difference.
    let alone = Variation { extensions: evidence::Extensions::None, browser_headers: false, ..seen.variation.clone() };
    let alone = match experiment(evidence, &alone) {
        Some(alone) => alone,
        None => return Verdict::Open(vec![Question::Upgrade(alone)]),
    };
    if alone.opened() {
        return Verdict::RuledOut(text!("with the Origin alone it opens"));
    }
    let same = Variation::origin(OriginVariant::Same);
    let own = experiment(evidence, &same).filter(|own| own.id != alone.id);
    let asked_for = evidence.case.page_origin().is_some();
    let response = alone.fact.response();
    let status = response.map(status_line).unwrap_or_default();
    let title = text!("The server refuses the origin {origin}", origin = &origin);
    let finding = if asked_for { Finding::error(Confidence::Proven, title) } else { Finding::warning(Confidence::Proven, title) };
    let mut finding = finding
        .explains(Symptom::NotSwitched)
        .explains(Symptom::BrowserRefused)
        .proof(&[bare.id], text!("Without an Origin header the handshake gets 101."))
        .proof(&[alone.id], text!("With \"Origin: {origin}\" and nothing else changed it gets {status}.", origin = &origin, status = status))
        .users(text!("Pages of that origin get close code 1006; command line tools work, because they send no Origin."))
        .not(text!("a wrong path or the credentials: without Origin the same request opens"))
        .remedies(recipes::for_response(response, remedies(&origin)))
        .yields_to(&["app-origin-null-or-app"]);
    if !asked_for {
        finding = finding.would_tell(text!("If your pages are on another site, this may be as you want it: name one with --page https://…"));
    }
    if let Some(response) = response.filter(|response| response.body.length > 0) {
        finding = finding.proof(&[alone.id], text!("The server says: \"{body}\"", body = quote(response, 80)));
    }
    match own {
        Some(own) if own.opened() => {
            let text = text!("With the server's own origin {own} it gets 101.", own = evidence.case.target.own_origin());
            finding = finding.proof(&[own.id], text);
        }
        Some(own) => finding = own_refused(evidence, finding, own, response),
        // The page's origin is the server's own: that experiment was made already.
        None if origin == evidence.case.target.own_origin() => finding = own_refused(evidence, finding, alone, response),
        None if alone.variation.origin != OriginVariant::Same => finding = finding.ask([Question::Upgrade(same)]),
        None => {}
    }
    finding.holds()
}

/// The refused handshake with an origin that the user or a browser would send.
fn rejected(evidence: &Evidence) -> Option<(String, Seen<'_, Exchange>)> {
    let browser = experiment(evidence, &Variation::browser());
    let given = match &evidence.case.origin {
        Origin::Given(origin) => evidence.handshake().map(|seen| (origin.clone(), seen)),
        Origin::None => None,
    };
    let (origin, seen) = match given {
        Some(given) => given,
        None => (evidence.case.page_origin().unwrap_or_else(|| evidence.case.target.own_origin()), browser?),
    };
    let refused = seen.fact.response().is_some_and(|response| matches!(response.status, 400 | 401 | 403 | 404));
    refused.then_some((origin, seen))
}

/// Even the server's own origin is refused: the application sees another host than the browser, mostly because of a
/// proxy. What it takes instead tells which setting is missing.
fn own_refused(evidence: &Evidence, finding: Finding, own: Seen<'_, Exchange>, response: Option<&Response>) -> Finding {
    let target = &evidence.case.target;
    let text = text!(
        "Even the server's own origin {own} is refused: behind a proxy, that happens when Host is not passed on.",
        own = target.own_origin()
    );
    let mut finding = finding.proof(&[own.id], text);
    let mut variants = Vec::new();
    if target.port != target.default_port() {
        variants.push((OriginVariant::SameWithoutPort, "nginx-host-without-port"));
    }
    if target.secure {
        variants.push((OriginVariant::SameOtherScheme, "nginx-forwarded-proto-missing"));
    }
    let nginx = response.is_some_and(|response| fingerprint::hops(response).contains(&Product::Nginx));
    for (variant, id) in &variants {
        let variation = Variation::origin(variant.clone());
        let Some(seen) = experiment(evidence, &variation) else {
            finding = finding.ask([Question::Upgrade(variation)]);
            continue;
        };
        if seen.opened() {
            let text = match variant {
                OriginVariant::SameWithoutPort => text!("Without the port in the Origin it gets 101: the application sees the host without its port."),
                _ => text!("With http instead of https in the Origin it gets 101: the application does not know about TLS."),
            };
            return finding.proof(&[seen.id], text).because(nginx.then_some(*id));
        }
    }
    // These compare Origin with Host unless told otherwise, so that another Host must have arrived.
    use Library::{CoderWebsocket, Gorilla, Grafana, Jupyter, Tornado};
    let compares = response.and_then(author).is_some_and(|library| {
        matches!(library, Tornado | Gorilla | CoderWebsocket | Grafana | Jupyter)
    });
    finding.because((nginx && compares).then_some("nginx-host-not-forwarded"))
}

fn remedies(origin: &str) -> Vec<Remedy> {
    let host = origin.split("://").last().unwrap_or(origin);
    vec![
        Remedy::for_stack(
            Stack::Nginx,
            text!("Pass the real Host on, so that the server can compare"),
            "proxy_set_header Host $http_host;\nproxy_set_header X-Forwarded-Proto $scheme;",
        ),
        Remedy::for_stack(
            Stack::Node,
            text!("Allow the origin"),
            format!("// ws\nnew WebSocketServer({{ server, verifyClient: ({{ origin }}) => origin === '{origin}' }})\n// Socket.IO\nnew Server(server, {{ cors: {{ origin: '{origin}' }}, allowRequest }})"),
        ),
        Remedy::for_stack(
            Stack::Python,
            text!("Allow the origin"),
            format!("# websockets\nserve(handler, origins=[\"{origin}\"])\n# Tornado\ndef check_origin(self, origin): return origin == \"{origin}\"\n# Starlette / FastAPI: compare websocket.headers[\"origin\"] before accept()"),
        ),
        Remedy::for_stack(Stack::Django, text!("Allow the origin"), format!("ALLOWED_HOSTS = [\"{host}\"]   # AllowedHostsOriginValidator uses it")),
        Remedy::for_stack(Stack::Rails, text!("Allow the origin"), format!("config.action_cable.allowed_request_origins = ['{origin}']")),
        Remedy::for_stack(
            Stack::Go,
            text!("Allow the origin"),
            format!("// gorilla\nupgrader.CheckOrigin = func(r *http.Request) bool {{ return r.Header.Get(\"Origin\") == \"{origin}\" }}\n// coder/websocket\nwebsocket.Accept(w, r, &websocket.AcceptOptions{{OriginPatterns: []string{{\"{host}\"}}}})"),
        ),
    ]
}

/// Where the refusal was seen, and the configuration shows that the application compares the origin with another `Host`.
/// The file alone proves nothing: many applications do not compare.
fn told(evidence: &Evidence) -> Option<Finding> {
    if !matches!(judge(evidence), Verdict::Holds(_)) {
        return None;
    }
    let (seen, ()) = settings::find(evidence, |what| match what {
        Setting::Host(HostSent::Client) => None,
        Setting::Host(_) => Some(()),
        _ => None,
    })?;
    let title = text!("The server refuses the origin {origin}", origin = evidence.case.page_origin().unwrap_or_default());
    let remedy = Remedy::wish(Safety::AskFirst, text!("Pass the client's Host on"), Wish::PassHost);
    Some(settings::finding(evidence, seen, Severity::Error, title).remedy(remedy))
}

#[cfg(test)]
mod tests {
    use super::CAUSE;
    use crate::Severity;
    use crate::sample::{Sample, does_not_hold, holds};
    use evidence::{Origin, OriginVariant, Variation};

    const TORNADO: &str = "Cross origin websockets not allowed";

    fn page() -> Variation {
        Variation::origin(OriginVariant::Page)
    }

    #[test]
    fn holds_where_only_the_origin_makes_the_difference() {
        let sample = Sample::ws().opens().experiment(Variation::browser(), 403, TORNADO).experiment(page(), 403, TORNADO);
        assert_eq!(holds(&CAUSE, sample.clone()).severity, Severity::Warning);
        let named = sample.case(|case| case.page = Some("https://other.example/app".into()));
        assert_eq!(holds(&CAUSE, named).severity, Severity::Error);
        let given = Sample::ws()
            .case(|case| case.origin = Origin::Given("https://other.example".into()))
            .answer(403, TORNADO)
            .opens_with(Variation::origin(OriginVariant::None), |_| {});
        let finding = holds(&CAUSE, given);
        assert!(finding.title.english().contains("https://other.example"));
    }

    #[test]
    fn a_refused_own_origin_shows_what_the_proxy_changes() {
        let nginx = &["server: nginx/1.22.1"][..];
        let refused = |url: &str, origin: &str| {
            Sample::at(url)
                .case(|case| case.origin = Origin::Given(origin.into()))
                .experiment_with(Variation::plain(), 403, nginx, TORNADO)
                .opens_with(Variation::origin(OriginVariant::None), |_| {})
        };
        let host = holds(&CAUSE, refused("ws://app.example/ws", "http://app.example"));
        assert_eq!((host.because, host.ask.len()), (Some("nginx-host-not-forwarded"), 0));
        let port = refused("ws://app.example:8443/ws", "http://app.example:8443")
            .opens_with(Variation::origin(OriginVariant::SameWithoutPort), |_| {});
        assert_eq!(holds(&CAUSE, port).because, Some("nginx-host-without-port"));
    }

    #[test]
    fn near_misses() {
        // Refused without any origin, too.
        let all = Sample::ws().answer(403, "no").experiment(Variation::browser(), 403, "no");
        does_not_hold(&CAUSE, all);
        // Something else that browsers send is refused.
        let other = Sample::ws().opens().experiment(Variation::browser(), 403, "no").opens_with(page(), |_| {});
        does_not_hold(&CAUSE, other);
        does_not_hold(&CAUSE, Sample::ws().opens().opens_with(Variation::browser(), |_| {}));
    }
}
