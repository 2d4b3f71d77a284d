//! The sets of root certificates that a chain is held against.

use crate::settings::TlsSettings;
use rustls::RootCertStore;
use rustls::client::WebPkiServerVerifier;
use rustls::crypto::aws_lc_rs;
use rustls_pki_types::CertificateDer;
use std::sync::{Arc, OnceLock};
use tokio::sync::OnceCell;

/// A set of roots, ready to judge.
#[derive(Debug, Clone)]
pub(super) struct RootSet {
    /// `bundled`, `system`, `given`.
    pub name: &'static str,
    pub verifier: Arc<WebPkiServerVerifier>,
}

/// All sets of roots, built when a certificate asks for them: a plain `ws://` check needs none.
#[derive(Debug)]
pub(crate) struct Roots {
    given: Vec<CertificateDer<'static>>,
    all: OnceCell<Vec<RootSet>>,
    system_count: OnceLock<usize>,
}

impl Roots {
    pub(crate) fn new(settings: &TlsSettings) -> Self {
        Self { given: settings.roots.clone(), all: OnceCell::new(), system_count: OnceLock::new() }
    }

    /// Certificates of the system's store; none: it was not read.
    pub(crate) fn system_count(&self) -> Option<usize> {
        self.system_count.get().copied()
    }

    /// The user's roots first, if there are any; then the system's, then those of Mozilla that the program brings.
    pub(super) async fn all(&self) -> Vec<RootSet> {
        let sets = self.all.get_or_init(|| async {
            let given = self.given.clone();
            // Reading the system's store touches hundreds of files, and reading its certificates takes as long again.
            let (system_count, sets) = tokio::task::spawn_blocking(move || {
                let system = rustls_native_certs::load_native_certs().certs;
                let bundled = RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() };
                let sets = [("given", store(&given)), ("bundled", bundled), ("system", store(&system))]
                    .into_iter()
                    .filter_map(|(name, store)| Some(RootSet { name, verifier: verifier(store)? }))
                    .collect();
                (system.len(), sets)
            })
            .await
            .unwrap_or_default();
            let _ = self.system_count.set(system_count);
            sets
        });
        sets.await.clone()
    }
}

fn store(certificates: &[CertificateDer<'static>]) -> RootCertStore {
    let mut store = RootCertStore::empty();
    store.add_parsable_certificates(certificates.iter().cloned());
    store
}

/// None: an empty store cannot judge.
fn verifier(store: RootCertStore) -> Option<Arc<WebPkiServerVerifier>> {
    WebPkiServerVerifier::builder_with_provider(Arc::new(store), Arc::new(aws_lc_rs::default_provider()))
        .build()
        .ok()
}
