//! Section 10: what goes wrong once the connection is open.

use serde_json::json;

use crate::e2e::case::{Case, Expect, Plan, any_of, cause};
use crate::e2e::products::{Backend, aiohttp, lab, nginx, node_ws, py_websockets};

pub(super) fn cases() -> Vec<Case> {
    let mut cases = limits();
    cases.extend(broken_frames());
    cases
}

/// Messages larger than the receiver takes. Often the sender sees a reset instead of 1009, because the peer
/// closes while unread data is on the way.
fn limits() -> Vec<Case> {
    let limit = |backend: Backend, size: &'static str| {
        let name = format!("frame/too-big/{}", backend.name());
        let seen = "close 1009 / [Errno 104] / [Errno 32] / EOF";
        Case::new(name, &[backend.name()], cause("frame-message-too-big"), seen, move |stage| {
            let port = backend.start(stage)?;
            Ok(Plan::new(format!("ws://127.0.0.1:{port}{}", backend.path())).flag("--size", size))
        })
    };
    let mut cases = vec![
        limit(Backend::PyWebsockets, "2097152"),
        limit(Backend::Aiohttp, "6291456"),
        limit(Backend::Tornado, "16777216"),
        limit(Backend::Uvicorn, "25165824"),
        Case::new(
            "frame/too-big/node-ws",
            &["node-ws"],
            cause("frame-message-too-big"),
            "close 1009 / [Errno 104] / EOF",
            |stage| {
                let port = node_ws::start(stage, json!({"maxPayload": 65536}))?;
                Ok(Plan::new(format!("ws://127.0.0.1:{port}/")).with("--size 131072"))
            },
        ),
        Case::new(
            "frame/too-big/nginx-py-websockets",
            &["nginx", "py-websockets"],
            cause("frame-message-too-big"),
            "close 1009 / [Errno 104] / EOF",
            |stage| {
                let app = py_websockets::start(stage, json!({"max_size": 32768}))?;
                let port = nginx::start(stage, &nginx::proxy(app, nginx::UPGRADE))?;
                Ok(Plan::new(format!("ws://127.0.0.1:{port}/")).with("--size 131072"))
            },
        ),
        // Below each limit nothing is wrong.
        Case::new("frame/fits/aiohttp", &["aiohttp"], Expect::Healthy, "HTTP/1.1 101", |stage| {
            let port = aiohttp::start(stage, json!({}))?;
            Ok(Plan::new(format!("ws://127.0.0.1:{port}/ws")).with("--size 3145728"))
        }),
        Case::new(
            "frame/fits/nginx-node-ws",
            &["nginx", "node-ws"],
            Expect::Healthy,
            "HTTP/1.1 101",
            |stage| {
                let app = node_ws::start(stage, json!({}))?;
                let port = nginx::start(stage, &nginx::proxy(app, nginx::UPGRADE))?;
                Ok(Plan::new(format!("ws://127.0.0.1:{port}/")).with("--size 1048576"))
            },
        ),
    ];
    for case in &mut cases {
        // What is sent must not be held many times over, but 24 MiB is more than the common limit allows for.
        if case.name.contains("tornado") || case.name.contains("uvicorn") {
            case.memory_limit_mb = 200;
        }
    }
    cases
}

fn broken_frames() -> Vec<Case> {
    let case = |fault: &'static str, causes: &[&'static str], seen: &'static str, arguments: &'static str| {
        Case::new(format!("frame/lab/{fault}"), &["lab"], any_of(causes), seen, move |stage| {
            let port = lab::start(stage, fault)?;
            let plan = Plan::new(format!("ws://127.0.0.1:{port}/"));
            Ok(if arguments.is_empty() { plan } else { plan.with(arguments) })
        })
    };
    let mut cases = vec![
        case("frame-masked-server", &["frame-masked-server"], "HTTP/1.1 101", ""),
        case("frame-reserved-bits", &["frame-reserved-bits", "interception-breaks-frames"], "bytes a", ""),
        case("frame-deflate-corrupt", &["frame-deflate-corrupt"], "HTTP/1.1 101", ""),
        case("frame-deflate-header-stripped", &["frame-reserved-bits"], "HTTP/1.1 101", ""),
        case("frame-invalid-utf8", &["frame-invalid-utf8"], "HTTP/1.1 101", ""),
        case(
            "frame-message-too-big",
            &["frame-message-too-big"],
            "close 1009 / [Errno 104] / EOF",
            "--size 131072",
        ),
        case(
            "frame-message-too-big-reset",
            &["frame-message-too-big"],
            "[Errno 104] / [Errno 32]",
            "--size 131072",
        ),
        case("frame-unacceptable-type", &["frame-unacceptable-type"], "HTTP/1.1 101", "--size 1000"),
        case("frame-control-frame-bad", &["frame-control-frame-bad"], "HTTP/1.1 101", ""),
        case("frame-opcode", &["frame-opcode-or-sequence"], "HTTP/1.1 101", ""),
        case("frame-continuation", &["frame-opcode-or-sequence"], "HTTP/1.1 101", ""),
        case("frame-length-encoding-bug", &["frame-length-encoding-bug"], "HTTP/1.1 101", ""),
        case(
            "frame-http-in-stream",
            &["frame-http-in-stream", "app-two-ws-servers-one-port"],
            "HTTP/1.1 101",
            "",
        ),
        case("frame-close-reserved-code", &["frame-bad-close-frame"], "close 1006", ""),
        case("frame-close-one-byte", &["frame-bad-close-frame"], "HTTP/1.1 101", ""),
        case("frame-close-bad-utf8", &["frame-bad-close-frame"], "HTTP/1.1 101", ""),
        case("frame-one-way-stall", &["frame-one-way-stall", "keepalive-no-pong"], "then quiet", ""),
        case("iis-arr-deflate", &["frame-deflate-corrupt"], "HTTP/1.1 101", ""),
        case("keepalive-no-pong", &["keepalive-no-pong"], "HTTP/1.1 101", ""),
        case("frame-app-init-timeout", &["frame-app-init-timeout"], "close 4408", "--hold 6s"),
        case("close-1011", &["app-handler-exception"], "close 1011", ""),
        case("close-1013", &["app-rate-limited"], "close 1013", ""),
    ];
    // With compression only the browser's way breaks; the plain connection works, so the finding may rank lower.
    for case in &mut cases {
        if case.name.contains("deflate")
            && let Expect::Cause { any_of, .. } = &case.expect
        {
            case.expect = Expect::Mentions(any_of.clone());
        }
    }
    cases
}
