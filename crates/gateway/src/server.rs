//! The front: accepts connections, speaks HTTP/1.1 and HTTP/2, with TLS or without, and sends each request where it
//! belongs.

use crate::admission::{Gate, Pass, Refusal, admit};
use crate::carriers::websocket;
use crate::driver::Command;
use crate::hub::{Client, Dialled, Hub};
use crate::journal::{self, Sink, note};
use crate::metrics::{Gauge, add};
use crate::relay::{self, Counts, End};
use crate::settings::Settings;
use crate::upstream::{Answer, Stream, Unreachable, Upstream, new_key};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::header::{
    ACCESS_CONTROL_ALLOW_ORIGIN, CACHE_CONTROL, CONNECTION, CONTENT_TYPE, HOST, HeaderName, ORIGIN,
    RETRY_AFTER, SEC_WEBSOCKET_ACCEPT, SEC_WEBSOCKET_EXTENSIONS, SEC_WEBSOCKET_KEY, SEC_WEBSOCKET_PROTOCOL,
    SEC_WEBSOCKET_VERSION, UPGRADE, VARY,
};
use http::{HeaderMap, HeaderValue, Method, Request, Response, StatusCode, Version};
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto;
use serde_json::json;
use session::SUBPROTOCOL;
use std::convert::Infallible;
use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;

/// Offered after the subprotocol by a client that comes to resume: its backend socket is there already.
const RESUMING: &str = "keepwire.v1.resume";
/// For a TLS handshake.
const TLS_HANDSHAKE: Duration = Duration::from_secs(5);
/// Streams of one HTTP/2 connection.
const STREAMS: u32 = 200;
/// Connections that wait to be accepted.
const BACKLOG: i32 = 4096;

pub(crate) type Body = UnsyncBoxBody<Bytes, Infallible>;
type Io = TokioIo<TcpStream>;
type TlsIo = TokioIo<tokio_rustls::server::TlsStream<TcpStream>>;

/// Why a gateway does not start.
#[derive(Debug)]
pub enum StartError {
    /// The address cannot be listened on.
    Listen(SocketAddr, io::Error),
    /// The certificate or its key cannot be used; which file, and why.
    Tls(PathBuf, String),
    /// No upstream was given.
    Upstream,
}

impl std::fmt::Display for StartError {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            StartError::Listen(address, error) => write!(out, "cannot listen on {address}: {error}"),
            StartError::Tls(file, why) => write!(out, "{}: {why}", file.display()),
            StartError::Upstream => write!(out, "no upstream"),
        }
    }
}

impl std::error::Error for StartError {}

/// A gateway at work.
pub struct Running {
    /// Where it listens.
    pub address: SocketAddr,
    hub: Arc<Hub>,
    stop: watch::Sender<bool>,
}

impl Running {
    /// Stops accepting and ends all sessions; clients are told.
    pub async fn stop(&self) {
        let _ = self.stop.send(true);
        for commands in self.hub.all() {
            let _ = commands.send(Command::Abort { reason: "shutdown" }).await;
        }
        // Their last frames go out.
        let _ = timeout(Duration::from_secs(2), async {
            while !self.hub.all().is_empty() {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        })
        .await;
    }

    /// What `/metrics` says.
    #[must_use]
    pub fn metrics(&self) -> String {
        self.hub.metrics.text()
    }
}

/// Starts a gateway on the current runtime.
///
/// # Errors
/// Why it does not start.
pub async fn start(settings: Settings, sink: Option<Sink>) -> Result<Running, StartError> {
    let upstream = settings.upstream.clone().ok_or(StartError::Upstream)?;
    let tls = settings.tls.as_ref().map(|tls| acceptor(&tls.cert, &tls.key)).transpose()?;
    let listener = listen(settings.listen).map_err(|error| StartError::Listen(settings.listen, error))?;
    let address = listener.local_addr().map_err(|error| StartError::Listen(settings.listen, error))?;
    let upstream = Upstream::new(upstream, Duration::from_millis(settings.limits.upstream_timeout));
    let hub = Arc::new(Hub::new(
        Settings { listen: address, ..settings },
        upstream,
        sink.unwrap_or_else(journal::stderr),
    ));
    let (stop, stopped) = watch::channel(false);
    tokio::spawn(accept(Arc::clone(&hub), listener, tls, stopped));
    Ok(Running { address, hub, stop })
}

fn listen(address: SocketAddr) -> io::Result<TcpListener> {
    use socket2::{Domain, Socket, Type};
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, None)?;
    socket.set_reuse_address(true)?;
    socket.set_nonblocking(true)?;
    socket.bind(&address.into())?;
    socket.listen(BACKLOG)?;
    TcpListener::from_std(socket.into())
}

