//! The page that opens the socket: what its headers and its text say about sockets.

use crate::dial::race;
use crate::head::{self, Want};
use crate::{Limit, Observer, Probe, request::Request, tls};
use evidence::{Answer, Cookie, Fact, Page, Place, Policy, PolicySource, Preview, TlsVariation};
use std::net::IpAddr;
use tokio::time::timeout;
use url::Url;

/// Redirects that are followed: pages redirect to `/app/` and to https.
const REDIRECTS: usize = 3;
/// Socket addresses that are kept.
const URLS: usize = 10;

pub(crate) async fn look(probe: &Probe, observer: &Observer) {
    let Some(mut url) = probe.settings().case.page.as_deref().and_then(|text| Url::parse(text).ok()) else {
        return;
    };
    let (mut answer, mut local) = load(probe, &url).await;
    for _ in 0..REDIRECTS {
        let next = match &answer {
            Answer::Response(response) if (300..400).contains(&response.status) => {
                response.header("location").and_then(|location| url.join(location).ok())
            }
            _ => None,
        };
        // Only to the same host: nobody asked to look at another one.
        match next {
            Some(next) if next.host_str() == url.host_str() && matches!(next.scheme(), "http" | "https") => {
                (answer, local) = load(probe, &next).await;
                url = next;
            }
            _ => break,
        }
    }
    let target_local = probe.addresses().await.iter().any(|address| is_local(*address));
    let redactor = probe.settings().redactor;
    // Only now: a redirect must be followed as it was sent.
    head::redact(redactor, &mut answer);
    let mut page = Page { url: redactor.url(url.as_str()), local, target_local, ..empty(answer) };
    read(&mut page);
    for url in &mut page.socket_urls {
        *url = redactor.url(url);
    }
    observer.saw(Place::Page, Fact::Page(Box::new(page)));
}

/// Loads one address; also tells whether it lies on this machine or in a private network.
async fn load(probe: &Probe, url: &Url) -> (Answer, bool) {
    let not_sent = |why: &str| (Answer::NotSent(why.to_owned()), false);
    let (Some(host), Some(port)) = (url.host_str(), url.port_or_known_default()) else {
        return not_sent("dns");
    };
    let host = host.trim_matches(['[', ']']);
    let limit = probe.limit(Limit::Connect);
    let addresses = match probe.settings().given_addresses(host, port) {
        Some(given) => given.to_vec(),
        None => match host.parse::<IpAddr>() {
            Ok(address) => vec![address],
            Err(_) => {
                timeout(limit, probe.net.resolve(host)).await.ok().and_then(Result::ok).unwrap_or_default()
            }
        },
    };
    if addresses.is_empty() {
        return not_sent("dns");
    }
    let local = addresses.iter().any(|address| is_local(*address));
    let Ok((mut stream, _)) = race(probe, &addresses, port).await else {
        return (Answer::NotSent("tcp".to_owned()), local);
    };
    if url.scheme() == "https" {
        let shaken = tls::shake(probe, stream, None, &TlsVariation::OtherSni(host.to_owned())).await;
        match shaken.stream {
            Some(open) => stream = open,
            None => return (Answer::NotSent("tls".to_owned()), local),
        }
    }
    let path = match url.query() {
        Some(query) => format!("{}?{query}", url.path()),
        None => url.path().to_owned(),
    };
    let authority = match url.port() {
        Some(port) => format!("{}:{port}", url.host_str().unwrap_or_default()),
        None => url.host_str().unwrap_or_default().to_owned(),
    };
    let text = format!(
        "GET {path} HTTP/1.1\r\nHost: {authority}\r\nUser-Agent: {}\r\nAccept: text/html\r\nConnection: close\r\n\r\n",
        probe.settings().user_agent
    );
    let limit = probe.limit(Limit::Response);
    (head::ask(&mut stream, &Request::other(text), limit, Want::Page).await.answer, local)
}

/// Loopback, link-local, private (RFC 1918, RFC 4193, RFC 6598): what Local Network Access calls local.
fn is_local(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => {
            address.is_loopback()
                || address.is_private()
                || address.is_link_local()
                || (address.octets()[0] == 100 && (64..128).contains(&address.octets()[1]))
        }
        IpAddr::V6(address) => {
            address.is_loopback() || address.is_unique_local() || address.is_unicast_link_local()
        }
    }
}

/// A page of which nothing was read yet.
pub(crate) fn empty(answer: Answer) -> Page {
    Page {
        url: String::new(),
        answer,
        policies: Vec::new(),
        hsts: None,
        cookies: Vec::new(),
        alt_svc: None,
        socket_urls: Vec::new(),
        local: false,
        target_local: false,
    }
}

