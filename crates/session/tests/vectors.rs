//! The vectors of `protocol/vectors`: scripts that every implementation plays, and what comes of them. The inputs are
//! written by hand; `KEEPWIRE_UPDATE=1` writes what the engine makes of them, and otherwise it has to make the same.

// clippy knows only functions with #[test] as tests; all of this is one.
#![allow(clippy::unwrap_used, clippy::panic)]

use keepwire_session::{
    Ack, Auth, Beat, Close, Data, Event, Frame, FrameError, Full, GoAway, Hello, Identity, Lost, Next,
    Opening, Range, Reconnect, Resume, Session, Settings, Side, Undelivered,
};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value, json};
use std::path::{Path, PathBuf};

/// Runs of at least so many equal bytes are written as `2e*1000`.
const RUN: usize = 24;

// Bytes: hexadecimal, in words; `2e*1000` is a byte a thousand times.

fn bytes(text: &str) -> Vec<u8> {
    let mut out = Vec::new();
    for word in text.split_whitespace() {
        let (hex, times) =
            word.split_once('*').map_or((word, 1), |(hex, times)| (hex, times.parse().unwrap()));
        let one: Vec<u8> =
            (0..hex.len()).step_by(2).map(|at| u8::from_str_radix(&hex[at..at + 2], 16).unwrap()).collect();
        (0..times).for_each(|_| out.extend_from_slice(&one));
    }
    out
}

fn hex(bytes: &[u8]) -> String {
    let mut words: Vec<String> = Vec::new();
    let mut plain = String::new();
    for run in bytes.chunk_by(|one, next| one == next) {
        if run.len() < RUN {
            run.iter().for_each(|byte| plain.push_str(&format!("{byte:02x}")));
        } else {
            if !plain.is_empty() {
                words.push(std::mem::take(&mut plain));
            }
            words.push(format!("{:02x}*{}", run[0], run.len()));
        }
    }
    if !plain.is_empty() {
        words.push(plain);
    }
    words.join(" ")
}

// Frames.

fn side(name: &str) -> Side {
    match name {
        "client" => Side::Client,
        "gateway" => Side::Gateway,
        "backend" => Side::Backend,
        other => panic!("side {other}"),
    }
}

fn side_name(side: Side) -> &'static str {
    match side {
        Side::Client => "client",
        Side::Gateway => "gateway",
        Side::Backend => "backend",
    }
}

fn of<T: DeserializeOwned>(value: &Value) -> T {
    serde_json::from_value(value.clone()).unwrap_or_else(|error| panic!("{error}: {value}"))
}

fn whole(value: &Value, member: &str) -> u64 {
    value[member].as_u64().unwrap_or_else(|| panic!("{member} of {value}"))
}

fn flag(value: &Value, member: &str) -> bool {
    value[member].as_bool().unwrap_or(false)
}

fn text<'a>(value: &'a Value, member: &str) -> &'a str {
    value[member].as_str().unwrap_or_else(|| panic!("{member} of {value}"))
}

fn frame_of(value: &Value) -> Frame {
    let ack = || Ack { number: whole(value, "number"), credit: whole(value, "credit") };
    let beat = || Beat {
        nonce: whole(value, "nonce"),
        last: whole(value, "last"),
        ack: ack(),
        hidden: flag(value, "hidden"),
    };
    match text(value, "kind") {
        "HELLO" => Frame::Hello(of(value)),
        "WELCOME" => Frame::Welcome(of(value)),
        "RESUME" => Frame::Resume(of(value)),
        "RESUMED" => Frame::Resumed(of(value)),
        "REFUSED" => Frame::Refused(of(value)),
        "DATA" => Frame::Data(Data {
            number: whole(value, "number"),
            text: flag(value, "text"),
            more: flag(value, "more"),
            payload: bytes(text(value, "payload")),
        }),
        "ACK" => Frame::Ack(ack()),
        "PING" => Frame::Ping(beat()),
        "PONG" => Frame::Pong(beat()),
        "AUTH" => Frame::Auth(of(value)),
        "AUTHENTICATED" => Frame::Authenticated(of(value)),
        "GOAWAY" => Frame::GoAway(of(value)),
        "CLOSE" => Frame::Close(Close {
            number: whole(value, "number"),
            code: whole(value, "code") as u16,
            side: side(text(value, "side")),
            reason: text(value, "reason").to_owned(),
        }),
        "RESET" => Frame::Reset(of(value)),
        "LINK" => Frame::Link(of(value)),
        other => panic!("kind {other}"),
    }
}

