//! The report: everything that any format shows, in words that are chosen already.
//!
//! It is a pure function of the evidence and the language, so a replayed case gives the same report.

use crate::cli::FailOn;
use diagnose::shell_word;
use diagnose::{
    Conclusion, Confidence, Finding, Locale, Overall, Severity, Status, StepName, Symptom, steps, text,
};
use evidence::{Answer, Case, Evidence, Fact, Header, Origin, Tls, TlsVariation};
use schemars::JsonSchema;
use serde::Serialize;
use sha2::{Digest, Sha256};

/// Name and version of the report format.
pub(super) const SCHEMA: &str = "keepwire.report/1";
/// Where the pages of the causes are.
const HELP: &str = "https://github.com/keepwire/keepwire/blob/main/docs/causes/";

/// What a check came to.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct Report {
    /// Always `keepwire.report/1`.
    pub schema: String,
    /// Which program wrote it.
    pub tool: Tool,
    /// `check`, `lint` or `read`.
    pub kind: String,
    /// The same case has the same id.
    pub id: String,
    /// RFC 3339, UTC.
    pub started_at: String,
    /// Milliseconds.
    pub elapsed_ms: f64,
    /// What was looked at.
    pub target: TargetPart,
    /// From where.
    pub vantage: Vantage,
    /// `ok`, `warn`, `fail` or `unknown`.
    pub verdict: String,
    /// `A` without anything to say, `B` with notes, `C` with warnings; null where it fails.
    pub grade: Option<String>,
    /// What the program exits with.
    pub exit_code: u8,
    /// The whole report in one sentence.
    pub summary: String,
    /// The way of the connection, step by step.
    pub layers: Vec<Layer>,
    /// The command that asks the same again, once something was changed.
    pub confirm: String,
    /// Causes that hold, the root cause first.
    pub findings: Vec<FindingPart>,
    /// What worked once the certificate was not judged any more.
    pub what_if: Vec<Layer>,
    /// What was done to mend it, step by step.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub repair: Option<Repair>,
    /// Trouble that no cause explains.
    pub unexplained: Vec<String>,
    /// Causes that looked possible and are excluded.
    pub ruled_out: Vec<RuledOut>,
    /// What was not looked at, and how to ask for it.
    pub not_tested: Vec<String>,
    /// What a record holds; only of `read`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub read: Option<super::read::ReadPart>,
    /// Everything that was seen, a line each.
    #[serde(skip)]
    pub observations: Vec<String>,
}

/// What was done to mend a configuration.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct Repair {
    /// `dry-run`, `nothing-to-do`, `written`, `verified`, `still-present`, `inconclusive`, `undone`, `refused`.
    pub outcome: String,
    /// The whole change as a unified diff.
    pub patch: String,
    /// Each step, in order.
    pub steps: Vec<RepairStep>,
    /// Where the files as they were are kept.
    pub backup: Option<String>,
}

/// One step of mending.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct RepairStep {
    /// `write`, `test`, `reload`, `verify`, `restore`.
    pub step: String,
    /// `ok`, `fail`, `skip`.
    pub status: String,
    /// In one sentence.
    pub summary: String,
}

/// Which program wrote a report.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct Tool {
    /// `keepwire`.
    pub name: String,
    /// Its version.
    pub version: String,
}

/// What was looked at.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct TargetPart {
    /// Secrets struck out.
    pub url: String,
    /// The name that it was given.
    pub name: Option<String>,
    /// Whether secrets are struck out.
    pub redacted: bool,
}

/// From where it was looked at.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct Vantage {
    /// Operating system.
    pub os: String,
    /// `v4`, `v6`: families with a route to the public network.
    pub ip_families: Vec<String>,
    /// The forward proxy in use.
    pub proxy: Option<String>,
    /// `native`, `browser` or `record`.
    pub mode: String,
}

