//! Endpoints that answer an upgrade the way one product does; plain requests they answer as if all were well.

use super::Names;
use crate::connection::Connection;
use std::io;

pub(crate) const NAMES: Names = &[
    ("cloudflare-challenge", "403 with cf-mitigated: challenge and the page that asks for patience."),
    ("cloudflare-521", "521 from Cloudflare: the origin refuses connections."),
    ("envoy-upgrade-not-enabled", "403 from Envoy for upgrades, 200 for plain requests."),
    ("iis-websocket-feature-off", "503 from IIS for upgrades, 200 for plain requests."),
    ("alb-464", "464 from an AWS load balancer: the target group's protocol does not fit."),
    ("apigw-stage-missing", "403 Forbidden from AWS API Gateway unless the path begins with /prod."),
    ("vercel-no-websocket", "426 with x-vercel-id: the platform holds no sockets."),
];

const CHALLENGE: &str = "<!DOCTYPE html><html lang=\"en-US\"><head><title>Just a moment...</title></head>\
    <body><noscript>Enable JavaScript and cookies to continue</noscript></body></html>\n";

pub(crate) async fn play(name: &str, mut connection: Connection) -> io::Result<()> {
    let Some(head) = connection.request().await? else { return Ok(()) };
    let html = ("Content-Type", "text/html; charset=UTF-8");
    let ray = ("CF-RAY", "8f1c2d3e4a5b6c7d-FRA");
    let json = ("Content-Type", "application/json");
    match name {
        "cloudflare-challenge" => {
            let headers = [html, ("cf-mitigated", "challenge"), ("Server", "cloudflare"), ray];
            connection.respond("403 Forbidden", &headers, CHALLENGE).await
        }
        "cloudflare-521" => {
            let headers = [("Content-Type", "text/plain; charset=UTF-8"), ("Server", "cloudflare"), ray];
            connection.respond("521 <none>", &headers, "error code: 521").await
        }
        "alb-464" => connection.respond("464 ", &[("Server", "awselb/2.0")], "").await,
        "apigw-stage-missing" if !head.target.starts_with("/prod") => {
            let id = ("x-amzn-RequestId", "6a1f0f5e-7f0b-4f0a-9a5e-0d6a7c1f2b3c");
            let headers = [json, id, ("x-amzn-ErrorType", "ForbiddenException")];
            connection.respond("403 Forbidden", &headers, "{\"message\":\"Forbidden\"}").await
        }
        "apigw-stage-missing" if head.is_upgrade() => {
            connection.accept(&head, false).await?;
            connection.echo().await
        }
        "envoy-upgrade-not-enabled" if head.is_upgrade() => {
            connection.respond("403 Forbidden", &[("server", "envoy")], "").await
        }
        "envoy-upgrade-not-enabled" => connection.respond("200 OK", &[("server", "envoy")], "ok\n").await,
        "iis-websocket-feature-off" if head.is_upgrade() => {
            let headers = [html, ("Server", "Microsoft-IIS/10.0"), ("X-Powered-By", "ASP.NET")];
            let body = "<h3>HTTP Error 503.0 - WebSocket request made to a site where WebSockets are disabled</h3>\n";
            connection.respond("503 Service Unavailable", &headers, body).await
        }
        "iis-websocket-feature-off" => {
            connection.respond("200 OK", &[("Server", "Microsoft-IIS/10.0")], "ok\n").await
        }
        "vercel-no-websocket" if head.is_upgrade() => {
            let headers =
                [("Server", "Vercel"), ("x-vercel-id", "fra1::iad1::8kq2c-1700000000000-0123456789ab")];
            connection.respond("426 Upgrade Required", &headers, "").await
        }
        _ => connection.respond("200 OK", &[], "ok\n").await,
    }
}
