//! Our reading of nginx against nginx: configurations made from fixed seeds, the real nginx in front of an application
//! that says what reached it, and [`config::Config`] asked about the same requests. This is the one place here that
//! shares code with the program, because it is the code that is held against the product.

use config::{Config, Dialect, Memory, Options, Request, Version, apply};
use evidence::{HostSent, Passing, Setting, Told, VersionBy, Wish};
use std::fs;
use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

const NGINX: &str = "/usr/sbin/nginx";

/// What came out.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    configs: usize,
    refused: usize,
    requests: usize,
    facts: usize,
    edits: usize,
    pub disagreements: Vec<String>,
}

impl Tally {
    pub(crate) fn said(&self) -> String {
        format!(
            "{} configs, {} requests, {} facts, {} edits: {} disagree",
            self.configs,
            self.requests,
            self.facts,
            self.edits,
            self.disagreements.len()
        )
    }
}

/// Compares for all these seeds; the ports are two for nginx and one for the application.
pub(crate) fn compare(
    folder: &Path,
    ports: [u16; 3],
    seeds: impl IntoIterator<Item = u64>,
) -> Result<Tally, String> {
    let application = Application::start(ports[2])?;
    let mut tally = Tally::default();
    for seed in seeds {
        one(folder, ports, seed, &mut tally)?;
    }
    drop(application);
    if tally.refused * 3 > tally.configs {
        return Err(format!("nginx refuses {} of {} configurations", tally.refused, tally.configs));
    }
    Ok(tally)
}

/// Says to everybody what reached it, and at which of the addresses 127.1.0.N.
struct Application {
    port: u16,
    over: Arc<AtomicBool>,
}

impl Application {
    fn start(port: u16) -> Result<Self, String> {
        let listener = TcpListener::bind((Ipv4Addr::UNSPECIFIED, port))
            .map_err(|error| format!("port {port}: {error}"))?;
        let over = Arc::new(AtomicBool::new(false));
        let ends = Arc::clone(&over);
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                if ends.load(Ordering::Relaxed) {
                    return;
                }
                let _ = reflect(stream);
            }
        });
        Ok(Self { port, over })
    }
}

impl Drop for Application {
    fn drop(&mut self) {
        self.over.store(true, Ordering::Relaxed);
        let _ = TcpStream::connect((Ipv4Addr::LOCALHOST, self.port));
    }
}

fn reflect(mut stream: TcpStream) -> std::io::Result<()> {
    stream.set_read_timeout(Some(Duration::from_secs(2)))?;
    let place = match stream.local_addr()? {
        SocketAddr::V4(address) => address.ip().to_string(),
        SocketAddr::V6(address) => address.to_string(),
    };
    let head = until_blank_line(&mut stream)?;
    let body = format!("{place}\n{head}");
    let answer =
        format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}", body.len());
    stream.write_all(answer.as_bytes())
}

fn until_blank_line(stream: &mut TcpStream) -> std::io::Result<String> {
    let mut head = Vec::new();
    let mut buffer = [0; 4096];
    while !head.windows(4).any(|window| window == b"\r\n\r\n") {
        match stream.read(&mut buffer)? {
            0 => break,
            count => head.extend_from_slice(&buffer[..count]),
        }
    }
    Ok(String::from_utf8_lossy(&head).into_owned())
}

/// A process that ends with its owner.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn nginx(folder: &Path, file: &str) -> Command {
    let mut command = Command::new(NGINX);
    command.arg("-p").arg(folder).arg("-c").arg(folder.join(file)).stdin(Stdio::null());
    command
}

/// What nginx says of a file; none: it takes it.
fn complaint(folder: &Path, file: &str) -> Result<Option<String>, String> {
    let output = nginx(folder, file).arg("-t").output().map_err(|error| format!("{NGINX}: {error}"))?;
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    Ok((!output.status.success()).then_some(said))
}

fn write(folder: &Path, name: &str, text: &[u8]) -> Result<(), String> {
    fs::write(folder.join(name), text).map_err(|error| format!("writing {name}: {error}"))
}

fn read(files: &Memory) -> Config {
    let version = Version::parse("1.22.1").map(|version| (version, VersionBy::Given));
    config::read(
        "main.conf",
        files,
        &Options { dialect: Some(Dialect::Nginx), version, ..Options::default() },
    )
}

