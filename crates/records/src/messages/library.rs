//! What client libraries and programs say when an opening or a connection fails.

use super::{Message, says};

pub(super) const MESSAGES: &[Message] = &[
    // A status instead of 101.
    says("unexpected-response-code", "ws (Node.js)", &["unexpected server response: "]),
    says("unexpected-response-code", "python websockets", &["server rejected websocket connection: http"]),
    says("unexpected-response-code", "python websocket-client", &["handshake status "]),
    says("unexpected-response-code", "aiohttp", &["wsserverhandshakeerror: "]),
    says("unexpected-response-code", "aiohttp", &["invalid response status"]),
    says("unexpected-response-code", "OkHttp", &["expected http 101 response but was"]),
    says("unexpected-response-code", ".NET", &["the server returned status code"]),
    says("unexpected-response-code", "Java-WebSocket", &["invalid status code received: "]),
    says("unexpected-response-code", "Java-WebSocket", &["draft", "refuses handshake"]),
    says(
        "unexpected-response-code",
        "coder/websocket",
        &["expected handshake response status code 101 but got"],
    ),
    says("unexpected-response-code", "websocat", &["received unexpected status code ("]),
    says("unexpected-response-code", "websocat", &["websocketerror: redirected ("]),
    says("unexpected-response-code", "Jetty", &["unexpected http response status code"]),
    says("unexpected-response-code", "Tyrus", &["response code was not 101"]),
    says("unexpected-response-code", "Dart", &["was not upgraded to websocket"]),
    says("unexpected-response-code", "tungstenite", &["http error: ", "websocket"]),
    says("unexpected-response-code", "tungstenite", &["http error: "]),
    says("unexpected-response-code", "Ktor", &["handshake exception, expected status code 101 but was"]),
    says("unexpected-response-code", "libwebsockets", &["hs: server did not return 101"]),
    says("unexpected-response-code", "Netty", &["invalid handshake response getstatus: "]),
    says("unexpected-response-code", "Apple", &["nsurlerrordomain", "-1011"]),
    says("bad-response", "gorilla/websocket", &["websocket: bad handshake"]),
    says("bad-response", "Apple", &["nserrorfailingurl", "bad response"]),
    says("redirect-to-http", "python websockets", &["scheme isn't ws or wss"]),
    // The headers of a 101.
    says("accept-mismatch", "ws (Node.js)", &["invalid sec-websocket-accept header"]),
    says("accept-mismatch", "aiohttp", &["invalid challenge response"]),
    says("accept-mismatch", "tungstenite", &["key mismatch in \"sec-websocket-accept\""]),
    says("accept-mismatch", "a library", &["sec-websocket-accept", "mismatch"]),
    says("accept-mismatch", "OkHttp", &["expected 'sec-websocket-accept' header value"]),
    says("connection-header-missing", "OkHttp", &["expected 'connection' header value 'upgrade' but was"]),
    says("upgrade-header-missing", "OkHttp", &["expected 'upgrade' header value 'websocket' but was"]),
    says("upgrade-header-missing", "ws (Node.js)", &["invalid upgrade header"]),
    says("upgrade-header-missing", "aiohttp", &["invalid upgrade header"]),
    says("connection-header-missing", "aiohttp", &["invalid connection header"]),
    says("connection-header-missing", "tungstenite", &["no \"connection: upgrade\" in server reply"]),
    says("upgrade-header-missing", "tungstenite", &["no \"upgrade: websocket\" in server reply"]),
    says("subprotocol-not-answered", "ws (Node.js)", &["server sent no subprotocol"]),
    says("subprotocol-not-answered", "tungstenite", &["server sent no subprotocol"]),
    says("subprotocol-unrequested", "ws (Node.js)", &["server sent an invalid subprotocol"]),
    says("subprotocol-unrequested", "ws (Node.js)", &["server sent a subprotocol but none was requested"]),
    says("subprotocol-unrequested", "python websockets", &["unsupported subprotocol"]),
    says(
        "extension-unsupported",
        "ws (Node.js)",
        &["server sent a sec-websocket-extensions header but no extension was requested"],
    ),
    says("extension-unsupported", "ws (Node.js)", &["invalid sec-websocket-extensions header"]),
    says("extension-unsupported", "python websockets", &["no extensions supported"]),
    // Frames.
    says("reserved-bits", "ws (Node.js)", &["invalid websocket frame: rsv"]),
    says("reserved-bits", "ws (Node.js)", &["rsv2 and rsv3 must be clear"]),
    says("reserved-bits", "ws (Node.js)", &["rsv1 must be clear"]),
    says("reserved-bits", "gorilla/websocket", &["websocket: rsv1 set"]),
    says("reserved-bits", "tungstenite", &["reserved bits are non-zero"]),
    says("reserved-bits", "OkHttp", &["unexpected rsv1 flag"]),
    says("reserved-bits", "python websockets", &["reserved bits must be 0"]),
    says("opcode-bad", "ws (Node.js)", &["invalid websocket frame: invalid opcode"]),
    says("opcode-bad", "gorilla/websocket", &["websocket: bad opcode"]),
    says("opcode-bad", "gorilla/websocket", &["websocket: unknown opcode"]),
    says("opcode-bad", "tungstenite", &["encountered an unknown opcode"]),
    says("opcode-bad", "python websockets", &["invalid opcode"]),
    says("invalid-utf8", "ws (Node.js)", &["invalid websocket frame: invalid utf-8"]),
    says("invalid-utf8", "tungstenite", &["utf-8 encoding error"]),
    says("masked-by-server", "ws (Node.js)", &["mask must be clear"]),
    says("masked-by-server", "python websockets", &["incorrect masking"]),
    says("control-frame-bad", "ws (Node.js)", &["invalid websocket frame: invalid payload length"]),
    says("control-frame-bad", "python websockets", &["control frame too long"]),
    says("control-frame-bad", "tungstenite", &["control frame too big"]),
    says("close-frame-bad", "ws (Node.js)", &["invalid websocket frame: invalid status code"]),
    says("deflate-failed", "ws (Node.js)", &["invalid stored block lengths"]),
    says("deflate-failed", "a library", &["incorrect header check", "zlib"]),
    says("deflate-failed", "python websockets", &["decompression failed"]),
    says("message-too-big", "ws (Node.js)", &["max payload size exceeded"]),
    says("message-too-big", "Netty", &["max frame length of"]),
    says("message-too-big", "gorilla/websocket", &["websocket: read limit exceeded"]),
    says("message-too-big", "coder/websocket", &["read limited at"]),
    says("message-too-big", "tungstenite", &["space limit exceeded"]),
    says("message-too-big", "a library", &["message too big"]),
    says("message-too-big", "Tomcat", &["text message was too big"]),
    says("message-too-big", "WebSocket-Node", &["maximum frame size", "exceeded"]),
    says("message-too-big", "python websockets", &["over size limit"]),
    says("message-too-big", "Jetty", &["text message size", "exceeds maximum size"]),
    // Pings.
    says("keepalive-timeout", "python websockets", &["keepalive ping timeout"]),
    says("keepalive-timeout", "Socket.IO", &["ping timeout"]),
    says("keepalive-timeout", "OkHttp", &["sent ping but didn't receive pong within"]),
    says("keepalive-timeout", "a library", &["no pong received"]),
    says("keepalive-timeout", "a library", &["pong timeout"]),
    says("keepalive-timeout", "a library", &["heartbeat timeout"]),
    says(
        "keepalive-timeout",
        "SignalR",
        &["server timeout elapsed without receiving a message from the server"],
    ),
    says("keepalive-timeout", "Java-WebSocket", &["the remote endpoint did not respond with a pong"]),
    says("keepalive-timeout", "python websocket-client", &["ping/pong timed out"]),
    // Time.
    says("handshake-timed-out", "ws (Node.js)", &["opening handshake has timed out"]),
    says("handshake-timed-out", "python websockets", &["timed out during opening handshake"]),
    says("handshake-timed-out", "SignalR", &["handshake was canceled"]),
    says(
        "closed-before-established",
        "ws (Node.js)",
        &["websocket was closed before the connection was established"],
    ),
    // The connection ended while nobody said so.
    says("closed", "python websockets", &["no close frame received or sent"]),
    says("closed", "tungstenite", &["connection reset without closing handshake"]),
    says("closed", ".NET", &["closed the websocket connection without completing the close handshake"]),
    says("closed", "gorilla/websocket", &["websocket: close 1"]),
    says("closed", "gorilla/websocket", &["websocket: close 4"]),
    says("closed", "coder/websocket", &["received close frame: status ="]),
    says("closed", "python websockets", &["received ", "; then sent "]),
    // The end before an answer.
    says("closed-before-response", "Node.js", &["socket hang up"]),
    says("closed-before-response", "python websockets", &["did not receive a valid http response"]),
    says(
        "closed-before-response",
        "python websockets",
        &["connection closed while reading http status line"],
    ),
    says("closed-before-response", "tungstenite", &["handshake not finished"]),
    says("closed-before-response", "OkHttp", &["unexpected end of stream"]),
    says("closed-before-response", "Go", &["failed to websocket dial", "eof"]),
    says("closed-before-response", "Jetty", &["upgrade", "earlyeof"]),
    // The client itself.
    says("connection-failed", "websocat", &["websocketerror: i/o failure"]),
    says("no-tls-feature", "tungstenite", &["tls support not compiled in"]),
    says("no-tls-feature", "tungstenite", &["tls feature", "not enabled"]),
    says("curl-without-ws", "curl", &["protocol \"ws", "not supported or disabled in libcurl"]),
    says("transport-error", "Socket.IO", &["transporterror: websocket error"]),
    says("transport-error", "Socket.IO", &["connect_error", "websocket error"]),
    says("transport-error", "Socket.IO", &["xhr poll error"]),
    says("signalr-not-started", "SignalR", &["failed to start the transport 'websockets'"]),
    says(
        "signalr-not-started",
        "SignalR",
        &["websocket failed to connect. the connection could not be found on the server"],
    ),
];

