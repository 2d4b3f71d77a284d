//! Every endpoint on one port: the first segment of the path names it, so that any client can be tried against all of
//! them. `/` lists them.

use crate::connection::Connection;
use crate::endpoint::{Running, accept_each};
use crate::endpoints::{self, Behaviour};
use crate::plan::nearest;
use crate::{RequestHead, endpoint};
use std::collections::HashMap;
use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};

/// Endpoints whose memory is kept; `idle-cut-1`, `idle-cut-2` and so on are many.
const KEPT: usize = 1024;

/// Endpoints that answer with an address: they must see the whole path, or it would lead out of them.
const WHOLE_PATH: &[&str] = &["upgrade-trailing-slash-redirect", "upgrade-https-redirect"];

/// What the index page says, in the language of whoever serves it.
#[derive(Debug, Clone)]
pub struct Index {
    /// Language tag of the page.
    pub language: String,
    /// Its heading.
    pub title: String,
    /// A sentence below it; `{host}` is the Host that the page was asked of.
    pub intro: String,
    /// What is said where there is no such endpoint; `{name}` is what was asked for, `{like}` what is most like it.
    pub unknown: String,
    /// Name and sentence of each endpoint; none means the English ones of [`endpoint::names`].
    pub rows: Vec<(String, String)>,
}

impl Default for Index {
    fn default() -> Index {
        let rows = endpoint::names().iter().map(|(name, what)| ((*name).to_owned(), (*what).to_owned()));
        Index {
            language: "en".to_owned(),
            title: "Keepwire lab".to_owned(),
            intro: "Each path is an endpoint of {host}; what follows in the path is its own.".to_owned(),
            unknown: "There is no endpoint {name}; did you mean /{like}? All of them: /".to_owned(),
            rows: rows.collect(),
        }
    }
}

/// Called with each request and the endpoint that plays for it, where there is one.
pub type OnRequest = Arc<dyn Fn(&RequestHead, SocketAddr, Option<&str>) + Send + Sync>;

/// Serves all endpoints on `listen`.
///
/// # Errors
/// What binding the address returned.
pub async fn serve(listen: SocketAddr, index: Index, on_request: Option<OnRequest>) -> io::Result<Running> {
    let shared = Arc::new((index, on_request, Mutex::new(HashMap::new())));
    accept_each(listen, move |connection| {
        let shared = Arc::clone(&shared);
        async move { play(connection, &shared.0, shared.1.as_ref(), &shared.2).await }
    })
    .await
}

type Kept = Mutex<HashMap<String, Arc<Behaviour>>>;

async fn play(
    mut connection: Connection,
    index: &Index,
    on_request: Option<&OnRequest>,
    kept: &Kept,
) -> io::Result<()> {
    let Some((head, raw)) = connection.peek_request().await? else { return Ok(()) };
    let name =
        head.target.trim_start_matches('/').split(['/', '?', '#']).next().unwrap_or_default().to_owned();
    let behaviour = find(&name, kept);
    if let Some(on_request) = on_request {
        on_request(&head, connection.peer, behaviour.as_ref().map(|_| name.as_str()));
    }
    if let Some(behaviour) = behaviour {
        let whole = WHOLE_PATH.contains(&name.as_str());
        connection.unread(if whole { raw } else { without_first_segment(&raw) });
        return behaviour.play(connection).await;
    }
    let html = head.joined("accept").is_some_and(|accept| accept.contains("text/html"));
    let kind = if html { "text/html; charset=utf-8" } else { "text/plain; charset=utf-8" };
    let headers = [("Content-Type", kind)];
    if name.is_empty() {
        return connection
            .respond("200 OK", &headers, &page(index, head.header("host").unwrap_or_default(), html))
            .await;
    }
    let like = nearest(&name, endpoint::names().iter().map(|(name, _)| *name));
    let shown: String = name.chars().filter(|letter| !letter.is_control()).take(100).collect();
    let text = index.unknown.replace("{like}", like).replace("{name}", &shown) + "\n";
    connection.respond("404 Not Found", &[("Content-Type", "text/plain; charset=utf-8")], &text).await
}

fn find(name: &str, kept: &Kept) -> Option<Arc<Behaviour>> {
    let mut kept = kept.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(behaviour) = kept.get(name) {
        return Some(Arc::clone(behaviour));
    }
    let behaviour = Arc::new(endpoints::find(name)?);
    if kept.len() < KEPT {
        kept.insert(name.to_owned(), Arc::clone(&behaviour));
    }
    Some(behaviour)
}

/// The request with its target shortened: `/healthy/chat?a=1` becomes `/chat?a=1`, and `/healthy` becomes `/`.
fn without_first_segment(raw: &[u8]) -> Vec<u8> {
    let Some(start) = raw.iter().position(|byte| *byte == b' ').map(|at| at + 1) else { return raw.to_vec() };
    let target = &raw[start..];
    let name = target.iter().position(|byte| *byte != b'/').unwrap_or(0);
    let stop =
        target[name..].iter().position(|byte| b"/?# ".contains(byte)).map_or(target.len(), |at| name + at);
    let slash: &[u8] = if target.get(stop) == Some(&b'/') { b"" } else { b"/" };
    [&raw[..start], slash, &target[stop..]].concat()
}

fn page(index: &Index, host: &str, html: bool) -> String {
    let intro = index.intro.replace("{host}", host);
    let mut rows = String::new();
    if !html {
        let width = index.rows.iter().map(|(name, _)| name.len()).max().unwrap_or(0);
        for (name, what) in &index.rows {
            rows += &format!("/{name:width$}  {what}\n");
        }
        return format!("{}\n{intro}\n\n{rows}", index.title);
    }
    for (name, what) in &index.rows {
        let link = name.replace("-N", "-60");
        rows += &format!("<tr><td><a href=\"/{link}\">/{name}</a><td>{}\n", escaped(what));
    }
    format!(
        "<!doctype html>\n<html lang=\"{}\">\n<meta charset=\"utf-8\">\n<meta name=\"viewport\" \
         content=\"width=device-width\">\n<title>{title}</title>\n<style>body{{font:16px/1.5 system-ui;margin:2em \
         auto;max-width:60em;padding:0 1em;color-scheme:light dark}}td{{padding:.1em 1em .1em 0;\
         vertical-align:top}}a{{font-family:monospace;white-space:nowrap}}</style>\n<h1>{title}</h1>\n<p>{}\n\
         <table>\n{rows}</table>\n",
        escaped(&index.language),
        escaped(&intro),
        title = escaped(&index.title),
    )
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('"', "&quot;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_segment_goes_and_nothing_else_changes() {
        for (raw, expect) in [
            ("GET /healthy HTTP/1.1\r\nHost: x\r\n\r\n", "GET / HTTP/1.1\r\nHost: x\r\n\r\n"),
            ("GET /healthy/ HTTP/1.1\r\n\r\n", "GET / HTTP/1.1\r\n\r\n"),
            ("GET /healthy?a=/b HTTP/1.1\r\n\r\n", "GET /?a=/b HTTP/1.1\r\n\r\n"),
            ("GET /healthy/a/b?c HTTP/1.1\r\n\r\n", "GET /a/b?c HTTP/1.1\r\n\r\n"),
            ("GET //healthy/a HTTP/1.1\r\n\r\n", "GET /a HTTP/1.1\r\n\r\n"),
        ] {
            assert_eq!(String::from_utf8(without_first_segment(raw.as_bytes())).unwrap(), expect, "{raw}");
        }
    }
}
