//! Text for people: verdict, way, cause, proof, fix, and the command that confirms it.

use super::Look;
use super::model::{FindingPart, Fix, Layer, Report};
use super::style::{BOLD, DIM, WIDTH, of, pad, paint, width, wrap};
use super::words::{confidence_word, status_word};
use diagnose::{Locale, Text, text};
use std::io::{self, Write};

/// Fixes that are shown; the rest are one `-v` away.
const FIXES: usize = 3;

pub(super) fn write(report: &Report, locale: &Locale, look: Look, out: &mut dyn Write) -> io::Result<()> {
    if let Some(part) = &report.read {
        return super::read::write(report, part, locale, look, out);
    }
    let page = Page { locale, look, label: label_width(locale) };
    page.headline(report, out)?;
    if !look.quiet {
        writeln!(out)?;
        page.way(report, out)?;
    }
    let (errors, rest): (Vec<_>, Vec<_>) =
        report.findings.iter().partition(|finding| finding.severity == "error");
    for (index, finding) in errors.iter().enumerate() {
        writeln!(out)?;
        page.finding(finding, index, out)?;
    }
    for finding in &rest {
        writeln!(out)?;
        page.remark(finding, out)?;
    }
    if !report.unexplained.is_empty() {
        writeln!(out)?;
        page.field(&text!("Unexplained"), &report.unexplained.join("; "), out)?;
    }
    if let Some(repair) = &report.repair {
        writeln!(out)?;
        super::lint::mended(repair, locale, out)?;
        if repair.outcome == "dry-run" {
            page.field_plain("", &page.say(&text!("nothing was written: --write does it")), out)?;
        }
    }
    if look.quiet {
        return Ok(());
    }
    if !report.findings.is_empty() {
        writeln!(out)?;
    }
    if !errors.is_empty() || report.verdict == "warn" {
        page.field(&text!("Then"), &report.confirm, out)?;
    }
    if let Some(first) = report.findings.first() {
        page.field(&text!("More"), &format!("keepwire explain {}", first.cause), out)?;
    }
    if !report.not_tested.is_empty() {
        let label = page.locale.translate("not tested");
        let indent = width(label) + 4;
        writeln!(out)?;
        for (number, line) in wrap(&report.not_tested.join(", "), WIDTH - indent).iter().enumerate() {
            let lead = if number == 0 { format!("  {label}  ") } else { " ".repeat(indent) };
            writeln!(out, "{lead}{line}")?;
        }
    }
    if look.verbose >= 2 {
        writeln!(out)?;
        for line in &report.observations {
            writeln!(out, "{line}")?;
        }
    }
    Ok(())
}

struct Page<'a> {
    locale: &'a Locale,
    look: Look,
    /// Width of the column of labels.
    label: usize,
}

/// The labels on the left, so that all begin their text in the same column.
fn label_width(locale: &Locale) -> usize {
    [text!("Cause"), text!("Proof"), text!("Users"), text!("Which"), text!("Then")]
        .iter()
        .map(|label| width(&label.say(locale)))
        .max()
        .unwrap_or(5)
        + 2
}

/// One line of the way; also what live progress shows.
pub(crate) fn way_line(status: &str, title: &str, summary: &str, ms: Option<f64>, locale: &Locale) -> String {
    let word = pad(&status_word(status, locale), 6);
    let head = format!("  {}{}", paint(of(status), &word), pad(title, 11));
    let time = ms.map(time_text).unwrap_or_default();
    let used = 2 + 6 + 11;
    let room = WIDTH.saturating_sub(used + width(&time) + 2);
    let lines = wrap(summary, room.max(20));
    let mut out = String::new();
    for (index, line) in lines.iter().enumerate() {
        if index == 0 {
            let gap = WIDTH.saturating_sub(used + width(line) + width(&time));
            let filler = if time.is_empty() { String::new() } else { " ".repeat(gap.max(2)) };
            out.push_str(&format!("{head}{line}{filler}{}", paint(DIM, &time)));
        } else {
            out.push_str(&format!("\n{}{line}", " ".repeat(used)));
        }
    }
    out
}

fn time_text(ms: f64) -> String {
    if ms < 10.0 {
        format!("{ms:.1} ms")
    } else if ms < 1000.0 {
        format!("{ms:.0} ms")
    } else {
        format!("{:.1} s", ms / 1000.0)
    }
}

