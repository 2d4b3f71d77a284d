//! The proxy does not accept the TLS of the server behind it.

use crate::reading::{hop, quote, refused, status_line};
use crate::{Confidence, Finding, Remedy, Stack, Symptom, Verdict, cause, recipes, text};
use evidence::{Evidence, Response};

cause! {
    /// The proxy refuses the certificate of the server behind it
    ///
    /// # What you see
    /// 502 (nginx, Caddy), 500 (Apache, Traefik), 503 (Envoy), 526 or 525 (Cloudflare). The proxy's log: `upstream SSL
    /// certificate verify error`, `x509: certificate signed by unknown authority`, `AH02411`,
    /// `CERTIFICATE_VERIFY_FAILED`.
    ///
    /// # Why it happens
    /// Between proxy and application TLS is spoken, too, and the application's certificate is self-signed, expired,
    /// or for another name than the one the proxy uses. nginx sends no server name at all unless told to.
    ///
    /// # What to do
    /// Let the proxy ask with the right name and trust the authority that issued the certificate; or speak plain HTTP
    /// to an application on the same machine.
    ///
    /// # How to be sure
    /// From the proxy's machine: `openssl s_client -connect BACKEND:PORT -servername NAME -verify_return_error`
    "tls-upstream-verify-failed", Upgrade, judge
}

fn judge(evidence: &Evidence) -> Verdict {
    let Some((handshake, response)) = refused(evidence) else { return Verdict::Unseen };
    let Some(confidence) = says(response) else { return Verdict::Unseen };
    Finding::error(confidence, text!("{hop} fails in the TLS handshake with the server behind it", hop = hop(response)))
        .because(matches!(response.status, 525 | 526).then_some("cloudflare-origin-5xx"))
        .explains(Symptom::NotSwitched)
        .explains(Symptom::BrowserRefused)
        .proof(&[handshake.id], text!("The handshake gets {status}: \"{body}\"", status = status_line(response), body = quote(response, 160)))
        .not(text!("the TLS between you and the proxy: it answered"))
        .users(text!("Browsers: close code 1006 and \"Unexpected response code: {status}\".", status = response.status))
        .remedies(recipes::for_response(Some(response), remedies()))
        .would_tell(text!("The proxy's error log names the server behind and the reason."))
        .holds()
}

/// Words and statuses that only this produces.
/// Sources: Envoy's transport failure reason, Apache mod_proxy's 500 page, Cloudflare's 525 and 526.
fn says(response: &Response) -> Option<Confidence> {
    let body = response.body.text.as_str();
    if body.contains("CERTIFICATE_VERIFY_FAILED") || response.status == 526 {
        return Some(Confidence::Proven);
    }
    (body.contains("Error during SSL Handshake with remote server") || response.status == 525).then_some(Confidence::Likely)
}

fn remedies() -> Vec<Remedy> {
    vec![
        Remedy::for_stack(
            Stack::Nginx,
            text!("Send the name, and trust the authority of the server behind"),
            "proxy_ssl_server_name on;\nproxy_ssl_name app.internal;\nproxy_ssl_trusted_certificate /etc/ssl/internal-ca.pem;",
        ),
        Remedy::for_stack(
            Stack::Apache,
            text!("Send the name, and trust the authority of the server behind"),
            "SSLProxyEngine on\nSSLProxyCACertificateFile /etc/ssl/internal-ca.pem\nProxyPreserveHost Off   # so that the name of the backend is checked, not the public one",
        ),
        Remedy::for_stack(
            Stack::Caddy,
            text!("Send the name, and trust the authority of the server behind"),
            "reverse_proxy https://app.internal:8443 {\n    transport http {\n        tls_server_name app.internal\n        tls_trusted_ca_certs /etc/ssl/internal-ca.pem\n    }\n}",
        ),
        Remedy::for_stack(
            Stack::Envoy,
            text!("Send the name, and trust the authority of the server behind"),
            "sni: app.internal\ncommon_tls_context:\n  validation_context:\n    trusted_ca: { filename: /etc/ssl/internal-ca.pem }",
        ),
        Remedy::for_stack(Stack::Cloudflare, text!("Install an origin certificate on the server behind"), "# SSL/TLS, Origin Server, Create Certificate; then mode \"Full (strict)\""),
    ]
}

#[cfg(test)]
mod tests {
    use super::CAUSE;
    use crate::Confidence;
    use crate::sample::{Sample, does_not_hold, holds};

    #[test]
    fn holds_where_the_answer_says_so() {
        let envoy = "upstream connect error or disconnect/reset before headers. reset reason: remote connection failure, transport failure reason: TLS_error:|268435581:SSL routines:OPENSSL_internal:CERTIFICATE_VERIFY_FAILED:TLS_error_end";
        assert_eq!(holds(&CAUSE, Sample::ws().answer(503, envoy)).confidence, Confidence::Proven);
        let apache = "<p>Reason: <strong>Error during SSL Handshake with remote server</strong></p>";
        assert_eq!(holds(&CAUSE, Sample::ws().answer(500, apache)).confidence, Confidence::Likely);
        assert_eq!(holds(&CAUSE, Sample::wss().answer_with(526, &["server: cloudflare"], "")).because, Some("cloudflare-origin-5xx"));
    }

    #[test]
    fn near_misses() {
        does_not_hold(&CAUSE, Sample::ws().answer_with(502, &["server: nginx"], "<center>nginx</center>"));
        does_not_hold(&CAUSE, Sample::ws().answer(503, "no healthy upstream"));
        does_not_hold(&CAUSE, Sample::ws().opens());
    }
}
