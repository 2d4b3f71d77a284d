//! A link that many connections go through: decides what becomes of each as it opens.

use crate::outage::Timetable;
use crate::random::Random;
use crate::{Fault, Kind, OutageEffect, Path, Plan};

/// A link with its faults. Time 0 is when it started.
#[derive(Debug)]
pub struct Link {
    plan: Plan,
    opened: u64,
}

/// What becomes of a new connection.
#[derive(Debug)]
pub enum Welcome {
    /// It is reset at once.
    Refuse(Kind),
    /// Its first bytes are read, then it ends without an answer.
    Drop,
    /// It goes through.
    Pass {
        /// The faults that it meets.
        path: Box<Path>,
        /// The server gets everything a second time, on another connection.
        twice: bool,
    },
}

impl Link {
    /// A link with these faults.
    #[must_use]
    pub fn new(plan: &Plan) -> Link {
        Link { plan: plan.clone(), opened: 0 }
    }

    /// Other faults for the connections that come.
    pub fn change(&mut self, plan: &Plan) {
        self.plan = plan.clone();
    }

    /// A connection is opened.
    pub fn open(&mut self, now_ms: u64) -> Welcome {
        let mut random = Random::child(self.plan.seed, self.opened);
        self.opened += 1;
        let (mut refused, mut dropped, mut twice) = (None, false, false);
        for fault in &self.plan.faults {
            match fault {
                Fault::Refuse(refuse) if random.hits(refuse.chance) => refused = Some(Kind::Refuse),
                Fault::Drop(drop) => dropped |= random.hits(drop.chance),
                Fault::Twice(doubled) => twice |= random.hits(doubled.chance),
                Fault::Outage(outage)
                    if outage.effect != OutageEffect::Hold
                        && Timetable::new(*outage, now_ms).is_down(now_ms) =>
                {
                    refused = Some(Kind::Outage);
                }
                _ => {}
            }
        }
        match refused {
            Some(kind) => Welcome::Refuse(kind),
            None if dropped => Welcome::Drop,
            None => {
                let plan = Plan { faults: self.plan.faults.clone(), seed: random.next() };
                Welcome::Pass { path: Box::new(Path::new(&plan, now_ms)), twice }
            }
        }
    }
}
