//! All observations of one case, in order; saved to a case file and loaded from it.

use crate::{
    Burst, Case, Connection, Environment, Exchange, Fact, FirstBytes, Hold, HoldKind, Http2, Micros,
    Observation, Opening, Page, Place, Question, Resolution, Session, Sizes, Source, Tls, TlsVariation,
    Tunnel, Variation,
};
use serde::{Deserialize, Serialize};
use std::fmt;
use std::net::SocketAddr;

/// Name and version of the case file format.
pub const CASE_SCHEMA: &str = "keepwire.case/1";

/// Everything that is known about a case.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Evidence {
    /// Always [`CASE_SCHEMA`].
    schema: String,
    /// What was asked for.
    pub case: Case,
    observations: Vec<Observation>,
}

/// Why a text is no case file.
#[derive(Debug)]
#[non_exhaustive]
pub enum LoadError {
    /// It does not parse; line and column are in the message.
    Malformed(serde_json::Error),
    /// It is a case file of another version.
    Schema(String),
}

impl fmt::Display for LoadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Malformed(error) => write!(f, "{error}"),
            Self::Schema(schema) => {
                write!(f, "its schema is \"{schema}\", this program reads \"{CASE_SCHEMA}\"")
            }
        }
    }
}

impl std::error::Error for LoadError {}

impl Evidence {
    /// A case about which nothing is known yet.
    #[must_use]
    pub fn new(case: Case) -> Self {
        Self { schema: CASE_SCHEMA.to_owned(), case, observations: Vec::new() }
    }

    /// Reads a case file.
    ///
    /// # Errors
    /// Says where the text is no case file.
    pub fn load(text: &str) -> Result<Self, LoadError> {
        #[derive(Deserialize)]
        struct Schema {
            schema: String,
        }
        let Schema { schema } = serde_json::from_str(text).map_err(LoadError::Malformed)?;
        if schema != CASE_SCHEMA {
            return Err(LoadError::Schema(schema));
        }
        serde_json::from_str(text).map_err(LoadError::Malformed)
    }

    /// The text of a case file.
    #[must_use]
    pub fn save(&self) -> String {
        // Plain data with string keys: serializing it cannot fail.
        let mut text = serde_json::to_string_pretty(self).unwrap_or_default();
        text.push('\n');
        text
    }

    /// Adds what was seen, and numbers it.
    pub fn add(&mut self, at_us: Micros, source: Source, place: Place, fact: Fact) -> u32 {
        let id = self.observations.len() as u32 + 1;
        self.observations.push(Observation { id, at_us, source, place, fact });
        id
    }

    /// Everything, in order.
    #[must_use]
    pub fn observations(&self) -> &[Observation] {
        &self.observations
    }

    /// The observation with this number.
    #[must_use]
    pub fn observation(&self, id: u32) -> Option<&Observation> {
        self.observations.get(usize::try_from(id).ok()?.checked_sub(1)?)
    }

    /// Whether the look that answers this question is over (or did not take place).
    #[must_use]
    pub fn is_answered(&self, question: &Question) -> bool {
        self.observations.iter().any(|observation| match &observation.fact {
            Fact::Answered(answered) => answered == question,
            Fact::Unanswered { question: open, .. } => open == question,
            _ => false,
        })
    }

    /// Time from the beginning to the last observation.
    #[must_use]
    pub fn elapsed_us(&self) -> Micros {
        self.observations.iter().map(|observation| observation.at_us).max().unwrap_or(0)
    }

