//! Long polls as a link: each answer is what has gathered since the last one.

use super::Greeted;
use crate::driver::Outgoing;
use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::{Notify, mpsc};
use tokio::time::{Instant, timeout};

/// The longest wait for something to say.
const HOLD: Duration = Duration::from_secs(25);
/// Bytes of one answer, roughly: a cut loses all of it, so the first ones on a link are small.
const ANSWER: (usize, usize) = (8 * 1024, 128 * 1024);
/// A link that nobody asked for so long is forgotten; its session has long noticed.
const FORGOTTEN: Duration = Duration::from_secs(120);

/// The links that are asked from time to time.
#[derive(Default)]
pub(crate) struct Polls(Mutex<HashMap<u64, Arc<Slot>>>);

struct Slot {
    outgoing: tokio::sync::Mutex<(mpsc::Receiver<Outgoing>, usize)>,
    /// A later poll ends the one before it.
    newer: Notify,
    asked: Mutex<Instant>,
    /// The number of the last poll that something was given to.
    answered: AtomicU64,
}

/// What a poll brings.
pub(crate) enum Gathered {
    Bytes(Vec<u8>),
    Nothing,
    /// There is no such link any more.
    Gone,
}

impl Polls {
    /// A new link; the answer to its first frame is gathered by [`Polls::gather`].
    pub(crate) fn add(&self, greeted: Greeted) -> u64 {
        let slot = Slot {
            outgoing: tokio::sync::Mutex::new((greeted.outgoing, ANSWER.0)),
            newer: Notify::new(),
            asked: Mutex::new(Instant::now()),
            answered: AtomicU64::new(0),
        };
        let mut table = self.table();
        table.retain(|_, slot| {
            slot.asked.lock().unwrap_or_else(PoisonError::into_inner).elapsed() < FORGOTTEN
        });
        table.insert(greeted.link, Arc::new(slot));
        greeted.link
    }

    /// Waits until there is something for the link, and takes all that is there.
    ///
    /// `number` is that of the poll. One that was given something came twice, because browsers and proxies send a POST
    /// again when a connection that was kept dies: what it was given is lost, and the client has to resume.
    pub(crate) async fn gather(&self, link: u64, number: Option<u64>) -> Gathered {
        let Some(slot) = self.table().get(&link).cloned() else { return Gathered::Gone };
        *slot.asked.lock().unwrap_or_else(PoisonError::into_inner) = Instant::now();
        slot.newer.notify_waiters();
        let mut slot_outgoing = slot.outgoing.lock().await;
        let (outgoing, limit) = &mut *slot_outgoing;
        if number.is_some_and(|number| number <= slot.answered.load(Relaxed)) {
            self.table().remove(&link);
            return Gathered::Gone;
        }
        let first = tokio::select! {
            first = timeout(HOLD, outgoing.recv()) => first,
            () = slot.newer.notified() => return Gathered::Nothing,
        };
        let mut bytes = match first {
            Err(_) => return Gathered::Nothing,
            Ok(Some(Outgoing::Bytes(bytes))) => bytes,
            Ok(Some(Outgoing::Close(_)) | None) => {
                self.table().remove(&link);
                return Gathered::Gone;
            }
        };
        if let Some(number) = number {
            slot.answered.store(number, Relaxed);
        }
        let most = *limit;
        *limit = (2 * most).min(ANSWER.1);
        while bytes.len() < most {
            // The session's task gets a moment to fill what was just emptied.
            tokio::task::yield_now().await;
            match outgoing.try_recv() {
                Ok(Outgoing::Bytes(more)) => bytes.extend_from_slice(&more),
                Ok(Outgoing::Close(_)) => {
                    self.table().remove(&link);
                    break;
                }
                Err(_) => break,
            }
        }
        Gathered::Bytes(bytes)
    }

    fn table(&self) -> std::sync::MutexGuard<'_, HashMap<u64, Arc<Slot>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
