//! Whole cases as real servers answer them, and the cause that must come first. Each cause has its own near
//! misses; these stories are about which of several wins.

use crate::answers::Refusal;
use crate::sample::{Sample, faulty_101};
use crate::{Conclusion, Diagnosis, Overall};
use evidence::{
    Answer, Echo, Ending, HandshakeFault, HoldKind, HostVariant, How, Origin, OriginVariant, PathVariant,
    Preview, Session, Variation,
};

fn conclude(sample: Sample) -> Conclusion {
    Diagnosis::resume(sample.evidence()).conclude()
}

#[track_caller]
fn first(sample: Sample, expected: &str) {
    let conclusion = conclude(sample);
    let found: Vec<_> =
        conclusion.findings.iter().map(|finding| (finding.cause, finding.confidence)).collect();
    assert_eq!(found.first().map(|(cause, _)| *cause), Some(expected), "{found:?}");
    assert_ne!(conclusion.overall, Overall::Works, "{found:?}");
}

fn d5() -> Variation {
    Variation::without_upgrade()
}

fn random() -> Variation {
    Variation::path(PathVariant::Random)
}

type Said<'a> = (u16, &'a [&'a str], &'a str);

/// The plain handshake, the browser's, a plain GET, and a random path.
fn refused(handshake: Said<'_>, get: Said<'_>, elsewhere: Said<'_>) -> Sample {
    Sample::ws()
        .answer_with(handshake.0, handshake.1, handshake.2)
        .experiment_with(Variation::browser(), handshake.0, handshake.1, handshake.2)
        .experiment_with(d5(), get.0, get.1, get.2)
        .experiment_with(random(), elsewhere.0, elsewhere.1, elsewhere.2)
}

const NGINX: &[&str] = &["server: nginx/1.22.1", "content-type: text/html"];
const NGINX_404: &str = "<h1>404 Not Found</h1><hr><center>nginx/1.22.1</center>";
const NGINX_502: &str = "<h1>502 Bad Gateway</h1><hr><center>nginx/1.22.1</center>";
const NGINX_503: &str = "<h1>503 Service Temporarily Unavailable</h1><hr><center>nginx/1.22.1</center>";
const SPA: &str = "<!doctype html><title>My app</title><div id=root></div>";

