//! The client machine and its session under libFuzzer.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| smtp_fuzz::client_session::check(data));
