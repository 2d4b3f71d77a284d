//! Section 6: certificates made with OpenSSL, served by nginx and others in front of a working application.

use serde_json::json;

use crate::e2e::Result;
use crate::e2e::case::{Case, Expect, Plan, any_of, cause, proven};
use crate::e2e::certs::HOST;
use crate::e2e::products::{apache, caddy, haproxy, nginx, node_ws, openssl};
use crate::e2e::stage::Stage;

pub(super) fn cases() -> Vec<Case> {
    let mut cases = certificates();
    cases.extend(handshakes());
    cases.extend(mix_ups());
    cases
}

/// A wss URL with our name pointed to loopback; no authority given.
fn wss(port: u16) -> Plan {
    Plan::new(format!("wss://{HOST}:{port}/")).flag("--resolve", format!("{HOST}:{port}:127.0.0.1"))
}

/// The same, trusting our root.
fn trusted(stage: &Stage, port: u16) -> Plan {
    wss(port).flag("--ca", stage.certs.path("root.crt"))
}

/// nginx with that certificate and directives, in front of a working application.
fn nginx_with(stage: &mut Stage, cert: &str, directives: &str) -> Result<u16> {
    let app = node_ws::start(stage, json!({}))?;
    nginx::start_tls(stage, cert, &format!("{directives} {}", nginx::proxy(app, nginx::UPGRADE)))
}

/// Lets OpenSSL 3 serve what it holds too weak.
const WEAK: &str = "ssl_protocols TLSv1.2 TLSv1.3; ssl_ciphers DEFAULT:@SECLEVEL=0;";

fn certificates() -> Vec<Case> {
    let one =
        |name: &str, expect: Expect, seen: &'static str, cert: &'static str, directives: &'static str| {
            Case::new(format!("tls/{name}"), &["nginx", "node-ws"], expect, seen, move |stage| {
                let port = nginx_with(stage, cert, directives)?;
                Ok(trusted(stage, port))
            })
        };
    vec![
        one("expired", proven("tls-cert-expired"), "certificate has expired", "expired", ""),
        one("not-yet-valid", proven("tls-cert-not-yet-valid"), "certificate is not yet valid", "future", ""),
        one("wrong-host", proven("tls-cert-wrong-host"), "Hostname mismatch", "other-host", ""),
        one("rsa-1024", cause("tls-weak-signature-or-key"), "key too weak", "rsa1024", WEAK),
        one(
            "sha1",
            cause("tls-weak-signature-or-key"),
            "digest algorithm too weak / wrong signature type",
            "sha1",
            WEAK,
        ),
        Case::new(
            "tls/self-signed",
            &["nginx", "node-ws"],
            proven("tls-self-signed"),
            "self-signed certificate",
            |stage| {
                let app = node_ws::start(stage, json!({}))?;
                let (cert, key) = (stage.certs.path("self.crt"), stage.certs.path("self.key"));
                let port = nginx::start_tls_files(stage, &cert, &key, &nginx::proxy(app, nginx::UPGRADE))?;
                Ok(wss(port))
            },
        ),
        Case::new(
            "tls/chain-incomplete",
            &["nginx", "node-ws"],
            cause("tls-chain-incomplete"),
            "unable to get local issuer",
            |stage| {
                let app = node_ws::start(stage, json!({}))?;
                let (cert, key) = (stage.certs.path("good.crt"), stage.certs.path("good.key"));
                let port = nginx::start_tls_files(stage, &cert, &key, &nginx::proxy(app, nginx::UPGRADE))?;
                Ok(trusted(stage, port))
            },
        ),
        Case::new(
            "tls/chain-incomplete-node",
            &["node-ws"],
            cause("tls-chain-incomplete"),
            "unable to get local issuer",
            |stage| {
                let options =
                    json!({"cert": stage.certs.path("good.crt"), "key": stage.certs.path("good.key")});
                let port = node_ws::start(stage, options)?;
                Ok(trusted(stage, port))
            },
        ),
        // The whole chain but for the root, which no public store knows.
        Case::new(
            "tls/private-ca",
            &["nginx", "node-ws"],
            any_of(&["tls-private-ca"]),
            "unable to get local issuer",
            |stage| Ok(wss(nginx_with(stage, "good", "")?)),
        ),
        Case::new(
            "tls/private-ca-with-root",
            &["haproxy", "node-ws"],
            cause("tls-private-ca"),
            "self-signed certificate in certificate chain",
            |stage| {
                let app = node_ws::start(stage, json!({}))?;
                let read = |name: &str| {
                    std::fs::read_to_string(stage.certs.path(name))
                        .map_err(|error| format!("reading {name}: {error}"))
                };
                let bundle = stage.write("bundle.pem", &(read("good.pem")? + &read("root.crt")?))?;
                let bind = format!("ssl crt {}", bundle.display());
                let port =
                    haproxy::start(stage, app, &haproxy::Options { bind: &bind, ..Default::default() })?;
                Ok(wss(port))
            },
        ),
        Case::new(
            "tls/expired-apache",
            &["apache", "node-ws"],
            proven("tls-cert-expired"),
            "certificate has expired",
            |stage| {
                let app = node_ws::start(stage, json!({}))?;
                let (chain, key) = (stage.certs.path("expired.full"), stage.certs.path("expired.key"));
                let body = format!(
                    "SSLEngine on\nSSLCertificateFile {chain}\nSSLCertificateKeyFile {key}\n\
                 ProxyPass / http://127.0.0.1:{app}/ upgrade=websocket"
                );
                let port = apache::start(stage, "", &body)?;
                Ok(trusted(stage, port))
            },
        ),
        // The certificate is good; it is this machine's clock that is wrong, as the server's Date shows.
        Case::new(
            "tls/clock-behind",
            &["nginx", "node-ws"],
            cause("client-clock-skew"),
            "certificate is not yet valid",
            |stage| {
                let port = nginx_with(stage, "good", "")?;
                Ok(skewed(trusted(stage, port), "2020-03-01 12:00:00"))
            },
        ),
        Case::new(
            "tls/clock-ahead",
            &["nginx", "node-ws"],
            cause("client-clock-skew"),
            "certificate has expired",
            |stage| {
                let port = nginx_with(stage, "good", "")?;
                Ok(skewed(trusted(stage, port), "2041-03-01 12:00:00"))
            },
        ),
    ]
}

