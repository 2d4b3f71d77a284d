//! Diagnostics for people: the place, the line, what points at what, why, and how to mend it.

use super::super::Look;
use super::super::style::{BOLD, DIM, of, paint, width, wrap};
use super::super::text::way_line;
use super::super::words::status_word;
use super::{Detail, LintReport};
use crate::report::model::{FindingPart, Repair};
use diagnose::{Locale, text};
use std::io::{self, Write};

/// Columns of explanations.
const COLUMNS: usize = 100;

pub(super) fn write(
    reports: &[LintReport],
    locale: &Locale,
    look: Look,
    out: &mut dyn Write,
) -> io::Result<()> {
    for (number, report) in reports.iter().enumerate() {
        if number > 0 {
            writeln!(out)?;
        }
        one(report, locale, look, out)?;
    }
    Ok(())
}

fn one(report: &LintReport, locale: &Locale, look: Look, out: &mut dyn Write) -> io::Result<()> {
    if let Some(repair) = report.report.repair.as_ref().filter(|repair| repair.outcome == "dry-run") {
        // Only the change, so that it can be given to `patch`.
        return diff(&repair.patch, out);
    }
    for layer in &report.report.layers {
        writeln!(out, "{}", way_line(&layer.status, &layer.title, &layer.summary, None, locale))?;
    }
    if !report.report.layers.is_empty() {
        writeln!(out)?;
    }
    let mut notes = 0;
    for (finding, detail) in report.report.findings.iter().zip(&report.details) {
        if finding.severity == "note" && look.verbose == 0 {
            notes += 1;
            continue;
        }
        diagnostic(finding, detail, &report.report.target.url, locale, look, out)?;
        writeln!(out)?;
    }
    if let Some(repair) = &report.report.repair {
        mended(repair, locale, out)?;
        if !repair.steps.is_empty() {
            writeln!(out)?;
        }
    }
    footer(report, notes, locale, out)
}

fn diagnostic(
    finding: &FindingPart,
    detail: &Detail,
    root: &str,
    locale: &Locale,
    look: Look,
    out: &mut dyn Write,
) -> io::Result<()> {
    let style = of(&finding.severity);
    let word = match finding.severity.as_str() {
        "error" => text!("error"),
        "warning" => text!("warning"),
        _ => text!("note"),
    };
    let head = format!("{}[{}]", word.say(locale), finding.cause);
    writeln!(out, "{} {}", paint(style, &head), paint(BOLD, &finding.title))?;
    let gutter = finding.locations.first().map_or(3, |place| place.line.to_string().len() + 1);
    let bar = format!("{}|", " ".repeat(gutter));
    if let Some(place) = finding.locations.first() {
        writeln!(out, "{}--> {}:{}:{}", " ".repeat(gutter - 1), place.file, place.line, place.column)?;
        writeln!(out, "{}", paint(DIM, &bar))?;
        let number = format!("{:>width$} |", place.line, width = gutter - 1);
        writeln!(out, "{} {}", paint(DIM, &number), place.text)?;
        let before: String = place.text.chars().take(place.column as usize - 1).collect();
        let marked: String = place
            .text
            .chars()
            .skip(place.column as usize - 1)
            .take((place.end_column - place.column) as usize)
            .collect();
        let carets = "^".repeat(width(&marked).max(1));
        writeln!(out, "{} {}{}", paint(DIM, &bar), " ".repeat(width(&before)), paint(style, &carets))?;
        writeln!(out, "{}", paint(DIM, &bar))?;
    }
    let mut line = |label: diagnose::Text, words: &str| -> io::Result<()> {
        let label = label.say(locale);
        let lead = format!("{}= {label}: ", " ".repeat(gutter));
        let indent = " ".repeat(width(&lead));
        for (number, part) in wrap(words, COLUMNS.saturating_sub(width(&lead)).max(40)).iter().enumerate() {
            let lead = if number == 0 { &lead } else { &indent };
            writeln!(out, "{lead}{part}")?;
        }
        Ok(())
    };
    if let Some(route) = &detail.route {
        line(text!("route"), route)?;
    }
    if let Some(value) = &detail.value {
        line(text!("value"), value)?;
    }
    if let Some(because) = &detail.because {
        line(text!("because"), because)?;
    }
    if let Some(users) = &finding.users {
        line(text!("effect"), users)?;
    }
    let command = match detail.fix.as_deref() {
        Some("safe") => Some(text!("keepwire lint {file} --fix", file = diagnose::shell_word(root))),
        Some(_) => Some(text!("keepwire lint {file} --fix=unsafe", file = diagnose::shell_word(root))),
        None => None,
    };
    match (command, finding.fixes.first()) {
        (Some(command), Some(fix)) => line(text!("fix"), &format!("{}: {}", fix.title, command.say(locale)))?,
        (None, Some(fix)) => line(text!("fix"), &fix.title)?,
        _ => {}
    }
    if look.verbose > 0 {
        line(text!("more"), &format!("keepwire explain {}", finding.cause))?;
        for fix in finding.fixes.iter().filter_map(|fix| fix.patch.as_ref()).take(1) {
            diff(fix, out)?;
        }
    }
    Ok(())
}

/// A unified diff in colours.
pub(crate) fn diff(patch: &str, out: &mut dyn Write) -> io::Result<()> {
    for line in patch.lines() {
        let style = match line.as_bytes().first() {
            Some(b'+') => of("ok"),
            Some(b'-') => of("error"),
            Some(b'@') => DIM,
            _ => anstyle::Style::new(),
        };
        writeln!(out, "{}", paint(style, line))?;
    }
    Ok(())
}

/// What was, or would be, changed.
pub(crate) fn mended(repair: &Repair, locale: &Locale, out: &mut dyn Write) -> io::Result<()> {
    if repair.outcome == "nothing-to-do" {
        return Ok(());
    }
    diff(&repair.patch, out)?;
    writeln!(out)?;
    for step in &repair.steps {
        writeln!(
            out,
            "{}",
            way_line(&step.status, &step_title(&step.step).say(locale), &step.summary, None, locale)
        )?;
    }
    Ok(())
}

fn step_title(step: &str) -> diagnose::Text {
    match step {
        "write" => text!("Write"),
        "test" => text!("Test"),
        "reload" => text!("Reload"),
        "verify" => text!("Verify"),
        _ => text!("Restore"),
    }
}

fn footer(report: &LintReport, hidden: usize, locale: &Locale, out: &mut dyn Write) -> io::Result<()> {
    let findings = &report.report.findings;
    let count = |severity: &str| findings.iter().filter(|finding| finding.severity == severity).count();
    let (errors, warnings, notes) = (count("error"), count("warning"), count("note"));
    let mendable = report.details.iter().filter(|detail| detail.fix.is_some()).count();
    let verdict = status_word(&report.report.verdict, locale);
    let totals = text!(
        "errors: {errors}, warnings: {warnings}, notes: {notes}; can be mended: {mendable}; files: {files}; {product}",
        errors = errors,
        warnings = warnings,
        notes = notes,
        mendable = mendable,
        files = report.files,
        product = report.product.as_str()
    );
    writeln!(
        out,
        "{}  {}: {}",
        paint(of(&report.report.verdict), &verdict),
        report.report.target.url,
        totals.say(locale)
    )?;
    if errors + warnings == 0 {
        writeln!(out, "    {}", report.report.summary)?;
    }
    if hidden > 0 {
        writeln!(out, "    {}", text!("notes are shown with -v").say(locale))?;
    }
    Ok(())
}
