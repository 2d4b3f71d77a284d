//! A TLS handshake that ends there.

use crate::dial::{DialError, Route, dial};
use crate::tls::{self, hello_answer, raw_fact};
use crate::{Limit, Observer, Probe, micros};
use evidence::{Fact, Place, TlsOutcome, TlsVariation};
use tokio::io::AsyncWriteExt;
use tokio::time::Instant;

pub(crate) async fn look(probe: &Probe, variation: &TlsVariation, observer: &Observer) {
    let address = match variation {
        TlsVariation::Address(address) => Some(*address),
        _ => None,
    };
    let name = probe.settings().case.target.host.clone();
    let dialed = match dial(probe, Route { address, ..Route::default() }).await {
        Ok(dialed) => dialed,
        Err(error) => {
            let to = match error {
                DialError::Tcp(to) => to,
                DialError::NoAddress | DialError::Tunnel => None,
            };
            let hello = tls::Hello {
                outcome: TlsOutcome::NotConnected,
                version: None,
                cipher: None,
                chain: Vec::new(),
            };
            observer
                .saw(Place::Network, Fact::Tls(Box::new(raw_fact(to, variation.clone(), &name, hello, 0))));
            return;
        }
    };
    if let TlsVariation::Raw(version) = variation {
        let mut stream = dialed.stream;
        let began = Instant::now();
        let hello = hello_answer(&mut stream, *version, Some(&name), probe.limit(Limit::Handshake)).await;
        let fact = raw_fact(dialed.to, variation.clone(), &name, hello, micros(began.elapsed()));
        observer.saw(Place::Server, Fact::Tls(Box::new(fact)));
        return;
    }
    let shaken = tls::shake(probe, dialed.stream, dialed.to, variation).await;
    observer.saw(Place::Server, Fact::Tls(Box::new(shaken.tls)));
    if let Some(mut stream) = shaken.stream {
        // A polite goodbye; whether the server hears it does not matter.
        let _ = tokio::time::timeout(probe.limit(Limit::Close), stream.shutdown()).await;
    }
}
