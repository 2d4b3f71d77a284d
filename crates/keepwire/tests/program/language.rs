//! English and Chinese are equal.

use crate::{case, command, keepwire, stderr, stdout};

fn in_chinese(text: &str) -> bool {
    text.chars().any(|c| ('\u{4e00}'..='\u{9fff}').contains(&c))
}

#[test]
fn the_environment_and_the_option_choose() {
    let arguments = ["check", "--from", &case("stripped")];
    let speak =
        |name: &str, value: &str| stdout(&command(&arguments).env(name, value).output().expect("it starts"));
    assert!(in_chinese(&speak("LANG", "zh_CN.UTF-8")));
    assert!(in_chinese(&speak("KEEPWIRE_LANG", "zh-CN")));
    assert!(!in_chinese(&speak("LANG", "de_DE.UTF-8")));
    let both = command(&[&arguments[..], &["--lang", "en"]].concat())
        .env("LANG", "zh_CN.UTF-8")
        .output()
        .expect("it starts");
    assert!(!in_chinese(&stdout(&both)));
}

#[test]
fn ids_and_keys_stay() {
    let read = |lang| -> serde_json::Value {
        let output = keepwire(&["check", "--from", &case("stripped"), "--format", "json", "--lang", lang]);
        serde_json::from_slice(&output.stdout).expect("one JSON value")
    };
    let (english, chinese) = (read("en"), read("zh-CN"));
    assert_eq!(keys(&english), keys(&chinese));
    for pointer in
        ["/verdict", "/findings/0/cause", "/findings/0/confidence", "/exit_code", "/findings/0/fixes/0/lines"]
    {
        assert_eq!(english.pointer(pointer), chinese.pointer(pointer), "{pointer}");
    }
    assert!(in_chinese(chinese["summary"].as_str().expect("a summary")));
}

fn keys(value: &serde_json::Value) -> Vec<String> {
    match value {
        serde_json::Value::Object(map) => map
            .iter()
            .flat_map(|(key, value)| {
                keys(value).into_iter().map(move |rest| format!("{key}.{rest}")).chain([key.clone()])
            })
            .collect(),
        serde_json::Value::Array(list) => list.iter().flat_map(keys).collect(),
        _ => vec![],
    }
}

#[test]
fn help_and_errors_speak_it_too() {
    for arguments in
        [&["--help"][..], &["check", "--help"], &["explain", "--list"], &["explain", "upgrade-stripped"]]
    {
        let output = keepwire(&[arguments, &["--lang", "zh-CN"]].concat());
        assert!(in_chinese(&stdout(&output)), "{arguments:?}");
        assert!(output.status.success());
    }
    for arguments in [
        &["check", "ftp://x/"][..],
        &["check", "--nonsense"],
        &["nonsense"],
        &["check", "ws://x/", "--hold", "soon"],
    ] {
        let output = keepwire(&[arguments, &["--lang", "zh-CN"]].concat());
        assert!(in_chinese(&stderr(&output)), "{arguments:?}: {}", stderr(&output));
        assert_eq!(output.status.code(), Some(2));
    }
}

#[test]
fn chinese_columns_stand_under_each_other() {
    use unicode_width::UnicodeWidthStr;
    let text = stdout(&keepwire(&["check", "--from", &case("stripped"), "--lang", "zh-CN"]));
    let ends: Vec<usize> =
        text.lines().filter(|line| line.ends_with(" ms")).map(UnicodeWidthStr::width).collect();
    assert!(ends.len() >= 2 && ends.iter().all(|width| *width == 80), "{ends:?}\n{text}");
}
