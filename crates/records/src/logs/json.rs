//! Logs of one JSON object a line: Caddy, Traefik, and nginx with `escape=json`.

use super::combined::{seconds, status_of};
use crate::access::Access;
use crate::time;
use evidence::{Place, Said};
use serde_json::Value;

/// What one line holds.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Line {
    Access(Box<Owned>),
    Said(Option<i64>, Place, Box<Said>),
}

/// A request, with its own texts.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Owned {
    by: &'static str,
    host: Option<String>,
    secure: Option<bool>,
    method: String,
    path: String,
    version: String,
    status: u16,
    upstream_status: Option<u16>,
    time_us: Option<u64>,
    upgrade: Option<bool>,
    bytes: Option<u64>,
    at: Option<i64>,
}

impl Owned {
    pub(crate) fn borrowed(&self) -> Access<'_> {
        Access {
            by: self.by,
            host: self.host.as_deref(),
            secure: self.secure,
            method: &self.method,
            path: &self.path,
            version: &self.version,
            status: self.status,
            upstream_status: self.upstream_status,
            time_us: self.time_us,
            upgrade: self.upgrade,
            bytes: self.bytes,
            at: self.at,
            flags: "",
            server: "",
        }
    }
}

/// Whether a line is of such a log.
pub(crate) fn is(line: &str) -> bool {
    let line = line.trim();
    line.starts_with('{')
        && line.ends_with('}')
        && serde_json::from_str::<Value>(line).is_ok_and(|value| {
            let has = |name: &str| value.get(name).is_some();
            has("DownstreamStatus")
                || (has("logger") && has("ts"))
                || (has("level") && has("ts") && has("msg"))
                || (has("status") && (has("request") || has("request_uri") || has("uri") || has("path")))
        })
}

/// Reads one line; none: nothing in it matters here. Errors are the parser's words, and whether the line was cut.
pub(crate) fn parse(line: &str) -> Result<Option<Line>, (String, bool)> {
    let value: Value = serde_json::from_str(line).map_err(|error| (error.to_string(), error.is_eof()))?;
    if value.get("DownstreamStatus").is_some() {
        return Ok(Some(Line::Access(Box::new(traefik(&value)))));
    }
    if value.get("request").is_some_and(Value::is_object) && value.get("status").is_some() {
        if let Some(line) = caddy_error(&value) {
            return Ok(Some(line));
        }
        return Ok(Some(Line::Access(Box::new(caddy(&value)))));
    }
    if let Some(line) = caddy_error(&value) {
        return Ok(Some(line));
    }
    Ok(generic(&value).map(|owned| Line::Access(Box::new(owned))))
}

