//! The framework serves its socket elsewhere.

use crate::answers::{Refusal, refusal};
use crate::reading::{answer, duration, experiment};
use crate::{Confidence, Finding, Remedy, Stack, Symptom, Verdict, cause, text};
use evidence::{Answer, Evidence, PathVariant, Question, Variation};

cause! {
    /// The framework serves its socket at another path
    ///
    /// # What you see
    /// Nothing but the end of the connection after one second (Socket.IO), 502 through a proxy, or 404.
    ///
    /// # Why it happens
    /// Socket.IO listens at `/socket.io/` unless told otherwise, and drops upgrades to other paths after a second
    /// without a word. In its client the part after the host is a *namespace*, not a path.
    ///
    /// # What to do
    /// Use the framework's path, with the same `path` option on both sides, and let the proxy pass it on.
    ///
    /// # How to be sure
    /// `/socket.io/?EIO=4&transport=websocket` opens at the same address.
    "app-wrong-transport-path", Upgrade, judge
}

/// Where Socket.IO listens by default, with the query that it wants.
pub(super) const SOCKET_IO: &str = "/socket.io/?EIO=4&transport=websocket";

fn judge(evidence: &Evidence) -> Verdict {
    let Some(seen) = evidence.handshake().filter(|seen| seen.was_sent()) else { return Verdict::Unseen };
    if evidence.case.target.path.starts_with("/socket.io") {
        return Verdict::Unseen;
    }
    // The time after which engine.io gives up on an upgrade that nobody wants (destroyUpgradeTimeout).
    let after_a_second = (900_000..1_600_000).contains(&seen.fact.took_us);
    let fits = match &seen.fact.answer {
        Answer::Ended(first) => after_a_second && first.length == 0,
        Answer::Response(response) if response.status == 101 => return Verdict::Unseen,
        Answer::Response(response) => after_a_second && refusal(response) == Some(Refusal::Upstream),
        _ => false,
    };
    let elsewhere = Variation::path(PathVariant::To(SOCKET_IO.to_owned()));
    let Some(other) = experiment(evidence, &elsewhere) else {
        return if fits { Verdict::Open(vec![Question::Upgrade(elsewhere)]) } else { Verdict::Unseen };
    };
    if !other.opened() {
        return if fits { Verdict::RuledOut(text!("nothing opens at /socket.io/ either")) } else { Verdict::Unseen };
    }
    let path = evidence.case.target.bare_path();
    Finding::error(Confidence::Proven, text!("The socket is Socket.IO's, and it is served at /socket.io/, not at {path}", path = path))
        .explains(Symptom::NotSwitched)
        .explains(Symptom::BrowserRefused)
        .proof(&[seen.id], text!("At {path} it is, after {time}: {answer}.", path = path, time = duration(seen.fact.took_us), answer = answer(&seen.fact.answer)))
        .proof(&[other.id], text!("At {path} the same handshake gets 101.", path = SOCKET_IO))
        .remedy(Remedy::for_stack(
            Stack::SocketIo,
            text!("Give client and server the same path; what stands after the host in the client is a namespace"),
            "io('https://app.example', { path: '/socket.io/' })\nnew Server(server, { path: '/socket.io/' })",
        ))
        .remedy(Remedy::for_stack(
            Stack::Nginx,
            text!("Pass the framework's path on"),
            "location /socket.io/ {\n    proxy_pass http://your_backend;\n    proxy_http_version 1.1;\n    proxy_set_header Upgrade $http_upgrade;\n    proxy_set_header Connection $connection_upgrade;\n}",
        ))
        .holds()
}

#[cfg(test)]
mod tests {
    use super::{CAUSE, SOCKET_IO};
    use crate::sample::{Sample, does_not_hold, holds};
    use evidence::{Answer, PathVariant, Preview, Variation};

    fn there() -> Variation {
        Variation::path(PathVariant::To(SOCKET_IO.to_owned()))
    }

    #[test]
    fn holds_where_socket_io_answers_elsewhere() {
        let ended = Sample::ws().exchange(Variation::plain(), Answer::Ended(Preview::default()));
        let _ = holds(&CAUSE, ended.clone().opens_with(there(), |_| {}));
        let _ = holds(&CAUSE, Sample::ws().answer(404, "no").opens_with(there(), |_| {}));
        does_not_hold(&CAUSE, ended.exchange(there(), Answer::Ended(Preview::default())));
        does_not_hold(&CAUSE, Sample::ws().opens().opens_with(there(), |_| {}));
    }
}
