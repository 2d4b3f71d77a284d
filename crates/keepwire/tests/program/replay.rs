//! A case file replays without a network, bit for bit.

use crate::{Lab, keepwire, stdout};

#[test]
fn a_saved_case_gives_the_same_report() {
    let folder = std::env::temp_dir().join(format!("keepwire-replay-{}", std::process::id()));
    std::fs::create_dir_all(&folder).expect("a folder");
    let file = folder.join("case.json");
    let name = file.to_str().expect("a name");
    for endpoint in ["healthy", "upgrade-stripped", "frame-masked-server"] {
        let lab = Lab::serve(endpoint);
        let live = keepwire(&["check", &lab.url(), "--format", "json", "--save", name]);
        drop(lab);
        for format in ["json", "text", "markdown", "html", "junit", "concise", "github"] {
            let again = keepwire(&["check", "--from", name, "--format", format]);
            assert_eq!(again.status.code(), live.status.code(), "{endpoint} {format}");
            if format == "json" {
                assert_eq!(stdout(&again), stdout(&live), "{endpoint}");
            }
        }
    }
    std::fs::remove_dir_all(&folder).expect("the folder goes");
}

#[test]
fn secrets_are_in_no_case_file_and_no_report() {
    let lab = Lab::serve("app-auth-401");
    let folder = std::env::temp_dir().join(format!("keepwire-secrets-{}", std::process::id()));
    std::fs::create_dir_all(&folder).expect("a folder");
    let file = folder.join("case.json");
    let url = format!("{}?token=t0psecret-in-query", lab.url());
    let output = keepwire(&[
        "check",
        &url,
        "--auth",
        "bearer:t0psecret-in-auth",
        "-H",
        "Cookie: sid=t0psecret-in-cookie",
        "--format",
        "json",
        "--save",
        file.to_str().expect("a name"),
    ]);
    let case = std::fs::read_to_string(&file).expect("the case was saved");
    assert!(case.contains("Bearer") && case.contains("token="), "the case must show that they were there");
    for text in [stdout(&output), case] {
        assert!(!text.contains("t0psecret"), "{text}");
    }
    std::fs::remove_dir_all(&folder).expect("the folder goes");
}
