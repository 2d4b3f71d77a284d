//! Content Security Policy Level 3, as far as it decides whether a page may open a socket.
//!
//! Sources: CSP3 sections 6.1.3 (`connect-src`), 6.7.2.6 to 6.7.2.9 (matching of schemes, hosts, ports, paths)
//! and 6.8.3 (fallback to `default-src`).

use evidence::Target;

/// What one policy says about a socket.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// No directive speaks about it.
    Silent,
    /// This source of this directive allows it.
    Allowed {
        /// `connect-src` or `default-src`.
        directive: String,
        /// The source expression that matched.
        by: String,
    },
    /// The directive allows other things only.
    Forbidden {
        /// `connect-src` or `default-src`.
        directive: String,
        /// The directive as it stands.
        text: String,
    },
}

/// Judges one policy (one header value may hold several, separated by commas: split them first).
#[must_use]
pub fn judge_policy(policy: &str, page: &url::Url, target: &Target) -> Outcome {
    let Some((directive, sources)) = effective(policy) else { return Outcome::Silent };
    for source in &sources {
        if matches(source, page, target) {
            return Outcome::Allowed { directive, by: (*source).to_owned() };
        }
    }
    Outcome::Forbidden { text: format!("{directive} {}", sources.join(" ")).trim().to_owned(), directive }
}

/// The directive that governs sockets: the first `connect-src`, else the first `default-src`.
fn effective(policy: &str) -> Option<(String, Vec<&str>)> {
    let find = |name: &str| {
        policy.split(';').find_map(|directive| {
            let mut words = directive.split_ascii_whitespace();
            words.next().filter(|word| word.eq_ignore_ascii_case(name))?;
            Some((name.to_owned(), words.collect()))
        })
    };
    find("connect-src").or_else(|| find("default-src"))
}

fn matches(source: &str, page: &url::Url, target: &Target) -> bool {
    if source == "*" {
        // A star stands for network schemes, and ws and wss are such (CSP3 section 6.7.2.8).
        return true;
    }
    if source.eq_ignore_ascii_case("'self'") {
        return matches_self(page, target);
    }
    if source.starts_with('\'') {
        return false; // 'none', 'unsafe-inline', nonces and hashes say nothing about sockets
    }
    if let Some(scheme) = source.strip_suffix(':')
        && !scheme.is_empty()
        && !scheme.contains(['/', '.', '*'])
    {
        return scheme_matches(scheme, target);
    }
    matches_host(source, page, target)
}

/// `'self'`: same host; same port or both default; and the scheme no less secure (CSP3 section 6.7.2.8 step 4).
fn matches_self(page: &url::Url, target: &Target) -> bool {
    let same_host =
        page.host_str().is_some_and(|host| host.trim_matches(['[', ']']).eq_ignore_ascii_case(&target.host));
    let page_port = page.port_or_known_default();
    let default_of_page = matches!((page.scheme(), page_port), ("http", Some(80)) | ("https", Some(443)));
    let same_port =
        page_port == Some(target.port) || (default_of_page && target.port == target.default_port());
    let scheme = target.secure || page.scheme() == "http";
    same_host && same_port && scheme
}

/// Whether a scheme of the policy covers ours: itself, and its secure twin (CSP3 section 6.7.2.7).
fn scheme_matches(scheme: &str, target: &Target) -> bool {
    match scheme.to_ascii_lowercase().as_str() {
        "ws" => true,
        "wss" => target.secure,
        "http" => true,
        "https" => target.secure,
        _ => false,
    }
}