fn named(kind: &str, body: &impl Serialize) -> Value {
    let mut value = serde_json::to_value(body).unwrap();
    value["kind"] = kind.into();
    value
}

fn frame_value(frame: &Frame) -> Value {
    let beat = |kind: &str, beat: &Beat| {
        json!({"kind": kind, "nonce": beat.nonce, "last": beat.last, "number": beat.ack.number,
            "credit": beat.ack.credit, "hidden": beat.hidden})
    };
    match frame {
        Frame::Hello(body) => named("HELLO", body),
        Frame::Welcome(body) => named("WELCOME", body),
        Frame::Resume(body) => named("RESUME", body),
        Frame::Resumed(body) => named("RESUMED", body),
        Frame::Refused(body) => named("REFUSED", body),
        Frame::Data(Data { number, text, more, payload }) => {
            json!({"kind": "DATA", "number": number, "text": text, "more": more, "payload": hex(payload)})
        }
        Frame::Ack(ack) => json!({"kind": "ACK", "number": ack.number, "credit": ack.credit}),
        Frame::Ping(body) => beat("PING", body),
        Frame::Pong(body) => beat("PONG", body),
        Frame::Auth(body) => named("AUTH", body),
        Frame::Authenticated(body) => named("AUTHENTICATED", body),
        Frame::GoAway(body) => named("GOAWAY", body),
        Frame::Close(Close { number, code, side, reason }) => {
            json!({"kind": "CLOSE", "number": number, "code": code, "side": side_name(*side), "reason": reason})
        }
        Frame::Reset(body) => named("RESET", body),
        Frame::Link(body) => named("LINK", body),
    }
}

fn error_name(error: &FrameError) -> &'static str {
    match error {
        FrameError::Short => "short",
        FrameError::Integer => "integer",
        FrameError::Json(_) => "json",
        FrameError::Close => "close",
    }
}

fn frames_or_error(bytes: &[u8]) -> (&'static str, Value) {
    match Frame::decode_all(bytes) {
        Ok(frames) => ("frames", frames.iter().map(frame_value).collect()),
        Err(error) => ("error", error_name(&error).into()),
    }
}

fn play_frames(file: &mut Value) {
    for case in file["frames"].as_array_mut().unwrap() {
        let frame = frame_of(&case["frame"]);
        let bytes = frame.to_bytes();
        assert_eq!(Frame::decode_all(&bytes).as_deref(), Ok(&[frame][..]));
        case["hex"] = hex(&bytes).into();
    }
    for case in file["read"].as_array_mut().unwrap() {
        let (member, value) = frames_or_error(&bytes(text(case, "hex")));
        put_one_of(case, &["frames", "error"], member, value);
    }
}

fn put_one_of(case: &mut Value, members: &[&str], member: &str, value: Value) {
    let case = case.as_object_mut().unwrap();
    members.iter().for_each(|other| drop(case.remove(*other)));
    case.insert(member.to_owned(), value);
}

/// Integers are no part of the engine's surface: they are seen as the number of an ACK, whose credit is zero.
fn play_integers(file: &mut Value) {
    for case in file["write"].as_array_mut().unwrap() {
        let out = Frame::Ack(Ack { number: whole(case, "value"), credit: 0 }).to_bytes();
        case["hex"] = hex(&out[2..out.len() - 1]).into();
    }
    for case in file["read"].as_array_mut().unwrap() {
        let mut body = bytes(text(case, "hex"));
        body.push(0);
        let mut ack = vec![7, body.len() as u8];
        ack.extend(body);
        match Frame::decode_all(&ack).as_deref() {
            Ok([Frame::Ack(ack)]) => put_one_of(case, &["value", "error"], "value", ack.number.into()),
            Err(error) => put_one_of(case, &["value", "error"], "error", error_name(error).into()),
            other => panic!("{other:?}"),
        }
    }
}

