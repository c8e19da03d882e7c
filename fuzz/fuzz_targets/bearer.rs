//! Drives [`roomkey_fuzz::bearer`].
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| roomkey_fuzz::check(roomkey_fuzz::bearer, data));
