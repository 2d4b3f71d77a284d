//! Section 7 with real products: the handshake is changed, refused, redirected or answered by another.

use serde_json::json;

use crate::e2e::case::{Case, Expect, Plan, any_of, cause, possibly};
use crate::e2e::products::{
    Backend, Proxy, aiohttp, apache, caddy, lighttpd, nginx, node_ws, py_websockets, socketio, tornado,
    uvicorn, vite,
};

pub(super) fn cases() -> Vec<Case> {
    let mut cases = stripped();
    cases.extend(half_stripped());
    cases.extend(wrong_path());
    cases.extend(redirects());
    cases.extend(another_answers());
    cases.extend(refused_headers());
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

fn wrong_path() -> Vec<Case> {
    let direct = |backend: Backend, path: &'static str, seen: &'static str, expect: Expect| {
        let name = format!("upgrade/wrong-path/{}", backend.name());
        Case::new(name, &[backend.name()], expect, seen, move |stage| {
            let port = backend.start(stage)?;
            Ok(Plan::new(format!("ws://127.0.0.1:{port}{path}")))
        })
    };
    vec![
        direct(Backend::Aiohttp, "/wss", "HTTP/1.1 404", cause("upgrade-path-404")),
        direct(Backend::Tornado, "/wss", "HTTP/1.1 404", cause("upgrade-path-404")),
        // 403 with an empty body is how ASGI servers say "no such route" to a WebSocket.
        direct(
            Backend::Uvicorn,
            "/wss",
            "HTTP/1.1 403",
            any_of(&["upgrade-path-404", "app-close-before-accept"]),
        ),
        direct(
            Backend::Daphne,
            "/wss",
            "HTTP/1.1 403",
            any_of(&["upgrade-path-404", "app-close-before-accept"]),
        ),
        // engine.io destroys the socket after a second, without a byte.
        direct(
            Backend::SocketIo,
            "/chat",
            "EOF after 1",
            any_of(&["upgrade-path-404", "app-wrong-transport-path", "upgrade-eof-before-response"]),
        ),
        Case::new(
            "upgrade/wrong-path/node-ws",
            &["node-ws"],
            cause("upgrade-path-404"),
            "HTTP/1.1 400",
            |stage| {
                let port = node_ws::start(stage, json!({"path": "/chat"}))?;
                Ok(Plan::new(format!("ws://127.0.0.1:{port}/caht")))
            },
        ),
        Case::new(
            "upgrade/wrong-path/nginx",
            &["nginx", "node-ws"],
            cause("upgrade-path-404"),
            "HTTP/1.1 404",
            |stage| {
                let app = node_ws::start(stage, json!({}))?;
                let location =
                    format!("location /ws {{ proxy_pass http://127.0.0.1:{app}; {} }}", nginx::UPGRADE);
                let port = nginx::start(stage, &format!("root {}; {location}", stage.folder.display()))?;
                Ok(Plan::new(format!("ws://127.0.0.1:{port}/socket")))
            },
        ),
        // The prefix is cut off on the way (nginx-proxy-pass-slash), so the application sees another path.
        Case::new(
            "upgrade/wrong-path/nginx-slash",
            &["nginx", "aiohttp"],
            cause("upgrade-path-404"),
            "HTTP/1.1 404",
            |stage| {
                let app = aiohttp::start(stage, json!({}))?;
                let location =
                    format!("location /ws/ {{ proxy_pass http://127.0.0.1:{app}/; {} }}", nginx::UPGRADE);
                let port = nginx::start(stage, &location)?;
                Ok(Plan::new(format!("ws://127.0.0.1:{port}/ws/ws2")))
            },
        ),
    ]
}

fn redirects() -> Vec<Case> {
    vec![
        Case::new(
            "upgrade/redirect/slash-nginx",
            &["nginx", "node-ws"],
            cause("upgrade-trailing-slash-redirect"),
            "HTTP/1.1 301",
            |stage| {
                let app = node_ws::start(stage, json!({}))?;
                let location =
                    format!("location /chat/ {{ proxy_pass http://127.0.0.1:{app}; {} }}", nginx::UPGRADE);
                let port = nginx::start(stage, &location)?;
                Ok(Plan::new(format!("ws://127.0.0.1:{port}/chat")))
            },
        ),
        Case::new(
            "upgrade/redirect/slash-apache",
            &["apache"],
            cause("upgrade-trailing-slash-redirect"),
            "HTTP/1.1 301",
            |stage| {
                // mod_dir redirects a folder to its slash.
                stage.write("site/chat/index.html", "<!doctype html>")?;
                let site = stage.folder.join("site").display().to_string();
                let body =
                    format!("DocumentRoot {site}\n<Directory {site}>\nRequire all granted\n</Directory>");
                let port = apache::start(stage, "", &body)?;
                Ok(Plan::new(format!("ws://127.0.0.1:{port}/chat")))
            },
        ),
        Case::new(
            "upgrade/redirect/https-nginx",
            &["nginx"],
            cause("upgrade-https-redirect"),
            "HTTP/1.1 301",
            |stage| {
                let port = nginx::start(stage, "return 301 https://$host$request_uri;")?;
                Ok(Plan::new(format!("ws://127.0.0.1:{port}/chat?room=1")))
            },
        ),
        Case::new(
            "upgrade/redirect/https-haproxy",
            &["haproxy", "node-ws"],
            cause("upgrade-https-redirect"),
            "HTTP/1.1 302",
            |stage| {
                let app = node_ws::start(stage, json!({}))?;
                let options = crate::e2e::products::haproxy::Options {
                    frontend: "http-request redirect scheme https",
                    ..Default::default()
                };
                let port = crate::e2e::products::haproxy::start(stage, app, &options)?;
                Ok(Plan::new(format!("ws://127.0.0.1:{port}/chat")))
            },
        ),
        Case::new(
            "upgrade/redirect/https-caddy",
            &["caddy"],
            cause("upgrade-https-redirect"),
            "HTTP/1.1 301",
            |stage| {
                let port = caddy::start(stage, "http://", "redir https://{host}{uri} permanent")?;
                Ok(Plan::new(format!("ws://127.0.0.1:{port}/chat")))
            },
        ),
        Case::new(
            "upgrade/redirect/https-traefik",
            &["traefik", "node-ws"],
            cause("upgrade-https-redirect"),
            "HTTP/1.1 30",
            |stage| {
                let app = node_ws::start(stage, json!({}))?;
                let port = crate::e2e::products::traefik::start(
                    stage,
                    &format!("http://127.0.0.1:{app}"),
                    &[("secure", "{redirectScheme: {scheme: https, permanent: true}}")],
                    None,
                    &[],
                )?;
                Ok(Plan::new(format!("ws://127.0.0.1:{port}/chat")))
            },
        ),
        Case::new(
            "upgrade/redirect/login",
            &["nginx", "node-ws"],
            cause("upgrade-login-redirect"),
            "HTTP/1.1 302",
            |stage| {
                // As oauth2-proxy and its like: who has no session is sent to sign in.
                let app = node_ws::start(stage, json!({}))?;
                let body = format!(
                    "location /oauth2/ {{ return 200 signin; }} location / {{ if ($http_cookie !~ session) {{ \
                 return 302 https://login.keepwire.test/oauth2/start?rd=$request_uri; }} \
                 proxy_pass http://127.0.0.1:{app}; {} }}",
                    nginx::UPGRADE
                );
                let port = nginx::start(stage, &body)?;
                Ok(Plan::new(format!("ws://127.0.0.1:{port}/ws")))
            },
        ),
    ]
}

fn another_answers() -> Vec<Case> {
    vec![
        Case::new("upgrade/spa-nginx", &["nginx"], cause("upgrade-200-html"), "HTTP/1.1 200", |stage| {
            stage.write("site/index.html", "<!doctype html><title>My app</title><div id=root></div>\n")?;
            let site = stage.folder.join("site").display().to_string();
            let port =
                nginx::start(stage, &format!("root {site}; location / {{ try_files $uri /index.html; }}"))?;
            Ok(Plan::new(format!("ws://127.0.0.1:{port}/ws")))
        }),
        Case::new("upgrade/spa-node", &["node-http"], cause("upgrade-200-html"), "HTTP/1.1 200", |stage| {
            let port = node_ws::start_plain(stage, json!({}))?;
            Ok(Plan::new(format!("ws://127.0.0.1:{port}/ws")))
        }),
        Case::new(
            "upgrade/spa-lighttpd",
            &["lighttpd"],
            cause("upgrade-200-html"),
            "HTTP/1.1 200",
            |stage| {
                stage.write("index.html", "<!doctype html><title>Static site</title>\n")?;
                let settings = "index-file.names = (\"index.html\")\nmimetype.assign = (\".html\" => \"text/html\")\n\
                            server.error-handler-404 = \"/index.html\"";
                let port = lighttpd::start_with(stage, settings)?;
                Ok(Plan::new(format!("ws://127.0.0.1:{port}/ws")))
            },
        ),
        Case::new(
            "upgrade/caddy-no-route",
            &["caddy"],
            cause("upgrade-200-empty-no-route"),
            "HTTP/1.1 200",
            |stage| {
                let port = caddy::start(stage, "http://chat.keepwire.test", "respond hello")?;
                Ok(Plan::new(format!("ws://127.0.0.1:{port}/ws")))
            },
        ),
        Case::new(
            "upgrade/wsgi-gunicorn",
            &["gunicorn"],
            any_of(&["app-no-upgrade-support", "upgrade-200-html"]),
            "HTTP/1.1 200",
            |stage| {
                let port = uvicorn::start_gunicorn(stage)?;
                Ok(Plan::new(format!("ws://127.0.0.1:{port}/")))
            },
        ),
        // uvicorn without a WebSocket library treats the handshake as a page request.
        Case::new(
            "upgrade/uvicorn-without-ws",
            &["uvicorn"],
            possibly(&["app-no-upgrade-support", "upgrade-stripped", "upgrade-path-404"]),
            "HTTP/1.1 404",
            |stage| {
                let port = uvicorn::start(stage, &["--ws", "none"])?;
                Ok(Plan::new(format!("ws://127.0.0.1:{port}/ws")))
            },
        ),
        Case::new("upgrade/other-protocol", &["-"], cause("upgrade-not-http"), "hello from", |stage| {
            // A banner of another protocol, as SSH, SMTP and MySQL send one before being spoken to.
            let port = crate::e2e::products::python::script(stage, "banner", "banner.py", json!({}))?;
            Ok(Plan::new(format!("ws://127.0.0.1:{port}/")))
        }),
        // An answer to the upgrade never comes; other requests are served.
        Case::new(
            "upgrade/vite-no-subprotocol",
            &["vite"],
            any_of(&["upgrade-never-answered", "app-vite-token"]),
            "no answer",
            |stage| {
                let port = vite::start(stage)?;
                Ok(Plan::new(format!("ws://127.0.0.1:{port}/")).with("--origin none --timeout 6s"))
            },
        ),
        Case::new(
            "upgrade/vite-token",
            &["vite"],
            any_of(&["app-vite-token", "app-origin-rejected"]),
            "HTTP/1.1 400",
            |stage| {
                let port = vite::start(stage)?;
                let origin = format!("http://127.0.0.1:{port}");
                Ok(Plan::new(format!("ws://127.0.0.1:{port}/"))
                    .flag("--origin", origin)
                    .with("--subprotocol vite-hmr"))
            },
        ),
        Case::new(
            "upgrade/silent-server",
            &["node-silent"],
            cause("upgrade-never-answered"),
            "no answer",
            |stage| {
                let port = node_ws::start_silent(stage)?;
                Ok(Plan::new(format!("ws://127.0.0.1:{port}/")).with("--timeout 6s"))
            },
        ),
        Case::new(
            "upgrade/engineio-version",
            &["socketio"],
            // Socket.IO 4.8 answers 101 first and writes its HTTP refusal into the open stream.
            any_of(&["client-plain-ws-to-engineio", "frame-http-in-stream"]),
            "/1.1 400 Bad Request",
            |stage| {
                let port = socketio::start(stage, json!({}))?;
                Ok(Plan::new(format!("ws://127.0.0.1:{port}/socket.io/?EIO=3&transport=websocket")))
            },
        ),
        Case::new(
            "upgrade/engineio-plain-client",
            &["socketio"],
            cause("client-plain-ws-to-engineio"),
            "Transport unknown",
            |stage| {
                let port = socketio::start(stage, json!({}))?;
                Ok(Plan::new(format!("ws://127.0.0.1:{port}/socket.io/")))
            },
        ),
    ]
}

fn refused_headers() -> Vec<Case> {
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
