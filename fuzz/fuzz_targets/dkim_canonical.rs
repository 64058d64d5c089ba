//! TLS policies under libFuzzer.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| smtp_fuzz::dkim_canonical::check(data));
