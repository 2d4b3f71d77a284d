//! Readings of the certificates that were served, shared by the causes about them.

use crate::{Confidence, Finding, Symptom, Text, text};
use evidence::{Certificate, Evidence, Seen, Tls, TlsVariation, TrustFault};
use std::net::IpAddr;

/// A certificate that was served.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Served<'a> {
    /// The handshake that showed it.
    pub tls: Seen<'a, Tls>,
    /// The server's own certificate.
    pub leaf: &'a Certificate,
    /// Only this address serves it, another one of the name has a good one.
    pub only_at: Option<IpAddr>,
}

/// As many names of a certificate are kept at the most: with so many, "not among them" proves nothing.
const NAMES_KEPT: usize = 50;

/// The certificate that no set of roots trusts and for which `is` holds: that of the plain handshake, or where
/// this one is good, that of a single address.
pub(crate) fn refused(evidence: &Evidence, is: impl Fn(&Tls, &Certificate) -> bool) -> Option<Served<'_>> {
    let plain = evidence.tls(&TlsVariation::Plain)?;
    if !plain.fact.trusted() {
        let leaf = plain.fact.leaf().filter(|leaf| plain.fact.completed() && is(plain.fact, leaf))?;
        return Some(Served { tls: plain, leaf, only_at: None });
    }
    evidence.tls_attempts().find_map(|tls| match tls.variation {
        TlsVariation::Address(address) if tls.fact.completed() && !tls.fact.trusted() => {
            let leaf = tls.fact.leaf().filter(|leaf| is(tls.fact, leaf))?;
            Some(Served { tls, leaf, only_at: Some(address) })
        }
        _ => None,
    })
}

/// A finding about it, as bad as it is: an error, a warning where only one address has it, a note where the
/// user wants certificates not to be judged.
pub(crate) fn finding(
    evidence: &Evidence,
    served: &Served<'_>,
    confidence: Confidence,
    title: Text,
) -> Finding {
    match served.only_at {
        Some(address) => Finding::warning(confidence, title)
            .explains(Symptom::AddressNotTrusted(address))
            .proof(
                &[served.tls.id],
                text!("Only {address} serves it; another address of the name has a good one, so some connections fail and others work.", address = address),
            ),
        None if evidence.case.insecure => Finding::note(confidence, title),
        None => Finding::error(confidence, title).explains(Symptom::CertificateNotTrusted),
    }
}

/// No set of roots says anything more precise than that it does not know the issuer.
pub(crate) fn issuer_unknown(tls: &Tls) -> bool {
    !tls.trust.is_empty() && tls.trust.iter().all(|trust| trust.fault == Some(TrustFault::UnknownIssuer))
}

/// The certificate stands for the host (RFC 9525 section 6: whole names, a star for one label, addresses).
pub(crate) fn covers(certificate: &Certificate, host: &str) -> bool {
    if certificate.names.len() >= NAMES_KEPT {
        return true;
    }
    let address: Option<IpAddr> = host.parse().ok();
    certificate.names.iter().any(|name| match address {
        Some(address) => name.parse() == Ok(address),
        None => match name.strip_prefix("*.") {
            Some(parent) => host
                .split_once('.')
                .is_some_and(|(label, rest)| !label.is_empty() && rest.eq_ignore_ascii_case(parent)),
            None => name.eq_ignore_ascii_case(host),
        },
    })
}

/// The last certificate that can be reached from the server's own by going from issuer to issuer.
pub(crate) fn top(chain: &[Certificate]) -> Option<&Certificate> {
    let mut top = chain.first()?;
    for _ in 0..chain.len() {
        let issuer =
            chain.iter().find(|other| other.subject == top.issuer && other.fingerprint != top.fingerprint);
        match issuer {
            Some(issuer) if !top.self_issued => top = issuer,
            _ => break,
        }
    }
    Some(top)
}

