//! Section 9: the application itself refuses.

use serde_json::json;

use crate::e2e::case::{Case, Expect, Plan, any_of, cause, possibly, proven};
use crate::e2e::products::{aiohttp, daphne, lab, nginx, node_ws, py_websockets, socketio, tornado, uvicorn};
use crate::e2e::stage::Stage;

pub(super) fn cases() -> Vec<Case> {
    let mut cases = origins();
    cases.extend(credentials());
    cases.extend(capacity());
    cases.extend(faulty());
    cases
}

fn origins() -> Vec<Case> {
    vec![
        Case::new(
            "app/origin/tornado",
            &["tornado"],
            proven("app-origin-rejected"),
            "HTTP/1.1 403",
            |stage| {
                let port = tornado::start(stage, json!({}))?;
                Ok(Plan::new(format!("ws://127.0.0.1:{port}/ws")).with("--origin https://shop.test"))
            },
        ),
        Case::new(
            "app/origin/node-ws",
            &["node-ws"],
            proven("app-origin-rejected"),
            "HTTP/1.1 403",
            |stage| {
                let port = node_ws::start(stage, json!({"origins": ["https://good.test"]}))?;
                Ok(Plan::new(format!("ws://127.0.0.1:{port}/")).with("--origin https://shop.test"))
            },
        ),
        Case::new(
            "app/origin/py-websockets",
            &["py-websockets"],
            proven("app-origin-rejected"),
            "HTTP/1.1 403",
            |stage| {
                let port = py_websockets::start(stage, json!({"origins": ["https://good.test", null]}))?;
                Ok(Plan::new(format!("ws://127.0.0.1:{port}/")).with("--origin https://shop.test"))
            },
        ),
        Case::new(
            "app/origin/uvicorn",
            &["uvicorn"],
            proven("app-origin-rejected"),
            "HTTP/1.1 403",
            |stage| {
                let port = uvicorn::start(stage, &[])?;
                Ok(Plan::new(format!("ws://127.0.0.1:{port}/same-origin")).with("--origin https://shop.test"))
            },
        ),
        Case::new("app/origin/daphne", &["daphne"], proven("app-origin-rejected"), "HTTP/1.1 403", |stage| {
            let port = daphne::start(stage)?;
            Ok(Plan::new(format!("ws://127.0.0.1:{port}/same-origin")).with("--origin https://shop.test"))
        }),
        Case::new(
            "app/origin/page",
            &["tornado", "nginx"],
            proven("app-origin-rejected"),
            "HTTP/1.1 403",
            |stage| {
                let app = tornado::start(stage, json!({}))?;
                let page = nginx::start(
                    stage,
                    "location / { default_type text/html; return 200 '<!doctype html>'; }",
                )?;
                let page = format!("http://127.0.0.1:{page}/");
                Ok(Plan::new(format!("ws://127.0.0.1:{app}/ws")).flag("--page", page))
            },
        ),
        // The page's origin is right; it is the Host that the proxy rewrote (nginx-host-not-forwarded).
        Case::new(
            "app/origin/host-not-forwarded",
            &["nginx", "tornado"],
            proven("app-origin-rejected"),
            "HTTP/1.1 403",
            |stage| {
                let app = tornado::start(stage, json!({}))?;
                let directives = "proxy_http_version 1.1; proxy_set_header Upgrade $http_upgrade; \
                              proxy_set_header Connection $connection_upgrade;";
                let port = nginx::start(stage, &nginx::proxy(app, directives))?;
                let origin = format!("http://127.0.0.1:{port}");
                Ok(Plan::new(format!("ws://127.0.0.1:{port}/ws")).flag("--origin", origin))
            },
        ),
        Case::new(
            "app/origin/null",
            &["tornado"],
            any_of(&["app-origin-null-or-app", "app-origin-rejected"]),
            "HTTP/1.1 403",
            |stage| {
                let port = tornado::start(stage, json!({}))?;
                Ok(Plan::new(format!("ws://127.0.0.1:{port}/ws")).with("--origin null"))
            },
        ),
        // A server that wants an Origin, and a client that sends none.
        Case::new(
            "app/origin/required",
            &["py-websockets"],
            cause("app-origin-required"),
            "HTTP/1.1 403",
            |stage| {
                let port = py_websockets::start(stage, json!({"origins": ["https://shop.test"]}))?;
                Ok(Plan::new(format!("ws://127.0.0.1:{port}/")).with("--origin none"))
            },
        ),
        Case::new(
            "app/origin/required-lab",
            &["lab"],
            cause("app-origin-required"),
            "HTTP/1.1 403",
            |stage| {
                let port = lab::start(stage, "app-origin-required")?;
                Ok(Plan::new(format!("ws://127.0.0.1:{port}/")).with("--origin none"))
            },
        ),
    ]
}

