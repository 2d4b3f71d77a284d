//! What real products and a real browser wrote (`cargo xtask record`), read as any user's file is.

#![allow(clippy::panic, reason = "a test says which file it is")]

use evidence::{Fact, Redactor};
use keepwire_records::{Kind, Options, Reader, Reading, read_har, recognise};
use std::path::{Path, PathBuf};

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/recorded")
}

fn read(name: &str) -> Reading {
    let bytes = std::fs::read(folder().join(name)).expect("the file is there");
    let kind = recognise(&bytes).unwrap_or_else(|| panic!("{name} is not recognised"));
    if kind == Kind::Har {
        return read_har(&bytes, Redactor::ON);
    }
    let mut reader = Reader::new(kind, Options::default());
    bytes.chunks(97).for_each(|piece| reader.feed(piece));
    reader.finish()
}

/// File, kind, and what is said in it: the first message with its status, code and flags.
const FILES: &[(&str, Kind, &str)] = &[
    ("apache-refused.log", Kind::ApacheError, "apache-connect-failed"),
    ("caddy-refused.log", Kind::Json, "caddy-upstream-refused"),
    ("chromium-accept-missing.txt", Kind::Text, "accept-missing"),
    ("chromium-certificate.txt", Kind::Text, "cert-unknown-authority"),
    ("chromium-closed-while-connecting.txt", Kind::Text, "closed-before-established"),
    ("chromium-connection-missing.txt", Kind::Text, "connection-header-missing"),
    ("chromium-csp.txt", Kind::Text, "csp-blocked"),
    ("chromium-early-end.txt", Kind::Text, "closed-before-response"),
    ("chromium-empty-extension.txt", Kind::Text, "extension-empty"),
    ("chromium-interim.txt", Kind::Text, "unexpected-response-code 103"),
    ("chromium-masked.txt", Kind::Text, "masked-by-server"),
    ("chromium-mixed-content.txt", Kind::Text, "mixed-content"),
    ("chromium-name.txt", Kind::Text, "name-not-found"),
    ("chromium-not-found.txt", Kind::Text, "unexpected-response-code 404"),
    ("chromium-page-instead.txt", Kind::Text, "unexpected-response-code 200"),
    ("chromium-plain-to-tls.txt", Kind::Text, "closed-before-response"),
    ("chromium-refused.txt", Kind::Text, "refused"),
    ("chromium-reserved-bits.txt", Kind::Text, "reserved-bits"),
    ("chromium-stripped.txt", Kind::Text, "unexpected-response-code 426"),
    ("chromium-subprotocol.txt", Kind::Text, "subprotocol-not-answered"),
    ("chromium-tls-to-plain.txt", Kind::Text, "tls-failed"),
    ("chromium-unsafe-port.txt", Kind::Text, "unsafe-port"),
    ("chromium-upgrade-missing.txt", Kind::Text, "upgrade-header-missing"),
    ("chromium.har", Kind::Har, "refused"),
    ("haproxy-idle.log", Kind::Haproxy, "haproxy-termination 101 cD--"),
    ("haproxy-refused.log", Kind::Haproxy, "haproxy-termination 503 SC--"),
    ("haproxy-silent.log", Kind::Haproxy, "haproxy-termination 504 sH--"),
    ("nginx-early-end.log", Kind::NginxError, "nginx-upstream-eof"),
    ("nginx-healthy.log", Kind::Access, "opened 101"),
    ("nginx-idle-in-access-log.log", Kind::Access, "opened 101"),
    ("nginx-idle-in-error-log.log", Kind::NginxError, "nginx-upgraded-timed-out"),
    ("nginx-no-live-upstreams.log", Kind::NginxError, "nginx-upstream-refused"),
    ("nginx-refused.log", Kind::NginxError, "nginx-upstream-refused"),
    ("nginx-silent-application.log", Kind::NginxError, "nginx-upstream-timed-out-header"),
    ("nginx-stripped.log", Kind::Access, "status-logged 426"),
    ("nginx-too-many-connections.log", Kind::NginxError, "nginx-limit"),
    ("node-ws-not-found.log", Kind::Text, "unexpected-response-code 404"),
    ("node-ws-refused.log", Kind::Text, "refused"),
    ("py-websockets-closed.log", Kind::Text, "closed 4401"),
    ("py-websockets-forbidden.log", Kind::Text, "unexpected-response-code 403"),
    ("traefik-json.log", Kind::Json, "status-logged 426"),
    ("traefik-refused.log", Kind::Access, "status-logged 502"),
];

#[test]
fn what_each_file_says() {
    for (name, kind, first) in FILES {
        let reading = read(name);
        assert_eq!(reading.kind, *kind, "{name}");
        assert_eq!(reading.problems, [], "{name}");
        let said = &reading.events.first().unwrap_or_else(|| panic!("{name}: nothing is said")).said;
        let mut words = vec![said.id.clone()];
        words.extend(said.status.map(|status| status.to_string()));
        words.extend(said.code.map(|code| code.to_string()));
        words.extend(Some(said.flags.clone()).filter(|flags| !flags.is_empty()));
        assert_eq!(words.join(" "), *first, "{name}");
        assert!(said.count > 0 && said.first_line > 0 && !said.excerpt.is_empty(), "{name}");
    }
}

#[test]
fn every_file_is_in_the_list() {
    let mut names: Vec<String> = std::fs::read_dir(folder())
        .expect("the folder is there")
        .map(|entry| entry.expect("an entry").file_name().to_string_lossy().into_owned())
        .collect();
    names.sort();
    assert_eq!(names, FILES.iter().map(|(name, ..)| (*name).to_owned()).collect::<Vec<_>>());
}

/// A timer is the same held connection in an access log and in a browser's HAR; a live hold makes this fact, too.
#[test]
fn a_timer_is_one_fact_wherever_it_stands() {
    for (name, seconds) in [("nginx-idle-in-access-log.log", 3), ("chromium.har", 10)] {
        let reading = read(name);
        let holds: Vec<u64> = reading
            .events
            .iter()
            .flat_map(|event| &event.facts)
            .filter_map(|fact| match fact {
                Fact::Hold(hold) => hold.ending.as_ref().map(|ending| (ending.idle_us + 500_000) / 1_000_000),
                _ => None,
            })
            .collect();
        assert!(holds.contains(&seconds), "{name}: {holds:?}");
    }
    assert!(read("nginx-healthy.log").events.iter().all(|event| event.facts.len() == 1));
}

/// Whatever a file is cut to, or mixed with: it is read, and nothing panics.
#[test]
fn broken_files_are_read_as_far_as_they_go() {
    for (name, ..) in FILES {
        let bytes = std::fs::read(folder().join(name)).expect("the file is there");
        for cut in [0, 1, 7, bytes.len() / 3, bytes.len() / 2, bytes.len().saturating_sub(3)] {
            let mut broken = bytes[..cut.min(bytes.len())].to_vec();
            broken.extend_from_slice(&[0xff, 0x00, 0xc3, 0x28, b'\n', b'{', b'"']);
            let _ = recognise(&broken);
            let _ = read_har(&broken, Redactor::ON);
            for kind in Kind::ALL {
                let mut reader = Reader::new(kind, Options::default());
                reader.feed(&broken);
                let _ = reader.finish();
            }
        }
    }
}
