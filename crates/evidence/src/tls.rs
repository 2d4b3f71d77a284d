//! What one TLS handshake showed.

use crate::{Micros, Preview, TlsVariation};
use serde::{Deserialize, Serialize};
use std::net::SocketAddr;

/// One TLS handshake.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tls {
    /// The address; none where a forward proxy made the connection.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to: Option<SocketAddr>,
    /// What was different from the plain ClientHello.
    pub variation: TlsVariation,
    /// What came of it.
    pub outcome: TlsOutcome,
    /// `1.2`, `1.3`; also where the handshake failed later.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    /// Cipher suite.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cipher: Option<String>,
    /// Protocol that was agreed by ALPN.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub alpn: Option<String>,
    /// Certificates as sent, the server's own first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub chain: Vec<Certificate>,
    /// How many certificates were sent, also where not all were kept.
    #[serde(default)]
    pub chain_length: usize,
    /// Verdicts of each set of roots that was consulted.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub trust: Vec<Trust>,
    /// The name that the certificate was held against.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub name: String,
    /// The server asked for a client certificate; the names of the authorities that it accepts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client_authorities: Option<Vec<String>>,
    /// A revocation proof came along (OCSP staple).
    #[serde(default)]
    pub stapled: bool,
    /// Time from ClientHello to the end of the handshake.
    pub took_us: Micros,
}

impl Tls {
    /// The words of a [`TlsOutcome::Failed`] that is nobody's fault on the other side.
    pub const NAME_UNUSABLE: &str = "the name cannot stand in a TLS handshake";

    /// The server's own certificate.
    #[must_use]
    pub fn leaf(&self) -> Option<&Certificate> {
        self.chain.first()
    }

    /// The handshake itself ended well, whatever the certificate is worth.
    #[must_use]
    pub fn completed(&self) -> bool {
        self.outcome == TlsOutcome::Completed
    }

    /// What a set of roots (`bundled`, `system`, `given`) says.
    #[must_use]
    pub fn trust_by(&self, roots: &str) -> Option<&Trust> {
        self.trust.iter().find(|trust| trust.roots == roots)
    }

    /// No set of roots that was consulted finds fault.
    #[must_use]
    pub fn trusted(&self) -> bool {
        self.completed() && self.trust.iter().any(|trust| trust.fault.is_none())
    }

    /// Some set of roots names this fault.
    #[must_use]
    pub fn has_fault(&self, fault: &TrustFault) -> bool {
        self.trust.iter().any(|trust| trust.fault.as_ref() == Some(fault))
    }
}

/// What a TLS handshake came to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum TlsOutcome {
    /// Done.
    Completed,
    /// A fatal alert of the server: its number and name (RFC 8446 section 6.2).
    Alert {
        /// Number.
        code: u8,
        /// Name in RFC 8446.
        name: String,
    },
    /// FIN instead of an answer.
    Ended,
    /// RST instead of an answer.
    Reset,
    /// Nothing in the time that was given.
    Silence,
    /// The answer is no TLS.
    NotTls(Preview),
    /// Our own library gave up; its words.
    Failed(String),
    /// The server answered, as a raw ClientHello shows (no handshake was finished on purpose).
    Answered,
    /// TCP did not connect.
    NotConnected,
}

/// What a set of root certificates makes of a chain.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Trust {
    /// `bundled` (Mozilla's), `system`, or `given` (`--ca`).
    pub roots: String,
    /// What is wrong; none: trusted for the name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fault: Option<TrustFault>,
}

/// Why a chain is not trusted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum TrustFault {
    /// Past its end.
    Expired,
    /// Before its beginning.
    NotYetValid,
    /// Issued for other names.
    OtherName,
    /// No known root issued it.
    UnknownIssuer,
    /// Revoked, says a list that was consulted.
    Revoked,
    /// Anything else, in the verifier's words (weak signature, old version, wrong usage).
    Other(String),
}

/// One certificate, read without judging it.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Certificate {
    /// Distinguished name of the owner.
    pub subject: String,
    /// Distinguished name of the issuer.
    pub issuer: String,
    /// Serial number, hexadecimal with colons.
    pub serial: String,
    /// Seconds since 1970 UTC.
    pub not_before: i64,
    /// Seconds since 1970 UTC.
    pub not_after: i64,
    /// DNS names and addresses of the subject alternative name.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub names: Vec<String>,
    /// Subject and issuer are the same, byte for byte.
    #[serde(default)]
    pub self_issued: bool,
    /// It may issue others (basic constraints).
    #[serde(default)]
    pub authority: bool,
    /// Kind of key.
    #[serde(default)]
    pub key: KeyKind,
    /// Bits of the key.
    #[serde(default)]
    pub key_bits: usize,
    /// Name of the signature algorithm, such as `sha256WithRSAEncryption`.
    #[serde(default)]
    pub signature: String,
    /// X.509 version: 3 for all that browsers take.
    #[serde(default)]
    pub version: u32,
    /// Where the issuer's certificate can be had (authority information access).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub issuer_urls: Vec<String>,
    /// Where revocation can be asked.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub ocsp_urls: Vec<String>,
    /// It must come with a staple (RFC 7633).
    #[serde(default)]
    pub must_staple: bool,
    /// SHA-256 of the whole certificate, hexadecimal.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub fingerprint: String,
}

/// Kind of public key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum KeyKind {
    /// RSA.
    Rsa,
    /// Elliptic curve (P-256 and so on).
    Ec,
    /// Ed25519 or Ed448.
    Edwards,
    /// Anything else.
    #[default]
    Other,
}

/// A protocol version that was offered alone with a hand-made ClientHello.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum VersionTried {
    /// TLS 1.0
    #[serde(rename = "1.0")]
    V1_0,
    /// TLS 1.1
    #[serde(rename = "1.1")]
    V1_1,
    /// TLS 1.2
    #[serde(rename = "1.2")]
    V1_2,
    /// TLS 1.3
    #[serde(rename = "1.3")]
    V1_3,
}
