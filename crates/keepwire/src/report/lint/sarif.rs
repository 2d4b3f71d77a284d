//! SARIF 2.1.0, for code scanning (OASIS, 2020; what GitHub reads of it: its documentation of SARIF support).

use super::super::Report;
use diagnose::{Locale, causes};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use std::collections::BTreeSet;
use std::io::{self, Write};

const SCHEMA: &str = "https://json.schemastore.org/sarif-2.1.0.json";

pub(super) fn write(reports: &[Report], locale: &Locale, out: &mut dyn Write) -> io::Result<()> {
    let findings = || reports.iter().flat_map(|report| &report.findings);
    let ids: BTreeSet<&str> = findings().map(|finding| finding.cause.as_str()).collect();
    let rules: Vec<Value> = ids
        .iter()
        .filter_map(|id| causes::find(id))
        .map(|cause| {
            let page = cause.page(locale);
            let help = format!("https://github.com/keepwire/keepwire/blob/main/docs/causes/{}.md", cause.id);
            json!({
                "id": cause.id,
                "name": cause.id,
                "shortDescription": { "text": page.title },
                "fullDescription": { "text": page.title },
                "help": { "text": page.body, "markdown": page.body },
                "helpUri": help,
            })
        })
        .collect();
    let results: Vec<Value> = findings()
        .map(|finding| {
            let level = match finding.severity.as_str() {
                "error" => "error",
                "warning" => "warning",
                _ => "note",
            };
            let locations: Vec<Value> = finding
                .locations
                .iter()
                .take(1)
                .map(|place| {
                    json!({ "physicalLocation": {
                        "artifactLocation": { "uri": uri(&place.file) },
                        "region": {
                            "startLine": place.line,
                            "startColumn": place.column,
                            "endLine": place.end_line,
                            "endColumn": place.end_column,
                            "snippet": { "text": place.text },
                        },
                    }})
                })
                .collect();
            let mut text = finding.title.clone();
            if let Some(because) = &finding.because {
                text.push_str(&format!(" ({because})"));
            }
            json!({
                "ruleId": finding.cause,
                "level": level,
                "message": { "text": text },
                "locations": locations,
                "partialFingerprints": { "keepwire/v1": fingerprint(finding) },
                "properties": { "because": finding.because, "confidence": finding.confidence },
            })
        })
        .collect();
    let value = json!({
        "$schema": SCHEMA,
        "version": "2.1.0",
        "runs": [{
            "tool": { "driver": {
                "name": "keepwire",
                "informationUri": "https://github.com/keepwire/keepwire",
                "semanticVersion": env!("CARGO_PKG_VERSION"),
                "rules": rules,
            }},
            "columnKind": "unicodeCodePoints",
            "results": results,
        }],
    });
    serde_json::to_writer_pretty(&mut *out, &value)?;
    writeln!(out)
}

/// A path as a relative reference; an absolute one as `file://`.
fn uri(path: &str) -> String {
    let encoded: String = path
        .bytes()
        .map(|byte| match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'/' | b'.' | b'-' | b'_' | b'~' => {
                (byte as char).to_string()
            }
            byte => format!("%{byte:02X}"),
        })
        .collect();
    if encoded.starts_with('/') {
        format!("file://{encoded}")
    } else {
        encoded.trim_start_matches("./").to_owned()
    }
}

/// The same finding on the same line, wherever that line has moved.
pub(super) fn fingerprint(finding: &super::FindingPart) -> String {
    let place = finding.locations.first();
    let mut hash = Sha256::new();
    hash.update(&finding.cause);
    hash.update([0]);
    if let Some(place) = place {
        hash.update(&place.file);
        hash.update([0]);
        hash.update(place.text.trim());
    }
    hash.update(&finding.title);
    hash.finalize().iter().take(16).map(|byte| format!("{byte:02x}")).collect()
}
