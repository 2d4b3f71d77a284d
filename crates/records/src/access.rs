//! One request of an access log, whatever the product, and whether it may have asked for a WebSocket.

/// What an access log says about one request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Access<'a> {
    /// Who wrote the log.
    pub by: &'static str,
    pub host: Option<&'a str>,
    pub secure: Option<bool>,
    pub method: &'a str,
    /// With its query; empty: the request could not be read.
    pub path: &'a str,
    pub version: &'a str,
    /// 0: no status was sent.
    pub status: u16,
    /// Status of the hop behind; 0: it answered none.
    pub upstream_status: Option<u16>,
    pub time_us: Option<u64>,
    /// The request had `Upgrade: websocket`; none: the log does not say.
    pub upgrade: Option<bool>,
    /// Bytes sent to the client.
    pub bytes: Option<u64>,
    pub at: Option<i64>,
    /// HAProxy's termination flags.
    pub flags: &'a str,
    /// HAProxy's backend and server.
    pub server: &'a str,
}

impl<'a> Access<'a> {
    /// Fills in method, path and version from a request line.
    pub(crate) fn request_line(&mut self, line: &'a str) {
        let mut words = line.split(' ');
        if let (Some(method), Some(path)) = (words.next(), words.next()) {
            self.method = method;
            self.path = path;
            self.version = words.next().unwrap_or_default();
        }
    }

    /// Whether this request may have asked for a WebSocket.
    pub(crate) fn is_socket(&self) -> bool {
        if self.status == 101 || self.upgrade == Some(true) {
            return true;
        }
        if self.upgrade == Some(false) || !(self.method == "GET" || self.method == "CONNECT") {
            return false;
        }
        // 499 and 0 count, too: the client gave up, or nothing was sent.
        let refused = self.status == 0 || self.status == 200 || self.status == 204 || self.status >= 300;
        self.status == 426 || (refused && path_is_socket(self.path, self.status))
    }
}

/// Paths at which sockets are usually served.
pub(crate) fn path_is_socket(path: &str, status: u16) -> bool {
    let (bare, query) = path.split_once('?').unwrap_or((path, ""));
    if query.contains("transport=websocket") || query.contains("transport=webSockets") {
        return true;
    }
    if query.contains("transport=polling") {
        // A session that is unknown to this worker shows in polling first.
        return status == 400;
    }
    let bare = bare.to_ascii_lowercase();
    // Scripts and styles of socket libraries are no sockets.
    if [".js", ".css", ".map", ".html", ".png"].iter().any(|ending| bare.ends_with(ending)) {
        return false;
    }
    // Pages and health checks of the same names answer 200 every day.
    let pages_too = status == 200 || status == 204;
    bare.split('/').any(|part| match part {
        "ws" | "wss" | "websocket" | "websockets" => true,
        "socket" | "cable" | "sockjs" | "sockjs-node" | "signalr" | "socket.io" | "engine.io" | "stomp"
        | "mqtt" | "realtime" | "hmr" | "webpack-hmr" | "webpack-dev-server" | "_stcore" | "chathub"
        | "notificationhub" => !pages_too,
        _ => {
            !pages_too
                && (part.starts_with("ws-")
                    || part.ends_with("-ws")
                    || part.ends_with("_ws")
                    || part.contains("websocket"))
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_may_be_a_socket() {
        for (path, status, socket) in [
            ("/ws", 400, true),
            ("/ws/room?x=1", 404, true),
            ("/ws", 200, true),
            ("/cable", 404, true),
            ("/cable", 200, false),
            ("/socket.io/?EIO=4&transport=websocket", 200, true),
            ("/socket.io/?EIO=4&transport=polling", 200, false),
            ("/socket.io/?EIO=4&transport=polling&sid=x", 400, true),
            ("/api/websocket", 502, true),
            ("/socket.io/socket.io.js", 404, false),
            ("/news", 404, false),
            ("/", 502, false),
            ("/wsdl", 404, false),
        ] {
            assert_eq!(path_is_socket(path, status), socket, "{path} {status}");
        }
    }
}
