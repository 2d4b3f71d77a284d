//! The proxy speaks http to a TLS port behind it, or https to a plain one.

use crate::reading::{hop, opening, quote, refused, status_line};
use crate::{Confidence, Finding, Remedy, Stack, Symptom, Verdict, cause, fingerprint, recipes, text, Safety, Severity, settings};
use evidence::{Answer, Evidence, Opening, Question, Setting, Wish};

cause! {
    /// The proxy uses the wrong scheme for the server behind it
    ///
    /// # What you see
    /// 400 with "The plain HTTP request was sent to HTTPS port" although the URL says `wss://`: that is the server behind,
    /// speaking through the proxy. The other way round 502 (nginx, Caddy), 500 (Apache), 503 (HAProxy, Envoy), and in the
    /// proxy's log `wrong version number` or "first record does not look like a TLS handshake".
    ///
    /// # Why it happens
    /// `proxy_pass http://` to a port that ends TLS itself, or `https://` to a plain one.
    ///
    /// # What to do
    /// Use the scheme that the server behind speaks. In Kubernetes that is the annotation `backend-protocol`.
    ///
    /// # How to be sure
    /// From the proxy's machine: `keepwire check ws://BACKEND:PORT/path` and the same with `wss://`.
    "tls-upstream-scheme-mismatch", Upgrade, judge, told: told
}

fn judge(evidence: &Evidence) -> Verdict {
    let Some((handshake, response)) = refused(evidence) else { return Verdict::Unseen };
    let body = response.body.text.as_str();
    let http_to_tls = fingerprint::says_tls_is_wanted(response);
    let https_to_plain = body.contains("WRONG_VERSION_NUMBER");
    if !http_to_tls && !https_to_plain {
        return Verdict::Unseen;
    }
    let mut front = None;
    if http_to_tls && !evidence.case.target.secure {
        // It may be the port itself that wants TLS.
        match opening(evidence, Opening::ClientHello) {
            None => return Verdict::Open(vec![Question::FirstBytes(Opening::ClientHello)]),
            Some(Some(hello)) if !matches!(hello.fact.answer, Answer::Alert(_)) => front = Some(hello.id),
            Some(_) => return Verdict::Unseen,
        }
    }
    let title = if http_to_tls {
        text!("{hop} speaks plain HTTP to a server behind it that wants TLS", hop = hop(response))
    } else {
        text!("{hop} speaks TLS to a server behind it that does not", hop = hop(response))
    };
    let finding = Finding::error(Confidence::Proven, title)
        .explains(Symptom::NotSwitched)
        .explains(Symptom::BrowserRefused)
        .proof(&[handshake.id], text!("The handshake gets {status}: \"{body}\"", status = status_line(response), body = quote(response, 160)))
        .proof_if(match front {
            Some(id) => Some((id, text!("The port that we speak to has no TLS itself, so the words come from behind it."))),
            None if http_to_tls => Some((handshake.id, text!("We did speak TLS, so the words come from behind the hop that ended it."))),
            None => None,
        })
        .users(text!("Browsers: close code 1006 and \"Unexpected response code: {status}\".", status = response.status))
        .remedies(recipes::for_response(Some(response), remedies(http_to_tls)));
    finding.holds()
}

fn remedies(to_tls: bool) -> Vec<Remedy> {
    let scheme = if to_tls { "https" } else { "http" };
    let ssl = if to_tls { " ssl verify required ca-file /etc/ssl/internal-ca.pem" } else { "   # without ssl" };
    let title = || text!("Use the scheme that the server behind speaks");
    vec![
        Remedy::for_stack(Stack::Nginx, title(), format!("proxy_pass {scheme}://127.0.0.1:8443;")).command("nginx -t && nginx -s reload"),
        Remedy::for_stack(Stack::Apache, title(), format!("ProxyPass / {scheme}://127.0.0.1:8443/ upgrade=websocket")),
        Remedy::for_stack(Stack::Haproxy, title(), format!("server app 127.0.0.1:8443{ssl}")),
        Remedy::for_stack(Stack::Caddy, title(), format!("reverse_proxy {scheme}://127.0.0.1:8443")),
        Remedy::for_stack(Stack::Kubernetes, title(), format!("nginx.ingress.kubernetes.io/backend-protocol: \"{}\"", scheme.to_uppercase())),
    ]
}

/// Scheme and port of the upstream do not fit together.
fn told(evidence: &Evidence) -> Option<Finding> {
    let (seen, upstream) = settings::find(evidence, |what| match what {
        Setting::SchemeMismatch { upstream } => Some(upstream),
        _ => None,
    })?;
    let hop = settings::product(evidence);
    let title = text!("{hop} speaks to {upstream}: scheme and port do not fit together", hop = hop, upstream = upstream.as_str());
    let remedy = Remedy::wish(Safety::AskFirst, text!("Speak what the port speaks"), Wish::MatchScheme);
    Some(settings::finding(evidence, seen, Severity::Warning, title).explains(Symptom::NotSwitched).remedy(remedy))
}

#[cfg(test)]
mod tests {
    use super::CAUSE;
    use crate::sample::{Sample, asks, does_not_hold, holds};
    use evidence::{Answer, Opening, Preview};

    const NGINX: &str = "<center>The plain HTTP request was sent to HTTPS port</center>";

    #[test]
    fn holds_where_the_words_come_from_behind() {
        let _ = holds(&CAUSE, Sample::wss().answer(400, NGINX));
        assert_eq!(asks(&CAUSE, Sample::ws().answer(400, NGINX)).len(), 1);
        let plain = Answer::NotHttp(Preview::new(b"HTTP/1.0 400", 64));
        let _ = holds(&CAUSE, Sample::ws().answer(400, NGINX).first_bytes(Opening::ClientHello, plain));
        let envoy = "upstream connect error or disconnect/reset before headers. transport failure reason: TLS_error:|268435703:SSL routines:OPENSSL_internal:WRONG_VERSION_NUMBER";
        let _ = holds(&CAUSE, Sample::ws().answer(503, envoy));
    }

    #[test]
    fn near_misses() {
        // The port itself speaks TLS: the URL is wrong, not the proxy.
        let own = Sample::ws().answer(400, NGINX).first_bytes(Opening::ClientHello, Answer::Alert("server_hello".into()));
        does_not_hold(&CAUSE, own);
        does_not_hold(&CAUSE, Sample::ws().answer(502, "Bad Gateway"));
    }
}
