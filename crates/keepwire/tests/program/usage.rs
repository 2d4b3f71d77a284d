//! Wrong input gets an error that says what, where and what to do; help is there for everything.

use crate::{case, keepwire, stderr, stdout};

#[test]
fn wrong_input_says_what_and_what_to_do() {
    for (arguments, says) in [
        (&["check", "ftp://x/"][..], "ws, wss, http or https"),
        (&["check", "ws://h/", "-H", "nonsense"], "NAME: VALUE"),
        (&["check", "ws://h/", "--hold", "soon"], "500ms, 30s, 2m"),
        (&["check", "ws://h/", "--size", "9G"], "64K or 1M"),
        (&["check", "ws://h/", "--resolve", "x"], "HOST:PORT:ADDRESS"),
        (&["check", "ws://h/", "--connect-to", "x"], "HOST:PORT"),
        (&["check", "ws://h/", "--via", "ftp://x"], "socks5://host:port"),
        (&["check", "ws://h/", "--ca", "/no/such/file"], "/no/such/file"),
        (&["check", "ws://h/", "--page", "ftp://x"], "http or https"),
        (&["check", "ws://h/", "--auth", "x"], "bearer:TOKEN"),
        (&["check", "--from", "/no/such/case.json"], "/no/such/case.json"),
        (&["check", "ws://h/", "--show-secrets"], "terminal"),
        (&["explain", "upgrade-striped"], "upgrade-stripped"),
        (&["chek", "ws://h/"], "check"),
        (&["echo", "nowhere"], ":9001"),
    ] {
        let output = keepwire(arguments);
        let message = stderr(&output);
        assert!(message.contains(says), "{arguments:?}: {message}");
        assert_eq!(output.status.code(), Some(2), "{arguments:?}");
        assert!(stdout(&output).is_empty(), "{arguments:?}");
    }
}

#[test]
fn errors_are_json_where_json_was_asked_for() {
    let output = keepwire(&["check", "ftp://x/", "--format", "json"]);
    let error: serde_json::Value = serde_json::from_slice(&output.stdout).expect("one JSON value");
    assert_eq!(error["schema"], "keepwire.error/1");
    assert!(error["message"].as_str().is_some_and(|text| text.contains("ftp")));
}

#[test]
fn a_case_file_of_nobody_is_refused() {
    let not_a_case = case("../formats.rs").replace(".json", "");
    let output = keepwire(&["check", "--from", &not_a_case]);
    assert!(stderr(&output).contains("no case file"), "{}", stderr(&output));
    assert_eq!(output.status.code(), Some(2));
}

#[test]
fn every_cause_has_a_page() {
    let list = stdout(&keepwire(&["explain", "--list"]));
    assert!(list.lines().count() >= diagnose::causes::ALL.len());
    for cause in diagnose::causes::ALL {
        let page = stdout(&keepwire(&["explain", cause.id]));
        assert!(page.contains("What to do") && page.contains(cause.id), "{}", cause.id);
    }
}

#[test]
fn completions_and_manuals_come_from_the_flags() {
    for shell in ["bash", "zsh", "fish", "powershell", "elvish"] {
        let text = stdout(&keepwire(&["completions", shell]));
        assert!(text.contains("keepwire") && text.contains("hold"), "{shell}");
    }
    let folder = std::env::temp_dir().join(format!("keepwire-man-{}", std::process::id()));
    let output = keepwire(&["man", folder.to_str().expect("a name")]);
    assert!(output.status.success());
    let page = std::fs::read_to_string(folder.join("keepwire-check.1")).expect("it was written");
    assert!(page.contains(".TH") && page.contains("hold"));
    let page = std::fs::read_to_string(folder.join("keepwire-lab-chaos.1")).expect("so was the nested one");
    assert!(page.contains("keepwire\\-lab\\-chaos") && page.contains("preset"), "{page}");
    std::fs::remove_dir_all(&folder).expect("the folder goes");
}

#[test]
fn the_first_screen_of_help() {
    insta::assert_snapshot!("help", stdout(&keepwire(&["--help"])));
    insta::assert_snapshot!("help.zh-CN", stdout(&keepwire(&["--help", "--lang", "zh-CN"])));
    insta::assert_snapshot!("help-check", stdout(&keepwire(&["check", "--help"])));
}
