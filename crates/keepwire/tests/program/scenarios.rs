//! `scenarios/*.toml`: a path, its faults, the causes that must and must not be named. Each runs whole, from the
//! engine's first question to its conclusion, over pipes in memory and in virtual time: hours pass in a moment.
//! Each has a twin without the fault, which must come out clean.

use ::lab::plan::ChaosPlan;
use evidence::{Case, Origin, Target};
use faults::Plan;
use keepwire::drive::{Stop, drive};
use probe::{BoxFuture, BoxStream, Net, Probe, Settings};
use serde::Deserialize;
use std::collections::BTreeMap;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::sync::Arc;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Scenario {
    #[expect(dead_code, reason = "for people")]
    title: String,
    #[serde(default = "usual_url")]
    url: String,
    /// What the name has for addresses; each plays an endpoint of the lab, or `refused`, `silent`, `unreachable`.
    #[serde(default)]
    addresses: BTreeMap<String, String>,
    /// The endpoint behind the only address, where `addresses` has none.
    #[serde(default = "usual_endpoint")]
    endpoint: String,
    #[serde(default)]
    faults: Vec<toml::Value>,
    #[serde(default)]
    hold_s: Option<u64>,
    #[serde(default)]
    size: Option<u64>,
    #[serde(default)]
    origin: Option<String>,
    #[serde(default)]
    subprotocols: Vec<String>,
    /// One of these is the first finding.
    expect: Vec<String>,
    /// None of these is found.
    #[serde(default)]
    never: Vec<String>,
}

fn usual_url() -> String {
    "ws://app.example/ws".to_owned()
}

fn usual_endpoint() -> String {
    "healthy".to_owned()
}

/// A world of pipes: every connection leads to an endpoint of the lab.
struct Pipes {
    addresses: BTreeMap<IpAddr, String>,
    plan: Plan,
}

impl Net for Pipes {
    fn connect(&self, to: SocketAddr) -> BoxFuture<'_, io::Result<BoxStream>> {
        Box::pin(async move {
            let what = self.addresses.get(&to.ip()).map_or("unreachable", String::as_str);
            match what {
                "refused" => Err(io::ErrorKind::ConnectionRefused.into()),
                "unreachable" => Err(io::ErrorKind::HostUnreachable.into()),
                "silent" => std::future::pending().await,
                // Only the URL's own port plays; the neighbours are closed.
                _ if to.port() != 80 => Err(io::ErrorKind::ConnectionRefused.into()),
                endpoint => Ok(Box::new(::lab::pipe::connect(endpoint, &self.plan)?) as BoxStream),
            }
        })
    }

    fn resolve<'a>(&'a self, _name: &'a str) -> BoxFuture<'a, io::Result<Vec<IpAddr>>> {
        Box::pin(async move { Ok(self.addresses.keys().copied().collect()) })
    }

    fn datagram(&self, _to: SocketAddr, _request: Vec<u8>) -> BoxFuture<'_, io::Result<Vec<u8>>> {
        Box::pin(async { Err(io::ErrorKind::ConnectionRefused.into()) })
    }

    fn has_route(&self, _to: IpAddr) -> bool {
        true
    }
}

/// The faults of a scenario are written as in a plan of chaos.
fn plan(scenario: &Scenario) -> Result<Plan, String> {
    let table = toml::Table::from_iter([("faults".to_owned(), scenario.faults.clone().into())]);
    let plan = ChaosPlan::parse(&table.to_string()).map_err(|error| error.to_string())?;
    Ok(Plan { seed: 1, ..plan.faults })
}

/// Plays a scenario to its conclusion: ids of the findings, the first one first.
fn play(
    scenario: &Scenario,
    addresses: BTreeMap<IpAddr, String>,
    plan: Plan,
) -> (diagnose::Conclusion, Stop) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .start_paused(true)
        .build()
        .expect("a runtime");
    let mut case = Case::new(Target::parse(&scenario.url).expect("the address parses"));
    case.started_at_unix_us = 1_795_132_800_000_000;
    case.hold_us = scenario.hold_s.map(|seconds| seconds * 1_000_000);
    case.size = scenario.size;
    case.subprotocols.clone_from(&scenario.subprotocols);
    if let Some(origin) = &scenario.origin {
        case.origin = Origin::Given(origin.clone());
    }
    runtime.block_on(async {
        let net = Arc::new(Pipes { addresses, plan });
        let probe = Arc::new(Probe::new(Settings::new(case.clone()), net));
        let (diagnosis, stop) = drive(probe, case, Vec::new(), |_, _| {}).await;
        (diagnosis.conclude(), stop)
    })
}

fn files() -> Vec<PathBuf> {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../scenarios");
    let mut files: Vec<PathBuf> =
        std::fs::read_dir(folder).expect("the folder").filter_map(|entry| Some(entry.ok()?.path())).collect();
    files.sort();
    files
}

#[test]
fn every_scenario_is_named_and_its_twin_is_clean() {
    let mut failures = Vec::new();
    let mut count = 0;
    for file in files() {
        let name = file.file_stem().expect("a name").to_string_lossy().into_owned();
        let text = std::fs::read_to_string(&file).expect("it can be read");
        let scenario: Scenario = toml::from_str(&text).unwrap_or_else(|error| panic!("{name}: {error}"));
        let usual = BTreeMap::from([("203.0.113.10".to_owned(), scenario.endpoint.clone())]);
        let addresses = if scenario.addresses.is_empty() { &usual } else { &scenario.addresses };
        let world: BTreeMap<IpAddr, String> = addresses
            .iter()
            .map(|(address, what)| (address.parse().expect("an address"), what.clone()))
            .collect();
        let plan = plan(&scenario).unwrap_or_else(|error| panic!("{name}: {error}"));
        let (conclusion, stop) = play(&scenario, world.clone(), plan);
        let found: Vec<&str> = conclusion.findings.iter().map(|finding| finding.cause).collect();
        if !found.first().is_some_and(|first| scenario.expect.iter().any(|expected| expected == first)) {
            failures.push(format!(
                "{name}: expected {:?}, found {found:?}, unexplained {:?}",
                scenario.expect, conclusion.unexplained
            ));
        }
        if let Some(wrong) = found.iter().find(|cause| scenario.never.iter().any(|never| never == *cause)) {
            failures.push(format!("{name}: {wrong} must not be found"));
        }
        if stop != Stop::Done {
            failures.push(format!("{name}: ended with {stop:?}"));
        }
        let twin = world.into_keys().map(|address| (address, "healthy".to_owned())).collect();
        let (conclusion, _) = play(&scenario, twin, Plan::default());
        let wrong: Vec<&str> = conclusion.findings.iter().map(|finding| finding.cause).collect();
        if !wrong.is_empty() || !conclusion.unexplained.is_empty() {
            failures.push(format!(
                "{name}: its healthy twin is accused of {wrong:?} {:?}",
                conclusion.unexplained
            ));
        }
        count += 1;
    }
    assert!(count >= 30, "only {count} scenarios");
    assert!(failures.is_empty(), "{} of {count}:\n{}", failures.len(), failures.join("\n"));
}
