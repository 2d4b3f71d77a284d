//! What proxies' logs say. Their phrases mostly have one meaning.

use super::{LIKELY, Meaning, POSSIBLE, PROVEN};
use crate::text;
use evidence::Said;

pub(super) fn meaning(said: &Said) -> Option<Meaning> {
    let meaning = match said.id.as_str() {
        "nginx-upstream-refused" | "caddy-upstream-refused" => Meaning::new(
            text!("The application does not listen where the proxy looks for it."),
            &[("upgrade-bad-gateway", PROVEN)],
        )
        .because("nginx-upstream-refused"),
        "apache-connect-failed" | "nginx-upstream-unreachable" | "nginx-upstream-timed-out-connect"
        | "caddy-upstream-timed-out" => Meaning::new(
            text!("The proxy does not reach the application."),
            &[("upgrade-bad-gateway", PROVEN)],
        ),
        "nginx-upstream-forbidden" => Meaning::new(
            text!("SELinux or the system forbids the proxy to connect to the application."),
            &[("upgrade-bad-gateway", PROVEN)],
        )
        .advice(text!("setsebool -P httpd_can_network_connect 1, or the permissions of the socket file.")),
        "nginx-upstream-name" | "caddy-upstream-name" => Meaning::new(
            text!("The proxy cannot resolve the name of the application."),
            &[("upgrade-bad-gateway", PROVEN)],
        ),
        "nginx-no-live-upstreams" | "apache-worker-disabled" | "caddy-no-upstreams" => Meaning::new(
            text!("The proxy holds every application server for dead after failures before."),
            &[("tcp-lb-no-healthy-target", PROVEN)],
        )
        .because("nginx-no-live-upstreams"),
        "nginx-upstream-eof" | "apache-upstream-eof" | "caddy-upstream-eof" => Meaning::new(
            text!("The application ended the connection before it answered: it crashed, does not serve this path, or speaks something else."),
            &[("upgrade-eof-before-response", PROVEN)],
        ),
        "nginx-upstream-timed-out-header" => Meaning::new(
            text!("The application took the request and did not answer in time."),
            &[("upgrade-never-answered", PROVEN)],
        ),
        "nginx-upgraded-timed-out" => Meaning::new(
            text!("nginx ended an open WebSocket on which nothing was sent for proxy_read_timeout."),
            &[("idle-nginx-read-timeout", PROVEN)],
        ),
        "nginx-upgraded-reset" => Meaning::new(
            text!("An open WebSocket was reset by the application or the client."),
            &[("close-1006-silent", LIKELY)],
        ),
        "nginx-upgrade-in-subrequest" => Meaning::new(
            text!("The service that auth_request asks answered with 101, which ends the connection without any answer."),
            &[("app-forward-auth-breaks", PROVEN)],
        )
        .because("nginx-auth-request-upgrade"),
        "nginx-auth-request" => Meaning::new(
            text!("The service that auth_request asks answered with a status that nginx does not expect."),
            &[("app-forward-auth-breaks", LIKELY)],
        ),
        "nginx-upstream-not-http" | "caddy-upstream-not-http" => Meaning::new(
            text!("The application's port speaks no HTTP/1.1: TLS, HTTP/2 or something else."),
            &[("tls-upstream-scheme-mismatch", LIKELY), ("upgrade-bad-gateway", POSSIBLE)],
        ),
        "caddy-upstream-scheme" | "nginx-upstream-tls-failed" | "apache-sslproxy-off" => Meaning::new(
            text!("The proxy and the application do not agree whether they speak TLS."),
            &[("tls-upstream-scheme-mismatch", LIKELY), ("tls-upstream-verify-failed", POSSIBLE)],
        ),
        "nginx-upstream-certificate" | "caddy-upstream-certificate" | "apache-upstream-certificate" => Meaning::new(
            text!("The proxy does not accept the application's certificate."),
            &[("tls-upstream-verify-failed", PROVEN)],
        ),
        "caddy-h2c-upstream" => Meaning::new(
            text!("Caddy speaks HTTP/2 to the application, where Upgrade does not exist."),
            &[("upgrade-bad-gateway", PROVEN)],
        )
        .because("caddy-h2c-transport"),
        "caddy-upgrade-lost-in-answer" => Meaning::new(
            text!("The application's 101 lacks its Upgrade header."),
            &[("upgrade-101-missing-upgrade", PROVEN)],
        ),
        "nginx-upstream-header-too-big" | "nginx-headers-too-large" | "apache-headers-too-large" => Meaning::new(
            text!("The address or the headers are larger than the server takes."),
            &[("upgrade-headers-too-large", PROVEN)],
        ),
        "nginx-bad-request" | "apache-bad-request" | "haproxy-bad-request" => Meaning::new(
            text!("A request could not be read: broken headers, or another protocol at this port."),
            &[("upgrade-refused-by-proxy", POSSIBLE), ("tls-to-plaintext-port", POSSIBLE)],
        ),
        "nginx-plain-to-tls" => Meaning::new(
            text!("ws:// goes to a port that speaks TLS."),
            &[("tls-plaintext-to-tls-port", PROVEN)],
        ),
        "nginx-basic-auth" | "apache-basic-auth" => Meaning::new(
            text!("HTTP authentication protects the path, and the handshake had no valid credentials."),
            &[("page-basic-auth-not-replayed", LIKELY), ("app-auth-401", LIKELY)],
        ),
        "nginx-limit" => Meaning::new(
            text!("nginx limits how many or how fast connections come."),
            &[("app-rate-limited", PROVEN)],
        ),
        "nginx-access-rule" | "apache-access-rule" => Meaning::new(
            text!("A rule of the proxy forbids this client."),
            &[("tcp-source-blocked", PROVEN)],
        ),
        "apache-client-certificate" => Meaning::new(
            text!("The server wants a client certificate."),
            &[("tls-client-cert-required", PROVEN)],
        ),
        "apache-no-handler" => Meaning::new(
            text!("Apache has no module loaded for the scheme of the ProxyPass (mod_proxy_wstunnel for ws://)."),
            &[("upgrade-bad-gateway", LIKELY), ("app-no-upgrade-support", POSSIBLE)],
        )
        .because("apache-wstunnel-not-loaded"),
        "apache-upgrade-refused" | "apache-tunnel-error" | "apache-proxy-error" => Meaning::new(
            text!("Apache could not tunnel the upgrade to the application."),
            &[("upgrade-bad-gateway", LIKELY), ("upgrade-eof-before-response", POSSIBLE)],
        ),
        "apache-workers-used-up" => Meaning::new(
            text!("Every worker of Apache is taken; each open WebSocket holds one."),
            &[("app-no-upgrade-support", POSSIBLE)],
        )
        .advice(text!("Raise MaxRequestWorkers, or put a proxy in front that does not need a worker for each connection.")),
        "nginx-file-missing" => Meaning::new(
            text!("nginx looked for a file: another location than the socket's took the request."),
            &[("upgrade-path-404", PROVEN)],
        )
        .because("nginx-wrong-location"),
        "nginx-map-missing" => Meaning::new(
            text!("The configuration was refused: $connection_upgrade has no map, so the old one keeps running."),
            &[("upgrade-stripped", LIKELY)],
        )
        .because("nginx-map-missing"),
        "nginx-url-prefix" | "nginx-regex-uri" => Meaning::new(
            text!("The configuration was refused, so the old one keeps running."),
            &[],
        )
        .advice(text!("nginx -t names the line; proxy_pass wants http:// or https://, and no path in a regex location.")),
        "nginx-server-name-conflict" => Meaning::new(
            text!("Two server blocks have the same name, and the second one is ignored."),
            &[("upgrade-path-404", POSSIBLE), ("upgrade-host-mismatch", POSSIBLE)],
        ),
        "nginx-redirect-cycle" => Meaning::new(
            text!("nginx redirects the request inside itself for ever."),
            &[("upgrade-path-404", POSSIBLE)],
        ),
        "nginx-address-in-use" => Meaning::new(
            text!("The server did not start: something else listens at its port."),
            &[],
        )
        .advice(text!("Find who listens there (ss -ltnp) and stop one of the two.")),
        "nginx-worker-connections" => Meaning::new(
            text!("nginx has no connection left: each proxied WebSocket takes two of worker_connections."),
            &[],
        )
        .advice(text!("Raise worker_connections and worker_rlimit_nofile, then reload.")),
        "nginx-too-many-files" => Meaning::new(text!("The process has as many connections open as it may."), &[])
            .advice(text!("Raise the limit of open files (LimitNOFILE, ulimit -n) and close what is no longer used.")),
        "nginx-no-source-port" => Meaning::new(
            text!("The proxy has no free port left for connections to the application."),
            &[],
        )
        .advice(text!("Give the application more addresses, or widen net.ipv4.ip_local_port_range; look for connections that leak.")),
        "haproxy-termination" => return Some(haproxy(said)),
        _ => return None,
    };
    Some(meaning)
}

