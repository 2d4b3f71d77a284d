//! The request head, read tolerantly and in order: the lab wants to see what came, not to judge it.

/// A request without its body.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RequestHead {
    /// `GET` and so on, as written.
    pub method: String,
    /// The request target as written, with its query.
    pub target: String,
    /// `HTTP/1.1` and so on, as written.
    pub version: String,
    /// All header lines in order, names as written, values trimmed.
    pub headers: Vec<(String, String)>,
}

impl RequestHead {
    /// Reads a head up to and including its empty line. Lines without a colon are left out.
    pub(crate) fn parse(bytes: &[u8]) -> Option<RequestHead> {
        let text = String::from_utf8_lossy(bytes);
        let mut lines = text.split('\n').map(|line| line.trim_end_matches('\r'));
        let mut words = lines.next()?.split(' ');
        let (method, target, version) = (words.next()?, words.next()?, words.next()?);
        if words.next().is_some() || !version.starts_with("HTTP/") {
            return None;
        }
        let headers = lines.filter_map(|line| line.split_once(':'));
        Some(RequestHead {
            method: method.into(),
            target: target.into(),
            version: version.into(),
            headers: headers.map(|(name, value)| (name.into(), value.trim().into())).collect(),
        })
    }

    /// The first value of this header; names are compared without case.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers
            .iter()
            .find(|(other, _)| other.eq_ignore_ascii_case(name))
            .map(|(_, value)| value.as_str())
    }

    /// All values of this header, joined as RFC 9110 section 5.3 allows.
    pub fn joined(&self, name: &str) -> Option<String> {
        let values = self.headers.iter().filter(|(other, _)| other.eq_ignore_ascii_case(name));
        let values: Vec<&str> = values.map(|(_, value)| value.as_str()).collect();
        (!values.is_empty()).then(|| values.join(", "))
    }

    /// Whether a comma-separated header holds this token, without case.
    pub fn has_token(&self, name: &str, token: &str) -> bool {
        self.joined(name)
            .is_some_and(|value| value.split(',').any(|item| item.trim().eq_ignore_ascii_case(token)))
    }

    /// Whether this asks for a WebSocket (RFC 6455 section 4.2.1).
    pub fn is_upgrade(&self) -> bool {
        self.method == "GET"
            && self.has_token("upgrade", "websocket")
            && self.has_token("connection", "upgrade")
            && self.header("sec-websocket-key").is_some()
    }

    /// The subprotocols that the client offers, in its order.
    pub fn subprotocols(&self) -> Vec<String> {
        let offered = self.joined("sec-websocket-protocol").unwrap_or_default();
        offered.split(',').map(|name| name.trim().to_string()).filter(|name| !name.is_empty()).collect()
    }
}

/// Where a head ends in `bytes`, of which so many have been searched before: the position after its empty line.
pub(crate) fn head_end(bytes: &[u8], searched: usize) -> Option<usize> {
    let from = searched.saturating_sub(3);
    bytes[from..].windows(4).position(|window| window == b"\r\n\r\n").map(|at| from + at + 4)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn heads() {
        let head =
            b"GET /chat?a=1 HTTP/1.1\r\nHost: x\r\nUpgrade: WebSocket\r\nconnection: keep-alive, Upgrade\r\n\
            Sec-WebSocket-Key: k\r\nSec-WebSocket-Protocol: a, b\r\nSec-WebSocket-Protocol: c\r\n\r\n";
        let request = RequestHead::parse(head).unwrap();
        assert_eq!((request.method.as_str(), request.target.as_str()), ("GET", "/chat?a=1"));
        assert!(request.is_upgrade());
        assert_eq!(request.subprotocols(), ["a", "b", "c"]);
        for searched in 0..head.len() {
            assert_eq!(head_end(head, searched), Some(head.len()), "{searched}");
        }
        assert_eq!(head_end(&head[..head.len() - 1], 0), None);
        assert_eq!(RequestHead::parse(b"SSH-2.0-OpenSSH\r\n\r\n"), None);
        assert!(!RequestHead::parse(b"GET / HTTP/1.1\r\nUpgrade: websocket\r\n\r\n").unwrap().is_upgrade());
    }
}
