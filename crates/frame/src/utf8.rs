//! UTF-8 checked as it arrives, across any borders of chunks and fragments (RFC 6455 section 8.1).

/// Remembers the at most three bytes of a character that the last chunk left unfinished.
#[derive(Debug, Clone, Default)]
pub struct Utf8Checker {
    open: [u8; 4],
    open_length: usize,
    checked: u64,
}

impl Utf8Checker {
    /// Takes the next bytes.
    ///
    /// # Errors
    /// The position, counted from the start of the text, of the first byte of the sequence that cannot become
    /// valid whatever follows.
    pub fn handle(&mut self, mut bytes: &[u8]) -> Result<(), u64> {
        while self.open_length > 0 {
            let Some((byte, rest)) = bytes.split_first() else { return Ok(()) };
            self.open[self.open_length] = *byte;
            self.open_length += 1;
            bytes = rest;
            match std::str::from_utf8(&self.open[..self.open_length]) {
                Ok(_) => {
                    self.checked += self.open_length as u64;
                    self.open_length = 0;
                }
                Err(error) if error.error_len().is_some() => return Err(self.checked),
                Err(_) => {}
            }
        }
        match simdutf8::compat::from_utf8(bytes) {
            Ok(_) => self.checked += bytes.len() as u64,
            Err(error) => {
                self.checked += error.valid_up_to() as u64;
                let tail = &bytes[error.valid_up_to()..];
                if error.error_len().is_some() || tail.len() >= self.open.len() {
                    return Err(self.checked);
                }
                self.open[..tail.len()].copy_from_slice(tail);
                self.open_length = tail.len();
            }
        }
        Ok(())
    }

    /// Ends the text.
    ///
    /// # Errors
    /// The position of a character that was begun and never finished.
    pub fn finish(&self) -> Result<(), u64> {
        if self.open_length == 0 { Ok(()) } else { Err(self.checked) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn whole(bytes: &[u8], chunk: usize) -> Result<(), u64> {
        let mut checker = Utf8Checker::default();
        for piece in bytes.chunks(chunk) {
            checker.handle(piece)?;
        }
        checker.finish()
    }

    #[test]
    fn it_agrees_with_the_standard_library_for_every_chunk_size() {
        let rows: [&[u8]; 10] = [
            b"",
            b"plain",
            "κόσμε 中文 \u{1F600}".as_bytes(),
            b"\xed\xa0\x80",                                                   // a surrogate
            b"\xf4\x90\x80\x80",                                               // beyond U+10FFFF
            b"\xc0\xaf",                                                       // overlong
            b"ab\xce",                                                         // unfinished
            b"ab\xf0\x9f\x98",                                                 // unfinished by one
            b"\xce\xba\xe1\xbd\xb9\xcf\x83\xce\xbc\xce\xb5\xed\xa0\x80edited", // Autobahn 6.3.1
            b"\xff",
        ];
        for bytes in rows {
            let expect = std::str::from_utf8(bytes).map(|_| ()).map_err(|error| error.valid_up_to() as u64);
            for chunk in 1..=bytes.len().max(1) {
                assert_eq!(whole(bytes, chunk), expect, "{bytes:x?} in chunks of {chunk}");
            }
        }
    }

    #[test]
    fn it_fails_as_soon_as_nothing_could_save_the_text() {
        let mut checker = Utf8Checker::default();
        assert_eq!(checker.handle(b"ok\xf4"), Ok(()));
        assert_eq!(checker.handle(b"\x90"), Err(2), "F4 90 can never become a character");
    }
}
