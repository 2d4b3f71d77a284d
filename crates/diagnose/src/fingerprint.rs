//! Who answered: products and libraries, told by headers and by the words of their own pages.
//!
//! A proxy's own error page carries the proxy's template; an application's message passes through verbatim
//! even under `Server: nginx`. So the hops (headers) and the author (body) are told apart.
//! Observed on nginx 1.22, Apache 2.4, HAProxy 2.6, Caddy 2.6, squid 5.7, varnish 7.1, h2o 2.2, lighttpd 1.4,
//! Traefik 3, Envoy 1.3x, node ws 8, socket.io 4, Python websockets, aiohttp, uvicorn, daphne, tornado, vite 6.

use crate::finding::Stack;
use evidence::Response;

/// A proxy, server, or cloud edge on the way.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[allow(missing_docs, reason = "the names are the products'")]
pub enum Product {
    Nginx,
    Apache,
    Haproxy,
    Caddy,
    Traefik,
    Envoy,
    Istio,
    Varnish,
    Squid,
    H2o,
    Lighttpd,
    Iis,
    Kestrel,
    Cloudflare,
    CloudFront,
    AwsElb,
    ApiGateway,
    GoogleFrontEnd,
    AzureFrontDoor,
    AzureAppGateway,
    AzureAppService,
    Heroku,
    Vercel,
    Netlify,
    Fly,
    Fastly,
    Akamai,
    Ngrok,
    ModSecurity,
}

/// A server library or framework that wrote an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[allow(missing_docs, reason = "the names are the products'")]
pub enum Library {
    NodeWs,
    EngineIo,
    PyWebsockets,
    Aiohttp,
    Uvicorn,
    Daphne,
    Tornado,
    Gorilla,
    CoderWebsocket,
    Tungstenite,
    Spring,
    SignalR,
    ActionCable,
    Phoenix,
    Vite,
    WebpackDevServer,
    Django,
    Rails,
    Werkzeug,
    Gunicorn,
    Express,
    Jetty,
    Tomcat,
    Hypercorn,
    HomeAssistant,
    Grafana,
    Jupyter,
}

/// Every product that the headers name, outermost last.
#[must_use]
pub fn hops(response: &Response) -> Vec<Product> {
    let mut found = Vec::new();
    let mut add = |product| {
        if !found.contains(&product) {
            found.push(product);
        }
    };
    let via = response.headers_named("via").collect::<Vec<_>>().join(", ").to_ascii_lowercase();
    for (word, product) in VIA {
        if via.contains(word) {
            add(*product);
        }
    }
    for value in response.headers_named("server") {
        let server = value.to_ascii_lowercase();
        for (word, product) in SERVER {
            if server.contains(word) {
                add(*product);
            }
        }
    }
    for header in &response.headers {
        let name = header.name.to_ascii_lowercase();
        for (start, product) in HEADER {
            if name.starts_with(start) {
                add(*product);
            }
        }
    }
    if found.is_empty()
        && let Some(product) = own_page(response)
    {
        found.push(product);
    }
    found
}

const VIA: &[(&str, Product)] = &[
    ("squid", Product::Squid),
    ("varnish", Product::Varnish),
    ("cloudfront", Product::CloudFront),
    ("1.1 google", Product::GoogleFrontEnd),
    ("vegur", Product::Heroku),
    ("heroku", Product::Heroku),
    ("caddy", Product::Caddy),
    ("fly.io", Product::Fly),
];

const SERVER: &[(&str, Product)] = &[
    ("nginx", Product::Nginx),
    ("openresty", Product::Nginx),
    ("apache", Product::Apache),
    ("caddy", Product::Caddy),
    ("istio-envoy", Product::Istio),
    ("envoy", Product::Envoy),
    ("varnish", Product::Varnish),
    ("squid", Product::Squid),
    ("h2o", Product::H2o),
    ("lighttpd", Product::Lighttpd),
    ("microsoft-iis", Product::Iis),
    ("microsoft-azure-application-gateway", Product::AzureAppGateway),
    ("kestrel", Product::Kestrel),
    ("cloudflare", Product::Cloudflare),
    ("cloudfront", Product::CloudFront),
    ("awselb", Product::AwsElb),
    ("google frontend", Product::GoogleFrontEnd),
    ("gws", Product::GoogleFrontEnd),
    ("vercel", Product::Vercel),
    ("netlify", Product::Netlify),
    ("fly/", Product::Fly),
    ("heroku", Product::Heroku),
    ("cowboy", Product::Heroku),
    ("akamaighost", Product::Akamai),
    ("mod_security", Product::ModSecurity),
];

