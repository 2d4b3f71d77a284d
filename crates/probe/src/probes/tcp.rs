//! TCP to every address of the target, each by itself.

use crate::dial::reached;
use crate::probes::dns::join_all;
use crate::{Limit, Observer, Probe, micros};
use evidence::{Connection, Fact, Family, Place, Reached};
use std::net::SocketAddr;
use tokio::time::{Instant, timeout};

/// Addresses that are tried; names with more are rare, and their addresses alike.
const ADDRESSES: usize = 6;

pub(crate) async fn look(probe: &Probe, port: Option<u16>, observer: &Observer) {
    let settings = probe.settings();
    let port = match (&settings.connect_to, port) {
        (_, Some(port)) => port,
        (Some((_, port)), None) => *port,
        (None, None) => settings.case.target.port,
    };
    let wanted = |address: &&std::net::IpAddr| match settings.case.family {
        Family::Any => true,
        Family::V4 => address.is_ipv4(),
        Family::V6 => address.is_ipv6(),
    };
    let addresses = probe.addresses().await.iter().filter(wanted).take(ADDRESSES);
    let looks = addresses.map(|address| async move {
        let to = SocketAddr::new(*address, port);
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
