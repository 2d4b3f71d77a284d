//! The proxy answers for an application that it cannot reach, or does not understand.
//!
//! From outside a 502 shows that the fault is behind the proxy, not what it is: the proxy's log tells.

use serde_json::json;

use crate::e2e::case::{Case, Expect, Plan, possibly};
use crate::e2e::products::{Proxy, apache, caddy, envoy, haproxy, nginx, node_ws, socketio, traefik};

/// The names under which a fault behind the proxy may be reported when only the client's side is known.
pub(super) const BEHIND: &[&str] =
    &["upgrade-bad-gateway", "tls-upstream-scheme-mismatch", "tls-upstream-verify-failed"];

fn behind() -> Expect {
    possibly(BEHIND)
}

pub(super) fn cases() -> Vec<Case> {
    let mut cases: Vec<Case> = [
        (Proxy::Nginx, "HTTP/1.1 502"),
        (Proxy::Apache, "HTTP/1.1 503"),
        (Proxy::Haproxy, "HTTP/1.1 503"),
        (Proxy::Caddy, "502 Bad Gateway"),
        (Proxy::Traefik, "502 Bad Gateway"),
        (Proxy::Envoy, "HTTP/1.1 503"),
        (Proxy::Varnish, "HTTP/1.1 503 / EOF"),
        (Proxy::H2o, "HTTP/1.1 502"),
        (Proxy::Lighttpd, "HTTP/1.1 503"),
    ]
    .into_iter()
    .map(|(proxy, seen)| {
        // Varnish has piped the request already and can only hang up.
        let expect = match proxy {
            Proxy::Varnish => possibly(&[BEHIND, &["upgrade-eof-before-response"]].concat()),
            _ => behind(),
        };
        Case::new(format!("upstream/down/{}", proxy.name()), &[proxy.name()], expect, seen, move |stage| {
            let dead = stage.port()?;
            let port = proxy.forward(stage, dead)?;
            Ok(Plan::new(format!("ws://127.0.0.1:{port}/chat")))
        })
        .never(&["upgrade-stripped", "app-rate-limited"])
    })
    .collect();
    cases.extend(wrong_scheme());
    cases.extend(others());
    cases
}

/// The proxy speaks https to a plain application.
fn wrong_scheme() -> Vec<Case> {
    vec![
        Case::new("upstream/scheme/nginx", &["nginx", "node-ws"], behind(), "HTTP/1.1 502", |stage| {
            let app = node_ws::start(stage, json!({}))?;
            let location = format!("location / {{ proxy_pass https://127.0.0.1:{app}; {} }}", nginx::UPGRADE);
            let port = nginx::start(stage, &location)?;
            Ok(Plan::new(format!("ws://127.0.0.1:{port}/")))
        }),
        Case::new("upstream/scheme/apache", &["apache", "node-ws"], behind(), "HTTP/1.1 50", |stage| {
            let app = node_ws::start(stage, json!({}))?;
            let body = format!("SSLProxyEngine on\nProxyPass / https://127.0.0.1:{app}/ upgrade=websocket");
            let port = apache::start(stage, "", &body)?;
            Ok(Plan::new(format!("ws://127.0.0.1:{port}/")))
        }),
        Case::new("upstream/scheme/haproxy", &["haproxy", "node-ws"], behind(), "HTTP/1.1 503", |stage| {
            let app = node_ws::start(stage, json!({}))?;
            let options = haproxy::Options { server: "ssl verify none", ..Default::default() };
            let port = haproxy::start(stage, app, &options)?;
            Ok(Plan::new(format!("ws://127.0.0.1:{port}/")))
        }),
        Case::new("upstream/scheme/caddy", &["caddy", "node-ws"], behind(), "502 Bad Gateway", |stage| {
            let app = node_ws::start(stage, json!({}))?;
            let port = caddy::start(stage, "http://", &format!("reverse_proxy https://127.0.0.1:{app}"))?;
            Ok(Plan::new(format!("ws://127.0.0.1:{port}/")))
        }),
        Case::new("upstream/scheme/traefik", &["traefik", "node-ws"], behind(), "HTTP/1.1 50", |stage| {
            let app = node_ws::start(stage, json!({}))?;
            let port = traefik::start(stage, &format!("https://127.0.0.1:{app}"), &[], None, &[])?;
            Ok(Plan::new(format!("ws://127.0.0.1:{port}/")))
        }),
        // The other way round: plain HTTP to a TLS listener, whose complaint comes through unchanged.
        Case::new(
            "upstream/scheme/nginx-to-tls",
            &["nginx", "node-ws"],
            possibly(&["tls-upstream-scheme-mismatch"]),
            "plain HTTP request was sent to HTTPS",
            |stage| {
                let app = node_ws::start(stage, json!({}))?;
                let inner = nginx::start_tls(stage, "good", &nginx::proxy(app, nginx::UPGRADE))?;
                let port = haproxy::start(stage, inner, &haproxy::Options::default())?;
                Ok(Plan::new(format!("ws://127.0.0.1:{port}/")))
            },
        ),
        Case::new("upstream/verify/caddy", &["caddy", "node-ws"], behind(), "502 Bad Gateway", |stage| {
            let options = json!({"cert": stage.certs.path("good.full"), "key": stage.certs.path("good.key")});
            let app = node_ws::start(stage, options)?;
            let port = caddy::start(stage, "http://", &format!("reverse_proxy https://127.0.0.1:{app}"))?;
            Ok(Plan::new(format!("ws://127.0.0.1:{port}/")))
        }),
    ]
}

