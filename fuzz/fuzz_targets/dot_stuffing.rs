//! Dot-stuffing under libFuzzer.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| smtp_fuzz::dot_stuffing::check(data));