#[cfg(test)]
mod tests {
    use crate::messages::recognise;

    #[test]
    fn a_status_in_every_librarys_words() {
        for (line, status) in [
            ("Error: Unexpected server response: 404", 404),
            ("websockets.exceptions.InvalidStatus: server rejected WebSocket connection: HTTP 403", 403),
            (
                "websocket._exceptions.WebSocketBadStatusException: Handshake status 502 Bad Gateway -+-+- {}",
                502,
            ),
            (
                "aiohttp.client_exceptions.WSServerHandshakeError: 401, message='Invalid response status', url='ws://h/'",
                401,
            ),
            ("java.net.ProtocolException: Expected HTTP 101 response but was '200 OK'", 200),
            ("The server returned status code '503' when status code '101' was expected.", 503),
            ("Invalid status code received: 400 Status line: HTTP/1.1 400 Bad Request", 400),
            ("failed to WebSocket dial: expected handshake response status code 101 but got 426", 426),
            ("websocat: WebSocketError: Received unexpected status code (426 Upgrade Required)", 426),
            ("websocat: WebSocketError: Redirected (302 Found) to http://h/login", 302),
            (
                "WebSocketException: Connection to 'http://h:80/ws#' was not upgraded to websocket, HTTP status code: 404",
                404,
            ),
            ("HTTP error: 403 Forbidden", 403),
        ] {
            let said = recognise(line).expect("it is recognised");
            assert_eq!((said.id.as_str(), said.status), ("unexpected-response-code", Some(status)), "{line}");
        }
        assert_eq!(
            recognise("Error: Unexpected server response: 101").map(|said| said.id).as_deref(),
            Some("upgrade-header-missing")
        );
    }

