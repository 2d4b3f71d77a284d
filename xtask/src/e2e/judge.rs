//! Holds one report (`keepwire.report/1`) against what a case expects.

use serde_json::Value;

use super::case::{Case, Confidence, Expect};
use super::report::Outcome;
use super::run::Ran;

/// What the case expects, as the table shows it.
pub(crate) fn expected(case: &Case) -> String {
    match &case.expect {
        Expect::Healthy => "healthy".into(),
        Expect::Warned(any_of) => format!("warning {}", any_of.join(" | ")),
        Expect::Cause { any_of, .. } => any_of.join(" | "),
        Expect::Mentions(any_of) => format!("({})", any_of.join(" | ")),
        Expect::Survives(any_of) if any_of.is_empty() => "any finding".into(),
        Expect::Survives(any_of) => any_of.join(" | "),
    }
}

/// The causes that a case is about.
pub(crate) fn wanted(case: &Case) -> &[&'static str] {
    match &case.expect {
        Expect::Healthy => &[],
        Expect::Warned(any_of)
        | Expect::Mentions(any_of)
        | Expect::Survives(any_of)
        | Expect::Cause { any_of, .. } => any_of,
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
        Expect::Healthy => healthy(findings, verdict, exit_code, &[]),
        Expect::Warned(any_of) => healthy(findings, verdict, exit_code, any_of),
        Expect::Mentions(any_of) => mentioned(findings, any_of),
        Expect::Survives(any_of) if any_of.is_empty() => first.map(|_| ()).ok_or_else(|| "no finding".into()),
        Expect::Survives(any_of) => first_cause(first, any_of, Confidence::Possible, false, exit_code),
        Expect::Cause { any_of, at_least } => {
            first_cause(first, any_of, *at_least, case.warning_will_do, exit_code)?;
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

/// No error; and exactly the warnings that are right here, of which one is enough.
fn healthy(findings: &[Value], verdict: &str, exit_code: i32, warnings: &[&str]) -> Result<(), String> {
    if let Some(alarm) = findings.iter().find(|finding| text(finding, "severity") == "error") {
        return Err(format!("false alarm: {} ({})", text(alarm, "cause"), text(alarm, "title")));
    }
    let warned: Vec<&str> = findings
        .iter()
        .filter(|finding| text(finding, "severity") == "warning")
        .map(|finding| text(finding, "cause"))
        .collect();
    if let Some(wrong) = warned.iter().find(|cause| !warnings.contains(cause)) {
        return Err(format!("warns of {wrong}"));
    }
    if warned.is_empty() && !warnings.is_empty() {
        return Err(format!("does not warn of {}", warnings.join(" or ")));
    }
    let wanted = if warnings.is_empty() { "ok" } else { "warn" };
    match (verdict, exit_code) {
        (verdict, 0) if verdict == wanted => Ok(()),
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
    warning_will_do: bool,
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
    let wanted_exit_code = match text(first, "severity") {
        "error" => 1,
        "warning" if warning_will_do => 0,
        other => return Err(format!("severity {other:?}, should be error")),
    };
    // A finding without proof, or without anything to do about it, helps no one.
    for part in ["evidence", "fixes"] {
        if first[part].as_array().is_none_or(Vec::is_empty) {
            return Err(format!("the finding has no {part}"));
        }
    }
    match exit_code == wanted_exit_code {
        true => Ok(()),
        false => Err(format!("exit code {exit_code}, should be {wanted_exit_code}")),
    }
}

fn text<'a>(finding: &'a Value, name: &str) -> &'a str {
    finding[name].as_str().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use serde_json::json;

    use super::*;
    use crate::e2e::case::{Plan, any_of, cause, mentions, possibly, proven};

    fn finding(cause: &str, confidence: &str, severity: &str) -> Value {
        json!({
            "cause": cause, "because": null, "severity": severity, "confidence": confidence, "layer": "upgrade",
            "title": "t", "evidence": ["seen"], "ruled_out": [], "fixes": ["do"],
        })
    }

    fn report(verdict: &str, exit_code: i32, findings: &[Value]) -> Value {
        json!({"schema": "keepwire.report/1", "verdict": verdict, "exit_code": exit_code, "findings": findings})
    }

    fn check(expect: Expect, report: &Value, exit_code: Option<i32>) -> Option<String> {
        let case =
            Case::new("test/case", &["-"], expect, "", |_| Ok(Plan::default())).never(&["app-auth-401"]);
        check_case(&case, report.to_string(), exit_code, 1024)
    }

    fn check_case(case: &Case, output: String, exit_code: Option<i32>, memory_kb: u64) -> Option<String> {
        let ran = Ran { exit_code, output, complaints: String::new(), took: Duration::ZERO, memory_kb };
        let mut outcome = Outcome {
            name: case.name.clone(),
            products: String::new(),
            expected: expected(case),
            got: String::new(),
            confidence: String::new(),
            took: Duration::ZERO,
            memory_kb,
            failure: None,
            skipped: None,
        };
        judge(case, &ran, &mut outcome);
        outcome.failure
    }

    #[test]
    fn the_first_finding_decides() {
        let stripped = finding("upgrade-stripped", "likely", "error");
        let path = finding("upgrade-path-404", "proven", "error");
        let warning = finding("upgrade-stripped", "likely", "warning");
        let unsure = finding("upgrade-stripped", "possible", "error");
        let rows = [
            (cause("upgrade-stripped"), vec![stripped.clone()], true),
            (cause("upgrade-stripped"), vec![stripped.clone(), path.clone()], true),
            (cause("upgrade-stripped"), vec![path.clone(), stripped.clone()], false),
            (any_of(&["upgrade-path-404", "upgrade-stripped"]), vec![path.clone()], true),
            (cause("upgrade-stripped"), vec![unsure.clone()], false),
            (possibly(&["upgrade-stripped"]), vec![unsure], true),
            (proven("upgrade-stripped"), vec![stripped.clone()], false),
            (proven("upgrade-path-404"), vec![path.clone()], true),
            (cause("upgrade-stripped"), vec![warning.clone()], false),
            (mentions("upgrade-stripped"), vec![path.clone(), warning], true),
            (mentions("upgrade-stripped"), vec![path], false),
            (cause("upgrade-stripped"), vec![], false),
            (cause("upgrade-stripped"), vec![stripped, finding("app-auth-401", "possible", "note")], false),
        ];
        for (at, (expect, findings, right)) in rows.into_iter().enumerate() {
            let failure = check(expect, &report("fail", 1, &findings), Some(1));
            assert_eq!(failure.is_none(), right, "row {at}: {failure:?}");
        }
    }

    #[test]
    fn a_finding_without_proof_or_remedy_fails() {
        for part in ["evidence", "fixes"] {
            let mut bare = finding("upgrade-stripped", "likely", "error");
            bare[part] = json!([]);
            let failure = check(cause("upgrade-stripped"), &report("fail", 1, &[bare]), Some(1));
            assert_eq!(failure, Some(format!("the finding has no {part}")));
        }
    }

    #[test]
    fn a_healthy_stack_must_come_out_clean() {
        let note = finding("idle-tcp-keepalive-insufficient", "possible", "note");
        let alarm = finding("upgrade-stripped", "possible", "error");
        let rows = [
            (report("ok", 0, &[]), Some(0), true),
            (report("ok", 0, &[note]), Some(0), true),
            (report("ok", 0, &[alarm]), Some(0), false),
            (report("warn", 0, &[]), Some(0), false),
            (report("ok", 0, &[]), Some(1), false),
            (report("ok", 0, &[]), None, false),
        ];
        for (at, (report, exit_code, right)) in rows.into_iter().enumerate() {
            let failure = check(Expect::Healthy, &report, exit_code);
            assert_eq!(failure.is_none(), right, "row {at}: {failure:?}");
        }
    }

    #[test]
    fn an_unusual_stack_gets_its_own_warning_and_no_other() {
        let warning = |cause| finding(cause, "likely", "warning");
        let rows = [
            (report("warn", 0, &[warning("app-one-connection")]), true),
            (report("ok", 0, &[]), false),
            (report("warn", 0, &[]), false),
            (report("warn", 0, &[warning("app-one-connection"), warning("idle-cloud")]), false),
            (report("warn", 0, &[finding("app-one-connection", "likely", "error")]), false),
        ];
        for (at, (report, right)) in rows.into_iter().enumerate() {
            let failure = check(Expect::Warned(vec!["app-one-connection"]), &report, Some(0));
            assert_eq!(failure.is_none(), right, "row {at}: {failure:?}");
        }
    }

    #[test]
    fn a_warning_does_only_where_the_case_says_so() {
        let warning = report("warn", 0, &[finding("idle-other-proxies", "likely", "warning")]).to_string();
        let strict = Case::new("t/c", &["-"], cause("idle-other-proxies"), "", |_| Ok(Plan::default()));
        assert!(check_case(&strict, warning.clone(), Some(0), 1024).is_some());
        let lenient = strict.or_warning();
        assert_eq!(check_case(&lenient, warning, Some(0), 1024), None);
        let torn = report("warn", 1, &[finding("idle-other-proxies", "likely", "warning")]).to_string();
        assert!(check_case(&lenient, torn, Some(1), 1024).is_some(), "a warning alone must not fail the run");
    }

    #[test]
    fn surviving_needs_some_finding() {
        let any = || Expect::Survives(Vec::new());
        assert!(check(any(), &report("unknown", 1, &[]), Some(1)).is_some());
        let odd = finding("frame-opcode-or-sequence", "possible", "error");
        assert_eq!(check(any(), &report("fail", 1, &[odd]), Some(1)), None);
    }

    #[test]
    fn hanging_memory_and_rubbish_fail() {
        let case = Case::new("test/case", &["-"], Expect::Healthy, "", |_| Ok(Plan::default()));
        let good = report("ok", 0, &[]).to_string();
        assert_eq!(check_case(&case, good.clone(), Some(0), 100 * 1024), None);
        assert!(check_case(&case, good.clone(), Some(0), 100 * 1024 + 1).is_some());
        assert!(check_case(&case, good, None, 1024).is_some());
        assert!(check_case(&case, "panicked at".into(), Some(101), 1024).is_some());
    }
}
