//! What one request and its answer looked like, byte for byte where it matters.

use crate::{Micros, Preview, Variation};
use serde::{Deserialize, Serialize};
use std::net::SocketAddr;

/// One HTTP request that asks for a WebSocket (or leaves something out on purpose), and its answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Exchange {
    /// What was different from the plain handshake.
    pub variation: Variation,
    /// The address that was spoken to, where the connection was ours to make.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to: Option<SocketAddr>,
    /// Over TLS.
    pub tls: bool,
    /// The request as sent, secrets struck out: the request line first, then the headers.
    pub request: Vec<String>,
    /// What came back.
    pub answer: Answer,
    /// Time from the end of our request to the end of the response head.
    pub took_us: Micros,
}

impl Exchange {
    /// The response, if there was one.
    #[must_use]
    pub fn response(&self) -> Option<&Response> {
        match &self.answer {
            Answer::Response(response) => Some(response),
            _ => None,
        }
    }

    /// The status, if there was a response.
    #[must_use]
    pub fn status(&self) -> Option<u16> {
        self.response().map(|response| response.status)
    }

    /// A 101 that a strict client accepts.
    #[must_use]
    pub fn opened(&self) -> bool {
        self.response().is_some_and(|response| response.status == 101 && response.faults.is_empty())
    }

    /// The connection came to be and the request went out, whatever was answered.
    #[must_use]
    pub fn was_sent(&self) -> bool {
        !matches!(self.answer, Answer::NotSent(_))
    }

    /// Value of a header of the request.
    #[must_use]
    pub fn request_header(&self, name: &str) -> Option<&str> {
        self.request.iter().skip(1).find_map(|line| {
            let (given, value) = line.split_once(':')?;
            given.eq_ignore_ascii_case(name).then(|| value.trim())
        })
    }
}

/// What came back for a request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Answer {
    /// An HTTP response.
    Response(Box<Response>),
    /// FIN before a whole response head; with what had come.
    Ended(Preview),
    /// RST before a whole response head.
    Reset(Preview),
    /// Nothing, or not enough, in the time that was given.
    Silence(Preview),
    /// A fatal TLS alert of this name instead of a response; that is how TLS 1.3 refuses client certificates.
    Alert(String),
    /// Bytes that are no HTTP.
    NotHttp(Preview),
    /// A response head beyond all measure; the bytes read before we stopped.
    TooLarge(u64),
    /// The request was never sent; why not (`dns`, `tcp`, `tls`, `tunnel`).
    NotSent(String),
}

/// An HTTP response.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Response {
    /// `HTTP/1.1`.
    pub version: String,
    /// Status code.
    pub status: u16,
    /// Reason phrase.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub reason: String,
    /// Headers in order, as spelled.
    pub headers: Vec<Header>,
    /// Responses that came before this one (1xx other than 101).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub interim: Vec<u16>,
    /// The body, or what came after the head of a 101.
    #[serde(default)]
    pub body: Body,
    /// What in the head breaks RFC 6455 section 4.1; only judged for 101.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub faults: Vec<HandshakeFault>,
}

impl Response {
    /// The first value of a header.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers
            .iter()
            .find(|header| header.name.eq_ignore_ascii_case(name))
            .map(|header| header.value.as_str())
    }

    /// All values of a header.
    pub fn headers_named<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> + 'a {
        self.headers
            .iter()
            .filter(move |header| header.name.eq_ignore_ascii_case(name))
            .map(|header| header.value.as_str())
    }

    /// Whether a header has this token in its comma-separated list, whatever the case.
    #[must_use]
    pub fn header_has(&self, name: &str, token: &str) -> bool {
        self.headers_named(name)
            .flat_map(|value| value.split(','))
            .any(|part| part.trim().eq_ignore_ascii_case(token))
    }

    /// `text/html` and its kin.
    #[must_use]
    pub fn is_html(&self) -> bool {
        self.header("content-type").is_some_and(|kind| kind.to_ascii_lowercase().contains("html"))
            || self
                .body
                .text
                .trim_start()
                .get(..9)
                .is_some_and(|start| start.eq_ignore_ascii_case("<!doctype"))
            || self.body.text.trim_start().get(..5).is_some_and(|start| start.eq_ignore_ascii_case("<html"))
    }

    /// Status and body say the same as another response's; dates and the like may differ.
    #[must_use]
    pub fn says_the_same_as(&self, other: &Self) -> bool {
        self.status == other.status
            && self.body.digest == other.body.digest
            && self.body.length == other.body.length
    }
}

/// A header of a response.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Header {
    /// As spelled by the server.
    pub name: String,
    /// Without the blanks around it.
    pub value: String,
}

/// The body of a response, kept short.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Body {
    /// Its beginning, printable.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub text: String,
    /// Bytes that were read.
    #[serde(default)]
    pub length: u64,
    /// Digest of what was read, to compare two bodies.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub digest: String,
    /// The body was read to its end.
    #[serde(default)]
    pub complete: bool,
}

/// A rule of the opening handshake that a 101 breaks (RFC 6455 section 4.1, RFC 7692 section 5).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum HandshakeFault {
    /// No `Upgrade` header.
    UpgradeMissing,
    /// `Upgrade` is not `websocket`.
    UpgradeOther(String),
    /// No `Connection` header.
    ConnectionMissing,
    /// `Connection` has no `upgrade` token.
    ConnectionOther(String),
    /// No `Sec-WebSocket-Accept`.
    AcceptMissing,
    /// `Sec-WebSocket-Accept` does not follow from our key.
    AcceptMismatch {
        /// What the server sent.
        got: String,
        /// What follows from the key.
        expected: String,
    },
    /// A header that may stand only once stands more often, or holds a list.
    Duplicate(String),
    /// An extension that was not offered.
    ExtensionNotOffered(String),
    /// An extension with parameters that are wrong.
    ExtensionParameters(String),
    /// `Sec-WebSocket-Extensions` without a value.
    ExtensionEmpty,
    /// A subprotocol that was not offered.
    SubprotocolNotOffered(String),
    /// Subprotocols were offered and none was chosen: browsers fail, most programs do not.
    SubprotocolNotAnswered,
    /// A line of the head that is no header (RFC 9112 section 5).
    HeaderSyntax(String),
    /// The status line says HTTP/1.0, which has no upgrade.
    OldVersion(String),
}

/// Many handshakes, one after the other or at the same time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Burst {
    /// All at the same time rather than one after the other.
    pub parallel: bool,
    /// What was different from the plain handshake.
    pub variation: Variation,
    /// What each came to, in order of sending: a status, or a word (`ended`, `reset`, `silence`, `not-sent`).
    pub results: Vec<String>,
    /// The beginning of each different body that was not a 101's, with `Retry-After` where given.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub bodies: Vec<String>,
}

/// What a port says when something else than the usual is sent to it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FirstBytes {
    /// Where to.
    pub to: SocketAddr,
    /// What was sent.
    pub sent: Opening,
    /// What came back.
    pub answer: Answer,
}

/// What is sent first to a port, to see what it speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Opening {
    /// A plain HTTP request.
    PlainHttp,
    /// A TLS ClientHello.
    ClientHello,
}