fn one(folder: &Path, ports: [u16; 3], seed: u64, tally: &mut Tally) -> Result<(), String> {
    let mut maker = Maker::new(seed, folder, ports);
    let files = maker.files();
    tally.configs += 1;
    let mut memory = Memory::default();
    for (name, text) in &files {
        write(folder, name, text.as_bytes())?;
        memory = memory.with(name, text.clone());
    }
    if let Some(said) = complaint(folder, "main.conf")? {
        tally.refused += 1;
        if std::env::var_os("TRUTH_SAY").is_some() {
            eprintln!("seed {seed}: {said}");
        }
        return Ok(());
    }
    let config = read(&memory);
    let running = Running(nginx(folder, "main.conf").spawn().map_err(|error| format!("{NGINX}: {error}"))?);
    for port in &maker.used {
        wait_for(*port)?;
    }
    for _ in 0..24 {
        let request = maker.request();
        let written = if maker.one_in(6) { format!("{}?a=/b", request.path) } else { request.path.clone() };
        tally.requests += 1;
        let mut seen = Vec::new();
        for headers in [
            "Connection: Upgrade\r\nUpgrade: websocket\r\n",
            "Connection: keep-alive\r\n",
            "Connection: Upgrade\r\nUpgrade: h2c\r\n",
        ] {
            seen.push(ask(&request, &written, headers)?);
        }
        let mut wrong = Vec::new();
        judge(&config, &request, &seen, &mut wrong, &mut tally.facts);
        for wrong in wrong {
            tally.disagreements.push(format!(
                "{wrong}\nseed {seed}, {}:{} {written}\n{}",
                request.host,
                request.port,
                files.iter().map(|(name, text)| format!("--- {name}\n{text}\n")).collect::<String>()
            ));
        }
    }
    drop(running);
    edits(folder, &config, seed, &mut maker, tally)
}

fn wait_for(port: u16) -> Result<(), String> {
    for _ in 0..400 {
        if TcpStream::connect((Ipv4Addr::LOCALHOST, port)).is_ok() {
            return Ok(());
        }
        std::thread::sleep(Duration::from_millis(5));
    }
    Err(format!("nginx does not listen on port {port}"))
}

/// What reached the application, or the status that nginx answers by itself.
#[derive(Debug)]
enum Seen {
    Reached { number: String, line: String, headers: Vec<(String, String)> },
    Answered { status: String },
}

fn ask(request: &Request, written: &str, headers: &str) -> Result<Seen, String> {
    let failed = |error: std::io::Error| format!("asking nginx: {error}");
    let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, request.port)).map_err(failed)?;
    stream.set_read_timeout(Some(Duration::from_secs(3))).map_err(failed)?;
    let head = format!(
        "GET {written} HTTP/1.1\r\nHost: {}:{}\r\n{headers}Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\
         Sec-WebSocket-Version: 13\r\nSec-WebSocket-Protocol: chat\r\nSec-WebSocket-Extensions: x\r\n\r\n",
        request.host, request.port
    );
    stream.write_all(head.as_bytes()).map_err(failed)?;
    let answer = until_blank_line(&mut stream).map_err(failed)?;
    let (top, mut body) =
        answer.split_once("\r\n\r\n").map(|(top, body)| (top, body.to_owned())).unwrap_or_default();
    let status = top.split(' ').nth(1).unwrap_or_default().to_owned();
    let length = top
        .lines()
        .filter_map(|line| line.split_once(": "))
        .find(|(name, _)| name.eq_ignore_ascii_case("content-length"))
        .and_then(|(_, value)| value.trim().parse::<usize>().ok())
        .unwrap_or(0);
    let mut buffer = [0; 4096];
    while body.len() < length {
        match stream.read(&mut buffer).map_err(failed)? {
            0 => break,
            count => body.push_str(&String::from_utf8_lossy(&buffer[..count])),
        }
    }
    let mut lines = body.lines();
    match lines.next() {
        Some(place) if status == "200" && place.starts_with("127.1.0.") => Ok(Seen::Reached {
            number: place.to_owned(),
            line: lines.next().unwrap_or_default().to_owned(),
            headers: lines
                .filter_map(|line| line.split_once(": "))
                .map(|(name, value)| (name.to_ascii_lowercase(), value.to_owned()))
                .collect(),
        }),
        _ => Ok(Seen::Answered { status }),
    }
}

/// Which address of the application a route leads to.
fn number_of(told: &[Told]) -> Option<String> {
    told.iter().find_map(|told| match &told.what {
        Setting::Route(route) => {
            let upstream = route.upstream.as_ref()?;
            let from = upstream.find("127.1.0.")?;
            Some(upstream[from..].split(':').next().unwrap_or_default().to_owned())
        }
        _ => None,
    })
}

