//! Section 7 with peers that no product imitates: answers that break RFC 6455, and signatures of clouds.

use crate::e2e::case::{Case, Expect, Plan, any_of, cause, possibly};
use crate::e2e::products::lab;

pub(super) fn cases() -> Vec<Case> {
    let case = |fault: &'static str, expect: Expect, seen: &'static str, arguments: &'static str| {
        Case::new(format!("upgrade/lab/{fault}"), &["lab"], expect, seen, move |stage| {
            let port = lab::start(stage, fault)?;
            let plan = Plan::new(format!("ws://127.0.0.1:{port}/chat"));
            Ok(if arguments.is_empty() { plan } else { plan.with(arguments) })
        })
    };
    vec![
        case("healthy", Expect::Healthy, "HTTP/1.1 101", ""),
        case("healthy-no-compression", Expect::Healthy, "HTTP/1.1 101", ""),
        case("upgrade-accept-mismatch", cause("upgrade-accept-mismatch"), "HTTP/1.1 101", ""),
        case("upgrade-accept-missing", cause("upgrade-accept-missing"), "HTTP/1.1 101", ""),
        case("upgrade-accept-cached", cause("upgrade-accept-mismatch"), "HTTP/1.1 101", ""),
        case("upgrade-101-missing-upgrade", cause("upgrade-101-missing-upgrade"), "HTTP/1.1 101", ""),
        case("upgrade-101-missing-connection", cause("upgrade-101-missing-connection"), "HTTP/1.1 101", ""),
        case("upgrade-101-connection-keepalive", cause("upgrade-101-missing-connection"), "HTTP/1.1 101", ""),
        case("upgrade-duplicate-headers", cause("upgrade-duplicate-headers"), "HTTP/1.1 101", ""),
        case("upgrade-extension-not-offered", cause("upgrade-extension-not-offered"), "HTTP/1.1 101", ""),
        case("upgrade-extension-bad-params", cause("upgrade-extension-not-offered"), "HTTP/1.1 101", ""),
        case("upgrade-empty-extension-header", cause("upgrade-empty-extension-header"), "HTTP/1.1 101", ""),
        case(
            "upgrade-subprotocol-not-answered",
            cause("upgrade-subprotocol-not-answered"),
            "HTTP/1.1 101",
            "--subprotocol mqtt",
        ),
        case("upgrade-subprotocol-unrequested", cause("upgrade-subprotocol-unrequested"), "HTTP/1.1 101", ""),
        case(
            "upgrade-subprotocol-wrong-dialect",
            cause("upgrade-subprotocol-wrong-dialect"),
            "close 4406",
            "--subprotocol graphql-ws",
        ),
        case("upgrade-interim-1xx", cause("upgrade-interim-1xx"), "HTTP/1.1 103", ""),
        case("upgrade-not-http", cause("upgrade-not-http"), "SSH-2.0", ""),
        case("upgrade-eof-before-response", cause("upgrade-eof-before-response"), "EOF after 0", ""),
        case("upgrade-eof-after-1s", cause("upgrade-eof-before-response"), "EOF after 1", ""),
        case(
            "upgrade-reset-on-upgrade",
            any_of(&["tcp-dpi-reset-on-upgrade", "upgrade-eof-before-response"]),
            "[Errno 104]",
            "",
        ),
        case("upgrade-never-answered", cause("upgrade-never-answered"), "no answer", "--timeout 6s"),
        case(
            "upgrade-connection-case-or-list-bug",
            Expect::Mentions(vec!["upgrade-connection-case-or-list-bug"]),
            "HTTP/1.1 101",
            "",
        ),
        case("upgrade-version-rejected", cause("upgrade-version-rejected"), "Sec-WebSocket-Version: 8", ""),
        case("upgrade-wrong-method", cause("upgrade-wrong-method"), "HTTP/1.1 405", ""),
        case("upgrade-204", cause("upgrade-204-or-transport-off"), "HTTP/1.1 204", ""),
        case("upgrade-host-mismatch", cause("upgrade-host-mismatch"), "HTTP/1.1 421", ""),
        case("cloudflare-challenge", any_of(&["app-waf-blocked"]), "HTTP/1.1 403", "")
            .because("cloudflare-challenge"),
        case("iis-websocket-feature-off", any_of(&["upgrade-refused-by-proxy"]), "HTTP/1.1 503", "")
            .because("iis-websocket-feature-off"),
        case("cloudflare-521", possibly(super::upstream::BEHIND), "HTTP/1.1 521", "")
            .because("cloudflare-origin-5xx"),
        case("app-middleware-not-hijackable", cause("app-middleware-not-hijackable"), "HTTP/1.1 500", ""),
    ]
}
