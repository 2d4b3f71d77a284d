//! One entry of a HAR: a WebSocket, or nothing that matters here.

use crate::{Listed, messages, time};
use evidence::{
    Answer, Body, Closing, Ending, Exchange, Fact, FrameSeen, Header, How, Message, MessageKind, Micros,
    Place, Redactor, Response, Said, Session, Variation,
};
use serde_json::Value;

/// Most bytes of a body that are kept.
const BODY: usize = 4096;
/// Characters of a message that are shown.
const PREVIEW: usize = 120;
/// Frames and messages that a session keeps.
const KEPT: usize = 50;

/// What one entry shows.
pub(super) struct Seen {
    pub said: Vec<Said>,
    pub facts: Vec<Fact>,
    pub place: Place,
    pub at: Option<i64>,
    /// How long it was open, and how long nothing was said at its end.
    pub ended: Option<(Micros, Micros)>,
    pub listed: Vec<Listed>,
}

/// Reads an entry; none: it is no socket. An error names the field that it cannot do without.
pub(super) fn read(entry: &Value, redactor: Redactor) -> Result<Option<Seen>, &'static str> {
    let request = entry.get("request").filter(|value| value.is_object());
    let Some(request) = request else { return Err("request") };
    let Some(url) = request.get("url").and_then(Value::as_str) else { return Err("request.url") };
    let empty = Value::Null;
    let response = entry.get("response").unwrap_or(&empty);
    let status = number(response.get("status")).and_then(|status| u16::try_from(status).ok()).unwrap_or(0);
    let frames = entry.get("_webSocketMessages").or_else(|| entry.get("webSocketMessages"));
    if !is_socket(entry, request, url, status, frames) {
        return Ok(None);
    }
    let ws = as_socket(url);
    let shown: String = redactor.url(&evidence::printable(ws.as_bytes())).chars().take(300).collect();
    let began = entry.get("startedDateTime").and_then(Value::as_str).and_then(time::micros);
    let total = entry.get("time").and_then(Value::as_f64).filter(|ms| *ms > 0.0 && *ms < 1e12);
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "bounded above")]
    let total_us = total.map(|ms| (ms * 1000.0) as u64);
    let error = [response.get("_error"), entry.get("_error"), response.get("statusText")]
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
        .find(|text| text.contains("ERR_") || text.contains("NS_ERROR"));
    let opened = status == 101 || (status == 200 && is_connect(request));
    let opened_us = began.map(|began| began + handshake_us(entry));
    let messages = Messages::read(frames, opened_us.or(began), redactor);
    let by = browser(entry);

    let mut said = Said { by: by.to_owned(), url: Some(shown.clone()), ..Said::default() };
    said.excerpt =
        format!("{} {shown}", if status == 0 { error.unwrap_or("-").to_owned() } else { status.to_string() });
    let mut facts = Vec::new();
    let mut all = Vec::new();
    if opened {
        said.id = "opened".to_owned();
        said.status = Some(101);
        facts.push(Fact::Exchange(Box::new(exchange(&ws, request, response, 101, redactor))));
    } else if status == 0 {
        let why = messages.error.as_deref().or(error).unwrap_or_default();
        let found = failure(why);
        said.id = found.id;
        said.status = found.status;
        said.excerpt = format!("{} {shown}", if why.is_empty() { "-" } else { why });
    } else {
        said.id = "unexpected-response-code".to_owned();
        said.status = Some(status);
        facts.push(Fact::Exchange(Box::new(exchange(&ws, request, response, status, redactor))));
    }
    all.push(said.clone());
    if let Some(why) = messages.error.as_deref().filter(|_| opened) {
        let found = failure(why);
        all.push(Said { id: found.id, status: None, excerpt: format!("{why} {shown}"), ..said.clone() });
    }
    let open_us = total_us.map(|total| total.saturating_sub(u64::try_from(handshake_us(entry)).unwrap_or(0)));
    if let Some((code, reason)) = messages.closed.clone().filter(|_| opened) {
        all.push(Said { id: "closed".to_owned(), status: None, code, reason, ..said });
        if messages.sent == 0
            && let Some(session) = messages.session(open_us.unwrap_or(0), response)
        {
            facts.push(Fact::Session(Box::new(session)));
        }
    }
    let ended = open_us
        .filter(|_| opened && messages.closed.is_none() && messages.error.is_none())
        .map(|open| (open, open.saturating_sub(messages.last_us.unwrap_or(0))));
    let mut listed = vec![Listed {
        entry: 0,
        message: None,
        direction: status.to_string(),
        kind: "socket".to_owned(),
        size: 0,
        ms: total_us.unwrap_or(0) / 1000,
        preview: shown,
    }];
    listed.extend(messages.listed);
    let place = Place::Page;
    Ok(Some(Seen { said: all, facts, place, at: began.map(|us| us / 1_000_000), ended, listed }))
}

