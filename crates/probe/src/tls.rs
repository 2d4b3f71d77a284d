//! TLS with eyes open: the handshake goes on whatever the certificate is worth, and everything is kept.
//!
//! Judging a chain and finishing a handshake are two things here. The verifier keeps what came and lets the
//! handshake end; afterwards each set of roots says what it thinks. So one handshake shows both what clients
//! will refuse and what lies behind.

mod capture;
mod certificate;
mod raw;
mod roots;

pub(crate) use raw::{Hello, hello_answer};
pub(crate) use roots::Roots;

use crate::net::BoxStream;
use crate::recorder::Recorder;
use crate::{Limit, Probe, micros};
use capture::{Captured, Identity};
use evidence::{Micros, Preview, Tls, TlsOutcome, TlsVariation, Trust};
use rustls::crypto::{CryptoProvider, aws_lc_rs};
use rustls::{AlertDescription, ClientConfig, ProtocolVersion};
use rustls_pki_types::ServerName;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use tokio::time::{Instant, timeout};

/// Certificates of a chain that are kept; a hostile server may send thousands.
const CHAIN_KEPT: usize = 10;

/// The answer of a handshake: what was seen, and the stream if it was finished.
pub(crate) struct Shaken {
    pub tls: Tls,
    pub stream: Option<BoxStream>,
}

/// Shakes hands over an open connection.
pub(crate) async fn shake(
    probe: &Probe,
    stream: BoxStream,
    to: Option<SocketAddr>,
    variation: &TlsVariation,
) -> Shaken {
    let settings = probe.settings();
    let name = match variation {
        TlsVariation::OtherSni(name) => name.clone(),
        _ => settings.case.target.host.clone(),
    };
    let mut tls = Tls {
        to,
        variation: variation.clone(),
        outcome: TlsOutcome::Completed,
        version: None,
        cipher: None,
        alpn: None,
        chain: Vec::new(),
        chain_length: 0,
        trust: Vec::new(),
        name: settings.case.target.host.clone(),
        client_authorities: None,
        stapled: false,
        took_us: 0,
    };
    let captured = Captured::default();
    let Some((config, server_name)) = config(probe, variation, &name, &captured) else {
        tls.outcome = TlsOutcome::Failed(Tls::NAME_UNUSABLE.to_owned());
        return Shaken { tls, stream: None };
    };
    let began = Instant::now();
    let (recorder, first) = Recorder::new(stream);
    let connecting = tokio_rustls::TlsConnector::from(Arc::new(config)).connect(server_name, recorder);
    // The roots are made ready while the first packets are under way.
    let handshake = async {
        let result = timeout(probe.limit(Limit::Handshake), connecting).await;
        (result, micros(began.elapsed()))
    };
    let ((result, took_us), _) = tokio::join!(handshake, probe.roots.all());
    tls.took_us = took_us;
    captured.fill(&mut tls, CHAIN_KEPT);
    let (outcome, stream) = match result {
        Err(_) => (TlsOutcome::Silence, None),
        Ok(Err(error)) => (failure(&error, &first.bytes()), None),
        Ok(Ok(stream)) => {
            let (_, connection) = stream.get_ref();
            tls.version = connection.protocol_version().map(version_name);
            tls.cipher = connection.negotiated_cipher_suite().map(|suite| format!("{:?}", suite.suite()));
            tls.alpn = connection.alpn_protocol().map(|name| String::from_utf8_lossy(name).into_owned());
            (TlsOutcome::Completed, Some(Box::new(stream) as BoxStream))
        }
    };
    tls.outcome = outcome;
    if tls.chain_length > 0 {
        tls.trust = trust(probe, &captured, &name).await;
    }
    Shaken { tls, stream }
}

/// What each set of roots makes of the chain.
async fn trust(probe: &Probe, captured: &Captured, name: &str) -> Vec<Trust> {
    let now = probe.settings().case.started_at_unix_us / 1_000_000;
    captured.judge(&probe.roots.all().await, name, now)
}

fn config(
    probe: &Probe,
    variation: &TlsVariation,
    name: &str,
    captured: &Captured,
) -> Option<(ClientConfig, ServerName<'static>)> {
    let provider = provider(*variation == TlsVariation::Small);
    let versions: &[&rustls::SupportedProtocolVersion] = match variation {
        TlsVariation::OnlyTls12 => &[&rustls::version::TLS12],
        _ => &[&rustls::version::TLS13, &rustls::version::TLS12],
    };
    let builder = ClientConfig::builder_with_provider(Arc::new(provider))
        .with_protocol_versions(versions)
        .ok()?
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(captured.clone()));
    let identity = Identity::new(probe.settings().tls.identity.as_ref(), captured.clone())?;
    let mut config = builder.with_client_cert_resolver(Arc::new(identity));
    config.alpn_protocols = match variation {
        TlsVariation::Alpn(names) => names.iter().map(|name| name.clone().into_bytes()).collect(),
        _ => vec![b"http/1.1".to_vec()],
    };
    config.enable_sni = *variation != TlsVariation::WithoutSni;
    // Each experiment stands for itself: a resumed session would hide the certificate.
    config.resumption = rustls::client::Resumption::disabled();
    Some((config, ServerName::try_from(name.to_owned()).ok()?))
}

