//! The request, as the experiment wants it.

use crate::settings::Settings;
use evidence::{
    Case, ConnectionHeader, Extensions, HostVariant, HttpVersion, Method, Origin, OriginVariant, PathVariant,
    Redactor, Subprotocols, Target, UpgradeHeaders, Variation,
};
use frame::{Extension, accept_for, key_from, offer};
use std::net::SocketAddr;

/// A path that no server serves, and a name that no server has.
const NOWHERE: &str = "keepwire-no-such-path-5f1c";
const FOREIGN_ORIGIN: &str = "https://keepwire-foreign.invalid";
const UNKNOWN_HOST: &str = "keepwire-unknown.invalid";
const BOGUS_SUBPROTOCOL: &str = "keepwire-bogus.v0";

/// What a current Chrome on Linux sends; sites that filter look at little else.
const BROWSER_AGENT: &str =
    "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/156.0.0.0 Safari/537.36";

/// A request that is ready to be sent, with what its answer will be held against.
#[derive(Debug, Default)]
pub(crate) struct Request {
    /// On the wire.
    pub bytes: Vec<u8>,
    /// For the record: secrets struck out.
    pub lines: Vec<String>,
    /// The `Sec-WebSocket-Accept` that follows from the key; none: no key was sent.
    pub expected_accept: Option<String>,
    /// What was offered.
    pub extensions: Vec<Extension>,
    /// What was offered.
    pub subprotocols: Vec<String>,
}

impl Request {
    /// One that is no handshake: its answer is held against nothing, and it is not recorded.
    pub(crate) fn other(text: String) -> Self {
        Self { bytes: text.into_bytes(), ..Self::default() }
    }
}

/// Writes the request. `absolute`: an HTTP proxy will read it, so it names the whole URL.
pub(crate) fn write(
    settings: &Settings,
    variation: &Variation,
    peer: Option<SocketAddr>,
    absolute: bool,
) -> Request {
    let case = &settings.case;
    let path = path(&settings.path, &variation.path);
    let method = match variation.method {
        Method::Get => "GET",
        Method::Post => "POST",
    };
    let version = match variation.http {
        HttpVersion::V11 => "HTTP/1.1",
        HttpVersion::V10 => "HTTP/1.0",
    };
    let request_target = if absolute { format!("http://{}{path}", case.target.authority()) } else { path };
    let mut headers: Vec<(String, String)> = Vec::new();
    let mut add = |name: &str, value: String| headers.push((name.to_owned(), value));
    add("Host", host(&case.target, &variation.host, variation.port, peer));
    add(
        "User-Agent",
        if variation.browser_headers { BROWSER_AGENT.to_owned() } else { settings.user_agent.clone() },
    );
    if variation.browser_headers {
        add("Pragma", "no-cache".to_owned());
        add("Cache-Control", "no-cache".to_owned());
        add("Accept-Encoding", "gzip, deflate, br, zstd".to_owned());
        add("Accept-Language", "en-US,en;q=0.9".to_owned());
    }
    let key = fresh_key();
    let mut expected_accept = None;
    let mut extensions = Vec::new();
    let mut subprotocols = Vec::new();
    let asks = variation.upgrade != UpgradeHeaders::None;
    if asks {
        let connection = match variation.connection {
            ConnectionHeader::Upgrade => "Upgrade",
            ConnectionHeader::List => "keep-alive, Upgrade",
            ConnectionHeader::LowerCase => "upgrade",
        };
        let protocol = match &variation.upgrade {
            UpgradeHeaders::Other(name) => name.clone(),
            _ => "websocket".to_owned(),
        };
        add("Upgrade", protocol.clone());
        add(
            "Connection",
            if variation.upgrade == UpgradeHeaders::WithoutConnection { "keep-alive" } else { connection }
                .to_owned(),
        );
        if variation.upgrade == UpgradeHeaders::Doubled {
            add("Upgrade", protocol);
            add("Connection", connection.to_owned());
        }
        if variation.upgrade != UpgradeHeaders::WithoutVersion {
            add("Sec-WebSocket-Version", "13".to_owned());
        }
        if variation.upgrade != UpgradeHeaders::WithoutKey {
            expected_accept = Some(accept_for(&key));
            add("Sec-WebSocket-Key", key);
        }
        if variation.extensions == Extensions::Deflate {
            extensions.push(offer());
            add("Sec-WebSocket-Extensions", "permessage-deflate; client_max_window_bits".to_owned());
        }
        subprotocols = match &variation.subprotocols {
            Subprotocols::AsGiven => case.subprotocols.clone(),
            Subprotocols::None => Vec::new(),
            Subprotocols::Bogus => vec![BOGUS_SUBPROTOCOL.to_owned()],
            Subprotocols::These(names) => names.clone(),
        };
        if !subprotocols.is_empty() {
            add("Sec-WebSocket-Protocol", subprotocols.join(", "));
        }
    } else {
        add("Accept", "*/*".to_owned());
        add("Connection", "close".to_owned());
    }
    if let Some(origin) = origin(case, &variation.origin) {
        add("Origin", origin);
    }
    if !variation.bare {
        for (name, value) in &settings.headers {
            add(name, value.clone());
        }
    }
    if let Some((name, value)) = &variation.extra_header {
        add(name, value.clone());
    }
    if variation.method == Method::Post {
        add("Content-Length", "0".to_owned());
    }
    let redactor = settings.redactor;
    let mut text = format!("{method} {request_target} {version}\r\n");
    let mut lines = vec![format!("{method} {} {version}", redact_target(redactor, &request_target))];
    for (name, value) in &headers {
        text.push_str(&format!("{name}: {value}\r\n"));
        lines.push(format!("{name}: {}", redactor.header(name, value)));
    }
    text.push_str("\r\n");
    Request { bytes: text.into_bytes(), lines, expected_accept, extensions, subprotocols }
}

