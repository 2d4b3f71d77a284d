//! What configurations say, for the causes that they show: found, put into words, and joined with live evidence.

use crate::because;
use crate::finding::{Confidence, Finding, Severity};
use crate::text::Text;
use crate::{Symptom, Verdict, text};
use evidence::{Belief, Evidence, Given, RouteSeen, Seen, Setting, Told, VersionBy};

/// The first setting that `pick` takes.
pub(crate) fn find<'a, T>(
    evidence: &'a Evidence,
    pick: impl Fn(&'a Setting) -> Option<T>,
) -> Option<(Seen<'a, Told>, T)> {
    evidence.told().find_map(|seen| Some((seen, pick(&seen.fact.what)?)))
}

/// The route of this case.
pub(crate) fn route(evidence: &Evidence) -> Option<&RouteSeen> {
    find(evidence, |what| match what {
        Setting::Route(route) => Some(route),
        _ => None,
    })
    .map(|(_, route)| route)
}

/// The product whose configuration it is.
pub(crate) fn product(evidence: &Evidence) -> String {
    route(evidence).map_or_else(|| "the proxy".to_owned(), |route| route.product.clone())
}

/// A finding that rests on a setting: with its place, its line, and who set it.
pub(crate) fn finding(evidence: &Evidence, seen: Seen<'_, Told>, severity: Severity, title: Text) -> Finding {
    let told = seen.fact;
    let place = format!("{}:{}", told.spot.file, told.spot.line);
    let line = told.spot.text.trim();
    let proof = match &told.by {
        Given::Here => text!("{place}: {line}", place = place, line = line),
        Given::Inherited(level) => {
            text!(
                "{place}: {line} (inherited from {level})",
                place = place,
                line = line,
                level = level.as_str()
            )
        }
        Given::Default => {
            let (product, version) = route(evidence).map_or((String::new(), String::new()), |route| {
                (route.product.clone(), route.version.clone())
            });
            text!(
                "{place}: {line} — nothing is set here or above, so the default of {product} {version} holds",
                place = place,
                line = line,
                product = product,
                version = version
            )
        }
    };
    let finding = match severity {
        Severity::Error => Finding::error(confidence(evidence, told), title),
        Severity::Warning => Finding::warning(confidence(evidence, told), title),
        Severity::Note => Finding::note(confidence(evidence, told), title),
    };
    let known = told.because.as_deref().and_then(because::id);
    finding.because(known).proof(&[seen.id], proof)
}

/// A text says what is told; that it concerns a socket may be a guess, and so may the version be.
fn confidence(evidence: &Evidence, told: &Told) -> Confidence {
    let Some(route) = route(evidence) else { return Confidence::Likely };
    let guessed = told.by == Given::Default && route.version_by == VersionBy::Assumed;
    match &route.believed {
        Some(Belief::Said | Belief::Mentions(_)) if !guessed => Confidence::Proven,
        _ => Confidence::Likely,
    }
}

/// The setting by which this header is taken away.
pub(crate) fn cleared<'a>(evidence: &'a Evidence, header: &str) -> Option<Seen<'a, Told>> {
    find(evidence, |what| match what {
        Setting::Cleared(name) if name.eq_ignore_ascii_case(header) => Some(()),
        _ => None,
    })
    .map(|(seen, ())| seen)
}

/// Milliseconds in a few words.
pub(crate) fn time(ms: u64) -> String {
    match ms {
        ms if ms >= 7_200_000 && ms % 3_600_000 == 0 => format!("{} h", ms / 3_600_000),
        ms if ms % 1_000 == 0 => format!("{} s", ms / 1_000),
        ms => format!("{ms} ms"),
    }
}

/// What a live look and a configuration say of one cause, taken together.
pub(crate) fn join(evidence: &Evidence, live: Verdict, told: Option<Finding>) -> Verdict {
    let Some(told) = told else { return live };
    match live {
        Verdict::Holds(mut finding) => {
            // Two witnesses that do not know of each other: the effect was seen, and the line that makes it.
            if finding.confidence >= Confidence::Likely {
                finding.confidence = Confidence::Proven;
            }
            finding.because = told.because.or(finding.because);
            finding.proof.extend(told.proof);
            let mut remedies = told.remedies;
            remedies.extend(finding.remedies.into_iter().filter(|remedy| remedy.lines.is_none()));
            finding.remedies = remedies;
            Verdict::Holds(finding)
        }
        Verdict::RuledOut(why) => Verdict::RuledOut(why),
        Verdict::Unseen if contradicted(evidence, &told) => Verdict::Unseen,
        Verdict::Unseen => Verdict::Holds(Box::new(told)),
        Verdict::Open(questions) => Verdict::Holds(Box::new(told.ask(questions))),
    }
}

/// The connection opens, though by this finding it could not: then another file, or another hop, is at work.
fn contradicted(evidence: &Evidence, told: &Finding) -> bool {
    let fatal = told.severity == Severity::Error && told.explains.contains(&Symptom::NotSwitched);
    fatal && evidence.handshake().is_some_and(|seen| seen.opened())
}

/// For causes that no live look can see.
pub(crate) fn unseen(_: &Evidence) -> Verdict {
    Verdict::Unseen
}

#[cfg(test)]
mod tests {
    use crate::causes;
    use crate::sample::Sample;
    use crate::{Confidence, Diagnosis, Severity, Verdict};
    use evidence::{HostSent, Passing, Setting, Variation};

