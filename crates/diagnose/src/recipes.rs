//! Remedies that several causes share, with the exact lines for each product.
//!
//! Lines were tried on nginx 1.22 (and read against 1.29), Apache 2.4, HAProxy 2.6, Caddy 2.6, Traefik 3,
//! Envoy 1.3x, varnish 7.1, h2o 2.2 and lighttpd 1.4.

use crate::finding::{Remedy, Stack};
use crate::fingerprint;
use crate::text;
use evidence::Response;

/// Puts the remedies for the products that the response names first, and leaves out the rest if there are such.
/// Remedies for no product in particular stay.
pub(crate) fn for_response(response: Option<&Response>, remedies: Vec<Remedy>) -> Vec<Remedy> {
    let Some(response) = response else { return remedies };
    let mut stacks: Vec<Stack> =
        fingerprint::hops(response).into_iter().filter_map(fingerprint::Product::stack).collect();
    stacks.extend(fingerprint::library(response).and_then(fingerprint::Library::stack));
    let (mut fitting, others): (Vec<_>, Vec<_>) =
        remedies.into_iter().partition(|remedy| remedy.stack.is_none_or(|stack| stacks.contains(&stack)));
    if fitting.iter().any(|remedy| remedy.stack.is_some()) {
        fitting.sort_by_key(|remedy| {
            remedy
                .stack
                .map_or(usize::MAX, |stack| stacks.iter().position(|s| *s == stack).unwrap_or(usize::MAX))
        });
        return fitting;
    }
    fitting.extend(others);
    fitting
}

/// Pass the upgrade on to the application: the lines for every proxy.
pub(crate) fn forward_upgrade(path: &str) -> Vec<Remedy> {
    vec![
        Remedy::for_stack(
            Stack::Nginx,
            text!("Pass the upgrade on in the location that serves the socket"),
            format!(
                "map $http_upgrade $connection_upgrade {{   # in http {{ }}\n    default upgrade;\n    ''      '';\n}}\n\n\
                 location {path} {{\n    proxy_pass http://your_backend;\n    proxy_http_version 1.1;            # the default only since nginx 1.29.7\n    \
                 proxy_set_header Upgrade $http_upgrade;\n    proxy_set_header Connection $connection_upgrade;\n    proxy_set_header Host $host;\n}}"
            ),
        )
        .command("nginx -t && nginx -s reload"),
        Remedy::for_stack(
            Stack::Apache,
            text!("Let mod_proxy carry the upgrade (Apache 2.4.47 or later), before any more general ProxyPass"),
            format!("ProxyPass \"{path}\" \"http://127.0.0.1:8080{path}\" upgrade=websocket"),
        )
        .command("a2enmod proxy proxy_http && apachectl configtest && apachectl graceful"),
        Remedy::for_stack(
            Stack::Haproxy,
            text!("Keep the upgrade headers, and give tunnels their own time-out"),
            "defaults\n    mode http\n    timeout tunnel 1h\n# and no `http-request del-header upgrade|connection`, no `option httpclose`",
        )
        .command("haproxy -c -f /etc/haproxy/haproxy.cfg && systemctl reload haproxy"),
        Remedy::for_stack(
            Stack::Caddy,
            text!("Use reverse_proxy as it comes: it passes the upgrade on unless it is told not to"),
            format!("reverse_proxy {path} 127.0.0.1:8080   # without header_up -Upgrade / -Connection"),
        )
        .command("caddy validate --config /etc/caddy/Caddyfile && systemctl reload caddy"),
        Remedy::for_stack(
            Stack::Traefik,
            text!("Take middlewares that change headers off the router of the socket"),
            "# Traefik passes WebSockets on by itself.\n# Remove from this router: headers.customRequestHeaders that empty Upgrade or Connection,\n# buffering, compress, errors.",
        ),
        Remedy::for_stack(
            Stack::Envoy,
            text!("Allow the upgrade on the route"),
            "# in the route, or in the http_connection_manager for all routes\nupgrade_configs:\n  - upgrade_type: websocket",
        ),
        Remedy::for_stack(
            Stack::Varnish,
            text!("Pipe upgrades, and copy the two headers"),
            "sub vcl_recv {\n    if (req.http.Upgrade ~ \"(?i)websocket\") { return (pipe); }\n}\nsub vcl_pipe {\n    if (req.http.Upgrade) {\n        set bereq.http.Upgrade = req.http.Upgrade;\n        set bereq.http.Connection = req.http.Connection;\n    }\n}",
        ),
        Remedy::for_stack(
            Stack::Lighttpd,
            text!("Enable upgrades in mod_proxy"),
            "proxy.header = ( \"upgrade\" => \"enable\" )",
        ),
        Remedy::for_stack(Stack::H2o, text!("Turn WebSocket proxying on"), "proxy.websocket: ON"),
        Remedy::for_stack(
            Stack::Squid,
            text!("Allow the protocol, in lower case as clients spell it (squid 5 or later)"),
            "http_upgrade_request_protocols websocket allow all",
        ),
    ]
}

