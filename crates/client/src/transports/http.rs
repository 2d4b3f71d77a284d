//! What both HTTP carriers share: a kept connection for posts, and the question what is wrong.

use super::{Order, Report, Reports};
use crate::target::Target;
use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use session::{Frame, LinkKey};
use std::time::Duration;
use tokio::sync::mpsc;
use tokio::time::timeout;

/// For a post to be answered.
const POST: Duration = Duration::from_secs(15);
/// Bytes of a post's body: a cut loses all of it, so the first ones on a link are small.
const BODY: (usize, usize) = (8 * 1024, 200 * 1024);
/// For the answer to the question what is wrong.
const DIAGNOSE: Duration = Duration::from_secs(4);

/// A kept connection, opened when it is needed.
pub(super) struct Wire {
    target: Target,
    sender: Option<SendRequest<Full<Bytes>>>,
}

impl Wire {
    pub(super) fn new(target: Target) -> Wire {
        Wire { target, sender: None }
    }

    /// Sends one request and gives the answer's beginning.
    pub(super) async fn request(
        &mut self,
        method: &str,
        path: &str,
        body: Vec<u8>,
    ) -> Result<Response<Incoming>, String> {
        if self.sender.as_ref().is_none_or(SendRequest::is_closed) {
            let socket = self.target.connect_for_requests().await?;
            let (sender, connection) =
                handshake(TokioIo::new(socket)).await.map_err(|error| error.to_string())?;
            tokio::spawn(connection);
            self.sender = Some(sender);
        }
        let proxy = self.target.asks_proxy();
        let whole = proxy.map(|_| format!("http://{}{path}", self.target.authority()));
        let mut request = Request::builder()
            .method(method)
            .uri(whole.as_deref().unwrap_or(path))
            .header("Host", self.target.authority())
            // No preflight: browsers send the same.
            .header("Content-Type", "text/plain");
        if let Some(authorization) = proxy.and_then(|proxy| proxy.authorization.as_ref()) {
            request = request.header("Proxy-Authorization", authorization);
        }
        for (name, value) in &self.target.headers {
            request = request.header(name, value);
        }
        let request = request.body(Full::new(body.into())).map_err(|error| error.to_string())?;
        let Some(sender) = &mut self.sender else { return Err("no connection".to_owned()) };
        let outcome = match sender.ready().await {
            Ok(()) => sender.send_request(request).await,
            Err(error) => Err(error),
        };
        outcome.map_err(|error| {
            self.sender = None;
            error.to_string()
        })
    }
}

/// `/.keepwire/<endpoint>`, with the application's socket and its subprotocols.
pub(super) fn path(target: &Target, endpoint: &str) -> String {
    let mut query = url::form_urlencoded::Serializer::new(String::new());
    query.append_pair("to", &target.path());
    for protocol in &target.protocols {
        query.append_pair("protocol", protocol);
    }
    format!("/.keepwire/{endpoint}?{}", query.finish())
}

/// LINK, then the frames.
pub(super) fn with_key(key: &LinkKey, frames: &[u8]) -> Vec<u8> {
    let mut body = Frame::Link(key.clone()).to_bytes();
    body.extend_from_slice(frames);
    body
}

/// The first frame, which a carrier needs before it can open its request.
pub(super) async fn first_frame(orders: &mut mpsc::Receiver<Order>) -> Option<Vec<u8>> {
    loop {
        match orders.recv().await? {
            Order::Bytes(bytes) => return Some(bytes),
            Order::Key(_) | Order::Text(_) => {}
            Order::Close(_) => return None,
        }
    }
}

/// Posts what it is told, one body at a time, until it is told to end or a post fails. Whatever gathers while one is
/// under way goes with the next.
pub(super) async fn posts(target: Target, mut orders: mpsc::Receiver<Order>) -> String {
    let mut wire = Wire::new(target.clone());
    let address = path(&target, "send");
    let mut key = None;
    let mut limit = BODY.0;
    loop {
        let mut body = Vec::new();
        let mut order = orders.recv().await;
        let mut last = false;
        loop {
            match order {
                Some(Order::Bytes(bytes)) => body.extend_from_slice(&bytes),
                Some(Order::Key(new)) => key = Some(new),
                Some(Order::Text(_)) => {}
                Some(Order::Close(_)) | None => {
                    last = true;
                    break;
                }
            }
            if body.len() >= limit && key.is_some() {
                break;
            }
            if key.is_none() {
                order = orders.recv().await;
                continue;
            }
            // The engine gets a moment to fill what was just emptied.
            tokio::task::yield_now().await;
            match orders.try_recv() {
                Ok(next) => order = Some(next),
                Err(_) => break,
            }
        }
        if let (false, Some(key)) = (body.is_empty(), &key) {
            let answer = timeout(POST, async {
                let answer = wire.request("POST", &address, with_key(key, &body)).await?;
                let status = answer.status();
                let _ = answer.into_body().collect().await;
                if status.is_success() { Ok(()) } else { Err(format!("a post was answered {status}")) }
            });
            match answer.await {
                Ok(Ok(())) => limit = (2 * limit).min(BODY.1),
                Ok(Err(why)) => return why,
                Err(_) => return "a post was not answered".to_owned(),
            }
        }
        if last {
            return "ended by this side".to_owned();
        }
    }
}

pub(super) async fn failed(reports: &Reports, status: Option<StatusCode>, why: String) {
    reports.say(Report::Gone { code: None, status: status.map(|status| status.as_u16()), why }).await;
}

/// What a gateway says of itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Diagnosis {
    /// It is there: what failed is the carrier.
    Gateway,
    /// There is a server, and no gateway.
    NoGateway,
    /// Nobody answered: the network is down.
    Nothing,
}

/// Asks `/.keepwire/diagnose`.
pub(crate) async fn diagnose(target: Target) -> Diagnosis {
    let mut wire = Wire::new(target);
    match timeout(DIAGNOSE, wire.request("GET", "/.keepwire/diagnose", Vec::new())).await {
        Ok(Ok(answer)) if answer.status() == StatusCode::OK => Diagnosis::Gateway,
        Ok(Ok(answer))
            if answer.status() == StatusCode::BAD_GATEWAY
                || answer.status() == StatusCode::SERVICE_UNAVAILABLE =>
        {
            Diagnosis::Nothing
        }
        Ok(Ok(_)) => Diagnosis::NoGateway,
        _ => Diagnosis::Nothing,
    }
}
