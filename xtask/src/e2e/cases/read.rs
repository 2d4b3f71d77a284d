//! `keepwire read` on what a broken deployment has just written: logs of proxies, errors of clients.

use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::json;

use crate::e2e::Result;
use crate::e2e::case::{Case, Expect, Plan, any_of, cause, proven};
use crate::e2e::products::{apache, caddy, haproxy, lab, nginx, node_ws, traefik};
use crate::e2e::stage::Stage;

/// A log format as people write it who want to see why sockets end.
pub(crate) const TIMED: &str = "log_format timed '$remote_addr - $remote_user [$time_local] \"$request\" $status $body_bytes_sent \"$http_referer\" \"$http_user_agent\" rt=$request_time us=$upstream_status upgrade=\"$http_upgrade\" host=\"$http_host\"';";

/// One hand-made handshake, which stays silent for so long.
fn visit(stage: &Stage, port: u16, path: &str, hold: &str) -> Result<()> {
    let mut command = stage.command(&stage.tools.python);
    command.arg(stage.tools.servers.join("raw_handshake.py")).arg(format!("ws://127.0.0.1:{port}{path}"));
    command.args(["--hold", hold]).stdout(Stdio::null()).stderr(Stdio::null());
    command.status().map(|_| ()).map_err(|error| format!("a visitor: {error}"))
}

/// Waits until a log holds a line: servers write when a connection ends, and some write late.
fn written(file: PathBuf, word: &str) -> Result<Plan> {
    let started = Instant::now();
    while !std::fs::read_to_string(&file).is_ok_and(|text| text.contains(word)) {
        if started.elapsed() > Duration::from_secs(15) {
            return Err(format!("{} never holds {word:?}", file.display()));
        }
        std::thread::sleep(Duration::from_millis(30));
    }
    Ok(Plan::read(&file))
}

/// nginx in front of a port, with a server block's directives; returns its port.
fn timed_nginx(stage: &mut Stage, http: &str, server: &str) -> Result<u16> {
    let (port, folder) = (stage.port()?, stage.folder.display().to_string());
    let server = format!(
        "server {{ listen 127.0.0.1:{port}; server_name _; access_log {folder}/timed.log timed; {server} }}"
    );
    nginx::start_with(stage, &[port], &format!("{TIMED}\n{http}"), &server)?;
    Ok(port)
}

/// The error log of the server that was started as the `number`th of the stage.
fn error_log(stage: &Stage, product: &str, number: usize) -> PathBuf {
    stage.folder.join(format!("{product}-{number}.error.log"))
}

/// What a server wrote to its standard output.
fn output(stage: &Stage, product: &str, number: usize) -> PathBuf {
    stage.folder.join(format!("{product}-{number}.log"))
}

/// Runs a client to its end and keeps what it said.
fn client(stage: &Stage, mut command: Command) -> Result<Plan> {
    command.env("NODE_PATH", &stage.tools.node_modules);
    let output = command.output().map_err(|error| format!("starting a client: {error}"))?;
    let said =
        String::from_utf8_lossy(&output.stderr).into_owned() + &String::from_utf8_lossy(&output.stdout);
    Ok(Plan::read(&stage.write("client.txt", &said)?))
}

fn node(stage: &Stage, port: u16) -> Result<Plan> {
    let mut command = stage.command("node");
    let script = "new (require('ws'))(process.argv[1])";
    command.args(["-e", script, &format!("ws://127.0.0.1:{port}/ws")]);
    client(stage, command)
}

fn python(stage: &Stage, port: u16) -> Result<Plan> {
    let mut command = stage.command(&stage.tools.python);
    let script =
        "import sys\nfrom websockets.sync.client import connect\nwith connect(sys.argv[1]) as c: c.recv()";
    command.args(["-c", script, &format!("ws://127.0.0.1:{port}/ws")]);
    client(stage, command)
}

pub(crate) fn cases() -> Vec<Case> {
    let mut cases = by_nginx();
    cases.extend(by_others());
    cases.extend(by_clients());
    cases
}

