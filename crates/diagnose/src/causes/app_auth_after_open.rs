//! The server accepts and then closes because of the credentials.

use crate::sessions::{AUTH_WORDS, closed};
use crate::{Confidence, Remedy, Verdict, cause, text};
use evidence::Evidence;

cause! {
    /// The server opens and then closes because of the credentials
    ///
    /// # What you see
    /// 101, and at once a close: 3000 or 3003 (registered as Unauthorized and Forbidden), 4401, 4403, 4001, 4003 by
    /// custom, or 1008 with a reason about a token.
    ///
    /// # Why it happens
    /// The application accepts first, so that the client can see a code and a reason, and then finds the token or
    /// session missing, expired or not sufficient.
    ///
    /// # What to do
    /// Get new credentials before connecting again. A client that retries the same token for ever only gets banned.
    ///
    /// # How to be sure
    /// The code and its reason; with valid credentials the connection stays.
    "app-auth-after-open", Upgrade, judge
}

fn judge(evidence: &Evidence) -> Verdict {
    let Some(closed) = closed(evidence).filter(|closed| !closed.held) else { return Verdict::Unseen };
    let about_auth = closed.reason_has(AUTH_WORDS);
    let confidence = match closed.code {
        // IANA registry of close codes: 3000 Unauthorized, 3003 Forbidden.
        3000 | 3003 => Confidence::Proven,
        4401 | 4403 | 4001 | 4003 | 1008 | 4400 | 4000 if about_auth => Confidence::Proven,
        4401 | 4403 => Confidence::Likely,
        4001 | 4003 if closed.reason.is_empty() => Confidence::Possible,
        4000..=4999 if about_auth => Confidence::Likely,
        _ => return Verdict::Unseen,
    };
    let given = evidence.case.has_header("authorization") || evidence.case.has_header("cookie");
    let title = if given {
        text!("The server opens, then closes: it does not accept the credentials that were sent")
    } else {
        text!("The server opens, then closes: it wants credentials")
    };
    closed
        .finding(confidence, title)
        .not(text!("the network or a proxy: they do not send close codes of the application"))
        .users(text!("JavaScript: onclose with code {code} and its reason, right after onopen.", code = closed.code))
        .remedy(Remedy::new(text!("Get a fresh token or session, and give it to the handshake")))
        .remedy(Remedy::new(text!("Do not reconnect with the same credentials after this code: renew them first")))
        .would_tell(text!("Repeat it with valid credentials: -H 'Authorization: …' or --cookie 'NAME=VALUE'"))
        .holds()
}

#[cfg(test)]
mod tests {
    use super::CAUSE;
    use crate::Confidence;
    use crate::sample::{Sample, does_not_hold, holds};

    fn closed(code: u16, reason: &str) -> Sample {
        Sample::ws().closes_early(code, reason, 4_000)
    }

    #[test]
    fn holds_for_codes_and_reasons_of_credentials() {
        for (code, reason, confidence) in [
            (4401, "token expired", Confidence::Proven),
            (4401, "", Confidence::Likely),
            (3000, "", Confidence::Proven),
            (1008, "invalid token", Confidence::Proven),
            (4003, "forbidden", Confidence::Proven),
            (4001, "", Confidence::Possible),
            (4123, "Authentication failed", Confidence::Likely),
        ] {
            assert_eq!(holds(&CAUSE, closed(code, reason)).confidence, confidence, "{code} {reason}");
        }
    }

    #[test]
    fn near_misses() {
        for (code, reason) in [(1008, ""), (1008, "policy violation"), (1011, "token"), (4406, ""), (4001, "room full"), (1001, "")] {
            does_not_hold(&CAUSE, closed(code, reason));
        }
        does_not_hold(&CAUSE, Sample::ws().opens());
    }
}
