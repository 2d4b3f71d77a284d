//! Strikes secrets out of what is recorded, before anything else sees it.
//!
//! What is kept says that something was there and how long it was, which is what a diagnosis needs:
//! `abcd…(41)`.

use url::Url;

/// Strikes out secrets, or not, where the user asked to see them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Redactor {
    show: bool,
}

/// Headers whose whole value is a secret.
const SECRET_HEADERS: &[&str] = &[
    "authorization",
    "proxy-authorization",
    "cookie",
    "x-api-key",
    "x-auth-token",
    "x-csrf-token",
    "x-amz-security-token",
    "cf-access-client-secret",
];

/// Words that make a query parameter or a header suspect.
const SECRET_WORDS: &[&str] = &[
    "token",
    "secret",
    "password",
    "passwd",
    "signature",
    "apikey",
    "api_key",
    "api-key",
    "session",
    "jwt",
    "credential",
];

/// Query parameters that are secrets by their whole name.
const SECRET_NAMES: &[&str] = &["key", "sig", "auth", "pass", "pwd", "sid", "code", "ticket", "access", "t"];

impl Redactor {
    /// Strikes secrets out.
    pub const ON: Self = Self { show: false };
    /// Shows everything.
    pub const OFF: Self = Self { show: true };

    /// A header's value.
    #[must_use]
    pub fn header(self, name: &str, value: &str) -> String {
        if self.show {
            return value.to_owned();
        }
        let lower = name.to_ascii_lowercase();
        if lower == "set-cookie" {
            return set_cookie(value);
        }
        if lower == "authorization" || lower == "proxy-authorization" {
            // The scheme is no secret and often the point.
            return match value.split_once(' ') {
                Some((scheme, rest)) => format!("{scheme} {}", struck(rest)),
                None => struck(value),
            };
        }
        if SECRET_HEADERS.contains(&lower.as_str()) {
            return struck(value);
        }
        if lower.starts_with("sec-websocket-") && lower != "sec-websocket-protocol" {
            return value.to_owned();
        }
        if lower == "sec-websocket-protocol" {
            let parts = value.split(',').map(|part| {
                let part = part.trim();
                if looks_secret(part) { struck(part) } else { part.to_owned() }
            });
            return parts.collect::<Vec<_>>().join(", ");
        }
        if lower == "location" || lower == "referer" || lower == "content-location" || lower == "link" {
            return self.url(value);
        }
        if SECRET_WORDS.iter().any(|word| lower.contains(word)) {
            return struck(value);
        }
        self.text(value)
    }

    /// Path and query of a request.
    #[must_use]
    pub fn path(self, path: &str) -> String {
        let Some((bare, query)) = path.split_once('?') else { return self.text(path) };
        if self.show {
            return path.to_owned();
        }
        let parts = query.split('&').map(|pair| match pair.split_once('=') {
            Some((name, value)) if is_secret_name(name) || looks_secret(value) => {
                format!("{name}={}", struck(value))
            }
            _ => pair.to_owned(),
        });
        format!("{bare}?{}", parts.collect::<Vec<_>>().join("&"))
    }

    /// A URL: credentials and query.
    #[must_use]
    pub fn url(self, text: &str) -> String {
        if self.show {
            return text.to_owned();
        }
        let Ok(mut url) = Url::parse(text) else { return self.path(text) };
        let with_credentials = !url.username().is_empty() || url.password().is_some();
        if with_credentials {
            // Neither can fail for URLs that have a host, and those without one have no credentials.
            let _ = url.set_username("");
            let _ = url.set_password(None);
        }
        match (url.query().is_some(), with_credentials) {
            (true, _) => {
                let shown = url.as_str();
                let start = shown.find('?').unwrap_or(shown.len());
                let path = self.path(&shown[start..]);
                format!("{}{path}", &shown[..start])
            }
            (false, true) => url.to_string(),
            // As it was written: the parser would add a slash or lower a name, and that can be the point.
            (false, false) => text.to_owned(),
        }
    }

