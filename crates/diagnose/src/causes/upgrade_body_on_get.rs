//! The handshake announces a body.

use crate::answers::{not_switched, unclear};
use crate::reading::experiment;
use crate::{Confidence, Remedy, Verdict, cause, text};
use evidence::{Evidence, Question, Variation};

cause! {
    /// The handshake announces a body
    ///
    /// # What you see
    /// 400 from strict servers; Envoy's HTTP/2 path refuses. The request carries `Content-Length` or
    /// `Transfer-Encoding`.
    ///
    /// # Why it happens
    /// A client or proxy adds `Content-Length: 0` (or chunked coding) to every request. A handshake is a GET
    /// without a body.
    ///
    /// # What to do
    /// Remove the header from the client, or on the hop that adds it.
    ///
    /// # How to be sure
    /// Without the header the same handshake opens.
    "upgrade-body-on-get", Upgrade, judge
}

fn judge(evidence: &Evidence) -> Verdict {
    let case = &evidence.case;
    let Some(name) = ["content-length", "transfer-encoding"].into_iter().find(|name| case.has_header(name)) else {
        return Verdict::Unseen;
    };
    let Some((seen, response)) = unclear(evidence) else { return Verdict::Unseen };
    let bare = Variation { bare: true, ..Variation::default() };
    let Some(without) = experiment(evidence, &bare) else { return Verdict::Open(vec![Question::Upgrade(bare)]) };
    if !without.opened() {
        return Verdict::RuledOut(text!("without the given headers it is refused as well"));
    }
    let confidence = if case.header_names.len() == 1 { Confidence::Proven } else { Confidence::Likely };
    not_switched(confidence, seen, response, text!("The server refuses a handshake that announces a body with {name}", name = name))
        .proof(&[without.id], text!("Without the given headers it opens."))
        .remedy(Remedy::new(text!("Remove {name} from the handshake", name = name)))
        .holds()
}

#[cfg(test)]
mod tests {
    use super::CAUSE;
    use crate::sample::{Sample, does_not_hold, holds};
    use evidence::Variation;

    fn given(name: &str) -> Sample {
        Sample::ws().case(|case| case.header_names = vec![name.into()]).answer(400, "a handshake has no body\n")
    }

    #[test]
    fn holds_where_only_the_header_makes_the_difference() {
        let bare = Variation { bare: true, ..Variation::default() };
        let _ = holds(&CAUSE, given("Content-Length").opens_with(bare.clone(), |_| {}));
        does_not_hold(&CAUSE, given("Content-Length").experiment(bare.clone(), 400, "no"));
        does_not_hold(&CAUSE, given("X-Other").opens_with(bare, |_| {}));
    }
}
