//! Whatever a server sends after the 101: the judge and the assembler never panic, and agree on whether a rule
//! was broken, however the bytes are cut into chunks.
#![no_main]

use frame::{Assembler, Event, Judge, Role, Settings};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let Some((cut, bytes)) = data.split_first() else { return };
    let settings = Settings { message_limit: 1 << 16, ..Settings::new(Role::Server) };
    let faults = |events: Vec<Event>| -> Vec<String> {
        events
            .into_iter()
            .filter_map(|event| match event {
                Event::Fault(fault) => Some(fault.id().to_owned()),
                _ => None,
            })
            .collect()
    };
    let mut whole = Judge::new(settings);
    let at_once = faults(whole.handle(bytes));
    let mut chunked = Judge::new(settings);
    let size = usize::from(*cut).max(1);
    let in_chunks: Vec<String> = bytes.chunks(size).flat_map(|chunk| faults(chunked.handle(chunk))).collect();
    assert_eq!(at_once, in_chunks);
    let mut assembler = Assembler::new(Role::Server, None, 1 << 16);
    let mut rest = bytes;
    while let Ok(Some(_)) = assembler.poll(&mut rest) {}
});
