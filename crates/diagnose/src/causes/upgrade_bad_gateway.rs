//! The proxy answers for an application that it cannot reach or understand.

use crate::answers::{Refusal, get_proof, not_switched, plain_get, refusal, refused_as};
use crate::fingerprint;
use crate::reading::{hop, status_line};
use crate::{Confidence, Finding, Remedy, Stack, Symptom, Verdict, cause, recipes, text};
use evidence::{Answer, Evidence, Response};

cause! {
    /// The proxy gets no usable answer from the application
    ///
    /// # What you see
    /// 502 or 503 (Cloudflare: 520 to 526; Apache and Traefik: sometimes 500) with the proxy's own error page.
    ///
    /// # Why it happens
    /// The application is down, listens on another port or address, speaks another protocol (https or HTTP/2 where
    /// plain HTTP/1.1 is expected, or the other way round), or closes the connection when it gets the upgrade.
    ///
    /// # What to do
    /// Read the proxy's error log: it names the address and the reason. Then ask the application directly from the
    /// machine of the proxy.
    ///
    /// # How to be sure
    /// A plain GET gets the same error: the application is unreachable for the proxy. It works: the application
    /// drops upgrades.
    "upgrade-bad-gateway", Upgrade, judge
}

const PRECISE: &[&str] = &[
    "tls-upstream-scheme-mismatch",
    "tls-upstream-verify-failed",
    "app-wrong-transport-path",
    "upgrade-stripped",
    "forward-proxy-upstream-failed",
    "tcp-lb-no-healthy-target",
];

fn judge(evidence: &Evidence) -> Verdict {
    if let Some(piped) = behind_a_pipe(evidence) {
        return piped.holds();
    }
    let Some((seen, response)) = refused_as(evidence, Refusal::Upstream) else { return Verdict::Unseen };
    let get = plain_get(evidence);
    let get_fails = get.is_some_and(|(_, get)| refusal(get) == Some(Refusal::Upstream));
    // Apache's and Traefik's 500 tell nothing by themselves: everything must fail alike.
    if response.status == 500 && !get_fails {
        return Verdict::Unseen;
    }
    let who = hop(response);
    let title = match get {
        Some(_) if !get_fails => text!("The application behind {hop} fails when the upgrade comes; plain requests it answers", hop = who),
        _ => text!("{hop} gets no usable answer from the application behind it", hop = who),
    };
    let sure = response.status != 500 && (response.status != 503 || fingerprint::own_page(response).is_some());
    let mut finding = not_switched(if sure { Confidence::Proven } else { Confidence::Likely }, seen, response, title)
        .because(because(response))
        .proof_if(get_proof(evidence));
    if let Some(product) = fingerprint::own_page(response) {
        let text = text!("It is an error page of {product} itself: the request reached no application.", product = product.name());
        finding = finding.proof(&[seen.id], text);
    }
    if let Some(text) = edge_code(response.status) {
        finding = finding.proof(&[seen.id], text);
    }
    finding
        .remedies(recipes::for_response(Some(response), remedies()))
        .would_tell(text!("The proxy's error log names the address and the reason: refused, timed out, TLS, or closed early."))
        .yields_to(PRECISE)
        .holds()
}

/// A proxy that pipes upgrades (varnish) closes without a word, and shows its error page to a plain GET.
fn behind_a_pipe(evidence: &Evidence) -> Option<Finding> {
    let seen = evidence.handshake()?;
    if !matches!(seen.fact.answer, Answer::Ended(_) | Answer::Reset(_)) {
        return None;
    }
    let (id, response) = plain_get(evidence)?;
    if refusal(response) != Some(Refusal::Upstream) {
        return None;
    }
    let title = text!("{hop} gets no usable answer from the application behind it", hop = hop(response));
    let finding = Finding::error(Confidence::Likely, title)
        .explains(Symptom::NotSwitched)
        .proof(&[seen.id], text!("The connection is closed without an answer to the upgrade."))
        .proof(&[id], text!("A plain GET without Upgrade gets {status}.", status = status_line(response)))
        .remedies(recipes::for_response(Some(response), remedies()))
        .yields_to(PRECISE);
    Some(finding)
}

fn because(response: &Response) -> Option<&'static str> {
    let body = response.body.text.as_str();
    match response.status {
        520..=530 => Some("cloudflare-origin-5xx"),
        503 if body.contains("No server is available to handle this request") => Some("haproxy-no-backend"),
        _ => None,
    }
}

/// Cloudflare's own statuses (its documentation, "Error 5xx").
fn edge_code(status: u16) -> Option<crate::Text> {
    Some(match status {
        520 => text!("520: the origin's answer is empty or broken."),
        521 => text!("521: the origin refuses Cloudflare's connections."),
        522 => text!("522: the origin does not take connections in time."),
        523 => text!("523: the origin cannot be reached."),
        525 => text!("525: the TLS handshake with the origin fails."),
        526 => text!("526: the origin's certificate is not valid."),
        530 => text!("530: the origin's name does not resolve, or its tunnel is down."),
        _ => return None,
    })
}