// Reconnecting.

fn play_reconnect(file: &mut Value) {
    for script in file["scripts"].as_array_mut().unwrap() {
        let range: Range = of(&script["range"]);
        let mut policy = match text(script, "codes") {
            "plain" => Reconnect::plain(range),
            "session" => Reconnect::session(range),
            other => panic!("codes {other}"),
        };
        for step in script["steps"].as_array_mut().unwrap() {
            let now = whole(step, "at");
            let next = match text(step, "do") {
                "up" => {
                    policy.up(now, step["resumed"] == true);
                    None
                }
                "lost" => {
                    let how = &step["how"];
                    let how = match how.as_str() {
                        Some("broken") => Lost::Broken,
                        Some("known") => Lost::Known,
                        Some(other) => panic!("how {other}"),
                        None if how["refused"].is_object() => Lost::Refused(of(&how["refused"])),
                        None => Lost::Closed(whole(how, "closed") as u16),
                    };
                    Some(policy.lost(now, &how, step["chance"].as_f64().unwrap()))
                }
                "wake" => policy.wake(now),
                "credentials" => Some(policy.credentials(now)),
                "range" => {
                    policy.set_range(of(&step["range"]));
                    None
                }
                other => panic!("do {other}"),
            };
            step["next"] = match next {
                None => Value::Null,
                Some(Next::TryAt(at)) => at.into(),
                Some(Next::Credentials) => "credentials".into(),
                Some(Next::Stop) => "stop".into(),
            };
            step["tries"] = policy.tries().into();
        }
    }
}

// Sessions.

fn settings(value: &Value) -> Settings {
    let mut settings = Settings::default();
    for (name, value) in value.as_object().into_iter().flatten() {
        let number = || value.as_u64().unwrap();
        match name.as_str() {
            "window" => settings.window = number(),
            "hold_bytes" => settings.hold_bytes = number() as usize,
            "hold_messages" => settings.hold_messages = number() as usize,
            "message_limit" => settings.message_limit = number() as usize,
            "heartbeat" => settings.heartbeat = of(value),
            "resume_window" => settings.resume_window = number(),
            "full_detached" => settings.full.0 = number(),
            "full_attached" => settings.full.1 = number(),
            "reconnect" => settings.reconnect = of(value),
            other => panic!("setting {other}"),
        }
    }
    settings
}

fn opening(value: &Value) -> Opening {
    Opening {
        link: whole(value, "link"),
        expires: value["expires"].as_u64(),
        first_ping: value["first_ping"].as_u64().unwrap_or(25_000),
    }
}

fn undelivered(messages: &[Undelivered]) -> Value {
    let one =
        |it: &Undelivered| json!({"text": it.text, "payload": hex(&it.payload), "uncertain": it.uncertain});
    messages.iter().map(one).collect()
}

fn event_value(event: Event) -> Value {
    match event {
        Event::Up { link, resumed } => json!({"event": "up", "link": link, "resumed": resumed}),
        Event::Proven { link, round_trip } => {
            json!({"event": "proven", "link": link, "round_trip": round_trip})
        }
        Event::Message(it) => {
            json!({"event": "message", "number": it.number, "text": it.text, "payload": hex(&it.payload)})
        }
        Event::DropLink { link, code } => json!({"event": "drop", "link": link, "code": code}),
        Event::Refused(refused) => json!({"event": "refused", "refused": refused}),
        Event::GoAway(go_away) => json!({"event": "goaway", "goaway": go_away}),
        Event::CredentialsWanted => json!({"event": "credentials wanted"}),
        Event::Credentials(text) => json!({"event": "credentials", "credentials": text}),
        Event::Authenticated(expires) => json!({"event": "authenticated", "expires": expires}),
        Event::Closed { code, reason, side, undelivered: back } => {
            json!({"event": "closed", "code": code, "reason": reason, "side": side_name(side),
                "undelivered": undelivered(&back)})
        }
        Event::Reset { reason, undelivered: back } => {
            json!({"event": "reset", "reason": reason, "undelivered": undelivered(&back)})
        }
    }
}

