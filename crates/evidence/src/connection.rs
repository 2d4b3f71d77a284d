//! What one TCP connection attempt came to.

use crate::Micros;
use serde::{Deserialize, Serialize};
use std::net::SocketAddr;

/// One attempt to one address.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Connection {
    /// Where to.
    pub to: SocketAddr,
    /// What came of it.
    pub outcome: Reached,
    /// Time to that outcome.
    pub took_us: Micros,
}

/// The outcome of a TCP connection attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Reached {
    /// Connected.
    Connected,
    /// RST in answer to SYN: `ECONNREFUSED`. An ICMP port-unreachable looks the same from here.
    Refused,
    /// Reset while connecting.
    Reset,
    /// `EHOSTUNREACH`: an ICMP rejection on the way, or no ARP answer on the own link.
    HostUnreachable,
    /// `ENETUNREACH`: an ICMP rejection, or no route here.
    NetworkUnreachable,
    /// A local rule forbids it: `EACCES` or `EPERM`.
    Forbidden,
    /// No source port or address was left: `EADDRNOTAVAIL`.
    NoSourceAddress,
    /// Nothing came back in the time that was given.
    Silence,
    /// Any other error number of the system.
    Failed(i32),
}
