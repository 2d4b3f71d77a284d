//! The application waits for a first message, and closes when none comes.

use crate::reading::duration;
use crate::sessions::closed;
use crate::{Confidence, Remedy, Stack, Verdict, cause, text};
use evidence::{Evidence, HoldKind, How};

cause! {
    /// The application protocol wants a first message in time
    ///
    /// # What you see
    /// The socket opens and is closed a fixed few seconds later: 4408 `Connection initialisation timeout`
    /// (graphql-transport-ws), 1002 `No subprotocol init`, 3000, or a code of the application's own.
    ///
    /// # Why it happens
    /// Protocols such as graphql-transport-ws (`connection_init`, 3 s), STOMP (`CONNECT`), WAMP or MQTT begin with a
    /// message of the client. A client that only opens the socket, sends it too late, or loses it, is thrown out.
    ///
    /// # What to do
    /// Send the first message right after `onopen`, with a client library of that protocol.
    ///
    /// # How to be sure
    /// The close comes after the same time on every connection, pings or not, and before any data.
    "frame-app-init-timeout", Protocol, judge
}

fn judge(evidence: &Evidence) -> Verdict {
    let Some(closed) = closed(evidence) else { return Verdict::Unseen };
    let named = closed.code == 4408 || closed.reason_has(&["init", "handshake timeout", "no connect"]);
    let private = matches!(closed.code, 1002 | 1008 | 3000..=4999);
    let again = |kind| {
        evidence.holds(kind).any(|seen| {
            seen.id != closed.id
                && seen.ending.as_ref().is_some_and(|ending| {
                    matches!(&ending.how, How::Close { code: Some(code), .. } if *code == closed.code)
                        && crate::sessions::same_time(ending.after_us, closed.after_us)
                })
        })
    };
    // Pings make no difference to it, so no idle timer does this.
    let constant = closed.held && again(HoldKind::Pings);
    let confidence = match (named, constant) {
        (true, _) if closed.code == 4408 || constant => Confidence::Proven,
        (true, false) if private && closed.after_us > 500_000 => Confidence::Likely,
        (false, true) if private => Confidence::Likely,
        _ => return Verdict::Unseen,
    };
    let time = duration(closed.after_us);
    let mut finding = closed.finding(
        confidence,
        text!("The application wants a first message, and closes after {time} without one", time = time),
    );
    if constant {
        finding = finding.not(text!("an idle timer: pings make no difference"));
    }
    finding
        .users(text!("JavaScript: onclose with code {code} a fixed time after onopen.", code = closed.code))
        .remedy(Remedy::for_stack(
            Stack::Browser,
            text!("Send the first message as soon as the socket is open"),
            "// graphql-transport-ws\nsocket.onopen = () => socket.send(JSON.stringify({ type: 'connection_init' }));",
        ))
        .remedy(Remedy::new(text!("Use a client library of the protocol, with the same subprotocol as the server")))
        .holds()
}

#[cfg(test)]
mod tests {
    use super::CAUSE;
    use crate::Confidence;
    use crate::sample::{Sample, does_not_hold, holds};
    use evidence::{HoldKind, How};

    fn close(code: u16, reason: &str) -> How {
        How::Close { code: Some(code), reason: reason.into() }
    }

    #[test]
    fn holds_where_the_first_message_is_missed() {
        let graphql = close(4408, "Connection initialisation timeout");
        let held = Sample::ws().opens().hold(HoldKind::Quiet, 0, Some(3.0), graphql);
        assert_eq!(holds(&CAUSE, held).confidence, Confidence::Proven);
        let own = Sample::ws()
            .opens()
            .hold(HoldKind::Quiet, 0, Some(5.0), close(4010, "bye"))
            .hold(HoldKind::Pings, 0, Some(5.1), close(4010, "bye"));
        assert_eq!(holds(&CAUSE, own).confidence, Confidence::Likely);
        let _ = holds(&CAUSE, Sample::ws().closes_early(4408, "", 3_000_000));
    }

    #[test]
    fn near_misses() {
        does_not_hold(&CAUSE, Sample::ws().opens().hold(HoldKind::Quiet, 0, Some(3.0), How::Fin));
        does_not_hold(&CAUSE, Sample::ws().opens().hold(HoldKind::Quiet, 0, Some(30.0), close(4201, "pong not received")));
        does_not_hold(&CAUSE, Sample::ws().closes_early(4401, "token expired", 2_000));
        does_not_hold(&CAUSE, Sample::ws().opens());
    }
}