#[test]
fn refusals_of_real_servers() {
    let aiohttp: &[&str] = &["server: Python/3.11 aiohttp/3.14.5"];
    let uvicorn: &[&str] = &["server: uvicorn"];
    let no: &[&str] = &[];
    let upgrade = "Upgrade Required";
    let aiohttp_lost = "No WebSocket UPGRADE hdr: None\n Can \"Upgrade\" only to \"WebSocket\".";
    let old = "Failed to open a WebSocket connection: unsupported HTTP version: HTTP/1.0.\n";
    let haproxy_503 = "<html><body><h1>503 Service Unavailable</h1>\nNo server is available to handle this request.\n</body></html>";
    for (expected, handshake, get, elsewhere) in [
        ("upgrade-stripped", (426, NGINX, upgrade), (426, NGINX, upgrade), (426, NGINX, upgrade)),
        (
            "upgrade-stripped",
            (400, aiohttp, aiohttp_lost),
            (400, aiohttp, aiohttp_lost),
            (404, aiohttp, "404: Not Found"),
        ),
        ("upgrade-stripped", (404, NGINX, "Not Found"), (404, NGINX, "Not Found"), (404, NGINX, "Not Found")),
        (
            "upgrade-stripped",
            (404, uvicorn, "Not Found"),
            (404, uvicorn, "Not Found"),
            (404, uvicorn, "Not Found"),
        ),
        (
            "upgrade-stripped",
            (400, no, "{\"code\":3,\"message\":\"Bad request\"}"),
            (400, no, "{\"code\":3,\"message\":\"Bad request\"}"),
            (404, no, "x"),
        ),
        (
            "upgrade-connection-token-missing",
            (400, NGINX, "No CONNECTION upgrade hdr: close"),
            (400, NGINX, aiohttp_lost),
            (404, NGINX, "404: Not Found"),
        ),
        ("upgrade-http10-upstream", (505, NGINX, old), (505, NGINX, old), (505, NGINX, old)),
        (
            "upgrade-path-404",
            (404, aiohttp, "404: Not Found"),
            (404, aiohttp, "404: Not Found"),
            (404, aiohttp, "404: Not Found"),
        ),
        ("upgrade-path-404", (404, NGINX, NGINX_404), (404, NGINX, NGINX_404), (404, NGINX, NGINX_404)),
        ("upgrade-path-404", (400, no, "Bad Request"), (426, no, upgrade), (400, no, "Bad Request")),
        ("app-close-before-accept", (403, no, ""), (404, no, "Not Found"), (403, no, "")),
        (
            "upgrade-trailing-slash-redirect",
            (301, &["location: http://app.example/ws/"], ""),
            (301, no, ""),
            (404, no, ""),
        ),
        (
            "upgrade-https-redirect",
            (301, &["location: https://app.example/ws"], ""),
            (301, no, ""),
            (301, no, ""),
        ),
        (
            "upgrade-login-redirect",
            (302, &["location: https://login.example/oauth2/start?rd=/ws"], ""),
            (302, &["location: /login"], ""),
            (302, no, ""),
        ),
        ("upgrade-200-html", (200, NGINX, SPA), (200, NGINX, SPA), (200, NGINX, SPA)),
        (
            "upgrade-200-empty-no-route",
            (200, &["server: Caddy"], ""),
            (200, &["server: Caddy"], ""),
            (200, &["server: Caddy"], ""),
        ),
        ("upgrade-204-or-transport-off", (204, no, ""), (204, no, ""), (204, no, "")),
        ("upgrade-headers-too-large", (431, no, ""), (426, no, upgrade), (431, no, "")),
        ("upgrade-host-mismatch", (421, no, "no site\n"), (421, no, "no site\n"), (421, no, "no site\n")),
        (
            "upgrade-key-missing-or-bad",
            (400, NGINX, "Missing or invalid Sec-WebSocket-Key header"),
            (426, NGINX, upgrade),
            (400, NGINX, "Missing or invalid Sec-WebSocket-Key header"),
        ),
        (
            "upgrade-version-rejected",
            (426, &["sec-websocket-version: 8"], ""),
            (426, &["sec-websocket-version: 8"], ""),
            (426, &["sec-websocket-version: 8"], ""),
        ),
        (
            "upgrade-wrong-method",
            (405, NGINX, "Invalid HTTP method"),
            (426, NGINX, upgrade),
            (405, NGINX, "Invalid HTTP method"),
        ),
        ("upgrade-bad-gateway", (502, NGINX, NGINX_502), (502, NGINX, NGINX_502), (502, NGINX, NGINX_502)),
        (
            "upgrade-bad-gateway",
            (502, &["server: Caddy"], ""),
            (502, &["server: Caddy"], ""),
            (502, &["server: Caddy"], ""),
        ),
        ("upgrade-bad-gateway", (503, no, haproxy_503), (503, no, haproxy_503), (503, no, haproxy_503)),
        (
            "upgrade-bad-gateway",
            (500, no, "Internal Server Error"),
            (500, no, "Internal Server Error"),
            (500, no, "Internal Server Error"),
        ),
        (
            "upgrade-bad-gateway",
            (521, &["server: cloudflare"], "error code: 521"),
            (521, &["server: cloudflare"], "error code: 521"),
            (521, no, ""),
        ),
        (
            "upgrade-never-answered",
            (504, NGINX, "<center>nginx/1.22.1</center>"),
            (504, NGINX, "<center>nginx/1.22.1</center>"),
            (504, NGINX, ""),
        ),
        (
            "upgrade-refused-by-proxy",
            (403, &["server: envoy"], ""),
            (426, &["server: envoy"], upgrade),
            (403, &["server: envoy"], ""),
        ),
        (
            "upgrade-refused-by-proxy",
            (426, &["x-vercel-id: fra1"], ""),
            (200, no, "ok\n"),
            (426, &["x-vercel-id: fra1"], ""),
        ),
        (
            "app-auth-401",
            (401, &["www-authenticate: Bearer"], "Unauthorized"),
            (426, no, upgrade),
            (401, no, "Unauthorized"),
        ),
        ("app-rate-limited", (429, NGINX, "slow down"), (429, NGINX, "slow down"), (429, NGINX, "slow down")),
        ("app-rate-limited", (503, NGINX, NGINX_503), (503, NGINX, NGINX_503), (503, NGINX, NGINX_503)),
        ("app-waf-blocked", (403, &["cf-mitigated: challenge"], SPA), (200, no, SPA), (403, no, "")),
        (
            "app-handler-exception",
            (500, no, "Internal Server Error"),
            (200, no, "ok\n"),
            (500, no, "Internal Server Error"),
        ),
        (
            "app-handler-exception",
            (500, aiohttp, "500"),
            (500, aiohttp, "500"),
            (404, aiohttp, "404: Not Found"),
        ),
        (
            "app-middleware-not-hijackable",
            (500, no, "websocket: response does not implement http.Hijacker\n"),
            (200, no, "ok\n"),
            (500, no, ""),
        ),
        (
            "app-no-upgrade-support",
            (404, uvicorn, "Not Found"),
            (200, no, "ok\n"),
            (404, uvicorn, "Not Found"),
        ),
        (
            "app-sticky-missing",
            (400, no, "Session ID unknown"),
            (400, no, "{\"code\":1,\"message\":\"Session ID unknown\"}"),
            (400, no, "x"),
        ),
        (
            "app-trusted-proxy-missing",
            (400, NGINX, "400: Bad Request"),
            (400, NGINX, "400: Bad Request"),
            (400, NGINX, "400: Bad Request"),
        ),
    ] {
        first(refused(handshake, get, elsewhere), expected);
    }
}

