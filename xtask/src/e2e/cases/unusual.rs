//! Deployments that work and are unusual: what they do is allowed, so no report may accuse them of it.

use serde_json::{Value, json};

use crate::e2e::Result;
use crate::e2e::case::{Case, Expect, Plan};
use crate::e2e::certs::HOST;
use crate::e2e::products::{haproxy, nginx, node_ws};
use crate::e2e::stage::Stage;

/// A case that must come out clean.
fn healthy(name: &str, set_up: impl Fn(&mut Stage) -> Result<Plan> + Send + Sync + 'static) -> Case {
    Case::new(format!("healthy/unusual/{name}"), &["node-ws"], Expect::Healthy, "HTTP/1.1 101", set_up)
}

/// A server with one habit (`e2e-servers/unusual.js`), called with some flags.
fn habit(name: &str, options: Value, flags: &'static str) -> Case {
    healthy(name, move |stage| {
        let plan = Plan::new(format!("ws://127.0.0.1:{}/", unusual(stage, options.clone())?));
        Ok(if flags.is_empty() { plan } else { plan.with(flags) })
    })
}

/// The same where a warning is true: it works for the caller, and not for everybody.
fn warned(mut case: Case, causes: &[&'static str]) -> Case {
    case.expect = Expect::Warned(causes.to_vec());
    case
}

fn unusual(stage: &mut Stage, options: Value) -> Result<u16> {
    node_ws::script(stage, "node-ws", "unusual.js", options)
}

pub(super) fn cases() -> Vec<Case> {
    [messages(), chatter(), endings(), handshakes(), sessions(), addresses(), encrypted(), proxied(), pages()]
        .into_iter()
        .flatten()
        .collect()
}

/// What a server makes of a message that it does not know: our message is to blame, not the server.
fn messages() -> Vec<Case> {
    let error = r#"{"type":"error","message":"unknown message"}"#;
    vec![
        habit("ignores-messages", json!({"answer": "nothing"}), ""),
        habit("answers-errors", json!({"answer": error}), ""),
        habit("answers-errors-size", json!({"answer": error}), "--size 128K"),
        habit("ignores-messages-size", json!({"answer": "nothing"}), "--size 128K"),
        habit("closes-1003", json!({"answer": [1003, "not JSON"]}), ""),
        habit("closes-1003-size", json!({"answer": [1003, "not JSON"]}), "--size 64K"),
        habit("closes-1007", json!({"answer": [1007, "cannot parse"]}), ""),
        habit("closes-1008", json!({"answer": [1008, "unknown message type"]}), ""),
        habit("closes-1011", json!({"answer": [1011, "internal error"]}), ""),
        habit("closes-1002", json!({"answer": [1002, "expected an object"]}), ""),
        habit("closes-4400", json!({"answer": [4400, "Invalid message received"]}), ""),
        habit("closes-4401", json!({"answer": [4401, "unauthorized"]}), ""),
        habit("closes-unknown-size", json!({"answer": [4400, "Invalid message received"]}), "--size 64K"),
        habit("ends-tcp", json!({"answer": "end"}), ""),
        habit("one-answer-then-1000", json!({"answer": "done"}), ""),
        habit("text-only", json!({"textOnly": true}), ""),
        habit("text-only-compressed", json!({"textOnly": true, "deflate": true}), ""),
        habit("echoes-as-binary", json!({"answer": "binary"}), ""),
        habit("echoes-as-binary-size", json!({"answer": "binary"}), "--size 128K"),
        habit("no-message", json!({"answer": [4400, "Invalid message received"]}), "--no-message"),
    ]
}

/// What a server says on its own.
fn chatter() -> Vec<Case> {
    let many = json!([[5000, 20, false]]);
    vec![
        habit("hello", json!({"hello": [[1, 40, false]], "answer": "nothing"}), ""),
        habit(
            "hello-large",
            json!({"hello": [[1, 70_000, false], [1, 300_000, true]], "answer": "nothing"}),
            "",
        ),
        habit("hello-2-mb", json!({"hello": [[1, 2_000_000, true]]}), ""),
        habit("hello-6-mb", json!({"hello": [[1, 6_000_000, true]], "answer": "nothing"}), ""),
        habit("hello-20-mb", json!({"hello": [[1, 20_000_000, true]], "answer": "nothing"}), ""),
        habit("hello-60-mb", json!({"hello": [[60, 1_000_000, true]], "answer": "nothing"}), ""),
        habit("hello-20-mb-in-parts", json!({"hello": [[2000, 10_000, true]]}), ""),
        habit("hello-many", json!({"hello": many}), ""),
        habit("hello-many-quiet", json!({"hello": many, "answer": "nothing"}), ""),
        habit("hello-many-deflated", json!({"hello": many, "deflate": true}), ""),
        habit("hello-many-hold", json!({"hello": many}), "--hold 2s"),
        habit("hello-many-size", json!({"hello": many}), "--size 64K"),
        habit("pings-every-50-ms", json!({"pingEvery": 50}), "--hold 2s"),
        habit("pings-every-1-ms", json!({"pingEvery": 1, "pingPayload": "x".repeat(125)}), "--hold 2s"),
        habit("pongs-unasked", json!({"pongEvery": 10}), "--hold 2s"),
        habit("fragments-with-pings-between", json!({"fragments": 300}), ""),
        habit("slow-pong", json!({"slowPong": 900}), ""),
    ]
}

/// How a server takes leave.
fn endings() -> Vec<Case> {
    vec![
        habit("close-unanswered", json!({"closing": "deaf"}), ""),
        habit("close-answered-by-fin", json!({"closing": "abrupt"}), ""),
        habit("close-answered-by-reset", json!({"closing": "reset"}), ""),
        habit("close-answered-with-own-code", json!({"closing": "own-code"}), ""),
        // A job that delivers its result and is done.
        warned(
            habit("result-then-1000", json!({"hello": [[3, 100, false]], "thenClose": 1000}), ""),
            &["close-by-server"],
        ),
    ]
}

fn handshakes() -> Vec<Case> {
    let deflate = json!({"serverMaxWindowBits": 9, "clientMaxWindowBits": 9, "threshold": 0});
    let bare = json!({"serverNoContextTakeover": true, "clientNoContextTakeover": true, "threshold": 0});
    let headers = [
        "Server: cloudflare",
        "Set-Cookie: sid=1; HttpOnly",
        "X-Powered-By: Express",
        "Keep-Alive: timeout=5",
    ];
    let listed = json!({"origins": ["https://shop.test"]});
    vec![
        habit("deflate-takeover", json!({"deflate": {"threshold": 0}}), "--size 128K"),
        habit("deflate-small-windows", json!({"deflate": deflate}), "--size 128K"),
        habit("deflate-no-takeover", json!({"deflate": bare}), "--size 128K"),
        habit("slow-switch", json!({"slowSwitch": 800}), ""),
        habit("very-slow-switch", json!({"slowSwitch": 2500}), ""),
        habit("headers-on-101", json!({"switchHeaders": headers}), ""),
        habit("agent-needed", json!({"agentNeeded": true}), ""),
        habit("subprotocol-optional", json!({"subprotocols": ["chat"]}), ""),
        habit(
            "graphql",
            json!({"subprotocols": ["graphql-transport-ws"], "initTimeout": 3000, "answer": [4400, "Invalid message received"]}),
            "--subprotocol graphql-transport-ws",
        ),
        habit("param", json!({"param": ["token", "t0ken"]}), "--param token=t0ken"),
        habit("as-browser", json!({}), "--as browser"),
        habit("as-browser-origin", listed.clone(), "--as browser --origin https://shop.test"),
        habit(
            "origin-needed",
            json!({"origins": ["https://shop.test"], "originNeeded": true}),
            "--origin https://shop.test",
        ),
        warned(habit("origin-list-without-itself", listed, ""), &["app-origin-rejected"]),
    ]
}

/// Servers that know their clients.
fn sessions() -> Vec<Case> {
    let one = ["app-one-connection"];
    vec![
        warned(habit("one-client-others-refused", json!({"one": "refuse"}), ""), &one),
        warned(
            habit("one-client-others-refused-size", json!({"one": "refuse"}), "--size 64K --hold 2s"),
            &one,
        ),
        warned(habit("one-client-newer-wins", json!({"one": "replace"}), ""), &one),
        warned(habit("one-client-newer-wins-hold", json!({"one": "replace"}), "--hold 2s"), &one),
        warned(habit("one-client-newer-wins-wordless", json!({"one": "cut"}), ""), &one),
    ]
}

fn addresses() -> Vec<Case> {
    vec![
        healthy("two-addresses", |stage| {
            let port = unusual(stage, json!({"host": "0.0.0.0"}))?;
            Ok(Plan::new(format!("ws://{HOST}:{port}/"))
                .flag("--resolve", format!("{HOST}:{port}:127.0.0.1,127.0.0.2")))
        }),
        healthy("two-addresses-wss", |stage| {
            let port = secure(stage, "good", json!({"host": "0.0.0.0"}))?;
            Ok(wss(stage, port, "127.0.0.1,127.0.0.2"))
        }),
        healthy("ipv6-only", |stage| {
            let port = unusual(stage, json!({"host": "::1"}))?;
            Ok(Plan::new(format!("ws://{HOST}:{port}/")).flag("--resolve", format!("{HOST}:{port}:::1")))
        }),
        healthy("upper-case-host", |stage| {
            let port = unusual(stage, json!({}))?;
            Ok(Plan::new(format!("WS://LocalHost:{port}/")))
        }),
        healthy("strange-path", |stage| {
            let port = unusual(stage, json!({}))?;
            Ok(Plan::new(format!("ws://127.0.0.1:{port}/a%20b//c;v=1/聊天?x=%2F&y=&z")))
        }),
        healthy("connect-to", |stage| {
            let port = unusual(stage, json!({}))?;
            Ok(Plan::new("ws://app.keepwire.test/").flag("--connect-to", format!("127.0.0.1:{port}")))
        }),
    ]
}

fn secure(stage: &mut Stage, cert: &str, mut options: Value) -> Result<u16> {
    options["cert"] = json!(stage.certs.path(&format!("{cert}.full")));
    options["key"] = json!(stage.certs.path(&format!("{cert}.key")));
    unusual(stage, options)
}

/// A wss URL with our own authority, and the name pointed to loopback.
fn wss(stage: &Stage, port: u16, addresses: &str) -> Plan {
    Plan::new(format!("wss://{HOST}:{port}/"))
        .flag("--resolve", format!("{HOST}:{port}:{addresses}"))
        .flag("--ca", stage.certs.path("root.crt"))
}

fn encrypted() -> Vec<Case> {
    let with_cert = |cert: &'static str| {
        healthy(&format!("wss-{cert}"), move |stage| {
            let port = secure(stage, cert, json!({}))?;
            Ok(wss(stage, port, "127.0.0.1"))
        })
    };
    let with_tls = |name: &str, tls: Value| {
        healthy(name, move |stage| {
            let port = secure(stage, "good-rsa", json!({"tls": tls}))?;
            Ok(wss(stage, port, "127.0.0.1"))
        })
    };
    vec![
        with_cert("rsa4096"),
        with_cert("p384"),
        with_cert("ed25519"),
        with_cert("wildcard"),
        with_tls("tls-1.2-only", json!({"maxVersion": "TLSv1.2"})),
        with_tls("tls-1.3-only", json!({"minVersion": "TLSv1.3"})),
        healthy("wss-root-in-chain", |stage| {
            let chain = read(&stage.certs.path("good.full"))? + &read(&stage.certs.path("root.crt"))?;
            let chain = stage.write("chain.pem", &chain)?;
            let port = unusual(stage, json!({"cert": chain, "key": stage.certs.path("good.key")}))?;
            Ok(wss(stage, port, "127.0.0.1"))
        }),
        healthy("wss-ip-literal", |stage| {
            let port = secure(stage, "good", json!({}))?;
            Ok(Plan::new(format!("wss://127.0.0.1:{port}/")).flag("--ca", stage.certs.path("root.crt")))
        }),
        healthy("wss-as-browser-hold-size", |stage| {
            let port = secure(stage, "good", json!({"deflate": true}))?;
            Ok(wss(stage, port, "127.0.0.1").with("--as browser --hold 2s --size 256K"))
        }),
        healthy("client-certificate-asked-not-needed", |stage| {
            let port =
                secure(stage, "good", json!({"tls": {"requestCert": true, "rejectUnauthorized": false}}))?;
            Ok(wss(stage, port, "127.0.0.1"))
        }),
        healthy("client-certificate", |stage| {
            let ca = read(&stage.certs.path("root.crt"))?;
            let port = secure(stage, "good", json!({"tls": {"requestCert": true, "ca": ca}}))?;
            let (cert, key) = (stage.certs.path("client.full"), stage.certs.path("client.key"));
            Ok(wss(stage, port, "127.0.0.1").flag("--cert", cert).flag("--key", key))
        }),
    ]
}

