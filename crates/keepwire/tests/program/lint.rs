//! `keepwire lint`: what people see, what programs read, what is changed, and what is left alone.

use crate::{command, keepwire, stderr, stdout};
use serde_json::Value;
use std::path::PathBuf;
use std::process::{Output, Stdio};

/// The version is given everywhere: what is installed on a machine must not change a test.
const NGINX: [&str; 2] = ["--nginx-version", "1.22.1"];

const BROKEN: &str = include_str!("configs/chat.conf");

/// A folder of its own for each test, gone afterwards.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Self {
        let folder = std::env::temp_dir().join(format!("keepwire-lint-{name}-{}", std::process::id()));
        let _ = std::fs::remove_dir_all(&folder);
        std::fs::create_dir_all(&folder).expect("a folder");
        Self(folder)
    }

    fn write(&self, name: &str, text: &str) -> String {
        let path = self.0.join(name);
        std::fs::create_dir_all(path.parent().expect("a parent")).expect("a folder");
        std::fs::write(&path, text).expect("a file");
        path.display().to_string()
    }

    fn read(&self, name: &str) -> String {
        std::fs::read_to_string(self.0.join(name)).expect("a file")
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

fn lint(arguments: &[&str]) -> Output {
    let all: Vec<&str> = ["lint"].into_iter().chain(NGINX).chain(arguments.iter().copied()).collect();
    // Away from any keepwire.toml of the repository, and in a place whose files have short names.
    command(&all)
        .current_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/program/configs"))
        .output()
        .expect("it starts")
}

fn json(output: &Output) -> Value {
    serde_json::from_slice(&output.stdout)
        .unwrap_or_else(|error| unreachable!("{error}: {}{}", stdout(output), stderr(output)))
}

fn causes(report: &Value) -> Vec<String> {
    let findings = report["findings"].as_array().expect("findings");
    findings.iter().map(|finding| finding["cause"].as_str().expect("an id").to_owned()).collect()
}

#[test]
fn people_see_the_line_and_how_to_mend_it_in_both_languages() {
    let english = lint(&["chat.conf"]);
    assert_eq!(english.status.code(), Some(1));
    insta::assert_snapshot!("lint_en", stdout(&english));
    insta::assert_snapshot!("lint_zh", stdout(&lint(&["chat.conf", "--lang", "zh-CN", "-v"])));
    insta::assert_snapshot!("lint_diff", stdout(&lint(&["chat.conf", "--diff"])));
    insta::assert_snapshot!(
        "lint_chain",
        stdout(&lint(&["--chain", "cdn=cloudflare,lb=alb:60s,proxy=chat.conf,app=ping:60s"]))
    );
}

#[test]
fn programs_read_every_format() {
    let report = json(&lint(&["chat.conf", "--format", "json"]));
    assert_eq!(
        (report["schema"].as_str(), report["kind"].as_str()),
        (Some("keepwire.report/1"), Some("lint"))
    );
    let first = &report["findings"][0];
    assert_eq!(first["because"], "nginx-no-upgrade-headers");
    assert_eq!(first["locations"][0]["line"], 11);
    assert!(
        first["fixes"][0]["patch"]
            .as_str()
            .is_some_and(|patch| patch.contains("+        proxy_set_header Upgrade"))
    );

    let sarif = lint(&["chat.conf", "--format", "sarif"]);
    assert_eq!(sarif.status.code(), Some(0), "who collects SARIF expects success");
    let sarif = json(&sarif);
    let result = &sarif["runs"][0]["results"][0];
    assert_eq!(
        (sarif["version"].as_str(), result["ruleId"].as_str()),
        (Some("2.1.0"), Some("upgrade-stripped"))
    );
    assert_eq!(result["locations"][0]["physicalLocation"]["artifactLocation"]["uri"], "chat.conf");
    assert_eq!(result["locations"][0]["physicalLocation"]["region"]["startLine"], 11);

    let gitlab = json(&lint(&["chat.conf", "--format", "gitlab"]));
    assert_eq!(gitlab[0]["location"]["lines"]["begin"], 11);
    for (format, says) in [
        ("concise", "chat.conf:11:"),
        ("github", "::error "),
        ("junit", "<testsuite"),
        ("markdown", "upgrade-stripped"),
    ] {
        let text = stdout(&lint(&["chat.conf", "--format", format]));
        assert!(text.contains(says), "{format}: {text}");
    }
}

#[test]
fn fix_writes_and_keeps_what_was_there() {
    let folder = Folder::new("fix");
    let file = folder.write("chat.conf", BROKEN);
    let output = lint(&[&file, "--fix", "--test-command", "true"]);
    let fixed = folder.read("chat.conf");
    assert!(fixed.contains("proxy_set_header Upgrade $http_upgrade;"), "{fixed}{}", stdout(&output));
    assert!(fixed.starts_with(BROKEN.split("server {\n    listen").next().expect("the upstream")));
    assert_eq!(output.status.code(), Some(0), "{}", stdout(&output));
    // Every line that was there is still there, in its order.
    let mut rest = fixed.lines();
    assert!(BROKEN.lines().all(|line| rest.any(|other| other == line)), "{fixed}");
    let backup = walk(&folder.0.join(".keepwire-backup"));
    assert_eq!(backup.len(), 1);
    assert_eq!(std::fs::read_to_string(&backup[0]).expect("a copy"), BROKEN);
    // A second time nothing is left to do.
    let again = json(&lint(&[&file, "--fix", "--format", "json", "--test-command", "true"]));
    assert_eq!(again["repair"]["outcome"], "nothing-to-do");
    assert_eq!(folder.read("chat.conf"), fixed);
}

fn walk(folder: &std::path::Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).expect("a folder").map(|entry| entry.expect("an entry").path()) {
        if entry.is_dir() { found.extend(walk(&entry)) } else { found.push(entry) }
    }
    found
}

