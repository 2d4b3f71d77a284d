//! What `lint` says of one main file and what it includes, in every format.

mod gitlab;
mod sarif;
mod text;

pub(super) use text::{diff, mended};

use super::model::{self, FindingPart, Layer, Repair, Report, TargetPart, Tool, Vantage, finding_part};
use super::{Look, concise, github, json, junit, markdown};
use crate::chain::Hop;
use crate::cli::{FailOn, LintFormat};
use crate::configs::{Disk, Judged};
use crate::repair;
use config::{Config, make_each};
use diagnose::{Finding, Locale, because, text};
use evidence::{Belief, Fact, Given, Setting, VersionBy};
use std::io::{self, Write};

/// The report about one main file; the same object that `check` fills, so every format shows it.
#[derive(Debug, Clone)]
pub struct LintReport {
    /// What is written.
    pub report: Report,
    /// What the text says beyond it.
    details: Vec<Detail>,
    /// Files that were read.
    files: usize,
    /// Name, version and who says so, in words.
    product: String,
}

/// What the text says of a finding beyond the report.
#[derive(Debug, Clone)]
struct Detail {
    /// The route, and why it is believed to carry sockets.
    route: Option<String>,
    /// Where the value comes from, if not from the line itself.
    value: Option<String>,
    /// What makes it so.
    because: Option<String>,
    /// How it can be mended: `safe`, `ask-first`.
    fix: Option<String>,
}

impl LintReport {
    /// Everything about a main file; `patches`: with the change of each fix, which not every format shows.
    pub(crate) fn new(
        root: &str,
        config: &Config,
        judged: &[Judged],
        hops: &[Hop],
        patches: bool,
        locale: &Locale,
    ) -> Self {
        let parts_of = |judged: &Judged| {
            let part_of = |finding: &Finding| {
                let mut part = finding_part(finding, &judged.evidence, locale);
                for (fix, remedy) in part.fixes.iter_mut().zip(&finding.remedies) {
                    if let (Some(wish), Some(route)) = (&remedy.wish, judged.route) {
                        let grants = || {
                            config
                                .edit(route, wish)
                                .ok()
                                .filter(|edits| !edits.is_empty())
                                .map(|_| String::new())
                        };
                        fix.patch = if patches { repair::preview(config, route, wish) } else { grants() };
                        fix.product = Some(config.dialect.product().to_owned());
                    }
                }
                // A wish that this dialect cannot grant is advice, and says so.
                for (fix, remedy) in part.fixes.iter_mut().zip(&finding.remedies) {
                    if remedy.wish.is_some() && fix.patch.is_none() {
                        fix.safety = "show-only".to_owned();
                    }
                }
                let detail = detail(config, judged, finding, &part, locale);
                if !patches {
                    part.fixes.iter_mut().for_each(|fix| fix.patch = None);
                }
                (part, detail)
            };
            judged.findings.iter().map(part_of).collect::<Vec<_>>()
        };
        let parts = make_each(&Disk, judged.len(), |number| parts_of(&judged[number]));
        let mut all: Vec<(FindingPart, Detail)> = parts.into_iter().flatten().collect();
        // Errors first, then by place, so that a file reads from top to bottom.
        all.sort_by_key(|(part, _)| {
            let place = part.locations.first().map(|place| (place.file.clone(), place.line));
            (severity_rank(&part.severity), place)
        });
        let (findings, details): (Vec<_>, Vec<_>) = all.into_iter().unzip();
        let by = match config.version_by {
            VersionBy::Asked => text!(
                "{product} {version} (installed here)",
                product = config.dialect.product(),
                version = config.version.to_string()
            ),
            VersionBy::Given => text!(
                "{product} {version} (given)",
                product = config.dialect.product(),
                version = config.version.to_string()
            ),
            VersionBy::Assumed => text!(
                "{product} {version} (assumed)",
                product = config.dialect.product(),
                version = config.version.to_string()
            ),
        };
        let worst =
            findings.iter().map(|finding| finding.severity.as_str()).min_by_key(|word| severity_rank(word));
        let verdict = match worst {
            Some("error") => "fail",
            Some("warning") => "warn",
            _ => "ok",
        };
        let routes = judged.iter().filter(|judged| judged.route.is_some()).count();
        let summary = match findings.first() {
            Some(first) if first.severity != "note" => first.title.clone(),
            _ if routes == 0 => {
                text!("no route is believed to carry WebSockets; name one with --location").say(locale)
            }
            _ => text!("nothing to complain of").say(locale),
        };
        let report = Report {
            schema: model::SCHEMA.to_owned(),
            tool: Tool { name: "keepwire".to_owned(), version: env!("CARGO_PKG_VERSION").to_owned() },
            kind: "lint".to_owned(),
            id: model::short_hash(&[root.as_bytes()]),
            started_at: String::new(),
            elapsed_ms: 0.0,
            target: TargetPart { url: root.to_owned(), name: None, redacted: true },
            vantage: Vantage {
                os: std::env::consts::OS.to_owned(),
                ip_families: Vec::new(),
                proxy: None,
                mode: "files".to_owned(),
            },
            verdict: verdict.to_owned(),
            grade: None,
            exit_code: 0,
            summary,
            layers: hop_layers(config, judged, hops, locale),
            confirm: format!("keepwire lint {}", diagnose::shell_word(root)),
            findings,
            what_if: Vec::new(),
            repair: None,
            read: None,
            unexplained: Vec::new(),
            ruled_out: Vec::new(),
            not_tested: Vec::new(),
            observations: Vec::new(),
        };
        Self { report, details, files: config.documents.len(), product: by.say(locale) }
    }

