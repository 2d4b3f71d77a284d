//! The engine for everything that is read line by line.

use crate::lines::{Lines, Piece};
use crate::logs::nginx_format::Format;
use crate::logs::{apache_error, combined, haproxy, json, nginx_error};
use crate::messages::Messages;
use crate::tally::Tally;
use crate::{Kind, Reading, Trouble};
use evidence::{Place, Redactor, Said};

/// Longest line that is read; no log writes longer ones.
pub const LINE_LIMIT: usize = 64 * 1024;

/// How to read.
#[derive(Debug, Clone)]
pub struct Options {
    /// What is shown of secrets.
    pub redactor: Redactor,
    /// The format of an access log, where it is a special one.
    pub format: Option<Format>,
    /// Only what happened at or after this moment, seconds since 1970 UTC.
    pub since: Option<i64>,
}

impl Default for Options {
    fn default() -> Self {
        Self { redactor: Redactor::ON, format: None, since: None }
    }
}

/// Reads a log as it comes in; memory is bounded.
#[derive(Debug)]
pub struct Reader {
    kind: Kind,
    options: Options,
    lines: Lines,
    state: State,
}

#[derive(Debug)]
struct State {
    tally: Tally,
    messages: Messages,
    reading: Reading,
}

impl Reader {
    /// For a file of this kind.
    #[must_use]
    pub fn new(kind: Kind, options: Options) -> Self {
        let state = State {
            tally: Tally::new(options.redactor),
            messages: Messages::default(),
            reading: Reading::new(kind),
        };
        Self { kind, options, lines: Lines::new(LINE_LIMIT), state }
    }

    /// Takes the next bytes, wherever they are cut.
    pub fn feed(&mut self, bytes: &[u8]) {
        let Self { kind, options, lines, state } = self;
        lines.feed(bytes, |number, piece| state.piece(*kind, options, number, piece));
    }

    /// The shell could not read on.
    pub fn complain(&mut self, trouble: Trouble) {
        let line = self.state.reading.lines;
        self.state.reading.complain(line, trouble);
    }

    /// Everything has been fed.
    #[must_use]
    pub fn finish(mut self) -> Reading {
        let Self { kind, options, lines, state } = &mut self;
        lines.finish(|number, piece| state.piece(*kind, options, number, piece));
        let State { mut tally, mut messages, mut reading } = self.state;
        messages.finish(&mut tally);
        tally.finish(&mut reading);
        reading
    }
}

impl State {
    fn piece(&mut self, kind: Kind, options: &Options, number: u64, piece: Piece<'_>) {
        self.reading.lines = number;
        let line = match piece {
            Piece::Line(line) => line,
            Piece::TooLong(length) => return self.reading.complain(number, Trouble::LineTooLong(length)),
        };
        if line.is_empty() {
            return;
        }
        match kind {
            Kind::Access => self.access(options, number, line),
            Kind::Json => self.json(options, number, line),
            Kind::NginxError => self.said(options, number, line, nginx_error::parse, nginx_error::is),
            Kind::ApacheError => self.said(options, number, line, apache_error::parse, apache_error::is),
            Kind::Haproxy => self.haproxy(options, number, line),
            Kind::Text | Kind::Har | Kind::Curl => self.text(options, number, line),
        }
    }

