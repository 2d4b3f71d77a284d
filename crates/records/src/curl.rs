//! A curl command: what it asks for, what is wrong with it as a handshake, and the same as `keepwire check`.

mod words;

use crate::{Event, Kind, Reading};
use base64::Engine;
use evidence::{Place, Redactor, Said};

/// The key of RFC 6455's own example: any 16 bytes will do for a look at the answer.
const SAMPLE_KEY: &str = "dGhlIHNhbXBsZSBub25jZQ==";

/// A command that was understood.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Curl {
    /// The address, as a WebSocket's.
    pub url: String,
    /// The command as it should be, secrets struck out.
    pub corrected: String,
    /// The words of the `keepwire check` that asks the same, secrets struck out.
    pub check: Vec<String>,
    /// A secret was struck out: it is the user's to put in again.
    pub secrets: bool,
}

/// Whether a text is such a command.
pub(crate) fn is_curl(text: &str) -> bool {
    let text = text.trim_start().trim_start_matches(['$', '#', '>', ' ']);
    let text = text.strip_prefix("PS ").unwrap_or(text);
    let word = text.split([' ', '\t', '\n', '\r']).next().unwrap_or_default().to_ascii_lowercase();
    matches!(word.rsplit(['/', '\\']).next(), Some("curl" | "curl.exe"))
}

/// Options that take a value, as far as commands about sockets have them.
const WITH_VALUE: &[&str] = &[
    "-H",
    "--header",
    "-X",
    "--request",
    "-d",
    "--data",
    "--data-raw",
    "--data-binary",
    "--data-ascii",
    "-b",
    "--cookie",
    "-u",
    "--user",
    "-A",
    "--user-agent",
    "-e",
    "--referer",
    "-x",
    "--proxy",
    "-o",
    "--output",
    "-m",
    "--max-time",
    "--connect-timeout",
    "--resolve",
    "--connect-to",
    "--cacert",
    "-E",
    "--cert",
    "--key",
    "--url",
    "-w",
    "--write-out",
    "-c",
    "--cookie-jar",
    "--ciphers",
    "--tls-max",
    "--proxy-user",
    "-U",
    "-F",
    "--form",
    "-T",
    "--upload-file",
    "--interface",
    "--dns-servers",
    "--retry",
    "-K",
    "--config",
    "--capath",
    "-D",
    "--dump-header",
    "--json",
    "--oauth2-bearer",
    "--noproxy",
    "--trace",
    "--trace-ascii",
    "-r",
    "--range",
];

#[derive(Debug, Default)]
struct Command {
    url: Option<String>,
    headers: Vec<(String, String)>,
    method: Option<String>,
    body: bool,
    http1: bool,
    http2: bool,
    head: bool,
    /// Words of `keepwire check` that follow from options.
    check: Vec<String>,
    /// Options of curl that stay in the corrected command.
    kept: Vec<String>,
    secrets: bool,
}

/// Reads a command; the events say what is wrong with it.
#[must_use]
pub fn read_curl(text: &str, redactor: Redactor) -> Reading {
    let mut reading = Reading::new(Kind::Curl);
    reading.lines = text.lines().count() as u64;
    let command = Command::parse(&words::split(text), redactor);
    let Some(url) = command.url.clone() else {
        return with(reading, "curl-without-address", None, String::new(), text, redactor);
    };
    let (secure, rest) = place(&url);
    let ws = format!("{}://{rest}", if secure { "wss" } else { "ws" });
    let shown = redactor.url(&evidence::printable(ws.as_bytes()));
    for (id, reason) in command.faults(&url, secure) {
        reading = with(reading, id, Some(shown.clone()), reason, text, redactor);
    }
    let check = command.check_words(&shown, redactor);
    let corrected = command.corrected(secure, &rest, redactor);
    let secrets = command.secrets || redactor.url(&ws) != ws;
    reading.curl = Some(Box::new(Curl { url: shown, corrected, check, secrets }));
    reading
}

fn with(
    mut reading: Reading,
    id: &str,
    url: Option<String>,
    reason: String,
    text: &str,
    redactor: Redactor,
) -> Reading {
    let line = text.lines().find(|line| !line.trim().is_empty()).unwrap_or_default();
    let said = Said {
        id: id.to_owned(),
        by: "curl".to_owned(),
        url,
        reason,
        count: 1,
        first_line: 1,
        last_line: 1,
        excerpt: crate::words::excerpt(line.as_bytes(), redactor),
        ..Said::default()
    };
    reading.events.push(Event::new(said, Place::Client));
    reading
}

