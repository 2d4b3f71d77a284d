//! What becomes of the headers of a request: `proxy_set_header`, its inheritance, and the variables in it.

use super::model::{At, Model};
use evidence::{Given, Passing};
use std::collections::HashSet;

/// The header lines in force on a level.
pub(crate) struct Headers {
    pub lines: Vec<At>,
    /// The level that they stand on; none: nobody sets any, and nginx's defaults apply.
    pub level: Option<usize>,
}

/// What a header goes out as.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Sent {
    /// As the client sent it.
    Client,
    /// Made from the client's upgrade by a map that knows `websocket` only.
    ClientWebSocketOnly,
    /// With this meaning in every request: an upgrade.
    Always,
    /// Never an upgrade.
    Never,
    /// It cannot be told.
    Unknown,
}

impl Headers {
    /// The lines in force on this level.
    pub(crate) fn on(model: &Model, level: usize) -> Self {
        let (lines, level) = model.all_or_nothing(level, "proxy_set_header");
        Self { lines, level }
    }

    /// The line that sets a header.
    pub(crate) fn line(&self, model: &Model, name: &str) -> Option<At> {
        let named = |at: &At| model.word(*at, 0).is_some_and(|word| word.eq_ignore_ascii_case(name));
        // nginx sends every line of a name but the empty ones, so an empty one does not undo another.
        let sent = |at: &At| named(at) && model.word(*at, 1).is_some_and(|value| !value.is_empty());
        self.lines.iter().copied().rfind(sent).or_else(|| self.lines.iter().copied().rfind(named))
    }
}

/// A variable in a header that nothing makes.
pub(crate) struct Undefined {
    pub at: At,
    pub variable: String,
}

/// What becomes of `Upgrade` and `Connection` on a level.
pub(crate) struct Upgrade {
    pub passing: Passing,
    pub any_protocol: bool,
    pub because: Option<&'static str>,
    /// The line that decides, if one does.
    pub line: Option<At>,
    pub undefined: Option<Undefined>,
}

/// Judges the header lines in force on a level.
pub(crate) fn upgrade(model: &Model, level: usize, headers: &Headers) -> Upgrade {
    let upgrade_line = headers.line(model, "Upgrade");
    let connection_line = headers.line(model, "Connection");
    let mut undefined = None;
    let mut sent = |line: Option<At>, header: &str| {
        let Some(at) = line else { return Sent::Never };
        let value = model.word(at, 1).unwrap_or_default().into_owned();
        match meaning(model, &value, header) {
            Ok(sent) => sent,
            Err(variable) => {
                undefined.get_or_insert(Undefined { at, variable });
                Sent::Unknown
            }
        }
    };
    let upgrade = sent(upgrade_line, "Upgrade");
    let connection = sent(connection_line, "Connection");
    let lost_by_inheritance = || {
        let own = headers.level?;
        let outer = model.levels[own].parent()?;
        let outer = Headers::on(model, outer);
        let passed = outer.line(model, "Upgrade").is_some();
        passed.then_some("nginx-header-inheritance-lost")
    };
    let manager = || {
        let at = model.levels[level].at?;
        let generated = model.documents[at.document()].path.contains("nginx/proxy_host/");
        generated.then_some("npm-websocket-toggle-off")
    };
    let (passing, because, line) = match (upgrade, connection) {
        (Sent::Never, _) => {
            let because = lost_by_inheritance().or_else(manager).unwrap_or("nginx-no-upgrade-headers");
            (Passing::Dropped, Some(because), upgrade_line.or(connection_line))
        }
        (_, Sent::Never) => {
            let cleared = connection_line.is_some();
            let because = if cleared { "nginx-connection-cleared" } else { "nginx-no-upgrade-headers" };
            (Passing::ConnectionLost, Some(because), connection_line.or(upgrade_line))
        }
        (Sent::Always, _) => (Passing::Always, Some("nginx-upgrade-hardcoded"), upgrade_line),
        (_, Sent::Always) => {
            (Passing::ConnectionAlways, Some("nginx-unconditional-upgrade"), connection_line)
        }
        _ => (Passing::Passed, None, upgrade_line),
    };
    let any_protocol = upgrade == Sent::Client
        && matches!(connection, Sent::Client | Sent::Always | Sent::Unknown)
        && undefined.is_none();
    Upgrade { passing, any_protocol, because, line, undefined }
}

