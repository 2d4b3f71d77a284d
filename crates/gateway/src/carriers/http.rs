//! The endpoints of the HTTP carriers, `/.keepwire/stream`, `/.keepwire/poll` and `/.keepwire/send`: bodies in, links out
//! (`protocol/PROTOCOL.md` section 14).

use super::poll::Gathered;
use super::{First, Greeted, POST, begin, first, resume, stream};
use crate::driver::Command;
use crate::hub::{Client, Dialled};
use crate::server::{Body, Visitor, full, is_token, plain, text};
use crate::upstream::{Answer, new_key};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::header::{
    CACHE_CONTROL, CONTENT_TYPE, HOST, HeaderName, ORIGIN, SEC_WEBSOCKET_ACCEPT, SEC_WEBSOCKET_PROTOCOL,
};
use http::{HeaderValue, Method, Request, Response, StatusCode};
use http_body_util::{BodyExt, Limited};
use hyper::body::Incoming;
use session::{Frame, Refused};

impl Visitor {
    /// What an HTTP carrier's first frame leads to.
    async fn greet(&self, request: &Request<()>, body: &[u8]) -> Result<Greeted, Box<Response<Body>>> {
        let refuse = |refused: Refused| Box::new(frames(StatusCode::OK, Frame::Refused(refused).to_bytes()));
        let query = Query::of(request);
        let head = Head { visitor: self, request };
        match first(body) {
            Ok(First::Resume(wanted)) => {
                resume(&self.hub, *wanted, &head.client(&query.to)).await.map_err(refuse)
            }
            Ok(First::Hello(hello)) => {
                let id = self.hub.new_id();
                match head.dial(&query, &id).await {
                    Ok(dialled) => Ok(begin(&self.hub, id, &hello, dialled, head.client(&query.to))),
                    Err(response) => {
                        let status = response.status();
                        let reason = match status {
                            StatusCode::UNAUTHORIZED => "unauthorized",
                            StatusCode::FORBIDDEN => "forbidden",
                            StatusCode::SERVICE_UNAVAILABLE => "limit",
                            _ => "backend",
                        };
                        Err(refuse(Refused { status: Some(status.as_u16()), ..Refused::new(reason) }))
                    }
                }
            }
            Err(refused) => Err(refuse(refused)),
        }
    }

    pub(crate) async fn stream(&self, request: Request<Incoming>) -> Response<Body> {
        if let Some(wrong) = self.unserved(&request) {
            return wrong;
        }
        let (request, body) = match read(request).await {
            Ok(read) => read,
            Err(response) => return *response,
        };
        match self.greet(&request, &body).await {
            Ok(greeted) => {
                let mut response = Response::new(stream::serve(greeted).boxed_unsync());
                let headers = response.headers_mut();
                headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/event-stream"));
                headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store, no-transform"));
                headers.insert(HeaderName::from_static("x-accel-buffering"), HeaderValue::from_static("no"));
                response
            }
            Err(response) if response.status() == StatusCode::OK => as_events(*response).await,
            Err(response) => *response,
        }
    }

    pub(crate) async fn poll(&self, request: Request<Incoming>) -> Response<Body> {
        if let Some(wrong) = self.unserved(&request) {
            return wrong;
        }
        let (request, body) = match read(request).await {
            Ok(read) => read,
            Err(response) => return *response,
        };
        let mut number = None;
        let link = if let Ok(Some(Frame::Link(key))) = Frame::decode(&mut &body[..]) {
            number = key.poll;
            self.post(&body).await
        } else {
            self.greet(&request, &body).await.map(|greeted| self.hub.polls.add(greeted))
        };
        let link = match link {
            Ok(link) => link,
            Err(response) => return *response,
        };
        match self.hub.polls.gather(link, number).await {
            Gathered::Bytes(bytes) => frames(StatusCode::OK, bytes),
            Gathered::Nothing => frames(StatusCode::NO_CONTENT, Vec::new()),
            Gathered::Gone => gone(),
        }
    }

    pub(crate) async fn send(&self, request: Request<Incoming>) -> Response<Body> {
        if let Some(wrong) = self.unserved(&request) {
            return wrong;
        }
        let body = match read(request).await {
            Ok((_, body)) => body,
            Err(response) => return *response,
        };
        match self.post(&body).await {
            Ok(_) => frames(StatusCode::NO_CONTENT, Vec::new()),
            Err(response) => *response,
        }
    }

    /// A body of LINK and frames goes to the session; whose link it was comes back.
    async fn post(&self, mut bytes: &[u8]) -> Result<u64, Box<Response<Body>>> {
        let Ok(Some(Frame::Link(key))) = Frame::decode(&mut bytes) else {
            return Err(Box::new(plain(StatusCode::BAD_REQUEST, "the body does not begin with LINK")));
        };
        let commands = self.hub.commands_of(&key.id).ok_or_else(|| Box::new(gone()))?;
        let (answer, outcome) = tokio::sync::oneshot::channel();
        let command = Command::Post { key, bytes: bytes.to_vec(), answer };
        if commands.send(command).await.is_err() {
            return Err(Box::new(gone()));
        }
        match outcome.await {
            Ok(Ok(link)) => Ok(link),
            _ => Err(Box::new(gone())),
        }
    }