/// What Chrome says about a connection that failed.
fn failure(why: &str) -> Said {
    let line = format!("WebSocket connection to '' failed: {why}");
    messages::recognise(&line)
        .unwrap_or_else(|| Said { id: "connection-failed".to_owned(), ..Said::default() })
}

fn number(value: Option<&Value>) -> Option<i64> {
    match value? {
        Value::Number(number) => number.as_i64(),
        Value::String(text) => text.trim().parse().ok(),
        _ => None,
    }
}

fn is_connect(request: &Value) -> bool {
    request.get("method").and_then(Value::as_str).is_some_and(|method| method.eq_ignore_ascii_case("connect"))
}

fn is_socket(entry: &Value, request: &Value, url: &str, status: u16, frames: Option<&Value>) -> bool {
    let lower = url.get(..6).unwrap_or(url).to_ascii_lowercase();
    lower.starts_with("ws:")
        || lower.starts_with("wss:")
        || frames.is_some()
        || status == 101
        || entry.get("_resourceType").and_then(Value::as_str) == Some("websocket")
        || header(request, "upgrade").is_some_and(|value| value.eq_ignore_ascii_case("websocket"))
}

/// Firefox and proxies write `https` where Chrome writes `wss`.
fn as_socket(url: &str) -> String {
    match url.split_once("://") {
        Some(("https", rest)) => format!("wss://{rest}"),
        Some(("http", rest)) => format!("ws://{rest}"),
        _ => url.to_owned(),
    }
}

fn headers(part: &Value) -> impl Iterator<Item = (&str, &str)> {
    part.get("headers").and_then(Value::as_array).into_iter().flatten().filter_map(|header| {
        let name = header.get("name")?.as_str()?;
        Some((name, header.get("value").and_then(Value::as_str).unwrap_or_default()))
    })
}

fn header<'a>(part: &'a Value, name: &str) -> Option<&'a str> {
    headers(part).find(|(given, _)| given.eq_ignore_ascii_case(name)).map(|(_, value)| value)
}

/// Who wrote the file is not in the entry; its own fields tell.
fn browser(entry: &Value) -> &'static str {
    if entry.get("_initiator").is_some() || entry.get("_resourceType").is_some() {
        "Chrome"
    } else {
        "a browser"
    }
}

/// Time until the answer, as far as the entry says.
fn handshake_us(entry: &Value) -> i64 {
    let Some(timings) = entry.get("timings").and_then(Value::as_object) else { return 0 };
    // `receive` is the life of the connection itself.
    let sum: f64 = ["blocked", "dns", "connect", "send", "wait"]
        .iter()
        .filter_map(|name| timings.get(*name)?.as_f64())
        .filter(|ms| *ms > 0.0 && *ms < 1e9)
        .sum();
    #[allow(clippy::cast_possible_truncation, reason = "bounded above")]
    let us = (sum * 1000.0) as i64;
    us
}

fn short(text: &str, limit: usize) -> String {
    let cut: String = text.chars().take(limit).collect();
    evidence::printable(cut.as_bytes())
}