impl Page<'_> {
    fn say(&self, text: &Text) -> String {
        text.say(self.locale)
    }

    fn headline(&self, report: &Report, out: &mut dyn Write) -> io::Result<()> {
        let word = pad(&status_word(&report.verdict, self.locale), 6);
        let right = match (&report.grade, report.findings.first()) {
            (None, Some(first)) => first.cause.clone(),
            (Some(grade), _) => {
                let time = time_text(report.elapsed_ms);
                self.say(&text!("grade {grade}   {time}", grade = grade, time = time))
            }
            (None, None) => String::new(),
        };
        let left = if report.grade.is_some() {
            self.say(&text!("{url} works", url = &report.target.url))
        } else {
            report.target.url.clone()
        };
        let style = of(&report.verdict);
        let gap = WIDTH.saturating_sub(width(&word) + width(&left) + width(&right)).max(2);
        writeln!(
            out,
            "{}{}{}{}",
            paint(style, &word),
            paint(BOLD, &left),
            " ".repeat(gap),
            paint(style, &right)
        )
    }

    fn way(&self, report: &Report, out: &mut dyn Write) -> io::Result<()> {
        for layer in &report.layers {
            self.layer(layer, out)?;
        }
        if !report.what_if.is_empty() {
            writeln!(out, "  {}", self.say(&text!("what-if, certificate check turned off:")))?;
            for layer in &report.what_if {
                self.layer(layer, out)?;
            }
        }
        Ok(())
    }

    fn layer(&self, layer: &Layer, out: &mut dyn Write) -> io::Result<()> {
        writeln!(out, "{}", way_line(&layer.status, &layer.title, &layer.summary, layer.ms, self.locale))?;
        if self.look.verbose >= 1 {
            if let Some(request) = &layer.request {
                writeln!(out, "        > {}", request.line)?;
                for (name, value) in &request.headers {
                    writeln!(out, "        > {name}: {value}")?;
                }
            }
            if let Some(response) = &layer.response {
                writeln!(out, "        < {}", layer.http_status.unwrap_or_default())?;
                for (name, value) in &response.headers {
                    writeln!(out, "        < {name}: {value}")?;
                }
                if !response.body_preview.is_empty() {
                    writeln!(out, "        < {}", response.body_preview)?;
                }
            }
            for attempt in &layer.attempts {
                writeln!(out, "        {}  {}  {}", attempt.to, attempt.outcome, time_text(attempt.ms))?;
            }
            if let Some(certificate) = &layer.certificate {
                writeln!(out, "        {}", certificate.subject)?;
                writeln!(out, "        {}", certificate.issuer)?;
                writeln!(out, "        {}  {}", certificate.not_after, certificate.names.join(" "))?;
            }
        }
        Ok(())
    }

    fn finding(&self, finding: &FindingPart, index: usize, out: &mut dyn Write) -> io::Result<()> {
        let confidence = confidence_word(&finding.confidence, self.locale);
        let label = if index == 0 { text!("Cause") } else { text!("Or") };
        // A second error that is proven is no alternative: it is one more thing that is wrong.
        let label = if index > 0 && finding.confidence == "proven" { text!("Also") } else { label };
        self.field(&label, &finding.title, out)?;
        let mut about = self.say(&text!("confidence: {confidence}", confidence = confidence));
        if let Some(because) = &finding.because {
            about.push_str(&self.say(&text!(", because of {because}", because = because)));
        }
        if index > 0 {
            about = format!("{}  {about}", finding.cause);
        }
        self.field_plain("", &about, out)?;
        for (number, proof) in finding.evidence.iter().enumerate() {
            let label = if number == 0 { self.say(&text!("Proof")) } else { String::new() };
            self.numbered(&label, number + 1, &proof.text, out)?;
        }
        if !finding.ruled_out.is_empty() {
            self.field(&text!("Not"), &finding.ruled_out.join("; "), out)?;
        }
        if self.look.quiet {
            return Ok(());
        }
        if let Some(users) = &finding.users {
            self.field(&text!("Users"), users, out)?;
        }
        if let Some(would_tell) = &finding.would_tell {
            self.field(&text!("Which"), would_tell, out)?;
        }
        let shown = if self.look.verbose > 0 || index == 0 { FIXES } else { 1 };
        writeln!(out)?;
        for (number, fix) in
            finding.fixes.iter().take(shown.max(usize::from(self.look.verbose) * 100)).enumerate()
        {
            self.fix(fix, number == 0, out)?;
        }
        let left = finding.fixes.len().saturating_sub(shown);
        if left > 0 && self.look.verbose == 0 {
            let more = text!(
                "{count} more for other products: -v, or keepwire explain {cause}",
                count = left,
                cause = &finding.cause
            );
            self.field_plain("", &self.say(&more), out)?;
        }
        Ok(())
    }

    fn fix(&self, fix: &Fix, first: bool, out: &mut dyn Write) -> io::Result<()> {
        let label = if first { self.say(&text!("Fix")) } else { String::new() };
        let title = match &fix.product {
            Some(product) => format!("{product}: {}", fix.title),
            None => fix.title.clone(),
        };
        self.field_plain(&label, &title, out)?;
        let indent = " ".repeat(self.label + 2);
        match &fix.patch {
            Some(patch) => super::lint::diff(patch, out)?,
            None => {
                for line in fix.lines.iter().flat_map(|lines| lines.lines()) {
                    writeln!(out, "{}", format!("{indent}{line}").trim_end())?;
                }
            }
        }
        for command in &fix.commands {
            writeln!(out, "{indent}$ {}", paint(BOLD, command))?;
        }
        Ok(())
    }

    /// A warning or a note: two lines are enough.
    fn remark(&self, finding: &FindingPart, out: &mut dyn Write) -> io::Result<()> {
        let word = pad(&status_word(&finding.severity, self.locale), 6);
        let gap = WIDTH.saturating_sub(2 + width(&word) + width(&finding.title) + width(&finding.cause));
        let indent = " ".repeat(2 + width(&word));
        if gap >= 2 {
            writeln!(
                out,
                "  {}{}{}{}",
                paint(of(&finding.severity), &word),
                finding.title,
                " ".repeat(gap),
                paint(DIM, &finding.cause)
            )?;
        } else {
            writeln!(out, "  {}{}", paint(of(&finding.severity), &word), paint(DIM, &finding.cause))?;
            for line in wrap(&finding.title, WIDTH - width(&indent)) {
                writeln!(out, "{indent}{line}")?;
            }
        }
        for proof in &finding.evidence {
            for line in wrap(&proof.text, WIDTH - width(&indent)) {
                writeln!(out, "{indent}{}", paint(DIM, &line))?;
            }
        }
        let shown = if self.look.verbose > 0 { usize::MAX } else { 1 };
        for fix in finding.fixes.iter().take(shown) {
            let label = self.say(&text!("Fix"));
            let product = fix.product.as_ref().map(|name| format!("{name}: ")).unwrap_or_default();
            for (number, line) in
                wrap(&format!("{product}{}", fix.title), WIDTH - width(&indent) - width(&label) - 2)
                    .iter()
                    .enumerate()
            {
                let lead = if number == 0 { format!("{label}  ") } else { " ".repeat(width(&label) + 2) };
                writeln!(out, "{indent}{lead}{line}")?;
            }
            for line in fix.lines.iter().flat_map(|lines| lines.lines()) {
                writeln!(out, "{indent}  {line}")?;
            }
            for command in &fix.commands {
                writeln!(out, "{indent}  $ {command}")?;
            }
        }
        Ok(())
    }

    fn field(&self, label: &Text, text: &str, out: &mut dyn Write) -> io::Result<()> {
        let label = self.say(label);
        self.field_plain(&label, text, out)
    }

    fn field_plain(&self, label: &str, text: &str, out: &mut dyn Write) -> io::Result<()> {
        let label_width = self.label.max(width(label) + 2);
        for (number, line) in wrap(text, WIDTH - label_width).iter().enumerate() {
            let lead = if number == 0 { pad(label, label_width) } else { " ".repeat(label_width) };
            writeln!(out, "{}{line}", paint(BOLD, &lead))?;
        }
        Ok(())
    }

    fn numbered(&self, label: &str, number: usize, text: &str, out: &mut dyn Write) -> io::Result<()> {
        for (index, line) in wrap(text, WIDTH - self.label - 3).iter().enumerate() {
            let lead = if index == 0 { pad(label, self.label) } else { " ".repeat(self.label) };
            let mark = if index == 0 { format!("{number}  ") } else { "   ".to_owned() };
            writeln!(out, "{}{mark}{line}", paint(BOLD, &lead))?;
        }
        Ok(())
    }
}
