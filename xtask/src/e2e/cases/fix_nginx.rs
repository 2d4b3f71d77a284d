//! Mistakes in nginx configurations, mended through the real nginx.

use serde_json::{Value, json};

use crate::e2e::Result;
use crate::e2e::case::{Case, Plan, any_of};
use crate::e2e::fix::Fix;
use crate::e2e::products::{Backend, node_ws, tornado};
use crate::e2e::stage::Stage;

const MAP: &str = "map $http_upgrade $connection_upgrade { default upgrade; '' close; }";
/// What nginx is started with where the file to mend is one that it refuses: the state that such a file leaves behind.
const STRIPPED: &str = "location / { proxy_pass http://127.0.0.1:APP; }";

/// One mistake.
struct Mistake {
    name: &'static str,
    backend: Backend,
    /// At the level of `http`.
    http: &'static str,
    /// The body of the server; `APP` is the application's port, `PORT` nginx's.
    server: &'static str,
    /// The server that runs, where it is not the one in the file.
    running: &'static str,
    /// Path of the socket; none: that of the application.
    path: Option<&'static str>,
    causes: &'static [&'static str],
    because: Option<&'static str>,
    /// Further arguments of the check.
    check: &'static str,
    /// Changes that are not safe are wanted, too.
    all: bool,
    lint: bool,
    client: fn(u16) -> Value,
}

const fn mistake(name: &'static str, server: &'static str, causes: &'static [&'static str]) -> Mistake {
    Mistake {
        name,
        backend: Backend::NodeWs,
        http: MAP,
        server,
        running: "",
        path: None,
        causes,
        because: None,
        check: "",
        all: false,
        lint: false,
        client: |_| json!({}),
    }
}

impl Mistake {
    const fn behind(mut self, backend: Backend) -> Self {
        self.backend = backend;
        self
    }

    const fn http(mut self, http: &'static str) -> Self {
        self.http = http;
        self
    }

    const fn because(mut self, id: &'static str) -> Self {
        self.because = Some(id);
        self
    }

    /// nginx refuses the file, so the one before it still runs.
    const fn not_loaded(mut self) -> Self {
        self.running = STRIPPED;
        self
    }

    const fn path(mut self, path: &'static str) -> Self {
        self.path = Some(path);
        self
    }

    const fn check(mut self, arguments: &'static str) -> Self {
        self.check = arguments;
        self
    }

    const fn all(mut self) -> Self {
        self.all = true;
        self
    }

    const fn lint(mut self) -> Self {
        self.lint = true;
        self
    }

    const fn client(mut self, client: fn(u16) -> Value) -> Self {
        self.client = client;
        self
    }
}

const STRIP: &[&str] = &["upgrade-stripped"];
const TOKEN: &[&str] = &["upgrade-connection-token-missing", "upgrade-stripped"];
const HTTP10: &[&str] = &["upgrade-http10-upstream"];
const REFUSED: &[&str] = &["config-refused"];

