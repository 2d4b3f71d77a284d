//! Live checks of the lab's endpoints: verdict, cause and exit code.

use crate::{Lab, keepwire, stdout};
use serde_json::Value;

fn report(arguments: &[&str]) -> (Value, i32) {
    let output = keepwire(&[&["check", "--format", "json"], arguments].concat());
    let value = serde_json::from_slice(&output.stdout).expect("one JSON value");
    (value, output.status.code().expect("it exits"))
}

#[test]
fn a_healthy_endpoint_works() {
    let lab = Lab::serve("healthy");
    let (report, code) = report(&[&lab.url()]);
    assert_eq!((report["verdict"].as_str(), code), (Some("ok"), 0), "{report:#}");
    assert_eq!(report["findings"], Value::Array(vec![]));
    assert_eq!(report["grade"], "A");
    let steps: Vec<&str> = report["layers"]
        .as_array()
        .expect("layers")
        .iter()
        .filter_map(|layer| layer["layer"].as_str())
        .collect();
    assert_eq!(steps, ["dns", "tcp", "upgrade", "protocol", "ping", "close"]);
}

#[test]
fn broken_endpoints_are_named() {
    for (endpoint, cause) in [
        ("upgrade-stripped", "upgrade-stripped"),
        ("upgrade-accept-mismatch", "upgrade-accept-mismatch"),
        ("upgrade-101-missing-upgrade", "upgrade-101-missing-upgrade"),
        ("frame-masked-server", "frame-masked-server"),
        ("app-auth-401", "app-auth-401"),
    ] {
        let lab = Lab::serve(endpoint);
        let (report, code) = report(&[&lab.url()]);
        assert_eq!(report["findings"][0]["cause"], cause, "{endpoint}: {report:#}");
        assert_eq!((report["verdict"].as_str(), code), (Some("fail"), 1), "{endpoint}");
        let finding = &report["findings"][0];
        for part in ["evidence", "fixes"] {
            assert!(finding[part].as_array().is_some_and(|list| !list.is_empty()), "{endpoint}: no {part}");
        }
    }
}

#[test]
fn the_demo_needs_nothing_else() {
    let output = keepwire(&["check", "demo"]);
    let text = stdout(&output);
    assert_eq!(output.status.code(), Some(1), "{text}");
    assert!(
        text.contains("upgrade-stripped") && text.contains("proxy_set_header Upgrade $http_upgrade;"),
        "{text}"
    );
}

#[test]
fn exit_codes_say_what_happened() {
    let closed = { Lab::serve("healthy").url() };
    for (arguments, code) in [
        (vec!["check", closed.as_str()], 1),
        (vec!["check", closed.as_str(), "--exit-detail"], 13),
        (vec!["check", closed.as_str(), "--exit-zero"], 0),
        (vec!["check", closed.as_str(), "--fail-on", "never"], 0),
        (vec!["check", "ftp://nonsense/"], 2),
        (vec!["check"], 2),
        (vec!["nonsense"], 2),
        (vec!["explain", "upgrade-stripped"], 0),
        (vec!["explain", "no-such-finding"], 2),
        (vec!["--version"], 0),
    ] {
        let output = keepwire(&arguments);
        assert_eq!(output.status.code(), Some(code), "{arguments:?}");
    }
}

#[test]
fn several_targets_are_one_json_value() {
    let (one, two) = (Lab::serve("healthy"), Lab::serve("upgrade-accept-missing"));
    let (report, code) = report(&[&one.url(), &two.url()]);
    let verdicts: Vec<_> =
        report.as_array().expect("a list").iter().map(|report| report["verdict"].clone()).collect();
    assert_eq!(verdicts, ["ok", "fail"]);
    assert_eq!(code, 1);
}

#[test]
fn hostile_endpoints_end_within_the_budget() {
    for endpoint in [
        "hostile-endless-headers",
        "hostile-endless-101-body",
        "hostile-gigabyte-frame",
        "hostile-garbage-tls",
    ] {
        let lab = Lab::serve(endpoint);
        let began = std::time::Instant::now();
        let (report, _) = report(&[&lab.url(), "--timeout", "3s"]);
        assert!(began.elapsed().as_secs() < 10, "{endpoint}");
        assert_ne!(report["verdict"], "ok", "{endpoint}");
    }
}

#[cfg(unix)]
#[test]
fn an_interrupted_check_says_what_it_knows() {
    use std::io::Read;
    let server = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let url = format!("ws://{}/", server.local_addr().expect("an address"));
    let mut child = crate::command(&["check", &url, "--format", "json"])
        .stdout(std::process::Stdio::piped())
        .spawn()
        .expect("it starts");
    // A connection that is taken and never answered: the check is under way, and cannot be over.
    let _open = server.accept().expect("a connection");
    let killed =
        std::process::Command::new("kill").args(["-INT", &child.id().to_string()]).status().expect("kill");
    assert!(killed.success());
    let mut text = String::new();
    child.stdout.take().expect("a pipe").read_to_string(&mut text).expect("a report");
    assert_eq!(child.wait().expect("it ends").code(), Some(130));
    let report: Value = serde_json::from_str(&text).expect("one JSON value");
    assert_eq!(report["schema"], "keepwire.report/1");
}
