//! Counts what is said into a limited number of groups, so that a log of any length takes the same memory.

use crate::access::Access;
use crate::words::excerpt;
use crate::{Event, Reading};
use evidence::{
    Answer, Body, Ending, Exchange, Fact, Header, Hold, HoldKind, How, Micros, Place, Redactor, Response,
    Said, Variation,
};
use std::collections::HashMap;

/// Different things that are kept apart; a log with more than these has no story.
const MOST_GROUPS: usize = 512;
/// Seconds up to which lives of connections are counted one by one.
const MOST_SECONDS: u64 = 7300;
/// Different lives that one group counts.
const MOST_LIVES: usize = 600;
/// Bytes to the client up to which a connection counts as one on which nothing was said: a response head, a close frame.
const QUIET_BYTES: u64 = 512;

/// What keeps two things apart.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Key {
    id: String,
    by: String,
    url: Option<String>,
    status: Option<u16>,
    code: Option<u16>,
    flags: String,
    reason: String,
}

/// Connections that lived equally long, to the second.
#[derive(Debug, Clone, Copy)]
struct Lives {
    count: u64,
    shortest_us: Micros,
    longest_us: Micros,
}

#[derive(Debug)]
struct Group {
    said: Said,
    place: Place,
    exchange: Option<Exchange>,
    lives: HashMap<u64, Lives>,
    ended: u64,
}

/// The groups so far.
#[derive(Debug)]
pub(crate) struct Tally {
    groups: HashMap<Key, Group>,
    /// Lines that belong to groups beyond the limit.
    pub dropped: u64,
    redactor: Redactor,
}

impl Tally {
    pub(crate) fn new(redactor: Redactor) -> Self {
        Self { groups: HashMap::new(), dropped: 0, redactor }
    }

    /// Counts a message. `said` has no counts yet; its lines and times are given apart.
    pub(crate) fn add(&mut self, line: u64, at: Option<i64>, place: Place, raw: &[u8], said: Said) {
        self.group(line, at, place, raw, said);
    }

    /// Counts a request of an access log, if it may have asked for a WebSocket.
    pub(crate) fn access(&mut self, line: u64, raw: &[u8], access: &Access<'_>) {
        if !access.is_socket() {
            return;
        }
        let trouble = access.flags.get(..2).is_some_and(|flags| flags != "--" && !flags.starts_with("LR"));
        let id = match (access.status, trouble) {
            (101, false) => "opened",
            (_, true) => "haproxy-termination",
            _ => "status-logged",
        };
        let no_server = access.server.ends_with("<NOSRV>").then_some("<NOSRV>");
        let said = Said {
            id: id.to_owned(),
            by: access.by.to_owned(),
            url: Some(self.url(access)),
            status: Some(access.status),
            flags: if trouble { access.flags.to_owned() } else { String::new() },
            reason: no_server.unwrap_or_default().to_owned(),
            after_us: access.time_us.filter(|_| access.status != 101),
            ..Said::default()
        };
        let exchange = (access.status != 0).then(|| exchange(access));
        let Some(group) = self.group(line, access.at, Place::Server, raw, said) else { return };
        if group.exchange.is_none() {
            group.exchange = exchange;
        }
        // What a browser ends itself (`CD`) tells nothing about timers.
        let ended_by_client = access.flags.starts_with("CD");
        if let (101, Some(time), false) = (access.status, access.time_us, ended_by_client) {
            group.ended += 1;
            let second = time.saturating_add(100_000) / 1_000_000;
            if (2..=MOST_SECONDS).contains(&second) && access.bytes.is_none_or(|bytes| bytes <= QUIET_BYTES) {
                if group.lives.len() >= MOST_LIVES && !group.lives.contains_key(&second) {
                    return;
                }
                let lives = group.lives.entry(second).or_insert(Lives {
                    count: 0,
                    shortest_us: time,
                    longest_us: time,
                });
                lives.count += 1;
                lives.shortest_us = lives.shortest_us.min(time);
                lives.longest_us = lives.longest_us.max(time);
            }
        }
    }

    fn url(&self, access: &Access<'_>) -> String {
        // Rooms, sessions and cache busters would make every request another one; what chooses the transport stays.
        let (bare, query) = access.path.split_once('?').unwrap_or((access.path, ""));
        let kept: Vec<&str> = query
            .split('&')
            .filter(|pair| pair.starts_with("EIO=") || pair.starts_with("transport="))
            .collect();
        let bare: String = bare.chars().take(200).collect();
        let bare = self.redactor.path(&evidence::printable(bare.as_bytes()));
        let path = if kept.is_empty() { bare } else { format!("{bare}?{}", kept.join("&")) };
        match access.host.filter(|host| !host.is_empty() && *host != "-" && *host != "_") {
            Some(host) => {
                // Few access logs say whether it was over TLS.
                let scheme = match access.secure {
                    Some(true) => "wss:",
                    Some(false) => "ws:",
                    None => "",
                };
                let host: String = host.chars().filter(|c| !c.is_control()).take(260).collect();
                format!("{scheme}//{host}{path}")
            }
            None => path,
        }
    }

    fn group(
        &mut self,
        line: u64,
        at: Option<i64>,
        place: Place,
        raw: &[u8],
        said: Said,
    ) -> Option<&mut Group> {
        let key = Key {
            id: said.id.clone(),
            by: said.by.clone(),
            url: said.url.clone(),
            status: said.status,
            code: said.code,
            flags: said.flags.clone(),
            reason: said.reason.clone(),
        };
        if self.groups.len() >= MOST_GROUPS && !self.groups.contains_key(&key) {
            self.dropped += 1;
            return None;
        }
        let redactor = self.redactor;
        let group = self.groups.entry(key).or_insert_with(|| Group {
            said: Said { first_line: line, first_at: at, excerpt: excerpt(raw, redactor), ..said },
            place,
            exchange: None,
            lives: HashMap::new(),
            ended: 0,
        });
        group.said.count += 1;
        group.said.last_line = line;
        group.said.last_at = at.or(group.said.last_at);
        Some(group)
    }