/// One step of the way.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct Layer {
    /// `dns`, `proxy`, `tcp`, `tls`, `upgrade`, `protocol`, `ping`, `sizes`, `hold`, `close`, `page`; `hop` for a hop of `--chain`.
    pub layer: String,
    /// `ok`, `warn`, `fail`, `skip`.
    pub status: String,
    /// Milliseconds; null where that means nothing.
    pub ms: Option<f64>,
    /// In a few words.
    pub summary: String,
    /// The step in the report's language.
    #[serde(skip)]
    pub title: String,
    /// Addresses of the name.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub addresses: Vec<String>,
    /// TCP attempts.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub attempts: Vec<Attempt>,
    /// TLS version.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    /// ALPN.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub alpn: Option<String>,
    /// The server's certificate.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub certificate: Option<CertificatePart>,
    /// Status of the answer to the handshake.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub http_status: Option<u16>,
    /// `Server` header of the answer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub server: Option<String>,
    /// The request, line by line.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub request: Option<RequestPart>,
    /// The response.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub response: Option<ResponsePart>,
}

/// One TCP attempt.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct Attempt {
    /// `address:port`.
    pub to: String,
    /// `connected`, `refused`, `silence`, …
    pub outcome: String,
    /// Milliseconds.
    pub ms: f64,
}

/// The server's certificate.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct CertificatePart {
    /// Owner.
    pub subject: String,
    /// Issuer.
    pub issuer: String,
    /// RFC 3339.
    pub not_after: String,
    /// May be negative.
    pub days_left: i64,
    /// Names that it is for.
    pub names: Vec<String>,
    /// Certificates that were sent.
    pub chain_length: usize,
}

/// A request.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct RequestPart {
    /// The request line.
    pub line: String,
    /// Its headers.
    pub headers: Vec<(String, String)>,
}

/// A response.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct ResponsePart {
    /// Its headers.
    pub headers: Vec<(String, String)>,
    /// The beginning of its body.
    pub body_preview: String,
    /// Bytes of the body that were read.
    pub body_bytes: u64,
}

/// A cause that holds.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct FindingPart {
    /// Id of the cause.
    pub cause: String,
    /// Id of what in one product makes it so, or null.
    pub because: Option<String>,
    /// `error`, `warning`, `note`.
    pub severity: String,
    /// `proven`, `likely`, `possible`.
    pub confidence: String,
    /// `input`, `dns`, `network`, `tls`, `upgrade`, `protocol`, `alive`, `config`, `browser`.
    pub layer: String,
    /// What is wrong, in one sentence.
    pub title: String,
    /// What it rests on.
    pub evidence: Vec<EvidencePart>,
    /// Places in configuration files, the one that decides first.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub locations: Vec<Location>,
    /// Look-alikes that are excluded.
    pub ruled_out: Vec<String>,
    /// What the people who use it see.
    pub users: Option<String>,
    /// What to change.
    pub fixes: Vec<Fix>,
    /// What would make it surer.
    pub would_tell: Option<String>,
    /// The page about it.
    pub help: String,
}

/// One step of a proof.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct EvidencePart {
    /// `e1`, `e2`, …
    pub id: String,
    /// Kind of what it rests on: `exchange`, `tls`, `connection`, …
    pub kind: String,
    /// In one sentence.
    pub text: String,
    /// Numbers of the observations in the case file.
    pub observations: Vec<u32>,
}

/// A place in a file.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct Location {
    /// Its path.
    pub file: String,
    /// From 1.
    pub line: u32,
    /// In characters, from 1.
    pub column: u32,
    /// The same line.
    pub end_line: u32,
    /// Behind the last character.
    pub end_column: u32,
    /// The line itself.
    pub text: String,
}

/// Something to change.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct Fix {
    /// `f1`, `f2`, …
    pub id: String,
    /// `safe`, `ask-first`, `show-only`.
    pub safety: String,
    /// In one sentence.
    pub title: String,
    /// For which product, or null.
    pub product: Option<String>,
    /// The exact lines, or null.
    pub lines: Option<String>,
    /// The change of the files at hand as a unified diff.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub patch: Option<String>,
    /// Commands to run.
    pub commands: Vec<String>,
}

/// A cause that is excluded.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct RuledOut {
    /// Its id.
    pub cause: String,
    /// What excludes it.
    pub why: String,
}