/// Name and version of an implementation are no part of a vector.
fn without_agent(bytes: &[u8]) -> Vec<Frame> {
    let mut frames = Frame::decode_all(bytes).unwrap();
    for frame in &mut frames {
        if let Frame::Hello(Hello { agent, .. }) = frame {
            *agent = None;
        }
    }
    frames
}

struct Player {
    settings: Settings,
    session: Option<Session>,
    links: Vec<u64>,
}

fn play_session(script: &mut Value) {
    let mut player = Player::new(script);
    script["steps"].as_array_mut().unwrap().iter_mut().for_each(|step| player.step(step));
}

impl Player {
    fn new(script: &Value) -> Player {
        let settings = settings(&script["settings"]);
        let session = match text(script, "role") {
            "client" => Some(Session::client(settings.clone())),
            "gateway" => None,
            other => panic!("role {other}"),
        };
        Player { settings, session, links: Vec::new() }
    }

    /// Gives the input of a step and writes down what comes of it.
    fn step(&mut self, step: &mut Value) {
        let now = whole(step, "at");
        let input = step.clone();
        let link = input["link"].as_u64();
        if let Some(link) = link.filter(|link| !self.links.contains(link)) {
            self.links.push(link);
        }
        let mut result = Value::Null;
        if text(&input, "do") == "hello" {
            let hello: Hello = of(&input["hello"]);
            let identity = Identity {
                id: text(&input, "id").to_owned(),
                token: text(&input, "token").to_owned(),
                epoch: text(&input, "epoch").to_owned(),
            };
            let protocol = input["protocol"].as_str().unwrap_or_default();
            self.session = Some(Session::gateway(
                now,
                self.settings.clone(),
                identity,
                opening(&input),
                &hello,
                protocol,
            ));
        }
        let session = self.session.as_mut().unwrap();
        match text(&input, "do") {
            "hello" => {}
            "resume" => {
                let resume: Resume = of(&input["resume"]);
                result = match session.resume(now, opening(&input), &resume, text(&input, "token").to_owned())
                {
                    Ok(()) => "resumed".into(),
                    Err(refused) => named("REFUSED", &refused),
                };
            }
            "link up" => {
                session.link_up(now, link.unwrap(), input["credentials"].as_str().map(str::to_owned));
            }
            "link down" => session.link_down(now, link.unwrap()),
            "receive" => {
                let bytes = match input["hex"].as_str() {
                    Some(hex) => bytes(hex),
                    None => {
                        let frames = input["frames"].as_array().unwrap();
                        frames.iter().flat_map(|frame| frame_of(frame).to_bytes()).collect()
                    }
                };
                session.receive(now, link.unwrap(), &bytes);
            }
            "send" => {
                result = match session.send(now, flag(&input, "text"), bytes(text(&input, "payload"))) {
                    Ok(()) => "taken",
                    Err(Full::Held(_)) => "full",
                    Err(Full::TooLarge(_)) => "too large",
                    Err(Full::Ended(_)) => "ended",
                }
                .into();
            }
            "handled" => session.handled(now, whole(&input, "number")),
            "close" => {
                session.close(
                    whole(&input, "code") as u16,
                    text(&input, "reason"),
                    side(text(&input, "side")),
                );
            }
            "abort" => session.abort(text(&input, "reason")),
            "wake" => session.wake(now),
            "hidden" => session.set_hidden(flag(&input, "hidden")),
            "go away" => session.go_away(of::<GoAway>(&input["goaway"])),
            "want credentials" => session.want_credentials(),
            "authenticate" => {
                session.authenticate(of::<Auth>(&input).credentials.unwrap());
            }
            "authenticated" => session.authenticated(input["expires"].as_u64()),
            "time" => session.timeout(now),
            other => panic!("do {other}"),
        }
        let limit = input["limit"].as_u64().unwrap_or(1 << 20) as usize;
        let mut transmit = Vec::new();
        for &link in &self.links {
            let mut out = Vec::new();
            session.transmit(now, link, limit, &mut out);
            if !out.is_empty() {
                let frames = without_agent(&out);
                let bytes: Vec<u8> = frames.iter().flat_map(Frame::to_bytes).collect();
                let frames: Vec<Value> = frames.iter().map(frame_value).collect();
                transmit.push(json!({"link": link, "hex": hex(&bytes), "frames": frames}));
            }
        }
        let events: Vec<Value> = std::iter::from_fn(|| session.poll()).map(event_value).collect();
        let step = step.as_object_mut().unwrap();
        let outputs = [
            ("result", result),
            ("transmit", transmit.into()),
            ("events", events.into()),
            ("deadline", session.deadline().into()),
            ("unacknowledged", session.unacknowledged().into()),
            ("up", session.is_up().into()),
            ("ended", session.has_ended().into()),
        ];
        for (name, value) in outputs {
            // What says nothing is left out.
            let nothing = match &value {
                Value::Null | Value::Bool(false) => true,
                Value::Array(items) => items.is_empty(),
                Value::Number(number) => name == "unacknowledged" && number.as_u64() == Some(0),
                _ => false,
            };
            if nothing {
                step.remove(name);
            } else {
                step.insert(name.to_owned(), value);
            }
        }
    }
}

