//! The common and combined formats, with what people add at their end; Traefik's, too.

use crate::access::Access;
use crate::time;
use memchr::memmem::Finder;
use memchr::{memchr, memchr2_iter};
use std::sync::LazyLock;

/// The request line and what stands around it.
struct Split<'a> {
    before: &'a [u8],
    request: &'a [u8],
    after: &'a [u8],
}

fn split(line: &[u8]) -> Option<Split<'_>> {
    let open = memchr(b'"', line)?;
    let close = open + 1 + memchr(b'"', &line[open + 1..])?;
    let after = line.get(close + 1..)?;
    Some(Split { before: &line[..open], request: &line[open + 1..close], after })
}

/// The status, which stands behind the request line.
fn status(after: &[u8]) -> Option<u16> {
    let digits = after.get(1..4)?;
    let number = |digit: u8| digit.is_ascii_digit().then(|| u16::from(digit - b'0'));
    let ends = after.get(4).is_none_or(|byte| *byte == b' ');
    (after[0] == b' ' && ends).then_some(())?;
    Some(number(digits[0])? * 100 + number(digits[1])? * 10 + number(digits[2])?)
}

/// Whether a line is of this format.
pub(crate) fn is(line: &[u8]) -> bool {
    split(line).is_some_and(|split| {
        status(split.after).is_some() && memchr(b'[', split.before).is_some() && split.before.ends_with(b"] ")
    })
}

/// Searches that are made for every line are prepared once.
static SOCKET_WORD: LazyLock<Finder<'static>> = LazyLock::new(|| Finder::new("ocket"));
/// Parts of paths at which sockets are served, beside `ws` and everything with a socket in its name.
static PARTS: LazyLock<[Finder<'static>; 9]> = LazyLock::new(|| {
    ["cable", "signalr", "hub", "stomp", "mqtt", "hmr", "sockjs", "realtime", "engine.io"].map(Finder::new)
});

/// Whether a line may be about a socket: the cheap look that spares most lines the dear one.
pub(crate) fn may_matter(line: &[u8]) -> bool {
    let Some(split) = split(line) else { return false };
    match split.after.get(1) {
        // 101, and the 000 that nginx writes where it sent nothing.
        Some(b'1' | b'0') => true,
        Some(b'3' | b'4' | b'5') => {
            has_socket_word(&split)
                || split.after.get(1..4) == Some(b"426")
                || PARTS.iter().any(|part| part.find(split.request).is_some())
                || split.request.windows(7).any(|window| window == b"_stcore")
        }
        Some(b'2') => has_socket_word(&split) || split.request.starts_with(b"CONNECT"),
        _ => false,
    }
}

/// `ws` or a socket in the path, or a socket in what follows it: another field may hold `$http_upgrade`.
fn has_socket_word(split: &Split<'_>) -> bool {
    let ws = memchr2_iter(b'w', b'W', split.request)
        .any(|at| split.request.get(at + 1).is_some_and(|next| next.eq_ignore_ascii_case(&b's')));
    ws || SOCKET_WORD.find(split.request).is_some() || SOCKET_WORD.find(split.after).is_some()
}

/// What the fields that people add say of `$http_upgrade`.
fn upgrade_in(after: &[u8]) -> Option<bool> {
    // As a field of its own: the user agent of a library holds the same word.
    let mut from = 0;
    while let Some(at) = memchr::memmem::find(&after[from..], b"websocket") {
        let at = from + at;
        let before = after.get(at.wrapping_sub(1)).copied();
        let behind = after.get(at + 9).copied();
        let parted = |byte: Option<u8>| matches!(byte, None | Some(b'"' | b' ' | b'=' | b':' | b',' | b';'));
        if parted(before) && parted(behind) && before != Some(b' ') {
            return Some(true);
        }
        from = at + 9;
    }
    None
}

/// Reads one line.
pub(crate) fn parse(line: &[u8]) -> Option<Access<'_>> {
    let split = split(line)?;
    let status = status(split.after)?;
    let part = |bytes| std::str::from_utf8(bytes).ok();
    let mut access = Access { status, ..Access::default() };
    access.request_line(part(split.request)?);
    let open = memchr(b'[', split.before)?;
    access.at = time::common(split.before.get(open + 1..)?);
    access.host = host_in_front(part(split.before).unwrap_or_default());
    let after = part(split.after).unwrap_or_default();
    access.bytes = after.get(5..).and_then(|rest| rest.split(' ').next()).and_then(|word| match word {
        "-" => Some(0),
        word => word.parse().ok(),
    });
    access.upgrade = upgrade_in(split.after);
    tail(after, &mut access);
    Some(access)
}

/// `vhost_combined`: the host stands in front.
fn host_in_front(before: &str) -> Option<&str> {
    let first = before.split(' ').next()?;
    let (name, port) = first.rsplit_once(':')?;
    let named = name.contains('.') && name.contains(|c: char| c.is_ascii_alphabetic());
    (named && !name.contains(':') && port.parse::<u16>().is_ok()).then_some(name)
}

