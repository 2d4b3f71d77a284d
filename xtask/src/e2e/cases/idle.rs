//! Section 11: quiet connections that somebody ends, with time-outs short enough to wait for.

use serde_json::json;

use crate::e2e::case::{Case, Expect, Plan, any_of, cause};
use crate::e2e::netns::{self, SERVER};
use crate::e2e::products::{apache, envoy, h2o, haproxy, lab, lighttpd, nginx, node_ws, traefik, varnish};

/// Proxies other than nginx that end a quiet tunnel, by whatever name the finding goes.
const OTHER: &[&str] = &["idle-other-proxies", "idle-cloud"];

fn held(port: u16) -> Plan {
    Plan::new(format!("ws://127.0.0.1:{port}/")).with("--hold 8s")
}

pub(super) fn cases() -> Vec<Case> {
    let mut cases = proxies();
    cases.extend(others());
    // Time is what is measured here, and a busy machine would bend it.
    cases
        .into_iter()
        .map(|mut case| {
            case.time_limit = std::time::Duration::from_secs(90);
            // What is asked for works at first.
            case.or_warning()
        })
        .collect()
}

fn proxies() -> Vec<Case> {
    vec![
        Case::new(
            "idle/nginx",
            &["nginx", "node-ws"],
            any_of(&["idle-nginx-read-timeout"]),
            "then EOF after 3",
            |stage| {
                let app = node_ws::start(stage, json!({}))?;
                let directives = format!("proxy_read_timeout 3s; {}", nginx::UPGRADE);
                let port = nginx::start(stage, &nginx::proxy(app, &directives))?;
                Ok(held(port))
            },
        ),
        // Only sends are limited: nothing ends a quiet connection (catalog, "not causes").
        Case::new("idle/nginx-send-timeout", &["nginx", "node-ws"], Expect::Healthy, "then quiet", |stage| {
            let app = node_ws::start(stage, json!({}))?;
            let directives = format!("proxy_send_timeout 2s; {}", nginx::UPGRADE);
            let port = nginx::start(stage, &nginx::proxy(app, &directives))?;
            Ok(Plan::new(format!("ws://127.0.0.1:{port}/")).with("--hold 4s"))
        }),
        Case::new("idle/haproxy", &["haproxy", "node-ws"], any_of(OTHER), "then EOF after 2", |stage| {
            let app = node_ws::start(stage, json!({}))?;
            let options = haproxy::Options {
                timeouts: "timeout connect 2s\n timeout client 2s\n timeout server 20s",
                ..Default::default()
            };
            let port = haproxy::start(stage, app, &options)?;
            Ok(held(port))
        }),
        Case::new(
            "idle/haproxy-tunnel-timeout",
            &["haproxy", "node-ws"],
            Expect::Healthy,
            "then quiet",
            |stage| {
                let app = node_ws::start(stage, json!({}))?;
                let options = haproxy::Options {
                    timeouts: "timeout connect 2s\n timeout client 2s\n timeout server 2s\n timeout tunnel 1h",
                    ..Default::default()
                };
                let port = haproxy::start(stage, app, &options)?;
                Ok(Plan::new(format!("ws://127.0.0.1:{port}/")).with("--hold 4s"))
            },
        ),
        Case::new("idle/apache", &["apache", "node-ws"], any_of(OTHER), "then EOF after 2", |stage| {
            let app = node_ws::start(stage, json!({}))?;
            let body = format!("ProxyPass / http://127.0.0.1:{app}/ upgrade=websocket");
            let port = apache::start(stage, "Timeout 2", &body)?;
            Ok(held(port))
        }),
        // ProxyTimeout alone leaves a tunnel open.
        Case::new(
            "idle/apache-proxy-timeout",
            &["apache", "node-ws"],
            Expect::Healthy,
            "then quiet",
            |stage| {
                let app = node_ws::start(stage, json!({}))?;
                let body = format!("ProxyPass / http://127.0.0.1:{app}/ upgrade=websocket");
                let port = apache::start(stage, "Timeout 60\nProxyTimeout 2", &body)?;
                Ok(Plan::new(format!("ws://127.0.0.1:{port}/")).with("--hold 4s"))
            },
        ),
        Case::new("idle/lighttpd", &["lighttpd", "node-ws"], any_of(OTHER), "then EOF after", |stage| {
            let app = node_ws::start(stage, json!({}))?;
            let settings = "proxy.header = (\"upgrade\" => \"enable\")\nserver.max-read-idle = 3";
            let port = lighttpd::start(stage, app, settings)?;
            Ok(held(port))
        }),
        Case::new("idle/varnish", &["varnish", "node-ws"], any_of(OTHER), "then EOF after 3", |stage| {
            let app = node_ws::start(stage, json!({}))?;
            let port = varnish::start(stage, app, varnish::PIPE, &["pipe_timeout=3"])?;
            Ok(held(port))
        }),
        Case::new("idle/h2o", &["h2o", "node-ws"], any_of(OTHER), "then EOF after 3", |stage| {
            let app = node_ws::start(stage, json!({}))?;
            let settings =
                ["proxy.preserve-host: ON", "proxy.websocket: ON", "proxy.websocket.timeout: 3000"];
            let port = h2o::start(stage, app, &settings)?;
            Ok(held(port))
        }),
        Case::new(
            "idle/envoy",
            &["envoy", "node-ws"],
            any_of(OTHER),
            "then EOF after 3 / then EOF after 4",
            |stage| {
                let app = node_ws::start(stage, json!({}))?;
                let options = envoy::Options {
                    manager: &[envoy::UPGRADE, "stream_idle_timeout: 3s"],
                    ..Default::default()
                };
                let port = envoy::start(stage, app, &options)?;
                Ok(held(port))
            },
        ),
        Case::new("idle/traefik-holds", &["traefik", "node-ws"], Expect::Healthy, "then quiet", |stage| {
            // Its idleTimeout of today counts only between requests.
            let app = node_ws::start(stage, json!({}))?;
            let flags = ["--entrypoints.web.transport.respondingtimeouts.idletimeout=2s"];
            let port = traefik::start(stage, &format!("http://127.0.0.1:{app}"), &[], None, &flags)?;
            Ok(Plan::new(format!("ws://127.0.0.1:{port}/")).with("--hold 4s"))
        }),
    ]
}

