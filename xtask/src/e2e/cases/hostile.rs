//! Peers that mean harm: the program must end within its budget, with little memory, and say something useful.

use std::time::Duration;

use crate::e2e::case::{Case, Expect, Plan};
use crate::e2e::products::{lab, openssl};

pub(super) fn cases() -> Vec<Case> {
    let case = |fault: &'static str, scheme: &'static str, causes: &[&'static str], seen: &'static str| {
        let name = format!("hostile/{scheme}/{}", fault.trim_start_matches("hostile-"));
        let mut case = Case::new(name, &["lab"], Expect::Survives(causes.to_vec()), seen, move |stage| {
            let port = lab::start(stage, fault)?;
            Ok(Plan::new(format!("{scheme}://127.0.0.1:{port}/")).with("--timeout 5s"))
        });
        case.memory_limit_mb = 60;
        // The budget, and what starting and reporting may take on a busy machine.
        case.time_limit = Duration::from_secs(12);
        case
    };
    let stalls: &[&str] =
        &["frame-one-way-stall", "keepalive-no-pong", "frame-length-encoding-bug", "frame-message-too-big"];
    let broken: &[&str] = &[
        "frame-opcode-or-sequence",
        "frame-reserved-bits",
        "frame-masked-server",
        "frame-control-frame-bad",
        "frame-bad-close-frame",
        "frame-http-in-stream",
        "frame-invalid-utf8",
        "keepalive-no-pong",
    ];
    let mut many_certificates = Case::new(
        "hostile/wss/thousand-certificates",
        &["openssl"],
        Expect::Survives(Vec::new()),
        "tls: ",
        |stage| {
            let one = std::fs::read_to_string(stage.certs.path("inter.crt"))
                .map_err(|error| format!("reading inter.crt: {error}"))?;
            let chain = stage.write("chain.pem", &one.repeat(1000))?;
            let port = openssl::start_with_chain(stage, "good", &chain.display().to_string(), &[])?;
            Ok(Plan::new(format!("wss://127.0.0.1:{port}/"))
                .flag("--ca", stage.certs.path("root.crt"))
                .with("--timeout 5s"))
        },
    );
    many_certificates.memory_limit_mb = 60;
    many_certificates.time_limit = Duration::from_secs(12);
    let never_close = case("hostile-never-close", "ws", &[], "HTTP/1.1 101");
    vec![
        case(
            "hostile-endless-headers",
            "ws",
            &["upgrade-headers-too-large", "upgrade-not-http", "upgrade-never-answered"],
            "",
        ),
        case("hostile-endless-101-body", "ws", broken, "HTTP/1.1 101"),
        case("hostile-endless-frames", "ws", &[], "HTTP/1.1 101"),
        case(
            "hostile-slow-bytes",
            "ws",
            &["upgrade-never-answered", "client-connect-timeout-short", "upgrade-not-http"],
            "no answer",
        ),
        case("hostile-gigabyte-frame", "ws", stalls, "HTTP/1.1 101"),
        case("hostile-deflate-bomb", "ws", &[], "HTTP/1.1 101"),
        case(
            "hostile-megabyte-redirect",
            "ws",
            &["upgrade-login-redirect", "upgrade-headers-too-large", "upgrade-not-http"],
            "HTTP/1.1 302",
        ),
        case(
            "hostile-garbage-tls",
            "wss",
            &["tls-to-plaintext-port", "tls-version-mismatch", "upgrade-not-http"],
            "tls: ",
        ),
        case("hostile-garbage-tls", "ws", &["upgrade-not-http"], ""),
        many_certificates,
        // Talking goes well; only the good-bye is never answered, which harms nobody.
        Case { expect: Expect::Healthy, ..never_close },
    ]
}