    /// This machine.
    #[must_use]
    pub fn environment(&self) -> Option<Seen<'_, Environment>> {
        self.facts().find_map(|(id, fact)| match fact {
            Fact::Environment(environment) => Some(Seen { id, fact: environment }),
            _ => None,
        })
    }

    /// Answers of resolvers.
    pub fn resolutions(&self) -> impl Iterator<Item = Seen<'_, Resolution>> {
        self.facts().filter_map(|(id, fact)| match fact {
            Fact::Resolution(resolution) => Some(Seen { id, fact: resolution }),
            _ => None,
        })
    }

    /// TCP attempts, to any port.
    pub fn connections(&self) -> impl Iterator<Item = Seen<'_, Connection>> {
        self.facts().filter_map(|(id, fact)| match fact {
            Fact::Connection(connection) => Some(Seen { id, fact: connection }),
            _ => None,
        })
    }

    /// TCP attempts to a port of the target's host, the last one to each address.
    #[must_use]
    pub fn connections_to(&self, port: u16) -> Vec<Seen<'_, Connection>> {
        let mut last: Vec<Seen<'_, Connection>> = Vec::new();
        for seen in self.connections().filter(|seen| seen.to.port() == port) {
            match last.iter_mut().find(|known| known.to == seen.to) {
                Some(known) => *known = seen,
                None => last.push(seen),
            }
        }
        last
    }

    /// Attempts through a forward proxy.
    pub fn tunnels(&self) -> impl Iterator<Item = Seen<'_, Tunnel>> {
        self.facts().filter_map(|(id, fact)| match fact {
            Fact::Tunnel(tunnel) => Some(Seen { id, fact: tunnel }),
            _ => None,
        })
    }

    /// TLS handshakes.
    pub fn tls_attempts(&self) -> impl Iterator<Item = Seen<'_, Tls>> {
        self.facts().filter_map(|(id, fact)| match fact {
            Fact::Tls(tls) => Some(Seen { id, fact: &**tls }),
            _ => None,
        })
    }

    /// The first TLS handshake with this variation.
    #[must_use]
    pub fn tls(&self, variation: &TlsVariation) -> Option<Seen<'_, Tls>> {
        self.tls_attempts().find(|seen| seen.variation == *variation)
    }

    /// Requests and their answers.
    pub fn exchanges(&self) -> impl Iterator<Item = Seen<'_, Exchange>> {
        self.facts().filter_map(|(id, fact)| match fact {
            Fact::Exchange(exchange) => Some(Seen { id, fact: &**exchange }),
            _ => None,
        })
    }

    /// The request with this variation, and its answer. Where it was made again, alone, that is the one that counts:
    /// nothing but the server can have disturbed it.
    #[must_use]
    pub fn exchange(&self, variation: &Variation) -> Option<Seen<'_, Exchange>> {
        self.exchange_again(variation).or_else(|| self.first_exchange(variation))
    }

    /// The request with this variation as it was made first, beside others.
    #[must_use]
    pub fn first_exchange(&self, variation: &Variation) -> Option<Seen<'_, Exchange>> {
        self.exchanges().find(|seen| seen.variation == *variation)
    }

    fn exchange_again(&self, variation: &Variation) -> Option<Seen<'_, Exchange>> {
        self.exchanges().find(|seen| {
            seen.variation.is_again()
                && seen.was_sent()
                && Variation { nth: 0, ..seen.variation.clone() } == *variation
        })
    }

    /// The plain handshake.
    #[must_use]
    pub fn handshake(&self) -> Option<Seen<'_, Exchange>> {
        self.exchange(&Variation::default())
    }

    /// Short sessions.
    pub fn sessions(&self) -> impl Iterator<Item = Seen<'_, Session>> {
        self.facts().filter_map(|(id, fact)| match fact {
            Fact::Session(session) => Some(Seen { id, fact: &**session }),
            _ => None,
        })
    }

    /// The session after the request with this variation; as with [`Self::exchange`], the one that was alone counts.
    #[must_use]
    pub fn session(&self, variation: &Variation) -> Option<Seen<'_, Session>> {
        match self.exchange_again(variation) {
            Some(again) => self.first_session(&again.variation),
            None => self.first_session(variation),
        }
    }

    /// The session after the request with this variation as it was made first, beside others.
    #[must_use]
    pub fn first_session(&self, variation: &Variation) -> Option<Seen<'_, Session>> {
        self.sessions().find(|seen| seen.variation == *variation)
    }

    /// Size ladders.
    pub fn sizes(&self) -> impl Iterator<Item = Seen<'_, Sizes>> {
        self.facts().filter_map(|(id, fact)| match fact {
            Fact::Sizes(sizes) => Some(Seen { id, fact: sizes }),
            _ => None,
        })
    }

    /// Held connections of this kind, in the order of their runs.
    pub fn holds(&self, kind: HoldKind) -> impl Iterator<Item = Seen<'_, Hold>> {
        self.facts().filter_map(move |(id, fact)| match fact {
            Fact::Hold(hold) if hold.kind == kind => Some(Seen { id, fact: hold }),
            _ => None,
        })
    }

    /// HTTP/2.
    #[must_use]
    pub fn http2(&self) -> Option<Seen<'_, Http2>> {
        self.facts().find_map(|(id, fact)| match fact {
            Fact::Http2(http2) => Some(Seen { id, fact: http2 }),
            _ => None,
        })
    }

    /// What the port says to an unusual opening.
    #[must_use]
    pub fn first_bytes(&self, opening: Opening) -> Option<Seen<'_, FirstBytes>> {
        self.facts().find_map(|(id, fact)| match fact {
            Fact::FirstBytes(first) if first.sent == opening => Some(Seen { id, fact: first }),
            _ => None,
        })
    }

    /// The page.
    #[must_use]
    pub fn page(&self) -> Option<Seen<'_, Page>> {
        self.facts().find_map(|(id, fact)| match fact {
            Fact::Page(page) => Some(Seen { id, fact: &**page }),
            _ => None,
        })
    }

    /// Bursts of handshakes.
    pub fn bursts(&self) -> impl Iterator<Item = Seen<'_, Burst>> {
        self.facts().filter_map(|(id, fact)| match fact {
            Fact::Burst(burst) => Some(Seen { id, fact: burst }),
            _ => None,
        })
    }

    /// What configurations say about the route of this case.
    pub fn told(&self) -> impl Iterator<Item = Seen<'_, crate::Told>> {
        self.facts().filter_map(|(id, fact)| match fact {
            Fact::Told(told) => Some(Seen { id, fact: &**told }),
            _ => None,
        })
    }

    /// What logs, browsers and libraries say.
    pub fn said(&self) -> impl Iterator<Item = Seen<'_, crate::Said>> {
        self.facts().filter_map(|(id, fact)| match fact {
            Fact::Said(said) => Some(Seen { id, fact: &**said }),
            _ => None,
        })
    }

    /// Addresses that the system's resolver (or the user, or the URL) gave for the target.
    #[must_use]
    pub fn addresses(&self) -> Vec<std::net::IpAddr> {
        let mut all = Vec::new();
        for seen in self.resolutions() {
            if matches!(seen.by, crate::Resolver::Server(_) | crate::Resolver::Hosts) {
                continue;
            }
            for address in seen.outcome.addresses() {
                if !all.contains(address) {
                    all.push(*address);
                }
            }
        }
        all
    }

    /// The address that the plain handshake spoke to.
    #[must_use]
    pub fn peer(&self) -> Option<SocketAddr> {
        self.handshake().and_then(|seen| seen.to)
    }

    fn facts(&self) -> impl Iterator<Item = (u32, &Fact)> {
        self.observations.iter().map(|observation| (observation.id, &observation.fact))
    }
}

