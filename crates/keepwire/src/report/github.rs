//! Workflow commands of GitHub Actions, which become annotations.

use super::Report;
use std::io::{self, Write};

pub(super) fn write(report: &Report, out: &mut dyn Write) -> io::Result<()> {
    for finding in &report.findings {
        let command = match finding.severity.as_str() {
            "error" => "error",
            "warning" => "warning",
            _ => "notice",
        };
        let mut message = finding.title.clone();
        for proof in &finding.evidence {
            message.push('\n');
            message.push_str(&proof.text);
        }
        writeln!(
            out,
            "::{command} {}title={}::{}",
            place(finding),
            property(&format!("{} {}", finding.cause, report.target.url)),
            data(&message)
        )?;
    }
    if report.findings.is_empty() {
        let command = if report.exit_code == 0 { "notice" } else { "error" };
        writeln!(out, "::{command} title=keepwire::{}", data(&report.summary))?;
    }
    Ok(())
}

/// The file and the line, where the finding points at one.
fn place(finding: &super::model::FindingPart) -> String {
    finding.locations.first().map_or_else(String::new, |place| {
        format!("file={},line={},col={},", property(&place.file), place.line, place.column)
    })
}

/// Escapes the text of a command.
fn data(text: &str) -> String {
    text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A")
}

/// Escapes a property, in which commas and colons have a meaning.
fn property(text: &str) -> String {
    data(text).replace(':', "%3A").replace(',', "%2C")
}