fn credentials() -> Vec<Case> {
    vec![
        Case::new("app/auth/bearer-missing", &["node-ws"], cause("app-auth-401"), "HTTP/1.1 401", |stage| {
            let port = node_ws::start(stage, json!({"token": "t0ken"}))?;
            Ok(Plan::new(format!("ws://127.0.0.1:{port}/")))
        }),
        Case::new(
            "app/auth/bearer-wrong",
            &["node-ws", "nginx"],
            cause("app-auth-401"),
            "HTTP/1.1 401",
            |stage| {
                let app = node_ws::start(stage, json!({"token": "t0ken"}))?;
                let port = nginx::start(stage, &nginx::proxy(app, nginx::UPGRADE))?;
                Ok(Plan::new(format!("ws://127.0.0.1:{port}/")).flag("-H", "Authorization: Bearer stale"))
            },
        ),
        Case::new(
            "app/auth/cookie-missing",
            &["node-ws"],
            any_of(&["app-auth-401", "page-cookie-not-sent"]),
            "HTTP/1.1 401",
            |stage| {
                let port = node_ws::start(stage, json!({"cookie": "session=abc"}))?;
                Ok(Plan::new(format!("ws://127.0.0.1:{port}/")))
            },
        ),
        // ASGI turns a close before accept into a plain 403; the application's 4401 is lost.
        Case::new(
            "app/auth/close-before-accept/uvicorn",
            &["uvicorn"],
            possibly(&["app-close-before-accept", "upgrade-path-404"]),
            "HTTP/1.1 403",
            |stage| {
                let port = uvicorn::start(stage, &[])?;
                Ok(Plan::new(format!("ws://127.0.0.1:{port}/members")))
            },
        ),
        Case::new(
            "app/auth/close-before-accept/daphne",
            &["daphne"],
            possibly(&["app-close-before-accept", "upgrade-path-404"]),
            "HTTP/1.1 403",
            |stage| {
                let port = daphne::start(stage)?;
                Ok(Plan::new(format!("ws://127.0.0.1:{port}/members")))
            },
        ),
        Case::new(
            "app/auth/after-open/uvicorn",
            &["uvicorn"],
            cause("app-auth-after-open"),
            "close 4401",
            |stage| {
                let port = uvicorn::start(stage, &[])?;
                Ok(Plan::new(format!("ws://127.0.0.1:{port}/members-open")))
            },
        ),
        Case::new(
            "app/auth/after-open/py-websockets",
            &["py-websockets"],
            cause("app-auth-after-open"),
            "close 4003",
            |stage| {
                let port = py_websockets::start(stage, json!({"close": 4003, "reason": "forbidden"}))?;
                Ok(Plan::new(format!("ws://127.0.0.1:{port}/")))
            },
        ),
        Case::new(
            "app/auth/after-open/node-ws",
            &["node-ws", "haproxy"],
            cause("app-auth-after-open"),
            "close 1008",
            |stage| {
                let app = node_ws::start(stage, json!({"closeCode": 1008, "closeReason": "invalid token"}))?;
                let port = crate::e2e::products::haproxy::start(stage, app, &Default::default())?;
                Ok(Plan::new(format!("ws://127.0.0.1:{port}/")))
            },
        ),
    ]
}

/// Two Socket.IO nodes that take turns: the session of one is unknown to the other.
fn two_nodes(stage: &mut Stage, balance: &str) -> crate::e2e::Result<Plan> {
    let (one, two) = (socketio::start(stage, json!({}))?, socketio::start(stage, json!({}))?);
    let port = stage.port()?;
    let upstream = format!("upstream nodes {{ {balance} server 127.0.0.1:{one}; server 127.0.0.1:{two}; }}");
    let server = format!(
        "server {{ listen 127.0.0.1:{port}; location / {{ proxy_pass http://nodes; {} }} }}",
        nginx::UPGRADE
    );
    nginx::start_with(stage, &[port], &upstream, &server)?;
    Ok(Plan::new(format!("ws://127.0.0.1:{port}/socket.io/?EIO=4&transport=websocket")))
}

