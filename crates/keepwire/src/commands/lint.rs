//! `keepwire lint`: what in configuration files breaks WebSockets, and how to mend it.

use super::{COULD_NOT, Context, Problem};
use crate::chain;
use crate::cli::{FailOn, FixLevel, Level, Lint, LintFormat, Product};
use crate::configs::{self, Disk, Judged, Overlay, USUAL, Wanted};
use crate::repair::{self, Allowed, Commands, NotWritten, Outcome, Patch, Written};
use crate::report::{self, LintReport, Repair, RepairStep};
use crate::settings;
use config::{Config, Dialect, Files, Version};
use diagnose::{Finding, Locale, Severity, text};
use evidence::{Setting, Spot, Told};
use std::collections::{BTreeMap, BTreeSet};
use std::io::{Read, Write};
use std::path::{Path, PathBuf};

/// The name of standard input.
const STDIN: &str = "<stdin>";

pub(super) fn run(context: &Context, arguments: &Lint) -> Result<u8, Problem> {
    let start =
        arguments.paths.iter().find(|path| path.exists()).cloned().unwrap_or_else(|| PathBuf::from("."));
    let variable = std::env::var("KEEPWIRE_CONFIG").ok().filter(|file| !file.is_empty());
    let folder = if start.is_dir() { start.as_path() } else { start.parent().unwrap_or(Path::new(".")) };
    let (own, _) = settings::find(folder, variable.as_deref()).map_err(|unusable| {
        text!("{file} cannot be used: {why}", file = unusable.file.display().to_string(), why = unusable.why)
    })?;
    let wanted = wanted(arguments, &own)?;
    let (hops, chained) = match &arguments.chain {
        Some(text) => chain::parse(text).map_err(Problem)?,
        None => (Vec::new(), Vec::new()),
    };
    let mut more: Vec<Told> = hops.iter().flat_map(|hop| hop.told.clone()).collect();
    if let Some(sockets) = arguments.connections.or(own.connections) {
        more.push(chain::said(Setting::Expected { sockets }, &format!("--connections {sockets}")));
    }
    let stdin = arguments.paths.iter().any(|path| path == Path::new("-"));
    let disk = Disk;
    let mut files = Overlay { base: &disk, changed: BTreeMap::new() };
    if stdin {
        let mut text = Vec::new();
        std::io::stdin()
            .take(64 * 1024 * 1024)
            .read_to_end(&mut text)
            .map_err(|error| text!("standard input: {why}", why = error.to_string()))?;
        files.changed.insert(STDIN.to_owned(), text);
    }
    let roots = roots(context, arguments, &wanted, chained)?;
    let mut run = Run {
        context,
        arguments,
        own,
        wanted,
        hops,
        more,
        files: &files,
        reports: Vec::new(),
        read: BTreeSet::new(),
    };
    for root in roots {
        run.one(&root)?;
    }
    run.finish()
}

fn wanted(arguments: &Lint, own: &settings::Lint) -> Result<Wanted, Problem> {
    let mut versions = Vec::new();
    let mut add = |product: &str, version: &str| -> Result<(), Problem> {
        versions.push(product_version(product, version)?);
        Ok(())
    };
    for (product, version) in &own.versions {
        add(product, version)?;
    }
    if let Some(version) = &own.nginx_version {
        add("nginx", version)?;
    }
    for text in &arguments.version_of {
        let (product, version) = text.split_once('=').unwrap_or((text, ""));
        add(product, version)?;
    }
    if let Some(version) = &arguments.nginx_version {
        add("nginx", version)?;
    }
    Ok(Wanted {
        dialect: arguments.dialect.map(dialect),
        context: arguments.context.map(|level| {
            match level {
                Level::Main => "main",
                Level::Http => "http",
                Level::Server => "server",
                Level::Location => "location",
            }
            .to_owned()
        }),
        versions,
        locations: arguments.location.iter().chain(&own.locations).cloned().collect(),
    })
}

/// `nginx` and `1.28`.
pub(super) fn product_version(product: &str, version: &str) -> Result<(Dialect, Version), Problem> {
    let dialect = Dialect::ALL.into_iter().find(|dialect| dialect.id() == product.trim());
    match (dialect, Version::parse(version)) {
        (Some(dialect), Some(version)) => Ok((dialect, version)),
        (None, _) => Err(text!(
            "there is no product {name}: write nginx, apache, haproxy, caddy, traefik, envoy or kubernetes",
            name = product
        )
        .into()),
        (_, None) => Err(text!("{text} is no version: write numbers such as 1.28.0", text = version).into()),
    }
}

