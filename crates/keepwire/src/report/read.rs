//! The part of a report that only records have: what was recognised, how often, and what to run next.

use super::model::{Report, Tool, Vantage, finding_part, sentence};
use super::style::{BOLD, DIM, WIDTH, of, pad, paint, width, wrap};
use super::words::{confidence_word, status_word};
use super::{Look, model};
use crate::records::Concluded;
use ::records::{Event, Kind, Listed, Problem, Trouble};
use diagnose::{Locale, Severity, Text, hearsay, shell_word, text};
use evidence::Said;
use schemars::JsonSchema;
use serde::Serialize;
use std::io::{self, Write};

/// Messages that are shown in text; JSON has all.
const SHOWN: usize = 8;
/// Causes that are shown for all messages together.
const CAUSES: usize = 6;

/// What a record holds.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct ReadPart {
    /// The file; `-` is standard input.
    pub file: String,
    /// `har`, `curl`, `text`, `access-log`, `nginx-error-log`, `haproxy-log`, `apache-error-log`, `json-log`.
    pub recognised: String,
    /// Lines that were read; of a HAR its entries.
    pub lines: u64,
    /// What was said, trouble first, the most frequent first.
    pub messages: Vec<MessagePart>,
    /// What could not be read.
    pub problems: Vec<ProblemPart>,
    /// The command that finds out more.
    pub next: Option<String>,
    /// Of a curl command: the same as it should be.
    pub corrected: Option<String>,
    /// Connections and their messages, where they were asked for.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub listed: Vec<ListedPart>,
}

/// Something that was said.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct MessagePart {
    /// What, whatever the wording.
    pub id: String,
    /// Who said it.
    pub by: String,
    /// The address that it is about.
    pub url: Option<String>,
    /// Status of the handshake.
    pub status: Option<u16>,
    /// Close code.
    pub code: Option<u16>,
    /// Reason, or the part of the message that tells.
    pub reason: String,
    /// Flags of a proxy's log.
    pub flags: String,
    /// How long the connections had been there, milliseconds.
    pub after_ms: Option<u64>,
    /// How often.
    pub count: u64,
    /// First line.
    pub first_line: u64,
    /// Last line.
    pub last_line: u64,
    /// RFC 3339, where the record has times.
    pub first_at: Option<String>,
    /// RFC 3339, where the record has times.
    pub last_at: Option<String>,
    /// The first of these lines.
    pub excerpt: String,
    /// In one sentence.
    pub meaning: String,
    /// Something is wrong.
    pub trouble: bool,
    /// What to do where no cause fits.
    pub advice: Option<String>,
}

/// Something that could not be read.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct ProblemPart {
    /// Line, from 1; of a HAR its entry; 0: the whole file.
    pub line: u64,
    /// Why.
    pub text: String,
}

/// A connection, or one of its messages.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct ListedPart {
    /// Entry of the HAR, from 1.
    pub entry: u64,
    /// Message of it, from 1; null: the connection itself.
    pub message: Option<u64>,
    /// `send` or `receive`; of a connection its status.
    pub direction: String,
    /// `text`, `binary`, `close`, …; of a connection `socket`.
    pub kind: String,
    /// Bytes.
    pub size: u64,
    /// Milliseconds since the connection began; of a connection how long it was there.
    pub ms: u64,
    /// The beginning, or the address.
    pub preview: String,
}

