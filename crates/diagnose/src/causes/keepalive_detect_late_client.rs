//! Nobody would notice that the connection is dead.

use crate::{Confidence, Finding, Remedy, Stack, Verdict, cause, text};
use evidence::{Evidence, HoldKind};

cause! {
    /// A dead connection is noticed late
    ///
    /// # What you see
    /// The application believes that it is connected, minutes after the network went away. The first message then
    /// fails after up to 15 minutes.
    ///
    /// # Why it happens
    /// TCP says nothing about a peer that is gone as long as nothing is sent. Without pings from the client, and
    /// without a deadline for the answer, nobody notices.
    ///
    /// # What to do
    /// Client: send something regularly and end the connection if no answer comes in time. In browsers, where pings
    /// cannot be sent: watch for the server's messages.
    ///
    /// # How to be sure
    /// Hold a quiet connection over a path that forgets it: neither side closes.
    "keepalive-detect-late-client", Alive, judge
}

fn judge(evidence: &Evidence) -> Verdict {
    let dead = evidence.holds(HoldKind::Quiet).find(|seen| seen.ending.is_none() && seen.alive_after == Some(false));
    let Some(dead) = dead.filter(|dead| dead.server_pings == 0) else { return Verdict::Unseen };
    Finding::note(Confidence::Likely, text!("The server sends no pings, so that neither side notices a dead connection"))
        .proof(&[dead.id], text!("The connection was dead, and no close, reset or ping of the server said so."))
        .remedy(Remedy::for_stack(
            Stack::Browser,
            text!("End the connection where the server was silent for too long"),
            "let alive;\nconst heard = () => { clearTimeout(alive); alive = setTimeout(() => socket.close(4000, 'server is silent'), 45_000); };\nsocket.onopen = socket.onmessage = heard;   // the server sends something every 20 s",
        ))
        .remedy(Remedy::for_stack(
            Stack::Python,
            text!("Ping from the client, with a deadline"),
            "connect(url, ping_interval=20, ping_timeout=20)   # websockets: the default",
        ))
        .holds()
}

#[cfg(test)]
mod tests {
    use super::CAUSE;
    use crate::sample::{Sample, does_not_hold, holds};
    use evidence::{Fact, Hold, HoldKind, Place};

    fn quiet(alive: bool, server_pings: u64) -> Sample {
        let hold = Hold {
            kind: HoldKind::Quiet,
            run: 0,
            ending: None,
            alive_after: Some(alive),
            held_us: 150_000_000,
            server_spoke: 0,
            server_pings,
        };
        Sample::ws().opens().fact(Place::Server, Fact::Hold(hold))
    }

    #[test]
    fn holds_where_nobody_would_notice() {
        let _ = holds(&CAUSE, quiet(false, 0));
        does_not_hold(&CAUSE, quiet(false, 3));
        does_not_hold(&CAUSE, quiet(true, 0));
    }
}
