//! What in one product makes a cause so: the ids that a finding names beside its cause, each with its cause and in one
//! sentence. Ids are stable, like those of causes.

use crate::text;
use crate::text::Text;

/// Every id that a configuration can show, with the cause that it makes.
pub const ALL: &[(&str, &str)] = &[
    ("nginx-no-upgrade-headers", "upgrade-stripped"),
    ("nginx-header-inheritance-lost", "upgrade-stripped"),
    ("npm-websocket-toggle-off", "upgrade-stripped"),
    ("nginx-connection-cleared", "upgrade-connection-token-missing"),
    ("nginx-http-version-10", "upgrade-http10-upstream"),
    ("nginx-map-missing", "config-refused"),
    ("nginx-regex-uri-part", "config-refused"),
    ("nginx-proxy-pass-ws-scheme", "config-refused"),
    ("nginx-unconditional-upgrade", "upgrade-unconditional"),
    ("nginx-upgrade-hardcoded", "upgrade-unconditional"),
    ("nginx-upgrade-passthrough-unsafe", "upgrade-any-protocol"),
    ("nginx-wrong-location", "route-shadowed"),
    ("nginx-server-name-shadow", "route-shadowed"),
    ("nginx-proxy-pass-slash", "route-path-rewritten"),
    ("nginx-auto-slash-301", "upgrade-trailing-slash-redirect"),
    ("nginx-auth-request-upgrade", "app-forward-auth-breaks"),
    ("nginx-host-not-forwarded", "upgrade-host-mismatch"),
    ("nginx-host-without-port", "upgrade-host-mismatch"),
    ("nginx-forwarded-proto-missing", "forwarded-proto-missing"),
    ("nginx-hides-subprotocol-or-ext", "upgrade-subprotocol-not-answered"),
    ("nginx-config-not-active", "config-not-active"),
    ("idle-nginx-read-timeout", "idle-nginx-read-timeout"),
    ("ingress-nginx-sticky-missing", "app-sticky-missing"),
    ("ingress-nginx-reload-drop", "close-proxy-reload"),
    ("close-proxy-reload", "close-proxy-reload"),
    ("apache-no-ws-mapping", "upgrade-stripped"),
    ("apache-proxypass-order", "route-shadowed"),
    ("apache-wstunnel-not-loaded", "config-refused"),
    ("apache-rewrite-upgrade-cond", "upgrade-connection-case-or-list-bug"),
    ("apache-sslproxy-off", "config-refused"),
    ("apache-idle-timeout", "idle-other-proxies"),
    ("haproxy-no-timeout-tunnel", "idle-other-proxies"),
    ("haproxy-h2-backend-no-8441", "upgrade-http2-upstream"),
    ("haproxy-no-backend", "upgrade-bad-gateway"),
    ("caddy-h2c-transport", "upgrade-http2-upstream"),
    ("caddy-header-up-stripped", "upgrade-stripped"),
    ("caddy-reload-closes", "close-proxy-reload"),
    ("traefik-h2c-or-h2-backend", "upgrade-http2-upstream"),
    ("traefik-middleware-breaks-upgrade", "route-in-the-way"),
    ("traefik-entrypoint-timeouts", "idle-other-proxies"),
    ("envoy-upgrade-not-enabled", "upgrade-refused-by-proxy"),
    ("envoy-route-timeout", "lifetime-cap"),
    ("envoy-stream-idle-timeout", "idle-other-proxies"),
    ("alb-idle-60", "idle-cloud"),
    ("gcp-backend-timeout-30", "lifetime-cap"),
];

/// The id itself, where it is one of the catalog.
#[must_use]
pub fn id(text: &str) -> Option<&'static str> {
    ALL.iter().map(|(id, _)| *id).find(|id| *id == text)
}

/// The cause that an id makes.
#[must_use]
pub fn cause(text: &str) -> Option<&'static str> {
    ALL.iter().find(|(id, _)| *id == text).map(|(_, cause)| *cause)
}