fn dialect(product: Product) -> Dialect {
    match product {
        Product::Nginx => Dialect::Nginx,
        Product::Apache => Dialect::Apache,
        Product::Haproxy => Dialect::Haproxy,
        Product::Caddy => Dialect::Caddy,
        Product::Traefik => Dialect::Traefik,
        Product::Envoy => Dialect::Envoy,
        Product::Kubernetes => Dialect::Kubernetes,
    }
}

/// The main files to look at: those that were named, those of the chain, or those in the usual places.
fn roots(
    context: &Context,
    arguments: &Lint,
    wanted: &Wanted,
    chained: Vec<String>,
) -> Result<Vec<String>, Problem> {
    let mut roots = chained;
    for path in &arguments.paths {
        if path == Path::new("-") {
            roots.push(STDIN.to_owned());
            continue;
        }
        if !path.exists() {
            return Err(text!("{file} is not there", file = path.display().to_string()).into());
        }
        let found = configs::roots(path, wanted);
        if found.is_empty() {
            return Err(text!("{file}: no configuration that Keepwire reads; name the file, and its language with --dialect", file = path.display().to_string()).into());
        }
        roots.extend(found);
    }
    if roots.is_empty() && arguments.chain.is_none() {
        roots =
            USUAL.iter().filter(|file| Path::new(file).is_file()).map(|file| (*file).to_owned()).collect();
        if roots.is_empty() {
            return Err(text!(
                "no configuration in the usual places ({places}): name a file or a folder",
                places = USUAL.join(", ")
            )
            .into());
        }
        if !context.json && !context.look.quiet {
            let found = text!("found {files}", files = roots.join(", "));
            let _ = writeln!(anstream::stderr(), "{}", found.say(&context.locale));
        }
    }
    Ok(roots)
}

struct Run<'a> {
    context: &'a Context,
    arguments: &'a Lint,
    own: settings::Lint,
    wanted: Wanted,
    hops: Vec<chain::Hop>,
    more: Vec<Told>,
    files: &'a dyn Files,
    reports: Vec<LintReport>,
    /// Files that were read as part of an earlier root.
    read: BTreeSet<String>,
}

