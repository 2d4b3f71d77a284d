//! `keepwire lab`: the list, the served endpoints, the relay, and plans with mistakes.

use crate::{Lab, command, keepwire, stderr, stdout};
use std::io::{BufRead, BufReader, Read};
use std::process::{Child, Stdio};

/// The program in the background, once it has said where it listens.
struct Background {
    child: Child,
    errors: BufReader<std::process::ChildStderr>,
    /// What it said.
    ready: String,
    addr: String,
}

impl Background {
    fn start(arguments: &[&str]) -> Self {
        let mut command = command(arguments);
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().expect("the program starts");
        let mut errors = BufReader::new(child.stderr.take().expect("it was piped"));
        let mut ready = String::new();
        errors.read_line(&mut ready).expect("it says where it listens");
        let start = ready.find("127.0.0.1:").expect("an address");
        let addr = ready[start..].split(['/', ' ']).next().unwrap_or_default().to_owned();
        Self { child, errors, ready, addr }
    }

    /// Ends it as Ctrl-C does: its exit code, standard output, and the rest of standard error.
    fn interrupt(mut self) -> (Option<i32>, String, String) {
        let id = self.child.id().to_string();
        let status = std::process::Command::new("kill").args(["-INT", &id]).status().expect("kill starts");
        assert!(status.success());
        let (mut out, mut errors) = (String::new(), String::new());
        self.errors.read_to_string(&mut errors).expect("messages are UTF-8");
        self.child.stdout.take().expect("it was piped").read_to_string(&mut out).expect("UTF-8");
        (self.child.wait().expect("it ends").code(), out, errors)
    }
}

