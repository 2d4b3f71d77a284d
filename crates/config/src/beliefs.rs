//! Why a route is believed to carry WebSockets. Quiet by design: a route that nothing speaks for is not accused.

use evidence::Belief;

/// Words that, alone between slashes (or other separators), make a path one of sockets.
const WORDS: &[&str] = &[
    "ws",
    "wss",
    "websocket",
    "websockets",
    "web-socket",
    "socket",
    "sockets",
    "socket.io",
    "engine.io",
    "sockjs",
    "sockjs-node",
    "cable",
    "hub",
    "hubs",
    "signalr",
    "realtime",
    "live",
    "stream-ws",
    "ws-api",
    "wsapp",
    "chat-ws",
    "mqtt",
    "wamp",
    "stomp",
    "ocpp",
    "janus-ws",
    "xmpp-websocket",
    "http-bind-ws",
    "graphql-ws",
    "subscriptions",
    "primus",
    "faye",
    "bayeux",
    "phoenix",
    "webpack-hmr",
    "vite-hmr",
    "__vite_hmr",
    "_hmr",
    "notifications-hub",
    "ttyd",
    "xterm",
    "websockify",
    "vnc-ws",
    "kernels",
    "terminals",
    "pusher",
    "echo-ws",
];

/// Words that mean sockets only in company; by themselves they prove nothing, so they are left out of [`WORDS`]:
/// `live` is kept because of Phoenix LiveView (`/live/websocket`), which has the longer word anyway.
const ENDINGS: &[&str] = &["-ws", "_ws", "-websocket", "_websocket", "-socket", "_socket", ".ws"];

/// Whether a path is one that only sockets have; gives the word that says so.
#[must_use]
pub(crate) fn path(path: &str) -> Option<Belief> {
    let path = path.to_ascii_lowercase();
    let word = path
        .split(|c: char| !(c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_')))
        .map(|word| word.trim_matches('.'))
        // The shortest of them have two letters.
        .filter(|word| word.len() >= 2)
        .find(|word| {
            (WORDS.contains(word) && *word != "live") || ENDINGS.iter().any(|ending| word.ends_with(ending))
        })?;
    Some(Belief::Path(word.to_owned()))
}

/// Whether the name of an upstream is one that only sockets have.
#[must_use]
pub(crate) fn upstream(name: &str) -> Option<Belief> {
    let lower = name.to_ascii_lowercase();
    let named = lower.split(|c: char| !c.is_ascii_alphanumeric()).any(|word| {
        matches!(
            word,
            "ws" | "wss"
                | "websocket"
                | "websockets"
                | "socketio"
                | "signalr"
                | "cable"
                | "daphne"
                | "mercure"
        )
    });
    named.then(|| Belief::Upstream(name.to_owned()))
}

/// Whether a comment speaks of WebSockets; gives the comment, shortened.
#[must_use]
pub(crate) fn comment(text: &str) -> Option<Belief> {
    let lower = text.to_lowercase();
    let says =
        ["websocket", "web socket", "web-socket", "socket.io", "signalr", "wss:", "ws:"].map(str::as_bytes);
    let denies = ["no websocket", "not websocket", "without websocket", "disable websocket"];
    // By hand, because it is asked of every comment: all of them begin with one of two letters.
    let lower_bytes = lower.as_bytes();
    let starts = (0..lower.len()).filter(|at| matches!(lower_bytes[*at], b'w' | b's'));
    let speaks =
        starts.map(|at| &lower_bytes[at..]).any(|rest| says.iter().any(|word| rest.starts_with(word)))
            && !denies.iter().any(|word| lower.contains(word));
    speaks.then(|| {
        Belief::Comment(text.trim().trim_start_matches(['#', ' ', ';', '/']).chars().take(80).collect())
    })
}

/// Whether a path is one of a protocol that begins with polling, so that all its requests must reach one server.
#[must_use]
pub(crate) fn polls(path: &str) -> bool {
    let lower = path.to_ascii_lowercase();
    ["socket.io", "engine.io", "sockjs", "signalr", "hub"].iter().any(|word| {
        lower
            .split(['/', '^', '$', '(', ')', '|', '*', '\\'])
            .any(|part| part.trim_end_matches('s') == *word || part == *word)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_of_sockets() {
        for (text, expected) in [
            ("/ws", true),
            ("/api/ws/", true),
            ("^~ /socket.io/", true),
            ("/cable", true),
            ("/api/v1/chat-ws", true),
            ("~* ^/(ws|wss)/", true),
            ("/", false),
            ("/news", false),
            ("/flows/", false),
            ("/static/", false),
            ("/live", false),
            ("/live/websocket", true),
            ("/aws/", false),
        ] {
            assert_eq!(path(text).is_some(), expected, "{text}");
        }
    }

    #[test]
    fn names_and_comments() {
        assert!(upstream("chat_ws").is_some() && upstream("http://websocket-backend").is_some());
        assert!(upstream("news_backend").is_none() && upstream("http://10.0.0.1:3000").is_none());
        assert!(comment("# WebSocket support").is_some() && comment("# no websockets here").is_none());
        assert!(comment("# static files").is_none());
        assert!(polls("/socket.io/") && polls("/hubs/") && !polls("/ws"));
    }
}