/// A distinguished name of one of the large public authorities: their roots are in every store, so a chain of
/// theirs that is not trusted lacks something.
/// Source: the owners with most unexpired certificates in Certificate Transparency, and Mozilla's CCADB list.
pub(crate) fn is_public_authority(name: &str) -> bool {
    const ORGANISATIONS: &[&str] = &[
        "Let's Encrypt",
        "DigiCert",
        "Sectigo",
        "COMODO CA",
        "The USERTRUST Network",
        "Google Trust Services",
        "Amazon",
        "GlobalSign",
        "GoDaddy.com",
        "Starfield Technologies",
        "ZeroSSL",
        "Entrust, Inc",
        "IdenTrust",
        "Buypass",
        "SSL Corp",
        "Actalis",
        "Certum",
        "Unizeto",
        "TrustAsia",
        "WoTrus",
        "GeoTrust",
        "Thawte",
        "QuoVadis",
        "SwissSign",
        "HARICA",
        "GEANT",
        "Microsoft Corporation",
        "Cloudflare, Inc",
        "Telia",
        "D-Trust",
        "Deutsche Telekom Security",
        "SECOM Trust",
        "China Financial Certification Authority",
    ];
    ORGANISATIONS.iter().any(|organisation| {
        name.contains(&format!("O={organisation}")) || name.contains(&format!("O=\"{organisation}"))
    })
}

/// The product that re-signs TLS on the way, where the issuer's name gives it away.
/// Source: the subjects of the roots that these products install.
pub(crate) fn interceptor(issuer: &str) -> Option<&'static str> {
    const WORDS: &[(&str, &str)] = &[
        ("zscaler", "Zscaler"),
        ("netskope", "Netskope"),
        ("goskope", "Netskope"),
        ("fortinet", "FortiGate"),
        ("fortigate", "FortiGate"),
        ("blue coat", "Blue Coat"),
        ("palo alto", "Palo Alto Networks"),
        ("cisco umbrella", "Cisco Umbrella"),
        ("sophos", "Sophos"),
        ("forcepoint", "Forcepoint"),
        ("websense", "Forcepoint"),
        ("mcafee web gateway", "McAfee Web Gateway"),
        ("checkpoint", "Check Point"),
        ("check point", "Check Point"),
        ("watchguard", "WatchGuard"),
        ("sonicwall", "SonicWall"),
        ("untangle", "Untangle"),
        ("gateway ca - cloudflare managed", "Cloudflare Gateway"),
        ("cloudflare for teams", "Cloudflare Gateway"),
        ("eset ssl filter", "ESET"),
        ("kaspersky", "Kaspersky"),
        ("avast", "Avast"),
        ("avg web/mail shield", "AVG"),
        ("bitdefender", "Bitdefender"),
        ("dr.web", "Dr.Web"),
        ("g data", "G DATA"),
        ("adguard", "AdGuard"),
        ("mitmproxy", "mitmproxy"),
        ("charles proxy", "Charles"),
        ("do_not_trust_fiddlerroot", "Fiddler"),
        ("portswigger", "Burp Suite"),
        ("proxyman", "Proxyman"),
        ("owasp zed attack proxy", "ZAP"),
    ];
    let lower = issuer.to_ascii_lowercase();
    WORDS.iter().find(|(word, _)| lower.contains(word)).map(|(_, product)| *product)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sample::{issuer, leaf};

    #[test]
    fn names_cover_hosts() {
        for (name, host, covered) in [
            ("app.example", "APP.example", true),
            ("*.example", "app.example", true),
            ("*.example", "a.app.example", false),
            ("*.example", "example", false),
            ("192.0.2.1", "192.0.2.1", true),
            ("192.0.2.1", "192.0.2.2", false),
            ("app.example", "192.0.2.1", false),
        ] {
            assert_eq!(covers(&leaf(name), host), covered, "{name} {host}");
        }
        let many = Certificate { names: vec!["x.example".to_owned(); 50], ..leaf("x.example") };
        assert!(covers(&many, "y.example"), "names may be missing from the list");
    }

    #[test]
    fn chains_are_followed_to_their_top() {
        let chain = [leaf("app.example"), issuer()];
        assert_eq!(top(&chain).map(|top| &top.subject), Some(&issuer().subject));
        assert_eq!(top(&chain[..1]).map(|top| &top.subject), Some(&leaf("app.example").subject));
        let own = Certificate { issuer: "CN=app.example".into(), self_issued: true, ..leaf("app.example") };
        assert_eq!(top(&[own]).map(|top| top.self_issued), Some(true));
        assert!(top(&[]).is_none());
    }

    #[test]
    fn issuers_are_known() {
        assert!(is_public_authority("C=US, O=Let's Encrypt, CN=R11"));
        assert!(!is_public_authority("O=Keepwire tests, CN=Intermediate"));
        assert_eq!(interceptor("CN=ESET SSL Filter CA, O=ESET, spol. s r. o."), Some("ESET"));
        assert_eq!(interceptor("C=US, O=Let's Encrypt, CN=R11"), None);
    }
}
