//! JSON, for programs: exactly one value, whatever happens.

use super::Report;
use std::io::{self, Write};

pub(super) fn write(reports: &[Report], out: &mut dyn Write) -> io::Result<()> {
    match reports {
        [one] => serde_json::to_writer_pretty(&mut *out, one)?,
        several => serde_json::to_writer_pretty(&mut *out, several)?,
    }
    writeln!(out)
}

/// The JSON Schema of a report, made from the types.
#[must_use]
pub fn schema() -> String {
    let schema = schemars::schema_for!(Report);
    let mut text = serde_json::to_string_pretty(&schema).unwrap_or_default();
    text.push('\n');
    text
}
