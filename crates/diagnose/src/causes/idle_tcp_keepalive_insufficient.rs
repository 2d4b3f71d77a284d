//! TCP keepalive does not keep a WebSocket alive.

use crate::{Verdict, cause};
use evidence::Evidence;

cause! {
    /// TCP keepalive alone does not help
    ///
    /// # What you see
    /// The socket dies when quiet although `SO_KEEPALIVE` is on.
    ///
    /// # Why it happens
    /// Linux begins with keepalive probes after 7200 s of silence. And they end at the first proxy: a hop of layer 7
    /// has one TCP connection on each side and counts only the bytes inside.
    ///
    /// # What to do
    /// WebSocket pings, which every hop sees as traffic. TCP keepalive with 60 s helps against NATs and network load
    /// balancers only.
    ///
    /// # How to be sure
    /// On the server `ss -o state established` shows the keepalive timer; compare it with the measured limit.
    "idle-tcp-keepalive-insufficient", Alive, judge
}

/// Options of sockets are not to be seen from outside, so nothing that we see speaks for it.
fn judge(_: &Evidence) -> Verdict {
    Verdict::Unseen
}
