//! Names, TCP, TLS and forward proxies, in the words of systems and libraries.

use super::{LIKELY, Meaning, POSSIBLE, PROVEN};
use crate::text;
use evidence::Said;

pub(super) fn meaning(said: &Said) -> Option<Meaning> {
    let loopback = said
        .url
        .as_deref()
        .is_some_and(|url| ["://localhost", "://127.", "://[::1]"].iter().any(|part| url.contains(part)));
    let plain = said.url.as_deref().is_some_and(|url| url.starts_with("ws:"));
    let meaning = match said.id.as_str() {
        "name-not-found" => Meaning::new(
            text!("The name has no address."),
            &[("dns-nxdomain", LIKELY), ("dns-split-horizon", POSSIBLE), ("dns-filtered", POSSIBLE)],
        ),
        "name-lookup-failed" => {
            Meaning::new(text!("The name server did not answer."), &[("dns-servfail-timeout", LIKELY)])
        }
        "refused" if loopback => Meaning::new(
            text!("Nothing listens at this address of the user's own machine."),
            &[
                ("tcp-refused-no-listener", LIKELY),
                ("page-localhost-in-production", LIKELY),
                ("client-localhost-v6-first", LIKELY),
            ],
        ),
        "refused" => Meaning::new(
            text!("Nothing listens at this address and port."),
            &[
                ("tcp-refused-no-listener", LIKELY),
                ("tcp-bound-to-loopback", POSSIBLE),
                ("page-wrong-port-behind-proxy", POSSIBLE),
            ],
        ),
        "timed-out" => Meaning::new(
            text!("Nothing answered in time."),
            &[
                ("tcp-syn-dropped", LIKELY),
                ("tcp-port-filtered-by-network", POSSIBLE),
                ("dns-broken-ipv6", POSSIBLE),
                ("upgrade-never-answered", POSSIBLE),
            ],
        ),
        "handshake-timed-out" => Meaning::new(
            text!("The connection was there, but the handshake got no answer in time."),
            &[
                ("upgrade-never-answered", LIKELY),
                ("client-connect-timeout-short", LIKELY),
                ("tcp-backlog-full", POSSIBLE),
            ],
        ),
        "unreachable" => Meaning::new(
            text!("No way leads to this address."),
            &[("tcp-rejected-icmp", LIKELY), ("dns-broken-ipv6", POSSIBLE)],
        ),
        "offline" => Meaning::new(text!("This machine has no network."), &[("client-offline", PROVEN)]),
        "network-changed" => {
            Meaning::calm(text!("The machine changed its network; a new connection is needed."))
        }
        "reset" => Meaning::new(
            text!("The connection was reset."),
            &[
                ("upgrade-eof-before-response", POSSIBLE),
                ("tcp-dpi-reset-on-upgrade", POSSIBLE),
                ("close-1006-silent", POSSIBLE),
                ("tls-plaintext-to-tls-port", POSSIBLE),
            ],
        ),
        "cert-expired" => Meaning::new(
            text!("The certificate is out of date, or the client's clock is wrong."),
            &[
                ("tls-cert-expired", LIKELY),
                ("client-clock-skew", POSSIBLE),
                ("tls-cert-not-yet-valid", POSSIBLE),
            ],
        ),
        "cert-not-yet-valid" => Meaning::new(
            text!("The certificate is not valid yet, or the client's clock is wrong."),
            &[("tls-cert-not-yet-valid", LIKELY), ("client-clock-skew", LIKELY)],
        ),
        "cert-wrong-host" => {
            Meaning::new(text!("The certificate is for another name."), &[("tls-cert-wrong-host", PROVEN)])
        }
        "cert-self-signed" => Meaning::new(
            text!(
                "The certificate is self-signed, or its root is a private one; for sockets browsers show no page to accept it."
            ),
            &[("tls-self-signed", LIKELY), ("tls-private-ca", POSSIBLE), ("tls-interception", POSSIBLE)],
        ),
        "cert-unknown-authority" => Meaning::new(
            text!("Nobody whom the client trusts has signed the certificate."),
            &[
                ("tls-chain-incomplete", LIKELY),
                ("tls-self-signed", LIKELY),
                ("tls-private-ca", POSSIBLE),
                ("tls-interception", POSSIBLE),
                ("client-missing-ca-bundle", POSSIBLE),
            ],
        ),
        "cert-revoked" => Meaning::new(text!("The certificate is revoked."), &[("tls-revoked", PROVEN)]),
        "cert-weak" => Meaning::new(
            text!("The certificate's signature or key is too weak."),
            &[("tls-weak-signature-or-key", PROVEN)],
        ),
        "cert-invalid" => Meaning::new(
            text!("The certificate is not accepted; the message does not say why."),
            &[
                ("tls-self-signed", LIKELY),
                ("tls-cert-expired", POSSIBLE),
                ("tls-cert-wrong-host", POSSIBLE),
                ("tls-chain-incomplete", POSSIBLE),
            ],
        ),
        "client-cert-required" => Meaning::new(
            text!("The server wants a client certificate."),
            &[("tls-client-cert-required", PROVEN)],
        ),
        "tls-mismatch" => Meaning::new(
            text!("Client and server have no TLS version or cipher in common."),
            &[
                ("tls-version-mismatch", LIKELY),
                ("tls-cipher-mismatch", LIKELY),
                ("tls-client-cert-required", POSSIBLE),
            ],
        ),
        "sni-unrecognized" => {
            Meaning::new(text!("The server does not know this name."), &[("tls-sni-unrecognized", PROVEN)])
        }
        "alpn-mismatch" => Meaning::new(
            text!("Client and server have no protocol in common (ALPN)."),
            &[("tls-alpn-no-overlap", PROVEN)],
        ),
        "not-tls" => Meaning::new(
            text!("wss:// goes to a port that speaks no TLS."),
            &[("tls-to-plaintext-port", PROVEN)],
        ),
        "tls-failed" if plain => Meaning::new(
            text!("The browser made wss:// of a ws:// address, and the port speaks no TLS."),
            &[("page-hsts-upgrades-ws", LIKELY), ("tls-to-plaintext-port", POSSIBLE)],
        ),
        "tls-failed" => Meaning::new(
            text!("The TLS handshake failed."),
            &[
                ("tls-to-plaintext-port", LIKELY),
                ("tls-version-mismatch", POSSIBLE),
                ("tls-sni-unrecognized", POSSIBLE),
                ("page-hsts-upgrades-ws", POSSIBLE),
            ],
        ),
        "proxy-auth" => Meaning::new(
            text!("A forward proxy wants credentials."),
            &[("forward-proxy-auth-required", PROVEN)],
        ),
        "tunnel-failed" => Meaning::new(
            text!("The forward proxy did not open a tunnel."),
            &[
                ("forward-proxy-connect-port-denied", LIKELY),
                ("forward-proxy-destination-blocked", POSSIBLE),
                ("forward-proxy-auth-required", POSSIBLE),
                ("forward-proxy-upstream-failed", POSSIBLE),
            ],
        ),
        "proxy-unreachable" => Meaning::new(
            text!("The forward proxy itself is not reached."),
            &[("forward-proxy-unreachable", PROVEN)],
        ),
        "not-http" => {
            Meaning::new(text!("What answers at this port is no HTTP."), &[("upgrade-not-http", LIKELY)])
        }
        "http2-error" => Meaning::new(
            text!("The connection failed inside HTTP/2."),
            &[
                ("upgrade-h2-extended-connect-refused", LIKELY),
                ("upgrade-h2-illegal-upgrade-header", POSSIBLE),
            ],
        ),
        _ => return None,
    };
    Some(meaning)
}
