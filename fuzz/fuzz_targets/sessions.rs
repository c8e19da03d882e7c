//! Drives [`roomkey_fuzz::sessions`].
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| roomkey_fuzz::check(roomkey_fuzz::sessions, data));