impl Drop for Background {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn the_list_in_both_languages() {
    insta::assert_snapshot!("lab-list", stdout(&keepwire(&["lab", "list"])));
    insta::assert_snapshot!("lab-list.zh-CN", stdout(&keepwire(&["lab", "list", "--lang", "zh-CN"])));
}

#[test]
fn nested_help_names_the_whole_command() {
    for lang in ["en", "zh-CN"] {
        let help = stdout(&keepwire(&["lab", "chaos", "--help", "--lang", lang]));
        assert!(help.contains("keepwire lab chaos ["), "{help}");
    }
}

#[test]
fn mistakes_in_plans_have_a_place_and_a_suggestion() {
    let file = std::env::temp_dir().join(format!("keepwire-plan-{}.toml", std::process::id()));
    let name = file.to_str().expect("a name");
    for (text, english, chinese) in [
        (
            "seeed = 1\n",
            ":1:1: there is no key seeed here; did you mean seed?",
            ":1:1：这里没有 seeed 这个键",
        ),
        (
            "[[faults]]\nkind = \"half-opne\"\n",
            ":2:8: kind cannot be \"half-opne\"; did you mean \"half-open\"?",
            ":2:8：kind 不能是 \"half-opne\"",
        ),
        (
            "[[faults]]\nkind = \"refuse\"\nchance = 3\n",
            ":3:10: chance must be a number from 0 to 1",
            ":3:10：chance 必须是 0 到 1 之间的数",
        ),
        ("[[faults]\n", ":1:", ":1:"),
    ] {
        std::fs::write(&file, text).expect("it can be written");
        for (lang, says) in [("en", english), ("zh-CN", chinese)] {
            let output = keepwire(&["lab", "chaos", "--upstream", ":1", "--plan", name, "--lang", lang]);
            let message = stderr(&output);
            assert!(message.contains(&format!("{name}{says}")), "{message}");
            assert_eq!(output.status.code(), Some(2));
        }
    }
    std::fs::remove_file(&file).expect("it goes");
    for (arguments, says) in [
        (&["--plan", name][..], name),
        (&["--preset", "trian"], "train"),
        (&["--preset", "train", "--plan", name], "--plan"),
        (&["--listen", "nowhere"], ":9001"),
    ] {
        let output = keepwire(&[&["lab", "chaos", "--upstream", ":1"], arguments].concat());
        assert!(stderr(&output).contains(says), "{arguments:?}: {}", stderr(&output));
        assert_eq!(output.status.code(), Some(2), "{arguments:?}");
    }
    for upstream in ["nowhere", "host:port", ":"] {
        let output = keepwire(&["lab", "chaos", "--upstream", upstream]);
        assert!(stderr(&output).contains(":8080"), "{upstream}: {}", stderr(&output));
    }
}

#[test]
fn a_printed_preset_is_a_plan() {
    let file = std::env::temp_dir().join(format!("keepwire-preset-{}.toml", std::process::id()));
    for (name, ..) in ::lab::plan::PRESETS {
        let text = stdout(&keepwire(&["lab", "chaos", "--preset", name, "--print"]));
        assert_eq!(::lab::plan::ChaosPlan::parse(&text).ok(), ::lab::plan::ChaosPlan::preset(name));
        std::fs::write(&file, text).expect("it can be written");
        let plan = ["--plan", file.to_str().expect("a name")];
        let arguments = ["lab", "chaos", "--listen", ":0", "--upstream", ":1", "--duration", "10ms"];
        let output = keepwire(&[&arguments[..], &plan, &["--seed", "7"]].concat());
        assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
        assert!(stderr(&output).ends_with("the same once more: --seed 7\n"), "{}", stderr(&output));
    }
    std::fs::remove_file(&file).expect("it goes");
}

#[test]
fn a_served_endpoint_is_diagnosed() {
    let served = Background::start(&["lab", "serve", "--listen", ":0"]);
    let check = |path: &str| stdout(&keepwire(&["check", &format!("ws://{}{path}", served.addr), "-q"]));
    assert!(check("/healthy/any").starts_with("ok "), "{}", check("/healthy/any"));
    assert!(check("/upgrade-200-html").contains("upgrade-200-html"));
    let (code, _, errors) = served.interrupt();
    assert_eq!(code, Some(0));
    assert!(errors.contains("GET /healthy/any"), "{errors}");
}

#[test]
fn a_relay_does_what_its_plan_says_and_sums_up() {
    let lab = Lab::serve("healthy");
    let upstream = lab.url().replace("ws://", "").replace("/ws", "");
    let arguments =
        ["lab", "chaos", "--listen", ":0", "--upstream", &upstream, "--preset", "corporate-proxy"];
    let relay = Background::start(&[&arguments[..], &["--seed", "42", "--json"]].concat());
    assert!(relay.ready.contains("corporate-proxy; seed 42"), "{}", relay.ready);
    let output = keepwire(&["check", &format!("ws://{}/ws", relay.addr), "-q"]);
    assert_eq!(output.status.code(), Some(1));
    assert!(stdout(&output).contains("upgrade-stripped"), "{}", stdout(&output));
    let (code, out, _) = relay.interrupt();
    assert_eq!(code, Some(0));
    let summary: serde_json::Value = serde_json::from_str(&out).expect("one JSON value");
    assert_eq!((summary["schema"].as_str(), summary["seed"].as_u64()), (Some("keepwire.chaos/1"), Some(42)));
    assert!(summary["connections"].as_u64() > Some(0) && summary["bytes_to_client"].as_u64() > Some(0));

    let relay =
        Background::start(&["lab", "chaos", "--listen", ":0", "--upstream", &upstream, "--lang", "zh-CN"]);
    assert!(relay.ready.contains("没有故障"), "{}", relay.ready);
    let output = keepwire(&["check", &format!("ws://{}/ws", relay.addr), "-q"]);
    assert_eq!(output.status.code(), Some(0), "{}", stdout(&output));
    let (code, _, errors) = relay.interrupt();
    assert_eq!(code, Some(0));
    assert!(errors.contains("重现同样的过程：--seed "), "{errors}");
}
