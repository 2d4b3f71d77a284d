//! Section 7, single headers: too large, changed on the way, or not to the server's liking.

use serde_json::json;

use crate::e2e::case::{Case, Plan, any_of, cause, possibly};
use crate::e2e::products::{nginx, node_ws, tornado, vite};

pub(super) fn cases() -> Vec<Case> {
    let large = "c=".to_owned() + &"x".repeat(20_000);
    let large_too = large.clone();
    vec![
        Case::new(
            "upgrade/cookie-too-large/nginx",
            &["nginx", "node-ws"],
            cause("upgrade-headers-too-large"),
            "HTTP/1.1 400",
            move |stage| {
                let app = node_ws::start(stage, json!({}))?;
                let port = nginx::start(stage, &nginx::proxy(app, nginx::UPGRADE))?;
                Ok(Plan::new(format!("ws://127.0.0.1:{port}/")).flag("--cookie", &large))
            },
        ),
        Case::new(
            "upgrade/cookie-too-large/node",
            &["node-ws"],
            cause("upgrade-headers-too-large"),
            "HTTP/1.1 431",
            move |stage| {
                let port = node_ws::start(stage, json!({}))?;
                Ok(Plan::new(format!("ws://127.0.0.1:{port}/")).flag("--cookie", &large_too))
            },
        ),
        Case::new(
            "upgrade/url-too-long/nginx",
            &["nginx", "node-ws"],
            cause("upgrade-headers-too-large"),
            "HTTP/1.1 414",
            |stage| {
                let app = node_ws::start(stage, json!({}))?;
                let port = nginx::start(stage, &nginx::proxy(app, nginx::UPGRADE))?;
                Ok(Plan::new(format!("ws://127.0.0.1:{port}/?token={}", "x".repeat(9_000))))
            },
        ),
        Case::new(
            "upgrade/host-not-allowed/vite",
            &["vite"],
            any_of(&["upgrade-host-mismatch", "app-host-not-allowed"]),
            "HTTP/1.1 400",
            |stage| {
                let port = vite::start(stage)?;
                let host = "dev.keepwire.test";
                Ok(Plan::new(format!("ws://{host}:{port}/"))
                    .flag("--resolve", format!("{host}:{port}:127.0.0.1"))
                    .with("--subprotocol vite-hmr --origin none"))
            },
        ),
        Case::new(
            "upgrade/host-mismatch/nginx-default-site",
            &["nginx", "node-ws"],
            possibly(&["upgrade-host-mismatch", "upgrade-path-404"]),
            "HTTP/1.1 404",
            |stage| {
                let app = node_ws::start(stage, json!({}))?;
                let port = stage.port()?;
                let servers = format!(
                    "server {{ listen 127.0.0.1:{port} default_server; return 404; }}
                     server {{ listen 127.0.0.1:{port}; server_name chat.keepwire.test; {} }}",
                    nginx::proxy(app, nginx::UPGRADE)
                );
                nginx::start_with(stage, &[port], "", &servers)?;
                Ok(Plan::new(format!("ws://127.0.0.1:{port}/")))
            },
        ),
        // nginx takes the subprotocol out of the request, so nobody can choose it.
        Case::new(
            "upgrade/subprotocol-dropped/nginx",
            &["nginx", "node-ws"],
            cause("upgrade-subprotocol-not-answered"),
            "HTTP/1.1 101",
            |stage| {
                let app = node_ws::start(stage, json!({"subprotocols": ["mqtt"]}))?;
                let directives = format!("proxy_set_header Sec-WebSocket-Protocol \"\"; {}", nginx::UPGRADE);
                let port = nginx::start(stage, &nginx::proxy(app, &directives))?;
                Ok(Plan::new(format!("ws://127.0.0.1:{port}/")).with("--subprotocol mqtt"))
            },
        ),
        Case::new(
            "upgrade/subprotocol-unknown/node-ws",
            &["node-ws"],
            any_of(&["upgrade-subprotocol-not-answered", "upgrade-subprotocol-wrong-dialect"]),
            "HTTP/1.1 101",
            |stage| {
                let port = node_ws::start(stage, json!({"subprotocols": ["graphql-transport-ws"]}))?;
                Ok(Plan::new(format!("ws://127.0.0.1:{port}/")).with("--subprotocol graphql-ws"))
            },
        ),
        // A WAF or CDN that lets through only the headers it knows (cloudfront-headers-dropped).
        Case::new(
            "upgrade/key-dropped/nginx",
            &["nginx", "node-ws"],
            cause("upgrade-key-missing-or-bad"),
            "Sec-WebSocket-Key",
            |stage| {
                let app = node_ws::start(stage, json!({}))?;
                let directives = format!("proxy_set_header Sec-WebSocket-Key \"\"; {}", nginx::UPGRADE);
                let port = nginx::start(stage, &nginx::proxy(app, &directives))?;
                Ok(Plan::new(format!("ws://127.0.0.1:{port}/")))
            },
        ),
        Case::new(
            "upgrade/version-dropped/nginx",
            &["nginx", "node-ws"],
            cause("upgrade-version-rejected"),
            "sec-websocket-version: 13 / Sec-WebSocket-Version",
            |stage| {
                let app = node_ws::start(stage, json!({}))?;
                let directives = format!("proxy_set_header Sec-WebSocket-Version \"\"; {}", nginx::UPGRADE);
                let port = nginx::start(stage, &nginx::proxy(app, &directives))?;
                Ok(Plan::new(format!("ws://127.0.0.1:{port}/")))
            },
        ),
        // Two hops both add the header: a node server reads "websocket, websocket" and refuses. From outside
        // that is the same 400 or 426 as for no header at all.
        Case::new(
            "upgrade/duplicated/nginx",
            &["nginx", "tornado"],
            possibly(&["upgrade-duplicate-headers", "upgrade-stripped"]),
            "HTTP/1.1 400",
            |stage| {
                let app = tornado::start(stage, json!({}))?;
                let directives = "proxy_http_version 1.1; proxy_set_header Upgrade \"websocket,websocket\"; \
                                  proxy_set_header Connection \"upgrade, upgrade\";";
                let port = nginx::start(stage, &nginx::proxy(app, directives))?;
                Ok(Plan::new(format!("ws://127.0.0.1:{port}/ws")))
            },
        ),
        Case::new(
            "upgrade/hides-upgrade/nginx",
            &["nginx", "node-ws"],
            cause("upgrade-101-missing-upgrade"),
            "HTTP/1.1 101",
            |stage| {
                let app = node_ws::start(stage, json!({}))?;
                let directives = format!("proxy_hide_header Upgrade; {}", nginx::UPGRADE);
                let port = nginx::start(stage, &nginx::proxy(app, &directives))?;
                Ok(Plan::new(format!("ws://127.0.0.1:{port}/")))
            },
        ),
        Case::new(
            "upgrade/method-rewritten/nginx",
            &["nginx", "node-ws"],
            any_of(&["upgrade-wrong-method"]),
            "HTTP/1.1 405",
            |stage| {
                let app = node_ws::start(stage, json!({}))?;
                let directives = format!("proxy_method POST; {}", nginx::UPGRADE);
                let port = nginx::start(stage, &nginx::proxy(app, &directives))?;
                Ok(Plan::new(format!("ws://127.0.0.1:{port}/")))
            },
        ),
        // auth_request's own subrequest is upgraded: the client gets nothing (nginx-auth-request-upgrade).
        Case::new(
            "upgrade/auth-request/nginx",
            &["nginx", "node-ws"],
            any_of(&["upgrade-eof-before-response", "app-forward-auth-breaks"]),
            "EOF / [Errno 104]",
            |stage| {
                let app = node_ws::start(stage, json!({}))?;
                let body = format!(
                    "{} location /auth {{ internal; proxy_pass http://127.0.0.1:{app}; }} \
                     location / {{ auth_request /auth; proxy_pass http://127.0.0.1:{app}; }}",
                    nginx::UPGRADE
                );
                let port = nginx::start(stage, &body)?;
                Ok(Plan::new(format!("ws://127.0.0.1:{port}/")))
            },
        ),
    ]
}
