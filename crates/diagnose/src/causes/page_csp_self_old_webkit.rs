//! The policy allows the socket by 'self' only, which old browsers do not read so.

use crate::{Confidence, Finding, PolicyOutcome, Remedy, Stack, Verdict, cause, judge_policy, page, text};
use evidence::Evidence;

cause! {
    /// `connect-src 'self'` does not cover sockets in old browsers
    ///
    /// # What you see
    /// Only in older Safari and other WebKit browsers (and Chrome before 70): `Refused to connect to wss://… because it does not
    /// appear in the connect-src directive`, `SecurityError: The operation is insecure`.
    ///
    /// # Why it happens
    /// `'self'` means the page's own scheme, host and port. That it covers `wss:` for an https page came later (CSP Level 3),
    /// and to WebKit last.
    ///
    /// # What to do
    /// List the socket's address beside `'self'`.
    ///
    /// # How to be sure
    /// The same page works in a current Chrome or Firefox, and with the address in the policy in the old browser as well.
    "page-csp-self-old-webkit", Browser, judge
}

fn judge(evidence: &Evidence) -> Verdict {
    let (Some(seen), Some(url)) = (evidence.page(), page::address(evidence)) else { return Verdict::Unseen };
    let target = &evidence.case.target;
    let outcomes: Vec<_> = seen.fact.policies.iter().map(|policy| judge_policy(&policy.text, &url, target)).collect();
    if outcomes.iter().any(|outcome| matches!(outcome, PolicyOutcome::Forbidden { .. })) {
        return Verdict::Unseen;
    }
    let by_self = outcomes.iter().find_map(|outcome| match outcome {
        PolicyOutcome::Allowed { directive, by } if by.eq_ignore_ascii_case("'self'") => Some(directive.clone()),
        _ => None,
    });
    let Some(directive) = by_self else { return Verdict::Unseen };
    let socket = format!("{}://{}", target.scheme(), target.authority());
    Finding::note(Confidence::Likely, text!("Old Safari does not read 'self' in {directive} as leave to open the socket", directive = &directive))
        .proof(&[seen.id], text!("{directive} allows {socket} by 'self' alone.", directive = &directive, socket = &socket))
        .users(text!("Current browsers connect; old WebKit says that the address does not appear in the connect-src directive."))
        .remedy(Remedy::for_stack(
            Stack::Nginx,
            text!("List the socket's address beside 'self'"),
            format!("add_header Content-Security-Policy \"connect-src 'self' {socket}\" always;   # with the other directives as they are"),
        ))
        .holds()
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
    fn holds_where_self_alone_allows_it() {
        let _ = holds(&CAUSE, policy("connect-src 'self'"));
        let _ = holds(&CAUSE, policy("default-src 'self'"));
    }

    #[test]
    fn near_misses() {
        for text in ["connect-src wss://app.example 'self'", "connect-src 'none'", "script-src 'self'", "connect-src *"] {
            does_not_hold(&CAUSE, policy(text));
        }
        does_not_hold(&CAUSE, Sample::wss().opens());
    }
}
