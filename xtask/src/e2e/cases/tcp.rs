//! Section 4: packets that do not arrive. Every case has its own test hosts in network namespaces.

use serde_json::json;

use crate::e2e::case::{Case, Expect, Plan, any_of, cause, possibly, proven};
use crate::e2e::certs::HOST;
use crate::e2e::netns::{self, NOBODY, SERVER, ip};
use crate::e2e::products::{haproxy, nginx, node_ws, python};

pub(super) fn cases() -> Vec<Case> {
    let mut cases = unreachable();
    cases.extend(middleboxes());
    cases
}

fn unreachable() -> Vec<Case> {
    vec![
        Case::new("tcp/refused", &["-"], cause("tcp-refused-no-listener"), "tcp: [Errno 111]", |stage| {
            Ok(Plan::new(format!("ws://127.0.0.1:{}/", stage.port()?)))
        }),
        // From outside nothing tells "not started" from "bound to loopback".
        Case::new(
            "tcp/bound-to-loopback",
            &["node-ws"],
            any_of(&["tcp-refused-no-listener", "tcp-bound-to-loopback"]),
            "tcp: [Errno 111]",
            |stage| {
                stage.link()?;
                let port = node_ws::start(stage, json!({"host": "127.0.0.1"}))?;
                Ok(Plan::new(format!("ws://{SERVER}:{port}/")))
            },
        ),
        // Port 80 answers, the application's port is dropped: a filter, not a dead host.
        Case::new(
            "tcp/port-dropped",
            &["nginx", "node-ws", "-"],
            any_of(&["tcp-syn-dropped", "tcp-port-filtered-by-network"]),
            "tcp: timed out",
            |stage| {
                let server = stage.link()?.server.clone();
                let app = node_ws::start(stage, json!({}))?;
                nginx::start_with(stage, &[80], "", "server { listen 80; return 204; }")?;
                netns::filter(&server, "input", &[&format!("tcp dport {app} drop")])?;
                Ok(Plan::new(format!("ws://{SERVER}:{app}/")).with("--timeout 5s"))
            },
        ),
        Case::new("tcp/host-silent", &["-"], cause("tcp-syn-dropped"), "tcp: timed out", |stage| {
            let net = stage.link()?;
            netns::filter(&net.server, "input", &["meta l4proto tcp drop"])?;
            Ok(Plan::new(format!("ws://{SERVER}:8080/")).with("--timeout 5s"))
        }),
        Case::new(
            "tcp/rejected-admin-prohibited",
            &["node-ws", "-"],
            cause("tcp-rejected-icmp"),
            "tcp: [Errno 113]",
            |stage| {
                let server = stage.link()?.server.clone();
                let app = node_ws::start(stage, json!({}))?;
                let rule = format!("tcp dport {app} reject with icmpx type admin-prohibited");
                netns::filter(&server, "input", &[&rule])?;
                Ok(Plan::new(format!("ws://{SERVER}:{app}/")))
            },
        ),
        Case::new(
            "tcp/rejected-host-unreachable",
            &["-"],
            cause("tcp-rejected-icmp"),
            "tcp: [Errno 113]",
            |stage| {
                let net = stage.link()?;
                netns::filter(
                    &net.server,
                    "input",
                    &["tcp dport 8080 reject with icmpx type host-unreachable"],
                )?;
                Ok(Plan::new(format!("ws://{SERVER}:8080/")))
            },
        ),
        // Nobody answers the ARP request: some 3 s, then the kernel itself says "no route to host".
        Case::new(
            "tcp/no-such-host",
            &["-"],
            any_of(&["tcp-rejected-icmp", "tcp-syn-dropped"]),
            "tcp: [Errno 113] / tcp: timed out",
            |stage| {
                stage.link()?;
                Ok(Plan::new(format!("ws://{NOBODY}:8080/")).with("--timeout 8s"))
            },
        ),
        Case::new(
            "tcp/rejected-reset",
            &["node-ws", "-"],
            cause("tcp-refused-no-listener"),
            "tcp: [Errno 111]",
            |stage| {
                let server = stage.link()?.server.clone();
                let app = node_ws::start(stage, json!({}))?;
                netns::filter(&server, "input", &[&format!("tcp dport {app} reject with tcp reset")])?;
                Ok(Plan::new(format!("ws://{SERVER}:{app}/")))
            },
        ),
        // The port is open and new connections time out: from outside the same as a dropped SYN.
        Case::new(
            "tcp/backlog-full",
            &["-"],
            any_of(&["tcp-backlog-full", "tcp-syn-dropped"]),
            "tcp: timed out",
            |stage| {
                let port = python::script(stage, "backlog", "full_backlog.py", json!({}))?;
                Ok(Plan::new(format!("ws://127.0.0.1:{port}/")).with("--timeout 5s"))
            },
        ),
        // A TCP balancer accepts first and looks for a server then.
        Case::new(
            "tcp/balancer-without-target",
            &["haproxy"],
            any_of(&["tcp-lb-no-healthy-target", "upgrade-eof-before-response"]),
            "EOF / [Errno 104]",
            |stage| {
                let dead = stage.port()?;
                let options =
                    haproxy::Options { mode: "tcp", server: "check inter 100ms", ..Default::default() };
                let port = haproxy::start(stage, dead, &options)?;
                Ok(Plan::new(format!("ws://127.0.0.1:{port}/")))
            },
        ),
        Case::new(
            "tcp/source-denied",
            &["nginx", "node-ws"],
            possibly(&["tcp-source-blocked", "app-waf-blocked", "app-origin-rejected", "app-auth-401"]),
            "HTTP/1.1 403",
            |stage| {
                let app = node_ws::start(stage, json!({}))?;
                let port = nginx::start(stage, &format!("deny all; {}", nginx::proxy(app, nginx::UPGRADE)))?;
                Ok(Plan::new(format!("ws://127.0.0.1:{port}/")))
            },
        )
        .never(&["upgrade-stripped"]),
    ]
}

