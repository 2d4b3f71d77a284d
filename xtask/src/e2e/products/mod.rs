//! The real products: one file each, started with what a case wants to be special about them.
//!
//! Every `start` picks a free port, writes the configuration into the case's folder, waits until the server
//! listens, and returns the port.

pub(crate) mod aiohttp;
pub(crate) mod apache;
pub(crate) mod caddy;
pub(crate) mod daphne;
pub(crate) mod dnsmasq;
pub(crate) mod envoy;
pub(crate) mod h2o;
pub(crate) mod haproxy;
pub(crate) mod lab;
pub(crate) mod lighttpd;
pub(crate) mod microsocks;
pub(crate) mod nginx;
pub(crate) mod node_ws;
pub(crate) mod openssl;
pub(crate) mod py_websockets;
pub(crate) mod python;
pub(crate) mod socketio;
pub(crate) mod squid;
pub(crate) mod tornado;
pub(crate) mod traefik;
pub(crate) mod uvicorn;
pub(crate) mod varnish;
pub(crate) mod vite;

use serde_json::json;

use crate::e2e::Result;
use crate::e2e::stage::Stage;

/// The servers that end a WebSocket, as the matrices of cases use them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Backend {
    NodeWs,
    PyWebsockets,
    Aiohttp,
    Tornado,
    Uvicorn,
    Daphne,
    SocketIo,
}

impl Backend {
    pub(crate) const ALL: [Self; 7] = [
        Self::NodeWs,
        Self::PyWebsockets,
        Self::Aiohttp,
        Self::Tornado,
        Self::Uvicorn,
        Self::Daphne,
        Self::SocketIo,
    ];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::NodeWs => "node-ws",
            Self::PyWebsockets => "py-websockets",
            Self::Aiohttp => "aiohttp",
            Self::Tornado => "tornado",
            Self::Uvicorn => "uvicorn",
            Self::Daphne => "daphne",
            Self::SocketIo => "socketio",
        }
    }

    /// The path, with query, at which its WebSocket answers.
    pub(crate) fn path(self) -> &'static str {
        match self {
            Self::NodeWs | Self::PyWebsockets => "/",
            Self::Aiohttp | Self::Tornado | Self::Uvicorn | Self::Daphne => "/ws",
            Self::SocketIo => socketio::PATH,
        }
    }

    pub(crate) fn start(self, stage: &mut Stage) -> Result<u16> {
        match self {
            Self::NodeWs => node_ws::start(stage, json!({})),
            Self::PyWebsockets => py_websockets::start(stage, json!({})),
            Self::Aiohttp => aiohttp::start(stage, json!({})),
            Self::Tornado => tornado::start(stage, json!({})),
            Self::Uvicorn => uvicorn::start(stage, &[]),
            Self::Daphne => daphne::start(stage),
            Self::SocketIo => socketio::start(stage, json!({})),
        }
    }
}

/// The proxies in front, as the matrices of cases use them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Proxy {
    Nginx,
    Apache,
    Haproxy,
    Caddy,
    Traefik,
    Envoy,
    Squid,
    Varnish,
    H2o,
    Lighttpd,
}

impl Proxy {
    pub(crate) const ALL: [Self; 10] = [
        Self::Nginx,
        Self::Apache,
        Self::Haproxy,
        Self::Caddy,
        Self::Traefik,
        Self::Envoy,
        Self::Squid,
        Self::Varnish,
        Self::H2o,
        Self::Lighttpd,
    ];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Nginx => "nginx",
            Self::Apache => "apache",
            Self::Haproxy => "haproxy",
            Self::Caddy => "caddy",
            Self::Traefik => "traefik",
            Self::Envoy => "envoy",
            Self::Squid => "squid",
            Self::Varnish => "varnish",
            Self::H2o => "h2o",
            Self::Lighttpd => "lighttpd",
        }
    }

    /// Starts it in front of `backend`, configured as its documentation says for WebSocket.
    pub(crate) fn forward(self, stage: &mut Stage, backend: u16) -> Result<u16> {
        let url = format!("http://127.0.0.1:{backend}");
        match self {
            Self::Nginx => nginx::start(stage, &nginx::proxy(backend, nginx::UPGRADE)),
            Self::Apache => apache::start(
                stage,
                "",
                &format!("ProxyPreserveHost On\nProxyPass / {url}/ upgrade=websocket"),
            ),
            Self::Haproxy => haproxy::start(stage, backend, &haproxy::Options::default()),
            Self::Caddy => caddy::start(stage, "http://", &format!("reverse_proxy 127.0.0.1:{backend}")),
            Self::Traefik => traefik::start(stage, &url, &[], None, &[]),
            Self::Envoy => envoy::start(
                stage,
                backend,
                &envoy::Options { manager: &[envoy::UPGRADE], ..Default::default() },
            ),
            Self::Squid => {
                squid::start_accelerator(stage, backend, "http_upgrade_request_protocols websocket allow all")
            }
            Self::Varnish => varnish::start(stage, backend, varnish::PIPE, &[]),
            Self::H2o => h2o::start(stage, backend, &["proxy.preserve-host: ON", "proxy.websocket: ON"]),
            Self::Lighttpd => lighttpd::start(stage, backend, "proxy.header = (\"upgrade\" => \"enable\")"),
        }
    }

    /// Starts it in front of `backend`, configured for plain HTTP only: each product's own way to lose the
    /// upgrade (section 8 of the catalog).
    pub(crate) fn strip(self, stage: &mut Stage, backend: u16) -> Result<u16> {
        let url = format!("http://127.0.0.1:{backend}");
        match self {
            // nginx-no-upgrade-headers
            Self::Nginx => nginx::start(stage, &nginx::proxy(backend, "proxy_set_header Host $http_host;")),
            // apache-no-ws-mapping
            Self::Apache => apache::start(stage, "", &format!("ProxyPreserveHost On\nProxyPass / {url}/")),
            // HAProxy passes upgrades by itself; a rule that cleans hop-by-hop headers is how it is lost.
            Self::Haproxy => haproxy::start(
                stage,
                backend,
                &haproxy::Options {
                    frontend: "http-request del-header Upgrade\n http-request del-header Connection",
                    ..Default::default()
                },
            ),
            // caddy-header-up-stripped
            Self::Caddy => caddy::start(
                stage,
                "http://",
                &format!(
                    "reverse_proxy 127.0.0.1:{backend} {{\nheader_up -Upgrade\nheader_up -Connection\n}}"
                ),
            ),
            // traefik-middleware-breaks-upgrade
            Self::Traefik => traefik::start(
                stage,
                &url,
                &[("clean", "{headers: {customRequestHeaders: {Upgrade: \"\", Connection: \"\"}}}")],
                None,
                &[],
            ),
            // envoy-upgrade-not-enabled: it refuses by itself, with 403.
            Self::Envoy => envoy::start(stage, backend, &envoy::Options::default()),
            // squid-accel-no-upgrade
            Self::Squid => squid::start_accelerator(stage, backend, ""),
            // varnish-not-piped
            Self::Varnish => varnish::start(stage, backend, "", &[]),
            // h2o-websocket-off
            Self::H2o => h2o::start(stage, backend, &["proxy.preserve-host: ON"]),
            // lighttpd-upgrade-off
            Self::Lighttpd => lighttpd::start(stage, backend, ""),
        }
    }
}