/// The report about one record.
pub(crate) fn report(concluded: &Concluded, locale: &Locale, list: bool, redacted: bool) -> Report {
    let Concluded { file, reading, findings, .. } = concluded;
    let messages: Vec<MessagePart> = reading.events.iter().map(|event| message(event, locale)).collect();
    let parts: Vec<model::FindingPart> =
        findings.iter().map(|(finding, evidence)| finding_part(finding, evidence, locale)).collect();
    let trouble = messages.iter().any(|message| message.trouble)
        || findings.iter().any(|(finding, _)| finding.severity >= Severity::Warning);
    let unreadable = messages.is_empty() && reading.curl.is_none() && !reading.problems.is_empty();
    let (verdict, exit_code) = match (trouble, unreadable) {
        (true, _) => ("fail", 1),
        (false, true) => ("unknown", 2),
        (false, false) => ("ok", 0),
    };
    let main = messages.iter().find(|message| message.trouble).or(messages.first());
    let url = main
        .and_then(|message| message.url.clone())
        .or_else(|| reading.curl.as_ref().map(|curl| curl.url.clone()))
        .unwrap_or_else(|| file.clone());
    let first_at = messages.iter().filter_map(|message| message.first_at.clone()).min();
    let summary = match (parts.first(), main) {
        (Some(finding), _) => finding.title.clone(),
        (None, Some(message)) => message.meaning.clone(),
        (None, None) if unreadable => text!("nothing in it could be read").say(locale),
        (None, None) => text!("nothing in it speaks of a WebSocket that fails").say(locale),
    };
    let next = next(concluded);
    Report {
        repair: None,
        schema: model::SCHEMA.to_owned(),
        tool: Tool { name: "keepwire".to_owned(), version: env!("CARGO_PKG_VERSION").to_owned() },
        kind: "read".to_owned(),
        id: model::id_of(&[file, &summary]),
        started_at: first_at.unwrap_or_else(|| model::time(0)),
        elapsed_ms: 0.0,
        target: model::TargetPart { url, name: None, redacted },
        vantage: Vantage {
            os: String::new(),
            ip_families: Vec::new(),
            proxy: None,
            mode: "record".to_owned(),
        },
        verdict: verdict.to_owned(),
        grade: None,
        exit_code,
        summary: sentence(summary),
        layers: Vec::new(),
        confirm: next.clone().unwrap_or_default(),
        findings: parts,
        what_if: Vec::new(),
        unexplained: Vec::new(),
        ruled_out: Vec::new(),
        not_tested: Vec::new(),
        read: Some(ReadPart {
            file: file.clone(),
            recognised: reading.kind.id().to_owned(),
            lines: reading.lines,
            messages,
            problems: problems(concluded, locale),
            next,
            corrected: reading
                .curl
                .as_ref()
                .filter(|_| !reading.events.is_empty())
                .map(|curl| curl.corrected.clone()),
            listed: if list { reading.listed.iter().map(listed).collect() } else { Vec::new() },
        }),
        observations: Vec::new(),
    }
}

fn listed(line: &Listed) -> ListedPart {
    let Listed { entry, message, direction, kind, size, ms, preview } = line.clone();
    ListedPart { entry, message, direction, kind, size, ms, preview }
}

fn message(event: &Event, locale: &Locale) -> MessagePart {
    let said = &event.said;
    let meaning = hearsay::meaning(said);
    let cut = event.facts.iter().any(|fact| matches!(fact, evidence::Fact::Hold(_)));
    let text = if cut && !meaning.trouble { cut_text(said).say(locale) } else { meaning.text.say(locale) };
    MessagePart {
        id: said.id.clone(),
        by: said.by.clone(),
        url: said.url.clone(),
        status: said.status,
        code: said.code,
        reason: said.reason.clone(),
        flags: said.flags.clone(),
        after_ms: said.after_us.map(|us| us / 1000),
        count: said.count,
        first_line: said.first_line,
        last_line: said.last_line,
        first_at: said.first_at.map(model::time),
        last_at: said.last_at.map(model::time),
        excerpt: said.excerpt.clone(),
        meaning: text,
        trouble: meaning.trouble || cut,
        advice: meaning.advice.map(|advice| advice.say(locale)),
    }
}

fn cut_text(said: &Said) -> Text {
    let seconds = said.after_us.unwrap_or(0).saturating_add(500_000) / 1_000_000;
    text!(
        "Connections were opened and ended quietly, all after {seconds} s: a timer ends them.",
        seconds = seconds
    )
}

