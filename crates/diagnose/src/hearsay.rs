//! What a message of somebody else may mean: causes in order, as sure as the words alone allow.
//!
//! Browsers, libraries and logs mostly name a symptom. One with a single meaning proves its cause; where several fit,
//! each comes with what would tell it from the others. A live look always weighs more.

mod browser;
mod close;
mod curl;
mod library;
mod logs;
mod network;
mod status;

use crate::cause::Layer;
use crate::finding::{Confidence, Finding, Remedy, Severity, Stack};
use crate::text::{Arg, Text};
use crate::{causes, recipes, text};
use evidence::{Evidence, Said};

/// What a message means.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Meaning {
    /// In one sentence.
    pub text: Text,
    /// Something is wrong; otherwise it is only told.
    pub trouble: bool,
    /// Causes that fit, the likeliest first.
    pub candidates: Vec<Candidate>,
    /// What to do where no cause of the catalog fits.
    pub advice: Option<Text>,
}

/// A cause that fits a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Candidate {
    /// Its id.
    pub cause: &'static str,
    /// As sure as the message alone makes it.
    pub confidence: Confidence,
    /// What in one product makes it so, where the message says it.
    pub because: Option<&'static str>,
}

const POSSIBLE: Confidence = Confidence::Possible;
const LIKELY: Confidence = Confidence::Likely;
const PROVEN: Confidence = Confidence::Proven;

