//! `check --config`: what files say joins what was seen; and with `--fix` they are changed, tested, loaded and verified.

use super::lint::{carry_out, product_version, undo};
use super::{Context, Problem};
use crate::cli::{Check, FixLevel};
use crate::configs::{self, Disk, Wanted};
use crate::repair::{self, Allowed, Commands, Patch, Written};
use crate::report::{Repair, RepairStep, Report};
use config::Config;
use diagnose::{Conclusion, Diagnosis, Overall, Severity, text};
use evidence::{Fact, Place, Source, Target, VersionBy, Wish};

/// Something that is known before anything is asked.
pub(crate) type Seed = (Source, Place, Fact);

/// The configuration files of a check.
pub(super) struct Files {
    wanted: Wanted,
    roots: Vec<Root>,
}

struct Root {
    path: String,
    config: Config,
}

impl Files {
    /// Reads the files that `--config` names; none: there are none.
    pub(super) fn read(arguments: &Check) -> Result<Self, Problem> {
        let mut wanted = Wanted::default();
        for text in &arguments.version_of {
            let (product, version) = text.split_once('=').unwrap_or((text, ""));
            wanted.versions.push(product_version(product, version)?);
        }
        let mut roots = Vec::new();
        for path in &arguments.config {
            let found = configs::roots(path, &wanted);
            if found.is_empty() {
                return Err(text!("{file}: no configuration that Keepwire reads; name the file, and its language with --dialect", file = path.display().to_string()).into());
            }
            for path in found {
                let config = wanted.read(&path, &Disk);
                roots.push(Root { path, config });
            }
        }
        Ok(Self { wanted, roots })
    }

    /// What the files say about the way of this target. Of several routes in several files all are told; where a folder
    /// holds files that do not know the target, these keep silent.
    pub(super) fn seeds(&self, target: &Target) -> Vec<Seed> {
        self.roots
            .iter()
            .flat_map(|root| configs::observations(configs::for_target(&root.config, target).1))
            .collect()
    }

    /// The change of the files for each remedy, so that the report can show it.
    pub(super) fn show_patches(&self, report: &mut Report, conclusion: &Conclusion, target: &Target) {
        for (part, finding) in report.findings.iter_mut().zip(&conclusion.findings) {
            for (fix, remedy) in part.fixes.iter_mut().zip(&finding.remedies) {
                let Some(wish) = &remedy.wish else { continue };
                let Some(root) = self.root_of(part.locations.first().map(|place| place.file.as_str())) else {
                    continue;
                };
                let Some(route) = configs::for_target(&root.config, target).0 else { continue };
                fix.patch = repair::preview(&root.config, route, wish);
                fix.product = Some(root.config.dialect.product().to_owned());
                if fix.patch.is_none() {
                    fix.safety = "show-only".to_owned();
                }
            }
        }
    }

    fn root_of(&self, file: Option<&str>) -> Option<&Root> {
        let file = file?;
        self.roots.iter().find(|root| root.config.documents.iter().any(|document| document.path == file))
    }

    /// Mends what the findings wish for.
    pub(super) fn mend(
        &mut self,
        context: &Context,
        arguments: &Check,
        conclusion: &Conclusion,
        evidence: &evidence::Evidence,
    ) -> Option<Mended> {
        let level = arguments.fix?;
        let allowed = if level == FixLevel::Unsafe { Allowed::Unsafe } else { Allowed::Safe };
        let target = &evidence.case.target;
        let mut mended = Mended { repair: nothing(), written: None, causes: Vec::new(), root: String::new() };
        for root in &self.roots {
            let mut wishes: Vec<Wish> = Vec::new();
            let mut causes = Vec::new();
            for finding in conclusion.findings.iter().filter(|finding| finding.severity >= Severity::Warning)
            {
                let file = configs::spot(finding, evidence).map(|spot| spot.file);
                let here = file
                    .is_some_and(|file| root.config.documents.iter().any(|document| document.path == file));
                for remedy in finding.remedies.iter().filter(|remedy| here && allowed.allows(remedy.safety)) {
                    if let Some(wish) = remedy.wish.clone().filter(|wish| !wishes.contains(wish)) {
                        wishes.push(wish);
                        causes.push(finding.cause);
                    }
                }
            }
            let (patch, _) = repair::grant(&root.path, &self.wanted, &Disk, target, &wishes);
            if patch.is_empty() {
                continue;
            }
            mended.causes = causes;
            mended.root.clone_from(&root.path);
            if !arguments.write {
                mended.repair = Repair {
                    outcome: "dry-run".to_owned(),
                    patch: patch.diff(),
                    steps: Vec::new(),
                    backup: None,
                };
                return Some(mended);
            }
            let commands = commands(arguments);
            // Written, tested and loaded; what is left to do is to ask again.
            let (repair, written) = transaction(&patch, root, &commands, arguments.reload, context);
            mended.repair = repair;
            mended.written = written;
            break;
        }
        if mended.written.is_some() {
            self.read_again();
        }
        Some(mended)
    }