    /// Everything that was counted: trouble first, the most frequent first.
    pub(crate) fn finish(self, reading: &mut Reading) {
        reading.more_events += self.dropped;
        let mut events: Vec<Event> = self.groups.into_values().map(Group::event).collect();
        events.sort_by(|one, other| {
            let calm = |event: &Event| event.said.id == "opened" && event.facts.len() < 2;
            (calm(one), other.said.count, one.said.first_line, &one.said.id).cmp(&(
                calm(other),
                one.said.count,
                other.said.first_line,
                &other.said.id,
            ))
        });
        reading.events.extend(events);
    }
}

impl Group {
    fn event(mut self) -> Event {
        let mut facts: Vec<Fact> = Vec::new();
        let holds = self.holds();
        self.said.after_us = holds.first().map(|hold| hold.held_us).or(self.said.after_us);
        if let Some(exchange) = self.exchange {
            facts.push(Fact::Exchange(Box::new(exchange)));
        }
        facts.extend(holds.into_iter().map(Fact::Hold));
        Event { said: self.said, place: self.place, facts }
    }

    /// Quiet connections that ended after the same time: two at the least, and no small part of all; or a single
    /// one that ended at a round number of seconds. That is what a timer leaves in a log.
    fn holds(&self) -> Vec<Hold> {
        let Some((second, lives)) = self
            .lives
            .iter()
            .max_by_key(|(second, lives)| (lives.count, second.is_multiple_of(10), **second))
        else {
            return Vec::new();
        };
        let together = lives.longest_us - lives.shortest_us <= 1_100_000;
        let many = lives.count >= if self.ended <= 4 { 2 } else { 3.max(self.ended / 20) };
        let round = self.ended <= 3 && *second >= 10 && second.is_multiple_of(10);
        if !together || !(many || round) {
            return Vec::new();
        }
        // The log does not say how it ended; a proxy whose timer fires ends TCP without a close frame.
        let hold = |run: u8, time: Micros| Hold {
            kind: HoldKind::Quiet,
            run,
            ending: Some(Ending { how: How::Fin, after_us: time, idle_us: time }),
            alive_after: None,
            held_us: time,
            server_spoke: 0,
            server_pings: 0,
        };
        let mut holds = vec![hold(0, lives.shortest_us)];
        if lives.count > 1 {
            holds.push(hold(1, lives.longest_us));
        }
        holds
    }
}

/// What a live look would have seen: the request line and the status, no more.
fn exchange(access: &Access<'_>) -> Exchange {
    let mut headers = Vec::new();
    // The log is the product's own: it stood in front, whatever header it sent.
    if !access.by.is_empty() {
        headers.push(Header { name: "Server".to_owned(), value: access.by.to_owned() });
    }
    let version = if access.version.is_empty() { "HTTP/1.1" } else { access.version };
    let version: String = evidence::printable(version.as_bytes()).chars().take(16).collect();
    Exchange {
        variation: Variation::plain(),
        to: None,
        tls: access.secure.unwrap_or(false),
        request: vec![format!("GET {} {version}", access.path.split('?').next().unwrap_or("/"))],
        answer: Answer::Response(Box::new(Response {
            version: "HTTP/1.1".to_owned(),
            status: access.status,
            reason: String::new(),
            headers,
            interim: Vec::new(),
            body: Body::default(),
            faults: Vec::new(),
        })),
        took_us: if access.status == 101 { 0 } else { access.time_us.unwrap_or(0) },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Kind;

    fn tallied(lives: &[f64]) -> Vec<Event> {
        let mut tally = Tally::new(Redactor::ON);
        for (index, seconds) in lives.iter().enumerate() {
            let mut access = Access {
                by: "nginx",
                status: 101,
                time_us: Some((seconds * 1e6) as u64),
                ..Access::default()
            };
            access.request_line("GET /ws?room=1&token=abc HTTP/1.1");
            tally.access(index as u64 + 1, b"raw", &access);
        }
        let mut reading = Reading::new(Kind::Text);
        tally.finish(&mut reading);
        reading.events
    }

    #[test]
    fn a_timer_shows_in_equal_lives() {
        for (lives, seen) in [
            (&[60.001, 60.002, 60.0, 3.2][..], true),
            (&[60.02], true),
            (&[37.3], false),
            (&[37.3, 37.4], true),
            (&[1.0, 1.0], false),
            (&[5.1, 9.7, 22.5, 61.9], false),
        ] {
            let events = tallied(lives);
            assert_eq!(events.len(), 1);
            assert_eq!(events[0].facts.len() > 1, seen, "{lives:?}");
            assert_eq!(events[0].said.url.as_deref(), Some("/ws"));
        }
    }

    #[test]
    fn groups_are_bounded() {
        let mut tally = Tally::new(Redactor::ON);
        for number in 0..2000_u64 {
            let path = format!("GET /ws/{number} HTTP/1.1");
            let mut access = Access { by: "nginx", status: 502, ..Access::default() };
            access.request_line(&path);
            tally.access(number, b"raw", &access);
        }
        assert_eq!(tally.dropped, 2000 - MOST_GROUPS as u64);
    }
}
