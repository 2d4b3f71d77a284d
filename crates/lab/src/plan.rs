//! Plans of chaos: what stands in a TOML file, with the place of every mistake, and the presets.
//!
//! ```toml
//! seed = 7
//! [[faults]]
//! kind = "outage"
//! up_ms = [20000, 40000]     # a number, or from and to
//! down_ms = [1000, 3000]
//! then = "half-open"
//! ```

use faults::{
    BlackHole, Break, Breakage, Chance, Cut, Delay, Direction, Drop, End, Fault, Gather, HalfOpen, Idle,
    IdleEnd, Lifetime, Outage, OutageEffect, Overtake, Party, Plan, Rate, Refuse, Slice, SlowReader, Span,
    Stall, Twice, When,
};
use std::fmt;
use std::ops::Range;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

/// What a relay does to its connections.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ChaosPlan {
    /// The faults on the way, and the seed.
    pub faults: Plan,
    /// The upgrade is taken out of every request, as by a proxy that nobody told about WebSockets.
    pub strip_upgrade: bool,
}

/// Name, one sentence, and the file of each preset.
pub const PRESETS: &[(&str, &str, &str)] = &[
    (
        "train",
        "A train: outages of 2 to 20 seconds that swallow time but no bytes, a slow and shaky line.",
        include_str!("presets/train.toml"),
    ),
    (
        "hotel-wifi",
        "A hotel's Wi-Fi: answers that take their time, a gateway that forgets quiet connections, random resets.",
        include_str!("presets/hotel-wifi.toml"),
    ),
    (
        "corporate-proxy",
        "A company's proxy: strips the upgrade, buffers answers, ends quiet connections after 30 seconds.",
        include_str!("presets/corporate-proxy.toml"),
    ),
    (
        "mobile-handover",
        "A phone between cells: cut every 20 to 40 seconds, down for 1 to 3, and the server is not told.",
        include_str!("presets/mobile-handover.toml"),
    ),
    (
        "flaky-lb",
        "A flaky load balancer: random resets, refused connections, none older than 30 seconds.",
        include_str!("presets/flaky-lb.toml"),
    ),
    (
        "meat-grinder",
        "For tests with thousands of cuts: connections live for half a second or 16 kB on average.",
        include_str!("presets/meat-grinder.toml"),
    ),
];

/// A mistake in a plan, with its place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlanError {
    /// From 1.
    pub line: usize,
    /// In characters, from 1.
    pub column: usize,
    /// What is wrong there.
    pub wrong: Wrong,
}

/// What can be wrong in a plan.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Wrong {
    /// It is no TOML, for this reason.
    Syntax(String),
    /// A key that is not known here, and the known one that is most like it.
    UnknownKey(String, String),
    /// A value that is not known, for this key, and the known one that is most like it.
    UnknownValue(String, String, String),
    /// A key that must be there is not.
    Missing(String),
    /// A value of the wrong kind, or out of bounds: the key, and what it should be.
    Value(String, Wanted),
    /// Exactly one of `after_ms`, `mean_ms`, `after_bytes` and `mean_bytes` says when.
    When,
}

/// What a value should be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs, reason = "the names say it")]
pub enum Wanted {
    Text,
    Switch,
    Number,
    /// A number, or from and to in brackets.
    Span,
    /// From 0 to 1.
    Chance,
    Tables,
}

impl fmt::Display for PlanError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}, column {}: {:?}", self.line, self.column, self.wrong)
    }
}

impl std::error::Error for PlanError {}

impl From<Plan> for ChaosPlan {
    fn from(faults: Plan) -> ChaosPlan {
        ChaosPlan { faults, strip_upgrade: false }
    }
}

impl ChaosPlan {
    /// Reads a plan file.
    ///
    /// # Errors
    /// The first mistake, with its place.
    pub fn parse(text: &str) -> Result<ChaosPlan, PlanError> {
        read(text).map_err(|(span, wrong)| {
            let before = text.get(..span.start).unwrap_or(text);
            let line_start = before.rfind('\n').map_or(0, |at| at + 1);
            PlanError {
                line: before.matches('\n').count() + 1,
                column: before[line_start..].chars().count() + 1,
                wrong,
            }
        })
    }

