//! What a file is, by its first bytes.

use crate::logs::{self, json};
use crate::words;

/// Something that can be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A HAR file, as browsers export it.
    Har,
    /// A curl command, as browsers copy it.
    Curl,
    /// Messages of browsers, libraries and programs, line by line.
    Text,
    /// An access log in the common or combined format (nginx, Apache, Traefik).
    Access,
    /// nginx error log.
    NginxError,
    /// HAProxy HTTP or TCP log.
    Haproxy,
    /// Apache error log.
    ApacheError,
    /// A log of JSON lines (Caddy, Traefik, nginx with `escape=json`).
    Json,
}

impl Kind {
    /// Every kind.
    pub const ALL: [Self; 8] = [
        Self::Har,
        Self::Curl,
        Self::Text,
        Self::Access,
        Self::NginxError,
        Self::Haproxy,
        Self::ApacheError,
        Self::Json,
    ];

    /// The word for it in flags and JSON; never translated.
    #[must_use]
    pub fn id(self) -> &'static str {
        match self {
            Self::Har => "har",
            Self::Curl => "curl",
            Self::Text => "text",
            Self::Access => "access-log",
            Self::NginxError => "nginx-error-log",
            Self::Haproxy => "haproxy-log",
            Self::ApacheError => "apache-error-log",
            Self::Json => "json-log",
        }
    }

    /// The kind that this word stands for.
    #[must_use]
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.id() == word)
    }

    /// It must be read as a whole, not line by line.
    #[must_use]
    pub fn is_whole(self) -> bool {
        matches!(self, Self::Har | Self::Curl)
    }
}

/// What begins with these bytes; none: nothing that is known.
#[must_use]
pub fn recognise(bytes: &[u8]) -> Option<Kind> {
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    let text = words::text(&bytes[..bytes.len().min(64 * 1024)]);
    let start = text.trim_start();
    if start.starts_with('{') && is_har(start) {
        return Some(Kind::Har);
    }
    if crate::curl::is_curl(start) {
        return Some(Kind::Curl);
    }
    let lines: Vec<&str> = start.lines().filter(|line| !line.trim().is_empty()).take(60).collect();
    let votes = |test: &dyn Fn(&str) -> bool| lines.iter().filter(|line| test(line)).count();
    let candidates = [
        (Kind::NginxError, votes(&|line| logs::nginx_error::is(line))),
        (Kind::ApacheError, votes(&|line| logs::apache_error::is(line))),
        (Kind::Haproxy, votes(&|line| logs::haproxy::parse(line).is_some())),
        (Kind::Json, votes(&|line| json::is(line))),
        (Kind::Access, votes(&|line| logs::combined::is(line.as_bytes()))),
    ];
    // A majority, so that one quoted line in an application's log does not decide.
    let best = candidates.into_iter().max_by_key(|(_, votes)| *votes)?;
    if best.1 > 0 && best.1 * 3 >= lines.len() {
        return Some(best.0);
    }
    crate::messages::any(&text).then_some(Kind::Text)
}

fn is_har(text: &str) -> bool {
    let head: String = text.chars().take(4000).filter(|c| !c.is_whitespace()).collect();
    head.starts_with("{\"log\":{")
        || (head.contains("\"log\":{") && (head.contains("\"creator\"") || head.contains("\"entries\"")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_kind_by_its_first_bytes() {
        for (text, kind) in [
            ("{\n  \"log\": {\n    \"version\": \"1.2\", \"creator\": {}}}", Some(Kind::Har)),
            ("\u{feff}{\"log\":{\"entries\":[", Some(Kind::Har)),
            ("curl 'https://h/ws' \\\n -H 'Upgrade: websocket'", Some(Kind::Curl)),
            ("$ curl.exe https://h/ws", Some(Kind::Curl)),
            (
                "1.2.3.4 - - [26/Nov/2026:07:00:35 +0000] \"GET /ws HTTP/1.1\" 101 0 \"-\" \"x\"",
                Some(Kind::Access),
            ),
            ("2026/11/26 07:00:35 [error] 7#7: *1 connect() failed", Some(Kind::NginxError)),
            ("[Thu Nov 26 07:00:35.123456 2026] [proxy:error] [pid 1] AH00957: x", Some(Kind::ApacheError)),
            (
                "{\"level\":\"info\",\"ts\":1795676435.2,\"logger\":\"http.log.access\",\"msg\":\"handled request\",\"request\":{\"uri\":\"/ws\"},\"status\":101}",
                Some(Kind::Json),
            ),
            (
                "127.0.0.1:5000 [26/Nov/2026:07:00:35.123] web app/app1 0/0/0/1/4004 101 129 - - cD-- 1/1/0/0/0 0/0 \"GET /ws HTTP/1.1\"",
                Some(Kind::Haproxy),
            ),
            ("WebSocket connection to 'wss://h/ws' failed: ", Some(Kind::Text)),
            ("Error: Unexpected server response: 404", Some(Kind::Text)),
            ("hello", None),
            ("", None),
            ("{\"a\":1}", None),
        ] {
            assert_eq!(recognise(text.as_bytes()), kind, "{text}");
        }
        for kind in Kind::ALL {
            assert_eq!(Kind::parse(kind.id()), Some(kind));
        }
    }
}
