//! What can be asked about a connection: the plain handshake, and experiments that change one thing.

use crate::{MessageKind, Opening, VersionTried};
use serde::{Deserialize, Serialize};
use std::net::IpAddr;

/// Something to look at. Equal questions are asked once.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Question {
    /// This machine: routes, clock, proxy variables.
    Environment,
    /// Addresses of the target's name, as the operating system gives them.
    Resolve,
    /// The same from the name servers themselves, with HTTPS records.
    NameServers,
    /// TCP to every address of the target: on its own port, or on another one of the same host.
    Connect {
        /// Another port; none: the target's.
        port: Option<u16>,
    },
    /// Through the forward proxy to the target, or to another port of the same host.
    Tunnel {
        /// Another port; none: the target's.
        port: Option<u16>,
    },
    /// A TLS handshake that ends there.
    Tls(TlsVariation),
    /// A request, its response, and if that is a 101 a short session: pings, echo, close.
    Upgrade(Variation),
    /// Many handshakes.
    Burst {
        /// How many.
        count: u8,
        /// At the same time.
        parallel: bool,
        /// What is different from the plain handshake.
        variation: Variation,
    },
    /// What the port says to something else than the URL's scheme.
    FirstBytes(Opening),
    /// HTTP/2 on the same port.
    Http2,
    /// Messages of growing size.
    Sizes {
        /// The largest, in bytes.
        top: u64,
        /// Text or binary.
        kind: MessageKind,
    },
    /// Stay connected and see who ends it.
    Hold {
        /// Who sends what meanwhile.
        kind: HoldKind,
        /// Which repetition, from 0.
        run: u8,
        /// For how long, in milliseconds.
        for_ms: u64,
    },
    /// The page that opens the socket.
    Page,
}

/// One thing changed in the request; everything else as in the plain handshake (RFC 6455 section 4.1).
///
/// The default is the plain handshake with what the user chose.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Variation {
    /// Which of the headers that ask for the upgrade are there.
    #[serde(skip_serializing_if = "is_default")]
    pub upgrade: UpgradeHeaders,
    /// How `Connection` is spelled.
    #[serde(skip_serializing_if = "is_default")]
    pub connection: ConnectionHeader,
    /// Version in the request line.
    #[serde(skip_serializing_if = "is_default")]
    pub http: HttpVersion,
    /// Method.
    #[serde(skip_serializing_if = "is_default")]
    pub method: Method,
    /// Origin.
    #[serde(skip_serializing_if = "is_default")]
    pub origin: OriginVariant,
    /// Extensions.
    #[serde(skip_serializing_if = "is_default")]
    pub extensions: Extensions,
    /// Subprotocols.
    #[serde(skip_serializing_if = "is_default")]
    pub subprotocols: Subprotocols,
    /// Path.
    #[serde(skip_serializing_if = "is_default")]
    pub path: PathVariant,
    /// Host header.
    #[serde(skip_serializing_if = "is_default")]
    pub host: HostVariant,
    /// Without the cookies, credentials and other headers that the user gave.
    #[serde(skip_serializing_if = "is_default")]
    pub bare: bool,
    /// With the headers that a browser sends along (user agent, languages, fetch metadata).
    #[serde(skip_serializing_if = "is_default")]
    pub browser_headers: bool,
    /// One more header, such as `X-Forwarded-For: 203.0.113.9`.
    #[serde(skip_serializing_if = "is_default")]
    pub extra_header: Option<(String, String)>,
    /// The other scheme: TLS where the URL has none, and the other way round.
    #[serde(skip_serializing_if = "is_default")]
    pub other_scheme: bool,
    /// Another port of the same host.
    #[serde(skip_serializing_if = "is_default")]
    pub port: Option<u16>,
    /// This address rather than whichever answers first.
    #[serde(skip_serializing_if = "is_default")]
    pub address: Option<IpAddr>,
    /// Without the forward proxy (true), where one is in use.
    #[serde(skip_serializing_if = "is_default")]
    pub direct: bool,
    /// Through the forward proxy that the environment names, where none is in use.
    #[serde(skip_serializing_if = "is_default")]
    pub through_proxy: bool,
    /// Which repetition of the same request, from 0.
    #[serde(skip_serializing_if = "is_default")]
    pub nth: u8,
}

fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

impl Variation {
    /// The plain handshake.
    #[must_use]
    pub fn plain() -> Self {
        Self::default()
    }

    /// Probe D5: the same request without `Upgrade` and `Connection: Upgrade`.
    #[must_use]
    pub fn without_upgrade() -> Self {
        Self { upgrade: UpgradeHeaders::None, ..Self::default() }
    }

    /// As a browser on the page (or on the same origin, where no page is known) sends it.
    #[must_use]
    pub fn browser() -> Self {
        Self {
            origin: OriginVariant::Page,
            extensions: Extensions::Deflate,
            browser_headers: true,
            ..Self::default()
        }
    }

    /// The plain handshake with this origin.
    #[must_use]
    pub fn origin(origin: OriginVariant) -> Self {
        Self { origin, ..Self::default() }
    }

