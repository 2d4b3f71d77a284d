//! What the name service said.

use crate::Micros;
use serde::{Deserialize, Serialize};
use std::net::IpAddr;

/// One question to one resolver.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Resolution {
    /// The name that was asked for.
    pub name: String,
    /// Who answered.
    pub by: Resolver,
    /// What was asked for.
    pub record: RecordKind,
    /// The answer.
    pub outcome: Resolved,
    /// How long it took.
    pub took_us: Micros,
}

/// Who answered a name question.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Resolver {
    /// The operating system (`getaddrinfo`), which is what most clients use.
    System,
    /// A name server asked directly, as `address:port`.
    Server(String),
    /// The hosts file.
    Hosts,
    /// The user gave the address.
    Given,
    /// The host is an address already.
    Literal,
}

/// Which record was asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RecordKind {
    /// Addresses of both families.
    Addresses,
    /// IPv4 addresses.
    A,
    /// IPv6 addresses.
    Aaaa,
    /// HTTPS service binding (RFC 9460), which browsers read and command line tools do not.
    Https,
}

/// The answer to a name question.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Resolved {
    /// Addresses.
    Addresses(Vec<IpAddr>),
    /// Service bindings.
    Https(Vec<HttpsRecord>),
    /// The name does not exist (NXDOMAIN).
    NoSuchName,
    /// The name exists, but not with such a record.
    NoData,
    /// The server could not answer (SERVFAIL); true: it can when asked not to check DNSSEC.
    ServerFailure {
        /// Asking again with checking disabled gave an answer, so DNSSEC validation failed.
        answers_unchecked: bool,
    },
    /// The server refused to answer.
    Refused,
    /// No answer in time.
    TimedOut,
    /// The system's own words for anything else.
    Failed(String),
}

impl Resolved {
    /// The addresses, if that is what came.
    #[must_use]
    pub fn addresses(&self) -> &[IpAddr] {
        match self {
            Self::Addresses(addresses) => addresses,
            _ => &[],
        }
    }
}

/// An HTTPS record (RFC 9460).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HttpsRecord {
    /// 0 is an alias.
    pub priority: u16,
    /// The name to use instead; `.` for the same.
    pub target: String,
    /// Protocols offered.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub alpn: Vec<String>,
    /// Another port than the URL's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub port: Option<u16>,
    /// Addresses that browsers may use at once.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub hints: Vec<IpAddr>,
    /// Encrypted ClientHello is offered.
    #[serde(default)]
    pub ech: bool,
}
