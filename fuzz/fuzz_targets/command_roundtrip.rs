//! Commands there and back, under libFuzzer.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| smtp_fuzz::command_roundtrip::check(data));
