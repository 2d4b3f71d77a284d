//! A connection to the target, by whichever way the experiment wants: address by address, or through a proxy.

use crate::net::BoxStream;
use crate::probes::forward_proxy;
use crate::{Limit, Probe};
use evidence::{Family, Reached, Variation};
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;
use tokio::task::JoinSet;
use tokio::time::{Instant, timeout};

/// Head start of one address over the next (RFC 8305 section 5, "Connection Attempt Delay").
const HEAD_START: Duration = Duration::from_millis(250);

/// A way to the target.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Route {
    /// Another port than the target's.
    pub port: Option<u16>,
    /// This address only.
    pub address: Option<IpAddr>,
    /// Not through the proxy.
    pub direct: bool,
    /// Through the environment's proxy, where none is in use.
    pub through_proxy: bool,
}

impl Route {
    pub(crate) fn of(variation: &Variation) -> Self {
        Self {
            port: variation.port,
            address: variation.address,
            direct: variation.direct,
            through_proxy: variation.through_proxy,
        }
    }
}

/// An open connection.
pub(crate) struct Dialed {
    pub stream: BoxStream,
    /// The peer; none where a proxy made the connection.
    pub to: Option<SocketAddr>,
    /// The request must name the whole URL, because an HTTP proxy reads it.
    pub absolute: bool,
}

/// Why there is no connection.
#[derive(Debug)]
pub(crate) enum DialError {
    NoAddress,
    Tcp(Option<SocketAddr>),
    Tunnel,
}

impl DialError {
    /// The word for an `Answer::NotSent`.
    pub(crate) fn layer(&self) -> &'static str {
        match self {
            Self::NoAddress => "dns",
            Self::Tcp(_) => "tcp",
            Self::Tunnel => "tunnel",
        }
    }
}

/// Opens a connection.
pub(crate) async fn dial(probe: &Probe, route: Route) -> Result<Dialed, DialError> {
    let settings = &probe.settings;
    let proxied = (settings.case.via.is_some() && !route.direct) || route.through_proxy;
    if proxied && route.address.is_none() {
        return forward_proxy::dial(probe, route).await;
    }
    let addresses = match route.address {
        Some(address) => vec![address],
        None => by_family(probe.addresses().await, settings.case.family),
    };
    match race(probe, &addresses, settings.port(route.port)).await {
        Ok((stream, to)) => Ok(Dialed { stream, to: Some(to), absolute: false }),
        Err(Some((to, _))) => Err(DialError::Tcp(Some(to))),
        Err(None) => Err(DialError::NoAddress),
    }
}

/// Only addresses of the wanted family, the families taking turns, IPv6 first (RFC 8305 section 4).
pub(crate) fn by_family(addresses: &[IpAddr], family: Family) -> Vec<IpAddr> {
    let mut six = addresses.iter().filter(|address| address.is_ipv6() && family != Family::V4);
    let mut four = addresses.iter().filter(|address| address.is_ipv4() && family != Family::V6);
    let mut ordered = Vec::new();
    loop {
        match (six.next(), four.next()) {
            (None, None) => return ordered,
            (one, other) => ordered.extend(one.into_iter().chain(other)),
        }
    }
}

/// The first of several addresses that answers; or where the last attempt went to and what came of it, and
/// none if there was no address. No attempt begins after the time for one is over, however many addresses a name
/// has.
pub(crate) async fn race(
    probe: &Probe,
    addresses: &[IpAddr],
    port: u16,
) -> Result<(BoxStream, SocketAddr), Option<(SocketAddr, Reached)>> {
    let limit = probe.limit(Limit::Connect);
    let last_start = Instant::now() + limit;
    let mut attempts = JoinSet::new();
    let mut waiting = addresses.iter().map(|address| SocketAddr::new(*address, port));
    let mut last = None;
    let mut next = waiting.next();
    loop {
        if let Some(to) = next.take() {
            let net = Arc::clone(&probe.net);
            attempts.spawn(async move {
                match timeout(limit, net.connect(to)).await {
                    Ok(Ok(stream)) => Ok((stream, to)),
                    Ok(Err(error)) => Err((to, reached(&error))),
                    Err(_) => Err((to, Reached::Silence)),
                }
            });
        }
        if attempts.is_empty() {
            return Err(last);
        }
        let more = waiting.len() > 0 && Instant::now() < last_start;
        tokio::select! {
            done = attempts.join_next() => match done {
                Some(Ok(Ok(connected))) => return Ok(connected),
                Some(Ok(Err(failed))) => {
                    last = Some(failed);
                    // A failure gives the next address its turn at once.
                    next = if Instant::now() < last_start { waiting.next() } else { None };
                }
                Some(Err(_)) | None => {}
            },
            () = tokio::time::sleep(HEAD_START), if more => next = waiting.next(),
        }
    }
}