// Files.

/// Members in this order, then all others by name: a vector reads as it was written, and the JSON of a frame has its
/// members in the order of its bytes.
const ORDER: &[&str] = &[
    "about",
    "name",
    "role",
    "codes",
    "range",
    "settings",
    "at",
    "do",
    "kind",
    "event",
    "link",
    "version",
    "id",
    "token",
    "epoch",
    "attempt",
    "generation",
    "protocol",
    "nonce",
    "last",
    "number",
    "text",
    "more",
    "code",
    "side",
    "reason",
    "class",
    "min",
    "max",
    "received",
    "held",
    "credit",
    "message_limit",
    "heartbeat",
    "interval",
    "grace",
    "hidden_grace",
    "resume_window",
    "reconnect",
    "urls",
    "expires",
    "credentials",
    "agent",
    "status",
    "url",
    "hidden",
    "payload",
    "hello",
    "resume",
    "how",
    "frame",
    "value",
    "hex",
    "frames",
    "result",
    "transmit",
    "events",
    "undelivered",
    "next",
];

fn place(member: &str) -> (usize, &str) {
    (ORDER.iter().position(|name| *name == member).unwrap_or(ORDER.len()), member)
}

fn sorted(map: &Map<String, Value>) -> Vec<(&String, &Value)> {
    let mut members: Vec<_> = map.iter().collect();
    members.sort_by_key(|(member, _)| place(member));
    members
}

fn one_line(value: &Value) -> String {
    match value {
        Value::Object(map) => {
            let members =
                sorted(map).into_iter().map(|(member, value)| format!("\"{member}\": {}", one_line(value)));
            format!("{{{}}}", members.collect::<Vec<_>>().join(", "))
        }
        Value::Array(items) => format!("[{}]", items.iter().map(one_line).collect::<Vec<_>>().join(", ")),
        other => other.to_string(),
    }
}

fn pretty(value: &Value, indent: usize, out: &mut String) {
    let line = one_line(value);
    let inner = "  ".repeat(indent + 1);
    match value {
        _ if line.len() + 2 * indent <= 116 && indent > 0 => out.push_str(&line),
        Value::Object(map) if !map.is_empty() => {
            out.push('{');
            for (index, (member, value)) in sorted(map).into_iter().enumerate() {
                out.push_str(if index == 0 { "\n" } else { ",\n" });
                out.push_str(&format!("{inner}\"{member}\": "));
                pretty(value, indent + 1, out);
            }
            out.push_str(&format!("\n{}}}", "  ".repeat(indent)));
        }
        Value::Array(items) if !items.is_empty() => {
            out.push('[');
            for (index, value) in items.iter().enumerate() {
                out.push_str(if index == 0 { "\n" } else { ",\n" });
                out.push_str(&inner);
                pretty(value, indent + 1, out);
            }
            out.push_str(&format!("\n{}]", "  ".repeat(indent)));
        }
        _ => out.push_str(&line),
    }
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../protocol/vectors")
}