impl Run<'_> {
    fn locale(&self) -> &Locale {
        &self.context.locale
    }

    fn one(&mut self, root: &str) -> Result<(), Problem> {
        if self.read.contains(root) {
            return Ok(());
        }
        let config = self.wanted.read(root, self.files);
        if let Some(why) = unreadable(&config) {
            return Err(text!("{file} cannot be read: {why}", file = root, why = why).into());
        }
        let mends = self.arguments.fix.is_some() && !self.arguments.diff;
        let repair = if self.arguments.fix.is_some() || self.arguments.diff {
            self.repair(root, &config)?
        } else {
            None
        };
        // What is reported is what is left, once it was mended.
        let config = if mends && repair.as_ref().is_some_and(|repair| repair.outcome == "written") {
            self.wanted.read_as(root, self.files, Some((config.version.clone(), config.version_by)))
        } else {
            config
        };
        self.read.extend(config.documents.iter().map(|document| document.path.clone()));
        let judged = self.judged(&config);
        let quick = [LintFormat::Concise, LintFormat::Sarif, LintFormat::Github, LintFormat::Gitlab];
        let text = self.arguments.format == LintFormat::Text && self.context.look.verbose == 0;
        let patches = !text && !quick.contains(&self.arguments.format);
        let mut report = LintReport::new(root, &config, &judged, &self.hops, patches, self.locale());
        report.set_repair(repair);
        self.reports.push(report);
        // The program ends soon, and taking a tree of many megabytes apart piece by piece would be its longest step. What a
        // folder of many small roots leaves behind is as small as they are.
        std::mem::forget((config, judged));
        Ok(())
    }

    fn judged(&self, config: &Config) -> Vec<Judged> {
        let mut all = configs::judge(config, &self.more);
        for judged in &mut all {
            for finding in &mut judged.findings {
                if let Some(severity) = self.severity(finding) {
                    finding.severity = severity;
                }
            }
            let evidence = &judged.evidence;
            judged
                .findings
                .retain(|finding| self.keeps(config, finding, configs::spot(finding, evidence).as_ref()));
        }
        all
    }

    /// The severity that the settings want for a finding.
    fn severity(&self, finding: &Finding) -> Option<Severity> {
        let wanted = finding
            .because
            .and_then(|id| self.own.severity.get(id))
            .or_else(|| self.own.severity.get(finding.cause))?;
        match wanted.as_str() {
            "error" => Some(Severity::Error),
            "warning" => Some(Severity::Warning),
            "note" => Some(Severity::Note),
            _ => None,
        }
    }

    /// Whether neither the settings nor a comment beside it silence a finding.
    fn keeps(&self, config: &Config, finding: &Finding, spot: Option<&Spot>) -> bool {
        let ids = [Some(finding.cause), finding.because];
        let is = |id: &str| ids.iter().flatten().any(|known| *known == id);
        let off = |id: &Option<&str>| {
            id.is_some_and(|id| self.own.severity.get(id).is_some_and(|wanted| wanted == "off"))
        };
        if self.own.ignore.iter().any(|id| is(id)) || ids.iter().any(off) {
            return false;
        }
        let Some(spot) = spot else { return true };
        let Some(document) = config.documents.iter().find(|document| document.path == spot.file) else {
            return true;
        };
        let line = spot.line.saturating_sub(1) as usize;
        let silenced = (line.saturating_sub(1)..=line).any(|number| {
            let text = document.str(document.line_range(number));
            ignores(&text).is_some_and(|(id, reason)| is(id) && !reason.is_empty())
        });
        !silenced
    }

    /// Mends a root, or shows how.
    fn repair(&self, root: &str, config: &Config) -> Result<Option<Repair>, Problem> {
        let allowed = match self.arguments.fix {
            Some(FixLevel::Unsafe) => Allowed::Unsafe,
            _ => Allowed::Safe,
        };
        let keep = |finding: &Finding, spot: Option<&Spot>| self.keeps(config, finding, spot);
        let patch = repair::mend(root, &self.wanted, self.files, &self.more, allowed, keep);
        if patch.is_empty() {
            return Ok(Some(Repair {
                outcome: "nothing-to-do".to_owned(),
                patch: String::new(),
                steps: Vec::new(),
                backup: None,
            }));
        }
        if root == STDIN {
            if !self.arguments.diff
                && let Some((_, _, new)) = patch.files.first()
            {
                let _ = std::io::stdout().write_all(new);
            }
            return Ok(Some(Repair {
                outcome: "dry-run".to_owned(),
                patch: patch.diff(),
                steps: Vec::new(),
                backup: None,
            }));
        }
        if self.arguments.diff {
            return Ok(Some(Repair {
                outcome: "dry-run".to_owned(),
                patch: patch.diff(),
                steps: Vec::new(),
                backup: None,
            }));
        }
        let commands = Commands {
            test: self.arguments.test_command.clone(),
            reload: self.arguments.reload_command.clone(),
        };
        Ok(Some(carry_out(&patch, root, config.dialect, &commands, self.arguments.reload, self.locale()).0))
    }

    fn finish(self) -> Result<u8, Problem> {
        let limit = self.arguments.fail_on;
        let mut code = 0;
        let mut reports = self.reports;
        for report in &mut reports {
            let own = report.code(limit);
            report.report.exit_code = own;
            code = code.max(own);
        }
        // The text of a mended standard input is the result; the rest would only disturb it.
        let filtered = reports.iter().any(|report| report.report.target.url == STDIN)
            && self.arguments.fix.is_some()
            && !self.arguments.diff;
        if !filtered {
            let mut out = anstream::stdout().lock();
            let written = report::write_lint(
                self.arguments.format,
                &reports,
                &self.context.locale,
                self.context.look,
                &mut out,
            )
            .and_then(|()| out.flush());
            if let Err(error) = written
                && error.kind() != std::io::ErrorKind::BrokenPipe
            {
                return Err(text!("standard output: {why}", why = error.to_string()).into());
            }
        }
        let undone = reports.iter().any(|report| {
            report
                .report
                .repair
                .as_ref()
                .is_some_and(|repair| matches!(repair.outcome.as_str(), "undone" | "refused"))
        });
        // As in `one`: the program ends.
        std::mem::forget(reports);
        if undone {
            return Ok(COULD_NOT);
        }
        // Whoever collects SARIF expects success for a run that took place.
        let reports_only =
            self.arguments.exit_zero || self.arguments.format == LintFormat::Sarif || limit == FailOn::Never;
        Ok(if reports_only { 0 } else { code })
    }
}

/// Why the main file itself cannot be read.
fn unreadable(config: &Config) -> Option<String> {
    let first = config.documents.first()?;
    (first.text.is_empty() && config.documents.len() == 1 && config.routes().len() == 0)
        .then(|| {
            config.told.iter().find_map(|told| match &told.what {
                Setting::Unreadable { why } => Some(why.clone()),
                _ => None,
            })
        })
        .flatten()
}

/// `# keepwire: ignore[ID] REASON`
fn ignores(line: &str) -> Option<(&str, &str)> {
    let rest = line.split_once("keepwire: ignore[")?.1;
    let (id, reason) = rest.split_once(']')?;
    Some((id.trim(), reason.trim()))
}