/// Whether the address is over TLS, and what follows the scheme.
fn place(url: &str) -> (bool, String) {
    match url.split_once("://") {
        Some((scheme, rest)) => {
            let secure = matches!(scheme.to_ascii_lowercase().as_str(), "https" | "wss");
            (secure, rest.to_owned())
        }
        // curl takes http where nothing is said.
        None => (false, url.to_owned()),
    }
}

impl Command {
    fn parse(words: &[String], redactor: Redactor) -> Self {
        let mut command = Self::default();
        let mut rest = words.iter();
        // What stands in front of the command itself: a prompt.
        for word in rest.by_ref() {
            if is_curl(word) {
                break;
            }
        }
        while let Some(word) = rest.next() {
            let (name, joined) = match word.split_once('=') {
                Some((name, value)) if name.starts_with("--") => (name, Some(value.to_owned())),
                _ => (word.as_str(), None),
            };
            // `-HName: value`, `-XPOST`
            let (name, joined) = match name.get(..2) {
                Some(short) if !name.starts_with("--") && name.len() > 2 && WITH_VALUE.contains(&short) => {
                    (short, Some(word[2..].to_owned()))
                }
                _ => (name, joined),
            };
            if WITH_VALUE.contains(&name) {
                let value = joined.or_else(|| rest.next().cloned()).unwrap_or_default();
                command.option(name, value, redactor);
            } else if name.starts_with('-') && name.len() > 1 {
                command.flag(name);
            } else if command.url.is_none() && !name.is_empty() {
                command.url = Some(word.clone());
            }
        }
        command
    }

    fn option(&mut self, name: &str, value: String, redactor: Redactor) {
        let mut check = |flag: &str, value: &str| {
            self.check.push(flag.to_owned());
            self.check.push(value.to_owned());
        };
        match name {
            "-H" | "--header" => {
                if let Some((name, value)) = value.split_once([':', ';']) {
                    self.headers.push((name.trim().to_owned(), value.trim().to_owned()));
                }
            }
            "-X" | "--request" => self.method = Some(value),
            "--url" => self.url = Some(value),
            "-d" | "--data" | "--data-raw" | "--data-binary" | "--data-ascii" | "-F" | "--form" | "-T"
            | "--upload-file" | "--json" => self.body = true,
            "-b" | "--cookie" => self.headers.push(("Cookie".to_owned(), value)),
            "-u" | "--user" => {
                let shown = if redactor == Redactor::OFF { value } else { "USER:PASSWORD".to_owned() };
                check("--auth", &shown);
                self.secrets = true;
                self.kept.push(format!("--user {}", words::quote(&shown)));
            }
            "--oauth2-bearer" => self.headers.push(("Authorization".to_owned(), format!("Bearer {value}"))),
            "-x" | "--proxy" => {
                let shown = redactor.url(&value).trim_end_matches('/').to_owned();
                check("--via", &shown);
                self.kept.push(format!("--proxy {}", words::quote(&shown)));
            }
            "--resolve" => {
                check("--resolve", &value);
                self.kept.push(format!("--resolve {}", words::quote(&value)));
            }
            "--connect-to" => {
                let parts: Vec<&str> = value.rsplitn(3, ':').collect();
                if let [port, host, _] = parts[..] {
                    check("--connect-to", &format!("{host}:{port}"));
                }
                self.kept.push(format!("--connect-to {}", words::quote(&value)));
            }
            "--cacert" => {
                check("--ca", &value);
                self.kept.push(format!("--cacert {}", words::quote(&value)));
            }
            "-E" | "--cert" => {
                check("--cert", &value);
                self.kept.push(format!("--cert {}", words::quote(&value)));
            }
            "--key" => {
                check("--key", &value);
                self.kept.push(format!("--key {}", words::quote(&value)));
            }
            _ => {}
        }
    }

    fn flag(&mut self, name: &str) {
        match name {
            "--http1.1" => self.http1 = true,
            "--http2" | "--http2-prior-knowledge" | "--http3" | "--http3-only" => self.http2 = true,
            "--head" => self.head = true,
            "--insecure" => self.keep_both("--insecure"),
            "--ipv4" => self.keep_both("--ipv4"),
            "--ipv6" => self.keep_both("--ipv6"),
            // `-sSkI`
            short if !short.starts_with("--") => {
                for letter in short.chars().skip(1) {
                    match letter {
                        'k' => self.keep_both("--insecure"),
                        'I' => self.head = true,
                        '4' => self.keep_both("--ipv4"),
                        '6' => self.keep_both("--ipv6"),
                        _ => {}
                    }
                }
            }
            _ => {}
        }
    }

    fn keep_both(&mut self, flag: &str) {
        self.check.push(flag.to_owned());
        self.kept.push(flag.to_owned());
    }

    fn header(&self, name: &str) -> Option<&str> {
        self.headers
            .iter()
            .find(|(given, _)| given.eq_ignore_ascii_case(name))
            .map(|(_, value)| value.as_str())
    }

