//! Messages of browsers, libraries and programs: which one it is, by words that all its wordings share.

mod browser;
mod close;
mod library;
mod network;
mod server;

use crate::tally::Tally;
use crate::time;
use crate::words::{self, number_after, struck, url_in};
use evidence::{Place, Redactor, Said};

/// A message: its id, who words it like this, and what must stand in the line, in lower case.
pub(crate) struct Message {
    pub id: &'static str,
    pub by: &'static str,
    pub parts: &'static [&'static str],
}

/// Short for the tables.
const fn says(id: &'static str, by: &'static str, parts: &'static [&'static str]) -> Message {
    Message { id, by, parts }
}

/// The tables, the more precise first.
const TABLES: [&[Message]; 5] =
    [browser::MESSAGES, server::MESSAGES, library::MESSAGES, network::MESSAGES, close::MESSAGES];

/// Lines that a message and the address it is about may stand apart.
const CONTEXT: u64 = 3;
/// Lines of one stack trace.
const TRACE: u64 = 14;

/// A text in the form in which the tables look at it.
fn normal(text: &str) -> String {
    text.to_lowercase().replace(['’', '‘', '`'], "'").replace(['“', '”'], "\"").replace('\u{a0}', " ")
}

/// Whether anything in a text is recognised.
pub(crate) fn any(text: &str) -> bool {
    text.lines().take(400).any(|line| {
        let line: String = line.chars().take(4000).collect();
        recognise(&line).is_some()
            || crate::logs::nginx_error::phrase(&line).is_some()
            || line.contains("AH0")
    })
}

/// The message in one line, without counts and address.
pub(crate) fn recognise(line: &str) -> Option<Said> {
    let lower = normal(line);
    let message = TABLES
        .iter()
        .flat_map(|table| table.iter())
        .find(|message| message.parts.iter().all(|part| lower.contains(part)));
    let Some(message) = message else { return close::recognise(&lower) };
    let mut said = Said { id: message.id.to_owned(), by: message.by.to_owned(), ..Said::default() };
    match message.id {
        "unexpected-response-code" => {
            said.status = status_behind(&lower, message);
            // Some libraries word a 101 without the right headers like this.
            if said.status == Some(101) {
                said.id = "upgrade-header-missing".to_owned();
            }
        }
        "closed" | "message-too-big" | "keepalive-timeout" => {
            said.code = close::code(&lower);
            said.reason = close::reason(line, said.code);
        }
        _ => {}
    }
    Some(said)
}

fn status_behind(lower: &str, message: &Message) -> Option<u16> {
    let behind = message.parts.first().and_then(|part| lower.find(part).map(|at| &lower[at + part.len()..]));
    words::code_in(behind.unwrap_or(lower), 100..600)
        .or_else(|| number_after(lower, "status").and_then(|number| u16::try_from(number).ok()))
        .or_else(|| words::code_in(lower, 100..600))
}

/// Reads messages that may be spread over several lines.
#[derive(Debug, Default)]
pub(crate) struct Messages {
    /// The last address of a socket that was seen, and where.
    url: Option<(u64, String)>,
    /// Half a message, whose reason may stand in the next line.
    half: Option<(u64, Vec<u8>, Said)>,
    /// The last message, and where: stack traces repeat it.
    last: Option<(u64, String)>,
}

impl Messages {
    /// Takes one line.
    pub(crate) fn line(
        &mut self,
        number: u64,
        text: &str,
        since: Option<i64>,
        tally: &mut Tally,
        redactor: Redactor,
    ) {
        if let Some(found) = url_in(text).filter(|url| url.starts_with("ws")) {
            self.url = Some((number, redactor.url(&evidence::printable(found.as_bytes()))));
        }
        let Some((at, place, mut said)) = one(text) else {
            if self.half.as_ref().is_some_and(|(line, ..)| number - line >= CONTEXT) {
                self.finish(tally);
            }
            return;
        };
        if let (Some(since), Some(at)) = (since, at)
            && at < since
        {
            return;
        }
        // `at Socket.<anonymous>`, `code: 'ECONNREFUSED'`: the same error once more.
        let inner = text.starts_with([' ', '\t', '}', '{']) && !text.trim_start().starts_with("{\"");
        if let Some((line, id)) = &self.last
            && inner
            && number - line <= TRACE
            && (*id == said.id || said.id == "reset" || said.id == "refused")
        {
            return;
        }
        if said.url.is_none() {
            said.url =
                self.url.as_ref().filter(|(line, _)| number - line <= CONTEXT).map(|(_, url)| url.clone());
        }
        said.reason = struck(&said.reason, redactor);
        if said.id == "connection-failed" {
            self.finish(tally);
            self.half = Some((number, text.as_bytes().to_vec(), said));
            self.last = None;
            return;
        }
        let mut raw = text.as_bytes().to_vec();
        if let Some((line, mut before, half)) = self.half.take() {
            if number - line <= CONTEXT {
                before.push(b' ');
                before.extend_from_slice(text.trim_start().as_bytes());
                raw = before;
                said.url = said.url.or(half.url);
                if said.by.is_empty() {
                    said.by = half.by;
                }
            } else {
                tally.add(line, None, place, &before, half);
            }
        }
        self.last = Some((number, said.id.clone()));
        tally.add(number, at, place, &raw, said);
    }

