//! What browsers write to the console. Chrome: measured with Chromium 156, older wordings from
//! net/websockets and Blink's modules/websockets; Firefox: dom/locales (`connectionFailure`,
//! `connectionInterrupted`) and the netErr strings; Safari: WebCore/Modules/websockets and CFNetwork.

use super::{Message, says};

pub(super) const MESSAGES: &[Message] = &[
    says(
        "closed-before-established",
        "Chrome",
        &["websocket is closed before the connection is established"],
    ),
    says("unexpected-response-code", "Chrome", &["unexpected response code: "]),
    says("closed-before-response", "Chrome", &["connection closed before receiving a handshake response"]),
    says("handshake-timed-out", "Chrome", &["websocket opening handshake timed out"]),
    says("handshake-canceled", "Chrome", &["websocket opening handshake was canceled"]),
    says("http-auth-failed", "Chrome", &["http authentication failed; no valid credentials"]),
    says("tunnel-failed", "Chrome", &["establishing a tunnel via proxy server failed"]),
    // The handshake.
    says("upgrade-header-missing", "Chrome", &["'upgrade' header is missing"]),
    says("upgrade-header-missing", "Chrome", &["'upgrade' header value is not 'websocket'"]),
    says("connection-header-missing", "Chrome", &["'connection' header is missing"]),
    says("connection-header-missing", "Chrome", &["'connection' header value must contain 'upgrade'"]),
    says("accept-mismatch", "Chrome", &["incorrect 'sec-websocket-accept' header value"]),
    says("accept-missing", "Chrome", &["'sec-websocket-accept' header is missing"]),
    says(
        "subprotocol-not-answered",
        "Chrome",
        &["sent non-empty 'sec-websocket-protocol' header but no response"],
    ),
    says(
        "subprotocol-unrequested",
        "Chrome",
        &["must not include 'sec-websocket-protocol' header if not present"],
    ),
    says(
        "subprotocol-unrequested",
        "Chrome",
        &["'sec-websocket-protocol' header value", "does not match any of sent values"],
    ),
    says("extension-unsupported", "Chrome", &["found an unsupported extension"]),
    says("extension-unsupported", "Chrome", &["error in permessage-deflate"]),
    says("extension-empty", "Chrome", &["'sec-websocket-extensions' header value is rejected by the parser"]),
    says("extension-empty", "Safari", &["invalid utf-8 sequence in header value"]),
    says("header-twice", "Chrome", &["must not appear more than once in a response"]),
    // Frames.
    says("invalid-frame-header", "Chrome", &["invalid frame header"]),
    says("reserved-bits", "Chrome", &["one or more reserved bits are on"]),
    says("masked-by-server", "Chrome", &["a server must not mask any frames"]),
    says("invalid-utf8", "Chrome", &["could not decode a text frame as utf-8"]),
    says("control-frame-bad", "Chrome", &["received control frame having too long payload"]),
    says("control-frame-bad", "Chrome", &["received fragmented control frame"]),
    says("opcode-bad", "Chrome", &["unrecognized frame opcode"]),
    says("opcode-bad", "Chrome", &["received unexpected continuation frame"]),
    says("opcode-bad", "Chrome", &["received start of new message but previous message is unfinished"]),
    says("close-frame-bad", "Chrome", &["received a broken close frame"]),
    says("length-bad", "Chrome", &["minimal number of bytes must be used"]),
    says("deflate-failed", "Chrome", &["failed to inflate"]),
    says("deflate-failed", "Chrome", &["could not inflate"]),
    says("deflate-failed", "Safari", &["compressed bit must be 0 if no negotiated deflate-frame extension"]),
    // The page's own rules.
    says("mixed-content", "Chrome", &["mixed content", "websocket"]),
    says(
        "mixed-content",
        "a browser",
        &["insecure websocket connection may not be initiated from a page loaded over https"],
    ),
    says("mixed-content", "Safari", &["was not allowed to run insecure content", "ws:"]),
    says("mixed-content", "Firefox", &["blocked loading mixed active content", "ws:"]),
    says("csp-blocked", "Chrome", &["violates the following content security policy directive", "ws"]),
    says("csp-blocked", "Safari", &["refused to connect to", "does not appear in the connect-src directive"]),
    says("csp-blocked", "Firefox", &["content-security-policy", "connect-src"]),
    says("csp-blocked", "Firefox", &["content security policy", "connect-src"]),
    says("csp-blocked", "Firefox", &["page's settings blocked the loading of a resource", "ws"]),
    says("lna-blocked", "Chrome", &["err_blocked_by_local_network_access_checks"]),
    says("lna-blocked", "Chrome", &["err_blocked_by_private_network_access_checks"]),
    says("lna-blocked", "Chrome", &["has been blocked by cors policy", "local network", "ws"]),
    says("unsafe-port", "Chrome", &["err_unsafe_port"]),
    says("unsafe-port", "Firefox", &["this address is restricted"]),
    says("bad-subprotocol-argument", "a browser", &["the subprotocol '", "is invalid"]),
    says("bad-subprotocol-argument", "a browser", &["the subprotocol '", "is duplicated"]),
    says("bad-subprotocol-argument", "Safari", &["wrong protocol for websocket"]),
    says("invalid-url", "a browser", &["failed to construct 'websocket'", "url"]),
    says("invalid-url", "a browser", &["url's scheme must be either 'ws'"]),
    says("invalid-url", "Safari", &["wrong url scheme for websocket"]),
    says("invalid-url", "Firefox", &["an invalid or illegal string was specified"]),
    says("invalid-url", "Safari", &["the url contains a fragment identifier"]),
    says("operation-insecure", "a browser", &["the operation is insecure"]),
    says("send-too-early", "a browser", &["still in connecting state"]),
    says("send-too-late", "a browser", &["already in closing or closed state"]),
    says("interrupted-by-navigation", "Firefox", &["was interrupted while the page was loading"]),
    says("firefox-cannot-connect", "Firefox", &["can't establish a connection to the server at ws"]),
    says("blocked-by-extension", "Chrome", &["err_blocked_by_client"]),
    says("too-many-sockets", "Chrome", &["err_insufficient_resources"]),
    says("too-many-sockets", "Chrome", &["websocket", "insufficient resources"]),
    says("suspended", "Chrome", &["err_network_io_suspended"]),
    says("suspended", "Safari", &["websocket is closed due to suspension"]),
    says("bad-response", "Safari", &["there was a bad response from the server"]),
    says("connection-lost", "Safari", &["the network connection was lost"]),
    says("connection-lost", "Safari", &["socket is not connected", "websocket"]),
    says("name-not-found", "Safari", &["a server with the specified hostname could not be found"]),
    says("refused", "Safari", &["could not connect to the server"]),
    says("cert-invalid", "Safari", &["certificate for this server is invalid"]),
    says("tls-failed", "Safari", &["an ssl error has occurred"]),
    says("timed-out", "Safari", &["websocket", "the request timed out"]),
    says("offline", "Safari", &["internet connection appears to be offline"]),
    says("vite-failed", "Vite", &["[vite] failed to connect to websocket"]),
    says("vite-fallback", "Vite", &["direct websocket connection fallback"]),
];

