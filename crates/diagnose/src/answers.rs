//! What an answer to a handshake says by itself: refusals whose words have only one meaning, and 101s that break
//! a rule. Causes that judge by comparison step aside where the words are plain.

use crate::fingerprint::{self, Product};
use crate::reading::{experiment, quote, refused, status_line};
use crate::text::Text;
use crate::{Confidence, Finding, Symptom, text};
use evidence::{Evidence, Exchange, HandshakeFault, Response, Seen, Variation};

/// A refusal that speaks for itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// The server has no site of this name, or does not allow it.
    Host,
    /// Plain HTTP came to a TLS port.
    PlainToTls,
    /// A client certificate is wanted.
    ClientCertificate,
    /// The request head is too large.
    TooLarge,
    /// Too many requests.
    RateLimit,
    /// A firewall for applications, or a bot check.
    Firewall,
    /// Another method arrived, or another is wanted.
    Method,
    /// HTTP/1.0 arrived.
    HttpVersion,
    /// `Connection: Upgrade` did not arrive.
    ConnectionToken,
    /// The key did not arrive.
    Key,
    /// The WebSocket version did not arrive, or is not spoken.
    WebSocketVersion,
    /// Middleware hides the connection.
    NotHijackable,
    /// The node does not know the session.
    Session,
    /// Socket.IO wants its own query.
    EngineIo,
    /// Whoever answers was told not to let WebSockets through.
    Disabled,
    /// The origin is not allowed.
    Origin,
    /// Credentials are wanted.
    Credentials,
    /// Another address is named.
    Redirect,
    /// A proxy got nothing from the application.
    Upstream,
    /// A proxy waited for the application in vain.
    UpstreamSilent,
}

/// Reason phrase and body in lower case: daphne and others put the explanation into the reason.
pub(crate) fn words(response: &Response) -> String {
    format!("{} {}", response.reason, response.body.text).to_lowercase()
}

/// What the refusal says, where that has only one meaning.
pub(crate) fn refusal(response: &Response) -> Option<Refusal> {
    let text = words(response);
    let says = |parts: &[&str]| parts.iter().any(|part| text.contains(part));
    let status = response.status;
    let refused = (400..500).contains(&status);
    let own = fingerprint::own_page(response);
    Some(match status {
        421 => Refusal::Host,
        _ if says(PLAIN_TO_TLS) => Refusal::PlainToTls,
        _ if says(&["no required ssl certificate was sent", "the ssl certificate error"]) => {
            Refusal::ClientCertificate
        }
        414 | 431 | 494 => Refusal::TooLarge,
        _ if refused
            && says(&["cookie too large", "header fields too large", "request header is too large"]) =>
        {
            Refusal::TooLarge
        }
        // nginx's own 503 means limit_req or limit_conn; a dead application is a 502 there.
        429 => Refusal::RateLimit,
        503 if own == Some(Product::Nginx) => Refusal::RateLimit,
        _ if is_firewall(response, &text) => Refusal::Firewall,
        405 => Refusal::Method,
        _ if says(&["invalid http method", "request method is not get"]) => Refusal::Method,
        _ if fingerprint::engine_io_code(&response.body.text) == Some(2) => Refusal::Method,
        505 => Refusal::HttpVersion,
        _ if says(&["unsupported http version", "must be at least http/1.1"]) => Refusal::HttpVersion,
        _ if fingerprint::says_connection_token_missing(response) => Refusal::ConnectionToken,
        _ if refused && says(&["sec-websocket-key", "handshake error: "]) => Refusal::Key,
        _ if refused && (says(WRONG_VERSION) || lists_other_versions(response)) => Refusal::WebSocketVersion,
        _ if status >= 500 && says(&["hijack"]) => Refusal::NotHijackable,
        _ if says(&["no connection with that id"]) => Refusal::Session,
        _ if fingerprint::engine_io_code(&response.body.text) == Some(1) => Refusal::Session,
        _ if matches!(fingerprint::engine_io_code(&response.body.text), Some(0 | 5)) => Refusal::EngineIo,
        _ if says(&["websockets are disabled"]) => Refusal::Disabled,
        464 => Refusal::Disabled,
        403 if matches!(own, Some(Product::Envoy | Product::Istio)) => Refusal::Disabled,
        _ if says(HOST) => Refusal::Host,
        _ if refused && says(ORIGIN) => Refusal::Origin,
        401 | 407 => Refusal::Credentials,
        301 | 302 | 303 | 307 | 308 if response.header("location").is_some() => Refusal::Redirect,
        504 | 524 => Refusal::UpstreamSilent,
        502 | 520..=530 => Refusal::Upstream,
        503 if own.is_some() => Refusal::Upstream,
        500 if is_gateway_error_500(response, &text) => Refusal::Upstream,
        _ => return None,
    })
}

