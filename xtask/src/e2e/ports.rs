//! Free TCP and UDP ports on loopback, none handed out twice in one run.

use std::fs;
use std::net::{Ipv4Addr, Ipv6Addr, TcpListener, UdpSocket};
use std::sync::atomic::{AtomicU16, Ordering};

/// Below Linux's default range for outgoing connections (32768 and up), so that no client socket can take a
/// port between our look and the server's bind; and clear of the ports that browsers refuse.
static NEXT: AtomicU16 = AtomicU16::new(0);
const FIRST: u16 = 21_000;
const LAST: u16 = 31_900;

/// A port that nobody listens on, in either address family.
///
/// # Errors
///
/// When the whole range is taken.
pub(crate) fn free_port() -> super::Result<u16> {
    // Two runs at a time start at different places.
    let offset = (std::process::id() % 100) as u16 * 100;
    for _ in FIRST..LAST {
        let step = NEXT.fetch_add(1, Ordering::Relaxed);
        let port = FIRST + (offset.wrapping_add(step)) % (LAST - FIRST);
        let free = TcpListener::bind((Ipv4Addr::UNSPECIFIED, port)).is_ok()
            && TcpListener::bind((Ipv6Addr::LOCALHOST, port)).is_ok()
            && UdpSocket::bind((Ipv4Addr::LOCALHOST, port)).is_ok();
        if free {
            return Ok(port);
        }
    }
    Err("no free port between 21000 and 31900".into())
}

/// True when a process in the network namespace of `pid` listens on `port`, TCP or (for a DNS server) UDP.
///
/// Reads the kernel's table instead of connecting: a connection would count against rate limits, and would be
/// the first one that a one-connection server sees.
pub(crate) fn listens(pid: u32, port: u16) -> bool {
    let wanted = format!(":{port:04X}");
    let has = |table: &str, state: &str| {
        fs::read_to_string(format!("/proc/{pid}/net/{table}")).is_ok_and(|text| {
            text.lines().skip(1).any(|line| {
                let mut words = line.split_ascii_whitespace().skip(1);
                let local = words.next().unwrap_or_default();
                let is_state = words.nth(1) == Some(state);
                local.ends_with(&wanted) && is_state
            })
        })
    };
    // 0A is TCP_LISTEN; a bound UDP socket is in state 07 (include/net/tcp_states.h).
    has("tcp", "0A") || has("tcp6", "0A") || has("udp", "07") || has("udp6", "07")
}