fn acceptor(cert: &Path, key: &Path) -> Result<TlsAcceptor, StartError> {
    use rustls_pki_types::pem::PemObject;
    use rustls_pki_types::{CertificateDer, PrivateKeyDer};
    let wrong = |file: &Path, why: String| StartError::Tls(file.to_owned(), why);
    let chain: Vec<_> = CertificateDer::pem_file_iter(cert)
        .map_err(|error| wrong(cert, error.to_string()))?
        .collect::<Result<_, _>>()
        .map_err(|error| wrong(cert, error.to_string()))?;
    let own = PrivateKeyDer::from_pem_file(key).map_err(|error| wrong(key, error.to_string()))?;
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let mut config = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| wrong(cert, error.to_string()))?
        .with_no_client_auth()
        .with_single_cert(chain, own)
        .map_err(|error| wrong(cert, error.to_string()))?;
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok(TlsAcceptor::from(Arc::new(config)))
}

async fn accept(
    hub: Arc<Hub>,
    listener: TcpListener,
    tls: Option<TlsAcceptor>,
    mut stopped: watch::Receiver<bool>,
) {
    let gate = Arc::new(Gate::default());
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            _ = stopped.changed() => return,
        };
        let (stream, peer) = match accepted {
            Ok(accepted) => accepted,
            Err(error) => {
                // Out of file handles, most likely: those that close soon make room.
                note(
                    &hub.sink,
                    "accept",
                    json!({"error": error.to_string(), "cause": "resource-socket-limit"}),
                );
                tokio::time::sleep(Duration::from_millis(50)).await;
                continue;
            }
        };
        let _ = stream.set_nodelay(true);
        let pass = match gate.enter(&hub.settings.limits, peer.ip()) {
            Ok(pass) => Arc::new(pass),
            Err(refusal) => {
                add(&hub.metrics.refused_total, 1);
                note(&hub.sink, "refused", json!({"cause": refusal.cause(), "peer": peer.to_string()}));
                tokio::spawn(turn_away(stream, refusal, tls.is_some()));
                continue;
            }
        };
        add(&hub.metrics.connections_total, 1);
        let visitor = Visitor { hub: Arc::clone(&hub), peer, pass, secure: tls.is_some() };
        match &tls {
            None => {
                tokio::spawn(serve(visitor, TokioIo::new(stream)));
            }
            Some(acceptor) => {
                let accepting = acceptor.accept(stream);
                tokio::spawn(async move {
                    if let Ok(Ok(stream)) = timeout(TLS_HANDSHAKE, accepting).await {
                        serve(visitor, TokioIo::new(stream)).await;
                    }
                });
            }
        }
    }
}

/// Says why there is no room, where it can be said without a handshake.
async fn turn_away(mut stream: TcpStream, refusal: Refusal, secure: bool) {
    use tokio::io::AsyncWriteExt;
    if secure {
        return;
    }
    let text = format!("{}\n", refusal.says());
    let answer = format!(
        "HTTP/1.1 {}\r\nConnection: close\r\nRetry-After: 5\r\nContent-Type: text/plain\r\nContent-Length: {}\r\n\r\n{text}",
        refusal.status(),
        text.len()
    );
    let _ = timeout(Duration::from_secs(1), async {
        let _ = stream.write_all(answer.as_bytes()).await;
        let _ = stream.shutdown().await;
    })
    .await;
}

