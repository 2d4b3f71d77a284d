//! The stage of one case: its folder, its servers and its test hosts. Everything ends with it.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use super::Result;
use super::certs::Certs;
use super::install::Tools;
use super::netns::Net;
use super::ports::free_port;
use super::process::{Process, command_in};

/// What a case may use to set up its deployment.
#[derive(Debug)]
pub(crate) struct Stage {
    pub tools: Tools,
    pub certs: Certs,
    /// `target/e2e/run/CASE`: configurations and logs.
    pub folder: PathBuf,
    /// The namespace in which servers are started from now on.
    pub namespace: Option<String>,
    /// The address on which servers listen from now on.
    pub host: String,
    // Servers first: a namespace lives on while a process is in it.
    servers: Vec<Process>,
    nets: Vec<Net>,
    count: usize,
}

impl Stage {
    /// An empty stage with an empty folder.
    ///
    /// # Errors
    ///
    /// When the folder cannot be made.
    pub(crate) fn new(case: &str, tools: &Tools, certs: &Certs) -> Result<Self> {
        let folder = tools.home.join("run").join(case.replace('/', "+"));
        let _ = fs::remove_dir_all(&folder);
        fs::create_dir_all(&folder).map_err(|error| format!("making {}: {error}", folder.display()))?;
        // squid, Apache and others give up root and still want to write here.
        super::run_quietly(Command::new("chmod").arg("777").arg(&folder))?;
        Ok(Self {
            tools: tools.clone(),
            certs: certs.clone(),
            folder,
            namespace: None,
            host: "127.0.0.1".into(),
            servers: Vec::new(),
            nets: Vec::new(),
            count: 0,
        })
    }

    /// A port that is free.
    ///
    /// # Errors
    ///
    /// When there is none.
    pub(crate) fn port(&self) -> Result<u16> {
        free_port()
    }

    /// Writes a configuration file and returns its path.
    ///
    /// # Errors
    ///
    /// When it cannot be written.
    pub(crate) fn write(&self, name: &str, text: &str) -> Result<PathBuf> {
        let path = self.folder.join(name);
        if let Some(parent) = path.parent() {
            fs::create_dir_all(parent).map_err(|error| format!("making {}: {error}", parent.display()))?;
        }
        fs::write(&path, text).map_err(|error| format!("writing {}: {error}", path.display()))?;
        Ok(path)
    }

    /// A name for the files of one server: two of a kind on one stage must not share them.
    pub(crate) fn label(&mut self, product: &str) -> String {
        self.count += 1;
        format!("{product}-{}", self.count)
    }

    /// A command in the stage's present namespace.
    pub(crate) fn command(&self, program: impl AsRef<std::ffi::OsStr>) -> Command {
        let mut command = command_in(self.namespace.as_deref(), program);
        command.current_dir(&self.folder);
        command
    }

    /// Starts a server and waits until it listens on all `ports`.
    ///
    /// # Errors
    ///
    /// When it does not come up; with the end of its log.
    pub(crate) fn serve(&mut self, label: &str, command: Command, ports: &[u16]) -> Result<()> {
        self.servers.push(Process::start(label, command, ports, &self.folder)?);
        Ok(())
    }

    /// The process of the server that was started last.
    pub(crate) fn last_process(&self) -> Option<u32> {
        self.servers.last().map(Process::id)
    }

    /// Two hosts on one link; servers started from now on run on the far one.
    ///
    /// # Errors
    ///
    /// When the kernel refuses.
    pub(crate) fn link(&mut self) -> Result<&Net> {
        let net = Net::link()?;
        self.move_to(net)
    }

    /// Client, router and server; servers started from now on run on the far one.
    ///
    /// # Errors
    ///
    /// When the kernel refuses.
    pub(crate) fn through_router(&mut self, mtu: u32) -> Result<&Net> {
        let net = Net::through_router(mtu)?;
        self.move_to(net)
    }

    fn move_to(&mut self, net: Net) -> Result<&Net> {
        self.namespace = Some(net.server.clone());
        self.host = "0.0.0.0".into();
        self.nets.push(net);
        self.nets.last().ok_or_else(|| "the test hosts are gone".into())
    }

    /// The namespace in which the program under test runs.
    pub(crate) fn client_namespace(&self) -> Option<String> {
        self.nets.last().map(|net| net.client.clone())
    }

    /// The servers that died, with the end of their logs.
    pub(crate) fn dead_servers(&mut self) -> Vec<String> {
        self.servers
            .iter_mut()
            .filter_map(|server| {
                (!server.is_alive()).then(|| format!("{} died: {}", server.label(), server.log_tail()))
            })
            .collect()
    }

    /// The end of every server's log.
    pub(crate) fn logs(&self) -> String {
        self.servers.iter().map(|server| format!("--- {}\n{}\n", server.label(), server.log_tail())).collect()
    }
}