/// What people add behind the combined fields: times, statuses, hosts; by name, or as a bare number with a point.
fn tail<'a>(after: &'a str, access: &mut Access<'a>) {
    let rest = after.splitn(3, ' ').nth(2).unwrap_or_default();
    // Behind status and bytes; in common format there is nothing.
    let mut quoted = false;
    let mut fields: Vec<&str> = Vec::new();
    let mut start = 0;
    for (at, character) in rest.char_indices() {
        match character {
            '"' => quoted = !quoted,
            ' ' if !quoted => {
                fields.push(&rest[start..at]);
                start = at + 1;
            }
            _ => {}
        }
        if fields.len() > 40 {
            return;
        }
    }
    fields.push(&rest[start.min(rest.len())..]);
    let last = fields.last().copied().unwrap_or_default();
    // Traefik: number of the request, router, server, and the time.
    if let Some(millis) = last.strip_suffix("ms").and_then(|text| text.parse::<u64>().ok()) {
        access.by = "Traefik";
        access.time_us = Some(millis.saturating_mul(1000));
        return;
    }
    for field in fields.iter().skip(1) {
        let bare = field.trim_matches(['"', '[', ']', ',', ';']);
        if let Some((name, value)) = bare.split_once(['=', ':']) {
            let value = value.trim_matches('"');
            match name.to_ascii_lowercase().as_str() {
                "rt" | "request_time" | "time" | "reqtime" | "request-time" => {
                    access.time_us = seconds(value).or(access.time_us);
                }
                "us" | "ups" | "upstream_status" | "ustatus" => {
                    access.upstream_status = value.split([',', ' ', ':']).next_back().and_then(status_of);
                }
                "host" | "vhost" | "server_name" | "http_host" => access.host = Some(value),
                "upgrade" | "http_upgrade" => access.upgrade = Some(value.eq_ignore_ascii_case("websocket")),
                _ => {}
            }
        } else if !field.starts_with('"') && access.time_us.is_none() && bare.contains('.') {
            access.time_us = seconds(bare);
        }
    }
}

/// `60.001` as microseconds.
pub(crate) fn seconds(text: &str) -> Option<u64> {
    let (whole, part) = text.split_once('.').unwrap_or((text, ""));
    if whole.is_empty() || part.len() > 6 || !part.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let micros: u64 = if part.is_empty() { 0 } else { part.parse().ok()? };
    let whole: u64 = whole.parse().ok()?;
    let scale = 10_u64.pow(6 - u32::try_from(part.len()).ok()?);
    whole.checked_mul(1_000_000)?.checked_add(micros * scale)
}

/// A status in a log; `-` is none.
pub(crate) fn status_of(text: &str) -> Option<u16> {
    match text {
        "-" => Some(0),
        text => text.parse().ok().filter(|status| *status < 1000),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const COMBINED: &str = "10.0.0.1 - - [26/Nov/2026:07:00:35 +0000] \"GET /ws?a=1 HTTP/1.1\" 101 2 \"-\" \"Mozilla/5.0 (X11)\"";

    fn read(line: &str) -> Access<'_> {
        parse(line.as_bytes()).expect("it is read")
    }

    #[test]
    fn combined_and_what_people_add() {
        let plain = read(COMBINED);
        assert_eq!((plain.status, plain.path, plain.bytes, plain.time_us), (101, "/ws?a=1", Some(2), None));
        assert_eq!(plain.at, Some(1_795_676_435));
        for (tail, time, upgrade) in [
            (" 60.013", Some(60_013_000), None),
            (" \"-\" rt=60.013 uct=\"0.001\" us=101", Some(60_013_000), None),
            (" request_time=0.2 \"websocket\"", Some(200_000), Some(true)),
            (" \"10.1.2.3\"", None, None),
            (" 7 \"app@file\" \"http://127.0.0.1:1\" 60013ms", Some(60_013_000), None),
        ] {
            let line = format!("{COMBINED}{tail}");
            let access = read(&line);
            assert_eq!((access.time_us, access.upgrade), (time, upgrade), "{tail}");
        }
        let line = format!("app.example.com:443 {COMBINED}");
        assert_eq!(read(&line).host, Some("app.example.com"));
    }

    #[test]
    fn few_lines_matter() {
        for (request, status, matters) in [
            ("GET /ws HTTP/1.1", 101, true),
            ("GET /any HTTP/1.1", 101, true),
            ("GET /any HTTP/1.1", 426, true),
            ("GET /ws HTTP/1.1", 502, true),
            ("GET /app/websocket HTTP/1.1", 200, true),
            ("GET /index.html HTTP/1.1", 200, false),
            ("GET /index.html HTTP/1.1", 404, false),
            ("POST /about HTTP/1.1", 200, false),
        ] {
            let line = format!("1.1.1.1 - - [x] \"{request}\" {status} 5 \"-\" \"Mozilla/5.0\"");
            assert_eq!(may_matter(line.as_bytes()), matters, "{request} {status}");
        }
    }

    #[test]
    fn what_is_no_line() {
        for line in ["", "\"", "\"\"", "a \"b\" c", "[x] \"GET\" 1", "x \"é\" 2é0 "] {
            let _ = (is(line.as_bytes()), may_matter(line.as_bytes()), parse(line.as_bytes()));
        }
        assert!(!is(b"hello \"world\" 200 "));
    }

    #[test]
    fn seconds_as_logs_write_them() {
        for (text, micros) in [
            ("60.013", Some(60_013_000)),
            ("0.0", Some(0)),
            ("7", Some(7_000_000)),
            ("-", None),
            ("1.2.3", None),
            ("99999999999999999999.1", None),
        ] {
            assert_eq!(seconds(text), micros, "{text}");
        }
    }
}