/// Writes, tests and loads a patch; and puts everything back if a step fails. Where all went well, the files can still be
/// put back later.
pub(super) fn carry_out(
    patch: &Patch,
    root: &str,
    dialect: Dialect,
    commands: &Commands,
    load: bool,
    locale: &Locale,
) -> (Repair, Option<Written>) {
    let mut steps = Vec::new();
    let mut step = |step: &str, status: &str, summary: diagnose::Text| {
        steps.push(RepairStep {
            step: step.to_owned(),
            status: status.to_owned(),
            summary: summary.say(locale),
        });
    };
    let mut outcome = "written";
    let mut backup = None;
    let mut kept = None;
    match Written::write(patch, Path::new(root)) {
        Err(NotWritten::Changed(file)) => {
            step(
                "write",
                "fail",
                text!(
                    "{file} was changed by somebody else meanwhile; nothing was written",
                    file = file.display().to_string()
                ),
            );
            outcome = "refused";
        }
        Err(NotWritten::Failed(file, why)) => {
            step(
                "write",
                "fail",
                text!("{file} cannot be written: {why}", file = file.display().to_string(), why = why),
            );
            outcome = "refused";
        }
        Ok(written) => {
            let folder = written.backup.display().to_string();
            step(
                "write",
                "ok",
                text!(
                    "{count} files written; as they were: {folder}",
                    count = patch.files.len(),
                    folder = folder.as_str()
                ),
            );
            backup = Some(folder);
            let tested = repair::test(dialect, root, commands);
            match &tested {
                Outcome::Done(line) => {
                    step("test", "ok", text!("{command} is content", command = line.as_str()))
                }
                Outcome::Missing(line) => step(
                    "test",
                    "skip",
                    text!("nothing here can test it; where it runs: {command}", command = line.as_str()),
                ),
                Outcome::Failed(line, said) => step(
                    "test",
                    "fail",
                    text!("{command} says: {said}", command = line.as_str(), said = said.as_str()),
                ),
            }
            let mut failed = matches!(tested, Outcome::Failed(..));
            let mut loaded = false;
            if load && !failed {
                let outcome = repair::reload(dialect, root, commands);
                match &outcome {
                    Outcome::Done(line) => step(
                        "reload",
                        "ok",
                        text!("{command}: loaded, and new workers run", command = line.as_str()),
                    ),
                    Outcome::Missing(line) => step(
                        "reload",
                        "skip",
                        text!("nothing here can load it; where it runs: {command}", command = line.as_str()),
                    ),
                    Outcome::Failed(line, said) => step(
                        "reload",
                        "fail",
                        text!("{command} says: {said}", command = line.as_str(), said = said.as_str()),
                    ),
                }
                failed = matches!(outcome, Outcome::Failed(..));
                loaded = true;
            }
            if failed {
                outcome = undo(&written, root, dialect, commands, loaded, &mut step);
            } else {
                kept = Some(written);
            }
        }
    }
    (Repair { outcome: outcome.to_owned(), patch: patch.diff(), steps, backup }, kept)
}

/// Puts the files back, and loads them if the new ones were.
pub(super) fn undo(
    written: &Written,
    root: &str,
    dialect: Dialect,
    commands: &Commands,
    loaded: bool,
    step: &mut dyn FnMut(&str, &str, diagnose::Text),
) -> &'static str {
    match written.restore() {
        Ok(()) => step("restore", "ok", text!("everything is as it was")),
        Err(files) => {
            let names: Vec<String> = files.iter().map(|file| file.display().to_string()).collect();
            step(
                "restore",
                "fail",
                text!(
                    "these files could not be put back: {files}; copies: {folder}",
                    files = names.join(", "),
                    folder = written.backup.display().to_string()
                ),
            );
        }
    }
    if loaded {
        match repair::reload(dialect, root, commands) {
            Outcome::Failed(line, said) => {
                step("reload", "fail", text!("{command} says: {said}", command = line, said = said))
            }
            Outcome::Done(line) => {
                step("reload", "ok", text!("{command}: the old configuration runs again", command = line))
            }
            Outcome::Missing(_) => {}
        }
    }
    "undone"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn comments_silence_with_a_reason() {
        assert_eq!(
            ignores("  # keepwire: ignore[upgrade-stripped] it is no socket"),
            Some(("upgrade-stripped", "it is no socket"))
        );
        assert_eq!(ignores("  # keepwire: ignore[upgrade-stripped]"), Some(("upgrade-stripped", "")));
        assert_eq!(ignores("# keepwire: ignore upgrade"), None);
    }

    #[test]
    fn versions_of_products() {
        assert!(product_version("haproxy", "2.8").is_ok());
        assert!(product_version("nginz", "1").is_err() && product_version("nginx", "new").is_err());
    }
}