    fn read_again(&mut self) {
        for root in &mut self.roots {
            let known = Some((root.config.version.clone(), root.config.version_by))
                .filter(|(_, by)| *by != VersionBy::Assumed);
            root.config = self.wanted.read_as(&root.path, &Disk, known);
        }
    }

    /// Whether what was mended is gone, by a second look.
    pub(super) fn works(mended: &Mended, after: &Diagnosis) -> bool {
        let conclusion = after.conclude();
        matches!(conclusion.overall, Overall::Works | Overall::Warned) && still(mended, &conclusion).is_none()
    }

    /// Judges the second look. If what was mended is not gone, the files are put back and loaded again.
    pub(super) fn verify(
        &mut self,
        context: &Context,
        arguments: &Check,
        mended: &mut Mended,
        after: &Diagnosis,
    ) {
        let conclusion = after.conclude();
        let still = still(mended, &conclusion)
            .or_else(|| conclusion.findings.iter().find(|finding| finding.severity == Severity::Error));
        let locale = &context.locale;
        let verdict = match (conclusion.overall, still) {
            (Overall::Works | Overall::Warned, None) => {
                mended.step("verify", "ok", text!("the same handshake again: it works now").say(locale));
                mended.repair.outcome = "verified".to_owned();
                return;
            }
            (Overall::Unknown, _) => {
                mended.step("verify", "fail", text!("the second look came to no result").say(locale));
                "inconclusive"
            }
            (_, Some(finding)) => {
                let cause = finding.title.say(locale);
                mended.step("verify", "fail", text!("it still fails: {cause}", cause = cause).say(locale));
                "undone"
            }
            (Overall::Fails, None) => {
                mended.step(
                    "verify",
                    "fail",
                    text!("it still fails, and no known cause explains it").say(locale),
                );
                "undone"
            }
        };
        let Some(written) = mended.written.take() else { return };
        let Some(root) = self.roots.iter().find(|root| root.path == mended.root) else { return };
        let mut steps = Vec::new();
        undo(
            &written,
            &root.path,
            root.config.dialect,
            &commands(arguments),
            true,
            &mut |step, status, summary| {
                steps.push((step.to_owned(), status.to_owned(), summary.say(locale)));
            },
        );
        for (step, status, summary) in steps {
            mended.step(&step, &status, summary);
        }
        mended.repair.outcome = verdict.to_owned();
        self.read_again();
    }
}

/// What was done so far.
pub(super) struct Mended {
    pub repair: Repair,
    /// The files that were written and loaded, as long as they can be put back.
    pub written: Option<Written>,
    causes: Vec<&'static str>,
    root: String,
}

impl Mended {
    fn step(&mut self, step: &str, status: &str, summary: String) {
        self.repair.steps.push(RepairStep { step: step.to_owned(), status: status.to_owned(), summary });
    }

    /// Whether the new configuration is loaded, so that it is time to ask again.
    pub(super) fn is_loaded(&self) -> bool {
        let loaded = self.repair.steps.iter().any(|step| step.step == "reload" && step.status != "fail");
        self.repair.outcome == "written" && loaded
    }
}

/// A finding that was to be mended and is still there.
fn still<'a>(mended: &Mended, conclusion: &'a Conclusion) -> Option<&'a diagnose::Finding> {
    conclusion
        .findings
        .iter()
        .find(|finding| finding.severity >= Severity::Warning && mended.causes.contains(&finding.cause))
}

fn nothing() -> Repair {
    Repair { outcome: "nothing-to-do".to_owned(), patch: String::new(), steps: Vec::new(), backup: None }
}

fn commands(arguments: &Check) -> Commands {
    Commands { test: arguments.test_command.clone(), reload: arguments.reload_command.clone() }
}

fn transaction(
    patch: &Patch,
    root: &Root,
    commands: &Commands,
    reload: bool,
    context: &Context,
) -> (Repair, Option<Written>) {
    carry_out(patch, &root.path, root.config.dialect, commands, reload, &context.locale)
}