    /// The preset of this name.
    #[must_use]
    pub fn preset(name: &str) -> Option<ChaosPlan> {
        let (.., text) = PRESETS.iter().find(|(known, ..)| *known == name)?;
        // A test reads them all.
        ChaosPlan::parse(text).ok()
    }

    /// Cuts everything: on average after so many milliseconds, and after so many bytes both ways together. Half of the
    /// cuts are resets, half are in order.
    #[must_use]
    pub fn grinder(mean_ms: u64, mean_bytes: u64, seed: u64) -> ChaosPlan {
        let whens = [
            When::MeanMs(mean_ms.saturating_mul(2)),
            When::MeanBytes { direction: None, bytes: mean_bytes.saturating_mul(2) },
        ];
        let breaks = [End::Reset, End::Fin].map(|end| whens.map(|when| Fault::Break(Break { when, end })));
        ChaosPlan::from(Plan { faults: breaks.concat(), seed })
    }

    /// The same faults with other chances. Outages get times of their own from it, too.
    #[must_use]
    pub fn with_seed(mut self, seed: u64) -> ChaosPlan {
        self.faults.seed = seed;
        for (fault, index) in self.faults.faults.iter_mut().zip(1u64..) {
            if let Fault::Outage(outage) = fault {
                outage.seed = seed.wrapping_add(index.wrapping_mul(0x9E37_79B9));
            }
        }
        self
    }
}

/// As a plan file. A half-open outage tells by a reset there, and outages have the plan's seed.
impl fmt::Display for ChaosPlan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "seed = {}", self.faults.seed)?;
        if self.strip_upgrade {
            writeln!(f, "strip_upgrade = true")?;
        }
        self.faults.faults.iter().try_for_each(|fault| write!(f, "\n[[faults]]\n{}", written(fault)))
    }
}

