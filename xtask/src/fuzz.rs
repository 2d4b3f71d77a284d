//! Every fuzz target for a little while. The targets are ordinary libFuzzer programs (fuzz/), built here with
//! coverage but without sanitizers, so that a stable toolchain is enough; `cargo fuzz` works on them, too.

use crate::root;
use std::process::Command;

/// Coverage instrumentation as libFuzzer wants it (LLVM's SanitizerCoverage), and the assertions of debug builds.
const FLAGS: &str = "--cfg fuzzing -Cpasses=sancov-module -Cllvm-args=-sanitizer-coverage-level=4 \
    -Cllvm-args=-sanitizer-coverage-inline-8bit-counters -Cllvm-args=-sanitizer-coverage-pc-table \
    -Cllvm-args=-sanitizer-coverage-trace-compares -Cdebug-assertions=on -Coverflow-checks=on -Ccodegen-units=1";

pub(crate) fn run(arguments: &[String]) -> Result<(), String> {
    let seconds: u32 = match arguments.first() {
        None => 20,
        Some(text) => text.parse().map_err(|_| format!("{text:?} is no number of seconds"))?,
    };
    let folder = root().join("fuzz");
    let target = root().join("target/fuzz");
    let built = Command::new("cargo")
        .args(["build", "--release", "--quiet", "--target", "x86_64-unknown-linux-gnu", "--manifest-path"])
        .arg(folder.join("Cargo.toml"))
        .env("RUSTFLAGS", FLAGS)
        .env("CARGO_TARGET_DIR", &target)
        .status()
        .map_err(|error| format!("cargo: {error}"))?;
    if !built.success() {
        return Err("the fuzz targets do not build".to_owned());
    }
    for source in crate::files(&folder.join("fuzz_targets"), "rs") {
        let name = source.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        let corpus = root().join("target/fuzz-corpus").join(&name);
        std::fs::create_dir_all(&corpus).map_err(|error| error.to_string())?;
        let output = Command::new(target.join("x86_64-unknown-linux-gnu/release").join(&name))
            .arg(&corpus)
            .arg(folder.join("seeds").join(&name))
            .arg(format!("-max_total_time={seconds}"))
            .args(["-timeout=10", "-rss_limit_mb=512", "-print_final_stats=1", "-max_len=32768"])
            .current_dir(root().join("target"))
            .output()
            .map_err(|error| format!("{name}: {error}"))?;
        let log = String::from_utf8_lossy(&output.stderr);
        if !output.status.success() {
            let tail: Vec<&str> = log.lines().rev().take(30).collect();
            return Err(format!("{name} failed:\n{}", tail.into_iter().rev().collect::<Vec<_>>().join("\n")));
        }
        let runs = log
            .lines()
            .find_map(|line| line.strip_prefix("stat::number_of_executed_units:"))
            .unwrap_or("?")
            .trim();
        println!("fuzz {name}: {runs} inputs in {seconds} s, no failure");
    }
    Ok(())
}
