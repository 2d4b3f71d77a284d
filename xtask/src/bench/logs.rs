//! How fast `keepwire read` goes through an access log of 1 GB, beside `wc -l` and `grep -c` on the same file.

use super::time;
use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::Path;
use std::path::PathBuf;

/// Size of the log.
const BYTES: u64 = 1_000_000_000;
/// Runs of each tool, in turn.
const RUNS: usize = 3;

/// Writes the log, reads it with each tool, and deletes it.
pub(super) fn read(program: &Path) -> Result<(), String> {
    let file = std::env::temp_dir().join(format!("keepwire-bench-{}.log", std::process::id()));
    let result = write(&file).and_then(|lines| compare(program, &file, lines));
    let _ = std::fs::remove_file(&file);
    result
}

/// Lines as nginx writes them in the combined format with `$request_time`; one in a thousand is about a socket.
fn write(path: &Path) -> Result<u64, String> {
    const PAGES: [&str; 5] = [
        "/",
        "/assets/app.7f3a9c.js",
        "/api/v1/rooms/481/messages?limit=50",
        "/news/2026/11/26",
        "/img/logo.svg",
    ];
    let complain = |error: std::io::Error| format!("{}: {error}", path.display());
    let mut out = BufWriter::with_capacity(1 << 20, File::create(path).map_err(complain)?);
    let agent = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/156.0.0.0 Safari/537.36";
    let (mut written, mut lines) = (0, 0_u64);
    while written < BYTES {
        let second = lines / 400 % 60;
        let client = format!("203.0.113.{}", lines % 250);
        let line = match lines % 1000 {
            7 => format!(
                "{client} - - [26/Nov/2026:07:00:{second:02} +0000] \"GET /ws?room={lines} HTTP/1.1\" 101 4 \"-\" \"{agent}\" 60.00{}\n",
                lines % 9
            ),
            500 => format!(
                "{client} - - [26/Nov/2026:07:00:{second:02} +0000] \"GET /ws HTTP/1.1\" 502 150 \"-\" \"{agent}\" 0.001\n"
            ),
            _ => {
                let page = PAGES[usize::try_from(lines % 5).unwrap_or(0)];
                let status = if lines % 29 == 0 { 404 } else { 200 };
                format!(
                    "{client} - - [26/Nov/2026:07:00:{second:02} +0000] \"GET {page} HTTP/1.1\" {status} 5124 \"https://app.example.com/\" \"{agent}\" 0.012\n"
                )
            }
        };
        out.write_all(line.as_bytes()).map_err(complain)?;
        written += line.len() as u64;
        lines += 1;
    }
    out.flush().map_err(complain)?;
    Ok(lines)
}

fn compare(program: &Path, file: &Path, lines: u64) -> Result<(), String> {
    let name = file.display().to_string();
    let tools: [(&str, PathBuf, Vec<String>); 3] = [
        (
            "keepwire read",
            program.to_path_buf(),
            vec!["read".into(), name.clone(), "--format".into(), "json".into()],
        ),
        ("wc -l", "wc".into(), vec!["-l".into(), name.clone()]),
        // Through a pipe: into /dev/null grep stops at the first hit.
        ("grep -c ' 101 '", "sh".into(), vec!["-c".into(), format!("grep -c ' 101 ' {name} | cat")]),
    ];
    println!("{lines} lines, {} MB, in turn, best of {RUNS}\n", BYTES / 1_000_000);
    println!("{:20} {:>10} {:>10} {:>12}", "", "time", "speed", "peak memory");
    let mut best = [f64::MAX; 3];
    let mut peaks = [0; 3];
    for _ in 0..RUNS {
        for (index, (_, tool, arguments)) in tools.iter().enumerate() {
            let took = time(tool, arguments)?;
            best[index] = best[index].min(took.time.as_secs_f64());
            peaks[index] = peaks[index].max(took.peak_kib);
        }
    }
    for (index, (name, ..)) in tools.iter().enumerate() {
        println!(
            "{name:20} {:>8.2} s {:>6.0} MB/s {:>8.1} MiB",
            best[index],
            BYTES as f64 / 1e6 / best[index],
            peaks[index] as f64 / 1024.0
        );
    }
    Ok(())
}
