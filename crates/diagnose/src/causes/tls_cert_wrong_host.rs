//! The certificate stands for other names.

use crate::{Confidence, Remedy, Stack, Verdict, cause, certificates, text};
use evidence::{Certificate, Evidence, Question, Tls, TlsVariation, TrustFault};

cause! {
    /// The certificate is for another name
    ///
    /// # What you see
    /// `Hostname mismatch`, `ERR_TLS_CERT_ALTNAME_INVALID`, `net::ERR_CERT_COMMON_NAME_INVALID`, and 1006 in the
    /// page.
    ///
    /// # Why it happens
    /// The subject alternative names lack the host of the URL; or no virtual host has that name, so the server
    /// falls back to its default certificate; or the URL has an address where the certificate has names.
    ///
    /// # What to do
    /// Use a name that the certificate covers, or get one that covers this name, and give the virtual host that
    /// serves the socket this name. A star covers one label: `*.example.com` is not for `a.b.example.com`.
    ///
    /// # How to be sure
    /// `openssl s_client -connect HOST:443 -servername HOST </dev/null | openssl x509 -noout -ext subjectAltName`
    /// lists the names. If the same certificate comes without `-servername`, it is the default one.
    "tls-cert-wrong-host", Tls, judge
}

fn judge(evidence: &Evidence) -> Verdict {
    let target = &evidence.case.target;
    let wrong = |tls: &Tls, leaf: &Certificate| {
        tls.has_fault(&TrustFault::OtherName) || (!leaf.names.is_empty() && !certificates::covers(leaf, &target.host))
    };
    let Some(served) = certificates::refused(evidence, wrong) else { return Verdict::Unseen };
    let leaf = served.leaf;
    let names = match leaf.names.as_slice() {
        [] => leaf.subject.clone(),
        names if names.len() > 5 => format!("{}, …", names[..5].join(", ")),
        names => names.join(", "),
    };
    let host = target.host.as_str();
    let title = text!("The server's certificate is not for {host}", host = host);
    let mut finding = certificates::finding(evidence, &served, Confidence::Proven, title)
        .proof(&[served.tls.id], text!("The URL says {host}; the certificate is for {names}.", host = host, names = &names))
        .users(text!("Browsers: close code 1006 and net::ERR_CERT_COMMON_NAME_INVALID. Node.js: ERR_TLS_CERT_ALTNAME_INVALID."))
        .remedies(remedies(host, target.address().is_some()));
    let without = TlsVariation::WithoutSni;
    match evidence.tls(&without) {
        Some(other) if other.fact.leaf().is_some_and(|other| other.fingerprint == leaf.fingerprint) => {
            finding = finding.proof(
                &[other.id],
                text!("Without a server name the same certificate comes: it is the default one, and {host} has none of its own.", host = host),
            );
        }
        None if target.address().is_none() => finding = finding.ask([Question::Tls(without)]),
        _ => {}
    }
    finding.holds()
}

fn remedies(host: &str, is_address: bool) -> Vec<Remedy> {
    if is_address {
        return vec![Remedy::new(text!("Use the name in the URL; or issue the certificate with this address among its names (IP:{host})", host = host))];
    }
    vec![
        Remedy::for_stack(
            Stack::Nginx,
            text!("Get a certificate for the name, and serve it in the server block of that name"),
            format!("server {{\n    listen 443 ssl;\n    server_name {host};\n    ssl_certificate     /etc/letsencrypt/live/{host}/fullchain.pem;\n    ssl_certificate_key /etc/letsencrypt/live/{host}/privkey.pem;\n}}"),
        )
        .command(format!("certbot certonly --nginx -d {host} && nginx -t && nginx -s reload")),
        Remedy::for_stack(Stack::Caddy, text!("Name the site; Caddy gets the certificate by itself"), format!("{host} {{\n    reverse_proxy 127.0.0.1:8080\n}}")),
        Remedy::new(text!("Or use one of the names that the certificate covers in the URL")),
    ]
}

#[cfg(test)]
mod tests {
    use super::CAUSE;
    use crate::sample::{Sample, does_not_hold, holds, leaf};
    use evidence::{TlsVariation, TrustFault};

    fn for_name(name: &str, fault: TrustFault) -> Sample {
        Sample::at("wss://app.example/ws").untrusted(fault, |tls| tls.chain[0] = leaf(name))
    }

    #[test]
    fn holds_where_the_name_is_missing() {
        let default = for_name("shop.example", TrustFault::OtherName).tls_with(TlsVariation::WithoutSni, |tls| tls.chain[0] = leaf("shop.example"));
        assert_eq!(holds(&CAUSE, default).proof.len(), 2);
        let _ = holds(&CAUSE, for_name("shop.example", TrustFault::UnknownIssuer));
    }

    #[test]
    fn near_misses() {
        does_not_hold(&CAUSE, Sample::wss());
        does_not_hold(&CAUSE, for_name("*.example", TrustFault::UnknownIssuer));
    }
}
