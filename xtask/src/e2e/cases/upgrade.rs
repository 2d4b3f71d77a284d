//! Section 7, the headers that a proxy takes away: each product's own way to lose the upgrade.

use serde_json::json;

use crate::e2e::case::{Case, Expect, Plan, any_of, cause, possibly};
use crate::e2e::products::{Backend, Proxy, apache, nginx, node_ws, py_websockets, tornado, varnish};

pub(super) fn cases() -> Vec<Case> {
    let mut cases = stripped();
    cases.extend(half_stripped());
    cases
}

/// Each proxy's own way to lose the upgrade, before backends that each say something else about it.
fn stripped() -> Vec<Case> {
    const MATRIX: &[(Proxy, &[Backend])] = &[
        (Proxy::Nginx, &Backend::ALL),
        (Proxy::Apache, &[Backend::NodeWs, Backend::PyWebsockets, Backend::Aiohttp, Backend::Uvicorn]),
        (Proxy::Haproxy, &[Backend::NodeWs, Backend::Tornado, Backend::SocketIo]),
        (Proxy::Caddy, &[Backend::NodeWs, Backend::Aiohttp, Backend::Daphne]),
        (Proxy::Traefik, &[Backend::NodeWs, Backend::Tornado]),
        (Proxy::Envoy, &[Backend::NodeWs, Backend::Uvicorn]),
        (Proxy::Squid, &[Backend::NodeWs, Backend::Aiohttp]),
        (Proxy::Varnish, &[Backend::NodeWs, Backend::SocketIo]),
        (Proxy::H2o, &[Backend::NodeWs, Backend::PyWebsockets]),
        (Proxy::Lighttpd, &[Backend::NodeWs, Backend::Tornado]),
    ];
    let mut cases = Vec::new();
    for (proxy, backends) in MATRIX {
        for backend in *backends {
            let (proxy, backend) = (*proxy, *backend);
            let seen = match (proxy, backend) {
                (Proxy::Envoy, _) => "HTTP/1.1 403",
                // nginx speaks HTTP/1.0 to it as well, and that is what it complains of first.
                (Proxy::Nginx, Backend::PyWebsockets) => "505",
                (_, Backend::NodeWs | Backend::PyWebsockets) => "426",
                (_, Backend::Aiohttp) => "No WebSocket UPGRADE hdr",
                (_, Backend::Tornado) => "Can \"Upgrade\" only to \"WebSocket\"",
                (_, Backend::Uvicorn | Backend::Daphne) => "404 Not Found",
                (_, Backend::SocketIo) => "\"code\":3",
            };
            // Before ASGI servers the stripped request looks like any unknown page: nothing proves more.
            let expect = match backend {
                Backend::Uvicorn | Backend::Daphne if proxy != Proxy::Envoy => {
                    possibly(&["upgrade-stripped"])
                }
                Backend::PyWebsockets if proxy == Proxy::Nginx => {
                    any_of(&["upgrade-http10-upstream", "upgrade-stripped"])
                }
                _ if proxy == Proxy::Envoy => cause("upgrade-refused-by-proxy"),
                _ => cause("upgrade-stripped"),
            };
            let name = format!("upgrade/stripped/{}/{}", proxy.name(), backend.name());
            cases.push(Case::new(name, &[proxy.name(), backend.name()], expect, seen, move |stage| {
                let behind = backend.start(stage)?;
                let port = proxy.strip(stage, behind)?;
                Ok(Plan::new(format!("ws://127.0.0.1:{port}{}", backend.path())))
            }));
        }
    }
    // A location with a header of its own inherits none of the server's (nginx-header-inheritance-lost).
    cases.push(Case::new(
        "upgrade/stripped/nginx-inheritance",
        &["nginx", "node-ws"],
        cause("upgrade-stripped"),
        "426",
        |stage| {
            let app = node_ws::start(stage, json!({}))?;
            let body = format!(
                "{} {}",
                nginx::UPGRADE,
                nginx::proxy(app, "proxy_set_header X-Real-IP $remote_addr;")
            );
            let port = nginx::start(stage, &body)?;
            Ok(Plan::new(format!("ws://127.0.0.1:{port}/")))
        },
    ));
    // Varnish pipes it, but a pipe copies no hop-by-hop headers by itself (varnish-not-piped, second half).
    cases.push(Case::new(
        "upgrade/stripped/varnish-pipe-without-headers",
        &["varnish", "node-ws"],
        cause("upgrade-stripped"),
        "426",
        |stage| {
            let app = node_ws::start(stage, json!({}))?;
            let vcl = "sub vcl_recv { if (req.http.upgrade ~ \"(?i)websocket\") { return (pipe); } }";
            let port = varnish::start(stage, app, vcl, &[])?;
            Ok(Plan::new(format!("ws://127.0.0.1:{port}/")))
        },
    ));
    // A specific rule behind the general one is never reached (apache-proxypass-order).
    cases.push(Case::new(
        "upgrade/stripped/apache-order",
        &["apache", "node-ws"],
        cause("upgrade-stripped"),
        "426",
        |stage| {
            let app = node_ws::start(stage, json!({}))?;
            let body = format!("ProxyPass / http://127.0.0.1:{app}/\nProxyPass /ws ws://127.0.0.1:{app}/ws");
            let port = apache::start(stage, "", &body)?;
            Ok(Plan::new(format!("ws://127.0.0.1:{port}/ws")))
        },
    ));
    cases
}

