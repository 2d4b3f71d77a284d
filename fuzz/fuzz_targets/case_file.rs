//! Whatever stands in a case file: it is refused or judged, and judged twice alike.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &str| {
    if let Ok(evidence) = evidence::Evidence::load(data) {
        let saved = evidence.save();
        assert_eq!(evidence::Evidence::load(&saved).expect("our own file loads").save(), saved);
        let one = diagnose::Diagnosis::resume(evidence.clone()).conclude();
        let two = diagnose::Diagnosis::resume(evidence).conclude();
        assert_eq!(one, two);
    }
});