    #[test]
    fn wordings_and_near_misses() {
        for (line, id, code) in [
            ("websocket: bad handshake", Some("bad-response"), None),
            (
                "websockets.exceptions.ConnectionClosedError: no close frame received or sent",
                Some("closed"),
                Some(1006),
            ),
            (
                "WebSocket protocol error: Connection reset without closing handshake",
                Some("closed"),
                Some(1006),
            ),
            ("websocket: close 1006 (abnormal closure): unexpected EOF", Some("closed"), Some(1006)),
            (
                "sent 1011 (internal error) keepalive ping timeout; no close frame received",
                Some("keepalive-timeout"),
                Some(1011),
            ),
            (
                "received 1009 (message too big) Max frame length of 65536 has been exceeded.; then sent 1009 (message too big)",
                Some("message-too-big"),
                Some(1009),
            ),
            (
                "received 4401 (private use) token expired; then sent 4401 (private use) token expired",
                Some("closed"),
                Some(4401),
            ),
            ("Error: socket hang up", Some("closed-before-response"), None),
            ("RangeError: Invalid WebSocket frame: RSV1 must be clear", Some("reserved-bits"), None),
            ("URL error: TLS support not compiled in", Some("no-tls-feature"), None),
            ("curl: (1) Protocol \"ws\" not supported or disabled in libcurl", Some("curl-without-ws"), None),
            (
                "Error: WebSocket was closed before the connection was established",
                Some("closed-before-established"),
                None,
            ),
            ("Error: Opening handshake has timed out", Some("handshake-timed-out"), None),
            ("the handshake went well", None, None),
        ] {
            let said = recognise(line);
            assert_eq!(said.as_ref().map(|said| said.id.as_str()), id, "{line}");
            assert_eq!(said.and_then(|said| said.code), code, "{line}");
        }
    }
}