const HEADER: &[(&str, Product)] = &[
    ("cf-ray", Product::Cloudflare),
    ("cf-mitigated", Product::Cloudflare),
    ("x-amz-cf-", Product::CloudFront),
    ("x-amz-apigw-id", Product::ApiGateway),
    ("x-amzn-requestid", Product::ApiGateway),
    ("x-amzn-errortype", Product::ApiGateway),
    ("x-azure-ref", Product::AzureFrontDoor),
    ("x-ms-routing-name", Product::AzureAppService),
    ("x-vercel-", Product::Vercel),
    ("x-nf-request-id", Product::Netlify),
    ("fly-request-id", Product::Fly),
    ("x-served-by", Product::Fastly),
    ("x-varnish", Product::Varnish),
    ("x-squid-error", Product::Squid),
    ("x-envoy-", Product::Envoy),
    ("ngrok-", Product::Ngrok),
];

/// The product whose own error page this is; none: somebody behind wrote the body.
#[must_use]
pub fn own_page(response: &Response) -> Option<Product> {
    let body = response.body.text.as_str();
    let server = response.header("server").unwrap_or_default().to_ascii_lowercase();
    if body.contains("<center>nginx") || body.contains("<center>openresty") {
        return Some(Product::Nginx);
    }
    if body.contains("<address>Apache/") || body.contains("<address>Apache Server") {
        return Some(Product::Apache);
    }
    if server.contains("apache")
        && body.starts_with("<!DOCTYPE HTML PUBLIC \"-//")
        && body.contains(&format!("<title>{}", response.status))
    {
        return Some(Product::Apache);
    }
    if body.contains("<!-- ERR_") || response.header("x-squid-error").is_some() {
        return Some(Product::Squid);
    }
    if body.contains("Guru Meditation") || body.contains("<p>Varnish cache server</p>") {
        return Some(Product::Varnish);
    }
    if body.contains("No server is available to handle this request")
        || (body.contains("<html><body><h1>") && body.contains("The server didn't respond in time."))
        || body.contains("The server returned an invalid or incomplete response.")
        || (body.starts_with("<html><body><h1>")
            && body.contains("</h1>\\n")
            && response.header("server").is_none())
    {
        return Some(Product::Haproxy);
    }
    if body == "no healthy upstream"
        || body.starts_with("upstream connect error or disconnect/reset before headers")
        || (server == "envoy" && response.body.length == 0 && matches!(response.status, 403 | 404 | 503))
    {
        return Some(Product::Envoy);
    }
    if response.status == 404 && body == "404 page not found\\n" && response.header("server").is_none() {
        return Some(Product::Traefik);
    }
    if matches!(response.status, 502..=504)
        && matches!(
            body,
            "Bad Gateway" | "Gateway Timeout" | "no available server\\n" | "Service Unavailable"
        )
        && response.header("server").is_none()
    {
        return Some(Product::Traefik);
    }
    if server == "caddy" && response.body.length == 0 && response.header("content-type").is_none() {
        return Some(Product::Caddy);
    }
    if server.starts_with("lighttpd")
        && body.contains("<h1>")
        && body.contains(&format!("<title>{}", response.status))
    {
        return Some(Product::Lighttpd);
    }
    if server.starts_with("h2o")
        && matches!(response.status, 400 | 404 | 502 | 504)
        && response.body.length < 40
    {
        return Some(Product::H2o);
    }
    if server.contains("cloudflare")
        && (body.contains("cf-error-details") || body.contains("Cloudflare Ray ID"))
    {
        return Some(Product::Cloudflare);
    }
    if server.starts_with("awselb") {
        return Some(Product::AwsElb);
    }
    None
}

