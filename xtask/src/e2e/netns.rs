//! Test hosts in network namespaces: a client, a server and, where the path matters, a router between them.
//!
//! Nothing is connected to the machine's own network. The addresses are those that RFC 2544 sets aside for
//! tests (198.18.0.0/15) and RFC 3849 for documentation (2001:db8::/32); as every case has its own
//! namespaces, all cases use the same ones.

use std::fs;
use std::process::Command;
use std::sync::atomic::{AtomicU32, Ordering};

use super::process::runs;
use super::{Result, run_quietly};

static COUNT: AtomicU32 = AtomicU32::new(0);
const PREFIX: &str = "kw-e2e-";

/// The server's addresses, and the router's on the client's side.
pub(crate) const SERVER: &str = "198.18.0.1";
pub(crate) const SERVER_V6: &str = "2001:db8:5::1";
/// An address on the client's own link where no host is.
pub(crate) const NOBODY: &str = "198.18.0.99";

/// Two or three hosts on one path; gone when dropped.
#[derive(Debug)]
pub(crate) struct Net {
    pub client: String,
    pub server: String,
    pub router: Option<String>,
}

impl Net {
    /// Two hosts on one link, IPv4 and IPv6.
    ///
    /// # Errors
    ///
    /// When the kernel or iproute2 refuses.
    pub(crate) fn link() -> Result<Self> {
        let net = Self::hosts(false)?;
        let (client, server) = (net.client.as_str(), net.server.as_str());
        wire(client, server)?;
        address(client, "to-server", "198.18.0.2/24")?;
        address(server, "to-client", "198.18.0.1/24")?;
        address(client, "to-server", "2001:db8:5::2/64")?;
        address(server, "to-client", "2001:db8:5::1/64")?;
        // A default route, so that the client does not look as if it were off-line.
        ip(client, &["route", "add", "default", "via", SERVER])?;
        ip(client, &["-6", "route", "add", "default", "via", SERVER_V6])?;
        Ok(net)
    }

    /// Client, router, server; the link between router and server has the given MTU in bytes.
    ///
    /// # Errors
    ///
    /// When the kernel or iproute2 refuses.
    pub(crate) fn through_router(mtu: u32) -> Result<Self> {
        let net = Self::hosts(true)?;
        let (client, server) = (net.client.as_str(), net.server.as_str());
        let router = net.router.as_deref().unwrap_or_default();
        wire(client, router)?;
        wire(router, server)?;
        address(client, "to-server", "198.18.1.2/24")?;
        address(router, "to-client", "198.18.1.1/24")?;
        address(router, "to-server", "198.18.0.2/24")?;
        address(server, "to-client", "198.18.0.1/24")?;
        ip(client, &["route", "add", "default", "via", "198.18.1.1"])?;
        ip(server, &["route", "add", "default", "via", "198.18.0.2"])?;
        // Only the router's own link is narrow: the end hosts cannot know, which is what makes it a trap.
        ip(router, &["link", "set", "to-server", "mtu", &mtu.to_string()])?;
        exec(router, &["sh", "-c", "echo 1 > /proc/sys/net/ipv4/ip_forward"])?;
        Ok(net)
    }

    fn hosts(with_router: bool) -> Result<Self> {
        let stem = format!("{PREFIX}{}-{}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed));
        let net = Self {
            client: format!("{stem}-c"),
            server: format!("{stem}-s"),
            router: with_router.then(|| format!("{stem}-r")),
        };
        for name in net.names() {
            run_quietly(Command::new("ip").args(["netns", "add", name]))?;
            ip(name, &["link", "set", "lo", "up"])?;
            exec(name, &["sh", "-c", "echo 0 > /proc/sys/net/ipv6/conf/default/accept_dad"])?;
        }
        Ok(net)
    }

    fn names(&self) -> impl Iterator<Item = &str> {
        [Some(&self.client), Some(&self.server), self.router.as_ref()]
            .into_iter()
            .flatten()
            .map(String::as_str)
    }

    /// What `/etc/hosts` says inside the client's namespace.
    ///
    /// # Errors
    ///
    /// When the file cannot be written.
    pub(crate) fn hosts_file(&self, text: &str) -> Result<()> {
        let folder = format!("/etc/netns/{}", self.client);
        fs::create_dir_all(&folder).map_err(|error| format!("making {folder}: {error}"))?;
        fs::write(format!("{folder}/hosts"), text).map_err(|error| format!("writing {folder}/hosts: {error}"))
    }

    /// What `/etc/resolv.conf` says inside the client's namespace (ip-netns(8)).
    ///
    /// # Errors
    ///
    /// When the file cannot be written.
    pub(crate) fn resolver(&self, nameserver: &str) -> Result<()> {
        let folder = format!("/etc/netns/{}", self.client);
        fs::create_dir_all(&folder).map_err(|error| format!("making {folder}: {error}"))?;
        fs::write(
            format!("{folder}/resolv.conf"),
            format!("nameserver {nameserver}\noptions timeout:1 attempts:2\n"),
        )
        .map_err(|error| format!("writing {folder}/resolv.conf: {error}"))
    }
}

impl Drop for Net {
    fn drop(&mut self) {
        for name in self.names() {
            remove(name);
        }
    }
}

fn remove(name: &str) {
    let _ = Command::new("ip").args(["netns", "del", name]).output();
    let _ = fs::remove_dir_all(format!("/etc/netns/{name}"));
    // ip-netns needs the folder's parent only while one of ours is in it; a non-empty one stays.
    let _ = fs::remove_dir("/etc/netns");
}

/// Removes the namespaces of runs that were killed.
pub(crate) fn remove_leftovers() {
    let Ok(entries) = fs::read_dir("/run/netns") else { return };
    for entry in entries.flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        let Some(rest) = name.strip_prefix(PREFIX) else { continue };
        let pid = rest.split('-').next().unwrap_or_default();
        if !runs(pid) {
            remove(&name);
        }
    }
}

/// A link between two hosts; its ends are called after where they lead.
fn wire(near: &str, far: &str) -> Result<()> {
    ip(near, &["link", "add", "to-server", "type", "veth", "peer", "name", "to-client", "netns", far])?;
    ip(near, &["link", "set", "to-server", "up"])?;
    ip(far, &["link", "set", "to-client", "up"])
}

fn address(host: &str, device: &str, address: &str) -> Result<()> {
    let mut words = vec!["address", "add", address, "dev", device];
    if address.contains("::") {
        words.push("nodad");
    }
    ip(host, &words)
}

/// `ip` with the namespace of `host`.
///
/// # Errors
///
/// When it fails; with what it said.
pub(crate) fn ip(host: &str, words: &[&str]) -> Result<()> {
    run_quietly(Command::new("ip").args(["-n", host]).args(words))
}

/// Runs a program to its end inside a namespace.
///
/// # Errors
///
/// When it fails; with what it said.
pub(crate) fn exec(host: &str, words: &[&str]) -> Result<()> {
    run_quietly(Command::new("ip").args(["netns", "exec", host]).args(words))
}

/// Adds packet-filter rules to one host: each `rules` line is put into the chain of the given hook.
///
/// # Errors
///
/// When nft refuses a rule.
pub(crate) fn filter(host: &str, hook: &str, rules: &[&str]) -> Result<()> {
    let lines = rules.join("\n");
    let text = format!(
        "table inet e2e {{\nchain {hook} {{\ntype filter hook {hook} priority 0; policy accept;\n{lines}\n}}\n}}"
    );
    exec(host, &["nft", &text])
}
