//! Section 5: squid and others between a client and the world.

use serde_json::json;

use crate::e2e::case::{Case, Expect, Plan, any_of, cause, possibly};
use crate::e2e::netns::{self, SERVER};
use crate::e2e::products::{dnsmasq, lighttpd, microsocks, nginx, node_ws, py_websockets, squid};

pub(super) fn cases() -> Vec<Case> {
    let mut cases = refusals();
    cases.extend(others());
    cases
}

fn refusals() -> Vec<Case> {
    vec![
        Case::new(
            "forward-proxy/strips/node-ws",
            &["squid", "node-ws"],
            cause("forward-proxy-strips-upgrade"),
            "HTTP/1.1 426",
            |stage| {
                let app = node_ws::start(stage, json!({}))?;
                let squid = squid::start(stage, "http_access allow all")?;
                let via = format!("http://127.0.0.1:{squid}");
                Ok(Plan::new(format!("ws://127.0.0.1:{app}/")).flag("--via", via).with("--via-mode forward"))
            },
        ),
        Case::new(
            "forward-proxy/strips/py-websockets",
            &["squid", "py-websockets"],
            cause("forward-proxy-strips-upgrade"),
            "HTTP/1.1 426",
            |stage| {
                let app = py_websockets::start(stage, json!({}))?;
                let squid = squid::start(stage, "http_access allow all")?;
                let via = format!("http://127.0.0.1:{squid}");
                Ok(Plan::new(format!("ws://127.0.0.1:{app}/")).flag("--via", via).with("--via-mode forward"))
            },
        ),
        // The spelling that squid's documentation uses does not match what every client sends.
        Case::new(
            "forward-proxy/strips/wrong-case",
            &["squid", "node-ws"],
            cause("forward-proxy-strips-upgrade"),
            "HTTP/1.1 426",
            |stage| {
                let app = node_ws::start(stage, json!({}))?;
                let rules = "http_upgrade_request_protocols WebSocket allow all\nhttp_access allow all";
                let squid = squid::start(stage, rules)?;
                let via = format!("http://127.0.0.1:{squid}");
                Ok(Plan::new(format!("ws://127.0.0.1:{app}/")).flag("--via", via).with("--via-mode forward"))
            },
        ),
        Case::new(
            "forward-proxy/port-denied",
            &["squid", "node-ws"],
            cause("forward-proxy-connect-port-denied"),
            "CONNECT: HTTP/1.1 403",
            |stage| {
                let app = node_ws::start(stage, json!({}))?;
                let rules =
                    "acl SSL_ports port 443\nhttp_access deny CONNECT !SSL_ports\nhttp_access allow all";
                let squid = squid::start(stage, rules)?;
                Ok(Plan::new(format!("ws://127.0.0.1:{app}/"))
                    .flag("--via", format!("http://127.0.0.1:{squid}")))
            },
        ),
        Case::new(
            "forward-proxy/password-wanted",
            &["squid", "node-ws"],
            cause("forward-proxy-auth-required"),
            "CONNECT: HTTP/1.1 407",
            |stage| {
                let app = node_ws::start(stage, json!({}))?;
                // Any helper will do: the client sends no credentials for it to look at.
                let rules = "auth_param basic program /usr/lib/squid/basic_fake_auth\nauth_param basic realm office\n\
                             acl known proxy_auth REQUIRED\nhttp_access allow known\nhttp_access deny all";
                let squid = squid::start(stage, rules)?;
                Ok(Plan::new(format!("ws://127.0.0.1:{app}/"))
                    .flag("--via", format!("http://127.0.0.1:{squid}")))
            },
        ),
        Case::new(
            "forward-proxy/socks-password-wanted",
            &["microsocks", "node-ws"],
            cause("forward-proxy-auth-required"),
            "",
            |stage| {
                let app = node_ws::start(stage, json!({}))?;
                let socks = microsocks::start(stage, &["-u", "dev", "-P", "secret"])?;
                Ok(Plan::new(format!("ws://127.0.0.1:{app}/"))
                    .flag("--via", format!("socks5://127.0.0.1:{socks}")))
            },
        ),
        Case::new(
            "forward-proxy/destination-blocked",
            &["squid", "node-ws"],
            any_of(&["forward-proxy-destination-blocked"]),
            "CONNECT: HTTP/1.1 403",
            |stage| {
                let app = node_ws::start(stage, json!({}))?;
                let rules = "acl games dstdomain localhost\nhttp_access deny games\nhttp_access allow all";
                let squid = squid::start(stage, rules)?;
                Ok(Plan::new(format!("ws://localhost:{app}/"))
                    .flag("--via", format!("http://127.0.0.1:{squid}")))
            },
        ),
        Case::new(
            "forward-proxy/upstream-refused",
            &["squid"],
            any_of(&["forward-proxy-upstream-failed", "tcp-refused-no-listener"]),
            "CONNECT: HTTP/1.1 503",
            |stage| {
                let dead = stage.port()?;
                let squid = squid::start(stage, "http_access allow all")?;
                Ok(Plan::new(format!("ws://127.0.0.1:{dead}/"))
                    .flag("--via", format!("http://127.0.0.1:{squid}")))
            },
        ),
        // The target works without the proxy, so the fault is between the two.
        Case::new(
            "forward-proxy/name-unknown-to-proxy",
            &["squid", "dnsmasq", "node-ws"],
            cause("forward-proxy-upstream-failed"),
            // squid 5.7: 503 for a refused connection, 500 for an unknown name.
            "CONNECT: HTTP/1.1 500",
            |stage| {
                stage.link()?;
                let app = node_ws::start(stage, json!({}))?;
                // The proxy's own name server knows nothing of that name.
                dnsmasq::start_at(stage, "127.0.0.1", 53, "local=/keepwire.test/")?;
                let squid = squid::start(stage, "http_access allow all")?;
                let host = "inside.keepwire.test";
                Ok(Plan::new(format!("ws://{host}:{app}/"))
                    .flag("--resolve", format!("{host}:{app}:{SERVER}"))
                    .flag("--via", format!("http://{SERVER}:{squid}")))
            },
        ),
        Case::new(
            "forward-proxy/down",
            &["node-ws"],
            cause("forward-proxy-unreachable"),
            "tcp: [Errno 111]",
            |stage| {
                let app = node_ws::start(stage, json!({}))?;
                Ok(Plan::new(format!("ws://127.0.0.1:{app}/"))
                    .flag("--via", format!("http://127.0.0.1:{}", stage.port()?)))
            },
        ),
        Case::new(
            "forward-proxy/socks-down",
            &["node-ws"],
            cause("forward-proxy-unreachable"),
            "tcp: [Errno 111]",
            |stage| {
                let app = node_ws::start(stage, json!({}))?;
                Ok(Plan::new(format!("ws://127.0.0.1:{app}/"))
                    .flag("--via", format!("socks5://127.0.0.1:{}", stage.port()?)))
            },
        ),
    ]
}