/// What browsers of today offer: the post-quantum group first. Small: a ClientHello in one packet.
fn provider(small: bool) -> CryptoProvider {
    use aws_lc_rs::kx_group::{SECP256R1, SECP384R1, X25519, X25519MLKEM768};
    let mut provider = aws_lc_rs::default_provider();
    provider.kx_groups = if small {
        vec![X25519, SECP256R1, SECP384R1]
    } else {
        vec![X25519MLKEM768, X25519, SECP256R1, SECP384R1]
    };
    provider
}

fn version_name(version: ProtocolVersion) -> String {
    match version {
        ProtocolVersion::TLSv1_3 => "1.3".to_owned(),
        ProtocolVersion::TLSv1_2 => "1.2".to_owned(),
        other => format!("{other:?}"),
    }
}

/// What a failed handshake means.
fn failure(error: &io::Error, first: &[u8]) -> TlsOutcome {
    if let Some(alert) = alert(error) {
        return TlsOutcome::Alert { code: alert.into(), name: alert_name(alert) };
    }
    // A TLS record begins with its type (20 to 24) and the major version 3 (RFC 8446 section 5.1).
    let looks_like_tls = matches!(first, [20..=24, 3, ..]) || first.is_empty();
    if !looks_like_tls {
        return TlsOutcome::NotTls(Preview::new(first, 64));
    }
    match error.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>()) {
        Some(inner) => TlsOutcome::Failed(inner.to_string()),
        None if error.kind() == io::ErrorKind::UnexpectedEof => TlsOutcome::Ended,
        None => TlsOutcome::Reset,
    }
}

fn alert(error: &io::Error) -> Option<AlertDescription> {
    match error.get_ref()?.downcast_ref::<rustls::Error>()? {
        rustls::Error::AlertReceived(alert) => Some(*alert),
        _ => None,
    }
}

/// The name of the alert in an error of an open TLS stream, if it is one.
pub(crate) fn alert_in(error: &io::Error) -> Option<String> {
    alert(error).map(alert_name)
}

/// The name in RFC 8446 section 6: `handshake_failure` rather than `HandshakeFailure`.
fn alert_name(alert: AlertDescription) -> String {
    alert_number_name(alert.into())
}

/// The name of an alert number (RFC 8446 section 6, RFC 5246 section 7.2).
pub(crate) fn alert_number_name(number: u8) -> String {
    let name = match number {
        0 => "close_notify",
        10 => "unexpected_message",
        20 => "bad_record_mac",
        22 => "record_overflow",
        40 => "handshake_failure",
        42 => "bad_certificate",
        43 => "unsupported_certificate",
        44 => "certificate_revoked",
        45 => "certificate_expired",
        46 => "certificate_unknown",
        47 => "illegal_parameter",
        48 => "unknown_ca",
        49 => "access_denied",
        50 => "decode_error",
        51 => "decrypt_error",
        70 => "protocol_version",
        71 => "insufficient_security",
        80 => "internal_error",
        86 => "inappropriate_fallback",
        90 => "user_canceled",
        109 => "missing_extension",
        110 => "unsupported_extension",
        112 => "unrecognized_name",
        113 => "bad_certificate_status_response",
        115 => "unknown_psk_identity",
        116 => "certificate_required",
        120 => "no_application_protocol",
        other => return format!("alert_{other}"),
    };
    name.to_owned()
}

#[cfg(feature = "fuzz")]
pub(crate) use certificate::read as read_certificate;

/// What one raw ClientHello came to, as a fact.
pub(crate) fn raw_fact(
    to: Option<SocketAddr>,
    variation: TlsVariation,
    name: &str,
    hello: Hello,
    took_us: Micros,
) -> Tls {
    Tls {
        to,
        variation,
        outcome: hello.outcome,
        version: hello.version,
        cipher: hello.cipher,
        alpn: None,
        chain: hello.chain.iter().take(CHAIN_KEPT).map(|der| certificate::read(der)).collect(),
        chain_length: hello.chain.len(),
        trust: Vec::new(),
        name: name.to_owned(),
        client_authorities: None,
        stapled: false,
        took_us,
    }
}