/// The two letters of HAProxy's termination state (its configuration manual, section 8.5).
fn haproxy(said: &Said) -> Meaning {
    let meaning = match said.flags.get(..2).unwrap_or_default() {
        "cD" | "sD" => Meaning::new(
            text!("HAProxy ended an open connection on which nothing was sent for timeout client or timeout server."),
            &[("idle-other-proxies", PROVEN)],
        )
        .because("haproxy-no-timeout-tunnel"),
        "CD" => Meaning::calm(text!("The client ended the connection.")),
        "SD" => Meaning::new(
            text!("The application ended an open connection."),
            &[("close-1006-silent", POSSIBLE), ("close-by-server", POSSIBLE)],
        )
        .advice(text!("The application's own log has the reason.")),
        "SC" if said.reason == "<NOSRV>" => Meaning::new(
            text!("No rule leads to a backend, or every server of it is down."),
            &[("tcp-lb-no-healthy-target", PROVEN)],
        )
        .because("haproxy-no-backend"),
        "SC" | "sC" => Meaning::new(
            text!("The proxy does not reach the application."),
            &[("upgrade-bad-gateway", PROVEN), ("tcp-lb-no-healthy-target", LIKELY)],
        ),
        "SH" => Meaning::new(
            text!("The application ended the connection before it answered: it crashed, does not serve this path, or speaks something else."),
            &[("upgrade-eof-before-response", PROVEN)],
        ),
        "sH" => Meaning::new(
            text!("The application took the request and did not answer in time."),
            &[("upgrade-never-answered", PROVEN)],
        ),
        "PH" => Meaning::new(
            text!("HAProxy could not read the application's answer."),
            &[("upgrade-not-http", LIKELY), ("tls-upstream-scheme-mismatch", POSSIBLE)],
        ),
        "PR" => Meaning::new(
            text!("HAProxy itself refused the request: a rule, or a request that it could not read."),
            &[("upgrade-refused-by-proxy", PROVEN)],
        ),
        "sQ" | "SQ" | "PC" | "PT" | "PQ" => Meaning::new(
            text!("The proxy's own limit (maxconn) was reached, and the request waited in vain."),
            &[("app-rate-limited", LIKELY)],
        ),
        "CH" | "CC" | "CQ" | "CR" => Meaning::new(
            text!("The client gave up before there was an answer."),
            &[("upgrade-never-answered", POSSIBLE), ("client-connect-timeout-short", POSSIBLE)],
        ),
        "cR" => Meaning::new(
            text!("The client connected and did not send a whole request in time."),
            &[("client-connect-timeout-short", POSSIBLE)],
        ),
        "RC" => Meaning::new(text!("The proxy has no free port left for connections to the application."), &[])
            .advice(text!("Give the application more addresses, or widen net.ipv4.ip_local_port_range; look for connections that leak.")),
        _ => Meaning::new(
            text!("HAProxy ended the connection before its time."),
            &[("close-1006-silent", POSSIBLE), ("upgrade-bad-gateway", POSSIBLE)],
        ),
    };
    // Half an answer is worse than none: what HAProxy says of the handshake rests on its status, too.
    if said.status == Some(101)
        && meaning.candidates.iter().any(|candidate| candidate.cause.starts_with("upgrade-"))
    {
        return Meaning::new(
            text!("HAProxy ended the connection before its time."),
            &[("close-1006-silent", POSSIBLE)],
        );
    }
    meaning
}
