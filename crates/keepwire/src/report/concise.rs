//! One line a finding, for `grep`.

use super::Report;
use std::io::{self, Write};

pub(super) fn write(report: &Report, out: &mut dyn Write) -> io::Result<()> {
    let url = &report.target.url;
    if report.findings.is_empty() {
        return writeln!(out, "{url}: {}: {}", report.verdict, report.summary);
    }
    for finding in &report.findings {
        let because = finding.because.as_ref().map(|id| format!(" ({id})")).unwrap_or_default();
        // As compilers write it, so that editors jump there.
        let place = finding.locations.first().filter(|_| report.kind == "lint");
        let url = place
            .map_or_else(|| url.clone(), |place| format!("{}:{}:{}", place.file, place.line, place.column));
        writeln!(
            out,
            "{url}: {}[{}]{because} {}: {}",
            finding.severity, finding.cause, finding.confidence, finding.title
        )?;
    }
    Ok(())
}
