//! A server process: its own process group, its output in a file, gone when dropped.

use std::ffi::OsStr;
use std::fs::{self, File};
use std::io::Read;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process_group};

use super::{Result, ports};

const START_LIMIT: Duration = Duration::from_secs(30);
/// Looks at a port, 10 ms apart, that must all find it open.
const LOOKS: u32 = 4;

/// One running server. Dropping it kills its whole process group.
#[derive(Debug)]
pub(crate) struct Process {
    child: Child,
    label: String,
    log: PathBuf,
}

/// A command that the kernel ends with the thread that started it, so that an interrupted run leaves nothing.
/// It is asked rather than killed: nginx and Apache then end their workers too.
pub(crate) fn command(program: impl AsRef<OsStr>) -> Command {
    let mut command = Command::new("setpriv");
    command.args(["--pdeathsig", "TERM", "--"]).arg(program);
    command
}

/// The same, inside a network namespace.
pub(crate) fn command_in(namespace: Option<&str>, program: impl AsRef<OsStr>) -> Command {
    match namespace {
        None => command(program),
        Some(name) => {
            let mut command = command("ip");
            command.args(["netns", "exec", name]).arg(program);
            command
        }
    }
}

impl Process {
    /// Starts `command` and waits until it listens on every one of `ports`.
    ///
    /// # Errors
    ///
    /// When it cannot be started, ends at once, or does not listen within 30 s: with the end of its log.
    pub(crate) fn start(label: &str, mut command: Command, ports: &[u16], folder: &Path) -> Result<Self> {
        let log = folder.join(format!("{label}.log"));
        let out = File::create(&log).map_err(|error| format!("creating {}: {error}", log.display()))?;
        let err = out.try_clone().map_err(|error| format!("opening {} twice: {error}", log.display()))?;
        let child = command
            .stdin(Stdio::null())
            .stdout(out)
            .stderr(err)
            .process_group(0)
            .spawn()
            .map_err(|error| format!("starting {label}: {error}"))?;
        let mut process = Self { child, label: label.into(), log };
        let started = Instant::now();
        // Several looks in a row: while another thread starts a program, that child holds for a moment whatever we had
        // open, and one look may see the ghost of a port that was only tried (`ports::free_port`).
        let mut looks = 0;
        while looks < LOOKS {
            let all = ports.iter().all(|port| ports::listens(process.child.id(), *port));
            looks = if all { looks + 1 } else { 0 };
            if let Ok(Some(status)) = process.child.try_wait() {
                return Err(format!("{label} ended at once ({status}):\n{}", process.log_tail()));
            }
            if started.elapsed() > START_LIMIT {
                return Err(format!("{label} does not listen on {ports:?}:\n{}", process.log_tail()));
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        Ok(process)
    }

    /// True while the server runs: one that died under the test explains a strange result.
    pub(crate) fn is_alive(&mut self) -> bool {
        matches!(self.child.try_wait(), Ok(None))
    }

    /// Its id, which `setpriv` hands on to the program.
    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    pub(crate) fn label(&self) -> &str {
        &self.label
    }

    /// The last lines that the server wrote.
    pub(crate) fn log_tail(&self) -> String {
        tail(&self.log, 12)
    }
}

/// The last lines of a file.
pub(crate) fn tail(path: &Path, lines: usize) -> String {
    let mut text = String::new();
    let _ = File::open(path).map(|file| file.take(1 << 20).read_to_string(&mut text));
    let all: Vec<&str> = text.lines().collect();
    all[all.len().saturating_sub(lines)..].join("\n")
}

impl Drop for Process {
    fn drop(&mut self) {
        kill_group(&mut self.child);
    }
}

/// Kills a process group that we made, and reaps its leader.
pub(crate) fn kill_group(child: &mut Child) {
    if let Some(group) = Pid::from_raw(child.id() as i32) {
        let _ = kill_process_group(group, Signal::KILL);
    }
    let _ = child.wait();
}

/// True while a process of that id runs; one that ended and was not reaped does not.
pub(crate) fn runs(pid: &str) -> bool {
    // The state follows the name, which stands in brackets and may hold anything (proc(5)).
    fs::read_to_string(format!("/proc/{pid}/stat"))
        .is_ok_and(|stat| stat.rsplit_once(") ").is_some_and(|(_, rest)| !rest.starts_with('Z')))
}

/// The most memory that a process has had so far, in kB, as the kernel counts it (VmHWM, proc(5)).
pub(crate) fn peak_memory_kb(pid: u32) -> Option<u64> {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let line = status.lines().find(|line| line.starts_with("VmHWM:"))?;
    line.split_ascii_whitespace().nth(1)?.parse().ok()
}
