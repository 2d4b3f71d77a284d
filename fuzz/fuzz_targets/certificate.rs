//! Whatever a server sends for a certificate, and whatever it answers to a raw ClientHello.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let certificate = probe::fuzz::read_certificate(data);
    assert!(certificate.names.len() <= 50);
    assert_eq!(certificate.fingerprint.len(), 64);
    let _ = probe::fuzz::read_hello(data);
});
