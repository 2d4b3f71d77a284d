//! The list of endpoints, family by family. An endpoint is named for the cause that it plays, with a suffix
//! where a cause has variants.

mod answers;
mod application;
mod closes;
mod frames;
mod handshake;
mod hostile;
mod products;
mod timers;

use crate::connection::Connection;
use crate::echo;
use std::collections::VecDeque;
use std::io;
use std::sync::{Mutex, OnceLock};
use std::time::Duration;
use tokio::time::Instant;

/// Name and what it does, one sentence.
pub(crate) type Names = &'static [(&'static str, &'static str)];

const HEALTHY: Names = &[
    ("healthy", "Echoes, pongs, closes in order, chooses a subprotocol and agrees on permessage-deflate."),
    ("healthy-no-compression", "The same, but declines permessage-deflate."),
    ("healthy-reflect", "The same, and its first message is a JSON of the request that it got."),
];

pub(crate) fn names() -> Names {
    static ALL: OnceLock<Vec<(&'static str, &'static str)>> = OnceLock::new();
    ALL.get_or_init(|| {
        [
            HEALTHY,
            answers::NAMES,
            handshake::NAMES,
            application::NAMES,
            products::NAMES,
            frames::NAMES,
            closes::NAMES,
            timers::NAMES,
            hostile::NAMES,
        ]
        .concat()
    })
}

/// One endpoint with what it remembers between connections.
pub(crate) struct Behaviour {
    name: &'static str,
    /// The number that stood for `N`.
    seconds: u64,
    memory: Memory,
}

/// What an endpoint may remember; bounded by what reads it.
#[derive(Default)]
pub(crate) struct Memory {
    handshakes: Mutex<VecDeque<Instant>>,
}

impl Memory {
    /// Counts a handshake and returns whether it is one of the first `most` within `window`.
    fn admits(&self, most: usize, window: Duration) -> bool {
        let Ok(mut handshakes) = self.handshakes.lock() else { return true };
        let now = Instant::now();
        while handshakes.front().is_some_and(|at| now.duration_since(*at) >= window) {
            handshakes.pop_front();
        }
        if handshakes.len() >= most {
            return false;
        }
        handshakes.push_back(now);
        true
    }
}

/// Finds an endpoint; `idle-cut-60` is `idle-cut-N` with sixty seconds.
pub(crate) fn find(name: &str) -> Option<Behaviour> {
    let exact = names().iter().find(|(known, _)| *known == name);
    if let Some((known, _)) = exact {
        return (!known.ends_with("-N")).then(|| Behaviour {
            name: known,
            seconds: 0,
            memory: Memory::default(),
        });
    }
    let (stem, number) = name.rsplit_once('-')?;
    let seconds = number.parse().ok()?;
    let (known, _) = names().iter().find(|(known, _)| known.strip_suffix("-N") == Some(stem))?;
    Some(Behaviour { name: known, seconds, memory: Memory::default() })
}

impl Behaviour {
    pub(crate) async fn play(&self, connection: Connection) -> io::Result<()> {
        let name = self.name;
        let is_in = |names: Names| names.iter().any(|(known, _)| *known == name);
        if is_in(answers::NAMES) {
            answers::play(name, connection).await
        } else if is_in(handshake::NAMES) {
            handshake::play(name, connection).await
        } else if is_in(application::NAMES) {
            application::play(name, connection, &self.memory).await
        } else if is_in(products::NAMES) {
            products::play(name, connection).await
        } else if is_in(frames::NAMES) {
            frames::play(name, connection).await
        } else if is_in(closes::NAMES) {
            closes::play(name, connection).await
        } else if is_in(timers::NAMES) {
            timers::play(name, Duration::from_secs(self.seconds), connection).await
        } else if is_in(hostile::NAMES) {
            hostile::play(name, connection).await
        } else {
            let options = echo::Options {
                compress: name != "healthy-no-compression",
                reflect: name == "healthy-reflect",
                ..echo::Options::default()
            };
            echo::play(connection, &options).await
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_unique_and_found() {
        let mut seen = std::collections::HashSet::new();
        for (name, what) in names() {
            assert!(seen.insert(name), "{name} stands twice");
            assert!(what.ends_with('.'), "{name}: a whole sentence");
            let concrete = name.replace("-N", "-2");
            assert_eq!(find(&concrete).map(|behaviour| behaviour.name), Some(*name));
        }
        assert_eq!(find("idle-cut-60").map(|behaviour| behaviour.seconds), Some(60));
        for unknown in ["", "nothing", "idle-cut", "idle-cut-N", "idle-cut-x", "idle-cut--1", "healthy-2"] {
            assert!(find(unknown).is_none(), "{unknown}");
        }
    }
}