fn remedies() -> Vec<Remedy> {
    vec![
        Remedy::for_stack(
            Stack::Nginx,
            text!("See what the error log says, and let proxy_pass point to where the application listens"),
            "proxy_pass http://127.0.0.1:3000;   # http for plain, https for TLS; the port of `ss -ltnp`",
        )
        .command("tail -n 20 /var/log/nginx/error.log")
        .command("curl -i http://127.0.0.1:3000/"),
        Remedy::for_stack(
            Stack::Apache,
            text!("See what the error log says: AH00957 is a refused connection, AH01144 a module that is missing, AH01961 SSLProxyEngine"),
            "ProxyPass \"/\" \"http://127.0.0.1:3000/\" upgrade=websocket",
        )
        .command("tail -n 20 /var/log/apache2/error.log")
        .command("a2enmod proxy proxy_http proxy_wstunnel"),
        Remedy::for_stack(
            Stack::Haproxy,
            text!("See which servers are up, and why not: the log has <NOSRV> where no backend matched"),
            "backend app\n    server s1 127.0.0.1:3000 check   # no `ssl` for a plain application",
        )
        .command("echo 'show servers state' | socat stdio /run/haproxy/admin.sock"),
        Remedy::for_stack(
            Stack::Caddy,
            text!("Speak HTTP/1.1 to the application, and https only where it speaks TLS"),
            "reverse_proxy http://127.0.0.1:3000   # no `versions h2c` for a route with WebSockets",
        )
        .command("journalctl -u caddy -n 20"),
        Remedy::for_stack(
            Stack::Traefik,
            text!("Let the service point to where the application listens, with http and not h2c or https"),
            "services:\n  app:\n    loadBalancer:\n      servers:\n      - url: http://127.0.0.1:3000",
        ),
        Remedy::for_stack(
            Stack::Envoy,
            text!("See whether the cluster has healthy endpoints, and whether it speaks HTTP/1.1"),
            "# /clusters on the admin port; no http2_protocol_options for an HTTP/1.1 application",
        )
        .command("curl -s localhost:9901/clusters | grep -E 'health_flags|cx_connect_fail'"),
        Remedy::new(text!("Start the application, and check from the proxy's machine that it answers")).command("ss -ltnp"),
    ]
}

#[cfg(test)]
mod tests {
    use super::CAUSE;
    use crate::sample::{Sample, does_not_hold, holds};
    use evidence::{Answer, Preview, Variation};

    const NGINX: &str = "<h1>502 Bad Gateway</h1><center>nginx/1.22.1</center>";

    #[test]
    fn holds_where_the_proxy_answers_for_the_application() {
        for (status, headers, body, because) in [
            (502, &["server: nginx/1.22.1"][..], NGINX, None),
            (502, &["server: Caddy"], "", None),
            (502, &[], "Bad Gateway", None),
            (503, &[], "<html><body><h1>503 Service Unavailable</h1>\nNo server is available to handle this request.", Some("haproxy-no-backend")),
            (503, &["server: envoy"], "no healthy upstream", None),
            (521, &["server: cloudflare"], "error code: 521", Some("cloudflare-origin-5xx")),
        ] {
            let sample = Sample::ws().answer_with(status, headers, body);
            assert_eq!(holds(&CAUSE, sample).because, because, "{status} {body}");
        }
        let only_upgrades = Sample::ws().answer(502, NGINX).experiment(Variation::without_upgrade(), 200, "page");
        assert!(holds(&CAUSE, only_upgrades).title.english().contains("plain requests it answers"));
        let traefik = Sample::ws().answer(500, "Internal Server Error").experiment(Variation::without_upgrade(), 500, "Internal Server Error");
        let _ = holds(&CAUSE, traefik);
        let varnish = Sample::ws()
            .exchange(Variation::plain(), Answer::Ended(Preview::default()))
            .experiment(Variation::without_upgrade(), 503, "Guru Meditation");
        let _ = holds(&CAUSE, varnish);
    }

    #[test]
    fn near_misses() {
        // nginx's own 503 is a limit, not a dead application.
        does_not_hold(&CAUSE, Sample::ws().answer_with(503, &["server: nginx"], "<center>nginx/1.22.1</center>"));
        // Only the upgrade fails with 500: the handler.
        let handler = Sample::ws().answer(500, "Internal Server Error").experiment(Variation::without_upgrade(), 200, "ok");
        does_not_hold(&CAUSE, handler);
        does_not_hold(&CAUSE, Sample::ws().answer(504, ""));
        does_not_hold(&CAUSE, Sample::ws().answer(503, "maintenance until noon"));
    }
}
