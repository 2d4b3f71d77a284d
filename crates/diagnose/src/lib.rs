//! What the evidence means: causes, findings, remedies, and the next question worth asking.
//!
//! [`Diagnosis`] is the engine: observations in; findings, or one more question, out. It opens no socket,
//! reads no clock and draws no random number, so a saved case replays bit for bit. It speaks of routes,
//! hops and time-outs; the syntax of one product appears only in the text of a remedy.
#![warn(clippy::disallowed_methods)]

mod answers;
pub mod because;
mod browser;
mod cause;
pub mod causes;
mod certificates;
mod csp;
mod diagnosis;
mod finding;
pub mod fingerprint;
mod forward;
pub mod hearsay;
mod names;
mod plan;
#[cfg(test)]
mod properties;
mod ranking;
mod reading;
mod recipes;
#[cfg(any(test, feature = "sample"))]
pub mod sample;
mod sessions;
mod settings;
mod steps;
#[cfg(test)]
mod stories;
mod symptom;
mod text;
mod timers;

pub use cause::{Cause, HEADINGS, Layer, Page, Verdict};
pub use csp::{Outcome as PolicyOutcome, judge_policy};
pub use diagnosis::{Conclusion, Diagnosis, Excluded, Overall, judge_told};
pub use finding::{Confidence, Finding, Proof, Remedy, Safety, Severity, Stack};
pub use reading::shell_word;
pub use steps::{Status, Step, StepName, steps};
pub use symptom::{Symptom, symptoms};
pub use text::{Arg, Locale, LocaleError, Text};
pub use timers::{TIMERS, Timer, timers_near};