    fn unserved(&self, request: &Request<Incoming>) -> Option<Response<Body>> {
        if !self.hub.settings.session.fallback {
            return Some(plain(StatusCode::NOT_FOUND, "HTTP carriers are off (gateway.session.fallback)"));
        }
        if request.method() != Method::POST {
            let mut response = plain(StatusCode::METHOD_NOT_ALLOWED, "POST only");
            response.headers_mut().insert(http::header::ALLOW, HeaderValue::from_static("POST"));
            return Some(response);
        }
        None
    }
}

/// A request whose body was read.
struct Head<'a> {
    visitor: &'a Visitor,
    request: &'a Request<()>,
}

impl Head<'_> {
    fn client(&self, path: &str) -> Client {
        let origin =
            self.request.headers().get(ORIGIN).and_then(|value| value.to_str().ok()).map(str::to_owned);
        let path = path.split('?').next().unwrap_or_default().to_owned();
        Client { address: self.visitor.peer, origin, path }
    }

    async fn dial(&self, query: &Query, id: &str) -> Result<Dialled, Box<Response<Body>>> {
        let visitor = self.visitor;
        let path = query.to.split('?').next().unwrap_or_default();
        if !visitor.hub.has_room() {
            return Err(Box::new(plain(StatusCode::SERVICE_UNAVAILABLE, "too many sessions")));
        }
        let key = new_key();
        let own = query.protocols.join(", ");
        let mut handshake: Vec<(&str, &[u8])> =
            vec![("Sec-WebSocket-Version", b"13"), ("Sec-WebSocket-Key", key.as_bytes())];
        if !own.is_empty() {
            handshake.push(("Sec-WebSocket-Protocol", own.as_bytes()));
        }
        let host = self
            .request
            .uri()
            .authority()
            .map(|authority| authority.as_str().to_owned())
            .unwrap_or_else(|| text(self.request.headers(), &HOST));
        let client = crate::upstream::Client {
            address: visitor.peer,
            host: &host,
            secure: visitor.secure,
            session: Some(id),
        };
        let mut headers = self.request.headers().clone();
        // They describe the post, not the handshake that it stands for.
        for name in [CONTENT_TYPE, http::header::ACCEPT, http::header::ACCEPT_ENCODING] {
            headers.remove(name);
        }
        match visitor.hub.upstream.open(&query.to, &headers, &handshake, &client).await {
            Ok(Answer::Upgraded { headers, stream, early })
                if text(&headers, &SEC_WEBSOCKET_ACCEPT) == frame::accept_for(&key) =>
            {
                Ok(Dialled { stream, early, protocol: text(&headers, &SEC_WEBSOCKET_PROTOCOL) })
            }
            Ok(Answer::Upgraded { .. }) => {
                Err(Box::new(plain(StatusCode::BAD_GATEWAY, "a wrong Sec-WebSocket-Accept")))
            }
            other => Err(Box::new(visitor.backend_refused(path, other))),
        }
    }
}

/// The request without its body, and the body.
async fn read(request: Request<Incoming>) -> Result<(Request<()>, Bytes), Box<Response<Body>>> {
    let (parts, body) = request.into_parts();
    match Limited::new(body, POST).collect().await {
        Ok(body) => Ok((Request::from_parts(parts, ()), body.to_bytes())),
        Err(_) => Err(Box::new(plain(StatusCode::PAYLOAD_TOO_LARGE, "the body is too large"))),
    }
}

/// `?to=/ws&protocol=a&protocol=b`
struct Query {
    to: String,
    protocols: Vec<String>,
}

impl Query {
    fn of<B>(request: &Request<B>) -> Query {
        let mut query = Query { to: "/".to_owned(), protocols: Vec::new() };
        for (name, value) in url::form_urlencoded::parse(request.uri().query().unwrap_or_default().as_bytes())
        {
            match name.as_ref() {
                // A line of the handshake is made of it.
                "to" if value.starts_with('/') && value.bytes().all(|byte| byte.is_ascii_graphic()) => {
                    query.to = value.into_owned();
                }
                "protocol" if is_token(&value) => query.protocols.push(value.into_owned()),
                _ => {}
            }
        }
        query
    }
}

fn frames(status: StatusCode, bytes: Vec<u8>) -> Response<Body> {
    let mut response = Response::new(full(bytes));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/octet-stream"));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store, no-transform"));
    response
}

/// There is no such link: its client resumes, and is told more then.
fn gone() -> Response<Body> {
    frames(StatusCode::GONE, Frame::Refused(Refused::new("unknown")).to_bytes())
}

/// A refusal as the only event of a stream.
async fn as_events(response: Response<Body>) -> Response<Body> {
    let bytes = response.into_body().collect().await.map(|body| body.to_bytes()).unwrap_or_default();
    let text = format!("data: {}\n\nevent: close\ndata: 4003\n\n", STANDARD.encode(bytes));
    let mut response = Response::new(full(text));
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("text/event-stream"));
    response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store, no-transform"));
    response
}
