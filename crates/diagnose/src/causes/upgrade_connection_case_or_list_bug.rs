//! The server compares `Connection` letter by letter.

use crate::fingerprint::Product;
use crate::reading::{experiment, front, status_line};
use crate::{Confidence, Finding, Remedy, Stack, Verdict, cause, text};
use evidence::{ConnectionHeader, Evidence, Question, Variation};

cause! {
    /// The server understands only one spelling of `Connection`
    ///
    /// # What you see
    /// Chrome connects, Firefox gets 400 or 426. Firefox sends `Connection: keep-alive, Upgrade`.
    ///
    /// # Why it happens
    /// The server, or a rewrite condition in front of it, compares the whole value with `Upgrade`. It is a list of
    /// tokens, and their case does not matter (RFC 6455 section 4.2.1, RFC 9110 section 7.6.1).
    ///
    /// # What to do
    /// Split the value at commas and compare each token without regard to case. Apache: `[NC]`, and no `^…$`.
    ///
    /// # How to be sure
    /// The same handshake with `Connection: Upgrade` opens and with `Connection: keep-alive, Upgrade` does not.
    "upgrade-connection-case-or-list-bug", Upgrade, judge
}

fn judge(evidence: &Evidence) -> Verdict {
    let Some(handshake) = evidence.handshake().filter(|seen| seen.opened()) else { return Verdict::Unseen };
    let Some(response) = handshake.fact.response() else { return Verdict::Unseen };
    let list = Variation { connection: ConnectionHeader::List, ..Variation::default() };
    let Some(seen) = experiment(evidence, &list) else {
        // A proxy writes this header anew, so that the client's spelling matters only to Apache's rewrite rules.
        let may_matter = matches!(front(response), None | Some(Product::Apache));
        return if may_matter { Verdict::Open(vec![Question::Upgrade(list)]) } else { Verdict::Unseen };
    };
    let Some(refusal) = seen.fact.response().filter(|response| matches!(response.status, 400 | 403 | 404 | 426)) else {
        return Verdict::Unseen;
    };
    let finding = Finding::warning(
        Confidence::Proven,
        text!("The server refuses \"Connection: keep-alive, Upgrade\", which is what Firefox sends"),
    )
    .proof(&[handshake.id], text!("With \"Connection: Upgrade\" the handshake gets 101."))
    .proof(
        &[seen.id],
        text!("With \"Connection: keep-alive, Upgrade\" and nothing else changed it gets {status}.", status = status_line(refusal)),
    )
    .users(text!("Chrome, Edge and Safari connect; Firefox fails with close code 1006."));
    finding
        .remedy(Remedy::new(text!("Compare the tokens of the list, without regard to case")))
        .remedy(Remedy::for_stack(
            Stack::Apache,
            text!("Match the token anywhere in the value"),
            "RewriteCond %{HTTP:Upgrade} =websocket [NC]\nRewriteCond %{HTTP:Connection} upgrade [NC]",
        ))
        .remedy(Remedy::for_stack(
            Stack::Node,
            text!("Compare the tokens of the list, without regard to case"),
            "const asks = (req.headers.connection || '').toLowerCase().split(/\\s*,\\s*/).includes('upgrade');",
        ))
        .holds()
}

#[cfg(test)]
mod tests {
    use super::CAUSE;
    use crate::sample::{Sample, does_not_hold, holds};
    use crate::Verdict;
    use evidence::{ConnectionHeader, Variation};

    fn list() -> Variation {
        Variation { connection: ConnectionHeader::List, ..Variation::default() }
    }

    #[test]
    fn holds_where_only_the_spelling_makes_the_difference() {
        let finding = holds(&CAUSE, Sample::ws().opens().experiment(list(), 400, "\"Connection\" must be \"Upgrade\"."));
        assert!(finding.title.english().contains("Firefox"));
    }

    #[test]
    fn near_misses() {
        does_not_hold(&CAUSE, Sample::ws().opens().opens_with(list(), |_| {}));
        // Our own experiments were too many for it.
        does_not_hold(&CAUSE, Sample::ws().opens().experiment(list(), 429, "slow down"));
        does_not_hold(&CAUSE, Sample::ws().answer(400, "no").experiment(list(), 400, "no"));
        // Behind nginx the client's spelling never arrives: not worth a connection.
        let behind = Sample::ws().answer_with(101, &["server: nginx"], "");
        assert_eq!(CAUSE.judge(&behind.evidence()), Verdict::Unseen);
    }
}
