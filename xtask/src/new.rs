//! Skeletons: `cargo xtask new cause proxy-idle-timeout`.

use crate::{read, root};

pub(crate) fn run(arguments: &[String]) -> Result<(), String> {
    match arguments {
        [kind, id] if kind == "cause" => cause(id),
        _ => Err("usage: cargo xtask new cause ID".to_owned()),
    }
}

fn cause(id: &str) -> Result<(), String> {
    if id.is_empty() || !id.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-') {
        return Err(format!("{id:?} is no id: write it in kebab-case, named for what is wrong"));
    }
    let module = id.replace('-', "_");
    let source = root().join(format!("crates/diagnose/src/causes/{module}.rs"));
    let translation = root().join(format!("locales/zh-CN/causes/{id}.toml"));
    if source.exists() || translation.exists() {
        return Err(format!("{id} is there already"));
    }
    let list = root().join("crates/diagnose/src/causes.rs");
    let text = read(&list)?;
    let end = "\n}\n\n/// The cause with this id.";
    if !text.contains(end) {
        return Err(format!("{}: the end of the list is not where it was", list.display()));
    }
    let write = |path: &std::path::Path, content: String| {
        std::fs::write(path, content).map_err(|error| format!("{}: {error}", path.display()))
    };
    write(&source, SOURCE.replace("@id@", id))?;
    write(&translation, TRANSLATION.to_owned())?;
    write(&list, text.replacen(end, &format!("\n    {module},{end}"), 1))?;
    println!(
        "{}\n{}\n{} (move the new line to its place on the way)",
        source.display(),
        translation.display(),
        list.display()
    );
    println!("Then: fill in, `cargo test -p keepwire-diagnose`, `cargo xtask generate`, `cargo xtask tidy`.");
    Ok(())
}

const SOURCE: &str = r#"//! What is wrong, in a sentence.

use crate::{Finding, Verdict, cause, text};
use evidence::Evidence;

cause! {
    /// What is wrong
    ///
    /// # What you see
    ///
    /// # Why it happens
    ///
    /// # What to do
    ///
    /// # How to be sure
    "@id@", Upgrade, judge
}

fn judge(evidence: &Evidence) -> Verdict {
    let Some((handshake, response)) = crate::reading::refused(evidence) else { return Verdict::Unseen };
    Verdict::Unseen
}

#[cfg(test)]
mod tests {
    use super::CAUSE;
    use crate::sample::{Sample, does_not_hold, holds};

    #[test]
    fn holds_where() {
        let finding = holds(&CAUSE, Sample::ws().answer(418, "I'm a teapot"));
    }

    #[test]
    fn near_misses() {
        does_not_hold(&CAUSE, Sample::ws().opens());
    }
}
"#;

const TRANSLATION: &str =
    "page = \"\"\"\n# \n\n# 你会看到什么\n\n# 为什么会这样\n\n# 怎么办\n\n# 如何确认\n\"\"\"\n\n[text]\n";
