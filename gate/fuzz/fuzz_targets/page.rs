//! Hostile pages: opened, looked up in, read.
#![no_main]

#[allow(dead_code, reason = "the other target's body is there too")]
#[path = "../../tests/hostile/bodies.rs"]
mod bodies;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    bodies::page(bytes);
    bodies::page(&bodies::over(bodies::bytes_of(bodies::valid_page().fd()), bytes));
});