fn middleboxes() -> Vec<Case> {
    vec![
        Case::new(
            "tcp/reset-on-upgrade",
            &["node-ws", "-"],
            proven("tcp-dpi-reset-on-upgrade"),
            "upgrade: [Errno 104]",
            |stage| {
                let server = stage.link()?.server.clone();
                let app = node_ws::start(stage, json!({}))?;
                reset_on(&server, "INPUT", "Upgrade: websocket")?;
                Ok(Plan::new(format!("ws://{SERVER}:{app}/")))
            },
        ),
        Case::new(
            "tcp/reset-on-sni",
            &["nginx", "node-ws", "-"],
            cause("tcp-sni-filter"),
            "tls: [Errno 104]",
            |stage| {
                let server = stage.link()?.server.clone();
                let app = node_ws::start(stage, json!({}))?;
                let port = nginx::start_tls(stage, "good", &nginx::proxy(app, nginx::UPGRADE))?;
                reset_on(&server, "INPUT", HOST)?;
                Ok(Plan::new(format!("wss://{HOST}:{port}/"))
                    .flag("--resolve", format!("{HOST}:{port}:{SERVER}"))
                    .flag("--ca", stage.certs.path("root.crt")))
            },
        ),
        Case::new(
            "tcp/mtu-black-hole",
            &["node-ws", "-"],
            cause("tcp-mtu-blackhole"),
            "20000 bytes sent, then quiet / bytes sent, quiet",
            |stage| {
                let net = stage.through_router(1300)?;
                let router = net.router.clone().unwrap_or_default();
                // The router must not tell the end hosts about its narrow link.
                netns::filter(&router, "output", &["icmp type destination-unreachable drop"])?;
                let app = node_ws::start(stage, json!({}))?;
                Ok(Plan::new(format!("ws://{SERVER}:{app}/")).with("--size 20000"))
            },
        ),
        // The same path with the router's messages let through, and both ends of the narrow link agreeing on it
        // (veth drops what is longer than the other end takes): nothing is wrong.
        Case::new("tcp/narrow-path", &["node-ws", "-"], Expect::Healthy, "HTTP/1.1 101", |stage| {
            let net = stage.through_router(1300)?;
            ip(&net.server, &["link", "set", "to-client", "mtu", "1300"])?;
            let app = node_ws::start(stage, json!({}))?;
            Ok(Plan::new(format!("ws://{SERVER}:{app}/")).with("--size 20000"))
        }),
        // A middlebox that cannot read a ClientHello of the size that post-quantum key shares make it.
        Case::new(
            "tcp/client-hello-too-big",
            &["nginx", "node-ws", "-"],
            Expect::Mentions(vec!["tls-clienthello-too-big"]),
            "HTTP/1.1 101",
            |stage| {
                let app = node_ws::start(stage, json!({}))?;
                let inner = nginx::start_tls(stage, "good", &nginx::proxy(app, nginx::UPGRADE))?;
                let port = python::script(stage, "middlebox", "small_hello.py", json!({"to": inner}))?;
                Ok(Plan::new(format!("wss://{HOST}:{port}/"))
                    .flag("--resolve", format!("{HOST}:{port}:127.0.0.1"))
                    .flag("--ca", stage.certs.path("root.crt")))
            },
        ),
    ]
}

/// Resets a connection as soon as a packet holds `text`, as inspecting middleboxes do.
fn reset_on(host: &str, chain: &str, text: &str) -> crate::e2e::Result<()> {
    let words = [
        "iptables", "-A", chain, "-p", "tcp", "-m", "string", "--algo", "bm", "--string", text, "-j",
        "REJECT",
    ];
    netns::exec(host, &[&words[..], &["--reject-with", "tcp-reset"]].concat())
        .map_err(|problem| format!("skip: this kernel's packet filter matches no strings: {problem}"))
}