impl Layer {
    /// A step of which there is nothing more to say than a sentence.
    pub(super) fn simple(layer: &str, status: &str, title: &str, summary: String) -> Self {
        Self {
            layer: layer.to_owned(),
            status: status.to_owned(),
            ms: None,
            summary,
            title: title.to_owned(),
            addresses: Vec::new(),
            attempts: Vec::new(),
            version: None,
            alpn: None,
            certificate: None,
            http_status: None,
            server: None,
            request: None,
            response: None,
        }
    }
}

fn ms(micros: u64) -> f64 {
    // Tenths are enough, and a short number is the same in every JSON library.
    #[allow(clippy::cast_precision_loss, reason = "a case does not last for years")]
    let tenths = (micros / 100) as f64;
    tenths / 10.0
}

pub(super) fn time(unix_seconds: i64) -> String {
    jiff::Timestamp::from_second(unix_seconds)
        .map_or_else(|_| unix_seconds.to_string(), |moment| moment.to_string())
}

impl Report {
    /// The report about a case. `redacted`: secrets were struck out when the evidence was taken.
    #[must_use]
    pub fn new(
        evidence: &Evidence,
        conclusion: &Conclusion,
        locale: &Locale,
        redacted: bool,
        fail_on: FailOn,
    ) -> Self {
        let case = &evidence.case;
        let started = jiff::Timestamp::from_microsecond(i64::try_from(case.started_at_unix_us).unwrap_or(0));
        let environment = evidence.environment();
        let mut ip_families = Vec::new();
        if let Some(environment) = environment {
            ip_families.extend(environment.route_v4.then(|| "v4".to_owned()));
            ip_families.extend(environment.route_v6.then(|| "v6".to_owned()));
        }
        let (layers, what_if) = layers(evidence, locale);
        let failed = conclusion.overall == Overall::Fails;
        let worst = conclusion.findings.iter().map(|finding| finding.severity).max();
        let grade = match (conclusion.overall, worst) {
            (Overall::Fails | Overall::Unknown, _) => None,
            (_, Some(Severity::Warning)) => Some("C"),
            (Overall::Warned, _) => Some("C"),
            (_, Some(_)) => Some("B"),
            (_, None) => Some("A"),
        };
        Self {
            schema: SCHEMA.to_owned(),
            tool: Tool { name: "keepwire".to_owned(), version: env!("CARGO_PKG_VERSION").to_owned() },
            kind: "check".to_owned(),
            id: id(evidence),
            started_at: started.map(|moment| moment.to_string()).unwrap_or_default(),
            elapsed_ms: ms(evidence.elapsed_us()),
            target: TargetPart { url: case.target.url(), name: None, redacted },
            vantage: Vantage {
                os: environment.map(|environment| environment.os.clone()).unwrap_or_default(),
                ip_families,
                proxy: case.via.as_ref().map(|via| via.url.clone()),
                mode: if case.as_browser { "browser" } else { "native" }.to_owned(),
            },
            verdict: conclusion.overall.id().to_owned(),
            grade: grade.map(str::to_owned),
            exit_code: exit_code(conclusion, fail_on, false),
            summary: summary(evidence, conclusion, locale),
            layers,
            what_if,
            confirm: confirm(&evidence.case),
            findings: conclusion
                .findings
                .iter()
                .map(|finding| finding_part(finding, evidence, locale))
                .collect(),
            repair: None,
            unexplained: conclusion
                .unexplained
                .iter()
                .map(|symptom| symptom_text(symptom).say(locale))
                .collect(),
            ruled_out: conclusion
                .excluded
                .iter()
                .map(|excluded| RuledOut { cause: excluded.cause.to_owned(), why: excluded.why.say(locale) })
                .collect(),
            not_tested: if failed { Vec::new() } else { not_tested(evidence, locale) },
            read: None,
            observations: evidence.observations().iter().map(observation_line).collect(),
        }
    }
}