    /// A line as text; complains once of bytes that are none.
    fn utf8<'a>(&mut self, number: u64, line: &'a [u8]) -> Option<&'a str> {
        match std::str::from_utf8(line) {
            Ok(text) => Some(text),
            Err(_) => {
                self.reading.complain(number, Trouble::Binary);
                None
            }
        }
    }

    fn access(&mut self, options: &Options, number: u64, line: &[u8]) {
        if let Some(format) = &options.format {
            let Some(text) = self.utf8(number, line) else { return };
            match format.parse(text) {
                Some(access) if is_recent(options, access.at) => self.tally.access(number, line, &access),
                Some(_) => {}
                None => self.reading.complain(number, Trouble::Format),
            }
            return;
        }
        if !combined::may_matter(line) {
            // One look a line is enough to see that it is a line at all.
            if memchr::memchr(b'"', line).is_none() {
                let trouble =
                    if std::str::from_utf8(line).is_ok() { Trouble::Format } else { Trouble::Binary };
                self.reading.complain(number, trouble);
            }
            return;
        }
        match combined::parse(line) {
            Some(mut access) if is_recent(options, access.at) => {
                if access.by.is_empty() {
                    // nginx and Apache write the same; nginx alone writes three digits behind the point.
                    access.by = if access.time_us.is_some() { "nginx" } else { "" };
                }
                self.tally.access(number, line, &access);
            }
            Some(_) => {}
            None => {
                let trouble =
                    if std::str::from_utf8(line).is_ok() { Trouble::Format } else { Trouble::Binary };
                self.reading.complain(number, trouble);
            }
        }
    }

    fn json(&mut self, options: &Options, number: u64, line: &[u8]) {
        let starts = line.trim_ascii_start().first();
        if starts == Some(&b'{') && !json::may_matter(line) {
            return;
        }
        let Some(text) = self.utf8(number, line) else { return };
        if starts != Some(&b'{') {
            return self.text(options, number, line);
        }
        match json::parse(text) {
            Ok(Some(json::Line::Access(owned))) => {
                let access = owned.borrowed();
                if is_recent(options, access.at) {
                    self.tally.access(number, line, &access);
                }
            }
            Ok(Some(json::Line::Said(at, place, said))) => {
                if is_recent(options, at) {
                    self.tally.add(number, at, place, line, *said);
                }
            }
            Ok(None) => self.text(options, number, line),
            Err((_, true)) => self.reading.complain(number, Trouble::Cut),
            Err((why, false)) => self.reading.complain(number, Trouble::Json(why)),
        }
    }

    fn said(
        &mut self,
        options: &Options,
        number: u64,
        line: &[u8],
        parse: impl Fn(&str) -> Option<(Option<i64>, Place, Said)>,
        is: impl Fn(&str) -> bool,
    ) {
        let Some(text) = self.utf8(number, line) else { return };
        if let Some((at, place, said)) = parse(text) {
            if is_recent(options, at) {
                self.tally.add(number, at, place, line, said);
            }
        } else if !is(text) {
            // What an application wrote into the same file.
            self.text(options, number, line);
        }
    }

    fn haproxy(&mut self, options: &Options, number: u64, line: &[u8]) {
        let Some(text) = self.utf8(number, line) else { return };
        let Some(access) = haproxy::parse(text) else { return self.text(options, number, line) };
        if !is_recent(options, access.at) {
            return;
        }
        let named = access.path.is_empty() && !access.flags.starts_with("--");
        if haproxy::is_bad_request(text) || named {
            // Neither has a path; the flags say what happened.
            let said = Said {
                id: if named { "haproxy-termination" } else { "haproxy-bad-request" }.to_owned(),
                by: "HAProxy".to_owned(),
                status: Some(access.status).filter(|status| *status != 0),
                flags: access.flags.to_owned(),
                after_us: access.time_us,
                ..Said::default()
            };
            self.tally.add(number, access.at, Place::Server, line, said);
        } else {
            self.tally.access(number, line, &access);
        }
    }

    fn text(&mut self, options: &Options, number: u64, line: &[u8]) {
        let Some(text) = self.utf8(number, line) else { return };
        self.messages.line(number, text, options.since, &mut self.tally, options.redactor);
    }
}

/// Lines without a time count, too: they may be the ones that tell.
fn is_recent(options: &Options, at: Option<i64>) -> bool {
    match (options.since, at) {
        (Some(since), Some(at)) => at >= since,
        _ => true,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn read(kind: Kind, pieces: &[&[u8]]) -> Reading {
        let mut reader = Reader::new(kind, Options::default());
        pieces.iter().for_each(|piece| reader.feed(piece));
        reader.finish()
    }

    #[test]
    fn since_leaves_out_what_is_older() {
        let line = |second: u32| {
            format!("1.1.1.1 - - [26/Nov/2026:07:00:{second:02} +0000] \"GET /ws HTTP/1.1\" 502 1\n")
        };
        let text = line(10) + &line(40);
        let mut reader =
            Reader::new(Kind::Access, Options { since: Some(1_795_676_435), ..Options::default() });
        reader.feed(text.as_bytes());
        assert_eq!(reader.finish().events[0].said.count, 1);
    }

    #[test]
    fn what_cannot_be_read_is_named() {
        let reading = read(Kind::Access, &[b"\xff\xfe\n", b"no request here\n"]);
        let troubles: Vec<&Trouble> = reading.problems.iter().map(|problem| &problem.trouble).collect();
        assert_eq!(troubles, [&Trouble::Binary, &Trouble::Format]);
        let reading = read(Kind::Json, &[b"{\"status\":101,\"uri\":\"/ws\"\n{\"status\":101,}\n"]);
        assert!(matches!(reading.problems[0].trouble, Trouble::Cut));
        assert!(matches!(reading.problems[1].trouble, Trouble::Json(_)));
        let long = vec![b'a'; 10_000_000];
        let reading = read(Kind::Text, &[&long, b"\ncode 1006\n"]);
        assert_eq!(reading.problems[0].trouble, Trouble::LineTooLong(10_000_000));
        assert_eq!(reading.events[0].said.code, Some(1006));
    }

    proptest! {
        /// Anything is read to its end, and where it is cut does not matter.
        #[test]
        fn anything_in_any_pieces(
            lines in proptest::collection::vec("(GET /ws|\\[|\\]|\"|\\{|:|,| |101|502|websocket|code 1006|closed|net::ERR_X|upstream timed out|AH00957|[ -~é]){0,24}", 0..8),
            at in 0usize..200,
        ) {
            let text = lines.join("\n");
            let at = at.min(text.len());
            let (one, two) = text.as_bytes().split_at(at);
            for kind in Kind::ALL {
                prop_assert_eq!(read(kind, &[text.as_bytes()]), read(kind, &[one, two]));
            }
            let _ = crate::recognise(text.as_bytes());
            let _ = crate::read_har(text.as_bytes(), Redactor::ON);
            let _ = crate::read_curl(&text, Redactor::ON);
        }
    }
}