fn others() -> Vec<Case> {
    vec![
        Case::new(
            "idle/lifetime-envoy",
            &["envoy", "node-ws"],
            cause("lifetime-cap"),
            "then EOF after 3 / then EOF after 4",
            |stage| {
                // Cut at 3 s whatever moves: the server chatters all the time.
                let app = node_ws::start(stage, json!({}))?;
                let manager = [envoy::UPGRADE, "common_http_protocol_options: {max_stream_duration: 3s}"];
                let port =
                    envoy::start(stage, app, &envoy::Options { manager: &manager, ..Default::default() })?;
                Ok(held(port))
            },
        )
        // Told from an idle time-out by seconds, so nothing else shall bend them.
        .exclusive(),
        Case::new(
            "idle/lifetime-app",
            &["node-ws"],
            cause("lifetime-cap"),
            "then bytes / then EOF after 3",
            |stage| {
                let port = node_ws::start(stage, json!({"lifetime": 3000}))?;
                Ok(held(port))
            },
        )
        // Told from an idle time-out by seconds, so nothing else shall bend them.
        .exclusive(),
        Case::new("idle/lab-lifetime", &["lab"], cause("lifetime-cap"), "then EOF after 3", |stage| {
            let port = lab::start(stage, "lifetime-cap-3")?;
            Ok(held(port))
        }),
        Case::new("idle/lab-cut", &["lab"], any_of(OTHER), "then EOF after 3", |stage| {
            let port = lab::start(stage, "idle-cut-3")?;
            Ok(held(port))
        }),
        Case::new(
            "idle/lab-reset",
            &["lab"],
            any_of(&["idle-other-proxies", "idle-nat-state-lost"]),
            "[Errno 104]",
            |stage| {
                let port = lab::start(stage, "idle-cut-reset-3")?;
                Ok(held(port))
            },
        ),
        Case::new("idle/lab-silent", &["lab"], any_of(&["idle-nat-state-lost"]), "then quiet", |stage| {
            let port = lab::start(stage, "idle-silent-3")?;
            Ok(held(port))
        }),
        // A stateful firewall forgets a quiet flow after 3 s and from then on drops it without a word.
        Case::new(
            "idle/firewall-forgets",
            &["node-ws", "-"],
            any_of(&["idle-nat-state-lost"]),
            "then quiet",
            |stage| {
                let server = stage.link()?.server.clone();
                let app = node_ws::start(stage, json!({}))?;
                // Loose tracking would take up a flow in its middle again.
                netns::exec(
                    &server,
                    &[
                        "sh",
                        "-c",
                        "echo 0 > /proc/sys/net/netfilter/nf_conntrack_tcp_loose; \
                echo 3 > /proc/sys/net/netfilter/nf_conntrack_tcp_timeout_established",
                    ],
                )
                .map_err(|problem| format!("skip: no connection tracking in this kernel: {problem}"))?;
                netns::filter(&server, "input", &["iif lo accept", "ct state invalid drop"])?;
                netns::filter(&server, "output", &["oif lo accept", "ct state invalid drop"])?;
                Ok(Plan::new(format!("ws://{SERVER}:{app}/")).with("--hold 8s"))
            },
        ),
        Case::new(
            "idle/py-ping-unanswered-never",
            &["py-websockets"],
            Expect::Healthy,
            "HTTP/1.1 101",
            |stage| {
                // The server pings every second; a client that answers stays.
                let port = crate::e2e::products::py_websockets::start(stage, json!({"ping_interval": 1}))?;
                Ok(Plan::new(format!("ws://127.0.0.1:{port}/")).with("--hold 4s"))
            },
        ),
    ]
}