fn judge(config: &Config, request: &Request, seen: &[Seen], wrong: &mut Vec<String>, facts: &mut usize) {
    let route = config.choose(request);
    let told = route.map(|route| config.about_request(route, Some(request))).unwrap_or_default();
    let ours = number_of(&told);
    *facts += 1;
    let (number, line, headers) = match &seen[0] {
        Seen::Reached { number, line, headers } => (number, line, headers),
        Seen::Answered { status } if status == "301" => {
            let known = (0..config.routes.len()).any(|route| {
                config.about(route).iter().any(
                    |told| matches!(&told.what, Setting::SlashRedirect { from, .. } if *from == request.path),
                )
            });
            if !known {
                wrong.push("redirect: nginx adds a slash, and we do not know".to_owned());
            }
            return;
        }
        Seen::Answered { status } => {
            if ours.is_some() {
                wrong.push(format!("route: ours {ours:?}, nginx answers {status} by itself"));
            }
            return;
        }
    };
    if ours.as_ref() != Some(number) {
        wrong.push(format!("route: ours {ours:?}, nginx {number}"));
        return;
    }
    let mut words = line.split(' ').skip(1);
    let path = words.next().unwrap_or_default().split('?').next().unwrap_or_default().to_owned();
    let version = words.next().unwrap_or_default().trim_start_matches("HTTP/").to_owned();
    let all = |headers: &[(String, String)], name: &str| -> Vec<String> {
        headers.iter().filter(|(known, _)| known == name).map(|(_, value)| value.clone()).collect()
    };
    let host = all(headers, "host").join(" + ");
    let upgrades = |headers: &[(String, String)], to: &str| {
        let upgrade = all(headers, "upgrade").iter().any(|value| value.trim().eq_ignore_ascii_case(to));
        let connection = all(headers, "connection")
            .iter()
            .flat_map(|value| value.split(','))
            .any(|token| token.trim().eq_ignore_ascii_case("upgrade"));
        (upgrade, connection)
    };
    let same = |seen: &Seen| match seen {
        Seen::Reached { number: other, headers, .. } if other == number => Some(headers.clone()),
        _ => None,
    };
    let socket = upgrades(headers, "websocket");
    let plain = same(&seen[1]).map(|headers| upgrades(&headers, "websocket"));
    let other = same(&seen[2]).map(|headers| upgrades(&headers, "h2c"));
    let mut sent = request.path.clone();
    let mut any = false;
    let mut cleared = Vec::new();
    for told in &told {
        *facts += 1;
        match &told.what {
            Setting::UpstreamPath { upstream, .. } => sent.clone_from(upstream),
            Setting::AnyProtocol => any = true,
            Setting::Cleared(name) => cleared.push(name.to_ascii_lowercase()),
            Setting::UpstreamHttp(ours) if *ours != version => {
                wrong.push(format!("version: ours {ours}, nginx {version}"));
            }
            Setting::Host(ours) => {
                let expected = match ours {
                    HostSent::Client => format!("{}:{}", request.host, request.port),
                    HostSent::WithoutPort => request.host.clone(),
                    HostSent::Upstream(name) | HostSent::Fixed(name) => name.clone(),
                };
                if expected != host {
                    wrong.push(format!("host: ours {ours:?}, nginx {host:?}"));
                }
            }
            Setting::Upgrade(ours) => {
                let right = match ours {
                    Passing::Dropped | Passing::Refused => !socket.0,
                    Passing::ConnectionLost => socket == (true, false),
                    Passing::Passed => socket == (true, true) && plain.is_none_or(|plain| !plain.1),
                    Passing::ConnectionAlways => {
                        socket == (true, true) && plain.is_none_or(|plain| plain.1 && !plain.0)
                    }
                    Passing::Always => socket == (true, true) && plain.is_none_or(|plain| plain.0),
                };
                if !right {
                    wrong.push(format!(
                        "upgrade: ours {ours:?}, nginx {socket:?}, without an upgrade {plain:?}"
                    ));
                }
            }
            _ => {}
        }
    }
    if sent != path {
        wrong.push(format!("path: ours {sent}, nginx {path}"));
    }
    if let Some(other) = other
        && any != (other == (true, true))
    {
        wrong.push(format!("protocol: any protocol passes: ours {any}, nginx {other:?} for h2c"));
    }
    for name in ["key", "version", "protocol", "extensions"].map(|name| format!("sec-websocket-{name}")) {
        let gone = all(headers, &name).is_empty();
        if gone != cleared.contains(&name) {
            wrong.push(format!("cleared: {name}: nginx clears it: {gone}, ours {cleared:?}"));
        }
    }
}