#[test]
fn a_test_that_fails_undoes_everything() {
    let folder = Folder::new("undo");
    let file = folder.write("chat.conf", BROKEN);
    let output = lint(&[&file, "--fix", "--format", "json", "--test-command", "echo no; false"]);
    assert_eq!(folder.read("chat.conf"), BROKEN);
    let repair = &json(&output)["repair"];
    assert_eq!(repair["outcome"], "undone");
    assert_eq!(output.status.code(), Some(2));
}

#[cfg(unix)]
#[test]
fn rights_are_kept_and_links_are_followed() {
    use std::os::unix::fs::PermissionsExt;
    let folder = Folder::new("rights");
    let file = folder.write("sites-available/chat.conf", BROKEN);
    std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o640)).expect("rights");
    std::fs::create_dir_all(folder.0.join("sites-enabled")).expect("a folder");
    let link = folder.0.join("sites-enabled/chat.conf");
    std::os::unix::fs::symlink(&file, &link).expect("a link");
    let output = lint(&[&link.display().to_string(), "--fix", "--test-command", "true"]);
    assert!(
        folder.read("sites-available/chat.conf").contains("Upgrade"),
        "{}{}",
        stdout(&output),
        stderr(&output)
    );
    assert!(link.is_symlink());
    let mode = std::fs::metadata(&file).expect("a file").permissions().mode();
    assert_eq!(mode & 0o777, 0o640);
}

#[test]
fn comments_and_settings_silence() {
    let folder = Folder::new("silence");
    let silenced = BROKEN.replace(
        "        proxy_pass http://chat",
        "        # keepwire: ignore[upgrade-stripped] long polling only\n        proxy_pass http://chat",
    );
    let file = folder.write("chat.conf", &silenced);
    assert!(!causes(&json(&lint(&[&file, "--format", "json"]))).contains(&"upgrade-stripped".to_owned()));
    let without = silenced.replace(" long polling only", "");
    let file = folder.write("chat.conf", &without);
    assert!(
        causes(&json(&lint(&[&file, "--format", "json"]))).contains(&"upgrade-stripped".to_owned()),
        "a reason is wanted"
    );

    let file = folder.write("chat.conf", BROKEN);
    folder.write("keepwire.toml", "[lint]\nignore = [\"nginx-no-upgrade-headers\"]\n[lint.severity]\nidle-nginx-read-timeout = \"error\"\nupgrade-host-mismatch = \"off\"\n");
    let report = json(&lint(&[&file, "--format", "json"]));
    let all = causes(&report);
    assert!(
        !all.contains(&"upgrade-stripped".to_owned()) && !all.contains(&"upgrade-host-mismatch".to_owned()),
        "{all:?}"
    );
    assert_eq!(report["findings"][0]["severity"], "error");
    folder.write("keepwire.toml", "[lint]\nignor = []\n");
    let output = lint(&[&file]);
    assert_eq!(output.status.code(), Some(2));
    assert!(stderr(&output).contains("ignor"), "{}", stderr(&output));
}