    /// What was done to mend it.
    pub(crate) fn set_repair(&mut self, repair: Option<Repair>) {
        self.report.repair = repair;
    }

    /// What the program exits with for this file.
    #[must_use]
    pub fn code(&self, limit: FailOn) -> u8 {
        let worst = match limit {
            FailOn::Never => return 0,
            FailOn::Error => 0,
            FailOn::Warning => 1,
            FailOn::Note => 2,
        };
        u8::from(self.report.findings.iter().any(|finding| severity_rank(&finding.severity) <= worst))
    }
}

fn severity_rank(severity: &str) -> u8 {
    match severity {
        "error" => 0,
        "warning" => 1,
        _ => 2,
    }
}

fn detail(
    config: &Config,
    judged: &Judged,
    finding: &Finding,
    part: &FindingPart,
    locale: &Locale,
) -> Detail {
    let route = judged.route.and_then(|route| config.route(route));
    let seen = finding
        .proof
        .iter()
        .flat_map(|proof| &proof.rests_on)
        .filter_map(|id| judged.evidence.observation(*id))
        .find_map(|seen| match &seen.fact {
            Fact::Told(told) => Some(told),
            _ => None,
        });
    let value = seen.and_then(|told| match &told.by {
        Given::Here => None,
        Given::Inherited(level) => Some(text!("inherited from {level}", level = level.as_str()).say(locale)),
        Given::Default => Some(
            text!(
                "default of {product} {version}: nothing is set here or above",
                product = config.dialect.product(),
                version = config.version.to_string()
            )
            .say(locale),
        ),
    });
    let identity = route.and_then(|route| {
        let Setting::Route(seen) = &route.told.first()?.what else { return None };
        let upstream = seen.upstream.as_ref().map(|upstream| format!(" → {upstream}")).unwrap_or_default();
        let why = seen
            .believed
            .as_ref()
            .map(|belief| format!("; {}", belief_text(belief).say(locale)))
            .unwrap_or_default();
        Some(format!("{}{upstream}{why}", seen.name))
    });
    let mendable = part.fixes.iter().find(|fix| fix.patch.is_some()).map(|fix| fix.safety.clone());
    let because = finding.because.filter(|id| *id != finding.cause).map(|id| {
        let meaning = because::meaning(id).map(|text| format!(" — {}", text.say(locale))).unwrap_or_default();
        format!("{id}{meaning}")
    });
    Detail { route: identity, value, because, fix: mendable }
}

/// Why a route is believed to carry sockets, in words.
fn belief_text(belief: &Belief) -> diagnose::Text {
    match belief {
        Belief::Said => text!("you say that it carries WebSockets"),
        Belief::Mentions(line) => text!("it speaks of upgrades: {line}", line = line.trim()),
        Belief::Comment(words) => text!("a comment says: {words}", words = words.as_str()),
        Belief::Path(word) => text!("its path says \"{word}\"", word = word.as_str()),
        Belief::Upstream(name) => text!("its application is called {name}", name = name.as_str()),
    }
}