/// What the system's error means.
pub(crate) fn reached(error: &io::Error) -> Reached {
    use io::ErrorKind;
    match error.kind() {
        ErrorKind::ConnectionRefused => Reached::Refused,
        ErrorKind::ConnectionReset | ErrorKind::ConnectionAborted => Reached::Reset,
        ErrorKind::HostUnreachable => Reached::HostUnreachable,
        ErrorKind::NetworkUnreachable | ErrorKind::NetworkDown => Reached::NetworkUnreachable,
        ErrorKind::PermissionDenied => Reached::Forbidden,
        ErrorKind::AddrNotAvailable => Reached::NoSourceAddress,
        ErrorKind::TimedOut => Reached::Silence,
        _ => Reached::Failed(error.raw_os_error().unwrap_or(0)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{World, settings};

    #[test]
    fn families_take_turns() {
        let list = |texts: &[&str]| {
            texts.iter().map(|text| text.parse().expect("an address")).collect::<Vec<IpAddr>>()
        };
        let all = list(&["192.0.2.1", "192.0.2.2", "2001:db8::1"]);
        assert_eq!(by_family(&all, Family::Any), list(&["2001:db8::1", "192.0.2.1", "192.0.2.2"]));
        assert_eq!(by_family(&all, Family::V4), list(&["192.0.2.1", "192.0.2.2"]));
        assert_eq!(by_family(&all, Family::V6), list(&["2001:db8::1"]));
    }

    /// The address that answers, the attempts with their times in milliseconds, and the time in all.
    async fn raced(world: World, addresses: &[&str]) -> (Result<String, String>, Vec<(String, u128)>, u128) {
        let world = Arc::new(world);
        let probe = Probe::new(settings("ws://app.example/"), Arc::clone(&world) as Arc<dyn crate::Net>);
        let addresses: Vec<IpAddr> = addresses.iter().map(|text| text.parse().expect("an address")).collect();
        let began = Instant::now();
        let result = race(&probe, &addresses, 80).await;
        let result = result
            .map(|(_, to)| to.ip().to_string())
            .map_err(|last| last.map_or("none".to_owned(), |(to, how)| format!("{} {how:?}", to.ip())));
        let took = began.elapsed().as_millis();
        let dialed = world.dialed();
        (result, dialed.into_iter().map(|(to, at)| (to.ip().to_string(), at.as_millis())).collect(), took)
    }

    #[tokio::test(start_paused = true)]
    async fn each_address_has_a_head_start_over_the_next() {
        let held = |world: World, at: &str| world.serve(at, |peer| peer.hold());
        let refused = |world: World, at: &str, ms: u64| {
            world.fails(at, Duration::from_millis(ms), io::ErrorKind::ConnectionRefused)
        };
        let silent = || World::new().silent("192.0.2.1:80");
        let attempts = |list: &[(&str, u128)]| {
            list.iter().map(|(last, at)| (format!("192.0.2.{last}"), *at)).collect::<Vec<_>>()
        };
        for (world, expected, list, took) in [
            (held(World::new(), "192.0.2.1:80"), Ok("192.0.2.1"), &[("1", 0)][..], 0),
            (held(silent(), "192.0.2.2:80"), Ok("192.0.2.2"), &[("1", 0), ("2", 250)], 250),
            // A refusal is an answer: nobody waits for the head start to be over.
            (
                held(refused(World::new(), "192.0.2.1:80", 30), "192.0.2.2:80"),
                Ok("192.0.2.2"),
                &[("1", 0), ("2", 30)],
                30,
            ),
            (refused(silent(), "192.0.2.2:80", 100), Err("192.0.2.1 Silence"), &[("1", 0), ("2", 250)], 3000),
        ] {
            let (result, dialed, time) = raced(world, &["192.0.2.1", "192.0.2.2"]).await;
            assert_eq!(result.as_deref().map_err(String::as_str), expected);
            assert_eq!((dialed, time), (attempts(list), took));
        }
        assert_eq!(raced(World::new(), &[]).await.0, Err("none".to_owned()));
    }

    #[tokio::test(start_paused = true)]
    async fn a_name_with_very_many_addresses_takes_no_more_time() {
        let texts: Vec<String> = (0..250).map(|n| format!("192.0.2.{n}")).collect();
        let addresses: Vec<&str> = texts.iter().map(String::as_str).collect();
        let world = addresses.iter().fold(World::new(), |world, it| world.silent(&format!("{it}:80")));
        let (result, dialed, took) = raced(world, &addresses).await;
        assert!(result.is_err());
        assert_eq!((dialed.len(), took), (13, 6000));
    }
}
