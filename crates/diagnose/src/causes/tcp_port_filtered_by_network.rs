//! The network on the client's side lets only the usual ports through.

use super::tcp_syn_dropped::silent;
use crate::{Confidence, Finding, Remedy, Stack, Symptom, Verdict, cause, text};
use evidence::{Evidence, Question, Reached};

cause! {
    /// Your network lets only web ports out
    ///
    /// # What you see
    /// A time-out at a port of its own (8080, 9001, 19390), from an office, school, hotel or mobile network; from
    /// elsewhere it works.
    ///
    /// # Why it happens
    /// Such networks often allow only 80 and 443 to the outside.
    ///
    /// # What to do
    /// Serve the socket on 443, best under the page's own host; a proxy in front passes it on to the port.
    ///
    /// # How to be sure
    /// Port 443 of the same machine answers, and from another network the port does, too.
    "tcp-port-filtered-by-network", Network, judge
}

fn judge(evidence: &Evidence) -> Verdict {
    let target = &evidence.case.target;
    if matches!(target.port, 80 | 443) || target.is_loopback() {
        return Verdict::Unseen;
    }
    let Some(silent) = silent(evidence) else { return Verdict::Unseen };
    let web = [443, 80].into_iter().flat_map(|port| evidence.connections_to(port)).find(|seen| seen.outcome == Reached::Connected);
    let Some(web) = web else {
        let open: Vec<_> = [443, 80]
            .into_iter()
            .map(|port| Question::Connect { port: Some(port) })
            .filter(|question| !evidence.is_answered(question))
            .collect();
        return if open.is_empty() { Verdict::Unseen } else { Verdict::Open(open) };
    };
    let ids: Vec<u32> = silent.iter().map(|seen| seen.id).collect();
    Finding::error(Confidence::Possible, text!("Your network may let only web ports through, not port {port}", port = target.port))
        .explains(Symptom::NotReached)
        .proof(&ids, text!("Nothing comes back from port {port}.", port = target.port))
        .proof(&[web.id], text!("Port {port} of the same machine takes connections.", port = web.to.port()))
        .would_tell(text!("Try from another network: if the port answers there, it is your network; if not, the server's firewall."))
        .remedy(Remedy::for_stack(
            Stack::Nginx,
            text!("Serve the socket on 443, beside the page"),
            format!("location {} {{\n    proxy_pass http://127.0.0.1:{};\n    proxy_http_version 1.1;\n    proxy_set_header Upgrade $http_upgrade;\n    proxy_set_header Connection \"upgrade\";\n}}", target.bare_path(), target.port),
        ))
        .holds()
}

#[cfg(test)]
mod tests {
    use super::CAUSE;
    use crate::sample::{ADDRESS, Sample, asks, does_not_hold, holds};
    use evidence::{Question, Reached};

    fn silent(url: &str, port: u16) -> Sample {
        Sample::bare(url).connection(ADDRESS, port, Reached::Silence)
    }

    #[test]
    fn holds_where_only_the_web_ports_answer() {
        let sample = silent("ws://app.example:9001/ws", 9001);
        assert_eq!(asks(&CAUSE, sample.clone()).len(), 2);
        let _ = holds(&CAUSE, sample.connection(ADDRESS, 443, Reached::Connected));
    }

    #[test]
    fn near_misses() {
        let mut dead = silent("ws://app.example:9001/ws", 9001);
        for port in [443, 80] {
            dead = dead.connection(ADDRESS, port, Reached::Silence).answered(Question::Connect { port: Some(port) });
        }
        does_not_hold(&CAUSE, dead);
        does_not_hold(&CAUSE, silent("wss://app.example/ws", 443).connection(ADDRESS, 80, Reached::Connected));
        let refused = Sample::bare("ws://app.example:9001/ws").connection(ADDRESS, 9001, Reached::Refused);
        does_not_hold(&CAUSE, refused.connection(ADDRESS, 443, Reached::Connected));
    }
}
