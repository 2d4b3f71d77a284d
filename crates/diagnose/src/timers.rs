//! Timers that products come with, to match a measured constant against.

/// A timer that ends connections.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Timer {
    /// Its value, seconds.
    pub seconds: u32,
    /// Whose it is, and what it is called there.
    pub owner: &'static str,
    /// What makes it run.
    pub kind: TimerKind,
    /// The product id that a finding names as `because`.
    pub id: Option<&'static str>,
}

/// What makes a timer run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TimerKind {
    /// Time without traffic.
    Idle,
    /// Time since the connection was made, whatever is sent.
    Lifetime,
}

/// Sources: the products' documentation, and measurements on nginx 1.22, HAProxy 2.6, Apache 2.4, lighttpd 1.4,
/// varnish 7.1 and h2o 2.2.
pub const TIMERS: &[Timer] = &[
    idle(30, "HAProxy `timeout client` / `timeout server`", Some("haproxy-no-timeout-tunnel")),
    idle(50, "HAProxy `timeout client` / `timeout server`", Some("haproxy-no-timeout-tunnel")),
    idle(55, "Heroku router (H15)", Some("heroku-h15")),
    idle(60, "nginx `proxy_read_timeout`", Some("idle-nginx-read-timeout")),
    idle(60, "Apache httpd `Timeout`", Some("apache-idle-timeout")),
    idle(60, "AWS ALB idle timeout", Some("alb-idle-60")),
    idle(60, "Varnish `pipe_timeout`", None),
    idle(100, "Cloudflare", Some("cloudflare-idle-100s")),
    idle(180, "Traefik `idleTimeout`", Some("traefik-entrypoint-timeouts")),
    idle(240, "Azure Load Balancer", Some("azure-lb-idle-4min")),
    idle(270, "Cloudflare Gateway", None),
    idle(300, "Envoy `stream_idle_timeout`", Some("envoy-stream-idle-timeout")),
    idle(300, "Azure Front Door", Some("azure-frontdoor-cache-or-cap")),
    idle(300, "h2o `proxy.websocket.timeout`", None),
    idle(350, "AWS NLB", Some("nlb-idle-350")),
    idle(600, "AWS API Gateway", Some("apigw-limits")),
    lifetime(15, "Envoy route `timeout`", Some("envoy-route-timeout")),
    lifetime(20, "Azure Application Gateway request timeout", Some("azure-appgw-request-timeout")),
    lifetime(30, "Google Cloud backend service timeout", Some("gcp-backend-timeout-30")),
    lifetime(30, "Azure Application Gateway request timeout", Some("azure-appgw-request-timeout")),
    lifetime(300, "Vercel function duration", Some("platform-no-websocket")),
    lifetime(7200, "AWS API Gateway", Some("apigw-limits")),
    lifetime(14400, "Azure Front Door", Some("azure-frontdoor-cache-or-cap")),
];

const fn idle(seconds: u32, owner: &'static str, id: Option<&'static str>) -> Timer {
    Timer { seconds, owner, kind: TimerKind::Idle, id }
}

const fn lifetime(seconds: u32, owner: &'static str, id: Option<&'static str>) -> Timer {
    Timer { seconds, owner, kind: TimerKind::Lifetime, id }
}

/// Timers of one kind whose value is within one second of a measured time.
pub fn timers_near(kind: TimerKind, micros: u64) -> impl Iterator<Item = &'static Timer> {
    TIMERS.iter().filter(move |timer| {
        timer.kind == kind && (u64::from(timer.seconds) * 1_000_000).abs_diff(micros) <= 1_000_000
    })
}