/// A fault as the lines of its table.
fn written(fault: &Fault) -> String {
    let mut lines = String::new();
    let mut line = |key: &str, value: &dyn fmt::Display| lines += &format!("{key} = {value}\n");
    let span = |span: Span| match span.from == span.to {
        true => span.from.to_string(),
        false => format!("[{}, {}]", span.from, span.to),
    };
    let way = |direction| match direction {
        Direction::ToServer => "\"to-server\"",
        Direction::ToClient => "\"to-client\"",
    };
    let who = |party| match party {
        Party::Client => "\"client\"",
        Party::Server => "\"server\"",
    };
    let chance = |chance: Chance| format!("{}.{:06}", chance.0 / 1_000_000, chance.0 % 1_000_000);
    let when = |when, line: &mut dyn FnMut(&str, &dyn fmt::Display)| {
        let direction = match when {
            When::AfterMs(after) => {
                line("after_ms", &span(after));
                None
            }
            When::MeanMs(mean) => {
                line("mean_ms", &mean);
                None
            }
            When::AfterBytes { direction, bytes } => {
                line("after_bytes", &span(bytes));
                direction
            }
            When::MeanBytes { direction, bytes } => {
                line("mean_bytes", &bytes);
                direction
            }
        };
        direction.into_iter().for_each(|direction| line("direction", &way(direction)));
    };
    match *fault {
        Fault::Delay(Delay { one_way_ms, jitter_ms }) => {
            line("kind", &"\"delay\"");
            line("one_way_ms", &one_way_ms);
            line("jitter_ms", &jitter_ms);
        }
        Fault::Rate(Rate { direction, bytes_per_s }) => {
            line("kind", &"\"rate\"");
            line("bytes_per_s", &bytes_per_s);
            direction.into_iter().for_each(|direction| line("direction", &way(direction)));
        }
        Fault::Slice(Slice { piece, pause_ms }) => {
            line("kind", &"\"slice\"");
            line("bytes", &piece);
            line("pause_ms", &pause_ms);
        }
        Fault::SlowReader(SlowReader { party, bytes_per_s, window }) => {
            line("kind", &"\"slow-reader\"");
            line("party", &who(party));
            line("bytes_per_s", &bytes_per_s);
            line("window", &window);
        }
        Fault::Gather(Gather { direction, bytes, after_ms }) => {
            line("kind", &"\"gather\"");
            line("bytes", &bytes);
            after_ms.into_iter().for_each(|after| line("after_ms", &after));
            direction.into_iter().for_each(|direction| line("direction", &way(direction)));
        }
        Fault::Overtake(overtake) => {
            line("kind", &"\"overtake\"");
            line("chance", &chance(overtake.chance));
            line("by_ms", &overtake.by_ms);
        }
        Fault::Stall(Stall { direction, after_bytes }) => {
            line("kind", &"\"stall\"");
            line("after_bytes", &after_bytes);
            line("direction", &way(direction));
        }
        Fault::Cut(Cut { direction, after_bytes, end }) => {
            line("kind", &"\"cut\"");
            line("after_bytes", &after_bytes);
            line("direction", &way(direction));
            line("reset", &(end == End::Reset));
        }
        Fault::Break(broken) => {
            line("kind", &"\"break\"");
            when(broken.when, &mut line);
            line("reset", &(broken.end == End::Reset));
        }
        Fault::HalfOpen(half) => {
            line("kind", &"\"half-open\"");
            when(half.when, &mut line);
            line("told", &who(half.told));
            line("reset", &(half.end == End::Reset));
        }
        Fault::BlackHole(hole) => {
            line("kind", &"\"black-hole\"");
            when(hole.when, &mut line);
        }
        Fault::Idle(Idle { after_ms, end }) => {
            line("kind", &"\"idle\"");
            line("after_ms", &after_ms);
            let end = match end {
                IdleEnd::Fin => "\"fin\"",
                IdleEnd::Reset => "\"reset\"",
                IdleEnd::Silence => "\"silence\"",
            };
            line("end", &end);
        }
        Fault::Lifetime(Lifetime { after_ms, end }) => {
            line("kind", &"\"lifetime\"");
            line("after_ms", &after_ms);
            line("reset", &(end == End::Reset));
        }
        Fault::Outage(Outage { up_ms, down_ms, effect, .. }) => {
            line("kind", &"\"outage\"");
            line("up_ms", &span(up_ms));
            line("down_ms", &span(down_ms));
            let then = match effect {
                OutageEffect::Hold => "\"hold\"",
                OutageEffect::Break(Breakage::Both(End::Reset)) => "\"reset\"",
                OutageEffect::Break(Breakage::Both(End::Fin)) => "\"fin\"",
                OutageEffect::Break(Breakage::One { .. }) => "\"half-open\"",
                OutageEffect::Break(Breakage::Silence) => "\"silence\"",
            };
            line("then", &then);
            if let OutageEffect::Break(Breakage::One { told, .. }) = effect {
                line("told", &who(told));
            }
        }
        Fault::Refuse(refuse) => {
            line("kind", &"\"refuse\"");
            line("chance", &chance(refuse.chance));
        }
        Fault::Drop(drop) => {
            line("kind", &"\"drop\"");
            line("chance", &chance(drop.chance));
        }
        Fault::Twice(twice) => {
            line("kind", &"\"twice\"");
            line("chance", &chance(twice.chance));
        }
    }
    lines
}

/// The known word that is most like this one.
#[must_use]
pub fn nearest<'a>(word: &str, known: impl IntoIterator<Item = &'a str>) -> &'a str {
    known.into_iter().min_by_key(|candidate| distance(word, candidate)).unwrap_or_default()
}

/// Letters to change to get from one word to the other (Levenshtein).
fn distance(one: &str, other: &str) -> usize {
    let other: Vec<char> = other.chars().collect();
    let mut row: Vec<usize> = (0..=other.len()).collect();
    for (index, letter) in one.chars().take(80).enumerate() {
        let mut diagonal = std::mem::replace(&mut row[0], index + 1);
        for (column, candidate) in other.iter().enumerate() {
            let changed = diagonal + usize::from(letter != *candidate);
            diagonal = row[column + 1];
            row[column + 1] = changed.min(diagonal + 1).min(row[column] + 1);
        }
    }
    row.last().copied().unwrap_or(0)
}

type Mistake = (Range<usize>, Wrong);
type Outcome<T> = Result<T, Mistake>;

/// Most milliseconds that a plan may say: a day.
const LONGEST: u64 = 86_400_000;
/// Most bytes that a middlebox may hold.
const HELD: u64 = 1 << 20;