/// A fact together with the number of its observation, so that a proof can point at it.
#[derive(Debug)]
pub struct Seen<'a, T> {
    /// Number of the observation.
    pub id: u32,
    /// What was seen.
    pub fact: &'a T,
}

impl<T> Clone for Seen<'_, T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T> Copy for Seen<'_, T> {}

impl<T> std::ops::Deref for Seen<'_, T> {
    type Target = T;

    fn deref(&self) -> &T {
        self.fact
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Reached, Target};

    fn sample() -> Evidence {
        let target = Target::parse("ws://app.example/ws").expect("it parses");
        let mut evidence = Evidence::new(Case::new(target));
        let to = "192.0.2.1:80".parse().expect("it parses");
        let connection = Connection { to, outcome: Reached::Connected, took_us: 123 };
        evidence.add(5, Source::Probe, Place::Network, Fact::Connection(connection));
        evidence.add(6, Source::Probe, Place::Network, Fact::Answered(Question::Connect { port: None }));
        evidence
    }

    #[test]
    fn a_case_file_comes_back_as_it_was() {
        let evidence = sample();
        let loaded = Evidence::load(&evidence.save()).expect("it loads");
        assert_eq!(loaded, evidence);
        assert_eq!(loaded.save(), evidence.save());
    }

    #[test]
    fn another_schema_is_named() {
        let text = sample().save().replace(CASE_SCHEMA, "keepwire.case/9");
        let error = Evidence::load(&text).expect_err("it must not load");
        assert!(error.to_string().contains("keepwire.case/9"), "{error}");
        assert!(matches!(Evidence::load("{"), Err(LoadError::Malformed(_))));
    }

    #[test]
    fn questions_are_answered_once() {
        let evidence = sample();
        assert!(evidence.is_answered(&Question::Connect { port: None }));
        assert!(!evidence.is_answered(&Question::Connect { port: Some(443) }));
    }
}