fn text(value: &Value, names: &[&str]) -> Option<String> {
    names.iter().find_map(|name| match value.get(*name)? {
        Value::String(text) => Some(text.chars().take(2000).collect()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    })
}

fn status(value: &Value, names: &[&str]) -> Option<u16> {
    text(value, names).and_then(|text| status_of(text.trim()))
}

#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "bounded and positive")]
fn micros(seconds: f64) -> Option<u64> {
    (seconds.is_finite() && (0.0..1e10).contains(&seconds)).then_some((seconds * 1e6) as u64)
}

fn at(value: &Value) -> Option<i64> {
    let text = text(
        value,
        &[
            "ts",
            "StartUTC",
            "time",
            "time_iso8601",
            "time_local",
            "timestamp",
            "@timestamp",
            "msec",
            "StartLocal",
        ],
    )?;
    time::moment(&text)
}

/// The first value of a header in Caddy's `{"Upgrade": ["websocket"]}`.
fn header(headers: &Value, name: &str) -> Option<String> {
    let (_, value) = headers.as_object()?.iter().find(|(key, _)| key.eq_ignore_ascii_case(name))?;
    match value {
        Value::Array(values) => values.first()?.as_str().map(str::to_owned),
        value => value.as_str().map(str::to_owned),
    }
}

fn caddy(value: &Value) -> Owned {
    let request = &value["request"];
    let upgrade = header(&request["headers"], "Upgrade");
    Owned {
        by: "Caddy",
        host: text(request, &["host"]),
        secure: Some(request.get("tls").is_some()),
        method: text(request, &["method"]).unwrap_or_default(),
        path: text(request, &["uri"]).unwrap_or_default(),
        version: text(request, &["proto"]).unwrap_or_default(),
        status: status(value, &["status"]).unwrap_or_default(),
        time_us: value["duration"].as_f64().and_then(micros),
        upgrade: Some(upgrade.is_some_and(|value| value.eq_ignore_ascii_case("websocket"))),
        bytes: value["size"].as_u64(),
        at: at(value),
        ..Owned::default()
    }
}

/// Phrases of Go's network errors as Caddy logs them, and what they say.
const CADDY: &[(&str, &str)] = &[
    ("connection refused", "caddy-upstream-refused"),
    ("no such host", "caddy-upstream-name"),
    ("no upstreams available", "caddy-no-upstreams"),
    ("i/o timeout", "caddy-upstream-timed-out"),
    ("invalid Upgrade request header", "caddy-h2c-upstream"),
    ("unexpected protocol via Upgrade header", "caddy-upgrade-lost-in-answer"),
    ("malformed HTTP response", "caddy-upstream-not-http"),
    ("server gave HTTP response to HTTPS client", "caddy-upstream-scheme"),
    ("certificate", "caddy-upstream-certificate"),
    ("http: server closed idle connection", "caddy-upstream-eof"),
    ("connection reset by peer", "caddy-upstream-eof"),
    ("EOF", "caddy-upstream-eof"),
];

fn caddy_error(value: &Value) -> Option<Line> {
    let level = text(value, &["level"])?;
    let logger = text(value, &["logger"]).unwrap_or_default();
    if level != "error" || !logger.starts_with("http.") || logger.starts_with("http.log.access") {
        return None;
    }
    let message = text(value, &["error"]).or_else(|| text(value, &["msg"]))?;
    let (_, id) = CADDY.iter().find(|(phrase, _)| message.contains(phrase))?;
    let request = &value["request"];
    let path = text(request, &["uri"]).unwrap_or_default();
    let path = path.split('?').next().unwrap_or_default();
    let scheme = if request.get("tls").is_some() { "wss" } else { "ws" };
    let url = text(request, &["host"]).map(|host| format!("{scheme}://{host}{path}"));
    let url = url.map(|url| evidence::printable(url.chars().take(300).collect::<String>().as_bytes()));
    let said = Said { id: (*id).to_owned(), by: "Caddy".to_owned(), url, ..Said::default() };
    Some(Line::Said(at(value), Place::Server, Box::new(said)))
}

fn traefik(value: &Value) -> Owned {
    let upgrade = text(value, &["request_Upgrade"]);
    let scheme = text(value, &["RequestScheme"]).unwrap_or_default();
    Owned {
        by: "Traefik",
        host: text(value, &["RequestHost", "RequestAddr"]),
        secure: (!scheme.is_empty()).then_some(scheme == "https" || scheme == "wss"),
        method: text(value, &["RequestMethod"]).unwrap_or_default(),
        path: text(value, &["RequestPath"]).unwrap_or_default(),
        version: text(value, &["RequestProtocol"]).unwrap_or_default(),
        status: status(value, &["DownstreamStatus"]).unwrap_or_default(),
        upstream_status: status(value, &["OriginStatus"]),
        // Nanoseconds.
        time_us: value["Duration"].as_u64().map(|nanos| nanos / 1000),
        upgrade: upgrade.map(|value| value.eq_ignore_ascii_case("websocket")),
        bytes: value["DownstreamContentSize"].as_u64(),
        at: at(value),
    }
}

/// Fields by the names that people give them.
fn generic(value: &Value) -> Option<Owned> {
    let mut owned = Owned {
        by: "nginx",
        host: text(value, &["host", "http_host", "server_name", "vhost"]),
        secure: text(value, &["scheme"]).map(|scheme| scheme == "https"),
        method: text(value, &["method", "request_method"]).unwrap_or_default(),
        path: text(value, &["request_uri", "uri", "path", "url"]).unwrap_or_default(),
        version: text(value, &["server_protocol", "protocol"]).unwrap_or_default(),
        status: status(value, &["status", "status_code"])?,
        upstream_status: status(value, &["upstream_status"]),
        time_us: text(value, &["request_time", "duration", "rt"]).and_then(|text| seconds(&text)),
        upgrade: text(value, &["http_upgrade", "upgrade"])
            .map(|value| value.eq_ignore_ascii_case("websocket")),
        bytes: text(value, &["body_bytes_sent", "bytes_sent", "size"]).and_then(|text| text.parse().ok()),
        at: at(value),
    };
    if let Some(line) = text(value, &["request"]) {
        let mut access = Access::default();
        access.request_line(&line);
        let (method, path) = (access.method.to_owned(), access.path.to_owned());
        if !path.is_empty() {
            owned.method = method;
            owned.path = path;
        }
    }
    if owned.method.is_empty() {
        owned.method = "GET".to_owned();
    }
    (!owned.path.is_empty()).then_some(owned)
}

/// Whether a line may be about a socket: the cheap look that spares most lines the dear one.
pub(crate) fn may_matter(line: &[u8]) -> bool {
    const WORDS: [&[u8]; 9] =
        [b"101", b"ebsocket", b"ebSocket", b"\"error\"", b"ocket", b"/ws", b"cable", b"signalr", b"-ws"];
    WORDS.iter().any(|word| memchr::memmem::find(line, word).is_some())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn caddy_traefik_and_nginx() {
        let caddy = r#"{"level":"info","ts":1795676435.2,"logger":"http.log.access.log0","msg":"handled request","request":{"remote_ip":"127.0.0.1","proto":"HTTP/1.1","method":"GET","host":"127.0.0.1:8080","uri":"/ws","headers":{"Upgrade":["websocket"],"Connection":["Upgrade"]}},"duration":60.002,"size":0,"status":101}"#;
        let traefik = r#"{"DownstreamStatus":101,"OriginStatus":101,"Duration":60002000000,"RequestMethod":"GET","RequestPath":"/ws","RequestHost":"h","RequestProtocol":"HTTP/1.1","RequestScheme":"http","StartUTC":"2026-11-26T07:00:35.1Z"}"#;
        let nginx = r#"{"time":"2026-11-26T07:00:35+00:00","request":"GET /ws HTTP/1.1","status":"101","request_time":"60.002","http_upgrade":"websocket"}"#;
        for (line, by) in [(caddy, "Caddy"), (traefik, "Traefik"), (nginx, "nginx")] {
            assert!(is(line) && may_matter(line.as_bytes()));
            let Ok(Some(Line::Access(owned))) = parse(line) else { panic!("{line}") };
            let access = owned.borrowed();
            assert_eq!((access.by, access.status, access.path), (by, 101, "/ws"));
            assert_eq!((access.time_us, access.at), (Some(60_002_000), Some(1_795_676_435)));
        }
    }

    #[test]
    fn errors_of_caddy() {
        let line = r#"{"level":"error","ts":1795676435.2,"logger":"http.log.error","msg":"dial tcp 127.0.0.1:9: connect: connection refused","request":{"host":"h","uri":"/ws?token=x"},"status":502}"#;
        let Ok(Some(Line::Said(_, _, said))) = parse(line) else { panic!("no message") };
        assert_eq!((said.id.as_str(), said.url.as_deref()), ("caddy-upstream-refused", Some("ws://h/ws")));
    }

    #[test]
    fn what_is_no_line() {
        assert!(parse("{").is_err_and(|(_, cut)| cut));
        assert!(parse("{a}").is_err_and(|(_, cut)| !cut));
        assert_eq!(parse("{\"a\":1}"), Ok(None));
        assert!(!is("{\"a\":1}") && !is("{"));
    }
}
