//! What was chosen for a case, secrets included: they stay here and never reach an observation.

use evidence::{Case, Redactor};
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};
use std::fmt;
use std::net::{IpAddr, SocketAddr};

/// What was chosen for a case.
#[derive(Debug)]
pub struct Settings {
    /// The case as it is recorded.
    pub case: Case,
    /// Path and query as they are sent; the case's are redacted.
    pub path: String,
    /// Extra request headers, in order.
    pub headers: Vec<(String, String)>,
    /// Credentials for the forward proxy.
    pub proxy_credentials: Option<Credentials>,
    /// The proxy that the environment names, where `case.via` has none: for comparison only.
    pub environment_proxy: Option<(String, Option<Credentials>)>,
    /// Environment variables that speak of proxies, as they are.
    pub proxy_variables: Vec<(String, String)>,
    /// Addresses that the user gave for names.
    pub overrides: Vec<Override>,
    /// Where to connect instead of the target.
    pub connect_to: Option<(String, u16)>,
    /// Name servers to ask; empty: the system's.
    pub name_servers: Vec<NameServer>,
    /// Certificates.
    pub tls: TlsSettings,
    /// What to strike out.
    pub redactor: Redactor,
    /// Send no message of our own on an open WebSocket, only control frames.
    pub no_message: bool,
    /// Value of `User-Agent`.
    pub user_agent: String,
}

/// Name and password.
#[derive(Clone)]
pub struct Credentials {
    /// Name.
    pub user: String,
    /// Password.
    pub password: String,
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Credentials {{ user: {:?}, password: … }}", self.user)
    }
}

/// `--resolve HOST:PORT:ADDRESS`, as in curl.
#[derive(Debug, Clone)]
pub struct Override {
    /// Name; `*` for any.
    pub host: String,
    /// Port; none for any.
    pub port: Option<u16>,
    /// Its addresses.
    pub addresses: Vec<IpAddr>,
}

/// A name server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NameServer(pub SocketAddr);

/// Certificates that the user brought.
#[derive(Default)]
pub struct TlsSettings {
    /// Extra roots (`--ca`).
    pub roots: Vec<CertificateDer<'static>>,
    /// Client certificate and key (`--cert`, `--key`).
    pub identity: Option<ClientIdentity>,
}

impl fmt::Debug for TlsSettings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "TlsSettings {{ roots: {}, identity: {} }}", self.roots.len(), self.identity.is_some())
    }
}

/// A client certificate with its key.
pub struct ClientIdentity {
    /// The chain, the client's own first.
    pub chain: Vec<CertificateDer<'static>>,
    /// The key.
    pub key: PrivateKeyDer<'static>,
}

/// Why certificates are not usable.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum TlsSettingsError {
    /// No certificate in the text.
    NoCertificate,
    /// No private key in the text.
    NoKey,
    /// It does not parse; the parser's words.
    Malformed(String),
}

impl fmt::Display for TlsSettingsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoCertificate => write!(f, "there is no PEM certificate in it"),
            Self::NoKey => {
                write!(f, "there is no PEM private key in it (an encrypted key must be decrypted first)")
            }
            Self::Malformed(why) => write!(f, "it does not parse: {why}"),
        }
    }
}

impl std::error::Error for TlsSettingsError {}

impl TlsSettings {
    /// Reads PEM certificates.
    ///
    /// # Errors
    /// If there is none, or one does not parse.
    pub fn certificates(pem: &[u8]) -> Result<Vec<CertificateDer<'static>>, TlsSettingsError> {
        let certificates: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(pem).collect();
        let certificates = certificates.map_err(|error| TlsSettingsError::Malformed(error.to_string()))?;
        if certificates.is_empty() { Err(TlsSettingsError::NoCertificate) } else { Ok(certificates) }
    }

    /// Reads a client certificate and its key, which may stand in the same text.
    ///
    /// # Errors
    /// If one of them is missing or does not parse.
    pub fn identity(certificates: &[u8], key: &[u8]) -> Result<ClientIdentity, TlsSettingsError> {
        let chain = Self::certificates(certificates)?;
        let key = PrivateKeyDer::from_pem_slice(key).map_err(|error| match error {
            rustls_pki_types::pem::Error::NoItemsFound => TlsSettingsError::NoKey,
            other => TlsSettingsError::Malformed(other.to_string()),
        })?;
        let provider = rustls::crypto::aws_lc_rs::default_provider();
        rustls::sign::CertifiedKey::from_der(chain.clone(), key.clone_key(), &provider).map_err(|_| {
            TlsSettingsError::Malformed("the key does not belong to the certificate".to_owned())
        })?;
        Ok(ClientIdentity { chain, key })
    }
}

impl Settings {
    /// A case with nothing else chosen.
    #[must_use]
    pub fn new(case: Case) -> Self {
        Self {
            path: case.target.path.clone(),
            case,
            headers: Vec::new(),
            proxy_credentials: None,
            environment_proxy: None,
            proxy_variables: Vec::new(),
            overrides: Vec::new(),
            connect_to: None,
            name_servers: Vec::new(),
            tls: TlsSettings::default(),
            redactor: Redactor::ON,
            no_message: false,
            user_agent: format!("keepwire/{} (WebSocket diagnosis)", env!("CARGO_PKG_VERSION")),
        }
    }

    /// The port to connect to: another one of the same host, or where the user wants to go, or the target's.
    pub(crate) fn port(&self, other: Option<u16>) -> u16 {
        let wanted = self.connect_to.as_ref().map(|(_, port)| *port);
        other.or(wanted).unwrap_or(self.case.target.port)
    }

    /// The addresses that the user gave for a name and port.
    pub(crate) fn given_addresses(&self, host: &str, port: u16) -> Option<&[IpAddr]> {
        self.overrides
            .iter()
            .find(|given| {
                (given.host == "*" || given.host.eq_ignore_ascii_case(host))
                    && given.port.is_none_or(|it| it == port)
            })
            .map(|given| given.addresses.as_slice())
    }
}