/// Grants wishes, and asks nginx whether it takes the outcome.
fn edits(
    folder: &Path,
    config: &Config,
    seed: u64,
    maker: &mut Maker,
    tally: &mut Tally,
) -> Result<(), String> {
    if config.routes.is_empty() {
        return Ok(());
    }
    for wish in [
        Wish::PassUpgrade,
        Wish::UpgradeOnlyWhenAsked,
        Wish::OnlyWebSocket,
        Wish::UpstreamHttp11,
        Wish::IdleAtLeast(3_600_000),
        Wish::PassHost,
        Wish::LeaveHeader("Sec-WebSocket-Protocol".to_owned()),
        Wish::KeepPath,
        Wish::ServeWithoutSlash,
        Wish::ComesFirst,
    ] {
        let from = maker.below(config.routes.len());
        let open = (0..config.routes.len())
            .map(|number| (from + number) % config.routes.len())
            .find(|route| !wish.is_met_by(&config.about(*route)));
        let Some(route) = open else { continue };
        let Ok(changes) = config.edit(route, &wish) else { continue };
        let documents = apply(&config.documents, &changes);
        let mut memory = Memory::default();
        for document in &documents {
            write(folder, &document.path, &document.text)?;
            memory = memory.with(&document.path, document.text.to_vec());
        }
        tally.edits += 1;
        let number = number_of(&config.about(route));
        let after = read(&memory);
        let met = (0..after.routes.len())
            .map(|route| after.about(route))
            .find(|told| number_of(told) == number)
            .is_some_and(|told| wish.is_met_by(&told));
        let said = complaint(folder, "main.conf")?;
        let problem = match said {
            Some(said) => Some(format!("edit refused: {wish:?} for {}: {said}", config.routes[route].name)),
            None if !met => Some(format!("edit unmet: {wish:?} for {}", config.routes[route].name)),
            None => None,
        };
        if let Some(problem) = problem {
            let text: String = documents
                .iter()
                .map(|document| {
                    format!("--- {}\n{}\n", document.path, String::from_utf8_lossy(&document.text))
                })
                .collect();
            tally.disagreements.push(format!("{problem}\nseed {seed}, {:?}\n{text}", changes));
        }
        for document in &config.documents {
            write(folder, &document.path, &document.text)?;
        }
    }
    Ok(())
}

/// Makes configurations and requests: always the same ones from one seed.
struct Maker<'a> {
    state: u64,
    folder: &'a Path,
    ports: [u16; 3],
    used: Vec<u16>,
    /// Addresses of the application that are given out.
    count: usize,
    included: Vec<(String, String)>,
    upstreams: String,
}

const SPACES: &[&str] = &[" ", " ", " ", "  ", "\t", "\n      ", " # ; { \"\n  "];
const PATHS: &[&str] = &["/", "/ws", "/ws/", "/app", "/app/", "/App", "/api/v1/", "/ws/chat", "/api"];
const REGEXES: &[&str] =
    &["~ ^/ws", "~ /chat$", "~* ^/APP", "~ ^/(ws|api)/", "~* \\.io$", "~ ^/a.*/x", "~* WS"];
const NAMES: &[&str] = &[
    "app.test",
    "*.test",
    "app.*",
    ".test",
    "~^a.*\\.test$",
    "~^(www\\.)?other",
    "*.app.test",
    "www.app.*",
    "_",
    "other.test",
];
const HOSTS: &[&str] = &[
    "app.test",
    "www.app.test",
    "test",
    "other.test",
    "app.example",
    "www.app.org",
    "x.y.test",
    "none",
    "a.b.app.test",
];
const ASKED: &[&str] = &[
    "/",
    "/ws",
    "/ws/",
    "/ws/chat",
    "/wsx",
    "/app",
    "/app/",
    "/app/x",
    "/App",
    "/APP/y",
    "/api/v1/",
    "/api/v1/chat",
    "/api/x",
    "/api",
    "/ws/in/x",
    "/app/in",
    "/a/b/x",
    "/socket.io",
    "/app/../ws/chat",
    "/ws//chat",
    "/ws/%63hat",
    "/api/./v1/x",
    "/app/a%20b",
];

