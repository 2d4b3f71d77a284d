//! What is made from the one definition of the flags and the types: completions, manual pages, the schema.

use super::{Context, Problem};
use crate::cli;
use diagnose::text;
use std::fs;
use std::io::Write;
use std::path::Path;

pub(super) fn completions(context: &Context, shell: clap_complete::Shell) -> Result<u8, Problem> {
    let mut command = cli::command(&context.locale);
    let mut bytes = Vec::new();
    clap_complete::generate(shell, &mut command, "keepwire", &mut bytes);
    let _ = std::io::stdout().write_all(&bytes);
    Ok(0)
}

pub(super) fn manual(context: &Context, folder: &Path) -> Result<u8, Problem> {
    let failed = |error: std::io::Error| {
        Problem(text!(
            "{file} cannot be written: {why}",
            file = folder.display().to_string(),
            why = error.to_string()
        ))
    };
    fs::create_dir_all(folder).map_err(failed)?;
    let command = cli::command(&context.locale).name("keepwire");
    let write = |command: clap::Command, name: &str| {
        let mut bytes = Vec::new();
        clap_mangen::Man::new(command).title(name.to_uppercase()).render(&mut bytes)?;
        fs::write(folder.join(format!("{name}.1")), bytes)
    };
    let mut open: Vec<(String, clap::Command)> = vec![("keepwire".to_owned(), command.clone())];
    while let Some((above, command)) = open.pop() {
        for sub in command.get_subcommands().filter(|sub| !sub.is_hide_set()) {
            let name = format!("{above}-{}", sub.get_name());
            write(sub.clone().display_name(name.clone()), &name).map_err(failed)?;
            open.push((name, sub.clone()));
        }
    }
    write(command.clone(), "keepwire").map_err(failed)?;
    Ok(0)
}

pub(super) fn schema() -> Result<u8, Problem> {
    let _ = std::io::stdout().write_all(crate::report::schema().as_bytes());
    Ok(0)
}