    /// What is wrong with it as a handshake of RFC 6455, section 4.1.
    fn faults(&self, url: &str, secure: bool) -> Vec<(&'static str, String)> {
        let mut faults = Vec::new();
        let lower = url.to_ascii_lowercase();
        // curl makes the handshake by itself for these, if it can.
        let own = lower.starts_with("ws://") || lower.starts_with("wss://");
        if own {
            faults.push(("curl-ws-scheme", String::new()));
        }
        let names = ["Upgrade", "Connection", "Sec-WebSocket-Key", "Sec-WebSocket-Version"];
        let given = names.iter().filter(|name| self.header(name).is_some()).count();
        let upgrade = self.header("Upgrade");
        if given == 0 && !own {
            faults.push(("curl-no-handshake", String::new()));
        } else if !own {
            if !upgrade.is_some_and(|value| value.eq_ignore_ascii_case("websocket")) {
                faults.push(("curl-no-upgrade", upgrade.unwrap_or_default().to_owned()));
            }
            let connection = self.header("Connection");
            let has = connection.is_some_and(|value| {
                value.split(',').any(|part| part.trim().eq_ignore_ascii_case("upgrade"))
            });
            if !has {
                faults.push(("curl-no-connection", connection.unwrap_or_default().to_owned()));
            }
            match self.header("Sec-WebSocket-Version") {
                Some("13") => {}
                other => faults.push(("curl-no-version", other.unwrap_or_default().to_owned())),
            }
            match self.header("Sec-WebSocket-Key") {
                None => faults.push(("curl-no-key", String::new())),
                Some(key) => {
                    let length =
                        base64::engine::general_purpose::STANDARD.decode(key).ok().map(|bytes| bytes.len());
                    if length != Some(16) {
                        let reason = length.map(|length| length.to_string()).unwrap_or_default();
                        faults.push(("curl-bad-key", reason));
                    }
                }
            }
        }
        if !own && (self.http2 || (secure && !self.http1)) {
            faults.push(("curl-http2", String::new()));
        }
        let method = self.method.as_deref().unwrap_or(if self.body {
            "POST"
        } else if self.head {
            "HEAD"
        } else {
            "GET"
        });
        if !method.eq_ignore_ascii_case("get") || self.body {
            faults.push(("curl-method", method.to_owned()));
        }
        faults
    }

    /// Headers that say who asks, without those of the handshake and those that every browser sends.
    fn own_headers(&self) -> impl Iterator<Item = &(String, String)> {
        const ALWAYS: &[&str] = &[
            "host",
            "connection",
            "upgrade",
            "origin",
            "cookie",
            "pragma",
            "cache-control",
            "user-agent",
            "accept",
            "accept-encoding",
            "accept-language",
            "content-length",
            "content-type",
            "dnt",
            "te",
            "priority",
            "referer",
        ];
        self.headers.iter().filter(|(name, _)| {
            let lower = name.to_ascii_lowercase();
            !ALWAYS.contains(&lower.as_str())
                && !lower.starts_with("sec-websocket-")
                && !lower.starts_with("sec-fetch-")
                && !lower.starts_with("sec-ch-")
                && !lower.starts_with("sec-gpc")
                && !lower.starts_with(':')
        })
    }

    fn check_words(&self, url: &str, redactor: Redactor) -> Vec<String> {
        let mut out = vec!["keepwire".to_owned(), "check".to_owned(), url.to_owned()];
        let mut flag = |name: &str, value: String| {
            out.push(name.to_owned());
            out.push(clean(&value));
        };
        if let Some(origin) = self.header("Origin") {
            flag("--origin", redactor.url(origin));
        }
        if let Some(protocols) = self.header("Sec-WebSocket-Protocol") {
            for protocol in protocols.split(',').map(str::trim).filter(|name| !name.is_empty()) {
                flag("--subprotocol", redactor.header("Sec-WebSocket-Protocol", protocol));
            }
        }
        if let Some(cookies) = self.header("Cookie") {
            for cookie in cookies.split(';').map(str::trim).filter(|cookie| !cookie.is_empty()) {
                let (name, value) = cookie.split_once('=').unwrap_or((cookie, ""));
                flag("--cookie", format!("{name}={}", redactor.header("Cookie", value)));
            }
        }
        for (name, value) in self.own_headers() {
            flag("--header", format!("{name}: {}", redactor.header(name, value)));
        }
        out.extend(self.check.iter().map(|word| clean(word)));
        out
    }