impl<'a> Maker<'a> {
    fn new(seed: u64, folder: &'a Path, ports: [u16; 3]) -> Self {
        let mut maker = Self {
            state: seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) ^ 0x5851_F42D_4C95_7F2D,
            folder,
            ports,
            used: Vec::new(),
            count: 0,
            included: Vec::new(),
            upstreams: String::new(),
        };
        maker.below(2);
        maker
    }

    fn below(&mut self, end: usize) -> usize {
        self.state =
            self.state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.state >> 33) as usize % end.max(1)
    }

    fn one_in(&mut self, many: usize) -> bool {
        self.below(many) == 0
    }

    fn pick<'b>(&mut self, from: &[&'b str]) -> &'b str {
        let number = self.below(from.len());
        from[number]
    }

    /// A word as somebody may write it.
    fn word(&mut self, word: &str) -> String {
        let bare = !word.is_empty() && !word.contains([' ', ';', '{', '}', '"', '\'']);
        match self.below(4) {
            0 if !word.contains('"') => format!("\"{word}\""),
            1 if !word.contains('\'') => format!("'{word}'"),
            _ if bare => word.to_owned(),
            _ => format!("\"{word}\""),
        }
    }

    fn line(&mut self, words: &[&str]) -> String {
        let mut line = words[0].to_owned();
        for word in &words[1..] {
            line += self.pick(SPACES);
            line += &self.word(word);
        }
        line += self.pick(&["", "", " ", "\n  "]);
        line += ";";
        line += self.pick(&["\n  ", "\n  ", " ", ""]);
        line
    }

    fn request(&mut self) -> Request {
        let number = self.below(self.used.len());
        Request {
            host: self.pick(HOSTS).to_owned(),
            port: self.used[number],
            tls: false,
            path: self.pick(ASKED).to_owned(),
        }
    }

    fn headers(&mut self, often: usize) -> String {
        let mut text = String::new();
        if self.one_in(often) {
            for (name, values) in [
                (
                    "Upgrade",
                    &["$http_upgrade", "$http_upgrade", "${http_upgrade}", "", "websocket", "$only"][..],
                ),
                (
                    "Connection",
                    &[
                        "$connection_upgrade",
                        "$connection_upgrade",
                        "upgrade",
                        "",
                        "close",
                        "$http_connection",
                        "$only_c",
                        "$always",
                        "$never",
                        "keep-alive, Upgrade",
                    ],
                ),
                ("Host", &["$host", "$http_host", "$host:$server_port", "$proxy_host", "fixed.test"]),
                ("Sec-WebSocket-Protocol", &["", "$http_sec_websocket_protocol"]),
                ("sec-websocket-extensions", &[""]),
                ("X-Forwarded-Proto", &["$scheme"]),
            ] {
                let chance = if values.len() > 4 { 2 } else { 6 };
                if !self.one_in(chance) {
                    continue;
                }
                let value = self.pick(values);
                text += &self.line(&["proxy_set_header", name, value]);
                if self.one_in(12) && name != "Host" {
                    let value = self.pick(values);
                    text += &self.line(&["proxy_set_header", name, value]);
                }
            }
        }
        if self.one_in(often * 2) {
            let version = self.pick(&["1.1", "1.1", "1.0"]);
            text += &self.line(&["proxy_http_version", version]);
        }
        if self.one_in(10) && !text.is_empty() {
            let name = format!("part{}.conf", self.included.len());
            self.included.push((name.clone(), text));
            return self.line(&["include", &name]);
        }
        text
    }

    fn pass(&mut self, uri: bool) -> String {
        self.count += 1;
        let mut at = format!("127.1.0.{}:{}", self.count, self.ports[2]);
        if self.one_in(4) {
            let name = format!("up{}", self.count);
            self.upstreams += &format!("upstream {name} {{ server {at}; }}\n");
            at = name;
        }
        let uri = if uri { self.pick(&["", "", "/", "/x", "/x/", "/ws/"]) } else { "" };
        self.line(&["proxy_pass", &format!("http://{at}{uri}")])
    }

    fn location(&mut self, head: &str, depth: usize) -> String {
        let plain = !head.starts_with(['~', '@']);
        let mut text = String::from("location");
        for word in head.split(' ') {
            text += " ";
            text += &if matches!(word, "=" | "~" | "~*" | "^~") { word.to_owned() } else { self.word(word) };
        }
        text += self.pick(&[" {\n  ", "{", " # }\n {\n "]);
        text += &self.headers(3);
        match self.below(10) {
            0 => text += "return 204;",
            1 if !head.starts_with('@') => {
                text += &format!("root {}/empty; try_files $uri @app;", self.folder.display());
            }
            _ => text += &self.pass(plain),
        }
        if self.one_in(9) && !head.starts_with('@') {
            let condition = self.pick(&[
                "$http_upgrade",
                "$http_upgrade = websocket",
                "$request_method = POST",
                "$http_upgrade != websocket",
                "$http_upgrade ~* ^web",
            ]);
            let pass = self.pass(false);
            text += &format!("if ({condition}) {{ {pass} }}\n");
        }
        let path = head.trim_start_matches("^~ ").to_owned();
        if depth < 2 && plain && !head.starts_with('=') && self.one_in(4) {
            let inner = self.pick(&["in", "chat", "x", "/in"]);
            text += &self.location(&format!("{path}{inner}"), depth + 1);
            if self.one_in(2) {
                let regex = self.pick(REGEXES);
                text += &self.location(regex, depth + 1);
            }
        } else if depth < 2 && head.starts_with('~') && self.one_in(6) {
            text += &self.location("~ chat", depth + 1);
        }
        text += self.pick(&["}\n", "\n}\n", "} "]);
        text
    }

    fn server(&mut self, port: u16, is_default: bool) -> String {
        let mut text = self.pick(&["server {\n ", "server{"]).to_owned();
        let port = port.to_string();
        text += &if is_default {
            self.line(&["listen", &port, "default_server"])
        } else {
            self.line(&["listen", &port])
        };
        let mut names = vec!["server_name"];
        for _ in 0..=self.below(2) {
            let name = self.pick(NAMES);
            if !names.contains(&name) {
                names.push(name);
            }
        }
        if !self.one_in(8) {
            text += &self.line(&names);
        }
        text += &self.headers(3);
        let mut heads: Vec<String> = Vec::new();
        for _ in 0..3 + self.below(6) {
            let head = match self.below(8) {
                0 => format!("= {}", self.pick(PATHS)),
                1 => format!("^~ {}", self.pick(PATHS)),
                2 | 3 => self.pick(REGEXES).to_owned(),
                _ => self.pick(PATHS).to_owned(),
            };
            let same = |known: &String| known.trim_start_matches("^~ ") == head.trim_start_matches("^~ ");
            if !heads.iter().any(same) {
                heads.push(head);
            }
        }
        heads.push("@app".to_owned());
        for head in heads {
            text += &self.location(&head, 0);
        }
        text += "}\n";
        text
    }

    fn files(&mut self) -> Vec<(String, String)> {
        let _ = fs::create_dir_all(self.folder.join("empty"));
        let several = self.one_in(2);
        let mut defaults = [self.one_in(2), self.one_in(2)];
        let mut servers = Vec::new();
        for _ in 0..2 + self.below(3) {
            let number = if several { self.below(2) } else { 0 };
            let port = self.ports[number];
            if !self.used.contains(&port) {
                self.used.push(port);
            }
            let is_default = defaults[number] && self.one_in(2);
            defaults[number] &= !is_default;
            servers.push(self.server(port, is_default));
        }
        let http = self.headers(2);
        let (before, after) = if self.one_in(2) { (http, String::new()) } else { (String::new(), http) };
        let folder = self.folder.display().to_string();
        let main = format!(
            "daemon off; master_process off; user root;\npid {folder}/truth.pid;\nerror_log {folder}/truth.error.log crit;\n\
             events {{ worker_connections 128; }}\nhttp {{\naccess_log off;\nserver_names_hash_bucket_size 128;\n\
             client_body_temp_path {folder}/t1;\nproxy_temp_path {folder}/t2;\nfastcgi_temp_path {folder}/t3;\n\
             uwsgi_temp_path {folder}/t4;\nscgi_temp_path {folder}/t5;\n\
             map $http_upgrade $connection_upgrade {{ default upgrade; '' close; }}\n\
             map $http_upgrade $only {{ default ''; ~*^websocket$ websocket; }}\n\
             map $http_upgrade $only_c {{ websocket upgrade; default close; }}\n\
             map $http_upgrade $always {{ default upgrade; }}\nmap $http_upgrade $never {{ default close; h2c upgrade; }}\n\
             {}\n{before}\n{}\n{after}\n}}\n",
            self.upstreams,
            servers.concat()
        );
        let mut files = vec![("main.conf".to_owned(), main)];
        files.append(&mut self.included);
        files
    }
}
