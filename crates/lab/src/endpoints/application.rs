//! Endpoints where the application says no: origins, credentials, rates, broken middleware.

use super::{Memory, Names};
use crate::connection::Connection;
use crate::head::RequestHead;
use std::io;
use std::time::Duration;

pub(crate) const NAMES: Names = &[
    ("app-origin-rejected", "403 if there is an Origin whose host is not the Host."),
    ("app-origin-required", "403 without an Origin header."),
    ("app-origin-null", "403 if the Origin is `null` or has another scheme than http and https."),
    ("app-auth-401", "401 with WWW-Authenticate unless an Authorization header comes along."),
    ("app-auth-cookie-only", "401 unless a cookie named session comes along."),
    ("app-auth-after-open", "Accepts, then closes with 4401."),
    ("app-rate-limited", "429 from the sixth handshake within ten seconds."),
    (
        "app-middleware-not-hijackable",
        "500 for upgrades because of a wrapped response writer; 200 otherwise.",
    ),
    ("app-handler-exception", "500 for upgrades; 200 otherwise."),
    ("app-two-ws-servers-one-port", "Sends a second HTTP response right after the 101."),
    ("app-trusted-proxy-missing", "400 if X-Forwarded-For is present."),
    ("app-no-upgrade-support", "404 for upgrades; 200 otherwise."),
];

const SECOND_ANSWER: &[u8] =
    b"HTTP/1.1 400 Bad Request\r\nConnection: close\r\nContent-Type: text/html\r\nContent-Length: 11\r\n\r\nBad Request";

pub(crate) async fn play(name: &str, mut connection: Connection, memory: &Memory) -> io::Result<()> {
    let Some(head) = connection.request().await? else { return Ok(()) };
    if let Some((status, header, body)) = refusal(name, &head) {
        return connection.respond(status, header.as_slice(), body).await;
    }
    if !head.is_upgrade() {
        return connection.respond("200 OK", &[], "ok\n").await;
    }
    if name == "app-rate-limited" && !memory.admits(5, Duration::from_secs(10)) {
        return connection.respond("429 Too Many Requests", &[("Retry-After", "10")], "slow down\n").await;
    }
    connection.accept(&head, true).await?;
    match name {
        "app-auth-after-open" => connection.close(4401, "Unauthorized").await,
        "app-two-ws-servers-one-port" => {
            connection.write(SECOND_ANSWER).await?;
            connection.finish().await
        }
        _ => connection.echo().await,
    }
}

type Refusal = (&'static str, Vec<(&'static str, &'static str)>, &'static str);

fn refusal(name: &str, head: &RequestHead) -> Option<Refusal> {
    let origin = head.header("origin");
    let has_session = head.header("cookie").is_some_and(|cookie| cookie.contains("session="));
    let authority =
        |origin: &str| origin.split_once("://").map(|(_, authority)| authority.to_ascii_lowercase());
    let host = head.header("host").map(str::to_ascii_lowercase);
    let is_upgrade = head.is_upgrade();
    let refused = match name {
        "app-origin-rejected" => origin.is_some_and(|origin| authority(origin) != host),
        "app-origin-required" => is_upgrade && origin.is_none(),
        "app-origin-null" => {
            origin.is_some_and(|origin| !origin.starts_with("http://") && !origin.starts_with("https://"))
        }
        "app-auth-401" => head.header("authorization").is_none(),
        "app-auth-cookie-only" => !has_session,
        "app-trusted-proxy-missing" => head.header("x-forwarded-for").is_some(),
        "app-middleware-not-hijackable" | "app-handler-exception" | "app-no-upgrade-support" => is_upgrade,
        _ => false,
    };
    if !refused {
        return None;
    }
    Some(match name {
        "app-origin-rejected" => {
            ("403 Forbidden", vec![("Server", "TornadoServer/6.6")], "Cross origin websockets not allowed")
        }
        "app-auth-401" => ("401 Unauthorized", vec![("WWW-Authenticate", "Bearer")], "Unauthorized\n"),
        "app-auth-cookie-only" => ("401 Unauthorized", vec![], "no session\n"),
        "app-trusted-proxy-missing" => ("400 Bad Request", vec![], "400: Bad Request"),
        "app-middleware-not-hijackable" => (
            "500 Internal Server Error",
            vec![("X-Content-Type-Options", "nosniff")],
            "websocket: response does not implement http.Hijacker\n",
        ),
        "app-handler-exception" => ("500 Internal Server Error", vec![], "Internal Server Error"),
        "app-no-upgrade-support" => ("404 Not Found", vec![("Server", "uvicorn")], "Not Found"),
        _ => ("403 Forbidden", vec![], "Forbidden\n"),
    })
}