fn run(name: &str, play: impl FnOnce(&mut Value)) {
    let path = folder().join(name);
    let before = std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{name}: {error}"));
    let mut file: Value = serde_json::from_str(&before).unwrap_or_else(|error| panic!("{name}: {error}"));
    play(&mut file);
    let mut after = String::new();
    pretty(&file, 0, &mut after);
    after.push('\n');
    if std::env::var_os("KEEPWIRE_UPDATE").is_some() {
        std::fs::write(&path, after).unwrap();
    } else if after != before {
        let line = after.lines().zip(before.lines()).position(|(one, other)| one != other).unwrap_or(0);
        panic!(
            "{name}:{}: the engine does otherwise (KEEPWIRE_UPDATE=1 writes what it does)\n  file:   {}\n  engine: {}",
            line + 1,
            before.lines().nth(line).unwrap_or_default(),
            after.lines().nth(line).unwrap_or_default()
        );
    }
}

#[test]
fn frames() {
    run("frames.json", play_frames);
}

#[test]
fn integers() {
    run("integers.json", play_integers);
}

#[test]
fn reconnecting() {
    run("reconnect.json", play_reconnect);
}

#[test]
fn sessions() {
    for name in ["session-client.json", "session-gateway.json"] {
        run(name, |file| file["scripts"].as_array_mut().unwrap().iter_mut().for_each(play_session));
    }
}

/// A session of a client against a gateway that mostly keeps to the rules, played as it is made up.
fn random_session(seed: u64) -> Value {
    let mut dice = Dice(seed);
    let mut script = json!({"name": format!("seed {seed}"), "role": "client", "settings": {}, "steps": []});
    if dice.once_in(3) {
        script["settings"] = json!({"window": 65_536 + dice.below(9000), "hold_bytes": 1 + dice.below(50_000),
            "hold_messages": 1 + dice.below(5), "message_limit": 1 + dice.below(80_000)});
    }
    let mut player = Player::new(&script);
    let (mut now, mut made, mut down, mut sent, mut message, mut nonce) = (0, 0, 0, 0, 0, 0);
    for _ in 0..60 {
        let session = player.session.as_ref().unwrap();
        let (up, trying, known) = (session.is_up(), session.is_trying(), session.identity().is_some());
        now += match dice.below(8) {
            0 => dice.below(40_000),
            1 => dice.below(3000),
            _ => dice.below(100),
        };
        let credit = if dice.once_in(4) { dice.below(300_000) } else { 10_000_000 };
        let link = if made > 1 && dice.once_in(12) { made - 1 } else { made };
        let payload = format!(
            "{:02x}*{}",
            0x20 + dice.below(90),
            match dice.below(5) {
                0 => dice.below(33_000),
                _ => 1 + dice.below(40),
            }
        );
        let ack = if dice.once_in(60) { sent + 1 } else { dice.below(sent + 1) };
        let class = ["never", "auth", "new", "later", "now"][dice.below(5) as usize];
        let frame = match dice.below(if trying { 5 } else { 22 }) {
            0..4 if trying && !known => json!({"kind": "WELCOME", "id": "s", "token": format!("t-{made}"),
                "epoch": "e", "generation": 1, "protocol": "p", "credit": credit,
                "message_limit": 40_000 + dice.below(100_000),
                "heartbeat": {"interval": 1000 + dice.below(30_000), "grace": 1000, "hidden_grace": 5000},
                "resume_window": 1, "reconnect": {"min": 1, "max": 2}}),
            0..4 if trying => json!({"kind": "RESUMED", "token": format!("t-{made}"), "generation": made,
                "received": ack.max(sent.saturating_sub(dice.below(2))),
                "held": if dice.once_in(20) { down + 2 } else { 1 }, "credit": credit}),
            4 if trying => json!({"kind": "REFUSED", "reason": "r", "min": 0, "max": 0,
                "class": class}),
            0..8 => {
                let number = match dice.below(60) {
                    0 => down,
                    1 => down + 2,
                    _ => down + 1,
                };
                json!({"kind": "DATA", "number": number, "text": !dice.once_in(3), "more": dice.once_in(3),
                    "payload": payload})
            }
            8..12 => json!({"kind": "ACK", "number": ack, "credit": credit}),
            12..14 => {
                json!({"kind": "PING", "nonce": dice.below(9), "last": 0, "number": ack, "credit": credit,
                "hidden": false})
            }
            14..17 => json!({"kind": "PONG", "nonce": nonce, "last": 0, "number": ack, "credit": credit,
                "hidden": false}),
            17 => json!({"kind": "GOAWAY", "reason": "drain", "min": 1, "max": 2}),
            18 => json!({"kind": "AUTH"}),
            19 if dice.once_in(4) => {
                json!({"kind": "CLOSE", "number": down + 1, "code": 1000, "side": "backend",
                "reason": "r"})
            }
            20 if dice.once_in(3) => json!({"kind": "RESET", "reason": "kicked", "received": ack}),
            21 if dice.once_in(5) => json!({"kind": "LINK", "id": "s", "token": "t", "generation": 1}),
            _ => json!({"kind": "ACK", "number": ack.min(sent), "credit": credit}),
        };
        let mut step = match dice.below(30) {
            0..3 if !up && !trying => json!({"do": "time"}),
            _ if (!up && !trying && !dice.once_in(3)) || dice.once_in(20) => {
                made += 1;
                json!({"do": "link up", "link": made})
            }
            0..15 => json!({"do": "receive", "link": link, "frames": [frame]}),
            15..20 => json!({"do": "send", "text": !dice.once_in(3), "payload": payload}),
            20..24 => json!({"do": "handled", "number": message}),
            24 => json!({"do": "wake"}),
            25 => json!({"do": "hidden", "hidden": dice.once_in(2)}),
            26 if made > 0 => json!({"do": "link down", "link": link}),
            27 if dice.once_in(8) => json!({"do": "close", "code": 1000, "reason": "bye", "side": "client"}),
            28 if dice.once_in(8) => json!({"do": "abort", "reason": "shutdown"}),
            29 if made > 0 && dice.once_in(8) => json!({"do": "receive", "link": link, "hex": "0702 05"}),
            _ => json!({"do": "time"}),
        };
        step["at"] = now.into();
        if dice.once_in(3) {
            step["limit"] = 1.into();
        }
        player.step(&mut step);
        let heard = up && link == made && text(&step, "do") == "receive" && flag(&step, "up");
        if heard && step["frames"][0]["kind"] == "DATA" && step["frames"][0]["number"] == down + 1 {
            down += 1;
        }
        for event in step["events"].as_array().into_iter().flatten() {
            match text(event, "event") {
                "message" => message = whole(event, "number"),
                "reset" => (down, sent, message) = (0, 0, 0),
                _ => {}
            }
        }
        for frame in
            step["transmit"].as_array().into_iter().flatten().flat_map(|it| it["frames"].as_array().unwrap())
        {
            match text(frame, "kind") {
                "DATA" | "CLOSE" => sent = sent.max(whole(frame, "number")),
                "PING" => nonce = whole(frame, "nonce"),
                _ => {}
            }
        }
        script["steps"].as_array_mut().unwrap().push(step);
    }
    script
}