fn others() -> Vec<Case> {
    vec![
        Case::new(
            "upstream/silent/nginx",
            &["nginx", "node-silent"],
            possibly(&["upgrade-never-answered"]),
            "HTTP/1.1 504",
            |stage| {
                let silent = node_ws::start_silent(stage)?;
                let directives = format!("proxy_read_timeout 1s; {}", nginx::UPGRADE);
                let port = nginx::start(stage, &nginx::proxy(silent, &directives))?;
                Ok(Plan::new(format!("ws://127.0.0.1:{port}/")).with("--timeout 8s"))
            },
        ),
        Case::new(
            "upstream/silent/haproxy",
            &["haproxy", "node-silent"],
            possibly(&["upgrade-never-answered"]),
            "HTTP/1.1 504",
            |stage| {
                let silent = node_ws::start_silent(stage)?;
                let options = haproxy::Options {
                    timeouts: "timeout connect 2s\n timeout client 5s\n timeout server 1s",
                    ..Default::default()
                };
                let port = haproxy::start(stage, silent, &options)?;
                Ok(Plan::new(format!("ws://127.0.0.1:{port}/")).with("--timeout 8s"))
            },
        ),
        // engine.io hangs up on an unknown path after 1 s, which nginx reports as a bad gateway.
        Case::new(
            "upstream/engineio-wrong-path",
            &["nginx", "socketio"],
            possibly(&[BEHIND, &["upgrade-path-404", "app-wrong-transport-path"]].concat()),
            "HTTP/1.1 502",
            |stage| {
                let app = socketio::start(stage, json!({}))?;
                let port = nginx::start(stage, &nginx::proxy(app, nginx::UPGRADE))?;
                Ok(Plan::new(format!("ws://127.0.0.1:{port}/chat")))
            },
        ),
        Case::new("upstream/h2c/caddy", &["caddy", "node-ws"], behind(), "502 Bad Gateway", |stage| {
            let app = node_ws::start(stage, json!({}))?;
            let body = format!("reverse_proxy 127.0.0.1:{app} {{\ntransport http {{\nversions h2c 2\n}}\n}}");
            let port = caddy::start(stage, "http://", &body)?;
            Ok(Plan::new(format!("ws://127.0.0.1:{port}/")))
        }),
        Case::new("upstream/no-endpoints/envoy", &["envoy"], behind(), "HTTP/1.1 503", |stage| {
            let options =
                envoy::Options { manager: &[envoy::UPGRADE], no_endpoints: true, ..Default::default() };
            let port = envoy::start(stage, 0, &options)?;
            Ok(Plan::new(format!("ws://127.0.0.1:{port}/")))
        }),
        Case::new("upstream/no-backend/haproxy", &["haproxy"], behind(), "HTTP/1.1 503", |stage| {
            let dead = stage.port()?;
            let options = haproxy::Options { server: "disabled", ..Default::default() };
            let port = haproxy::start(stage, dead, &options)?;
            Ok(Plan::new(format!("ws://127.0.0.1:{port}/")))
        }),
        // nginx resolves a variable upstream when asked, and its resolver does not answer.
        Case::new("upstream/resolver/nginx", &["nginx"], behind(), "HTTP/1.1 502", |stage| {
            let location = format!(
                "resolver 127.0.0.1:{}; resolver_timeout 1s; set $app app.internal; \
                 location / {{ proxy_pass http://$app:8080; {} }}",
                stage.port()?,
                nginx::UPGRADE
            );
            let port = nginx::start(stage, &location)?;
            Ok(Plan::new(format!("ws://127.0.0.1:{port}/")))
        }),
        // HAProxy speaks h2 to a server that knows no RFC 8441 (haproxy-h2-backend-no-8441).
        Case::new(
            "upstream/h2-backend/haproxy",
            &["haproxy", "nginx", "node-ws"],
            behind(),
            "HTTP/1.1 502 / HTTP/1.1 400 / HTTP/1.1 503",
            |stage| {
                let app = node_ws::start(stage, json!({}))?;
                let (inner, chain, key) =
                    (stage.port()?, stage.certs.path("good.full"), stage.certs.path("good.key"));
                let server = format!(
                    "server {{ listen 127.0.0.1:{inner} ssl http2; ssl_certificate {chain}; ssl_certificate_key {key}; {} }}",
                    nginx::proxy(app, nginx::UPGRADE)
                );
                nginx::start_with(stage, &[inner], "", &server)?;
                let options = haproxy::Options { server: "ssl verify none alpn h2", ..Default::default() };
                let port = haproxy::start(stage, inner, &options)?;
                Ok(Plan::new(format!("ws://127.0.0.1:{port}/")))
            },
        ),
        Case::new("upstream/verify/apache", &["apache", "node-ws"], behind(), "HTTP/1.1 50", |stage| {
            let options = json!({"cert": stage.certs.path("other-host.full"), "key": stage.certs.path("other-host.key")});
            let app = node_ws::start(stage, options)?;
            let root = stage.certs.path("root.crt");
            let body = format!(
                "SSLProxyEngine on\nSSLProxyVerify require\nSSLProxyVerifyDepth 3\nSSLProxyCACertificateFile {root}\n\
                 ProxyPass / https://127.0.0.1:{app}/ upgrade=websocket"
            );
            let port = apache::start(stage, "", &body)?;
            Ok(Plan::new(format!("ws://127.0.0.1:{port}/")))
        }),
        // A module for the scheme is missing (apache-wstunnel-not-loaded shows the same 500).
        Case::new("upstream/no-handler/apache", &["apache", "node-ws"], behind(), "HTTP/1.1 500", |stage| {
            let app = node_ws::start(stage, json!({}))?;
            let port = apache::start(stage, "", &format!("ProxyPass / wss://127.0.0.1:{app}/"))?;
            Ok(Plan::new(format!("ws://127.0.0.1:{port}/")))
        }),
    ]
}
