//! An address that the constructor does not take.

use crate::{Confidence, Finding, Remedy, Stack, Verdict, cause, page, text};
use evidence::Evidence;

cause! {
    /// The browser does not accept the address
    ///
    /// # What you see
    /// `new WebSocket()` throws at once: `SyntaxError: The URL contains a fragment identifier`, "is invalid", "scheme must be
    /// either 'ws' or 'wss'". No packet leaves.
    ///
    /// # Why it happens
    /// The address has a `#fragment`, or is no absolute ws or wss URL. `http:`, `https:` and relative addresses are taken by
    /// recent browsers only. Credentials in the address (`wss://user:password@…`) are used by some clients and ignored by others.
    ///
    /// # What to do
    /// Write an absolute `wss://` address without fragment and credentials.
    ///
    /// # How to be sure
    /// The error is a `SyntaxError` (mixed content is a `SecurityError`) and depends on the text alone.
    "page-invalid-url", Browser, judge
}

fn judge(evidence: &Evidence) -> Verdict {
    let target = &evidence.case.target;
    let has = |oddity: &str| target.oddities.iter().any(|known| known == oddity);
    let ids = page::ids(evidence);
    let (fragment, credentials) = (has("fragment"), has("credentials"));
    let finding = match (fragment, credentials, evidence.case.page.is_some()) {
        (true, _, true) => Finding::error(Confidence::Proven, text!("Browsers refuse an address with a fragment (#…)")),
        (true, _, false) => Finding::warning(Confidence::Proven, text!("Browsers refuse an address with a fragment (#…)")),
        (false, true, _) => Finding::warning(Confidence::Likely, text!("The address has credentials in it, which not every client sends")),
        (false, false, _) => return Verdict::Unseen,
    };
    let finding = if fragment {
        finding
            .proof(&ids, text!("The address that was given has a #fragment; the check went on without it."))
            .users(text!("Browsers: SyntaxError from new WebSocket(); many programs drop the fragment and connect."))
    } else {
        finding
            .proof(&ids, text!("The address that was given has a user name or a password in it."))
            .users(text!("Some clients send them as Basic credentials, others drop them: then 401."))
    };
    finding
        .remedy(Remedy::for_stack(Stack::Browser, text!("Leave it out"), format!("new WebSocket('{}')", target.url())))
        .holds()
}

#[cfg(test)]
mod tests {
    use super::CAUSE;
    use crate::Severity;
    use crate::sample::{Sample, does_not_hold, holds};

    #[test]
    fn holds_for_odd_addresses() {
        assert_eq!(holds(&CAUSE, Sample::at("ws://app.example/ws#room").opens()).severity, Severity::Warning);
        let page = Sample::at("ws://app.example/ws#room").opens().page("http://app.example/", |_| {});
        assert_eq!(holds(&CAUSE, page).severity, Severity::Error);
        let _ = holds(&CAUSE, Sample::at("ws://user:secret@app.example/ws").opens());
    }

    #[test]
    fn near_misses() {
        does_not_hold(&CAUSE, Sample::at("ws://app.example/ws?room=%23").opens());
    }
}