/// One connection in front.
#[derive(Clone)]
pub(crate) struct Visitor {
    pub hub: Arc<Hub>,
    pub peer: SocketAddr,
    pass: Arc<Pass>,
    pub secure: bool,
}

async fn serve<I>(visitor: Visitor, io: I)
where
    I: hyper::rt::Read + hyper::rt::Write + Unpin + Send + 'static,
{
    let hub = Arc::clone(&visitor.hub);
    let mut builder = auto::Builder::new(TokioExecutor::new());
    builder
        .http1()
        .timer(TokioTimer::new())
        .header_read_timeout(Duration::from_millis(hub.settings.limits.header_timeout))
        .max_buf_size(64 * 1024);
    builder
        .http2()
        .timer(TokioTimer::new())
        .enable_connect_protocol()
        .max_concurrent_streams(STREAMS)
        .max_header_list_size(64 * 1024)
        .keep_alive_interval(Duration::from_secs(30));
    let _count = Gauge::new(&hub.metrics.connections);
    let service = service_fn(move |request| {
        let visitor = visitor.clone();
        async move { Ok::<_, Infallible>(visitor.answer(request).await) }
    });
    // What goes wrong here is the peer's affair: it hung up, was too slow, or spoke no HTTP.
    let _ = builder.serve_connection_with_upgrades(io, service).await;
}

impl Visitor {
    async fn answer(self, request: Request<Incoming>) -> Response<Body> {
        let authority = request.uri().authority().map(|authority| authority.as_str().to_owned());
        let hub = &self.hub;
        let refusal = admit(
            &hub.settings.access,
            hub.settings.listen,
            self.secure,
            request.headers(),
            authority.as_deref(),
        );
        let origin = request.headers().get(ORIGIN).cloned();
        let path = request.uri().path().to_owned();
        if let Err(refusal) = refusal {
            self.refused(&path, refusal.cause(), refusal.says(), origin.as_ref());
            return plain(refusal.status(), refusal.says());
        }
        let mut response = match path.as_str() {
            "/.keepwire/stream" => self.stream(request).await,
            "/.keepwire/poll" => self.poll(request).await,
            "/.keepwire/send" => self.send(request).await,
            "/.keepwire/diagnose" => self.diagnose(&request),
            "/.keepwire/client.js" if request.method() == Method::GET => client_module(),
            "/healthz" | "/readyz" => plain(StatusCode::OK, "ok"),
            "/metrics" if hub.settings.metrics => plain(StatusCode::OK, &hub.metrics.text()),
            _ if wants_websocket(&request) => self.websocket(request).await,
            _ => self.file(&request).await,
        };
        // Every endpoint answers pages that were let in.
        if let Some(origin) = origin {
            response.headers_mut().insert(ACCESS_CONTROL_ALLOW_ORIGIN, origin);
            response.headers_mut().append(VARY, HeaderValue::from_static("origin"));
        }
        response
    }