fn by_nginx() -> Vec<Case> {
    let case =
        |name: &'static str, expect: Expect, seen: &'static str, set_up: fn(&mut Stage) -> Result<Plan>| {
            Case::new(format!("read/nginx/{name}"), &["nginx"], expect, seen, set_up)
        };
    vec![
        case("healthy", Expect::Healthy, " 101 ", |stage| {
            let app = node_ws::start(stage, json!({}))?;
            let port = timed_nginx(stage, "", &nginx::proxy(app, nginx::UPGRADE))?;
            visit(stage, port, "/ws", "1s")?;
            written(stage.folder.join("timed.log"), " 101 ")
        }),
        case("refused", proven("upgrade-bad-gateway"), "(111: Connection refused)", |stage| {
            let nobody = stage.port()?;
            let port = nginx::start(stage, &nginx::proxy(nobody, nginx::UPGRADE))?;
            visit(stage, port, "/ws", "1s")?;
            written(error_log(stage, "nginx", 1), "refused")
        })
        .because("nginx-upstream-refused"),
        case(
            "no-live-upstreams",
            any_of(&["upgrade-bad-gateway", "tcp-lb-no-healthy-target"]),
            "no live upstreams",
            |stage| {
                let (one, two) = (stage.port()?, stage.port()?);
                let pool = format!("upstream app {{ server 127.0.0.1:{one}; server 127.0.0.1:{two}; }}");
                let location = format!("location / {{ proxy_pass http://app; {} }}", nginx::UPGRADE);
                let port = timed_nginx(stage, &pool, &location)?;
                visit(stage, port, "/ws", "1s")?;
                visit(stage, port, "/ws", "1s")?;
                written(error_log(stage, "nginx", 1), "no live upstreams")
            },
        ),
        case("silent-application", proven("upgrade-never-answered"), "upstream timed out", |stage| {
            let app = node_ws::start_silent(stage)?;
            let directives = format!("proxy_read_timeout 1s; {}", nginx::UPGRADE);
            let port = nginx::start(stage, &nginx::proxy(app, &directives))?;
            visit(stage, port, "/ws", "1s")?;
            written(error_log(stage, "nginx", 2), "timed out")
        }),
        case("early-end", proven("upgrade-eof-before-response"), "upstream prematurely closed", |stage| {
            let app = lab::start(stage, "upgrade-eof-before-response")?;
            let port = nginx::start(stage, &nginx::proxy(app, nginx::UPGRADE))?;
            visit(stage, port, "/ws", "1s")?;
            written(error_log(stage, "nginx", 2), "prematurely")
        }),
        case(
            "idle-in-error-log",
            proven("idle-nginx-read-timeout"),
            "while proxying upgraded connection",
            |stage| {
                let app = node_ws::start(stage, json!({}))?;
                let directives = format!("proxy_read_timeout 2s; {}", nginx::UPGRADE);
                let port = nginx::start(stage, &nginx::proxy(app, &directives))?;
                visit(stage, port, "/ws", "5s")?;
                written(error_log(stage, "nginx", 2), "upgraded")
            },
        ),
        case("idle-in-access-log", cause("idle-nginx-read-timeout"), " 101 ", |stage| {
            let app = node_ws::start(stage, json!({}))?;
            let directives = format!("proxy_read_timeout 3s; {}", nginx::UPGRADE);
            let port = timed_nginx(stage, "", &nginx::proxy(app, &directives))?;
            visit(stage, port, "/ws", "6s")?;
            visit(stage, port, "/ws", "6s")?;
            let log = stage.folder.join("timed.log");
            let started = Instant::now();
            while std::fs::read_to_string(&log).unwrap_or_default().lines().count() < 2 {
                if started.elapsed() > Duration::from_secs(10) {
                    return Err("no two connections in the log".into());
                }
                std::thread::sleep(Duration::from_millis(30));
            }
            written(log, " 101 ")
        }),
        case("stripped", cause("upgrade-stripped"), " 426 ", |stage| {
            let app = node_ws::start(stage, json!({}))?;
            let port = timed_nginx(stage, "", &nginx::proxy(app, ""))?;
            visit(stage, port, "/ws", "1s")?;
            written(stage.folder.join("timed.log"), " 426 ")
        }),
        case("too-many-connections", proven("app-rate-limited"), "limiting connections", |stage| {
            let app = node_ws::start_silent(stage)?;
            let zone = "limit_conn_zone $binary_remote_addr zone=perip:1m;";
            let directives = format!("limit_conn perip 1; proxy_read_timeout 1s; {}", nginx::UPGRADE);
            let port = timed_nginx(stage, zone, &nginx::proxy(app, &directives))?;
            let stage = &*stage;
            std::thread::scope(|scope| {
                for _ in 0..3 {
                    scope.spawn(|| visit(stage, port, "/ws", "1s"));
                }
            });
            let text = std::fs::read_to_string(error_log(stage, "nginx", 2)).unwrap_or_default();
            let only: String = text
                .lines()
                .filter(|line| line.contains("limiting"))
                .map(|line| format!("{line}\n"))
                .collect();
            Ok(Plan::read(&stage.write("limited.log", &only)?))
        }),
    ]
}