impl Meaning {
    fn new(text: Text, candidates: &[(&'static str, Confidence)]) -> Self {
        let candidates = candidates
            .iter()
            .map(|&(cause, confidence)| Candidate { cause, confidence, because: None })
            .collect();
        Self { text, trouble: true, candidates, advice: None }
    }

    /// Nothing is wrong.
    fn calm(text: Text) -> Self {
        Self { text, trouble: false, candidates: Vec::new(), advice: None }
    }

    fn because(mut self, id: &'static str) -> Self {
        if let Some(first) = self.candidates.first_mut() {
            first.because = Some(id);
        }
        self
    }

    fn advice(mut self, text: Text) -> Self {
        self.advice = Some(text);
        self
    }
}

/// What this message means.
#[must_use]
pub fn meaning(said: &Said) -> Meaning {
    browser::meaning(said)
        .or_else(|| network::meaning(said))
        .or_else(|| library::meaning(said))
        .or_else(|| close::meaning(said))
        .or_else(|| logs::meaning(said))
        .or_else(|| curl::meaning(said))
        .or_else(|| status::meaning(said))
        .unwrap_or_else(|| {
            Meaning::new(text!("The connection failed; the message does not say why."), ANYTHING)
        })
}

/// What hides behind a message that says nothing.
const ANYTHING: &[(&str, Confidence)] = &[
    ("upgrade-stripped", POSSIBLE),
    ("tcp-refused-no-listener", POSSIBLE),
    ("upgrade-path-404", POSSIBLE),
    ("tls-self-signed", POSSIBLE),
];

/// What a person can do to tell a cause from the others that fit.
#[must_use]
pub fn would_tell(cause: &str) -> Text {
    let starts = |prefixes: &[&str]| prefixes.iter().any(|prefix| cause.starts_with(prefix));
    match cause {
        "upgrade-stripped" | "upgrade-connection-token-missing" | "upgrade-http10-upstream" => {
            text!(
                "keepwire check asks once with Upgrade and once without: where a hop strips it, both answers are the same"
            )
        }
        "upgrade-path-404"
        | "app-wrong-transport-path"
        | "upgrade-200-html"
        | "upgrade-200-empty-no-route"
        | "client-plain-ws-to-engineio" => {
            text!(
                "keepwire check asks at a path that exists nowhere: the same answer there means that no socket is served at this one"
            )
        }
        "upgrade-curl-h2-false-negative" => text!("curl with --http1.1 gets another answer"),
        "app-sticky-missing" => {
            text!(
                "keepwire check repeats the handshake: with several workers and no affinity, some succeed and some fail"
            )
        }
        "app-waf-blocked" | "app-rate-limited" => {
            text!(
                "keepwire check reads the answer itself: these servers say in its body or headers that they block or limit"
            )
        }
        "frame-message-too-big" => text!("keepwire check --size 1M finds the size from which messages fail"),
        "upgrade-bad-gateway"
        | "upgrade-eof-before-response"
        | "upgrade-never-answered"
        | "app-handler-exception"
        | "app-no-upgrade-support"
        | "tcp-lb-no-healthy-target"
        | "app-middleware-not-hijackable"
        | "app-close-before-accept" => {
            text!(
                "ask the application itself, past the proxy: --connect-to ADDRESS:PORT; its own log has the reason"
            )
        }
        _ if starts(&["app-origin", "app-host", "app-vite", "app-trusted", "upgrade-host"]) => {
            text!(
                "keepwire check --origin with the page's origin fails where the same without an origin opens"
            )
        }
        _ if starts(&["app-auth", "app-forward-auth", "page-cookie", "page-auth", "page-basic"]) => {
            text!("with the page's credentials (--cookie, --header, --auth) it opens")
        }
        _ if cause.ends_with("-redirect") || cause == "client-redirect-not-followed" => {
            text!("the Location header of the answer tells: another scheme, a slash, or a login page")
        }
        _ if starts(&["idle-", "lifetime-", "keepalive-", "close-1006"]) => {
            text!(
                "keepwire check --hold 150s stays silent: it ends after the same time, and with pings it stays"
            )
        }
        _ if starts(&["tls-", "client-clock", "client-missing"]) => {
            text!("keepwire check looks at the certificate and the TLS versions itself")
        }
        _ if starts(&["dns-", "tcp-", "client-localhost", "client-offline"]) => {
            text!("keepwire check resolves the name and tries every address and port itself")
        }
        _ if starts(&["page-"]) => text!("keepwire check --page with the page's address judges its rules"),
        _ if starts(&["frame-", "interception", "upgrade-extension", "upgrade-subprotocol"]) => {
            text!("keepwire check judges every header and frame and names the rule that is broken")
        }
        _ if starts(&["forward-proxy", "captive"]) => {
            text!("keepwire check with --via none and with --via PROXY: only one of them fails")
        }
        _ => text!("keepwire explain {cause} says how to be sure", cause = cause),
    }
}

/// Puts what messages say beside what was seen: a proof more for a cause that holds already, and causes of their own
/// where the connection was not looked at, or where the message has one meaning.
pub(crate) fn add(evidence: &Evidence, findings: &mut Vec<Finding>, excluded: &[&'static str]) {
    let live = evidence.observations().iter().any(|seen| seen.source == evidence::Source::Probe);
    let mut heard: Vec<Finding> = Vec::new();
    for seen in evidence.said() {
        let meaning = meaning(seen.fact);
        for candidate in &meaning.candidates {
            let proof = proof(seen.fact);
            if let Some(known) =
                findings.iter_mut().chain(heard.iter_mut()).find(|finding| finding.cause == candidate.cause)
            {
                if candidate.confidence > known.confidence {
                    known.confidence = candidate.confidence;
                }
                known.because = known.because.or(candidate.because);
                if known.proof.len() < MOST_PROOFS {
                    known.proof.push(crate::Proof { text: proof, rests_on: vec![seen.id] });
                }
                continue;
            }
            // What was looked at and excluded stays so; guesses do not stand beside a look.
            if excluded.contains(&candidate.cause) || (live && candidate.confidence < PROVEN) {
                continue;
            }
            let title = text!("{title}", title = Arg::Title(candidate.cause));
            let mut finding = Finding::error(candidate.confidence, title)
                .because(candidate.because)
                .proof(&[seen.id], proof);
            finding.cause = candidate.cause;
            finding.layer = causes::find(candidate.cause).map_or(Layer::Input, |cause| cause.layer);
            finding.severity = severity(live);
            finding.would_tell = (candidate.confidence < PROVEN).then(|| would_tell(candidate.cause));
            heard.push(finding.remedies(remedies(candidate.cause, seen.fact)));
        }
    }
    // Stable: what was said more often comes first, and of one message the likelier cause.
    heard.sort_by_key(|finding| std::cmp::Reverse(finding.confidence));
    let sure = heard.iter().chain(findings.iter()).any(|finding| finding.confidence == PROVEN);
    let unsure = if sure { 0 } else { MOST_GUESSES.saturating_sub(findings.len()) };
    let mut guesses = 0;
    heard.retain(|finding| {
        guesses += usize::from(finding.confidence != PROVEN);
        finding.confidence == PROVEN || guesses <= unsure
    });
    findings.extend(heard);
    if !live {
        // Nothing was tried: the surest explanation first, whoever gave it.
        findings.sort_by_key(|finding| std::cmp::Reverse(finding.confidence));
    }
}

/// What to change: the exact lines where the message names the product, and what the cause's page says.
fn remedies(cause: &'static str, said: &Said) -> Vec<Remedy> {
    let stack = match said.by.as_str() {
        "nginx" => Some(Stack::Nginx),
        "HAProxy" => Some(Stack::Haproxy),
        "Apache httpd" => Some(Stack::Apache),
        "Caddy" => Some(Stack::Caddy),
        "Traefik" => Some(Stack::Traefik),
        _ => None,
    };
    let path = said.url.as_deref().and_then(path_of).unwrap_or("/ws");
    let mut all = match (cause, stack) {
        ("upgrade-stripped", Some(_)) => recipes::only(stack, recipes::forward_upgrade(path)),
        ("idle-nginx-read-timeout" | "idle-other-proxies", Some(_)) => {
            recipes::only(stack, recipes::longer_idle())
        }
        _ => Vec::new(),
    };
    all.push(Remedy::new(text!("{todo}", todo = Arg::ToDo(cause))));
    all
}

/// The path of an address, without its query.
fn path_of(url: &str) -> Option<&str> {
    let rest = url.split_once("//").map_or(url, |(_, rest)| rest);
    let path = rest.get(rest.find('/')?..)?.split('?').next()?;
    (path.len() > 1).then_some(path)
}

/// Causes that are not proven and still shown.
const MOST_GUESSES: usize = 5;
/// Steps of a proof.
const MOST_PROOFS: usize = 6;

/// What was in a log while the connection works now is a warning.
fn severity(live: bool) -> Severity {
    if live { Severity::Warning } else { Severity::Error }
}

/// The message as a step of a proof.
fn proof(said: &Said) -> Text {
    let by = if said.by.is_empty() { "the record" } else { said.by.as_str() };
    let what = what(said);
    match said.count {
        0 | 1 => text!("{by} says: {what} (line {line}).", by = by, what = what, line = said.first_line),
        count => text!(
            "{by} says {count} times, lines {first} to {last}: {what}.",
            by = by,
            count = count,
            first = said.first_line,
            last = said.last_line,
            what = what
        ),
    }
}

/// The message in a few words: never translated, because people search for it.
fn what(said: &Said) -> String {
    let mut words = vec![said.id.clone()];
    words.extend(said.status.map(|status| status.to_string()));
    words.extend(said.code.map(|code| code.to_string()));
    words.extend([&said.flags, &said.reason].into_iter().filter(|text| !text.is_empty()).cloned());
    words.extend(said.url.clone());
    words.join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sample::Sample;
    use evidence::{Fact, Place};

    fn said(id: &str) -> Said {
        Said { id: id.to_owned(), count: 1, first_line: 1, ..Said::default() }
    }

    /// Everything that `records` can say.
    fn everything() -> Vec<Said> {
        let mut all = Vec::new();
        for status in [
            0, 101, 103, 200, 204, 301, 302, 307, 308, 400, 401, 403, 404, 405, 407, 408, 414, 421, 426, 429,
            431, 499, 500, 501, 502, 503, 504, 505, 511, 520, 521, 599,
        ] {
            all.push(Said { status: Some(status), ..said("status-logged") });
            all.push(Said {
                status: Some(status),
                url: Some("/socket.io/".to_owned()),
                ..said("unexpected-response-code")
            });
        }
        for code in [
            1000, 1001, 1002, 1003, 1005, 1006, 1007, 1008, 1009, 1010, 1011, 1012, 1013, 1014, 1015, 3000,
            3003, 3008, 4001, 4400, 4401, 4403, 4406, 4408, 4429, 4999,
        ] {
            all.push(Said { code: Some(code), ..said("closed") });
        }
        for flags in [
            "cD--", "sD--", "CD--", "SD--", "SC--", "sC--", "SH--", "sH--", "PH--", "PR--", "PC--", "sQ--",
            "CH--", "cR--", "CR--", "RC--", "XX--", "cD", "",
        ] {
            all.push(Said { flags: flags.to_owned(), ..said("haproxy-termination") });
        }
        all.push(Said {
            flags: "SC--".to_owned(),
            reason: "<NOSRV>".to_owned(),
            ..said("haproxy-termination")
        });
        let source = concat!(
            include_str!("../../records/src/messages/browser.rs"),
            include_str!("../../records/src/messages/server.rs"),
            include_str!("../../records/src/messages/library.rs"),
            include_str!("../../records/src/messages/network.rs")
        );
        all.extend(source.split("says(\"").skip(1).filter_map(|rest| rest.split('"').next()).map(said));
        let logs = concat!(
            include_str!("../../records/src/logs/nginx_error.rs"),
            include_str!("../../records/src/logs/apache_error.rs"),
            include_str!("../../records/src/logs/json.rs"),
            include_str!("../../records/src/curl.rs")
        );
        let ids = logs.split('"').filter(|word| {
            ["nginx-", "apache-", "caddy-", "curl-"].iter().any(|prefix| word.starts_with(prefix))
                && word.chars().all(|c| c.is_ascii_lowercase() || c == '-' || c.is_ascii_digit())
        });
        all.extend(ids.map(said));
        all
    }

    #[test]
    fn every_message_has_a_meaning_and_every_cause_exists() {
        for said in everything() {
            let meaning = meaning(&said);
            let unknown = meaning.text.template() == "The connection failed; the message does not say why.";
            let vague = [
                "connection-failed",
                "firefox-cannot-connect",
                "bad-response",
                "transport-error",
                "opening-handshake-failed",
            ];
            assert!(!unknown || vague.contains(&said.id.as_str()), "{} has no meaning of its own", said.id);
            for candidate in &meaning.candidates {
                assert!(causes::find(candidate.cause).is_some(), "{}: no cause {}", said.id, candidate.cause);
            }
            assert!(
                !meaning.trouble || !meaning.candidates.is_empty() || meaning.advice.is_some(),
                "{}",
                said.id
            );
        }
    }

    fn conclude(sample: Sample) -> Vec<(&'static str, Confidence)> {
        let evidence = sample.evidence();
        let conclusion = crate::Diagnosis::resume(evidence).conclude();
        conclusion.findings.iter().map(|finding| (finding.cause, finding.confidence)).collect()
    }

    #[test]
    fn a_record_alone_ranks_what_fits() {
        let heard = Said { status: Some(404), ..said("unexpected-response-code") };
        let mut evidence = Evidence::new(Sample::ws().evidence().case);
        let source = evidence::Source::Record { file: "x".to_owned(), line: 1 };
        evidence.add(0, source, Place::Page, Fact::Said(Box::new(heard)));
        let conclusion = crate::Diagnosis::resume(evidence).conclude();
        assert_eq!(conclusion.findings[0].cause, "upgrade-path-404");
        assert!(conclusion.findings.len() > 1);
    }

    #[test]
    fn a_look_weighs_more_than_a_guess() {
        let heard = || Fact::Said(Box::new(Said { status: Some(404), ..said("unexpected-response-code") }));
        assert_eq!(conclude(Sample::ws().opens().fact(Place::Server, heard())), []);
        // The log proves what the look cannot see.
        let refused = Fact::Said(Box::new(said("nginx-upstream-refused")));
        let found = conclude(Sample::ws().opens().fact(Place::Server, refused));
        assert_eq!(found, [("upgrade-bad-gateway", Confidence::Proven)]);
    }
}