/// Takes out of the answer what concerns sockets.
pub(crate) fn read(page: &mut Page) {
    let Answer::Response(response) = &mut page.answer else { return };
    for value in response.headers_named("content-security-policy") {
        // One header may carry several policies, and all of them count (CSP3 section 4.2).
        for text in value.split(',').map(str::trim).filter(|text| !text.is_empty()) {
            page.policies.push(Policy { source: PolicySource::Header, text: text.to_owned() });
        }
    }
    page.hsts = response.header("strict-transport-security").map(str::to_owned);
    page.alt_svc = response.header("alt-svc").map(str::to_owned);
    page.cookies = response.headers_named("set-cookie").filter_map(cookie).collect();
    let text = response.body.text.clone();
    page.policies
        .extend(meta_policies(&text).into_iter().map(|text| Policy { source: PolicySource::Meta, text }));
    page.socket_urls = socket_urls(&text);
    // The page's text has served; a report needs only its beginning.
    response.body.text = Preview::new(text.as_bytes(), 500).text;
}

fn cookie(value: &str) -> Option<Cookie> {
    let mut parts = value.split(';').map(str::trim);
    let name = parts.next()?.split('=').next()?.trim().to_owned();
    let mut cookie = Cookie {
        name,
        secure: false,
        http_only: false,
        same_site: None,
        domain: None,
        path: None,
        partitioned: false,
    };
    for part in parts {
        let (key, value) = part.split_once('=').unwrap_or((part, ""));
        match key.trim().to_ascii_lowercase().as_str() {
            "secure" => cookie.secure = true,
            "httponly" => cookie.http_only = true,
            "partitioned" => cookie.partitioned = true,
            "samesite" => cookie.same_site = Some(value.trim().to_ascii_lowercase()),
            "domain" => cookie.domain = Some(value.trim().trim_start_matches('.').to_ascii_lowercase()),
            "path" => cookie.path = Some(value.trim().to_owned()),
            _ => {}
        }
    }
    Some(cookie)
}

/// Policies in `<meta http-equiv="Content-Security-Policy" content="…">`, in any order and quoting.
fn meta_policies(html: &str) -> Vec<String> {
    let lower = html.to_ascii_lowercase();
    let mut found = Vec::new();
    let mut at = 0;
    while let Some(start) = lower[at..].find("<meta").map(|offset| at + offset) {
        // A tag without an end is none (HTML section 13.2.5.36); the rest of the page may not have been read.
        let Some(end) = tag_end(&lower, start) else { break };
        let tag = &html[start..end];
        if attribute(tag, "http-equiv")
            .is_some_and(|value| value.eq_ignore_ascii_case("content-security-policy"))
            && let Some(content) = attribute(tag, "content")
        {
            // Line ends are escapes by now; a policy may well be written over several lines.
            let text = content.replace("\\r", " ").replace("\\n", " ");
            let text = text.replace("&#39;", "'").replace("&quot;", "\"").replace("&amp;", "&");
            found.push(text.trim().to_owned());
        }
        at = end;
    }
    found
}

/// The position after the `>` that ends a tag; one inside quotes does not.
fn tag_end(html: &str, start: usize) -> Option<usize> {
    let mut quote = None;
    for (offset, character) in html[start..].char_indices() {
        match (quote, character) {
            (None, '>') => return Some(start + offset + 1),
            (None, '"' | '\'') => quote = Some(character),
            (Some(open), close) if open == close => quote = None,
            _ => {}
        }
    }
    None
}

/// The value of an attribute of a tag.
fn attribute<'a>(tag: &'a str, name: &str) -> Option<&'a str> {
    let lower = tag.to_ascii_lowercase();
    let mut at = 0;
    while let Some(start) = lower[at..].find(name).map(|offset| at + offset) {
        let begins =
            lower[..start].ends_with([' ', '\t', '"', '\'', '\n']) || lower[..start].ends_with("\\n");
        let rest = tag[start + name.len()..].trim_start();
        if begins && let Some(value) = rest.strip_prefix('=') {
            let value = value.trim_start();
            return match value.chars().next() {
                Some(quote @ ('"' | '\'')) => value[1..].split(quote).next(),
                _ => value.split([' ', '>']).next(),
            };
        }
        at = start + name.len();
    }
    None
}