const MISTAKES: &[Mistake] = &[
    mistake("no-headers", "location / { proxy_pass http://127.0.0.1:APP; }", STRIP).because("nginx-no-upgrade-headers"),
    mistake("no-headers/no-map", "location / { proxy_pass http://127.0.0.1:APP; }", STRIP).http(""),
    mistake("no-headers/aiohttp", "location /ws { proxy_pass http://127.0.0.1:APP; }", STRIP).behind(Backend::Aiohttp),
    mistake("no-headers/tornado", "location /ws { proxy_pass http://127.0.0.1:APP; }", STRIP).behind(Backend::Tornado),
    mistake("no-headers/uvicorn", "location /ws { proxy_pass http://127.0.0.1:APP; }", STRIP).behind(Backend::Uvicorn),
    mistake("no-headers/upstream-block", "location / { proxy_pass http://chat; }", STRIP)
        .http("upstream chat { server 127.0.0.1:APP; keepalive 8; }"),
    mistake("no-headers/inherits-others", "proxy_set_header X-Real-IP $remote_addr; proxy_http_version 1.1; location / { proxy_pass http://127.0.0.1:APP; }", STRIP),
    mistake("no-headers/crlf", "location /other {\r\n\treturn 204;\r\n}\r\nlocation / {\r\n\tproxy_pass http://127.0.0.1:APP;\r\n}\r\n", STRIP),
    mistake("no-headers/nested", "location /api/ { location /api/ws { proxy_pass http://127.0.0.1:APP; } return 204; }", STRIP).path("/api/ws"),
    mistake("no-headers/named", "root /nonexistent; location / { try_files $uri @app; } location @app { proxy_pass http://127.0.0.1:APP; }", STRIP),
    mistake("no-headers/regex", "location ~ ^/(ws|live)$ { proxy_pass http://127.0.0.1:APP; }", STRIP).path("/ws"),
    mistake("no-headers/variables", "set $app 127.0.0.1:APP; location / { proxy_pass http://$app; }", STRIP),
    mistake("no-headers/included", "location / { include FOLDER/proxy.inc; proxy_pass http://127.0.0.1:APP; }", STRIP),
    mistake("inheritance-lost", "proxy_http_version 1.1; proxy_set_header Upgrade $http_upgrade; proxy_set_header Connection $connection_upgrade; location / { proxy_set_header X-Real-IP $remote_addr; proxy_pass http://127.0.0.1:APP; }", STRIP)
        .because("nginx-header-inheritance-lost"),
    mistake("connection-emptied", "location / { proxy_pass http://127.0.0.1:APP; proxy_http_version 1.1; proxy_set_header Upgrade $http_upgrade; proxy_set_header Connection \"\"; }", TOKEN)
        .because("nginx-connection-cleared"),
    mistake("connection-close/aiohttp", "location /ws { proxy_pass http://127.0.0.1:APP; proxy_http_version 1.1; proxy_set_header Upgrade $http_upgrade; proxy_set_header Connection close; }", TOKEN)
        .behind(Backend::Aiohttp),
    mistake("only-upgrade/tornado", "location /ws { proxy_pass http://127.0.0.1:APP; proxy_http_version 1.1; proxy_set_header Upgrade $http_upgrade; }", TOKEN)
        .behind(Backend::Tornado),
    mistake("map-says-close", "location / { proxy_pass http://127.0.0.1:APP; proxy_http_version 1.1; proxy_set_header Upgrade $http_upgrade; proxy_set_header Connection $connection_upgrade; }", TOKEN)
        .http("map $http_upgrade $connection_upgrade { default close; }"),
    mistake("http10/default", "location / { proxy_pass http://127.0.0.1:APP; proxy_set_header Upgrade $http_upgrade; proxy_set_header Connection $connection_upgrade; }", HTTP10)
        .behind(Backend::PyWebsockets).because("nginx-http-version-10"),
    mistake("http10/written", "location / { proxy_pass http://127.0.0.1:APP; proxy_http_version 1.0; proxy_set_header Upgrade $http_upgrade; proxy_set_header Connection $connection_upgrade; }", HTTP10)
        .behind(Backend::PyWebsockets),
    mistake("map-missing", "location / { proxy_pass http://127.0.0.1:APP; proxy_http_version 1.1; proxy_set_header Upgrade $http_upgrade; proxy_set_header Connection $connection_upgrade; }", REFUSED)
        .http("").not_loaded().because("nginx-map-missing"),
    mistake("map-misspelt", "location / { proxy_pass http://127.0.0.1:APP; proxy_http_version 1.1; proxy_set_header Upgrade $http_upgrade; proxy_set_header Connection $connection_upgrad; }", REFUSED)
        .not_loaded().because("nginx-map-missing"),
    mistake("ws-scheme", "location / { proxy_pass ws://127.0.0.1:APP; proxy_http_version 1.1; proxy_set_header Upgrade $http_upgrade; proxy_set_header Connection $connection_upgrade; }", REFUSED)
        .not_loaded().because("nginx-proxy-pass-ws-scheme"),
    mistake("path-in-regex-location", "location ~ ^/ws { proxy_pass http://127.0.0.1:APP/; proxy_http_version 1.1; proxy_set_header Upgrade $http_upgrade; proxy_set_header Connection $connection_upgrade; }", REFUSED)
        .not_loaded().path("/ws").because("nginx-regex-uri-part"),
    mistake("wrong-location", "location /ws { proxy_pass http://127.0.0.1:APP; proxy_http_version 1.1; proxy_set_header Upgrade $http_upgrade; proxy_set_header Connection $connection_upgrade; } location ~ /ws$ { return 404; }", &["route-shadowed"])
        .path("/ws").all().lint().because("nginx-wrong-location"),
    mistake("path-stripped", "location /ws { proxy_pass http://127.0.0.1:APP/; proxy_http_version 1.1; proxy_set_header Upgrade $http_upgrade; proxy_set_header Connection $connection_upgrade; }", &["route-path-rewritten"])
        .behind(Backend::Aiohttp).all().lint().because("nginx-proxy-pass-slash"),
    mistake("slash-redirect", "location /ws/ { proxy_pass http://127.0.0.1:APP; proxy_http_version 1.1; proxy_set_header Upgrade $http_upgrade; proxy_set_header Connection $connection_upgrade; }", &["upgrade-trailing-slash-redirect"])
        .path("/ws").all().lint().because("nginx-auto-slash-301"),
    mistake("auth-request-upgraded", "proxy_http_version 1.1; proxy_set_header Upgrade $http_upgrade; proxy_set_header Connection $connection_upgrade; location = /auth { internal; proxy_pass http://127.0.0.1:APP; } location / { auth_request /auth; proxy_pass http://127.0.0.1:APP; }", &["app-forward-auth-breaks"])
        .because("nginx-auth-request-upgrade"),
    mistake("host-not-forwarded", "location /ws { proxy_pass http://127.0.0.1:APP; proxy_http_version 1.1; proxy_set_header Upgrade $http_upgrade; proxy_set_header Connection $connection_upgrade; }", &["app-origin-rejected", "upgrade-host-mismatch"])
        .behind(Backend::Tornado).check("--origin http://127.0.0.1:PORT").all()
        .client(|port| json!({ "origin": format!("http://127.0.0.1:{port}") })),
    mistake("host-without-port", "location /ws { proxy_pass http://127.0.0.1:APP; proxy_http_version 1.1; proxy_set_header Upgrade $http_upgrade; proxy_set_header Connection $connection_upgrade; proxy_set_header Host $host; }", &["upgrade-host-mismatch"])
        .behind(Backend::Tornado).all().lint()
        .client(|port| json!({ "origin": format!("http://127.0.0.1:{port}") })),
    mistake("subprotocol-emptied", "location / { proxy_pass http://127.0.0.1:APP; proxy_http_version 1.1; proxy_set_header Upgrade $http_upgrade; proxy_set_header Connection $connection_upgrade; proxy_set_header Sec-WebSocket-Protocol \"\"; }", &["upgrade-subprotocol-not-answered"])
        .check("--subprotocol chat.v2").because("nginx-hides-subprotocol-or-ext")
        .client(|_| json!({ "subprotocols": ["chat.v2"] })),
    mistake("upgrade-hidden-in-answer", "location / { proxy_pass http://127.0.0.1:APP; proxy_http_version 1.1; proxy_set_header Upgrade $http_upgrade; proxy_set_header Connection $connection_upgrade; proxy_hide_header Upgrade; }", &["upgrade-101-missing-upgrade"]),
    mistake("key-emptied", "location / { proxy_pass http://127.0.0.1:APP; proxy_http_version 1.1; proxy_set_header Upgrade $http_upgrade; proxy_set_header Connection $connection_upgrade; proxy_set_header Sec-WebSocket-Key \"\"; }", &["upgrade-key-missing-or-bad"]),
    mistake("version-emptied", "location / { proxy_pass http://127.0.0.1:APP; proxy_http_version 1.1; proxy_set_header Upgrade $http_upgrade; proxy_set_header Connection $connection_upgrade; proxy_set_header Sec-WebSocket-Version \"\"; }", &["upgrade-version-rejected"]),
    mistake("idle/own", "location / { proxy_pass http://127.0.0.1:APP; proxy_http_version 1.1; proxy_set_header Upgrade $http_upgrade; proxy_set_header Connection $connection_upgrade; proxy_read_timeout 2s; }", &["idle-nginx-read-timeout"])
        .check("--hold 5s").because("idle-nginx-read-timeout"),
    mistake("idle/inherited", "location / { proxy_pass http://127.0.0.1:APP; proxy_http_version 1.1; proxy_set_header Upgrade $http_upgrade; proxy_set_header Connection $connection_upgrade; }", &["idle-nginx-read-timeout"])
        .http("proxy_read_timeout 2s; map $http_upgrade $connection_upgrade { default upgrade; '' close; }").check("--hold 5s"),
    mistake("unconditional", "location /ws { proxy_pass http://127.0.0.1:APP; proxy_http_version 1.1; proxy_set_header Upgrade $http_upgrade; proxy_set_header Connection \"upgrade\"; }", &["upgrade-unconditional"])
        .path("/ws").lint().because("nginx-unconditional-upgrade"),
    mistake("hardcoded", "location /ws { proxy_pass http://127.0.0.1:APP; proxy_http_version 1.1; proxy_set_header Upgrade websocket; proxy_set_header Connection Upgrade; }", &["upgrade-unconditional"])
        .path("/ws").lint().because("nginx-upgrade-hardcoded"),
    mistake("any-protocol", "location /ws { proxy_pass http://127.0.0.1:APP; proxy_http_version 1.1; proxy_set_header Upgrade $http_upgrade; proxy_set_header Connection $connection_upgrade; proxy_set_header Host $http_host; proxy_read_timeout 1h; }", &["upgrade-any-protocol"])
        .path("/ws").all().lint().because("nginx-upgrade-passthrough-unsafe"),
];