/// What it means, in one sentence.
#[must_use]
pub fn meaning(id: &str) -> Option<Text> {
    Some(match id {
        "nginx-no-upgrade-headers" => text!(
            "nginx: the location that proxies has no proxy_set_header for Upgrade and Connection, here or above"
        ),
        "nginx-header-inheritance-lost" => text!(
            "nginx: the upgrade headers stand on a level above, but the location has a proxy_set_header of its own and so inherits none of them"
        ),
        "npm-websocket-toggle-off" => {
            text!("Nginx Proxy Manager: \"Websockets Support\" is switched off for this host")
        }
        "nginx-connection-cleared" => {
            text!("nginx: Connection is set to nothing or to \"close\", as in recipes for keepalive")
        }
        "nginx-http-version-10" => text!("nginx: proxy_http_version is 1.0, the default before 1.29.7"),
        "nginx-map-missing" => {
            text!("nginx: a header uses a variable whose map is missing, or stands where none may stand")
        }
        "nginx-regex-uri-part" => {
            text!("nginx: proxy_pass has a path in a location given by regular expression")
        }
        "nginx-proxy-pass-ws-scheme" => {
            text!("nginx: proxy_pass is written with ws:// where http:// belongs")
        }
        "nginx-unconditional-upgrade" => text!("nginx: Connection is \"upgrade\" for every request"),
        "nginx-upgrade-hardcoded" => text!("nginx: Upgrade is \"websocket\" for every request"),
        "nginx-upgrade-passthrough-unsafe" => text!("nginx: $http_upgrade is passed on whatever it says"),
        "nginx-wrong-location" => text!("nginx: another location wins for this path"),
        "nginx-server-name-shadow" => text!("nginx: an earlier server block has the same name and address"),
        "nginx-proxy-pass-slash" => {
            text!("nginx: the path of proxy_pass replaces the prefix of the location")
        }
        "nginx-auto-slash-301" => {
            text!("nginx: a proxied prefix that ends in a slash redirects requests without it")
        }
        "nginx-auth-request-upgrade" => text!("nginx: auth_request takes the upgrade headers along"),
        "nginx-host-not-forwarded" => {
            text!("nginx: without proxy_set_header Host the application gets the name of the upstream")
        }
        "nginx-host-without-port" => text!("nginx: $host has no port; $http_host has"),
        "nginx-forwarded-proto-missing" => text!("nginx: no X-Forwarded-Proto"),
        "nginx-hides-subprotocol-or-ext" => text!("nginx: a header of the handshake is emptied or hidden"),
        "nginx-config-not-active" => text!("nginx: the file was not loaded, or another instance answers"),
        "idle-nginx-read-timeout" => text!("nginx: proxy_read_timeout, 60 s by default"),
        "ingress-nginx-sticky-missing" => text!("ingress-nginx: no affinity annotation"),
        "ingress-nginx-reload-drop" => {
            text!("ingress-nginx: worker-shutdown-timeout after a reload, 240 s by default")
        }
        "close-proxy-reload" => text!("the proxy ends its old processes some time after a reload"),
        "apache-no-ws-mapping" => {
            text!("Apache httpd: ProxyPass without upgrade=websocket, and no rule for ws://")
        }
        "apache-proxypass-order" => text!("Apache httpd: an earlier, more general ProxyPass takes the path"),
        "apache-wstunnel-not-loaded" => text!("Apache httpd: no module for ws:// is loaded"),
        "apache-rewrite-upgrade-cond" => text!("Apache httpd: the RewriteCond on Upgrade lacks [NC]"),
        "apache-sslproxy-off" => text!("Apache httpd: a wss:// or https:// target without SSLProxyEngine on"),
        "apache-idle-timeout" => text!("Apache httpd: Timeout, 60 s by default"),
        "haproxy-no-timeout-tunnel" => {
            text!("HAProxy: without timeout tunnel, timeout client and timeout server end quiet tunnels")
        }
        "haproxy-h2-backend-no-8441" => text!("HAProxy: HTTP/2 to a server that does not know RFC 8441"),
        "haproxy-no-backend" => text!("HAProxy: no backend for the request"),
        "caddy-h2c-transport" => text!("Caddy: transport http with versions h2c"),
        "caddy-header-up-stripped" => text!("Caddy: header_up takes Upgrade or Connection away"),
        "caddy-reload-closes" => {
            text!("Caddy: loading a configuration closes streams at once, without stream_close_delay")
        }
        "traefik-h2c-or-h2-backend" => text!("Traefik: a service over h2c or HTTP/2"),
        "traefik-middleware-breaks-upgrade" => {
            text!("Traefik: a middleware on the router cannot live with upgrades")
        }
        "traefik-entrypoint-timeouts" => text!("Traefik: respondingTimeouts of the entry point"),
        "envoy-upgrade-not-enabled" => text!("Envoy: no upgrade_configs for websocket"),
        "envoy-route-timeout" => text!("Envoy: the route's timeout, 15 s by default"),
        "envoy-stream-idle-timeout" => text!("Envoy: stream_idle_timeout, 300 s by default"),
        "alb-idle-60" => text!("AWS ALB: idle timeout, 60 s by default"),
        "gcp-backend-timeout-30" => {
            text!("Google Cloud: timeoutSec of the backend service, 30 s by default, whatever is sent")
        }
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_id_has_a_cause_and_a_meaning() {
        for (id, cause) in ALL {
            assert!(crate::causes::find(cause).is_some(), "{id}: there is no cause {cause}");
            assert!(meaning(id).is_some(), "{id} has no meaning");
            assert!(super::id(id).is_some() && super::cause(id) == Some(*cause));
        }
        assert_eq!(id("no-such-id"), None);
    }
}
