//! One HTML file that needs nothing else: it can be attached to a ticket and opened anywhere.

use super::Report;
use super::model::{FindingPart, Layer};
use super::words::{confidence_word, status_word};
use diagnose::{Locale, text};
use std::io::{self, Write};

const STYLE: &str = "
:root { color-scheme: light dark; --ok: #1a7f37; --warn: #9a6700; --fail: #cf222e; --skip: #6e7781; --line: #8884; --code: #8881; }
body { font: 16px/1.5 system-ui, sans-serif; max-width: 56rem; margin: 2rem auto; padding: 0 1rem; }
h1 { font-size: 1.3rem; overflow-wrap: anywhere; } h2 { font-size: 1.1rem; margin-top: 2rem; }
table { border-collapse: collapse; width: 100%; } td { padding: .3rem .6rem; border-bottom: 1px solid var(--line); vertical-align: top; }
td.time { text-align: right; white-space: nowrap; font-variant-numeric: tabular-nums; }
.bar { display: block; height: .4rem; border-radius: .2rem; background: currentColor; opacity: .6; min-width: 2px; }
.badge { font-weight: 600; padding: .1rem .5rem; border-radius: .3rem; border: 1px solid currentColor; white-space: nowrap; }
.ok { color: var(--ok); } .warn, .warning { color: var(--warn); } .fail, .error { color: var(--fail); } .skip, .note { color: var(--skip); }
pre { background: var(--code); padding: .8rem; border-radius: .4rem; overflow-x: auto; }
code { background: var(--code); padding: 0 .2rem; border-radius: .2rem; } dt { font-weight: 600; margin-top: .8rem; } dd { margin: .2rem 0 0 1rem; }
footer { margin-top: 3rem; color: var(--skip); font-size: .85rem; }
";

pub(super) fn write(reports: &[Report], locale: &Locale, out: &mut dyn Write) -> io::Result<()> {
    let title = reports.iter().map(|report| report.target.url.as_str()).collect::<Vec<_>>().join(", ");
    writeln!(out, "<!doctype html>\n<html lang=\"{}\">\n<head>\n<meta charset=\"utf-8\">", locale.name())?;
    writeln!(out, "<meta name=\"viewport\" content=\"width=device-width\">")?;
    // The report quotes servers: even if escaping failed, nothing in it may run or load.
    writeln!(
        out,
        "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">"
    )?;
    writeln!(out, "<title>Keepwire: {}</title>\n<style>{STYLE}</style>\n</head>\n<body>", escape(&title))?;
    for report in reports {
        one(report, locale, out)?;
    }
    writeln!(out, "</body>\n</html>")
}

fn one(report: &Report, locale: &Locale, out: &mut dyn Write) -> io::Result<()> {
    writeln!(
        out,
        "<main>\n<h1><span class=\"badge {0}\">{3}</span> {1}</h1>\n<p>{2}</p>\n<table>",
        report.verdict,
        escape(&report.target.url),
        escape(&report.summary),
        status_word(&report.verdict, locale)
    )?;
    let longest =
        report.layers.iter().chain(&report.what_if).filter_map(|layer| layer.ms).fold(0.1, f64::max);
    for layer in &report.layers {
        row(layer, longest, locale, out)?;
    }
    if !report.what_if.is_empty() {
        writeln!(
            out,
            "<tr><td colspan=\"4\"><em>{}</em></td></tr>",
            escape(&text!("what-if, certificate check turned off:").say(locale))
        )?;
        for layer in &report.what_if {
            row(layer, longest, locale, out)?;
        }
    }
    writeln!(out, "</table>")?;
    for finding in &report.findings {
        section(finding, locale, out)?;
    }
    if !report.unexplained.is_empty() {
        let items = report.unexplained.join("; ");
        writeln!(out, "<h2>{}</h2>\n<p>{}</p>", escape(&text!("Unexplained").say(locale)), escape(&items))?;
    }
    if let Some(repair) = report.repair.as_ref().filter(|repair| !repair.patch.is_empty()) {
        let heading = escape(&text!("Change").say(locale));
        writeln!(out, "<section>\n<h2>{heading}</h2>\n<pre>{}</pre>\n<ul>", escape(&repair.patch))?;
        for step in &repair.steps {
            writeln!(out, "<li>{}: {}</li>", status_word(&step.status, locale), escape(&step.summary))?;
        }
        writeln!(out, "</ul>\n</section>")?;
    }
    writeln!(
        out,
        "<footer>keepwire {} · {} · {}</footer>\n</main>",
        escape(&report.tool.version),
        escape(&report.started_at),
        escape(&report.id)
    )
}

fn row(layer: &Layer, longest: f64, locale: &Locale, out: &mut dyn Write) -> io::Result<()> {
    let (time, bar) = match layer.ms {
        Some(ms) => {
            let width = (ms / longest * 100.0).clamp(0.0, 100.0);
            (format!("{ms:.1} ms"), format!("<span class=\"bar\" style=\"width:{width:.0}%\"></span>"))
        }
        None => (String::new(), String::new()),
    };
    writeln!(
        out,
        "<tr><td class=\"{0}\">{3}</td><td>{1}</td><td>{2}{bar}</td><td class=\"time\">{time}</td></tr>",
        layer.status,
        escape(&layer.title),
        escape(&layer.summary),
        status_word(&layer.status, locale)
    )
}

fn section(finding: &FindingPart, locale: &Locale, out: &mut dyn Write) -> io::Result<()> {
    let because =
        finding.because.as_ref().map(|id| format!(" · <code>{}</code>", escape(id))).unwrap_or_default();
    writeln!(
        out,
        "<section>\n<h2><span class=\"badge {0}\">{4}</span> {1}</h2>\n<p><code>{2}</code> · {3}{because}</p>\n<dl>",
        finding.severity,
        escape(&finding.title),
        escape(&finding.cause),
        confidence_word(&finding.confidence, locale),
        status_word(&finding.severity, locale)
    )?;
    let mut item = |name: diagnose::Text, html: String| {
        writeln!(out, "<dt>{}</dt><dd>{html}</dd>", escape(&name.say(locale)))
    };
    let proof: String =
        finding.evidence.iter().map(|proof| format!("<li>{}</li>", escape(&proof.text))).collect();
    item(text!("Proof"), format!("<ol>{proof}</ol>"))?;
    if !finding.ruled_out.is_empty() {
        item(text!("Not"), escape(&finding.ruled_out.join("; ")))?;
    }
    if let Some(users) = &finding.users {
        item(text!("Users"), escape(users))?;
    }
    for fix in &finding.fixes {
        let product = fix.product.as_ref().map(|name| format!(" ({})", escape(name))).unwrap_or_default();
        let code: String = fix
            .patch
            .as_ref()
            .or(fix.lines.as_ref())
            .into_iter()
            .chain(&fix.commands)
            .map(|part| format!("<pre>{}</pre>", escape(part)))
            .collect();
        item(text!("Fix"), format!("{}{product}{code}", escape(&fix.title)))?;
    }
    if let Some(would_tell) = &finding.would_tell {
        item(text!("Which"), escape(would_tell))?;
    }
    writeln!(out, "</dl>\n</section>")
}

fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            other => out.push(other),
        }
    }
    out
}
