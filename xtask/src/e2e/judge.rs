//! Holds one report (`keepwire.report/1`) against what a case expects.

use serde_json::Value;

use super::case::{Case, Confidence, Expect};
use super::report::Outcome;
use super::run::Ran;

/// What the case expects, as the table shows it.
pub(crate) fn expected(case: &Case) -> String {
    match &case.expect {
        Expect::Healthy => "healthy".into(),
        Expect::Cause { any_of, .. } => any_of.join(" | "),
        Expect::Mentions(any_of) => format!("({})", any_of.join(" | ")),
        Expect::Survives(any_of) => any_of.join(" | "),
    }
}

/// Fills in what the program said, and why that is wrong, if it is.
pub(crate) fn judge(case: &Case, ran: &Ran, outcome: &mut Outcome) {
    let problem = problem(case, ran, outcome).err();
    outcome.failure = problem.map(|problem| match ran.complaints.is_empty() {
        true => problem,
        false => format!("{problem}\nstderr: {}", ran.complaints),
    });
}

fn problem(case: &Case, ran: &Ran, outcome: &mut Outcome) -> Result<(), String> {
    let Some(exit_code) = ran.exit_code else {
        return Err(format!("killed: still running after {} s", case.time_limit.as_secs()));
    };
    let report: Value = serde_json::from_str(&ran.output)
        .map_err(|error| format!("exit code {exit_code}, and no JSON report: {error}"))?;
    let empty = Vec::new();
    let findings = report["findings"].as_array().unwrap_or(&empty);
    let verdict = report["verdict"].as_str().unwrap_or_default();
    let first = findings.first();
    outcome.got = first.map_or_else(|| verdict.to_owned(), |finding| text(finding, "cause").to_owned());
    outcome.confidence = first.map(|finding| text(finding, "confidence").to_owned()).unwrap_or_default();

    if report["schema"] != "keepwire.report/1" {
        return Err(format!("the report's schema is {}", report["schema"]));
    }
    if report["exit_code"] != exit_code {
        return Err(format!("exit code {exit_code}, but the report says {}", report["exit_code"]));
    }
    if ran.memory_kb > case.memory_limit_mb * 1024 {
        return Err(format!("used {} MB, allowed are {} MB", ran.memory_kb / 1024, case.memory_limit_mb));
    }
    if let Some(wrong) =
        findings.iter().map(|finding| text(finding, "cause")).find(|id| case.never.contains(id))
    {
        return Err(format!("must never name {wrong} here"));
    }
    match &case.expect {
        Expect::Healthy => healthy(findings, verdict, exit_code),
        Expect::Mentions(any_of) => mentioned(findings, any_of),
        Expect::Survives(any_of) => first_cause(first, any_of, Confidence::Possible, exit_code),
        Expect::Cause { any_of, at_least } => {
            first_cause(first, any_of, *at_least, exit_code)?;
            let because = first.and_then(|finding| finding["because"].as_str());
            match case.because {
                Some(wanted) if because != Some(wanted) => {
                    Err(format!("because is {because:?}, not {wanted}"))
                }
                _ => Ok(()),
            }
        }
    }
}

fn healthy(findings: &[Value], verdict: &str, exit_code: i32) -> Result<(), String> {
    if let Some(alarm) = findings.iter().find(|finding| text(finding, "severity") == "error") {
        return Err(format!("false alarm: {} ({})", text(alarm, "cause"), text(alarm, "title")));
    }
    match (verdict, exit_code) {
        ("ok", 0) => Ok(()),
        _ => Err(format!("verdict {verdict}, exit code {exit_code}")),
    }
}

fn mentioned(findings: &[Value], any_of: &[&str]) -> Result<(), String> {
    match findings.iter().any(|finding| any_of.contains(&text(finding, "cause"))) {
        true => Ok(()),
        false => Err("does not mention it".into()),
    }
}

fn first_cause(
    first: Option<&Value>,
    any_of: &[&str],
    at_least: Confidence,
    exit_code: i32,
) -> Result<(), String> {
    let Some(first) = first else { return Err("no finding".into()) };
    if !any_of.contains(&text(first, "cause")) {
        return Err(format!("another cause: {}", text(first, "title")));
    }
    let confidence = match text(first, "confidence") {
        "proven" => Confidence::Proven,
        "likely" => Confidence::Likely,
        "possible" => Confidence::Possible,
        other => return Err(format!("unknown confidence {other:?}")),
    };
    if confidence < at_least {
        return Err(format!("only {confidence:?}, should be {at_least:?}"));
    }
    if text(first, "severity") != "error" {
        return Err(format!("severity {:?}, should be error", text(first, "severity")));
    }
    // A finding without proof, or without anything to do about it, helps no one.
    for part in ["evidence", "fixes"] {
        if first[part].as_array().is_none_or(Vec::is_empty) {
            return Err(format!("the finding has no {part}"));
        }
    }
    match exit_code {
        1 => Ok(()),
        _ => Err(format!("exit code {exit_code}, should be 1")),
    }
}

fn text<'a>(finding: &'a Value, name: &str) -> &'a str {
    finding[name].as_str().unwrap_or_default()
}
