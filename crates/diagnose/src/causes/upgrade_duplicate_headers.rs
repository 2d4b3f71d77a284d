//! A header of the 101 stands twice.

use crate::answers::{faulty, invalid};
use crate::{Remedy, Stack, Verdict, cause, text};
use evidence::{Evidence, HandshakeFault};

cause! {
    /// A header of the 101 stands twice
    ///
    /// # What you see
    /// Chrome: "'Sec-WebSocket-Accept' header must not appear more than once in a response". The other way round servers
    /// refuse a doubled request: Envoy 403 (`upgrade: websocket,websocket`), node and Tornado 400.
    ///
    /// # Why it happens
    /// Two hops both add the headers, or one appends to what is there already.
    ///
    /// # What to do
    /// Let one hop set the headers; set instead of append.
    ///
    /// # How to be sure
    /// The header list of the 101; behind one hop less the header stands once.
    "upgrade-duplicate-headers", Upgrade, judge
}

fn judge(evidence: &Evidence) -> Verdict {
    let Some(faulty) = faulty(evidence, |fault| matches!(fault, HandshakeFault::Duplicate(_))) else {
        return Verdict::Unseen;
    };
    let HandshakeFault::Duplicate(name) = faulty.fault else { return Verdict::Unseen };
    let times = faulty.seen.fact.response().map_or(0, |response| response.headers_named(name).count());
    invalid(
        &faulty,
        text!("The server's 101 has the header {name} more than once", name = name),
        text!("{name} stands in the 101 {times} times.", name = name, times = times),
        "'Sec-WebSocket-Accept' header must not appear more than once in a response",
    )
    .remedy(Remedy::for_stack(
        Stack::Nginx,
        text!("Remove the add_header lines that repeat what the application sends"),
        "# no add_header Upgrade / Connection / Sec-WebSocket-* in the location of the socket",
    ))
    .remedy(Remedy::new(text!("Let one hop write the upgrade headers, and replace instead of append")))
    .holds()
}

#[cfg(test)]
mod tests {
    use super::CAUSE;
    use crate::sample::{Sample, does_not_hold, faulty_101, holds};
    use evidence::{HandshakeFault, Variation};

    fn with(fault: HandshakeFault) -> Sample {
        Sample::ws().exchange(Variation::plain(), faulty_101(&[], vec![fault]))
    }

    #[test]
    fn holds_for_the_fault_and_for_no_other() {
        let _ = holds(&CAUSE, with(HandshakeFault::Duplicate("Upgrade".into())));
        for fault in [HandshakeFault::AcceptMissing, HandshakeFault::UpgradeMissing] {
            does_not_hold(&CAUSE, with(fault));
        }
        does_not_hold(&CAUSE, Sample::ws().opens());
        does_not_hold(&CAUSE, Sample::ws().answer(426, "Upgrade Required"));
    }
}
