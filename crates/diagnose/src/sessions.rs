//! Questions to open connections that many causes share: broken rules, early closes, and held connections.

use crate::text::Text;
use crate::{Confidence, Finding, Symptom, text};
use evidence::{
    Answer, Ending, Evidence, Exchange, Hold, HoldKind, How, Micros, Seen, Session, StepEnd, Variation,
};

/// A rule of the frame protocol that the server broke.
pub(crate) struct Broken<'a> {
    /// Number of the observation.
    pub id: u32,
    /// Id of the rule.
    pub fault: &'a str,
    /// What was seen.
    pub detail: &'a str,
    /// The session; none: it showed in a ladder of sizes.
    pub session: Option<Seen<'a, Session>>,
}

/// The first of these rules that is broken: in the plain session, in the browser's, in a ladder of sizes.
pub(crate) fn broken<'a>(evidence: &'a Evidence, rules: &[&str]) -> Option<Broken<'a>> {
    let in_session = [Variation::plain(), Variation::browser()].iter().find_map(|variation| {
        let seen = evidence.session(variation)?;
        let (fault, detail) = seen.fact.faults.iter().find(|(fault, _)| rules.contains(&fault.as_str()))?;
        Some(Broken { id: seen.id, fault, detail, session: Some(seen) })
    });
    in_session.or_else(|| {
        evidence.sizes().find_map(|seen| {
            seen.fact.steps.iter().find_map(|step| match &step.end {
                StepEnd::Broke(fault, detail) if rules.contains(&fault.as_str()) => {
                    Some(Broken { id: seen.id, fault, detail, session: None })
                }
                _ => None,
            })
        })
    })
}

impl Broken<'_> {
    /// Only the connection as a browser opens it breaks.
    pub(crate) fn browser_only(&self) -> bool {
        self.session.is_some_and(|session| session.variation == Variation::browser())
    }

    /// Compression was agreed on that connection.
    pub(crate) fn compressed(&self) -> bool {
        self.session.is_some_and(|session| session.deflate)
    }

    /// A finding about it; `chrome` is what Chrome says.
    pub(crate) fn finding(&self, title: Text, chrome: &'static str) -> Finding {
        let mut finding = Finding::error(Confidence::Proven, title)
            .explains(Symptom::FramesBroken)
            .explains(Symptom::BrowserBroken)
            .explains(Symptom::SizeLimited)
            .explains(Symptom::EndedEarly)
            .proof(&[self.id], text!("On the open connection: {detail}.", detail = self.detail));
        if let Some(session) = self.session.filter(|session| !session.first_bytes.is_empty()) {
            let bytes = session.first_bytes.chars().take(47).collect::<String>();
            finding = finding
                .proof(&[session.id], text!("The first bytes after the 101 are {bytes}.", bytes = bytes));
        }
        finding.users(text!(
            "Chrome says: {message}. JavaScript sees only close code 1006.",
            message = chrome.trim_end_matches('.')
        ))
    }
}

/// The server sent what it had to say and closed with 1000, "done": a job that delivers its result ends like this, and
/// nobody else complains of it. Where the messages speak of errors or credentials, 1000 is only politeness.
pub(crate) fn delivered(session: &Session) -> bool {
    let complains = |text: &str| {
        let text = text.to_lowercase();
        text.contains("error") || AUTH_WORDS.iter().any(|word| text.contains(word))
    };
    let done = session
        .ending
        .as_ref()
        .and_then(close_frame)
        .is_some_and(|(code, reason)| code == 1000 && !complains(reason));
    done && !session.messages.is_empty()
        && !session.messages.iter().any(|message| complains(&message.preview))
}

/// The server ended it before we said anything, and had not said all that it had to say.
pub(crate) fn ended_early(session: &Session) -> bool {
    session.ended_uninvited() && !delivered(session)
}

/// A handshake that did not work beside another one and works alone.
pub(crate) struct Disturbed<'a> {
    /// Beside another one.
    pub first: Seen<'a, Exchange>,
    /// Its session, where it was opened.
    pub session: Option<Seen<'a, Session>>,
    /// Alone.
    pub alone: Seen<'a, Exchange>,
}

/// The plain or the browser's handshake, if it works only while the other one is not there.
pub(crate) fn disturbed(evidence: &Evidence) -> Option<Disturbed<'_>> {
    [Variation::plain(), Variation::browser()].iter().find_map(|variation| {
        let first =
            evidence.first_exchange(variation).filter(|_| is_troubled(evidence, variation) == Some(true))?;
        let alone = evidence.first_exchange(&variation.again()).filter(|seen| seen.opened())?;
        let session = evidence.first_session(variation);
        (works(evidence, &alone.variation) == Some(true)).then_some(Disturbed { first, session, alone })
    })
}

