//! What reading came to.

use crate::{Curl, Kind};
use evidence::{Fact, Place, Said};

/// One thing that happened, however often it did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    /// What was said.
    pub said: Said,
    /// Where on the path.
    pub place: Place,
    /// What a live look would have seen there, as far as the record shows it.
    pub facts: Vec<Fact>,
}

impl Event {
    /// An event of which only the message is known.
    #[must_use]
    pub fn new(said: Said, place: Place) -> Self {
        Self { said, place, facts: Vec::new() }
    }
}

/// Everything that reading one file came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reading {
    /// What it was.
    pub kind: Kind,
    /// Lines that were read; of a HAR its entries.
    pub lines: u64,
    /// What happened, the most frequent first.
    pub events: Vec<Event>,
    /// What could not be read, and where.
    pub problems: Vec<Problem>,
    /// Problems beyond those that are listed.
    pub more_problems: u64,
    /// Lines that belong to groups beyond the number that is kept.
    pub more_events: u64,
    /// Connections one by one, where the record is small enough to list them.
    pub listed: Vec<Listed>,
    /// The command, if it was one.
    pub curl: Option<Box<Curl>>,
}

impl Reading {
    /// Nothing was found yet.
    #[must_use]
    pub fn new(kind: Kind) -> Self {
        Self {
            kind,
            lines: 0,
            events: Vec::new(),
            problems: Vec::new(),
            more_problems: 0,
            more_events: 0,
            listed: Vec::new(),
            curl: None,
        }
    }

    /// Adds a problem, as long as there is room.
    pub fn complain(&mut self, line: u64, trouble: Trouble) {
        if self.problems.len() < MOST_PROBLEMS {
            self.problems.push(Problem { line, trouble });
        } else {
            self.more_problems += 1;
        }
    }
}

/// Problems that are listed one by one.
const MOST_PROBLEMS: usize = 10;

/// Something that could not be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// Line, from 1; of a HAR the number of the entry; 0: the whole file.
    pub line: u64,
    /// What is wrong with it.
    pub trouble: Trouble,
}

/// Why something could not be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Trouble {
    /// A line of so many bytes.
    LineTooLong(u64),
    /// Bytes that are no text.
    Binary,
    /// The JSON does not parse; the parser's words.
    Json(String),
    /// The JSON ends in the middle; what stands before was read.
    Cut,
    /// A part of a HAR lacks this field.
    Missing(&'static str),
    /// A line that does not fit the format that was given.
    Format,
    /// The file holds more than this many bytes, of which it takes all to read it.
    TooLarge(u64),
    /// The compressed data is broken or cut.
    Gzip(String),
    /// Reading failed; the system's words.
    Failed(String),
}

/// One connection or one message of it, for a list.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Listed {
    /// Entry of the HAR, from 1.
    pub entry: u64,
    /// Message of this entry, from 1; none: the connection itself.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub message: Option<u64>,
    /// `send`, `receive`; of a connection its status.
    pub direction: String,
    /// `text`, `binary`, `close`; of a connection `socket`.
    pub kind: String,
    /// Bytes of a message.
    pub size: u64,
    /// Milliseconds since the connection began; of a connection how long it was there.
    pub ms: u64,
    /// The beginning of the message, or the address.
    pub preview: String,
}
