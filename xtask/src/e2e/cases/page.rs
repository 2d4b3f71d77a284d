//! Section 1: what the page that opens the socket is not allowed to do.

use serde_json::json;

use crate::e2e::Result;
use crate::e2e::case::{Case, Plan, any_of, cause};
use crate::e2e::certs::HOST;
use crate::e2e::products::{nginx, node_ws};
use crate::e2e::stage::Stage;

const PAGE: &str =
    "default_type text/html; return 200 '<!doctype html><title>page</title><script src=app.js></script>';";

/// An http page with the given header lines (nginx `add_header`).
fn page_over_http(stage: &mut Stage, headers: &str) -> Result<String> {
    let port = nginx::start(stage, &format!("location / {{ {headers} {PAGE} }}"))?;
    Ok(format!("http://127.0.0.1:{port}/"))
}

pub(super) fn cases() -> Vec<Case> {
    vec![
        Case::new(
            "page/csp-header",
            &["nginx", "node-ws"],
            cause("page-csp-connect-src"),
            "HTTP/1.1 101",
            |stage| {
                let app = node_ws::start(stage, json!({}))?;
                let page =
                    page_over_http(stage, "add_header Content-Security-Policy \"connect-src 'self'\";")?;
                Ok(Plan::new(format!("ws://127.0.0.1:{app}/")).flag("--page", page))
            },
        ),
        Case::new(
            "page/csp-default-src",
            &["nginx", "node-ws"],
            cause("page-csp-connect-src"),
            "HTTP/1.1 101",
            |stage| {
                let app = node_ws::start(stage, json!({}))?;
                let page =
                    page_over_http(stage, "add_header Content-Security-Policy \"default-src 'none'\";")?;
                Ok(Plan::new(format!("ws://127.0.0.1:{app}/")).flag("--page", page))
            },
        ),
        Case::new("page/csp-meta", &["node-ws"], cause("page-csp-connect-src"), "HTTP/1.1 101", |stage| {
            let app = node_ws::start(stage, json!({}))?;
            let page = node_ws::start_plain(
                stage,
                json!({"body": "<!doctype html><html><head><meta http-equiv=\"Content-Security-Policy\" \
                        content=\"connect-src https://api.keepwire.test\"></head></html>"}),
            )?;
            Ok(Plan::new(format!("ws://127.0.0.1:{app}/"))
                .flag("--page", format!("http://127.0.0.1:{page}/")))
        }),
        // Loopback is exempt from mixed content (Chromium), so the socket is at another host.
        Case::new(
            "page/mixed-content",
            &["nginx", "node-ws"],
            cause("page-mixed-content"),
            "HTTP/1.1 101",
            |stage| {
                let app = node_ws::start(stage, json!({}))?;
                let page = nginx::start_tls(stage, "good", &format!("location / {{ {PAGE} }}"))?;
                Ok(Plan::new(format!("ws://{HOST}:{app}/"))
                    .flag("--resolve", format!("{HOST}:{app}:127.0.0.1"))
                    .flag("--resolve", format!("{HOST}:{page}:127.0.0.1"))
                    .flag("--ca", stage.certs.path("root.crt"))
                    .flag("--page", format!("https://{HOST}:{page}/")))
            },
        ),
        // The page is https too (HSTS counts only there), so both names are right; the wire is the same.
        Case::new(
            "page/hsts",
            &["nginx", "node-ws"],
            any_of(&["page-hsts-upgrades-ws", "page-mixed-content"]),
            "HTTP/1.1 101",
            |stage| {
                let app = node_ws::start(stage, json!({}))?;
                let headers = "add_header Strict-Transport-Security \"max-age=31536000\" always;";
                let page = nginx::start_tls(stage, "good", &format!("location / {{ {headers} {PAGE} }}"))?;
                Ok(Plan::new(format!("ws://{HOST}:{app}/"))
                    .flag("--resolve", format!("{HOST}:{app}:127.0.0.1"))
                    .flag("--resolve", format!("{HOST}:{page}:127.0.0.1"))
                    .flag("--ca", stage.certs.path("root.crt"))
                    .flag("--page", format!("https://{HOST}:{page}/")))
            },
        ),
        Case::new(
            "page/unsafe-port",
            &["nginx", "node-ws"],
            cause("page-unsafe-port"),
            "HTTP/1.1 101",
            |stage| {
                // A fixed port, so in a namespace of its own.
                stage.link()?;
                let app = node_ws::start(stage, json!({"port": 6000}))?;
                let page = page_over_http(stage, "")?.replace("127.0.0.1", crate::e2e::netns::SERVER);
                Ok(Plan::new(format!("ws://{}:{app}/", crate::e2e::netns::SERVER)).flag("--page", page))
            },
        ),
        // The page sets a session cookie for its own host only, and the socket is at another one.
        Case::new(
            "page/cookie-of-another-host",
            &["nginx", "node-ws"],
            any_of(&["page-cookie-not-sent", "app-auth-401"]),
            "HTTP/1.1 401",
            |stage| {
                let app = node_ws::start(stage, json!({"cookie": "session=abc"}))?;
                let page = page_over_http(
                    stage,
                    "add_header Set-Cookie \"session=abc; Path=/; HttpOnly; SameSite=Lax\";",
                )?;
                Ok(Plan::new(format!("ws://{HOST}:{app}/"))
                    .flag("--resolve", format!("{HOST}:{app}:127.0.0.1"))
                    .flag("--page", page))
            },
        ),
        Case::new(
            "page/basic-auth",
            &["nginx", "node-ws"],
            any_of(&["app-auth-401", "page-basic-auth-not-replayed", "page-auth-header-impossible"]),
            "HTTP/1.1 401",
            |stage| {
                let app = node_ws::start(stage, json!({}))?;
                let users = stage.write("users", "dev:{PLAIN}secret\n")?;
                let directives =
                    format!("auth_basic staff; auth_basic_user_file {}; {}", users.display(), nginx::UPGRADE);
                let port = nginx::start(stage, &nginx::proxy(app, &directives))?;
                Ok(Plan::new(format!("ws://127.0.0.1:{port}/")))
            },
        ),
    ]
}
