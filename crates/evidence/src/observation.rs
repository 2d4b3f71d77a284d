//! One thing that was seen.

use crate::{
    Burst, Connection, Environment, Exchange, FirstBytes, Hold, Http2, Micros, Page, Question, Resolution,
    Said, Session, Sizes, Tls, Told, Tunnel,
};
use serde::{Deserialize, Serialize};

/// What was seen, by whom, where on the path, and when.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Observation {
    /// Number within the case, from 1, in the order of arrival.
    pub id: u32,
    /// When it was complete, since the case began.
    pub at_us: Micros,
    /// Who saw it.
    pub source: Source,
    /// Where on the path.
    pub place: Place,
    /// What was seen.
    pub fact: Fact,
}

/// Who saw it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Source {
    /// Keepwire's own probe.
    Probe,
    /// A line of a configuration file.
    Config {
        /// Path.
        file: String,
        /// From 1.
        line: u32,
    },
    /// A line of somebody's log, or another record.
    Record {
        /// Path.
        file: String,
        /// From 1.
        line: u64,
    },
}

/// Where on the path between the page and the application.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Place {
    /// The page or program that opens the socket.
    Page,
    /// This machine.
    Client,
    /// The name service.
    Resolver,
    /// A forward proxy.
    ForwardProxy,
    /// The network up to the first hop that speaks.
    Network,
    /// Whatever answers at the address: a proxy or the application.
    Server,
}

/// What was seen.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Fact {
    /// This machine.
    Environment(Environment),
    /// A name question.
    Resolution(Resolution),
    /// A TCP attempt.
    Connection(Connection),
    /// A forward proxy.
    Tunnel(Tunnel),
    /// A TLS handshake.
    Tls(Box<Tls>),
    /// A request and its answer.
    Exchange(Box<Exchange>),
    /// A short session.
    Session(Box<Session>),
    /// A ladder of sizes.
    Sizes(Sizes),
    /// A held connection.
    Hold(Hold),
    /// HTTP/2.
    Http2(Http2),
    /// What a port says.
    FirstBytes(FirstBytes),
    /// A page.
    Page(Box<Page>),
    /// Many handshakes.
    Burst(Burst),
    /// What a hop's configuration says.
    Told(Box<Told>),
    /// What a log, a browser or a library says.
    Said(Box<Said>),
    /// The look is over; everything it saw stands before this. Written once a question.
    Answered(Question),
    /// The look did not take place or did not end: `time` (budget spent), `interrupted`, or our own trouble.
    Unanswered {
        /// Which.
        question: Question,
        /// Why.
        why: String,
    },
    /// The whole case ended after this time.
    Ended,
}