/// The handshake that is worth another try, alone: two are made at the same time, and one of them fails in a way in which
/// servers that take one client at a time refuse or drop the others.
pub(crate) fn worth_another_try(evidence: &Evidence) -> Option<Variation> {
    let (plain, browser) = (Variation::plain(), Variation::browser());
    let troubled = (is_troubled(evidence, &plain)?, is_troubled(evidence, &browser)?);
    let opened = |variation: &Variation| evidence.first_exchange(variation).is_some_and(|seen| seen.opened());
    if !opened(&plain) && !opened(&browser) {
        return None;
    }
    let again = plain.again();
    match troubled {
        (true, _) if evidence.first_exchange(&again).is_none() => Some(again),
        // Where being alone does not help the plain one, it does not help the browser's.
        (true, true) => works(evidence, &again)?.then(|| browser.again()),
        (false, true) => Some(browser.again()),
        _ => None,
    }
}

/// Whether this handshake opened, and its session did not end early; none: it is not over.
fn works(evidence: &Evidence, variation: &Variation) -> Option<bool> {
    let opened = evidence.first_exchange(variation)?.opened();
    Some(opened && !ended_early(evidence.first_session(variation)?.fact))
}

/// Whether the first handshake of this kind failed in such a way; none: it failed otherwise, or it is not over.
fn is_troubled(evidence: &Evidence, variation: &Variation) -> Option<bool> {
    let exchange = evidence.first_exchange(variation)?;
    if exchange.opened() {
        let session = evidence.first_session(variation)?;
        return session.faults.is_empty().then(|| ended_early(session.fact));
    }
    match &exchange.answer {
        // Not 502 and 504, which a proxy says of an application that is down; not 429, which says what it is.
        Answer::Response(response) => matches!(response.status, 409 | 423 | 500 | 503).then_some(true),
        Answer::Ended(_) | Answer::Reset(_) => Some(true),
        _ => None,
    }
}

/// A connection that the server closed with a close frame, uninvited.
pub(crate) struct Closed<'a> {
    /// Number of the observation.
    pub id: u32,
    /// Its code.
    pub code: u16,
    /// Its reason.
    pub reason: &'a str,
    /// When, since the connection was open.
    pub after_us: Micros,
    /// It was held open, rather than looked at for a moment.
    pub held: bool,
    /// Only the browser's connection ended so.
    pub browser_only: bool,
    /// It had sent messages, and says that it is done.
    pub delivered: bool,
}

/// How the server closed a connection on which nothing was said: a fresh one, or else a held one.
pub(crate) fn closed(evidence: &Evidence) -> Option<Closed<'_>> {
    let fresh = [Variation::plain(), Variation::browser()].iter().find_map(|variation| {
        let seen = evidence.session(variation).filter(|seen| seen.fact.ended_uninvited())?;
        let ending = seen.fact.ending.as_ref()?;
        let (code, reason) = close_frame(ending)?;
        Some(Closed {
            id: seen.id,
            code,
            reason,
            after_us: ending.after_us,
            held: false,
            browser_only: !variation.is_plain(),
            delivered: delivered(seen.fact),
        })
    });
    fresh.or_else(|| {
        evidence.holds(HoldKind::Quiet).find_map(|seen| {
            let ending = seen.fact.ending.as_ref()?;
            let (code, reason) = close_frame(ending)?;
            Some(Closed {
                id: seen.id,
                code,
                reason,
                after_us: ending.after_us,
                held: true,
                browser_only: false,
                delivered: false,
            })
        })
    })
}

fn close_frame(ending: &Ending) -> Option<(u16, &str)> {
    match &ending.how {
        How::Close { code: Some(code), reason } => Some((*code, reason)),
        _ => None,
    }
}

impl Closed<'_> {
    /// Whether the reason has one of these words, whatever the case.
    pub(crate) fn reason_has(&self, words: &[&str]) -> bool {
        let reason = self.reason.to_lowercase();
        words.iter().any(|word| reason.contains(word))
    }

    /// `4401 "token expired"`.
    pub(crate) fn words(&self) -> String {
        if self.reason.is_empty() {
            self.code.to_string()
        } else {
            format!("{} \"{}\"", self.code, self.reason)
        }
    }

    /// A finding about it.
    pub(crate) fn finding(&self, confidence: Confidence, title: Text) -> Finding {
        let time = crate::reading::duration(self.after_us);
        Finding::error(confidence, title)
            .explains(Symptom::EndedEarly)
            .explains(Symptom::BrowserBroken)
            .explains(Symptom::Cut)
            .proof(
                &[self.id],
                text!("The server closes with {words} after {time}.", words = self.words(), time = time),
            )
    }
}