    pub(crate) fn refused(&self, path: &str, cause: &str, why: &str, origin: Option<&HeaderValue>) {
        add(&self.hub.metrics.refused_total, 1);
        let origin = origin.map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned());
        note(
            &self.hub.sink,
            "refused",
            json!({"cause": cause, "why": why, "path": path, "peer": self.peer.to_string(), "origin": origin}),
        );
    }

    fn client(&self, request: &Request<Incoming>, path: &str) -> Client {
        let origin = request.headers().get(ORIGIN).and_then(|value| value.to_str().ok()).map(str::to_owned);
        Client { address: self.peer, origin, path: path.to_owned() }
    }

    async fn websocket(&self, mut request: Request<Incoming>) -> Response<Body> {
        let h2 = request.version() == Version::HTTP_2;
        if let Err((cause, status, why)) = handshake_is_good(&request, h2) {
            self.refused(request.uri().path(), cause, why, None);
            let mut response = plain(status, why);
            response.headers_mut().insert(SEC_WEBSOCKET_VERSION, HeaderValue::from_static("13"));
            return response;
        }
        let offered = protocols(request.headers());
        if offered.iter().any(|name| name == SUBPROTOCOL) {
            return self.begin_session(request, &offered).await;
        }
        let headers = request.headers().clone();
        let key = if h2 { new_key() } else { text(&headers, &SEC_WEBSOCKET_KEY) };
        let mut handshake: Vec<(&str, &[u8])> =
            vec![("Sec-WebSocket-Version", b"13"), ("Sec-WebSocket-Key", key.as_bytes())];
        for (name, word) in [
            (SEC_WEBSOCKET_PROTOCOL, "Sec-WebSocket-Protocol"),
            (SEC_WEBSOCKET_EXTENSIONS, "Sec-WebSocket-Extensions"),
        ] {
            handshake.extend(headers.get_all(name).iter().map(|value| (word, value.as_bytes())));
        }
        let target = target(&request);
        let path = request.uri().path().to_owned();
        let answer = self.dial(&target, &request, &handshake, None).await;
        let (mut from_backend, backend, early) = match answer {
            Ok(Answer::Upgraded { headers, stream, early }) => (headers, stream, early),
            other => return self.backend_refused(&path, other),
        };
        if text(&from_backend, &SEC_WEBSOCKET_ACCEPT) != frame::accept_for(&key) {
            return self.backend_refused(
                &path,
                Err(Unreachable {
                    cause: "upgrade-accept-mismatch",
                    why: "the backend's Sec-WebSocket-Accept is not that of the key".to_owned(),
                }),
            );
        }
        let upgrade = hyper::upgrade::on(&mut request);
        let visitor = self.clone();
        tokio::spawn(async move {
            if let Ok(upgraded) = upgrade.await {
                visitor.begin_relay(upgraded, backend, early, path);
            }
        });
        for name in [CONNECTION, UPGRADE] {
            from_backend.remove(name);
        }
        switched(h2, from_backend)
    }

    async fn dial(
        &self,
        target: &str,
        request: &Request<Incoming>,
        handshake: &[(&str, &[u8])],
        session: Option<&str>,
    ) -> Result<Answer, Unreachable> {
        let host = request
            .uri()
            .authority()
            .map(|authority| authority.as_str().to_owned())
            .unwrap_or_else(|| text(request.headers(), &HOST));
        let client =
            crate::upstream::Client { address: self.peer, host: &host, secure: self.secure, session };
        self.hub.upstream.open(target, request.headers(), handshake, &client).await
    }

    /// The backend's own refusal, as it is; or that there is none.
    pub(crate) fn backend_refused(&self, path: &str, answer: Result<Answer, Unreachable>) -> Response<Body> {
        add(&self.hub.metrics.backend_failures_total, 1);
        match answer {
            Ok(Answer::Refused { status, mut headers, body }) => {
                note(
                    &self.hub.sink,
                    "backend-refused",
                    json!({"status": status.as_u16(), "path": path, "peer": self.peer.to_string()}),
                );
                for name in
                    [CONNECTION, UPGRADE, http::header::TRANSFER_ENCODING, http::header::CONTENT_LENGTH]
                {
                    headers.remove(name);
                }
                let mut response = Response::new(full(body));
                *response.status_mut() = status;
                *response.headers_mut() = headers;
                response
            }
            Err(unreachable) => {
                self.refused(path, unreachable.cause, &unreachable.why, None);
                let status = if unreachable.cause == "upgrade-never-answered" {
                    StatusCode::GATEWAY_TIMEOUT
                } else {
                    StatusCode::BAD_GATEWAY
                };
                plain(status, &format!("the server behind the gateway: {}", unreachable.why))
            }
            Ok(Answer::Upgraded { .. }) => {
                plain(StatusCode::BAD_GATEWAY, "the server behind the gateway upgraded unasked")
            }
        }
    }

    /// Each kind of relay is a task of its own, with room for nothing else: most of them are silent most of the time.
    /// hyper's read buffer is let go of as well.
    fn begin_relay(self, upgraded: hyper::upgrade::Upgraded, backend: Stream, early: Vec<u8>, path: String) {
        let limit = self.hub.settings.limits.message;
        match (auto::upgrade::downcast::<Io>(upgraded), backend) {
            (Ok(parts), Stream::Plain(backend)) => {
                let early = [parts.read_buf.to_vec(), early];
                let client = parts.io.into_inner();
                tokio::spawn(self.relay(path, move || relay::relay(client, backend, early, limit)));
            }
            (Ok(parts), backend) => {
                let early = [parts.read_buf.to_vec(), early];
                let client = parts.io.into_inner();
                tokio::spawn(self.relay(path, move || relay::relay_any(client, backend, early, limit)));
            }
            (Err(upgraded), backend) => match auto::upgrade::downcast::<TlsIo>(upgraded) {
                Ok(parts) => {
                    let early = [parts.read_buf.to_vec(), early];
                    let client = parts.io.into_inner();
                    tokio::spawn(self.relay(path, move || relay::relay_any(client, backend, early, limit)));
                }
                // A stream of an HTTP/2 connection.
                Err(upgraded) => {
                    let (client, early) = (TokioIo::new(upgraded), [Vec::new(), early]);
                    tokio::spawn(self.relay(path, move || relay::relay_any(client, backend, early, limit)));
                }
            },
        }
    }

    /// `work` makes the future where it stays: handed over, it would take its room twice.
    async fn relay<F: Future<Output = (End, Counts, Counts)>>(self, path: String, work: impl FnOnce() -> F) {
        let hub = &self.hub;
        add(&hub.metrics.relays_total, 1);
        let _count = Gauge::new(&hub.metrics.relays);
        let began = std::time::Instant::now();
        let (end, up, down) = work().await;
        for (counter, amount) in [
            (&hub.metrics.messages_up_total, up.messages),
            (&hub.metrics.messages_down_total, down.messages),
            (&hub.metrics.bytes_up_total, up.bytes),
            (&hub.metrics.bytes_down_total, down.bytes),
        ] {
            add(counter, amount);
        }
        let (by, cause) = match &end {
            End::Client => ("client", up.close.or(down.close).is_none().then_some("close-1006-silent")),
            End::Backend => ("backend", up.close.or(down.close).is_none().then_some("close-1006-silent")),
            End::Fault(fault, relay::Side::Client) => ("gateway, for the client", Some(fault.cause())),
            End::Fault(fault, relay::Side::Backend) => ("gateway, for the backend", Some(fault.cause())),
            End::Error(_) => ("network", Some("close-1006-silent")),
        };
        let error = if let End::Error(error) = &end { Some(error.to_string()) } else { None };
        note(
            &hub.sink,
            "close",
            json!({"path": path, "peer": self.peer.to_string(), "by": by, "cause": cause, "error": error,
                "code_up": up.close, "code_down": down.close, "up": up.messages, "down": down.messages,
                "bytes_up": up.bytes, "bytes_down": down.bytes, "seconds": began.elapsed().as_secs_f64()}),
        );
        drop(self.pass);
    }

    async fn begin_session(&self, mut request: Request<Incoming>, offered: &[String]) -> Response<Body> {
        let h2 = request.version() == Version::HTTP_2;
        let path = request.uri().path().to_owned();
        let id = self.hub.new_id();
        let resuming = offered.iter().any(|name| name == RESUMING);
        let dialled = if resuming {
            None
        } else {
            let target = target(&request);
            match self.dial_for_session(&target, &request, offered, &id).await {
                Ok(dialled) => Some(dialled),
                Err(response) => return *response,
            }
        };
        let key = text(request.headers(), &SEC_WEBSOCKET_KEY);
        let client = self.client(&request, &path);
        let upgrade = hyper::upgrade::on(&mut request);
        let visitor = self.clone();
        tokio::spawn(async move {
            let Ok(upgraded) = upgrade.await else { return };
            let hub = Arc::clone(&visitor.hub);
            match auto::upgrade::downcast::<Io>(upgraded) {
                Ok(parts) => {
                    let early = parts.read_buf.to_vec();
                    websocket::serve(hub, parts.io.into_inner(), early, id, dialled, client).await;
                }
                Err(upgraded) => {
                    websocket::serve(hub, TokioIo::new(upgraded), Vec::new(), id, dialled, client).await;
                }
            }
            drop(visitor.pass);
        });
        let mut headers = HeaderMap::new();
        headers.insert(SEC_WEBSOCKET_PROTOCOL, HeaderValue::from_static(SUBPROTOCOL));
        if !h2 && let Ok(accept) = HeaderValue::from_str(&frame::accept_for(&key)) {
            headers.insert(SEC_WEBSOCKET_ACCEPT, accept);
        }
        switched(h2, headers)
    }

    /// The backend's socket for a new session, or the answer to give instead.
    async fn dial_for_session(
        &self,
        target: &str,
        request: &Request<Incoming>,
        offered: &[String],
        id: &str,
    ) -> Result<Dialled, Box<Response<Body>>> {
        let path = target.split('?').next().unwrap_or_default();
        if !self.hub.has_room() {
            self.refused(path, "resource-socket-limit", "too many sessions (gateway.limits.sessions)", None);
            let mut response = plain(StatusCode::SERVICE_UNAVAILABLE, "too many sessions");
            response.headers_mut().insert(RETRY_AFTER, HeaderValue::from_static("5"));
            return Err(Box::new(response));
        }
        let own: Vec<&str> = offered
            .iter()
            .map(String::as_str)
            .filter(|name| *name != SUBPROTOCOL && *name != RESUMING)
            .collect();
        let key = new_key();
        let own = own.join(", ");
        let mut handshake: Vec<(&str, &[u8])> =
            vec![("Sec-WebSocket-Version", b"13"), ("Sec-WebSocket-Key", key.as_bytes())];
        if !own.is_empty() {
            handshake.push(("Sec-WebSocket-Protocol", own.as_bytes()));
        }
        match self.dial(target, request, &handshake, Some(id)).await {
            Ok(Answer::Upgraded { headers, stream, early })
                if text(&headers, &SEC_WEBSOCKET_ACCEPT) == frame::accept_for(&key) =>
            {
                Ok(Dialled { stream, early, protocol: text(&headers, &SEC_WEBSOCKET_PROTOCOL) })
            }
            Ok(Answer::Upgraded { .. }) => Err(Box::new(self.backend_refused(
                path,
                Err(Unreachable {
                    cause: "upgrade-accept-mismatch",
                    why: "the backend's Sec-WebSocket-Accept is not that of the key".to_owned(),
                }),
            ))),
            other => Err(Box::new(self.backend_refused(path, other))),
        }
    }

    fn diagnose(&self, request: &Request<Incoming>) -> Response<Body> {
        if request.method() != Method::GET {
            return plain(StatusCode::METHOD_NOT_ALLOWED, "GET only");
        }
        let transports: &[&str] = if self.hub.settings.session.fallback {
            &["websocket", "stream", "poll"]
        } else {
            &["websocket"]
        };
        let answer =
            json!({"ok": self.hub.has_room(), "auth": "none", "draining": false, "transports": transports});
        let mut response = plain(StatusCode::OK, &answer.to_string());
        response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
        response
    }
}