#[cfg(test)]
mod tests {
    use crate::messages::recognise;

    /// Messages, each beside one that looks like it and says something else.
    #[test]
    fn wordings_and_near_misses() {
        for (line, id) in [
            (
                "WebSocket connection to 'wss://h/ws' failed: WebSocket is closed before the connection is established.",
                Some("closed-before-established"),
            ),
            (
                "WebSocket connection to 'wss://h/ws' failed: Error during WebSocket handshake: Unexpected response code: 404",
                Some("unexpected-response-code"),
            ),
            (
                "WebSocket connection to 'wss://h/ws' failed: Connection closed before receiving a handshake response",
                Some("closed-before-response"),
            ),
            (
                "WebSocket connection to 'ws://h/' failed: Error during WebSocket handshake: 'Upgrade' header is missing",
                Some("upgrade-header-missing"),
            ),
            (
                "WebSocket connection to 'ws://h/' failed: Error during WebSocket handshake: 'Connection' header value must contain 'Upgrade'",
                Some("connection-header-missing"),
            ),
            (
                "Error during WebSocket handshake: Incorrect 'Sec-WebSocket-Accept' header value",
                Some("accept-mismatch"),
            ),
            (
                "Error during WebSocket handshake: Sent non-empty 'Sec-WebSocket-Protocol' header but no response was received",
                Some("subprotocol-not-answered"),
            ),
            (
                "Mixed Content: The page at 'https://h/' was loaded over HTTPS, but attempted to connect to the insecure WebSocket endpoint 'ws://h/'.",
                Some("mixed-content"),
            ),
            (
                "Uncaught SecurityError: Failed to construct 'WebSocket': An insecure WebSocket connection may not be initiated from a page loaded over HTTPS.",
                Some("mixed-content"),
            ),
            ("Mixed Content: The page at 'https://h/' requested an insecure image 'http://h/x.png'.", None),
            (
                "Connecting to 'ws://h/' violates the following Content Security Policy directive: \"connect-src 'self'\".",
                Some("csp-blocked"),
            ),
            (
                "Content-Security-Policy: The page’s settings blocked the loading of a resource (connect-src) at wss://h/",
                Some("csp-blocked"),
            ),
            (
                "Firefox can’t establish a connection to the server at wss://h/ws.",
                Some("firefox-cannot-connect"),
            ),
            (
                "The connection to wss://h/ws was interrupted while the page was loading.",
                Some("interrupted-by-navigation"),
            ),
            (
                "Uncaught InvalidStateError: Failed to execute 'send' on 'WebSocket': Still in CONNECTING state.",
                Some("send-too-early"),
            ),
            ("WebSocket is already in CLOSING or CLOSED state.", Some("send-too-late")),
            (
                "WebSocket connection to 'ws://192.168.1.2/' failed: Error in connection establishment: net::ERR_BLOCKED_BY_LOCAL_NETWORK_ACCESS_CHECKS",
                Some("lna-blocked"),
            ),
            (
                "WebSocket connection to 'wss://h/' failed: One or more reserved bits are on: reserved1 = 1, reserved2 = 0, reserved3 = 0",
                Some("reserved-bits"),
            ),
            ("WebSocket connection to 'wss://h/' failed: Invalid frame header", Some("invalid-frame-header")),
            (
                "WebSocket connection to 'wss://h/' failed: There was a bad response from the server.",
                Some("bad-response"),
            ),
            (
                "Failed to construct 'WebSocket': The subprotocol 'a b' is invalid.",
                Some("bad-subprotocol-argument"),
            ),
            ("Failed to construct 'WebSocket': The URL 'foo' is invalid.", Some("invalid-url")),
            ("Uncaught DOMException: The operation is insecure.", Some("operation-insecure")),
            ("[vite] failed to connect to websocket.", Some("vite-failed")),
            ("hello world", None),
        ] {
            assert_eq!(recognise(line).map(|said| said.id).as_deref(), id, "{line}");
        }
    }
}
