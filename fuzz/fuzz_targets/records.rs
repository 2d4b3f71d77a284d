//! Whatever stands in a log, a HAR, a message or a command: it is read to its end, in any pieces alike, within bounds.
#![no_main]

use libfuzzer_sys::fuzz_target;
use records::{Format, Kind, Options, Reader, read_curl, read_har, recognise};

fuzz_target!(|data: &[u8]| {
    let _ = recognise(data);
    for kind in Kind::ALL {
        let read = |pieces: &[&[u8]]| {
            let mut reader = Reader::new(kind, Options::default());
            pieces.iter().for_each(|piece| reader.feed(piece));
            reader.finish()
        };
        let whole = read(&[data]);
        let (one, two) = data.split_at(data.len() / 2);
        assert_eq!(whole, read(&[one, two]));
        assert!(whole.events.len() <= 600 && whole.problems.len() <= 10);
        for event in &whole.events {
            let _ = diagnose::hearsay::meaning(&event.said);
        }
    }
    let _ = read_har(data, evidence::Redactor::ON);
    if let Ok(text) = std::str::from_utf8(data) {
        let _ = read_curl(text, evidence::Redactor::ON);
        let (format, line) = text.split_once('\n').unwrap_or((text, text));
        if let Ok(format) = Format::new(format) {
            let mut reader = Reader::new(Kind::Access, Options { format: Some(format), ..Options::default() });
            reader.feed(line.as_bytes());
            let _ = reader.finish();
        }
    }
});
