//! The flags of `keepwire lab`.

use super::duration;
use clap::builder::PossibleValuesParser;
use clap::{Args, Subcommand};
use std::path::PathBuf;
use std::time::Duration;

/// `keepwire lab`
#[derive(Debug, Subcommand)]
pub enum Lab {
    /// All endpoints and presets, one line each
    List,
    /// Serve every broken and healthy endpoint on one port, by path
    Serve(Serve),
    /// A TCP relay that goes wrong as a plan says
    Chaos(Box<Chaos>),
}

/// `keepwire lab serve`
#[derive(Debug, Args)]
pub struct Serve {
    /// Where to listen: :9009, 127.0.0.1:9009, [::1]:9009
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:9009")]
    pub listen: String,
}

/// `keepwire lab chaos`
#[derive(Debug, Args)]
pub struct Chaos {
    /// Where to listen: :9009, 127.0.0.1:9009, [::1]:9009
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:9010")]
    pub listen: String,
    /// The server behind it: :8080, host:8080
    #[arg(long, value_name = "HOST:PORT", required_unless_present = "print")]
    pub upstream: Option<String>,
    /// What goes wrong, as a file; --preset NAME --print shows one to begin with
    #[arg(long, value_name = "FILE")]
    pub plan: Option<PathBuf>,
    /// What goes wrong, by name
    #[arg(long, value_name = "NAME", conflicts_with = "plan", value_parser = presets())]
    pub preset: Option<String>,
    /// The same seed gives the same chances (default: the plan's, else a new one)
    #[arg(long, value_name = "NUMBER")]
    pub seed: Option<u64>,
    /// Stop after this long
    #[arg(long, value_name = "DURATION", value_parser = duration)]
    pub duration: Option<Duration>,
    /// Print the summary as JSON to standard output
    #[arg(long)]
    pub json: bool,
    /// Only print the preset as a file
    #[arg(long, requires = "preset")]
    pub print: bool,
}

fn presets() -> PossibleValuesParser {
    PossibleValuesParser::new(::lab::plan::PRESETS.iter().map(|(name, ..)| *name))
}

/// What the lab says of its endpoints and presets: English there, translated here.
pub(crate) fn sentences() -> impl Iterator<Item = &'static str> {
    let endpoints = ::lab::endpoint::names().iter().map(|(_, what)| *what);
    endpoints.chain(::lab::plan::PRESETS.iter().map(|(_, what, _)| *what))
}
