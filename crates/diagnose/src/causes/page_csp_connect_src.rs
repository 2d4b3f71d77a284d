//! The page's policy does not list the socket.

use crate::browser::{self, secure_twin};
use crate::csp::{Outcome, judge_policy};
use crate::{Confidence, Remedy, Stack, Verdict, cause, recipes, text};
use evidence::{Answer, Evidence, PolicySource, Target};
use url::Url;

cause! {
    /// The page's Content-Security-Policy does not allow the socket
    ///
    /// # What you see
    /// `Connecting to 'wss://…' violates the following Content Security Policy directive: "connect-src 'self'"` in the
    /// console, and an `error` event. No packet leaves; command line tools connect.
    ///
    /// # Why it happens
    /// `connect-src` (or `default-src`, where there is none) lists what the page may connect to, and sockets count.
    /// `'self'` means the page's own host and port only. A host without a port stands for the default port, `https:` and
    /// a host without scheme do not cover `ws:`, and with several policies each one has to allow it.
    ///
    /// # What to do
    /// Add the socket's origin, `wss://host[:port]`, to `connect-src` of the policy that forbids it: in the header, or in
    /// the `<meta>` element of the page.
    ///
    /// # How to be sure
    /// `curl -sI` of the page shows the header; the text of the page may hold a `<meta http-equiv>` as well. Unlike with
    /// mixed content, `new WebSocket` does not throw.
    "page-csp-connect-src", Browser, judge
}

fn judge(evidence: &Evidence) -> Verdict {
    let Some(seen) = evidence.page() else { return Verdict::Unseen };
    let Ok(url) = Url::parse(&seen.fact.url) else { return Verdict::Unseen };
    let case = &evidence.case;
    // Addresses are made secure before the policy is asked (Fetch, "main fetch" steps 5 and 7).
    let upgraded = browser::upgrades_insecure(seen.fact) && !case.target.secure && !case.target.is_loopback();
    let target = if upgraded { secure_twin(&case.target) } else { case.target.clone() };
    let forbidden: Vec<_> = seen
        .fact
        .policies
        .iter()
        .filter_map(|policy| match judge_policy(&policy.text, &url, &target) {
            Outcome::Forbidden { directive, text } => Some((policy.source, directive, text)),
            Outcome::Silent | Outcome::Allowed { .. } => None,
        })
        .collect();
    let Some((source, directive, text)) = forbidden.first() else { return Verdict::Unseen };
    // The error page of a page that wants a login may have another policy than the page itself.
    let (confidence, response) = match &seen.fact.answer {
        Answer::Response(response) if response.status < 300 => (Confidence::Proven, Some(&**response)),
        Answer::Response(response) => (Confidence::Likely, Some(&**response)),
        _ => (Confidence::Likely, None),
    };
    let title = text!(
        "The page's Content-Security-Policy does not allow {url}: {directive} does not list it",
        url = target.url(),
        directive = directive
    );
    let place = match source {
        PolicySource::Header => text!("a response header"),
        PolicySource::Meta => text!("a meta element"),
    };
    let short: String = text.chars().take(200).collect();
    let mut finding = browser::finding(case, confidence, title)
        .proof(&[seen.id], text!("The policy stands in {place} of the page: \"{text}\"", place = place, text = short))
        .not(text!("the server or the network: the browser refuses before it sends anything"))
        .users(text!("Chrome: \"Connecting to … violates the following Content Security Policy directive\", an error event and no connection."));
    if forbidden.len() > 1 {
        finding = finding.proof(&[seen.id], text!("{count} policies of the page forbid it; every one of them has to allow it.", count = forbidden.len()));
    }
    if let Some(handshake) = evidence.handshake().filter(|seen| seen.opened()) {
        finding = finding.proof(&[handshake.id], text!("Outside a browser the same address opens."));
    }
    let fixed = with_socket(directive, text, &target);
    if *source == PolicySource::Meta {
        let line = format!("<meta http-equiv=\"Content-Security-Policy\" content=\"{fixed}; …\">");
        return finding
            .remedy(Remedy::for_stack(Stack::Browser, text!("Add the socket to the policy of the page's meta element"), line))
            .holds();
    }
    finding.remedies(recipes::for_response(response, remedies(&fixed))).holds()
}