fn read(path: &str) -> Result<String> {
    std::fs::read_to_string(path).map_err(|error| format!("reading {path}: {error}"))
}

fn proxied() -> Vec<Case> {
    let mut nginx_hold = healthy("nginx-60s-hold", |stage| {
        let app = unusual(stage, json!({}))?;
        let port =
            nginx::start(stage, &nginx::proxy(app, &format!("proxy_read_timeout 60s; {}", nginx::UPGRADE)))?;
        Ok(Plan::new(format!("ws://127.0.0.1:{port}/")).with("--hold 3s"))
    });
    nginx_hold.products.push("nginx");
    let mut nginx_h2 = healthy("nginx-h2-large-hello", |stage| {
        let app = unusual(stage, json!({"hello": [[200, 1000, true]], "answer": "nothing"}))?;
        let (port, chain, key) = (stage.port()?, stage.certs.path("good.full"), stage.certs.path("good.key"));
        let server = format!(
            "server {{ listen 127.0.0.1:{port} ssl http2; ssl_certificate {chain}; ssl_certificate_key {key}; {} }}",
            nginx::proxy(app, nginx::UPGRADE)
        );
        nginx::start_with(stage, &[port], "", &server)?;
        Ok(wss(stage, port, "127.0.0.1"))
    });
    nginx_h2.products.push("nginx");
    let mut haproxy_h2 = healthy("haproxy-h2-param", |stage| {
        let app = unusual(stage, json!({"param": ["token", "t0ken"]}))?;
        let bind = format!("ssl crt {} alpn h2,http/1.1", stage.certs.path("good.pem"));
        let port = haproxy::start(stage, app, &haproxy::Options { bind: &bind, ..Default::default() })?;
        Ok(wss(stage, port, "127.0.0.1").with("--param token=t0ken"))
    });
    haproxy_h2.products.push("haproxy");
    let mut haproxy_h2_origins = warned(
        healthy("haproxy-h2-origins", |stage| {
            let app = unusual(stage, json!({"origins": ["https://shop.test"]}))?;
            let bind = format!("ssl crt {} alpn h2,http/1.1", stage.certs.path("good.pem"));
            let port = haproxy::start(stage, app, &haproxy::Options { bind: &bind, ..Default::default() })?;
            Ok(wss(stage, port, "127.0.0.1"))
        }),
        &["app-origin-rejected"],
    );
    haproxy_h2_origins.products.push("haproxy");
    let mut limited = healthy("nginx-rate-limit", |stage| {
        let app = unusual(stage, json!({}))?;
        let port = stage.port()?;
        let server = format!(
            "server {{ listen 127.0.0.1:{port}; limit_req zone=perip burst=5 nodelay; {} }}",
            nginx::proxy(app, nginx::UPGRADE)
        );
        nginx::start_with(
            stage,
            &[port],
            "limit_req_zone $binary_remote_addr zone=perip:1m rate=1r/s;",
            &server,
        )?;
        Ok(Plan::new(format!("ws://127.0.0.1:{port}/")))
    });
    limited.products.push("nginx");
    vec![nginx_hold, nginx_h2, haproxy_h2, haproxy_h2_origins, limited]
}