fn redact_target(redactor: Redactor, target: &str) -> String {
    if target.starts_with("http") { redactor.url(target) } else { redactor.path(target) }
}

fn fresh_key() -> String {
    let mut nonce = [0; 16];
    // The key need not be secret (RFC 6455 section 10.8); without randomness a fixed one still works.
    let _ = getrandom::fill(&mut nonce);
    key_from(nonce)
}

fn path(given: &str, variant: &PathVariant) -> String {
    let (bare, query) = match given.split_once('?') {
        Some((bare, query)) => (bare, format!("?{query}")),
        None => (given, String::new()),
    };
    match variant {
        PathVariant::AsGiven => given.to_owned(),
        PathVariant::Random => format!("/{NOWHERE}"),
        PathVariant::SlashToggled => match bare.strip_suffix('/') {
            Some("") => format!("/{query}"),
            Some(rest) => format!("{rest}{query}"),
            None => format!("{bare}/{query}"),
        },
        PathVariant::WithoutQuery => bare.to_owned(),
        PathVariant::Root => "/".to_owned(),
        PathVariant::To(path) => path.clone(),
        PathVariant::Under(rest) => {
            format!("{}/{}", bare.trim_end_matches('/'), rest.trim_start_matches('/'))
        }
    }
}

fn host(target: &Target, variant: &HostVariant, port: Option<u16>, peer: Option<SocketAddr>) -> String {
    let with_port = |name: String| {
        let port = port.unwrap_or(target.port);
        if port == target.default_port() { name } else { format!("{name}:{port}") }
    };
    match variant {
        HostVariant::AsGiven => with_port(target.bracketed_host()),
        HostVariant::WithoutPort => target.bracketed_host(),
        HostVariant::Address => match peer {
            Some(SocketAddr::V6(peer)) => with_port(format!("[{}]", peer.ip())),
            Some(SocketAddr::V4(peer)) => with_port(peer.ip().to_string()),
            None => with_port(target.bracketed_host()),
        },
        HostVariant::Localhost => with_port("localhost".to_owned()),
        HostVariant::Unknown => UNKNOWN_HOST.to_owned(),
    }
}