/// What the program exits with: 0, 1 or 2; or the failing layer's code.
#[must_use]
pub fn exit_code(conclusion: &Conclusion, fail_on: FailOn, detail: bool) -> u8 {
    let limit = match fail_on {
        FailOn::Never => return 0,
        FailOn::Note => Severity::Note,
        FailOn::Warning => Severity::Warning,
        FailOn::Error => Severity::Error,
    };
    let culprit = conclusion.findings.iter().find(|finding| finding.severity >= limit);
    let failed = conclusion.overall == Overall::Fails || culprit.is_some();
    match (failed, conclusion.overall) {
        (true, _) if detail => culprit.map_or(1, |finding| finding.layer.exit_code()),
        (true, _) => 1,
        (false, Overall::Unknown) => 2,
        (false, _) => 0,
    }
}

fn id(evidence: &Evidence) -> String {
    short_hash(&[evidence.case.target.url().as_bytes(), &evidence.case.started_at_unix_us.to_be_bytes()])
}

/// A short name for what these bytes say.
pub(super) fn short_hash(parts: &[&[u8]]) -> String {
    let mut hash = Sha256::new();
    parts.iter().for_each(|part| hash.update(part));
    hash.finalize().iter().take(8).map(|byte| format!("{byte:02x}")).collect()
}

/// An id for what has these texts.
pub(super) fn id_of(texts: &[&str]) -> String {
    let mut hash = Sha256::new();
    texts.iter().for_each(|text| hash.update(text));
    hash.finalize().iter().take(8).map(|byte| format!("{byte:02x}")).collect()
}

/// The command that asks the same again. Secrets and files are the user's to add.
fn confirm(case: &Case) -> String {
    let mut words = vec!["keepwire check".to_owned(), shell_word(&case.target.url())];
    let mut flag = |name: &str, value: &str| words.push(format!("--{name} {}", shell_word(value)));
    if let Origin::Given(origin) = &case.origin {
        flag("origin", origin);
    }
    if let Some(page) = &case.page {
        flag("page", page);
    }
    for subprotocol in &case.subprotocols {
        flag("subprotocol", subprotocol);
    }
    if let Some(via) = case.via.as_ref().filter(|via| via.variable.is_none()) {
        flag("via", &via.url);
    }
    if let Some(hold) = case.hold_us {
        let whole = hold % 1_000_000 == 0;
        flag("hold", &if whole { format!("{}s", hold / 1_000_000) } else { format!("{}ms", hold / 1000) });
    }
    if let Some(size) = case.size {
        flag("size", &size.to_string());
    }
    words.join(" ")
}

fn summary(evidence: &Evidence, conclusion: &Conclusion, locale: &Locale) -> String {
    if let Some(first) = conclusion.findings.first()
        && (conclusion.overall == Overall::Fails || first.severity > Severity::Note)
    {
        return sentence(first.title.say(locale));
    }
    let url = evidence.case.target.url();
    let sentence = match conclusion.overall {
        Overall::Works | Overall::Warned => text!("{url} works", url = url),
        Overall::Fails => text!("{url} fails, and no known cause explains it", url = url),
        Overall::Unknown => text!("{url} could not be looked at", url = url),
    };
    sentence.say(locale)
}

/// A sentence begins with a capital letter, unless a product's name that has none is its first word.
pub(super) fn sentence(text: String) -> String {
    match text
        .strip_prefix("a ")
        .map(|rest| ("A ", rest))
        .or_else(|| text.strip_prefix("the ").map(|rest| ("The ", rest)))
    {
        Some((article, rest)) => format!("{article}{rest}"),
        None => text,
    }
}

/// A symptom in words.
fn symptom_text(symptom: &Symptom) -> diagnose::Text {
    match symptom {
        Symptom::NameNotResolved => text!("the name has no address"),
        Symptom::TunnelFailed => text!("the forward proxy did not open a way"),
        Symptom::NotReached => text!("no address takes the connection"),
        Symptom::AddressNotReached(address) => {
            text!("{address} does not take the connection", address = *address)
        }
        Symptom::TlsFailed => text!("the TLS handshake fails"),
        Symptom::CertificateNotTrusted => text!("the certificate is not trusted"),
        Symptom::AddressNotTrusted(address) => {
            text!("the certificate of {address} is not trusted", address = *address)
        }
        Symptom::NotSwitched => text!("the handshake is not answered with 101"),
        Symptom::HandshakeInvalid => text!("the 101 breaks rules of the handshake"),
        Symptom::EndedEarly => text!("the server ends the connection soon after it is open"),
        Symptom::FramesBroken => text!("the server breaks rules of the frame protocol"),
        Symptom::NoPong => text!("the server does not answer pings"),
        Symptom::BrowserRefused => text!("the handshake as a browser sends it is refused"),
        Symptom::BrowserBroken => text!("opened as a browser does, the connection breaks"),
        Symptom::SizeLimited => text!("larger messages do not get through"),
        Symptom::Cut => text!("a quiet connection is ended"),
        Symptom::DeadSilently => text!("a quiet connection dies without anybody saying so"),
        Symptom::Http2Broken => text!("HTTP/2 promises WebSockets and does not keep it"),
    }
}

