//! Reads what others recorded: logs of proxies, HAR files, console and library errors, curl commands.
//!
//! Text goes in, facts come out: what was said, how often, and what a live look would have seen there. This crate
//! concludes nothing and knows no cause; `diagnose` does. It opens no file and reads no clock: a shell feeds it bytes.
//! Memory is bounded, whatever comes in: lines are counted into a limited number of groups.
#![warn(clippy::disallowed_methods)]

mod access;
mod curl;
mod event;
mod har;
mod kind;
mod lines;
mod logs;
mod messages;
mod reader;
mod tally;
mod time;
mod words;

pub use curl::{Curl, read_curl};
pub use event::{Event, Listed, Problem, Reading, Trouble};
pub use har::read_har;
pub use kind::{Kind, recognise};
pub use logs::nginx_format::{Format, FormatError};
pub use reader::{LINE_LIMIT, Options, Reader};
pub use time::moment;