/// The library that wrote the answer, told by words that only it uses.
#[must_use]
pub fn library(response: &Response) -> Option<Library> {
    let body = response.body.text.as_str();
    let server = response.headers_named("server").collect::<Vec<_>>().join(" ").to_ascii_lowercase();
    let powered = response.header("x-powered-by").unwrap_or_default();
    let by_body = match body {
        _ if body.contains("No WebSocket UPGRADE hdr") || body.contains("No CONNECTION upgrade hdr") => {
            Some(Library::Aiohttp)
        }
        _ if body.contains("Can \"Upgrade\" only to \"WebSocket\"") && server.contains("tornado") => {
            Some(Library::Tornado)
        }
        _ if body.contains("\"Connection\" must be \"Upgrade\"") => Some(Library::Tornado),
        _ if body.contains("Cross origin websockets not allowed") => Some(Library::Tornado),
        _ if body.contains("Can \"Upgrade\" only to \"WebSocket\"") => Some(Library::Spring),
        _ if body.starts_with("Failed to open a WebSocket connection")
            || body.contains("You cannot access a WebSocket server directly") =>
        {
            Some(Library::PyWebsockets)
        }
        _ if body.contains("token not found in 'Connection' header")
            || body.contains("token not found in 'Upgrade' header")
            || body.contains("request origin not allowed by Upgrader.CheckOrigin") =>
        {
            Some(Library::Gorilla)
        }
        _ if body.contains("WebSocket protocol violation: ")
            || body.contains("is not authorized for Host") =>
        {
            Some(Library::CoderWebsocket)
        }
        _ if engine_io_code(body).is_some() => Some(Library::EngineIo),
        _ if body.contains("Blocked request. This host") => Some(Library::Vite),
        _ if body.contains("No Connection with that ID") => Some(Library::SignalR),
        _ if body.contains("DisallowedHost") => Some(Library::Django),
        _ if body.contains("Blocked host") || body.contains("Blocked hosts") => Some(Library::Rails),
        _ if body.contains("Hixie76 protocol not supported")
            || body.contains("HTTP Connection headers do not include") =>
        {
            Some(Library::Daphne)
        }
        _ if body == "Upgrade Required" && response.status == 426 => Some(Library::NodeWs),
        _ if body.contains("Missing or invalid Sec-WebSocket-Key header") => Some(Library::NodeWs),
        _ if body.contains("Request Origin is not authorized") => Some(Library::Grafana),
        _ => None,
    };
    by_body
        .or_else(|| {
            const BY_SERVER: &[(&str, Library)] = &[
                ("uvicorn", Library::Uvicorn),
                ("daphne", Library::Daphne),
                ("hypercorn", Library::Hypercorn),
                ("tornadoserver", Library::Tornado),
                ("aiohttp", Library::Aiohttp),
                ("websockets/", Library::PyWebsockets),
                ("werkzeug", Library::Werkzeug),
                ("gunicorn", Library::Gunicorn),
                ("wsgiserver", Library::Django),
                ("jetty", Library::Jetty),
                ("homeassistant", Library::HomeAssistant),
            ];
            BY_SERVER.iter().find(|(word, _)| server.contains(word)).map(|(_, library)| *library)
        })
        .or_else(|| powered.eq_ignore_ascii_case("express").then_some(Library::Express))
}

/// Code and message of an engine.io error (`{"code":1,"message":"Session ID unknown"}`), or of its plain form.
#[must_use]
pub fn engine_io_code(body: &str) -> Option<u8> {
    const PLAIN: &[(&str, u8)] = &[
        ("Transport unknown", 0),
        ("Session ID unknown", 1),
        ("Bad handshake method", 2),
        ("Unsupported protocol version", 5),
    ];
    if let Some((_, code)) = PLAIN.iter().find(|(text, _)| body == *text) {
        return Some(*code);
    }
    let rest = body.trim_start().strip_prefix("{\"code\":")?;
    if !rest.contains("\"message\":") {
        return None;
    }
    rest.split(',').next()?.trim().parse().ok()
}

/// What a library says when the upgrade headers do not reach it. Observed on each; the status alone is no proof.
#[must_use]
pub fn says_no_upgrade_arrived(response: &Response) -> bool {
    let body = response.body.text.as_str();
    response.status == 426
        || body.contains("No WebSocket UPGRADE hdr")
        || body.contains("Can \"Upgrade\" only to \"WebSocket\"")
        || body.contains("token not found in 'Upgrade' header")
        || engine_io_code(body) == Some(3)
        || engine_io_code(body) == Some(0)
        || body.contains("This is a WebSocket endpoint")
        || body.contains("Expected WebSocket")
        || body.contains("Not a websocket request")
}

/// What a library says when `Upgrade` arrives and `Connection: Upgrade` does not.
#[must_use]
pub fn says_connection_token_missing(response: &Response) -> bool {
    let body = response.body.text.as_str();
    // daphne (autobahn) says it in the reason phrase, with an empty body.
    response.reason.contains("HTTP Connection headers do not include")
        || (body.contains("Connection header") && body.contains("does not contain Upgrade"))
        || body.contains("No CONNECTION upgrade hdr")
        || body.contains("\"Connection\" must be \"Upgrade\"")
        || body.contains("token not found in 'Connection' header")
        || body.contains("HTTP Connection headers do not include")
}

/// What a TLS port says to somebody who speaks plain HTTP to it.
/// Sources: nginx (`ngx_http_special_response.c`, status 497), Apache (`mod_ssl`), Go (`net/http`), Tomcat.
#[must_use]
pub fn says_tls_is_wanted(response: &Response) -> bool {
    const WORDS: &[&str] = &[
        "The plain HTTP request was sent to HTTPS port",
        "speaking plain HTTP to an SSL-enabled server port",
        "Client sent an HTTP request to an HTTPS server",
        "This combination of host and port requires TLS",
    ];
    WORDS.iter().any(|words| response.body.text.contains(words))
}

