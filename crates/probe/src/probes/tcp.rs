//! TCP to every address of the target, each by itself.

use crate::dial::{by_family, reached};
use crate::probes::dns::join_all;
use crate::{Limit, Observer, Probe, micros};
use evidence::{Connection, Fact, Place, Reached};
use std::net::SocketAddr;
use tokio::time::{Instant, timeout};

/// Addresses that are tried; names with more are rare, and their addresses alike.
const ADDRESSES: usize = 6;

pub(crate) async fn look(probe: &Probe, port: Option<u16>, observer: &Observer) {
    let settings = probe.settings();
    let port = settings.port(port);
    let addresses = by_family(probe.addresses().await, settings.case.family);
    let looks = addresses.into_iter().take(ADDRESSES).map(|address| async move {
        let to = SocketAddr::new(address, port);
        let began = Instant::now();
        let outcome = match timeout(probe.limit(Limit::Connect), probe.net.connect(to)).await {
            Ok(Ok(_)) => Reached::Connected,
            Ok(Err(error)) => reached(&error),
            Err(_) => Reached::Silence,
        };
        let connection = Connection { to, outcome, took_us: micros(began.elapsed()) };
        observer.saw(Place::Network, Fact::Connection(connection));
    });
    join_all(looks).await;
}