#[test]
fn refusals_that_an_experiment_decides() {
    let given = |origin: &str| {
        Sample::ws()
            .case(|case| case.origin = Origin::Given(origin.into()))
            .answer(403, "")
            .experiment(Variation::browser(), 403, "")
            .experiment(d5(), 404, "Not Found")
            .experiment(random(), 403, "")
            .opens_with(Variation::origin(OriginVariant::None), |_| {})
    };
    first(given("https://shop.test"), "app-origin-rejected");
    first(given("null"), "app-origin-null-or-app");
    let required = Sample::ws()
        .answer(403, "Forbidden\n")
        .opens_with(Variation::browser(), |_| {})
        .experiment(d5(), 200, "ok\n")
        .experiment(random(), 403, "Forbidden\n");
    first(required.clone().opens_with(Variation::origin(OriginVariant::Page), |_| {}), "app-origin-required");
    first(required.experiment(Variation::origin(OriginVariant::Page), 403, "Forbidden\n"), "app-waf-blocked");
    let vite = |host: &str| {
        Sample::at(host)
            .case(|case| case.subprotocols = vec!["vite-hmr".into()])
            .answer(400, "Bad Request")
            .experiment(Variation::browser(), 400, "Bad Request")
            .exchange(random(), Answer::Silence(Preview::default()))
    };
    let blocked = "Blocked request. This host (\"dev.example\") is not allowed.";
    let local = Variation { host: HostVariant::Localhost, ..Variation::default() };
    let host = vite("ws://dev.example:5173/").experiment(d5(), 403, blocked);
    first(host.clone(), "app-host-not-allowed");
    first(host.opens_with(local, |_| {}), "app-host-not-allowed");
    let token = vite("ws://127.0.0.1:5173/")
        .case(|case| case.origin = Origin::Given("http://127.0.0.1:5173".into()))
        .experiment(d5(), 200, "<script src=\"/@vite/client\">")
        .opens_with(Variation::origin(OriginVariant::None), |_| {});
    first(token, "app-vite-token");
    // What Vite's own pages do is no fault of anybody.
    let fine = Sample::ws()
        .case(|case| case.subprotocols = vec!["vite-hmr".into()])
        .opens()
        .experiment(Variation::browser(), 400, "Bad Request")
        .experiment(Variation::origin(OriginVariant::Page), 400, "Bad Request");
    assert_eq!(conclude(fine).overall, Overall::Works);
    let silent = |get: &str| {
        let silence = || Answer::Silence(Preview::default());
        Sample::ws()
            .exchange(Variation::plain(), silence())
            .exchange(Variation::browser(), silence())
            .experiment(d5(), 200, get)
    };
    first(silent(SPA), "upgrade-never-answered");
    first(silent("<script type=\"module\" src=\"/@vite/client\">"), "app-vite-token");
    let ended = |answer: fn(Preview) -> Answer| {
        let said = || answer(Preview::default());
        Sample::ws()
            .exchange(Variation::plain(), said())
            .exchange(Variation::browser(), said())
            .exchange(random(), said())
    };
    first(ended(Answer::Ended).experiment(d5(), 200, SPA), "upgrade-eof-before-response");
    first(ended(Answer::Reset).experiment(d5(), 200, SPA), "upgrade-eof-before-response");
    first(
        ended(Answer::Ended).experiment_with(d5(), 503, &["via: 1.1 varnish"], "Guru Meditation"),
        "upgrade-bad-gateway",
    );
    let socket_io = Variation::path(PathVariant::To("/socket.io/?EIO=4&transport=websocket".into()));
    first(
        ended(Answer::Ended).experiment(d5(), 404, "no").opens_with(socket_io, |_| {}),
        "app-wrong-transport-path",
    );
    let auth =
        ended(Answer::Ended).experiment_with(d5(), 500, NGINX, "<h1>500</h1><center>nginx/1.22.1</center>");
    first(auth, "upgrade-eof-before-response");
    let banner = Answer::NotHttp(Preview::new(b"220 hello ESMTP\r\n", 256));
    first(Sample::ws().exchange(Variation::plain(), banner), "upgrade-not-http");
}