    /// What a configuration shows of causes that live looks see as well.
    #[test]
    fn settings_hold_causes() {
        let idle = |ms, timer: &str| Setting::Idle { ms: Some(ms), timer: timer.to_owned() };
        for (cause, settings, severity) in [
            ("upgrade-stripped", vec![Setting::Upgrade(Passing::Dropped)], Some(Severity::Error)),
            ("upgrade-stripped", vec![Setting::Upgrade(Passing::Passed)], None),
            (
                "upgrade-connection-token-missing",
                vec![Setting::Upgrade(Passing::ConnectionLost)],
                Some(Severity::Error),
            ),
            ("upgrade-refused-by-proxy", vec![Setting::Upgrade(Passing::Refused)], Some(Severity::Error)),
            (
                "upgrade-http10-upstream",
                vec![Setting::Upgrade(Passing::Passed), Setting::UpstreamHttp("1.0".into())],
                Some(Severity::Error),
            ),
            // Where the upgrade is lost anyway, the version is not the first thing to mend.
            (
                "upgrade-http10-upstream",
                vec![Setting::Upgrade(Passing::Dropped), Setting::UpstreamHttp("1.0".into())],
                None,
            ),
            (
                "upgrade-http10-upstream",
                vec![Setting::Upgrade(Passing::Passed), Setting::UpstreamHttp("1.1".into())],
                None,
            ),
            ("app-forward-auth-breaks", vec![Setting::AuthUpgrade], Some(Severity::Error)),
            (
                "upgrade-trailing-slash-redirect",
                vec![Setting::SlashRedirect { from: "/ws".into(), to: "/ws/".into() }],
                Some(Severity::Note),
            ),
            (
                "upgrade-host-mismatch",
                vec![Setting::Host(HostSent::Upstream("app".into()))],
                Some(Severity::Warning),
            ),
            ("upgrade-host-mismatch", vec![Setting::Host(HostSent::WithoutPort)], Some(Severity::Note)),
            ("upgrade-host-mismatch", vec![Setting::Host(HostSent::Client)], None),
            (
                "upgrade-subprotocol-not-answered",
                vec![Setting::Cleared("sec-websocket-protocol".into())],
                Some(Severity::Error),
            ),
            ("upgrade-subprotocol-not-answered", vec![Setting::Cleared("Sec-WebSocket-Key".into())], None),
            (
                "upgrade-key-missing-or-bad",
                vec![Setting::Cleared("Sec-WebSocket-Key".into())],
                Some(Severity::Error),
            ),
            ("upgrade-101-missing-upgrade", vec![Setting::Cleared("Upgrade".into())], Some(Severity::Error)),
            ("idle-nginx-read-timeout", vec![idle(60_000, "proxy_read_timeout")], Some(Severity::Warning)),
            ("idle-nginx-read-timeout", vec![idle(3_600_000, "proxy_read_timeout")], None),
            ("idle-nginx-read-timeout", vec![idle(50_000, "timeout client")], None),
            ("idle-other-proxies", vec![idle(50_000, "timeout client")], Some(Severity::Warning)),
            (
                "idle-ping-equals-timeout",
                vec![idle(60_000, "proxy_read_timeout"), Setting::Ping { ms: 60_000 }],
                Some(Severity::Error),
            ),
            (
                "idle-ping-equals-timeout",
                vec![idle(60_000, "proxy_read_timeout"), Setting::Ping { ms: 30_000 }],
                None,
            ),
            (
                "idle-nginx-read-timeout",
                vec![idle(60_000, "proxy_read_timeout"), Setting::Ping { ms: 30_000 }],
                None,
            ),
            (
                "lifetime-cap",
                vec![Setting::Lifetime { ms: Some(15_000), timer: "timeout".into() }],
                Some(Severity::Error),
            ),
            ("lifetime-cap", vec![Setting::Lifetime { ms: None, timer: "timeout".into() }], None),
            (
                "app-sticky-missing",
                vec![Setting::Servers { count: 2, sticky: false }],
                Some(Severity::Warning),
            ),
            ("app-sticky-missing", vec![Setting::Servers { count: 2, sticky: true }], None),
            (
                "tls-upstream-scheme-mismatch",
                vec![Setting::SchemeMismatch { upstream: "http://a:443".into() }],
                Some(Severity::Warning),
            ),
        ] {
            let sample =
                settings.iter().fold(Sample::told(), |sample, setting| sample.setting(setting.clone()));
            let verdict = causes::find(cause).expect("it is in the catalog").judge(&sample.evidence());
            let found = match &verdict {
                Verdict::Holds(finding) => Some(finding.severity),
                _ => None,
            };
            assert_eq!(found, severity, "{cause} {settings:?}");
        }
    }

    #[test]
    fn file_and_answer_together_are_proof() {
        let sample = Sample::told()
            .because("nginx-header-inheritance-lost")
            .setting(Setting::Upgrade(Passing::Dropped))
            .answer(404, "Not Found")
            .experiment(Variation::without_upgrade(), 404, "Not Found")
            .experiment(Variation::path(evidence::PathVariant::Random), 404, "elsewhere");
        let conclusion = Diagnosis::resume(sample.evidence()).conclude();
        let first = conclusion.findings.first().expect("a finding");
        assert_eq!((first.cause, first.because), ("upgrade-stripped", Some("nginx-header-inheritance-lost")));
        assert_eq!(first.confidence, Confidence::Proven);
        assert!(first.remedies.iter().any(|remedy| remedy.wish.is_some()));
    }

    #[test]
    fn a_connection_that_opens_contradicts_the_file() {
        let sample = Sample::told().setting(Setting::Upgrade(Passing::Dropped)).opens();
        let conclusion = Diagnosis::resume(sample.evidence()).conclude();
        assert!(
            conclusion.findings.iter().all(|finding| finding.cause != "upgrade-stripped"),
            "{:?}",
            conclusion.findings
        );
    }
}