fn origin(case: &Case, variant: &OriginVariant) -> Option<String> {
    let own = || case.target.own_origin();
    match variant {
        OriginVariant::AsGiven => match &case.origin {
            Origin::None => None,
            Origin::Given(origin) => Some(origin.clone()),
        },
        OriginVariant::None => None,
        OriginVariant::Same => Some(own()),
        OriginVariant::SameWithoutPort => {
            let scheme = if case.target.secure { "https" } else { "http" };
            Some(format!("{scheme}://{}", case.target.bracketed_host()))
        }
        OriginVariant::SameOtherScheme => {
            let scheme = if case.target.secure { "http" } else { "https" };
            Some(format!("{scheme}://{}", case.target.authority()))
        }
        OriginVariant::Page => Some(case.page_origin().unwrap_or_else(own)),
        OriginVariant::Foreign => Some(FOREIGN_ORIGIN.to_owned()),
        OriginVariant::Null => Some("null".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(settings: &Settings, variation: &Variation) -> String {
        String::from_utf8(write(settings, variation, None, false).bytes).expect("it is text")
    }

    fn settings(url: &str) -> Settings {
        Settings::new(Case::new(Target::parse(url).expect("it parses")))
    }

    #[test]
    fn the_plain_handshake_is_the_minimum_of_rfc_6455() {
        let text = text(&settings("ws://app.example:8080/ws?a=1"), &Variation::plain());
        let lines: Vec<&str> = text.split("\r\n").collect();
        assert_eq!(lines[0], "GET /ws?a=1 HTTP/1.1");
        assert_eq!(lines[1], "Host: app.example:8080");
        for header in ["Upgrade: websocket", "Connection: Upgrade", "Sec-WebSocket-Version: 13"] {
            assert!(lines.contains(&header), "{text}");
        }
        assert!(!text.contains("Origin") && !text.contains("Extensions"), "{text}");
        assert!(text.ends_with("\r\n\r\n"));
    }

    #[test]
    fn an_experiment_changes_what_it_says_and_nothing_else() {
        let settings = settings("wss://app.example/ws/");
        for (variation, has) in [
            (Variation::browser(), "Origin: https://app.example\r\n"),
            (
                Variation::deflate(),
                "Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits\r\n",
            ),
            (Variation::path(PathVariant::SlashToggled), "GET /ws HTTP/1.1\r\n"),
            (Variation::origin(OriginVariant::SameOtherScheme), "Origin: http://app.example\r\n"),
            (
                Variation { connection: ConnectionHeader::List, ..Variation::default() },
                "Connection: keep-alive, Upgrade\r\n",
            ),
            (Variation { http: HttpVersion::V10, ..Variation::default() }, "GET /ws/ HTTP/1.0\r\n"),
            (
                Variation { subprotocols: Subprotocols::Bogus, ..Variation::default() },
                "Sec-WebSocket-Protocol: keepwire-bogus.v0\r\n",
            ),
        ] {
            assert!(text(&settings, &variation).contains(has), "{variation:?}");
        }
        let plain = text(&settings, &Variation::without_upgrade());
        assert!(!plain.contains("Upgrade") && !plain.contains("Sec-WebSocket"), "{plain}");
    }

    #[test]
    fn secrets_are_sent_and_not_recorded() {
        let mut settings = settings("ws://app.example/ws?token=s3cret");
        settings.headers.push(("Authorization".into(), "Bearer abcdefghijklmnopqrst".into()));
        let request = write(&settings, &Variation::plain(), None, false);
        let sent = String::from_utf8(request.bytes).expect("it is text");
        assert!(sent.contains("token=s3cret") && sent.contains("Bearer abcdefghijklmnopqrst"));
        let recorded = request.lines.join("\n");
        assert!(!recorded.contains("s3cret") && !recorded.contains("abcdefghij"), "{recorded}");
        let bare = Variation { bare: true, ..Variation::default() };
        assert!(!text(&settings, &bare).contains("Authorization"));
    }
}
