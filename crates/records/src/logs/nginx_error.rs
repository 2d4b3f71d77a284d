//! nginx's error log: the phrases that tell why a socket failed.

use crate::time;
use crate::words::{between, number_after};
use evidence::{Place, Said};

/// A phrase, and what it says. All parts must stand in the line.
const PHRASES: &[(&[&str], &str)] = &[
    (&["connection upgrade in subrequest"], "nginx-upgrade-in-subrequest"),
    (&["upstream prematurely closed connection", "while reading response header"], "nginx-upstream-eof"),
    (&["upstream prematurely closed connection"], "nginx-upstream-eof"),
    (&["upstream sent too big header"], "nginx-upstream-header-too-big"),
    (&["upstream sent no valid HTTP"], "nginx-upstream-not-http"),
    (&["upstream sent HTTP/2"], "nginx-upstream-not-http"),
    (&["upstream sent invalid header"], "nginx-upstream-not-http"),
    (&["upstream timed out", "while proxying upgraded connection"], "nginx-upgraded-timed-out"),
    (&["client timed out", "while proxying upgraded connection"], "nginx-upgraded-timed-out"),
    (&["upstream timed out", "while reading response header"], "nginx-upstream-timed-out-header"),
    (&["upstream timed out", "while connecting to upstream"], "nginx-upstream-timed-out-connect"),
    (&["upstream timed out", "while SSL handshaking"], "nginx-upstream-tls-failed"),
    (&["upstream timed out"], "nginx-upstream-timed-out-header"),
    (&["upstream SSL certificate verify error"], "nginx-upstream-certificate"),
    (&["upstream SSL certificate does not match"], "nginx-upstream-certificate"),
    (&["SSL_do_handshake() failed", "to upstream"], "nginx-upstream-tls-failed"),
    (&["peer closed connection in SSL handshake", "upstream"], "nginx-upstream-tls-failed"),
    (&["(99: Cannot assign requested address)"], "nginx-no-source-port"),
    (&["(24: Too many open files)"], "nginx-too-many-files"),
    (&["(13: Permission denied) while connecting to upstream"], "nginx-upstream-forbidden"),
    (&["(111: Connection refused)"], "nginx-upstream-refused"),
    (&["(61: Connection refused)"], "nginx-upstream-refused"),
    (&["(113: No route to host)"], "nginx-upstream-unreachable"),
    (&["(113: Host is unreachable)"], "nginx-upstream-unreachable"),
    (&["(101: Network is unreachable)"], "nginx-upstream-unreachable"),
    (&["(110: ", "connect() failed"], "nginx-upstream-timed-out-connect"),
    (&["(2: No such file or directory) while connecting to upstream"], "nginx-upstream-refused"),
    (&["(104: Connection reset by peer) while proxying upgraded connection"], "nginx-upgraded-reset"),
    (&["(104: Connection reset by peer) while reading response header"], "nginx-upstream-eof"),
    (&["(104: Connection reset by peer)", "upstream"], "nginx-upstream-eof"),
    (&["no live upstreams"], "nginx-no-live-upstreams"),
    (&["worker_connections are not enough"], "nginx-worker-connections"),
    (&["worker_connections exceed open file resource limit"], "nginx-too-many-files"),
    (&["client sent too long header"], "nginx-headers-too-large"),
    (&["client sent too large header"], "nginx-headers-too-large"),
    (&["client sent too long URI"], "nginx-headers-too-large"),
    (&["client sent invalid", "header"], "nginx-bad-request"),
    (&["client sent plain HTTP request to HTTPS port"], "nginx-plain-to-tls"),
    (&["http request", "SSL_do_handshake() failed"], "nginx-plain-to-tls"),
    (&["no user/password was provided"], "nginx-basic-auth"),
    (&["user", "was not found in"], "nginx-basic-auth"),
    (&["password mismatch"], "nginx-basic-auth"),
    (&["auth request unexpected status"], "nginx-auth-request"),
    (&["limiting connections by zone"], "nginx-limit"),
    (&["limiting requests, excess"], "nginx-limit"),
    (&["access forbidden by rule"], "nginx-access-rule"),
    (&["could not be resolved"], "nginx-upstream-name"),
    (&["no resolver defined"], "nginx-upstream-name"),
    (&["host not found in upstream"], "nginx-upstream-name"),
    (&["unknown \"connection_upgrade\" variable"], "nginx-map-missing"),
    (&["\"map\" directive is not allowed here"], "nginx-map-missing"),
    (&["invalid URL prefix"], "nginx-url-prefix"),
    (&["cannot have URI part in location given by regular expression"], "nginx-regex-uri"),
    (&["conflicting server name"], "nginx-server-name-conflict"),
    (&["no port in upstream"], "nginx-upstream-name"),
    (&["bind() to", "(98: "], "nginx-address-in-use"),
    (&["rewrite or internal redirection cycle"], "nginx-redirect-cycle"),
    (&["open() \"", "(2: No such file or directory)"], "nginx-file-missing"),
    (&["directory index of", "is forbidden"], "nginx-file-missing"),
];

