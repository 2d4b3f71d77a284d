//! Reads a certificate without judging it, also those that verifiers refuse to look at.

use evidence::{Certificate, KeyKind, Preview};
use sha2::{Digest, Sha256};
use std::net::{Ipv4Addr, Ipv6Addr};
use x509_parser::oid_registry::{OID_PKIX_ACCESS_DESCRIPTOR_CA_ISSUERS, OID_PKIX_ACCESS_DESCRIPTOR_OCSP};
use x509_parser::prelude::{FromDer, GeneralName, ParsedExtension, X509Certificate, X509Name};
use x509_parser::public_key::PublicKey;

/// Names of one certificate that are kept.
const NAMES: usize = 50;
/// `id-pe-tlsfeature` (RFC 7633): must-staple.
const TLS_FEATURE: &str = "1.3.6.1.5.5.7.1.24";

/// What stands in it; one that does not parse at all has only its fingerprint.
pub(crate) fn read(der: &[u8]) -> Certificate {
    let fingerprint = Sha256::digest(der).iter().map(|byte| format!("{byte:02x}")).collect();
    let Ok((_, parsed)) = X509Certificate::from_der(der) else {
        return Certificate { subject: "(does not parse)".to_owned(), fingerprint, ..Certificate::default() };
    };
    let (key, key_bits) = key(&parsed);
    let mut certificate = Certificate {
        subject: shown(parsed.subject()),
        issuer: shown(parsed.issuer()),
        serial: parsed.raw_serial_as_string(),
        not_before: parsed.validity().not_before.timestamp(),
        not_after: parsed.validity().not_after.timestamp(),
        self_issued: parsed.subject().as_raw() == parsed.issuer().as_raw(),
        authority: parsed.is_ca(),
        key,
        key_bits,
        signature: signature_name(&parsed.signature_algorithm.algorithm.to_id_string()),
        version: parsed.version().0 + 1,
        fingerprint,
        ..Certificate::default()
    };
    for extension in parsed.extensions() {
        match extension.parsed_extension() {
            ParsedExtension::SubjectAlternativeName(names) => {
                certificate.names = names.general_names.iter().take(NAMES).filter_map(general_name).collect();
            }
            ParsedExtension::AuthorityInfoAccess(access) => {
                for description in &access.accessdescs {
                    let GeneralName::URI(url) = description.access_location else { continue };
                    let url = Preview::new(url.as_bytes(), 200).text;
                    if description.access_method == OID_PKIX_ACCESS_DESCRIPTOR_CA_ISSUERS {
                        certificate.issuer_urls.push(url);
                    } else if description.access_method == OID_PKIX_ACCESS_DESCRIPTOR_OCSP {
                        certificate.ocsp_urls.push(url);
                    }
                }
            }
            _ if extension.oid.to_id_string() == TLS_FEATURE => certificate.must_staple = true,
            _ => {}
        }
    }
    certificate
}

/// A distinguished name from its DER form.
pub(crate) fn name(der: &[u8]) -> String {
    match X509Name::from_der(der) {
        Ok((_, name)) => shown(&name),
        Err(_) => Preview::new(der, 100).text,
    }
}

fn shown(name: &X509Name<'_>) -> String {
    Preview::new(name.to_string().as_bytes(), 300).text
}

fn general_name(name: &GeneralName<'_>) -> Option<String> {
    match name {
        GeneralName::DNSName(name) => Some(Preview::new(name.as_bytes(), 253).text),
        GeneralName::IPAddress(bytes) => match bytes.len() {
            4 => <[u8; 4]>::try_from(*bytes).ok().map(|bytes| Ipv4Addr::from(bytes).to_string()),
            16 => <[u8; 16]>::try_from(*bytes).ok().map(|bytes| Ipv6Addr::from(bytes).to_string()),
            _ => None,
        },
        _ => None,
    }
}

fn key(parsed: &X509Certificate<'_>) -> (KeyKind, usize) {
    match parsed.public_key().parsed() {
        Ok(PublicKey::RSA(key)) => (KeyKind::Rsa, key.key_size()),
        Ok(PublicKey::EC(point)) => (KeyKind::Ec, point.key_size()),
        _ => match parsed.public_key().algorithm.algorithm.to_id_string().as_str() {
            "1.3.101.112" => (KeyKind::Edwards, 256), // Ed25519, RFC 8410
            "1.3.101.113" => (KeyKind::Edwards, 456), // Ed448
            _ => (KeyKind::Other, 0),
        },
    }
}

/// Names as OpenSSL prints them (RFC 8017, RFC 5758, RFC 8410).
fn signature_name(oid: &str) -> String {
    match oid {
        "1.2.840.113549.1.1.4" => "md5WithRSAEncryption",
        "1.2.840.113549.1.1.5" => "sha1WithRSAEncryption",
        "1.2.840.113549.1.1.11" => "sha256WithRSAEncryption",
        "1.2.840.113549.1.1.12" => "sha384WithRSAEncryption",
        "1.2.840.113549.1.1.13" => "sha512WithRSAEncryption",
        "1.2.840.113549.1.1.10" => "rsassaPss",
        "1.2.840.10045.4.1" => "ecdsa-with-SHA1",
        "1.2.840.10045.4.3.2" => "ecdsa-with-SHA256",
        "1.2.840.10045.4.3.3" => "ecdsa-with-SHA384",
        "1.2.840.10045.4.3.4" => "ecdsa-with-SHA512",
        "1.3.101.112" => "ED25519",
        "1.3.101.113" => "ED448",
        other => other,
    }
    .to_owned()
}