fn read(text: &str) -> Outcome<ChaosPlan> {
    let table = DeTable::parse(text)
        .map_err(|error| (error.span().unwrap_or(0..0), Wrong::Syntax(error.message().to_owned())))?;
    let file = Keys { span: 0..0, table: table.get_ref() };
    file.only(&["title", "seed", "strip_upgrade", "faults"])?;
    file.text("title")?;
    let seed = file.number("seed", u64::MAX)?.unwrap_or(0);
    let strip_upgrade = file.switch("strip_upgrade")?;
    let mut faults = Vec::new();
    if let Some(value) = file.get("faults") {
        let wrong = |span| (span, Wrong::Value("faults".to_owned(), Wanted::Tables));
        let list = value.get_ref().as_array().ok_or_else(|| wrong(value.span()))?;
        for item in list {
            let table = item.get_ref().as_table().ok_or_else(|| wrong(item.span()))?;
            faults.push(fault(&Keys { span: item.span(), table })?);
        }
    }
    Ok(ChaosPlan { faults: Plan { faults, seed }, strip_upgrade }.with_seed(seed))
}

/// Kinds, and the keys of each beside `kind`.
pub const KINDS: &[(&str, &[&str])] = &[
    ("delay", &["one_way_ms", "jitter_ms"]),
    ("rate", &["bytes_per_s", "direction"]),
    ("slice", &["bytes", "pause_ms"]),
    ("slow-reader", &["party", "bytes_per_s", "window"]),
    ("gather", &["bytes", "after_ms", "direction"]),
    ("overtake", &["chance", "by_ms"]),
    ("stall", &["after_bytes", "direction"]),
    ("cut", &["after_bytes", "direction", "reset"]),
    ("break", &["after_ms", "mean_ms", "after_bytes", "mean_bytes", "direction", "reset"]),
    ("half-open", &["after_ms", "mean_ms", "after_bytes", "mean_bytes", "direction", "told", "reset"]),
    ("black-hole", &["after_ms", "mean_ms", "after_bytes", "mean_bytes", "direction"]),
    ("idle", &["after_ms", "end"]),
    ("lifetime", &["after_ms", "reset"]),
    ("outage", &["up_ms", "down_ms", "then", "told"]),
    ("refuse", &["chance"]),
    ("drop", &["chance"]),
    ("twice", &["chance"]),
];