#[test]
fn faults_of_a_101() {
    for (fault, expected) in [
        (HandshakeFault::AcceptMissing, "upgrade-accept-missing"),
        (HandshakeFault::UpgradeMissing, "upgrade-101-missing-upgrade"),
        (HandshakeFault::ConnectionOther("keep-alive".into()), "upgrade-101-missing-connection"),
        (HandshakeFault::Duplicate("Upgrade".into()), "upgrade-duplicate-headers"),
        (HandshakeFault::ExtensionEmpty, "upgrade-empty-extension-header"),
        (HandshakeFault::SubprotocolNotOffered("x".into()), "upgrade-subprotocol-unrequested"),
        (HandshakeFault::SubprotocolNotAnswered, "upgrade-subprotocol-not-answered"),
    ] {
        first(Sample::ws().exchange(Variation::plain(), faulty_101(&[], vec![fault])), expected);
    }
    // Only the offer of browsers meets the fault.
    let bits = vec![HandshakeFault::ExtensionParameters("server_max_window_bits=7".into())];
    let browser = Sample::ws().opens().exchange(Variation::browser(), faulty_101(&[], bits));
    first(browser, "upgrade-extension-not-offered");
}

fn breaks(rule: &'static str, first_bytes: &'static str) -> Sample {
    Sample::ws().opens_with(Variation::plain(), |session: &mut Session| {
        session.faults = vec![(rule.into(), "what was seen".into())];
        session.first_bytes = first_bytes.into();
        session.echo = None;
    })
}

