//! What is said in the end. One [`Report`] object, whatever the format.

mod concise;
mod github;
mod html;
mod json;
mod junit;
mod lint;
mod markdown;
mod model;
mod read;
pub(crate) mod style;
mod text;
mod words;

pub use json::schema;
pub use lint::{LintReport, lint_example, write_lint};
pub(crate) use model::{Repair, RepairStep};
pub use model::{Report, exit_code};
pub(crate) use read::report as read_report;
pub(crate) use text::way_line;

use crate::cli::Format;
use diagnose::Locale;
use std::io::{self, Write};

/// How much and how a report is shown.
#[derive(Debug, Clone, Copy, Default)]
pub struct Look {
    /// Letters only.
    pub ascii: bool,
    /// 0, 1 (headers), 2 (everything that was seen).
    pub verbose: u8,
    /// Findings only.
    pub quiet: bool,
    /// The output is a terminal: colours and links are welcome.
    pub terminal: bool,
}

/// The report of a saved case, as `check --from` prints it without a terminal.
///
/// # Errors
/// If the text is no case file.
pub fn replay(case: &str, json: bool, locale: &Locale) -> Result<String, String> {
    let evidence = evidence::Evidence::load(case).map_err(|error| error.to_string())?;
    let diagnosis = diagnose::Diagnosis::resume(evidence);
    let report =
        Report::new(diagnosis.evidence(), &diagnosis.conclude(), locale, true, crate::cli::FailOn::Error);
    let format = if json { Format::Json } else { Format::Text };
    let mut bytes = Vec::new();
    let mut out = anstream::StripStream::new(&mut bytes);
    write(format, &[report], locale, Look::default(), &mut out).map_err(|error| error.to_string())?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

/// Writes reports in one format. JSON stays one value for several reports, too.
///
/// # Errors
/// What writing came to.
pub fn write(
    format: Format,
    reports: &[Report],
    locale: &Locale,
    look: Look,
    out: &mut dyn Write,
) -> io::Result<()> {
    if !look.ascii || !matches!(format, Format::Text | Format::Concise) {
        return write_as(format, reports, locale, look, out);
    }
    let mut bytes = Vec::new();
    write_as(format, reports, locale, look, &mut bytes)?;
    let text = String::from_utf8_lossy(&bytes);
    // The few signs that English sentences and recipes use; other languages need their own letters.
    out.write_all(text.replace('…', "...").replace('→', "->").replace('·', "-").as_bytes())
}

fn write_as(
    format: Format,
    reports: &[Report],
    locale: &Locale,
    look: Look,
    out: &mut dyn Write,
) -> io::Result<()> {
    match format {
        Format::Json => json::write(reports, out),
        Format::Junit => junit::write(reports, locale, out),
        Format::Html => html::write(reports, locale, out),
        Format::Text | Format::Concise | Format::Markdown | Format::Github => {
            for (index, report) in reports.iter().enumerate() {
                if index > 0 && format != Format::Concise && format != Format::Github {
                    writeln!(out)?;
                }
                match format {
                    Format::Concise => concise::write(report, out)?,
                    Format::Github => github::write(report, out)?,
                    Format::Markdown => markdown::write(report, locale, out)?,
                    _ => text::write(report, locale, look, out)?,
                }
            }
            Ok(())
        }
    }
}
