//! The program: the only crate that knows all the others. It parses the command line, drives the engine with
//! the probes, and writes reports.

pub mod cli;
pub mod commands;
pub mod drive;
mod language;
mod progress;
mod records;
pub mod report;

pub use language::{Language, catalogue};