/// `Upgrade` arrives, `Connection` says something else.
fn half_stripped() -> Vec<Case> {
    const CONNECTION: &[(Backend, &str, &[&str])] = &[
        (Backend::Aiohttp, "No CONNECTION upgrade hdr", &["upgrade-connection-token-missing"]),
        (Backend::Tornado, "\"Connection\" must be \"Upgrade\"", &["upgrade-connection-token-missing"]),
        (Backend::Daphne, "HTTP Connection headers do not include", &["upgrade-connection-token-missing"]),
        // node ws says the same 426 for either header; Python's websockets names Connection in both cases.
        (Backend::NodeWs, "426", &["upgrade-connection-token-missing", "upgrade-stripped"]),
        (Backend::PyWebsockets, "426", &["upgrade-connection-token-missing", "upgrade-stripped"]),
    ];
    let mut cases = Vec::new();
    for (backend, seen, causes) in CONNECTION {
        let backend = *backend;
        let name = format!("upgrade/connection-lost/nginx/{}", backend.name());
        cases.push(Case::new(name, &["nginx", backend.name()], any_of(causes), seen, move |stage| {
            let behind = backend.start(stage)?;
            let directives = "proxy_http_version 1.1; proxy_set_header Upgrade $http_upgrade;";
            let port = nginx::start(stage, &nginx::proxy(behind, directives))?;
            Ok(Plan::new(format!("ws://127.0.0.1:{port}{}", backend.path())))
        }));
    }
    cases.push(Case::new(
        "upgrade/connection-cleared/nginx/tornado",
        &["nginx", "tornado"],
        cause("upgrade-connection-token-missing"),
        "\"Connection\" must be \"Upgrade\"",
        |stage| {
            let app = tornado::start(stage, json!({}))?;
            let directives =
                "proxy_http_version 1.1; proxy_set_header Upgrade $http_upgrade; proxy_set_header Connection \"\";";
            let port = nginx::start(stage, &nginx::proxy(app, directives))?;
            Ok(Plan::new(format!("ws://127.0.0.1:{port}/ws")))
        },
    ));
    // The headers are set, the version is not: nginx before 1.29.7 speaks HTTP/1.0.
    cases.push(Case::new(
        "upgrade/http10-upstream/py-websockets",
        &["nginx", "py-websockets"],
        cause("upgrade-http10-upstream"),
        "505",
        |stage| {
            let app = py_websockets::start(stage, json!({}))?;
            let directives =
                "proxy_http_version 1.0; proxy_set_header Upgrade $http_upgrade; proxy_set_header Connection upgrade;";
            let port = nginx::start(stage, &nginx::proxy(app, directives))?;
            Ok(Plan::new(format!("ws://127.0.0.1:{port}/")))
        },
    ));
    // The same proxy before a server that does not mind the version: nothing is wrong.
    cases.push(Case::new(
        "upgrade/http10-upstream/node-ws-accepts",
        &["nginx", "node-ws"],
        Expect::Healthy,
        "HTTP/1.1 101",
        |stage| {
            let app = node_ws::start(stage, json!({}))?;
            let directives =
                "proxy_http_version 1.0; proxy_set_header Upgrade $http_upgrade; proxy_set_header Connection upgrade;";
            let port = nginx::start(stage, &nginx::proxy(app, directives))?;
            Ok(Plan::new(format!("ws://127.0.0.1:{port}/")))
        },
    ));
    cases
}