fn exchange(url: &str, request: &Value, response: &Value, status: u16, redactor: Redactor) -> Exchange {
    let after = url.split_once("://").map_or(url, |(_, rest)| rest);
    let path = after.find('/').map_or("/", |at| &after[at..]);
    let mut lines = vec![format!("GET {} HTTP/1.1", redactor.path(&short(path, 300)))];
    lines.extend(
        headers(request).filter(|(name, _)| !name.starts_with(':')).take(100).map(|(name, value)| {
            format!("{}: {}", short(name, 80), redactor.header(name, &short(value, 400)))
        }),
    );
    let content = response.get("content");
    let text = content.and_then(|content| content.get("text")).and_then(Value::as_str).unwrap_or_default();
    let encoded =
        content.and_then(|content| content.get("encoding")).and_then(Value::as_str) == Some("base64");
    let body = if encoded { String::new() } else { redactor.text(&short(text, BODY)) };
    Exchange {
        variation: Variation::plain(),
        to: None,
        tls: url.starts_with("wss:"),
        request: lines,
        answer: Answer::Response(Box::new(Response {
            version: "HTTP/1.1".to_owned(),
            status,
            reason: response
                .get("statusText")
                .and_then(Value::as_str)
                .map(|text| short(text, 80))
                .unwrap_or_default(),
            headers: headers(response)
                .take(100)
                .map(|(name, value)| Header {
                    name: short(name, 80),
                    value: redactor.header(name, &short(value, 400)),
                })
                .collect(),
            interim: Vec::new(),
            body: Body {
                length: text.len() as u64,
                complete: text.len() <= BODY,
                text: body,
                digest: String::new(),
            },
            faults: Vec::new(),
        })),
        took_us: 0,
    }
}

/// What went over the connection.
#[derive(Default)]
struct Messages {
    listed: Vec<Listed>,
    frames: Vec<FrameSeen>,
    received: Vec<Message>,
    sent: u64,
    count: u64,
    bytes: u64,
    last_us: Option<Micros>,
    closed: Option<(Option<u16>, String)>,
    /// What Chrome writes among the messages when a connection fails.
    error: Option<String>,
    closed_us: Option<Micros>,
}

impl Messages {
    fn read(value: Option<&Value>, began: Option<i64>, redactor: Redactor) -> Self {
        let mut out = Self::default();
        let messages = value.and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
        for (index, message) in messages.iter().enumerate() {
            let text = message.get("data").and_then(Value::as_str).unwrap_or_default();
            let opcode = number(message.get("opcode").or_else(|| message.get("opCode"))).unwrap_or(1);
            let sent = message.get("type").and_then(Value::as_str) == Some("send");
            let at_us = since(message.get("time"), began);
            let kind = match opcode {
                2 => "binary",
                8 => "close",
                9 => "ping",
                10 => "pong",
                -1 => "error",
                _ => "text",
            };
            if opcode == -1 {
                out.error.get_or_insert_with(|| crate::words::struck(&short(text, 300), redactor));
                out.listed.push(Listed {
                    entry: 0,
                    message: Some(index as u64 + 1),
                    direction: "error".to_owned(),
                    kind: kind.to_owned(),
                    size: 0,
                    ms: at_us.unwrap_or(0) / 1000,
                    preview: crate::words::struck(&short(text, PREVIEW), redactor),
                });
                continue;
            }
            out.last_us = out.last_us.max(at_us);
            if opcode == 8 && !sent {
                out.closed = Some(close_of(text));
                out.closed_us = at_us;
            }
            if sent && opcode != 8 && opcode != 10 {
                out.sent += 1;
            }
            let size = text.len() as u64;
            if !sent {
                out.count += 1;
                out.bytes += size;
                let at_us = at_us.unwrap_or(0);
                if out.frames.len() < KEPT {
                    out.frames.push(FrameSeen { at_us, kind: kind.to_owned(), length: size });
                }
                if out.received.len() < KEPT && (opcode == 1 || opcode == 2) {
                    let kind = if opcode == 2 { MessageKind::Binary } else { MessageKind::Text };
                    let preview = crate::words::struck(&short(text, PREVIEW), redactor);
                    out.received.push(Message { at_us, kind, length: size, preview });
                }
            }
            out.listed.push(Listed {
                entry: 0,
                message: Some(index as u64 + 1),
                direction: if sent { "send" } else { "receive" }.to_owned(),
                kind: kind.to_owned(),
                size,
                ms: at_us.unwrap_or(0) / 1000,
                preview: crate::words::struck(&short(text, PREVIEW), redactor),
            });
        }
        out
    }