fn fault(keys: &Keys<'_>) -> Outcome<Fault> {
    let names: Vec<&str> = KINDS.iter().map(|(name, _)| *name).collect();
    let kind = keys.word("kind", &names)?.ok_or_else(|| keys.missing("kind"))?;
    let allowed = KINDS.iter().find(|(name, _)| *name == kind).map_or(&[][..], |(_, allowed)| *allowed);
    keys.only(&[&["kind"], allowed].concat())?;
    let end = |usual| Ok(if keys.switch_or("reset", usual)? { End::Reset } else { End::Fin });
    let ms = |name| keys.number(name, LONGEST);
    let needed_ms = |name| ms(name)?.ok_or_else(|| keys.missing(name));
    let bytes = |name| keys.number(name, u64::MAX)?.ok_or_else(|| keys.missing(name));
    let chance = || keys.chance("chance")?.ok_or_else(|| keys.missing("chance"));
    let down = || Ok(keys.direction()?.unwrap_or(Direction::ToClient));
    Ok(match kind {
        "delay" => Fault::Delay(Delay {
            one_way_ms: needed_ms("one_way_ms")?,
            jitter_ms: ms("jitter_ms")?.unwrap_or(0),
        }),
        "rate" => Fault::Rate(Rate { direction: keys.direction()?, bytes_per_s: bytes("bytes_per_s")? }),
        "slice" => {
            let piece = usize::try_from(bytes("bytes")?).unwrap_or(usize::MAX);
            Fault::Slice(Slice { piece, pause_ms: ms("pause_ms")?.unwrap_or(0) })
        }
        "slow-reader" => {
            let window = keys.number("window", HELD)?.unwrap_or(16 * 1024).max(1);
            Fault::SlowReader(SlowReader {
                party: keys.party("party")?.unwrap_or(Party::Client),
                bytes_per_s: bytes("bytes_per_s")?,
                window: usize::try_from(window).unwrap_or(usize::MAX),
            })
        }
        "gather" => {
            let held = keys.number("bytes", HELD)?.ok_or_else(|| keys.missing("bytes"))?;
            let held = usize::try_from(held).unwrap_or(usize::MAX);
            Fault::Gather(Gather { direction: keys.direction()?, bytes: held, after_ms: ms("after_ms")? })
        }
        "overtake" => Fault::Overtake(Overtake { chance: chance()?, by_ms: needed_ms("by_ms")? }),
        "stall" => Fault::Stall(Stall { direction: down()?, after_bytes: bytes("after_bytes")? }),
        "cut" => Fault::Cut(Cut { direction: down()?, after_bytes: bytes("after_bytes")?, end: end(false)? }),
        "break" => Fault::Break(Break { when: keys.when()?, end: end(true)? }),
        "half-open" => Fault::HalfOpen(HalfOpen {
            when: keys.when()?,
            told: keys.party("told")?.unwrap_or(Party::Client),
            end: end(true)?,
        }),
        "black-hole" => Fault::BlackHole(BlackHole { when: keys.when()? }),
        "idle" => {
            let end = match keys.word("end", &["fin", "reset", "silence"])? {
                Some("reset") => IdleEnd::Reset,
                Some("silence") => IdleEnd::Silence,
                _ => IdleEnd::Fin,
            };
            Fault::Idle(Idle { after_ms: needed_ms("after_ms")?, end })
        }
        "lifetime" => Fault::Lifetime(Lifetime { after_ms: needed_ms("after_ms")?, end: end(false)? }),
        "outage" => {
            let told = keys.party("told")?.unwrap_or(Party::Client);
            let effect = match keys.word("then", &["hold", "reset", "fin", "half-open", "silence"])? {
                Some("reset") => OutageEffect::Break(Breakage::Both(End::Reset)),
                Some("fin") => OutageEffect::Break(Breakage::Both(End::Fin)),
                Some("half-open") => OutageEffect::Break(Breakage::One { told, end: End::Reset }),
                Some("silence") => OutageEffect::Break(Breakage::Silence),
                _ => OutageEffect::Hold,
            };
            let span = |name| keys.span(name, LONGEST)?.ok_or_else(|| keys.missing(name));
            let (up_ms, down_ms) = (span("up_ms")?, span("down_ms")?);
            if up_ms.from + down_ms.from < 10 {
                // Less is no outage, and would keep a machine busy with its timetable.
                return Err((keys.place("up_ms"), Wrong::Value("up_ms".to_owned(), Wanted::Span)));
            }
            Fault::Outage(Outage { up_ms, down_ms, effect, seed: 0 })
        }
        "refuse" => Fault::Refuse(Refuse { chance: chance()? }),
        "drop" => Fault::Drop(Drop { chance: chance()? }),
        _ => Fault::Twice(Twice { chance: chance()? }),
    })
}

/// A table that is read key by key.
struct Keys<'a> {
    span: Range<usize>,
    table: &'a DeTable<'a>,
}

impl<'a> Keys<'a> {
    fn get(&self, name: &str) -> Option<&'a Spanned<DeValue<'a>>> {
        self.table.get(name)
    }

    fn place(&self, name: &str) -> Range<usize> {
        self.get(name).map_or(self.span.clone(), Spanned::span)
    }

    fn only(&self, known: &[&str]) -> Outcome<()> {
        match self.table.iter().find(|(key, _)| !known.contains(&key.get_ref().as_ref())) {
            Some((key, _)) => {
                let name = key.get_ref().to_string();
                let like = nearest(&name, known.iter().copied()).to_owned();
                Err((key.span(), Wrong::UnknownKey(name, like)))
            }
            None => Ok(()),
        }
    }

    fn missing(&self, name: &str) -> Mistake {
        (self.span.clone(), Wrong::Missing(name.to_owned()))
    }

    fn wrong(&self, name: &str, wanted: Wanted) -> Mistake {
        (self.place(name), Wrong::Value(name.to_owned(), wanted))
    }