/// What a header value means for an upgrade; `Err`: it uses a variable that nothing makes.
fn meaning(model: &Model, value: &str, header: &str) -> Result<Sent, String> {
    let trimmed = value.trim();
    let upgrades = |text: &str| match header {
        "Upgrade" => text.trim().eq_ignore_ascii_case("websocket"),
        _ => text.split(',').any(|token| token.trim().eq_ignore_ascii_case("upgrade")),
    };
    let Some(variable) = variable(trimmed) else {
        return Ok(match (trimmed.contains('$'), upgrades(trimmed)) {
            (true, _) => Sent::Unknown,
            (false, true) => Sent::Always,
            (false, false) => Sent::Never,
        });
    };
    if variable == "http_upgrade" && header == "Upgrade"
        || variable == "http_connection" && header == "Connection"
    {
        return Ok(Sent::Client);
    }
    if let Some(map) = model.maps.get(variable) {
        return Ok(mapped(model, *map, &upgrades));
    }
    if model.variables.contains(variable) || is_built_in(variable) || !model.whole {
        return Ok(if model.variables.contains(variable) || !model.whole {
            Sent::Unknown
        } else {
            Sent::Never
        });
    }
    Err(variable.to_owned())
}

/// The name of the variable that a value is, if it is nothing else.
pub(crate) fn variable(value: &str) -> Option<&str> {
    let name = value.strip_prefix('$')?;
    let name = name.strip_prefix('{').and_then(|name| name.strip_suffix('}')).unwrap_or(name);
    let is_name = !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
    is_name.then_some(name)
}

/// What a map over `$http_upgrade` (or `$http_connection`) gives.
fn mapped(model: &Model, map: usize, upgrades: &dyn Fn(&str) -> bool) -> Sent {
    let Some(at) = model.levels[map].at else { return Sent::Unknown };
    let source = model.word(at, 0).unwrap_or_default().into_owned();
    if !matches!(variable(&source), Some("http_upgrade" | "http_connection")) {
        return Sent::Unknown;
    }
    let client = if variable(&source) == Some("http_upgrade") { "websocket" } else { "Upgrade" };
    let of = |text: &str| {
        lookup(model, map, text).map(|value| {
            // `$http_upgrade` as the result of a map is what the client sent.
            if variable(&value).is_some() { text.to_owned() } else { value }
        })
    };
    let (Some(socket), Some(nothing), Some(other)) = (of(client), of(""), of("h2c")) else {
        return Sent::Unknown;
    };
    match (upgrades(&socket), upgrades(&nothing)) {
        (true, true) => Sent::Always,
        (true, false)
            if client == "websocket" && !(upgrades(&other) || other.eq_ignore_ascii_case("h2c")) =>
        {
            Sent::ClientWebSocketOnly
        }
        (true, false) => Sent::Client,
        (false, _) => Sent::Never,
    }
}

/// What a map gives for a value; none: it depends on what cannot be read.
pub(crate) fn lookup(model: &Model, map: usize, text: &str) -> Option<String> {
    let mut default = Some(String::new());
    let mut by_regex = None;
    for at in model.directives(map) {
        let (key, value) = (model.name(at), model.word(at, 0).unwrap_or_default());
        if key == "default" {
            default = Some(value.into_owned());
        } else if let Some(pattern) = key.strip_prefix('~') {
            let (pattern, case) =
                pattern.strip_prefix('*').map_or((pattern, true), |pattern| (pattern, false));
            match super::matching::matches(pattern, case, text) {
                Some(true) if by_regex.is_none() => by_regex = Some(value.into_owned()),
                None => default = None,
                _ => {}
            }
        } else if !matches!(&*key, "include" | "hostnames" | "volatile")
            && key.trim_start_matches('\\').eq_ignore_ascii_case(text)
        {
            return Some(value.into_owned());
        }
    }
    by_regex.or(default)
}

/// Variables of nginx itself that people put into headers; those of patterns (`$1`) and of other modules are theirs.
fn is_built_in(name: &str) -> bool {
    const PREFIXES: &[&str] = &[
        "http_",
        "arg_",
        "cookie_",
        "sent_http_",
        "upstream_",
        "ssl_",
        "proxy_",
        "jwt_",
        "geoip",
        "request_",
        "server_",
        "remote_",
        "binary_remote_",
        "time_",
        "date_",
        "uid_",
        "secure_link",
        "realip_",
        "limit_",
        "msec",
        "tcpinfo_",
    ];
    const NAMES: &[&str] = &[
        "args",
        "body_bytes_sent",
        "bytes_sent",
        "connection",
        "connection_requests",
        "connection_time",
        "content_length",
        "content_type",
        "document_root",
        "document_uri",
        "host",
        "hostname",
        "https",
        "is_args",
        "nginx_version",
        "pid",
        "pipe",
        "query_string",
        "realpath_root",
        "request",
        "scheme",
        "status",
        "uri",
    ];
    NAMES.contains(&name)
        || PREFIXES.iter().any(|prefix| name.starts_with(prefix))
        || name.chars().all(|c| c.is_ascii_digit())
}

/// Names that a new variable must not take.
pub(crate) fn taken(model: &Model) -> HashSet<&str> {
    model.maps.keys().chain(&model.variables).map(String::as_str).collect()
}

/// Who set what stands on `level`, as seen from `here`.
pub(crate) fn given(model: &Model, here: usize, level: Option<usize>) -> Given {
    match level {
        Some(level) if level == here => Given::Here,
        Some(level) => Given::Inherited(model.called(level)),
        None => Given::Default,
    }
}