/// Starts the program with another wall clock; its monotonic clock stays true, as on a real machine.
fn skewed(mut plan: Plan, date: &str) -> Plan {
    plan.wrapper = vec!["faketime".into(), date.into()];
    plan.environment("FAKETIME_DONT_FAKE_MONOTONIC", "1").environment("DONT_FAKE_MONOTONIC", "1")
}

fn handshakes() -> Vec<Case> {
    vec![
        Case::new(
            "tls/version-1.1-only",
            &["nginx", "node-ws"],
            cause("tls-version-mismatch"),
            "tls: [SSL: TLSV1_ALERT_PROTOCOL_VERSION]",
            |stage| {
                let directives = "ssl_protocols TLSv1.1; ssl_ciphers DEFAULT:@SECLEVEL=0;";
                let port = nginx_with(stage, "good-rsa", directives)?;
                Ok(trusted(stage, port))
            },
        ),
        Case::new(
            "tls/version-1.0-only",
            &["openssl"],
            cause("tls-version-mismatch"),
            "tls: [SSL: TLSV1_ALERT_PROTOCOL_VERSION]",
            |stage| {
                let port = openssl::start(stage, "good-rsa", &["-tls1", "-cipher", "DEFAULT:@SECLEVEL=0"])?;
                Ok(trusted(stage, port))
            },
        ),
        Case::new(
            "tls/rsa-key-exchange-only",
            &["nginx", "node-ws"],
            cause("tls-cipher-mismatch"),
            "tls: [SSL: SSLV3_ALERT_HANDSHAKE_FAILURE]",
            |stage| {
                let directives = "ssl_protocols TLSv1.2; ssl_ciphers AES256-SHA256;";
                let port = nginx_with(stage, "good-rsa", directives)?;
                Ok(trusted(stage, port))
            },
        ),
        Case::new(
            "tls/client-certificate-nginx",
            &["nginx", "node-ws"],
            cause("tls-client-cert-required"),
            "400 Bad Request",
            |stage| {
                let root = stage.certs.path("root.crt");
                let directives =
                    format!("ssl_client_certificate {root}; ssl_verify_client on; ssl_verify_depth 3;");
                let port = nginx_with(stage, "good", &directives)?;
                Ok(trusted(stage, port))
            },
        ),
        Case::new(
            "tls/client-certificate-haproxy",
            &["haproxy", "node-ws"],
            cause("tls-client-cert-required"),
            "alert",
            |stage| {
                let app = node_ws::start(stage, json!({}))?;
                let (pem, root) = (stage.certs.path("good.pem"), stage.certs.path("root.crt"));
                let bind = format!("ssl crt {pem} ca-file {root} verify required");
                let port =
                    haproxy::start(stage, app, &haproxy::Options { bind: &bind, ..Default::default() })?;
                Ok(trusted(stage, port))
            },
        ),
        Case::new(
            "tls/client-certificate-tls13",
            &["openssl"],
            cause("tls-client-cert-required"),
            "CERTIFICATE_REQUIRED / certificate required",
            |stage| {
                let root = stage.certs.path("root.crt");
                let port = openssl::start(
                    stage,
                    "good",
                    &["-Verify", "3", "-CAfile", &root, "-verify_return_error"],
                )?;
                Ok(trusted(stage, port))
            },
        ),
        Case::new(
            "tls/client-certificate-tls12",
            &["openssl"],
            cause("tls-client-cert-required"),
            "HANDSHAKE_FAILURE",
            |stage| {
                let root = stage.certs.path("root.crt");
                let flags = ["-tls1_2", "-Verify", "3", "-CAfile", &root, "-verify_return_error"];
                let port = openssl::start(stage, "good", &flags)?;
                Ok(trusted(stage, port))
            },
        ),
        Case::new(
            "tls/h2-only",
            &["openssl"],
            cause("tls-alpn-no-overlap"),
            "no application protocol",
            |stage| {
                let port = openssl::start(stage, "good", &["-alpn", "h2"])?;
                Ok(trusted(stage, port))
            },
        ),
        Case::new(
            "tls/sni-rejected-nginx",
            &["nginx", "node-ws"],
            cause("tls-sni-unrecognized"),
            "UNRECOGNIZED_NAME",
            |stage| {
                let app = node_ws::start(stage, json!({}))?;
                let (port, chain, key) =
                    (stage.port()?, stage.certs.path("good.full"), stage.certs.path("good.key"));
                let servers = format!(
                    "server {{ listen 127.0.0.1:{port} ssl default_server; ssl_reject_handshake on; }}
                     server {{ listen 127.0.0.1:{port} ssl; server_name shop.keepwire.test; ssl_certificate {chain};
                              ssl_certificate_key {key}; {} }}",
                    nginx::proxy(app, nginx::UPGRADE)
                );
                nginx::start_with(stage, &[port], "", &servers)?;
                Ok(trusted(stage, port))
            },
        ),
        // With one certificate loaded from a file Caddy serves it for any name; only managed certificates are
        // refused by name, so the site gets one from Caddy's own authority.
        Case::new(
            "tls/sni-rejected-caddy",
            &["caddy", "node-ws"],
            cause("tls-sni-unrecognized"),
            "INTERNAL_ERROR",
            |stage| {
                let app = node_ws::start(stage, json!({}))?;
                let body = format!("tls internal\nreverse_proxy 127.0.0.1:{app}");
                let port = caddy::start(stage, "https://shop.keepwire.test", &body)?;
                Ok(trusted(stage, port))
            },
        ),
        // HAProxy answers everything on HTTP/2 with 400, and so does not keep what its SETTINGS promise
        // (RFC 8441); over http/1.1 the same connection works.
        Case::new(
            "tls/extended-connect-refused",
            &["haproxy", "node-ws"],
            Expect::Mentions(vec!["upgrade-h2-extended-connect-refused"]),
            "HTTP/1.1 101",
            |stage| {
                let app = node_ws::start(stage, json!({}))?;
                let bind = format!("ssl crt {} alpn h2,http/1.1", stage.certs.path("good.pem"));
                let options = haproxy::Options {
                    bind: &bind,
                    frontend: "http-request deny deny_status 400 if { req.ver 2.0 }",
                    ..Default::default()
                };
                let port = haproxy::start(stage, app, &options)?;
                Ok(trusted(stage, port))
            },
        ),
        // The name that the client uses reaches the wrong server block: another name's certificate.
        Case::new(
            "tls/default-server-certificate",
            &["nginx", "node-ws"],
            proven("tls-cert-wrong-host"),
            "Hostname mismatch",
            |stage| {
                let app = node_ws::start(stage, json!({}))?;
                let port = stage.port()?;
                let block = |name: &str, cert: &str, more: &str| {
                    format!(
                        "server {{ listen 127.0.0.1:{port} ssl {more}; server_name {name}; ssl_certificate {}; \
                         ssl_certificate_key {}; {} }}",
                        stage.certs.path(&format!("{cert}.full")),
                        stage.certs.path(&format!("{cert}.key")),
                        nginx::proxy(app, nginx::UPGRADE)
                    )
                };
                let servers = block("shop.keepwire.test", "other-host", "default_server")
                    + &block("www.keepwire.test", "good", "");
                nginx::start_with(stage, &[port], "", &servers)?;
                Ok(trusted(stage, port))
            },
        ),
    ]
}