/// The command that finds out more: `keepwire check` for the address that fails.
fn next(concluded: &Concluded) -> Option<String> {
    let reading = &concluded.reading;
    if let Some(curl) = &reading.curl {
        return Some(curl.check.iter().map(|word| shell_word(word)).collect::<Vec<_>>().join(" "));
    }
    let trouble = |event: &&Event| hearsay::meaning(&event.said).trouble || event.facts.len() > 1;
    let main = reading.events.iter().find(|event| trouble(event) && event.said.url.is_some());
    let main = main.or_else(|| reading.events.iter().find(trouble))?;
    let url = match main.said.url.as_deref() {
        Some(url) if url.starts_with("//") => match url.trim_start_matches('/').split(['/', '?']).next() {
            Some(host) if host.starts_with("localhost") || host.starts_with("127.") => format!("ws:{url}"),
            _ => format!("wss:{url}"),
        },
        Some(url) if url.starts_with('/') => format!("wss://HOST{url}"),
        Some(url) => url.to_owned(),
        None => "wss://HOST/PATH".to_owned(),
    };
    let mut words = vec!["keepwire check".to_owned(), shell_word(&url)];
    let quiet = concluded.findings.first().is_some_and(|(finding, _)| {
        ["idle-", "keepalive-", "lifetime-", "close-1006"].iter().any(|part| finding.cause.starts_with(part))
    });
    if quiet {
        let after = main.said.after_us.unwrap_or(60_000_000) / 1_000_000;
        words.push(format!("--hold {}s", (after * 5 / 2).clamp(30, 900)));
    } else if main.place == evidence::Place::Page {
        words.push("--as browser".to_owned());
    }
    Some(words.join(" "))
}

fn problems(concluded: &Concluded, locale: &Locale) -> Vec<ProblemPart> {
    let reading = &concluded.reading;
    let mut parts: Vec<ProblemPart> = reading
        .problems
        .iter()
        .map(|Problem { line, trouble }| ProblemPart {
            line: *line,
            text: trouble_text(trouble, reading.kind).say(locale),
        })
        .collect();
    if reading.more_problems > 0 {
        let text = text!("{count} more lines could not be read", count = reading.more_problems);
        parts.push(ProblemPart { line: 0, text: text.say(locale) });
    }
    if reading.more_events > 0 {
        let text = text!(
            "{count} lines say too many different things to keep them apart",
            count = reading.more_events
        );
        parts.push(ProblemPart { line: 0, text: text.say(locale) });
    }
    parts
}

fn trouble_text(trouble: &Trouble, kind: Kind) -> Text {
    match trouble {
        Trouble::LineTooLong(length) => {
            text!("skipped: {length} bytes without a line end, no log writes such lines", length = *length)
        }
        Trouble::Binary => text!("skipped: these bytes are no text"),
        Trouble::Json(why) => text!("skipped: the JSON does not parse: {why}", why = why),
        Trouble::Cut => text!("the JSON is cut off here; what stands before was read"),
        Trouble::Missing(field) => text!("skipped: {field} is missing", field = *field),
        Trouble::Format if kind == Kind::Access => {
            text!("skipped: the line is of another format (--log-format says which)")
        }
        Trouble::Format => text!("skipped: the line is of another format"),
        Trouble::TooLarge(limit) => {
            text!(
                "only the first {size} MB were read; such a file is read as a whole",
                size = *limit / 1_000_000
            )
        }
        Trouble::Gzip(why) => {
            text!("the compressed data is broken: {why}; what stands before was read", why = why)
        }
        Trouble::Failed(why) => text!("reading failed: {why}", why = why),
    }
}

/// What was recognised, in one sentence.
fn recognised(part: &ReadPart) -> Text {
    match part.recognised.as_str() {
        "har" => text!("A HAR file was recognised."),
        "curl" => text!("A curl command was recognised."),
        "text"
            if part.messages.first().is_some_and(|message| {
                matches!(message.by.as_str(), "Chrome" | "Firefox" | "Safari" | "a browser")
            }) =>
        {
            text!("A browser console error was recognised.")
        }
        "text" => text!("Messages of a program were recognised."),
        "access-log" => text!("An access log was recognised."),
        "nginx-error-log" => text!("An nginx error log was recognised."),
        "haproxy-log" => text!("A HAProxy log was recognised."),
        "apache-error-log" => text!("An Apache error log was recognised."),
        _ => text!("A log of JSON lines was recognised."),
    }
}

