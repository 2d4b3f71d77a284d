//! A trap for people who test with curl.

use crate::{Verdict, cause};
use evidence::Evidence;

cause! {
    /// The test was made over HTTP/2, where `Upgrade` does not exist
    ///
    /// # What you see
    /// `curl -H 'Upgrade: websocket' …` shows 400, 404 or 426 although browsers connect.
    ///
    /// # Why it happens
    /// Over https curl agrees on HTTP/2 where the server offers it, and drops or breaks the upgrade headers: HTTP/2
    /// has no `Upgrade` (RFC 9113 section 8.6). The server sees an ordinary GET.
    ///
    /// # What to do
    /// Test with `curl --http1.1`, or with a WebSocket client. Keepwire always speaks HTTP/1.1 for the handshake.
    ///
    /// # How to be sure
    /// `curl -w '%{http_version}'` prints 2; with `--http1.1` the answer is 101.
    "upgrade-curl-h2-false-negative", Upgrade, judge
}

/// Our own handshake is never made over HTTP/2 by accident, so nothing that we see speaks for it.
fn judge(_: &Evidence) -> Verdict {
    Verdict::Unseen
}