/// A page and its WebSocket on one port.
fn page(name: &str, options: Value, flags: &'static str) -> Case {
    healthy(name, move |stage| {
        let mut options = options.clone();
        if options["page"].is_null() {
            options["page"] = json!("<!doctype html><title>page</title>");
        }
        let port = unusual(stage, options)?;
        let plan = Plan::new(format!("ws://127.0.0.1:{port}/"))
            .flag("--page", format!("http://127.0.0.1:{port}/page"));
        Ok(if flags.is_empty() { plan } else { plan.with(flags) })
    })
}

fn pages() -> Vec<Case> {
    let policy = |text: &str| json!({"pageHeaders": {"Content-Security-Policy": text}});
    vec![
        page("page-103-first", json!({"earlyHints": true}), ""),
        page(
            "page-csp-self",
            policy("default-src 'self'; connect-src 'self'; upgrade-insecure-requests"),
            "",
        ),
        page("page-csp-scheme", policy("default-src 'none'; connect-src ws: wss:"), ""),
        page(
            "page-csp-without-connect",
            policy("script-src 'self'; object-src 'none'; frame-ancestors 'none'"),
            "",
        ),
        page(
            "page-csp-report-only",
            json!({"pageHeaders": {"Content-Security-Policy-Report-Only": "default-src 'none'"}}),
            "",
        ),
        page(
            "page-meta-csp",
            json!({"page": "<!doctype html><meta http-equiv=Content-Security-Policy content=\"connect-src 'self'\">"}),
            "",
        ),
        page("page-as-browser", json!({"deflate": true}), "--as browser"),
        page("page-large", json!({"pageBytes": 600_000}), ""),
        healthy("page-wss", |stage| {
            let page = json!({"page": "<!doctype html>", "pageHeaders": {
                "Content-Security-Policy": "default-src 'self'", "Strict-Transport-Security": "max-age=63072000",
                "Cross-Origin-Opener-Policy": "same-origin", "Cross-Origin-Embedder-Policy": "require-corp",
            }});
            let port = secure(stage, "good", page)?;
            Ok(wss(stage, port, "127.0.0.1").flag("--page", format!("https://{HOST}:{port}/")))
        }),
        healthy("page-elsewhere-listed", |stage| {
            let site = unusual(stage, json!({"page": "<!doctype html>"}))?;
            let port = unusual(
                stage,
                json!({"origins": [format!("http://127.0.0.1:{site}")], "originNeeded": true}),
            )?;
            Ok(Plan::new(format!("ws://127.0.0.1:{port}/"))
                .flag("--page", format!("http://127.0.0.1:{site}/")))
        }),
    ]
}
