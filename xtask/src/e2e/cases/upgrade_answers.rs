//! Section 7, the handshake arrives at somebody else: wrong paths, redirects, pages, other protocols.

use serde_json::json;

use crate::e2e::case::{Case, Expect, Plan, any_of, cause, possibly};
use crate::e2e::products::{
    Backend, aiohttp, apache, caddy, haproxy, lighttpd, nginx, node_ws, python, socketio, traefik, uvicorn,
    vite,
};

pub(super) fn cases() -> Vec<Case> {
    let mut cases = wrong_path();
    cases.extend(redirects());
    cases.extend(another_answers());
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
                let options =
                    haproxy::Options { frontend: "http-request redirect scheme https", ..Default::default() };
                let port = haproxy::start(stage, app, &options)?;
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
                let port = traefik::start(
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
            let port = python::script(stage, "banner", "banner.py", json!({}))?;
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
