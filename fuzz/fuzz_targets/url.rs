//! Whatever a user types for an address: what parses can be written and parsed again.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &str| {
    if let Ok(target) = evidence::Target::parse(data) {
        let again = evidence::Target::parse(&target.url()).expect("our own address parses");
        assert_eq!(again.url(), target.url());
        assert!(!target.url().contains(['\r', '\n']));
        let struck = evidence::Redactor::ON.path(&target.path);
        assert_eq!(evidence::Redactor::ON.path(&struck), struck);
    }
});