/// Let quiet connections live longer than `seconds`: the lines for every proxy.
pub(crate) fn longer_idle() -> Vec<Remedy> {
    vec![
        Remedy::for_stack(
            Stack::Nginx,
            text!("Raise the time without traffic in the location of the socket"),
            "proxy_read_timeout 1h;   # proxy_send_timeout alone never ends a quiet tunnel",
        )
        .command("nginx -t && nginx -s reload"),
        Remedy::for_stack(
            Stack::Haproxy,
            text!("Give tunnels a time-out of their own; without it client and server time-outs end them"),
            "defaults\n    timeout tunnel 1h   # 0 does not mean \"never\": it falls back to timeout client/server",
        )
        .command("haproxy -c -f /etc/haproxy/haproxy.cfg && systemctl reload haproxy"),
        Remedy::for_stack(
            Stack::Apache,
            text!("Raise Timeout; ProxyTimeout does not count for tunnels"),
            "Timeout 3600",
        )
        .command("apachectl configtest && apachectl graceful"),
        Remedy::for_stack(
            Stack::Envoy,
            text!("Take the idle limit off the route of the socket"),
            "# in the route\nroute:\n  idle_timeout: 3600s\n  timeout: 0s\n# or stream_idle_timeout in the http_connection_manager (default 300s)",
        ),
        Remedy::for_stack(Stack::Varnish, text!("Raise the idle time of pipes"), "varnishd … -p pipe_timeout=3600"),
        Remedy::for_stack(Stack::Lighttpd, text!("Raise the idle time"), "server.max-read-idle = 3600"),
        Remedy::for_stack(Stack::H2o, text!("Raise the idle time of tunnels"), "proxy.websocket.timeout: 3600000   # milliseconds"),
        Remedy::for_stack(
            Stack::Aws,
            text!("Raise the idle time-out of the load balancer (ALB: 1 to 4000 s)"),
            "aws elbv2 modify-load-balancer-attributes --load-balancer-arn ARN \\\n  --attributes Key=idle_timeout.timeout_seconds,Value=3600",
        ),
    ]
}

/// Keep a connection busy: send a ping every `seconds`, from the server if possible.
pub(crate) fn ping_every(seconds: u64) -> Vec<Remedy> {
    let milliseconds = seconds * 1000;
    vec![
        Remedy::for_stack(
            Stack::Node,
            text!("Send pings from the server, at half the limit or more often"),
            format!(
                "// ws: pings are never sent by themselves\nsetInterval(() => {{\n  for (const socket of wss.clients) socket.ping();\n}}, {milliseconds});"
            ),
        ),
        Remedy::for_stack(
            Stack::SocketIo,
            text!("Send pings from the server, at half the limit or more often"),
            format!("new Server(server, {{ pingInterval: {milliseconds} }})"),
        ),
        Remedy::for_stack(
            Stack::Python,
            text!("Send pings from the server, at half the limit or more often"),
            format!(
                "# websockets\nserve(handler, host, port, ping_interval={seconds})\n# uvicorn\nuvicorn app:app --ws-ping-interval {seconds}\n# aiohttp\nweb.WebSocketResponse(heartbeat={seconds})\n# Tornado\nApplication(handlers, websocket_ping_interval={seconds})"
            ),
        ),
        Remedy::for_stack(
            Stack::Go,
            text!("Send pings from the server, at half the limit or more often"),
            format!(
                "// gorilla: one goroutine that writes\nticker := time.NewTicker({seconds} * time.Second)\nfor range ticker.C {{\n    if conn.WriteControl(websocket.PingMessage, nil, time.Now().Add(5*time.Second)) != nil {{ return }}\n}}"
            ),
        ),
        Remedy::for_stack(
            Stack::Browser,
            text!("In a page, where no ping frames can be sent, send a small message of your own"),
            format!(
                "setInterval(() => socket.readyState === WebSocket.OPEN && socket.send('ping'), {milliseconds});"
            ),
        ),
    ]
}

/// The remedies for one product alone, or for none in particular.
pub(crate) fn only(stack: Option<Stack>, remedies: Vec<Remedy>) -> Vec<Remedy> {
    match stack {
        Some(stack) if remedies.iter().any(|remedy| remedy.stack == Some(stack)) => {
            remedies.into_iter().filter(|remedy| remedy.stack.is_none_or(|other| other == stack)).collect()
        }
        _ => remedies,
    }
}
