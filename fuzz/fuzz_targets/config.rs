//! Whatever stands in a configuration: it is read, judged and edited without harm, and an edit that is offered does
//! what was wished.
#![no_main]

use config::{Dialect, Memory, Options, Request, apply, dialects, read};
use evidence::Wish;
use libfuzzer_sys::fuzz_target;

// The first byte says which language; one beyond the last lets it be guessed.
fuzz_target!(|data: &[u8]| {
    let Some((first, text)) = data.split_first() else { return };
    let dialect = Dialect::ALL.get(usize::from(*first) % (Dialect::ALL.len() + 1)).copied();
    let path = match first % 3 {
        0 => "a.conf",
        1 => "a.yaml",
        _ => "a.toml",
    };
    let _ = dialects::guess(path, text);
    let options = Options { dialect, ..Options::default() };
    let config = read(path, &Memory::one(path, text), &options);
    let request = Request { host: "app.example".into(), port: 443, tls: true, path: "/ws/x".into() };
    let chosen = config.choose(&request);
    for route in chosen.into_iter().chain(0..config.routes().len().min(2)) {
        let about = config.about(route);
        for wish in [
            Wish::PassUpgrade,
            Wish::UpgradeOnlyWhenAsked,
            Wish::UpstreamHttp11,
            Wish::IdleAtLeast(3_600_000),
            Wish::LifetimeAtLeast(3_600_000),
            Wish::PassHost,
            Wish::LeaveHeader("Sec-WebSocket-Protocol".into()),
            Wish::KeepPath,
            Wish::ComesFirst,
            Wish::Sticky,
            Wish::MatchScheme,
            Wish::ClearTheWay,
            Wish::DrainAtLeast(3_600_000),
            Wish::Sockets(100_000),
            Wish::Acceptable,
        ] {
            let Ok(edits) = config.edit(route, &wish) else { continue };
            assert!(wish.is_met_by(&about) == edits.is_empty(), "{wish:?}");
            if edits.is_empty() {
                continue;
            }
            let changed = apply(&config.documents, &edits);
            let again = read(path, &Memory::one(path, changed[0].text.to_vec()), &options);
            let _ = again.about(route);
        }
    }
});