    /// The plain handshake to this path.
    #[must_use]
    pub fn path(path: PathVariant) -> Self {
        Self { path, ..Self::default() }
    }

    /// The plain handshake that offers permessage-deflate.
    #[must_use]
    pub fn deflate() -> Self {
        Self { extensions: Extensions::Deflate, ..Self::default() }
    }

    /// The same once more, asked while no other connection is open.
    #[must_use]
    pub fn again(&self) -> Self {
        Self { nth: 1, ..self.clone() }
    }

    /// Whether it is the plain or the browser's handshake once more.
    #[must_use]
    pub fn is_again(&self) -> bool {
        *self == Self::plain().again() || *self == Self::browser().again()
    }

    /// Whether nothing is different.
    #[must_use]
    pub fn is_plain(&self) -> bool {
        *self == Self::default()
    }
}

/// Which headers ask for the upgrade.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum UpgradeHeaders {
    /// `Upgrade: websocket` and `Connection: Upgrade`.
    #[default]
    Both,
    /// Neither, nor the `Sec-WebSocket-*` headers: an ordinary GET.
    None,
    /// Only `Upgrade`, with `Connection: keep-alive`.
    WithoutConnection,
    /// Each of them twice.
    Doubled,
    /// Both, for another protocol such as `h2c`.
    Other(String),
    /// Both, but `Sec-WebSocket-Key` is missing.
    WithoutKey,
    /// Both, but `Sec-WebSocket-Version` is missing.
    WithoutVersion,
}

/// How `Connection` is spelled.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ConnectionHeader {
    /// `Upgrade`, as Chrome does.
    #[default]
    Upgrade,
    /// `keep-alive, Upgrade`, as Firefox does.
    List,
    /// `upgrade`, as proxies do.
    LowerCase,
}

/// Version in the request line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum HttpVersion {
    /// HTTP/1.1.
    #[default]
    V11,
    /// HTTP/1.0, with the upgrade headers kept.
    V10,
}

/// Request method.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Method {
    /// GET.
    #[default]
    Get,
    /// POST.
    Post,
}

/// Value of `Origin`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum OriginVariant {
    /// What the user chose; none if nothing was chosen.
    #[default]
    AsGiven,
    /// No such header.
    None,
    /// The target's own origin.
    Same,
    /// The target's own origin without its port.
    SameWithoutPort,
    /// The target's own origin with the other scheme (http for https).
    SameOtherScheme,
    /// The page's origin; the target's own, where no page is known.
    Page,
    /// An origin that no server has on its list: `https://keepwire-foreign.invalid`.
    Foreign,
    /// `null`, as from files and sandboxed frames.
    Null,
}

/// Extensions that are offered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Extensions {
    /// None.
    #[default]
    None,
    /// `permessage-deflate; client_max_window_bits`, as browsers offer it.
    Deflate,
}

/// Subprotocols that are offered.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Subprotocols {
    /// What the user chose.
    #[default]
    AsGiven,
    /// None.
    None,
    /// One that no server knows.
    Bogus,
    /// These.
    These(Vec<String>),
}

/// Path of the request.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum PathVariant {
    /// The URL's.
    #[default]
    AsGiven,
    /// One that exists nowhere.
    Random,
    /// With a slash at the end, or without the one that is there.
    SlashToggled,
    /// The URL's path without its query.
    WithoutQuery,
    /// `/`.
    Root,
    /// This one, such as `/socket.io/?EIO=4&transport=websocket`.
    To(String),
    /// This one under the directory of the URL's path.
    Under(String),
}

/// Value of `Host`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum HostVariant {
    /// The URL's host and port.
    #[default]
    AsGiven,
    /// Without the port.
    WithoutPort,
    /// The address instead of the name.
    Address,
    /// `localhost`.
    Localhost,
    /// A name that no server has: `keepwire-unknown.invalid`.
    Unknown,
}

/// One thing changed in the TLS handshake.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum TlsVariation {
    /// SNI of the URL, ALPN `http/1.1`, TLS 1.2 and 1.3, today's key shares.
    #[default]
    Plain,
    /// To this address rather than whichever answers first.
    Address(IpAddr),
    /// No SNI.
    WithoutSni,
    /// Another name.
    OtherSni(String),
    /// These protocols in ALPN; empty: no ALPN.
    Alpn(Vec<String>),
    /// TLS 1.2 only.
    OnlyTls12,
    /// A hand-made ClientHello for one version and every cipher suite there is; it stops at the answer.
    Raw(VersionTried),
    /// A ClientHello that fits one packet (no post-quantum key share).
    Small,
    /// A ClientHello that needs two packets (with a post-quantum key share).
    Large,
}

/// Who sends what while a connection is held.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum HoldKind {
    /// Nobody sends anything; pings of the server are not answered either.
    Silent,
    /// We answer the server's pings, and send nothing of our own.
    Quiet,
    /// We send a ping often enough to keep any idle timer from firing.
    Pings,
    /// We send a pong (which asks for no answer) often enough: traffic in one direction only.
    OneWay,
}
