//! Envoy: one listener, one route, one cluster.

use crate::e2e::Result;
use crate::e2e::stage::Stage;

/// What a case may change.
#[derive(Debug, Default)]
pub(crate) struct Options<'a> {
    /// YAML mappings added to the connection manager, one a line (`upgrade_configs: […]`).
    pub manager: &'a [&'a str],
    /// YAML mappings added to the route's action.
    pub route: &'a [&'a str],
    /// The stem of a certificate to serve TLS with.
    pub tls: Option<&'a str>,
    /// The cluster has no endpoint.
    pub no_endpoints: bool,
}

/// What lets WebSocket through.
pub(crate) const UPGRADE: &str = "upgrade_configs: [{upgrade_type: websocket}]";

/// Starts Envoy in front of one backend port.
///
/// # Errors
///
/// When it does not come up.
pub(crate) fn start(stage: &mut Stage, backend: u16, options: &Options<'_>) -> Result<u16> {
    let (label, port) = (stage.label("envoy"), stage.port()?);
    let manager: String = options.manager.iter().map(|line| format!("            {line}\n")).collect();
    let route: String = options.route.iter().map(|line| format!(", {line}")).collect();
    let tls = options.tls.map(|cert| {
        let (chain, key) = (stage.certs.path(&format!("{cert}.full")), stage.certs.path(&format!("{cert}.key")));
        format!(
            "        transport_socket:
          name: envoy.transport_sockets.tls
          typed_config:
            \"@type\": type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.DownstreamTlsContext
            common_tls_context:
              alpn_protocols: [h2, http/1.1]
              tls_certificates: [{{certificate_chain: {{filename: {chain}}}, private_key: {{filename: {key}}}}}]
"
        )
    });
    let endpoints = match options.no_endpoints {
        true => "[]".into(),
        false => format!(
            "[{{endpoint: {{address: {{socket_address: {{address: 127.0.0.1, port_value: {backend}}}}}}}}}]"
        ),
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
            codec_type: AUTO
{manager}            http_filters:
            - name: envoy.filters.http.router
              typed_config: {{\"@type\": type.googleapis.com/envoy.extensions.filters.http.router.v3.Router}}
            route_config:
              virtual_hosts:
              - name: app
                domains: [\"*\"]
                routes: [{{match: {{prefix: \"/\"}}, route: {{cluster: app{route}}}}}]
{tls}  clusters:
    - name: app
      connect_timeout: 2s
      type: STATIC
      load_assignment: {{cluster_name: app, endpoints: [{{lb_endpoints: {endpoints}}}]}}
",
        tls = tls.unwrap_or_default()
    );
    let file = stage.write(&format!("{label}.yaml"), &config)?;
    let envoy = stage.tools.envoy.clone();
    let mut command = stage.command(envoy);
    command.args(["--disable-hot-restart", "--concurrency", "1", "--log-level", "warning", "-c"]).arg(file);
    stage.serve(&label, command, &[port])?;
    Ok(port)
}
