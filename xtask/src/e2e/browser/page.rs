//! Chromium with the page that the gateway serves: what it is told, and what it reports.

use super::LOOK;
use crate::e2e::install::Tools;
use crate::e2e::process::{self, kill_group};
use crate::e2e::session::PATIENCE;
use crate::e2e::stage::Stage;
use crate::e2e::{Result, run_quietly};
use serde_json::{Value, json};
use std::fs::{self, File};
use std::io::{BufRead, BufReader, Write};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::time::{Duration, Instant};

/// Messages that show that a tab is alive.
const ENOUGH: u64 = 200;
/// The page with the client as it is built now, which is what is published.
pub(super) fn make_page(root: &Path, tools: &Tools) -> Result<PathBuf> {
    let client = root.join("clients/typescript");
    if !client.join("node_modules").exists() {
        run_quietly(Command::new("npm").current_dir(&client).args(["ci", "--silent"]))?;
    }
    run_quietly(Command::new("npm").current_dir(&client).args(["run", "build", "--silent"]))?;
    let folder = tools.home.join("run/browser-page");
    let written = |error: std::io::Error| format!("preparing {}: {error}", folder.display());
    fs::create_dir_all(&folder).map_err(written)?;
    for file in ["page.html", "page.js"] {
        fs::copy(tools.servers.join(format!("browser_{file}")), folder.join(file)).map_err(written)?;
    }
    let parts = [("index", "connect"), ("resume", "resume"), ("fallback", "fallback"), ("tabs", "shared")];
    let entry = parts.map(|(file, name)| {
        format!("export {{ {name} }} from {:?};\n", client.join(format!("dist/esm/{file}.js")))
    });
    let from = folder.join("entry.js");
    fs::write(&from, entry.concat()).map_err(written)?;
    run_quietly(
        Command::new(client.join("node_modules/.bin/esbuild"))
            .arg(&from)
            .args(["--bundle", "--minify", "--format=esm", "--log-level=error"])
            .arg(format!("--outfile={}", folder.join("keepwire.js").display())),
    )?;
    Ok(folder)
}

/// A Chromium that does what it is told, and ends with this.
pub(super) struct Browser {
    child: Child,
    orders: ChildStdin,
    answers: BufReader<ChildStdout>,
}

impl Browser {
    pub(super) fn start(stage: &Stage) -> Result<Browser> {
        Browser::behind(stage, None)
    }

    /// All that it asks for goes through the forward proxy on this port.
    pub(super) fn behind(stage: &Stage, proxy: Option<u16>) -> Result<Browser> {
        let log = stage.folder.join("browser.log");
        let log = File::create(&log).map_err(|error| format!("creating {}: {error}", log.display()))?;
        let mut command = process::command("node");
        command
            .arg(stage.tools.servers.join("browser_session.js"))
            .arg(
                json!({"chromium": "/usr/bin/chromium", "proxy": proxy.map(|port| format!("http://127.0.0.1:{port}"))})
                    .to_string(),
            )
            .env("NODE_PATH", &stage.tools.node_modules)
            .env("HOME", &stage.folder)
            .current_dir(&stage.folder)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(log)
            .process_group(0);
        let mut child = command.spawn().map_err(|error| format!("starting node: {error}"))?;
        let (Some(orders), Some(answers)) = (child.stdin.take(), child.stdout.take()) else {
            return Err("node has no input or output".to_owned());
        };
        Ok(Browser { child, orders, answers: BufReader::new(answers) })
    }

    pub(super) fn order(&mut self, order: &Value) -> Result<Value> {
        let gone = |error: std::io::Error| format!("the browser is gone: {error}");
        writeln!(self.orders, "{order}").map_err(gone)?;
        let mut line = String::new();
        self.answers.read_line(&mut line).map_err(gone)?;
        let answer: Value =
            serde_json::from_str(&line).map_err(|error| format!("the browser said {line:?}: {error}"))?;
        match answer["error"].as_str() {
            Some(error) => Err(format!("the page: {error}")),
            None => Ok(answer["ok"].clone()),
        }
    }

