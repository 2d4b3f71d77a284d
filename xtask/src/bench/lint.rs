//! `cargo xtask bench lint`: a large nginx tree, judged by us, and only parsed by `crossplane` (PyPI), in the same run.

use super::{RUNS_OF_LARGE, median, time};
use crate::root;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

/// Bytes of the whole tree.
const SIZE: usize = 50_000_000;
/// Bytes of one of its files.
const FILE: usize = 200_000;

pub(super) fn lint(program: &Path) -> Result<(), String> {
    let folder = std::env::temp_dir().join(format!("keepwire-bench-lint-{}", std::process::id()));
    let outcome = measure(program, &folder);
    let _ = fs::remove_dir_all(&folder);
    outcome
}

fn measure(program: &Path, folder: &Path) -> Result<(), String> {
    let (files, bytes) = generate(folder)?;
    let megabytes = bytes as f64 / 1e6;
    println!("{files} files, {megabytes:.0} MB");
    let main = folder.join("nginx.conf").display().to_string();
    let arguments: Vec<String> =
        ["lint", main.as_str(), "--nginx-version", "1.22.1", "--format", "concise", "--exit-zero"]
            .iter()
            .map(|word| (*word).to_owned())
            .collect();
    let mut times = Vec::new();
    let mut peak = 0;
    for _ in 0..RUNS_OF_LARGE {
        let took = time(program, &arguments)?;
        times.push(took.time);
        peak = peak.max(took.peak_kib);
    }
    let ours = median(times);
    let speed = |time: Duration| megabytes / time.as_secs_f64();
    println!(
        "{:12} {:8.2} s  {:8.1} MB/s  (read, resolved and judged; peak {} MiB)",
        "keepwire",
        ours.as_secs_f64(),
        speed(ours),
        peak / 1024
    );
    let python = crossplane()?;
    let code = "import crossplane, sys; crossplane.parse(sys.argv[1])";
    let began = Instant::now();
    let status = Command::new(python)
        .args(["-c", code, &main])
        .status()
        .map_err(|error| format!("python: {error}"))?;
    if !status.success() {
        return Err("crossplane does not read the tree".to_owned());
    }
    let theirs = began.elapsed();
    println!(
        "{:12} {:8.2} s  {:8.1} MB/s  (parsed only, one run)",
        "crossplane",
        theirs.as_secs_f64(),
        speed(theirs)
    );
    println!("ratio {:.0}", theirs.as_secs_f64() / ours.as_secs_f64());
    Ok(())
}

/// Servers as people write them: comments, several locations, a socket in every twentieth, half of these broken.
fn generate(folder: &Path) -> Result<(usize, usize), String> {
    let problem = |error: std::io::Error| format!("{}: {error}", folder.display());
    fs::create_dir_all(folder.join("conf.d")).map_err(problem)?;
    let main = "worker_processes auto;\nevents { worker_connections 4096; }\nhttp {\n    map $http_upgrade $connection_upgrade { default upgrade; '' close; }\n    include conf.d/*.conf;\n}\n";
    fs::write(folder.join("nginx.conf"), main).map_err(problem)?;
    let (mut files, mut bytes, mut server) = (1, main.len(), 0);
    while bytes < SIZE {
        let mut text = String::with_capacity(FILE + 4096);
        while text.len() < FILE {
            one_server(&mut text, server);
            server += 1;
        }
        bytes += text.len();
        fs::write(folder.join(format!("conf.d/{files:05}.conf")), text).map_err(problem)?;
        files += 1;
    }
    Ok((files, bytes))
}

fn one_server(text: &mut String, number: usize) {
    let _ = write!(
        text,
        "# Site {number}: managed by the operations team, do not edit by hand.\nupstream app_{number} {{\n    server 10.0.{}.{}:8080 max_fails=3 fail_timeout=30s;\n    keepalive 16;\n}}\n\nserver {{\n    listen 80;\n    server_name site{number}.example.com www.site{number}.example.com;\n    access_log /var/log/nginx/site{number}.log combined;\n\n",
        number / 250 % 250,
        number % 250
    );
    for location in ["/", "/api/", "/assets/", "/admin/", "/health"] {
        let _ = write!(
            text,
            "    location {location} {{\n        proxy_pass http://app_{number};\n        proxy_set_header Host $host;\n        proxy_set_header X-Forwarded-For \"$proxy_add_x_forwarded_for\";\n        proxy_read_timeout 30s; # slow reports\n    }}\n\n"
        );
    }
    if number.is_multiple_of(20) {
        let upgrade = "        proxy_http_version 1.1;\n        proxy_set_header Upgrade $http_upgrade;\n        proxy_set_header Connection $connection_upgrade;\n";
        let _ = write!(
            text,
            "    # WebSocket\n    location /ws {{\n        proxy_pass http://app_{number};\n{}    }}\n",
            if number.is_multiple_of(40) { "" } else { upgrade }
        );
    }
    text.push_str("}\n\n");
}

fn crossplane() -> Result<PathBuf, String> {
    let venv = root().join("target/bench/venv");
    let python = venv.join("bin/python");
    if !venv.join("bin/crossplane").exists() {
        eprintln!("installing from PyPI: crossplane");
        let run = |command: &mut Command| match command.status() {
            Ok(status) if status.success() => Ok(()),
            Ok(status) => Err(format!("{command:?}: {status}")),
            Err(error) => Err(format!("{command:?}: {error}")),
        };
        run(Command::new("python3").args(["-m", "venv"]).arg(&venv))?;
        run(Command::new(venv.join("bin/pip")).args([
            "install",
            "-q",
            "--disable-pip-version-check",
            "crossplane",
        ]))?;
    }
    Ok(python)
}