    /// The connection as a short session that the server closed.
    fn session(&self, open_us: Micros, response: &Value) -> Option<Session> {
        let (code, reason) = self.closed.clone()?;
        let after_us = self.closed_us.unwrap_or(open_us);
        let deflate =
            header(response, "sec-websocket-extensions").is_some_and(|value| value.contains("deflate"));
        Some(Session {
            variation: Variation::plain(),
            deflate,
            pings: Vec::new(),
            echo: None,
            binary_sent_us: None,
            frames: self.frames.clone(),
            frame_count: self.count,
            messages: self.received.clone(),
            faults: Vec::new(),
            first_bytes: String::new(),
            bytes: self.bytes,
            ending: Some(Ending { how: How::Close { code, reason }, after_us, idle_us: 0 }),
            closing: Some(Closing { answered: None, ended: true, took_us: 0 }),
            open_us: open_us.max(after_us),
        })
    }
}

/// Time of a message since the connection began: seconds or milliseconds since 1970.
fn since(value: Option<&Value>, began: Option<i64>) -> Option<Micros> {
    let number = value?.as_f64()?;
    let micros = if number > 1e11 { number * 1e3 } else { number * 1e6 };
    if !(0.0..1e17).contains(&micros) {
        return None;
    }
    #[allow(clippy::cast_possible_truncation, reason = "bounded above")]
    let micros = micros as i64;
    u64::try_from(micros.checked_sub(began?)?.max(0)).ok()
}

/// Code and reason of a close frame's payload: as text, or as the two bytes and the reason.
fn close_of(text: &str) -> (Option<u16>, String) {
    let mut chars = text.chars();
    let bytes: Option<Vec<u32>> =
        (text.chars().count() >= 2).then(|| chars.by_ref().take(2).map(u32::from).collect());
    match bytes.as_deref() {
        Some([high, low]) if *high < 20 && *low < 256 => {
            let code = u16::try_from(high * 256 + low).ok().filter(|code| (1000..5000).contains(code));
            (code, short(chars.as_str(), 123))
        }
        _ => (crate::words::code_in(text, 1000..5000), short(text, 123)),
    }
}

#[cfg(test)]
mod tests {
    use crate::{Trouble, read_har};
    use evidence::{Fact, Redactor};

    fn har(entries: &str) -> crate::Reading {
        read_har(
            format!("{{\"log\":{{\"version\":\"1.2\",\"entries\":[{entries}]}}}}").as_bytes(),
            Redactor::ON,
        )
    }