#[test]
fn standard_input_is_a_filter() {
    use std::io::Write;
    let run = |arguments: &[&str]| {
        let all: Vec<&str> =
            ["lint", "-"].into_iter().chain(NGINX).chain(arguments.iter().copied()).collect();
        let mut child = command(&all)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("it starts");
        child.stdin.take().expect("a pipe").write_all(BROKEN.as_bytes()).expect("it reads");
        child.wait_with_output().expect("it ends")
    };
    let fixed = stdout(&run(&["--fix"]));
    assert!(
        fixed.contains("proxy_set_header Upgrade $http_upgrade;")
            && fixed.contains("server_name chat.example.com;"),
        "{fixed}"
    );
    assert!(stdout(&run(&["--format", "concise"])).contains("upgrade-stripped"));
}

#[test]
fn healthy_files_and_other_locations_are_left_alone() {
    let folder = Folder::new("healthy");
    for text in [
        "server { listen 80; location / { proxy_pass http://127.0.0.1:8080; } location /static { root /srv; } }",
        "map $http_upgrade $c { default upgrade; '' close; }\nserver { listen 80; location /ws { proxy_pass http://b; proxy_http_version 1.1; proxy_set_header Upgrade $http_upgrade; proxy_set_header Connection $c; proxy_set_header Host $http_host; proxy_read_timeout 1h; } }",
    ] {
        let file = folder.write("healthy.conf", text);
        let report = json(&lint(&[&file, "--format", "json"]));
        let loud: Vec<&Value> = report["findings"]
            .as_array()
            .expect("findings")
            .iter()
            .filter(|finding| finding["severity"] != "note")
            .collect();
        assert!(loud.is_empty(), "{loud:?}");
    }
    let file =
        folder.write("plain.conf", "server { listen 80; location / { proxy_pass http://127.0.0.1:8080; } }");
    let report = json(&lint(&[&file, "--format", "json", "--location", "/"]));
    assert_eq!(causes(&report)[0], "upgrade-stripped");
}

#[test]
fn broken_files_say_what_and_the_rest_is_read() {
    let folder = Folder::new("broken");
    let long = format!("server {{ # {}\n location /ws {{ proxy_pass http://b; }} }}", "x".repeat(10_000_000));
    for (name, text, wanted) in [
        ("brace.conf", "server { location /ws { proxy_pass http://b; }\n", "config-refused"),
        (
            "loop.conf",
            "include loop.conf; server { location /ws { proxy_pass http://b; } }",
            "config-unreadable",
        ),
        ("long.conf", long.as_str(), "upgrade-stripped"),
    ] {
        let file = folder.write(name, text);
        let all = causes(&json(&lint(&[&file, "--format", "json", "--dialect", "nginx"])));
        assert!(all.contains(&wanted.to_owned()), "{name}: {all:?}");
        assert!(all.contains(&"upgrade-stripped".to_owned()), "{name}: {all:?}");
    }
    std::fs::write(folder.0.join("garbage.conf"), [0u8, 159, 146, 150, 255, b'{', b'{', b'}', 13, 0])
        .expect("a file");
    let output = lint(&[
        &folder.0.join("garbage.conf").display().to_string(),
        "--dialect",
        "nginx",
        "--format",
        "json",
    ]);
    assert!(causes(&json(&output)).contains(&"config-refused".to_owned()));
    for (arguments, says) in [
        (&["/no/such/file.conf"][..], "/no/such/file.conf is not there"),
        (&["chat.conf", "--version-of", "nginz=1"], "there is no product"),
        (&["chat.conf", "--version-of", "nginx=new"], "is no version"),
        (&["--chain", "lb"], "NAME=WHAT"),
        (&["chat.conf", "--chain", "lb=nonsense"], "no product that is known"),
    ] {
        let output = lint(arguments);
        assert_eq!(output.status.code(), Some(2), "{arguments:?}");
        assert!(stderr(&output).contains(says), "{arguments:?}: {}", stderr(&output));
    }
}

#[test]
fn explain_knows_what_makes_a_cause() {
    let page = stdout(&keepwire(&["explain", "nginx-header-inheritance-lost"]));
    assert!(page.contains("upgrade-stripped") && page.contains("inherits none of them"), "{page}");
}