    /// Free text: strikes out what looks like a JSON web token.
    #[must_use]
    pub fn text(self, text: &str) -> String {
        if self.show || !text.contains("eyJ") {
            return text.to_owned();
        }
        let mut out = String::with_capacity(text.len());
        let mut rest = text;
        while let Some(start) = rest.find("eyJ") {
            let token_length = rest[start..]
                .find(|c: char| !(c.is_ascii_alphanumeric() || "._-".contains(c)))
                .unwrap_or(rest.len() - start);
            let token = &rest[start..start + token_length];
            out.push_str(&rest[..start]);
            if looks_secret(token) {
                out.push_str(&struck(token));
            } else {
                out.push_str(token);
            }
            rest = &rest[start + token_length..];
        }
        out.push_str(rest);
        out
    }
}

/// `abcd…(41)`: enough to recognise it, not enough to use it.
fn struck(secret: &str) -> String {
    if secret.ends_with(')') && secret.contains("…(") {
        return secret.to_owned(); // already struck out
    }
    let length = secret.chars().count();
    let shown: String = if length >= 16 { secret.chars().take(4).collect() } else { String::new() };
    format!("{shown}…({length})")
}

/// A cookie's value goes, its name and attributes stay: they decide whether it is sent.
fn set_cookie(value: &str) -> String {
    let (pair, attributes) = match value.split_once(';') {
        Some((pair, attributes)) => (pair, format!(";{attributes}")),
        None => (value, String::new()),
    };
    match pair.split_once('=') {
        Some((name, secret)) => format!("{name}={}{attributes}", struck(secret)),
        None => format!("{}{attributes}", struck(pair)),
    }
}

fn is_secret_name(name: &str) -> bool {
    let lower = name.to_ascii_lowercase();
    SECRET_NAMES.contains(&lower.as_str()) || SECRET_WORDS.iter().any(|word| lower.contains(word))
}

/// JSON web tokens, and long runs without any structure of words.
fn looks_secret(value: &str) -> bool {
    let jwt = value.starts_with("eyJ") && value.len() > 20;
    let dense = value.len() >= 32
        && value.chars().all(|c| c.is_ascii_alphanumeric() || "._-+/=%~".contains(c))
        && value.chars().any(|c| c.is_ascii_digit())
        && value.chars().any(|c| c.is_ascii_alphabetic());
    jwt || dense
}

#[cfg(test)]
mod tests {
    use super::*;

    const JWT: &str = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2lnbmF0dXJl";

    #[test]
    fn secrets_go_and_the_rest_stays() {
        for (name, value, shown) in [
            ("Authorization", "Bearer abcdefghijklmnopqrstuvwxyz", "Bearer abcd…(26)"),
            ("Cookie", "sid=1; theme=dark", "sid=…(17)"),
            ("Set-Cookie", "sid=12345; Path=/; SameSite=Lax", "sid=…(5); Path=/; SameSite=Lax"),
            ("Host", "chat.example.com", "chat.example.com"),
            ("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ==", "dGhlIHNhbXBsZSBub25jZQ=="),
            ("Sec-WebSocket-Protocol", "chat.v2", "chat.v2"),
            ("Location", "https://h/login?next=/ws&token=s3cret", "https://h/login?next=/ws&token=…(6)"),
            ("Location", "http://H:8111/chat/", "http://H:8111/chat/"),
            ("X-Session-Token", "abc", "…(3)"),
        ] {
            let got = Redactor::ON.header(name, value);
            if name == "Cookie" {
                assert!(!got.contains("dark"), "{got}");
            } else {
                assert_eq!(got, shown, "{name}");
            }
            assert_eq!(Redactor::OFF.header(name, value), value);
        }
        assert_eq!(Redactor::ON.header("Sec-WebSocket-Protocol", JWT), format!("eyJh…({})", JWT.len()));
    }

    #[test]
    fn queries_and_texts() {
        assert_eq!(Redactor::ON.path("/ws?room=1&token=abc"), "/ws?room=1&token=…(3)");
        assert_eq!(Redactor::ON.path("/ws"), "/ws");
        assert_eq!(Redactor::ON.url("http://u:p@proxy:3128"), "http://proxy:3128/");
        assert_eq!(Redactor::ON.text(&format!("hello {JWT}!")), format!("hello eyJh…({})!", JWT.len()));
        assert_eq!(Redactor::ON.text("eyJ is short"), "eyJ is short");
    }

    #[test]
    fn striking_out_twice_changes_nothing() {
        for text in ["/ws?token=abcdefghijklmnopqrstuvwxyz", "/ws?a=1"] {
            let once = Redactor::ON.path(text);
            assert_eq!(Redactor::ON.path(&once), once);
        }
    }
}
