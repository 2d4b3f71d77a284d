//! Section 3: names that do not lead where they should, with dnsmasq as the name server.

use serde_json::json;

use crate::e2e::case::{Case, Plan, any_of, cause, mentions};
use crate::e2e::netns::{self, SERVER, SERVER_V6};
use crate::e2e::products::{dnsmasq, node_ws};

const NAME: &str = "chat.keepwire.test";

pub(super) fn cases() -> Vec<Case> {
    vec![
        Case::new(
            "dns/healthy",
            &["dnsmasq", "node-ws"],
            crate::e2e::case::Expect::Healthy,
            "HTTP/1.1 101",
            |stage| {
                let app = node_ws::start(stage, json!({}))?;
                let server =
                    dnsmasq::start(stage, &format!("local=/keepwire.test/\nhost-record={NAME},127.0.0.1"))?;
                Ok(Plan::new(format!("ws://{NAME}:{app}/")).flag("--dns", server))
            },
        ),
        Case::new("dns/nxdomain", &["dnsmasq"], cause("dns-nxdomain"), "dns: NXDOMAIN", |stage| {
            let server =
                dnsmasq::start(stage, "local=/keepwire.test/\nhost-record=app.keepwire.test,127.0.0.1")?;
            Ok(Plan::new("ws://chta.keepwire.test:8080/").flag("--dns", server))
        }),
        // The same through the system's resolver, as a user's machine has it.
        Case::new(
            "dns/nxdomain-system",
            &["dnsmasq"],
            cause("dns-nxdomain"),
            "dns: [Errno -2] / dns: [Errno -5]",
            |stage| {
                stage.link()?.resolver(SERVER)?;
                dnsmasq::start_at(
                    stage,
                    SERVER,
                    53,
                    "local=/keepwire.test/\nhost-record=app.keepwire.test,198.18.0.1",
                )?;
                Ok(Plan::new("ws://chta.keepwire.test:8080/"))
            },
        ),
        // Without any upstream dnsmasq answers REFUSED, which is what a lame delegation looks like.
        Case::new(
            "dns/refused",
            &["dnsmasq"],
            cause("dns-servfail-timeout"),
            "dns: REFUSED / dns: SERVFAIL",
            |stage| {
                let server = dnsmasq::start(stage, "")?;
                Ok(Plan::new(format!("ws://{NAME}:8080/")).flag("--dns", server))
            },
        ),
        Case::new("dns/silent", &["dnsmasq"], cause("dns-servfail-timeout"), "dns: no answer", |stage| {
            // A firewall drops what is asked of it.
            let net = stage.link()?;
            netns::filter(&net.server, "input", &["udp dport 53 drop", "tcp dport 53 drop"])?;
            dnsmasq::start_at(stage, SERVER, 53, &format!("host-record={NAME},{SERVER}"))?;
            Ok(Plan::new(format!("ws://{NAME}:8080/"))
                .flag("--dns", format!("{SERVER}:53"))
                .with("--timeout 6s"))
        }),
        Case::new("dns/sinkhole", &["dnsmasq"], cause("dns-filtered"), "0.0.0.0", |stage| {
            let server = dnsmasq::start(stage, "address=/keepwire.test/0.0.0.0")?;
            Ok(Plan::new(format!("ws://{NAME}:{}/", stage.port()?)).flag("--dns", server))
        }),
        Case::new(
            "dns/rebinding-filter",
            &["dnsmasq"],
            any_of(&["dns-filtered", "dns-nxdomain"]),
            "dns: ",
            |stage| {
                // An upstream that answers with a private address, and a filter in front that drops such answers.
                let upstream =
                    dnsmasq::start(stage, &format!("local=/keepwire.test/\nhost-record={NAME},192.168.7.7"))?;
                let filter = dnsmasq::start(
                    stage,
                    &format!("stop-dns-rebind\nserver={}", upstream.replace(':', "#")),
                )?;
                Ok(Plan::new(format!("ws://{NAME}:8080/")).flag("--dns", filter))
            },
        ),
        // The HTTPS record sends browsers to a port where nobody listens; the A record is right.
        Case::new(
            "dns/https-record",
            &["dnsmasq", "nginx", "node-ws"],
            mentions("dns-https-record-misleads"),
            "HTTP/1.1 101",
            |stage| {
                let app = node_ws::start(stage, json!({}))?;
                let port = crate::e2e::products::nginx::start_tls(
                    stage,
                    "good",
                    &crate::e2e::products::nginx::proxy(app, crate::e2e::products::nginx::UPGRADE),
                )?;
                let host = crate::e2e::certs::HOST;
                let dead = stage.port()?;
                // RFC 9460: priority 1, target ".", port (key 3), ipv4hint (key 4) 127.0.0.1. A name with
                // another port than 443 is asked for as _PORT._https.NAME (section 2.3).
                let record = format!("000100 0003 0002 {dead:04x} 0004 0004 7f000001").replace(' ', "");
                let records = format!(
                    "local=/keepwire.test/\nhost-record={host},127.0.0.1\ndns-rr=_{port}._https.{host},65,{record}\n\
                     dns-rr={host},65,{record}"
                );
                let server = dnsmasq::start(stage, &records)?;
                Ok(Plan::new(format!("wss://{host}:{port}/"))
                    .flag("--dns", server)
                    .flag("--ca", stage.certs.path("root.crt")))
            },
        ),
        Case::new(
            "dns/broken-ipv6",
            &["dnsmasq", "node-ws", "-"],
            mentions("dns-broken-ipv6"),
            "HTTP/1.1 101",
            |stage| {
                let net = stage.link()?;
                net.resolver(SERVER)?;
                netns::filter(&net.server, "input", &["meta nfproto ipv6 tcp flags syn drop"])?;
                let records = format!("local=/keepwire.test/\nhost-record={NAME},{SERVER},{SERVER_V6}");
                dnsmasq::start_at(stage, SERVER, 53, &records)?;
                let app = node_ws::start(stage, json!({"host": "::"}))?;
                Ok(Plan::new(format!("ws://{NAME}:{app}/")).flag("--dns", format!("{SERVER}:53")))
            },
        ),
        Case::new(
            "dns/localhost-one-family",
            &["node-ws"],
            mentions("client-localhost-v6-first"),
            "HTTP/1.1 101",
            |stage| {
                // A hosts file of its own, so that it does not hang on the machine's; the server runs beside the
                // program, on IPv4 only.
                let net = stage.link()?;
                net.hosts_file("127.0.0.1 localhost\n::1 localhost\n")?;
                stage.namespace = stage.client_namespace();
                let app = node_ws::start(stage, json!({"host": "127.0.0.1"}))?;
                Ok(Plan::new(format!("ws://localhost:{app}/")))
            },
        ),
    ]
}