/// The places that a finding rests on.
fn locations(finding: &Finding, evidence: &Evidence) -> Vec<Location> {
    let mut places: Vec<Location> = Vec::new();
    for id in finding.proof.iter().flat_map(|proof| &proof.rests_on) {
        let Some(Fact::Told(told)) = evidence.observation(*id).map(|seen| &seen.fact) else { continue };
        let spot = &told.spot;
        let place = Location {
            file: spot.file.clone(),
            line: spot.line,
            column: spot.column,
            end_line: spot.line,
            end_column: spot.end_column,
            text: spot.text.clone(),
        };
        if !places.iter().any(|known| known.file == place.file && known.line == place.line) {
            places.push(place);
        }
    }
    places
}

pub(crate) fn finding_part(finding: &Finding, evidence: &Evidence, locale: &Locale) -> FindingPart {
    let proof = finding.proof.iter().enumerate().map(|(index, proof)| EvidencePart {
        id: format!("e{}", index + 1),
        kind: proof
            .rests_on
            .first()
            .and_then(|id| evidence.observation(*id))
            .map_or("derived", |seen| kind(&seen.fact))
            .to_owned(),
        text: proof.text.say(locale),
        observations: proof.rests_on.clone(),
    });
    let fixes = finding.remedies.iter().enumerate().map(|(index, remedy)| Fix {
        id: format!("f{}", index + 1),
        safety: remedy.safety.id().to_owned(),
        title: remedy.title.say(locale),
        product: remedy.stack.map(|stack| stack.name().to_owned()),
        lines: remedy.lines.clone(),
        patch: None,
        commands: remedy.commands.clone(),
    });
    FindingPart {
        cause: finding.cause.to_owned(),
        because: finding.because.map(str::to_owned),
        severity: finding.severity.id().to_owned(),
        confidence: finding.confidence.id().to_owned(),
        layer: finding.layer.id().to_owned(),
        title: sentence(finding.title.say(locale)),
        evidence: proof.collect(),
        locations: locations(finding, evidence),
        ruled_out: finding.not.iter().map(|text| text.say(locale)).collect(),
        users: finding.users.as_ref().map(|text| text.say(locale)),
        fixes: fixes.collect(),
        // Once it is proven there is nothing left to tell apart.
        would_tell: finding
            .would_tell
            .as_ref()
            .filter(|_| finding.confidence != Confidence::Proven)
            .map(|text| text.say(locale)),
        help: format!("{HELP}{}.md", finding.cause),
    }
}

fn kind(fact: &Fact) -> &'static str {
    match fact {
        Fact::Environment(_) => "environment",
        Fact::Resolution(_) => "resolution",
        Fact::Connection(_) => "connection",
        Fact::Tunnel(_) => "tunnel",
        Fact::Tls(_) => "tls",
        Fact::Exchange(_) => "exchange",
        Fact::Session(_) => "session",
        Fact::Sizes(_) => "sizes",
        Fact::Hold(_) => "hold",
        Fact::Http2(_) => "http2",
        Fact::FirstBytes(_) => "first_bytes",
        Fact::Page(_) => "page",
        Fact::Burst(_) => "burst",
        Fact::Told(_) => "config",
        Fact::Said(_) => "record",
        Fact::Answered(_) | Fact::Unanswered { .. } | Fact::Ended => "case",
    }
}

