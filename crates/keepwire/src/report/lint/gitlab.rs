//! GitLab's code quality report (its documentation, "Code Quality report format").

use super::super::Report;
use super::sarif::fingerprint;
use serde_json::{Value, json};
use std::io::{self, Write};

pub(super) fn write(reports: &[Report], out: &mut dyn Write) -> io::Result<()> {
    let all: Vec<Value> = reports
        .iter()
        .flat_map(|report| &report.findings)
        .map(|finding| {
            let place = finding.locations.first();
            let severity = match finding.severity.as_str() {
                "error" => "critical",
                "warning" => "minor",
                _ => "info",
            };
            json!({
                "description": finding.title,
                "check_name": finding.cause,
                "fingerprint": fingerprint(finding),
                "severity": severity,
                "location": {
                    "path": place.map(|place| place.file.trim_start_matches("./")).unwrap_or_default(),
                    "lines": { "begin": place.map_or(1, |place| place.line) },
                },
            })
        })
        .collect();
    serde_json::to_writer_pretty(&mut *out, &all)?;
    writeln!(out)
}
