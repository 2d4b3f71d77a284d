//! The server does not send the certificate of its issuer.

use crate::{shell_word, Confidence, Remedy, Stack, Verdict, cause, certificates, text};
use evidence::Evidence;

cause! {
    /// The server leaves out the intermediate certificate
    ///
    /// # What you see
    /// `unable to get local issuer certificate`, `unable to verify the first certificate`,
    /// `UNABLE_TO_VERIFY_LEAF_SIGNATURE` in programs and on phones; desktop browsers often work, because they know
    /// the intermediate from elsewhere or fetch it.
    ///
    /// # Why it happens
    /// The server was given the certificate alone (`cert.pem`) rather than the certificate with the
    /// intermediates (`fullchain.pem`). Clients have the roots only.
    ///
    /// # What to do
    /// Serve the full chain: the server's certificate first, then each issuer, without the root.
    ///
    /// # How to be sure
    /// `openssl s_client -connect HOST:443 -servername HOST -showcerts </dev/null` shows one certificate, and
    /// its issuer is a public intermediate. With it the chain verifies.
    "tls-chain-incomplete", Tls, judge
}

fn judge(evidence: &Evidence) -> Verdict {
    let served = certificates::refused(evidence, |tls, leaf| certificates::issuer_unknown(tls) && !leaf.self_issued);
    let Some(served) = served else { return Verdict::Unseen };
    let Some(top) = certificates::top(&served.tls.fact.chain).filter(|top| !top.self_issued) else { return Verdict::Unseen };
    let public = certificates::is_public_authority(&top.issuer);
    let alone = top.fingerprint == served.leaf.fingerprint;
    let confidence = match (alone, public) {
        (_, true) => Confidence::Proven,
        // Its issuer can be fetched, or the root that the user gave did not issue it: a link is missing.
        (true, false) if !top.issuer_urls.is_empty() || evidence.case.own_roots => Confidence::Likely,
        (true, false) | (false, false) => return Verdict::Unseen,
    };
    let title = text!("The server does not send the certificate of the issuer \"{issuer}\"", issuer = &top.issuer);
    let mut finding = certificates::finding(evidence, &served, confidence, title)
        .proof(
            &[served.tls.id],
            text!("The server sent {count} certificate(s), and none is that of \"{issuer}\".", count = served.tls.fact.chain_length, issuer = &top.issuer),
        )
        .users(text!("Programs and phones: \"unable to get local issuer certificate\". Desktop browsers may work, because they know the intermediate already."))
        .not(text!("a self-signed certificate: it was issued by somebody else"))
        .remedies(remedies());
    if let Some(url) = top.issuer_urls.first() {
        finding = finding
            .proof(&[served.tls.id], text!("The certificate says where its issuer's can be fetched: {url}.", url = url))
            .remedy(
                Remedy::new(text!("Put the missing certificate behind the server's own in its file"))
                    .command(format!("curl -s {} | openssl x509 -inform der >> fullchain.pem   # then reload the server", shell_word(url))),
            );
    }
    finding.holds()
}

fn remedies() -> Vec<Remedy> {
    vec![
        Remedy::for_stack(Stack::Nginx, text!("Serve the full chain"), "ssl_certificate /etc/letsencrypt/live/HOST/fullchain.pem;   # not cert.pem")
            .command("nginx -t && nginx -s reload"),
        Remedy::for_stack(Stack::Apache, text!("Serve the full chain"), "SSLCertificateFile /etc/letsencrypt/live/HOST/fullchain.pem   # Apache 2.4.8 or later"),
        Remedy::for_stack(Stack::Haproxy, text!("Serve the full chain"), "cat fullchain.pem privkey.pem > /etc/haproxy/HOST.pem   # the certificate first, then its issuers"),
        Remedy::for_stack(Stack::Node, text!("Serve the full chain"), "https.createServer({ cert: fs.readFileSync('fullchain.pem'), key: fs.readFileSync('privkey.pem') })"),
    ]
}

#[cfg(test)]
mod tests {
    use super::CAUSE;
    use crate::Confidence;
    use crate::sample::{Sample, does_not_hold, holds};
    use evidence::{Certificate, Tls, TrustFault};

    fn unknown(change: impl FnOnce(&mut Tls)) -> Sample {
        Sample::at("wss://app.example/ws").untrusted(TrustFault::UnknownIssuer, change)
    }

    #[test]
    fn holds_where_the_issuer_is_not_sent() {
        let public = unknown(|tls| tls.chain.truncate(1));
        assert_eq!(holds(&CAUSE, public).confidence, Confidence::Proven);
        let own = unknown(|tls| {
            tls.chain.truncate(1);
            tls.chain[0].issuer = "O=Example, CN=Intermediate".into();
        });
        assert_eq!(holds(&CAUSE, own).confidence, Confidence::Likely);
    }

    #[test]
    fn near_misses() {
        // Self-signed: nobody else could be sent.
        does_not_hold(&CAUSE, unknown(|tls| {
            tls.chain = vec![Certificate { self_issued: true, ..crate::sample::leaf("app.example") }];
        }));
        // Complete up to a root of one's own.
        does_not_hold(&CAUSE, unknown(|tls| {
            tls.chain[1].issuer = tls.chain[1].subject.clone();
            tls.chain[1].self_issued = true;
        }));
        // A private issuer, of which nothing says that there is a link between it and a root.
        does_not_hold(&CAUSE, unknown(|tls| {
            tls.chain.truncate(1);
            tls.chain[0].issuer = "O=Example, CN=Root".into();
            tls.chain[0].issuer_urls.clear();
        }));
        does_not_hold(&CAUSE, Sample::wss());
    }
}