/// Whether a line is of this log.
pub(crate) fn is(line: &str) -> bool {
    let bytes = line.as_bytes();
    let stamp = bytes.get(4) == Some(&b'/') && bytes.get(7) == Some(&b'/') && bytes.get(13) == Some(&b':');
    (stamp && time::nginx_error(line).is_some() && line.get(19..).is_some_and(|rest| rest.starts_with(" [")))
        || line.starts_with("nginx: [")
}

/// The first of the phrases that stands in a line.
pub(crate) fn phrase(line: &str) -> Option<&'static str> {
    PHRASES.iter().find(|(parts, _)| parts.iter().all(|part| line.contains(part))).map(|(_, id)| *id)
}

/// Reads one line; none: it is about nothing that matters here.
pub(crate) fn parse(line: &str) -> Option<(Option<i64>, Place, Said)> {
    let id = phrase(line)?;
    let path = between(line, "request: \"", "\"").and_then(|request| request.split(' ').nth(1));
    let host = between(line, ", host: \"", "\"");
    // Files that are missing matter only where a socket was asked for.
    if id == "nginx-file-missing" && !path.is_some_and(|path| crate::access::path_is_socket(path, 404)) {
        return None;
    }
    let bare = path.map(|path| path.split('?').next().unwrap_or(path));
    let url = match (host, bare) {
        (Some(host), Some(path)) => Some(format!("//{host}{path}")),
        (None, Some(path)) => Some(path.to_owned()),
        _ => None,
    };
    let upstream = between(line, "upstream: \"", "\"").map(upstream_origin);
    let said = Said {
        id: id.to_owned(),
        by: "nginx".to_owned(),
        url: url.map(|url| evidence::printable(url.chars().take(300).collect::<String>().as_bytes())),
        reason: match id {
            "nginx-upstream-name" => first_words(line),
            "nginx-limit" => between(line, "zone \"", "\"").unwrap_or_default().to_owned(),
            "nginx-auth-request" => {
                number_after(line, "unexpected status").map(|status| status.to_string()).unwrap_or_default()
            }
            _ => upstream.unwrap_or_default(),
        },
        ..Said::default()
    };
    Some((time::nginx_error(line), Place::Server, said))
}

/// `http://10.0.0.1:8080` of an upstream's address: the path would make every request another one.
fn upstream_origin(upstream: &str) -> String {
    let (scheme, rest) = upstream.split_once("://").unwrap_or(("http", upstream));
    let host = rest.split('/').next().unwrap_or(rest);
    let host: String = evidence::printable(host.as_bytes()).chars().take(120).collect();
    format!("{scheme}://{host}")
}

/// The name that could not be resolved.
fn first_words(line: &str) -> String {
    let name = between(line, "host not found in upstream \"", "\"")
        .or_else(|| {
            line.split("could not be resolved").next().and_then(|head| head.trim_end().rsplit(' ').next())
        })
        .unwrap_or_default();
    evidence::printable(name.as_bytes()).chars().take(120).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_line_says() {
        let tail = ", client: 127.0.0.1, server: _, request: \"GET /ws?token=secret1 HTTP/1.1\", upstream: \"http://127.0.0.1:9/ws?token=secret1\", host: \"app.example:8080\"";
        for (message, id) in [
            (
                "connect() failed (111: Connection refused) while connecting to upstream",
                "nginx-upstream-refused",
            ),
            (
                "upstream prematurely closed connection while reading response header from upstream",
                "nginx-upstream-eof",
            ),
            (
                "upstream timed out (110: Connection timed out) while reading response header from upstream",
                "nginx-upstream-timed-out-header",
            ),
            (
                "upstream timed out (110: Connection timed out) while proxying upgraded connection",
                "nginx-upgraded-timed-out",
            ),
            ("no live upstreams while connecting to upstream", "nginx-no-live-upstreams"),
            (
                "connection upgrade in subrequest while reading response header from upstream",
                "nginx-upgrade-in-subrequest",
            ),
            ("limiting connections by zone \"perip\"", "nginx-limit"),
            (
                "connect() to 127.0.0.1:9 failed (99: Cannot assign requested address) while connecting to upstream",
                "nginx-no-source-port",
            ),
        ] {
            let line = format!("2026/11/26 07:00:35 [error] 7#7: *1 {message}{tail}");
            assert!(is(&line));
            let (at, _, said) = parse(&line).expect("it is read");
            assert_eq!(said.id, id);
            assert_eq!(at, Some(1_795_676_435));
            assert_eq!(said.url.as_deref(), Some("//app.example:8080/ws"));
            assert!(!said.reason.contains("secret1"));
        }
        let alert = "2026/11/26 07:00:35 [alert] 7#7: 12 worker_connections are not enough";
        assert_eq!(parse(alert).map(|(_, _, said)| said.id), Some("nginx-worker-connections".to_owned()));
    }

    #[test]
    fn what_does_not_matter() {
        for line in [
            "2026/11/26 07:00:35 [notice] 7#7: signal process started",
            "2026/11/26 07:00:35 [error] 7#7: *1 open() \"/var/www/x.png\" failed (2: No such file or directory), request: \"GET /x.png HTTP/1.1\"",
            "2026/11/26 07:00:35 [info] 7#7: *1 client 127.0.0.1 closed keepalive connection",
            "",
        ] {
            assert_eq!(parse(line), None, "{line}");
        }
        assert!(!is("2026-11-26 hello") && !is(""));
    }
}
