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