/// SplitMix64.
struct Dice(u64);

impl Dice {
    fn below(&mut self, end: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ (z >> 31)) % end
    }

    fn once_in(&mut self, times: u64) -> bool {
        self.below(times) == 0
    }
}

/// `KEEPWIRE_SESSIONS=FILE` writes a thousand random sessions of a client, for other implementations to play.
#[test]
fn random_sessions() {
    let file = std::env::var_os("KEEPWIRE_SESSIONS");
    let many = if file.is_some() { 1000 } else { 50 };
    let scripts: Vec<Value> = (0..many).map(random_session).collect();
    if let Some(file) = file {
        std::fs::write(file, json!({"scripts": scripts}).to_string()).unwrap();
    }
}

#[test]
fn every_vector_is_run() {
    let known =
        ["frames.json", "integers.json", "reconnect.json", "session-client.json", "session-gateway.json"];
    for entry in std::fs::read_dir(folder()).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        assert!(name.ends_with(".md") || known.contains(&name.as_str()), "{name} is run by nobody");
    }
}

#[test]
fn runs_of_bytes() {
    let sample = [vec![1, 2, 3], vec![b'.'; 40], vec![4]].concat();
    assert_eq!(hex(&sample), "010203 2e*40 04");
    assert_eq!(bytes(&hex(&sample)), sample);
}