/// Text for people.
pub(super) fn write(
    report: &Report,
    part: &ReadPart,
    locale: &Locale,
    look: Look,
    out: &mut dyn Write,
) -> io::Result<()> {
    let word = pad(&status_word(&report.verdict, locale), 6);
    let right = report.findings.first().map(|finding| finding.cause.as_str()).unwrap_or_default();
    let gap = WIDTH.saturating_sub(width(&word) + width(&part.file) + width(right)).max(2);
    let style = of(&report.verdict);
    writeln!(
        out,
        "{}{}{}{}",
        paint(style, &word),
        paint(BOLD, &part.file),
        " ".repeat(gap),
        paint(style, right)
    )?;
    let page = Page { locale, label: label_width(locale) };
    if !look.quiet {
        writeln!(out)?;
        let lines = text!("{what} Lines: {lines}.", what = recognised(part), lines = part.lines);
        page.plain(&lines.say(locale), out)?;
        for problem in &part.problems {
            let at =
                if problem.line == 0 { part.file.clone() } else { format!("{}:{}", part.file, problem.line) };
            page.plain(&format!("{} {at}: {}", status_word("warn", locale), problem.text), out)?;
        }
        page.messages(part, look, out)?;
    }
    if !report.findings.is_empty() {
        writeln!(out)?;
        let proven = report.findings.first().is_some_and(|finding| finding.confidence == "proven");
        let label = if proven { text!("Cause") } else { text!("Usual causes") };
        writeln!(out, "{}", paint(BOLD, &label.say(locale)))?;
        let shown = if look.verbose > 0 { usize::MAX } else { CAUSES };
        for (index, finding) in report.findings.iter().take(shown).enumerate() {
            page.cause(index + 1, finding, look, out)?;
        }
    }
    if look.quiet {
        return Ok(());
    }
    if part.messages.is_empty() && report.findings.is_empty() {
        page.plain(&report.summary, out)?;
    }
    if let Some(corrected) = &part.corrected {
        writeln!(out)?;
        writeln!(out, "{}", paint(BOLD, &text!("Corrected").say(locale)))?;
        for line in corrected.lines() {
            writeln!(out, "  {line}")?;
        }
    }
    if let Some(next) = &part.next {
        writeln!(out)?;
        page.field(&text!("Next"), next, out)?;
    }
    if let Some(first) = report.findings.first() {
        page.field(&text!("More"), &format!("keepwire explain {}", first.cause), out)?;
    }
    if !part.listed.is_empty() {
        writeln!(out)?;
        for line in &part.listed {
            page.listed(line, out)?;
        }
    }
    Ok(())
}

struct Page<'a> {
    locale: &'a Locale,
    label: usize,
}

fn label_width(locale: &Locale) -> usize {
    [text!("Meaning"), text!("Often"), text!("Next"), text!("More"), text!("Do")]
        .iter()
        .map(|label| width(&label.say(locale)))
        .max()
        .unwrap_or(7)
        + 2
}