impl Product {
    /// Its name as its makers write it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Nginx => "nginx",
            Self::Apache => "Apache httpd",
            Self::Haproxy => "HAProxy",
            Self::Caddy => "Caddy",
            Self::Traefik => "Traefik",
            Self::Envoy => "Envoy",
            Self::Istio => "Istio",
            Self::Varnish => "Varnish",
            Self::Squid => "Squid",
            Self::H2o => "H2O",
            Self::Lighttpd => "lighttpd",
            Self::Iis => "IIS",
            Self::Kestrel => "Kestrel",
            Self::Cloudflare => "Cloudflare",
            Self::CloudFront => "CloudFront",
            Self::AwsElb => "AWS load balancer",
            Self::ApiGateway => "AWS API Gateway",
            Self::GoogleFrontEnd => "Google front end",
            Self::AzureFrontDoor => "Azure Front Door",
            Self::AzureAppGateway => "Azure Application Gateway",
            Self::AzureAppService => "Azure App Service",
            Self::Heroku => "Heroku",
            Self::Vercel => "Vercel",
            Self::Netlify => "Netlify",
            Self::Fly => "Fly.io",
            Self::Fastly => "Fastly",
            Self::Akamai => "Akamai",
            Self::Ngrok => "ngrok",
            Self::ModSecurity => "ModSecurity",
        }
    }

    /// The stack that remedies are written for.
    #[must_use]
    pub fn stack(self) -> Option<Stack> {
        Some(match self {
            Self::Nginx => Stack::Nginx,
            Self::Apache => Stack::Apache,
            Self::Haproxy => Stack::Haproxy,
            Self::Caddy => Stack::Caddy,
            Self::Traefik => Stack::Traefik,
            Self::Envoy | Self::Istio => Stack::Envoy,
            Self::Varnish => Stack::Varnish,
            Self::Squid => Stack::Squid,
            Self::H2o => Stack::H2o,
            Self::Lighttpd => Stack::Lighttpd,
            Self::Iis | Self::Kestrel => Stack::Iis,
            Self::Cloudflare => Stack::Cloudflare,
            Self::CloudFront | Self::AwsElb | Self::ApiGateway => Stack::Aws,
            Self::GoogleFrontEnd => Stack::Gcp,
            Self::AzureFrontDoor | Self::AzureAppGateway | Self::AzureAppService => Stack::Azure,
            Self::Heroku => Stack::Heroku,
            _ => return None,
        })
    }
}

impl Library {
    /// Its name as its makers write it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::NodeWs => "ws (Node.js)",
            Self::EngineIo => "Socket.IO",
            Self::PyWebsockets => "websockets (Python)",
            Self::Aiohttp => "aiohttp",
            Self::Uvicorn => "Uvicorn",
            Self::Daphne => "Daphne",
            Self::Tornado => "Tornado",
            Self::Gorilla => "gorilla/websocket",
            Self::CoderWebsocket => "coder/websocket",
            Self::Tungstenite => "tungstenite",
            Self::Spring => "Spring",
            Self::SignalR => "SignalR",
            Self::ActionCable => "Action Cable",
            Self::Phoenix => "Phoenix",
            Self::Vite => "Vite",
            Self::WebpackDevServer => "webpack-dev-server",
            Self::Django => "Django",
            Self::Rails => "Rails",
            Self::Werkzeug => "Werkzeug",
            Self::Gunicorn => "Gunicorn",
            Self::Express => "Express",
            Self::Jetty => "Jetty",
            Self::Tomcat => "Tomcat",
            Self::Hypercorn => "Hypercorn",
            Self::HomeAssistant => "Home Assistant",
            Self::Grafana => "Grafana",
            Self::Jupyter => "Jupyter",
        }
    }

    /// The stack that remedies are written for.
    #[must_use]
    pub fn stack(self) -> Option<Stack> {
        Some(match self {
            Self::NodeWs | Self::Express => Stack::Node,
            Self::EngineIo => Stack::SocketIo,
            Self::PyWebsockets
            | Self::Aiohttp
            | Self::Uvicorn
            | Self::Hypercorn
            | Self::Tornado
            | Self::Gunicorn
            | Self::Werkzeug
            | Self::Jupyter => Stack::Python,
            Self::Daphne | Self::Django => Stack::Django,
            Self::Gorilla | Self::CoderWebsocket | Self::Grafana => Stack::Go,
            Self::Tungstenite => Stack::Rust,
            Self::Spring | Self::Jetty | Self::Tomcat => Stack::Java,
            Self::SignalR => Stack::DotNet,
            Self::ActionCable | Self::Rails => Stack::Rails,
            Self::Vite | Self::WebpackDevServer => Stack::Vite,
            _ => return None,
        })
    }
}