fn mix_ups() -> Vec<Case> {
    let to_plain = |name: &str, product: &'static str, set_up: fn(&mut Stage) -> Result<u16>| {
        Case::new(
            format!("tls/wss-to-plain-port/{name}"),
            &[product],
            cause("tls-to-plaintext-port"),
            "tls: [SSL: WRONG_VERSION_NUMBER] / tls: [SSL: UNEXPECTED_EOF / tls: [SSL: RECORD_LAYER / tls: [Errno 104",
            move |stage| {
                let port = set_up(stage)?;
                Ok(Plan::new(format!("wss://127.0.0.1:{port}/")))
            },
        )
    };
    let to_tls =
        |name: &str, product: &'static str, seen: &'static str, set_up: fn(&mut Stage) -> Result<u16>| {
            Case::new(
                format!("tls/ws-to-tls-port/{name}"),
                &[product],
                cause("tls-plaintext-to-tls-port"),
                seen,
                move |stage| {
                    let port = set_up(stage)?;
                    Ok(Plan::new(format!("ws://{HOST}:{port}/"))
                        .flag("--resolve", format!("{HOST}:{port}:127.0.0.1")))
                },
            )
        };
    vec![
        to_plain("node-ws", "node-ws", |stage| node_ws::start(stage, json!({}))),
        to_plain("py-websockets", "py-websockets", |stage| {
            crate::e2e::products::py_websockets::start(stage, json!({}))
        }),
        to_plain("nginx", "nginx", |stage| {
            let app = node_ws::start(stage, json!({}))?;
            nginx::start(stage, &nginx::proxy(app, nginx::UPGRADE))
        }),
        to_plain("uvicorn", "uvicorn", |stage| crate::e2e::products::uvicorn::start(stage, &[])),
        to_tls("nginx", "nginx", "400 Bad Request", |stage| nginx_with(stage, "good", "")),
        to_tls("apache", "apache", "400 Bad Request", |stage| {
            let (chain, key) = (stage.certs.path("good.full"), stage.certs.path("good.key"));
            apache::start(
                stage,
                "",
                &format!("SSLEngine on\nSSLCertificateFile {chain}\nSSLCertificateKeyFile {key}"),
            )
        }),
        to_tls("haproxy", "haproxy", "EOF / [Errno 104]", |stage| {
            let app = node_ws::start(stage, json!({}))?;
            let bind = format!("ssl crt {}", stage.certs.path("good.pem"));
            haproxy::start(stage, app, &haproxy::Options { bind: &bind, ..Default::default() })
        }),
        to_tls("node-ws", "node-ws", "EOF / [Errno 104]", |stage| {
            let options = json!({"cert": stage.certs.path("good.full"), "key": stage.certs.path("good.key")});
            node_ws::start(stage, options)
        }),
        to_tls("caddy", "caddy", "400 Bad Request", |stage| {
            let (chain, key) = (stage.certs.path("good.full"), stage.certs.path("good.key"));
            caddy::start(stage, &format!("https://{HOST}"), &format!("tls {chain} {key}\nrespond hello"))
        }),
    ]
}