impl Page<'_> {
    fn plain(&self, text: &str, out: &mut dyn Write) -> io::Result<()> {
        for line in wrap(text, WIDTH) {
            writeln!(out, "{line}")?;
        }
        Ok(())
    }

    fn field(&self, label: &Text, text: &str, out: &mut dyn Write) -> io::Result<()> {
        let label = label.say(self.locale);
        for (number, line) in wrap(text, WIDTH - self.label).iter().enumerate() {
            let lead = if number == 0 { pad(&label, self.label) } else { " ".repeat(self.label) };
            writeln!(out, "{}{line}", paint(BOLD, &lead))?;
        }
        Ok(())
    }

    fn messages(&self, part: &ReadPart, look: Look, out: &mut dyn Write) -> io::Result<()> {
        let shown = if look.verbose > 0 { usize::MAX } else { SHOWN };
        let mut before = "";
        for message in part.messages.iter().take(shown) {
            writeln!(out)?;
            // Several faults of one command need its text once.
            if !message.excerpt.is_empty() && message.excerpt != before {
                for line in wrap(&message.excerpt, WIDTH - 2) {
                    writeln!(out, "  {}", paint(DIM, &line))?;
                }
                writeln!(out)?;
            }
            before = &message.excerpt;
            self.field(&text!("Meaning"), &message.meaning, out)?;
            if message.count > 1 {
                self.field(&text!("Often"), &often(message).say(self.locale), out)?;
            }
            if let Some(advice) = &message.advice {
                self.field(&text!("Do"), advice, out)?;
            }
        }
        let left = part.messages.len().saturating_sub(shown);
        if left > 0 {
            writeln!(out)?;
            self.plain(
                &text!("{count} more messages: -v, or --format json", count = left).say(self.locale),
                out,
            )?;
        }
        Ok(())
    }

    fn cause(
        &self,
        number: usize,
        finding: &model::FindingPart,
        look: Look,
        out: &mut dyn Write,
    ) -> io::Result<()> {
        let title = format!("{} ({})", finding.title, confidence_word(&finding.confidence, self.locale));
        let lead = format!("  {number}  ");
        let indent = " ".repeat(width(&lead));
        let gap = WIDTH.saturating_sub(width(&lead) + width(&title) + width(&finding.cause));
        if gap >= 2 {
            writeln!(out, "{lead}{title}{}{}", " ".repeat(gap), paint(DIM, &finding.cause))?;
        } else {
            for (index, line) in wrap(&title, WIDTH - width(&lead)).iter().enumerate() {
                writeln!(out, "{}{line}", if index == 0 { &lead } else { &indent })?;
            }
            writeln!(out, "{indent}{}", paint(DIM, &finding.cause))?;
        }
        let mut lines: Vec<String> = Vec::new();
        if number == 1 || look.verbose > 0 {
            lines.extend(finding.evidence.iter().take(3).map(|proof| proof.text.clone()));
        }
        lines.extend(finding.would_tell.clone());
        let sure = finding.confidence != "possible";
        let fix = finding.fixes.first().filter(|_| (number == 1 && sure) || look.verbose > 0);
        if let Some(fix) = fix.filter(|_| !look.quiet) {
            lines.push(format!("{}: {}", text!("Fix").say(self.locale), fix.title));
            lines.extend(fix.lines.iter().flat_map(|lines| lines.lines()).map(|line| format!("\u{1}{line}")));
            lines.extend(fix.commands.iter().map(|command| format!("\u{1}$ {command}")));
        }
        for text in lines {
            // Lines to paste stay as they are.
            if let Some(code) = text.strip_prefix('\u{1}') {
                writeln!(out, "{}", format!("{indent}  {code}").trim_end())?;
                continue;
            }
            for line in wrap(&text, WIDTH - width(&indent)) {
                writeln!(out, "{indent}{}", paint(DIM, &line))?;
            }
        }
        Ok(())
    }

    fn listed(&self, line: &ListedPart, out: &mut dyn Write) -> io::Result<()> {
        let number = line
            .message
            .map_or_else(|| format!("#{}", line.entry), |message| format!("#{}.{message}", line.entry));
        writeln!(
            out,
            "{number:>8}  {:>9} ms  {:7}  {:6}  {:>8}  {}",
            line.ms,
            line.direction,
            line.kind,
            if line.message.is_some() { line.size.to_string() } else { String::new() },
            line.preview
        )
    }
}

fn often(message: &MessagePart) -> Text {
    match (&message.first_at, &message.last_at) {
        (Some(first), Some(last)) => text!(
            "{count} times, lines {from} to {to}, {first} to {last}",
            count = message.count,
            from = message.first_line,
            to = message.last_line,
            first = first,
            last = last
        ),
        _ => text!(
            "{count} times, lines {from} to {to}",
            count = message.count,
            from = message.first_line,
            to = message.last_line
        ),
    }
}

/// Markdown, for tickets.
pub(super) fn markdown(part: &ReadPart, locale: &Locale, out: &mut dyn Write) -> io::Result<()> {
    for message in part.messages.iter().take(SHOWN) {
        writeln!(out, "\n```\n{}\n```\n", message.excerpt.replace("```", "` ` `"))?;
        writeln!(
            out,
            "{} {}",
            super::markdown::plain(&message.meaning),
            super::markdown::plain(&often(message).say(locale))
        )?;
    }
    if let Some(next) = &part.next {
        writeln!(out, "\n```\n{}\n```", next.replace("```", "` ` `"))?;
    }
    Ok(())
}