const PLAIN_TO_TLS: &[&str] = &[
    "plain http request was sent to https port",
    "client sent an http request to an https server",
    "speaking plain http to an ssl-enabled server port",
];

const WRONG_VERSION: &[&str] =
    &["sec-websocket-version", "hixie76", "unsupported version:", "unsupported websocket protocol version"];

const HOST: &[&str] = &[
    "blocked request. this host",
    "blocked host",
    "disallowedhost",
    "invalid http_host header",
    "invalid host header",
];

const ORIGIN: &[&str] = &[
    "cross origin websockets not allowed",
    "origin not allowed",
    "origin is not allowed",
    "is not authorized for host",
    "could not check origin",
    "invalid origin header",
    "missing origin header",
    "blocking cross origin",
    "request origin is not authorized",
];

/// `Sec-WebSocket-Version` of a refusal lists what the server speaks (RFC 6455 section 4.4); ours is not there.
fn lists_other_versions(response: &Response) -> bool {
    response.header("sec-websocket-version").is_some_and(|value| !value.is_empty())
        && !response.header_has("sec-websocket-version", "13")
}

/// Signatures of Cloudflare, AWS, Akamai, F5, Imperva, Sucuri, ModSecurity.
fn is_firewall(response: &Response, text: &str) -> bool {
    response.header("cf-mitigated").is_some()
        || response.header("x-amzn-waf-action").is_some()
        || response.header("x-sucuri-block").is_some()
        || (matches!(response.status, 403 | 406 | 501 | 503)
            && [
                "just a moment...",
                "attention required! | cloudflare",
                "error code: 1020",
                "mod_security",
                "modsecurity",
                "incapsula incident",
                "request rejected",
                "request blocked.",
                "sucuri website firewall",
                "web application firewall",
            ]
            .iter()
            .any(|part| text.contains(part)))
}

/// Apache and Traefik answer some failures behind them with 500 (observed on 2.4 and 3).
fn is_gateway_error_500(response: &Response, text: &str) -> bool {
    response.reason.eq_ignore_ascii_case("proxy error")
        || (fingerprint::hops(response).contains(&Product::Apache)
            && text.contains("the server encountered an internal error or"))
        || (response.header("server").is_none() && response.body.text == "Internal Server Error")
}

/// Starlette's and FastAPI's own 404. They refuse an upgrade to an unknown path with 403, so a 404 of theirs means
/// that what arrived was no upgrade.
pub(crate) fn is_asgi_404(response: &Response) -> bool {
    use fingerprint::Library::{Daphne, Hypercorn, Uvicorn};
    let words = response.body.text == "Not Found" || response.body.text == "{\"detail\":\"Not Found\"}";
    let by_header = matches!(fingerprint::library(response), Some(Uvicorn | Daphne | Hypercorn));
    response.status == 404 && (words || by_header)
}

/// Whether the handshake as a browser sends it opens.
pub(crate) fn browser_opens(evidence: &Evidence) -> bool {
    experiment(evidence, &Variation::browser()).is_some_and(|seen| seen.opened())
}

/// The refusal of the plain handshake, where neither its words nor the browser's success tell why.
pub(crate) fn unclear(evidence: &Evidence) -> Option<(Seen<'_, Exchange>, &Response)> {
    let (handshake, response) = refused(evidence)?;
    (refusal(response).is_none() && !browser_opens(evidence)).then_some((handshake, response))
}

/// The refusal of the plain handshake, where it says just this.
pub(crate) fn refused_as(evidence: &Evidence, wanted: Refusal) -> Option<(Seen<'_, Exchange>, &Response)> {
    refused(evidence).filter(|(_, response)| refusal(response) == Some(wanted))
}

/// The answer to an ordinary GET (probe D5), where it was a response.
pub(crate) fn plain_get(evidence: &Evidence) -> Option<(u32, &Response)> {
    let seen = experiment(evidence, &Variation::without_upgrade())?;
    Some((seen.id, seen.fact.response()?))
}