/// RFC 9110 section 5.6.2.
pub(crate) fn is_token(text: &str) -> bool {
    !text.is_empty()
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte))
}

/// The browser's client, so that a page needs nothing else to begin with.
fn client_module() -> Response<Body> {
    let mut response = Response::new(full(Bytes::from_static(include_bytes!("../assets/client.js"))));
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("text/javascript; charset=utf-8"));
    response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    response
}

fn wants_websocket(request: &Request<Incoming>) -> bool {
    if request.version() == Version::HTTP_2 {
        let protocol = request.extensions().get::<hyper::ext::Protocol>();
        return request.method() == Method::CONNECT
            && protocol.is_some_and(|name| name.as_str() == "websocket");
    }
    request.headers().get(UPGRADE).is_some_and(|value| value.as_bytes().eq_ignore_ascii_case(b"websocket"))
}

/// RFC 6455 section 4.2.1.
fn handshake_is_good(
    request: &Request<Incoming>,
    h2: bool,
) -> Result<(), (&'static str, StatusCode, &'static str)> {
    let headers = request.headers();
    let version = headers.get(SEC_WEBSOCKET_VERSION).map(HeaderValue::as_bytes);
    if version != Some(b"13") {
        return Err((
            "upgrade-version-rejected",
            StatusCode::UPGRADE_REQUIRED,
            "Sec-WebSocket-Version 13 is spoken here",
        ));
    }
    if h2 {
        return Ok(());
    }
    if request.method() != Method::GET {
        return Err((
            "upgrade-wrong-method",
            StatusCode::METHOD_NOT_ALLOWED,
            "a WebSocket handshake is a GET",
        ));
    }
    let tokens = headers.get_all(CONNECTION).iter().filter_map(|value| value.to_str().ok());
    if !tokens.flat_map(|value| value.split(',')).any(|token| token.trim().eq_ignore_ascii_case("upgrade")) {
        let why = "Connection does not name upgrade: a hop before this gateway took it away";
        return Err(("upgrade-connection-token-missing", StatusCode::BAD_REQUEST, why));
    }
    let key = STANDARD.decode(text(headers, &SEC_WEBSOCKET_KEY));
    if key.map_or(0, |key| key.len()) != 16 {
        let why = "Sec-WebSocket-Key is not 16 bytes in base64";
        return Err(("upgrade-key-missing-or-bad", StatusCode::BAD_REQUEST, why));
    }
    Ok(())
}

