//! `'self'` alone does not cover sockets in old Safari.

use crate::csp::{Outcome, judge_policy};
use crate::{Confidence, Finding, Remedy, Verdict, cause, text};
use evidence::Evidence;
use url::Url;

cause! {
    /// Safari before 16 does not count sockets as 'self'
    ///
    /// # What you see
    /// Only in older Safari, and in every browser of such an iPhone: `Refused to connect to wss://… because it does not
    /// appear in the connect-src directive`, and `SecurityError: The operation is insecure`.
    ///
    /// # Why it happens
    /// CSP3 lets `'self'` stand for `ws` and `wss` of the page's own host as well. Chrome does so since 70, Firefox
    /// longer; WebKit only since 2022 (r292266, Safari 16). Before, the schemes differed, and that was that.
    ///
    /// # What to do
    /// List `wss://host` beside `'self'`. Newer browsers do not mind.
    ///
    /// # How to be sure
    /// The page works in current browsers, and its `connect-src` allows the socket by `'self'` alone.
    "page-csp-self-old-webkit", Browser, judge
}

fn judge(evidence: &Evidence) -> Verdict {
    let Some(seen) = evidence.page() else { return Verdict::Unseen };
    let Ok(url) = Url::parse(&seen.fact.url) else { return Verdict::Unseen };
    let target = &evidence.case.target;
    let forbidden = |text: &str| matches!(judge_policy(text, &url, target), Outcome::Forbidden { .. });
    if seen.fact.policies.iter().any(|policy| forbidden(&policy.text)) {
        return Verdict::Unseen;
    }
    let Some(policy) = seen.fact.policies.iter().find(|policy| forbidden(&without_self(&policy.text))) else {
        return Verdict::Unseen;
    };
    let source = if target.host.contains(':') { format!("{}:", target.scheme()) } else { format!("{}://{}", target.scheme(), target.authority()) };
    let short: String = policy.text.chars().take(200).collect();
    Finding::note(Confidence::Likely, text!("Safari before 16 will not open the socket: the policy allows it by 'self' alone"))
        .proof(&[seen.id], text!("The page's policy: \"{text}\"", text = short))
        .users(text!("Old Safari: \"Refused to connect … because it does not appear in the connect-src directive\"."))
        .remedy(Remedy::new(text!("Add {source} to connect-src, beside 'self'", source = source)))
        .holds()
}

fn without_self(policy: &str) -> String {
    let directive = |text: &str| {
        let words = text.split_ascii_whitespace().filter(|word| !word.eq_ignore_ascii_case("'self'"));
        words.collect::<Vec<_>>().join(" ")
    };
    policy.split(';').map(directive).collect::<Vec<_>>().join("; ")
}

#[cfg(test)]
mod tests {
    use super::CAUSE;
    use crate::Severity;
    use crate::sample::{Sample, does_not_hold, holds};
    use evidence::{Policy, PolicySource};

    fn with(policy: &str) -> Sample {
        let policy = Policy { source: PolicySource::Header, text: policy.to_owned() };
        Sample::wss().page("https://app.example/", |page| page.policies = vec![policy]).opens()
    }

    #[test]
    fn holds_where_self_alone_allows_it() {
        for policy in ["connect-src 'self'", "default-src 'SELF'; img-src *", "connect-src https://a.example 'self'"] {
            assert_eq!(holds(&CAUSE, with(policy)).severity, Severity::Note);
        }
    }

    #[test]
    fn near_misses() {
        for policy in ["connect-src 'self' wss://app.example", "connect-src 'self' wss:", "script-src 'self'", "connect-src 'none'"] {
            does_not_hold(&CAUSE, with(policy));
        }
        does_not_hold(&CAUSE, Sample::wss().opens());
    }
}
