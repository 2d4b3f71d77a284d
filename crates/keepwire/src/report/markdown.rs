//! Markdown, for tickets.

use super::Report;
use super::words::{confidence_word, status_word};
use diagnose::{Locale, text};
use std::io::{self, Write};

pub(super) fn write(report: &Report, locale: &Locale, out: &mut dyn Write) -> io::Result<()> {
    writeln!(out, "## `{}`: {}\n", inline(&report.target.url), plain(&report.summary))?;
    if let Some(part) = &report.read {
        super::read::markdown(part, locale, out)?;
    }
    if !report.layers.is_empty() {
        writeln!(out, "| | {} | ms | |", plain(&text!("Step").say(locale)))?;
        writeln!(out, "|---|---|---:|---|")?;
        for (mark, layer) in report
            .layers
            .iter()
            .map(|layer| ("", layer))
            .chain(report.what_if.iter().map(|layer| ("?", layer)))
        {
            let time = layer.ms.map(|ms| format!("{ms:.1}")).unwrap_or_default();
            writeln!(
                out,
                "| {}{mark} | {} | {time} | {} |",
                status_word(&layer.status, locale),
                cell(&layer.title),
                cell(&layer.summary)
            )?;
        }
    }
    for finding in &report.findings {
        writeln!(out, "\n### {}: {}\n", finding.cause, plain(&finding.title))?;
        let because = finding.because.as_ref().map(|id| format!(", `{id}`")).unwrap_or_default();
        let (severity, confidence) =
            (status_word(&finding.severity, locale), confidence_word(&finding.confidence, locale));
        writeln!(out, "*{severity}, {confidence}{because}*\n")?;
        for (index, proof) in finding.evidence.iter().enumerate() {
            writeln!(out, "{}. {}", index + 1, plain(&proof.text))?;
        }
        if !finding.ruled_out.is_empty() {
            writeln!(out, "\n**{}** {}", text!("Not").say(locale), plain(&finding.ruled_out.join("; ")))?;
        }
        if let Some(users) = &finding.users {
            writeln!(out, "\n**{}** {}", text!("Users").say(locale), plain(users))?;
        }
        for fix in &finding.fixes {
            let product = fix.product.as_ref().map(|name| format!(" ({name})")).unwrap_or_default();
            writeln!(out, "\n**{}** {}{product}", text!("Fix").say(locale), plain(&fix.title))?;
            let mut code = fix
                .patch
                .iter()
                .chain(fix.lines.iter().filter(|_| fix.patch.is_none()))
                .chain(&fix.commands)
                .peekable();
            if code.peek().is_some() {
                writeln!(out, "\n```")?;
                for part in code {
                    writeln!(out, "{}", part.replace("```", "` ` `"))?;
                }
                writeln!(out, "```")?;
            }
        }
    }
    if !report.unexplained.is_empty() {
        writeln!(
            out,
            "\n**{}** {}",
            text!("Unexplained").say(locale),
            plain(&report.unexplained.join("; "))
        )?;
    }
    if let Some(repair) = report.repair.as_ref().filter(|repair| !repair.patch.is_empty()) {
        let heading = text!("Change").say(locale);
        writeln!(out, "\n### {heading}\n\n```diff\n{}```\n", repair.patch.replace("```", "` ` `"))?;
        for step in &repair.steps {
            writeln!(out, "- {}: {}", status_word(&step.status, locale), plain(&step.summary))?;
        }
    }
    writeln!(out, "\n`keepwire {}`, {}", report.tool.version, report.started_at)
}

/// A server's words must not become markup.
pub(super) fn plain(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for character in text.chars() {
        if matches!(character, '\\' | '`' | '*' | '_' | '<' | '>' | '[' | ']' | '#' | '|') {
            out.push('\\');
        }
        out.push(if character == '\n' { ' ' } else { character });
    }
    out
}

fn cell(text: &str) -> String {
    plain(text)
}

fn inline(text: &str) -> String {
    text.replace('`', "'")
}
