//! Hostile usage memory: drained.
#![no_main]

#[allow(dead_code, reason = "the other target's body is there too")]
#[path = "../../tests/hostile/bodies.rs"]
mod bodies;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let (valid, _app) = consentd_gate::usage::UsageReader::create(5, 3).unwrap();
    bodies::usage(bytes);
    bodies::usage(&bodies::over(bodies::bytes_of(valid.fd()), bytes));
});