#[test]
fn open_connections() {
    for (rule, expected) in [
        ("masked-by-server", "frame-masked-server"),
        ("reserved-bits", "frame-reserved-bits"),
        ("invalid-utf8", "frame-invalid-utf8"),
        ("control-too-long", "frame-control-frame-bad"),
        ("unknown-opcode", "frame-opcode-or-sequence"),
        ("http-in-stream", "frame-http-in-stream"),
        ("close-code-reserved", "frame-bad-close-frame"),
        ("message-too-big", "frame-message-too-big"),
    ] {
        first(breaks(rule, ""), expected);
    }
    first(breaks("http-in-stream", "48 54 54 50 2f 31 2e 31 20 34 30 30"), "frame-http-in-stream");
    for (code, reason, expected) in [
        (4401, "token expired", "app-auth-after-open"),
        (1008, "invalid token", "app-auth-after-open"),
        (4406, "Subprotocol not acceptable", "upgrade-subprotocol-wrong-dialect"),
        (1011, "internal error", "app-handler-exception"),
        (1013, "try again later", "app-rate-limited"),
        (1001, "going away", "close-by-server"),
        (1012, "service restart", "close-by-server"),
        (1008, "policy violation", "close-by-server"),
        (4999, "", "close-by-server"),
        (1002, "MASK must be set", "frame-unmasked-client"),
    ] {
        first(Sample::ws().closes_early(code, reason, 3_000), expected);
    }
    first(Sample::ws().ends_early(How::Fin, 3_000), "close-1006-silent");
    let no_pong = |session: &mut Session| session.pings.iter_mut().for_each(|ping| ping.round_trip_us = None);
    first(Sample::ws().opens_with(Variation::plain(), no_pong), "keepalive-no-pong");
    let stalled = Sample::ws().opens_with(Variation::plain(), |session| {
        no_pong(session);
        session.bytes = 0;
        session.echo = Some(Echo { sent_us: 1_000, same: false, round_trip_us: None });
    });
    first(stalled, "frame-one-way-stall");
    let arr = Sample::ws().opens().opens_with(Variation::browser(), |session| {
        session.deflate = true;
        session.echo = Some(Echo { sent_us: 1_000, same: false, round_trip_us: None });
        session.ending = Some(Ending { how: How::Fin, after_us: 2_000, idle_us: 1_000 });
    });
    first(arr, "frame-deflate-corrupt");
}

fn held(server: &str, quiet: Option<f64>, pings: Option<f64>, how: How) -> Sample {
    let headers = [server, "upgrade: websocket"];
    Sample::ws()
        .opens()
        .experiment_with(Variation { nth: 9, ..Variation::default() }, 101, &headers, "")
        .hold(HoldKind::Quiet, 0, quiet, how.clone())
        .hold(HoldKind::Quiet, 1, quiet, how.clone())
        .hold(HoldKind::Pings, 0, pings, how.clone())
        .hold(HoldKind::OneWay, 0, pings, how)
}

#[test]
fn held_connections() {
    first(held("x-app: 1", Some(3.0), None, How::Fin), "idle-other-proxies");
    first(held("x-app: 1", Some(3.0), None, How::Reset), "idle-other-proxies");
    first(held("x-app: 1", Some(3.0), Some(3.0), How::Fin), "lifetime-cap");
    let init = How::Close { code: Some(4408), reason: "Connection initialisation timeout".into() };
    first(held("x-app: 1", Some(3.0), Some(3.0), init), "frame-app-init-timeout");
    let own = How::Close { code: Some(4201), reason: String::new() };
    first(held("x-app: 1", Some(30.0), None, own), "close-by-server");
    let nginx = Sample::ws()
        .answer_with(101, &["server: nginx/1.22.1"], "")
        .hold(HoldKind::Quiet, 0, Some(3.0), How::Fin)
        .hold(HoldKind::Pings, 0, None, How::Fin);
    first(nginx, "idle-nginx-read-timeout");
}

#[test]
fn a_healthy_case_has_no_finding() {
    let healthy = [
        Sample::ws().opens().opens_with(Variation::browser(), |_| {}),
        Sample::wss().opens().opens_with(Variation::browser(), |session| session.deflate = true),
        held("server: nginx", None, None, How::Fin).opens_with(Variation::browser(), |_| {}),
    ];
    for sample in healthy {
        let conclusion = conclude(sample);
        assert_eq!(conclusion.findings, []);
        assert_eq!(conclusion.overall, Overall::Works);
    }
}

#[test]
fn words_that_speak_for_themselves_leave_general_causes_silent() {
    // A TLS port that complains in clear text is not for the causes of the handshake.
    let body =
        "<title>400 The plain HTTP request was sent to HTTPS port</title><center>nginx/1.22.1</center>";
    let sample = refused((400, NGINX, body), (400, NGINX, body), (400, NGINX, body));
    let evidence = sample.evidence();
    let (_, response) = crate::reading::refused(&evidence).expect("it is refused");
    assert_eq!(crate::answers::refusal(response), Some(Refusal::PlainToTls));
    let found: Vec<_> =
        Diagnosis::resume(evidence).conclude().findings.iter().map(|finding| finding.cause).collect();
    let foreign = |cause: &&str| cause.starts_with("upgrade-") || cause.starts_with("app-");
    assert!(!found.iter().any(foreign), "{found:?}");
}