    fn text(&self, name: &str) -> Outcome<Option<&'a str>> {
        let Some(value) = self.get(name) else { return Ok(None) };
        value.get_ref().as_str().map(Some).ok_or_else(|| self.wrong(name, Wanted::Text))
    }

    fn word<'w>(&self, name: &str, known: &[&'w str]) -> Outcome<Option<&'w str>> {
        let Some(text) = self.text(name)? else { return Ok(None) };
        match known.iter().find(|word| **word == text) {
            Some(word) => Ok(Some(word)),
            None => {
                let like = nearest(text, known.iter().copied()).to_owned();
                Err((self.place(name), Wrong::UnknownValue(name.to_owned(), text.to_owned(), like)))
            }
        }
    }

    fn switch(&self, name: &str) -> Outcome<bool> {
        self.switch_or(name, false)
    }

    fn switch_or(&self, name: &str, usual: bool) -> Outcome<bool> {
        let Some(value) = self.get(name) else { return Ok(usual) };
        value.get_ref().as_bool().ok_or_else(|| self.wrong(name, Wanted::Switch))
    }

    fn number(&self, name: &str, most: u64) -> Outcome<Option<u64>> {
        let Some(value) = self.get(name) else { return Ok(None) };
        integer(value.get_ref(), most).map(Some).ok_or_else(|| self.wrong(name, Wanted::Number))
    }

    fn span(&self, name: &str, most: u64) -> Outcome<Option<Span>> {
        let Some(value) = self.get(name) else { return Ok(None) };
        let span = match value.get_ref() {
            DeValue::Array(list) if list.len() == 2 => {
                let ends: Vec<u64> = list.iter().filter_map(|item| integer(item.get_ref(), most)).collect();
                (ends.len() == 2 && ends[0] <= ends[1]).then(|| Span { from: ends[0], to: ends[1] })
            }
            value => integer(value, most).map(Span::exactly),
        };
        span.map(Some).ok_or_else(|| self.wrong(name, Wanted::Span))
    }

    #[allow(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "it was found to be from 0 to 1"
    )]
    fn chance(&self, name: &str) -> Outcome<Option<Chance>> {
        let Some(value) = self.get(name) else { return Ok(None) };
        let value = match value.get_ref() {
            DeValue::Float(float) => float.as_str().replace('_', "").parse::<f64>().ok(),
            DeValue::Integer(number) => number.as_str().parse::<f64>().ok(),
            _ => None,
        };
        let chance = value.filter(|value| (0.0..=1.0).contains(value));
        chance
            .map(|value| Some(Chance((value * 1e6).round() as u32)))
            .ok_or_else(|| self.wrong(name, Wanted::Chance))
    }

    fn direction(&self) -> Outcome<Option<Direction>> {
        Ok(match self.word("direction", &["to-server", "to-client"])? {
            Some("to-server") => Some(Direction::ToServer),
            Some(_) => Some(Direction::ToClient),
            None => None,
        })
    }

    fn party(&self, name: &str) -> Outcome<Option<Party>> {
        Ok(match self.word(name, &["client", "server"])? {
            Some("client") => Some(Party::Client),
            Some(_) => Some(Party::Server),
            None => None,
        })
    }

    fn when(&self) -> Outcome<When> {
        let direction = self.direction()?;
        let all = [
            self.span("after_ms", LONGEST)?.map(When::AfterMs),
            self.number("mean_ms", LONGEST)?.map(When::MeanMs),
            self.span("after_bytes", u64::MAX)?.map(|bytes| When::AfterBytes { direction, bytes }),
            self.number("mean_bytes", u64::MAX)?.map(|bytes| When::MeanBytes { direction, bytes }),
        ];
        let mut given = all.into_iter().flatten();
        match (given.next(), given.next()) {
            (Some(when), None) => Ok(when),
            _ => Err((self.span.clone(), Wrong::When)),
        }
    }
}