/// The words with which servers speak of credentials.
pub(crate) const AUTH_WORDS: &[&str] = &[
    "auth",
    "token",
    "credential",
    "permission",
    "forbidden",
    "denied",
    "login",
    "log in",
    "session expired",
    "jwt",
    "not allowed",
    "api key",
    "apikey",
];

/// A quiet connection that ended, compared with the others that were held beside it.
pub(crate) struct Cut<'a> {
    /// The quiet one.
    pub seen: Seen<'a, Hold>,
    /// How it ended.
    pub ending: &'a Ending,
    /// Another quiet one ended after the same time.
    pub again: Option<u32>,
    /// The one on which we sent pings.
    pub pings: Option<Seen<'a, Hold>>,
    /// The one on which only we sent.
    pub one_way: Option<Seen<'a, Hold>>,
}

/// The first quiet connection that ended without the application saying why.
pub(crate) fn cut(evidence: &Evidence) -> Option<Cut<'_>> {
    let mut quiet =
        evidence.holds(HoldKind::Quiet).filter_map(|seen| Some((seen, seen.fact.ending.as_ref()?)));
    let (seen, ending) = quiet.next().filter(|(_, ending)| is_timer(&ending.how))?;
    let again = quiet.find(|(_, other)| same_time(other.after_us, ending.after_us)).map(|(seen, _)| seen.id);
    Some(Cut {
        seen,
        ending,
        again,
        pings: evidence.holds(HoldKind::Pings).next(),
        one_way: evidence.holds(HoldKind::OneWay).next(),
    })
}

/// Whether a timer may have ended it: without a close frame, or with one that proxies send. Other codes are the
/// application's own words.
fn is_timer(how: &How) -> bool {
    match how {
        How::Fin | How::Reset | How::Alert(_) => true,
        How::Close { code, .. } => matches!(code, None | Some(1000 | 1001 | 1006)),
        How::Silence => false,
    }
}

/// Two times that one timer explains: timers of proxies are often checked once a second.
pub(crate) fn same_time(one: Micros, other: Micros) -> bool {
    one.abs_diff(other) <= 1_100_000 + one / 50
}

impl Cut<'_> {
    /// The connection on which we sent pings ended after the same time: what moves does not matter.
    pub(crate) fn pings_too(&self) -> Option<bool> {
        let pings = self.pings?;
        Some(pings.ending.as_ref().is_some_and(|ending| same_time(ending.after_us, self.ending.after_us)))
    }

    /// Pings kept the other connection open well beyond the time after which the quiet one ended.
    pub(crate) fn pings_help(&self) -> Option<bool> {
        let pings = self.pings?;
        let until = pings.ending.as_ref().map_or(pings.held_us, |ending| ending.after_us);
        Some(!self.pings_too()? && until > self.ending.after_us)
    }

    /// A finding about time without traffic, with its proofs.
    pub(crate) fn idle(&self, title: Text) -> Finding {
        let time = crate::reading::duration(self.ending.idle_us);
        let how = crate::reading::ending(&self.ending.how);
        let sure = self.pings_help() == Some(true);
        let confidence = if sure { Confidence::Proven } else { Confidence::Likely };
        let mut finding = Finding::error(confidence, title).explains(Symptom::Cut).proof(
            &[self.seen.id],
            text!("A quiet connection ended {time} after its last byte: {how}.", time = &time, how = how),
        );
        if let Some(again) = self.again {
            finding = finding.proof(&[again], text!("A second one ended after the same time."));
        }
        if let Some(pings) = self.pings.filter(|_| sure) {
            let until = pings.ending.as_ref().map_or(pings.held_us, |ending| ending.after_us);
            finding = finding
                .proof(
                    &[pings.id],
                    text!(
                        "With pings it was still open after {time}.",
                        time = crate::reading::duration(until)
                    ),
                )
                .not(text!("a limit on the whole duration: pings would not help against that"));
        }
        if let Some(one_way) = self.one_way.filter(|hold| hold.ending.is_none()) {
            finding =
                finding.proof(&[one_way.id], text!("Traffic in one direction is enough to keep it open."));
        }
        finding.users(text!("Browsers and libraries see close code 1006 about {time} after the last message, without any error.", time = time))
    }
}
