//! Plain requests: the files of one folder, or a word about why nothing else is here.

use crate::server::{Body, Visitor, full, plain};
use http::header::{CACHE_CONTROL, CONNECTION, CONTENT_TYPE, UPGRADE, X_CONTENT_TYPE_OPTIONS};
use http::{HeaderValue, Method, Request, Response, StatusCode};
use hyper::body::Incoming;
use std::io;
use std::path::{Component, Path};

/// Bytes of a file that is served.
const FILE: u64 = 8 << 20;

impl Visitor {
    pub(crate) async fn file(&self, request: &Request<Incoming>) -> Response<Body> {
        let path = request.uri().path();
        let Some(folder) = self.hub.settings.files.as_ref().filter(|_| request.method() == Method::GET)
        else {
            self.refused(
                path,
                "upgrade-stripped",
                "a request without Upgrade came where only WebSockets are served",
                None,
            );
            let mut response = plain(
                StatusCode::UPGRADE_REQUIRED,
                "Only WebSocket connections are served here. If a client tried one, a hop before this gateway took the \
                 Upgrade header away; keepwire check tells which.",
            );
            response.headers_mut().insert(UPGRADE, HeaderValue::from_static("websocket"));
            response.headers_mut().insert(CONNECTION, HeaderValue::from_static("Upgrade"));
            return response;
        };
        let relative = Path::new(path.trim_start_matches('/'));
        // Nothing outside of the folder, whatever dots or links say.
        if relative.components().any(
            |part| !matches!(part, Component::Normal(name) if !name.as_encoded_bytes().starts_with(b".")),
        ) {
            return plain(StatusCode::NOT_FOUND, "not found");
        }
        let file = if path.ends_with('/') {
            folder.join(relative).join("index.html")
        } else {
            folder.join(relative)
        };
        let (wanted, folder) = (file.clone(), folder.clone());
        let read = tokio::task::spawn_blocking(move || {
            let (file, folder) = (std::fs::canonicalize(wanted)?, std::fs::canonicalize(folder)?);
            let about = std::fs::metadata(&file)?;
            if !file.starts_with(folder) || !about.is_file() || about.len() > FILE {
                return Err(io::Error::from(io::ErrorKind::NotFound));
            }
            std::fs::read(&file)
        });
        let Ok(Ok(bytes)) = read.await else { return plain(StatusCode::NOT_FOUND, "not found") };
        let kind = match file.extension().and_then(|extension| extension.to_str()) {
            Some("html") => "text/html; charset=utf-8",
            Some("js" | "mjs") => "text/javascript; charset=utf-8",
            Some("css") => "text/css; charset=utf-8",
            Some("svg") => "image/svg+xml",
            Some("json" | "map") => "application/json",
            Some("png") => "image/png",
            Some("ico") => "image/x-icon",
            _ => "application/octet-stream",
        };
        let mut response = Response::new(full(bytes));
        response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(kind));
        response.headers_mut().insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
        response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-cache"));
        response
    }
}
