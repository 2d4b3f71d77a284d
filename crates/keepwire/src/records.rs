//! Where records meet files: opens them, unpacks them, feeds the pure reader, and asks the engine what it means.

use crate::commands::Problem;
use ::records::{Kind, Options, Reader, Reading, Trouble, read_curl, read_har, recognise};
use diagnose::{Diagnosis, Finding, Severity, Text, text};
use evidence::{Case, Evidence, Fact, Place, Redactor, Source, Target};
use flate2::read::MultiGzDecoder;
use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

/// Bytes read at a time.
const CHUNK: usize = 256 * 1024;
/// Bytes by which a file is recognised.
const HEAD: usize = 64 * 1024;
/// The largest file that is read as a whole.
const WHOLE_LIMIT: u64 = 256 * 1024 * 1024;
/// The longest curl command.
const CURL_LIMIT: u64 = 1024 * 1024;
/// Different things whose causes are looked for.
const MOST_EVENTS: usize = 60;

/// What a file came to.
pub(crate) struct Concluded {
    /// As the user named it.
    pub file: String,
    /// What was read.
    pub reading: Reading,
    /// Causes, the surest first, each with the evidence that its proof points into.
    pub findings: Vec<(Finding, Evidence)>,
}

/// Reads a file, or standard input for `-`.
pub(crate) fn read(path: &Path, kind: Option<Kind>, options: Options) -> Result<Reading, Problem> {
    let name = path.display().to_string();
    let mut input: Box<dyn Read> = if name == "-" {
        Box::new(io::stdin().lock())
    } else {
        let unreadable =
            |error: io::Error| text!("{file} cannot be read: {why}", file = &name, why = error.to_string());
        if std::fs::metadata(path).map_err(unreadable)?.is_dir() {
            return Err(text!("{file} is a folder: name the file", file = &name).into());
        }
        Box::new(File::open(path).map_err(unreadable)?)
    };
    let mut head = Vec::new();
    let mut trouble = fill(&mut input, &mut head, 2).err().map(|error| Trouble::Failed(error.to_string()));
    let packed = head == [0x1f, 0x8b];
    if packed {
        input = Box::new(MultiGzDecoder::new(io::Cursor::new(std::mem::take(&mut head)).chain(input)));
    }
    let explain = |error: io::Error| {
        if packed { Trouble::Gzip(error.to_string()) } else { Trouble::Failed(error.to_string()) }
    };
    if trouble.is_none() {
        trouble = fill(&mut input, &mut head, HEAD).err().map(explain);
    }
    if head.is_empty() && trouble.is_none() {
        return Err(text!("{file} is empty", file = name).into());
    }
    let Some(kind) = kind.or_else(|| recognise(&head)) else { return Err(unknown(&name, &head).into()) };
    if kind.is_whole() {
        return Ok(whole(kind, head, input, trouble, explain, &options));
    }
    let mut reader = Reader::new(kind, options);
    reader.feed(&head);
    drop(head);
    let mut chunk = vec![0; CHUNK];
    while trouble.is_none() {
        match input.read(&mut chunk) {
            Ok(0) => break,
            Ok(length) => reader.feed(&chunk[..length]),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => trouble = Some(explain(error)),
        }
    }
    if let Some(trouble) = trouble {
        reader.complain(trouble);
    }
    Ok(reader.finish())
}

/// Reads until `head` has so many bytes, or the input ends.
fn fill(input: &mut dyn Read, head: &mut Vec<u8>, limit: usize) -> io::Result<()> {
    let left = limit.saturating_sub(head.len()) as u64;
    input.take(left).read_to_end(head).map(|_| ())
}

fn whole(
    kind: Kind,
    mut bytes: Vec<u8>,
    input: Box<dyn Read>,
    mut trouble: Option<Trouble>,
    explain: impl Fn(io::Error) -> Trouble,
    options: &Options,
) -> Reading {
    let limit = if kind == Kind::Curl { CURL_LIMIT } else { WHOLE_LIMIT };
    if trouble.is_none() {
        let left = limit.saturating_sub(bytes.len() as u64);
        let mut input = input.take(left);
        trouble = input.read_to_end(&mut bytes).err().map(explain);
        let mut one = [0];
        if trouble.is_none() && input.limit() == 0 && matches!(input.into_inner().read(&mut one), Ok(1)) {
            trouble = Some(Trouble::TooLarge(limit));
        }
    }
    let mut reading = match kind {
        Kind::Curl => read_curl(&String::from_utf8_lossy(&bytes), options.redactor),
        _ => read_har(&bytes, options.redactor),
    };
    if let Some(trouble) = trouble {
        reading.complain(0, trouble);
    }
    reading
}

fn unknown(name: &str, head: &[u8]) -> Text {
    if head.iter().take(4096).filter(|byte| **byte == 0 || **byte > 0xf7).count() > 8 {
        return text!("{file} is no text that can be read; --kind says what it is", file = name);
    }
    text!(
        "{file} is not recognised: neither a HAR, a curl command, a log of nginx, HAProxy, Apache, Caddy or Traefik, nor a message that speaks of a WebSocket; --kind says what it is, --log-format how an access log is written",
        file = name
    )
}

