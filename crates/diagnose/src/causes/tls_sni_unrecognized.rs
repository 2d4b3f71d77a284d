//! The server has nothing for the name in the ClientHello.

use crate::reading::{tls_failed, tls_outcome};
use crate::{Confidence, Finding, Remedy, Stack, Symptom, Verdict, cause, text};
use evidence::{Evidence, Question, TlsOutcome, TlsVariation};

cause! {
    /// The server does not know the host name
    ///
    /// # What you see
    /// Alert 112 `unrecognized_name` (`net::ERR_SSL_UNRECOGNIZED_NAME_ALERT`), or 80 `internal_error` from Caddy and other
    /// Go servers. The certificate is never shown.
    ///
    /// # Why it happens
    /// No virtual host has the name that the client sends (SNI), and the server refuses the handshake rather than
    /// show another certificate: nginx `ssl_reject_handshake`, HAProxy `strict-sni`, Caddy without a site for the name. Or
    /// the URL has an address, and for addresses no name is sent.
    ///
    /// # What to do
    /// Add the name to the server with its certificate, or use the name that the server knows.
    ///
    /// # How to be sure
    /// `openssl s_client -connect ADDRESS:443 -servername NAME` works with a name that the server serves.
    "tls-sni-unrecognized", Tls, judge
}

fn judge(evidence: &Evidence) -> Verdict {
    let Some(tls) = tls_failed(evidence) else { return Verdict::Unseen };
    let TlsOutcome::Alert { code, .. } = &tls.outcome else { return Verdict::Unseen };
    let target = &evidence.case.target;
    let sends_name = target.address().is_none();
    let without = evidence.tls(&TlsVariation::WithoutSni);
    let opens_without = without.filter(|seen| sends_name && seen.fact.completed());
    let confidence = match code {
        112 => Confidence::Proven,
        // Go's crypto/tls: no certificate for the name. Nothing else at this point of a handshake is common.
        80 if opens_without.is_some() => Confidence::Proven,
        80 => Confidence::Likely,
        // CDNs answer names that they do not serve with handshake_failure, or access_denied.
        40 | 49 if opens_without.is_some() && tls.client_authorities.is_none() => Confidence::Likely,
        40 | 49 if sends_name && without.is_none() && tls.client_authorities.is_none() => {
            return Verdict::Open(vec![Question::Tls(TlsVariation::WithoutSni)]);
        }
        _ => return Verdict::Unseen,
    };
    let host = target.host.as_str();
    let title = text!("The server does not serve TLS for the name {host}", host = host);
    let mut finding = Finding::error(confidence, title)
        .explains(Symptom::TlsFailed)
        .proof(&[tls.id], text!("With \"{host}\" in the ClientHello the handshake came to: {outcome}.", host = host, outcome = tls_outcome(&tls.outcome)))
        .not(text!("an expired or untrusted certificate: none was shown"))
        .users(text!("Browsers: close code 1006 and net::ERR_SSL_UNRECOGNIZED_NAME_ALERT or ERR_SSL_PROTOCOL_ERROR."))
        .remedies(remedies(host))
        .yields_to(&["tls-cipher-mismatch"]);
    if let Some(other) = opens_without {
        let subject = other.fact.leaf().map(|leaf| leaf.subject.clone()).unwrap_or_default();
        finding = finding.proof(
            &[other.id],
            text!("Without a name the same server completes the handshake, with \"{subject}\".", subject = subject),
        );
    } else if sends_name && without.is_none() && *code == 80 {
        finding = finding.ask([Question::Tls(TlsVariation::WithoutSni)]);
    }
    if !sends_name {
        finding = finding.proof(&[tls.id], text!("The URL has an address, and for addresses no name is sent (RFC 6066 section 3)."));
    }
    finding.holds()
}

fn remedies(host: &str) -> Vec<Remedy> {
    vec![
        Remedy::for_stack(
            Stack::Nginx,
            text!("Add a server block with the name and its certificate"),
            format!("server {{\n    listen 443 ssl;\n    server_name {host};\n    ssl_certificate     /etc/letsencrypt/live/{host}/fullchain.pem;\n    ssl_certificate_key /etc/letsencrypt/live/{host}/privkey.pem;\n}}"),
        )
        .command("nginx -t && nginx -s reload"),
        Remedy::for_stack(Stack::Caddy, text!("Add a site of that name"), format!("{host} {{\n    reverse_proxy 127.0.0.1:8080\n}}")),
        Remedy::for_stack(Stack::Haproxy, text!("Add the certificate to the list of the bind line"), "bind :443 ssl crt /etc/haproxy/certs/ strict-sni   # a .pem with this name in that folder"),
        Remedy::for_stack(Stack::Traefik, text!("Add the name to the rule of the router"), format!("rule: Host(`{host}`)\ntls: {{}}")),
    ]
}

#[cfg(test)]
mod tests {
    use super::CAUSE;
    use crate::Confidence;
    use crate::sample::{Sample, asks, does_not_hold, holds};
    use evidence::{TlsOutcome, TlsVariation};

    fn alert(url: &str, code: u8) -> Sample {
        let outcome = TlsOutcome::Alert { code, name: "alert".into() };
        Sample::at(url).tls(|tls| tls.outcome = outcome)
    }

    #[test]
    fn holds_where_the_name_is_refused() {
        for (code, confidence) in [(112, Confidence::Proven), (80, Confidence::Likely)] {
            assert_eq!(holds(&CAUSE, alert("wss://app.example/ws", code)).confidence, confidence);
        }
        let _ = holds(&CAUSE, alert("wss://203.0.113.10/ws", 80));
        assert_eq!(asks(&CAUSE, alert("wss://app.example/ws", 40)).len(), 1);
        let without = alert("wss://app.example/ws", 40).tls_with(TlsVariation::WithoutSni, |_| {});
        assert_eq!(holds(&CAUSE, without).confidence, Confidence::Likely);
    }

    #[test]
    fn near_misses() {
        let refused = TlsOutcome::Alert { code: 40, name: "handshake_failure".into() };
        let either = alert("wss://app.example/ws", 40).tls_with(TlsVariation::WithoutSni, |tls| tls.outcome = refused);
        does_not_hold(&CAUSE, either);
        does_not_hold(&CAUSE, alert("wss://app.example/ws", 70));
        does_not_hold(&CAUSE, Sample::wss());
    }
}