    fn corrected(&self, secure: bool, rest: &str, redactor: Redactor) -> String {
        let scheme = if secure { "https" } else { "http" };
        let url = redactor.url(&evidence::printable(format!("{scheme}://{rest}").as_bytes()));
        let mut lines =
            vec![format!("curl --include --no-buffer --max-time 10 --http1.1 {}", words::quote(&url))];
        let key = self.header("Sec-WebSocket-Key").filter(|key| {
            base64::engine::general_purpose::STANDARD.decode(key).is_ok_and(|bytes| bytes.len() == 16)
        });
        let mut headers = vec![
            ("Connection".to_owned(), "Upgrade".to_owned()),
            ("Upgrade".to_owned(), "websocket".to_owned()),
            ("Sec-WebSocket-Version".to_owned(), "13".to_owned()),
            ("Sec-WebSocket-Key".to_owned(), key.unwrap_or(SAMPLE_KEY).to_owned()),
        ];
        for name in ["Host", "Origin", "Sec-WebSocket-Protocol", "Sec-WebSocket-Extensions", "Cookie"] {
            if let Some(value) = self.header(name) {
                headers.push((name.to_owned(), redactor.header(name, value)));
            }
        }
        headers.extend(self.own_headers().map(|(name, value)| (name.clone(), redactor.header(name, value))));
        lines.extend(self.kept.iter().map(|word| clean(word)));
        lines.extend(
            headers
                .iter()
                .map(|(name, value)| format!("-H {}", words::quote(&clean(&format!("{name}: {value}"))))),
        );
        lines.join(" \\\n  ")
    }
}

/// Nothing that moves the cursor.
fn clean(text: &str) -> String {
    evidence::printable(text.as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ids(text: &str) -> Vec<String> {
        read_curl(text, Redactor::ON).events.into_iter().map(|event| event.said.id).collect()
    }

    const GOOD: &str = "-H 'Connection: Upgrade' -H 'Upgrade: websocket' -H 'Sec-WebSocket-Version: 13' -H 'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ=='";

    #[test]
    fn what_is_wrong_with_a_command() {
        for (text, faults) in [
            (format!("curl --http1.1 {GOOD} https://h/ws"), &[][..]),
            (format!("curl -i -N {GOOD} http://h/ws"), &[]),
            (format!("curl {GOOD} https://h/ws"), &["curl-http2"]),
            (format!("curl --http1.1 -X POST {GOOD} https://h/ws"), &["curl-method"]),
            ("curl https://h/ws".to_owned(), &["curl-no-handshake", "curl-http2"]),
            ("curl 'wss://h/ws' -H 'Upgrade: websocket'".to_owned(), &["curl-ws-scheme"]),
            (
                "curl http://h/ws -H 'Connection: Upgrade' -H 'Upgrade: websocket' -H 'Sec-WebSocket-Key: SGVsbG8sIHdvcmxkIQ==' -H 'Sec-WebSocket-Version: 13'".to_owned(),
                &["curl-bad-key"],
            ),
            ("curl http://h/ws -H 'Upgrade: websocket'".to_owned(), &["curl-no-connection", "curl-no-version", "curl-no-key"]),
            ("curl -s".to_owned(), &["curl-without-address"]),
        ] {
            assert_eq!(ids(&text), faults, "{text}");
        }
    }

    #[test]
    fn as_devtools_copy_it() {
        let bash = "curl 'wss://app.example/ws?token=abcdefgh' \\\n  -H 'Upgrade: websocket' \\\n  -H 'Origin: https://app.example' \\\n  -b $'sid=12345\\u0021678; theme=dark' \\\n  -H 'Authorization: Bearer abcdefghijklmnop' \\\n  -H 'Sec-WebSocket-Protocol: chat.v2, json' --insecure";
        let cmd = "curl ^\"wss://app.example/ws?token=abcdefgh^\" ^\n  -H ^\"Upgrade: websocket^\" ^\n  -H ^\"Origin: https://app.example^\" ^\n  -b ^\"sid=12345^!678; theme=dark^\" ^\n  -H ^\"Authorization: Bearer abcdefghijklmnop^\" ^\n  -H ^\"Sec-WebSocket-Protocol: chat.v2, json^\" --insecure";
        for text in [bash, cmd] {
            let curl = read_curl(text, Redactor::ON).curl.expect("it is read");
            assert_eq!(
                curl.check.join(" "),
                "keepwire check wss://app.example/ws?token=…(8) --origin https://app.example --subprotocol chat.v2 --subprotocol json --cookie sid=…(9) --cookie theme=…(4) --header Authorization: Bearer abcd…(16) --insecure",
                "{text}"
            );
            assert!(curl.corrected.contains("--http1.1") && curl.corrected.contains(SAMPLE_KEY));
            assert!(
                !curl.corrected.contains("abcdefgh") && !curl.corrected.contains("12345"),
                "{}",
                curl.corrected
            );
        }
    }
}