    /// Nothing more comes that could complete a message.
    pub(crate) fn finish(&mut self, tally: &mut Tally) {
        if let Some((line, raw, said)) = self.half.take() {
            tally.add(line, None, Place::Page, &raw, said);
        }
    }
}

/// One line by itself: a client's message, or a line of a log in a file of something else.
fn one(text: &str) -> Option<(Option<i64>, Place, Said)> {
    use crate::logs::{apache_error, nginx_error};
    if (text.contains(", client: ")
        || text.contains("[emerg]")
        || text.contains("[alert]")
        || text.contains("upstream "))
        && let Some(found) = nginx_error::parse(text)
    {
        return Some(found);
    }
    if (text.contains("AH0") || text.contains("AH1"))
        && let Some(found) = apache_error::parse(text)
    {
        return Some(found);
    }
    if let Some(said) = recognise(text) {
        let place = if said.by.is_empty() || is_browser(&said.by) { Place::Page } else { Place::Client };
        let head: String = text.trim_start_matches('[').chars().take(35).collect();
        let at = time::moment(head.split([']', ' ']).next().unwrap_or_default())
            .or_else(|| time::moment(&head.chars().take(19).collect::<String>()));
        return Some((at, place, said));
    }
    // One bare line of nginx, as people paste it.
    nginx_error::parse(text).filter(|(.., said)| said.id != "nginx-file-missing")
}

fn is_browser(by: &str) -> bool {
    ["Chrome", "Firefox", "Safari", "a browser"].contains(&by)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Vec<Said> {
        let mut messages = Messages::default();
        let mut tally = Tally::new(Redactor::ON);
        for (index, line) in text.lines().enumerate() {
            messages.line(index as u64 + 1, line, None, &mut tally, Redactor::ON);
        }
        messages.finish(&mut tally);
        let mut reading = crate::Reading::new(crate::Kind::Text);
        tally.finish(&mut reading);
        reading.events.into_iter().map(|event| event.said).collect()
    }

    #[test]
    fn a_message_over_two_lines_is_one() {
        let said = read(
            "WebSocket connection to 'wss://h/ws?token=abcdef' failed: \nError during WebSocket handshake: Unexpected response code: 200",
        );
        assert_eq!(said.len(), 1);
        assert_eq!((said[0].id.as_str(), said[0].status), ("unexpected-response-code", Some(200)));
        assert_eq!(said[0].url.as_deref(), Some("wss://h/ws?token=…(6)"));
        assert!(!said[0].excerpt.contains("abcdef"));
        let said = read("WebSocket connection to 'wss://h/ws' failed: \n");
        assert_eq!(said[0].id, "connection-failed");
    }

    #[test]
    fn a_stack_trace_is_one_error() {
        let said = read(
            "Error: connect ECONNREFUSED 127.0.0.1:8080\n    at TCPConnectWrap.afterConnect {\n  errno: -111,\n  code: 'ECONNREFUSED',\n  syscall: 'connect'\n}",
        );
        assert_eq!(said.len(), 1);
        assert_eq!((said[0].id.as_str(), said[0].count), ("refused", 1));
    }

    #[test]
    fn a_bare_line_of_nginx_is_not_taken_for_a_clients() {
        let said = read(
            "upstream timed out (110: Connection timed out) while reading response header from upstream",
        );
        assert_eq!(said[0].id, "nginx-upstream-timed-out-header");
    }

    #[test]
    fn repeated_messages_are_counted() {
        let line = "WebSocket connection to 'wss://h/ws' failed: Error in connection establishment: net::ERR_CONNECTION_REFUSED\n";
        let said = read(&line.repeat(3));
        assert_eq!((said.len(), said[0].count, said[0].last_line), (1, 3, 3));
    }
}
