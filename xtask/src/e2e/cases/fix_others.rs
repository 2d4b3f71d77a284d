//! Mistakes in the configurations of Apache httpd, HAProxy, Caddy, Traefik and Envoy, mended through the real product.

use std::path::PathBuf;

use serde_json::{Value, json};

use crate::e2e::Result;
use crate::e2e::case::{Case, Plan, any_of};
use crate::e2e::fix::Fix;
use crate::e2e::products::{Backend, node_ws};
use crate::e2e::stage::Stage;

/// Which product is mended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Product {
    Apache,
    Haproxy,
    Caddy,
    Traefik,
    Envoy,
}

/// One mistake. `text` is the part of the file that is wrong: `APP` is the application's port, `WEB` that of a plain web
/// server, `PORT` the product's own.
struct Mistake {
    product: Product,
    name: &'static str,
    backend: Backend,
    text: &'static str,
    path: &'static str,
    causes: &'static [&'static str],
    because: Option<&'static str>,
    check: &'static str,
    all: bool,
    lint: bool,
    client: fn(u16) -> Value,
}

const fn mistake(
    product: Product,
    name: &'static str,
    text: &'static str,
    causes: &'static [&'static str],
) -> Mistake {
    Mistake {
        product,
        name,
        backend: Backend::NodeWs,
        text,
        path: "/ws",
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

    const fn because(mut self, id: &'static str) -> Self {
        self.because = Some(id);
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

const MISTAKES: &[Mistake] = &[
    mistake(Product::Apache, "no-upgrade", "ProxyPass / http://127.0.0.1:APP/", STRIP).because("apache-no-ws-mapping"),
    mistake(Product::Apache, "no-upgrade/aiohttp", "ProxyPass /ws http://127.0.0.1:APP/ws", STRIP).behind(Backend::Aiohttp),
    mistake(Product::Apache, "no-upgrade/location", "<Location /ws>\n    ProxyPass http://127.0.0.1:APP/ws\n</Location>", STRIP),
    mistake(Product::Apache, "no-upgrade/match", "ProxyPassMatch ^/(ws)$ http://127.0.0.1:APP/$1", STRIP),
    mistake(Product::Apache, "order", "ProxyPass / http://127.0.0.1:WEB/\nProxyPass /ws http://127.0.0.1:APP/ws upgrade=websocket", &["route-shadowed"])
        .all().lint().because("apache-proxypass-order"),
    mistake(Product::Apache, "idle", "Timeout 2\nProxyPass / http://127.0.0.1:APP/ upgrade=websocket", &["idle-other-proxies"])
        .check("--hold 5s").because("apache-idle-timeout"),
    mistake(Product::Apache, "subprotocol-unset", "RequestHeader unset Sec-WebSocket-Protocol\nProxyPass / http://127.0.0.1:APP/ upgrade=websocket", &["upgrade-subprotocol-not-answered"])
        .check("--subprotocol chat.v2").client(|_| json!({ "subprotocols": ["chat.v2"] })),
    mistake(Product::Haproxy, "headers-deleted", "frontend web\n    bind 127.0.0.1:PORT\n    http-request del-header Upgrade\n    http-request del-header Connection\n    default_backend app\nbackend app\n    server app1 127.0.0.1:APP", STRIP),
    mistake(Product::Haproxy, "subprotocol-deleted", "frontend web\n    bind 127.0.0.1:PORT\n    http-request del-header Sec-WebSocket-Protocol\n    default_backend app\nbackend app\n    server app1 127.0.0.1:APP", &["upgrade-subprotocol-not-answered"])
        .check("--subprotocol chat.v2").client(|_| json!({ "subprotocols": ["chat.v2"] })),
    mistake(Product::Haproxy, "idle/client-and-server", "frontend web\n    bind 127.0.0.1:PORT\n    timeout client 2s\n    default_backend app\nbackend app\n    timeout server 2s\n    server app1 127.0.0.1:APP", &["idle-other-proxies"])
        .check("--hold 5s").because("haproxy-no-timeout-tunnel"),
    mistake(Product::Haproxy, "idle/tunnel", "frontend web\n    bind 127.0.0.1:PORT\n    default_backend app\nbackend app\n    timeout tunnel 2s\n    server app1 127.0.0.1:APP", &["idle-other-proxies"])
        .check("--hold 5s"),
    mistake(Product::Haproxy, "http2-backend", "frontend web\n    bind 127.0.0.1:PORT\n    default_backend app\nbackend app\n    server app1 127.0.0.1:APP proto h2", &["upgrade-http2-upstream"])
        .because("haproxy-h2-backend-no-8441"),
    mistake(Product::Haproxy, "order", "frontend web\n    bind 127.0.0.1:PORT\n    use_backend site if { path_beg / }\n    use_backend chat_ws if { path_beg /ws }\nbackend site\n    server web1 127.0.0.1:WEB\nbackend chat_ws\n    timeout tunnel 1h\n    server app1 127.0.0.1:APP", &["route-shadowed"])
        .all().lint(),
    mistake(Product::Caddy, "upgrade-removed", "\treverse_proxy 127.0.0.1:APP {\n\t\theader_up -Upgrade\n\t\theader_up -Connection\n\t}", STRIP).because("caddy-header-up-stripped"),
    mistake(Product::Caddy, "upgrade-removed/tornado", "\treverse_proxy /ws 127.0.0.1:APP {\n\t\theader_up -Upgrade\n\t}", STRIP).behind(Backend::Tornado),
    mistake(Product::Caddy, "h2c", "\treverse_proxy 127.0.0.1:APP {\n\t\ttransport http {\n\t\t\tversions h2c 2\n\t\t}\n\t}", &["upgrade-http2-upstream"]).because("caddy-h2c-transport"),
    mistake(Product::Caddy, "subprotocol-removed", "\treverse_proxy 127.0.0.1:APP {\n\t\theader_up -Sec-WebSocket-Protocol\n\t}", &["upgrade-subprotocol-not-answered"])
        .check("--subprotocol chat.v2").client(|_| json!({ "subprotocols": ["chat.v2"] })),
    mistake(Product::Caddy, "prefix-stripped", "\thandle_path /ws* {\n\t\treverse_proxy 127.0.0.1:APP\n\t}", &["route-path-rewritten"]).behind(Backend::Aiohttp).all().lint(),
    mistake(Product::Traefik, "headers-removed", "      middlewares: [clean]\n  middlewares:\n    clean:\n      headers:\n        customRequestHeaders:\n          Upgrade: \"\"\n          Connection: \"\"\nSERVICES http://127.0.0.1:APP", &["upgrade-stripped", "route-in-the-way"]).all(),
    mistake(Product::Traefik, "headers-removed/among-others", "      middlewares: [clean]
  middlewares:
    clean:
      headers:
        customRequestHeaders:
          X-Room: \"7\"
          Upgrade: \"\"
SERVICES http://127.0.0.1:APP", &["upgrade-stripped"]),
    mistake(Product::Traefik, "prefix-stripped", "      middlewares: [strip]\n  middlewares:\n    strip:\n      stripPrefix:\n        prefixes: [/ws]\nSERVICES http://127.0.0.1:APP", &["route-path-rewritten"]).behind(Backend::Aiohttp).all().lint(),
    mistake(Product::Traefik, "subprotocol-removed", "      middlewares: [clean]\n  middlewares:\n    clean:\n      headers:\n        customRequestHeaders:\n          Sec-WebSocket-Protocol: \"\"\nSERVICES http://127.0.0.1:APP", &["upgrade-subprotocol-not-answered"])
        .check("--subprotocol chat.v2").all().client(|_| json!({ "subprotocols": ["chat.v2"] })),
    mistake(Product::Envoy, "no-upgrade-configs", "MANAGER []\nROUTES [{match: {prefix: \"/\"}, route: {cluster: app}}]", &["upgrade-refused-by-proxy"]).because("envoy-upgrade-not-enabled"),
    mistake(Product::Envoy, "no-upgrade-configs/uvicorn", "MANAGER []\nROUTES [{match: {prefix: \"/ws\"}, route: {cluster: app}}]", &["upgrade-refused-by-proxy"]).behind(Backend::Uvicorn),
    mistake(Product::Envoy, "disabled-on-route", "MANAGER [{upgrade_type: websocket}]\nROUTES [{match: {prefix: \"/\"}, route: {cluster: app, upgrade_configs: [{upgrade_type: websocket, enabled: false}]}}]", &["upgrade-refused-by-proxy"]),
    mistake(Product::Envoy, "stream-idle", "MANAGER [{upgrade_type: websocket}]\n            stream_idle_timeout: 3s\nROUTES [{match: {prefix: \"/\"}, route: {cluster: app}}]", &["idle-other-proxies"])
        .check("--hold 7s").because("envoy-stream-idle-timeout"),
    mistake(Product::Envoy, "order", "MANAGER [{upgrade_type: websocket}]\nROUTES \n                - match: {prefix: \"/\"}\n                  route: {cluster: web}\n                - match: {prefix: \"/ws\"}\n                  route: {cluster: app}", &["route-shadowed"]).all().lint(),
];

pub(super) fn cases() -> Vec<Case> {
    MISTAKES.iter().map(case).collect()
}

fn case(mistake: &'static Mistake) -> Case {
    let product = match mistake.product {
        Product::Apache => "apache",
        Product::Haproxy => "haproxy",
        Product::Caddy => "caddy",
        Product::Traefik => "traefik",
        Product::Envoy => "envoy",
    };
    let name = format!("fix/{product}/{}", mistake.name);
    let mut case =
        Case::new(name, &[product, mistake.backend.name()], any_of(mistake.causes), "", move |stage| {
            let app = match mistake.check.contains("--subprotocol") {
                true => node_ws::start(stage, json!({ "subprotocols": ["chat.v2"] }))?,
                false => mistake.backend.start(stage)?,
            };
            let web = if mistake.text.contains("WEB") || mistake.text.contains("cluster: web") {
                node_ws::start_plain(stage, json!({}))?
            } else {
                app
            };
            let port = stage.port()?;
            let text = mistake
                .text
                .replace("APP", &app.to_string())
                .replace("WEB", &web.to_string())
                .replace("PORT", &port.to_string());
            let mut fix = match mistake.product {
                Product::Apache => apache(stage, port, &text)?,
                Product::Haproxy => haproxy(stage, port, &text)?,
                Product::Caddy => caddy(stage, port, &text)?,
                Product::Traefik => traefik(stage, port, &text)?,
                Product::Envoy => envoy(stage, port, &text, app, web)?,
            };
            fix = fix.client((mistake.client)(port));
            if mistake.all {
                fix = fix.all();
            }
            if mistake.lint {
                fix = fix.by_lint();
            }
            let mut plan = Plan::new(format!("ws://127.0.0.1:{port}{}", mistake.path));
            if !mistake.check.is_empty() {
                plan = plan.with(mistake.check);
            }
            Ok(plan.fix(fix))
        });
    case.because = mistake.because;
    case
}

fn written(stage: &Stage, name: &str, text: &str) -> Result<(PathBuf, String)> {
    let file = stage.write(name, text)?;
    let shown = file.display().to_string();
    Ok((file, shown))
}

fn apache(stage: &mut Stage, port: u16, text: &str) -> Result<Fix> {
    let folder = stage.folder.display().to_string();
    let modules: String = [
        "mpm_event",
        "authz_core",
        "proxy",
        "proxy_http",
        "proxy_wstunnel",
        "rewrite",
        "headers",
        "setenvif",
    ]
    .iter()
    .map(|name| format!("LoadModule {name}_module /usr/lib/apache2/modules/mod_{name}.so\n"))
    .collect();
    let body: String = text.lines().map(|line| format!("    {line}\n")).collect();
    let config = format!(
        "ServerRoot {folder}
ServerName 127.0.0.1
PidFile {folder}/apache.pid
DefaultRuntimeDir {folder}
Mutex posixsem default
User www-data
Group www-data
Listen 127.0.0.1:{port}
ErrorLog {folder}/apache.error.log
LogLevel info
{modules}
StartServers 1
ServerLimit 2
ThreadsPerChild 16
MaxRequestWorkers 32
<VirtualHost *:{port}>
{body}</VirtualHost>
"
    );
    let (file, shown) = written(stage, "apache.conf", &config)?;
    let mut command = stage.command("/usr/sbin/apache2");
    command.arg("-D").arg("FOREGROUND").arg("-f").arg(&file);
    stage.serve("apache", command, &[port])?;
    Ok(Fix::new(file).checked_by(&["/usr/sbin/apache2", "-t", "-f", &shown]))
}

fn haproxy(stage: &mut Stage, port: u16, text: &str) -> Result<Fix> {
    let folder = stage.folder.display().to_string();
    let config = format!(
        "global
    log stdout format raw local0
    maxconn 200
defaults
    log global
    mode http
    timeout connect 5s
    timeout client 50s
    timeout server 50s
{text}
"
    );
    let (file, shown) = written(stage, "haproxy.cfg", &config)?;
    let mut command = stage.command("/usr/sbin/haproxy");
    // A master that starts new workers when it is told to (HAProxy management guide, master-worker mode).
    command.args(["-W", "-db", "-p"]).arg(format!("{folder}/haproxy.pid")).arg("-f").arg(&file);
    stage.serve("haproxy", command, &[port])?;
    let reload = format!("kill -USR2 $(head -1 {folder}/haproxy.pid)");
    Ok(Fix::new(file).argument("--reload-command", reload).checked_by(&[
        "/usr/sbin/haproxy",
        "-c",
        "-q",
        "-f",
        &shown,
    ]))
}

fn caddy(stage: &mut Stage, port: u16, text: &str) -> Result<Fix> {
    let admin = stage.port()?;
    let config = format!(
        "{{\n\tadmin 127.0.0.1:{admin}\n\tauto_https off\n\tdefault_bind 127.0.0.1\n}}\n\nhttp://:{port} {{\n{text}\n}}\n"
    );
    let (file, shown) = written(stage, "Caddyfile", &config)?;
    let mut command = stage.command("/usr/bin/caddy");
    command.args(["run", "--adapter", "caddyfile", "--config"]).arg(&file);
    command
        .env("XDG_DATA_HOME", &stage.folder)
        .env("XDG_CONFIG_HOME", &stage.folder)
        .env("HOME", &stage.folder);
    stage.serve("caddy", command, &[port, admin])?;
    Ok(Fix::new(file).checked_by(&[
        "/usr/bin/caddy",
        "validate",
        "--adapter",
        "caddyfile",
        "--config",
        &shown,
    ]))
}

fn traefik(stage: &mut Stage, port: u16, text: &str) -> Result<Fix> {
    let text = match text.split_once("SERVICES ") {
        Some((before, url)) => format!(
            "{before}  services:\n    app:\n      loadBalancer:\n        servers:\n          - url: {}\n",
            url.trim()
        ),
        None => text.to_owned(),
    };
    let config =
        format!("http:\n  routers:\n    app:\n      rule: PathPrefix(`/ws`)\n      service: app\n{text}");
    let (file, _) = written(stage, "routes.yml", &config)?;
    let traefik = stage.tools.traefik.clone();
    let mut command = stage.command(traefik);
    command
        .arg(format!("--entrypoints.web.address=127.0.0.1:{port}"))
        .arg(format!("--providers.file.filename={}", file.display()))
        // Not twice in two seconds, which is the default: a test should not wait for it.
        .arg("--providers.providersthrottleduration=100ms")
        .args(["--global.checknewversion=false", "--global.sendanonymoususage=false", "--log.level=INFO"]);
    stage.serve("traefik", command, &[port])?;
    // It listens before it has read its routes, and answers 404 until then.
    std::thread::sleep(std::time::Duration::from_millis(800));
    Ok(Fix::new(file))
}

fn envoy(stage: &mut Stage, port: u16, text: &str, app: u16, web: u16) -> Result<Fix> {
    let folder = stage.folder.display().to_string();
    let (manager, routes) = text.split_once("\nROUTES ").ok_or("a mistake without routes")?;
    let manager = manager.replace("MANAGER ", "upgrade_configs: ");
    let manager = if manager.starts_with("upgrade_configs: []") {
        manager.replacen("upgrade_configs: []", "codec_type: AUTO", 1)
    } else {
        manager
    };
    let cluster = |name: &str, port: u16| {
        format!(
            "    - name: {name}
      connect_timeout: 2s
      type: STATIC
      load_assignment:
        cluster_name: {name}
        endpoints: [{{lb_endpoints: [{{endpoint: {{address: {{socket_address: {{address: 127.0.0.1, port_value: {port}}}}}}}}}]}}]
"
        )
    };
    let config = format!(
        "static_resources:
  listeners:
    - address: {{socket_address: {{address: 127.0.0.1, port_value: {port}}}}}
      filter_chains:
      - filters:
        - name: envoy.filters.network.http_connection_manager
          typed_config:
            \"@type\": type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager
            stat_prefix: web
            {manager}
            http_filters:
            - name: envoy.filters.http.router
              typed_config: {{\"@type\": type.googleapis.com/envoy.extensions.filters.http.router.v3.Router}}
            route_config:
              virtual_hosts:
              - name: app
                domains: [\"*\"]
                routes: {routes}
  clusters:
{}{}",
        cluster("app", app),
        if web == app { String::new() } else { cluster("web", web) }
    );
    let (file, shown) = written(stage, "envoy.yaml", &config)?;
    let envoy = stage.tools.envoy.display().to_string();
    // Envoy loads its static file once: whoever keeps it running starts it again, as a service manager does.
    let keeper = format!(
        "while :; do {envoy} -c {shown} --disable-hot-restart --concurrency 1 -l warning & echo $! > {folder}/envoy.pid; wait $!; done"
    );
    let mut command = stage.command("sh");
    command.arg("-c").arg(keeper);
    stage.serve("envoy", command, &[port])?;
    let reload = format!("kill $(cat {folder}/envoy.pid); sleep 1");
    Ok(Fix::new(file)
        .argument("--reload-command", reload)
        .checked_by(&[&envoy, "--mode", "validate", "-c", &shown]))
}
