//! One file a command, and what they share: languages, colours, errors.

mod check;
mod demo;
mod echo;
mod explain;
mod files;
mod gateway;
mod generate;
mod lab;
mod lint;
mod read;

use crate::cli::{self, Cli, Color, Command};
use crate::language::Language;
use crate::report::Look;
use clap::FromArgMatches;
use diagnose::{Locale, Text, text};
use std::ffi::OsString;
use std::io::{IsTerminal, Write};
use std::process::ExitCode;

/// Keepwire could not do the job.
pub(crate) const COULD_NOT: u8 = 2;

/// What every command needs to know.
pub(crate) struct Context {
    pub locale: Locale,
    pub look: Look,
    /// JSON was asked for: errors are JSON, too.
    pub json: bool,
}

/// What stops a command before it has a result. It says what is wrong and what to do.
#[derive(Debug)]
pub(crate) struct Problem(pub Text);

impl From<Text> for Problem {
    fn from(text: Text) -> Self {
        Self(text)
    }
}

/// Runs the program with these arguments.
pub fn run(arguments: impl IntoIterator<Item = OsString>) -> ExitCode {
    let arguments = with_default_command(arguments.into_iter().collect());
    let wanted = Language::option_in(arguments.iter().map(OsString::as_os_str));
    let language = Language::detect(wanted.as_deref(), |name| std::env::var(name).ok());
    let locale = language.locale();
    let matches = match cli::command(&locale).try_get_matches_from(&arguments) {
        Ok(matches) => matches,
        Err(error) => return usage(&error, &locale),
    };
    let cli = match Cli::from_arg_matches(&matches) {
        Ok(cli) => cli,
        Err(error) => return usage(&error, &locale),
    };
    match cli.color {
        Color::Auto => {}
        Color::Always => anstream::ColorChoice::AlwaysAnsi.write_global(),
        Color::Never => anstream::ColorChoice::Never.write_global(),
    }
    let terminal = std::io::stdout().is_terminal();
    let utf8 = ["LC_ALL", "LC_CTYPE", "LANG"]
        .into_iter()
        .filter_map(|name| std::env::var(name).ok())
        .find(|value| !value.is_empty())
        .is_none_or(|value| value.to_ascii_lowercase().contains("utf"));
    let json = match &cli.command {
        Command::Check(check) => check.format == cli::Format::Json,
        Command::Lint(lint) => {
            matches!(lint.format, cli::LintFormat::Json | cli::LintFormat::Sarif | cli::LintFormat::Gitlab)
        }
        Command::Read(read) => read.format == cli::Format::Json,
        Command::Lab(cli::lab::Lab::Chaos(chaos)) => chaos.json,
        _ => false,
    };
    let context = Context {
        look: Look { ascii: cli.ascii || !utf8, verbose: cli.verbose, quiet: cli.quiet, terminal },
        json,
        locale,
    };
    if let Some(unknown) = cli.lang.as_deref().filter(|lang| Language::parse(lang).is_none()) {
        return complain(&context, &text!("there is no language {name}: write en or zh-CN", name = unknown));
    }
    let result = match cli.command {
        Command::Check(arguments) => check::run(&context, *arguments),
        Command::Lint(arguments) => lint::run(&context, &arguments),
        Command::Read(arguments) => read::run(&context, &arguments),
        Command::Explain(arguments) => explain::run(&context, &arguments),
        Command::Echo(arguments) => echo::run(&context, &arguments),
        Command::Gateway(arguments) => gateway::run(&context, *arguments),
        Command::Lab(arguments) => lab::run(&context, &arguments),
        Command::Completions { shell } => generate::completions(&context, shell),
        Command::Man { folder } => generate::manual(&context, &folder),
        Command::Schema => generate::schema(),
    };
    match result {
        Ok(code) => ExitCode::from(code),
        Err(Problem(text)) => complain(&context, &text),
    }
}

/// A bare address is a check.
fn with_default_command(mut arguments: Vec<OsString>) -> Vec<OsString> {
    let first = arguments.iter().skip(1).position(|argument| {
        argument.to_str().is_some_and(|text| {
            ["ws://", "wss://", "http://", "https://"].iter().any(|scheme| {
                text.get(..scheme.len()).is_some_and(|start| start.eq_ignore_ascii_case(scheme))
            }) || (text.starts_with(':') && text[1..].starts_with(|c: char| c.is_ascii_digit()))
        })
    });
    let has_command =
        arguments.iter().skip(1).find_map(|argument| argument.to_str().filter(|text| !text.starts_with('-')));
    if let (Some(_), Some(word)) = (first, has_command)
        && (word.contains("://") || word.starts_with(':'))
    {
        arguments.insert(1, "check".into());
    }
    arguments
}

