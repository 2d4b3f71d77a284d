//! Lines of a format that the user names: nginx `log_format`, or Apache `LogFormat`.

use super::combined::{seconds, status_of};
use crate::access::Access;
use crate::time;
use std::fmt;

/// A compiled format.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Format {
    parts: Vec<Part>,
    by: &'static str,
}

/// Why a format cannot be used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FormatError {
    /// Two fields without anything between them: `$a$b`.
    Adjacent(String),
    /// No status in it, so no line says what happened.
    NoStatus,
}

impl fmt::Display for FormatError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Adjacent(name) => write!(f, "nothing parts {name} from the field before it"),
            Self::NoStatus => write!(f, "it has no status ($status, or %>s)"),
        }
    }
}

impl std::error::Error for FormatError {}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Part {
    Literal(String),
    Field(Field),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Field {
    Time,
    Request,
    Method,
    Path,
    Query,
    Version,
    Status,
    Bytes,
    Seconds,
    Millis,
    Micros,
    UpstreamStatus,
    Upgrade,
    Host,
    Scheme,
    Other,
}

impl Format {
    /// Compiles a format, or a whole `log_format` directive.
    ///
    /// # Errors
    /// Says why lines of it could not be read.
    pub fn new(text: &str) -> Result<Self, FormatError> {
        let text = strip_directive(text.trim());
        let apache = !text.contains('$') && text.contains('%');
        let parts = if apache { apache_parts(&text) } else { nginx_parts(&text) };
        let mut before_is_field = false;
        for part in &parts {
            let is_field = matches!(part, Part::Field(_));
            if is_field && before_is_field {
                return Err(FormatError::Adjacent(text));
            }
            before_is_field = is_field;
        }
        if !parts.contains(&Part::Field(Field::Status)) {
            return Err(FormatError::NoStatus);
        }
        Ok(Self { parts, by: if apache { "Apache httpd" } else { "nginx" } })
    }

    /// Reads one line; none: it is of another format.
    pub(crate) fn parse<'a>(&self, line: &'a str) -> Option<Access<'a>> {
        let mut access = Access { by: self.by, ..Access::default() };
        let mut rest = line;
        let mut parts = self.parts.iter().peekable();
        while let Some(part) = parts.next() {
            match part {
                Part::Literal(text) => rest = rest.strip_prefix(text.as_str())?,
                Part::Field(field) => {
                    let end = match parts.peek() {
                        Some(Part::Literal(text)) => rest.find(text.as_str())?,
                        _ => rest.len(),
                    };
                    field.take(&rest[..end], &mut access);
                    rest = &rest[end..];
                }
            }
        }
        Some(access)
    }
}

impl Field {
    fn take<'a>(self, value: &'a str, access: &mut Access<'a>) {
        match self {
            Self::Time => access.at = time::moment(value.trim_matches(['[', ']'])),
            Self::Request => access.request_line(value),
            Self::Method => access.method = value,
            Self::Path => access.path = value,
            Self::Version => access.version = value,
            Self::Status => access.status = status_of(value).unwrap_or_default(),
            Self::Bytes => access.bytes = if value == "-" { Some(0) } else { value.parse().ok() },
            Self::Seconds => access.time_us = seconds(value),
            Self::Millis => access.time_us = value.parse::<u64>().ok().and_then(|ms| ms.checked_mul(1000)),
            Self::Micros => access.time_us = value.parse().ok(),
            // Of several upstreams the last one answered.
            Self::UpstreamStatus => {
                access.upstream_status = value.rsplit([',', ':', ' ']).next().and_then(status_of);
            }
            Self::Upgrade => access.upgrade = Some(value.eq_ignore_ascii_case("websocket")),
            Self::Host => access.host = Some(value),
            Self::Scheme => access.secure = Some(value == "https"),
            Self::Query | Self::Other => {}
        }
    }
}

/// `log_format name escape=json '…' '…';` is its quoted parts together.
fn strip_directive(text: &str) -> String {
    let Some(rest) = text.strip_prefix("log_format").or_else(|| text.strip_prefix("LogFormat")) else {
        return text.to_owned();
    };
    let mut out = String::new();
    let mut chars = rest.chars();
    while let Some(quote) = chars.find(|c| *c == '\'' || *c == '"') {
        let mut escaped = false;
        for character in chars.by_ref() {
            if escaped {
                if character != quote && character != '"' {
                    out.push('\\');
                }
                out.push(character);
                escaped = false;
            } else if character == '\\' {
                escaped = true;
            } else if character == quote {
                break;
            } else {
                out.push(character);
            }
        }
        if text.starts_with("LogFormat") {
            break;
        }
    }
    out
}

