//! The words for what is never translated in JSON: statuses, severities, confidence.

use diagnose::{Locale, text};

/// A status as a word, in the language of the report.
pub(super) fn status_word(status: &str, locale: &Locale) -> String {
    let word = match status {
        "ok" => text!("ok"),
        "warn" | "warning" => text!("warn"),
        "fail" | "error" => text!("FAIL"),
        "note" => text!("note"),
        "unknown" => text!("unknown"),
        _ => text!("skip"),
    };
    word.say(locale)
}

/// A confidence as a word, in the language of the report.
pub(super) fn confidence_word(confidence: &str, locale: &Locale) -> String {
    let word = match confidence {
        "proven" => text!("proven"),
        "likely" => text!("likely"),
        _ => text!("possible"),
    };
    word.say(locale)
}
