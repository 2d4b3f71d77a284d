//! Where the pure engine meets the network: the engine asks, probes look, and what they see goes back.

use diagnose::Diagnosis;
use evidence::{Case, Fact, Place, Question, Source};
use probe::{Probe, Sight};
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, sleep_until};

/// Time between two calls of the watcher while nothing is seen.
const TICK: Duration = Duration::from_secs(1);

/// Why asking came to an end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stop {
    /// Nothing more to ask.
    Done,
    /// The time was over.
    Time,
    /// The user had enough.
    Interrupted,
}

/// Asks until the engine knows enough, the time is over, or the user interrupts. `known` is what files and records told
/// before. `watch` gets the diagnosis and the time so far whenever something was seen, and every second.
pub async fn drive(
    probe: Arc<Probe>,
    case: Case,
    known: Vec<(Source, Place, Fact)>,
    mut watch: impl FnMut(&Diagnosis, Duration),
) -> (Diagnosis, Stop) {
    let budget = Duration::from_micros(case.budget_us);
    let began = Instant::now();
    let hold = case.hold_us.map(Duration::from_micros);
    let mut diagnosis = Diagnosis::new(case);
    for (source, place, fact) in known {
        diagnosis.handle(0, source, place, fact);
    }
    let (sender, mut sights) = mpsc::unbounded_channel::<Sight>();
    let mut looks: JoinSet<()> = JoinSet::new();
    let mut open: Vec<(tokio::task::Id, Question)> = Vec::new();
    let mut deadline = began + budget;
    // One listener for the whole case: a new one in each turn of the loop would miss a signal between two turns.
    let mut interrupted = pin!(tokio::signal::ctrl_c());
    let stop = loop {
        while let Some(question) = diagnosis.poll() {
            if let (Question::Hold { .. }, Some(hold)) = (&question, hold) {
                // A hold has its own time, and the opening before it and the last ping after it have theirs.
                deadline = deadline.max(Instant::now() + hold + budget);
            }
            let (probe, sender, asked) = (Arc::clone(&probe), sender.clone(), question.clone());
            let look = looks.spawn(async move { probe.ask(question, sender).await });
            open.push((look.id(), asked));
        }
        if open.is_empty() {
            break Stop::Done;
        }
        tokio::select! {
            biased;
            Some(sight) = sights.recv() => {
                take(&mut diagnosis, &mut open, sight);
                // What arrived together is judged together.
                while let Ok(sight) = sights.try_recv() {
                    take(&mut diagnosis, &mut open, sight);
                }
                watch(&diagnosis, began.elapsed());
            }
            Some(Err(error)) = looks.join_next() => {
                // Our own fault: the rest of the case must not suffer for it.
                if let Some(at) = open.iter().position(|(id, _)| *id == error.id()) {
                    let broken = vec![open.remove(at)];
                    close(&mut diagnosis, broken, &probe, "internal error");
                }
            }
            // On long work people want to see that it goes on.
            () = sleep(TICK) => watch(&diagnosis, began.elapsed()),
            () = sleep_until(deadline) => break Stop::Time,
            _ = &mut interrupted => break Stop::Interrupted,
        }
    };
    looks.abort_all();
    while let Ok(sight) = sights.try_recv() {
        take(&mut diagnosis, &mut open, sight);
    }
    let why = if stop == Stop::Interrupted { "interrupted" } else { "time" };
    close(&mut diagnosis, open, &probe, why);
    diagnosis.handle(micros(&probe), Source::Probe, Place::Client, Fact::Ended);
    (diagnosis, stop)
}

fn take(diagnosis: &mut Diagnosis, open: &mut Vec<(tokio::task::Id, Question)>, sight: Sight) {
    if let Fact::Answered(question) = &sight.fact {
        open.retain(|(_, waiting)| waiting != question);
    }
    diagnosis.handle(sight.at_us, Source::Probe, sight.place, sight.fact);
}

fn close(diagnosis: &mut Diagnosis, open: Vec<(tokio::task::Id, Question)>, probe: &Probe, why: &str) {
    for (_, question) in open {
        let fact = Fact::Unanswered { question, why: why.to_owned() };
        diagnosis.handle(micros(probe), Source::Probe, Place::Client, fact);
    }
}

fn micros(probe: &Probe) -> u64 {
    u64::try_from(probe.elapsed().as_micros()).unwrap_or(u64::MAX)
}
