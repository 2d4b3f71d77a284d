//! What comes together with the 101 gets lost.

use crate::{Verdict, cause};
use evidence::Evidence;

cause! {
    /// The first message gets lost together with the 101
    ///
    /// # What you see
    /// The socket opens, and the server's first message (a greeting, the protocol's init) never arrives; some
    /// protocols then time out. With a slow network or a pause of 200 ms it works.
    ///
    /// # Why it happens
    /// The first frame often arrives in the same packet as the 101. A client or proxy that throws away what it has
    /// read beyond the head loses it (Node.js: the `head` argument of the `upgrade` event). Likewise for clients
    /// that send before the 101.
    ///
    /// # What to do
    /// Hand the rest of the buffer to the frame parser: `socket.unshift(head)` or `handleUpgrade(req, socket, head)`.
    ///
    /// # How to be sure
    /// A capture shows the frame behind the 101 on one side of the hop and not on the other. From outside a lost
    /// message cannot be told from one that was never sent.
    "frame-early-data-lost", Protocol, judge
}

/// Only a capture on both sides of the hop shows it, so nothing that we see speaks for it.
fn judge(_: &Evidence) -> Verdict {
    Verdict::Unseen
}
