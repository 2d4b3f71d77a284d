//! `keepwire read` on what real products wrote, on what is broken, and on what people paste.

use super::{Lab, command, keepwire, stderr, stdout};
use std::io::Write;
use std::process::{Output, Stdio};

fn recorded(name: &str) -> String {
    format!("{}/../records/tests/recorded/{name}", env!("CARGO_MANIFEST_DIR"))
}

fn pasted(text: &[u8], arguments: &[&str]) -> Output {
    let mut child = command(&[&["read", "-"], arguments].concat())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the program starts");
    child.stdin.take().expect("it has an input").write_all(text).expect("it reads");
    child.wait_with_output().expect("it ends")
}

fn json(output: &Output) -> serde_json::Value {
    serde_json::from_str(&stdout(output)).expect("it is JSON")
}

fn first(report: &serde_json::Value) -> String {
    let finding = &report["findings"][0];
    format!("{} {}", finding["cause"].as_str().unwrap_or("-"), finding["confidence"].as_str().unwrap_or("-"))
}

#[test]
fn the_first_cause_of_what_was_recorded() {
    for (name, cause) in [
        ("apache-refused.log", "upgrade-bad-gateway proven"),
        ("caddy-refused.log", "upgrade-bad-gateway proven"),
        ("haproxy-idle.log", "idle-other-proxies proven"),
        ("haproxy-silent.log", "upgrade-never-answered proven"),
        ("nginx-idle-in-access-log.log", "idle-nginx-read-timeout likely"),
        ("nginx-idle-in-error-log.log", "idle-nginx-read-timeout proven"),
        ("nginx-early-end.log", "upgrade-eof-before-response proven"),
        ("nginx-stripped.log", "upgrade-stripped likely"),
        ("traefik-json.log", "upgrade-stripped likely"),
        ("chromium-mixed-content.txt", "page-mixed-content proven"),
        ("chromium-csp.txt", "page-csp-connect-src proven"),
        ("chromium-page-instead.txt", "upgrade-200-html likely"),
        ("py-websockets-closed.log", "app-auth-after-open proven"),
    ] {
        let output = keepwire(&["read", &recorded(name), "--format", "json"]);
        assert_eq!(output.status.code(), Some(1), "{name}");
        let report = json(&output);
        assert_eq!((report["kind"].as_str(), first(&report)), (Some("read"), cause.to_owned()), "{name}");
        assert!(
            report["read"]["next"].as_str().is_some_and(|next| next.starts_with("keepwire check ")),
            "{name}"
        );
    }
    let healthy = keepwire(&["read", &recorded("nginx-healthy.log")]);
    assert_eq!(healthy.status.code(), Some(0));
}

#[test]
fn every_format_and_both_languages() {
    let file = recorded("nginx-stripped.log");
    for format in ["text", "concise", "markdown", "html", "junit", "github"] {
        let output = keepwire(&["read", &file, "--format", format]);
        assert!(stdout(&output).contains("upgrade-stripped"), "{format}");
    }
    let chinese = stdout(&keepwire(&["read", &file, "--lang", "zh-CN"]));
    assert!(chinese.contains("识别为访问日志") && chinese.contains("含义"), "{chinese}");
}

#[test]
fn what_is_broken_says_where() {
    let long = [
        b"x".repeat(10_000_000),
        b"\nWebSocket connection to 'ws://h/' failed: Invalid frame header\n".to_vec(),
    ]
    .concat();
    let report = json(&pasted(&long, &["--kind", "text", "--format", "json"]));
    assert_eq!(report["read"]["problems"][0]["line"], 1);
    assert_eq!(report["read"]["messages"][0]["id"], "invalid-frame-header");
    let har = std::fs::read(recorded("chromium.har")).expect("the file is there");
    let cut = json(&pasted(&har[..har.len() / 2], &["--format", "json"]));
    assert!(cut["read"]["problems"][0]["line"].as_u64().is_some_and(|line| line > 100));
    assert!(cut["read"]["messages"].as_array().is_some_and(|messages| messages.len() > 3));
    let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    let log = std::fs::read(recorded("haproxy-idle.log")).expect("the file is there");
    packed.write_all(&log.repeat(500)).expect("it is packed");
    let packed = packed.finish().expect("it is packed");
    assert_eq!(json(&pasted(&packed, &["--format", "json"]))["read"]["messages"][0]["count"], 500);
    let cut = json(&pasted(&packed[..packed.len() - 9], &["--format", "json"]));
    assert!(
        cut["read"]["problems"][0]["text"].as_str().is_some_and(|text| text.contains("compressed")),
        "{cut}"
    );
    for garbage in [&b"\0\x01\x02\xff\xfe\xfd"[..], b"hello", b""] {
        let output = pasted(&garbage.repeat(300), &[]);
        assert_eq!(output.status.code(), Some(2));
        assert!(!stderr(&output).is_empty());
    }
}

#[test]
fn a_curl_command_is_corrected_without_its_secrets() {
    let text = "curl 'https://h.example/ws?token=abcdefgh' -H 'Upgrade: websocket' -H 'Connection: Upgrade' -H 'Sec-WebSocket-Key: SGVsbG8sIHdvcmxkIQ==' -H 'Sec-WebSocket-Version: 13' -H 'Authorization: Bearer abcdefghijklmnop'";
    let shown = stdout(&pasted(text.as_bytes(), &[]));
    assert!(shown.contains("13 bytes") && shown.contains("--http1.1"), "{shown}");
    assert!(!shown.contains("abcdefgh"), "{shown}");
}

#[test]
fn hosts_go_where_strict_was_asked_for() {
    let text = b"WebSocket connection to 'wss://app.example.com/ws' failed: Invalid frame header";
    let shown = stdout(&pasted(text, &["--redact", "strict"]));
    assert!(!shown.contains("app.example.com") && shown.contains("HOST"), "{shown}");
}

/// A log and a look make one diagnosis.
#[test]
fn a_check_takes_what_a_log_says() {
    let lab = Lab::serve("healthy");
    let folder = std::env::temp_dir().join(format!("keepwire-read-{}", std::process::id()));
    std::fs::create_dir_all(&folder).expect("a folder");
    let log = folder.join("error.log");
    let line = "2026/11/26 07:00:35 [error] 7#7: *1 upstream timed out (110: Connection timed out) while proxying upgraded connection, client: 127.0.0.1, server: _, request: \"GET /ws HTTP/1.1\", upstream: \"http://127.0.0.1:9/ws\", host: \"127.0.0.1\"\n";
    std::fs::write(&log, line).expect("it is written");
    let output = keepwire(&["check", &lab.url(), "--log", &log.display().to_string(), "--format", "json"]);
    let report = json(&output);
    let _ = std::fs::remove_dir_all(&folder);
    assert_eq!(first(&report), "idle-nginx-read-timeout proven", "{report}");
    assert_eq!(report["findings"][0]["severity"], "warning");
}