fn others() -> Vec<Case> {
    vec![
        // A company's proxy variables, applied to a server that only this machine can reach.
        Case::new(
            "forward-proxy/environment-for-localhost",
            &["squid", "node-ws"],
            any_of(&["client-uses-proxy-wrongly"]),
            "HTTP/1.1 101",
            |stage| {
                let app = node_ws::start(stage, json!({}))?;
                let squid = squid::start(stage, "http_access deny to_localhost\nhttp_access allow all")?;
                let proxy = format!("http://127.0.0.1:{squid}");
                Ok(Plan::new(format!("ws://localhost:{app}/"))
                    .environment("HTTP_PROXY", &proxy)
                    .environment("http_proxy", &proxy)
                    .environment("HTTPS_PROXY", &proxy))
            },
        ),
        Case::new(
            "forward-proxy/no-proxy-respected",
            &["squid", "node-ws"],
            Expect::Healthy,
            "HTTP/1.1 101",
            |stage| {
                let app = node_ws::start(stage, json!({}))?;
                let squid = squid::start(stage, "http_access deny all")?;
                let proxy = format!("http://127.0.0.1:{squid}");
                Ok(Plan::new(format!("ws://127.0.0.1:{app}/"))
                    .environment("HTTP_PROXY", &proxy)
                    .environment("HTTPS_PROXY", &proxy)
                    .environment("NO_PROXY", "127.0.0.1,localhost"))
            },
        ),
        Case::new(
            "forward-proxy/tunnel-timeout",
            &["squid", "nginx", "node-ws"],
            any_of(&["forward-proxy-tunnel-timeout", "idle-other-proxies"]),
            "then EOF after 3 / then EOF after 4",
            |stage| {
                let app = node_ws::start(stage, json!({}))?;
                let squid = squid::start(stage, "http_access allow all\nread_timeout 3 seconds")?;
                Ok(Plan::new(format!("ws://127.0.0.1:{app}/"))
                    .flag("--via", format!("http://127.0.0.1:{squid}"))
                    .with("--hold 8s"))
            },
        ),
        // Whatever is asked for, the hotel's page answers; a transparent redirect, so no Via gives it away.
        Case::new(
            "forward-proxy/captive-portal",
            &["lighttpd", "-"],
            possibly(&["captive-portal", "upgrade-login-redirect"]),
            "HTTP/1.1 302 / HTTP/1.1 511",
            |stage| {
                let server = stage.link()?.server.clone();
                let portal = lighttpd::start_with(
                    stage,
                    "server.modules += (\"mod_redirect\")\nurl.redirect-code = 302\n\
                     url.redirect = (\"\" => \"http://portal.hotel.test/login\")",
                )?;
                let rule = format!(
                    "table ip portal {{\nchain p {{\ntype nat hook prerouting priority -100;\n\
                     tcp dport {{80, 8080}} redirect to :{portal}\n}}\n}}"
                );
                netns::exec(&server, &["nft", &rule])?;
                Ok(Plan::new(format!("ws://{SERVER}:8080/chat")))
            },
        ),
        Case::new(
            "forward-proxy/proxy-is-a-web-server",
            &["nginx", "node-ws"],
            possibly(&[
                "forward-proxy-upstream-failed",
                "forward-proxy-destination-blocked",
                "forward-proxy-connect-port-denied",
            ]),
            "CONNECT: HTTP/1.1 4",
            |stage| {
                let app = node_ws::start(stage, json!({}))?;
                let wrong = nginx::start(stage, "location / { return 200 hello; }")?;
                Ok(Plan::new(format!("ws://127.0.0.1:{app}/"))
                    .flag("--via", format!("http://127.0.0.1:{wrong}")))
            },
        ),
    ]
}
