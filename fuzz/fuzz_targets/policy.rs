//! Whatever a page says about its content security.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &str| {
    let page = url::page();
    let target = evidence::Target::parse("wss://app.example:8443/ws?x=1").expect("it parses");
    let one = diagnose::judge_policy(data, &page, &target);
    // Appending an unrelated directive changes nothing.
    if !data.contains(';') && !data.trim().is_empty() {
        let more = format!("{data}; img-src 'none'");
        assert_eq!(one, diagnose::judge_policy(&more, &page, &target));
    }
    let _ = probe::fuzz::read_page(data);
});

mod url {
    pub fn page() -> ::url::Url {
        ::url::Url::parse("https://app.example/").expect("it parses")
    }
}
