//! HAR files: entries that are WebSockets, their answers and messages. What a browser leaves out is left out here.

mod entry;

use crate::{Event, Kind, Listed, Reading, Trouble};
use entry::Seen;
use evidence::{Ending, Fact, Hold, HoldKind, How, Micros, Redactor, Said};
use serde::de::{DeserializeSeed, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::Value;
use std::fmt;

/// Different things that are kept apart.
const MOST_GROUPS: usize = 512;
/// Messages and connections that are listed.
const MOST_LISTED: usize = 20_000;

/// Reads a whole file. Entries that stand before the place where it is broken are read all the same.
#[must_use]
pub fn read_har(bytes: &[u8], redactor: Redactor) -> Reading {
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    let mut har = Har { reading: Reading::new(Kind::Har), groups: Vec::new(), redactor };
    let mut parser = serde_json::Deserializer::from_slice(bytes);
    let result = Top(&mut har).deserialize(&mut parser);
    if let Err(error) = result {
        let trouble = if error.is_eof() { Trouble::Cut } else { Trouble::Json(error.to_string()) };
        har.reading.complain(error.line() as u64, trouble);
    }
    har.finish()
}

struct Har {
    reading: Reading,
    groups: Vec<Group>,
    redactor: Redactor,
}

/// Connections to one address with one outcome.
struct Group {
    said: Said,
    facts: Vec<Fact>,
    place: evidence::Place,
    /// Silence at the end of each connection that ended.
    silences: Vec<Ended>,
}

/// How long a connection was there, and how long nothing was said at its end.
#[derive(Clone, Copy)]
struct Ended {
    open_us: Micros,
    idle_us: Micros,
}

impl Har {
    fn entry(&mut self, value: &Value) {
        self.reading.lines += 1;
        let number = self.reading.lines;
        match entry::read(value, self.redactor) {
            Ok(Some(seen)) => self.seen(number, seen),
            Ok(None) => {}
            Err(field) => self.reading.complain(number, Trouble::Missing(field)),
        }
    }

    fn seen(&mut self, number: u64, seen: Seen) {
        let room = MOST_LISTED.saturating_sub(self.reading.listed.len());
        let listed = seen.listed.into_iter().take(room).map(|line| Listed { entry: number, ..line });
        self.reading.listed.extend(listed);
        for said in seen.said {
            let same = |group: &Group| {
                (&group.said.id, &group.said.url, group.said.status, group.said.code, &group.said.reason)
                    == (&said.id, &said.url, said.status, said.code, &said.reason)
            };
            let at = match self.groups.iter().position(same) {
                Some(at) => at,
                None if self.groups.len() >= MOST_GROUPS => {
                    self.reading.more_events += 1;
                    continue;
                }
                None => {
                    self.groups.push(Group {
                        said: Said { first_line: number, ..said },
                        facts: seen.facts.clone(),
                        place: seen.place,
                        silences: Vec::new(),
                    });
                    self.groups.len() - 1
                }
            };
            let Some(group) = self.groups.get_mut(at) else { continue };
            group.said.count += 1;
            group.said.last_line = number;
            group.said.first_at = group.said.first_at.or(seen.at);
            group.said.last_at = seen.at.or(group.said.last_at);
            if group.said.id == "opened" && group.silences.len() < 10_000 {
                let ended = seen.ended.map(|(open_us, idle_us)| Ended { open_us, idle_us });
                group.silences.extend(ended);
            }
        }
    }

    fn finish(self) -> Reading {
        let mut reading = self.reading;
        let mut events: Vec<Event> = self
            .groups
            .into_iter()
            .map(|mut group| {
                let holds = holds(&group.silences);
                group.said.after_us = holds.first().map(|hold| hold.held_us).or(group.said.after_us);
                group.facts.extend(holds.into_iter().map(Fact::Hold));
                Event { said: group.said, place: group.place, facts: group.facts }
            })
            .collect();
        let calm = |event: &Event| {
            event.said.id == "opened" && !event.facts.iter().any(|fact| matches!(fact, Fact::Hold(_)))
        };
        events.sort_by(|one, other| {
            (calm(one), other.said.count, one.said.first_line).cmp(&(
                calm(other),
                one.said.count,
                other.said.first_line,
            ))
        });
        reading.events = events;
        reading
    }
}

/// Silences that are as long as each other, or a round number of seconds: what a timer leaves behind. Other ends
/// tell nothing: people close tabs.
fn holds(silences: &[Ended]) -> Vec<Hold> {
    let hold = |run: u8, ended: &Ended| Hold {
        kind: HoldKind::Quiet,
        run,
        ending: Some(Ending { how: How::Fin, after_us: ended.open_us, idle_us: ended.idle_us }),
        alive_after: None,
        held_us: ended.open_us,
        server_spoke: 0,
        server_pings: 0,
    };
    let long: Vec<&Ended> = silences.iter().filter(|ended| ended.idle_us >= 5_000_000).collect();
    for (at, one) in long.iter().enumerate() {
        let twin = long.iter().skip(at + 1).find(|other| one.idle_us.abs_diff(other.idle_us) <= 1_100_000);
        if let Some(twin) = twin {
            return vec![hold(0, one), hold(1, twin)];
        }
    }
    let round =
        |ended: &&&Ended| (ended.idle_us + 200_000) % 10_000_000 < 1_000_000 && ended.idle_us > 9_000_000;
    long.iter().find(round).map(|ended| vec![hold(0, ended)]).unwrap_or_default()
}

struct Top<'a>(&'a mut Har);
struct Log<'a>(&'a mut Har);
struct Entries<'a>(&'a mut Har);

macro_rules! seed {
    ($name:ident, $method:ident) => {
        impl<'de> DeserializeSeed<'de> for $name<'_> {
            type Value = ();

            fn deserialize<D: serde::Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
                deserializer.$method(self)
            }
        }
    };
}
seed!(Top, deserialize_map);
seed!(Log, deserialize_any);
seed!(Entries, deserialize_any);

impl<'de> Visitor<'de> for Top<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a HAR file, {\"log\": …}")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        while let Some(key) = map.next_key::<String>()? {
            if key == "log" {
                map.next_value_seed(Log(self.0))?;
            } else {
                let _ = map.next_value::<IgnoredAny>()?;
            }
        }
        Ok(())
    }
}

impl<'de> Visitor<'de> for Log<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the log of a HAR file")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        let mut seen = false;
        while let Some(key) = map.next_key::<String>()? {
            if key == "entries" {
                seen = true;
                map.next_value_seed(Entries(&mut *self.0))?;
            } else {
                let _ = map.next_value::<IgnoredAny>()?;
            }
        }
        if !seen {
            self.0.reading.complain(0, Trouble::Missing("log.entries"));
        }
        Ok(())
    }
}

impl<'de> Visitor<'de> for Entries<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the entries of a HAR file")
    }

    fn visit_unit<E: serde::de::Error>(self) -> Result<(), E> {
        self.0.reading.complain(0, Trouble::Missing("log.entries"));
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut entries: A) -> Result<(), A::Error> {
        while let Some(value) = entries.next_element::<Value>()? {
            self.0.entry(&value);
        }
        Ok(())
    }
}