fn layers(evidence: &Evidence, locale: &Locale) -> (Vec<Layer>, Vec<Layer>) {
    let steps = steps(evidence);
    let tls_failed = steps.iter().any(|step| step.name == StepName::Tls && step.status == Status::Fail);
    let mut layers = Vec::new();
    let mut what_if = Vec::new();
    for step in &steps {
        let title = step.name.title().say(locale);
        let mut layer = Layer::simple(step.name.id(), step.status.id(), &title, step.summary.say(locale));
        layer.ms = step.took_us.map(ms);
        details(evidence, step.name, &mut layer);
        // Behind a certificate that nobody trusts everything is hypothetical.
        if tls_failed
            && step.name > StepName::Tls
            && step.name != StepName::Page
            && step.status != Status::Skip
        {
            what_if.push(layer);
        } else {
            layers.push(layer);
        }
    }
    (layers, what_if)
}

fn details(evidence: &Evidence, name: StepName, layer: &mut Layer) {
    match name {
        StepName::Dns => layer.addresses = evidence.addresses().iter().map(ToString::to_string).collect(),
        StepName::Tcp => {
            layer.attempts = evidence
                .connections()
                .map(|seen| Attempt {
                    to: seen.to.to_string(),
                    outcome: serde_json::to_value(seen.outcome)
                        .ok()
                        .and_then(|value| value.as_str().map(str::to_owned))
                        .unwrap_or_else(|| "failed".to_owned()),
                    ms: ms(seen.took_us),
                })
                .collect();
        }
        StepName::Tls => {
            if let Some(tls) = evidence.tls(&TlsVariation::Plain) {
                layer.version.clone_from(&tls.fact.version);
                layer.alpn.clone_from(&tls.fact.alpn);
                layer.certificate = certificate(tls.fact, evidence);
            }
        }
        StepName::Upgrade => {
            let Some(handshake) = evidence.handshake() else { return };
            layer.request = request(&handshake.fact.request);
            if let Answer::Response(response) = &handshake.fact.answer {
                layer.http_status = Some(response.status);
                layer.server = response.header("server").map(str::to_owned);
                layer.response = Some(ResponsePart {
                    headers: response.headers.iter().map(pair).collect(),
                    body_preview: response.body.text.chars().take(200).collect(),
                    body_bytes: response.body.length,
                });
            }
        }
        _ => {}
    }
}

fn pair(header: &Header) -> (String, String) {
    (header.name.clone(), header.value.clone())
}

fn request(lines: &[String]) -> Option<RequestPart> {
    let (line, headers) = lines.split_first()?;
    let headers = headers
        .iter()
        .filter_map(|line| line.split_once(": "))
        .map(|(name, value)| (name.to_owned(), value.to_owned()));
    Some(RequestPart { line: line.clone(), headers: headers.collect() })
}

fn certificate(tls: &Tls, evidence: &Evidence) -> Option<CertificatePart> {
    let leaf = tls.leaf()?;
    let now = i64::try_from(evidence.case.started_at_unix_us / 1_000_000).unwrap_or(i64::MAX);
    Some(CertificatePart {
        subject: leaf.subject.clone(),
        issuer: leaf.issuer.clone(),
        not_after: time(leaf.not_after),
        days_left: leaf.not_after.saturating_sub(now).div_euclid(86_400),
        names: leaf.names.clone(),
        chain_length: tls.chain_length,
    })
}

fn not_tested(evidence: &Evidence, locale: &Locale) -> Vec<String> {
    let case = &evidence.case;
    let mut left = Vec::new();
    if case.hold_us.is_none() {
        left.push(text!("idle time-outs (--hold 150s)"));
    }
    if case.size.is_none() {
        left.push(text!("large messages (--size 1M)"));
    }
    if case.page.is_none() {
        left.push(text!("the page's own rules (--page URL)"));
    }
    left.iter().map(|text| text.say(locale)).collect()
}

/// One line of the raw record, for `-vv`.
fn observation_line(observation: &evidence::Observation) -> String {
    let fact = serde_json::to_string(&observation.fact).unwrap_or_default();
    format!("{:>4}  {:>9.1} ms  {}", observation.id, ms(observation.at_us), fact)
}
