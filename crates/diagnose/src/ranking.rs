//! Which findings tell the story: the fewest that explain everything that visibly went wrong.

use crate::finding::{Confidence, Finding, Severity};
use crate::symptom::Symptom;
use std::cmp::Reverse;

/// At most this many causes that are not proven are shown for the same trouble.
const ALTERNATIVES: usize = 3;

/// Orders findings, the root cause first, and drops what a surer finding explains away.
/// Also gives the symptoms that nothing explains.
pub(crate) fn rank(mut findings: Vec<Finding>, symptoms: &[Symptom]) -> (Vec<Finding>, Vec<Symptom>) {
    step_back(&mut findings);
    let mut open: Vec<&Symptom> = symptoms.iter().collect();
    let mut chosen: Vec<Finding> = Vec::new();
    // The earliest trouble on the way first: what comes later is often its consequence.
    while let Some(first) = open.first().copied() {
        let best = findings
            .iter()
            .enumerate()
            .filter(|(_, finding)| finding.explains.contains(first))
            .max_by_key(|(index, finding)| {
                let covers = open.iter().filter(|symptom| finding.explains.contains(symptom)).count();
                (finding.severity, finding.confidence, covers, Reverse(*index))
            })
            .map(|(index, _)| index);
        match best {
            Some(index) => {
                let finding = findings.remove(index);
                open.retain(|symptom| !finding.explains.contains(symptom));
                chosen.push(finding);
            }
            None => {
                open.remove(0);
            }
        }
    }
    let unexplained = unexplained(symptoms, &chosen);
    let (rest, others): (Vec<_>, Vec<_>) = findings
        .into_iter()
        .partition(|finding| finding.explains.iter().any(|symptom| symptoms.contains(symptom)));
    let mut alternatives: Vec<Finding> = rest
        .into_iter()
        .filter(|finding| {
            finding.confidence == Confidence::Proven || !explained_for_sure(finding, &chosen, symptoms)
        })
        .collect();
    alternatives.sort_by_key(|finding| (Reverse(finding.severity), Reverse(finding.confidence)));
    let mut unsure = 0;
    alternatives.retain(|finding| {
        unsure += usize::from(finding.confidence != Confidence::Proven);
        finding.confidence == Confidence::Proven || unsure <= ALTERNATIVES
    });
    chosen.extend(alternatives);
    chosen.extend(others);
    // Stable: among equals the order of the way stays. An error never hides behind a warning.
    chosen.sort_by_key(|finding| Reverse(finding.severity));
    (chosen, unexplained)
}

/// Drops a finding where one that says the same more precisely holds as surely.
fn step_back(findings: &mut Vec<Finding>) {
    let stronger: Vec<(&'static str, Confidence, Severity)> =
        findings.iter().map(|finding| (finding.cause, finding.confidence, finding.severity)).collect();
    findings.retain(|finding| {
        !stronger.iter().any(|(cause, confidence, severity)| {
            finding.yields_to.contains(cause)
                && *confidence >= finding.confidence
                && *severity >= finding.severity
        })
    });
}

/// Whether proven findings account for all the trouble that this one would explain.
fn explained_for_sure(finding: &Finding, chosen: &[Finding], symptoms: &[Symptom]) -> bool {
    finding.explains.iter().filter(|symptom| symptoms.contains(symptom)).all(|symptom| {
        chosen.iter().any(|other| {
            other.confidence == Confidence::Proven
                && other.severity >= finding.severity
                && other.explains.contains(symptom)
        })
    })
}

fn unexplained(symptoms: &[Symptom], chosen: &[Finding]) -> Vec<Symptom> {
    symptoms
        .iter()
        .filter(|symptom| !chosen.iter().any(|finding| finding.explains.contains(symptom)))
        .cloned()
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::text;

    fn finding(cause: &'static str, confidence: Confidence, explains: &[Symptom]) -> Finding {
        let mut finding = Finding::error(confidence, text!("a title"));
        finding.cause = cause;
        finding.explains = explains.to_vec();
        finding
    }

    fn order(findings: Vec<Finding>, symptoms: &[Symptom]) -> (Vec<&'static str>, Vec<Symptom>) {
        let (chosen, unexplained) = rank(findings, symptoms);
        (chosen.iter().map(|finding| finding.cause).collect(), unexplained)
    }

    #[test]
    fn proven_comes_first_and_explains_the_rest_away() {
        use Confidence::{Likely, Possible, Proven};
        let found = vec![
            finding("maybe", Possible, &[Symptom::NotSwitched]),
            finding("surely", Proven, &[Symptom::NotSwitched]),
            finding("perhaps", Likely, &[Symptom::NotSwitched]),
        ];
        assert_eq!(order(found, &[Symptom::NotSwitched]), (vec!["surely"], vec![]));
    }

    #[test]
    fn two_that_fit_are_both_shown() {
        let found = vec![
            finding("b", Confidence::Possible, &[Symptom::NotSwitched]),
            finding("a", Confidence::Likely, &[Symptom::NotSwitched]),
        ];
        assert_eq!(order(found, &[Symptom::NotSwitched]).0, ["a", "b"]);
    }

    #[test]
    fn the_fewest_causes_that_explain_everything_win() {
        let found = vec![
            finding("one", Confidence::Likely, &[Symptom::TlsFailed]),
            finding("both", Confidence::Likely, &[Symptom::TlsFailed, Symptom::NotSwitched]),
        ];
        assert_eq!(order(found, &[Symptom::TlsFailed, Symptom::NotSwitched]).0[0], "both");
    }

    #[test]
    fn what_nothing_explains_is_said() {
        let found = vec![finding("one", Confidence::Proven, &[Symptom::TlsFailed])];
        let (_, unexplained) = order(found, &[Symptom::TlsFailed, Symptom::NoPong]);
        assert_eq!(unexplained, [Symptom::NoPong]);
    }

    #[test]
    fn the_general_steps_back_for_the_precise() {
        let general = finding("general", Confidence::Likely, &[Symptom::NotSwitched]).yields_to(&["precise"]);
        let precise = finding("precise", Confidence::Likely, &[Symptom::NotSwitched]);
        assert_eq!(order(vec![general, precise], &[Symptom::NotSwitched]).0, ["precise"]);
        let general = finding("general", Confidence::Proven, &[Symptom::NotSwitched]).yields_to(&["precise"]);
        let precise = finding("precise", Confidence::Possible, &[Symptom::NotSwitched]);
        assert_eq!(order(vec![general, precise], &[Symptom::NotSwitched]).0, ["general"]);
    }
}