fn protocols(headers: &HeaderMap) -> Vec<String> {
    let values = headers.get_all(SEC_WEBSOCKET_PROTOCOL).iter().filter_map(|value| value.to_str().ok());
    values
        .flat_map(|value| value.split(','))
        .map(|name| name.trim().to_owned())
        .filter(|name| is_token(name))
        .collect()
}

fn target(request: &Request<Incoming>) -> String {
    request.uri().path_and_query().map_or_else(|| "/".to_owned(), ToString::to_string)
}

pub(crate) fn text(headers: &HeaderMap, name: &HeaderName) -> String {
    headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default().trim().to_owned()
}

fn switched(h2: bool, mut headers: HeaderMap) -> Response<Body> {
    if h2 {
        headers.remove(SEC_WEBSOCKET_ACCEPT);
    } else {
        headers.insert(UPGRADE, HeaderValue::from_static("websocket"));
        headers.insert(CONNECTION, HeaderValue::from_static("Upgrade"));
    }
    let mut response = Response::new(full(Vec::new()));
    *response.status_mut() = if h2 { StatusCode::OK } else { StatusCode::SWITCHING_PROTOCOLS };
    *response.headers_mut() = headers;
    response
}

pub(crate) fn full(bytes: impl Into<Bytes>) -> Body {
    Full::new(bytes.into()).boxed_unsync()
}

pub(crate) fn plain(status: StatusCode, text: &str) -> Response<Body> {
    let mut response = Response::new(full(format!("{}\n", text.trim_end())));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
    response
}
