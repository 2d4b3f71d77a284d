//! What server libraries and frameworks log about a handshake that they refuse.

use super::{Message, says};

pub(super) const MESSAGES: &[Message] = &[
    says("session-id-unknown", "engine.io", &["session id unknown"]),
    says("session-id-unknown", "SignalR", &["no connection with that id"]),
    says("transport-unknown", "engine.io", &["\"transport unknown\""]),
    says("engineio-bad-request", "engine.io", &["\"code\":3", "\"bad request\""]),
    says("engineio-bad-method", "engine.io", &["bad handshake method"]),
    says("engineio-version", "engine.io", &["unsupported protocol version", "\"code\":5"]),
    says(
        "connection-token-missing",
        "gorilla/websocket",
        &["'upgrade' token not found in 'connection' header"],
    ),
    says("connection-token-missing", "aiohttp", &["no connection upgrade hdr"]),
    says("connection-token-missing", "tornado", &["\"connection\" must be \"upgrade\""]),
    says("connection-token-missing", "daphne", &["http connection headers do not include \"upgrade\""]),
    says("connection-token-missing", "python websockets", &["invalid connection header"]),
    says("upgrade-not-arrived", "gorilla/websocket", &["'websocket' token not found in 'upgrade' header"]),
    says("upgrade-not-arrived", "Spring", &["handshake failed due to invalid upgrade header"]),
    says("upgrade-not-arrived", "a server", &["can \"upgrade\" only to \"websocket\""]),
    says("upgrade-not-arrived", "aiohttp", &["no websocket upgrade hdr"]),
    says("upgrade-not-arrived", "ws (Node.js)", &["missing or invalid upgrade header"]),
    says("upgrade-not-arrived", "coder/websocket", &["websocket protocol violation: connection header"]),
    says("upgrade-not-arrived", "Rails", &["failed to upgrade to websocket"]),
    says("key-bad", "a server", &["missing or invalid sec-websocket-key"]),
    says("key-bad", "gorilla/websocket", &["'sec-websocket-key' header", "missing"]),
    says("key-bad", "gorilla/websocket", &["'sec-websocket-key' header must be base64"]),
    says("key-bad", "a server", &["sec-websocket-key", "invalid"]),
    says("version-bad", "gorilla/websocket", &["'13' not found in 'sec-websocket-version'"]),
    says("version-bad", "daphne", &["hixie76 protocol not supported"]),
    says("version-bad", "a server", &["missing or invalid sec-websocket-version"]),
    says("version-bad", "a server", &["unsupported websocket version"]),
    says("method-bad", "gorilla/websocket", &["request method is not get"]),
    says("http10-arrived", "a server", &["handshake request must be at least http/1.1"]),
    says("http10-arrived", "python websockets", &["unsupported http version"]),
    says("http10-arrived", "tungstenite", &["http version must be 1.1 or higher"]),
    says("origin-refused", "gorilla/websocket", &["request origin not allowed by upgrader.checkorigin"]),
    says("origin-refused", "Rails", &["request origin not allowed"]),
    says("origin-refused", "Grafana", &["request origin is not authorized"]),
    says("origin-refused", "Jupyter", &["blocking cross origin websocket attempt"]),
    says("origin-refused", "Phoenix", &["could not check origin for phoenix"]),
    says("origin-refused", "coder/websocket", &["request origin", "is not authorized for host"]),
    says("origin-refused", "tornado", &["cross origin websockets not allowed"]),
    says("host-refused", "Django", &["invalid http_host header"]),
    says("host-refused", "Vite", &["blocked request. this host"]),
    says("host-refused", "webpack-dev-server", &["invalid host/origin header"]),
    says("proxy-not-trusted", "Home Assistant", &["a request from a reverse proxy was received from"]),
    says("proxy-not-trusted", "Home Assistant", &["received x-forwarded-for header from an untrusted proxy"]),
    says("not-hijackable", "Go", &["does not implement http.hijacker"]),
    says("not-hijackable", "coder/websocket", &["http.responsewriter does not implement"]),
    says("two-servers", "ws (Node.js)", &["handleupgrade() was called more than once with the same socket"]),
    says("no-websocket-library", "uvicorn", &["no supported websocket library detected"]),
    says("no-websocket-library", "uvicorn", &["unsupported upgrade request"]),
    says("unmasked-client", "ws (Node.js)", &["mask must be set"]),
    says("unmasked-client", "a server", &["client frames must be masked"]),
    says("unmasked-client", "a server", &["incorrect masking"]),
    says("handler-exception", "python websockets", &["connection handler failed"]),
    says("handler-exception", "daphne", &["exception inside application"]),
    says("opening-handshake-failed", "python websockets", &["opening handshake failed"]),
    says("too-many-files", "a server", &["too many open files"]),
    says("too-many-files", "a server", &["emfile"]),
    says("address-in-use", "a server", &["address already in use"]),
    says("address-in-use", "Node.js", &["eaddrinuse"]),
    says("subprotocol-dialect", "graphql-ws", &["subprotocol not acceptable"]),
    says("init-timeout", "graphql-ws", &["connection initialisation timeout"]),
];

#[cfg(test)]
mod tests {
    use crate::messages::recognise;

    #[test]
    fn wordings_and_near_misses() {
        for (line, id) in [
            ("{\"code\":1,\"message\":\"Session ID unknown\"}", Some("session-id-unknown")),
            ("{\"code\":3,\"message\":\"Bad request\"}", Some("engineio-bad-request")),
            ("{\"code\":7,\"message\":\"Something else\"}", None),
            (
                "websocket: the client is not using the websocket protocol: 'upgrade' token not found in 'Connection' header",
                Some("connection-token-missing"),
            ),
            ("Handshake failed due to invalid Upgrade header: null", Some("upgrade-not-arrived")),
            ("websocket: request origin not allowed by Upgrader.CheckOrigin", Some("origin-refused")),
            ("Request origin not allowed: https://evil.example", Some("origin-refused")),
            ("Missing or invalid Sec-WebSocket-Key header", Some("key-bad")),
            (
                "WARNING: No supported WebSocket library detected. Please use \"pip install 'uvicorn[standard]'\"",
                Some("no-websocket-library"),
            ),
            (
                "server.handleUpgrade() was called more than once with the same socket, possibly due to a misconfiguration",
                Some("two-servers"),
            ),
            (
                "A request from a reverse proxy was received from 172.30.33.0, but your HTTP integration is not set-up",
                Some("proxy-not-trusted"),
            ),
        ] {
            assert_eq!(recognise(line).map(|said| said.id).as_deref(), id, "{line}");
        }
    }
}