fn nginx_parts(text: &str) -> Vec<Part> {
    let mut parts = Vec::new();
    let mut literal = String::new();
    let mut rest = text;
    while let Some(at) = rest.find('$') {
        literal.push_str(&rest[..at]);
        rest = &rest[at + 1..];
        let braced = rest.starts_with('{');
        let name = if braced { &rest[1..] } else { rest };
        let end = name.find(|c: char| !(c.is_ascii_alphanumeric() || c == '_')).unwrap_or(name.len());
        let (name, after) = name.split_at(end);
        rest = if braced { after.strip_prefix('}').unwrap_or(after) } else { after };
        push(&mut parts, &mut literal, nginx_field(name));
    }
    literal.push_str(rest);
    if !literal.is_empty() {
        parts.push(Part::Literal(literal));
    }
    parts
}

fn push(parts: &mut Vec<Part>, literal: &mut String, field: Field) {
    if !literal.is_empty() {
        parts.push(Part::Literal(std::mem::take(literal)));
    }
    parts.push(Part::Field(field));
}

fn nginx_field(name: &str) -> Field {
    match name {
        "time_local" | "time_iso8601" | "msec" => Field::Time,
        "request" => Field::Request,
        "request_method" => Field::Method,
        "request_uri" | "uri" => Field::Path,
        "args" | "query_string" => Field::Query,
        "server_protocol" => Field::Version,
        "status" => Field::Status,
        "body_bytes_sent" | "bytes_sent" => Field::Bytes,
        "request_time" => Field::Seconds,
        "upstream_status" => Field::UpstreamStatus,
        "http_upgrade" => Field::Upgrade,
        "host" | "http_host" | "server_name" => Field::Host,
        "scheme" => Field::Scheme,
        _ => Field::Other,
    }
}

fn apache_parts(text: &str) -> Vec<Part> {
    let mut parts = Vec::new();
    let mut literal = String::new();
    let text = text.replace("\\\"", "\"");
    let mut rest = text.as_str();
    while let Some(at) = rest.find('%') {
        literal.push_str(&rest[..at]);
        rest = rest[at + 1..].trim_start_matches(['>', '<', '!']);
        let (argument, after) = match rest.strip_prefix('{').and_then(|rest| rest.split_once('}')) {
            Some((argument, after)) => (argument, after),
            None => ("", rest),
        };
        let mut letters = after.chars();
        let Some(letter) = letters.next() else { break };
        rest = letters.as_str();
        let lower = argument.to_ascii_lowercase();
        let field = match (letter, lower.as_str()) {
            ('%', _) => {
                literal.push('%');
                continue;
            }
            ('t', _) => Field::Time,
            ('r', _) => Field::Request,
            ('m', _) => Field::Method,
            ('U', _) => Field::Path,
            ('H', _) => Field::Version,
            ('s', _) => Field::Status,
            ('b' | 'B' | 'O', _) => Field::Bytes,
            ('D', _) | ('T', "us") => Field::Micros,
            ('T', "ms") => Field::Millis,
            ('T', _) => Field::Seconds,
            ('i', "upgrade") => Field::Upgrade,
            ('i', "host") | ('v' | 'V', _) => Field::Host,
            _ => Field::Other,
        };
        push(&mut parts, &mut literal, field);
    }
    literal.push_str(rest);
    if !literal.is_empty() {
        parts.push(Part::Literal(literal));
    }
    parts
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn formats_of_nginx_and_apache() {
        let format = Format::new(
            "log_format main '$remote_addr - [$time_local] \"$request\" $status '\n '$body_bytes_sent rt=$request_time us=\"$upstream_status\" up=\"$http_upgrade\" h=$host';",
        )
        .expect("it compiles");
        let line = "1.2.3.4 - [26/Nov/2026:07:00:35 +0000] \"GET /chat HTTP/1.1\" 101 9 rt=60.010 us=\"101\" up=\"websocket\" h=app.example";
        let access = format.parse(line).expect("it is read");
        assert_eq!((access.status, access.time_us, access.upgrade), (101, Some(60_010_000), Some(true)));
        assert_eq!(
            (access.host, access.path, access.at),
            (Some("app.example"), "/chat", Some(1_795_676_435))
        );
        let format = Format::new("%h %l %u %t \\\"%r\\\" %>s %b %D %{Upgrade}i").expect("it compiles");
        let access = format
            .parse("1.2.3.4 - - [26/Nov/2026:07:00:35 +0000] \"GET /ws HTTP/1.1\" 101 - 2003123 websocket")
            .expect("it is read");
        assert_eq!((access.status, access.time_us, access.by), (101, Some(2_003_123), "Apache httpd"));
        assert!(format.parse("another line").is_none());
    }

    #[test]
    fn formats_that_cannot_be_read() {
        assert_eq!(Format::new("$remote_addr"), Err(FormatError::NoStatus));
        assert!(matches!(Format::new("$status$request"), Err(FormatError::Adjacent(_))));
        for odd in ["$", "${", "%", "%{", "$status %", "log_format x '", "%{a}"] {
            let _ = Format::new(odd);
        }
    }
}
