//! The shared words of Keepwire: what can be asked about a WebSocket connection, and what was seen.
//!
//! Everything here is plain data. A probe, a config reader or a log reader produces [`Observation`]s;
//! the engine in `diagnose` reads them and asks [`Question`]s. This crate concludes nothing, opens no
//! socket and reads no clock, so a case can be saved, shared, and replayed bit for bit.
#![warn(clippy::disallowed_methods)]

mod bytes;
mod case;
mod connection;
mod environment;
mod evidence;
mod exchange;
mod http2;
mod observation;
mod page;
mod question;
mod redact;
mod resolution;
mod said;
mod session;
mod target;
mod tls;
mod told;
mod tunnel;

pub use bytes::{Preview, printable};
pub use case::{Case, Family, Origin, Via, ViaMode};
pub use connection::{Connection, Reached};
pub use environment::{Environment, ProxyVariable};
pub use evidence::{CASE_SCHEMA, Evidence, LoadError, Seen};
pub use exchange::{Answer, Body, Burst, Exchange, FirstBytes, HandshakeFault, Header, Opening, Response};
pub use http2::{Http2, Http2Answer};
pub use observation::{Fact, Observation, Place, Source};
pub use page::{Cookie, Page, Policy, PolicySource};
pub use question::{
    ConnectionHeader, Extensions, HoldKind, HostVariant, HttpVersion, Method, OriginVariant, PathVariant,
    Question, Subprotocols, TlsVariation, UpgradeHeaders, Variation,
};
pub use redact::Redactor;
pub use resolution::{HttpsRecord, RecordKind, Resolution, Resolved, Resolver};
pub use said::Said;
pub use session::{
    Closing, Echo, Ending, FrameSeen, Hold, How, Message, MessageKind, Ping, Session, SizeStep, Sizes,
    StepEnd,
};
pub use target::{Target, TargetError};
pub use tls::{Certificate, KeyKind, Tls, TlsOutcome, Trust, TrustFault, VersionTried};
pub use told::{Belief, Given, HostSent, Passing, RouteSeen, Setting, Spot, Told, VersionBy, Wish};
pub use tunnel::{Tunnel, TunnelOutcome};

/// A duration or an instant since the start of the case, in microseconds.
///
/// Whole numbers, because a case file must replay bit for bit and floats do not survive JSON exactly.
pub type Micros = u64;
