//! Live progress: the steps fill in as they are known. Only on a terminal, and only on standard error.

use crate::report;
use diagnose::{Diagnosis, Locale, steps};
use std::io::{self, Write};
use std::time::Duration;

/// What is drawn on the terminal at the moment.
pub(crate) struct Progress<'a> {
    locale: &'a Locale,
    enabled: bool,
    lines: usize,
    last: String,
}

impl<'a> Progress<'a> {
    pub(crate) fn new(locale: &'a Locale, enabled: bool) -> Self {
        Self { locale, enabled, lines: 0, last: String::new() }
    }

    /// Draws the steps that are known by now, over the ones drawn before.
    pub(crate) fn show(&mut self, diagnosis: &Diagnosis, elapsed: Duration) {
        if !self.enabled {
            return;
        }
        let case = &diagnosis.evidence().case;
        let mut text = format!("… {}  {} s", case.target.url(), elapsed.as_secs());
        if let Some(hold) = case.hold_us {
            text.push_str(&format!(" / {} s", hold / 1_000_000));
        }
        text.push('\n');
        for step in steps(diagnosis.evidence()) {
            #[allow(clippy::cast_precision_loss, reason = "shown in milliseconds")]
            let ms = step.took_us.map(|micros| micros as f64 / 1000.0);
            let (title, summary) = (step.name.title().say(self.locale), step.summary.say(self.locale));
            text.push_str(&report::way_line(step.status.id(), &title, &summary, ms, self.locale));
            text.push('\n');
        }
        if text != self.last {
            self.erase();
            let mut out = anstream::stderr();
            // A terminal that went away is no reason to stop looking.
            let _ = out.write_all(text.as_bytes()).and_then(|()| out.flush());
            self.lines = text.matches('\n').count();
            self.last = text;
        }
    }

    /// Takes everything away again: the report comes in its place.
    pub(crate) fn erase(&mut self) {
        if self.lines > 0 {
            let mut out = io::stderr();
            // Up to the first line, then clear to the end of the screen (ECMA-48 CUU and ED).
            let _ = write!(out, "\x1b[{}A\x1b[J", self.lines).and_then(|()| out.flush());
            self.lines = 0;
        }
    }
}
