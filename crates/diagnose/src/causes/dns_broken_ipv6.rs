//! The name has IPv6 addresses that do not work.

use crate::reading::duration;
use crate::{Confidence, Finding, Remedy, Stack, Symptom, Verdict, cause, text};
use evidence::{Evidence, Reached};

cause! {
    /// The name's IPv6 address does not work
    ///
    /// # What you see
    /// The first attempt hangs for seconds and then works; or it fails at once in programs that try only the first
    /// address. Browsers hide it, because they try both kinds (Happy Eyeballs).
    ///
    /// # Why it happens
    /// An AAAA record is published, but the server does not listen on IPv6, or a firewall has rules for IPv4 only.
    ///
    /// # What to do
    /// Listen on IPv6 and open the firewall for it; or take the AAAA record away.
    ///
    /// # How to be sure
    /// `keepwire check -6 URL` fails, `keepwire check -4 URL` works.
    "dns-broken-ipv6", Dns, judge
}

fn judge(evidence: &Evidence) -> Verdict {
    let target = &evidence.case.target;
    if target.host == "localhost" {
        return Verdict::Unseen;
    }
    let attempts = evidence.connections_to(target.port);
    let works = attempts.iter().find(|seen| seen.to.is_ipv4() && seen.outcome == Reached::Connected);
    let (six, works_six): (Vec<_>, bool) = (
        attempts.iter().filter(|seen| seen.to.is_ipv6() && seen.outcome != Reached::Connected).collect(),
        attempts.iter().any(|seen| seen.to.is_ipv6() && seen.outcome == Reached::Connected),
    );
    // Without a way of our own it is this machine that has no IPv6, and systems then do not even try.
    let theirs = |outcome: Reached| !matches!(outcome, Reached::NetworkUnreachable | Reached::NoSourceAddress | Reached::Forbidden);
    let six: Vec<_> = six.into_iter().filter(|seen| theirs(seen.outcome)).collect();
    let (Some(works), Some(first), false) = (works, six.first(), works_six) else { return Verdict::Unseen };
    let title = text!("{host} has an IPv6 address that does not work", host = &target.host);
    let seen = match first.outcome {
        Reached::Silence => text!("{address} stays silent ({time}).", address = first.to, time = duration(first.took_us)),
        _ => text!("{address} refuses the connection.", address = first.to),
    };
    let mut finding = Finding::warning(Confidence::Proven, title)
        .proof(&[first.id], seen)
        .proof(&[works.id], text!("{address} of the same name takes it.", address = works.to))
        .not(text!("this machine's IPv6: it has a way there, or the answer would be another"))
        .users(text!("Programs that try one address only fail or hang: websocat, old Node.js. Browsers work, sometimes after a pause."))
        .remedy(
            Remedy::for_stack(Stack::Nginx, text!("Listen on IPv6 as well"), if target.secure { "listen 443 ssl;\nlisten [::]:443 ssl;" } else { "listen 80;\nlisten [::]:80;" })
                .command("nginx -t && nginx -s reload"),
        )
        .remedy(Remedy::for_stack(Stack::Linux, text!("Open the firewall for IPv6, too"), format!("ip6tables -A INPUT -p tcp --dport {} -j ACCEPT", target.port)))
        .remedy(Remedy::new(text!("Or take the AAAA record away")));
    for seen in six {
        finding = finding.explains(Symptom::AddressNotReached(seen.to.ip()));
    }
    finding.holds()
}

#[cfg(test)]
mod tests {
    use super::CAUSE;
    use crate::sample::{Sample, does_not_hold, holds};
    use evidence::Reached;

    fn with_v6(url: &str, outcome: Reached) -> Sample {
        Sample::at(url).connection("2001:db8::1", 80, outcome)
    }

    #[test]
    fn holds_where_only_ipv4_answers() {
        for outcome in [Reached::Silence, Reached::Refused, Reached::HostUnreachable] {
            assert_eq!(holds(&CAUSE, with_v6("ws://app.example/ws", outcome)).explains.len(), 1);
        }
    }

    #[test]
    fn near_misses() {
        for outcome in [Reached::Connected, Reached::NetworkUnreachable, Reached::NoSourceAddress] {
            does_not_hold(&CAUSE, with_v6("ws://app.example/ws", outcome));
        }
        does_not_hold(&CAUSE, Sample::bare("ws://app.example/ws").connection("2001:db8::1", 80, Reached::Silence));
        does_not_hold(&CAUSE, Sample::bare("ws://localhost/").connection("127.0.0.1", 80, Reached::Connected).connection("::1", 80, Reached::Refused));
    }
}