/// The directive with the socket's origin added; `default-src` is left alone and gets a `connect-src` beside it.
fn with_socket(directive: &str, text: &str, target: &Target) -> String {
    // Host sources have no form for IPv6 literals (CSP3 section 2.3.1).
    let source = if target.host.contains(':') {
        format!("{}:", target.scheme())
    } else {
        format!("{}://{}", target.scheme(), target.authority())
    };
    let sources = text[directive.len().min(text.len())..].split_ascii_whitespace();
    // Only what means something for connections.
    let kept = sources.filter(|word| {
        let quoted = word.starts_with('\'');
        !quoted || word.eq_ignore_ascii_case("'self'")
    });
    let all: Vec<&str> = kept.chain([source.as_str()]).collect();
    format!("connect-src {}", all.join(" "))
}

fn remedies(directive: &str) -> Vec<Remedy> {
    let title = || text!("Add the socket to connect-src; the rest of the policy stays");
    vec![
        Remedy::for_stack(Stack::Nginx, title(), format!("add_header Content-Security-Policy \"{directive}; …\" always;")),
        Remedy::for_stack(Stack::Apache, title(), format!("Header always set Content-Security-Policy \"{directive}; …\"")),
        Remedy::for_stack(Stack::Caddy, title(), format!("header Content-Security-Policy \"{directive}; …\"")),
        Remedy::for_stack(
            Stack::Node,
            title(),
            format!("// helmet\napp.use(helmet({{ contentSecurityPolicy: {{ directives: {{ connectSrc: [{}] }} }} }}))", list(directive)),
        ),
        Remedy::for_stack(
            Stack::Django,
            title(),
            format!("# django-csp 4\nCONTENT_SECURITY_POLICY = {{\"DIRECTIVES\": {{\"connect-src\": [{}]}}}}", list(directive)),
        ),
        Remedy::for_stack(
            Stack::Rails,
            title(),
            format!("# config/initializers/content_security_policy.rb\npolicy.connect_src {}", list(directive)),
        ),
    ]
}

/// The sources as a list of strings.
fn list(directive: &str) -> String {
    let sources = directive.split_ascii_whitespace().skip(1);
    sources.map(|source| format!("\"{source}\"")).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::{CAUSE, with_socket};
    use crate::sample::{Sample, does_not_hold, holds};
    use crate::{Confidence, Severity};
    use evidence::{Answer, Policy, PolicySource, Target};

    fn with(policies: &[&str], url: &str) -> Sample {
        Sample::at(url)
            .page("https://app.example/", |page| {
                page.policies = policies
                    .iter()
                    .map(|text| Policy { source: PolicySource::Header, text: (*text).to_owned() })
                    .collect();
            })
            .opens()
    }

    #[test]
    fn holds_where_one_policy_does_not_list_the_socket() {
        for policies in [
            &["connect-src 'self'"][..],
            &["default-src 'none'"],
            &["connect-src *", "connect-src https://api.example"],
            &["script-src *; connect-src wss://api.example"],
        ] {
            let finding = holds(&CAUSE, with(policies, "wss://api.example:8443/ws"));
            assert_eq!((finding.severity, finding.confidence), (Severity::Error, Confidence::Proven));
            let lines = finding.remedies[0].lines.clone().unwrap_or_default();
            assert!(lines.contains("wss://api.example:8443"), "{lines}");
        }
        let login = Sample::wss().page("https://other.example/", |page| {
            page.answer = Answer::Response(Box::new(crate::sample::response(401, &[], "")));
            page.policies = vec![Policy { source: PolicySource::Meta, text: "connect-src 'self'".into() }];
        });
        assert_eq!(holds(&CAUSE, login).confidence, Confidence::Likely);
    }

    #[test]
    fn near_misses() {
        for policies in [
            &[][..],
            &["script-src 'self'"],
            &["connect-src 'self'"],
            &["default-src 'none'; connect-src wss:"],
            &["connect-src wss://app.example"],
        ] {
            does_not_hold(&CAUSE, with(policies, "wss://app.example/ws"));
        }
        // Made secure first, and then it is the page's own host.
        does_not_hold(&CAUSE, with(&["connect-src 'self'; upgrade-insecure-requests"], "ws://app.example/ws"));
        does_not_hold(&CAUSE, Sample::wss().opens());
    }

    #[test]
    fn the_directive_is_written_out() {
        let target = |url| Target::parse(url).expect("it parses");
        for (directive, text, url, fixed) in [
            ("connect-src", "connect-src 'self' https://a.example", "wss://b.example/x", "connect-src 'self' https://a.example wss://b.example"),
            ("default-src", "default-src 'none'", "ws://b.example:81/", "connect-src ws://b.example:81"),
            ("connect-src", "connect-src", "ws://[::1]:81/", "connect-src ws:"),
        ] {
            assert_eq!(with_socket(directive, text, &target(url)), fixed);
        }
    }
}
