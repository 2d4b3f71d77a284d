//! Deployments that work: any error reported here is a false alarm.

use serde_json::json;

use crate::e2e::case::{Case, Expect, Plan};
use crate::e2e::certs::HOST;
use crate::e2e::products::{
    Backend, Proxy, apache, caddy, envoy, haproxy, microsocks, nginx, node_ws, py_websockets, squid, tornado,
    traefik, vite,
};
use crate::e2e::stage::Stage;

/// A case that must come out clean.
fn healthy(
    name: impl Into<String>,
    products: &[&'static str],
    set_up: impl Fn(&mut Stage) -> crate::e2e::Result<Plan> + Send + Sync + 'static,
) -> Case {
    Case::new(format!("healthy/{}", name.into()), products, Expect::Healthy, "HTTP/1.1 101", set_up)
}

pub(super) fn cases() -> Vec<Case> {
    let mut cases: Vec<Case> = Backend::ALL.into_iter().map(direct).collect();
    cases.extend(Proxy::ALL.into_iter().map(|proxy| proxied(proxy, Backend::NodeWs)));
    // The strictest readers of headers, behind the two commonest proxies.
    for backend in
        [Backend::PyWebsockets, Backend::Aiohttp, Backend::Tornado, Backend::Uvicorn, Backend::SocketIo]
    {
        cases.push(proxied(Proxy::Nginx, backend));
    }
    cases.push(proxied(Proxy::Apache, Backend::Tornado));
    cases.push(proxied(Proxy::Haproxy, Backend::PyWebsockets));
    cases.push(proxied(Proxy::Caddy, Backend::Uvicorn));
    cases.push(proxied(Proxy::Traefik, Backend::Daphne));
    cases.push(proxied(Proxy::Envoy, Backend::Aiohttp));
    cases.extend(over_tls());
    cases.extend(through_forward_proxies());
    cases.extend(special());
    cases
}

fn direct(backend: Backend) -> Case {
    healthy(format!("direct/{}", backend.name()), &[backend.name()], move |stage| {
        let port = backend.start(stage)?;
        Ok(Plan::new(format!("ws://127.0.0.1:{port}{}", backend.path())))
    })
}

fn proxied(proxy: Proxy, backend: Backend) -> Case {
    let name = format!("{}/{}", proxy.name(), backend.name());
    healthy(name, &[proxy.name(), backend.name()], move |stage| {
        let behind = backend.start(stage)?;
        let port = proxy.forward(stage, behind)?;
        Ok(Plan::new(format!("ws://127.0.0.1:{port}{}", backend.path())))
    })
}

/// A wss URL with our own authority, and the name pointed to loopback.
fn wss(stage: &Stage, port: u16) -> Plan {
    Plan::new(format!("wss://{HOST}:{port}/"))
        .flag("--resolve", format!("{HOST}:{port}:127.0.0.1"))
        .flag("--ca", stage.certs.path("root.crt"))
}

fn over_tls() -> Vec<Case> {
    vec![
        healthy("wss/node-ws", &["node-ws"], |stage| {
            let options = json!({"cert": stage.certs.path("good.full"), "key": stage.certs.path("good.key")});
            let port = node_ws::start(stage, options)?;
            Ok(wss(stage, port))
        }),
        healthy("wss/nginx", &["nginx", "node-ws"], |stage| {
            let app = node_ws::start(stage, json!({}))?;
            let port = nginx::start_tls(stage, "good-rsa", &nginx::proxy(app, nginx::UPGRADE))?;
            Ok(wss(stage, port))
        }),
        // Browsers open a separate http/1.1 connection, as nginx offers no extended CONNECT; so must we.
        healthy("wss/nginx-http2", &["nginx", "node-ws"], |stage| {
            let app = node_ws::start(stage, json!({}))?;
            let (port, chain, key) =
                (stage.port()?, stage.certs.path("good.full"), stage.certs.path("good.key"));
            let location = nginx::proxy(app, nginx::UPGRADE);
            let server = format!(
                "server {{ listen 127.0.0.1:{port} ssl http2; ssl_certificate {chain}; ssl_certificate_key {key}; \
                 {location} }}"
            );
            nginx::start_with(stage, &[port], "", &server)?;
            Ok(wss(stage, port))
        }),
        healthy("wss/apache", &["apache", "node-ws"], |stage| {
            let app = node_ws::start(stage, json!({}))?;
            let (chain, key) = (stage.certs.path("good.full"), stage.certs.path("good.key"));
            let body = format!(
                "SSLEngine on\nSSLCertificateFile {chain}\nSSLCertificateKeyFile {key}\nProxyPreserveHost On\n\
                 ProxyPass / http://127.0.0.1:{app}/ upgrade=websocket"
            );
            let port = apache::start(stage, "", &body)?;
            Ok(wss(stage, port))
        }),
        healthy("wss/haproxy-h2", &["haproxy", "node-ws"], |stage| {
            let app = node_ws::start(stage, json!({}))?;
            let bind = format!("ssl crt {} alpn h2,http/1.1", stage.certs.path("good.pem"));
            let port = haproxy::start(stage, app, &haproxy::Options { bind: &bind, ..Default::default() })?;
            Ok(wss(stage, port))
        }),
        healthy("wss/caddy", &["caddy", "node-ws"], |stage| {
            let app = node_ws::start(stage, json!({}))?;
            let (chain, key) = (stage.certs.path("good.full"), stage.certs.path("good.key"));
            let body = format!("tls {chain} {key}\nreverse_proxy 127.0.0.1:{app}");
            let port = caddy::start(stage, &format!("https://{HOST}"), &body)?;
            Ok(wss(stage, port))
        }),
        healthy("wss/traefik", &["traefik", "node-ws"], |stage| {
            let app = node_ws::start(stage, json!({}))?;
            let port = traefik::start(stage, &format!("http://127.0.0.1:{app}"), &[], Some("good"), &[])?;
            Ok(wss(stage, port))
        }),
        healthy("wss/envoy", &["envoy", "node-ws"], |stage| {
            let app = node_ws::start(stage, json!({}))?;
            let options =
                envoy::Options { manager: &[envoy::UPGRADE], tls: Some("good"), ..Default::default() };
            let port = envoy::start(stage, app, &options)?;
            Ok(wss(stage, port))
        }),
        healthy("wss/client-certificate", &["nginx", "node-ws"], |stage| {
            let app = node_ws::start(stage, json!({}))?;
            let (root, location) = (stage.certs.path("root.crt"), nginx::proxy(app, nginx::UPGRADE));
            let body = format!(
                "ssl_client_certificate {root}; ssl_verify_client on; ssl_verify_depth 3; {location}"
            );
            let port = nginx::start_tls(stage, "good", &body)?;
            let (cert, key) = (stage.certs.path("client.full"), stage.certs.path("client.key"));
            Ok(wss(stage, port).flag("--cert", cert).flag("--key", key))
        }),
    ]
}

fn through_forward_proxies() -> Vec<Case> {
    vec![
        healthy("forward-proxy/squid-connect", &["squid", "node-ws"], |stage| {
            let app = node_ws::start(stage, json!({}))?;
            let squid = squid::start(stage, "http_access allow all")?;
            Ok(Plan::new(format!("ws://127.0.0.1:{app}/")).flag("--via", format!("http://127.0.0.1:{squid}")))
        }),
        healthy("forward-proxy/squid-connect-wss", &["squid", "nginx", "node-ws"], |stage| {
            let app = node_ws::start(stage, json!({}))?;
            let port = nginx::start_tls(stage, "good", &nginx::proxy(app, nginx::UPGRADE))?;
            let squid = squid::start(stage, "http_access allow all")?;
            let plan =
                Plan::new(format!("wss://localhost:{port}/")).flag("--ca", stage.certs.path("root.crt"));
            Ok(plan.flag("--via", format!("http://127.0.0.1:{squid}")))
        }),
        healthy("forward-proxy/squid-forwards-upgrade", &["squid", "node-ws"], |stage| {
            let app = node_ws::start(stage, json!({}))?;
            let rules = "http_upgrade_request_protocols websocket allow all\nhttp_access allow all";
            let squid = squid::start(stage, rules)?;
            let via = format!("http://127.0.0.1:{squid}");
            Ok(Plan::new(format!("ws://127.0.0.1:{app}/")).flag("--via", via).with("--via-mode forward"))
        }),
        healthy("forward-proxy/microsocks", &["microsocks", "node-ws"], |stage| {
            let app = node_ws::start(stage, json!({}))?;
            let socks = microsocks::start(stage, &[])?;
            Ok(Plan::new(format!("ws://127.0.0.1:{app}/"))
                .flag("--via", format!("socks5://127.0.0.1:{socks}")))
        }),
        healthy("forward-proxy/microsocks-password", &["microsocks", "node-ws"], |stage| {
            let app = node_ws::start(stage, json!({}))?;
            let socks = microsocks::start(stage, &["-u", "dev", "-P", "secret"])?;
            let via = format!("socks5://dev:secret@127.0.0.1:{socks}");
            Ok(Plan::new(format!("ws://127.0.0.1:{app}/")).flag("--via", via))
        }),
        healthy("forward-proxy/environment", &["squid", "nginx", "node-ws"], |stage| {
            let app = node_ws::start(stage, json!({}))?;
            let port = nginx::start_tls(stage, "good", &nginx::proxy(app, nginx::UPGRADE))?;
            let squid = squid::start(stage, "http_access allow all")?;
            let plan =
                Plan::new(format!("wss://localhost:{port}/")).flag("--ca", stage.certs.path("root.crt"));
            Ok(plan.environment("HTTPS_PROXY", format!("http://127.0.0.1:{squid}")))
        }),
    ]
}

fn special() -> Vec<Case> {
    vec![
        healthy("dual-stack", &["node-ws"], |stage| {
            let port = node_ws::start(stage, json!({"host": "::"}))?;
            Ok(Plan::new(format!("ws://localhost:{port}/")))
        }),
        healthy("ipv6-literal", &["node-ws"], |stage| {
            let port = node_ws::start(stage, json!({"host": "::1"}))?;
            Ok(Plan::new(format!("ws://[::1]:{port}/")))
        }),
        healthy("subprotocol", &["node-ws"], |stage| {
            let port = node_ws::start(stage, json!({"subprotocols": ["graphql-transport-ws"]}))?;
            Ok(Plan::new(format!("ws://127.0.0.1:{port}/")).with("--subprotocol graphql-transport-ws"))
        }),
        healthy("vite-hmr", &["vite"], |stage| {
            let port = vite::start(stage)?;
            let token = vite::token(port)?;
            Ok(Plan::new(format!("ws://127.0.0.1:{port}/?token={token}")).with("--subprotocol vite-hmr"))
        }),
        healthy("compression", &["node-ws"], |stage| {
            let port = node_ws::start(stage, json!({"deflate": true}))?;
            Ok(Plan::new(format!("ws://127.0.0.1:{port}/")).with("--size 262144"))
        }),
        healthy("origin-allowed", &["tornado", "nginx"], |stage| {
            let app = tornado::start(stage, json!({}))?;
            let port = nginx::start(stage, &nginx::proxy(app, nginx::UPGRADE))?;
            let origin = format!("http://127.0.0.1:{port}");
            Ok(Plan::new(format!("ws://127.0.0.1:{port}/ws")).flag("--origin", origin))
        }),
        // A foreign page may be refused: that is what an allow-list is for.
        healthy("origin-list-not-hit", &["node-ws"], |stage| {
            let port = node_ws::start(stage, json!({"origins": ["https://shop.test"]}))?;
            Ok(Plan::new(format!("ws://127.0.0.1:{port}/")).with("--origin https://shop.test"))
        }),
        healthy("token", &["node-ws"], |stage| {
            let port = node_ws::start(stage, json!({"token": "t0ken"}))?;
            Ok(Plan::new(format!("ws://127.0.0.1:{port}/")).flag("-H", "Authorization: Bearer t0ken"))
        }),
        healthy("cookie", &["node-ws"], |stage| {
            let port = node_ws::start(stage, json!({"cookie": "session=abc"}))?;
            Ok(Plan::new(format!("ws://127.0.0.1:{port}/")).with("--cookie session=abc"))
        }),
        // Compression, buffering and caching on the location leave the 101 alone (catalog, "not causes").
        healthy("nginx-gzip-buffering", &["nginx", "node-ws"], |stage| {
            let app = node_ws::start(stage, json!({}))?;
            let directives = format!("gzip on; proxy_buffering on; {}", nginx::UPGRADE);
            let port = nginx::start(stage, &nginx::proxy(app, &directives))?;
            Ok(Plan::new(format!("ws://127.0.0.1:{port}/")))
        }),
        healthy("nginx-chained", &["nginx", "haproxy", "node-ws"], |stage| {
            let app = node_ws::start(stage, json!({}))?;
            let inner = haproxy::start(stage, app, &haproxy::Options::default())?;
            let port = nginx::start(stage, &nginx::proxy(inner, nginx::UPGRADE))?;
            Ok(Plan::new(format!("ws://127.0.0.1:{port}/")))
        }),
        healthy("hold-quiet", &["node-ws"], |stage| {
            let port = node_ws::start(stage, json!({}))?;
            Ok(Plan::new(format!("ws://127.0.0.1:{port}/")).with("--hold 3s"))
        }),
        healthy("hold-through-nginx", &["nginx", "py-websockets"], |stage| {
            let app = py_websockets::start(stage, json!({}))?;
            let port = nginx::start(stage, &nginx::proxy(app, nginx::UPGRADE))?;
            Ok(Plan::new(format!("ws://127.0.0.1:{port}/")).with("--hold 3s"))
        }),
        healthy("hold-chatty", &["node-ws"], |stage| {
            let port = node_ws::start(stage, json!({"chatter": 200}))?;
            Ok(Plan::new(format!("ws://127.0.0.1:{port}/")).with("--hold 3s"))
        }),
        healthy("other-host", &["node-ws"], |stage| {
            stage.link()?;
            let port = node_ws::start(stage, json!({}))?;
            Ok(Plan::new(format!("ws://{}:{port}/", crate::e2e::netns::SERVER)))
        }),
        healthy("csp-allows", &["nginx", "node-ws"], |stage| {
            let app = node_ws::start(stage, json!({}))?;
            let page = "add_header Content-Security-Policy \"default-src 'self'; connect-src 'self'\"; \
                        default_type text/html; return 200 '<!doctype html><title>page</title>';";
            let body = format!("location = /page {{ {page} }} {}", nginx::proxy(app, nginx::UPGRADE));
            let port = nginx::start(stage, &body)?;
            let origin = format!("http://127.0.0.1:{port}");
            Ok(Plan::new(format!("ws://127.0.0.1:{port}/")).flag("--page", format!("{origin}/page")))
        }),
    ]
}