/// Asks the engine what was read means: each thing that happened by itself, then all causes together.
pub(crate) fn conclude(file: String, reading: Reading) -> Concluded {
    let mut findings: Vec<(Finding, Evidence)> = Vec::new();
    for event in reading.events.iter().take(MOST_EVENTS) {
        let mut case = Case::new(target(event.said.url.as_deref()));
        case.started_at_unix_us =
            event.said.last_at.and_then(|at| u64::try_from(at).ok()).unwrap_or(0).saturating_mul(1_000_000);
        let mut evidence = Evidence::new(case);
        let source = Source::Record { file: file.clone(), line: event.said.first_line };
        for fact in &event.facts {
            evidence.add(0, source.clone(), event.place, fact.clone());
        }
        evidence.add(0, source, event.place, Fact::Said(Box::new(event.said.clone())));
        let diagnosis = Diagnosis::resume(evidence);
        for mut finding in diagnosis.conclude().findings {
            // It happened to somebody: what a look would only warn of is a failure here.
            if finding.severity == Severity::Warning {
                finding.severity = Severity::Error;
            }
            match findings.iter_mut().find(|(known, _)| known.cause == finding.cause) {
                Some((known, _)) => {
                    known.confidence = known.confidence.max(finding.confidence);
                    known.because = known.because.or(finding.because);
                    let room = MOST_PROOFS.saturating_sub(known.proof.len());
                    // These point into another evidence.
                    let more = finding.proof.into_iter().take(room);
                    known.proof.extend(more.map(|proof| diagnose::Proof { rests_on: Vec::new(), ..proof }));
                }
                None => findings.push((finding, diagnosis.evidence().clone())),
            }
        }
    }
    // Stable: of equally sure causes the one of the most frequent trouble.
    findings.sort_by_key(|(finding, _)| std::cmp::Reverse(finding.confidence));
    Concluded { file, reading, findings }
}

/// Steps of a proof, of all events together.
const MOST_PROOFS: usize = 6;

/// The address of an event, as far as the record names it.
fn target(url: Option<&str>) -> Target {
    let text = match url {
        Some(url) if url.starts_with('/') && !url.starts_with("//") => format!("wss://host.invalid{url}"),
        Some(url) => url.to_owned(),
        None => "wss://host.invalid/".to_owned(),
    };
    Target::parse(&text).unwrap_or_else(|_| Target {
        secure: true,
        host: "host.invalid".to_owned(),
        port: 443,
        path: "/".to_owned(),
        oddities: Vec::new(),
    })
}

/// What a record says about one address: messages and held connections. Answers of the past are no answers of today,
/// so exchanges stay out.
pub(crate) fn about(target: &Target, file: &str, reading: &Reading) -> Vec<(Source, Place, Fact)> {
    let mut facts = Vec::new();
    for event in reading.events.iter().filter(|event| belongs(target, event.said.url.as_deref())) {
        let source = Source::Record { file: file.to_owned(), line: event.said.first_line };
        let holds = event.facts.iter().filter(|fact| matches!(fact, Fact::Hold(_)));
        facts.extend(holds.map(|fact| (source.clone(), event.place, fact.clone())));
        if event.said.id != "opened" {
            facts.push((source, event.place, Fact::Said(Box::new(event.said.clone()))));
        }
    }
    facts
}

/// Whether an address in a record is the target's: host and path, as far as the record names them.
fn belongs(target: &Target, url: Option<&str>) -> bool {
    let Some(url) = url else { return true };
    let (host, path) = match url.split_once("//") {
        Some((_, rest)) => {
            let slash = rest.find('/').unwrap_or(rest.len());
            (Some(&rest[..slash]), rest.get(slash..).unwrap_or_default())
        }
        None => (None, url),
    };
    let path = path.split('?').next().unwrap_or_default();
    let same_path = path.is_empty() || path == target.bare_path();
    let name = host.map(|host| host.rsplit_once(':').map_or(host, |(name, _)| name).trim_matches(['[', ']']));
    // A proxy may know the host by an address of its own; the path decides then.
    let same_host = name.is_none_or(|name| {
        name.eq_ignore_ascii_case(&target.host) || name.parse::<std::net::IpAddr>().is_ok() || name == "_"
    });
    same_path && same_host
}

/// The redactor for records: secrets are always struck out.
pub(crate) const REDACTOR: Redactor = Redactor::ON;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_belongs_to_an_address() {
        let target = Target::parse("wss://app.example/ws?room=1").expect("it parses");
        for (url, ours) in [
            (None, true),
            (Some("/ws"), true),
            (Some("/other"), false),
            (Some("wss://app.example/ws"), true),
            (Some("//app.example:8443/ws"), true),
            (Some("wss://other.example/ws"), false),
            (Some("ws://10.0.0.1:8080/ws"), true),
        ] {
            assert_eq!(belongs(&target, url), ours, "{url:?}");
        }
    }
}