/// A finding about a handshake that got something else than 101.
pub(crate) fn not_switched(
    confidence: Confidence,
    seen: Seen<'_, Exchange>,
    response: &Response,
    title: Text,
) -> Finding {
    let mut finding = Finding::error(confidence, title)
        .explains(Symptom::NotSwitched)
        .explains(Symptom::BrowserRefused)
        .proof(
            &[seen.id],
            text!("The handshake gets {status} instead of 101.", status = status_line(response)),
        );
    if response.body.length > 0 && !response.is_html() {
        finding = finding.proof(&[seen.id], text!("The answer says: \"{body}\"", body = quote(response, 90)));
    }
    finding.users(text!(
        "Browsers: close code 1006 and \"Unexpected response code: {status}\".",
        status = response.status
    ))
}

/// The proof that an ordinary GET is answered, and how.
pub(crate) fn get_proof(evidence: &Evidence) -> Option<(u32, Text)> {
    let (id, response) = plain_get(evidence)?;
    Some((id, text!("A plain GET without Upgrade gets {status}.", status = status_line(response))))
}

/// A 101 that breaks a rule.
pub(crate) struct Faulty<'a> {
    /// The exchange.
    pub seen: Seen<'a, Exchange>,
    /// The rule.
    pub fault: &'a HandshakeFault,
}

/// The first 101 with a fault of this kind: the plain handshake's, or the browser's.
pub(crate) fn faulty(evidence: &Evidence, wanted: fn(&HandshakeFault) -> bool) -> Option<Faulty<'_>> {
    [Variation::plain(), Variation::browser()].iter().find_map(|variation| {
        let seen = evidence.exchange(variation)?;
        let response = seen.fact.response()?;
        let fault = response.faults.iter().find(|fault| wanted(fault))?;
        Some(Faulty { seen, fault })
    })
}

/// A finding about a 101 that breaks a rule; `browser` is what Chrome says about it.
pub(crate) fn invalid(faulty: &Faulty<'_>, title: Text, proof: Text, browser: &'static str) -> Finding {
    Finding::error(Confidence::Proven, title)
        .explains(Symptom::HandshakeInvalid)
        .explains(Symptom::BrowserRefused)
        .proof(&[faulty.seen.id], proof)
        .users(text!("Chrome says: {message}. JavaScript sees only close code 1006.", message = browser))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sample::response;

    #[test]
    fn words_of_the_wild() {
        for (status, headers, body, expected) in [
            (400, &[][..], "Missing or invalid Sec-WebSocket-Key header", Some(Refusal::Key)),
            (400, &[], "Missing or invalid Sec-WebSocket-Version header", Some(Refusal::WebSocketVersion)),
            (426, &["sec-websocket-version: 8"], "", Some(Refusal::WebSocketVersion)),
            (426, &["sec-websocket-version: 13"], "", None),
            (426, &[], "Upgrade Required", None),
            (400, &[], "No CONNECTION upgrade hdr: close", Some(Refusal::ConnectionToken)),
            (505, &[], "unsupported HTTP version: HTTP/1.0.", Some(Refusal::HttpVersion)),
            (
                400,
                &[],
                "<center>nginx</center> 400 Request Header Or Cookie Too Large",
                Some(Refusal::TooLarge),
            ),
            (503, &["server: nginx"], "<center>nginx/1.22.1</center>", Some(Refusal::RateLimit)),
            (502, &["server: nginx"], "<center>nginx/1.22.1</center>", Some(Refusal::Upstream)),
            (403, &["server: envoy"], "", Some(Refusal::Disabled)),
            (403, &["cf-mitigated: challenge"], "", Some(Refusal::Firewall)),
            (403, &[], "Forbidden", None),
            (404, &[], "Not Found", None),
            (500, &[], "websocket: response does not implement http.Hijacker", Some(Refusal::NotHijackable)),
            (500, &[], "Internal Server Error", Some(Refusal::Upstream)),
            (500, &["server: Python aiohttp/3"], "500 Internal Server Error", None),
            (400, &[], "Session ID unknown", Some(Refusal::Session)),
            (400, &[], "Transport unknown", Some(Refusal::EngineIo)),
            (400, &[], "Client sent an HTTP request to an HTTPS server.", Some(Refusal::PlainToTls)),
            (302, &["location: /login"], "", Some(Refusal::Redirect)),
            (302, &[], "", None),
            (521, &["server: cloudflare"], "error code: 521", Some(Refusal::Upstream)),
        ] {
            assert_eq!(refusal(&response(status, headers, body)), expected, "{status} {body}");
        }
    }
}
