//! Cuts a stream of bytes into lines, with a bound on their length.

use memchr::memchr;

/// What a piece of input is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Piece<'a> {
    /// A whole line, without what ends it.
    Line(&'a [u8]),
    /// A line of so many bytes, which is longer than any log writes.
    TooLong(u64),
}

/// Holds the beginning of a line whose end has not come yet.
#[derive(Debug)]
pub(crate) struct Lines {
    rest: Vec<u8>,
    skipped: u64,
    limit: usize,
    number: u64,
}

impl Lines {
    pub(crate) fn new(limit: usize) -> Self {
        Self { rest: Vec::new(), skipped: 0, limit, number: 0 }
    }

    /// Hands every line that is complete now to `take`, with its number from 1.
    pub(crate) fn feed(&mut self, mut bytes: &[u8], mut take: impl FnMut(u64, Piece<'_>)) {
        while let Some(end) = memchr(b'\n', bytes) {
            let line = &bytes[..end];
            bytes = &bytes[end + 1..];
            self.number += 1;
            if self.rest.is_empty() && self.skipped == 0 {
                if line.len() > self.limit {
                    take(self.number, Piece::TooLong(line.len() as u64));
                } else {
                    take(self.number, Piece::Line(without_return(line)));
                }
                continue;
            }
            let length = self.skipped + self.rest.len() as u64 + line.len() as u64;
            if length > self.limit as u64 {
                take(self.number, Piece::TooLong(length));
            } else {
                self.rest.extend_from_slice(line);
                take(self.number, Piece::Line(without_return(&self.rest)));
            }
            self.rest.clear();
            self.skipped = 0;
        }
        if self.skipped > 0 || self.rest.len() + bytes.len() > self.limit {
            self.skipped += (self.rest.len() + bytes.len()) as u64;
            self.rest.clear();
        } else {
            self.rest.extend_from_slice(bytes);
        }
    }

    /// The last line, which nothing ends. Gives the number of lines.
    pub(crate) fn finish(&mut self, mut take: impl FnMut(u64, Piece<'_>)) -> u64 {
        if self.skipped > 0 {
            self.number += 1;
            take(self.number, Piece::TooLong(self.skipped));
        } else if !self.rest.is_empty() {
            self.number += 1;
            take(self.number, Piece::Line(without_return(&self.rest)));
        }
        self.rest.clear();
        self.skipped = 0;
        self.number
    }
}

fn without_return(line: &[u8]) -> &[u8] {
    line.strip_suffix(b"\r").unwrap_or(line)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn cut(chunks: &[&[u8]], limit: usize) -> (Vec<String>, u64) {
        let mut lines = Lines::new(limit);
        let mut out = Vec::new();
        let mut take = |number: u64, piece: Piece<'_>| {
            out.push(match piece {
                Piece::Line(line) => format!("{number}:{}", String::from_utf8_lossy(line)),
                Piece::TooLong(length) => format!("{number}!{length}"),
            });
        };
        for chunk in chunks {
            lines.feed(chunk, &mut take);
        }
        let count = lines.finish(&mut take);
        (out, count)
    }

    #[test]
    fn lines_and_long_lines() {
        assert_eq!(cut(&[b"a\r\nb", b"c\n\nd"], 9).0, ["1:a", "2:bc", "3:", "4:d"]);
        assert_eq!(cut(&[b"aaaaaaaaaaaa\nb\n"], 9).0, ["1!12", "2:b"]);
        assert_eq!(cut(&[b"aaaaaa", b"aaaaaa", b"a\nb"], 9).0, ["1!13", "2:b"]);
        assert_eq!(cut(&[b"aaaaaaaaaaaa"], 9).0, ["1!12"]);
        assert_eq!(cut(&[], 9), (vec![], 0));
    }

    proptest! {
        #[test]
        fn chunks_do_not_matter(text in "[ab\n]{0,60}", at in 0usize..60) {
            let at = at.min(text.len());
            let (one, two) = text.as_bytes().split_at(at);
            prop_assert_eq!(cut(&[text.as_bytes()], 5), cut(&[one, two], 5));
        }
    }
}
