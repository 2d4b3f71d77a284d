//! The verifier that keeps what came instead of judging it, and the resolver that notes who asked for a
//! client certificate.

use super::certificate;
use super::roots::RootSet;
use crate::settings::ClientIdentity;
use evidence::{Tls, Trust, TrustFault};
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{
    CryptoProvider, WebPkiSupportedAlgorithms, aws_lc_rs, verify_tls12_signature, verify_tls13_signature,
};
use rustls::sign::CertifiedKey;
use rustls::{CertificateError, DigitallySignedStruct, Error, SignatureScheme};
use rustls_pki_types::{CertificateDer, ServerName, UnixTime};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

#[derive(Debug, Default)]
struct Kept {
    chain: Vec<CertificateDer<'static>>,
    chain_length: usize,
    ocsp: Vec<u8>,
    signature_fault: Option<String>,
    authorities: Option<Vec<String>>,
}

/// What came in a handshake.
#[derive(Debug, Clone, Default)]
pub(super) struct Captured(Arc<Mutex<Kept>>);

/// Certificates of a chain that are kept for judging: real chains have two to four.
const JUDGED: usize = 20;
/// Names of authorities that are kept.
const AUTHORITIES: usize = 20;

impl Captured {
    fn kept(&self) -> MutexGuard<'_, Kept> {
        // A panic elsewhere must not cost the evidence.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Writes what came into the fact.
    pub(super) fn fill(&self, tls: &mut Tls, most: usize) {
        let kept = self.kept();
        tls.chain = kept.chain.iter().take(most).map(|der| certificate::read(der)).collect();
        tls.chain_length = kept.chain_length;
        tls.stapled = !kept.ocsp.is_empty();
        tls.client_authorities.clone_from(&kept.authorities);
    }

    /// What each set of roots makes of the chain, for this name, at this time (seconds since 1970 UTC).
    pub(super) fn judge(&self, roots: &[RootSet], name: &str, now: u64) -> Vec<Trust> {
        let kept = self.kept();
        let Some((leaf, rest)) = kept.chain.split_first() else { return Vec::new() };
        let Ok(name) = ServerName::try_from(name.to_owned()) else { return Vec::new() };
        let now = UnixTime::since_unix_epoch(Duration::from_secs(now));
        roots
            .iter()
            .map(|set| {
                let fault = match &kept.signature_fault {
                    Some(why) => Some(TrustFault::Other(why.clone())),
                    None => match set.verifier.verify_server_cert(leaf, rest, &name, &kept.ocsp, now) {
                        Ok(_) => None,
                        Err(error) => Some(fault(&error)),
                    },
                };
                Trust { roots: set.name.to_owned(), fault }
            })
            .collect()
    }
}

fn fault(error: &Error) -> TrustFault {
    let Error::InvalidCertificate(error) = error else { return TrustFault::Other(error.to_string()) };
    match error {
        CertificateError::Expired | CertificateError::ExpiredContext { .. } => TrustFault::Expired,
        CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => {
            TrustFault::NotYetValid
        }
        CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
            TrustFault::OtherName
        }
        CertificateError::UnknownIssuer => TrustFault::UnknownIssuer,
        CertificateError::Revoked => TrustFault::Revoked,
        other => TrustFault::Other(other.to_string()),
    }
}

fn algorithms() -> WebPkiSupportedAlgorithms {
    aws_lc_rs::default_provider().signature_verification_algorithms
}

impl ServerCertVerifier for Captured {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        _server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let mut kept = self.kept();
        kept.chain_length = 1 + intermediates.len();
        kept.chain = std::iter::once(end_entity)
            .chain(intermediates)
            .take(JUDGED)
            .map(|der| der.clone().into_owned())
            .collect();
        kept.ocsp = ocsp_response.to_vec();
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        if let Err(error) = verify_tls12_signature(message, cert, dss, &algorithms()) {
            self.kept().signature_fault = Some(error.to_string());
        }
        Ok(HandshakeSignatureValid::assertion())
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        if let Err(error) = verify_tls13_signature(message, cert, dss, &algorithms()) {
            self.kept().signature_fault = Some(error.to_string());
        }
        Ok(HandshakeSignatureValid::assertion())
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        algorithms().supported_schemes()
    }
}

/// Gives the user's client certificate, and notes that one was asked for.
#[derive(Debug)]
pub(super) struct Identity {
    key: Option<Arc<CertifiedKey>>,
    captured: Captured,
}

impl Identity {
    /// None: the key and the certificate do not belong together, or the key is of no known kind.
    pub(super) fn new(identity: Option<&ClientIdentity>, captured: Captured) -> Option<Self> {
        let key = match identity {
            None => None,
            Some(identity) => {
                let provider: CryptoProvider = aws_lc_rs::default_provider();
                let key = CertifiedKey::from_der(identity.chain.clone(), identity.key.clone_key(), &provider)
                    .ok()?;
                Some(Arc::new(key))
            }
        };
        Some(Self { key, captured })
    }
}

impl rustls::client::ResolvesClientCert for Identity {
    fn resolve(
        &self,
        root_hint_subjects: &[&[u8]],
        _schemes: &[SignatureScheme],
    ) -> Option<Arc<CertifiedKey>> {
        let names = root_hint_subjects.iter().take(AUTHORITIES).map(|der| certificate::name(der)).collect();
        self.captured.kept().authorities = Some(names);
        self.key.clone()
    }

    fn has_certs(&self) -> bool {
        // "Yes" even without one: only then does rustls ask, and we learn that the server did.
        true
    }
}