pub(super) fn cases() -> Vec<Case> {
    let mut cases: Vec<Case> = MISTAKES.iter().map(case).collect();
    cases.extend(undone());
    cases
}

fn case(mistake: &'static Mistake) -> Case {
    let name = format!("fix/nginx/{}", mistake.name);
    let mut case =
        Case::new(name, &["nginx", mistake.backend.name()], any_of(mistake.causes), "", move |stage| {
            let (port, config) = start(stage, mistake)?;
            let path = mistake.path.unwrap_or(mistake.backend.path());
            let mut fix = Fix::new(&config).client((mistake.client)(port));
            let file = config.display().to_string();
            fix = fix.checked_by(&["/usr/sbin/nginx", "-t", "-q", "-c", &file]);
            if mistake.all {
                fix = fix.all();
            }
            if mistake.lint {
                fix = fix.by_lint();
            }
            let mut plan = Plan::new(format!("ws://127.0.0.1:{port}{path}"));
            if !mistake.check.is_empty() {
                plan = plan.with(&mistake.check.replace("PORT", &port.to_string()));
            }
            Ok(plan.fix(fix))
        });
    case.because = mistake.because;
    case
}

/// Starts application and nginx; the file to mend may be another one than the one that runs.
fn start(stage: &mut Stage, mistake: &Mistake) -> Result<(u16, std::path::PathBuf)> {
    let app = match (mistake.backend, mistake.check.contains("--subprotocol")) {
        (Backend::NodeWs, true) => node_ws::start(stage, json!({ "subprotocols": ["chat.v2"] }))?,
        // An authorization server lets plain requests in.
        (Backend::NodeWs, _) if mistake.server.contains("auth_request") => {
            node_ws::start(stage, json!({ "page": "ok" }))?
        }
        (Backend::Tornado, _) => tornado::start(stage, json!({}))?,
        (backend, _) => backend.start(stage)?,
    };
    let port = stage.port()?;
    let folder = stage.folder.display().to_string();
    stage.write("proxy.inc", "proxy_set_header X-Real-IP $remote_addr;\n")?;
    let fill = |text: &str| {
        text.replace("APP", &app.to_string()).replace("PORT", &port.to_string()).replace("FOLDER", &folder)
    };
    let config = |server: &str| {
        format!(
            "daemon off;
user root;
worker_processes 1;
pid {folder}/nginx.pid;
error_log {folder}/nginx.error.log info;
events {{ worker_connections 256; }}
http {{
    access_log {folder}/nginx.access.log;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    {http}
    server {{
        listen 127.0.0.1:{port};
        server_name _;
        {server}
    }}
}}
",
            http = fill(mistake.http),
            server = fill(server)
        )
    };
    let running = if mistake.running.is_empty() { mistake.server } else { mistake.running };
    let file = stage.write("nginx.conf", &config(running))?;
    let mut command = stage.command("/usr/sbin/nginx");
    command.arg("-c").arg(&file).arg("-p").arg(&stage.folder);
    stage.serve("nginx", command, &[port])?;
    if !mistake.running.is_empty() {
        stage.write("nginx.conf", &config(mistake.server))?;
    }
    Ok((port, file))
}

/// Where a step fails, everything must be as it was.
fn undone() -> Vec<Case> {
    let case = |name: &'static str, arguments: &'static [(&'static str, &'static str)]| {
        Case::new(
            format!("fix/nginx/undone/{name}"),
            &["nginx", "node-ws"],
            any_of(STRIP),
            "",
            move |stage| {
                let (port, config) = start(stage, &MISTAKES[0])?;
                let mut fix = Fix::new(&config).must_be_undone();
                for (flag, value) in arguments {
                    fix = fix.argument(flag, *value);
                }
                Ok(Plan::new(format!("ws://127.0.0.1:{port}/")).fix(fix))
            },
        )
    };
    vec![
        case("test-fails", &[("--test-command", "false")]),
        case("reload-fails", &[("--reload-command", "exit 1")]),
        // It says that it loaded the file, and did not: the same question shows it.
        case("reload-does-nothing", &[("--reload-command", "true")]),
    ]
}
