//! The table of results, and the same as JSON.

use std::time::Duration;

use serde_json::{Value, json};

/// What came out of one case.
#[derive(Debug)]
pub(crate) struct Outcome {
    pub name: String,
    pub products: String,
    pub expected: String,
    pub got: String,
    pub confidence: String,
    pub took: Duration,
    /// Peak memory of the program in kB; 0 where it did not run.
    pub memory_kb: u64,
    /// Why the case failed; `None` when it passed.
    pub failure: Option<String>,
    /// Why the case could not be staged on this machine; it then counts neither way.
    pub skipped: Option<String>,
}

/// The heading of the table.
pub(crate) fn heading(name_width: usize) -> String {
    format!(
        "    {:name_width$}  {:28}  {:32}  {:32}  {:9}  {:>6}  {:>6}",
        "case", "products", "expected", "got", "conf", "time", "memory"
    )
}

/// One line of the table, and for a failure its reason below.
pub(crate) fn row(outcome: &Outcome, name_width: usize) -> String {
    let mark = match outcome {
        Outcome { skipped: Some(_), .. } => "skip",
        Outcome { failure: None, .. } => "ok  ",
        _ => "FAIL",
    };
    let mut line = format!(
        "{mark}{:name_width$}  {:28}  {:32}  {:32}  {:9}  {:5.1}s  {:4}MB",
        outcome.name,
        outcome.products,
        outcome.expected,
        outcome.got,
        outcome.confidence,
        outcome.took.as_secs_f32(),
        outcome.memory_kb / 1024,
    );
    for reason in [&outcome.skipped, &outcome.failure].into_iter().flatten() {
        line.push_str("\n       ");
        line.push_str(&reason.replace('\n', "\n       "));
    }
    line
}

/// The last line, in the form that test runners' readers know.
pub(crate) fn closing_line(outcomes: &[Outcome]) -> String {
    let failed = outcomes.iter().filter(|outcome| outcome.failure.is_some()).count();
    let skipped = outcomes.iter().filter(|outcome| outcome.skipped.is_some()).count();
    let passed = outcomes.len() - failed - skipped;
    match skipped {
        0 => format!("{passed} passed, {failed} failed"),
        _ => format!("{passed} passed, {failed} failed, {skipped} skipped"),
    }
}

/// All outcomes as JSON.
pub(crate) fn as_json(outcomes: &[Outcome]) -> Value {
    outcomes
        .iter()
        .map(|outcome| {
            json!({
                "case": outcome.name,
                "products": outcome.products,
                "expected": outcome.expected,
                "got": outcome.got,
                "confidence": outcome.confidence,
                "seconds": outcome.took.as_secs_f64(),
                "memory_kb": outcome.memory_kb,
                "failure": outcome.failure,
                "skipped": outcome.skipped,
            })
        })
        .collect()
}
