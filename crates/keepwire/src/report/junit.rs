//! JUnit XML: a test case a step of the way, and one a finding that stands for no step.

use super::Report;
use diagnose::Locale;
use quick_junit::{NonSuccessKind, Report as Xml, TestCase, TestCaseStatus, TestSuite};
use std::io::{self, Write};
use std::time::Duration;

pub(super) fn write(reports: &[Report], _locale: &Locale, out: &mut dyn Write) -> io::Result<()> {
    let mut xml = Xml::new("keepwire");
    for report in reports {
        let mut suite = TestSuite::new(report.target.url.clone());
        for layer in report.layers.iter().chain(&report.what_if) {
            let status = match layer.status.as_str() {
                "fail" => failed(&layer.summary, &layer.layer, None),
                "skip" => {
                    let mut status = TestCaseStatus::skipped();
                    status.set_message(layer.summary.clone());
                    status
                }
                _ => TestCaseStatus::success(),
            };
            let mut case = TestCase::new(layer.layer.clone(), status);
            case.set_classname("way");
            case.set_time(Duration::from_secs_f64(layer.ms.unwrap_or(0.0).max(0.0) / 1000.0));
            suite.add_test_case(case);
        }
        for finding in &report.findings {
            let mut text: Vec<String> = finding.evidence.iter().map(|proof| proof.text.clone()).collect();
            for fix in &finding.fixes {
                text.push(fix.title.clone());
                text.extend(fix.patch.clone().or_else(|| fix.lines.clone()));
                text.extend(fix.commands.clone());
            }
            let status = if finding.severity == "error" {
                failed(&finding.title, &finding.cause, Some(text.join("\n")))
            } else {
                TestCaseStatus::success()
            };
            let mut case = TestCase::new(finding.cause.clone(), status);
            case.set_classname("causes");
            if finding.severity != "error" {
                case.set_system_out(format!("{}\n{}", finding.title, text.join("\n")));
            }
            suite.add_test_case(case);
        }
        xml.add_test_suite(suite);
    }
    xml.serialize(&mut *out).map_err(io::Error::other)
}

fn failed(message: &str, kind: &str, text: Option<String>) -> TestCaseStatus {
    let mut status = TestCaseStatus::non_success(NonSuccessKind::Failure);
    status.set_message(message.to_owned());
    status.set_type(kind.to_owned());
    if let Some(text) = text {
        status.set_description(text);
    }
    status
}