fn capacity() -> Vec<Case> {
    vec![
        // The WebSocket-only transport works; what fails is the default that begins with polling.
        Case::new(
            "app/sticky-missing",
            &["nginx", "socketio"],
            Expect::Mentions(vec!["app-sticky-missing"]),
            "HTTP/1.1 101",
            |stage| two_nodes(stage, ""),
        ),
        Case::new("app/sticky-present", &["nginx", "socketio"], Expect::Healthy, "HTTP/1.1 101", |stage| {
            two_nodes(stage, "ip_hash;")
        })
        .never(&["app-sticky-missing"]),
        // A handshake with a session id of the other node.
        Case::new(
            "app/session-unknown",
            &["socketio"],
            possibly(&["app-sticky-missing", "client-plain-ws-to-engineio"]),
            "Session ID unknown",
            |stage| {
                let port = socketio::start(stage, json!({}))?;
                Ok(Plan::new(format!(
                    "ws://127.0.0.1:{port}/socket.io/?EIO=4&transport=websocket&sid=Zm9vYmFyYmF6cXV1eA"
                )))
            },
        ),
        Case::new(
            "app/rate-limit/nginx-requests",
            &["nginx", "node-ws"],
            any_of(&["app-rate-limited"]),
            "HTTP/1.1 429",
            |stage| {
                let app = node_ws::start(stage, json!({}))?;
                let port = stage.port()?;
                // One handshake a minute, which our first look uses up.
                let zone = "limit_req_zone $binary_remote_addr zone=few:1m rate=1r/m; limit_req_status 429;";
                let server = format!(
                    "server {{ listen 127.0.0.1:{port}; limit_req zone=few; {} }}",
                    nginx::proxy(app, nginx::UPGRADE)
                );
                nginx::start_with(stage, &[port], zone, &server)?;
                use_up(port)?;
                Ok(Plan::new(format!("ws://127.0.0.1:{port}/")))
            },
        ),
        Case::new(
            "app/rate-limit/nginx-connections",
            &["nginx", "node-ws"],
            possibly(&["app-rate-limited"]),
            "HTTP/1.1 503",
            |stage| {
                let app = node_ws::start(stage, json!({}))?;
                let port = stage.port()?;
                let zone = "limit_conn_zone $binary_remote_addr zone=perip:1m;";
                let server = format!(
                    "server {{ listen 127.0.0.1:{port}; limit_conn perip 1; {} }}",
                    nginx::proxy(app, nginx::UPGRADE)
                );
                nginx::start_with(stage, &[port], zone, &server)?;
                occupy(stage, port)?;
                Ok(Plan::new(format!("ws://127.0.0.1:{port}/")))
            },
        )
        .never(super::upstream::BEHIND),
        Case::new(
            "app/rate-limit/retry-after",
            &["haproxy", "node-ws"],
            cause("app-rate-limited"),
            "HTTP/1.1 429",
            |stage| {
                let app = node_ws::start(stage, json!({}))?;
                let options = crate::e2e::products::haproxy::Options {
                    frontend: "stick-table type ip size 1k expire 60s store http_req_rate(60s)\n \
                           http-request track-sc0 src\n \
                           http-request deny deny_status 429 hdr Retry-After 30 if { sc_http_req_rate(0) gt 1 }",
                    ..Default::default()
                };
                let port = crate::e2e::products::haproxy::start(stage, app, &options)?;
                use_up(port)?;
                Ok(Plan::new(format!("ws://127.0.0.1:{port}/")))
            },
        ),
    ]
}

/// One request, so that a limit of one is reached.
fn use_up(port: u16) -> crate::e2e::Result<()> {
    use std::io::{Read, Write};
    let said = |error: std::io::Error| format!("using up the limit: {error}");
    let mut link = std::net::TcpStream::connect(("127.0.0.1", port)).map_err(said)?;
    link.write_all(b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n").map_err(said)?;
    let mut answer = [0; 12];
    link.read_exact(&mut answer).map_err(said)
}

/// One open WebSocket, held by a process of the stage.
fn occupy(stage: &mut Stage, port: u16) -> crate::e2e::Result<()> {
    let label = stage.label("occupant");
    let script = "const s = new (require('ws'))(process.argv[1]); \
                  s.on('open', () => require('net').createServer().listen(Number(process.argv[2]), '127.0.0.1'))";
    let mut command = stage.command("node");
    // It begins to listen itself once its socket is open, which is what the stage waits for.
    let signal = stage.port()?;
    command.args(["-e", script, &format!("ws://127.0.0.1:{port}/"), &signal.to_string()]);
    command.env("NODE_PATH", &stage.tools.node_modules);
    stage.serve(&label, command, &[signal])
}

fn faulty() -> Vec<Case> {
    vec![
        Case::new(
            "app/handler-raises/aiohttp",
            &["aiohttp"],
            any_of(&["app-handler-exception", "app-middleware-not-hijackable"]),
            "HTTP/1.1 500",
            |stage| {
                let port = aiohttp::start(stage, json!({"raise": true}))?;
                Ok(Plan::new(format!("ws://127.0.0.1:{port}/ws")))
            },
        ),
        Case::new(
            "app/two-servers-one-port",
            &["lab"],
            any_of(&["app-two-ws-servers-one-port", "frame-http-in-stream"]),
            "HTTP/1.1 101",
            |stage| {
                let port = lab::start(stage, "app-two-ws-servers-one-port")?;
                Ok(Plan::new(format!("ws://127.0.0.1:{port}/")))
            },
        ),
        // The event loop is blocked: the socket opens, and nothing on it is answered.
        Case::new(
            "app/loop-blocked/py-websockets",
            &["py-websockets"],
            any_of(&["keepalive-no-pong", "frame-one-way-stall"]),
            "then quiet",
            |stage| {
                let port = py_websockets::start(stage, json!({"block": 30}))?;
                Ok(Plan::new(format!("ws://127.0.0.1:{port}/")))
            },
        ),
    ]
}
