//! The page's policy does not allow the socket.

use crate::{Confidence, Finding, PolicyOutcome, Remedy, Stack, Symptom, Verdict, cause, judge_policy, page, text};
use evidence::{Evidence, PolicySource};

cause! {
    /// The page's Content Security Policy forbids the socket
    ///
    /// # What you see
    /// In the console: `Connecting to 'wss://…' violates the following Content Security Policy directive: "connect-src …"`. An
    /// `error` event, and no packet leaves. Command line tools connect.
    ///
    /// # Why it happens
    /// `connect-src` (or `default-src`, where there is none) lists what a page may connect to, and the socket's address is not
    /// on it. Scheme, host and port count: `'self'` is the page's own port only, and `https:` does not cover `ws://`.
    ///
    /// # What to do
    /// Add the socket's address to `connect-src`.
    ///
    /// # How to be sure
    /// The policy in the response header and in `<meta http-equiv>`; both must allow it, and so must every further policy.
    "page-csp-connect-src", Browser, judge
}

fn judge(evidence: &Evidence) -> Verdict {
    let (Some(seen), Some(url)) = (evidence.page(), page::address(evidence)) else { return Verdict::Unseen };
    let target = &evidence.case.target;
    let forbidden = seen.fact.policies.iter().find_map(|policy| match judge_policy(&policy.text, &url, target) {
        PolicyOutcome::Forbidden { directive, text } => Some((policy, directive, text)),
        _ => None,
    });
    let Some((policy, directive, text)) = forbidden else { return Verdict::Unseen };
    let socket = format!("{}://{}", target.scheme(), target.authority());
    let place = match policy.source {
        PolicySource::Header => text!("in the response header of {page}", page = url.as_str()),
        PolicySource::Meta => text!("in a <meta> element of {page}", page = url.as_str()),
    };
    let sources = text.strip_prefix(directive.as_str()).unwrap_or_default().trim();
    let fixed = match sources {
        "" | "'none'" => format!("connect-src {socket}"),
        sources => format!("connect-src {sources} {socket}"),
    };
    let mut finding = Finding::error(Confidence::Proven, text!("The page's Content Security Policy does not allow {socket}", socket = &socket))
        .explains(Symptom::BrowserRefused)
        .proof(&[seen.id], text!("\"{directive}\" stands {place}; it does not list {socket}.", directive = &text, place = place, socket = &socket))
        .users(text!("Browsers: an error event and a line about Content Security Policy in the console; no packet leaves. Programs connect."))
        .not(text!("the server: no browser even asks it"))
        .remedy(Remedy::for_stack(
            Stack::Nginx,
            text!("Add the socket's address to connect-src"),
            format!("add_header Content-Security-Policy \"{fixed}\" always;   # with the other directives as they are"),
        ))
        .remedy(Remedy::for_stack(Stack::Node, text!("Add the socket's address to connect-src"), format!("helmet({{ contentSecurityPolicy: {{ directives: {{ connectSrc: [\"'self'\", '{socket}'] }} }} }})")));
    if directive == "default-src" {
        finding = finding.proof(&[seen.id], text!("The policy has no connect-src, so default-src decides."));
    }
    finding.holds()
}

#[cfg(test)]
mod tests {
    use super::CAUSE;
    use crate::sample::{Sample, does_not_hold, holds};
    use evidence::{Policy, PolicySource};

    fn policy(text: &str) -> Sample {
        Sample::wss().opens().page("https://app.example/", |page| {
            page.policies = vec![Policy { source: PolicySource::Header, text: text.into() }];
        })
    }

    #[test]
    fn holds_where_a_policy_forbids_it() {
        for text in ["connect-src https://api.example", "default-src 'none'", "connect-src wss://app.example:8443"] {
            let _ = holds(&CAUSE, policy(text));
        }
        let two = Sample::wss().opens().page("https://app.example/", |page| {
            page.policies = vec![
                Policy { source: PolicySource::Header, text: "connect-src *".into() },
                Policy { source: PolicySource::Meta, text: "connect-src 'none'".into() },
            ];
        });
        let _ = holds(&CAUSE, two);
    }

    #[test]
    fn near_misses() {
        for text in ["connect-src 'self'", "connect-src wss:", "script-src 'self'", "connect-src *"] {
            does_not_hold(&CAUSE, policy(text));
        }
        does_not_hold(&CAUSE, Sample::wss().opens());
    }
}
