//! Endpoints where the upgrade is answered by something other than a 101, or by nothing.

use super::Names;
use crate::connection::Connection;
use std::io;
use std::time::Duration;

pub(crate) const NAMES: Names = &[
    (
        "upgrade-stripped",
        "Answers upgrades and plain requests alike with 400, as a backend whose proxy strips them.",
    ),
    ("upgrade-connection-case-or-list-bug", "Accepts only the literal `Connection: Upgrade`, else 400."),
    ("upgrade-version-rejected", "Speaks only version 8: 426 with Sec-WebSocket-Version: 8."),
    ("upgrade-path-404", "Accepts on /ws only, 404 elsewhere."),
    ("upgrade-trailing-slash-redirect", "Redirects a path without its last slash to the one with it."),
    ("upgrade-https-redirect", "301 to the same host and path over https."),
    ("upgrade-login-redirect", "302 to a login unless a session cookie comes along."),
    ("upgrade-200-html", "The page of a single-page application, for every path, upgrade or not."),
    ("upgrade-200-empty-no-route", "200 with an empty body, as Caddy without a matching site."),
    ("upgrade-204", "204, as a server whose WebSocket transport is turned off."),
    ("upgrade-wrong-method", "405 with Allow: POST."),
    ("upgrade-headers-too-large", "431 if cookies exceed 4096 bytes, otherwise healthy."),
    ("upgrade-body-on-get", "400 if the upgrade has Content-Length or Transfer-Encoding, otherwise healthy."),
    ("upgrade-host-mismatch", "421 unless Host is app.example."),
    ("upgrade-not-http", "Sends the banner of an SSH server at once."),
    ("upgrade-eof-before-response", "Closes as soon as an upgrade has come; answers plain requests."),
    ("upgrade-eof-after-1s", "Closes one second after an upgrade has come; answers plain requests."),
    ("upgrade-reset-on-upgrade", "Resets the connection when an upgrade comes; answers plain requests."),
    ("upgrade-never-answered", "Reads an upgrade and says nothing for ever; answers plain requests."),
];

const PAGE: &str = "<!doctype html><html lang=\"en\"><head><title>Dashboard</title></head>\
    <body><div id=\"root\"></div><script type=\"module\" src=\"/assets/index.js\"></script></body></html>\n";

pub(crate) async fn play(name: &str, mut connection: Connection) -> io::Result<()> {
    if name == "upgrade-not-http" {
        connection.write(b"SSH-2.0-OpenSSH_9.2p1 Debian-2+deb12u3\r\n").await?;
        return connection.finish().await;
    }
    let Some(head) = connection.request().await? else { return Ok(()) };
    let html = ("Content-Type", "text/html; charset=utf-8");
    let host = head.header("host").unwrap_or("localhost");
    let is_upgrade = head.is_upgrade();
    let healthy = match name {
        "upgrade-stripped" => {
            let text = "Can \"Upgrade\" only to \"WebSocket\".";
            return connection.respond("400 Bad Request", &[("Server", "TornadoServer/6.6")], text).await;
        }
        "upgrade-200-html" => return connection.respond("200 OK", &[html], PAGE).await,
        "upgrade-200-empty-no-route" => {
            return connection.respond("200 OK", &[("Server", "Caddy")], "").await;
        }
        "upgrade-204" => return connection.respond("204 No Content", &[], "").await,
        "upgrade-https-redirect" => {
            let location = format!("https://{host}{}", head.target);
            return connection.respond("301 Moved Permanently", &[("Location", &location)], "").await;
        }
        "upgrade-wrong-method" => {
            return connection
                .respond("405 Method Not Allowed", &[("Allow", "POST")], "Method Not Allowed\n")
                .await;
        }
        "upgrade-version-rejected" => {
            let headers = [("Upgrade", "websocket"), ("Sec-WebSocket-Version", "8")];
            return connection.respond("426 Upgrade Required", &headers, "").await;
        }
        "upgrade-host-mismatch" if !matches!(host.split(':').next(), Some("app.example")) => {
            return connection.respond("421 Misdirected Request", &[], "no site for this host\n").await;
        }
        "upgrade-trailing-slash-redirect" => {
            let (path, query) = head.target.split_once('?').unwrap_or((&head.target, ""));
            if !path.ends_with('/') {
                let query = if query.is_empty() { String::new() } else { format!("?{query}") };
                let location = format!("{path}/{query}");
                return connection.respond("307 Temporary Redirect", &[("Location", &location)], "").await;
            }
            true
        }
        "upgrade-path-404" => head.target.split('?').next() == Some("/ws"),
        "upgrade-login-redirect" => {
            if !head.header("cookie").is_some_and(|cookie| cookie.contains("session=")) {
                let location = format!("https://login.example/oauth2/start?rd=https%3A%2F%2F{host}%2F");
                return connection.respond("302 Found", &[("Location", &location)], "").await;
            }
            true
        }
        "upgrade-headers-too-large" => {
            if head.joined("cookie").is_some_and(|cookies| cookies.len() > 4096) {
                return connection.respond("431 Request Header Fields Too Large", &[], "").await;
            }
            true
        }
        "upgrade-body-on-get" => {
            if head.header("content-length").is_some() || head.header("transfer-encoding").is_some() {
                return connection.respond("400 Bad Request", &[], "a handshake has no body\n").await;
            }
            true
        }
        "upgrade-connection-case-or-list-bug" => {
            if head.header("connection") != Some("Upgrade") {
                return connection
                    .respond("400 Bad Request", &[], "\"Connection\" must be \"Upgrade\".")
                    .await;
            }
            true
        }
        "upgrade-eof-before-response" if is_upgrade => return connection.finish().await,
        "upgrade-eof-after-1s" if is_upgrade => {
            tokio::time::sleep(Duration::from_secs(1)).await;
            return connection.finish().await;
        }
        "upgrade-reset-on-upgrade" if is_upgrade => {
            connection.reset();
            return Ok(());
        }
        "upgrade-never-answered" if is_upgrade => return connection.swallow().await,
        "upgrade-host-mismatch" => true,
        _ => return connection.respond("200 OK", &[html], PAGE).await,
    };
    if !healthy {
        return connection.respond("404 Not Found", &[], "Not Found\n").await;
    }
    if !is_upgrade {
        return connection.respond("426 Upgrade Required", &[("Upgrade", "websocket")], "").await;
    }
    connection.accept(&head, true).await?;
    connection.echo().await
}
