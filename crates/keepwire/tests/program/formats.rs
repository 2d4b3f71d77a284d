//! Snapshots of what users see: recorded cases in every format. The numbers are the recording's.

use crate::{case, keepwire, stdout};

/// Recorded with `check --save`: a real nginx in front of ws, a certificate that ended, a healthy endpoint.
const CASES: &[&str] = &["stripped", "expired", "healthy"];

#[test]
fn every_format() {
    for name in CASES {
        for format in ["text", "concise", "markdown", "html", "junit", "github", "json"] {
            let output = keepwire(&["check", "--from", &case(name), "--format", format]);
            insta::assert_snapshot!(format!("{name}.{format}"), stdout(&output));
        }
    }
}

#[test]
fn both_languages() {
    for name in CASES {
        for format in ["text", "json"] {
            let output = keepwire(&["check", "--from", &case(name), "--format", format, "--lang", "zh-CN"]);
            insta::assert_snapshot!(format!("{name}.zh-CN.{format}"), stdout(&output));
        }
    }
}

#[test]
fn quiet_and_verbose() {
    for flag in ["-q", "-v"] {
        let output = keepwire(&["check", "--from", &case("stripped"), flag]);
        insta::assert_snapshot!(format!("stripped{flag}"), stdout(&output));
    }
}

#[test]
fn colours_only_where_they_are_wanted() {
    let plain = keepwire(&["check", "--from", &case("stripped")]);
    assert!(!stdout(&plain).contains('\u{1b}'), "a pipe gets no colours");
    let coloured = keepwire(&["check", "--from", &case("stripped"), "--color", "always"]);
    assert!(stdout(&coloured).contains('\u{1b}'));
    // Without the colours the two are the same: nothing is said by colour alone.
    let stripped = strip(&stdout(&coloured));
    assert_eq!(stripped, stdout(&plain));
}

fn strip(text: &str) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some(at) = rest.find('\u{1b}') {
        out.push_str(&rest[..at]);
        rest = &rest[at..];
        rest = rest.find('m').map_or("", |end| &rest[end + 1..]);
    }
    out + rest
}

#[test]
fn html_and_junit_are_well_formed() {
    for name in CASES {
        let html = stdout(&keepwire(&["check", "--from", &case(name), "--format", "html"]));
        assert!(html.starts_with("<!doctype html>") && html.trim_end().ends_with("</html>"));
        assert!(!html.contains("<script") && !html.contains("src="), "nothing runs, nothing loads");
        let xml = stdout(&keepwire(&["check", "--from", &case(name), "--format", "junit"]));
        assert!(xml.starts_with("<?xml") && xml.contains("<testsuites"), "{xml}");
    }
}

#[test]
fn files_get_the_format_of_their_ending() {
    let folder = std::env::temp_dir().join(format!("keepwire-out-{}", std::process::id()));
    std::fs::create_dir_all(&folder).expect("a folder");
    let file = |name: &str| folder.join(name).to_str().expect("a name").to_owned();
    let names = ["a.json", "a.html", "a.md", "a.xml", "a.txt"].map(file);
    let mut arguments = vec!["check".to_owned(), "--from".to_owned(), case("stripped")];
    arguments.extend(names.iter().flat_map(|name| ["--out".to_owned(), name.clone()]));
    keepwire(&arguments.iter().map(String::as_str).collect::<Vec<_>>());
    for (name, begins) in names.iter().zip(["{", "<!doctype", "##", "<?xml", "FAIL"]) {
        let text = std::fs::read_to_string(name).expect("it was written");
        assert!(text.starts_with(begins), "{name}: {text}");
    }
    let wrong = keepwire(&["check", "--from", &case("stripped"), "--out", &file("a.pdf")]);
    assert_eq!(wrong.status.code(), Some(2));
    std::fs::remove_dir_all(&folder).expect("the folder goes");
}