/// `ws://` and `wss://` addresses in a text.
fn socket_urls(text: &str) -> Vec<String> {
    let mut found: Vec<String> = Vec::new();
    for scheme in ["ws://", "wss://"] {
        for (start, _) in text.match_indices(scheme) {
            if text[..start].ends_with('w') || found.len() >= URLS {
                continue;
            }
            let url: String = text[start..]
                .chars()
                .take_while(|c| !c.is_whitespace() && !"\"'`<>\\)},;".contains(*c))
                .take(200)
                .collect();
            if url.len() > scheme.len() && !found.contains(&url) {
                found.push(url);
            }
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{World, ask, only, settings};
    use evidence::Question;
    use std::sync::Arc;

    #[test]
    fn metas_are_found_however_they_are_written() {
        for html in [
            r#"<meta http-equiv="Content-Security-Policy" content="connect-src 'self'">"#,
            r#"<META content="connect-src 'self'" HTTP-EQUIV='content-security-policy' />"#,
            r#"<meta charset=utf-8><meta http-equiv=Content-Security-Policy content="connect-src &#39;self&#39;">"#,
        ] {
            assert_eq!(meta_policies(html), ["connect-src 'self'"], "{html}");
        }
        assert!(meta_policies("<meta name=content-security-policy content=x>").is_empty());
        for open in ["\"a > b", "a"] {
            let html = format!("<meta http-equiv=\"Content-Security-Policy\" content={open}");
            assert!(meta_policies(&html).is_empty(), "{html}");
        }
        // As the page reads them: line ends are escapes.
        let html =
            r#"<meta http-equiv="Content-Security-Policy" content="\n  img-src *;\n  connect-src 'self'\n">"#;
        assert_eq!(meta_policies(html), ["img-src *;   connect-src 'self'"]);
    }

    #[test]
    fn socket_addresses_in_scripts() {
        let text = r#"new WebSocket("ws://localhost:5173/hmr"); const u = 'wss://a.example/x'; // wss://"#;
        assert_eq!(socket_urls(text), ["ws://localhost:5173/hmr", "wss://a.example/x"]);
    }

    #[test]
    fn cookies_keep_what_decides_whether_they_are_sent() {
        let cookie =
            cookie("sid=…(9); Path=/; SameSite=None; Secure; Domain=.example.com").expect("a cookie");
        assert_eq!((cookie.name.as_str(), cookie.secure), ("sid", true));
        assert_eq!(cookie.same_site.as_deref(), Some("none"));
        assert_eq!(cookie.domain.as_deref(), Some("example.com"));
    }

    /// The page at `url`, in this world.
    async fn page(world: World, url: &str) -> Page {
        let mut settings = settings("ws://192.0.2.1/");
        settings.case.page = Some(url.to_owned());
        match only(ask(&Arc::new(world), settings, Question::Page).await.0) {
            Fact::Page(page) => *page,
            other => panic!("no page: {other:?}"),
        }
    }

    /// A server that answers each path so.
    fn site(world: World, at: &str, answer: impl Fn(&str) -> String + Send + Sync + 'static) -> World {
        let answer = Arc::new(answer);
        world.serve(at, move |mut peer| {
            let answer = Arc::clone(&answer);
            async move {
                let head = peer.head().await;
                let path = head.split(' ').nth(1).unwrap_or_default();
                peer.send(answer(path)).await;
            }
        })
    }

    #[tokio::test(start_paused = true)]
    async fn a_redirect_is_followed_as_sent_and_recorded_without_secrets() {
        let world = World::new().name("app.example", &["10.0.0.7"]);
        let world = site(world, "10.0.0.7:80", |path| match path {
            "/" => "HTTP/1.1 302 Found\r\nLocation: /app/?token=topsecret\r\n\r\n".to_owned(),
            "/app/?token=topsecret" => {
                "HTTP/1.1 200 OK\r\nContent-Security-Policy: default-src 'self', connect-src *\r\n\
                 Set-Cookie: sid=topsecret; SameSite=Lax\r\n\r\n\
                 <meta http-equiv=Content-Security-Policy content=\"\n connect-src 'none';\n\">\
                 <script>new WebSocket('wss://app.example/ws?token=topsecret')</script>"
                    .to_owned()
            }
            other => panic!("{other}"),
        });
        let page = page(world, "http://app.example/").await;
        assert_eq!(page.url, "http://app.example/app/?token=…(9)");
        let policies: Vec<(PolicySource, &str)> =
            page.policies.iter().map(|policy| (policy.source, policy.text.as_str())).collect();
        assert_eq!(
            policies,
            [
                (PolicySource::Header, "default-src 'self'"),
                (PolicySource::Header, "connect-src *"),
                (PolicySource::Meta, "connect-src 'none';"),
            ]
        );
        assert_eq!(
            (page.cookies[0].name.as_str(), page.cookies[0].same_site.as_deref()),
            ("sid", Some("lax"))
        );
        assert_eq!(page.socket_urls, ["wss://app.example/ws?token=…(9)"]);
        assert!(page.local && !page.target_local);
        let Answer::Response(response) = &page.answer else { panic!("no response") };
        assert_eq!(response.header("set-cookie"), Some("sid=…(9); SameSite=Lax"));
    }

    #[tokio::test(start_paused = true)]
    async fn a_redirect_ends_at_another_host_and_after_a_few() {
        let away = |_: &str| "HTTP/1.1 302 Found\r\nLocation: http://other.example/\r\n\r\n".to_owned();
        let page_away = page(site(World::new(), "10.0.0.7:80", away), "http://10.0.0.7/").await;
        assert_eq!(page_away.url, "http://10.0.0.7/");

        let round = |path: &str| format!("HTTP/1.1 302 Found\r\nLocation: {path}x\r\n\r\n");
        let page_round = page(site(World::new(), "10.0.0.7:80", round), "http://10.0.0.7/").await;
        assert_eq!(page_round.url, "http://10.0.0.7/xxx", "the page whose answer this is");
        let Answer::Response(response) = &page_round.answer else { panic!("no response") };
        assert_eq!(response.header("location"), Some("/xxxx"));
    }
}
