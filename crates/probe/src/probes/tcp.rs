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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{World, ask, settings};
    use evidence::{Family, Question};
    use std::io::ErrorKind;
    use std::sync::Arc;
    use std::time::Duration;

    #[tokio::test(start_paused = true)]
    async fn each_outcome_has_its_word_and_the_slowest_sets_the_time() {
        let ms = Duration::from_millis;
        let world = Arc::new(
            World::new()
                .name("app.example", &["192.0.2.1", "192.0.2.2", "192.0.2.3", "2001:db8::1", "2001:db8::2"])
                .serve("192.0.2.1:80", |peer| peer.hold())
                .fails("192.0.2.2:80", ms(40), ErrorKind::ConnectionRefused)
                .silent("192.0.2.3:80")
                .fails("[2001:db8::1]:80", ms(10), ErrorKind::NetworkUnreachable)
                .fails("[2001:db8::2]:80", ms(70), ErrorKind::HostUnreachable),
        );
        let expected = [
            ("192.0.2.1:80", Reached::Connected, 0),
            ("[2001:db8::1]:80", Reached::NetworkUnreachable, 10),
            ("192.0.2.2:80", Reached::Refused, 40),
            ("[2001:db8::2]:80", Reached::HostUnreachable, 70),
            ("192.0.2.3:80", Reached::Silence, 3000),
        ]
        .map(|(to, outcome, took)| {
            let to = to.parse().expect("an address");
            Fact::Connection(Connection { to, outcome, took_us: took * 1000 })
        });
        let (seen, took) = ask(&world, settings("ws://app.example/"), Question::Connect { port: None }).await;
        assert_eq!(seen, expected);
        assert_eq!(took, ms(3000));

        let mut six = settings("ws://app.example/");
        six.case.family = Family::V6;
        let (seen, took) = ask(&world, six, Question::Connect { port: None }).await;
        assert_eq!(seen, [expected[1].clone(), expected[3].clone()]);
        assert_eq!(took, ms(70));
    }

    #[tokio::test(start_paused = true)]
    async fn both_families_are_tried_however_many_addresses_one_has() {
        let many: Vec<String> =
            (1..=9).map(|n| format!("192.0.2.{n}")).chain(["2001:db8::1".into()]).collect();
        let many: Vec<&str> = many.iter().map(String::as_str).collect();
        let world = Arc::new(World::new().name("app.example", &many));
        let (seen, _) =
            ask(&world, settings("ws://app.example/"), Question::Connect { port: Some(81) }).await;
        assert_eq!(seen.len(), ADDRESSES);
        assert!(matches!(&seen[0], Fact::Connection(seen) if seen.to == "[2001:db8::1]:81".parse().unwrap()));
    }
}