/// Says what is wrong, on standard error, in the form that was asked for.
fn complain(context: &Context, text: &Text) -> ExitCode {
    let message = text.say(&context.locale);
    let mut out = anstream::stderr();
    if context.json {
        let value =
            serde_json::json!({ "schema": "keepwire.error/1", "code": "COULD_NOT", "message": message });
        let _ = writeln!(std::io::stdout(), "{value}");
    } else {
        let label = text!("error").say(&context.locale);
        let style = crate::report::style::of("error");
        let _ = writeln!(out, "{}: {message}", crate::report::style::paint(style, &label));
    }
    ExitCode::from(COULD_NOT)
}

/// Help, version, or a command line that cannot be understood.
fn usage(error: &clap::Error, locale: &Locale) -> ExitCode {
    use clap::error::{ContextKind, ErrorKind};
    if !error.use_stderr() {
        let _ = error.print();
        return ExitCode::SUCCESS;
    }
    if error.kind() == ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand || locale.name() == "en" {
        let _ = error.print();
        return ExitCode::from(COULD_NOT);
    }
    let value = |kind| error.get(kind).map(ToString::to_string).unwrap_or_default();
    let argument = value(ContextKind::InvalidArg);
    let given = value(ContextKind::InvalidValue);
    let sentence = match error.kind() {
        ErrorKind::UnknownArgument => text!("there is no option {name}", name = argument),
        ErrorKind::InvalidSubcommand => {
            text!("there is no command {name}", name = value(ContextKind::InvalidSubcommand))
        }
        ErrorKind::MissingSubcommand => text!("what to do? Such as: keepwire check wss://example.com/ws"),
        ErrorKind::MissingRequiredArgument => text!("something is missing: {name}", name = argument),
        ErrorKind::ArgumentConflict => {
            text!(
                "{one} and {other} exclude each other",
                one = argument,
                other = value(ContextKind::PriorArg)
            )
        }
        _ => text!("{value} is no value for {name}", value = given, name = argument),
    };
    let mut out = anstream::stderr();
    let _ = writeln!(out, "{}: {}", text!("error").say(locale), sentence.say(locale));
    let suggestion =
        [ContextKind::SuggestedArg, ContextKind::SuggestedSubcommand, ContextKind::SuggestedValue]
            .into_iter()
            .find_map(|kind| error.get(kind).map(ToString::to_string));
    if let Some(suggestion) = suggestion {
        let _ = writeln!(out, "{}", text!("did you mean {name}?", name = suggestion).say(locale));
    }
    let _ = writeln!(out, "{}", text!("for help: keepwire --help").say(locale));
    ExitCode::from(COULD_NOT)
}

/// Letters to change to get from one word to the other (Levenshtein).
pub(crate) fn distance(one: &str, other: &str) -> usize {
    let other: Vec<char> = other.chars().collect();
    let mut row: Vec<usize> = (0..=other.len()).collect();
    for (index, letter) in one.chars().take(80).enumerate() {
        let mut diagonal = row[0];
        row[0] = index + 1;
        for (column, candidate) in other.iter().enumerate() {
            let changed = diagonal + usize::from(letter != *candidate);
            diagonal = row[column + 1];
            row[column + 1] = changed.min(diagonal + 1).min(row[column] + 1);
        }
    }
    row.last().copied().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn expanded(arguments: &[&str]) -> Vec<String> {
        let arguments = arguments.iter().map(OsString::from).collect();
        with_default_command(arguments)
            .iter()
            .map(|argument| argument.to_string_lossy().into_owned())
            .collect()
    }

    #[test]
    fn a_bare_address_is_a_check() {
        assert_eq!(expanded(&["keepwire", "wss://h/ws"]), ["keepwire", "check", "wss://h/ws"]);
        assert_eq!(
            expanded(&["keepwire", "--quiet", ":8080/ws"]),
            ["keepwire", "check", "--quiet", ":8080/ws"]
        );
        assert_eq!(expanded(&["keepwire", "check", "wss://h/ws"]), ["keepwire", "check", "wss://h/ws"]);
        assert_eq!(expanded(&["keepwire", "explain", "--list"]), ["keepwire", "explain", "--list"]);
        assert_eq!(expanded(&["keepwire", "echo", ":9001"]), ["keepwire", "echo", ":9001"]);
        assert_eq!(expanded(&["keepwire"]), ["keepwire"]);
    }
}