fn matches_host(source: &str, page: &url::Url, target: &Target) -> bool {
    let (scheme, rest) = match source.split_once("://") {
        Some((scheme, rest)) => (Some(scheme), rest),
        None => (None, source),
    };
    let scheme_fits = match scheme {
        Some(scheme) => scheme_matches(scheme, target),
        // Without a scheme the page's own counts: https pages may open wss, http pages both.
        None => scheme_matches(page.scheme(), target),
    };
    let (authority, path) = match rest.find('/') {
        Some(slash) => (&rest[..slash], &rest[slash..]),
        None => (rest, ""),
    };
    let (host, port) = match authority.rsplit_once(':') {
        Some((host, port)) if !port.contains(']') => (host, Some(port)),
        _ => (authority, None),
    };
    let host_fits = match host.strip_prefix("*.") {
        Some(parent) => {
            target.host.to_ascii_lowercase().ends_with(&format!(".{}", parent.to_ascii_lowercase()))
        }
        None if host == "*" => true,
        None => host.trim_matches(['[', ']']).eq_ignore_ascii_case(&target.host),
    };
    let port_fits = match port {
        Some("*") => true,
        Some(port) => {
            port.parse() == Ok(target.port) || (port == "80" && target.secure && target.port == 443)
        }
        None => target.port == target.default_port(),
    };
    let path_fits = match path {
        "" | "/" => true,
        exact if !exact.ends_with('/') => target.bare_path() == exact,
        prefix => target.bare_path().starts_with(prefix),
    };
    scheme_fits && host_fits && port_fits && path_fits
}

#[cfg(test)]
mod tests {
    use super::*;

    fn allowed(policy: &str, page: &str, target: &str) -> Option<bool> {
        let page = url::Url::parse(page).expect("a page");
        let target = Target::parse(target).expect("a target");
        match judge_policy(policy, &page, &target) {
            Outcome::Silent => None,
            Outcome::Allowed { .. } => Some(true),
            Outcome::Forbidden { .. } => Some(false),
        }
    }

    #[test]
    fn policies_of_the_wild() {
        let page = "https://app.example/";
        for (policy, target, expected) in [
            ("script-src 'self'", "wss://x.example/", None),
            ("connect-src 'self'", "wss://app.example/ws", Some(true)),
            ("connect-src 'self'", "ws://app.example/ws", Some(false)),
            ("connect-src 'self'", "wss://app.example:8443/ws", Some(false)),
            ("connect-src 'self'", "wss://other.example/ws", Some(false)),
            ("connect-src 'none'", "wss://app.example/ws", Some(false)),
            ("connect-src *", "wss://other.example:1/ws", Some(true)),
            ("connect-src wss:", "wss://other.example/ws", Some(true)),
            ("connect-src wss:", "ws://other.example/ws", Some(false)),
            ("connect-src ws:", "wss://other.example/ws", Some(true)),
            ("connect-src https:", "wss://other.example/ws", Some(true)),
            ("connect-src other.example", "wss://other.example/ws", Some(true)),
            ("connect-src other.example", "wss://other.example:8443/ws", Some(false)),
            ("connect-src wss://other.example:8443", "wss://other.example:8443/ws", Some(true)),
            ("connect-src wss://other.example:*", "wss://other.example:8443/ws", Some(true)),
            ("connect-src wss://*.example", "wss://a.b.example/ws", Some(true)),
            ("connect-src wss://*.example", "wss://example/ws", Some(false)),
            ("connect-src https://other.example", "wss://other.example/ws", Some(true)),
            ("connect-src wss://other.example/chat", "wss://other.example/ws", Some(false)),
            ("connect-src wss://other.example/chat/", "wss://other.example/chat/1?x", Some(true)),
            ("default-src 'self'; img-src *", "wss://other.example/", Some(false)),
            ("default-src 'none'; connect-src wss://other.example", "wss://other.example/", Some(true)),
            ("CONNECT-SRC 'SELF'", "wss://app.example/ws", Some(true)),
            ("connect-src", "wss://app.example/ws", Some(false)),
        ] {
            assert_eq!(allowed(policy, page, target), expected, "{policy} for {target}");
        }
    }

    #[test]
    fn an_http_page_may_open_both() {
        for target in ["ws://app.example/", "wss://app.example/"] {
            assert_eq!(allowed("connect-src 'self'", "http://app.example/", target), Some(true), "{target}");
        }
    }
}
