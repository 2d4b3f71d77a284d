//! The program: the only crate that knows all the others. It parses the command line, drives the engine with
//! the probes, and writes reports.

mod chain;
pub mod cli;
pub mod commands;
mod configs;
pub mod drive;
mod language;
mod progress;
mod records;
mod repair;
pub mod report;
mod settings;

pub use language::{Language, catalogue};
