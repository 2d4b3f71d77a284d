//! Full packets do not get through, and nobody says so.

use crate::fingerprint;
use crate::reading::{opening, size, tls_failed};
use crate::{Confidence, Finding, Remedy, Stack, Symptom, Verdict, cause, text};
use evidence::{Answer, Evidence, Opening, StepEnd, TlsOutcome, TlsVariation};

cause! {
    /// Full packets are lost on the way (MTU)
    ///
    /// # What you see
    /// The handshake and short messages work; from about 1.3 KB on nothing arrives, without an error, until something
    /// times out. With TLS it can hang right after the ClientHello, because the certificates fill whole packets.
    ///
    /// # Why it happens
    /// A link on the way (VPN, tunnel, PPPoE, container overlay) carries smaller packets than the ends think, and the
    /// message that says so (ICMP "fragmentation needed", "packet too big") is blocked.
    ///
    /// # What to do
    /// Let ICMP type 3 code 4 and ICMPv6 type 2 pass; or clamp the MSS on the router of the narrow link; or lower the
    /// MTU of the interface.
    ///
    /// # How to be sure
    /// `ping -M do -s 1472 HOST` gets no answer and no error, while a smaller size does. On Linux
    /// `net.ipv4.tcp_mtu_probing=1` on the sender makes it work.
    "tcp-mtu-blackhole", Network, judge
}

/// The largest message that still goes into one packet of Ethernet with a margin for headers.
const ONE_PACKET: u64 = 1_400;
/// The first rung of the ladder that certainly needs more than one packet.
const TWO_PACKETS: u64 = 1_500;

fn judge(evidence: &Evidence) -> Verdict {
    let stalled = evidence.sizes().find_map(|seen| {
        let at = seen.fact.steps.iter().position(|step| step.end == StepEnd::Stalled)?;
        let good = seen.fact.steps[..at].last()?;
        Some((seen.id, good.size, seen.fact.steps[at].size, seen.fact.echoes))
    });
    let finding = match stalled {
        Some((id, good, bad, echoes)) if good <= TWO_PACKETS && bad > 125 => {
            let confidence = match (good <= ONE_PACKET, bad <= TWO_PACKETS) {
                (true, true) => Confidence::Likely,
                _ => Confidence::Possible,
            };
            Finding::error(confidence, text!("Full packets are lost on the way: the path's MTU is smaller than both ends think"))
                .explains(Symptom::SizeLimited)
                .proof(
                    &[id],
                    text!("A message of {good} gets through; one of {bad} does not, and there is neither an error nor an end.", good = size(good), bad = size(bad)),
                )
                .proof_if(echoes.then(|| (id, text!("The server echoes, so either direction may be the one that loses them."))))
                .not(text!("a limit of the server: that would close with 1009 or end the connection"))
        }
        _ => match certificates_lost(evidence) {
            Some((hello, small)) => Finding::error(
                Confidence::Possible,
                text!("The server's certificates do not arrive: full packets may be lost on the way (MTU)"),
            )
            .explains(Symptom::TlsFailed)
            .proof(&[hello], text!("After our ClientHello nothing comes back."))
            .proof(&[small], text!("A short answer of the same port does arrive.")),
            None => return Verdict::Unseen,
        },
    };
    finding
        .users(text!("Everybody behind the narrow link: it opens, short messages pass, longer ones hang until a time-out."))
        .would_tell(text!("ping -M do -s 1472 {host}: no answer at all means a black hole; \"Frag needed\" means that the path says so as it should.", host = &evidence.case.target.host))
        .remedy(
            Remedy::for_stack(
                Stack::Linux,
                text!("Clamp the MSS on the router of the narrow link"),
                "nft add rule inet filter forward tcp flags syn tcp option maxseg size set rt mtu\n# or: iptables -t mangle -A FORWARD -p tcp --tcp-flags SYN,RST SYN -j TCPMSS --clamp-mss-to-pmtu",
            )
            .command("sysctl -w net.ipv4.tcp_mtu_probing=1   # on the sender, to see whether it helps"),
        )
        .remedy(Remedy::for_stack(
            Stack::Kubernetes,
            text!("Give the overlay the MTU of the link below, less its own headers"),
            "# Calico: veth_mtu, Flannel: --iface-mtu, Docker: { \"mtu\": 1400 } in daemon.json; VXLAN takes 50 bytes, WireGuard 60 to 80",
        ))
        .remedy(Remedy::new(text!("Let the ICMP messages pass that announce the size: type 3 code 4, and ICMPv6 type 2")))
        .holds()
}

/// A silent TLS handshake at a port that does complain, in few bytes, about plain HTTP; also with a short hello.
fn certificates_lost(evidence: &Evidence) -> Option<(u32, u32)> {
    let tls = tls_failed(evidence).filter(|tls| tls.outcome == TlsOutcome::Silence)?;
    evidence.tls(&TlsVariation::Small).filter(|small| small.outcome == TlsOutcome::Silence)?;
    let short = opening(evidence, Opening::PlainHttp)??;
    match &short.fact.answer {
        Answer::Response(response) if fingerprint::says_tls_is_wanted(response) => Some((tls.id, short.id)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::CAUSE;
    use crate::Confidence;
    use crate::sample::{Sample, does_not_hold, holds};
    use evidence::{Ending, Fact, How, MessageKind, Place, SizeStep, Sizes, StepEnd};

    fn ladder(steps: &[(u64, StepEnd)]) -> Sample {
        let steps = steps
            .iter()
            .map(|(size, end)| SizeStep { size: *size, kind: MessageKind::Text, end: end.clone(), took_us: 1_000 })
            .collect();
        Sample::ws().opens().fact(Place::Server, Fact::Sizes(Sizes { steps, echoes: true }))
    }

    #[test]
    fn holds_where_a_full_packet_is_lost() {
        for (good, bad, confidence) in
            [(126, 1300, Confidence::Likely), (1300, 1500, Confidence::Likely), (1500, 8192, Confidence::Possible)]
        {
            let finding = holds(&CAUSE, ladder(&[(good, StepEnd::Echoed), (bad, StepEnd::Stalled)]));
            assert_eq!(finding.confidence, confidence, "{good} {bad}");
        }
    }

    #[test]
    fn near_misses() {
        let ended = StepEnd::Ended(Ending { how: How::Fin, after_us: 1, idle_us: 1 });
        does_not_hold(&CAUSE, ladder(&[(1300, StepEnd::Echoed), (1500, ended)]));
        // Limits of libraries and of the application.
        does_not_hold(&CAUSE, ladder(&[(65_536, StepEnd::Echoed), (65_537, StepEnd::Stalled)]));
        // Nothing at all is answered.
        does_not_hold(&CAUSE, ladder(&[(0, StepEnd::Stalled)]));
        does_not_hold(&CAUSE, ladder(&[(20_000, StepEnd::Echoed)]));
    }
}