    const OPEN: &str = r#"{"_resourceType":"websocket","startedDateTime":"2026-11-26T07:00:00.000Z","time":65010.0,
        "request":{"method":"GET","url":"wss://h/ws?token=abcdefgh","headers":[{"name":"Cookie","value":"sid=abcdefgh"}]},
        "response":{"status":101,"statusText":"Switching Protocols","headers":[{"name":"Server","value":"nginx"}]},
        "timings":{"blocked":2,"dns":-1,"connect":4,"send":0,"wait":4,"receive":65000},
        "_webSocketMessages":[{"type":"send","time":1795676405.0,"opcode":1,"data":"hi"},{"type":"receive","time":1795676405.01,"opcode":1,"data":"hi"}]}"#;

    #[test]
    fn a_timer_shows_in_the_silence_at_the_end() {
        let reading = har(OPEN);
        assert_eq!(reading.events.len(), 1);
        let event = &reading.events[0];
        assert_eq!((event.said.id.as_str(), event.said.status), ("opened", Some(101)));
        let idle = event.facts.iter().find_map(|fact| match fact {
            Fact::Hold(hold) => hold.ending.as_ref().map(|ending| ending.idle_us),
            _ => None,
        });
        assert_eq!(idle.map(|idle| idle / 100_000), Some(600));
        assert_eq!(reading.listed.len(), 3);
        let all = format!("{reading:?}");
        assert!(!all.contains("abcdefgh"), "{all}");
        // A tab that was closed tells nothing.
        assert_eq!(har(&OPEN.replace("65010.0", "42710.0")).events[0].facts.len(), 1);
    }

    #[test]
    fn failures_and_oddities() {
        for (entry, id, status) in [
            (
                r#"{"request":{"url":"wss://h/ws"},"response":{"status":404,"content":{"text":"Not Found"}}}"#,
                "unexpected-response-code",
                Some(404),
            ),
            (
                r#"{"request":{"url":"wss://h/ws"},"response":{"status":0,"_error":"net::ERR_CONNECTION_REFUSED"}}"#,
                "refused",
                None,
            ),
            (r#"{"request":{"url":"wss://h/ws"},"response":{}}"#, "connection-failed", None),
            (
                r#"{"request":{"url":"ws://h/ws"},"_webSocketMessages":[{"type":"error","opcode":-1,"data":"Error during WebSocket handshake: Unexpected response code: 403"}]}"#,
                "unexpected-response-code",
                Some(403),
            ),
            (r#"{"request":{"url":"ws://h/ws"}}"#, "connection-failed", None),
            (
                r#"{"request":{"url":"https://h/ws","headers":[{"name":"upgrade","value":"websocket"}]},"response":{"status":"502"}}"#,
                "unexpected-response-code",
                Some(502),
            ),
        ] {
            let reading = har(entry);
            assert_eq!(
                (reading.events[0].said.id.as_str(), reading.events[0].said.status),
                (id, status),
                "{entry}"
            );
        }
        assert!(har(r#"{"request":{"url":"https://h/x.png"},"response":{"status":404}}"#).events.is_empty());
    }

    #[test]
    fn broken_files_give_what_stands_before() {
        let text = format!("{{\"log\":{{\"entries\":[{OPEN},{{\"request\":{{\"ur");
        let reading = read_har(text.as_bytes(), Redactor::ON);
        assert_eq!(reading.events.len(), 1);
        assert_eq!(reading.problems[0].trouble, Trouble::Cut);
        assert_eq!(har("{}").problems[0].trouble, Trouble::Missing("request"));
        assert_eq!(har("{\"request\":{}}").problems[0].trouble, Trouble::Missing("request.url"));
        assert_eq!(
            read_har(b"{\"log\":{}}", Redactor::ON).problems[0].trouble,
            Trouble::Missing("log.entries")
        );
        for text in
            ["", "[]", "{\"log\":3}", "{\"log\":{\"entries\":null}}", "\u{0}", "{\"log\":{\"entries\":[1]}}"]
        {
            assert!(!read_har(text.as_bytes(), Redactor::ON).problems.is_empty(), "{text}");
        }
    }

    #[test]
    fn close_frames() {
        let closed = OPEN.replace(
            r#"{"type":"send","time":1795676405.0,"opcode":1,"data":"hi"},"#,
            r#"{"type":"receive","time":1795676405.0,"opcode":8,"data":"\u0003\u00f0token expired"},"#,
        );
        let reading = har(&closed);
        let closed = reading.events.iter().find(|event| event.said.id == "closed").expect("it is closed");
        assert_eq!((closed.said.code, closed.said.reason.as_str()), (Some(1008), "token expired"));
        assert!(closed.facts.iter().any(|fact| matches!(fact, Fact::Session(_))));
    }
}