/// The hops of `--chain` with their limits, and the file's own among them.
fn hop_layers(config: &Config, judged: &[Judged], hops: &[Hop], locale: &Locale) -> Vec<Layer> {
    let idle = |what: &Setting| match what {
        Setting::Idle { ms: Some(ms), .. } | Setting::Lifetime { ms: Some(ms), .. } => Some(*ms),
        _ => None,
    };
    let own = judged.iter().find_map(|judged| {
        let route = judged.route?;
        config.about(route).into_iter().find(|told| idle(&told.what).is_some())
    });
    let told: Vec<(&Hop, Option<evidence::Told>)> = hops
        .iter()
        .map(|hop| {
            let is_file = config.documents.first().is_some_and(|document| document.path == hop.what);
            (hop, hop.told.first().cloned().or_else(|| own.clone().filter(|_| is_file)))
        })
        .collect();
    let smallest = told.iter().filter_map(|(_, told)| idle(&told.as_ref()?.what)).min();
    told.into_iter()
        .map(|(hop, told)| {
            let (status, summary) = match told.as_ref().map(|told| &told.what) {
                Some(Setting::Ping { ms }) => {
                    let bad = smallest.is_some_and(|smallest| *ms >= smallest);
                    (if bad { "fail" } else { "ok" }, text!("pings every {time}", time = seconds(*ms)))
                }
                Some(Setting::Lifetime { ms: Some(ms), timer }) => (
                    "warn",
                    text!(
                        "ends every connection after {time} ({timer})",
                        time = seconds(*ms),
                        timer = timer.as_str()
                    ),
                ),
                Some(Setting::Idle { ms: Some(ms), timer }) => {
                    let status = if Some(*ms) == smallest { "warn" } else { "ok" };
                    (
                        status,
                        text!(
                            "ends quiet connections after {time} ({timer})",
                            time = seconds(*ms),
                            timer = timer.as_str()
                        ),
                    )
                }
                _ => ("skip", text!("no limit is known")),
            };
            Layer::simple("hop", status, &hop.name, summary.say(locale))
        })
        .collect()
}

fn seconds(ms: u64) -> String {
    if ms.is_multiple_of(1_000) { format!("{} s", ms / 1_000) } else { format!("{ms} ms") }
}

/// What `lint` says of one file, and what `lint --diff` would change in it, without the disk: for the README.
///
/// # Errors
/// What writing came to.
pub fn lint_example(name: &str, text: &str, nginx: &str, locale: &Locale) -> io::Result<(String, String)> {
    let files = config::Memory::one(name, text);
    let version = config::Version::parse(nginx).ok_or_else(|| io::Error::other("no version"))?;
    let wanted = crate::configs::Wanted {
        dialect: Some(config::Dialect::Nginx),
        versions: vec![(config::Dialect::Nginx, version)],
        ..crate::configs::Wanted::default()
    };
    let config = wanted.read(name, &files);
    let judged = crate::configs::judge(&config, &[]);
    let report = LintReport::new(name, &config, &judged, &[], false, locale);
    let mut bytes = Vec::new();
    let mut out = anstream::StripStream::new(&mut bytes);
    write_lint(LintFormat::Text, &[report], locale, Look::default(), &mut out)?;
    let patch = repair::mend(name, &wanted, &files, &[], repair::Allowed::Safe, |_, _| true);
    Ok((String::from_utf8_lossy(&bytes).into_owned(), patch.diff()))
}

/// Writes reports in one format.
///
/// # Errors
/// What writing came to.
pub fn write_lint(
    format: LintFormat,
    reports: &[LintReport],
    locale: &Locale,
    look: Look,
    out: &mut dyn Write,
) -> io::Result<()> {
    let mut plain = reports.iter().map(|report| &report.report);
    let all = || -> Vec<Report> { reports.iter().map(|report| report.report.clone()).collect() };
    match format {
        LintFormat::Text => text::write(reports, locale, look, out),
        LintFormat::Concise => plain.try_for_each(|report| concise::write(report, out)),
        LintFormat::Json => json::write(&all(), out),
        LintFormat::Sarif => sarif::write(&all(), locale, out),
        LintFormat::Github => plain.try_for_each(|report| github::write(report, out)),
        LintFormat::Gitlab => gitlab::write(&all(), out),
        LintFormat::Junit => junit::write(&all(), locale, out),
        LintFormat::Markdown => plain.try_for_each(|report| markdown::write(report, locale, out)),
    }
}
