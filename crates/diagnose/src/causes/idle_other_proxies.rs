//! A hop that we cannot name, or another product, ends quiet connections.

use crate::fingerprint::{self, Product};
use crate::reading::duration;
use crate::sessions::cut;
use crate::timers::{TimerKind, timers_near};
use crate::{Stack, Verdict, cause, recipes, text, Finding};
use evidence::{Evidence, How};

cause! {
    /// A hop on the way ends quiet connections
    ///
    /// # What you see
    /// The socket dies a fixed time after the last byte, with close code 1006 and no error. HAProxy logs 101 with
    /// the flags `cD--` or `sD--`.
    ///
    /// # Why it happens
    /// Proxies end connections on which nothing moves: HAProxy without `timeout tunnel` after `timeout client` or
    /// `timeout server` (often 30 or 50 s), Apache `Timeout` 60 s, varnish `pipe_timeout` 60 s, Envoy
    /// `stream_idle_timeout` 300 s, h2o 300 s, lighttpd `server.max-read-idle` 60 s.
    ///
    /// # What to do
    /// Raise that limit for the socket, or send pings at half of it. Both is best.
    ///
    /// # How to be sure
    /// A quiet connection ends after the same time every time; one with pings stays.
    "idle-other-proxies", Alive, judge, told: told
}

fn judge(evidence: &Evidence) -> Verdict {
    let Some(cut) = cut(evidence) else { return Verdict::Unseen };
    if cut.pings_too() == Some(true) {
        return Verdict::RuledOut(text!("a connection with pings ends after the same time"));
    }
    let by_nginx = super::idle_nginx_read_timeout::in_front(evidence) && cut.ending.how == How::Fin;
    if by_nginx
        || super::idle_cloud::owner(evidence, cut.ending.idle_us).is_some()
        || super::idle_nat_state_lost::reset_by_our_ping(evidence, &cut)
    {
        return Verdict::Unseen;
    }
    let product = evidence
        .handshake()
        .and_then(|seen| seen.fact.response())
        .and_then(|response| fingerprint::hops(response).into_iter().find(|product| *product != Product::Nginx));
    let time = duration(cut.ending.idle_us);
    let title = match product {
        Some(product) => text!("{product} ends quiet connections after {time}", product = product.name(), time = &time),
        None => text!("A hop on the way ends quiet connections after {time}", time = &time),
    };
    let mut finding = cut.idle(title).because(because(product));
    let owners: Vec<&str> = timers_near(TimerKind::Idle, cut.ending.idle_us).map(|timer| timer.owner).collect();
    if !owners.is_empty() {
        finding = finding.proof(&[cut.seen.id], text!("That time is the default of: {owners}.", owners = owners.join("; ")));
    }
    if product.is_none() {
        finding = finding.would_tell(text!("HAProxy, AWS and many others do not name themselves: ask hop by hop with --connect-to to find whose timer it is."));
    }
    finding
        .remedies(recipes::only(product.and_then(Product::stack), recipes::longer_idle()))
        .remedies(super::idle_nginx_read_timeout::pings(cut.ending.idle_us))
        .yields_to(&["forward-proxy-tunnel-timeout"])
        .holds()
}

fn because(product: Option<Product>) -> Option<&'static str> {
    match product?.stack()? {
        Stack::Apache => Some("apache-idle-timeout"),
        Stack::Envoy => Some("envoy-stream-idle-timeout"),
        _ => None,
    }
}

/// The configuration says when.
fn told(evidence: &Evidence) -> Option<Finding> {
    super::idle_nginx_read_timeout::idle_told(evidence, |timer| timer != "proxy_read_timeout")
}

#[cfg(test)]
mod tests {
    use super::CAUSE;
    use crate::Confidence;
    use crate::sample::{Sample, does_not_hold, holds};
    use evidence::{HoldKind, How};

    fn held(server: &str, how: How, pings: Option<f64>) -> Sample {
        Sample::ws()
            .answer_with(101, &[&format!("server: {server}")], "")
            .hold(HoldKind::Quiet, 0, Some(50.2), how.clone())
            .hold(HoldKind::Quiet, 1, Some(50.3), how.clone())
            .hold(HoldKind::Pings, 0, pings, how)
    }

    #[test]
    fn holds_for_any_other_hop() {
        let unknown = holds(&CAUSE, held("app", How::Fin, None));
        assert_eq!(unknown.confidence, Confidence::Proven);
        assert!(unknown.proof.iter().any(|proof| proof.text.english().contains("HAProxy")));
        assert_eq!(holds(&CAUSE, held("envoy", How::Fin, None)).because, Some("envoy-stream-idle-timeout"));
        let _ = holds(&CAUSE, held("nginx", How::Reset, None));
    }

    #[test]
    fn near_misses() {
        does_not_hold(&CAUSE, held("nginx", How::Fin, None));
        does_not_hold(&CAUSE, held("app", How::Fin, Some(50.2)));
        does_not_hold(&CAUSE, held("app", How::Close { code: Some(4408), reason: String::new() }, None));
        does_not_hold(&CAUSE, Sample::ws().opens().hold(HoldKind::Quiet, 0, None, How::Fin));
    }
}
