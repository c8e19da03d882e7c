//! Drives [`roomkey_fuzz::rooms`].
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| roomkey_fuzz::check(roomkey_fuzz::rooms, data));
