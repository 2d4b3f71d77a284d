//! `keepwire explain`: the page of a cause, the same as in the book.

use super::{Context, Problem, distance};
use crate::cli::Explain;
use crate::report::style::{BOLD, DIM, pad, paint, width, wrap};
use diagnose::{because, causes, text};
use std::io::Write;

/// Columns of a page.
const COLUMNS: usize = 78;

pub(super) fn run(context: &Context, arguments: &Explain) -> Result<u8, Problem> {
    let mut out = String::new();
    match &arguments.id {
        Some(id) => {
            page(context, id.trim().to_ascii_lowercase().split('#').next().unwrap_or_default(), &mut out)?
        }
        None => {
            let widest = causes::ALL.iter().map(|cause| width(cause.id)).max().unwrap_or(0);
            for cause in causes::ALL {
                let title = cause.page(&context.locale).title;
                out.push_str(&format!("{}  {title}\n", paint(BOLD, &pad(cause.id, widest))));
            }
        }
    }
    // A reader that had enough (`| head`) is no failure.
    let _ = anstream::stdout().write_all(out.as_bytes());
    Ok(0)
}

fn page(context: &Context, id: &str, out: &mut String) -> Result<(), Problem> {
    let because_of = because::cause(id).filter(|_| causes::find(id).is_none());
    let Some(cause) = causes::find(because_of.unwrap_or(id)) else {
        let nearest = causes::ALL
            .iter()
            .map(|cause| cause.id)
            .chain(because::ALL.iter().map(|(id, _)| *id))
            .min_by_key(|other| distance(id, other));
        return Err(text!(
            "there is no finding {id}; did you mean {nearest}? All: keepwire explain --list",
            id = id,
            nearest = nearest.unwrap_or_default()
        )
        .into());
    };
    let page = cause.page(&context.locale);
    if let Some(meaning) = because_of.and_then(|_| because::meaning(id)) {
        for line in wrap(&meaning.say(&context.locale), COLUMNS) {
            out.push_str(&format!("{line}\n"));
        }
        out.push_str(&format!("{}\n\n", paint(DIM, &format!("{id} → {}", cause.id))));
    }
    out.push_str(&format!("{}  {}\n", paint(BOLD, &page.title), paint(DIM, cause.id)));
    let mut paragraph = String::new();
    let mut code = false;
    let flush = |paragraph: &mut String, out: &mut String| {
        for line in wrap(paragraph.trim(), COLUMNS) {
            if !line.is_empty() {
                out.push_str(&line);
                out.push('\n');
            }
        }
        paragraph.clear();
    };
    for line in page.body.lines() {
        if line.trim_start().starts_with("```") {
            flush(&mut paragraph, out);
            code = !code;
        } else if code {
            out.push_str(&format!("    {line}\n"));
        } else if let Some(heading) = line.strip_prefix("# ") {
            flush(&mut paragraph, out);
            let gap = if out.ends_with("\n\n") { "" } else { "\n" };
            out.push_str(&format!("{gap}{}\n", paint(BOLD, heading)));
        } else if line.is_empty() || line.starts_with("- ") || line.starts_with('|') {
            flush(&mut paragraph, out);
            if line.is_empty() {
                if !out.ends_with("\n\n") {
                    out.push('\n');
                }
            } else {
                paragraph.push_str(line);
            }
        } else {
            // Chinese lines join without a blank.
            let joined_wide = paragraph.chars().last().is_some_and(|c| width(&c.to_string()) == 2);
            if !paragraph.is_empty() && !joined_wide {
                paragraph.push(' ');
            }
            paragraph.push_str(line.trim());
        }
    }
    flush(&mut paragraph, out);
    Ok(())
}

#[cfg(test)]
mod tests {
    use crate::commands::distance;

    #[test]
    fn a_slip_is_near() {
        assert_eq!(distance("upgrade-striped", "upgrade-stripped"), 1);
        assert_eq!(distance("", "abc"), 3);
        assert_eq!(distance("abc", "abc"), 0);
    }
}
