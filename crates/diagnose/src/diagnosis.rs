//! The engine: observations in; findings, or one more question, out.

use crate::cause::{Cause, Verdict};
use crate::finding::{Finding, Severity};
use crate::symptom::{Symptom, symptoms};
use crate::text::Text;
use crate::{causes, hearsay, plan, ranking, sessions};
use evidence::{Case, Evidence, Fact, Micros, Place, Question, Source};
use std::collections::BTreeSet;

/// Questions that one case may ask, at the most. Probing stays polite, and every case ends.
const MOST_QUESTIONS: usize = 40;

/// One case in progress.
#[derive(Debug)]
pub struct Diagnosis {
    evidence: Evidence,
    asked: BTreeSet<Question>,
    waiting: Vec<Question>,
    catalog: &'static [&'static Cause],
}

/// What a case came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Conclusion {
    /// In one word.
    pub overall: Overall,
    /// Causes that hold, the root cause first.
    pub findings: Vec<Finding>,
    /// Causes that looked possible and are excluded.
    pub excluded: Vec<Excluded>,
    /// Trouble that no cause explains.
    pub unexplained: Vec<Symptom>,
}

/// A cause that is excluded, and what excludes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Excluded {
    /// Id of the cause.
    pub cause: &'static str,
    /// What excludes it.
    pub why: Text,
}

/// A case in one word.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Overall {
    /// Everything asked for works.
    Works,
    /// It works, with warnings.
    Warned,
    /// It does not work.
    Fails,
    /// The evidence does not reach far enough to say.
    Unknown,
}

impl Overall {
    /// The word for it in JSON; never translated.
    #[must_use]
    pub fn id(self) -> &'static str {
        match self {
            Self::Works => "ok",
            Self::Warned => "warn",
            Self::Fails => "fail",
            Self::Unknown => "unknown",
        }
    }
}

impl Diagnosis {
    /// A case about which nothing is known yet.
    #[must_use]
    pub fn new(case: Case) -> Self {
        Self::resume(Evidence::new(case))
    }

    /// Goes on with what is known, such as a saved case.
    #[must_use]
    pub fn resume(evidence: Evidence) -> Self {
        let asked = evidence
            .observations()
            .iter()
            .filter_map(|observation| match &observation.fact {
                Fact::Answered(question) | Fact::Unanswered { question, .. } => Some(question.clone()),
                _ => None,
            })
            .collect();
        let mut diagnosis = Self { evidence, asked, waiting: Vec::new(), catalog: causes::ALL };
        diagnosis.think();
        diagnosis
    }

    /// Takes in what was seen.
    pub fn handle(&mut self, at_us: Micros, source: Source, place: Place, fact: Fact) {
        self.evidence.add(at_us, source, place, fact);
        self.think();
    }

    /// The next question worth asking; none: nothing more is to be learnt until an answer comes.
    pub fn poll(&mut self) -> Option<Question> {
        if self.asked.len() >= MOST_QUESTIONS || self.waiting.is_empty() {
            return None;
        }
        // A handshake that is made again is made alone, and before anything else: all that follows rests on it.
        let again =
            |question: &Question| matches!(question, Question::Upgrade(variation) if variation.is_again());
        let first = self.waiting.iter().position(again);
        let mut open = self.asked.iter().filter(|question| !self.evidence.is_answered(question)).peekable();
        let alone = first.is_some() || sessions::disturbed(&self.evidence).is_some();
        if (alone && open.peek().is_some()) || open.any(again) {
            return None;
        }
        let question = self.waiting.remove(first.unwrap_or(0));
        self.asked.insert(question.clone());
        Some(question)
    }

    /// Everything that is known.
    #[must_use]
    pub fn evidence(&self) -> &Evidence {
        &self.evidence
    }

    /// What it all means, as far as it is known.
    #[must_use]
    pub fn conclude(&self) -> Conclusion {
        conclude(&self.evidence, self.catalog)
    }

    /// Collects the questions that are worth asking now.
    fn think(&mut self) {
        let mut wanted = plan::questions(&self.evidence);
        for cause in self.catalog {
            match cause.judge(&self.evidence) {
                Verdict::Open(questions) => wanted.extend(questions),
                Verdict::Holds(finding) => wanted.extend(finding.ask),
                Verdict::Unseen | Verdict::RuledOut(_) => {}
            }
        }
        self.waiting.clear();
        for question in wanted {
            if !self.asked.contains(&question) && !self.waiting.contains(&question) {
                self.waiting.push(question);
            }
        }
    }
}

/// What configurations alone show: the same catalog, without anything live. The surest and worst first.
#[must_use]
pub fn judge_told(evidence: &Evidence) -> Vec<Finding> {
    let found = causes::ALL.iter().filter(|cause| cause.told.is_some()).filter_map(|cause| {
        match cause.judge(evidence) {
            Verdict::Holds(finding) => Some(*finding),
            _ => None,
        }
    });
    ranking::rank(found.collect(), &[]).0
}

fn conclude(evidence: &Evidence, catalog: &[&Cause]) -> Conclusion {
    let symptoms = symptoms(evidence);
    let mut holding = Vec::new();
    let mut excluded = Vec::new();
    for cause in catalog {
        match cause.judge(evidence) {
            Verdict::Holds(finding) => holding.push(*finding),
            Verdict::RuledOut(why) => excluded.push(Excluded { cause: cause.id, why }),
            Verdict::Unseen | Verdict::Open(_) => {}
        }
    }
    let (mut findings, unexplained) = ranking::rank(holding, &symptoms);
    if evidence.said().next().is_some() {
        let out: Vec<&'static str> = excluded.iter().map(|excluded| excluded.cause).collect();
        hearsay::add(evidence, &mut findings, &out);
    }
    let worst = findings.iter().map(|finding| finding.severity).max();
    let overall = if worst == Some(Severity::Error) || symptoms.iter().any(Symptom::is_failure) {
        Overall::Fails
    } else if !evidence.handshake().is_some_and(|seen| seen.opened()) {
        Overall::Unknown
    } else if worst == Some(Severity::Warning) || !unexplained.is_empty() {
        Overall::Warned
    } else {
        Overall::Works
    };
    Conclusion { overall, findings, excluded, unexplained }
}
