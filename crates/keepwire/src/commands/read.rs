//! `keepwire read`: what a HAR, a log, a console error or a curl command means.

use super::check::{format_of, unwritable, write_file};
use super::{COULD_NOT, Context, Problem};
use crate::cli::{Read, Redact};
use crate::records::{self, REDACTOR};
use crate::report;
use ::records::{Format, Kind, Options, moment};
use diagnose::text;
use std::io::{IsTerminal, Write};
use std::path::PathBuf;
use std::time::{SystemTime, UNIX_EPOCH};

pub(super) fn run(context: &Context, arguments: &Read) -> Result<u8, Problem> {
    for path in &arguments.out {
        format_of(path)?;
    }
    let mut files = arguments.files.clone();
    if files.is_empty() {
        if std::io::stdin().is_terminal() {
            return Err(text!("nothing to read: name a file (keepwire read access.log), or pipe a message in (pbpaste | keepwire read -)").into());
        }
        files.push(PathBuf::from("-"));
    }
    let options = options(arguments)?;
    let kind =
        arguments.kind.map(crate::cli::RecordKind::kind).or(options.format.as_ref().map(|_| Kind::Access));
    let mut reports = Vec::new();
    let mut hosts = Vec::new();
    for path in &files {
        let reading = records::read(path, kind, options.clone())?;
        let concluded = records::conclude(path.display().to_string(), reading);
        if arguments.redact == Redact::Strict {
            hosts
                .extend(concluded.reading.events.iter().filter_map(|event| host(event.said.url.as_deref()?)));
        }
        reports.push(report::read_report(&concluded, &context.locale, arguments.list, true));
    }
    let codes: Vec<u8> = reports.iter().map(|report| report.exit_code).collect();
    let code = if codes.contains(&1) { 1 } else { codes.into_iter().max().unwrap_or(0) };
    let code = if arguments.exit_zero && code != COULD_NOT { 0 } else { code };
    if arguments.exit_zero {
        reports.iter_mut().filter(|report| report.exit_code == 1).for_each(|report| report.exit_code = 0);
    }
    let strict = |bytes: Vec<u8>| match arguments.redact {
        Redact::Secrets => bytes,
        Redact::Strict => without_hosts(&String::from_utf8_lossy(&bytes), &hosts).into_bytes(),
    };
    let mut bytes = Vec::new();
    report::write(arguments.format, &reports, &context.locale, context.look, &mut bytes)
        .map_err(|error| text!("standard output: {why}", why = error.to_string()))?;
    let mut out = anstream::stdout().lock();
    let written = out.write_all(&strict(bytes)).and_then(|()| out.flush());
    // A reader that had enough (`| head`) is no failure.
    if let Err(error) = written
        && error.kind() != std::io::ErrorKind::BrokenPipe
    {
        return Err(text!("standard output: {why}", why = error.to_string()).into());
    }
    for path in &arguments.out {
        let mut bytes = Vec::new();
        let mut plain = anstream::StripStream::new(&mut bytes);
        report::write(format_of(path)?, &reports, &context.locale, context.look, &mut plain)
            .map_err(|error| unwritable(path, &error))?;
        write_file(path, &strict(bytes))?;
    }
    Ok(code)
}

fn options(arguments: &Read) -> Result<Options, Problem> {
    let format = match &arguments.log_format {
        None => None,
        Some(text) => Some(
            Format::new(text)
                .map_err(|error| text!("this log format cannot be used: {why}", why = error.to_string()))?,
        ),
    };
    let since = match &arguments.since {
        None => None,
        Some(text) => Some(since(text).ok_or_else(|| {
            text!(
                "--since wants a duration such as 2h, or a time such as 2026-11-26T07:00:00Z, not {text}",
                text = text
            )
        })?),
    };
    Ok(Options { redactor: REDACTOR, format, since })
}

/// Seconds since 1970 of `2h` ago, or of a time.
fn since(text: &str) -> Option<i64> {
    let text = text.trim();
    let unit = text.chars().last()?;
    let factor = match unit {
        's' => 1,
        'm' => 60,
        'h' => 3600,
        'd' => 86_400,
        _ => return moment(text),
    };
    let count: i64 =
        text[..text.len() - unit.len_utf8()].parse().ok().filter(|count| (0..1_000_000).contains(count))?;
    let now = SystemTime::now().duration_since(UNIX_EPOCH).ok()?.as_secs();
    i64::try_from(now).ok()?.checked_sub(count.checked_mul(factor)?)
}

/// Host and port of an address.
fn host(url: &str) -> Option<String> {
    let rest = url.split_once("//")?.1;
    let host = rest.split(['/', '?', ':']).next().filter(|host| host.len() > 3)?;
    Some(host.to_owned())
}

/// A text without these hosts, and without IPv4 addresses.
fn without_hosts(text: &str, hosts: &[String]) -> String {
    let mut out = text.to_owned();
    let mut hosts: Vec<&String> = hosts.iter().filter(|host| *host != "HOST").collect();
    hosts.sort_by_key(|host| std::cmp::Reverse(host.len()));
    hosts.dedup();
    for host in hosts {
        out = out.replace(host.as_str(), "HOST");
    }
    let mut clean = String::with_capacity(out.len());
    for piece in out.split_inclusive(|c: char| !(c.is_ascii_digit() || c == '.')) {
        let end = piece.find(|c: char| !(c.is_ascii_digit() || c == '.')).unwrap_or(piece.len());
        let (word, rest) = piece.split_at(end);
        let address = word.trim_end_matches('.').parse::<std::net::Ipv4Addr>().is_ok();
        clean.push_str(if address { "ADDRESS" } else { word });
        clean.push_str(rest);
    }
    clean
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_and_durations() {
        assert_eq!(since("2026-11-26T07:00:35Z"), Some(1_795_676_435));
        assert!(since("2h").is_some() && since("3d").is_some());
        for text in ["", "x", "h", "-1h", "99999999999h", "yesterday"] {
            assert_eq!(since(text), None, "{text}");
        }
    }

    #[test]
    fn strict_takes_hosts_away() {
        let hosts = vec!["app.example.com".to_owned()];
        assert_eq!(
            without_hosts("wss://app.example.com/ws from 10.0.0.1: 1.5 s", &hosts),
            "wss://HOST/ws from ADDRESS: 1.5 s"
        );
    }
}
