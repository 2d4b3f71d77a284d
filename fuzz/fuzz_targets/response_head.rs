//! Whatever a server answers: it is read without a panic, and what is kept of it stays small.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let answer = probe::fuzz::read_answer(data);
    if let evidence::Answer::Response(response) = answer {
        assert!(response.headers.len() <= 200);
        assert!(response.headers.iter().all(|header| !header.value.contains(['\r', '\n', '\u{1b}'])));
        assert!((100..=999).contains(&response.status));
        for header in &response.headers {
            let once = evidence::Redactor::ON.header(&header.name, &header.value);
            assert!(!once.contains('\n'));
        }
    }
});