fn by_others() -> Vec<Case> {
    vec![
        Case::new("read/haproxy/idle", &["haproxy"], proven("idle-other-proxies"), " cD-- ", |stage| {
            let app = node_ws::start(stage, json!({}))?;
            let options = haproxy::Options {
                timeouts: "option httplog\n timeout connect 2s\n timeout client 2s\n timeout server 20s",
                ..Default::default()
            };
            let port = haproxy::start(stage, app, &options)?;
            visit(stage, port, "/ws", "5s")?;
            written(output(stage, "haproxy", 2), "cD--")
        })
        .because("haproxy-no-timeout-tunnel"),
        Case::new("read/haproxy/refused", &["haproxy"], proven("upgrade-bad-gateway"), " SC-- ", |stage| {
            let nobody = stage.port()?;
            let options = haproxy::Options {
                timeouts: "option httplog\n retries 1\n timeout connect 1s\n timeout client 5s\n timeout server 5s",
                ..Default::default()
            };
            let port = haproxy::start(stage, nobody, &options)?;
            visit(stage, port, "/ws", "1s")?;
            written(output(stage, "haproxy", 1), "SC--")
        }),
        Case::new("read/haproxy/silent", &["haproxy"], proven("upgrade-never-answered"), " sH-- ", |stage| {
            let app = node_ws::start_silent(stage)?;
            let options = haproxy::Options {
                timeouts: "option httplog\n timeout connect 1s\n timeout client 5s\n timeout server 1s",
                ..Default::default()
            };
            let port = haproxy::start(stage, app, &options)?;
            visit(stage, port, "/ws", "1s")?;
            written(output(stage, "haproxy", 2), "sH--")
        }),
        Case::new("read/apache/refused", &["apache"], proven("upgrade-bad-gateway"), "AH00957", |stage| {
            let nobody = stage.port()?;
            let body = format!("ProxyPass / http://127.0.0.1:{nobody}/ upgrade=websocket");
            let port = apache::start(stage, "", &body)?;
            visit(stage, port, "/ws", "1s")?;
            written(error_log(stage, "apache", 1), "AH00957")
        }),
        Case::new(
            "read/caddy/refused",
            &["caddy"],
            proven("upgrade-bad-gateway"),
            "connection refused",
            |stage| {
                let nobody = stage.port()?;
                let port = caddy::start(stage, "http://", &format!("log\nreverse_proxy 127.0.0.1:{nobody}"))?;
                visit(stage, port, "/ws", "1s")?;
                written(output(stage, "caddy", 1), "connection refused")
            },
        ),
        Case::new("read/traefik/refused", &["traefik"], cause("upgrade-bad-gateway"), " 502 ", |stage| {
            let nobody = stage.port()?;
            let url = format!("http://127.0.0.1:{nobody}");
            let log = stage.folder.join("access.log");
            let port = traefik::start(
                stage,
                &url,
                &[],
                None,
                &["--accesslog=true", &format!("--accesslog.filepath={}", log.display())],
            )?;
            visit(stage, port, "/ws", "1s")?;
            written(log, " 502 ")
        }),
        Case::new("read/traefik/json", &["traefik"], cause("upgrade-stripped"), ":426", |stage| {
            let app = node_ws::start_plain(stage, json!({"status": 426}))?;
            let url = format!("http://127.0.0.1:{app}");
            let log = stage.folder.join("access.json");
            let flags = [
                "--accesslog=true",
                "--accesslog.format=json",
                &format!("--accesslog.filepath={}", log.display()),
            ];
            let port = traefik::start(stage, &url, &[], None, &flags)?;
            visit(stage, port, "/ws", "1s")?;
            written(log, "/ws")
        }),
    ]
}

fn by_clients() -> Vec<Case> {
    vec![
        Case::new(
            "read/node-ws/refused",
            &["node-ws"],
            cause("tcp-refused-no-listener"),
            "ECONNREFUSED",
            |stage| {
                let nobody = stage.port()?;
                node(stage, nobody)
            },
        ),
        Case::new(
            "read/node-ws/not-found",
            &["node-ws", "nginx"],
            cause("upgrade-path-404"),
            "Unexpected server response: 404",
            |stage| {
                let port = nginx::start(stage, "location / { return 404; }")?;
                node(stage, port)
            },
        ),
        Case::new(
            "read/py-websockets/forbidden",
            &["py-websockets", "nginx"],
            cause("app-origin-rejected"),
            "HTTP 403",
            |stage| {
                let port = nginx::start(stage, "location / { return 403; }")?;
                python(stage, port)
            },
        ),
        Case::new(
            "read/py-websockets/closed",
            &["py-websockets", "node-ws"],
            cause("app-auth-after-open"),
            "4401",
            |stage| {
                let app = node_ws::start(stage, json!({"closeCode": 4401, "closeReason": "token expired"}))?;
                python(stage, app)
            },
        ),
    ]
}