    pub(super) fn open(&mut self, port: u16) -> Result<()> {
        self.order(&json!({"open": format!("http://127.0.0.1:{port}/page.html")})).map(drop)
    }

    pub(super) fn call(&mut self, name: &str, with: &Value) -> Result<Value> {
        self.call_in(0, name, with)
    }

    pub(super) fn call_in(&mut self, tab: usize, name: &str, with: &Value) -> Result<Value> {
        self.order(&json!({"call": name, "with": with, "tab": tab}))
    }

    /// Looks at the page's report until it fulfils a condition.
    pub(super) fn until(&mut self, limit: Duration, condition: impl FnMut(&Value) -> bool) -> Result<Value> {
        self.until_in(0, limit, condition)
    }

    pub(super) fn until_in(
        &mut self,
        tab: usize,
        limit: Duration,
        mut condition: impl FnMut(&Value) -> bool,
    ) -> Result<Value> {
        let began = Instant::now();
        loop {
            let report = self.call_in(tab, "report", &Value::Null)?;
            if let Some(problem) = report["problem"].as_str().filter(|problem| !problem.is_empty()) {
                return Err(problem.to_owned());
            }
            if condition(&report) {
                return Ok(report);
            }
            if began.elapsed() > limit {
                return Err(format!("not within {} s: {report}", limit.as_secs()));
            }
            std::thread::sleep(LOOK);
        }
    }

    /// Opens one more tab, which shares the connection and sends all the time.
    pub(super) fn join(&mut self, port: u16, tab: usize) -> Result<()> {
        self.order(&json!({"open": format!("http://127.0.0.1:{port}/page.html"), "tab": tab}))?;
        self.call_in(tab, "share", &json!({"name": format!("tab-{tab}")})).map(drop)
    }

    /// Waits until each of these tabs has got some more, and says which one leads.
    pub(super) fn flowing(&mut self, tabs: &[usize]) -> Result<usize> {
        for &tab in tabs {
            let before = count(&self.call_in(tab, "report", &Value::Null)?, "received");
            self.until_in(tab, PATIENCE, |report| count(report, "received") > before + ENOUGH)?;
        }
        self.leader(tabs)?.ok_or_else(|| "no tab leads, or more than one".to_owned())
    }

    pub(super) fn leader(&mut self, tabs: &[usize]) -> Result<Option<usize>> {
        let mut leaders = Vec::new();
        for &tab in tabs {
            if self.call_in(tab, "report", &Value::Null)?["leading"] == true {
                leaders.push(tab);
            }
        }
        Ok(if let [leader] = leaders[..] { Some(leader) } else { None })
    }

    /// Nothing was lost in silence or doubled on any of these tabs; the longest silence.
    pub(super) fn faultless(&mut self, tabs: &[usize], resets: u64) -> Result<Duration> {
        let mut gap = Duration::ZERO;
        for &tab in tabs {
            let report = self.until_in(tab, Duration::ZERO, |_| true)?;
            if count(&report, "lost") + count(&report, "doubled") > 0 || count(&report, "resets") != resets {
                return Err(format!("tab {tab}: {report}"));
            }
            gap = gap.max(milliseconds(&report["gap"]));
        }
        Ok(gap)
    }

    /// How many sessions the gateway has, ever had, and has resumed.
    pub(super) fn sessions(&mut self, tab: usize) -> Result<[u64; 3]> {
        let counts = self.call_in(tab, "metrics", &Value::Null)?;
        Ok(["sessions", "sessions_total", "resumes_total"].map(|name| count(&counts, name)))
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        // Told that there are no more orders, it would close its browser; killed, the browser ends with its pipe.
        kill_group(&mut self.child);
    }
}

pub(super) fn count(report: &Value, name: &str) -> u64 {
    report[name].as_u64().unwrap_or_default()
}

pub(super) fn milliseconds(value: &Value) -> Duration {
    Duration::from_secs_f64(value.as_f64().unwrap_or_default() / 1000.0)
}