fn integer(value: &DeValue<'_>, most: u64) -> Option<u64> {
    let number = value.as_integer()?;
    u64::from_str_radix(&number.as_str().replace('_', ""), number.radix())
        .ok()
        .filter(|number| *number <= most)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_preset_can_be_read() {
        for (name, what, text) in PRESETS {
            let plan = ChaosPlan::parse(text).unwrap_or_else(|error| panic!("{name}: {error}"));
            assert!(!plan.faults.faults.is_empty() && what.ends_with('.'), "{name}");
            assert_eq!(ChaosPlan::preset(name), Some(plan.clone()));
            assert_ne!(plan, plan.clone().with_seed(99));
            assert_eq!(ChaosPlan::parse(&plan.to_string()), Ok(plan), "{name}, written and read again");
        }
        assert_eq!(ChaosPlan::preset("trian"), None);
        assert_eq!(nearest("trian", PRESETS.iter().map(|(name, ..)| *name)), "train");
    }

    #[test]
    fn every_kind_can_be_written() {
        let rows = [
            ("kind = 'delay'\none_way_ms = 1_000", Fault::Delay(Delay { one_way_ms: 1000, jitter_ms: 0 })),
            ("kind = 'rate'\nbytes_per_s = 0x10", Fault::Rate(Rate { direction: None, bytes_per_s: 16 })),
            ("kind = 'slice'\nbytes = 2\npause_ms = 3", Fault::Slice(Slice { piece: 2, pause_ms: 3 })),
            (
                "kind = 'slow-reader'\nparty = 'server'\nbytes_per_s = 9\nwindow = 8",
                Fault::SlowReader(SlowReader { party: Party::Server, bytes_per_s: 9, window: 8 }),
            ),
            (
                "kind = 'gather'\nbytes = 9\ndirection = 'to-client'",
                Fault::Gather(Gather { direction: Some(Direction::ToClient), bytes: 9, after_ms: None }),
            ),
            (
                "kind = 'overtake'\nchance = 0.25\nby_ms = 7",
                Fault::Overtake(Overtake { chance: Chance(250_000), by_ms: 7 }),
            ),
            (
                "kind = 'stall'\nafter_bytes = 5",
                Fault::Stall(Stall { direction: Direction::ToClient, after_bytes: 5 }),
            ),
            (
                "kind = 'cut'\nafter_bytes = 5\ndirection = 'to-server'\nreset = true",
                Fault::Cut(Cut { direction: Direction::ToServer, after_bytes: 5, end: End::Reset }),
            ),
            ("kind = 'break'\nmean_ms = 5", Fault::Break(Break { when: When::MeanMs(5), end: End::Reset })),
            (
                "kind = 'half-open'\nafter_ms = [5, 6]\ntold = 'server'\nreset = false",
                Fault::HalfOpen(HalfOpen {
                    when: When::AfterMs(Span { from: 5, to: 6 }),
                    told: Party::Server,
                    end: End::Fin,
                }),
            ),
            (
                "kind = 'black-hole'\nmean_bytes = 5\ndirection = 'to-server'",
                Fault::BlackHole(BlackHole {
                    when: When::MeanBytes { direction: Some(Direction::ToServer), bytes: 5 },
                }),
            ),
            ("kind = 'idle'\nafter_ms = 5", Fault::Idle(Idle { after_ms: 5, end: IdleEnd::Fin })),
            ("kind = 'lifetime'\nafter_ms = 5", Fault::Lifetime(Lifetime { after_ms: 5, end: End::Fin })),
            ("kind = 'refuse'\nchance = 1", Fault::Refuse(Refuse { chance: Chance(1_000_000) })),
            ("kind = 'drop'\nchance = 0.5", Fault::Drop(Drop { chance: Chance(500_000) })),
            ("kind = 'twice'\nchance = 0.000001", Fault::Twice(Twice { chance: Chance(1) })),
        ];
        for (text, fault) in rows {
            let plan = ChaosPlan::parse(&format!("[[faults]]\n{text}"));
            assert_eq!(plan.clone().map(|plan| plan.faults.faults), Ok(vec![fault]), "{text}");
            assert_eq!(ChaosPlan::parse(&plan.clone().unwrap().to_string()), plan, "{text}, written again");
        }
        let plan = ChaosPlan::parse(
            "strip_upgrade = true\nseed = 3\nfaults = [{ kind = 'outage', up_ms = 20, down_ms = [1, 9], then = 'half-open' }]",
        )
        .unwrap();
        assert!(plan.strip_upgrade);
        assert_eq!(ChaosPlan::parse(&plan.to_string()), Ok(plan.clone()));
        assert!(matches!(
            plan.faults.faults[..],
            [Fault::Outage(Outage {
                up_ms: Span { from: 20, to: 20 },
                down_ms: Span { from: 1, to: 9 },
                effect: OutageEffect::Break(Breakage::One { told: Party::Client, end: End::Reset }),
                ..
            })]
        ));
    }

    /// Both pages name every kind with its keys, and no other, and their example can be read.
    #[test]
    fn the_pages_say_what_a_plan_may_say() {
        for page in [include_str!("../../../docs/chaos.md"), include_str!("../../../docs/chaos.zh-CN.md")] {
            let rows: Vec<Vec<&str>> = page
                .lines()
                .filter(|line| line.starts_with("| `"))
                .map(|line| line.split(" | ").collect())
                .collect();
            let kinds: Vec<&str> = rows.iter().map(|row| row[0].trim_matches(['|', ' ', '`'])).collect();
            assert_eq!(kinds, KINDS.iter().map(|(kind, _)| *kind).collect::<Vec<_>>());
            for (row, (kind, keys)) in rows.iter().zip(KINDS) {
                let named: Vec<&str> = row[1].split('`').skip(1).step_by(2).collect();
                assert!(named.iter().all(|key| keys.contains(key)), "{kind}: {named:?}");
                let when = keys.contains(&"mean_ms");
                let shown = |key: &&&str| {
                    !(when && ["ms", "bytes", "direction"].iter().any(|end| key.ends_with(end)))
                };
                assert!(keys.iter().filter(shown).all(|key| named.contains(key)), "{kind}: {named:?}");
            }
            for (name, ..) in PRESETS {
                assert!(page.contains(name), "{name}");
            }
            let example = page.split("```toml\n").nth(1).and_then(|rest| rest.split("```").next());
            let plan = ChaosPlan::parse(example.unwrap_or_default()).unwrap();
            assert_eq!((plan.faults.faults.len(), plan.faults.seed), (2, 7));
        }
    }

    #[test]
    fn mistakes_are_named_with_their_place() {
        let value = |name: &str, wanted| Wrong::Value(name.to_owned(), wanted);
        let key = |name: &str, like: &str| Wrong::UnknownKey(name.to_owned(), like.to_owned());
        for (text, line, column, wrong) in [
            ("sede = 1", 1, 1, key("sede", "seed")),
            ("seed = -1", 1, 8, value("seed", Wanted::Number)),
            ("# 日本\nstrip_upgrade = 1", 2, 17, value("strip_upgrade", Wanted::Switch)),
            ("faults = 1", 1, 10, value("faults", Wanted::Tables)),
            ("faults = [ 1 ]", 1, 12, value("faults", Wanted::Tables)),
            ("title = 1", 1, 9, value("title", Wanted::Text)),
            (
                "\n[[faults]]\nkind = 'dela'",
                3,
                8,
                Wrong::UnknownValue("kind".to_owned(), "dela".to_owned(), "delay".to_owned()),
            ),
            ("[[faults]]\nkind = 'delay'\n  jiter_ms = 1", 3, 3, key("jiter_ms", "jitter_ms")),
            ("[[faults]]\nkind = 'delay'", 1, 1, Wrong::Missing("one_way_ms".to_owned())),
            ("[[faults]]\none_way_ms = 1", 1, 1, Wrong::Missing("kind".to_owned())),
            ("[[faults]]\nkind = 'refuse'\nchance = 1.5", 3, 10, value("chance", Wanted::Chance)),
            ("[[faults]]\nkind = 'refuse'\nchance = nan", 3, 10, value("chance", Wanted::Chance)),
            ("[[faults]]\nkind = 'break'", 1, 1, Wrong::When),
            ("[[faults]]\nkind = 'break'\nmean_ms = 1\nafter_ms = 1", 1, 1, Wrong::When),
            ("[[faults]]\nkind = 'break'\nafter_ms = [2, 1]", 3, 12, value("after_ms", Wanted::Span)),
            ("[[faults]]\nkind = 'break'\nafter_ms = 99999999999", 3, 12, value("after_ms", Wanted::Span)),
            ("[[faults]]\nkind = 'gather'\nbytes = 99999999", 3, 9, value("bytes", Wanted::Number)),
            ("[[faults]]\nkind = 'outage'\nup_ms = 0\ndown_ms = 0", 3, 9, value("up_ms", Wanted::Span)),
        ] {
            assert_eq!(ChaosPlan::parse(text), Err(PlanError { line, column, wrong }), "{text}");
        }
        let syntax = ChaosPlan::parse("seed = 1\nfaults = [").unwrap_err();
        assert!(matches!((syntax.line, &syntax.wrong), (2, Wrong::Syntax(_))), "{syntax}");
    }
}
